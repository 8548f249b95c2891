//! A keeper from what the ledger holds, and from what the journal holds for it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::mpsc;
use tracing::{error, info};
use uuid::Uuid;

use super::commit::Pulse;
use super::files::Files;
use super::own::OwnAlarms;
use super::waiting::Waiting;
use super::work::{Job, News, Work};
use super::{Keeper, Parts};
use crate::alarm::{AlarmState, Engine, Event, MemoryOf, RuleIx, StoredAlarm, StoredMemory, Transition};
use crate::clock::{Watch, now_since};
use crate::hazard::{Hazard, Register, Status};
use crate::people::Actor;
use crate::plant::{LimitKind, Now, Plant};
use crate::settings::{Otherwise, ReadChanges};
use crate::store::{JournalReader, LedgerReader, Recorded, StoreError};

/// What is known of before.
#[derive(Default)]
struct Before {
    alarms: Vec<StoredAlarm>,
    memories: Vec<StoredMemory>,
    hazards: Vec<Hazard>,
    numbers: HashMap<String, u32>,
    /// By hazard: the journal's name and how far the clock had been set.
    windows: HashMap<String, (String, i64)>,
    /// The ledger is there and cannot be read.
    unknown: bool,
}

impl Before {
    /// What can be known of before; `read`: what has been read otherwise since.
    fn of(files: &mut Files, read: &ReadChanges) -> Self {
        // At once, where it can be: what follows then reads one file.
        let drained = files.drain_overflow();
        let mut before = Self::read(files);
        files.unknown = before.unknown;
        if let Err(e) = drained {
            error!("the ledger does not take what waited in the journal: {e}");
        }
        before.tell_units(read);
        before
    }

    /// Reads what can be read.
    fn read(files: &Files) -> Self {
        let path = files.dir.join("ledger.db");
        let mut before = Self::default();
        if path.exists() {
            match before.take_ledger(&files.ledger_reader()) {
                Ok(()) => {}
                Err(e) => {
                    error!("alarm states and open hazards of before are not known: {e}");
                    before.unknown = true;
                }
            }
        }
        if let Err(e) = before.take_overflow(files) {
            error!("what waited in the journal for the ledger cannot be read: {e}");
        }
        before
    }

    /// Rows of earlier versions do not say in which unit their numbers are: it is the one of the last start. What the
    /// tests of such a point remember is forgotten.
    fn tell_units(&mut self, read: &ReadChanges) {
        if read.units.is_empty() {
            return;
        }
        let was: HashMap<&str, &str> =
            read.units.iter().map(|unit| (unit.point.as_str(), unit.was.as_str())).collect();
        for saved in self.alarms.iter_mut().filter(|s| s.unit.is_none() && s.has_numbers()) {
            // How long a point has not been read is the same in any unit.
            let Some((point, kind)) = saved.key.rsplit_once('.') else { continue };
            if kind != LimitKind::NoData.key() {
                saved.unit = was.get(point).map(|unit| (*unit).to_owned());
            }
        }
        self.memories.retain(|m| m.of != MemoryOf::Test || !was.contains_key(m.name.as_str()));
    }

    /// An engine that goes on from there, the gateway's own alarms, and rows of rules that the settings do not have any more.
    fn engine(&self, plant: &Plant, now: Now) -> (Engine, OwnAlarms, Vec<StoredAlarm>) {
        let mut engine = Engine::new(plant, now);
        engine.remember(&self.memories, now);
        let mut gone = engine.restore(&self.alarms, now);
        let own = OwnAlarms::restore(&gone);
        gone.retain(|saved| !OwnAlarms::is_own(&saved.key));
        if !gone.is_empty() {
            info!(
                "{} stored alarm states belong to limits no longer in the settings; they stay stored",
                gone.len()
            );
        }
        // Those that were there until now; of others it is stored since when they are not.
        gone.retain(|saved| saved.away == Some(now.wall));
        (engine, own, gone)
    }

