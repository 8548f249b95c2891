//! Payloads → named values with quality and time. Pure: bytes in, borrowed values out.
//!
//! `guard` keeps the bounds and decodes text, `extract` finds the values as the shape says, `value`
//! and `time` understand single ones, `beside` what stands with them, `hex` reads transparent Modbus replies. `book`
//! beside this folder puts the values to devices and points.

pub mod beside;
pub mod extract;
pub mod guard;
pub mod hex;
mod packed;
mod repair;
pub mod time;
pub mod value;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use serde_json::Value;

use crate::plant::Micros;
use crate::settings::{Late, TimeRule};

/// More values than this in one message are refused.
pub const MOST_POINTS: usize = 5000;

/// Why a payload gives no readings; the caller adds the topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Too long.
    #[error("{0} bytes, at most {max} are taken", max = guard::LARGEST)]
    TooLarge(usize),
    /// Brackets in brackets.
    #[error("nested deeper than {max} levels", max = guard::DEEPEST)]
    TooDeep,
    /// Compressed, and too long.
    #[error("more than {max} bytes when opened", max = packed::LARGEST_OPENED)]
    TooLargeOpened,
    /// Compressed and damaged.
    #[error("the compressed payload cannot be opened: {0}")]
    NotOpened(String),
    /// Too many values.
    #[error("more than {MOST_POINTS} values in one message")]
    TooMany,
    /// Neither encoding fits.
    #[error("neither UTF-8 nor GBK text")]
    NotText,
    /// No JSON, or cut off.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but another.
    #[error("no values where the shape `{0}` has them; `steamward probe mqtt` shows which shape this is")]
    NoValues(&'static str),
    /// The shape wants a text there.
    #[error("no hexadecimal text where the shape has it")]
    NoHex,
    /// A character that is no digit.
    #[error("`{0}` is not a hexadecimal digit")]
    NotHex(char),
    /// An odd number of digits.
    #[error("an odd number of hexadecimal digits")]
    HalfByte,
    /// An electricity, heat or gas meter.
    #[error("a DL/T 645 frame (meter protocol), not Modbus RTU; it is not read")]
    Dlt645,
    /// Too short for a reply.
    #[error("{0} bytes are no Modbus RTU reply")]
    ShortFrame(usize),
    /// Damaged.
    #[error("the CRC is {found:04X}, it should be {wanted:04X}: damaged, or no Modbus RTU reply")]
    Crc {
        /// Over the bytes before it.
        wanted: u16,
        /// As sent.
        found: u16,
    },
    /// The device refuses.
    #[error("unit {unit} answers function {function} with exception {code}")]
    Exception {
        /// Who.
        unit: u8,
        /// Without its high bit.
        function: u8,
        /// Which (Modbus Application Protocol V1.1b3, section 7).
        code: u8,
    },
    /// Cut off, or two frames in one.
    #[error("the reply says {says} data bytes and has {has}")]
    ByteCount {
        /// By its third byte.
        says: usize,
        /// By its length.
        has: usize,
    },
    /// No request fits.
    #[error("unit {unit}, function {function}, {count} data bytes: the profile has no such request")]
    NotAsked {
        /// Who answered.
        unit: u8,
        /// Function code.
        function: u8,
        /// Data bytes.
        count: usize,
    },
}

/// A payload, decoded and parsed at most once, however many devices read it.
#[derive(Debug)]
pub struct Payload<'a> {
    bytes: &'a [u8],
    text: OnceCell<Result<Cow<'a, str>, PayloadError>>,
    tree: OnceCell<Result<Value, PayloadError>>,
    repaired: Cell<u32>,
}

