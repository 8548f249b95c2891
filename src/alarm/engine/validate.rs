//! Readings against their own past, before anything is judged: jumps and values that stand still.
//!
//! A jump is rejected twice and believed the third time: a spike is gone by then, and what really moved so fast is not
//! hidden for longer than two readings, whether it stays where it went or moves on; once believed, a move goes on. A value that stands still is kept and judged, in doubt.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::alarm::timer::us;
use crate::plant::{Cause, Doubts, Plant, PointIx, Quality, Reading};

/// Readings that must agree before a jump is believed.
const AGREE: u8 = 3;

/// One point under tests.
#[derive(Debug, Clone)]
struct Test {
    doubts: Doubts,
    /// `boiler-1/drum_level`
    name: Box<str>,
    unit: Box<str>,
    seen: Seen,
}

/// What it remembers.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Last believed value.
    last: Option<f64>,
    /// Rejected ones in a row, and the newest of them.
    jumps: (u8, f64),
    /// The last step of a move that is believed, though it is further than usual.
    moving: Option<f64>,
    /// Since when it has been so near to that value.
    still: Option<(u64, f64)>,
    /// How long before the process began, µs.
    before: u64,
}

/// The stored form: how long it has stood still, and where.
#[derive(Serialize, Deserialize)]
struct Memory {
    /// Of what it remembers; earlier versions did not say.
    #[serde(default)]
    unit: Option<Box<str>>,
    last: Option<f64>,
    jumps: (u8, f64),
    #[serde(default)]
    moving: Option<f64>,
    still: Option<(u64, f64)>,
}

/// All of them, by point.
#[derive(Debug, Clone, Default)]
pub(super) struct Tests(BTreeMap<PointIx, Test>);

impl Tests {
    pub(super) fn new(plant: &Plant) -> Self {
        let tested = plant.points_ix().filter_map(|(ix, point)| {
            let doubts = (**point.doubts.as_ref()?).clone();
            let name = format!("{}/{}", plant.equipment_at(point.equipment).id, point.id).into();
            Some((ix, Test { doubts, name, unit: (&*point.unit).into(), seen: Seen::default() }))
        });
        Self(tested.collect())
    }

    pub(super) fn points(&self) -> impl Iterator<Item = PointIx> {
        self.0.keys().copied()
    }

    /// Goes on where `before` stands.
    pub(super) fn reconfigure(&mut self, before: &Self) {
        for (point, test) in &mut self.0 {
            if let Some(old) = before.0.get(point) {
                test.seen = old.seen;
            }
        }
    }

    /// What they remember, by name, as JSON.
    pub(super) fn memories(&self, now_us: u64) -> impl Iterator<Item = (&str, String)> {
        self.0.values().filter_map(move |test| {
            let Seen { last, jumps, moving, still, before } = test.seen;
            let still = still.map(|(since, at)| (now_us.saturating_sub(since) + before, at));
            let memory = Memory { unit: Some(test.unit.clone()), last, jumps, moving, still };
            Some((&*test.name, serde_json::to_string(&memory).ok()?))
        })
    }

    /// Puts a memory back, unless it is of another unit. The time the gateway was down does not count.
    pub(super) fn remember(&mut self, name: &str, memory: &str, now_us: u64) {
        let Some(test) = self.0.values_mut().find(|t| &*t.name == name) else { return };
        if let Ok(Memory { unit, last, jumps, moving, still }) = serde_json::from_str::<Memory>(memory)
            && unit.is_none_or(|unit| unit == test.unit)
        {
            // Before the process began there is no monotonic time: what it lacks then is asked for anew.
            let still = still.map(|(ago, at)| (now_us.saturating_sub(ago), ago.saturating_sub(now_us), at));
            let before = still.map_or(0, |s| s.1);
            let still = still.map(|(since, _, at)| (since, at));
            test.seen = Seen { last, jumps, moving, still, before };
        }
    }
}

impl Seen {
    /// Whether a reading may be believed that can move by `most` from one to the next.
    fn believes(&mut self, value: f64, most: f64) -> bool {
        let far = |from: f64| (value - from).abs() > most;
        let Some(last) = self.last.filter(|last| far(*last)) else {
            (self.jumps, self.moving, self.last) = ((0, 0.0), None, Some(value));
            return true;
        };
        let step = value - last;
        let goes_on = |moved: f64| moved * step > 0.0 && step.abs() <= 2.0 * moved.abs();
        if self.moving.is_some_and(goes_on) {
            (self.jumps, self.moving, self.last) = ((0, 0.0), Some(step), Some(value));
            return true;
        }
        let (count, before) = self.jumps;
        let moves_on = (before - last) * (value - before) > 0.0;
        let agrees = count > 0 && (!far(before) || moves_on);
        self.jumps = (if agrees { count + 1 } else { 1 }, value);
        if self.jumps.0 < AGREE {
            return false;
        }
        self.moving = (value - before != 0.0 && far(before)).then_some(value - before);
        (self.jumps, self.last) = ((0, 0.0), Some(value));
        true
    }
}

impl Engine {
    /// Puts the doubt on a usable reading, taken at `own_us`, that its past asks for.
    pub(super) fn validate(&mut self, reading: &mut Reading, own_us: u64) {
        let Some(test) = self.tests.0.get_mut(&reading.point) else { return };
        let seen = &mut test.seen;
        if let Some(most) = test.doubts.max_step
            && !seen.believes(reading.value, most)
        {
            reading.quality = Quality::Bad(Cause::Jump);
            return;
        }
        let Some(flatline) = &test.doubts.flatline else { return };
        // While something says that it need not move, it may stand still. What is unknown says nothing: time goes on.
        let expected = flatline.when.is_none_or(|when| {
            let point_state = &self.points[when.0 as usize];
            !point_state.quality.is_usable() || point_state.value >= 0.5
        });
        let still = seen.still.filter(|(_, at)| expected && (reading.value - at).abs() <= flatline.within);
        if still.is_none() {
            seen.before = 0;
        }
        let (since, at) = still.unwrap_or((own_us, reading.value));
        seen.still = Some((since, at));
        if own_us.saturating_sub(since) + seen.before >= us(flatline.after)
            && reading.quality == Quality::Good
        {
            reading.quality = Quality::Uncertain(Cause::Frozen);
        }
    }
}
