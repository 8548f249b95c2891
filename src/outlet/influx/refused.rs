//! Taking lines apart: the halves of a refused line, and the fields a database is known to refuse.
//! Pure; time is handed in.
//!
//! One line carries a whole sample, so a field of the wrong type spoils its neighbours' line. The
//! refused line is halved by its fields until the bad one stands alone. Where the server refused that
//! one field by itself and says that its *type* is in conflict, that holds for every later line as well:
//! the field is then taken out before sending for a while, and at once of what the batch still has, so
//! that one wrong field does not cost each line its halving. A refusal of more than one field proves
//! nothing of any of them: the server names one only, and not always the first.

use std::time::{Duration, Instant};

use super::encode::Lines;
use crate::outlet::delivery::is_type_conflict;

/// How long a type conflict is believed without asking again.
const BELIEVED: Duration = Duration::from_secs(600);

/// A line's three parts, without the line feed.
struct Parts<'a> {
    series: &'a [u8],
    fields: &'a [u8],
    time: &'a [u8],
}

fn parts(line: &[u8]) -> Option<Parts<'_>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let first = line.iter().position(|b| *b == b' ')?;
    let last = line.iter().rposition(|b| *b == b' ').filter(|last| *last > first)?;
    Some(Parts { series: &line[..first], fields: &line[first + 1..last], time: &line[last + 1..] })
}

fn join(series: &[u8], fields: &[&[u8]], time: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(series.len() + time.len() + 16 * fields.len());
    line.extend_from_slice(series);
    line.push(b' ');
    line.extend_from_slice(&fields.join(&b','));
    line.push(b' ');
    line.extend_from_slice(time);
    line.push(b'\n');
    line
}