    fn take_ledger(&mut self, ledger: &LedgerReader) -> Result<(), StoreError> {
        self.alarms = ledger.alarms()?;
        self.hazards = ledger.unfinished_hazards()?;
        self.numbers = ledger.numbers()?;
        self.windows = ledger.windows()?;
        // The least precious: without them means begin anew, and nothing else is unknown.
        self.memories = ledger.memories().unwrap_or_else(|e| {
            error!(
                "what formulas, tests of readings and calls remembered cannot be read, they begin anew: {e}"
            );
            Vec::new()
        });
        Ok(())
    }

    /// What the ledger has not taken yet is newer than what stands in it.
    fn take_overflow(&mut self, files: &Files) -> Result<(), StoreError> {
        let path = files.dir.join("journal.db");
        if !path.exists() {
            return Ok(());
        }
        let ledger = files.ledger_reader();
        let taken = |name: &str| ledger.taken_over(name).unwrap_or(0);
        for (_, text) in JournalReader::lazy(&path).overflow(taken)? {
            let row = Recorded::from_text(&text)?;
            if let Some(alarm) = row.alarm() {
                self.alarms.retain(|before| before.key != alarm.key);
                self.alarms.push(alarm);
            }
            if let Some(memory) = row.memory() {
                self.memories.retain(|before| (before.of, &before.name) != (memory.of, &memory.name));
                self.memories.push(memory);
            }
            if let Some(hazard) = row.hazard() {
                self.hazards.retain(|h| h.id != hazard.id);
                let (day, number) = hazard.number.split_at(hazard.number.len().min(12));
                let highest = self.numbers.entry(day.to_owned()).or_default();
                *highest = (*highest).max(number.parse().unwrap_or(0));
                let sealed = matches!(hazard.evidence, crate::hazard::Evidence::Sealed { .. });
                if hazard.status != Status::Closed || !sealed {
                    self.hazards.push(hazard);
                }
            }
        }
        Ok(())
    }
}

