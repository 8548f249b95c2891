//! JSON with single tokens that are not JSON → JSON: firmware prints `-nan`, `1.#QNAN`, `12.`, `.5`, `1e400`, `ON`,
//! nothing at all, or a tab inside a text. What can be told for certain is written properly, anything else becomes a
//! text or null; so it costs its own field only. Where the structure itself is unclear (cut off, a stray quote) nothing
//! is repaired, for then a neighbour could get a wrong value. Pure; one pass, no recursion.

use serde_json::Value;

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Behind a colon, or behind a comma in a list.
    Value,
    /// Behind `[`.
    ValueOrEnd,
    /// Behind a comma in an object.
    Key,
    /// Behind `{`.
    KeyOrEnd,
    /// Behind a key.
    Colon,
    /// Behind a value.
    CommaOrEnd,
    /// Behind the whole.
    Nothing,
}

struct Repairer<'t> {
    text: &'t str,
    at: usize,
    out: String,
    /// `{` or `[` of what is open.
    open: Vec<u8>,
    next: Next,
    /// Where the last value begins in `out`, if it is neither an object nor a list.
    last: Option<usize>,
    /// Where the last comma stands in `out`.
    comma: usize,
    count: u32,
}

/// `text` as JSON, and how many tokens were repaired; `None` if there is nothing to repair or no telling how.
pub(super) fn repaired(text: &str) -> Option<(String, u32)> {
    // A bare word is a value of its own, not JSON.
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let mut repairer = Repairer {
        text,
        at: 0,
        out: String::with_capacity(text.len() + 16),
        open: Vec::new(),
        next: Next::Value,
        last: None,
        comma: 0,
        count: 0,
    };
    while repairer.skip_blanks() {
        repairer.token()?;
    }
    (repairer.next == Next::Nothing && repairer.count > 0).then_some((repairer.out, repairer.count))
}

