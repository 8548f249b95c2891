//! The polling loop of one endpoint: its units in turn, on ticks shared by the whole gateway.
//!
//! Each unit yields one sample a period, with every point in it: a value, or the reason why not.
//! A unit that stays silent rests behind a breaker and is probed at growing intervals, so that its
//! timeouts do not eat the others' bus time. An address the device refuses is found by halving, set
//! aside, and looked at again now and then.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::decode;
use super::link::{Answer, Link, PollError};
use super::plan::{Request, plan, plan_of};
use crate::clock::wall_now;
use crate::field::{Intake, Status, stopped};
use crate::plant::{Cause, Quality, Reading};
use crate::settings::{ModbusDevice, ModbusSource};

/// Silences in a row after which a unit rests.
const PATIENCE: u32 = 3;
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Refused addresses are asked for again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

struct Unit {
    device: ModbusDevice,
    requests: Vec<Request>,
    /// Points the device refuses, and why.
    refused: Vec<(usize, Cause)>,
    look_again: Option<Instant>,
    due: Instant,
    silences: u32,
    rest: Duration,
    resting_until: Option<Instant>,
    readings: Vec<Reading>,
    /// What went wrong in the last poll.
    trouble: Option<String>,
}

/// Polls until `stop`.
pub(in crate::field) async fn run(
    source: ModbusSource,
    status: Status,
    intake: Intake,
    epoch: Instant,
    mut stop: watch::Receiver<bool>,
) {
    let mut link = Link::new(&source.host, source.port, source.timeout);
    let mut units: Vec<Unit> = source.devices.iter().map(|d| Unit::new(d.clone(), epoch)).collect();
    let mut pause = source.reconnect.0;
    let mut next_attempt = epoch;
    while let Some(next) = (0..units.len()).min_by_key(|n| units[*n].due) {
        tokio::select! {
            () = tokio::time::sleep_until(units[next].due) => {}
            () = stopped(&mut stop) => return,
        }
        if !link.is_connected() && Instant::now() >= next_attempt {
            match link.connect().await {
                Ok(()) => {
                    info!(source = %source.id, "connected");
                    pause = source.reconnect.0;
                    status.update(|s| (s.connected, s.last_error) = (true, None));
                }
                Err(e) => {
                    next_attempt = Instant::now() + jitter(pause);
                    pause = (pause * 2).min(source.reconnect.1);
                    status.update(|s| {
                        if s.connected || s.last_error.is_none() {
                            warn!(source = %source.id, "{e}");
                        }
                        s.connected = false;
                        s.errors += 1;
                        s.last_error = Some(e.to_string());
                    });
                }
            }
        }
        let unit = &mut units[next];
        let troubled = unit.trouble.take().is_some();
        poll(unit, &mut link, &source, &status).await;
        if link.is_connected() && (troubled || unit.trouble.is_some()) {
            // What is shown is the trouble there is, not the last there was.
            let trouble = units.iter().find_map(|u| u.trouble.clone());
            status.update(|s| s.last_error = trouble);
        }
        let unit = &mut units[next];
        let at = wall_now();
        intake.push(unit.device.device, at, true, &unit.readings, None).await;
        // The next shared tick that is still to come: a slow answer skips ticks, it never bunches them.
        let now = Instant::now();
        let period = unit.device.period;
        let ticks = now.duration_since(epoch).as_nanos() / period.as_nanos().max(1) + 1;
        let since_epoch = u64::try_from(ticks * period.as_nanos()).unwrap_or(u64::MAX);
        unit.due = epoch + Duration::from_nanos(since_epoch);
    }
    // A source without devices has nothing to do.
    stopped(&mut stop).await;
}

impl Unit {
    fn new(device: ModbusDevice, epoch: Instant) -> Self {
        let unread = |p: &crate::settings::ModbusPoint| Reading {
            point: p.point,
            value: f64::NAN,
            quality: Quality::Bad(Cause::NotYetRead),
        };
        Self {
            requests: plan(&device),
            refused: Vec::new(),
            look_again: None,
            due: epoch,
            silences: 0,
            rest: FIRST_REST,
            resting_until: None,
            readings: device.points.iter().map(unread).collect(),
            trouble: None,
            device,
        }
    }

    fn all(&mut self, cause: Cause) {
        for reading in &mut self.readings {
            reading.value = f64::NAN;
            reading.quality = Quality::Bad(cause);
        }
    }

    fn some(&mut self, points: &[usize], cause: Cause) {
        for n in points {
            self.readings[*n].value = f64::NAN;
            self.readings[*n].quality = Quality::Bad(cause);
        }
    }

    fn take(&mut self, request: &Request, answer: &Answer) {
        for n in &request.points {
            let point = &self.device.points[*n];
            let from = usize::from(point.address - request.address);
            let (value, quality) = match answer {
                Answer::Words(words) => decode::registers(point, &words[from..]),
                Answer::Bits(bits) => decode::bit(point, bits[from]),
            };
            self.readings[*n].value = value;
            self.readings[*n].quality = quality;
        }
    }
}

