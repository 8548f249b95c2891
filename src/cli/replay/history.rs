//! Where a rehearsal's samples come from: the gateway's own journal, a database that it wrote to, or a table;
//! and what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use crate::alarm::rehearsal::{Hours, Rehearsal, Tally};
use crate::outlet::influx::past;
use crate::plant::{Batch, Cause, DeviceIx, Micros, Plant, PointIx, Quality, Reading};
use crate::settings::InfluxOutlet;
use crate::store::JournalReader;

use super::table::Table;

/// Readings handed on at once.
const LOT: usize = 50_000;

/// A store of past samples.
pub(super) enum Source<'a> {
    /// Folder with journal.db.
    Journal(PathBuf),
    /// Readings by time, equipment and point.
    Table(Table),
    /// What an outlet has written for this site.
    Influx(&'a InfluxOutlet),
}

/// What really happened in the same time.
pub(super) struct Really {
    /// By rule key.
    pub(super) tallies: BTreeMap<String, Tally>,
    /// Calls to people.
    pub(super) calls: u64,
    pub(super) hours: Hours,
    /// Hazards found.
    pub(super) hazards: u64,
}

impl Source<'_> {
    /// First and last time there is; `None` for a database, where finding out would read all of it.
    pub(super) fn span(&self) -> Result<Option<(Micros, Micros)>, String> {
        let dir = match self {
            Self::Table(table) => return Ok(Some(table.span)),
            Self::Influx(_) => return Ok(None),
            Self::Journal(dir) => dir,
        };
        let mut span = None::<(Micros, Micros)>;
        // Only the first and the last chunk are looked into.
        for chunk in journal(dir)?.ends().map_err(|e| e.to_string())? {
            let mut widen = |at: Micros| span = Some(span.map_or((at, at), |(a, b)| (a.min(at), b.max(at))));
            crate::store::unpack(&chunk.body, |sample| widen(sample.at)).map_err(|e| e.to_string())?;
        }
        span.map(Some).ok_or_else(|| format!("{}: there is no reading in it", dir.display()))
    }

    /// Feeds everything between the two times; gives what the settings do not know.
    pub(super) fn read(
        &self,
        plant: &Plant,
        (from, to): (Micros, Micros),
        rehearsal: &mut Rehearsal,
    ) -> Result<BTreeSet<String>, String> {
        let points: BTreeMap<(&str, &str), PointIx> = plant
            .points_ix()
            .map(|(ix, p)| ((plant.equipment_at(p.equipment).id.as_str(), p.id.as_str()), ix))
            .collect();
        match self {
            Self::Journal(dir) => from_journal(journal(dir)?, plant, &points, (from, to), rehearsal),
            Self::Table(table) => {
                let mut judge = Judge::new(plant, rehearsal);
                let mut unknown = BTreeSet::new();
                let place = |equipment: &str, point: &str| known(&points, &mut unknown, equipment, point);
                table.each((from, to), place, |at, point, value| judge.reading(at, point, value))?;
                judge.end();
                Ok(unknown)
            }
            Self::Influx(outlet) => {
                let mut judge = Judge::new(plant, rehearsal);
                let mut unknown = BTreeSet::new();
                let each = |r: &past::PastReading| {
                    if let Some(point) = known(&points, &mut unknown, &r.equipment, &r.point) {
                        judge.reading(r.at, point, r.value);
                    }
                };
                let read = past::read(outlet, plant.site.id.as_str(), points.len(), (from, to), each);
                let runtime = super::super::runtime().map_err(|e| e.to_string())?;
                runtime.block_on(read).map_err(|e| format!("outlet `{}`: {e}", outlet.id))?;
                judge.end();
                Ok(unknown)
            }
        }
    }
}

fn journal(dir: &Path) -> Result<JournalReader, String> {
    let file = dir.join("journal.db");
    if !file.exists() {
        return Err(format!("{}: not there; --data names the folder of a gateway's store", file.display()));
    }
    JournalReader::open(&file).map_err(|e| format!("{}: {e}", file.display()))
}