impl Repairer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) -> bool {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
        self.at < self.text.len()
    }

    fn token(&mut self) -> Option<()> {
        match self.peek()? {
            byte @ (b'{' | b'[') => self.begin(byte),
            byte @ (b'}' | b']') => self.end(byte),
            b',' => self.between(),
            b':' if self.next == Next::Colon => {
                self.push(':');
                self.next = Next::Value;
                Some(())
            }
            b':' => None,
            b'"' => self.quoted(),
            _ => self.bare(),
        }
    }

    fn push(&mut self, c: char) {
        self.out.push(c);
        self.at += c.len_utf8();
    }

    fn null(&mut self) {
        self.out.push_str("null");
        self.count += 1;
    }

    fn after_value(&mut self) {
        self.next = if self.open.is_empty() { Next::Nothing } else { Next::CommaOrEnd };
    }

    fn begin(&mut self, byte: u8) -> Option<()> {
        if !matches!(self.next, Next::Value | Next::ValueOrEnd) {
            return None;
        }
        self.open.push(byte);
        self.push(char::from(byte));
        self.next = if byte == b'{' { Next::KeyOrEnd } else { Next::ValueOrEnd };
        Some(())
    }

    fn end(&mut self, byte: u8) -> Option<()> {
        let object = byte == b'}';
        if self.open.pop() != Some(if object { b'{' } else { b'[' }) {
            return None;
        }
        match self.next {
            Next::CommaOrEnd => {}
            Next::KeyOrEnd if object => {}
            Next::ValueOrEnd if !object => {}
            // `{"a":1,}`
            Next::Key if object => {
                self.out.truncate(self.comma);
                self.count += 1;
            }
            // `{"a":}` and `[1,]`: the place of a value that was printed as nothing.
            Next::Value => self.null(),
            _ => return None,
        }
        self.push(char::from(byte));
        self.last = None;
        self.after_value();
        Some(())
    }

    fn between(&mut self) -> Option<()> {
        match self.next {
            Next::CommaOrEnd => {}
            Next::Value | Next::ValueOrEnd => self.null(),
            // `{"a":1,,"b":2}`
            Next::Key => {
                self.at += 1;
                self.count += 1;
                return Some(());
            }
            _ => return None,
        }
        self.comma = self.out.len();
        self.push(',');
        self.next = if self.open.last()? == &b'{' { Next::Key } else { Next::Value };
        Some(())
    }

    /// A text in quotes: a key or a value.
    fn quoted(&mut self) -> Option<()> {
        let key = matches!(self.next, Next::Key | Next::KeyOrEnd);
        if !key && !matches!(self.next, Next::Value | Next::ValueOrEnd) {
            // A stray quote: nobody can tell where texts begin from here on.
            return None;
        }
        let from = self.out.len();
        self.push('"');
        loop {
            let c = self.text[self.at..].chars().next()?;
            match c {
                '"' => {
                    self.push('"');
                    break;
                }
                '\\' => self.escape()?,
                c if c.is_ascii_control() => {
                    self.out.push_str(&format!("\\u{:04x}", u32::from(c)));
                    self.at += 1;
                    self.count += 1;
                }
                c => self.push(c),
            }
        }
        if key {
            self.next = Next::Colon;
        } else {
            self.last = Some(from);
            self.after_value();
        }
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        let rest = &self.text[self.at + 1..];
        let hex = |text: &str| text.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let length = match rest.as_bytes().first()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
            b'u' => match hex(&rest[1..]) {
                Some(0xD800..=0xDBFF) => {
                    let low = rest.get(5..).and_then(|r| r.strip_prefix("\\u")).and_then(hex);
                    if matches!(low, Some(0xDC00..=0xDFFF)) { 12 } else { 0 }
                }
                Some(0xDC00..=0xDFFF) | None => 0,
                Some(_) => 6,
            },
            _ => 0,
        };
        if length == 0 {
            // `\d`, `C:\x`: the backslash stands for itself.
            self.out.push_str("\\\\");
            self.at += 1;
            self.count += 1;
        } else {
            self.out.push_str(&self.text[self.at..self.at + length]);
            self.at += length;
        }
        Some(())
    }

    /// A token without quotes: a literal, a key, or what should not be there.
    fn bare(&mut self) -> Option<()> {
        let key = matches!(self.next, Next::Key | Next::KeyOrEnd);
        let ends = |b: u8| b.is_ascii_whitespace() || b"{}[],\"".contains(&b) || key && b == b':';
        let rest = &self.text[self.at..];
        let token = &rest[..rest.bytes().position(ends).unwrap_or(rest.len())];
        self.at += token.len();
        let named = key && self.skip_blanks() && self.peek() == Some(b':');
        match self.next {
            Next::Value | Next::ValueOrEnd => {
                self.last = Some(self.out.len());
                self.count += u32::from(literal(token, &mut self.out));
                self.after_value();
            }
            Next::Key | Next::KeyOrEnd if named => {
                self.out.push_str(&Value::from(token).to_string());
                self.count += 1;
                self.next = Next::Colon;
            }
            // `[1 2,3]`: nobody can tell at which place of the list those behind it stand.
            Next::CommaOrEnd if self.open.last() == Some(&b'[') => return None,
            // `{"a":1,25}` and `{"a":- 5}`: more of a value that is no longer to be told.
            Next::Key | Next::CommaOrEnd => {
                self.out.truncate(self.last?);
                self.null();
                self.next = Next::CommaOrEnd;
            }
            _ => return None,
        }
        Some(())
    }
}

