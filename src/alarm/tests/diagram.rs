//! The state diagram against a model of its own: what is true, what people were told, what hides it.
//! `PROPTEST_CASES=200000` makes it some ten million steps.

use proptest::prelude::*;

use crate::alarm::{Alarm, AlarmState, Suppression};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    Waits,
    Seen,
}

/// ISA-18.2 in other words than the code has: facts instead of states.
#[derive(Debug, Clone)]
struct Model {
    is_true: bool,
    held: bool,
    told: Told,
    hidden: [bool; 3],
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Raise,
    Clear { latch: bool },
    Acknowledge,
    Reset,
    Hide(usize),
    Show(usize),
}

const SUPPRESSIONS: [Suppression; 3] =
    [Suppression::Shelved, Suppression::ByDesign, Suppression::OutOfService];

impl Model {
    fn is_hidden(&self) -> bool {
        self.hidden.contains(&true)
    }

    /// False if the step is refused.
    fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Raise if !self.is_true => (self.is_true, self.held, self.told) = (true, false, Told::Waits),
            Step::Clear { latch } if self.is_true => {
                self.is_true = false;
                self.held = latch;
                if !latch && (self.is_hidden() || self.told == Told::Seen) {
                    self.told = Told::Nothing;
                }
            }
            Step::Raise | Step::Clear { .. } => {}
            Step::Acknowledge => {
                if self.is_hidden() || self.told != Told::Waits {
                    return false;
                }
                self.told = if self.is_true || self.held { Told::Seen } else { Told::Nothing };
            }
            Step::Reset => {
                if self.is_hidden() || self.is_true || !self.held || self.told != Told::Seen {
                    return false;
                }
                (self.held, self.told) = (false, Told::Nothing);
            }
            Step::Hide(n) => return !std::mem::replace(&mut self.hidden[n], true),
            Step::Show(n) => {
                if !std::mem::replace(&mut self.hidden[n], false) {
                    return false;
                }
                if !self.is_hidden() {
                    self.told = if self.is_true || self.held { Told::Waits } else { Told::Nothing };
                }
            }
        }
        true
    }

    fn shown(&self) -> AlarmState {
        match (self.hidden, self.is_true, self.held, self.told) {
            ([_, _, true], ..) => AlarmState::OutOfService,
            ([_, true, _], ..) => AlarmState::Suppressed,
            ([true, _, _], ..) => AlarmState::Shelved,
            (_, true, _, Told::Seen) => AlarmState::Acknowledged,
            (_, true, ..) => AlarmState::Unacknowledged,
            (_, _, true, Told::Seen) => AlarmState::LatchedAcknowledged,
            (_, _, true, _) => AlarmState::LatchedUnacknowledged,
            (_, _, _, Told::Waits) => AlarmState::ReturnedUnacknowledged,
            _ => AlarmState::Normal,
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Raise),
        3 => any::<bool>().prop_map(|latch| Step::Clear { latch }),
        3 => Just(Step::Acknowledge),
        2 => Just(Step::Reset),
        1 => (0usize..3).prop_map(Step::Hide),
        2 => (0usize..3).prop_map(Step::Show),
    ]
}

proptest! {
    #[test]
    fn every_sequence_of_steps_ends_where_the_model_does(steps in prop::collection::vec(step(), 1..100)) {
        let mut alarm = Alarm::NORMAL;
        let mut model = Model { is_true: false, held: false, told: Told::Nothing, hidden: [false; 3] };
        for (n, step) in steps.into_iter().enumerate() {
            let taken = match step {
                Step::Raise => { alarm.raise(); true }
                Step::Clear { latch } => { alarm.clear(latch); true }
                Step::Acknowledge => alarm.acknowledge().is_ok(),
                Step::Reset => alarm.reset().is_ok(),
                Step::Hide(n) => alarm.suppress(SUPPRESSIONS[n]),
                Step::Show(n) => alarm.lift(SUPPRESSIONS[n]),
            };
            prop_assert_eq!(taken, model.step(step), "step {}: {:?}", n, step);
            prop_assert_eq!(alarm.state(), model.shown(), "step {}: {:?}", n, step);
            prop_assert_eq!(alarm.is_active(), model.is_true);
        }
    }
}