impl Keeper {
    pub(super) fn restore(
        parts: Parts,
        (jobs, news): (std::sync::mpsc::Sender<Job>, mpsc::UnboundedReceiver<News>),
        beat: Arc<AtomicBool>,
    ) -> Result<(Self, Files), StoreError> {
        let start = crate::clock::start();
        let now = now_since(start);
        let (clock, face) = parts.clock;
        let clock = Watch::new(now, clock.require_sync, clock.sync_file, face);
        let mut files = parts.files;
        let before = Before::of(&mut files, &parts.read);
        let (engine, own, gone) = before.engine(&parts.plant, now);
        let timezone = crate::plant::zone(&parts.plant.site.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
        let rules = engine.rules().iter().zip(0u32..).map(|(r, n)| (r.key.to_string(), RuleIx(n))).collect();
        let (ahead, found_ahead) = found_ahead(&files, &before.windows);
        let newest = files.journal.as_ref().and_then(|j| j.stats().ok()).map_or(0, |s| s.last_seq);
        for hazard in before.hazards.iter().filter(|h| h.status != Status::Closed) {
            parts.live.show_hazard(hazard.clone());
        }
        let mut keeper = Self {
            waiting: Waiting::new(Arc::clone(&parts.plant), parts.store.waiting_max),
            register: Register::restore(before.hazards),
            numbers: before.numbers,
            numbers_unknown: before.unknown,
            seal_at: HashMap::new(),
            sealing: HashSet::new(),
            jobs: Some(jobs),
            plant: parts.plant,
            store: parts.store,
            window: parts.evidence,
            unread: parts.unread,
            deliveries: parts.deliveries,
            reports: parts.reports,
            commands: parts.commands,
            plants: parts.plants,
            committed: parts.committed,
            changed: parts.changed,
            live: parts.live,
            counters: parts.counters,
            influx_ids: parts.influx_ids,
            ack: parts.ack,
            hold: parts.hold,
            board: parts.board,
            unwell_since: None,
            work: Work::default(),
            since: None,
            handed: None,
            pulse: Pulse::new(),
            handed_acks: Vec::new(),
            retry_at: None,
            failing_since: None,
            unstored: 0,
            looked: None,
            marked: None,
            news,
            engine,
            own,
            ahead,
            found_ahead,
            beat,
            start,
            clock,
            timezone,
            rules,
        };
        keeper.work.noted.push(parts.noted);
        keeper.take_leave(gone, now);
        keeper.begin(now, newest, &parts.read);
        Ok((keeper, files))
    }

    /// The settings of this start do not have these rules any more.
    fn take_leave(&mut self, gone: Vec<StoredAlarm>, now: Now) {
        for saved in gone {
            let from = saved.shown();
            if from != AlarmState::Normal {
                let end = Transition {
                    rule: super::own::NO_RULE,
                    from,
                    to: AlarmState::Normal,
                    event: Event::Removed,
                    at: now.wall,
                    value: None,
                    cause: None,
                    by: None,
                    raised_at: saved.raised_at,
                };
                self.work.ledger.transitions.push((saved.key.as_str().into(), end));
            }
            self.work.ledger.alarms([saved]);
        }
    }

    /// Shows what was restored, and notes the start, and what is read otherwise since the last one.
    fn begin(&mut self, now: Now, newest: i64, read: &ReadChanges) {
        let version = concat!("{\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}");
        self.note(now.wall, &Actor::system(), "started", "gateway", version);
        if !read.is_empty() {
            let line = |u: &Otherwise| format!("{}: was in `{}` and is in `{}`", u.point, u.was, u.now);
            let units: Vec<String> = read.units.iter().map(line).collect();
            self.note_changes(now.wall, &units, read);
        }
        for rule in 0..self.engine.rules().len() {
            self.show_alarm(RuleIx(rule as u32));
        }
        self.show_own();
        self.show_points();
        self.committed.send_replace(newest);
        if !read.units.is_empty() {
            // In place of those that are forgotten.
            self.keep_memories();
        }
        self.try_commit(std::time::Instant::now());
    }
}

/// How far the clock has been set, and had been when each hazard was found, as far as this journal tells.
fn found_ahead(files: &Files, windows: &HashMap<String, (String, i64)>) -> (i64, HashMap<Uuid, i64>) {
    let Some(journal) = &files.journal else { return (0, HashMap::new()) };
    let mine = windows.iter().filter(|(_, (name, _))| name == journal.name());
    let found = mine.filter_map(|(id, (_, ahead))| Some((Uuid::parse_str(id).ok()?, *ahead)));
    (journal.ahead(), found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_earlier_versions_get_the_unit_of_the_last_start_and_what_tests_of_another_unit_remember_goes()
    {
        let saved = |key: &str, unit: Option<&str>| StoredAlarm {
            key: key.to_owned(),
            value: Some(1.6),
            unit: unit.map(str::to_owned),
            ..StoredAlarm::default()
        };
        let empty = StoredAlarm { key: "v/p.h".to_owned(), ..StoredAlarm::default() };
        let alarms = [
            saved("v/p.hh", None),
            saved("v/p.l", Some("bar")),
            saved("v/p.no_data", None),
            saved("v/p2.hh", None),
            saved("gateway", None),
            empty,
        ];
        let memory = |of, name: &str| StoredMemory { of, name: name.to_owned(), body: String::new() };
        let memories = vec![
            memory(MemoryOf::Test, "v/p"),
            memory(MemoryOf::Test, "v/p2"),
            memory(MemoryOf::Formula, "v/p"),
        ];
        let mut before = Before { alarms: alarms.to_vec(), memories, ..Before::default() };
        let unit = Otherwise { point: "v/p".to_owned(), was: "MPa".to_owned(), now: "bar".to_owned() };
        before.tell_units(&ReadChanges { units: vec![unit], ..ReadChanges::default() });
        let units: Vec<_> = before.alarms.iter().map(|s| s.unit.as_deref()).collect();
        assert_eq!(units, [Some("MPa"), Some("bar"), None, None, None, None]);
        let left: Vec<_> = before.memories.iter().map(|m| (m.of, m.name.as_str())).collect();
        assert_eq!(left, [(MemoryOf::Test, "v/p2"), (MemoryOf::Formula, "v/p")]);
    }
}
