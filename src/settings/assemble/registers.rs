//! A device on a Modbus source → its unit with its poll groups, each a device of the plant.

use std::time::Duration;

use super::super::fault::{Fault, Written, nearest};
use super::super::in_words;
use super::super::profile::{Profile, ProfilePoint};
use super::super::types::{Factor, ModbusDevice, ModbusPoint, PollGroup, Quirks};
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use super::quirks::QuirkKeys;
use crate::plant::{Device, DeviceIx, EquipmentIx, PointIx};

/// A device whose points stand in the plant already.
pub(super) struct OnRegisters<'a> {
    pub(super) equipment: EquipmentIx,
    pub(super) label: String,
    /// `None` if it was not written, or not a unit id.
    pub(super) unit: Option<i64>,
    /// The device's own period.
    pub(super) period: Option<Duration>,
    pub(super) points: &'a [(PointIx, &'a ProfilePoint)],
}

impl PlantBuilder<'_> {
    /// Puts it on source `number`; groups of one unit have one label, and a plant device each.
    pub(super) fn on_registers(
        &mut self,
        number: usize,
        w: &Walk<'_>,
        profile: &Profile,
        d: OnRegisters<'_>,
    ) {
        if d.unit.is_none() && !w.has("unit") {
            w.fault("unit", "missing", "write the Modbus unit id (station number): unit = 1");
        }
        let period = d.period.filter(|p| !p.is_zero()).unwrap_or(self.modbus[number].period);
        let mut groups = self.poll_groups(w, profile, d.points, period);
        hold_to_their_ranges(&mut groups, d.points);
        let heartbeat = self.heartbeat(profile, d.points);
        let entry = QuirkKeys::path(w);
        let quirks = QuirkKeys::settle(&entry, &profile.quirks, &self.modbus[number].quirks, heartbeat);
        let written = [&entry, &profile.quirks, &self.modbus[number].quirks];
        let written = written.into_iter().find_map(|q| q.max_registers_written.clone());
        let written = written.unwrap_or_else(|| w.written("max_registers"));
        self.readable(w, d.points, &quirks, &written);
        let all: Vec<(Duration, ModbusPoint)> =
            groups.iter().flat_map(|g| g.1.iter().map(|p| (g.0, p.clone()))).collect();
        let mut of_device = Vec::new();
        for (n, (period, points)) in groups.into_iter().enumerate() {
            let device = DeviceIx(self.devices.len() as u32);
            for p in &points {
                self.points[p.point.0 as usize].device = device;
            }
            self.devices.push(Device {
                label: if n == 0 { d.label.clone() } else { format!("{}@{}", d.label, in_words(period)) },
                equipment: d.equipment,
                source: self.modbus[number].source.id.clone(),
                points: points.iter().map(|p| p.point).collect(),
                stale_after: (period * 3).max(Duration::from_secs(3)),
            });
            let factors = self.read_along(&points, &all, period, d.points);
            of_device.push(PollGroup { device, period, points, factors });
        }
        self.modbus[number].source.devices.push(ModbusDevice {
            label: d.label,
            unit: d.unit.unwrap_or(1) as u8,
            quirks,
            groups: of_device,
        });
    }

    /// The factors of `points` that are polled in another group: they are read with these too, since a value
    /// counts only with a factor of its own time. One that was meant to be read less often is told.
    fn read_along(
        &self,
        points: &[ModbusPoint],
        all: &[(Duration, ModbusPoint)],
        period: Duration,
        profile: &[(PointIx, &ProfilePoint)],
    ) -> Vec<ModbusPoint> {
        let mut along: Vec<ModbusPoint> = Vec::new();
        for point in points {
            for of in point.factors.iter().map(Factor::point) {
                let is = |p: &ModbusPoint| p.point == of;
                let Some((own, factor)) = all.iter().find(|(_, p)| is(p)) else { continue };
                if points.iter().any(is) || along.iter().any(is) {
                    continue;
                }
                along.push(ModbusPoint { factors: Vec::new(), ..factor.clone() });
                if *own > period {
                    let (value, name) = (&self.points[point.point.0 as usize], &self.points[of.0 as usize]);
                    self.warnings.borrow_mut().push(Fault {
                        place: profile.iter().find(|p| p.0 == of).map(|p| p.1.places.of("period")).unwrap_or_default(),
                        key: format!("point.{}.period", name.id),
                        problem: format!(
                            "read every {}, but `{}`, which is multiplied by it, every {}: it is read with each \
                             value too",
                            in_words(*own),
                            value.id,
                            in_words(period)
                        ),
                        remedy: format!("remove the period, or give `{}` the same", value.id),
                    });
                }
            }
        }
        along
    }

    /// Each point fits into one request, and into none that the device must not get.
    fn readable(
        &self,
        w: &Walk<'_>,
        points: &[(PointIx, &ProfilePoint)],
        quirks: &Quirks,
        max_registers: &Written,
    ) {
        for (_, p) in points {
            let Some(r) = &p.register else { continue };
            if !r.table.is_bits() && r.registers() > quirks.max_registers {
                w.fault_at(
                    max_registers,
                    format!("the point `{}` takes {} registers", p.id, r.registers()),
                    "a value is never read in parts: the device must give as many in one request",
                );
            }
            let last = r.address.saturating_add(r.registers() - 1);
            let hit =
                quirks.forbidden.iter().find(|f| f.table == r.table && f.from <= last && r.address <= f.to);
            if let Some(hit) = hit {
                self.faults.borrow_mut().push(Fault {
                    place: p.places.of("address"),
                    key: format!("point.{}.address", p.id),
                    problem: format!("{} to {} must not be read, says the profile", hit.from, hit.to),
                    remedy: "remove the point or the forbidden range".to_owned(),
                });
            }
        }
    }

    /// Points by period, the device's own period first; every point has an address.
    fn poll_groups(
        &self,
        w: &Walk<'_>,
        profile: &Profile,
        new: &[(PointIx, &ProfilePoint)],
        period: Duration,
    ) -> Vec<(Duration, Vec<ModbusPoint>)> {
        let mut groups: Vec<(Duration, Vec<ModbusPoint>)> = vec![(period, Vec::new())];
        for (point, p) in new {
            let Some(r) = &p.register else {
                // One that could not be read was told where it stands.
                if p.addressed {
                    continue;
                }
                self.faults.borrow_mut().push(Fault {
                    place: p.places.of("address"),
                    key: format!("point.{}.address", p.id),
                    problem: "missing, and the profile is used on a Modbus source".to_owned(),
                    remedy: "write address = 40001".to_owned(),
                });
                continue;
            };
            let factors = self.factors(*point, p, new, profile);
            let Some(one) = modbus_point(*point, p).map(|one| ModbusPoint { factors, ..one }) else {
                continue;
            };
            // A device entry with its own period means all its points.
            let own = r.period.filter(|_| !w.has("period")).unwrap_or(period);
            match groups.iter_mut().find(|g| g.0 == own) {
                Some(group) => group.1.push(one),
                None => groups.push((own, vec![one])),
            }
        }
        groups.retain(|g| !g.1.is_empty());
        groups
    }

    fn heartbeat(&self, profile: &Profile, new: &[(PointIx, &ProfilePoint)]) -> Option<(PointIx, Duration)> {
        let (name, within) = profile.quirks.heartbeat.as_ref()?;
        let found = new.iter().find(|n| n.1.id.as_str() == name);
        if found.is_none() && !profile.broken {
            self.faults.borrow_mut().push(Fault {
                place: profile.quirks.heartbeat_place.clone(),
                key: "modbus.heartbeat.point".to_owned(),
                problem: format!("there is no point `{name}` in the profile"),
                remedy: nearest(name, profile.points.iter().map(|p| p.id.as_str())),
            });
        }
        Some((found?.0, *within))
    }
}

