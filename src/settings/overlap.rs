//! Which values of one device take registers that another value takes too. For profiles and register lists alike.

use std::collections::{HashMap, HashSet};

use super::types::Table;

/// So many values of one register are compared with those that follow.
const MOST_TOLD: usize = 8;

/// A value of so many registers is compared; more has no value of a device.
const WIDEST: u32 = 125;

/// What a value takes of its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) table: Table,
    pub(super) first: u32,
    pub(super) registers: u32,
    pub(super) bit: Option<u8>,
    /// Several bits of a register, which share it with others by nature.
    pub(super) field: bool,
}

/// Two values that read the same registers, by their numbers in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overlap {
    pub(super) before: usize,
    pub(super) after: usize,
    /// Exactly the same ones.
    pub(super) same: bool,
    /// Registers of the wider of both.
    pub(super) registers: u32,
}

/// Bits and bit-fields share their register, with each other and with the whole word: that is none.
pub(super) fn overlaps(spans: &[Option<Span>]) -> Vec<Overlap> {
    let mut taken: HashMap<(Table, u32), Vec<usize>> = HashMap::new();
    let mut told: HashSet<(usize, usize)> = HashSet::new();
    let mut found = Vec::new();
    for (after, span) in spans.iter().enumerate() {
        let Some(span) = span else { continue };
        for register in span.first..span.first + span.registers.min(WIDEST) {
            let others = taken.entry((span.table, register)).or_default();
            for before in others.iter().copied() {
                let Some(first) = spans[before] else { continue };
                let shared = span.bit != first.bit && span.registers == 1 && first.registers == 1;
                if shared || span.field || first.field || !told.insert((before, after)) {
                    continue;
                }
                let same = span.first == first.first && span.registers == first.registers;
                found.push(Overlap { before, after, same, registers: span.registers.max(first.registers) });
            }
            // A column filled with one address must not be told of for each pair of its rows.
            if others.len() < MOST_TOLD {
                others.push(after);
            }
        }
    }
    found
}
