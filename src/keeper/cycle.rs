//! One cycle after the other: gather, judge, follow what changed, commit when it is due.
//!
//! Promises: whatever waits for the disk wakes the loop in time; whatever the disk does, what comes in is taken, judged
//! and shown. Called by the keeper's thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::waiting::Held;
use super::{Keeper, NewPlant};
use crate::alarm::{Event, RuleIx, Transition};
use crate::clock::wall_now;
use crate::field::Delivery;
use crate::hazard::{ChangeKind, Draft, HazardChange};
use crate::outlet::Report;
use crate::people::Actor;
use crate::plant::{Cause, Micros, Now};
use crate::settings::{Otherwise, ReadChanges};
use crate::store::{Note, SETTINGS_CHANGED};

/// Deliveries taken in one cycle.
const DELIVERIES_A_CYCLE: usize = 64;
const MAINTENANCE_EVERY: Duration = Duration::from_secs(1);
/// What formulas remember is stored so often: a crash costs a running total no more than that.
const MEMORIES_EVERY: Duration = Duration::from_secs(60);
/// Points that are read otherwise, of one change of settings, that trends can mark.
const MOST_MARKS: usize = 1000;
const TRIM_EVERY: Duration = Duration::from_secs(10);

impl Keeper {
    pub(super) async fn run(&mut self, mut stop: watch::Receiver<bool>) {
        let mut transitions = Vec::new();
        let mut maintained = Instant::now();
        let mut trimmed = Instant::now();
        let mut remembered = Instant::now();
        let mut fields_gone = false;
        loop {
            self.beat.store(true, Ordering::Relaxed);
            let wake = self.next_wake(maintained);
            tokio::select! {
                biased;
                Some(request) = self.commands.recv() => self.command(request),
                Some(news) = self.plants.recv() => self.reconfigure(news),
                Some(news) = self.news.recv() => self.hear(news),
                report = self.reports.recv(), if !self.reports.is_closed() || !self.reports.is_empty() => {
                    if let Some(report) = report {
                        self.report(report);
                    }
                }
                delivery = self.deliveries.recv(), if !fields_gone => match delivery {
                    Some(delivery) => {
                        self.take(delivery, &mut transitions);
                        // Whatever else is ready shares the cycle.
                        for _ in 0..DELIVERIES_A_CYCLE {
                            let Ok(more) = self.deliveries.try_recv() else { break };
                            self.take(more, &mut transitions);
                        }
                    }
                    None => fields_gone = true,
                },
                () = tokio::time::sleep_until(wake.into()) => {}
                Ok(()) = stop.changed() => {}
            }
            while let Ok(report) = self.reports.try_recv() {
                self.report(report);
            }
            let now = self.now();
            self.watch_clock(now);
            self.settle(now, &mut transitions);
            self.engine.tick(now, &mut transitions);
            self.settle(now, &mut transitions);
            self.follow(&mut transitions, now);
            self.relieve_brokers();
            let at = Instant::now();
            if maintained.elapsed() >= MAINTENANCE_EVERY {
                maintained = at;
                self.show_points();
                self.show_what_is_known_again();
                self.seal_evidence(now);
                self.look_after_waiting();
            }
            if remembered.elapsed() >= MEMORIES_EVERY {
                remembered = at;
                self.keep_memories();
            }
            if trimmed.elapsed() >= TRIM_EVERY {
                trimmed = at;
                self.trim();
            }
            if self.must_commit(at) || (fields_gone && self.since.is_some()) {
                self.try_commit(at);
            }
            if fields_gone && *stop.borrow() {
                self.wait_for_outlets().await;
                return;
            }
        }
    }

    /// The wires are gone: commit everything, wake the outlets for a last round, keep writing their reports, and end
    /// when they have ended.
    async fn wait_for_outlets(&mut self) {
        self.note(wall_now(), &Actor::system(), "stopped", "gateway", "{}");
        self.keep_memories();
        if !self.commit_all().await {
            self.counters.store_failing.store(1, Ordering::Relaxed);
            error!("the last commit failed: what could not be written is lost");
        }
        // Closing the watch channels tells the outlets that nothing more will come.
        self.committed = watch::channel(0).0;
        self.changed = watch::channel(0).0;
        while let Some(report) = self.reports.recv().await {
            self.report(report);
            if self.commit_all().await {
                self.counters.store_failing.store(0, Ordering::Relaxed);
            } else {
                error!("an outlet's progress could not be noted, it will send that part again");
            }
        }
        self.dismiss_writer().await;
    }

