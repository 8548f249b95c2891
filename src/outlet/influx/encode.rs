//! Samples → line protocol. Pure, and the hot path of the outlet: no allocation per reading.

use std::io::Write;

use crate::plant::{TextTable, ValueType};
use crate::store::{PackedSample, SeriesInfo};

/// Lines ready to send, with the place where each ends.
#[derive(Debug, Default)]
pub struct Lines {
    /// The bytes, one line after the other, each with its line feed.
    pub text: Vec<u8>,
    /// Where each line ends in `text`, and how many readings it carries.
    pub ends: Vec<(usize, u32)>,
}

impl Lines {
    /// Forgets the lines, keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// The bytes of lines `from..to`.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> &[u8] {
        let start = if from == 0 { 0 } else { self.ends[from - 1].0 };
        let end = if to == 0 { 0 } else { self.ends[to - 1].0 };
        &self.text[start..end]
    }

    /// Readings in all lines.
    #[must_use]
    pub fn readings(&self) -> u64 {
        self.ends.iter().map(|e| u64::from(e.1)).sum()
    }
}

/// Knows the journal's series by number.
#[derive(Debug)]
pub struct Encoder {
    series: Vec<Option<Series>>,
    texts: TextTable,
}

#[derive(Debug)]
struct Series {
    /// `steam_boiler,equipment=boiler-1,site=north `
    prefix: Box<[u8]>,
    /// Same number = same prefix = may share a line.
    owner: u32,
    /// `drum_level=`
    field: Box<[u8]>,
    value_type: ValueType,
}

impl Encoder {
    /// Prepares the prefixes once. Ids need no escapes, see [`crate::plant::Id`].
    #[must_use]
    pub fn new(site: &str, series: &[SeriesInfo], texts: TextTable) -> Self {
        let mut owners: Vec<(&str, &str)> = Vec::new();
        let mut table = Vec::new();
        for info in series {
            let owner = (info.equipment.as_str(), info.kind.as_str());
            let number = owners.iter().position(|o| *o == owner).unwrap_or_else(|| {
                owners.push(owner);
                owners.len() - 1
            });
            let at = info.id as usize;
            if table.len() <= at {
                table.resize_with(at + 1, || None);
            }
            let kind = info.kind.replace('-', "_");
            table[at] = Some(Series {
                prefix: format!("{kind},equipment={},site={site} ", info.equipment).into_bytes().into(),
                owner: number as u32,
                field: format!("{}=", info.point).into_bytes().into(),
                value_type: info.value_type,
            });
        }
        Self { series: table, texts }
    }

    /// Knows all series of this sample? If not, read the series table again.
    #[must_use]
    pub fn knows(&self, sample: &PackedSample<'_>) -> bool {
        sample.readings.iter().all(|r| matches!(self.series.get(r.series as usize), Some(Some(_))))
    }

    /// Adds the sample's usable readings to `lines`: one line for each run of one equipment's readings.
    pub fn encode(&self, sample: &PackedSample<'_>, lines: &mut Lines) {
        let mut open: Option<u32> = None;
        let mut count = 0u32;
        for reading in sample.readings {
            if !reading.quality.is_usable() || !reading.value.is_finite() {
                continue;
            }
            let Some(Some(series)) = self.series.get(reading.series as usize) else { continue };
            if open == Some(series.owner) {
                lines.text.push(b',');
            } else {
                if open.is_some() {
                    end(lines, sample.at.0, count);
                    count = 0;
                }
                lines.text.extend_from_slice(&series.prefix);
                open = Some(series.owner);
            }
            lines.text.extend_from_slice(&series.field);
            value(&mut lines.text, reading.value, series.value_type, &self.texts);
            count += 1;
        }
        if open.is_some() {
            end(lines, sample.at.0, count);
        }
    }
}

