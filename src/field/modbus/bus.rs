//! The polling loop of one endpoint or serial port: all its units, most urgent first, on ticks shared
//! by the whole gateway.
//!
//! Every answered request becomes one sample with the time of that very answer. A unit that stays
//! silent rests behind its breaker; a refused register is found by halving and set aside; a busy unit
//! is asked again; a lost connection is opened again at once, for one of its devices may have closed
//! it. New settings are taken over between two requests, and units that did not change notice nothing.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::breaker::{Breaker, ProbeBudget, next_probe};
use super::dial_in::Doorstep;
use super::frame::Ask;
use super::link::{Done, Doubt, Link, PollError, Sending};
use super::plan::{LineCost, Request, may_read};
use super::trace::Trace;
use super::unit::Unit;
use crate::clock::wall_now;
use crate::field::status::{DeviceState, DeviceStatus};
use crate::field::{Intake, Status, jittered, stopped};
use crate::plant::{Cause, Micros, Reading, TextTable};
use crate::settings::{ModbusSource, Transport};

/// Frames of another master before it is said that there is one: noise may look like one once.
const SURE_OF_OTHER_MASTER: u64 = 3;

/// On a line that has more to do than it can, a probe waits for this long at most.
const MOST_PUT_OFF: Duration = Duration::from_secs(10);

/// What a bus is made of.
pub(in crate::field) struct Parts {
    pub(in crate::field) source: watch::Receiver<ModbusSource>,
    pub(in crate::field) status: Status,
    pub(in crate::field) intake: Intake,
    /// Ticks are counted from here.
    pub(in crate::field) epoch: Instant,
    pub(in crate::field) timezone: TimeZone,
    pub(in crate::field) texts: TextTable,
    pub(in crate::field) trace: Trace,
    pub(in crate::field) dialled: Option<Doorstep>,
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq)]
enum Purpose {
    /// Its values.
    Values,
    /// Its values once more, to hold against these.
    Again(Vec<u8>),
    /// RTU after a timeout: only its answer counts; then the request itself goes out.
    Sync,
}

#[derive(Debug, Clone)]
struct Job {
    unit: usize,
    group: usize,
    request: Request,
    purpose: Purpose,
    /// The first request to a unit that had been resting.
    probe: bool,
    busy: u8,
    /// The connection broke under it once already: it goes again, alone.
    retried: bool,
    not_before: Instant,
    /// When its group's next tick comes; what is due first goes first.
    deadline: Instant,
}

struct Seat {
    unit: Unit,
    breaker: Breaker,
    /// Next tick of each group.
    due: Vec<Instant>,
    status: DeviceStatus,
    /// An error was seen in the present poll.
    troubled: bool,
}

struct Bus {
    source: ModbusSource,
    link: Link,
    seats: Vec<Seat>,
    queue: VecDeque<Job>,
    flight: Vec<Option<Job>>,
    budget: ProbeBudget,
    cost: LineCost,
    next_connect: Instant,
    pause: Duration,
    last_use: Instant,
    /// It was said that another master talks here.
    warned: bool,
    readings: Vec<Reading>,
    status: Status,
    intake: Intake,
    epoch: Instant,
    timezone: TimeZone,
    texts: TextTable,
    trace: Trace,
}

