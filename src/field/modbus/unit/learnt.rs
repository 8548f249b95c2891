//! What a device allows in one request, learnt from what it refused: how much, and over which seams no
//! request may reach. Pure.

use super::super::plan::Request;
use crate::settings::{AddressRange, ModbusPoint, Quirks, Seam, Table};

/// How many registers or bits a request may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    /// The largest request that was answered.
    answered: u16,
    /// The smallest that was refused for its size.
    refused: Option<u16>,
}

impl Size {
    /// Halfway between the two while they lie apart: each poll halves what is not known yet.
    fn cap(self) -> Option<u16> {
        let refused = self.refused?;
        Some((self.answered + refused.saturating_sub(self.answered) / 2).max(1))
    }
}

/// Of one device.
#[derive(Debug, Clone, Default)]
pub(super) struct Learnt {
    seams: Vec<Seam>,
    registers: Size,
    bits: Size,
}

impl Learnt {
    fn size(&mut self, table: Table) -> &mut Size {
        if table.is_bits() { &mut self.bits } else { &mut self.registers }
    }

    /// So large a request was answered; true if that is news and the plan may become better by it.
    pub(super) fn answered(&mut self, request: &Request) -> bool {
        let size = self.size(request.table);
        let news = request.count > size.answered && size.refused.is_some();
        size.answered = size.answered.max(request.count);
        // It was not the size then.
        if size.refused.is_some_and(|refused| refused <= size.answered) {
            size.refused = None;
        }
        news
    }

    /// A request of so many was answered already.
    pub(super) fn has_read(&self, table: Table, count: u16) -> bool {
        let size = if table.is_bits() { self.bits } else { self.registers };
        size.answered >= count
    }

    /// It is known that requests can be too large.
    pub(super) fn is_limited(&self, table: Table) -> bool {
        let size = if table.is_bits() { self.bits } else { self.registers };
        size.refused.is_some()
    }

    /// A request of `count` is too large.
    pub(super) fn too_large(&mut self, table: Table, count: u16) {
        let size = self.size(table);
        size.refused = Some(size.refused.map_or(count, |known| known.min(count)));
    }

    /// The largest request of this kind that was answered.
    pub(super) fn read_of(&self, table: Table) -> u16 {
        if table.is_bits() { self.bits.answered } else { self.registers.answered }
    }

    /// The device gives so many at most: no larger request is tried any more.
    pub(super) fn most(&mut self, table: Table, count: u16) {
        let size = self.size(table);
        let count = count.max(1);
        *size = Size { answered: count, refused: Some(count.saturating_add(1)) };
    }

    /// No request may reach over `at`.
    pub(super) fn seam(&mut self, table: Table, at: u16) {
        let seam = Seam { table, at };
        if !self.seams.contains(&seam) {
            self.seams.push(seam);
        }
    }

    /// It was not a seam after all.
    pub(super) fn not_a_seam(&mut self, table: Table, at: u16) {
        self.seams.retain(|s| *s != Seam { table, at });
    }

    /// The device's quirks with what was learnt; over points that are set aside no request may reach.
    pub(super) fn narrowed<'a>(
        &self,
        quirks: &Quirks,
        aside: impl Iterator<Item = &'a ModbusPoint>,
    ) -> Quirks {
        let mut narrow = quirks.clone();
        narrow.max_registers =
            self.registers.cap().map_or(narrow.max_registers, |c| c.min(narrow.max_registers));
        narrow.max_bits = self.bits.cap().map_or(narrow.max_bits, |c| c.min(narrow.max_bits));
        narrow.seams.extend(&self.seams);
        narrow.forbidden.extend(aside.map(|p| AddressRange {
            table: p.table,
            from: p.address,
            to: p.address.saturating_add(p.registers().saturating_sub(1)),
        }));
        narrow
    }

    /// What to write in the profile's `[modbus]`.
    pub(super) fn settings(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, size) in [("max_registers", self.registers), ("max_bits", self.bits)] {
            if size.refused.is_some() {
                lines.push(format!("{key} = {}", size.answered));
            }
        }
        let mut seams = self.seams.clone();
        seams.sort_by_key(|s| (s.table, s.at));
        let seams: Vec<String> =
            seams.iter().map(|s| format!("{{ table = \"{}\", at = {} }}", s.table.word(), s.at)).collect();
        if !seams.is_empty() {
            lines.push(format!("seams = [{}]", seams.join(", ")));
        }
        lines
    }
}
