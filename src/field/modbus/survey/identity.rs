//! Device identification, function 0x2B with MEI type 0x0E (Modbus Application Protocol V1.1b3,
//! section 6.21). Pure.

use encoding_rs::GB18030;
use serde::Serialize;

/// One part of a device's identification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Highest level that the device has: 1 basic, 2 regular, 3 extended.
    pub level: u8,
    /// The object to ask for next, if more follow.
    pub next: Option<u8>,
    /// Number and text.
    pub objects: Vec<(u8, String)>,
}

/// One object, with its name in the specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Object {
    /// Object id.
    pub id: u8,
    /// `VendorName` and so on; `object 0x80` for a maker's own.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Object {
    /// Names it.
    #[must_use]
    pub fn new(id: u8, text: String) -> Self {
        let known = [
            "VendorName",
            "ProductCode",
            "MajorMinorRevision",
            "VendorUrl",
            "ProductName",
            "ModelName",
            "UserApplicationName",
        ];
        let name =
            known.get(usize::from(id)).map_or_else(|| format!("object 0x{id:02X}"), |n| (*n).to_owned());
        Self { id, name, text }
    }
}

/// Reads an answer from behind its MEI type: level asked, conformity, more, next, count, objects.
/// `None` if it is cut short.
#[must_use]
pub fn part(bytes: &[u8]) -> Option<Part> {
    let [_, conformity, more, next, count, objects @ ..] = bytes else { return None };
    let mut rest = objects;
    let mut found = Vec::new();
    for _ in 0..*count {
        let (&[id, length], tail) = rest.split_first_chunk::<2>()?;
        let text = tail.get(..usize::from(length))?;
        found.push((id, readable(text)));
        rest = &tail[usize::from(length)..];
    }
    Some(Part { level: conformity & 0x7F, next: (*more == 0xFF).then_some(*next), objects: found })
}

/// UTF-8 if it is, else GB 18030; without what a terminal would act on.
fn readable(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => GB18030.decode_without_bom_handling(bytes).0.into_owned(),
    };
    text.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Object, part};

    #[test]
    fn the_objects_of_an_answer_are_read_and_what_follows_is_known() {
        let mut bytes = vec![1, 0x82, 0xFF, 2, 2, 0, 4];
        bytes.extend(b"ACME");
        bytes.extend([1, 4, 0xB9, 0xF8, 0xC2, 0xAF]);
        let part = part(&bytes).unwrap();
        assert_eq!((part.level, part.next), (2, Some(2)));
        assert_eq!(part.objects, [(0, "ACME".to_owned()), (1, "锅炉".to_owned())]);
        assert_eq!(Object::new(2, String::new()).name, "MajorMinorRevision");
        assert_eq!(Object::new(0x80, String::new()).name, "object 0x80");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_a_lying_length_is_no_answer(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = part(&bytes);
            prop_assert_eq!(part(&[1, 1, 0, 0, 1, 0, 200, b'x']), None);
        }
    }
}
