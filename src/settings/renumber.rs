//! New settings over running ones: what is known by the same ids keeps its numbers, what is new gets
//! numbers behind them, and what is gone leaves its place empty. So whatever runs on through a reload
//! (a poller, a session, a reading under way) goes on meaning the same point.

use std::collections::HashMap;

use super::types::{Factor, ModbusDevice, ModbusPoint, MqttSource, Settings};
use crate::plant::{
    Derived, Device, DeviceIx, Equipment, EquipmentIx, How, Plant, Point, PointIx, ValueType,
};

/// New number of each old one, by place.
struct Numbers {
    points: Vec<PointIx>,
    devices: Vec<DeviceIx>,
    equipment: Vec<EquipmentIx>,
}

/// Gives `settings` the numbers of `running` where the ids are the same.
pub fn renumber(mut settings: Settings, running: &Plant) -> Settings {
    let numbers = Numbers::of(&settings.plant, running);
    settings.plant = numbers.plant(settings.plant, running);
    for source in &mut settings.modbus {
        source.devices.iter_mut().for_each(|d| numbers.modbus(d));
    }
    for source in &mut settings.mqtt {
        numbers.mqtt(source);
    }
    for device in settings.push.iter_mut().flat_map(|s| &mut s.devices) {
        device.device = numbers.device(device.device);
        device.points.iter_mut().for_each(|p| p.point = numbers.point(p.point));
    }
    settings
}

/// What makes a point the same. In another unit or type it is another point: a reading that the settings before took, and
/// what is remembered of it, must never pass for one in the new unit.
fn point_key<'a>(plant: &'a Plant, point: &'a Point) -> (&'a str, &'a str, &'a str, ValueType) {
    (
        plant.equipment_at(point.equipment).id.as_str(),
        point.id.as_str(),
        point.unit.as_str(),
        point.value_type,
    )
}

fn device_key<'a>(plant: &'a Plant, device: &'a Device) -> (&'a str, &'a str) {
    (plant.equipment_at(device.equipment).id.as_str(), device.label.as_str())
}

/// The running number of each key, or the next free one.
fn number<K: Eq + std::hash::Hash>(old: impl Iterator<Item = K>, new: impl Iterator<Item = K>) -> Vec<u32> {
    let mut next = 0u32;
    let mut known = HashMap::new();
    for key in old {
        known.insert(key, next);
        next += 1;
    }
    new.map(|key| {
        known.remove(&key).unwrap_or_else(|| {
            next += 1;
            next - 1
        })
    })
    .collect()
}

impl Numbers {
    fn of(new: &Plant, old: &Plant) -> Self {
        let points = number(
            old.points.iter().map(|p| point_key(old, p)),
            new.points.iter().map(|p| point_key(new, p)),
        );
        let devices = number(
            old.devices.iter().map(|d| device_key(old, d)),
            new.devices.iter().map(|d| device_key(new, d)),
        );
        let equipment =
            number(old.equipment.iter().map(|e| e.id.as_str()), new.equipment.iter().map(|e| e.id.as_str()));
        Self {
            points: points.into_iter().map(PointIx).collect(),
            devices: devices.into_iter().map(DeviceIx).collect(),
            equipment: equipment.into_iter().map(EquipmentIx).collect(),
        }
    }

    fn point(&self, ix: PointIx) -> PointIx {
        self.points[ix.0 as usize]
    }

    fn device(&self, ix: DeviceIx) -> DeviceIx {
        self.devices[ix.0 as usize]
    }

    fn plant(&self, new: Plant, running: &Plant) -> Plant {
        // What is gone stands still: no rule, no device, nothing to show.
        let mut points: Vec<Point> =
            running.points.iter().map(|p| Point { limits: Vec::new(), no_data: None, ..p.clone() }).collect();
        let mut devices: Vec<Device> =
            running.devices.iter().map(|d| Device { points: Vec::new(), ..d.clone() }).collect();
        let mut equipment: Vec<Equipment> = running
            .equipment
            .iter()
            .map(|e| Equipment { points: Vec::new(), retired: true, ..e.clone() })
            .collect();
        for (n, p) in new.points.into_iter().enumerate() {
            let equipment = self.equipment[p.equipment.0 as usize];
            let mut point = Point { equipment, device: self.device(p.device), ..p };
            for limit in &mut point.limits {
                limit.when = limit.when.map(|p| self.point(p));
                limit.unless.iter_mut().for_each(|p| *p = self.point(*p));
            }
            if let Some(flatline) = point.doubts.as_mut().and_then(|d| d.flatline.as_mut()) {
                flatline.when = flatline.when.map(|p| self.point(p));
            }
            put(&mut points, self.points[n].0, point);
        }
        for (n, d) in new.devices.into_iter().enumerate() {
            let equipment = self.equipment[d.equipment.0 as usize];
            let of_device = d.points.iter().map(|p| self.point(*p)).collect();
            put(&mut devices, self.devices[n].0, Device { equipment, points: of_device, ..d });
        }
        for (n, e) in new.equipment.into_iter().enumerate() {
            let of_equipment = e.points.iter().map(|p| self.point(*p)).collect();
            put(&mut equipment, self.equipment[n].0, Equipment { points: of_equipment, ..e });
        }
        let derived = |mut d: Derived| {
            d.device = self.device(d.device);
            d.points.iter_mut().for_each(|p| *p = self.point(*p));
            if let How::Instrument { inputs, .. } = &mut d.how {
                inputs.iter_mut().flatten().for_each(|p| *p = self.point(*p));
            }
            d
        };
        Plant {
            site: new.site,
            equipment,
            points,
            devices,
            derived: new.derived.into_iter().map(derived).collect(),
            alarm_policy: new.alarm_policy,
        }
    }

