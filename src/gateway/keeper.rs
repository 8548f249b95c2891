//! The keeper: the one task that judges and the one that writes.
//!
//! A cycle gathers what has arrived, feeds it to the engine, lets transitions raise hazards, and
//! commits: first the ledger (alarm states, hazards, audit), then the journal (readings, cursors);
//! only then are messages acknowledged, callers answered and outlets woken. If the power fails
//! between the two commits, an alarm stands whose reading is missing, never the other way round.
//! Transitions, hazards, commands and waiting acknowledgements commit at once; plain telemetry
//! shares a commit for at most `store.commit_every`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};
use uuid::Uuid;

use super::StartError;
use crate::clock::{Kept, Watch, now_since, wall_now};
use crate::console::{AlarmView, Command, Counters, Live, LivePoint, Refusal, Request};
use crate::field::{Ack, Delivery};
use crate::hazard::{Entry, HazardChange, HazardError, Register, audit, cloud_event};
use crate::outlet::Report;
use crate::plant::{Batch, Cause, Micros, Now, Plant, PointIx};
use crate::settings::{Evidence, Store};
use crate::store::{DeadLetter, Journal, JournalReader, Ledger, LedgerReader, Loss, StoreError, evidence};
use crate::watch::{AlarmState, CommandError, Engine, Event, RuleIx, Saved, Transition};

/// Readings that may wait for one commit before it is done early.
const PENDING_READINGS: usize = 200_000;
const MAINTENANCE_EVERY: Duration = Duration::from_secs(1);
const TRIM_EVERY: Duration = Duration::from_secs(10);
const TRIM_STEPS: usize = 64;
const RETRY_COMMIT: Duration = Duration::from_millis(500);

/// What the keeper is made of.
pub(super) struct Parts {
    pub(super) plant: Arc<Plant>,
    pub(super) store: Store,
    pub(super) evidence: Evidence,
    pub(super) clock: ClockParts,
    pub(super) ledger: Ledger,
    pub(super) journal: Journal,
    pub(super) deliveries: mpsc::Receiver<Delivery>,
    pub(super) reports: mpsc::Receiver<Report>,
    pub(super) commands: mpsc::Receiver<Request>,
    pub(super) plants: mpsc::Receiver<NewPlant>,
    pub(super) committed: watch::Sender<i64>,
    pub(super) changed: watch::Sender<i64>,
    pub(super) live: Live,
    pub(super) counters: Arc<Counters>,
    pub(super) influx_ids: Vec<String>,
    pub(super) ack: Box<dyn Fn(Vec<Ack>) + Send>,
}

/// Changed settings, as far as the keeper goes by them. `plant` keeps the numbers of what it knows.
pub(super) struct NewPlant {
    pub(super) plant: Arc<Plant>,
    pub(super) store: Store,
    pub(super) evidence: Evidence,
    pub(super) influx_ids: Vec<String>,
    /// For the audit trail.
    pub(super) changes: Vec<String>,
    /// Answered when readings of the new points may come.
    pub(super) reply: oneshot::Sender<Result<(), String>>,
}
/// How the clock is to be watched, and where that is shown.
pub(super) type ClockParts = (crate::settings::Clock, crate::clock::Face);

/// The running keeper.
pub(super) struct Handle {
    thread: std::thread::JoinHandle<()>,
    stop: watch::Sender<bool>,
    beat: Arc<AtomicBool>,
}

impl Handle {
    /// Beat since the last call?
    pub(super) fn is_alive(&self) -> bool {
        !self.thread.is_finished() && self.beat.swap(false, Ordering::Relaxed)
    }

    /// Asks it to commit the rest and end once the outlets are gone.
    pub(super) fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Waits for its end.
    pub(super) fn join(self) {
        if self.thread.join().is_err() {
            error!("the keeper panicked");
        }
    }
}

/// Restores the state from the ledger and starts the thread.
pub(super) fn start(parts: Parts) -> Result<Handle, StartError> {
    let (stop, stopped) = watch::channel(false);
    let beat = Arc::new(AtomicBool::new(true));
    let mut keeper = Keeper::restore(parts, Arc::clone(&beat))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(StartError::Thread)?;
    let thread = std::thread::Builder::new()
        .name("keeper".to_owned())
        .spawn(move || runtime.block_on(keeper.run(stopped)))
        .map_err(StartError::Thread)?;
    Ok(Handle { thread, stop, beat })
}

type Outcome = Result<(), Refusal>;