/// Polls until `stop`.
pub(in crate::field) async fn run(parts: Parts, mut stop: watch::Receiver<bool>) {
    let mut updates = parts.source;
    let source = updates.borrow_and_update().clone();
    let now = Instant::now();
    let mut bus = Bus {
        link: Link::new(&source, parts.trace.clone(), parts.dialled),
        seats: Vec::new(),
        queue: VecDeque::new(),
        flight: Vec::new(),
        budget: ProbeBudget::new(source.probe_share, now.duration_since(parts.epoch)),
        cost: LineCost::of(&source.transport),
        next_connect: now,
        pause: source.reconnect.0,
        last_use: now,
        warned: false,
        readings: Vec::new(),
        status: parts.status,
        intake: parts.intake,
        epoch: parts.epoch,
        timezone: parts.timezone,
        texts: parts.texts,
        trace: parts.trace,
        source: ModbusSource { devices: Vec::new(), ..source.clone() },
    };
    bus.take_over(source);
    loop {
        if *stop.borrow() {
            return;
        }
        if updates.has_changed().unwrap_or(false) && bus.link.in_flight() == 0 {
            let source = updates.borrow_and_update().clone();
            bus.take_over(source);
        }
        let changing = updates.has_changed().unwrap_or(false);
        bus.enqueue_due().await;
        if !changing {
            bus.send().await;
        }
        if bus.link.in_flight() > 0 {
            let done = tokio::select! {
                done = bus.link.next() => done,
                () = stopped(&mut stop) => return,
            };
            bus.ended(done).await;
            continue;
        }
        let wake = bus.next_wake();
        tokio::select! {
            () = tokio::time::sleep_until(wake) => {}
            () = stopped(&mut stop) => return,
            Ok(()) = updates.changed() => updates.mark_changed(),
        }
        bus.close_when_idle();
    }
}

impl Bus {
    fn mono(&self, at: Instant) -> Duration {
        at.duration_since(self.epoch)
    }

    /// Takes new settings: what did not change keeps its seat, its ticks and its memory.
    fn take_over(&mut self, source: ModbusSource) {
        if source.transport != self.source.transport || source.timeout != self.source.timeout {
            let dialled = self.link.take_doorstep();
            self.link = Link::new(&source, self.trace.clone(), dialled);
            self.next_connect = Instant::now();
        }
        self.cost = LineCost::of(&source.transport);
        self.budget.set_share(source.probe_share);
        let now = Instant::now();
        let mut old: Vec<Option<Seat>> = self.seats.drain(..).map(Some).collect();
        let mut moved = vec![None; old.len()];
        for device in &source.devices {
            let kept = old.iter().position(|o| o.as_ref().is_some_and(|o| o.unit.device == *device));
            let seat = match kept {
                Some(n) => {
                    moved[n] = Some(self.seats.len());
                    old[n].take()
                }
                None => None,
            };
            self.seats.push(seat.unwrap_or_else(|| Seat {
                due: vec![now.max(self.epoch); device.groups.len()],
                status: DeviceStatus::new(&device.label, device.unit),
                unit: Unit::new(device.clone(), &self.cost),
                breaker: Breaker::default(),
                troubled: false,
            }));
        }
        // Requests of those that stay keep their place; nothing is in flight here.
        self.queue.retain_mut(|job| match moved[job.unit] {
            Some(seat) => {
                job.unit = seat;
                true
            }
            None => false,
        });
        self.flight.clear();
        self.source = source;
        let devices: Vec<DeviceStatus> = self.seats.iter().map(|s| s.status.clone()).collect();
        self.status.update(|s| s.devices = devices);
    }

    /// Puts the requests of every group whose tick has come into the queue.
    async fn enqueue_due(&mut self) {
        let now = Instant::now();
        self.probe(now).await;
        for n in 0..self.seats.len() {
            for g in 0..self.seats[n].due.len() {
                if self.seats[n].due[g] > now || self.seats[n].unit.groups[g].outstanding > 0 {
                    continue;
                }
                if self.seats[n].breaker.is_open() {
                    self.readings.clear();
                    self.seats[n].unit.all_missed(g, Cause::BackingOff, &mut self.readings);
                    self.push(n, g, wall_now()).await;
                    self.finish(n, g, now, true);
                } else {
                    self.begin(n, g, now, false).await;
                }
            }
        }
    }

    /// Asks the unit whose turn it is whether it is there again, if there is bus time for it; on its tick
    /// or not, for the ticks of some never fall where the bus time is.
    async fn probe(&mut self, now: Instant) {
        let mono = self.mono(now);
        let seats = &self.seats;
        let idle = |n: usize| seats[n].unit.groups.iter().all(|g| g.outstanding == 0);
        let next = next_probe(seats.iter().map(|s| &s.breaker), idle, mono);
        let Some(n) = next.filter(|_| self.budget.allows(self.source.timeout, mono)) else { return };
        self.budget.spend(self.source.timeout);
        let groups = &self.seats[n].unit.groups;
        let g = groups.iter().position(|g| !g.requests.is_empty()).unwrap_or(0);
        self.begin(n, g, now, true).await;
    }

