//! Text as people type it in spreadsheets → text and numbers that can be compared: full-width
//! digits, odd spaces and dashes, decimal commas, thousands. Used by every other file of this folder.

/// Full-width letters, digits and punctuation made half-width, every kind of space and dash the plain
/// one, invisible characters gone, ends trimmed.
pub(in crate::settings) fn plain(text: &str) -> String {
    let swapped: String = text
        .chars()
        .filter_map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0),
            '\u{3000}' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\t' => Some(' '),
            '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}' => None,
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' => Some('-'),
            '\u{301c}' | '\u{223c}' => Some('~'),
            '\r' => Some('\n'),
            '\u{2018}' | '\u{2019}' => Some('\''),
            '\u{201c}' | '\u{201d}' => Some('"'),
            '。' => Some('.'),
            c => Some(c),
        })
        .collect();
    swapped.trim().to_owned()
}

/// Plain, but a full-width comma stays apart from a decimal one: it divides, as `, ` does.
pub(super) fn apart(text: &str) -> String {
    plain(&text.replace('，', ", "))
}

/// A name kept as it is but for spaces: runs and line breaks become one space.
pub(super) fn tidy(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_whitespace() || c == '\u{3000}' || c == '\u{a0}' { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}') && !c.is_control())
        .collect();
    spaced.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Plain, without any space, in lower case: what words are compared by.
pub(super) fn folded(text: &str) -> String {
    plain(text).chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Nothing, or one of the signs people write for nothing.
pub(super) fn is_blank(text: &str) -> bool {
    matches!(
        folded(&tidy(text)).as_str(),
        "" | "-"
            | "--"
            | "---"
            | "/"
            | "\\"
            | "//"
            | "无"
            | "n/a"
            | "na"
            | "none"
            | "null"
            | "nil"
            | "."
            | "空"
    )
}

/// Any Chinese character.
pub(super) fn has_chinese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'))
}

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberFault {
    /// `1,250`: thousands, or a decimal comma?
    Comma,
    /// Not a number at all.
    Text,
}

/// A number, with decimal comma or thousands if it is plain which; no unit behind it.
pub(super) fn number(text: &str) -> Result<f64, NumberFault> {
    let text = joined(&apart(text)).ok_or(NumberFault::Text)?;
    let text = text.strip_prefix('+').unwrap_or(&text);
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit() || b"+-.,eE".contains(&b)) {
        return Err(NumberFault::Text);
    }
    let parsed = |s: &str| s.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or(NumberFault::Text);
    let Some(comma) = text.find(',') else {
        // `1.000.000`: two points divide thousands.
        let mut groups = text.trim_start_matches('-').split('.');
        let lead = groups.next().unwrap_or_default();
        let rest: Vec<&str> = groups.collect();
        let thousands = rest.len() > 1 && (1..=3).contains(&lead.len()) && rest.iter().all(|g| g.len() == 3);
        return if thousands { parsed(&text.replace('.', "")) } else { parsed(text) };
    };
    let (whole, rest) = (&text[..comma], &text[comma + 1..]);
    let digits = whole.trim_start_matches('-');
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberFault::Text);
    }
    let groups = |s: &str| s.split(',').all(|g| g.len() == 3 && g.bytes().all(|b| b.is_ascii_digit()));
    // More than one comma, or a point behind it: thousands. Three digits after a leading number: unknown.
    match rest.split_once('.') {
        Some((thousands, decimals)) if groups(thousands) && !digits.is_empty() => {
            parsed(&format!("{whole}{}.{decimals}", thousands.replace(',', "")))
        }
        Some(_) => Err(NumberFault::Text),
        None if rest.contains(',') && groups(rest) => parsed(&format!("{whole}{}", rest.replace(',', ""))),
        None if rest.contains(',') => Err(NumberFault::Text),
        None if rest.len() == 3 && !digits.is_empty() && !digits.starts_with('0') => Err(NumberFault::Comma),
        None => parsed(&format!("{whole}.{rest}")),
    }
}

/// Without the spaces of `1 000` and `- 5`. `None` where a space lies between other digits (`80 90`), or beside a point or comma.
fn joined(text: &str) -> Option<String> {
    let mut groups = text.split(' ').filter(|group| !group.is_empty());
    let mut out = groups.next().unwrap_or_default().to_owned();
    for group in groups {
        let digits = group.find(|c: char| !c.is_ascii_digit()).unwrap_or(group.len());
        let lead = out.trim_start_matches(['+', '-']);
        let last = lead.rsplit(' ').next().unwrap_or_default();
        let thousands = digits == 3 && lead.bytes().all(|b| b.is_ascii_digit() || b == b' ');
        let fits = if lead.contains(' ') { last.len() == 3 } else { last.len() <= 3 };
        if !(lead.is_empty() || thousands && fits) {
            return None;
        }
        if !lead.is_empty() {
            out.push(' ');
        }
        out.push_str(group);
    }
    Some(out.replace(' ', ""))
}