    fn modbus(&self, device: &mut ModbusDevice) {
        if let Some((point, _)) = &mut device.quirks.heartbeat {
            *point = self.point(*point);
        }
        for group in &mut device.groups {
            group.device = self.device(group.device);
            group.points.iter_mut().chain(&mut group.factors).for_each(|p| self.modbus_point(p));
        }
    }

    fn modbus_point(&self, point: &mut ModbusPoint) {
        point.point = self.point(point.point);
        for factor in &mut point.factors {
            let (Factor::Times(of) | Factor::Decimals(of)) = factor;
            *of = self.point(*of);
        }
    }

    fn mqtt(&self, source: &mut MqttSource) {
        for mapping in &mut source.mappings {
            mapping.device = self.device(mapping.device);
            for point in &mut mapping.points {
                point.point = self.point(point.point);
                if let Some(register) = &mut point.register {
                    self.modbus_point(register);
                }
            }
        }
        for metrics in &mut source.metrics {
            metrics.device = self.device(metrics.device);
            metrics.points.iter_mut().for_each(|p| p.point = self.point(p.point));
        }
        for offline in &mut source.offline {
            offline.device = self.device(offline.device);
            offline.points.iter_mut().for_each(|p| *p = self.point(*p));
        }
    }
}

/// New numbers come in order, each right behind the last.
fn put<T>(all: &mut Vec<T>, at: u32, one: T) {
    match all.get_mut(at as usize) {
        Some(place) => *place = one,
        None => all.push(one),
    }
}

#[cfg(test)]
mod tests {
    use super::renumber;
    use crate::settings::{Settings, load_texts};

    const PLAIN: &str = "[[point]]\nid = \"a\"\naddress = 40001\nlimits = { h = { at = 1 } }\n\
                         [[point]]\nid = \"b\"\naddress = 40002\n";

    fn load(equipment: &[&str]) -> Settings {
        of_profile(equipment, PLAIN)
    }

    fn of_profile(equipment: &[&str], profile: &str) -> Settings {
        let mut text =
            "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n".to_owned();
        for (n, id) in equipment.iter().enumerate() {
            text += &format!(
                "[[equipment]]\nid = \"{id}\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"plc\"\nunit = {}\n",
                1 + n
            );
        }
        load_texts(&[("t.toml", &text)], &[("p.toml", profile)], &[]).expect("good").settings
    }

    #[test]
    fn a_point_in_another_unit_is_another_point_and_the_one_before_stands_still() {
        let running = load(&["x"]);
        let mut wanted = load(&["x"]);
        wanted.plant.points[0].unit = "bar".to_owned();
        let new = renumber(wanted, &running.plant);
        let units: Vec<_> = new.plant.points.iter().map(|p| (p.unit.as_str(), p.limits.len())).collect();
        assert_eq!(units, [("", 0), ("", 0), ("bar", 1)]);
        let shown: Vec<u32> = new.plant.equipment[0].points.iter().map(|p| p.0).collect();
        assert_eq!(shown, [2, 1], "the old one is shown and judged no more");
        assert_eq!(new.modbus[0].devices[0].groups[0].points[0].point.0, 2);
        // And back again it is the first.
        let back = renumber(load(&["x"]), &new.plant);
        assert_eq!(back.plant.equipment[0].points[0].0, 0);
    }

    #[test]
    fn what_stays_keeps_its_numbers_and_what_is_gone_leaves_its_place_empty() {
        let running = load(&["x", "y", "z"]);
        let mut wanted = load(&["w", "x", "z"]);
        // Units as before, so that devices are the same.
        for (n, unit) in [(0, 9u8), (1, 1), (2, 3)] {
            wanted.modbus[0].devices[n].unit = unit;
            wanted.plant.devices[n].label = format!("plc/{unit}");
        }
        let new = renumber(wanted, &running.plant);
        let plant = &new.plant;
        let ids: Vec<_> = plant.equipment.iter().map(|e| (e.id.as_str(), e.retired)).collect();
        assert_eq!(ids, [("x", false), ("y", true), ("z", false), ("w", false)]);
        for (ix, point) in plant.points_ix() {
            let owner = plant.equipment_at(point.equipment);
            assert_eq!(owner.points.contains(&ix), !owner.retired);
            assert_eq!(point.limits.is_empty(), owner.retired || point.id.as_str() == "b");
            if let Some(before) = running.plant.points.get(ix.0 as usize) {
                assert_eq!(before.id, point.id);
            }
        }
        // The poller of z notices nothing.
        let z = |s: &Settings| s.modbus[0].devices.iter().find(|d| d.unit == 3).cloned();
        assert_eq!(z(&new), z(&running));
        let w = new.modbus[0].devices.iter().find(|d| d.unit == 9).expect("it is there");
        assert_eq!(plant.device(w.groups[0].device).label, "plc/9");
        assert_eq!(plant.equipment_at(plant.point(w.groups[0].points[0].point).equipment).id.as_str(), "w");
    }

    #[test]
    fn a_factor_that_is_read_along_keeps_its_point() {
        let profile = "[[point]]\nid = \"a\"\naddress = 40001\ntimes = [\"ct\"]\n\
                       [[point]]\nid = \"ct\"\naddress = 40002\nperiod = \"10m\"\n";
        let running = of_profile(&["x", "y"], profile);
        let new = renumber(of_profile(&["w", "y"], profile), &running.plant);
        for device in &new.modbus[0].devices {
            let group = &device.groups[0];
            let [along] = &group.factors[..] else { panic!("one factor is read along") };
            assert_eq!(along.point, group.points[0].factors[0].point());
            let owner = |p: crate::plant::PointIx| new.plant.point(p).equipment;
            assert_eq!(owner(along.point), owner(group.points[0].point));
        }
    }
}
