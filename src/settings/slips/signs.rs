//! Signs that a Chinese input method, a word processor or a web page writes for the plain ones.

/// Bytes of a line that somebody may have written by hand.
pub(super) const LONGEST: usize = 10_000;

/// One line without them.
pub(super) struct Found {
    pub(super) line: String,
    /// Column from 1, and what was there.
    pub(super) slips: Vec<(usize, String)>,
}

/// What the reader of the line is in.
#[derive(Clone, Copy, PartialEq)]
enum In {
    Plain,
    /// A text that this sign ends.
    Text(char),
    /// A text that smart quotes began.
    Smart,
    Comment,
}

/// The line with plain signs, if it has others outside texts and comments. `within` is the sign of a text of
/// several lines, from line to line.
pub(super) fn repaired(line: &str, within: &mut Option<char>) -> Option<Found> {
    if line.len() > LONGEST {
        return None;
    }
    if let Some(sign) = *within {
        if line.contains(&sign.to_string().repeat(3)) {
            *within = None;
        }
        return None;
    }
    for sign in ['"', '\''] {
        if line.matches(&sign.to_string().repeat(3)).count() == 1 {
            *within = Some(sign);
            return None;
        }
    }
    let mut scan = Scan {
        signs: line.chars().collect(),
        at: 0,
        state: In::Plain,
        has_equals: false,
        escaped: false,
        found: Found { line: String::with_capacity(line.len()), slips: Vec::new() },
    };
    while let Some(sign) = scan.signs.get(scan.at).copied() {
        match scan.state {
            In::Comment => scan.found.line.push(sign),
            In::Text(end) => scan.text(sign, end),
            In::Smart => scan.smart(sign),
            In::Plain => scan.plain(sign),
        }
        scan.at += 1;
    }
    (!scan.found.slips.is_empty()).then_some(scan.found)
}

/// A line, and how far it has been read.
struct Scan {
    signs: Vec<char>,
    at: usize,
    state: In,
    has_equals: bool,
    /// A backslash stands before.
    escaped: bool,
    found: Found,
}

impl Scan {
    fn slip(&mut self, plain: &str, name: String) {
        self.found.slips.push((self.at + 1, name));
        self.found.line.push_str(plain);
    }

    fn comes_later(&self, sign: char) -> bool {
        self.signs[self.at + 1..].contains(&sign)
    }

    /// Within a text that `end` ends.
    fn text(&mut self, sign: char, end: char) {
        let closes = sign == end && !self.escaped;
        self.escaped = end == '"' && sign == '\\' && !self.escaped;
        if closes {
            self.state = In::Plain;
            self.found.line.push(sign);
        } else if is_smart(sign) && !self.comes_later(end) {
            self.state = In::Plain;
            self.slip(&end.to_string(), format!("smart quote `{sign}` for `{end}`"));
        } else {
            self.found.line.push(sign);
        }
    }

    /// Within a text that smart quotes began.
    fn smart(&mut self, sign: char) {
        if is_smart(sign) {
            self.state = In::Plain;
            self.slip("\"", format!("smart quote `{sign}` for `\"`"));
        } else if sign == '"' && !self.comes_later('"') {
            self.state = In::Plain;
            self.found.line.push('"');
        } else {
            if matches!(sign, '"' | '\\') {
                self.found.line.push('\\');
            }
            self.found.line.push(sign);
        }
    }

    /// Outside texts and comments.
    fn plain(&mut self, sign: char) {
        match sign {
            '"' | '\'' => {
                (self.state, self.escaped) = (In::Text(sign), false);
                self.found.line.push(sign);
            }
            '#' => {
                self.state = In::Comment;
                self.found.line.push(sign);
            }
            '＃' => {
                self.state = In::Comment;
                self.slip("#", "full-width `＃` for `#`".to_owned());
            }
            _ if is_smart(sign) => {
                self.state = In::Smart;
                self.slip("\"", format!("smart quote `{sign}` for `\"`"));
            }
            '：' => {
                let plain = if self.has_equals { ":" } else { "=" };
                self.has_equals = true;
                self.slip(plain, format!("full-width colon `：` for `{plain}`"));
            }
            _ => {
                self.has_equals |= matches!(sign, '=' | '＝');
                match plain(sign) {
                    Some((plain, name)) => self.slip(&plain, name),
                    None => self.found.line.push(sign),
                }
            }
        }
    }
}

fn is_smart(c: char) -> bool {
    matches!(
        c,
        '“' | '”'
            | '„'
            | '‟'
            | '‘'
            | '’'
            | '＂'
            | '＇'
            | '「'
            | '」'
            | '『'
            | '』'
            | '«'
            | '»'
            | '〝'
            | '〞'
    )
}

/// The plain sign, and what to call this one.
fn plain(c: char) -> Option<(String, String)> {
    let named = |plain: &str, name: &str| Some((plain.to_owned(), name.to_owned()));
    match c {
        '\u{3000}' => named(" ", "full-width space (U+3000)"),
        '\u{a0}' | '\u{202f}' | '\u{2007}' => named(" ", "no-break space (U+00A0)"),
        '\u{2000}'..='\u{200a}' | '\u{205f}' => named(" ", "a space of an odd width"),
        '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}' => named("", "an invisible character"),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some(("-".to_owned(), format!("dash `{c}` for `-`"))),
        '【' | '〔' | '［' => Some(("[".to_owned(), format!("full-width `{c}` for `[`"))),
        '】' | '〕' | '］' => Some(("]".to_owned(), format!("full-width `{c}` for `]`"))),
        '，' | '、' | '；' => Some((",".to_owned(), format!("Chinese comma `{c}` for `,`"))),
        '。' => Some((".".to_owned(), "Chinese full stop `。` for `.`".to_owned())),
        '\u{ff01}'..='\u{ff5e}' => {
            let half = char::from_u32(c as u32 - 0xfee0)?;
            Some((half.to_string(), format!("full-width `{c}` for `{half}`")))
        }
        _ => None,
    }
}
