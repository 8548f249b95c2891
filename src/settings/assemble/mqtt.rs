//! A device on an MQTT source → its mappings: which topics, by which shape, which points.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use super::super::fault::{Fault, Written};
use super::super::profile::{Offline, Profile, ProfilePoint, offline};
use super::super::types::{
    Body, DeviceKey, JsonPath, ModbusPoint, MqttMapping, MqttOffline, MqttPoint, Shape, Table, Template,
    TopicLevel,
};
use super::super::walk::Walk;
use super::registers::modbus_point;
use super::sparkplug::{SparkplugPlace, place};
use super::words::positive;
use crate::plant::{DeviceIx, PointIx};

/// The keys of a device that only an MQTT source understands.
pub(super) struct MqttKeys {
    /// Its own topic, else the profile's.
    pub(super) topic: Option<String>,
    own_topic: bool,
    /// Where the topic stands, here or in the profile.
    topic_written: Written,
    device: Option<String>,
    offline: Option<Offline>,
    own_offline: bool,
    /// A Sparkplug B edge node instead of topics.
    pub(super) sparkplug: Option<SparkplugPlace>,
    pub(super) own_sparkplug: bool,
    pub(super) expect_every: Option<Duration>,
}

/// What they give.
pub(super) struct OnBroker {
    pub(super) mappings: Vec<MqttMapping>,
    pub(super) offline: Option<MqttOffline>,
}

impl MqttKeys {
    pub(super) fn read(w: &Walk<'_>, profile: &Profile) -> Self {
        let topic = w.text("topic").map(str::to_owned);
        // In an equipment with several devices, `device` is the list of them and each has its own.
        let device = if w.is_plain_text("device") { w.text("device").map(str::to_owned) } else { None };
        w.mark("device");
        let own_offline = w.has("offline");
        w.mark("offline");
        w.mark("expect_every");
        let expect_every =
            w.has("expect_every").then(|| positive(w, "expect_every", Duration::from_secs(10)));
        Self {
            topic_written: if topic.is_some() { w.written("topic") } else { profile.topic_written.clone() },
            own_topic: topic.is_some(),
            topic: topic.or_else(|| profile.topic.clone()),
            device,
            offline: if own_offline { offline(w) } else { profile.offline.clone() },
            own_offline,
            sparkplug: place(w),
            own_sparkplug: w.has("sparkplug"),
            expect_every,
        }
    }

    pub(super) fn refuse_on_modbus(&self, w: &Walk<'_>) {
        let stands = [
            ("topic", self.own_topic),
            ("device", self.device.is_some()),
            ("offline", self.own_offline),
            ("expect_every", self.expect_every.is_some()),
            ("sparkplug", self.own_sparkplug),
        ];
        for (key, _) in stands.iter().filter(|s| s.1) {
            w.fault(key, "this source is a Modbus endpoint, which has no topics", "remove the key");
        }
    }

    pub(super) fn refuse_on_push(&self, w: &Walk<'_>, unit: bool, period: bool) {
        for (key, _) in
            [("topic", self.own_topic), ("offline", self.own_offline), ("unit", unit), ("period", period)]
                .iter()
                .filter(|s| s.1)
        {
            w.fault(key, "this source is pushed over HTTP, which has no such thing", "remove the key");
        }
    }

    /// The sender's own name for the device is written.
    pub(super) fn has_device(&self) -> bool {
        self.device.is_some()
    }

    /// What the sender calls the device: its own name, else the equipment's id.
    pub(super) fn device_name<'s>(&'s self, owner: &'s str) -> &'s str {
        self.device.as_deref().unwrap_or(owner)
    }

    pub(super) fn check(&self, w: &Walk<'_>, profile: &Profile, unit: bool, period: bool) {
        let hex = matches!(profile.shape.as_ref().map(|s| &s.body), Some(Body::Hex { .. }));
        if period || (unit && !hex) {
            let key = if period { "period" } else { "unit" };
            w.fault(key, "this source is an MQTT broker, which is not polled", "remove the key");
        }
        let beside =
            [("topic", self.own_topic), ("device", self.device.is_some()), ("offline", self.own_offline)];
        for (key, _) in beside.iter().filter(|b| b.1 && self.own_sparkplug) {
            w.fault(
                key,
                "`sparkplug` says already where the metrics come from, and its deaths when they do not",
                "remove the key; a device behind the node is sparkplug.device",
            );
        }
        if self.device.as_ref().is_some_and(String::is_empty) {
            w.fault("device", "empty", "the name the sender gives it, e.g. device = \"867512345678901\"");
        }
    }