/// One thread reads and unpacks, this one judges.
fn from_journal(
    journal: JournalReader,
    plant: &Plant,
    points: &BTreeMap<(&str, &str), PointIx>,
    (from, to): (Micros, Micros),
    rehearsal: &mut Rehearsal,
) -> Result<BTreeSet<String>, String> {
    let mut unknown = BTreeSet::new();
    let mut of_series: Vec<Option<PointIx>> = Vec::new();
    for series in journal.series().map_err(|e| e.to_string())? {
        let mut found = points.get(&(series.equipment.as_str(), series.point.as_str())).copied();
        if found.is_none() {
            unknown.insert(format!("{}/{}", series.equipment, series.point));
        }
        if let Some(unit) = found.map(|ix| plant.point(ix).unit.as_str())
            && !series.is_in(unit)
        {
            let (name, was) = (&series.equipment, series.unit.as_deref().unwrap_or_default());
            unknown.insert(format!("{name}/{} as far as it is stored in {was}, not {unit}", series.point));
            found = None;
        }
        let n = series.id as usize;
        if of_series.len() <= n {
            of_series.resize(n + 1, None);
        }
        of_series[n] = found;
    }
    let (full, lots) = mpsc::sync_channel::<Lot>(4);
    let (empty, reuse) = mpsc::channel::<Lot>();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut lot = Lot::default();
            let mut run: Vec<Reading> = Vec::new();
            let read = journal.between(from, to, |sample| {
                if sample.at < from || sample.at > to {
                    return;
                }
                let mut device = None;
                for packed in sample.readings {
                    let Some(point) = of_series.get(packed.series as usize).copied().flatten() else {
                        continue;
                    };
                    let of = plant.point(point).device;
                    if device != Some(of) {
                        put(&mut lot, device, (sample.at, sample.live), &mut run);
                        device = Some(of);
                    }
                    run.push(Reading { point, value: packed.value, quality: packed.quality });
                }
                put(&mut lot, device, (sample.at, sample.live), &mut run);
                if lot.batch.readings_len() >= LOT {
                    let next = reuse.try_recv().unwrap_or_default();
                    // The other side has ended: nothing more is wanted.
                    let _ = full.send(std::mem::replace(&mut lot, next));
                }
            });
            let _ = full.send(lot);
            read.map(|()| journal.take_unread())
        });
        for mut lot in lots {
            for ((head, readings), live) in lot.batch.samples_mut().zip(&lot.live) {
                rehearsal.sample(head.device, head.at, *live, readings);
            }
            lot.batch.clear();
            lot.live.clear();
            let _ = empty.send(lot);
        }
        match reader.join() {
            Ok(read) => read.map_err(|e| e.to_string()),
            Err(_) => Err("the reading thread ended early".to_owned()),
        }
    })
    .map(|unread| {
        unknown.extend(unread.into_iter().map(|gap| {
            format!(
                "{} readings from {} on, which do not read back: {}",
                gap.readings,
                gap.from.rfc3339(),
                gap.why
            )
        }));
    })?;
    Ok(unknown)
}

/// Samples, and whether the gateway judged each.
#[derive(Default)]
struct Lot {
    batch: Batch,
    live: Vec<Option<bool>>,
}

fn put(lot: &mut Lot, device: Option<DeviceIx>, (at, live): (Micros, Option<bool>), run: &mut Vec<Reading>) {
    if let (Some(device), false) = (device, run.is_empty()) {
        lot.batch.push(device, at, live.unwrap_or(true), run);
        lot.live.push(live);
    }
    run.clear();
}