    async fn begin(&mut self, n: usize, g: usize, now: Instant, probe: bool) {
        let mono = self.mono(now);
        self.readings.clear();
        let mut requests = self.seats[n].unit.begin(g, mono, &self.cost, &mut self.readings);
        if !self.readings.is_empty() {
            self.push(n, g, wall_now()).await;
        }
        let period = self.seats[n].unit.groups[g].period;
        self.seats[n].troubled = false;
        self.seats[n].unit.groups[g].outstanding = requests.len();
        if requests.is_empty() {
            self.finish(n, g, now, false);
            return;
        }
        // A probe goes behind the healthy ones of its time, though not of all times to come, and alone:
        // the others follow its answer.
        let deadline = if probe { now + MOST_PUT_OFF } else { self.seats[n].due[g] + period };
        let first = requests.remove(0);
        let job = |request, probe| Job {
            unit: n,
            group: g,
            request,
            purpose: Purpose::Values,
            probe,
            busy: 0,
            retried: false,
            not_before: now,
            deadline,
        };
        self.insert(job(first, probe));
        for request in requests {
            self.insert(job(request, probe));
        }
    }

    fn insert(&mut self, job: Job) {
        let at = self.queue.partition_point(|j| j.deadline <= job.deadline);
        self.queue.insert(at, job);
    }

    /// Sends what the line and the devices allow to be in flight.
    async fn send(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        self.link.freshen();
        if !self.link.is_connected() && self.link.in_flight() == 0 && !self.connect().await {
            return;
        }
        loop {
            let now = Instant::now();
            let in_flight = self.link.in_flight();
            let Some(at) = self
                .queue
                .iter()
                .position(|j| j.not_before <= now && !(j.probe && self.probe_in_flight(j.unit)))
            else {
                return;
            };
            let job = &self.queue[at];
            let window = if job.retried { 1 } else { self.window(job.unit) };
            if in_flight > 0 && (in_flight >= window || self.narrow_in_flight()) {
                return;
            }
            let Some(mut job) = self.queue.remove(at) else { return };
            let seat = &self.seats[job.unit];
            let device = &seat.unit.device;
            let ask = Ask::Read {
                table: job.request.table,
                address: job.request.address,
                count: job.request.count,
            };
            let quirks = &device.quirks;
            let ask = match self
                .link
                .doubt(device.unit, &ask, |table, from, count| may_read(quirks, table, from, count))
            {
                Doubt::Ask(other) => {
                    if job.purpose != Purpose::Sync {
                        self.queue.push_front(job.clone());
                        job.purpose = Purpose::Sync;
                    }
                    other
                }
                Doubt::Wait => {
                    // Nothing else may be asked of it: silence must tell that no late answer comes.
                    self.link.rest(self.source.timeout);
                    self.link.trust(device.unit);
                    ask
                }
                Doubt::None => ask,
            };
            let tag = self.flight.iter().position(Option::is_none).unwrap_or(self.flight.len());
            self.link.send(Sending {
                tag,
                unit: device.unit,
                ask,
                crc_swapped: device.quirks.crc_swapped,
                tolerant: device.quirks.tolerant,
                pause: device.quirks.pause,
            });
            let sync = job.purpose == Purpose::Sync;
            if tag == self.flight.len() {
                self.flight.push(Some(job));
            } else {
                self.flight[tag] = Some(job);
            }
            self.status.update(|s| s.requests += 1);
            if sync {
                return;
            }
        }
    }

    fn window(&self, unit: usize) -> usize {
        match self.source.transport {
            Transport::Tcp { .. } => usize::from(self.seats[unit].unit.device.quirks.pipeline.max(1)),
            _ => 1,
        }
    }

    /// Something is in flight that must be there alone.
    fn narrow_in_flight(&self) -> bool {
        self.flight.iter().flatten().any(|j| j.retried || self.window(j.unit) == 1)
    }

    fn probe_in_flight(&self, unit: usize) -> bool {
        self.flight.iter().flatten().any(|j| j.probe && j.unit == unit)
    }

