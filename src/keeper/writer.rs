//! The thread that writes: however long the disk takes, judging goes on. One job after the other; the keeper hands over
//! what waits and hears what became of it.
//!
//! Promises: the ledger before the journal; what the ledger cannot take waits in the journal, within the same commit as the
//! readings; on a full disk delivered history goes first, then the reserve, and both only for what matters more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tracing::{error, warn};

use super::files::{Files, Which};
use super::work::{Done, ForLedger, Job, News, Sealed, Window, Work};
use crate::clock::wall_now;
use crate::live::StoreView;
use crate::plant::{Batch, Micros};
use crate::store::{Damaged, Journal, JournalReader, Ledger, Load, Loss, StoreError, Trouble, evidence};

const TRIM_STEPS: usize = 64;
/// Between two steps of taking over a damaged journal, so that they leave the disk and the processor to others.
const TAKE_OVER_PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Writer {
    files: Files,
    history: JournalReader,
    news: UnboundedSender<News>,
    /// Counts what is done, so that a disk that hangs is told from work that takes its time.
    pulse: Arc<AtomicU64>,
    /// Alarm states that wait until the ledger of before can be read.
    unsaved: ForLedger,
    /// A whole look at the journal, beside the work; tells whether it is sound.
    look: Option<mpsc::Receiver<bool>>,
}

impl Writer {
    pub(super) fn new(files: Files, news: UnboundedSender<News>, pulse: Arc<AtomicU64>) -> Self {
        let history = JournalReader::lazy(&files.dir.join("journal.db"));
        Self { files, history, news, pulse, unsaved: ForLedger::default(), look: None }
    }

    fn beat(&self) {
        self.pulse.fetch_add(1, Ordering::Relaxed);
    }

    /// The next job; `None` if there is none for a moment in which something else can be done.
    fn next(&self, jobs: &mpsc::Receiver<Job>) -> Result<Option<Job>, mpsc::RecvError> {
        if !self.files.is_taking_over() {
            return jobs.recv().map(Some);
        }
        match jobs.recv_timeout(TAKE_OVER_PAUSE) {
            Ok(job) => Ok(Some(job)),
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(None),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(mpsc::RecvError),
        }
    }

    /// Works until nobody asks any more.
    pub(super) fn run(mut self, jobs: &mpsc::Receiver<Job>) {
        self.look_through_history();
        while let Ok(job) = self.next(jobs) {
            self.beat();
            match job {
                None => self.files.take_over_some(),
                Some(Job::Commit(work)) => {
                    let done = self.commit(work);
                    self.tell(News::Done(done));
                }
                Some(Job::Trim { keep_from, outlets, most }) => self.trim(keep_from, &outlets, most),
                Some(Job::Seal(windows)) => {
                    let sealed = windows.into_iter().map(|w| (w.hazard, self.seal(&w))).collect();
                    self.tell(News::Sealed(sealed));
                }
                Some(Job::SetAside(rows)) => self.set_aside(&rows),
                Some(Job::Settle(done)) => {
                    self.settle();
                    // The keeper did not wait so long.
                    let _ = done.send(());
                }
            }
            self.pass_on();
        }
    }

    fn tell(&self, news: News) {
        // The keeper has ended.
        let _ = self.news.send(news);
    }

    fn pass_on(&mut self) {
        for told in std::mem::take(&mut self.files.told) {
            self.tell(News::Told(told));
        }
        if !self.files.lost.is_empty() {
            let lost = std::mem::take(&mut self.files.lost);
            self.tell(News::Unread(lost));
        }
    }

    /// The long tables of the ledger are looked through beside the work.
    fn look_through_history(&self) {
        let (reader, news) = (self.files.ledger_reader(), self.news.clone());
        let look = move || match reader.damaged(true) {
            Ok(rows) if rows.is_empty() => {}
            Ok(rows) => {
                let _ = news.send(News::Damaged(rows));
            }
            Err(e) => warn!("the rows of ledger.db could not be looked through: {e}"),
        };
        if let Err(e) = std::thread::Builder::new().name("look-through".to_owned()).spawn(look) {
            warn!("the rows of ledger.db are not looked through: {e}");
        }
    }

    fn set_aside(&mut self, rows: &[Damaged]) {
        self.files.set_aside(rows);
    }