/// The point of that name; an unknown one is noted.
fn known(
    points: &BTreeMap<(&str, &str), PointIx>,
    unknown: &mut BTreeSet<String>,
    equipment: &str,
    point: &str,
) -> Option<PointIx> {
    let found = points.get(&(equipment, point)).copied();
    if found.is_none() {
        unknown.insert(format!("{equipment}/{point}"));
    }
    found
}

/// Takes single readings, and judges those of one device and time together. A point that its device leaves out goes
/// stale, as it does in the gateway: a table or a database holds no bad readings.
struct Judge<'a> {
    plant: &'a Plant,
    rehearsal: &'a mut Rehearsal,
    waiting: Option<(DeviceIx, Micros)>,
    run: Vec<Reading>,
    /// When each point was read last; `None` before its first reading, and when its gap is told.
    read: Vec<Option<Micros>>,
    /// When each device was looked over last.
    looked: Vec<Micros>,
}

/// How often to look for points missing from what a device says, microseconds.
const LOOK_EVERY: i64 = 1_000_000;

impl<'a> Judge<'a> {
    fn new(plant: &'a Plant, rehearsal: &'a mut Rehearsal) -> Self {
        let (read, looked) = (vec![None; plant.points.len()], vec![Micros(i64::MIN); plant.devices.len()]);
        Self { plant, rehearsal, waiting: None, run: Vec::new(), read, looked }
    }

    fn reading(&mut self, at: Micros, point: PointIx, value: f64) {
        let of = (self.plant.point(point).device, at);
        if self.waiting != Some(of) {
            self.end();
            self.waiting = Some(of);
        }
        self.run.push(Reading { point, value, quality: Quality::Good });
        self.read[point.0 as usize] = Some(at);
    }

    /// Points that this device has left out for longer than it may be silent.
    fn look_for_missing(&mut self, device: DeviceIx, at: Micros) {
        let looked = &mut self.looked[device.0 as usize];
        if at.0.saturating_sub(looked.0) < LOOK_EVERY {
            return;
        }
        *looked = at;
        let of = self.plant.device(device);
        for point in &of.points {
            let read = &mut self.read[point.0 as usize];
            if read.is_some_and(|read| read.plus(of.stale_after) < at) {
                *read = None;
                let quality = Quality::Bad(Cause::Stale);
                self.run.push(Reading { point: *point, value: f64::NAN, quality });
            }
        }
    }

    /// Judges what is left.
    fn end(&mut self) {
        if let Some((device, at)) = self.waiting {
            self.look_for_missing(device, at);
            self.rehearsal.sample(device, at, None, &mut self.run);
        }
        self.run.clear();
    }
}

/// Alarms and hazards of the ledger in this time.
pub(super) fn really<'k>(
    dir: &Path,
    (from, to): (Micros, Micros),
    rules: impl Iterator<Item = &'k str>,
) -> Result<Really, String> {
    let file = dir.join("ledger.db");
    let named = |e: crate::store::StoreError| format!("{}: {e}", file.display());
    let ledger = super::super::ledger_in(&file)?;
    let mut really = Really { tallies: BTreeMap::new(), calls: 0, hours: Hours::default(), hazards: 0 };
    // What stood already counts from the beginning, there as here.
    for rule in rules {
        if ledger.stood_since(rule, from).map_err(named)?.is_some() {
            really.tallies.entry(rule.to_owned()).or_default().raise(from, false);
        }
    }
    for row in ledger.transitions_between(from, to).map_err(named)? {
        let calls = row.annunciates();
        let tally = really.tallies.entry(row.rule).or_default();
        match row.event.as_str() {
            "raised" => tally.raise(row.at, !calls),
            "cleared" => tally.clear(row.at),
            _ => {}
        }
        if calls {
            really.calls += 1;
            really.hours.call(row.at);
        }
    }
    // What still stands has stood until the end.
    really.tallies.values_mut().for_each(|t| t.clear(to));
    really.hazards = ledger.hazards_found(from, to).map_err(named)?.len() as u64;
    Ok(really)
}
