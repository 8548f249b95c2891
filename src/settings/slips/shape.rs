//! What is missing in a line, or too much: brackets, quotes, commas, other languages' words.

use super::signs::LONGEST;
use super::{SEVERAL, is_good};

/// Units of durations, which belong into the text.
const TIMES: [&str; 7] = ["us", "ms", "s", "m", "min", "h", "d"];

/// A repair of the line that the parser stopped at, or of one shortly above it that was left open: line,
/// column from 1, what is wrong, and the line as it should be.
pub(super) fn repaired(lines: &[String], at: usize) -> Option<(usize, usize, String, String)> {
    for n in (at.saturating_sub(3)..=at).rev() {
        let line = lines.get(n)?;
        if line.trim().is_empty() || line.len() > LONGEST || is_good(line) {
            continue;
        }
        if let Some((column, problem, line)) = one(line) {
            return Some((n, column, problem, line));
        }
    }
    None
}

fn one(line: &str) -> Option<(usize, String, String)> {
    let start = line.chars().take_while(|c| c.is_whitespace()).count();
    let text = line.trim();
    for mark in ["//", ";", "--", "/*"] {
        if let Some(rest) = text.strip_prefix(mark) {
            let rest = rest.trim().trim_end_matches("*/").trim();
            return Some((
                start + 1,
                format!("a comment begins with `#`, not with `{mark}`"),
                format!("# {rest}"),
            ));
        }
    }
    if text.starts_with('[') || text.ends_with(']') && !text.contains('=') {
        return heading(text)
            .map(|good| (start + 1, "a heading with brackets that do not match".to_owned(), good));
    }
    let (key, value, problem) = parts(text)?;
    let column = |of: &str| start + 1 + text.find(of).map_or(0, |at| text[..at].chars().count());
    let at = column(if value.is_empty() { text } else { value });
    let (key, keyed) = match quoted_key(key) {
        Some(quoted) => (
            quoted,
            Some(format!("the key {key} is written in quotes, as it has other than a-z, 0-9, _ and -")),
        ),
        None => (key.to_owned(), None),
    };
    let (plain, comment) = match value.find(" #") {
        Some(hash) if !value.starts_with(['"', '\'']) => {
            (value[..hash].trim(), format!("  {}", &value[hash + 1..]))
        }
        _ => (value, String::new()),
    };
    if let Some(problem) = keyed.or(problem) {
        let line = format!("{key} = {value}");
        if is_good(&line) {
            return Some((start + 1, problem, line));
        }
    }
    candidates(&key, plain).into_iter().find_map(|(problem, value)| {
        let line = format!("{key} = {value}{comment}");
        is_good(&line).then_some((at, problem, line))
    })
}

/// Key, value, and what is wrong between them.
fn parts(text: &str) -> Option<(&str, &str, Option<String>)> {
    if let Some((key, value)) = text.split_once('=') {
        let plain = key.trim_end_matches(':').trim();
        if !plain.is_empty() && !plain.contains(char::is_whitespace) {
            let problem = (plain != key.trim()).then(|| "`:=` for `=`".to_owned());
            return Some((plain, value.trim(), problem));
        }
    }
    let told = "`=` is missing between the key and its value".to_owned();
    let at = text.find(|c: char| c == ':' || c.is_whitespace())?;
    let (key, value) = text.split_at(at);
    let value = value.trim_start_matches(|c: char| c == ':' || c.is_whitespace());
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let told = if text[at..].starts_with(':') { "`:` for `=`".to_owned() } else { told };
    is_key.then_some((key, value, Some(told)))
}

fn quoted_key(key: &str) -> Option<String> {
    let bare = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let plain = bare || key.starts_with(['"', '\'']);
    (!plain).then(|| format!("\"{}\"", key.replace(['"', '\\'], "")))
}

fn heading(text: &str) -> Option<String> {
    let inner = text.trim_matches(['[', ']', ' ']);
    let several = text.starts_with("[[") || text.ends_with("]]") || SEVERAL.contains(&inner);
    let good = if several { format!("[[{inner}]]") } else { format!("[{inner}]") };
    (!inner.is_empty() && !inner.contains(['=', ',']) && good != text && is_good(&good)).then_some(good)
}

