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
use crate::alarm::{AlarmState, Engine, Event, RuleIx, StoredAlarm, StoredMemory, Transition};
use crate::clock::{Watch, now_since};
use crate::hazard::{Hazard, Register, Status};
use crate::people::Actor;
use crate::plant::Now;
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

    /// A value of before, or a delay towards a limit of before, means nothing where its point is in another unit now.
    fn forget_numbers(&mut self, read: &ReadChanges) {
        for saved in &mut self.alarms {
            let Some((point, _)) = saved.key.rsplit_once('.') else { continue };
            if read.units.iter().any(|unit| unit.point == point) {
                (saved.value, saved.excursion) = (None, None);
                (saved.on_elapsed_ms, saved.off_elapsed_ms) = (None, None);
            }
        }
    }

    fn take_ledger(&mut self, ledger: &LedgerReader) -> Result<(), StoreError> {
        self.alarms = ledger.alarms()?;
        self.hazards = ledger.unfinished_hazards()?;
        self.numbers = ledger.numbers()?;
        self.windows = ledger.windows()?;
        // The least precious: without them means begin anew, and nothing else is unknown.
        self.memories = ledger.memories().unwrap_or_else(|e| {
            error!("what formulas remembered cannot be read, they begin anew: {e}");
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
        // At once, where it can be: what follows then reads one file.
        let drained = files.drain_overflow();
        let mut before = Before::read(&files);
        files.unknown = before.unknown;
        if let Err(e) = drained {
            error!("the ledger does not take what waited in the journal: {e}");
        }
        before.forget_numbers(&parts.read);
        let mut engine = Engine::new(&parts.plant, now);
        engine.remember(&before.memories, now);
        let mut gone = engine.restore(&before.alarms, now);
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
    fn an_alarm_of_a_point_that_is_in_another_unit_since_the_last_start_is_restored_without_its_number() {
        let saved = |key: &str| StoredAlarm {
            key: key.to_owned(),
            value: Some(1.6),
            on_elapsed_ms: Some(5),
            excursion: Some(crate::alarm::StoredExcursion { since_ms: 1, peak: 1.6, beyond: true }),
            ..StoredAlarm::default()
        };
        let mut before =
            Before { alarms: vec![saved("v/p.hh"), saved("v/p2.hh"), saved("gateway")], ..Before::default() };
        let unit = Otherwise { point: "v/p".to_owned(), was: "MPa".to_owned(), now: "bar".to_owned() };
        before.forget_numbers(&ReadChanges { units: vec![unit], ..ReadChanges::default() });
        let left = before.alarms.iter().map(|s| (s.value, s.on_elapsed_ms, s.excursion.is_some()));
        let (none, all) = ((None, None, false), (Some(1.6), Some(5), true));
        assert_eq!(left.collect::<Vec<_>>(), [none, all, all]);
    }
}
