//! What is watched: one rule a limit, one a point's data, one a device's answer.

use std::time::Duration;

use crate::plant::{DeviceIx, EquipmentIx, HazardLevel, LimitKind, Plant, PointIx, Priority};

/// Index into [`super::Engine::rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIx(pub u32);

/// One rule. Its key is stable across restarts and settings changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// `boiler-1/drum_level.ll`, `boiler-1/drum_level.no_data`, `boiler-1/device:plc-1/1.no_data`.
    pub key: String,
    /// Whose.
    pub equipment: EquipmentIx,
    /// Which point; `None` for a device rule.
    pub point: Option<PointIx>,
    /// Which device; only for a device rule.
    pub device: Option<DeviceIx>,
    /// Side, or no data.
    pub kind: LimitKind,
    /// Setpoint in the point's unit; unused for no data.
    pub at: f64,
    /// In the point's unit.
    pub deadband: f64,
    /// Breach must last this long; for no data: time without a usable value.
    pub on_delay: Duration,
    /// Return must last this long.
    pub off_delay: Duration,
    /// Urgency.
    pub priority: Priority,
    /// Holds until reset.
    pub latch: bool,
    /// Raises a hazard.
    pub hazard: Option<HazardLevel>,
}

/// All rules of a plant: limits and no-data rules by point, then devices.
pub(super) fn rules_of(plant: &Plant) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (ix, point) in plant.points_ix() {
        let owner = &plant.equipment_at(point.equipment).id;
        for limit in &point.limits {
            rules.push(Rule {
                key: format!("{owner}/{}.{}", point.id, limit.kind.key()),
                equipment: point.equipment,
                point: Some(ix),
                device: None,
                kind: limit.kind,
                at: limit.at,
                deadband: limit.deadband,
                on_delay: limit.on_delay,
                off_delay: limit.off_delay,
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
                no_data.after,
                no_data.priority,
            ));
        }
    }
    for (number, device) in (0u32..).zip(&plant.devices) {
        let watched = device.points.iter().filter_map(|p| plant.point(*p).no_data.as_ref());
        let Some((after, priority)) =
            watched.map(|n| (n.after, n.priority)).reduce(|a, b| (a.0.min(b.0), a.1.min(b.1)))
        else {
            continue;
        };
        rules.push(no_data_rule(
            format!("{}/device:{}.no_data", plant.equipment_at(device.equipment).id, device.label),
            device.equipment,
            (None, Some(DeviceIx(number))),
            after,
            priority,
        ));
    }
    rules
}

fn no_data_rule(
    key: String,
    equipment: EquipmentIx,
    (point, device): (Option<PointIx>, Option<DeviceIx>),
    after: Duration,
    priority: Priority,
) -> Rule {
    Rule {
        key,
        equipment,
        point,
        device,
        kind: LimitKind::NoData,
        at: 0.0,
        deadband: 0.0,
        on_delay: after,
        off_delay: Duration::ZERO,
        priority,
        latch: false,
        hazard: None,
    }
}
