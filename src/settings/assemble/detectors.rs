//! Detectors → the points they make, and what each of their inputs is.

use std::time::Duration;

use super::super::fault::{Fault, nearest};
use super::super::profile::DetectorSetting;
use super::plant::PlantBuilder;
use crate::plant::{
    Derived, DeviceIx, EquipmentIx, HazardLevel, How, Id, Limit, LimitKind, Name, Point, PointIx, Priority,
    ValueType, unit,
};

/// A detector whose inputs are still to be looked up.
pub(super) struct PendingDetector {
    points: Vec<PointIx>,
    device: DeviceIx,
    equipment: EquipmentIx,
    setting: DetectorSetting,
}

impl PlantBuilder<'_> {
    /// Makes the points of detectors.
    pub(super) fn detectors(
        &mut self,
        equipment: EquipmentIx,
        owner: &str,
        settings: Vec<DetectorSetting>,
        own: &mut Vec<PointIx>,
    ) {
        for setting in settings {
            let Some(device) = self.calculator(equipment, owner) else { continue };
            let mut points = Vec::new();
            for output in setting.kind.outputs {
                let id = match Id::new(&format!("{}_{}", setting.id, output.key)) {
                    Ok(id) => id,
                    Err(e) => {
                        self.tell_detector(&setting, "id", e.to_string(), "a shorter id".to_owned());
                        continue;
                    }
                };
                if own.iter().any(|o| self.points[o.0 as usize].id == id) {
                    let problem = format!("it would make `{id}`, which is there already");
                    self.tell_detector(&setting, "id", problem, "another id".to_owned());
                    continue;
                }
                let ix = PointIx(self.points.len() as u32);
                let is_bool = output.unit == "bool";
                own.push(ix);
                points.push(ix);
                self.devices[device.0 as usize].points.push(ix);
                self.points.push(Point {
                    id,
                    name: Name {
                        zh: format!("{} {}", setting.name.zh, output.zh),
                        en: format!("{} {}", setting.name.en, output.en),
                    },
                    equipment,
                    device,
                    unit: output.unit.to_owned(),
                    range: None,
                    value_type: if is_bool { ValueType::Bool } else { ValueType::Float },
                    decimals: output.decimals,
                    labels: Vec::new(),
                    limits: output
                        .alarm
                        .map(|(priority, hazard)| by_default(priority, hazard))
                        .into_iter()
                        .collect(),
                    doubts: None,
                    voted: [false; 2],
                    no_data: None,
                });
            }
            // With a fault noted nothing of it is ever used.
            if points.len() == setting.kind.outputs.len() {
                self.pending_detectors.push(PendingDetector { points, device, equipment, setting });
            }
        }
    }

    /// Looks up what the detectors read; call it when all points are known, with their units.
    pub(super) fn instruments(&mut self) -> Vec<Derived> {
        let mut made = Vec::new();
        self.never_hide_low_low();
        for one in std::mem::take(&mut self.pending_detectors) {
            let of = one.setting.kind.inputs.iter().zip(&one.setting.inputs);
            let inputs = of.map(|(port, name)| {
                let name = name.as_ref()?;
                let own = self.equipment.get(one.equipment.0 as usize)?;
                let id = |p: &PointIx| self.points[p.0 as usize].id.as_str();
                let Some(point) = own.points.iter().copied().find(|p| id(p) == name) else {
                    let known = nearest(name, own.points.iter().map(id));
                    if !self.broken.contains(&one.equipment) {
                        let problem = format!("there is no point `{name}`");
                        self.tell_detector(&one.setting, port.key, problem, known);
                    }
                    return None;
                };
                let unit = &self.points[point.0 as usize].unit;
                let is_bool = self.points[point.0 as usize].value_type == ValueType::Bool;
                let wrong = match port.unit {
                    "bool" if is_bool => None,
                    "bool" => Some(format!("`{name}` is not a discrete point")),
                    _ if is_bool => Some(format!("`{name}` is a discrete point")),
                    _ => unit::conversion(unit, port.unit).err(),
                };
                if let Some(problem) = wrong {
                    let remedy = match port.unit {
                        "bool" => "a discrete point, or a derived one that is true or false".to_owned(),
                        unit => format!("a point that is measured in what converts to {unit}"),
                    };
                    self.tell_detector(&one.setting, port.key, problem, remedy);
                }
                Some(point)
            });
            let how = How::Instrument {
                kind: one.setting.kind.word.to_owned(),
                inputs: inputs.collect(),
                numbers: one.setting.numbers.clone(),
            };
            made.push(Derived { points: one.points, device: one.device, how });
        }
        made
    }

    /// Shrink and swell may delay L and H for a minute, never LL and HH (domain: drum level).
    fn never_hide_low_low(&self) {
        for one in self.pending_detectors.iter().filter(|p| p.setting.kind.word == "swell") {
            for point in &self.points {
                let worst = |l: &&Limit| matches!(l.kind, LimitKind::LL | LimitKind::HH);
                for limit in point.limits.iter().filter(worst) {
                    if limit.unless.iter().any(|p| one.points.contains(p)) {
                        let problem = format!("it would delay {}.{}", point.id, limit.kind.key());
                        let remedy = "it may delay l and h; dry firing does not wait".to_owned();
                        self.tell_detector(&one.setting, "id", problem, remedy);
                    }
                }
            }
        }
    }

    fn tell_detector(&self, setting: &DetectorSetting, key: &str, problem: String, remedy: String) {
        let (place, key) = (setting.places.of(key), format!("{}.{key}", setting.key));
        self.faults.borrow_mut().push(Fault { place, key, problem, remedy });
    }
}

/// The alarm of an output that tells of trouble.
pub(super) fn by_default(priority: Priority, hazard: Option<HazardLevel>) -> Limit {
    Limit {
        kind: LimitKind::State,
        at: 1.0,
        deadband: 0.0,
        on_delay: Duration::ZERO,
        off_delay: Duration::ZERO,
        priority,
        latch: false,
        hazard,
        escalate: false,
        near: 0.0,
        when: None,
        unless: Vec::new(),
        soon: Vec::new(),
        schedule: Vec::new(),
        guidance: None,
        follows: Vec::new(),
    }
}