    fn commit(&mut self, mut work: Box<Work>) -> Done {
        let (began, now) = (Instant::now(), wall_now());
        self.files.serve(&work.outlets);
        self.files.tend();
        self.beat();
        self.sort_states(&mut work.ledger);
        let ledger = self.write_ledger(&work.ledger, now);
        self.files.note(Which::Ledger, ledger.as_ref().copied());
        let in_ledger = ledger.is_ok();
        self.beat();
        let (journal, spilled) = self.write_journal(&mut work, in_ledger, now);
        self.files.note(Which::Journal, journal.as_ref().map(drop));
        if work.uptime.is_some() && journal.is_ok() {
            self.files.note_ledger();
        }
        self.files.refill();
        let kept = in_ledger || spilled;
        let bytes = self.files.journal.as_ref().and_then(|j| j.stats().ok()).map(|s| s.bytes);
        let (took, store) = (began.elapsed(), self.view());
        Done { work, kept, in_ledger, journal: journal.ok(), took, bytes, store }
    }

    /// What a ledger that could not be read at the start says of an alarm, or remembers, is not written over by a run that
    /// did not know it.
    fn sort_states(&mut self, work: &mut ForLedger) {
        if self.files.unknown {
            self.unsaved.alarms.append(&mut work.alarms);
            self.unsaved.memories.append(&mut work.memories);
            return;
        }
        let unsaved = std::mem::take(&mut self.unsaved);
        for (key, alarm) in unsaved.alarms {
            work.alarms.entry(key).or_insert(alarm);
        }
        for (key, memory) in unsaved.memories {
            work.memories.entry(key).or_insert(memory);
        }
        work.alarms.retain(|key, _| !self.files.before.alarms.contains(key));
        work.memories.retain(|key, _| !self.files.before.memories.contains(key));
    }

    fn view(&self) -> StoreView {
        let (state, problem) = match self.files.trouble() {
            Some((trouble, what)) => (trouble.word(), Some(what.to_owned())),
            None if self.files.has_reserve() => ("ok", None),
            None => {
                ("reserve", Some("the disk is full: there is no room for the ledger's reserve".to_owned()))
            }
        };
        StoreView { state, problem, ..StoreView::default() }
    }

    fn write_ledger(&mut self, work: &ForLedger, now: Micros) -> Result<(), StoreError> {
        let mut went = self.try_ledger(work, now);
        if went.as_ref().is_err_and(|e| e.trouble() == Trouble::Full) && self.files.give_up_history(true) {
            went = self.try_ledger(work, now);
        }
        if went.as_ref().is_err_and(|e| e.trouble() == Trouble::Full) && self.files.give_up_reserve() {
            went = self.try_ledger(work, now);
        }
        went
    }

    fn try_ledger(&mut self, work: &ForLedger, now: Micros) -> Result<(), StoreError> {
        self.files.drain_overflow()?;
        let name = self.files.journal.as_ref().map(|j| j.name().to_owned());
        let trouble = self.files.is_in_trouble(Which::Ledger);
        let Some(ledger) = &mut self.files.ledger else { return Err(self.not_open(Which::Ledger)) };
        ledger.stay()?;
        if work.is_empty() {
            return if trouble { ledger.probe() } else { Ok(()) };
        }
        ledger.write_surely(|tx| work.put(tx, name.as_deref(), now), now)
    }

    fn not_open(&self, which: Which) -> StoreError {
        let file = if which == Which::Ledger { "ledger.db" } else { "journal.db" };
        self.files.again(which).unwrap_or_else(|| StoreError::Moved(format!("{file} cannot be opened")))
    }

    /// Writes readings and places; what the ledger did not take goes along. True if that is on the disk.
    fn write_journal(
        &mut self,
        work: &mut Work,
        in_ledger: bool,
        now: Micros,
    ) -> (Result<Option<i64>, StoreError>, bool) {
        let overflow = match self.overflow(&work.ledger, in_ledger, now) {
            Ok(overflow) => overflow,
            Err(e) => return (Err(e), false),
        };
        let spills = !overflow.is_empty();
        let mut went = self.try_journal(work, &overflow, now);
        if went.as_ref().is_err_and(|e| e.trouble() == Trouble::Full) && self.files.give_up_history(false) {
            went = self.try_journal(work, &overflow, now);
        }
        let mut spilled = spills && went.is_ok();
        if spills && went.is_err() {
            // Alarms and hazards need less room than readings.
            let load = Load { overflow: &overflow, ..Load::default() };
            spilled = self.files.journal.as_mut().is_some_and(|j| j.write(&load, now).is_ok());
        }
        if spilled {
            self.files.spilled();
        }
        (went, spilled)
    }

