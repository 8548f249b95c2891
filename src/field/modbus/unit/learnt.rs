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

/// What requests count: each kind has a largest number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Registers of two bytes.
    Registers,
    /// Registers of four bytes, of which an answer holds half as many.
    Wide,
    /// Coils and discrete inputs.
    Bits,
}

impl Kind {
    pub(super) fn of(request: &Request) -> Self {
        match (request.table.is_bits(), request.four_byte) {
            (true, _) => Self::Bits,
            (false, true) => Self::Wide,
            (false, false) => Self::Registers,
        }
    }
}

/// Of one device.
#[derive(Debug, Clone, Default)]
pub(super) struct Learnt {
    seams: Vec<Seam>,
    sizes: [Size; 3],
}

impl Learnt {
    fn size(&mut self, kind: Kind) -> &mut Size {
        &mut self.sizes[kind as usize]
    }

    fn of(&self, kind: Kind) -> Size {
        self.sizes[kind as usize]
    }

    /// So large a request was answered; true if that is news and the plan may become better by it.
    pub(super) fn answered(&mut self, request: &Request) -> bool {
        let size = self.size(Kind::of(request));
        let news = request.count > size.answered && size.refused.is_some();
        size.answered = size.answered.max(request.count);
        // It was not the size then.
        if size.refused.is_some_and(|refused| refused <= size.answered) {
            size.refused = None;
        }
        news
    }

    /// A request of so many was answered already.
    pub(super) fn has_read(&self, kind: Kind, count: u16) -> bool {
        self.of(kind).answered >= count
    }

    /// It is known that requests can be too large.
    pub(super) fn is_limited(&self, kind: Kind) -> bool {
        self.of(kind).refused.is_some()
    }

    /// A request of `count` is too large.
    pub(super) fn too_large(&mut self, kind: Kind, count: u16) {
        let size = self.size(kind);
        size.refused = Some(size.refused.map_or(count, |known| known.min(count)));
    }

    /// The largest request of this kind that was answered.
    pub(super) fn read_of(&self, kind: Kind) -> u16 {
        self.of(kind).answered
    }

    /// The device gives so many at most: no larger request is tried any more.
    pub(super) fn most(&mut self, kind: Kind, count: u16) {
        let size = self.size(kind);
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
        // One setting holds for registers of both sizes.
        for kind in [Kind::Registers, Kind::Wide] {
            narrow.max_registers =
                self.of(kind).cap().map_or(narrow.max_registers, |c| c.min(narrow.max_registers));
        }
        narrow.max_bits = self.of(Kind::Bits).cap().map_or(narrow.max_bits, |c| c.min(narrow.max_bits));
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
        let keys = [("max_registers", &[Kind::Registers, Kind::Wide][..]), ("max_bits", &[Kind::Bits])];
        for (key, kinds) in keys {
            let limited = kinds.iter().map(|kind| self.of(*kind)).filter(|size| size.refused.is_some());
            if let Some(most) = limited.map(|size| size.answered).min() {
                lines.push(format!("{key} = {most}"));
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
