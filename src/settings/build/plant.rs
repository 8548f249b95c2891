//! `[[equipment]]` with its devices and limits → the plant, and what each source has to read for it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use super::super::fault::{Fault, Place, nearest};
use super::super::profile::{
    DerivedSetting, LimitSetting, Plausible, Profile, ProfilePoint, StateSetting, compound, derived,
    detector, limits, parse, plausible, state,
};
use super::super::types::{Body, Factor, ModbusDevice, ModbusPoint, MqttSource, PollGroup, PushSource};
use super::super::walk::Walk;
use super::ProfileTexts;
use super::derived::Pending;
use super::detectors::PendingDetector;
use super::mqtt::MqttKeys;
use super::presets;
use super::push::push_device;
use super::quirks::QuirkKeys;
use super::relations::{OfPoint, Relations};
use super::sources::ModbusDefaults;
use super::sparkplug;
use super::words::{id, poll_period};
use crate::plant::{
    Derived, Device, DeviceIx, Equipment, EquipmentIx, Id, LimitKind, Name, NoData, Point, PointIx, Priority,
};

/// Until a point is complete: no no-data alarm wanted, or one after the device's own silence.
const NO_ALARM: Duration = Duration::ZERO;
const BY_DEVICE: Duration = Duration::MAX;

pub(super) struct PlantBuilder<'a> {
    pub(super) texts: &'a ProfileTexts,
    pub(super) profiles: HashMap<String, Profile>,
    pub(super) faults: &'a RefCell<Vec<Fault>>,
    pub(super) modbus: Vec<ModbusDefaults>,
    pub(super) mqtt: Vec<MqttSource>,
    pub(super) push: Vec<PushSource>,
    pub(super) expected: HashMap<String, Duration>,
    /// Ids of all sources that stand in the files, good or not.
    pub(super) declared: Vec<String>,
    pub(super) equipment: Vec<Equipment>,
    pub(super) points: Vec<Point>,
    pub(super) devices: Vec<Device>,
    pub(super) relations: Relations,
    pub(super) pending: Vec<Pending>,
    /// What hangs on a date.
    pub(super) due: Vec<Derived>,
    pub(super) timezone: String,
    /// Kind of the equipment that is being built, if it wants presets.
    pub(super) preset: Option<String>,
    pub(super) preset_place: Place,
    pub(super) warnings: &'a RefCell<Vec<Fault>>,
    pub(super) pending_detectors: Vec<PendingDetector>,
}

