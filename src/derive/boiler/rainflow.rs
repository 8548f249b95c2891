//! Fatigue (疲劳循环计数): pressure cycles by rainflow counting, ASTM E1049-85 clause 5.4.4, as readings come.
//!
//! ```text
//! readings ─▶ hysteresis filter ─▶ turning points ─▶ three-point rule ─▶ cycles (histogram, Σ n·Δp³)
//!                                                          └─▶ residue: what has not closed yet
//! ```
//!
//! The residue is kept, so a restart counts nothing twice and loses nothing. What it would count if the history ended
//! now (clause 5.4.4 step 6: half a cycle each) is part of every figure, and is not taken out of it.
//!
//! Memory is bounded. The residue is a run of ever smaller ranges; when it is full, the turning point that needs to be
//! moved least for a cycle to close is moved outwards by that much: the count is the exact count of a history at least
//! as hard, by less than a 126th of the largest range.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Detector, known};

/// Turning points kept at most. Real histories leave about a dozen.
const RESIDUE: usize = 128;
/// Classes of the histogram; the last one takes all that is larger.
pub const CLASSES: usize = 64;

/// Of one vessel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RainflowSettings {
    /// Ranges below this are not seen, MPa: 5 % of the working pressure.
    pub ignore_below_mpa: f64,
    /// Full pressure range of the design, MPa: n_eq counts cycles of this one.
    pub design_range_mpa: f64,
    /// Full cycles the vessel is designed for, from the nameplate or the design file. Autoclaves commonly 20 000.
    pub design_cycles: f64,
    /// Width of a class of the histogram, MPa.
    pub class_mpa: f64,
    /// Share of the design cycles used from which to warn, 0…1.
    pub warn_usage: f64,
    /// And to act.
    pub act_usage: f64,
}

impl Default for RainflowSettings {
    /// An autoclave (蒸压釜) of 1.6 MPa design and 1.3 MPa working pressure.
    fn default() -> Self {
        Self {
            ignore_below_mpa: 0.065,
            design_range_mpa: 1.6,
            design_cycles: 20_000.0,
            class_mpa: 0.05,
            warn_usage: 0.7,
            act_usage: 0.9,
        }
    }
}

/// A counted cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cycle {
    /// From valley to peak, MPa.
    pub range_mpa: f64,
    /// 1: half a cycle, 2: a whole one.
    pub halves: u64,
}

/// How much of the vessel's life is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fatigue {
    /// Full-range cycles that do the same harm: Σ n·(Δp/Δp_design)³ (in the manner of EN 13445-3).
    pub equivalent_cycles: f64,
    /// `equivalent_cycles / design_cycles`; 1: used up.
    pub usage: f64,
    /// What to do.
    pub advice: Advice,
}

/// What the usage asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Advice {
    /// Nothing.
    None,
    /// 70 %: plan an inspection.
    Warn,
    /// 90 %: act.
    Act,
}

/// Where the readings are going since the last turning point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
enum Course {
    #[default]
    None,
    /// No range has reached the threshold yet.
    Around { least: f64, greatest: f64 },
    /// To a peak, which may still move up.
    Up(f64),
    /// To a valley, which may still move down.
    Down(f64),
}

/// The count of one vessel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RainflowState {
    course: Course,
    /// Turning points that are in no counted cycle, oldest first.
    residue: Vec<f64>,
    class_mpa: f64,
    /// Half cycles by class of range.
    halves: Vec<u64>,
    /// Σ n·Δp³ of what was counted, MPa³.
    cubes: f64,
    /// How often a turning point had to be moved to make room.
    moved: u64,
}

impl Default for RainflowState {
    fn default() -> Self {
        Self {
            course: Course::None,
            residue: Vec::new(),
            class_mpa: 0.0,
            halves: vec![0; CLASSES],
            cubes: 0.0,
            moved: 0,
        }
    }
}

/// Counts the pressure cycles of one vessel.
#[derive(Debug, Clone)]
pub struct Rainflow {
    settings: RainflowSettings,
    state: RainflowState,
}

impl Rainflow {
    /// One reading, MPa; each cycle it closes is handed to `closed`. Unknown readings are passed over: a turning point
    /// that nobody saw cannot be counted.
    pub fn count(&mut self, reading: Option<f64>, mut closed: impl FnMut(Cycle)) {
        let Some(value) = known(reading) else { return };
        let turned = |range: f64| range > 0.0 && range >= self.settings.ignore_below_mpa;
        let (course, point) = match self.state.course {
            Course::None => (Course::Around { least: value, greatest: value }, None),
            Course::Around { least, .. } if turned(value - least) => (Course::Up(value), Some(least)),
            Course::Around { greatest, .. } if turned(greatest - value) => {
                (Course::Down(value), Some(greatest))
            }
            Course::Around { least, greatest } => {
                (Course::Around { least: least.min(value), greatest: greatest.max(value) }, None)
            }
            Course::Up(peak) if turned(peak - value) => (Course::Down(value), Some(peak)),
            Course::Up(peak) => (Course::Up(peak.max(value)), None),
            Course::Down(valley) if turned(value - valley) => (Course::Up(value), Some(valley)),
            Course::Down(valley) => (Course::Down(valley.min(value)), None),
        };
        self.state.course = course;
        if let Some(point) = point {
            self.turn(point, &mut closed);
        }
    }

    /// What would be counted besides if the history ended now.
    pub fn rest(&self, mut cycle: impl FnMut(Cycle)) {
        let mut points = [0.0; RESIDUE + 1];
        let mut len = self.state.residue.len();
        points[..len].copy_from_slice(&self.state.residue);
        if let Course::Up(tip) | Course::Down(tip) = self.state.course {
            points[len] = tip;
            len = settle(&mut points[..=len], &mut cycle);
        }
        for pair in points[..len].windows(2) {
            cycle(Cycle { range_mpa: (pair[1] - pair[0]).abs(), halves: 1 });
        }
    }

