//! The fields of a packet one after another (MQTT 5.0, 1.5; 3.1.1 has the same), and why a packet is not
//! a valid one. Pure.

/// A packet that closes its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// What a client of version 5 is told (MQTT 5.0, 2.4).
    pub(super) code: u8,
    /// In words, for the log.
    pub(super) why: String,
}

pub(super) const MALFORMED: u8 = 0x81;
pub(super) const PROTOCOL_ERROR: u8 = 0x82;
pub(super) const UNSUPPORTED_VERSION: u8 = 0x84;
pub(super) const TOPIC_ALIAS_INVALID: u8 = 0x94;
pub(super) const TOO_LARGE: u8 = 0x95;

/// The bytes do not follow the format.
pub(super) fn malformed(why: impl Into<String>) -> Wrong {
    Wrong { code: MALFORMED, why: why.into() }
}

/// The format is right, what it says is not allowed.
pub(super) fn protocol_error(why: impl Into<String>) -> Wrong {
    Wrong { code: PROTOCOL_ERROR, why: why.into() }
}

/// What is left of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], Wrong> {
        let (taken, rest) =
            self.rest.split_at_checked(n).ok_or_else(|| malformed("a packet that ends within a field"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Wrong> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn two(&mut self) -> Result<u16, Wrong> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn four(&mut self) -> Result<u32, Wrong> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A variable byte integer, in as few bytes as it takes.
    pub(super) fn variable(&mut self) -> Result<usize, Wrong> {
        let mut value = 0;
        for n in 0..4 {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << (7 * n);
            if byte & 0x80 == 0 {
                return if n > 0 && byte == 0 {
                    Err(malformed("a number with bytes too many"))
                } else {
                    Ok(value)
                };
            }
        }
        Err(malformed("a number of more than four bytes"))
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], Wrong> {
        let length = self.two()?;
        self.take(usize::from(length))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Wrong> {
        let bytes = self.binary()?;
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("a text that is not UTF-8"))?;
        if text.contains('\0') {
            return Err(malformed("a text with the character U+0000"));
        }
        Ok(text)
    }

    /// A topic to publish to: not empty, without wildcards.
    pub(super) fn topic(&mut self) -> Result<&'a str, Wrong> {
        let topic = self.text()?;
        if topic.is_empty() {
            return Err(malformed("an empty topic"));
        }
        without_wildcard(topic)?;
        Ok(topic)
    }

    pub(super) fn packet_id(&mut self) -> Result<u16, Wrong> {
        match self.two()? {
            0 => Err(protocol_error("packet identifier 0")),
            id => Ok(id),
        }
    }

    pub(super) fn end(&self) -> Result<(), Wrong> {
        if self.rest.is_empty() { Ok(()) } else { Err(malformed("a packet with bytes after its last field")) }
    }
}

/// A topic that is published to.
pub(super) fn without_wildcard(topic: &str) -> Result<(), Wrong> {
    if topic.contains(['+', '#']) { Err(malformed("a topic with a wildcard")) } else { Ok(()) }
}

/// A filter, with `$share/GROUP/` in front or not (MQTT 5.0, 4.7.1 and 4.8.2). For version 3.1.1 `$share`
/// is a level as others are.
pub(super) fn filter(filter: &str, five: bool) -> Result<(), Wrong> {
    let mut plain = filter;
    if let Some(rest) = filter.strip_prefix("$share/").filter(|_| five) {
        let Some((group, below)) = rest.split_once('/') else {
            return Err(malformed("a shared subscription without a filter"));
        };
        if group.is_empty() || group.contains(['+', '#']) {
            return Err(malformed("a shared subscription without a proper name"));
        }
        plain = below;
    }
    if plain.is_empty() {
        return Err(malformed("an empty topic filter"));
    }
    let levels = plain.split('/').count();
    for (n, level) in plain.split('/').enumerate() {
        let alone = level.len() == 1;
        if (level.contains('+') && !alone) || (level.contains('#') && !(alone && n + 1 == levels)) {
            return Err(malformed("a topic filter with a wildcard where none may stand"));
        }
    }
    Ok(())
}