/// A number and what stands behind it: `1.25 MPa`, `≥ 75mm`, `90%`.
pub(super) fn number_and_unit(text: &str) -> Result<(f64, String), NumberFault> {
    let text = apart(text);
    let text = text.trim_start_matches(['>', '<', '=', '≥', '≤', '≧', '≦', ' ']);
    let end = text
        .char_indices()
        .find(|(n, c)| {
            let exponent = matches!(c, 'e' | 'E')
                && text[n + 1..].starts_with(|d: char| d.is_ascii_digit() || d == '-' || d == '+')
                && *n > 0;
            !(c.is_ascii_digit() || "+-., ".contains(*c) || exponent)
        })
        .map_or(text.len(), |(n, _)| n);
    // `1.25 -报警`: a dash before words is not of the number.
    let digits = if end < text.len() { text[..end].trim_end_matches([' ', '-', ',']) } else { &text[..end] };
    Ok((number(digits)?, text[end..].trim().to_owned()))
}

/// `17` for a whole number, `0.1` for others; never an exponent.
pub(super) fn written(number: f64) -> String {
    if number == number.trunc() && number.abs() < 1e15 {
        format!("{}", number as i64)
    } else {
        format!("{number}")
    }
}

/// A, B, … Z, AA: the column's letter as spreadsheets show it, from 0.
#[must_use]
pub fn letters(column: usize) -> String {
    let mut rest = column;
    let mut found = Vec::new();
    loop {
        found.push(b'A' + (rest % 26) as u8);
        if rest < 26 {
            break;
        }
        rest = rest / 26 - 1;
    }
    found.iter().rev().map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_signs_and_odd_spaces_become_plain() {
        assert_eq!(plain("\u{3000}４０００１～２\u{a0}"), "40001~2");
        assert_eq!(plain("－７５"), "-75");
        assert_eq!(folded("Ｍ Ｐａ"), "mpa");
        assert_eq!(tidy(" 蒸汽\n压力\u{3000} "), "蒸汽 压力");
    }

    #[test]
    fn a_decimal_comma_is_read_and_a_doubtful_one_is_not_guessed() {
        for (text, value) in [
            ("0,1", 0.1),
            ("-0,125", -0.125),
            ("1,25", 1.25),
            ("1,234.5", 1234.5),
            ("1,234,567", 1_234_567.0),
            ("1 000", 1000.0),
            ("-1 234 567,5", -1_234_567.5),
            ("- 5", -5.0),
            ("1.000.000", 1_000_000.0),
            ("+5", 5.0),
            ("1e-3", 0.001),
            ("０．１ ", 0.1),
        ] {
            assert_eq!(number(text), Ok(value), "{text}");
        }
        assert_eq!(number("1,250"), Err(NumberFault::Comma));
        for text in [
            "", "x", "1,2,3", "1.2.3", "--1", "1,2.5", "80 90", "80，90", "80, 90", "1 .5", "1000 000",
            "1 00", "1.25 130",
        ] {
            assert_eq!(number(text), Err(NumberFault::Text), "{text}");
        }
    }

    #[test]
    fn a_unit_behind_a_number_is_kept_apart() {
        assert_eq!(number_and_unit("≥1.25 MPa"), Ok((1.25, "MPa".to_owned())));
        assert_eq!(number_and_unit("-75mm"), Ok((-75.0, "mm".to_owned())));
        assert_eq!(number_and_unit("90％"), Ok((90.0, "%".to_owned())));
        assert_eq!(number_and_unit("1.25 -报警"), Ok((1.25, "报警".to_owned())));
        assert_eq!(number_and_unit("1.25，超压"), Ok((1.25, "超压".to_owned())));
        assert_eq!(number_and_unit("1.25，1.30停炉"), Err(NumberFault::Text));
        assert_eq!(number_and_unit("1.25-"), Err(NumberFault::Text));
        assert_eq!(number_and_unit("2e3"), Ok((2000.0, String::new())));
    }

    #[test]
    fn columns_have_the_letters_spreadsheets_show() {
        assert_eq!([0, 25, 26, 27, 701, 702].map(letters), ["A", "Z", "AA", "AB", "ZZ", "AAA"]);
    }
}
