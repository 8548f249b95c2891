//! What was judged before this start, as far as the journal tells it: a reading that is older is history also now.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use tracing::warn;

use crate::field::Judged;
use crate::plant::{Cause, Micros, PointIx, Quality};
use crate::settings::{ReadChanges, Readings, Settings};
use crate::store::{JournalReader, StoreError};

/// So far back it is read at most; it takes a second or two on a small machine.
const FARTHEST: Duration = Duration::from_secs(6 * 3600);

/// How points are read otherwise than by the settings that were in force last; what a series does not show is told in the
/// log. Nothing where the store does not say how they were read.
pub(super) fn read_changes(settings: &Settings) -> ReadChanges {
    let Some(before) = Readings::kept(&settings.store.dir) else { return ReadChanges::default() };
    let changes = before.changes(&Readings::of(settings));
    for line in changes.lines() {
        warn!("settings: {line}");
    }
    changes
}

/// How points are read by these settings, and how those were read that went before, as far as the store tells it.
pub(super) fn readings(settings: &Settings, kept: bool) -> Readings {
    let before = kept.then(|| Readings::kept(&settings.store.dir)).flatten().unwrap_or_default();
    before.followed_by(&Readings::of(settings))
}

/// The newest usable reading judged of every point whose device says itself when a reading was taken. A journal that cannot be read
/// tells nothing, and stops nothing.
pub(super) fn judged(journal: &Path, settings: &Settings) -> Judged {
    let mapped = settings.mqtt.iter().flat_map(|s| &s.mappings);
    let points = mapped.flat_map(|m| m.points.iter().map(|p| p.point));
    let pushed = settings.push.iter().flat_map(|s| &s.devices);
    let points: Vec<PointIx> = points.chain(pushed.flat_map(|d| d.points.iter().map(|p| p.point))).collect();
    if points.is_empty() || !journal.exists() {
        return Judged::default();
    }
    // What is older than this is history by its age alone.
    let of_mqtt = settings.mqtt.iter().flat_map(|s| &s.mappings).map(|m| m.shape.rule.tolerance);
    let tolerance = of_mqtt.chain(settings.push.iter().map(|s| s.rule.tolerance)).max().unwrap_or_default();
    let mut newest = HashMap::new();
    if let Err(e) = read(journal, settings, (&points, tolerance.min(FARTHEST)), &mut newest) {
        warn!("what was judged before this start is not known: {e}");
    }
    Judged::new(newest)
}

fn read(
    journal: &Path,
    settings: &Settings,
    (points, tolerance): (&[PointIx], Duration),
    newest: &mut HashMap<PointIx, Micros>,
) -> Result<(), StoreError> {
    let reader = JournalReader::open(journal)?;
    let Some(last) = reader.ends()?.pop() else { return Ok(()) };
    let plant = &settings.plant;
    let name = |p: &PointIx| {
        let point = plant.point(*p);
        (plant.equipment_at(point.equipment).id.to_string(), point.id.to_string())
    };
    let known: HashMap<(String, String), PointIx> = points.iter().map(|p| (name(p), *p)).collect();
    let series = reader.series()?.into_iter();
    let of_series: HashMap<u32, PointIx> =
        series.filter_map(|s| Some((s.id, *known.get(&(s.equipment, s.point))?))).collect();
    reader.between(last.committed.minus(tolerance), last.committed, |sample| {
        for reading in sample.readings.iter().filter(|r| sample.live == Some(true) && r.quality.is_usable()) {
            // Under this doubt it has the gateway's time.
            if reading.quality == Quality::Uncertain(Cause::DeviceClock) {
                continue;
            }
            let Some(point) = of_series.get(&reading.series) else { continue };
            let at = newest.entry(*point).or_insert(sample.at);
            *at = sample.at.max(*at);
        }
    })
}