    fn overflow(&self, work: &ForLedger, in_ledger: bool, now: Micros) -> Result<Vec<String>, StoreError> {
        if in_ledger || work.can_wait() {
            return Ok(Vec::new());
        }
        let name = self.files.journal.as_ref().map(|j| j.name().to_owned());
        let rows = Ledger::record(|tx| work.put(tx, name.as_deref(), now))?;
        rows.iter().map(crate::store::Recorded::to_text).collect()
    }

    fn try_journal(
        &mut self,
        work: &Work,
        overflow: &[String],
        now: Micros,
    ) -> Result<Option<i64>, StoreError> {
        if let Some(block) = work.blocks.first() {
            self.files.reconfigure(&block.plant)?;
        }
        let trouble = self.files.is_in_trouble(Which::Journal);
        let Some(journal) = &mut self.files.journal else { return Err(self.not_open(Which::Journal)) };
        let parts: Vec<(&Batch, i64)> = work.blocks.iter().map(|b| (&b.batch, b.ahead)).collect();
        let uptime = work.uptime.clone();
        journal.stay()?;
        let load = Load { parts: &parts, cursors: &work.cursors, overflow, uptime };
        if trouble && load.parts.is_empty() && load.cursors.is_empty() && overflow.is_empty() {
            journal.probe()?;
        }
        journal.write(&load, now)
    }

    fn trim(&mut self, keep_from: Micros, outlets: &[String], most: u64) {
        self.look_at_journal();
        // A damaged file that was set aside takes its part of the room, but never more than half.
        let most = most.saturating_sub(Journal::bytes_set_aside(&self.files.dir)).max(most / 2);
        let mut lost: Vec<Loss> = Vec::new();
        // Bounded: what is left over is dropped at the next call.
        for _ in 0..TRIM_STEPS {
            let Some(journal) = &mut self.files.journal else { break };
            self.pulse.fetch_add(1, Ordering::Relaxed);
            match journal.trim(outlets, keep_from, most) {
                Ok(trimmed) if trimmed.chunks == 0 => break,
                Ok(trimmed) => lost.extend(trimmed.lost),
                Err(e) => {
                    warn!("the journal could not be trimmed: {e}");
                    if e.is_damage() {
                        self.files.note(Which::Journal, Err(&e));
                    }
                    break;
                }
            }
        }
        if !lost.is_empty() {
            self.tell(News::Lost(lost));
        }
    }

    /// Where damage was met, the file is looked at whole, beside the work: a large one takes its time.
    fn look_at_journal(&mut self) {
        match self.look.as_ref().map(mpsc::Receiver::try_recv) {
            Some(Ok(sound)) => {
                self.look = None;
                self.files.looked_at_journal(sound);
                return;
            }
            Some(Err(mpsc::TryRecvError::Empty)) => return,
            // It could not be read: tried again.
            Some(Err(mpsc::TryRecvError::Disconnected)) => self.look = None,
            None => {}
        }
        if !Journal::is_suspect(&self.files.dir) {
            return;
        }
        let (tell, look) = mpsc::channel();
        let dir = self.files.dir.clone();
        let check = move || match Journal::is_sound(&dir) {
            Ok(sound) => {
                // Nobody waits for it any more: it is looked at again at the next start.
                let _ = tell.send(sound);
            }
            Err(e) => warn!("journal.db could not be looked through: {e}"),
        };
        match std::thread::Builder::new().name("look-at-journal".to_owned()).spawn(check) {
            Ok(_) => self.look = Some(look),
            Err(e) => warn!("journal.db is not looked through: {e}"),
        }
    }