    fn next_wake(&self, maintained: Instant) -> Instant {
        let mut wake = maintained + MAINTENANCE_EVERY;
        if let Some(deadline) = self.engine.next_deadline() {
            wake = wake.min(self.start + deadline);
        }
        // While the writer is busy its word wakes the loop.
        if let Some(since) = self.since.filter(|_| self.handed.is_none() && self.retry_at.is_none()) {
            wake = wake.min(since + self.store.commit_every);
        }
        match self.retry_at.filter(|_| self.handed.is_none()) {
            Some(retry) => wake.min(retry),
            None => wake,
        }
    }

    fn must_commit(&self, at: Instant) -> bool {
        if self.handed.is_some() {
            return false;
        }
        if let Some(retry) = self.retry_at {
            return at >= retry;
        }
        !self.work.ledger.can_wait()
            || !self.work.acks.is_empty()
            || !self.work.pushers.is_empty()
            || !self.work.replies.is_empty()
            || !self.work.noted.is_empty()
            || self.waiting.is_a_load()
            || self.since.is_some_and(|s| at >= s + self.store.commit_every)
    }

    pub(super) fn waits(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    fn take(&mut self, mut delivery: Delivery, transitions: &mut Vec<Transition>) {
        let now = self.now();
        self.watch_clock(now);
        if !self.clock.is_sure() {
            // Those with a device's own time too: whether that is believed hangs on this clock.
            delivery.batch.doubt(Cause::ClockUnsure);
        }
        for (head, readings) in delivery.batch.samples_mut() {
            self.engine.sample(head, readings, now, transitions);
        }
        let held = Held {
            by_broker: !delivery.acks.is_empty(),
            by_callers: (!delivery.committed.is_empty()).then(Instant::now),
        };
        let apart = self.retry_at.is_some();
        if !delivery.batch.is_empty() {
            self.waiting.open(held, apart).append(&mut delivery.batch);
        }
        self.work.acks.append(&mut delivery.acks);
        self.work.pushers.append(&mut delivery.committed);
        self.waits();
    }

    /// Derived points are kept and forwarded like readings.
    fn settle(&mut self, now: Now, transitions: &mut Vec<Transition>) {
        let batch = self.waiting.open(Held::default(), self.retry_at.is_some());
        let before = batch.readings_len();
        self.engine.settle(now, transitions, batch);
        if batch.readings_len() != before {
            self.waits();
        }
    }

    /// A jump is told and kept in the audit; it moves no timer and makes nothing stored older (P9).
    fn watch_clock(&mut self, now: Now) {
        let Some(by) = self.clock.look(now) else { return };
        let by_ms = by / 1000;
        warn!(by_ms, "the wall clock jumped; for a minute readings are marked clock-unsure");
        self.turned(by);
        self.note(now.wall, &Actor::system(), "clock-jumped", "gateway", &format!("{{\"by_ms\":{by_ms}}}"));
    }

    /// Transitions → history, hazards, audit, live view.
    pub(super) fn follow(&mut self, transitions: &mut Vec<Transition>, now: Now) {
        for t in transitions.drain(..) {
            let rule = &self.engine.rules()[t.rule.0 as usize];
            let key = rule.key.clone();
            let plant = Arc::clone(&self.plant);
            let date = local_date(now.wall, &self.timezone);
            let (numbers, unknown) = (&self.numbers, self.numbers_unknown);
            let window = (self.window.before, self.window.after);
            let change = Draft::of_alarm(&t, rule, &plant, window).and_then(|draft| {
                let day = (date.as_str(), || given_out(numbers, unknown, &date));
                self.register.on_alarm(&t, draft, Uuid::now_v7, day)
            });
            match t.event {
                Event::Raised => warn!(rule = key, value = t.value, "alarm raised"),
                _ => info!(rule = key, value = t.value, state = t.to.word(), "alarm {}", t.event.word()),
            }
            self.counters.transitions.fetch_add(1, Ordering::Relaxed);
            let shown = t.rule;
            self.work.ledger.transitions.push((key, t));
            if let Some(change) = change {
                self.changed_hazard(change, &Actor::system());
            }
            if self.retry_at.is_some() || self.handed.is_some() {
                // Not on the disk, but a person must see it: the page tells that the store fails.
                self.show_alarm(shown);
            }
        }
    }

    pub(super) fn changed_hazard(&mut self, change: HazardChange, who: &Actor) {
        let h = &change.hazard;
        warn!(hazard = h.number, rule = h.rule(), version = h.version, "hazard {}", change.kind.word());
        let detail = serde_json::json!({ "number": h.number, "rule": h.rule(), "version": h.version,
            "occurrences": h.occurrences, "status": h.status.word() })
        .to_string();
        let (subject, what) = (h.id.to_string(), format!("hazard-{}", change.kind.word()));
        self.note(change.at, who, &what, &subject, &detail);
        if change.kind == ChangeKind::Opened {
            let (id, at) = (change.hazard.id, change.at);
            self.found(id, at);
        }
        self.live.show_hazard(change.hazard.clone());
        self.counters.hazards.fetch_add(1, Ordering::Relaxed);
        self.work.ledger.hazard(change, self.plant.site.id.as_str());
        self.waits();
    }

    pub(super) fn note(&mut self, at: Micros, who: &Actor, what: &str, subject: &str, detail: &str) {
        let [what, subject, detail] = [what, subject, detail].map(str::to_owned);
        self.work.ledger.notes.push(Note { at, who: who.clone(), what, subject, detail });
        self.waits();
    }

    /// The trail tells what was changed, first what a series does not show by itself; of very many changes the first.
    pub(super) fn note_changes(&mut self, at: Micros, changes: &[String], read: &ReadChanges) {
        let lines = read.lines();
        let count = changes.len() + lines.len();
        let told: Vec<&String> = lines.iter().chain(changes).take(100).collect();
        let first = |all: &[Otherwise]| all[..all.len().min(MOST_MARKS)].to_vec();
        let marks = ReadChanges { otherwise: first(&read.otherwise), units: first(&read.units) };
        let mut detail = serde_json::json!(marks);
        detail["changes"] = serde_json::json!(told);
        detail["count"] = count.into();
        if read.units.len() > MOST_MARKS {
            detail["cut"] = true.into();
        }
        let detail = detail.to_string();
        self.note(at, &Actor::system(), SETTINGS_CHANGED, "gateway", &detail);
        self.live.settings_changed(at, detail);
    }

    /// Goes on with changed settings: what waits stands in blocks under the old ones.
    fn reconfigure(&mut self, news: NewPlant) {
        let now = self.now();
        self.take_states(now);
        let (engine, mut removed) = self.engine.reconfigure(&news.plant, news.back, now);
        self.follow(&mut removed.transitions, now);
        for key in removed.keys {
            info!(rule = key, "the rule is no longer in the settings");
            self.live.forget_alarm(&key);
        }
        self.work.ledger.alarms(removed.saved);
        self.engine = engine;
        self.plant = news.plant;
        self.waiting.reconfigure(Arc::clone(&self.plant), news.store.waiting_max);
        self.rules =
            self.engine.rules().iter().zip(0u32..).map(|(r, n)| (r.key.to_string(), RuleIx(n))).collect();
        (self.store, self.window, self.influx_ids) = (news.store, news.evidence, news.influx_ids);
        self.note_changes(now.wall, &news.changes, &news.read);
        for rule in 0..self.engine.rules().len() {
            self.show_alarm(RuleIx(rule as u32));
        }
        self.show_points();
        self.work.noted.push(news.noted);
        let _ = news.reply.send(Ok(()));
    }

    fn report(&mut self, report: Report) {
        match report {
            Report::Progress { outlet, seq, readings, dead } => {
                self.work.ledger.dead.extend(dead);
                match self.work.cursors.iter_mut().find(|c| c.0 == outlet) {
                    Some(cursor) => {
                        cursor.1 = seq;
                        cursor.2 += readings;
                    }
                    None => self.work.cursors.push((outlet, seq, readings)),
                }
                self.waits();
            }
            Report::Event { outlet, seq, state, detail, dead, done } => {
                self.work.ledger.deliveries.push((outlet, seq, state, detail));
                self.work.ledger.dead.extend(dead);
                self.work.noted.push(done);
                self.waits();
            }
        }
    }
}

/// The highest number of that day. Where it cannot be known, numbers begin far behind those that are likely given out.
fn given_out(numbers: &std::collections::HashMap<String, u32>, unknown: bool, date: &str) -> u32 {
    numbers.get(&format!("YH-{date}-")).copied().unwrap_or(if unknown { 500 } else { 0 })
}

fn local_date(at: Micros, timezone: &jiff::tz::TimeZone) -> String {
    jiff::Timestamp::from_microsecond(at.0)
        .map(|t| t.to_zoned(timezone.clone()).strftime("%Y%m%d").to_string())
        .unwrap_or_default()
}