impl PlantBuilder<'_> {
    fn profile(&mut self, w: &Walk<'_>) -> Option<Profile> {
        let name = w.need("profile", "\"s7-1200-gas-boiler\"")?;
        if let Some(profile) = self.profiles.get(name) {
            return Some(profile.clone());
        }
        let Some((file, text)) = self.texts.get(name) else {
            let known = nearest(name, self.texts.keys().map(String::as_str));
            w.fault(
                "profile",
                format!("there is no profile `{name}`"),
                format!("{known} Profiles are files in profiles/"),
            );
            return None;
        };
        let profile = parse(file, text, &mut self.faults.borrow_mut());
        self.profiles.insert(name.to_owned(), profile.clone());
        Some(profile)
    }

    pub(super) fn equipment(&mut self, name: &str, w: &Walk<'_>) {
        let ix = EquipmentIx(self.equipment.len() as u32);
        let id = id(w, name);
        let (zh, en) = (w.text("name"), w.text("name_en"));
        let mut kind = w.text("kind").map(str::to_owned);
        let text = |key| w.text(key).map(str::to_owned);
        let (model, registration, officer) = (text("model"), text("registration"), text("officer"));
        let mut own_points: Vec<PointIx> = Vec::new();
        self.preset = None;
        self.preset_place = w.place("preset");
        let mut states: Vec<StateSetting> = Vec::new();
        let mut plausible_of = Vec::new();
        // Without its profile nothing can be said about points and kind: one fault is enough.
        let mut known = true;
        // As a text it is the name the equipment's one device has at its broker.
        let several = if w.is_plain_text("device") { Vec::new() } else { w.list("device") };
        if several.is_empty() {
            let profile = self.profile(w);
            known &= profile.is_some();
            let profile = profile.unwrap_or_default();
            kind = kind.or_else(|| profile.kind.clone());
            self.preset = presets::wanted(w, kind.as_deref());
            self.device(ix, name, w, &profile, &mut own_points);
            plausible_of.extend(self.plausible(&profile, &own_points));
            self.derived(ix, name, profile.derived, &mut own_points);
            states.extend(profile.states);
            self.detectors(ix, name, profile.detectors, &mut own_points);
        } else {
            for (n, d) in several.iter().enumerate() {
                let profile = self.profile(d);
                known &= profile.is_some();
                let profile = profile.unwrap_or_default();
                kind = kind.or_else(|| profile.kind.clone());
                if n == 0 {
                    self.preset = presets::wanted(w, kind.as_deref());
                }
                self.device(ix, name, d, &profile, &mut own_points);
                plausible_of.extend(self.plausible(&profile, &own_points));
                self.derived(ix, name, profile.derived, &mut own_points);
                states.extend(profile.states);
                self.detectors(ix, name, profile.detectors, &mut own_points);
                d.finish();
            }
        }
        let watching = w.list("detector").iter().filter_map(detector).collect();
        self.detectors(ix, name, watching, &mut own_points);
        let mut made = Vec::new();
        if let Some(overrides) = w.table("limits").filter(|_| known) {
            made.extend(self.overrides(&overrides, &own_points, &mut plausible_of));
        }
        made.extend(w.list("derived").iter().flat_map(derived));
        self.derived(ix, name, made, &mut own_points);
        states.extend(w.list("state").iter().filter_map(state));
        self.states(ix, name, &states, &mut own_points);
        self.inspection(ix, name, w, &mut own_points);
        self.doubts(&plausible_of, &own_points, w);
        for point in &own_points {
            self.complete(*point, w);
            self.relations.resolve(*point, &mut self.points, (name, &own_points), w);
        }
        self.suppress(&states, &own_points);
        self.normal_bands(w, &own_points);
        self.safety_valve(w, &own_points);
        let kind = match kind.as_deref().map(Id::new) {
            Some(Ok(kind)) => Some(kind),
            Some(Err(e)) => {
                w.fault("kind", e.to_string(), "e.g. steam-boiler");
                None
            }
            None if !known => None,
            None => {
                w.fault("kind", "missing", "write kind = \"steam-boiler\" here or in the profile");
                None
            }
        };
        w.finish();
        // A stand-in keeps the indexes valid; with a fault noted nothing of it is ever used.
        let fallback = || Id::new("unnamed").expect("a valid id");
        self.equipment.push(Equipment {
            name: Name::new(zh, en, name),
            id: id.unwrap_or_else(fallback),
            kind: kind.unwrap_or_else(fallback),
            model,
            registration,
            officer,
            points: own_points,
            retired: false,
        });
    }

    /// What the profile's points say of their own readings.
    fn plausible(&self, profile: &Profile, own: &[PointIx]) -> Vec<(PointIx, Plausible)> {
        let written = profile.points.iter().filter_map(|p| Some((&p.id, p.plausible.clone()?)));
        written
            .filter_map(|(id, plausible)| {
                let point = own.iter().copied().find(|o| self.points[o.0 as usize].id == *id)?;
                Some((point, plausible))
            })
            .collect()
    }

    fn device(
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
        let modbus = self.modbus.iter().position(|m| m.source.id.as_str() == source);
        let mqtt = self.mqtt.iter().position(|m| m.id.as_str() == source);
        let push = self.push.iter().position(|p| p.id.as_str() == source);
        let declared = self.declared.iter().any(|d| d == source);
        if modbus.is_none() && mqtt.is_none() && push.is_none() && !declared {
            let known = self
                .modbus
                .iter()
                .map(|m| m.source.id.as_str())
                .chain(self.mqtt.iter().map(|m| m.id.as_str()))
                .chain(self.push.iter().map(|p| p.id.as_str()));
            w.fault("source", format!("there is no source `{source}`"), nearest(source, known));
        }
        let unit = w.whole("unit", 0, 255);
        let on_broker = MqttKeys::read(w, profile);
        let topic = on_broker.topic.as_deref();
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
        let first = self.points.len();
        for p in &profile.points {
            if own.iter().any(|o| self.points[o.0 as usize].id == p.id) {
                w.fault(
                    "profile",
                    format!("the point `{}` is already there from another device", p.id),
                    "point ids are unique within one piece of equipment",
                );
                continue;
            }
            own.push(PointIx(self.points.len() as u32));
            self.points.push(Point {
                id: p.id.clone(),
                name: p.name.clone(),
                equipment: ix,
                device,
                unit: p.unit.clone(),
                range: p.range,
                value_type: p.value_type,
                decimals: p.decimals,
                labels: p.labels.clone(),
                limits: Vec::new(),
                doubts: None,
                no_data: None,
            });
            // A limit of the profile without a setpoint was called a fault when the profile was read.
            let ix = PointIx(self.points.len() as u32 - 1);
            let mut point = self.points.pop().expect("just pushed");
            self.preset_under(ix, &mut point);
            let _ = apply(&mut point, &p.limits, &mut self.relations.of(ix));
            self.points.push(point);
        }
        let new: Vec<(PointIx, &ProfilePoint)> = (first..self.points.len())
            .filter_map(|n| {
                let id = &self.points[n].id;
                profile.points.iter().find(|p| p.id == *id).map(|p| (PointIx(n as u32), p))
            })
            .collect();
        let shown = match (mqtt, unit) {
            _ if push.is_some() => on_broker.device_name(owner).to_owned(),
            (Some(_), _) => on_broker.label(owner),
            (None, Some(unit)) => unit.to_string(),
            (None, None) => topic.unwrap_or(owner).to_owned(),
        };
        let mut label = format!("{source}/{shown}");
        if self.devices.iter().any(|d| d.label == label) {
            label = format!("{label}/{owner}");
        }
        let mut stale_after = Duration::from_secs(30);
        if let Some(m) = modbus {
            if unit.is_none() && !w.has("unit") {
                w.fault("unit", "missing", "write the Modbus unit id (station number): unit = 1");
            }
            let period = period.filter(|p| !p.is_zero()).unwrap_or(self.modbus[m].period);
            let groups = self.poll_groups(w, profile, &new, period);
            let heartbeat = self.heartbeat(profile, &new);
            let entry = QuirkKeys::path(w);
            let source = &mut self.modbus[m];
            let quirks = QuirkKeys::settle(&entry, &profile.quirks, &source.quirks, heartbeat);
            for (_, p) in &new {
                let Some(r) = &p.register else { continue };
                if !r.table.is_bits() && r.format.width() > quirks.max_registers {
                    w.fault(
                        "max_registers",
                        format!("the point `{}` takes {} registers", p.id, r.format.width()),
                        "a value is never read in parts: the device must give as many in one request",
                    );
                }
                let last = r.address.saturating_add(r.format.width() - 1);
                let hit = quirks
                    .forbidden
                    .iter()
                    .find(|f| f.table == r.table && f.from <= last && r.address <= f.to);
                if let Some(hit) = hit {
                    self.faults.borrow_mut().push(Fault {
                        place: p.place.clone(),
                        key: format!("point.{}.address", p.id),
                        problem: format!("{} to {} must not be read, says the profile", hit.from, hit.to),
                        remedy: "remove the point or the forbidden range".to_owned(),
                    });
                }
            }
            // Groups of one unit have one label, and a plant device each.
            let mut of_device = Vec::new();
            for (n, (period, points)) in groups.into_iter().enumerate() {
                let device = DeviceIx(self.devices.len() as u32);
                for p in &points {
                    self.points[p.point.0 as usize].device = device;
                }
                if let Ok(id) = Id::new(source.source.id.as_str()) {
                    self.devices.push(Device {
                        label: if n == 0 {
                            label.clone()
                        } else {
                            format!("{label}@{}", crate::settings::in_words(period))
                        },
                        equipment: ix,
                        source: id,
                        points: points.iter().map(|p| p.point).collect(),
                        stale_after: (period * 3).max(Duration::from_secs(3)),
                    });
                }
                of_device.push(PollGroup { device, period, points });
            }
            source.source.devices.push(ModbusDevice {
                label,
                unit: unit.unwrap_or(1) as u8,
                quirks,
                groups: of_device,
            });
            return;
        }
        if mqtt.is_some() || push.is_some() {
            // A hexadecimal reply carries raw registers; all else comes as it is to be understood.
            let raw = mqtt.is_some()
                && !on_broker.own_sparkplug
                && matches!(profile.shape.as_ref().map(|s| &s.body), Some(Body::Hex { .. }));
            self.only_polled(&new, raw);
        }
        if let Some(m) = mqtt {
            let usual = self.expected.get(source).copied().unwrap_or(Duration::from_secs(10));
            stale_after = on_broker.expect_every.unwrap_or(usual) * 3;
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
            let usual = self.expected.get(source).copied().unwrap_or(Duration::from_secs(10));
            stale_after = on_broker.expect_every.unwrap_or(usual) * 3;
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
                    place: p.place.clone(),
                    key: format!("point.{}.address", p.id),
                    problem: "missing, and the profile is used on a Modbus source".to_owned(),
                    remedy: "write address = 40001".to_owned(),
                });
                continue;
            };
            let mut factors = Vec::new();
            let named = r.times.iter().map(|t| (t, false)).chain(r.decimals_from.iter().map(|d| (d, true)));
            for (name, decimals) in named {
                match new.iter().find(|n| n.1.id.as_str() == name) {
                    Some((of, _)) if of == point => self.no_such_point(p, name, decimals, profile),
                    Some((of, _)) if decimals => factors.push(Factor::Decimals(*of)),
                    Some((of, _)) => factors.push(Factor::Times(*of)),
                    None => self.no_such_point(p, name, decimals, profile),
                }
            }
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

    /// What only the poller of a device knows how to do: passed over, it would make wrong values.
    fn only_polled(&self, new: &[(PointIx, &ProfilePoint)], raw: bool) {
        for (_, p) in new {
            let fault = |key: &str, problem: &str, remedy: &str| {
                self.faults.borrow_mut().push(Fault {
                    place: p.place.clone(),
                    key: format!("point.{}{key}", p.id),
                    problem: problem.to_owned(),
                    remedy: remedy.to_owned(),
                });
            };
            if p.is_multiplied {
                fault(
                    "",
                    "multiplied by another point, which only a Modbus source does",
                    "let the sender give the value as it is meant",
                );
            }
            if p.is_loop && !raw {
                fault(
                    ".loop",
                    "a current loop's raw values, which only registers carry",
                    "calibration = [[819, 0], [4095, 2.5]] if the sender gives raw values, else remove it",
                );
            }
        }
    }

    fn no_such_point(&self, p: &ProfilePoint, name: &str, decimals: bool, profile: &Profile) {
        let key = if decimals { "decimals_from" } else { "times" };
        self.faults.borrow_mut().push(Fault {
            place: p.place.clone(),
            key: format!("point.{}.{key}", p.id),
            problem: format!("there is no other point `{name}` in the profile"),
            remedy: nearest(name, profile.points.iter().filter(|o| o.id != p.id).map(|o| o.id.as_str())),
        });
    }

    fn heartbeat(&self, profile: &Profile, new: &[(PointIx, &ProfilePoint)]) -> Option<(PointIx, Duration)> {
        let (name, within) = profile.quirks.heartbeat.as_ref()?;
        let found = new.iter().find(|n| n.1.id.as_str() == name);
        if found.is_none() {
            self.faults.borrow_mut().push(Fault {
                place: profile.points.first().map(|p| p.place.clone()).unwrap_or_default(),
                key: "modbus.heartbeat.point".to_owned(),
                problem: format!("there is no point `{name}` in the profile"),
                remedy: nearest(name, profile.points.iter().map(|p| p.id.as_str())),
            });
        }
        Some((found?.0, *within))
    }

    /// Limits over those of profiles; also gives the derived points that they make, and notes tests of readings.
    fn overrides(
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
    fn complete(&mut self, ix: PointIx, w: &Walk<'_>) {
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
        let mut ladder: Vec<(&str, f64)> = Vec::new();
        if let Some((low, _)) = point.range {
            ladder.push(("range low", low));
        }
        ladder
            .extend(point.limits.iter().filter(|l| l.kind != LimitKind::State).map(|l| (l.kind.key(), l.at)));
        if let Some((_, high)) = point.range {
            ladder.push(("range high", high));
        }
        for pair in ladder.windows(2) {
            let edge = pair[0].0 == "range low" || pair[1].0 == "range high";
            if pair[0].1 > pair[1].1 || (!edge && pair[0].1 >= pair[1].1) {
                w.fault(
                    &format!("limits.{}", point.id),
                    format!("{} = {} is not below {} = {}", pair[0].0, pair[0].1, pair[1].0, pair[1].1),
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
        scaling: r.scaling,
        invert: p.invert,
        sentinels: p.sentinels.clone(),
        factors: Vec::new(),
        confirm: r.confirm,
        origin: p.origin.clone(),
    })
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