    fn seal(&self, window: &Window) -> Result<Sealed, StoreError> {
        self.beat();
        if self.files.is_taking_over() {
            let what = "readings are still taken over from a damaged journal".to_owned();
            return Err(StoreError::Again { trouble: Trouble::Damaged, what });
        }
        let series =
            evidence::collect(&self.history, &window.equipment, (window.from, window.to), window.ahead)?;
        let readings: usize =
            series.iter().filter(|s| !s.point.starts_with('@')).map(|s| s.samples.len()).sum();
        let (sha256, body) = evidence::seal(&series);
        Ok((sha256, body, readings as u64))
    }

    fn settle(&mut self) {
        self.files.note_ledger();
        let ledger = self.files.ledger.as_ref().map_or(Ok(()), Ledger::settle);
        let journal = self.files.journal.as_ref().map_or(Ok(()), Journal::settle);
        if let Err(e) = ledger.and(journal) {
            error!("the store was not put into one piece; the next start does it: {e}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::{Files, ForLedger, Work, Writer};
    use crate::alarm::{MemoryOf, StoredAlarm, StoredMemory};
    use crate::people::Actor;
    use crate::plant::example::plant;
    use crate::store::{Ledger, LedgerReader};

    fn saved(key: &str, value: f64) -> (String, StoredAlarm) {
        (key.to_owned(), StoredAlarm { key: key.to_owned(), value: Some(value), ..StoredAlarm::default() })
    }

    #[test]
    fn what_a_ledger_says_that_could_not_be_read_at_the_start_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let (path, aside) = (dir.path().join("ledger.db"), dir.path().join("aside.db"));
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let memory = |body: &str| StoredMemory {
            of: MemoryOf::Formula,
            name: "e/total".to_owned(),
            body: body.to_owned(),
        };
        ledger.write(|tx| tx.put_alarm(&saved("e/p.hh", 7.5).1)).unwrap();
        ledger.write(|tx| tx.put_memory(&memory("\"of a year\""))).unwrap();
        ledger.settle().unwrap();
        drop(ledger);
        std::fs::rename(&path, &aside).unwrap();
        std::fs::create_dir(&path).unwrap();
        let second = std::time::Duration::from_secs(1);
        let store = crate::settings::Store {
            dir: dir.path().to_owned(),
            commit_every: second,
            journal_max_bytes: 1 << 30,
            keep: second,
            reserve_bytes: 0,
            waiting_max: 10_000,
        };
        let mut files = Files::open(&store, Arc::new(plant(vec![Vec::new()])), Vec::new()).unwrap();
        assert!(files.ledger.is_none());
        files.unknown = true;
        let (news, _heard) = tokio::sync::mpsc::unbounded_channel();
        let mut writer = Writer::new(files, news, Arc::default());
        let commit = |writer: &mut Writer, states: &[(&str, f64)]| {
            let states: BTreeMap<_, _> = states.iter().map(|(key, value)| saved(key, *value)).collect();
            let note = crate::store::Note {
                at: crate::plant::Micros(1),
                who: Actor::system(),
                what: "tested".to_owned(),
                subject: "gateway".to_owned(),
                detail: "{}".to_owned(),
            };
            let mut ledger = ForLedger { alarms: states, notes: vec![note], ..ForLedger::default() };
            ledger.memories([memory("\"of a minute\"")]);
            assert!(writer.commit(Box::new(Work { ledger, ..Work::default() })).kept);
        };
        commit(&mut writer, &[("e/p.hh", 1.0), ("e/q.h", 1.0), ("e/r.h", 1.0)]);
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        writer.files.try_at_once();
        commit(&mut writer, &[("e/p.hh", 2.0), ("e/q.h", 2.0)]);
        assert!(writer.files.ledger.is_some(), "{:?}", writer.files.trouble());
        let stored = LedgerReader::open(&path).unwrap().alarms().unwrap();
        let mut stored: Vec<_> = stored.iter().map(|s| (s.key.as_str(), s.value)).collect();
        stored.sort_by_key(|s| s.0);
        assert_eq!(stored, [("e/p.hh", Some(7.5)), ("e/q.h", Some(2.0)), ("e/r.h", Some(1.0))]);
        assert_eq!(LedgerReader::open(&path).unwrap().memories().unwrap(), [memory("\"of a year\"")]);
        let trail = LedgerReader::open(&path).unwrap().audit().unwrap();
        assert_eq!(trail.iter().filter(|e| e.what == "tested").count(), 2);
    }
}
