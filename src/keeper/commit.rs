//! What is handed to the writer, and what follows when it is on the disk: everybody who waited for it is told.
//!
//! Promises: on failure everything keeps waiting, but for the oldest readings beyond the bound; nothing is acknowledged
//! or answered before it is on the disk, unless a broker would stop sending on a dead disk
//! ([`Keeper::relieve_brokers`]); what is judged is shown at once. Called by the keeper's loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::Keeper;
use super::damage::unread;
use super::files::uptime;
use super::work::{Done, Job, News, Work};
use crate::live::StoreView;
use crate::people::Actor;
use crate::plant::Now;

const RETRY_COMMIT: Duration = Duration::from_millis(500);
/// A writer that has a commit to make and does nothing for longer than this is told as a disk that hangs.
const STALLED: Duration = Duration::from_secs(8);
/// A broker that is about to stop sending is relieved when the disk has taken nothing for this long.
const RELIEF: Duration = Duration::from_secs(2);
/// How often the store is looked at where nothing is written.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often both clocks are noted in the journal.
const MARK_EVERY: Duration = Duration::from_secs(60);
/// What the last commits get at the end.
const LAST: Duration = Duration::from_secs(3);

impl Keeper {
    /// What the engine has to be stored goes into the next commit.
    pub(super) fn take_states(&mut self, now: Now) {
        self.work.ledger.alarms(self.engine.snapshot_changed(now));
        self.work.ledger.memories(self.engine.calls_changed(now));
        for precursor in self.engine.take_precursors() {
            let key = self.engine.rules()[precursor.rule.0 as usize].key.clone();
            self.work.ledger.precursors.push((key, precursor));
        }
    }

    /// Hands what waits to the writer, unless it is still busy.
    pub(super) fn try_commit(&mut self, at: Instant) {
        if self.handed.is_some() {
            return;
        }
        self.take_states(self.now());
        let mut work = std::mem::take(&mut self.work);
        work.blocks = self.waiting.load();
        self.keep_callers(&mut work);
        work.outlets.clone_from(&self.influx_ids);
        let turned = work.blocks.iter().any(|block| block.ahead != 0);
        if turned || self.marked.is_none_or(|marked| marked.elapsed() >= MARK_EVERY) {
            self.marked = Some(at);
            work.uptime = Some(uptime());
        }
        self.handed_acks.clone_from(&work.acks);
        let Some(jobs) = &self.jobs else { return };
        if jobs.send(Job::Commit(Box::new(work))).is_err() {
            crate::keeper::end_of("the writer has ended");
        }
        (self.handed, self.looked) = (Some(at), Some(at));
        self.since = None;
        if !self.waiting.is_empty() {
            self.waits();
        }
    }

    /// More waits than goes into one commit: whoever waits for word is answered with the last of it.
    fn keep_callers(&mut self, work: &mut Work) {
        if !self.waiting.is_empty() {
            self.work.acks = std::mem::take(&mut work.acks);
            self.work.pushers = std::mem::take(&mut work.pushers);
        }
    }

    /// Takes what the writer tells.
    pub(super) fn hear(&mut self, news: News) {
        match news {
            News::Done(done) => self.done(done),
            News::Lost(lost) => {
                for loss in &lost {
                    error!(
                        outlet = loss.outlet,
                        readings = loss.readings,
                        "disk budget reached: undelivered readings were dropped, see the loss ledger"
                    );
                }
                self.work.ledger.losses.extend(lost.into_iter().map(|loss| (loss, "disk budget")));
                self.waits();
            }
            News::Unread(gaps) => {
                for (loss, reason) in &gaps {
                    error!(outlet = loss.outlet, readings = loss.readings, "{reason}; see the loss ledger");
                }
                self.work.ledger.unread.extend(gaps);
                self.waits();
            }
            News::Sealed(sealed) => self.sealed(sealed),
            News::Damaged(rows) => {
                if let Some(jobs) = &self.jobs {
                    let _ = jobs.send(Job::SetAside(rows));
                }
            }
            News::Told(what) => {
                error!("{what}");
                let detail = serde_json::json!({ "what": what }).to_string();
                let now = self.now();
                self.note(now.wall, &Actor::system(), "store-told", "gateway", &detail);
                self.own_alarm_of_the_ledger(&what, now);
            }
        }
    }

