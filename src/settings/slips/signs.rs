//! Signs that a Chinese input method, a word processor or a web page writes for the plain ones.

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
    let signs: Vec<char> = line.chars().collect();
    let mut found = Found { line: String::with_capacity(line.len()), slips: Vec::new() };
    let (mut state, mut has_equals, mut escaped) = (In::Plain, false, false);
    for (n, c) in signs.iter().copied().enumerate() {
        let slip = |found: &mut Found, plain: &str, name: String| {
            found.slips.push((n + 1, name));
            found.line.push_str(plain);
        };
        match state {
            In::Comment => found.line.push(c),
            In::Text(end) => {
                let closes = c == end && !escaped;
                escaped = end == '"' && c == '\\' && !escaped;
                let rest = &signs[n + 1..];
                if closes {
                    state = In::Plain;
                    found.line.push(c);
                } else if is_smart(c) && !rest.contains(&end) {
                    state = In::Plain;
                    slip(&mut found, &end.to_string(), format!("smart quote `{c}` for `{end}`"));
                } else {
                    found.line.push(c);
                }
            }
            In::Smart => {
                let rest = &signs[n + 1..];
                // A word in quotes inside: the text ends where none follows before the next sign of structure.
                let ends = is_smart(c) || (c == '"' && !rest.contains(&'"'));
                if ends {
                    state = In::Plain;
                    let name = format!("smart quote `{c}` for `\"`");
                    if c == '"' { found.line.push('"') } else { slip(&mut found, "\"", name) }
                } else if matches!(c, '"' | '\\') {
                    found.line.push('\\');
                    found.line.push(c);
                } else {
                    found.line.push(c);
                }
            }
            In::Plain => match c {
                '"' | '\'' => {
                    state = In::Text(c);
                    escaped = false;
                    found.line.push(c);
                }
                '#' => {
                    state = In::Comment;
                    found.line.push(c);
                }
                '＃' => {
                    state = In::Comment;
                    slip(&mut found, "#", "full-width `＃` for `#`".to_owned());
                }
                _ if is_smart(c) => {
                    state = In::Smart;
                    slip(&mut found, "\"", format!("smart quote `{c}` for `\"`"));
                }
                '：' => {
                    let plain = if has_equals { ":" } else { "=" };
                    has_equals = true;
                    slip(&mut found, plain, format!("full-width colon `：` for `{plain}`"));
                }
                _ => {
                    has_equals |= matches!(c, '=' | '＝');
                    match plain(c) {
                        Some((plain, name)) => slip(&mut found, plain.as_str(), name),
                        None => found.line.push(c),
                    }
                }
            },
        }
    }
    (!found.slips.is_empty()).then_some(found)
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
