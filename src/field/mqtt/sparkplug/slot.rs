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
    /// What the last BIRTH, or DATA since, named as its own unit; empty if nothing.
    pub(super) unit: String,
    /// The structures that it is really in, outermost first, by the lengths of their names, with which its own begins.
    pub(super) inside: Vec<usize>,
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
            inside: Vec::new(),
            named: false,
            plain: false,
            targets: Vec::new(),
        }
    }

    /// A BIRTH begins: what the one before said means nothing any more.
    pub(super) fn forget(&mut self) {
        (self.named, self.plain, self.datatype) = (false, false, Datatype::Unknown);
        self.unit.clear();
        self.inside.clear();
    }

    pub(super) fn name_unit(&mut self, unit: &str) {
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
