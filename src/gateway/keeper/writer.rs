//! The thread that writes: however long the disk takes, judging goes on. One job after the other; the keeper hands over
//! what waits and hears what became of it.
//!
//! Promises: the ledger before the journal; what the ledger cannot take waits in the journal, within the same commit as the
//! readings; on a full disk delivered history goes first, then the reserve, and both only for what matters more.

use std::sync::mpsc;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;
use tracing::{error, warn};

use super::files::{Files, Which};
use super::work::{Done, ForLedger, Job, News, Sealed, Window, Work};
use crate::clock::wall_now;
use crate::console::StoreView;
use crate::plant::{Batch, Micros};
use crate::store::{Damaged, JournalReader, Ledger, Load, Loss, StoreError, Trouble, evidence};

const TRIM_STEPS: usize = 64;

pub(super) struct Writer {
    files: Files,
    history: JournalReader,
    news: UnboundedSender<News>,
}

impl Writer {
    pub(super) fn new(files: Files, news: UnboundedSender<News>) -> Self {
        let history = JournalReader::lazy(&files.dir.join("journal.db"));
        Self { files, history, news }
    }

    /// Works until nobody asks any more.
    pub(super) fn run(mut self, jobs: &mpsc::Receiver<Job>) {
        self.look_through_history();
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Commit(work) => {
                    let done = self.commit(work);
                    self.tell(News::Done(done));
                }
                Job::Trim { keep_from, outlets, most } => self.trim(keep_from, &outlets, most),
                Job::Seal(windows) => {
                    let sealed = windows.into_iter().map(|w| (w.hazard, self.seal(&w))).collect();
                    self.tell(News::Sealed(sealed));
                }
                Job::SetAside(rows) => self.set_aside(&rows),
                Job::Settle(done) => {
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
        let ledger = self.write_ledger(&work.ledger, now);
        self.files.note(Which::Ledger, ledger.as_ref().copied());
        let in_ledger = ledger.is_ok();
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
            self.files.succeed(&block.plant)?;
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
        if crate::store::Journal::is_suspect(&self.files.dir) {
            // Damage was met by a reader: opened again, the file is looked at whole.
            self.files.journal = None;
            self.files.tend();
        }
        let mut lost: Vec<Loss> = Vec::new();
        // Bounded: what is left over is dropped at the next call.
        for _ in 0..TRIM_STEPS {
            let Some(journal) = &mut self.files.journal else { break };
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

    fn seal(&self, window: &Window) -> Result<Sealed, StoreError> {
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
        let journal = self.files.journal.as_ref().map_or(Ok(()), crate::store::Journal::settle);
        if let Err(e) = ledger.and(journal) {
            error!("the store was not put into one piece; the next start does it: {e}");
        }
    }
}