/// What waits for the next ledger commit.
#[derive(Default)]
struct ForLedger {
    transitions: Vec<Transition>,
    hazards: Vec<(HazardChange, serde_json::Value)>,
    evidence: Vec<(String, String, Vec<u8>)>,
    /// By rule key: while commits fail, only the newest of each rule waits.
    saved: BTreeMap<String, Saved>,
    audit: Vec<Entry>,
    deliveries: Vec<(String, i64, &'static str, String)>,
    dead: Vec<DeadLetter>,
    losses: Vec<Loss>,
}

impl ForLedger {
    fn is_empty(&self) -> bool {
        self.transitions.is_empty()
            && self.hazards.is_empty()
            && self.evidence.is_empty()
            && self.audit.is_empty()
            && self.deliveries.is_empty()
            && self.dead.is_empty()
            && self.losses.is_empty()
    }
}

struct Keeper {
    plant: Arc<Plant>,
    store: Store,
    window: Evidence,
    engine: Engine,
    register: Register,
    ledger: Ledger,
    journal: Journal,
    history: JournalReader,
    records: LedgerReader,
    /// When each open evidence window ends, on the monotonic clock.
    seal_at: HashMap<Uuid, Duration>,
    deliveries: mpsc::Receiver<Delivery>,
    reports: mpsc::Receiver<Report>,
    commands: mpsc::Receiver<Request>,
    plants: mpsc::Receiver<NewPlant>,
    committed: watch::Sender<i64>,
    changed: watch::Sender<i64>,
    live: Live,
    counters: Arc<Counters>,
    influx_ids: Vec<String>,
    ack: Box<dyn Fn(Vec<Ack>) + Send>,
    beat: Arc<AtomicBool>,
    start: Instant,
    clock: Watch,
    kept: Kept,
    timezone: jiff::tz::TimeZone,
    audit_tail: Option<Entry>,
    rules: HashMap<String, RuleIx>,
    // Waiting for the next commit:
    batch: Batch,
    for_ledger: ForLedger,
    acks: Vec<Ack>,
    /// Those who pushed and wait.
    pushers: Vec<oneshot::Sender<()>>,
    cursors: Vec<(String, i64, u64)>,
    replies: Vec<(oneshot::Sender<Outcome>, Outcome)>,
    noted: Vec<oneshot::Sender<()>>,
    since: Option<Instant>,
    retry_at: Option<Instant>,
}

impl Keeper {
    fn restore(parts: Parts, beat: Arc<AtomicBool>) -> Result<Self, StoreError> {
        let start = Instant::now();
        let now = now_since(start);
        let (clock, face) = parts.clock;
        let clock = Watch::new(now, clock.require_sync, clock.sync_file, face);
        let reader = parts.ledger.reader()?;
        let mut engine = Engine::new(&parts.plant, now);
        let gone = engine.restore(&reader.alarms()?, now);
        if !gone.is_empty() {
            info!(
                "{} stored alarm states belong to limits no longer in the settings; they stay stored",
                gone.len()
            );
        }
        let timezone = jiff::tz::TimeZone::get(&parts.plant.site.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
        let register = Register::restore(reader.unfinished_hazards()?);
        let rules = engine.rules().iter().zip(0u32..).map(|(r, n)| (r.key.clone(), RuleIx(n))).collect();
        let mut keeper = Self {
            history: parts.journal.reader()?,
            audit_tail: reader.last_audit()?,
            records: reader,
            seal_at: HashMap::new(),
            plant: parts.plant,
            store: parts.store,
            window: parts.evidence,
            engine,
            register,
            ledger: parts.ledger,
            journal: parts.journal,
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
            beat,
            start,
            clock,
            kept: Kept::default(),
            timezone,
            rules,
            batch: Batch::default(),
            for_ledger: ForLedger::default(),
            acks: Vec::new(),
            pushers: Vec::new(),
            cursors: Vec::new(),
            replies: Vec::new(),
            noted: Vec::new(),
            since: None,
            retry_at: None,
        };
        keeper.note(
            now.wall,
            "system",
            "started",
            "gateway",
            concat!("{\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}"),
        );
        for rule in 0..keeper.engine.rules().len() {
            keeper.show_alarm(RuleIx(rule as u32));
        }
        keeper.show_points();
        keeper.commit()?;
        keeper.committed.send_replace(keeper.journal.stats()?.last_seq);
        Ok(keeper)
    }

    fn now(&self) -> Now {
        now_since(self.start)
    }

    async fn run(&mut self, mut stop: watch::Receiver<bool>) {
        let mut transitions = Vec::new();
        let mut maintained = Instant::now();
        let mut trimmed = Instant::now();
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
            self.engine.tick(now, &mut transitions);
            self.follow(&mut transitions, now);
            let at = Instant::now();
            if maintained.elapsed() >= MAINTENANCE_EVERY {
                maintained = at;
                self.show_points();
                self.seal_evidence(now);
            }
            if trimmed.elapsed() >= TRIM_EVERY {
                trimmed = at;
                self.trim();
            }
            if self.must_commit(at) || (fields_gone && self.since.is_some()) {
                if let Err(e) = self.commit() {
                    if e.is_damage() {
                        super::end_of_store(&self.store.dir, &e);
                    }
                    self.counters.commit_failures.fetch_add(1, Ordering::Relaxed);
                    self.counters.store_failing.store(1, Ordering::Relaxed);
                    // Not on the disk, but a person must see it: the page tells that the store fails.
                    let waiting: Vec<RuleIx> = self.for_ledger.transitions.iter().map(|t| t.rule).collect();
                    for rule in waiting {
                        self.show_alarm(rule);
                    }
                    if self.retry_at.is_none() {
                        error!("cannot commit, readings wait in memory and sources are held back: {e}");
                    }
                    self.retry_at = Some(at + RETRY_COMMIT);
                } else if self.retry_at.take().is_some() {
                    self.counters.store_failing.store(0, Ordering::Relaxed);
                    info!("commits work again");
                }
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

    fn waits(&mut self) {
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

    /// A jump is told and kept in the audit; it moves no timer and makes nothing stored older (P9).
    fn watch_clock(&mut self, now: Now) {
        let Some(by) = self.clock.look(now) else { return };
        let by_ms = by / 1000;
        warn!(by_ms, "the wall clock jumped; for a minute readings are marked clock-unsure");
        self.kept.jumped(by, now);
        self.note(now.wall, "system", "clock-jumped", "gateway", &format!("{{\"by_ms\":{by_ms}}}"));
    }

    /// Transitions → history, hazards, audit, live view.
    fn follow(&mut self, transitions: &mut Vec<Transition>, now: Now) {
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
                    self.records
                        .numbered(&format!("YH-{date}-"))
                        .unwrap_or_else(|e| super::end_of(&format!("the ledger cannot be read: {e}")))
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

    fn changed_hazard(&mut self, change: HazardChange, who: &str) {
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

    fn note(&mut self, at: Micros, who: &str, what: &str, subject: &str, detail: &str) {
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
            self.engine.rules().iter().zip(0u32..).map(|(r, n)| (r.key.clone(), RuleIx(n))).collect();
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

    fn command(&mut self, request: Request) {
        let now = self.now();
        let outcome = self.carry_out(request.command, now);
        self.replies.push((request.reply, outcome));
        self.waits();
    }

    fn carry_out(&mut self, command: Command, now: Now) -> Result<(), Refusal> {
        let mut transitions = Vec::new();
        match command {
            Command::AcknowledgeAlarm { rule, by, note } => {
                let ix = self.rule(&rule)?;
                self.engine.acknowledge(ix, &by, now, &mut transitions).map_err(|e| refusal(&e))?;
                let detail = serde_json::json!({ "note": note }).to_string();
                self.note(now.wall, &by, "alarm-acknowledged", &rule, &detail);
            }
            Command::ResetAlarm { rule, by } => {
                let ix = self.rule(&rule)?;
                self.engine.reset(ix, &by, now, &mut transitions).map_err(|e| refusal(&e))?;
                self.note(now.wall, &by, "alarm-reset", &rule, "{}");
            }
            Command::AcknowledgeHazard { id, by, note } => {
                let id = self.hazard_id(&id)?;
                let change = self.register.acknowledge(id, &by, now.wall).map_err(|e| hazard_refusal(&e))?;
                let detail = serde_json::json!({ "note": note }).to_string();
                self.note(now.wall, &by, "hazard-note", &id.to_string(), &detail);
                self.changed_hazard(change, &by);
            }
            Command::CloseHazard { id, by, note } => {
                let id = self.hazard_id(&id)?;
                let breach = match self.register.get(id).and_then(|h| self.rules.get(&h.rule)) {
                    Some(rule) => self.engine.in_breach(*rule),
                    // The limit is no longer in the settings: nothing can be in breach of it.
                    None => crate::watch::Breach::No,
                };
                let change =
                    self.register.close(id, &by, now.wall, &note, breach).map_err(|e| hazard_refusal(&e))?;
                self.changed_hazard(change, &by);
            }
        }
        self.follow(&mut transitions, now);
        Ok(())
    }

    fn rule(&self, key: &str) -> Result<RuleIx, Refusal> {
        self.rules.get(key).copied().ok_or_else(|| {
            Refusal::new("not-found", format!("没有报警 {key}。"), format!("There is no alarm {key}."))
        })
    }

    fn hazard_id(&self, id: &str) -> Result<Uuid, Refusal> {
        let missing = || {
            Refusal::new(
                "not-found",
                format!("没有未销号隐患 {id}。"),
                format!("There is no open hazard {id}."),
            )
        };
        let id = Uuid::parse_str(id).map_err(|_| missing())?;
        self.register.get(id).map(|_| id).ok_or_else(missing)
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

    /// Puts everything that waits on the disk, ledger first; on failure it keeps waiting.
    fn commit(&mut self) -> Result<(), StoreError> {
        let began = Instant::now();
        let now = wall_now();
        let saved = self.engine.snapshot_changed(self.now());
        self.for_ledger.saved.extend(saved.into_iter().map(|s| (s.key.clone(), s)));
        if !self.for_ledger.is_empty() || !self.for_ledger.saved.is_empty() {
            let (work, rules) = (&self.for_ledger, self.engine.rules());
            self.ledger.write(|tx| {
                for saved in work.saved.values() {
                    tx.put_alarm(saved)?;
                }
                for t in &work.transitions {
                    tx.add_transition(&rules[t.rule.0 as usize].key, t)?;
                }
                for (change, event) in &work.hazards {
                    tx.put_hazard(change, event)?;
                }
                for (hazard, sha256, body) in &work.evidence {
                    tx.put_evidence(hazard, sha256, body)?;
                }
                for entry in &work.audit {
                    tx.add_audit(entry)?;
                }
                for (outlet, seq, state, detail) in &work.deliveries {
                    tx.put_delivery(outlet, *seq, state, now, detail)?;
                }
                for letter in &work.dead {
                    tx.add_dead_letter(letter, now)?;
                }
                if !work.dead.is_empty() {
                    tx.trim_dead_letters()?;
                }
                for loss in &work.losses {
                    tx.add_loss(loss, "disk budget", now)?;
                }
                Ok(())
            })?;
            let done = std::mem::take(&mut self.for_ledger);
            let touched: Vec<RuleIx> = done.transitions.iter().map(|t| t.rule).collect();
            for rule in touched {
                self.show_alarm(rule);
            }
            for (change, _) in &done.hazards {
                self.live.hazard_changed(change.hazard.id.to_string());
            }
            if !done.hazards.is_empty() || !done.deliveries.is_empty() {
                self.changed.send_modify(|n| *n += 1);
            }
            for done in self.noted.drain(..) {
                let _ = done.send(());
            }
        }
        let seq = self.journal.commit(&self.batch, &self.cursors, now)?;
        let (readings, samples) = (self.batch.readings_len() as u64, self.batch.samples().count() as u64);
        self.batch.clear();
        self.cursors.clear();
        self.since = None;
        if !self.acks.is_empty() {
            (self.ack)(std::mem::take(&mut self.acks));
        }
        for pusher in self.pushers.drain(..) {
            // One that has gone away meanwhile will send it again.
            let _ = pusher.send(());
        }
        for (reply, outcome) in self.replies.drain(..) {
            let _ = reply.send(outcome);
        }
        if let Some(seq) = seq {
            self.committed.send_replace(seq);
        }
        let c = &self.counters;
        c.readings.fetch_add(readings, Ordering::Relaxed);
        c.samples.fetch_add(samples, Ordering::Relaxed);
        c.commits.fetch_add(1, Ordering::Relaxed);
        c.last_commit_micros.store(began.elapsed().as_micros() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn show_points(&self) {
        let engine = &self.engine;
        self.live.set_points((0..self.plant.points.len()).map(|n| {
            let current = engine.current(PointIx(n as u32));
            LivePoint {
                value: current.value,
                quality: current.quality,
                at: current.at,
                came: self.start + current.came,
                lag: current.lag,
            }
        }));
        if let Ok(stats) = self.journal.stats() {
            self.counters.journal_bytes.store(stats.bytes, Ordering::Relaxed);
        }
    }

    fn show_alarm(&self, ix: RuleIx) {
        let rule = &self.engine.rules()[ix.0 as usize];
        let alarm = self.engine.alarm(ix);
        let equipment = self.plant.equipment_at(rule.equipment);
        let point = rule.point.map(|p| self.plant.point(p));
        let no_data = rule.kind == crate::plant::LimitKind::NoData;
        if alarm.state == AlarmState::Normal && self.live.alarms().iter().all(|a| a.rule != rule.key) {
            return;
        }
        self.live.set_alarm(AlarmView {
            rule: rule.key.clone(),
            equipment: equipment.id.to_string(),
            point: point.map(|p| p.id.to_string()),
            device: rule.device.map(|d| self.plant.device(d).label.clone()),
            kind: rule.kind.key(),
            priority: rule.priority.word(),
            state: alarm.state.word(),
            value: alarm.value,
            at: (!no_data).then_some(rule.at),
            unit: point.map(|p| p.unit.clone()).unwrap_or_default(),
            raised_at: alarm.raised_at.map(Micros::rfc3339),
            acknowledged_by: alarm.acknowledged_by.clone(),
            hazard: self.register.open_for(equipment.id.as_str(), &rule.key).map(|h| h.id.to_string()),
        });
    }

    /// Seals the evidence of hazards whose window has passed and whose readings are on the disk. The
    /// wait is measured on the monotonic clock: a jump of the wall clock cuts no window short (P9).
    fn seal_evidence(&mut self, now: Now) {
        let (after, slack) = (self.window.after, self.store.commit_every * 2);
        let mut due = Vec::new();
        let mut waiting = HashMap::new();
        for hazard in self.register.pending_evidence() {
            let left = u64::try_from(hazard.evidence_to.0 - now.wall.0).unwrap_or(0);
            let end = now.mono + Duration::from_micros(left).min(after) + slack;
            let end = *self.seal_at.get(&hazard.id).unwrap_or(&end);
            if now.mono >= end {
                due.push(hazard.id);
            } else {
                waiting.insert(hazard.id, end);
            }
        }
        self.seal_at = waiting;
        for id in due {
            let Some(hazard) = self.register.get(id) else { continue };
            let (equipment, from, to) = (hazard.equipment.clone(), hazard.evidence_from, hazard.evidence_to);
            let series = match evidence::collect(&self.history, &equipment, from, to) {
                Ok(series) => series,
                Err(e) => {
                    error!(hazard = %id, "evidence cannot be read: {e}");
                    continue;
                }
            };
            let readings: usize = series.iter().map(|s| s.samples.len()).sum();
            let (sha256, body) = evidence::seal(&series);
            if let Ok(change) = self.register.seal(id, &sha256, readings as u64, now.wall) {
                self.for_ledger.evidence.push((id.to_string(), sha256, body));
                self.changed_hazard(change, "system");
            }
        }
    }

    fn trim(&mut self) {
        let now = self.now();
        let keep_from = self.kept.from(self.store.keep, now);
        // Bounded: what is left over is dropped at the next call.
        for _ in 0..TRIM_STEPS {
            match self.journal.trim(&self.influx_ids, keep_from, self.store.journal_max_bytes) {
                Ok(trimmed) if trimmed.chunks == 0 => return,
                Ok(trimmed) => {
                    for loss in &trimmed.lost {
                        error!(
                            outlet = loss.outlet,
                            readings = loss.readings,
                            "disk budget reached: undelivered readings were dropped, see the loss ledger"
                        );
                    }
                    if !trimmed.lost.is_empty() {
                        self.for_ledger.losses.extend(trimmed.lost);
                        self.waits();
                    }
                }
                Err(e) => {
                    warn!("the journal could not be trimmed: {e}");
                    return;
                }
            }
        }
    }
}

fn local_date(at: Micros, timezone: &jiff::tz::TimeZone) -> String {
    jiff::Timestamp::from_microsecond(at.0)
        .map(|t| t.to_zoned(timezone.clone()).strftime("%Y%m%d").to_string())
        .unwrap_or_default()
}

fn refusal(error: &CommandError) -> Refusal {
    Refusal::new("wrong-state", format!("当前状态不允许：{error}"), error.to_string())
}

fn hazard_refusal(error: &HazardError) -> Refusal {
    Refusal::new("wrong-state", error.zh(), error.to_string())
}
