//! A device → its points in the plant, and its place on the source that it is read from.

use std::time::Duration;

use super::super::fault::{Fault, nearest};
use super::super::profile::{Profile, ProfilePoint};
use super::super::types::Body;
use super::super::walk::Walk;
use super::ladder::apply;
use super::mqtt::MqttKeys;
use super::plant::PlantBuilder;
use super::push::push_device;
use super::quirks::QuirkKeys;
use super::reach::Reach;
use super::registers::OnRegisters;
use super::sparkplug;
use super::words::poll_period;
use crate::plant::{Device, DeviceIx, EquipmentIx, Id, Point, PointIx};

/// Where a device is read from; `None` of all if its source could not be read either.
#[derive(Clone, Copy)]
struct Sources {
    modbus: Option<usize>,
    mqtt: Option<usize>,
    push: Option<usize>,
}

impl PlantBuilder<'_> {
    pub(super) fn device(
        &mut self,
        ix: EquipmentIx,
        owner: &str,
        w: &Walk<'_>,
        profile: &Profile,
        own: &mut Vec<PointIx>,
    ) {
        let Some(source) = w.need("source", "\"plc-1\"") else {
            for key in ["unit", "period", "topic", "device", "offline", "expect_every", "sparkplug"] {
                w.mark(key);
            }
            QuirkKeys::path(w);
            return;
        };
        let Sources { modbus, mqtt, push } = self.sources(w, source);
        let unit = w.whole("unit", 0, 255);
        let on_broker = MqttKeys::read(w, profile);
        w.mark("period");
        let period = w.has("period").then(|| poll_period(w, super::super::SHORTEST_PERIOD));
        if modbus.is_some() {
            on_broker.refuse_on_modbus(w);
        }
        if mqtt.is_some() {
            on_broker.check(w, profile, unit.is_some(), period.is_some());
        }
        if push.is_some() {
            on_broker.refuse_on_push(w, unit.is_some(), period.is_some());
        }
        let device = DeviceIx(self.devices.len() as u32);
        let new = self.points_of(ix, device, w, profile, own);
        let shown = match (mqtt, unit) {
            _ if push.is_some() => on_broker.device_name(owner).to_owned(),
            (Some(_), _) => on_broker.label(owner),
            (None, Some(unit)) => unit.to_string(),
            (None, None) => on_broker.topic.clone().unwrap_or_else(|| owner.to_owned()),
        };
        self.taker(w, source, (unit, &on_broker, owner), &new);
        let mut label = format!("{source}/{shown}");
        if self.devices.iter().any(|d| d.label == label) {
            label = format!("{label}/{owner}");
        }
        if let Some(number) = modbus {
            let on_registers = OnRegisters { equipment: ix, label, unit, period, points: &new };
            self.on_registers(number, w, profile, on_registers);
            return;
        }
        if mqtt.is_some() || push.is_some() {
            // A hexadecimal reply carries raw registers; all else comes as it is to be understood.
            let raw = mqtt.is_some()
                && !on_broker.own_sparkplug
                && matches!(profile.shape.as_ref().map(|s| &s.body), Some(Body::Hex { .. }));
            self.only_polled(&new, raw);
        }
        let usual = self.expected.get(source).copied().unwrap_or(Duration::from_secs(10));
        let stale_after = on_broker.expect_every.unwrap_or(usual) * 3;
        if let Some(m) = mqtt {
            if on_broker.own_sparkplug {
                let source = &mut self.mqtt[m];
                sparkplug::check_repeat(w, &source.sparkplug, stale_after);
                source.metrics.extend(on_broker.sparkplug.iter().map(|place| place.mapping(device, &new)));
            } else {
                let unit = unit.map(|u| u as u8);
                let found = on_broker.mappings(w, owner, device, unit, profile, &new, self.faults);
                self.mqtt[m].mappings.extend(found.mappings);
                self.mqtt[m].offline.extend(found.offline);
            }
        } else if let Some(p) = push {
            let name = on_broker.device_name(owner);
            self.push[p].devices.push(push_device(w, name, device, &new));
        }
        let Ok(source) = Id::new(source) else { return };
        self.devices.push(Device {
            label,
            equipment: ix,
            source,
            points: new.iter().map(|n| n.0).collect(),
            stale_after,
        });
    }

    fn sources(&self, w: &Walk<'_>, source: &str) -> Sources {
        let found = Sources {
            modbus: self.modbus.iter().position(|m| m.source.id.as_str() == source),
            mqtt: self.mqtt.iter().position(|m| m.id.as_str() == source),
            push: self.push.iter().position(|p| p.id.as_str() == source),
        };
        let Sources { modbus, mqtt, push } = found;
        let declared = self.declared.iter().any(|d| d.1 == source);
        if modbus.is_none() && mqtt.is_none() && push.is_none() && !declared && !w.is_torn() {
            let known = self
                .modbus
                .iter()
                .map(|m| m.source.id.as_str())
                .chain(self.mqtt.iter().map(|m| m.id.as_str()))
                .chain(self.push.iter().map(|p| p.id.as_str()));
            w.fault("source", format!("there is no source `{source}`"), nearest(source, known));
        }
        found
    }

    /// Makes the profile's points, but for those whose id another device of the equipment has taken.
    fn points_of<'p>(
        &mut self,
        equipment: EquipmentIx,
        device: DeviceIx,
        w: &Walk<'_>,
        profile: &'p Profile,
        own: &mut Vec<PointIx>,
    ) -> Vec<(PointIx, &'p ProfilePoint)> {
        let mut new = Vec::with_capacity(profile.points.len());
        for p in &profile.points {
            if own.iter().any(|o| self.points[o.0 as usize].id == p.id) {
                w.fault(
                    "profile",
                    format!("the point `{}` is already there from another device", p.id),
                    "point ids are unique within one piece of equipment",
                );
                continue;
            }
            let ix = PointIx(self.points.len() as u32);
            let mut point = Point {
                id: p.id.clone(),
                name: p.name.clone(),
                equipment,
                device,
                unit: p.unit.clone(),
                range: p.range,
                value_type: p.value_type,
                decimals: p.decimals,
                labels: p.labels.clone(),
                limits: Vec::new(),
                doubts: None,
                voted: [false; 2],
                no_data: None,
            };
            self.preset_under(ix, &mut point);
            // A limit of the profile without a setpoint was called a fault when the profile was read.
            let _ = apply(&mut point, &p.limits, &mut self.relations.of(ix));
            own.push(ix);
            self.points.push(point);
            self.unmet_sentinels(p);
            if let Some(reach) = p.register.as_ref().and_then(Reach::of) {
                self.register_holds(p, &reach);
                self.reach.insert(ix, reach);
            }
            new.push((ix, p));
        }
        new
    }

    /// What a profile calls no measurement, and its register never gives.
    fn unmet_sentinels(&self, p: &ProfilePoint) {
        let unmet = p.register.as_ref().and_then(|r| super::reach::unmet(r, &p.sentinels));
        let Some(problem) = unmet else { return };
        let told = Fault {
            place: p.places.of("sentinels"),
            key: format!("point.{}.sentinels", p.id),
            problem,
            remedy: "write them as the type reads the register: 0x8000 is -32768 as i16".to_owned(),
        };
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&told) {
            warnings.push(told);
        }
    }

    /// A range means something for what the register can hold.
    fn register_holds(&self, p: &ProfilePoint, reach: &Reach) {
        let problem = p.range.and_then(|range| reach.range_problem(range));
        self.warnings.borrow_mut().extend(problem.map(|problem| Fault {
            place: p.places.of("range"),
            key: format!("point.{}.range", p.id),
            problem,
            remedy:
                "write the signed type if the device sends negative numbers, else a range from 0".to_owned(),
        }));
    }

    /// What only the poller of a device knows how to do: passed over, it would make wrong values.
    fn only_polled(&self, new: &[(PointIx, &ProfilePoint)], raw: bool) {
        for (_, p) in new {
            let fault = |key: &str, problem: &str, remedy: &str| {
                self.faults.borrow_mut().push(Fault {
                    place: p.places.of(key),
                    key: format!("point.{}.{key}", p.id),
                    problem: problem.to_owned(),
                    remedy: remedy.to_owned(),
                });
            };
            if p.is_multiplied {
                fault(
                    if p.places.has("times") { "times" } else { "decimals_from" },
                    "multiplied by another point, which only a Modbus source does",
                    "let the sender give the value as it is meant",
                );
            }
            if p.is_loop && !raw {
                fault(
                    "loop",
                    "a current loop's raw values, which only registers carry",
                    "calibration = [[819, 0], [4095, 2.5]] if the sender gives raw values, else remove it",
                );
            }
        }
    }
}