/// Writes what `token` says; true if it is not JSON as it stands.
fn literal(token: &str, out: &mut String) -> bool {
    if serde_json::from_str::<Value>(token).is_ok() {
        out.push_str(token);
        return false;
    }
    let digits = token.trim_start_matches(['+', '-']);
    let number = token.parse::<f64>();
    if !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && let Ok(whole) = token.parse::<i64>()
    {
        out.push_str(&whole.to_string());
    } else if let Ok(number) = number {
        match number.is_finite() {
            true => out.push_str(&format!("{number:?}")),
            false => out.push_str("null"),
        }
    } else if token.eq_ignore_ascii_case("true") || token.eq_ignore_ascii_case("false") {
        out.push_str(&token.to_ascii_lowercase());
    } else {
        out.push_str(&Value::from(token).to_string());
    }
    true
}

/// The documents of a text that has several, one behind the other or a line each (NDJSON); empty for one alone.
/// A piece that is cut off at the end comes too, so that it can be told. `None` if there are more than `most`.
pub(super) fn documents(text: &str, most: usize) -> Option<Vec<&str>> {
    if !text.trim_start().starts_with(['{', '[']) {
        return Some(Vec::new());
    }
    let (mut found, mut from) = (Vec::new(), 0);
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    if found.len() == most {
                        return None;
                    }
                    found.push(text[from..=at].trim());
                    from = at + 1;
                }
            }
            // Commas between documents, as some loggers write them.
            b',' if depth == 0 && text[from..at].trim().is_empty() => from = at + 1,
            _ => {}
        }
    }
    let rest = text[from..].trim();
    if !rest.is_empty() {
        found.push(rest);
    }
    Some(if found.len() > 1 { found } else { Vec::new() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{documents, repaired};

    fn read(text: &str) -> Option<Value> {
        repaired(text).map(|(text, _)| serde_json::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}")))
    }

    #[test]
    fn an_odd_token_costs_its_own_field_and_what_can_be_told_is_read() {
        for (token, wanted) in [
            ("-nan", Value::Null),
            ("NaN", Value::Null),
            ("-Infinity", Value::Null),
            ("1e400", Value::Null),
            ("1.#QNAN", json!("1.#QNAN")),
            ("12.", json!(12.0)),
            (".5", json!(0.5)),
            ("-.5", json!(-0.5)),
            ("+5", json!(5)),
            ("007", json!(7)),
            ("TRUE", json!(true)),
            ("ON", json!("ON")),
            ("12.5bar", json!("12.5bar")),
            ("12:30:00", json!("12:30:00")),
            ("0x1F", json!("0x1F")),
            ("", Value::Null),
            ("1,25", Value::Null),
            ("- 5", Value::Null),
            ("12 .5", Value::Null),
            ("\"a\tb\"", json!("a\tb")),
            ("\"C:\\data\"", json!("C:\\data")),
            ("\"\\ud83d!\"", json!("\\ud83d!")),
        ] {
            let text = format!("{{\"before\":1.02,\"odd\":{token},\"after\":[3,{{\"v\":-8}}]}}");
            let read = read(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read["odd"], wanted, "{token}");
            assert_eq!((&read["before"], &read["after"]), (&json!(1.02), &json!([3, {"v":-8}])), "{token}");
        }
        assert_eq!(read("{a:1,'b':2,}"), Some(json!({"a":1,"'b'":2})));
        assert_eq!(read("[1,,-nan,]"), Some(json!([1, null, null, null])));
        assert_eq!(read("{\"a\":1,,\"b\":2}"), Some(json!({"a":1,"b":2})));
    }

    #[test]
    fn where_the_structure_is_unclear_nothing_is_repaired() {
        for text in [
            "{\"a\":-nan",
            "{\"a\":12.,\"b\":1",
            "{\"a\":\"5\" bar\",\"b\":1,\"c\":\"6\" bar\"}",
            "{\"a\":-nan}}",
            "{\"a\":-nan]",
            "{\"a\":-nan} {\"b\":1}",
            "{\"a\" 1}",
            "{\"a\":{} x}",
            "{\"v\":[1 2,3]}",
            "{\"v\":[- 5,3],\"w\":1}",
            "{\"v\":[\"a\" b,3]}",
            "{\"v\":[12 .5]}",
            "hello",
            "12.",
            "",
        ] {
            assert_eq!(repaired(text), None, "{text}");
        }
        assert_eq!(repaired("{\"a\":1}"), None, "nothing to repair");
    }

    #[test]
    fn documents_in_one_message_are_parted_and_a_cut_one_is_told() {
        let documents = |text| documents(text, 3).expect("few");
        assert_eq!(documents("{\"a\":1}\n{\"a\":\"}{\"}\r\n"), ["{\"a\":1}", "{\"a\":\"}{\"}"]);
        assert_eq!(documents("[1][2]"), ["[1]", "[2]"]);
        assert_eq!(documents("{\"a\":1},{\"a\":2}"), ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(documents("{\"a\":1}{\"a\":"), ["{\"a\":1}", "{\"a\":"]);
        for one in ["{\"a\":1}", "  [1, 2]\n", "1.25", "", "{\"a\":"] {
            assert!(documents(one).is_empty(), "{one}");
        }
        assert_eq!(super::documents("{}{}{}{}", 3), None, "too many");
    }

    fn leaf() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            (-1e6..1e6f64).prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn whatever_stands_in_one_field_its_neighbours_keep_their_values(
            fields in prop::collection::vec(("[a-z\"\\\\]{1,4}", leaf()), 1..6),
            place in 0usize..6,
            odd in "[-+.#a-zA-Z0-9: ]{0,8}",
        ) {
            let place = place % fields.len();
            let key = |n: usize, name: &str| Value::from(format!("{n}{name}")).to_string();
            let parts: Vec<String> = fields.iter().enumerate().map(|(n, (name, value))| {
                let value = if n == place { odd.clone() } else { value.to_string() };
                format!("{}:{value}", key(n, name))
            }).collect();
            let text = format!("{{{}}}", parts.join(","));
            let read: Option<Value> = serde_json::from_str(&text).ok().or_else(|| read(&text));
            // A colon where a comma would have to stand may leave the whole unread, but never read wrongly.
            if let Some(read) = read {
                prop_assert_eq!(read.as_object().map(serde_json::Map::len), Some(fields.len()));
                for (n, (name, value)) in fields.iter().enumerate().filter(|f| f.0 != place) {
                    prop_assert_eq!(&read[format!("{n}{name}")], value);
                }
            } else {
                prop_assert!(odd.trim_start().starts_with(':') || odd.contains(" :"), "{}", text);
            }
        }

        #[test]
        fn in_a_list_every_value_keeps_its_place_or_nothing_is_read(
            values in prop::collection::vec(leaf(), 1..6),
            place in 0usize..6,
            odd in "[-+.#a-zA-Z0-9: ]{0,8}",
        ) {
            let place = place % values.len();
            let parts: Vec<String> = values.iter().enumerate().map(|(n, value)| {
                if n == place { odd.clone() } else { value.to_string() }
            }).collect();
            let text = format!("{{\"v\":[{}]}}", parts.join(","));
            let read: Option<Value> = serde_json::from_str(&text).ok().or_else(|| read(&text));
            let list = read.as_ref().and_then(|r| r["v"].as_array());
            // One value that is printed as nothing in a list of one is an empty list.
            for list in list.into_iter().filter(|list| !list.is_empty()) {
                prop_assert_eq!(list.len(), values.len(), "{}", text);
                for (n, value) in values.iter().enumerate().filter(|v| v.0 != place) {
                    prop_assert_eq!(&list[n], value, "{}", text);
                }
            }
        }

        #[test]
        fn no_text_makes_it_panic_and_what_it_gives_is_json(text in "[{}\\[\\],:\"\\\\a1.\\- \t\\PC]{0,24}") {
            if let Some((repaired, count)) = repaired(&text) {
                prop_assert!(count > 0);
                prop_assert!(serde_json::from_str::<Value>(&repaired).is_ok(), "{} gives {}", text, repaired);
            }
            let _ = documents(&text, 5000);
        }
    }
}