    fn done(&mut self, done: Done) {
        self.handed = None;
        let Done { mut work, kept, in_ledger, journal, took, bytes, store } = done;
        // Empty where they were acknowledged meanwhile.
        work.acks = std::mem::take(&mut self.handed_acks);
        if let Some(bytes) = bytes {
            self.counters.journal_bytes.store(bytes, Ordering::Relaxed);
        }
        let went_well = store.problem.is_none() || store.state == "reserve";
        let ledger = std::mem::take(&mut work.ledger);
        let touched: Vec<Box<str>> = ledger.transitions.iter().map(|(key, _)| key.clone()).collect();
        let hazards = !ledger.hazards.is_empty();
        let delivered = !ledger.deliveries.is_empty();
        if kept {
            for (reply, outcome) in work.replies.drain(..) {
                // Whoever asked has gone.
                let _ = reply.send(outcome);
            }
            for noted in work.noted.drain(..) {
                let _ = noted.send(());
            }
        } else {
            self.work.ledger.put_back(ledger);
            join(std::mem::take(&mut work.replies), &mut self.work.replies);
            join(std::mem::take(&mut work.noted), &mut self.work.noted);
        }
        for key in touched {
            if let Some(rule) = self.rules.get(&*key).copied() {
                self.show_alarm(rule);
            }
        }
        if in_ledger {
            let waiting = &self.work.ledger;
            self.live
                .hazards_are_kept(|id| waiting.hazards.iter().any(|(c, _)| c.hazard.id.to_string() == id));
        }
        if in_ledger && (hazards || delivered || self.retry_at.is_some()) {
            self.changed.send_modify(|n| *n += 1);
        }
        match journal {
            Some(seq) => self.stored(*work, seq, took),
            None => self.not_stored(*work),
        }
        self.show_store(store, went_well && kept && journal.is_some());
    }

    /// The readings are on the disk.
    fn stored(&mut self, work: Work, seq: Option<i64>, took: Duration) {
        if !work.acks.is_empty() {
            (self.ack)(work.acks);
        }
        for pusher in work.pushers {
            // One that has gone away meanwhile will send it again.
            let _ = pusher.send(());
        }
        if let Some(seq) = seq {
            self.committed.send_replace(seq);
        }
        let readings: usize = work.blocks.iter().map(|b| b.batch.readings_len()).sum();
        let samples: usize = work.blocks.iter().map(|b| b.batch.samples().count()).sum();
        self.waiting.done(work.blocks);
        if seq.is_none() {
            return;
        }
        let c = &self.counters;
        c.readings.fetch_add(readings as u64, Ordering::Relaxed);
        c.samples.fetch_add(samples as u64, Ordering::Relaxed);
        c.commits.fetch_add(1, Ordering::Relaxed);
        c.last_commit_micros.store(took.as_micros() as u64, Ordering::Relaxed);
    }

    fn not_stored(&mut self, mut work: Work) {
        self.waiting.put_back(std::mem::take(&mut work.blocks));
        join(std::mem::take(&mut work.acks), &mut self.work.acks);
        join(std::mem::take(&mut work.pushers), &mut self.work.pushers);
        self.work.pushers.retain(|pusher| !pusher.is_closed());
        self.let_go();
        for (outlet, seq, readings) in work.cursors {
            match self.work.cursors.iter_mut().find(|c| c.0 == outlet) {
                Some(newer) => newer.2 += readings,
                None => self.work.cursors.push((outlet, seq, readings)),
            }
        }
    }

