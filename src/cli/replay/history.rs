//! Where a rehearsal's samples come from: the gateway's own journal, a database that it wrote to, or a table;
//! and what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use crate::outlet::influx::past;
use crate::plant::{Batch, DeviceIx, Micros, Plant, PointIx, Quality, Reading};
use crate::settings::InfluxOutlet;
use crate::store::{JournalReader, LedgerReader};
use crate::watch::rehearsal::{Hours, Rehearsal, Tally};

/// Readings handed on at once.
const LOT: usize = 50_000;

/// A store of past samples.
pub(super) enum Source<'a> {
    /// Folder with journal.db.
    Journal(PathBuf),
    /// time, equipment, point, value.
    Csv(PathBuf),
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
        let (mut first, mut last) = (None::<Micros>, None::<Micros>);
        let mut widen = |at: Micros| {
            first = Some(first.map_or(at, |f| f.min(at)));
            last = Some(last.map_or(at, |l| l.max(at)));
        };
        match self {
            Self::Journal(dir) => {
                let journal = journal(dir)?;
                // Only the first and the last chunk are looked into.
                for chunk in journal.ends().map_err(|e| e.to_string())? {
                    crate::store::unpack(&chunk.body, |sample| widen(sample.at))
                        .map_err(|e| e.to_string())?;
                }
            }
            Self::Csv(file) => rows(file, |row| {
                widen(row.at);
                Ok(())
            })?,
            Self::Influx(_) => return Ok(None),
        }
        let what = match self {
            Self::Journal(dir) => dir,
            Self::Csv(file) => file,
            Self::Influx(_) => return Ok(None),
        };
        first.zip(last).map(Some).ok_or_else(|| format!("{}: there is no reading in it", what.display()))
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
            Self::Csv(file) => {
                let mut judge = Judge::new(plant, &points, rehearsal);
                rows(file, |row| {
                    if row.at >= from && row.at <= to {
                        judge.reading(row.at, &row.equipment, &row.point, row.value);
                    }
                    Ok(())
                })?;
                Ok(judge.end())
            }
            Self::Influx(outlet) => {
                let mut judge = Judge::new(plant, &points, rehearsal);
                let each = |r: &past::PastReading| judge.reading(r.at, &r.equipment, &r.point, r.value);
                let read = past::read(outlet, plant.site.id.as_str(), points.len(), (from, to), each);
                let runtime = super::super::runtime().map_err(|e| e.to_string())?;
                runtime.block_on(read).map_err(|e| format!("outlet `{}`: {e}", outlet.id))?;
                Ok(judge.end())
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
        let found = points.get(&(series.equipment.as_str(), series.point.as_str())).copied();
        if found.is_none() {
            unknown.insert(format!("{}/{}", series.equipment, series.point));
        }
        let n = series.id as usize;
        if of_series.len() <= n {
            of_series.resize(n + 1, None);
        }
        of_series[n] = found;
    }
    let (full, lots) = mpsc::sync_channel::<Batch>(4);
    let (empty, reuse) = mpsc::channel::<Batch>();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut lot = Batch::default();
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
                        put(&mut lot, device, sample.at, &mut run);
                        device = Some(of);
                    }
                    run.push(Reading { point, value: packed.value, quality: packed.quality });
                }
                put(&mut lot, device, sample.at, &mut run);
                if lot.readings_len() >= LOT {
                    let next = reuse.try_recv().unwrap_or_default();
                    // The other side has ended: nothing more is wanted.
                    let _ = full.send(std::mem::replace(&mut lot, next));
                }
            });
            let _ = full.send(lot);
            read
        });
        for mut lot in lots {
            for (head, readings) in lot.samples_mut() {
                rehearsal.sample(head.device, head.at, readings);
            }
            lot.clear();
            let _ = empty.send(lot);
        }
        match reader.join() {
            Ok(read) => read.map_err(|e| e.to_string()),
            Err(_) => Err("the reading thread ended early".to_owned()),
        }
    })?;
    Ok(unknown)
}

fn put(lot: &mut Batch, device: Option<DeviceIx>, at: Micros, run: &mut Vec<Reading>) {
    if let (Some(device), false) = (device, run.is_empty()) {
        lot.push(device, at, true, run);
    }
    run.clear();
}

