//! Limits of the equipment over those of its profile and its preset, and whether they make sense together.

use std::time::Duration;

use super::super::fault::{Fault, Written, nearest};
use super::super::profile::{
    DerivedSetting, LimitSetting, Part, Plausible, check_discrete, compound, limits, plausible,
};
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use super::relations::OfPoint;
use crate::plant::{LimitKind, NoData, Point, PointIx, Priority, ValueType};

/// Until a point is complete: no no-data alarm wanted, or one after the device's own silence.
const NO_ALARM: Duration = Duration::ZERO;
const BY_DEVICE: Duration = Duration::MAX;

/// What is calculated hangs on its inputs, whose own alarms come first.
const CALCULATED: Duration = Duration::from_secs(60);

fn by_device() -> NoData {
    NoData { after: BY_DEVICE, off_delay: BY_DEVICE, priority: Priority::Medium }
}

impl PlantBuilder<'_> {
    /// Limits over those of profiles, of the points that the preset's cut-offs made (`of_trips`) or of all others; also
    /// gives the derived points that they make, and notes tests of readings.
    pub(super) fn overrides(
        &mut self,
        w: &Walk<'_>,
        (named, of_trips): (&[(&str, Walk<'_>)], bool),
        own: &[PointIx],
        tested: &mut Vec<(PointIx, Plausible)>,
    ) -> Vec<DerivedSetting> {
        let mut made = Vec::new();
        for (name, l) in named {
            let name = *name;
            if self.is_of_trip(name) != of_trips {
                continue;
            }
            if let Some(point) =
                own.iter().map(|o| &self.points[o.0 as usize]).find(|p| p.id.as_str() == name)
            {
                made.extend(compound(l, &point.id, &point.name, &point.unit));
            }
            let tests = plausible(l);
            let settings = limits(l, true);
            match own.iter().find(|o| self.points[o.0 as usize].id.as_str() == name) {
                Some(point) => {
                    if self.points[point.0 as usize].value_type == ValueType::Bool {
                        check_discrete(l, &settings);
                    }
                    tested.extend(tests.map(|t| (*point, t)));
                    let mut relations = self.relations.of(*point);
                    for kind in apply(&mut self.points[point.0 as usize], &settings, &mut relations) {
                        l.no_such(
                            &format!("{}.at", kind.key()),
                            "missing, and the profile has no such limit to take it from",
                            "write the setpoint in the point's unit: at = -75",
                        );
                    }
                }
                None => {
                    let known = nearest(name, own.iter().map(|o| self.points[o.0 as usize].id.as_str()));
                    w.no_such(name, format!("there is no point `{name}`"), known);
                }
            }
        }
        made
    }

    /// Order of the limits, and the no-data alarm of every point that has some.
    pub(super) fn complete(&mut self, ix: PointIx, w: &Walk<'_>) {
        let device = self.points[ix.0 as usize].device;
        let stale = self.devices.get(device.0 as usize).map_or(Duration::from_secs(10), |d| d.stale_after);
        let point = &mut self.points[ix.0 as usize];
        point.limits.sort_by_key(|l| l.kind);
        if !point.limits.is_empty() && point.no_data.is_none() {
            point.no_data = Some(by_device());
        }
        match point.no_data.as_mut() {
            Some(no_data) if no_data.after == NO_ALARM => {
                point.no_data = None;
                self.unwatched.insert(ix);
            }
            Some(no_data) if no_data.after == BY_DEVICE && stale == Duration::MAX => {
                no_data.after = CALCULATED;
            }
            Some(no_data) if no_data.after == BY_DEVICE => no_data.after = stale.max(Duration::from_secs(10)),
            _ => {}
        }
        self.until_back(ix);
        self.order(ix, w);
        self.reached(ix, w);
    }

    /// Tells a fault at the line of the limits that it is about, or else under `limits` of the equipment.
    pub(super) fn at_limits(
        &self,
        w: &Walk<'_>,
        ix: PointIx,
        of: &[(LimitKind, Part)],
        problem: String,
        remedy: &str,
    ) {
        match self.relations.written(ix, of) {
            Some(written) => w.fault_at(written, problem, remedy),
            None => w.fault(&format!("limits.{}", self.points[ix.0 as usize].id), problem, remedy),
        }
    }

    /// How long data must have been back: what comes too seldom is one alarm, not one for each time it comes.
    fn until_back(&mut self, ix: PointIx) {
        let point = &mut self.points[ix.0 as usize];
        let stale = self.devices.get(point.device.0 as usize).map_or(Duration::ZERO, |d| d.stale_after);
        if let Some(no_data) = point.no_data.as_mut().filter(|n| n.off_delay == BY_DEVICE) {
            let calculated = stale == Duration::MAX;
            no_data.off_delay = if calculated { no_data.after } else { no_data.after.max(stale) };
        }
    }

    /// Gives `ix` the usual no-data alarm, if it has none and nobody said that it should have none.
    pub(super) fn watch(&mut self, ix: PointIx) {
        let device = self.points[ix.0 as usize].device;
        let stale = self.devices.get(device.0 as usize).map_or(Duration::from_secs(10), |d| d.stale_after);
        let point = &mut self.points[ix.0 as usize];
        if point.no_data.is_none() && !self.unwatched.contains(&ix) {
            let calculated = stale == Duration::MAX;
            let after = if calculated { CALCULATED } else { stale.max(Duration::from_secs(10)) };
            point.no_data = Some(NoData { after, ..by_device() });
            self.until_back(ix);
        }
    }

    /// A limit means something for what the register can hold.
    fn reached(&self, ix: PointIx, w: &Walk<'_>) {
        let point = &self.points[ix.0 as usize];
        for limit in &point.limits {
            let at = [(limit.kind, Part::At)];
            let key = limit.kind.key();
            let beyond = self.reach.get(&ix).and_then(|reach| reach.problem(limit.kind, limit.at));
            let Some(problem) = beyond.or_else(|| self.flag_as_number(ix, limit)) else { continue };
            let found = self.relations.written(ix, &at).cloned();
            let Written { place, key, .. } =
                found.unwrap_or_else(|| w.written(&format!("limits.{}.{key}", point.id)));
            let remedy = if limit.kind == LimitKind::State {
                "write unit = \"bool\" if every number but 0 is true, or labels for what each number means"
            } else {
                "check the setpoint, and type, scale and offset against the device's manual"
            };
            let remedy = remedy.to_owned();
            self.warnings.borrow_mut().push(Fault { place, key, problem, remedy });
        }
    }
}

/// Puts `settings` over the point's limits; gives the kinds that have no setpoint from anywhere.
pub(super) fn apply(
    point: &mut Point,
    settings: &[LimitSetting],
    relations: &mut OfPoint<'_>,
) -> Vec<LimitKind> {
    let mut without = Vec::new();
    for setting in settings {
        let kind = setting.kind();
        let base = point.limits.iter().position(|l| Some(l.kind) == kind).map(|n| point.limits.remove(n));
        match setting {
            LimitSetting::Limit(kind, keys) => {
                match relations.noted(*kind, keys).over(*kind, base.as_ref()) {
                    Some(limit) => point.limits.push(limit),
                    None => without.push(*kind),
                }
            }
            LimitSetting::NoData { after, off_delay, priority } => {
                let base = point.no_data.take().filter(|b| b.after != NO_ALARM);
                point.no_data = Some(NoData {
                    after: after.or(base.as_ref().map(|b| b.after)).unwrap_or(BY_DEVICE),
                    off_delay: off_delay.or(base.as_ref().map(|b| b.off_delay)).unwrap_or(BY_DEVICE),
                    priority: priority.or(base.map(|b| b.priority)).unwrap_or(Priority::Medium),
                });
            }
            LimitSetting::Off(LimitKind::NoData) => {
                point.no_data = Some(NoData { after: NO_ALARM, ..by_device() });
            }
            LimitSetting::Off(kind) => relations.forget(*kind),
            LimitSetting::Normal(band, written) => relations.runs_within(*band, Some(written)),
        }
    }
    without
}