/// The fields of a line; a comma in a text ends none.
fn split(fields: &[u8]) -> Vec<&[u8]> {
    let (mut found, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in fields.iter().enumerate() {
        match byte {
            _ if std::mem::take(&mut escaped) => {}
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                found.push(&fields[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&fields[from..]);
    found
}

/// A line's fields, each as a line of its own with the name by which it is known: series and field.
pub(super) fn singles(line: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let Some(p) = parts(line) else { return Vec::new() };
    let single = |field: &[u8]| {
        let name = field.split(|b| *b == b'=').next().unwrap_or_default();
        ([p.series, name].join(&b' '), join(p.series, &[field], p.time))
    };
    split(p.fields).into_iter().map(single).collect()
}

/// The two halves of one line by its fields; `None` if it has only one.
pub(super) fn halves(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let p = parts(line)?;
    let fields = split(p.fields);
    let (first, second) = fields.split_at_checked(fields.len().div_ceil(2)).filter(|h| !h.1.is_empty())?;
    Some((join(p.series, first, p.time), join(p.series, second, p.time)))
}

/// Number of readings in a line.
pub(super) fn fields(line: &str) -> usize {
    parts(line.as_bytes()).map_or(0, |p| split(p.fields).len())
}

/// The time of a line that was refused as older than the database keeps anything; all that is older is too.
pub(super) fn too_old(line: &[u8], reason: &str) -> Option<i64> {
    let reason = reason.to_ascii_lowercase();
    let told = reason.contains("retention policy") && !is_type_conflict(&reason);
    told.then(|| time(line)).flatten()
}

fn time(line: &[u8]) -> Option<i64> {
    std::str::from_utf8(parts(line)?.time).ok()?.parse().ok()
}

/// Takes the lines that are as old as `at` or older out of `lines`, and gives them.
pub(super) fn take_older(lines: &mut Lines, at: i64) -> String {
    let (mut kept, mut taken) = (Lines::default(), String::new());
    for (number, end) in lines.ends.iter().enumerate() {
        let line = lines.slice(number, number + 1);
        if time(line).is_some_and(|of| of <= at) {
            taken.push_str(&String::from_utf8_lossy(line));
        } else {
            kept.text.extend_from_slice(line);
            kept.ends.push((kept.text.len(), end.1));
        }
    }
    *lines = kept;
    taken
}

/// Readings that were taken out before sending.
#[derive(Debug, PartialEq)]
pub(super) struct Aside {
    /// The lines, each with its single field.
    pub(super) what: String,
    pub(super) status: u16,
    /// What the server said when it refused the first one.
    pub(super) reason: String,
}

#[derive(Debug)]
struct Conflict {
    series: Box<[u8]>,
    /// With its `=`.
    field: Box<[u8]>,
    status: u16,
    reason: String,
    until: Instant,
}

/// The fields whose type is in conflict.
#[derive(Debug, Default)]
pub(super) struct Refused(Vec<Conflict>);

impl Refused {
    /// Notes that `line` was refused, if it has a single field and what the server said is about its type;
    /// true if that is news.
    pub(super) fn note(&mut self, line: &[u8], status: u16, reason: &str, now: Instant) -> bool {
        if !is_type_conflict(reason) {
            return false;
        }
        let Some(p) = parts(line).filter(|p| split(p.fields).len() == 1) else { return false };
        let Some(equals) = p.fields.iter().position(|b| *b == b'=') else { return false };
        let known = |c: &Conflict| *c.series == *p.series && *c.field == p.fields[..=equals];
        if self.0.iter().any(known) {
            return false;
        }
        self.0.push(Conflict {
            series: p.series.into(),
            field: p.fields[..=equals].into(),
            status,
            reason: reason.to_owned(),
            until: now + BELIEVED,
        });
        true
    }

    /// Takes the known bad fields out of `lines`.
    pub(super) fn set_aside(&mut self, lines: &mut Lines, now: Instant) -> Vec<Aside> {
        self.0.retain(|c| now < c.until);
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut aside: Vec<Aside> = self
            .0
            .iter()
            .map(|c| Aside { what: String::new(), status: c.status, reason: c.reason.clone() })
            .collect();
        let mut clean = Lines::default();
        for (number, end) in lines.ends.iter().enumerate() {
            let line = lines.slice(number, number + 1);
            let Some(p) = parts(line) else { continue };
            let mut good: Vec<&[u8]> = Vec::new();
            let fields = split(p.fields);
            for field in &fields {
                match self.0.iter().position(|c| *c.series == *p.series && field.starts_with(&c.field)) {
                    Some(n) => {
                        let single = join(p.series, &[*field], p.time);
                        aside[n].what.push_str(&String::from_utf8_lossy(&single));
                    }
                    None => good.push(*field),
                }
            }
            let taken = fields.len() - good.len();
            if taken == 0 {
                clean.text.extend_from_slice(line);
            } else if !good.is_empty() {
                clean.text.extend_from_slice(&join(p.series, &good, p.time));
            }
            if !good.is_empty() {
                clean.ends.push((clean.text.len(), end.1 - taken as u32));
            }
        }
        *lines = clean;
        aside.retain(|a| !a.what.is_empty());
        aside
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{BELIEVED, Refused, halves, singles};
    use crate::outlet::influx::encode::Lines;

    const CONFLICT: &str = "400: partial write: field type conflict: input field \"n\" is type integer";

    fn lines(text: &[&str]) -> Lines {
        let mut lines = Lines::default();
        for line in text {
            lines.text.extend_from_slice(line.as_bytes());
            let fields = line.matches('=').count() - line.matches("site=").count();
            lines.ends.push((lines.text.len(), fields as u32));
        }
        lines
    }

    #[test]
    fn a_line_is_halved_by_its_fields_until_one_is_left() {
        let (a, b) = halves(b"k,site=n a=1,b=2i,c=t 5\n").unwrap();
        assert_eq!((a.as_slice(), b.as_slice()), (&b"k,site=n a=1,b=2i 5\n"[..], &b"k,site=n c=t 5\n"[..]));
        assert_eq!(halves(&b), None);
    }

    #[test]
    fn a_field_in_conflict_is_taken_out_and_its_neighbours_go_on() {
        let now = Instant::now();
        let mut refused = Refused::default();
        refused.note(b"k,site=n n=1i 5\n", 400, CONFLICT, now);
        let mut sent = lines(&["k,site=n a=1,n=2i 6\n", "k,site=n n=3i 7\n", "k,site=m n=4i 8\n"]);
        let aside = refused.set_aside(&mut sent, now);
        assert_eq!(sent.text, b"k,site=n a=1 6\nk,site=m n=4i 8\n");
        assert_eq!(sent.readings(), 2);
        assert_eq!(aside.len(), 1);
        assert_eq!(aside[0].what, "k,site=n n=2i 6\nk,site=n n=3i 7\n");
        let mut later = lines(&["k,site=n n=3i 7\n"]);
        assert!(refused.set_aside(&mut later, now + BELIEVED + Duration::from_secs(1)).is_empty());
        assert_eq!(later.readings(), 1, "after a while the server is asked again");
    }

    #[test]
    fn a_refusal_of_several_fields_proves_nothing_of_any() {
        let now = Instant::now();
        let mut refused = Refused::default();
        assert!(!refused.note(b"k,site=n a=1,n=1i 5\n", 400, CONFLICT, now));
        assert!(!refused.note(b"k,site=n a=1 5\nk,site=n n=1i 6\n", 400, CONFLICT, now));
        assert!(refused.set_aside(&mut lines(&["k,site=n a=2 6\n"]), now).is_empty());
        assert!(refused.note(b"k,site=n n=1i 5\n", 400, CONFLICT, now));
        assert!(!refused.note(b"k,site=n n=2i 6\n", 400, CONFLICT, now), "known already");
    }

    #[test]
    fn what_is_older_than_a_line_that_was_too_old_is_too_old_as_well() {
        let said = "422: partial write: dropped 1 points outside retention policy of duration 1h0m0s";
        assert_eq!(super::too_old(b"k,site=n a=1 6\n", said), Some(6));
        assert_eq!(super::too_old(b"k,site=n a=1 6\n", CONFLICT), None);
        let mut sent = lines(&["k,site=n a=1,b=2 5\n", "k,site=n a=1 7\n", "k,site=m a=1 6\n"]);
        assert_eq!(super::take_older(&mut sent, 6), "k,site=n a=1,b=2 5\nk,site=m a=1 6\n");
        assert_eq!((sent.text.as_slice(), sent.readings()), (&b"k,site=n a=1 7\n"[..], 1));
    }

    #[test]
    fn a_text_with_commas_spaces_and_quotes_stays_one_field() {
        let line = br#"k,site=n a=1,t="no, \"really\", n=2 is",b=t 5
"#;
        assert_eq!(super::fields(std::str::from_utf8(line).unwrap()), 3);
        let names: Vec<_> = singles(line).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [b"k,site=n a".to_vec(), b"k,site=n t".to_vec(), b"k,site=n b".to_vec()]);
        let (first, second) = halves(line).unwrap();
        assert_eq!(
            first,
            br#"k,site=n a=1,t="no, \"really\", n=2 is" 5
"#
        );
        assert_eq!(second, b"k,site=n b=t 5\n");
    }

    #[test]
    fn a_refusal_for_another_reason_is_not_held_against_the_field() {
        let now = Instant::now();
        let mut refused = Refused::default();
        refused.note(b"k,site=n n=1i 5\n", 422, "points beyond retention policy", now);
        assert!(refused.set_aside(&mut lines(&["k,site=n n=2i 6\n"]), now).is_empty());
    }
}