/// What the value may have been meant to be, the likeliest first.
fn candidates(key: &str, value: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |problem: &str, value: String| all.push((problem.to_owned(), value));
    let bare = value.trim_end_matches([',', ';']).trim();
    if bare != value {
        add("a line does not end with a comma or semicolon", bare.to_owned());
    }
    match bare.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => add("true is written so", "true".to_owned()),
        "false" | "no" | "off" => add("false is written so", "false".to_owned()),
        "" => {}
        _ => {}
    }
    if let Some(number) = number(bare) {
        add(&number.1, number.0);
    }
    if matches!(last(key), "range" | "normal") || pieces(bare).len() > 1 {
        let numbers: Option<Vec<String>> = pieces(bare).iter().map(|p| plain_number(p)).collect();
        if let Some(numbers) = numbers.filter(|n| n.len() > 1) {
            add(
                "a list stands in brackets, its values parted by commas",
                format!("[{}]", numbers.join(", ")),
            );
        }
    }
    for (open, close) in [('{', '}'), ('[', ']')] {
        let (opened, closed) = (bare.matches(open).count(), bare.matches(close).count());
        if opened > closed && !bare.ends_with(',') {
            add(
                &format!("`{close}` is missing at the end"),
                format!("{bare}{}", format!(" {close}").repeat(opened - closed)),
            );
        }
        if closed > opened {
            let spare = bare.trim_end_matches(close).trim_end();
            let inner = format!("{spare}{}", close.to_string().repeat(opened));
            add(&format!("`{close}` without its `{open}`"), inner);
        }
    }
    if bare.ends_with('}') && !bare.contains('{') && bare.contains('=') {
        add("a limit stands in braces", format!("{{ {}", with_commas(bare)));
    }
    if bare.contains('{') {
        add("a comma is missing between two keys", with_commas(bare));
    }
    if bare.starts_with(|c: char| c.is_ascii_alphabetic()) && bare.contains('=') {
        add("a limit stands in braces", format!("{{ {bare} }}"));
        add("a limit stands in braces, its keys parted by commas", format!("{{ {} }}", with_commas(bare)));
    }
    if bare.contains('\\') {
        add("a backslash in double quotes is not itself", format!("'{}'", bare.trim_matches(['"', '\''])));
    }
    if !bare.is_empty() && !bare.contains(['{', '}', '[', ']']) {
        add("a text stands in quotes", quoted(bare));
    }
    all
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn quoted(bare: &str) -> String {
    let inner = bare.trim_matches(['"', '\'']);
    if inner.contains(['"', '\\']) { format!("'{inner}'") } else { format!("\"{inner}\"") }
}

/// A number as other languages write it, and what is wrong with it.
fn number(text: &str) -> Option<(String, String)> {
    if let Some((a, b)) = text.split_once('/') {
        let (a, b): (f64, f64) = (a.trim().parse().ok()?, b.trim().parse().ok()?);
        let quotient = (b != 0.0).then_some(a / b)?;
        return Some((format!("{quotient:?}"), format!("`{text}` is a calculation, and a number is wanted")));
    }
    if let Some(percent) = text.strip_suffix('%').and_then(plain_number) {
        return Some((percent, "a number stands without its unit".to_owned()));
    }
    let digits =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let (figures, unit) = (text[..digits].trim(), text[digits..].trim());
    let good = plain_number(figures)?;
    if unit.is_empty() {
        return Some((good, format!("`{text}` is not a number as it is written here")));
    }
    let is_unit = unit.chars().all(|c| c.is_alphabetic() || matches!(c, '/' | '℃' | '°' | '³' | '²'));
    (is_unit && !TIMES.contains(&unit)).then(|| (good, "a number stands without its unit".to_owned()))
}

/// `.5`, `5.`, `007`, `+3` → as TOML writes them.
fn plain_number(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.to_string());
    }
    text.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| format!("{n:?}"))
}

/// The numbers of `0, 2.5`, `0~2.5`, `0..2.5`, `[0 2.5]`, `0 to 2.5`, `-75-75`.
fn pieces(text: &str) -> Vec<String> {
    let inner = text.trim_matches(['[', ']', '(', ')', '{', '}', ' ', '"', '\'']);
    for separator in [",", "~", "..", " to ", "至", "到", ";", " "] {
        let parts: Vec<String> =
            inner.split(separator).map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect();
        if parts.len() > 1 {
            return parts;
        }
    }
    match inner.char_indices().skip(1).find(|(n, c)| *c == '-' && !inner[..*n].ends_with(['e', 'E'])) {
        Some((dash, _)) => vec![inner[..dash].to_owned(), inner[dash + 1..].to_owned()],
        None => vec![inner.to_owned()],
    }
}

/// `at = 1 deadband = 2` → `at = 1, deadband = 2`.
fn with_commas(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut line = String::new();
    for (n, word) in words.iter().enumerate() {
        let begins = word.contains('=') && !word.starts_with('=')
            || words.get(n + 1).is_some_and(|w| w.starts_with('='));
        let is_key = begins && word.starts_with(|c: char| c.is_ascii_alphabetic());
        if n > 0 {
            if is_key && !line.ends_with(['{', ',', '=']) {
                line.push(',');
            }
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}
