//! Taking lines apart: the halves of a refused line, and the fields a database is known to refuse.
//! Pure; time is handed in.
//!
//! One line carries a whole sample, so a field of the wrong type spoils its neighbours' line. The
//! refused line is halved by its fields until the bad one stands alone. Where the server says that
//! the field's *type* is in conflict, that holds for every later line as well: the field is then
//! taken out before sending for a while, so that one wrong field does not cost each batch its halving.

use std::time::{Duration, Instant};

use super::encode::Lines;

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

/// The two halves of one line by its fields; `None` if it has only one.
pub(super) fn halves(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let p = parts(line)?;
    let fields: Vec<&[u8]> = p.fields.split(|b| *b == b',').collect();
    let (first, second) = fields.split_at_checked(fields.len().div_ceil(2)).filter(|h| !h.1.is_empty())?;
    Some((join(p.series, first, p.time), join(p.series, second, p.time)))
}

/// Number of readings in a line.
pub(super) fn fields(line: &str) -> usize {
    parts(line.as_bytes()).map_or(0, |p| p.fields.split(|b| *b == b',').count())
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
    /// Notes that the single-field `line` was refused, if what the server said is about the type.
    pub(super) fn note(&mut self, line: &[u8], status: u16, reason: &str, now: Instant) {
        if !reason.to_ascii_lowercase().contains("type conflict") {
            return;
        }
        let Some(p) = parts(line) else { return };
        let Some(equals) = p.fields.iter().position(|b| *b == b'=') else { return };
        self.0.push(Conflict {
            series: p.series.into(),
            field: p.fields[..=equals].into(),
            status,
            reason: reason.to_owned(),
            until: now + BELIEVED,
        });
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
            for field in p.fields.split(|b| *b == b',') {
                match self.0.iter().position(|c| *c.series == *p.series && field.starts_with(&c.field)) {
                    Some(n) => {
                        let single = join(p.series, &[field], p.time);
                        aside[n].what.push_str(&String::from_utf8_lossy(&single));
                    }
                    None => good.push(field),
                }
            }
            let taken = p.fields.split(|b| *b == b',').count() - good.len();
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

    use super::{BELIEVED, Refused, halves};
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
    fn a_refusal_for_another_reason_is_not_held_against_the_field() {
        let now = Instant::now();
        let mut refused = Refused::default();
        refused.note(b"k,site=n n=1i 5\n", 422, "points beyond retention policy", now);
        assert!(refused.set_aside(&mut lines(&["k,site=n n=2i 6\n"]), now).is_empty());
    }
}