    /// Opens the connection; if that fails everything that waits has failed.
    async fn connect(&mut self) -> bool {
        let now = Instant::now();
        let error = if now >= self.next_connect {
            match self.link.connect().await {
                Ok(()) => {
                    info!(source = %self.source.id, "connected");
                    self.pause = self.source.reconnect.0;
                    self.status.update(|s| (s.connected, s.last_error) = (true, None));
                    return true;
                }
                Err(e) => e,
            }
        } else {
            PollError::Line(String::new())
        };
        if now >= self.next_connect {
            self.next_connect = Instant::now() + jittered(self.pause);
            self.pause = (self.pause * 2).min(self.source.reconnect.1);
            let source = &self.source.id;
            self.status.update(|s| {
                if s.connected || s.last_error.is_none() {
                    warn!(%source, "{error}");
                }
                s.connected = false;
                s.errors += 1;
                s.last_error = Some(error.to_string());
            });
        }
        while let Some(job) = self.queue.pop_front() {
            self.failed(&job, Cause::Disconnected, wall_now()).await;
        }
        for n in 0..self.seats.len() {
            self.seats[n].status.state = DeviceState::Disconnected;
            self.show(n);
        }
        false
    }

    /// A request has ended, one way or another.
    async fn ended(&mut self, done: Done) {
        self.last_use = Instant::now();
        let Some(mut job) = self.flight.get_mut(done.sent.tag).and_then(Option::take) else { return };
        let n = job.unit;
        let counts = self.link.counts();
        self.status.update(|s| s.line = counts);
        if counts.other_master >= SURE_OF_OTHER_MASTER && !self.warned {
            self.warned = true;
            warn!(source = %self.source.id, "another master talks on this line (a touch panel, a second gateway): \
                requests collide and values are missed; only one of them may ask");
        }
        self.seats[n].status.requests += 1;
        match done.outcome {
            Ok(took) => {
                self.seats[n].status.round_trips.add(took);
                self.status.update(|s| s.round_trip_us = took.as_micros() as u64);
                self.answered(n, job.probe);
                match job.purpose {
                    Purpose::Sync => self.link.trust(done.sent.unit),
                    Purpose::Values if self.seats[n].unit.wants_twice(job.group, &job.request) => {
                        job.purpose = Purpose::Again(self.link.values().to_vec());
                        self.queue.push_front(job);
                    }
                    Purpose::Values | Purpose::Again(_) => self.take(&job, done.at).await,
                }
            }
            Err(error) => self.error(job, &error, done.at).await,
        }
    }

    /// The unit lives. What waited for a probe may go.
    fn answered(&mut self, n: usize, probe: bool) {
        if self.seats[n].breaker.answered() {
            info!(source = %self.source.id, unit = self.seats[n].unit.device.unit, "it answers again");
        }
        if probe {
            let mut waiting: Vec<Job> = Vec::new();
            self.queue.retain(|j| {
                let mine = j.unit == n && j.probe;
                if mine {
                    waiting.push(Job { probe: false, deadline: Instant::now(), ..j.clone() });
                }
                !mine
            });
            waiting.into_iter().for_each(|j| self.insert(j));
        }
    }

    async fn take(&mut self, job: &Job, at: Micros) {
        let now = self.mono(Instant::now());
        let earlier = match &job.purpose {
            Purpose::Again(values) => Some(values.as_slice()),
            _ => None,
        };
        self.readings.clear();
        self.seats[job.unit].unit.take(
            job.group,
            &job.request,
            self.link.values(),
            earlier,
            now,
            &self.timezone,
            &self.texts,
            &mut self.readings,
        );
        self.push(job.unit, job.group, at).await;
        self.one_less(job);
    }