    /// How much of the vessel's life is used.
    #[must_use]
    pub fn fatigue(&self) -> Fatigue {
        let mut cubes = self.state.cubes;
        self.rest(|cycle| cubes += harm(cycle));
        let equivalent_cycles = cubes / self.settings.design_range_mpa.powi(3);
        let usage = equivalent_cycles / self.settings.design_cycles;
        let advice = if usage >= self.settings.act_usage {
            Advice::Act
        } else if usage >= self.settings.warn_usage {
            Advice::Warn
        } else {
            Advice::None
        };
        Fatigue { equivalent_cycles, usage, advice }
    }

    /// Classes of ranges that have closed cycles: upper edge in MPa (infinite for the last) and number of cycles.
    pub fn histogram(&self) -> impl Iterator<Item = (f64, f64)> {
        let edge = |class| {
            if class + 1 < CLASSES { (class + 1) as f64 * self.state.class_mpa } else { f64::INFINITY }
        };
        self.state
            .halves
            .iter()
            .enumerate()
            .filter(|(_, n)| **n > 0)
            .map(move |(class, n)| (edge(class), *n as f64 / 2.0))
    }

    /// How often a turning point had to be moved outwards for want of room; 0 in any real history.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.state.moved
    }

    /// A turning point is certain.
    fn turn(&mut self, point: f64, closed: &mut impl FnMut(Cycle)) {
        let RainflowState { residue, class_mpa, halves, cubes, moved, .. } = &mut self.state;
        let mut count = |cycle: Cycle| {
            *cubes += harm(cycle);
            // Saturates at both ends, and NaN is class 0.
            let class = ((cycle.range_mpa / *class_mpa) as usize).min(CLASSES - 1);
            halves[class] = halves[class].saturating_add(cycle.halves);
            closed(cycle);
        };
        residue.push(point);
        let len = settle(residue, &mut count);
        residue.truncate(len);
        if residue.len() >= RESIDUE {
            relieve(residue, &mut count);
            *moved += 1;
        }
    }
}

impl Detector for Rainflow {
    type Settings = RainflowSettings;
    type State = RainflowState;
    type Input = Option<f64>;
    type Output = Fatigue;

    /// Cycles know no time: it does not matter how long the gateway was `away`.
    fn restored(settings: RainflowSettings, mut state: RainflowState, _away: Option<Duration>) -> Self {
        state.halves = classes(&state, settings.class_mpa);
        state.class_mpa = settings.class_mpa;
        // Damaged or of another make: never more than there is room for, never a number that is none.
        state.residue.retain(|p| known(Some(*p)).is_some());
        let surplus = state.residue.len().saturating_sub(RESIDUE - 1);
        state.residue.drain(..surplus);
        state.residue.reserve_exact(RESIDUE - state.residue.len());
        Self { settings, state }
    }

    fn state(&self) -> &RainflowState {
        &self.state
    }

    fn step(&mut self, input: Option<f64>, _mono: Duration) -> Fatigue {
        self.count(input, |_| {});
        self.fatigue()
    }
}

/// Σ n·Δp³, MPa³.
fn harm(cycle: Cycle) -> f64 {
    cycle.range_mpa.powi(3) * cycle.halves as f64 / 2.0
}

/// ASTM E1049-85 5.4.4 steps 2 to 5 after a point was added: with X the last range and Y the one before it, Y is a
/// cycle once X is not smaller; half a one if it begins at the start of the history. What is left, and how many.
fn settle(points: &mut [f64], cycle: &mut impl FnMut(Cycle)) -> usize {
    let mut n = points.len();
    while n >= 3 {
        let x = (points[n - 1] - points[n - 2]).abs();
        let y = (points[n - 2] - points[n - 3]).abs();
        if x < y {
            break;
        }
        if n == 3 {
            cycle(Cycle { range_mpa: y, halves: 1 });
            points.copy_within(1..3, 0);
            n = 2;
        } else {
            cycle(Cycle { range_mpa: y, halves: 2 });
            points[n - 3] = points[n - 1];
            n -= 2;
        }
    }
    n
}

/// Of a run of ever smaller ranges, closes the one whose successor is smaller by the least.
fn relieve(points: &mut Vec<f64>, cycle: &mut impl FnMut(Cycle)) {
    // Two points on the same side, with one between: the nearer they are, the less the later one is moved.
    let apart = |at: usize| (points[at + 2] - points[at]).abs();
    let Some(at) = (0..points.len() - 2).min_by(|a, b| apart(*a).total_cmp(&apart(*b))) else { return };
    let range_mpa = (points[at + 1] - points[at]).abs();
    points[at + 2] = points[at];
    if at == 0 {
        cycle(Cycle { range_mpa, halves: 1 });
        points.remove(0);
    } else {
        cycle(Cycle { range_mpa, halves: 2 });
        points.drain(at..at + 2);
    }
}

/// The histogram in classes of another width: by their upper edges, so that no range looks smaller than it was.
fn classes(state: &RainflowState, class_mpa: f64) -> Vec<u64> {
    let mut halves = vec![0u64; CLASSES];
    for (class, count) in state.halves.iter().take(CLASSES).enumerate() {
        let same = state.class_mpa == class_mpa || class + 1 == CLASSES;
        let edge = (class + 1) as f64 * state.class_mpa / class_mpa;
        let class = if same { class } else { (edge.ceil() as usize).saturating_sub(1).min(CLASSES - 1) };
        halves[class] = halves[class].saturating_add(*count);
    }
    halves
}

#[cfg(test)]
#[path = "tests/rainflow.rs"]
mod tests;
