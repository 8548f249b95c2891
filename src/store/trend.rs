//! The recent past of one piece of equipment, thinned to what a curve can show: per bucket the
//! lowest, highest and last value, so that no spike is smoothed away.

use std::time::Duration;

use super::{JournalReader, StoreError};
use crate::plant::{Micros, ValueType};

/// One point's curve.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct TrendSeries {
    /// Point id. A point whose unit was changed has a curve for each unit, the newest first.
    pub point: String,
    /// Unit of the values; absent where it was not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its point is of this unit and type now; set by who knows the settings.
    pub current: bool,
    /// Type of the values.
    #[serde(skip)]
    #[schema(ignore)]
    pub value_type: ValueType,
    /// `[milliseconds since the epoch, lowest, highest, last]`, oldest first. A bucket without a
    /// usable reading is absent: a gap, not a line.
    pub samples: Vec<(i64, f64, f64, f64)>,
}

#[derive(Clone, Copy)]
struct Bucket {
    low: f64,
    high: f64,
    last: f64,
    last_at: i64,
}

/// A series while it is collected: its number, its point, unit and type, its buckets.
type Found = (u32, (String, Option<String>, ValueType), Vec<Option<Bucket>>);

/// Thins the readings of `equipment` in `from..to` to buckets of `step`.
///
/// # Errors
/// [`StoreError`].
pub fn collect(
    journal: &JournalReader,
    equipment: &str,
    (from, to): (Micros, Micros),
    step: Duration,
) -> Result<Vec<TrendSeries>, StoreError> {
    let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX).max(1);
    let count = usize::try_from((to.0 - from.0).max(0) / step + 1).unwrap_or(0);
    let mut found: Vec<Found> = journal
        .series()?
        .into_iter()
        .filter(|s| s.equipment == equipment)
        .map(|s| (s.id, (s.point, s.unit, s.value_type), vec![None; count]))
        .collect();
    journal.between(from, to, |sample| {
        if sample.at < from || sample.at > to {
            return;
        }
        let place = ((sample.at.0 - from.0) / step) as usize;
        for reading in sample.readings.iter().filter(|r| r.quality.is_usable()) {
            let Ok(at) = found.binary_search_by_key(&reading.series, |f| f.0) else { continue };
            let Some(slot) = found[at].2.get_mut(place) else { continue };
            let value = reading.value;
            match slot {
                Some(bucket) => {
                    bucket.low = bucket.low.min(value);
                    bucket.high = bucket.high.max(value);
                    if sample.at.0 >= bucket.last_at {
                        (bucket.last, bucket.last_at) = (value, sample.at.0);
                    }
                }
                None => *slot = Some(Bucket { low: value, high: value, last: value, last_at: sample.at.0 }),
            }
        }
    })?;
    let samples = |buckets: Vec<Option<Bucket>>| {
        (from.0..)
            .step_by(step as usize)
            .zip(buckets)
            .filter_map(|(at, b)| b.map(|b| (at / 1000, b.low, b.high, b.last)))
            .collect::<Vec<_>>()
    };
    // The series that was begun last is in the unit of now.
    let series = found.into_iter().rev();
    let series = series.map(|(_, (point, unit, value_type), b)| TrendSeries {
        point,
        unit,
        current: false,
        value_type,
        samples: samples(b),
    });
    Ok(series.filter(|s| !s.samples.is_empty()).collect())
}
