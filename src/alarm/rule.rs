//! What is watched: one rule a limit, one a point's data, one a device's answer.

use std::collections::HashMap;
use std::time::Duration;

use crate::plant::{DeviceIx, EquipmentIx, HazardLevel, LimitKind, Plant, PointIx, Priority};

/// Index into [`super::Engine::rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIx(pub u32);

/// One rule. Its key is stable across restarts and settings changes. Small: a plant may have hundreds of
/// thousands.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// `boiler-1/drum_level.ll`, `boiler-1/drum_level.no_data`, `boiler-1/device:plc-1/1.no_data`.
    pub key: Box<str>,
    /// Setpoint in the point's unit; unused for no data.
    pub at: f64,
    /// In the point's unit.
    pub deadband: f64,
    /// An excursion that comes so near is kept as a precursor, in the point's unit; 0: only breaches.
    pub near: f64,
    /// Whose.
    pub equipment: EquipmentIx,
    /// Which point; `None` for a device rule.
    pub point: Option<PointIx>,
    /// Which device; only for a device rule.
    pub device: Option<DeviceIx>,
    on_delay_ms: u32,
    off_delay_ms: u32,
    /// Side, or no data.
    pub kind: LimitKind,
    /// Urgency.
    pub priority: Priority,
    /// Holds until reset.
    pub latch: bool,
    /// Raises a hazard.
    pub hazard: Option<HazardLevel>,
}

/// Whole milliseconds; delays end at 49 days.
fn ms(delay: Duration) -> u32 {
    u32::try_from(delay.as_millis()).unwrap_or(u32::MAX)
}

impl Rule {
    /// A rule without a name, a setpoint and delays, for tests to fill in.
    #[cfg(test)]
    pub(crate) fn undelayed(equipment: EquipmentIx, kind: LimitKind) -> Self {
        let plain = no_data_rule(String::new(), equipment, (None, None), Default::default(), Priority::High);
        Self { kind, ..plain }
    }

    /// Breach must last this long; for no data: time without a usable value.
    #[must_use]
    pub fn on_delay(&self) -> Duration {
        Duration::from_millis(u64::from(self.on_delay_ms))
    }

    /// Return must last this long.
    #[must_use]
    pub fn off_delay(&self) -> Duration {
        Duration::from_millis(u64::from(self.off_delay_ms))
    }

    pub(super) fn on_delay_us(&self) -> u64 {
        u64::from(self.on_delay_ms) * 1000
    }

    pub(super) fn off_delay_us(&self) -> u64 {
        u64::from(self.off_delay_ms) * 1000
    }

    /// A delay that ran under the other rule still says something about this one.
    pub(super) fn times_like(&self, other: &Self) -> bool {
        (self.at, self.deadband, self.on_delay_ms, self.off_delay_ms)
            == (other.at, other.deadband, other.on_delay_ms, other.off_delay_ms)
    }
}

/// Priority of each rule of a plant, by key.
#[must_use]
pub fn priorities(plant: &Plant) -> HashMap<String, Priority> {
    rules_of(plant).into_iter().map(|r| (r.key.into_string(), r.priority)).collect()
}

/// All rules of a plant: limits and no-data rules by point, then devices.
pub(super) fn rules_of(plant: &Plant) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (ix, point) in plant.points_ix() {
        let owner = &plant.equipment_at(point.equipment).id;
        for limit in &point.limits {
            rules.push(Rule {
                key: format!("{owner}/{}.{}", point.id, limit.kind.key()).into(),
                equipment: point.equipment,
                point: Some(ix),
                device: None,
                kind: limit.kind,
                at: limit.at,
                deadband: limit.deadband,
                near: limit.near,
                on_delay_ms: ms(limit.on_delay),
                off_delay_ms: ms(limit.off_delay),
                priority: limit.priority,
                latch: limit.latch,
                hazard: limit.hazard,
            });
        }
        if let Some(no_data) = &point.no_data {
            rules.push(no_data_rule(
                format!("{owner}/{}.no_data", point.id),
                point.equipment,
                (Some(ix), None),
                (no_data.after, no_data.off_delay),
                no_data.priority,
            ));
        }
    }
    for (number, device) in (0u32..).zip(&plant.devices) {
        if plant.calculates(DeviceIx(number)) {
            continue;
        }
        let watched = device.points.iter().filter_map(|p| plant.point(*p).no_data.as_ref());
        let Some((after, off, priority)) = watched
            .map(|n| (n.after, n.off_delay, n.priority))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1), a.2.min(b.2)))
        else {
            continue;
        };
        rules.push(no_data_rule(
            format!("{}/device:{}.no_data", plant.equipment_at(device.equipment).id, device.label),
            device.equipment,
            (None, Some(DeviceIx(number))),
            (after, off),
            priority,
        ));
    }
    rules
}

fn no_data_rule(
    key: String,
    equipment: EquipmentIx,
    (point, device): (Option<PointIx>, Option<DeviceIx>),
    (after, off): (Duration, Duration),
    priority: Priority,
) -> Rule {
    Rule {
        key: key.into(),
        equipment,
        point,
        device,
        kind: LimitKind::NoData,
        at: 0.0,
        deadband: 0.0,
        near: 0.0,
        on_delay_ms: ms(after),
        off_delay_ms: ms(off),
        priority,
        latch: false,
        hazard: None,
    }
}
