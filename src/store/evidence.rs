//! The evidence of a hazard: every reading of its equipment in a window around the first breach.

use std::io::{Read, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use sha2::{Digest, Sha256};

use super::{JournalReader, StoreError};
use crate::plant::Micros;

/// Stands among the points: where the wall clock was set, by how many milliseconds.
pub const CLOCK_SET: &str = "@clock_set_ms";
/// Stands among the points: readings that could not be read back from the disk.
pub const UNREADABLE: &str = "@unreadable_readings";

/// One point's readings in the window; `None` where the value is unknown.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct EvidenceSeries {
    /// Point id; one that begins with `@` tells of the window itself.
    pub point: String,
    /// Unit of the values; absent where it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// `[milliseconds since the epoch, value or null]`, oldest first.
    pub samples: Vec<(i64, Option<f64>)>,
}

/// Reads the window `from..=to` of `equipment` out of the journal, by the clock as it stood when it had been set ahead
/// by `ahead` microseconds; without that, by the clock of now. Where the clock was set within the window, and what
/// could not be read, stands there too: a window is never cut short without a mark.
///
/// # Errors
/// [`StoreError`].
pub fn collect(
    journal: &JournalReader,
    equipment: &str,
    (from, to): (Micros, Micros),
    ahead: Option<i64>,
) -> Result<Vec<EvidenceSeries>, StoreError> {
    let mut found: Vec<(u32, EvidenceSeries)> = journal
        .series()?
        .into_iter()
        .filter(|s| s.equipment == equipment)
        .map(|s| (s.id, EvidenceSeries { point: s.point, unit: s.unit, samples: Vec::new() }))
        .collect();
    let _ = journal.take_unread();
    let ahead = match ahead {
        Some(ahead) => ahead,
        None => journal.ahead()?,
    };
    let turns = journal.steadily((from, to), ahead, |sample| {
        if sample.at < from || sample.at > to {
            return;
        }
        for reading in sample.readings {
            if let Ok(at) = found.binary_search_by_key(&reading.series, |f| f.0) {
                let value = reading.quality.is_usable().then_some(reading.value);
                found[at].1.samples.push((sample.at.0 / 1000, value));
            }
        }
    })?;
    let mut series: Vec<_> = found.into_iter().map(|f| f.1).filter(|s| !s.samples.is_empty()).collect();
    for one in &mut series {
        one.samples.sort_by_key(|s| s.0);
    }
    let mark = |point: &str, samples: Vec<(i64, Option<f64>)>| EvidenceSeries {
        point: point.to_owned(),
        unit: None,
        samples,
    };
    if !turns.is_empty() {
        let by = turns.iter().map(|(at, by)| (at.0 / 1000, Some(*by as f64 / 1000.0))).collect();
        series.push(mark(CLOCK_SET, by));
    }
    let unread = journal.take_unread();
    if !unread.is_empty() {
        let gone = unread.iter().map(|gap| (gap.from.0 / 1000, Some(gap.readings as f64))).collect();
        series.push(mark(UNREADABLE, gone));
    }
    Ok(series)
}

/// The sealed form: gzip of the JSON, and the SHA-256 (hex) of the JSON itself.
#[must_use]
pub fn seal(series: &[EvidenceSeries]) -> (String, Vec<u8>) {
    let json = serde_json::to_vec(series).unwrap_or_default();
    let hash = Sha256::digest(&json).iter().map(|b| format!("{b:02x}")).collect();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    // Writing into memory does not fail.
    let _ = gzip.write_all(&json);
    (hash, gzip.finish().unwrap_or_default())
}

/// Opens a sealed window and checks its hash.
///
/// # Errors
/// [`StoreError::Corrupt`] if the body does not open or does not match the hash.
pub fn open(sha256: &str, body: &[u8]) -> Result<Vec<EvidenceSeries>, StoreError> {
    let mut json = Vec::new();
    GzDecoder::new(body)
        .take(256 * 1024 * 1024)
        .read_to_end(&mut json)
        .map_err(|e| StoreError::Corrupt(format!("sealed evidence does not open: {e}")))?;
    let hash: String = Sha256::digest(&json).iter().map(|b| format!("{b:02x}")).collect();
    if hash != sha256 {
        return Err(StoreError::Corrupt("sealed evidence does not match its SHA-256".to_owned()));
    }
    serde_json::from_slice(&json).map_err(|e| StoreError::Corrupt(format!("sealed evidence: {e}")))
}

#[cfg(test)]
mod tests {
    use super::{EvidenceSeries, open, seal};

    #[test]
    fn sealed_evidence_opens_and_a_changed_byte_is_found() {
        let series = vec![EvidenceSeries {
            point: "drum_level".into(),
            unit: Some("mm".into()),
            samples: vec![(1, Some(-76.0)), (2, None)],
        }];
        let (hash, body) = seal(&series);
        assert_eq!(open(&hash, &body).unwrap(), series);
        let other = seal(&[EvidenceSeries {
            point: "drum_level".into(),
            unit: None,
            samples: vec![(1, Some(-46.0))],
        }])
        .1;
        assert!(open(&hash, &other).is_err());
    }
}