struct Row {
    at: Micros,
    equipment: String,
    point: String,
    value: f64,
}

/// Every row of the table in its order; times as RFC 3339 or in seconds since 1970.
fn rows(file: &Path, mut each: impl FnMut(Row) -> Result<(), String>) -> Result<(), String> {
    let named = |what: String| format!("{}: {what}", file.display());
    let mut table = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(file)
        .map_err(|e| named(e.to_string()))?;
    let headers = table.headers().map_err(|e| named(e.to_string()))?.clone();
    let column = |name: &str| {
        headers.iter().position(|h| h.trim_start_matches('\u{feff}') == name).ok_or_else(|| {
            named(format!("there is no column `{name}`; wanted: time, equipment, point, value"))
        })
    };
    let (time, equipment, point, value) =
        (column("time")?, column("equipment")?, column("point")?, column("value")?);
    for record in table.records() {
        let record = record.map_err(|e| named(e.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |n: usize| record.get(n).unwrap_or_default();
        let at = match cell(time).parse::<jiff::Timestamp>() {
            Ok(t) => Micros(t.as_microsecond()),
            Err(_) => match cell(time).parse::<f64>() {
                Ok(seconds) if (0.0..4e9).contains(&seconds) => Micros((seconds * 1e6).round() as i64),
                _ => {
                    return Err(named(format!(
                        "line {line}: `{}` is no time; write 2026-11-24T08:00:00Z, or seconds since 1970",
                        cell(time)
                    )));
                }
            },
        };
        // An empty cell is a value that was not there.
        let text = cell(value);
        let number = if text.is_empty() { Ok(f64::NAN) } else { text.parse::<f64>() };
        let Ok(number) = number else {
            return Err(named(format!("line {line}: `{text}` is no number")));
        };
        each(Row {
            at,
            equipment: cell(equipment).to_owned(),
            point: cell(point).to_owned(),
            value: number,
        })?;
    }
    Ok(())
}

/// Takes single readings, and judges those of one device and time together.
struct Judge<'a> {
    plant: &'a Plant,
    points: &'a BTreeMap<(&'a str, &'a str), PointIx>,
    rehearsal: &'a mut Rehearsal,
    unknown: BTreeSet<String>,
    waiting: Option<(DeviceIx, Micros)>,
    run: Vec<Reading>,
}

impl<'a> Judge<'a> {
    fn new(
        plant: &'a Plant,
        points: &'a BTreeMap<(&'a str, &'a str), PointIx>,
        rehearsal: &'a mut Rehearsal,
    ) -> Self {
        Self { plant, points, rehearsal, unknown: BTreeSet::new(), waiting: None, run: Vec::new() }
    }

    fn reading(&mut self, at: Micros, equipment: &str, point: &str, value: f64) {
        let Some(point) = self.points.get(&(equipment, point)).copied() else {
            self.unknown.insert(format!("{equipment}/{point}"));
            return;
        };
        let of = (self.plant.point(point).device, at);
        if self.waiting != Some(of) {
            self.judge();
            self.waiting = Some(of);
        }
        self.run.push(Reading { point, value, quality: Quality::Good });
    }

    fn judge(&mut self) {
        if let Some((device, at)) = self.waiting {
            self.rehearsal.sample(device, at, &mut self.run);
        }
        self.run.clear();
    }

    /// Judges what is left; gives what the settings do not know.
    fn end(mut self) -> BTreeSet<String> {
        self.judge();
        self.unknown
    }
}

/// Alarms and hazards of the ledger in this time.
pub(super) fn really(dir: &Path, (from, to): (Micros, Micros)) -> Result<Really, String> {
    let file = dir.join("ledger.db");
    let named = |e: crate::store::StoreError| format!("{}: {e}", file.display());
    let ledger = LedgerReader::open(&file).map_err(named)?;
    let mut really = Really { tallies: BTreeMap::new(), calls: 0, hours: Hours::default(), hazards: 0 };
    for row in ledger.transitions_between(from, to).map_err(named)? {
        let calls = row.after == "unacknowledged" && row.event != "repeated" && row.before != "acknowledged";
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
    let found = |h: &crate::hazard::Hazard| h.found_at >= from && h.found_at <= to;
    really.hazards = ledger.hazards(true).map_err(named)?.iter().filter(|h| found(h)).count() as u64;
    Ok(really)
}