    async fn error(&mut self, mut job: Job, error: &PollError, at: Micros) {
        let n = job.unit;
        let quirks = &self.seats[n].unit.device.quirks;
        match *error {
            PollError::Exception(5 | 6) if job.busy < quirks.busy_retries => {
                // Acknowledge and busy: the device asks for time (V1.1b3, section 7).
                job.busy += 1;
                job.not_before = Instant::now() + quirks.busy_pause;
                self.answered(n, job.probe);
                job.probe = false;
                self.insert(job);
                return;
            }
            PollError::Exception(_) if job.purpose == Purpose::Sync => {
                // It may be the late one itself: wait until the other must have come, then go on.
                self.answered(n, job.probe);
                self.link.rest(self.source.timeout);
                self.link.trust(self.seats[n].unit.device.unit);
                return;
            }
            PollError::Exception(code @ 1..=3) => {
                self.answered(n, job.probe);
                self.refused(job, code, at).await;
                return;
            }
            _ => {}
        }
        self.trouble(n, error);
        let cause = error.cause();
        match *error {
            // A gateway tells that the device behind it is dead: the same as silence, without harm to
            // the connection (V1.1b3, section 7: codes 0x0A and 0x0B).
            PollError::Late(_) | PollError::Exception(10 | 11) => {
                self.silent(n);
                self.give_up_unit(job, cause, at).await;
            }
            PollError::Exception(_) => {
                self.answered(n, job.probe);
                self.failed(&job, cause, at).await;
            }
            PollError::Garbled(_) => {
                let lost = !self.link.is_connected();
                if self.source.transport.framing() == crate::settings::Framing::Rtu || lost {
                    self.silent(n);
                    self.give_up_unit(job, cause, at).await;
                } else {
                    self.answered(n, job.probe);
                    self.failed(&job, cause, at).await;
                }
            }
            PollError::Line(_) => {
                // Devices close connections that were idle; the first loss costs no reading.
                if !job.retried && !job.probe {
                    job.retried = true;
                    self.next_connect = Instant::now();
                    self.queue.push_front(job);
                } else {
                    self.silent(n);
                    self.give_up_unit(job, cause, at).await;
                }
            }
        }
    }

    /// Exceptions 1 to 3: halve a block until the guilty register is found, keep the rest.
    async fn refused(&mut self, job: Job, code: u8, at: Micros) {
        let (n, g) = (job.unit, job.group);
        let halves = self.seats[n].unit.refuse(g, &job.request, code, &self.cost);
        let unit = self.seats[n].unit.device.unit;
        if halves.is_empty() {
            for (origin, address, cause) in self.seats[n].unit.refused() {
                if job.request.address == address {
                    warn!(source = %self.source.id, unit, code, address, cause = cause.word(),
                        "the device refuses this register; it is set aside and tried again in 10 min ({origin})");
                }
            }
            self.trouble(n, &PollError::Exception(code));
            self.failed(&job, Cause::of_exception(code), at).await;
            return;
        }
        debug!(source = %self.source.id, unit, code, "block refused, halving");
        self.seats[n].unit.groups[g].outstanding += halves.len() - 1;
        for request in halves.into_iter().rev() {
            self.queue.push_front(Job { request, purpose: Purpose::Values, probe: false, ..job.clone() });
        }
    }

    /// The unit did not answer: it may have to rest.
    fn silent(&mut self, n: usize) {
        let now = self.mono(Instant::now());
        if !self.source.breaker {
            return;
        }
        if let Some(rest) = self.seats[n].breaker.silent(now, fastrand::f64()) {
            warn!(source = %self.source.id, unit = self.seats[n].unit.device.unit,
                "no answer several times: resting {rest:?} between probes");
        }
    }

    /// This poll of the unit is lost: no further request of it is worth its timeout.
    async fn give_up_unit(&mut self, job: Job, cause: Cause, at: Micros) {
        let n = job.unit;
        self.failed(&job, cause, at).await;
        let mut dropped = Vec::new();
        self.queue.retain(|j| {
            let mine = j.unit == n;
            if mine {
                dropped.push(j.clone());
            }
            !mine
        });
        for job in dropped {
            self.failed(&job, cause, at).await;
        }
    }

    async fn failed(&mut self, job: &Job, cause: Cause, at: Micros) {
        if job.purpose == Purpose::Sync {
            return;
        }
        self.readings.clear();
        self.seats[job.unit].unit.missed(job.group, &job.request, cause, &mut self.readings);
        self.seats[job.unit].unit.groups[job.group].whole = false;
        self.push(job.unit, job.group, at).await;
        self.one_less(job);
    }

