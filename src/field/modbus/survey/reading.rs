//! One configured point, read now, through everything the gateway would do with it; with the frames
//! that went over the wire.

use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::time::Instant;

use super::super::decode;
use super::super::frame::register_bytes;
use super::super::link::PollError;
use super::super::plan::LineCost;
use super::super::trace::Frame;
use super::super::unit::{Answer, Unit, Words};
use super::asker::Asker;
use crate::clock::wall_now;
use crate::field::ingest::civil::LocalTime;
use crate::plant::{Cause, PointIx, Quality, TextTable};
use crate::settings::{Format, ModbusDevice, ModbusPoint, ModbusSource};

/// What one read of a point gave.
#[derive(Debug, Clone)]
pub struct PointReading {
    /// Frames in the order they went, requests and answers.
    pub frames: Vec<Frame>,
    /// The point's own registers (or its bit), in hex.
    pub registers: Option<String>,
    /// The number in the registers, before scaling; `None` for texts and where there is none.
    pub raw: Option<f64>,
    /// Engineering value; `NaN` if there is none.
    pub value: f64,
    /// For texts.
    pub text: Option<String>,
    /// As the gateway would show it.
    pub quality: Quality,
    /// Longest round trip of the requests it took.
    pub round_trip: Option<Duration>,
    /// Why there was no answer.
    pub error: Option<PollError>,
}

/// Why a point cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No device of the source has it.
    #[error("the source reads no such point")]
    NoSuchPoint,
}

/// Reads `point` of `source` over `asker`: its device's quirks, its factors, its scaling.
///
/// # Errors
/// [`ReadError`]; what the device does wrong is part of the reading.
pub async fn read_point(
    asker: &mut Asker,
    source: &ModbusSource,
    point: PointIx,
    timezone: &TimeZone,
) -> Result<PointReading, ReadError> {
    let (device, found) = alone(source, point).ok_or(ReadError::NoSuchPoint)?;
    let cost = LineCost::of(&source.transport);
    let (unit_id, quirks) = (device.unit, device.quirks.clone());
    (asker.crc_swapped, asker.pause) = (quirks.crc_swapped, quirks.pause);
    asker.any_transaction = quirks.any_transaction;
    let texts = TextTable::default();
    let mut unit = Unit::new(device, &cost);
    let mut reading = PointReading {
        frames: Vec::new(),
        registers: None,
        raw: None,
        value: f64::NAN,
        text: None,
        quality: Quality::Bad(Cause::NotYetRead),
        round_trip: None,
        error: None,
    };
    // What was on the wire before is not of this reading.
    let _ = asker.frames();
    let (began, mut out) = (Instant::now(), Vec::new());
    // A factor that stands behind its point in the plan is known in the second round.
    let rounds = if found.factors.is_empty() { 1 } else { 2 };
    let groups = unit.groups.len();
    for group in (0..rounds).flat_map(|_| 0..groups) {
        for request in unit.begin(group, began.elapsed(), false, &cost, &mut out) {
            let ask = request.ask(0);
            let mut answer = asker.ask(unit_id, ask).await;
            let mut earlier = None;
            if unit.wants_twice(group, &request)
                && let Ok(first) = answer
            {
                earlier = Some(first.values);
                answer = asker.ask(unit_id, ask).await;
            }
            match answer {
                Ok(heard) => {
                    let local = LocalTime { zone: timezone, arrival: wall_now() };
                    reading.round_trip = reading.round_trip.max(Some(heard.took));
                    if request.points.iter().any(|n| unit.groups[group].points[*n].point == point) {
                        let at = usize::from(found.address - request.address);
                        let bits = request.table.is_bits();
                        (reading.registers, reading.raw) = raw(&found, bits, at, &heard.values, local);
                    }
                    let now = began.elapsed();
                    let values = heard.values.as_slice();
                    let answer = Answer { values, earlier: earlier.as_deref(), now, at: local.arrival };
                    unit.take(group, &request, &answer, Words { timezone, texts: &texts }, &mut out);
                }
                Err(error) => {
                    unit.missed(group, &request, error.cause(), &mut out);
                    reading.error = Some(error);
                }
            }
        }
        unit.settle(group, began.elapsed());
        while unit.released(&mut out).is_some() {}
    }
    reading.frames = asker.frames();
    if let Some(last) = out.iter().rev().find(|r| r.point == point) {
        (reading.value, reading.quality) = (last.value, last.quality);
        if matches!(found.format, Format::Text(..)) {
            reading.text = texts.get(last.value);
        }
    }
    Ok(reading)
}

fn raw(
    point: &ModbusPoint,
    bits: bool,
    at: usize,
    values: &[u8],
    local: LocalTime<'_>,
) -> (Option<String>, Option<f64>) {
    if bits {
        let set = values.get(at / 8).is_some_and(|b| b >> (at % 8) & 1 == 1);
        return (Some(u8::from(set).to_string()), Some(f64::from(u8::from(set))));
    }
    let from = at * register_bytes(point.four_byte);
    let Some(own) = values.get(from..from + usize::from(point.format.width()) * 2) else {
        return (None, None);
    };
    let words: Vec<String> = own
        .chunks(register_bytes(point.four_byte))
        .map(|w| w.iter().map(|b| format!("{b:02X}")).collect())
        .collect();
    let raw = decode::raw(point, own, local).ok().filter(|r| r.is_finite());
    (Some(words.join(" ")), raw)
}

/// The device with nothing but the point and what it is multiplied by.
fn alone(source: &ModbusSource, point: PointIx) -> Option<(ModbusDevice, ModbusPoint)> {
    let device =
        source.devices.iter().find(|d| d.groups.iter().any(|g| g.points.iter().any(|p| p.point == point)))?;
    let all = || device.groups.iter().flat_map(|g| &g.points);
    let found = all().find(|p| p.point == point)?.clone();
    let mut wanted = vec![point];
    for factor in &found.factors {
        wanted.push(factor.point());
    }
    let mut device = device.clone();
    device.quirks.heartbeat = None;
    device.quirks.warm_up = None;
    for group in &mut device.groups {
        group.points.retain(|p| wanted.contains(&p.point));
        group.factors.retain(|p| wanted.contains(&p.point));
    }
    device.groups.retain(|g| !g.points.is_empty());
    Some((device, found))
}