/// Points that others are multiplied by know their ranges: what lies outside is not a factor.
fn hold_to_their_ranges(groups: &mut [(Duration, Vec<ModbusPoint>)], profile: &[(PointIx, &ProfilePoint)]) {
    let all = groups.iter().flat_map(|g| &g.1);
    let named: Vec<PointIx> = all.flat_map(|p| p.factors.iter().map(Factor::point)).collect();
    for point in groups.iter_mut().flat_map(|g| &mut g.1).filter(|p| named.contains(&p.point)) {
        point.range = profile.iter().find(|p| p.0 == point.point).and_then(|p| p.1.range);
    }
}

/// What a Modbus reader needs to know of a point, but for the points it is multiplied by; `None` if the
/// profile has no register for it.
pub(super) fn modbus_point(point: PointIx, p: &ProfilePoint) -> Option<ModbusPoint> {
    let r = p.register.as_ref()?;
    Some(ModbusPoint {
        point,
        table: r.table,
        address: r.address,
        format: r.format,
        order: r.order,
        four_byte: r.four_byte,
        scaling: r.scaling,
        truth: r.format.is_truth() || p.is_truth(),
        invert: p.invert,
        sentinels: p.sentinels.clone(),
        factors: Vec::new(),
        range: None,
        confirm: r.confirm,
        origin: p.origin.clone(),
    })
}
