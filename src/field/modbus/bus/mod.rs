//! The polling loop of one endpoint or serial port: all its units, most urgent first, on ticks shared
//! by the whole gateway.
//!
//! Every answered request becomes one sample with the time of that very answer. A unit that stays
//! silent rests behind its breaker; a refused register is found by halving and set aside; a busy unit
//! is asked again; a lost connection is opened again at once, for one of its devices may have closed
//! it. New settings are taken over between two requests, and units that did not change notice nothing.
//!
//! `polls` begins and ends polls, `send` puts their requests on the line, `answers` and `errors` take what
//! comes of them, `seats` takes new settings, `show` tells; here is the loop that calls them.

mod answers;
mod errors;
mod polls;
mod seats;
mod send;
mod show;

use std::collections::VecDeque;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio::time::Instant;

use super::breaker::{Breaker, ProbeBudget, next_probe};
use super::dial_in::Doorstep;
use super::link::Link;
use super::plan::{LineCost, Request};
use super::trace::Trace;
use super::unit::Unit;
use crate::field::status::DeviceStatus;
use crate::field::{Intake, Status, stopped};
use crate::plant::{Micros, Reading, TextTable};
use crate::settings::ModbusSource;

/// What a bus is made of.
#[derive(Clone)]
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
    /// Told whenever changed settings are taken over.
    pub(in crate::field) taken_over: watch::Sender<()>,
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq)]
enum Purpose {
    /// Its values.
    Values,
    /// Its values once more, to hold against these.
    Again(Vec<u8>),
}

#[derive(Debug, Clone)]
struct Job {
    unit: usize,
    group: usize,
    request: Request,
    purpose: Purpose,
    /// Registers or bits that are asked for beyond the request, to tell its answer from one that is owed.
    more: u16,
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
    /// What the log was told of its troubles.
    told: Vec<show::Told>,
    /// The poll whose silence was counted last, by its deadline.
    silent_poll: Option<Instant>,
    /// It refused to give more than was asked for.
    no_more: bool,
    /// It was said that its counter stands still.
    frozen: bool,
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
    /// It was told that the device talks without end.
    told_flood: bool,
    pause: Duration,
    last_use: Instant,
    /// It was said that another master talks here.
    warned: bool,
    /// When it was last said that answers come twice, and how many had come by then.
    told_doubles: Option<(Instant, u64)>,
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
        told_flood: false,
        pause: source.reconnect.0,
        last_use: now,
        warned: false,
        told_doubles: None,
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
    // One that is started again may have been waited for.
    parts.taken_over.send_replace(());
    loop {
        if *stop.borrow() {
            return;
        }
        if updates.has_changed().unwrap_or(false) && bus.link.in_flight() == 0 {
            let source = updates.borrow_and_update().clone();
            bus.take_over(source);
            parts.taken_over.send_replace(());
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