fn end(lines: &mut Lines, at: i64, count: u32) {
    lines.text.push(b' ');
    lines.text.extend_from_slice(itoa::Buffer::new().format(at).as_bytes());
    lines.text.push(b'\n');
    lines.ends.push((lines.text.len(), count));
}

fn value(text: &mut Vec<u8>, value: f64, value_type: ValueType, texts: &TextTable) {
    match value_type {
        ValueType::Float => text.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes()),
        ValueType::Integer => {
            let _ = write!(text, "{}i", value as i64);
        }
        ValueType::Bool => text.push(if value == 0.0 { b'f' } else { b't' }),
        ValueType::Text => {
            text.push(b'"');
            for byte in texts.get(value).unwrap_or_default().bytes() {
                match byte {
                    b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
                    // A line feed within a string is allowed by few parsers.
                    b'\n' | b'\r' => text.push(b' '),
                    other => text.push(other),
                }
            }
            text.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Encoder, Lines};
    use crate::plant::{Cause, Micros, Quality, TextTable, ValueType};
    use crate::store::{PackedReading, PackedSample, SeriesInfo};

    fn encoder() -> Encoder {
        let info = |id, equipment: &str, point: &str, value_type| SeriesInfo {
            unit: None,
            id,
            equipment: equipment.to_owned(),
            point: point.to_owned(),
            kind: "steam-boiler".to_owned(),
            value_type,
        };
        Encoder::new(
            "north",
            &[
                info(1, "boiler-1", "drum_level", ValueType::Float),
                info(2, "boiler-1", "state", ValueType::Integer),
                info(3, "boiler-1", "sv_lift", ValueType::Bool),
                info(4, "boiler-2", "drum_level", ValueType::Float),
                info(5, "boiler-2", "model", ValueType::Text),
            ],
            TextTable::default(),
        )
    }

    fn text(readings: &[(u32, f64, Quality)]) -> String {
        let readings: Vec<_> = readings
            .iter()
            .map(|&(series, value, quality)| PackedReading { series, value, quality })
            .collect();
        let mut lines = Lines::default();
        encoder().encode(
            &PackedSample { at: Micros(1_790_000_000_123_456), live: None, readings: &readings },
            &mut lines,
        );
        String::from_utf8(lines.text).unwrap()
    }

    #[test]
    fn a_text_is_a_quoted_string() {
        let encoder = encoder();
        let value = encoder.texts.number("SZS \"10\"\\A", || "name".to_owned()).unwrap();
        let quality = Quality::Good;
        let readings = [PackedReading { series: 5, value, quality }];
        let mut lines = Lines::default();
        encoder.encode(&PackedSample { at: Micros(1), live: None, readings: &readings }, &mut lines);
        let text = String::from_utf8(lines.text).unwrap();
        assert!(text.contains("model=\"SZS \\\"10\\\"\\\\A\" 1"), "{text}");
    }

    #[test]
    fn one_sample_is_one_line_with_a_field_per_point() {
        assert_eq!(
            text(&[(1, -81.5, Quality::Good), (2, 4.0, Quality::Good), (3, 1.0, Quality::Good)]),
            "steam_boiler,equipment=boiler-1,site=north drum_level=-81.5,state=4i,sv_lift=t 1790000000123456\n"
        );
    }

    #[test]
    fn a_bad_reading_is_a_gap_and_a_sample_of_bad_readings_is_no_line() {
        let bad = Quality::Bad(Cause::Timeout);
        assert_eq!(
            text(&[(1, f64::NAN, bad), (2, 4.0, Quality::Good)]),
            "steam_boiler,equipment=boiler-1,site=north state=4i 1790000000123456\n"
        );
        assert_eq!(text(&[(1, f64::NAN, bad)]), "");
    }

    #[test]
    fn readings_of_two_boilers_never_share_a_line() {
        assert_eq!(text(&[(1, 1.0, Quality::Good), (4, 2.0, Quality::Good)]).lines().count(), 2);
    }
}