    /// Shows how the store stands, and sets when it is tried again.
    fn show_store(&mut self, store: StoreView, all: bool) {
        let now = Instant::now();
        if all {
            self.failing_since = None;
            self.tell_unstored();
            if self.retry_at.take().is_some() {
                info!("commits work again");
                if let Some(jobs) = &self.jobs {
                    // What was given up meanwhile may be the journal's to trim.
                    let _ = jobs.send(self.trimming());
                }
            }
            self.counters.store_failing.store(0, Ordering::Relaxed);
        } else {
            self.counters.commit_failures.fetch_add(1, Ordering::Relaxed);
            self.counters.store_failing.store(1, Ordering::Relaxed);
            if self.retry_at.is_none() {
                let why = store.problem.as_deref().unwrap_or_default();
                error!(
                    "cannot commit ({}), judging goes on and what is read waits in memory: {why}",
                    store.state
                );
            }
            self.retry_at = Some(now + RETRY_COMMIT);
            self.failing_since.get_or_insert(now);
            self.waits();
        }
        self.tell_store(store);
    }

    /// A broker that sends nothing more until something is acknowledged would leave its devices unjudged. Where the disk has
    /// taken nothing for [`RELIEF`], all messages that are judged are acknowledged; their readings wait in memory like those
    /// that nobody else keeps.
    pub(super) fn relieve_brokers(&mut self) {
        let stuck = self.failing_since.or(self.handed).is_some_and(|since| since.elapsed() >= RELIEF);
        if !stuck {
            return;
        }
        let is_pressed = (self.hold)(self.waiting.held() > self.store.waiting_max);
        // A broker that had to wait once would have to wait again.
        if !is_pressed && self.unstored == 0 {
            return;
        }
        let mut acks = std::mem::take(&mut self.handed_acks);
        acks.append(&mut self.work.acks);
        if acks.is_empty() {
            return;
        }
        if self.unstored == 0 {
            warn!(
                messages = acks.len(),
                "the disk takes nothing and a broker is about to stop sending: messages are acknowledged that are judged \
                 and wait in memory only"
            );
        }
        self.unstored += acks.len() as u64;
        (self.ack)(acks);
        self.let_go();
    }

    /// Readings whose messages have all been acknowledged are kept by nobody else.
    fn let_go(&mut self) {
        if self.work.acks.is_empty() {
            self.waiting.let_go();
        }
    }

    /// The trail tells what was acknowledged without the disk.
    fn tell_unstored(&mut self) {
        let messages = std::mem::take(&mut self.unstored);
        if messages > 0 {
            let detail = serde_json::json!({ "messages": messages }).to_string();
            let now = self.now();
            self.note(now.wall, &Actor::system(), "acknowledged-unstored", "gateway", &detail);
        }
    }

    fn tell_store(&mut self, store: StoreView) {
        let waiting = self.waiting.len() as u64;
        let now = self.now();
        self.own_alarm_of_the_store(&store, now);
        *self.counters.store.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            StoreView { waiting, ..store };
    }

    /// Once a second: bounds what waits, notes what was lost, tells of a disk that hangs.
    pub(super) fn look_after_waiting(&mut self) {
        if self.waiting.bound() {
            self.waits();
        }
        let now = self.now();
        self.own_alarm_of_the_parts(now);
        if let Some(loss) = self.waiting.take_loss() {
            warn!(readings = loss.readings, "readings went before they could be stored: {}", loss.detail);
            self.counters.readings_lost.fetch_add(loss.readings, Ordering::Relaxed);
            self.work.ledger.losses.push((loss, "not stored: the disk took nothing"));
            self.waits();
        }
        (self.hold)(self.waiting.held() > self.store.waiting_max);
        while let Ok((outlet, gap)) = self.unread.try_recv() {
            self.hear(News::Unread(vec![unread(&outlet, &gap)]));
        }
        if self.handed.is_none() && self.looked.is_some_and(|at| at.elapsed() >= LOOK_EVERY) {
            // Also where nothing is to be written, the files may have gone.
            self.try_commit(Instant::now());
        }
        if self.pulse.is_still(self.handed, Instant::now()) {
            if self.retry_at.is_none() {
                error!("the disk has not answered for {} s; judging goes on", STALLED.as_secs());
            }
            self.retry_at.get_or_insert(Instant::now() + RETRY_COMMIT);
            self.counters.store_failing.store(1, Ordering::Relaxed);
            let problem = Some("the disk does not answer".to_owned());
            self.tell_store(StoreView { state: "stalled", problem, ..StoreView::default() });
        } else if self.retry_at.is_some() {
            let waiting = self.waiting.len() as u64;
            self.counters.store.lock().unwrap_or_else(std::sync::PoisonError::into_inner).waiting = waiting;
        }
    }