    fn one_less(&mut self, job: &Job) {
        let group = &mut self.seats[job.unit].unit.groups[job.group];
        group.outstanding = group.outstanding.saturating_sub(1);
        if group.outstanding == 0 {
            self.finish(job.unit, job.group, Instant::now(), false);
        }
    }

    /// A poll is over: count it, and set the next tick that is still to come. A slow answer skips
    /// ticks, it never bunches them.
    fn finish(&mut self, n: usize, g: usize, now: Instant, rested: bool) {
        let mono = self.mono(now);
        let seat = &mut self.seats[n];
        if seat.unit.end(g, mono, &self.cost) && seat.unit.refused().next().is_none() {
            info!(source = %self.source.id, unit = seat.unit.device.unit,
                "the device refuses a register in a gap; its registers are read without gaps now");
        }
        let period = seat.unit.groups[g].period;
        let ticks = mono.as_nanos() / period.as_nanos().max(1) + 1;
        let since_epoch = u64::try_from(ticks * period.as_nanos()).unwrap_or(u64::MAX);
        let due = self.epoch + Duration::from_nanos(since_epoch);
        let planned = due.duration_since(seat.due[g]).as_nanos() / period.as_nanos().max(1);
        seat.due[g] = due;
        seat.status.polls += 1;
        // The first tick is at the start, wherever that falls between two ticks.
        seat.status.missed += (planned as u64).saturating_sub(1);
        if seat.unit.groups[g].whole && !rested {
            seat.status.good_polls += 1;
        }
        if rested {
            seat.status.state = DeviceState::Resting;
        } else if !seat.troubled {
            let refused: Vec<String> =
                seat.unit.refused().map(|(origin, address, _)| format!("{address} ({origin})")).collect();
            seat.status.state =
                if refused.is_empty() { DeviceState::Reading } else { DeviceState::ReadingPart };
            if refused.is_empty() {
                seat.status.last_error = None;
            }
            seat.status.refused = refused;
        }
        self.show(n);
    }

    fn trouble(&mut self, n: usize, error: &PollError) {
        let seat = &mut self.seats[n];
        let text = format!("unit {}: {error}", seat.unit.device.unit);
        seat.troubled = true;
        seat.status.failures += 1;
        seat.status.state = DeviceState::Failing;
        seat.status.last_error = Some(error.to_string());
        seat.status.last_error_at = Some(wall_now());
        self.status.update(|s| {
            s.errors += 1;
            s.last_error = Some(text);
        });
    }

    /// Puts the device's state where others can see it; the source shows the trouble there is now.
    fn show(&self, n: usize) {
        let seat = &self.seats[n];
        let connected = self.link.is_connected();
        self.status.update(|s| {
            if let Some(mine) = s.devices.get_mut(n) {
                mine.clone_from(&seat.status);
            }
            if connected {
                s.connected = true;
                if s.last_error.is_some() {
                    s.last_error = self.seats.iter().find_map(|seat| {
                        let error = seat.status.last_error.as_ref()?;
                        Some(format!("unit {}: {error}", seat.unit.device.unit))
                    });
                }
            }
        });
    }

    async fn push(&self, n: usize, g: usize, at: Micros) {
        let device = self.seats[n].unit.groups[g].device;
        self.intake.push(device, at, true, &self.readings, None).await;
    }

    fn next_wake(&self) -> Instant {
        let due = self.seats.iter().flat_map(|s| {
            s.due.iter().zip(&s.unit.groups).filter(|(_, g)| g.outstanding == 0).map(|(d, _)| *d)
        });
        let waiting = self.queue.iter().map(|j| j.not_before);
        let idle = self.source.idle_close.filter(|_| self.link.is_connected()).map(|i| self.last_use + i);
        // Nothing to do: look again now and then.
        let latest = Instant::now() + Duration::from_secs(3600);
        due.chain(waiting).chain(idle).min().unwrap_or(latest)
    }

    fn close_when_idle(&mut self) {
        let Some(idle) = self.source.idle_close else { return };
        let busy = !self.queue.is_empty() || self.link.in_flight() > 0;
        if !busy && self.link.is_connected() && self.last_use.elapsed() >= idle {
            self.link.close("idle");
        }
    }
}