    /// What stands behind the source in the device's label.
    pub(super) fn label(&self, owner: &str) -> String {
        match (&self.topic, &self.device) {
            _ if self.sparkplug.is_some() => {
                self.sparkplug.as_ref().map(ToString::to_string).unwrap_or_default()
            }
            (_, Some(device)) => device.clone(),
            (Some(topic), None) if !topic.contains("{device}") => topic.clone(),
            _ => owner.to_owned(),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one caller; they are the parts of one device")]
    pub(super) fn mappings(
        &self,
        w: &Walk<'_>,
        owner: &str,
        device: DeviceIx,
        unit: Option<u8>,
        profile: &Profile,
        new: &[(PointIx, &ProfilePoint)],
        faults: &RefCell<Vec<Fault>>,
    ) -> OnBroker {
        let key = DeviceKey {
            name: self.device.clone().unwrap_or_else(|| owner.to_owned()),
            explicit: self.device.is_some(),
        };
        let template = |place: Option<&ProfilePoint>, text: &str| match Template::parse(text) {
            Ok(template) if of_sparkplug(&template) => {
                let problem = "Sparkplug B messages are read as such, not by a shape";
                let remedy =
                    "write sparkplug = { group = \"plant\", node = \"edge-1\" } instead of the topic";
                match place {
                    Some(p) => fault(faults, p, "topic", problem.to_owned(), remedy),
                    None => w.fault_at(&self.topic_written, problem, remedy),
                }
                None
            }
            Ok(template) => Some(template),
            Err(problem) => {
                let remedy = "levels parted by `/`; `+`, `{device}`, `{point}` stand for one whole level, `#` for the rest";
                match place {
                    Some(p) => fault(faults, p, "topic", problem, remedy),
                    None => w.fault_at(&self.topic_written, problem, remedy),
                }
                None
            }
        };
        let mut by_topic: Vec<(Template, Vec<(PointIx, &ProfilePoint)>)> = Vec::new();
        let whole = self.topic.as_deref().map(|text| template(None, text));
        for (point, p) in new {
            let found = match (&p.topic, &whole) {
                (Some(text), _) => template(Some(p), text),
                (None, Some(whole)) => whole.clone(),
                (None, None) => {
                    w.fault("topic", "missing", "write topic = \"plant/boiler-1/data\" here or in the profile, or a topic on every point of the profile");
                    break;
                }
            };
            let Some(found) = found else { continue };
            match by_topic.iter_mut().find(|t| t.0 == found) {
                Some(there) => there.1.push((*point, p)),
                None => by_topic.push((found, vec![(*point, p)])),
            }
        }
        let mappings = by_topic.into_iter().map(|(topic, points)| {
            let shape = Arc::new(profile.shape.clone().unwrap_or_else(|| {
                let usual = if topic.has_point() { "scalar" } else { "pointers" };
                Shape::preset(usual).expect("a preset of ours")
            }));
            if topic.has_point() && !matches!(shape.body, Body::Scalar) {
                w.fault_at(
                    &self.topic_written,
                    format!("`{{point}}` names the point, but so does the shape `{}`", shape.preset),
                    "use `+` in the topic, or shape = \"scalar\" in the profile",
                );
            }
            if matches!(shape.body, Body::Scalar) && !topic.has_point() && points.len() > 1 {
                w.fault_at(
                    &self.topic_written,
                    "one value cannot be several points",
                    "write `{point}` for the level that names the point, or a topic on every point",
                );
            }
            let points = points.iter().map(|(point, p)| mqtt_point(*point, p, &shape, faults)).collect();
            MqttMapping { device, topic, key: key.clone(), shape, unit, points }
        });
        let mappings = mappings.collect();
        let offline = self.offline.as_ref().and_then(|o| {
            let topic = Template::parse(&o.topic)
                .map_err(|problem| {
                    w.fault_at(&o.written, problem, "e.g. \"plant/{device}/status\"");
                })
                .ok()?;
            Some(MqttOffline {
                device,
                topic,
                key: key.clone(),
                pointer: o.pointer.clone(),
                payload: o.payload.clone(),
                points: new.iter().map(|n| n.0).collect(),
            })
        });
        OnBroker { mappings, offline }
    }
}

/// A topic of edge nodes and hosts, save for STATE, which is plain JSON.
fn of_sparkplug(template: &Template) -> bool {
    match template.levels() {
        [TopicLevel::Literal(first), second, ..] if first == "spBv1.0" => {
            !matches!(second, TopicLevel::Literal(second) if second == "STATE")
        }
        _ => false,
    }
}

fn fault(faults: &RefCell<Vec<Fault>>, p: &ProfilePoint, key: &str, problem: String, remedy: &str) {
    faults.borrow_mut().push(Fault {
        place: p.places.of(key),
        key: format!("point.{}.{key}", p.id),
        problem,
        remedy: remedy.to_owned(),
    });
}

fn mqtt_point(point: PointIx, p: &ProfilePoint, shape: &Shape, faults: &RefCell<Vec<Fault>>) -> MqttPoint {
    let path = |key: &str, text: &Option<String>| {
        let text = text.as_deref()?;
        match JsonPath::parse(text, false) {
            Ok(path) => Some(path),
            Err(problem) => {
                fault(
                    faults,
                    p,
                    key,
                    problem,
                    &format!("it begins with a slash: {key} = \"/data/pressure\""),
                );
                None
            }
        }
    };
    let pointer = path("pointer", &p.pointer);
    let quality = path("quality", &p.quality);
    let register = modbus_point(point, p);
    let named = matches!(shape.body, Body::Records(_) | Body::Hex { .. });
    if named && (p.pointer.is_some() || p.quality.is_some()) {
        let key = if p.pointer.is_some() { "pointer" } else { "quality" };
        let remedy = match shape.body {
            Body::Hex { .. } => "write address = 40001",
            _ => "write key = \"P1\", the name it has in the payload",
        };
        fault(faults, p, key, format!("the shape `{}` has no pointers", shape.preset), remedy);
    }
    look_at_register(p, register.as_ref(), shape, faults);
    MqttPoint {
        point,
        key: p.key.clone().unwrap_or_else(|| p.id.to_string()),
        pointer: pointer.unwrap_or_default(),
        quality,
        meaning: p.meaning(),
        register,
    }
}

/// What is wrong with the register of a point, or with a point that has one.
fn look_at_register(
    p: &ProfilePoint,
    register: Option<&ModbusPoint>,
    shape: &Shape,
    faults: &RefCell<Vec<Fault>>,
) {
    let wrong = |key: &str, problem: &str, remedy: &str| fault(faults, p, key, problem.to_owned(), remedy);
    match (&shape.body, register) {
        (Body::Pointers, _) if p.pointer.is_none() && p.register.is_some() => wrong(
            "pointer",
            "missing: a register list is used on an MQTT source",
            "write pointer = \"/data/pressure\", or choose a Modbus source",
        ),
        (Body::Hex { .. }, None) => {
            wrong("address", "missing: the shape `hex` carries registers", "write address = 40001");
        }
        (Body::Hex { .. }, Some(r)) if r.four_byte => wrong(
            "address",
            "registers of four bytes (modbus.four_byte) are read from Modbus sources only",
            "a profile without modbus.four_byte for the shape `hex`",
        ),
        (Body::Hex { requests, .. }, Some(r)) => {
            let (from, to) = (u32::from(r.address), u32::from(r.address) + u32::from(r.format.width()));
            let bit = matches!(r.table, Table::Coil | Table::DiscreteInput);
            let covered = requests.iter().any(|q| {
                let end = u32::from(q.start) + u32::from(q.count);
                q.table == r.table && from >= u32::from(q.start) && (if bit { from + 1 } else { to }) <= end
            });
            if !covered && !requests.is_empty() {
                wrong(
                    "address",
                    "no request of the shape covers it",
                    "check start and count of shape.request; addresses count from 0 there, 40001 is 0",
                );
            }
        }
        _ => {}
    }
}