    /// Commits all that waits, as far as the disk takes it in a short time. False if something is left.
    pub(super) async fn commit_all(&mut self) -> bool {
        let end = Instant::now() + LAST;
        loop {
            if self.handed.is_none() {
                let nothing = self.work.ledger.is_empty() && self.work.cursors.is_empty();
                if nothing && self.waiting.is_empty() && self.work.noted.is_empty() {
                    return true;
                }
                self.try_commit(Instant::now());
            }
            let left = end.saturating_duration_since(Instant::now());
            let Ok(Some(news)) = timeout(left, self.news.recv()).await else { return false };
            self.hear(news);
            if self.handed.is_none() && self.retry_at.is_some() {
                return false;
            }
        }
    }

    /// Lets the writer put the store into one piece, and end.
    pub(super) async fn dismiss_writer(&mut self) {
        let (done, settled) = oneshot::channel();
        if let Some(jobs) = self.jobs.take()
            && jobs.send(Job::Settle(done)).is_ok()
        {
            // A disk that hangs is not waited for.
            let _ = timeout(LAST, settled).await;
        }
    }

    pub(super) fn trimming(&self) -> Job {
        let now = self.now();
        Job::Trim {
            keep_from: now.wall.minus(self.store.keep),
            outlets: self.influx_ids.clone(),
            most: self.store.journal_max_bytes,
        }
    }
}

/// The writer's pulse: how many steps it has made, and how that stood when it was looked at last.
#[derive(Debug)]
pub(super) struct Pulse {
    pub(super) steps: Arc<AtomicU64>,
    was: (u64, Option<Instant>),
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self { steps: Arc::default(), was: (0, None) }
    }

    /// The disk hangs: a commit was handed over, and since then nothing was done for [`STALLED`]. Other work may stand
    /// before it, which takes its time.
    fn is_still(&mut self, handed: Option<Instant>, now: Instant) -> bool {
        let steps = self.steps.load(Ordering::Relaxed);
        if steps != self.was.0 {
            self.was = (steps, Some(now));
        }
        let since = handed.map(|handed| self.was.1.map_or(handed, |moved| moved.max(handed)));
        since.is_some_and(|since| now.saturating_duration_since(since) >= STALLED)
    }
}

fn join<T>(before: Vec<T>, after: &mut Vec<T>) {
    let later = std::mem::replace(after, before);
    after.extend(later);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::{Duration, Instant};

    use super::Pulse;

    #[test]
    fn a_disk_hangs_when_nothing_is_done_and_not_while_other_work_stands_before_a_commit() {
        let (mut pulse, began) = (Pulse::new(), Instant::now());
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        assert!(!pulse.is_still(None, at(100)), "nothing is asked of it");
        assert!(!pulse.is_still(Some(at(0)), at(7)));
        assert!(pulse.is_still(Some(at(0)), at(8)));
        for second in 0..60 {
            // A long trimming, step by step.
            pulse.steps.fetch_add(1, Ordering::Relaxed);
            assert!(!pulse.is_still(Some(at(0)), at(second * 7)));
        }
        assert!(pulse.is_still(Some(at(0)), at(59 * 7 + 8)));
        assert!(!pulse.is_still(Some(at(500)), at(507)), "since it was asked");
    }
}
