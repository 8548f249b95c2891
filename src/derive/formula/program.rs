//! A typed tree made flat: steps on a stack whose depth is known at load.

use sha2::{Digest, Sha256};

use super::cell::{Cell, Spec};
use super::check::Bound;
use super::error::{Wrong, wrong};
use super::evaluator::Input;
use super::item::Item;
use super::operation::Op;
use super::typed::Typed;
use crate::plant::Cause;

/// Items under way at once.
const DEEPEST_STACK: usize = 64;
/// Of [`key`]: raised when what the cells keep is kept otherwise.
const STATE_FORMAT: &str = "1";

/// Steps, and what the cells are for.
#[derive(Debug)]
pub(super) struct Program {
    steps: Box<[Op]>,
    pub cells: Box<[Spec]>,
    /// State belongs to this formula and to no other.
    pub key: String,
}

/// Under which the state of a formula is kept: what it says, and the units that it was kept in.
pub(super) fn key(written: &str, unit: &str, inputs: &[Bound]) -> String {
    let mut hash = Sha256::new();
    for part in [STATE_FORMAT, written, unit].into_iter().chain(inputs.iter().map(|b| b.known_as.as_str())) {
        hash.update(part);
        hash.update("\n");
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Program {
    /// Operands before their operator.
    pub fn compile(typed: &Typed, cells: Vec<Spec>, key: String) -> Result<Self, Wrong> {
        let mut steps = Vec::new();
        flatten(typed, 0, &mut steps)?;
        Ok(Self { steps: steps.into(), cells: cells.into(), key })
    }

    /// Runs the steps; `cells` are of this program. `times`: now, and when the inputs were taken.
    pub fn run(&self, inputs: &[Input], atm_kpa: f64, times: (u64, u64), cells: &mut [Cell]) -> Item {
        let nothing = Item::bad(Cause::DerivedInput);
        let mut stack = [nothing; DEEPEST_STACK];
        let mut top = 0usize;
        for step in &self.steps {
            let bottom = top.saturating_sub(step.takes());
            // `compile` has checked the depth.
            let args = &stack[bottom..top];
            let result = match *step {
                Op::Input(number) => {
                    inputs.get(usize::from(number)).map_or(nothing, |i| Item::read(i.value, i.quality))
                }
                Op::Truth(number) => inputs.get(usize::from(number)).map_or(nothing, |i| {
                    let read = Item::read(i.value, i.quality);
                    Item::truth(read.is_true(), read.quality)
                }),
                Op::Remember(number, _) => {
                    let number = usize::from(number);
                    match (cells.get_mut(number), self.cells.get(number)) {
                        (Some(cell), Some(spec)) => cell.step(*spec, args, times),
                        _ => nothing,
                    }
                }
                step => step.apply(args, atm_kpa),
            };
            stack[bottom] = result;
            top = bottom + 1;
        }
        stack[0]
    }
}

/// `depth` items lie on the stack already.
fn flatten(typed: &Typed, depth: usize, steps: &mut Vec<Op>) -> Result<(), Wrong> {
    for (number, argument) in typed.arguments.iter().enumerate() {
        flatten(argument, depth + number, steps)?;
    }
    if depth + 1 > DEEPEST_STACK {
        let problem = format!("more than {DEEPEST_STACK} values are under way here");
        return wrong(typed.span, problem, "make two derived points of it");
    }
    debug_assert_eq!(typed.op.takes(), typed.arguments.len());
    steps.push(typed.op);
    Ok(())
}