impl<'a> Payload<'a> {
    /// Wraps what came.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, text: OnceCell::new(), tree: OnceCell::new(), repaired: Cell::new(0) }
    }

    /// The documents in it, if there are several (NDJSON, or one behind the other); empty for one alone.
    ///
    /// # Errors
    /// There are more of them than one message may have values.
    pub fn documents(&self) -> Result<Vec<Payload<'_>>, PayloadError> {
        match self.text() {
            Ok(text) if text.trim_start().starts_with(['{', '[']) && self.tree().is_err() => {
                let found = repair::documents(text, MOST_POINTS).ok_or(PayloadError::TooMany)?;
                Ok(found.into_iter().map(|one| Payload::new(one.as_bytes())).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// How many tokens were repaired for the tree.
    #[must_use]
    pub fn repaired(&self) -> u32 {
        self.repaired.get()
    }

    /// What came.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// As text.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn text(&self) -> Result<&str, PayloadError> {
        match self.text.get_or_init(|| guard::text(self.bytes)) {
            Ok(text) => Ok(text),
            Err(e) => Err(e.clone()),
        }
    }

    /// As a JSON tree.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn tree(&self) -> Result<&Value, PayloadError> {
        match self.tree.get_or_init(|| self.read_tree()) {
            Ok(tree) => Ok(tree),
            Err(e) => Err(e.clone()),
        }
    }

    fn read_tree(&self) -> Result<Value, PayloadError> {
        let (tree, repaired) = guard::repaired_tree(self.text()?)?;
        self.repaired.set(repaired);
        Ok(tree)
    }
}

/// When values were taken, and whether they may be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Device time where it is given and believable, else the arrival.
    pub at: Micros,
    /// False for buffered readings that come too late to alarm anybody.
    pub live: bool,
    /// The device gave a believable time.
    pub by_device: bool,
    /// The device gave a time, or should have given one, that is not believed.
    pub doubt: bool,
}

/// Believes the device's time, or not. `expected`: the shape says where one should stand.
#[must_use]
pub fn taken(given: Option<Micros>, expected: bool, rule: TimeRule, arrival: Micros) -> Taken {
    let tolerance = i64::try_from(rule.tolerance.as_micros()).unwrap_or(i64::MAX);
    let on_arrival = |doubt| Taken { at: arrival, live: true, by_device: false, doubt };
    let Some(at) = given else { return on_arrival(expected) };
    let behind = arrival.0.saturating_sub(at.0);
    if behind < -tolerance {
        return on_arrival(true);
    }
    match rule.late {
        Late::Arrival if behind > tolerance => on_arrival(true),
        _ => Taken { at, live: behind <= tolerance, by_device: true, doubt: false },
    }
}

#[cfg(test)]
pub(in crate::field) mod tests {
    use std::time::Duration;

    use super::{Taken, taken};
    use crate::plant::{Meaning, Micros, PointIx};
    use crate::settings::{JsonPath, Late, MqttPoint, TimeRule};

    /// A plain point called `key`.
    pub(in crate::field) fn point(n: u32, key: &str) -> MqttPoint {
        MqttPoint {
            point: PointIx(n),
            key: key.to_owned(),
            pointer: JsonPath::default(),
            quality: None,
            meaning: Meaning::default(),
            register: None,
        }
    }

    const NOW: Micros = Micros(1_790_000_000_000_000);

    fn hours(n: i64) -> Option<Micros> {
        Some(Micros(NOW.0 + n * 3_600_000_000))
    }

    #[test]
    fn a_device_clock_in_the_future_is_not_believed() {
        let wanted = Taken { at: NOW, live: true, by_device: false, doubt: true };
        assert_eq!(taken(hours(1), true, TimeRule::default(), NOW), wanted);
        assert_eq!(taken(None, true, TimeRule::default(), NOW), wanted);
        assert_eq!(taken(None, false, TimeRule::default(), NOW), Taken { doubt: false, ..wanted });
    }

    #[test]
    fn a_time_far_behind_is_history_or_a_wrong_clock_as_the_profile_says() {
        let rule = TimeRule { tolerance: Duration::from_secs(1800), ..TimeRule::default() };
        let history = taken(hours(-1), true, rule, NOW);
        assert!(!history.live && history.by_device && history.at == hours(-1).unwrap());
        let arrival = taken(hours(-1), true, TimeRule { late: Late::Arrival, ..rule }, NOW);
        assert_eq!(arrival, Taken { at: NOW, live: true, by_device: false, doubt: true });
        let wide = TimeRule { tolerance: Duration::from_secs(7200), ..rule };
        assert!(taken(hours(-1), true, wide, NOW).live);
    }
}