async fn poll(unit: &mut Unit, link: &mut Link, source: &ModbusSource, status: &Status) {
    if !link.is_connected() {
        unit.all(Cause::Disconnected);
        return;
    }
    if unit.resting_until.is_some_and(|until| Instant::now() < until) {
        unit.trouble = Some(format!("unit {}: no answer, backing off", unit.device.unit));
        unit.all(Cause::BackingOff);
        return;
    }
    if unit.look_again.is_some_and(|at| Instant::now() >= at) {
        unit.look_again = None;
        unit.refused.clear();
        unit.requests = plan(&unit.device);
    }
    let mut todo: Vec<Request> = unit.requests.iter().rev().cloned().collect();
    let mut split = false;
    while let Some(request) = todo.pop() {
        status.update(|s| s.requests += 1);
        match link.request(unit.device.unit, request.table, request.address, request.count).await {
            Ok((answer, took)) => {
                unit.take(&request, &answer);
                status.update(|s| s.round_trip_us = took.as_micros() as u64);
                well(unit);
            }
            Err(PollError::Exception(code @ (2 | 3))) if request.points.len() > 1 => {
                debug!(source = %source.id, unit = unit.device.unit, code, "block refused, halving");
                well(unit);
                split = true;
                let (first, second) = request.points.split_at(request.points.len() / 2);
                todo.extend(plan_of(&unit.device, second).into_iter().rev());
                todo.extend(plan_of(&unit.device, first).into_iter().rev());
            }
            Err(error) => {
                status.update(|s| {
                    s.errors += 1;
                    unit.trouble = Some(format!("unit {}: {error}", unit.device.unit));
                    s.last_error.clone_from(&unit.trouble);
                });
                unit.some(&request.points, error.cause());
                match error {
                    PollError::Exception(code @ (1..=3)) => {
                        well(unit);
                        split = true;
                        for n in &request.points {
                            let origin = &unit.device.points[*n].origin;
                            warn!(source = %source.id, unit = unit.device.unit, code, address = request.address,
                                "the device refuses this register; it is set aside and tried again in 10 min ({origin})");
                            unit.refused.push((*n, Cause::of_exception(code)));
                        }
                    }
                    // A gateway tells that the device behind it is dead: the same as silence, without harm
                    // to the connection (Modbus Application Protocol V1.1b3, 7: codes 0x0A and 0x0B).
                    PollError::Exception(10 | 11) => {
                        for request in &todo {
                            unit.some(&request.points, error.cause());
                        }
                        silent(unit, source);
                        break;
                    }
                    PollError::Exception(_) => well(unit),
                    PollError::Late(_) | PollError::Garbled(_) | PollError::Line(_) => {
                        // Out of step or gone: the rest of this poll has no answer either. A unit
                        // that is silent must not cost the others their connection: reopen at once.
                        let cause = error.cause();
                        for request in &todo {
                            unit.some(&request.points, cause);
                        }
                        let late = matches!(error, PollError::Late(_));
                        if late {
                            silent(unit, source);
                        }
                        let back = link.connect().await.is_ok();
                        status.update(|s| s.connected = back);
                        break;
                    }
                }
            }
        }
    }
    if split {
        let refused: Vec<usize> = unit.refused.iter().map(|r| r.0).collect();
        let rest: Vec<usize> = (0..unit.device.points.len()).filter(|n| !refused.contains(n)).collect();
        if refused.is_empty() {
            info!(source = %source.id, unit = unit.device.unit,
                "the device refuses a register in a gap; its registers are read without gaps now");
        }
        unit.requests = without_gaps(&unit.device, &rest);
        unit.look_again = Some(Instant::now() + LOOK_AGAIN);
    }
    for at in 0..unit.refused.len() {
        let (n, cause) = unit.refused[at];
        unit.some(&[n], cause);
    }
}

/// A plan for `points` in which no request reaches over a register that nobody asked for: after a
/// refusal, one of those is a hole.
fn without_gaps(device: &ModbusDevice, points: &[usize]) -> Vec<Request> {
    let tight = ModbusDevice { max_gap: 0, ..device.clone() };
    plan_of(&tight, points)
}

fn well(unit: &mut Unit) {
    unit.silences = 0;
    unit.rest = FIRST_REST;
    unit.resting_until = None;
}

fn silent(unit: &mut Unit, source: &ModbusSource) {
    unit.silences += 1;
    if unit.silences >= PATIENCE {
        let rest = jitter(unit.rest);
        if unit.silences == PATIENCE {
            warn!(source = %source.id, unit = unit.device.unit, "no answer {PATIENCE} times: resting {rest:?} between probes");
        }
        unit.resting_until = Some(Instant::now() + rest);
        unit.rest = (unit.rest * 2).min(LONGEST_REST);
    }
}

/// Half to whole of `pause`.
fn jitter(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    pause.mul_f64(0.5 + (random >> 11) as f64 / (1u64 << 53) as f64 / 2.0)
}
