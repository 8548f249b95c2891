//! One cycle after the other: gather, judge, follow what changed, commit when it is due.
//!
//! Promises: whatever waits on the disk wakes the loop in time; while commits fail, sources are held
//! back and alarms are still judged and shown. Called by the keeper's thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{Keeper, NewPlant};
use crate::clock::wall_now;
use crate::field::Delivery;
use crate::hazard::{HazardChange, audit, cloud_event};
use crate::outlet::Report;
use crate::plant::{Cause, Micros, Now};
use crate::watch::{Event, RuleIx, Transition};

/// Readings that may wait for one commit before it is done early.
const PENDING_READINGS: usize = 200_000;
const MAINTENANCE_EVERY: Duration = Duration::from_secs(1);
/// What formulas remember is stored so often: a crash costs a running total no more than that.
const MEMORIES_EVERY: Duration = Duration::from_secs(60);
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
            let full = self.batch.readings_len() >= PENDING_READINGS;
            tokio::select! {
                biased;
                Some(request) = self.commands.recv() => self.command(request),
                Some(news) = self.plants.recv() => self.succeed(news),
                report = self.reports.recv(), if !self.reports.is_closed() || !self.reports.is_empty() => {
                    if let Some(report) = report {
                        self.report(report);
                    }
                }
                delivery = self.deliveries.recv(), if !fields_gone && !full => match delivery {
                    Some(delivery) => {
                        self.take(delivery, &mut transitions);
                        // Whatever else is ready shares the cycle.
                        while self.batch.readings_len() < PENDING_READINGS {
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
            let at = Instant::now();
            if maintained.elapsed() >= MAINTENANCE_EVERY {
                maintained = at;
                self.show_points();
                self.seal_evidence(now);
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
            if fields_gone && *stop.borrow() && self.since.is_none() && self.wait_for_outlets().await {
                return;
            }
        }
    }

    /// The wires are gone and everything is committed: wake the outlets for a last round, keep
    /// writing their reports, and end when they have ended.
    async fn wait_for_outlets(&mut self) -> bool {
        self.note(wall_now(), "system", "stopped", "gateway", "{}");
        self.keep_memories();
        if let Err(e) = self.commit() {
            self.counters.store_failing.store(1, Ordering::Relaxed);
            error!("last commit failed: {e}");
        }
        // Closing the watch channels tells the outlets that nothing more will come.
        self.committed = watch::channel(0).0;
        self.changed = watch::channel(0).0;
        while let Some(report) = self.reports.recv().await {
            self.report(report);
            match self.commit() {
                Ok(()) => self.counters.store_failing.store(0, Ordering::Relaxed),
                Err(e) => {
                    error!("an outlet's progress could not be noted, it will send that part again: {e}");
                }
            }
        }
        if let Err(e) = self.ledger.settle().and_then(|()| self.journal.settle()) {
            warn!("the store was not put into one piece; the next start does it: {e}");
        }
        true
    }

    fn next_wake(&self, maintained: Instant) -> Instant {
        let mut wake = maintained + MAINTENANCE_EVERY;
        if let Some(deadline) = self.engine.next_deadline() {
            wake = wake.min(self.start + deadline);
        }
        if let Some(since) = self.since {
            wake = wake.min(since + self.store.commit_every);
        }
        match self.retry_at {
            Some(retry) => retry,
            None => wake,
        }
    }

    fn must_commit(&self, at: Instant) -> bool {
        if self.retry_at.is_some_and(|r| at < r) {
            return false;
        }
        !self.for_ledger.is_empty()
            || !self.acks.is_empty()
            || !self.pushers.is_empty()
            || !self.replies.is_empty()
            || !self.noted.is_empty()
            || self.batch.readings_len() >= PENDING_READINGS
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
        self.batch.append(&mut delivery.batch);
        self.acks.append(&mut delivery.acks);
        self.pushers.append(&mut delivery.committed);
        self.waits();
    }

    /// Derived points are kept and forwarded like readings.
    fn settle(&mut self, now: Now, transitions: &mut Vec<Transition>) {
        let before = self.batch.readings_len();
        self.engine.settle(now, transitions, &mut self.batch);
        if self.batch.readings_len() != before {
            self.waits();
        }
    }

    /// A jump is told and kept in the audit; it moves no timer and makes nothing stored older (P9).
    fn watch_clock(&mut self, now: Now) {
        let Some(by) = self.clock.look(now) else { return };
        let by_ms = by / 1000;
        warn!(by_ms, "the wall clock jumped; for a minute readings are marked clock-unsure");
        self.kept.jumped(by, now);
        self.note(now.wall, "system", "clock-jumped", "gateway", &format!("{{\"by_ms\":{by_ms}}}"));
    }

    /// Transitions → history, hazards, audit, live view.
    pub(super) fn follow(&mut self, transitions: &mut Vec<Transition>, now: Now) {
        for t in transitions.drain(..) {
            let rule = &self.engine.rules()[t.rule.0 as usize];
            let key = rule.key.clone();
            let plant = Arc::clone(&self.plant);
            let date = local_date(now.wall, &self.timezone);
            let change = self.register.on_transition(
                &t,
                rule,
                &plant,
                Uuid::now_v7,
                (&date, || {
                    // A number given twice would be refused by the ledger for ever after.
                    self.records.numbered(&format!("YH-{date}-")).unwrap_or_else(|e| {
                        crate::gateway::end_of(&format!("the ledger cannot be read: {e}"))
                    })
                }),
                (self.window.before, self.window.after),
            );
            match t.event {
                Event::Raised => warn!(rule = key, value = t.value, "alarm raised"),
                _ => info!(rule = key, value = t.value, state = t.to.word(), "alarm {}", t.event.word()),
            }
            self.counters.transitions.fetch_add(1, Ordering::Relaxed);
            self.for_ledger.transitions.push(t);
            if let Some(change) = change {
                self.changed_hazard(change, "system");
            }
        }
    }

    pub(super) fn changed_hazard(&mut self, change: HazardChange, who: &str) {
        let h = &change.hazard;
        warn!(hazard = h.number, rule = h.rule, version = h.version, "hazard {}", change.kind.word());
        let detail = serde_json::json!({ "number": h.number, "rule": h.rule, "version": h.version,
            "occurrences": h.occurrences, "status": h.status.word() })
        .to_string();
        let (subject, what) = (h.id.to_string(), format!("hazard-{}", change.kind.word()));
        self.note(change.at, who, &what, &subject, &detail);
        let event = cloud_event(&change, self.plant.site.id.as_str());
        self.counters.hazards.fetch_add(1, Ordering::Relaxed);
        self.for_ledger.hazards.push((change, event));
        self.waits();
    }

    pub(super) fn note(&mut self, at: Micros, who: &str, what: &str, subject: &str, detail: &str) {
        let entry = audit::chain(self.audit_tail.as_ref(), at, who, what, subject, detail);
        self.audit_tail = Some(entry.clone());
        self.for_ledger.audit.push(entry);
        self.waits();
    }

    /// Goes on with changed settings: what waits is committed under the old ones first.
    fn succeed(&mut self, news: NewPlant) {
        let now = self.now();
        let outcome = self.commit().and_then(|()| self.journal.extend(&news.plant));
        if let Err(e) = outcome {
            // Nobody waiting for the answer is fine.
            let _ = news.reply.send(Err(format!("the store takes nothing at present: {e}")));
            return;
        }
        let (engine, gone) = self.engine.succeed(&news.plant, now);
        for key in gone {
            info!(rule = key, "the rule is no longer in the settings");
            self.live.forget_alarm(&key);
        }
        self.engine = engine;
        self.plant = news.plant;
        self.rules =
            self.engine.rules().iter().zip(0u32..).map(|(r, n)| (r.key.to_string(), RuleIx(n))).collect();
        (self.store, self.window, self.influx_ids) = (news.store, news.evidence, news.influx_ids);
        // The trail tells what was changed; of very many changes the first.
        let told: Vec<&String> = news.changes.iter().take(100).collect();
        let detail = serde_json::json!({ "changes": told, "count": news.changes.len() }).to_string();
        self.note(now.wall, "system", "settings-changed", "gateway", &detail);
        for rule in 0..self.engine.rules().len() {
            self.show_alarm(RuleIx(rule as u32));
        }
        self.show_points();
        let _ = news.reply.send(Ok(()));
    }

    fn report(&mut self, report: Report) {
        match report {
            Report::Progress { outlet, seq, readings, dead } => {
                self.for_ledger.dead.extend(dead);
                match self.cursors.iter_mut().find(|c| c.0 == outlet) {
                    Some(cursor) => {
                        cursor.1 = seq;
                        cursor.2 += readings;
                    }
                    None => self.cursors.push((outlet, seq, readings)),
                }
                self.waits();
            }
            Report::Event { outlet, seq, state, detail, dead, done } => {
                self.for_ledger.deliveries.push((outlet, seq, state, detail));
                self.for_ledger.dead.extend(dead);
                self.noted.push(done);
                self.waits();
            }
        }
    }
}

fn local_date(at: Micros, timezone: &jiff::tz::TimeZone) -> String {
    jiff::Timestamp::from_microsecond(at.0)
        .map(|t| t.to_zoned(timezone.clone()).strftime("%Y%m%d").to_string())
        .unwrap_or_default()
}
