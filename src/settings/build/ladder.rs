//! Limits of the equipment over those of its profile and its preset, and whether they make sense together.

use std::time::Duration;

use super::super::fault::nearest;
use super::super::profile::{
    DerivedSetting, LimitSetting, Plausible, check_discrete, compound, limits, plausible,
};
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use super::relations::OfPoint;
use crate::plant::{LimitKind, NoData, Point, PointIx, Priority, ValueType};

/// Until a point is complete: no no-data alarm wanted, or one after the device's own silence.
const NO_ALARM: Duration = Duration::ZERO;
const BY_DEVICE: Duration = Duration::MAX;

impl PlantBuilder<'_> {
    /// Limits over those of profiles; also gives the derived points that they make, and notes tests of readings.
    pub(super) fn overrides(
        &mut self,
        w: &Walk<'_>,
        own: &[PointIx],
        tested: &mut Vec<(PointIx, Plausible)>,
    ) -> Vec<DerivedSetting> {
        let mut made = Vec::new();
        for (name, l) in w.named() {
            if let Some(point) =
                own.iter().map(|o| &self.points[o.0 as usize]).find(|p| p.id.as_str() == name)
            {
                made.extend(compound(&l, &point.id, &point.name, &point.unit));
            }
            let tests = plausible(&l);
            let settings = limits(&l, true);
            match own.iter().find(|o| self.points[o.0 as usize].id.as_str() == name) {
                Some(point) => {
                    if self.points[point.0 as usize].value_type == ValueType::Bool {
                        check_discrete(&l, &settings);
                    }
                    tested.extend(tests.map(|t| (*point, t)));
                    let mut relations = self.relations.of(*point);
                    for kind in apply(&mut self.points[point.0 as usize], &settings, &mut relations) {
                        l.fault(
                            &format!("{}.at", kind.key()),
                            "missing, and the profile has no such limit to take it from",
                            "write the setpoint in the point's unit: at = -75",
                        );
                    }
                }
                None => {
                    let known = nearest(name, own.iter().map(|o| self.points[o.0 as usize].id.as_str()));
                    w.fault(name, format!("there is no point `{name}`"), known);
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
            point.no_data = Some(NoData { after: BY_DEVICE, priority: Priority::Medium });
        }
        match point.no_data.as_mut() {
            Some(no_data) if no_data.after == NO_ALARM => point.no_data = None,
            // What is calculated hangs on its inputs, whose own alarms come first.
            Some(no_data) if no_data.after == BY_DEVICE && stale == Duration::MAX => {
                no_data.after = Duration::from_secs(60);
            }
            Some(no_data) if no_data.after == BY_DEVICE => no_data.after = stale.max(Duration::from_secs(10)),
            _ => {}
        }
        let point = &self.points[ix.0 as usize];
        let mut ladder: Vec<(&str, f64, Option<LimitKind>)> = Vec::new();
        if let Some((low, _)) = point.range {
            ladder.push(("range low", low, None));
        }
        let steps = point.limits.iter().filter(|l| l.kind != LimitKind::State);
        ladder.extend(steps.map(|l| (l.kind.key(), l.at, Some(l.kind))));
        if let Some((_, high)) = point.range {
            ladder.push(("range high", high, None));
        }
        for pair in ladder.windows(2) {
            let edge = pair[0].0 == "range low" || pair[1].0 == "range high";
            if pair[0].1 > pair[1].1 || (!edge && pair[0].1 >= pair[1].1) {
                let [below, above] = [pair[0], pair[1]].map(|(key, at, kind)| {
                    format!("{key} = {at}{}", kind.map_or("", |kind| self.whose(point, kind, at)))
                });
                w.fault(
                    &format!("limits.{}", point.id),
                    format!("{below} is not below {above}"),
                    "the order is range low <= ll < l < h < hh <= range high",
                );
            }
        }
        for limit in &point.limits {
            let Some((low, high)) = point.range else { continue };
            let clears = match limit.kind {
                LimitKind::H | LimitKind::HH => limit.at - limit.deadband >= low,
                LimitKind::L | LimitKind::LL => limit.at + limit.deadband <= high,
                LimitKind::State | LimitKind::NoData => true,
            };
            if !clears {
                w.fault(
                    &format!("limits.{}.{}.deadband", point.id, limit.kind.key()),
                    format!(
                        "with a deadband of {} the alarm could never clear within the range",
                        limit.deadband
                    ),
                    "make the deadband smaller",
                );
            }
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
            LimitSetting::NoData { after, priority } => {
                let base = point.no_data.take().filter(|b| b.after != NO_ALARM);
                point.no_data = Some(NoData {
                    after: after.or(base.as_ref().map(|b| b.after)).unwrap_or(BY_DEVICE),
                    priority: priority.or(base.map(|b| b.priority)).unwrap_or(Priority::Medium),
                });
            }
            LimitSetting::Off(LimitKind::NoData) => {
                point.no_data = Some(NoData { after: NO_ALARM, priority: Priority::Low });
            }
            LimitSetting::Off(kind) => relations.forget(*kind),
            LimitSetting::Normal(band) => relations.runs_within(*band),
        }
    }
    without
}
