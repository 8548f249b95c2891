//! A mapped metric: what BIRTHs and DATA have said of it, and the points that it feeds.

use std::time::Duration;

use super::Datatype;
use super::gather::{Gather, bad};
use super::moment::Moment;
use crate::plant::{Cause, DeviceIx, Meaning, Micros, PointIx, Quality};

/// A mapped metric.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: Box<str>,
    pub(super) datatype: Datatype,
    /// What the last BIRTH, or DATA since, named as its unit; empty if nothing.
    pub(super) unit: String,
    /// How long the name of what named the unit is: the metric's own or a structure's around it; 0 if nothing has.
    unit_by: usize,
    pub(super) named: bool,
    /// The BIRTH in force has a metric of just this name, so that it is not a member of another.
    pub(super) plain: bool,
    pub(super) targets: Vec<Target>,
}

/// A point that a metric feeds.
#[derive(Debug)]
pub(super) struct Target {
    /// Into the devices of the part.
    pub(super) device: usize,
    pub(super) point: PointIx,
    pub(super) meaning: Meaning,
    pub(super) last: Option<(f64, Quality)>,
}

/// What holds for a metric besides what it says itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// No lost message may have given it another meaning.
    pub(super) certain: bool,
    /// What is said against a structure around it.
    pub(super) against: Option<Cause>,
}

impl Standing {
    pub(super) const SURE: Self = Self { certain: true, against: None };

    pub(super) fn doubted(self, is_doubted: bool) -> Self {
        Self { certain: self.certain && !is_doubted, ..self }
    }
}

impl Slot {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            datatype: Datatype::Unknown,
            unit: String::new(),
            unit_by: 0,
            named: false,
            plain: false,
            targets: Vec::new(),
        }
    }

    /// A BIRTH begins: what the one before said means nothing any more.
    pub(super) fn forget(&mut self) {
        (self.named, self.plain, self.datatype) = (false, false, Datatype::Unknown);
        self.forget_unit();
    }

    pub(super) fn forget_unit(&mut self) {
        self.unit.clear();
        self.unit_by = 0;
    }

    /// A unit is named by what has a name of `by` bytes: the metric's own counts, else that of the structure nearest
    /// around it.
    pub(super) fn name_unit(&mut self, by: usize, unit: &str) {
        if by < self.unit_by {
            return;
        }
        self.unit_by = by;
        if self.unit != unit {
            unit.clone_into(&mut self.unit);
        }
    }

    pub(super) fn bad(
        &mut self,
        devices: &[(DeviceIx, Duration)],
        cause: Cause,
        at: Micros,
        gather: &mut Gather,
    ) {
        self.bad_at(devices, cause, Moment { at, live: true, doubted: false }, gather);
    }

    /// It has no value, for `cause`; of history the present one is not touched.
    pub(super) fn bad_at(
        &mut self,
        devices: &[(DeviceIx, Duration)],
        cause: Cause,
        moment: Moment,
        gather: &mut Gather,
    ) {
        for target in &mut self.targets {
            if moment.live {
                target.last = Some((f64::NAN, Quality::Bad(cause)));
            }
            gather.add(devices[target.device].0, moment.at, moment.live, bad(target.point, cause));
        }
    }
}
