//! A host with one mapped node, a clock to turn, and short words for messages.

use std::time::Duration;

use prost::Message;

use crate::field::mqtt::sparkplug::{
    Host, Metric, NodeStatus, Payload, Property, PropertySet, PropertyValue, Rebirth, SparkplugError, Value,
};
use crate::plant::meaning::Kind;
use crate::plant::{Batch, Cause, DeviceIx, Meaning, Micros, Now, PointIx, Quality};
use crate::settings::{SparkplugMapping, SparkplugPoint, SparkplugRules};

/// The wall clock when the monotonic one is 0.
pub(super) const START_MS: u64 = 1_790_000_000_000;

/// A reading with its head: point, value (`None` if bad), quality, time in ms since the start, live.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Told {
    pub(super) point: u32,
    pub(super) value: Option<f64>,
    pub(super) quality: Quality,
    pub(super) at_ms: i64,
    pub(super) live: bool,
}

pub(super) fn good(point: u32, value: f64) -> (u32, Option<f64>, Quality) {
    (point, Some(value), Quality::Good)
}

pub(super) fn bad(point: u32, cause: Cause) -> (u32, Option<f64>, Quality) {
    (point, None, Quality::Bad(cause))
}

pub(super) struct Bench {
    pub(super) host: Host,
    pub(super) mono: Duration,
}

/// Group `g`, node `n`: metrics `a` and `b` are points 0 and 1 of device 0; the node's device `d` has
/// metrics `a` and `c`, points 2 and 3 of device 1.
pub(super) fn mappings() -> Vec<SparkplugMapping> {
    let mapping = |device: u32, sub_device: Option<&str>, points: [(u32, &str); 2]| SparkplugMapping {
        device: DeviceIx(device),
        group: "g".to_owned(),
        node: "n".to_owned(),
        sub_device: sub_device.map(str::to_owned),
        points: points
            .map(|(point, metric)| SparkplugPoint {
                point: PointIx(point),
                metric: metric.to_owned(),
                meaning: Meaning::plain(Kind::Code),
            })
            .to_vec(),
    };
    vec![mapping(0, None, [(0, "a"), (1, "b")]), mapping(1, Some("d"), [(2, "a"), (3, "c")])]
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(SparkplugRules::default())
    }

    pub(super) fn with(rules: SparkplugRules) -> Self {
        Self { host: Host::new(&mappings(), rules), mono: Duration::from_secs(100) }
    }

    /// Node `n` and device `d` born with aliases 1 to 4, values 0; sequence numbers 0 and 1.
    pub(super) fn born() -> Self {
        let mut bench = Self::new();
        bench.send("NBIRTH/n", 0, vec![bd_seq(5), named("a", 1, 0.0), named("b", 2, 0.0)]);
        bench.send("DBIRTH/n/d", 1, vec![named("a", 3, 0.0), named("c", 4, 0.0)]);
        bench
    }

    pub(super) fn now(&self) -> Now {
        Now { mono: self.mono, wall: Micros(self.ms() as i64 * 1000) }
    }

    pub(super) fn ms(&self) -> u64 {
        START_MS + self.mono.as_millis() as u64
    }

    pub(super) fn later(&mut self, ms: u64) -> &mut Self {
        self.mono += Duration::from_millis(ms);
        self
    }

    /// Sends at the present time; `topic` without namespace and group.
    pub(super) fn send(&mut self, topic: &str, seq: u64, metrics: Vec<Metric>) -> Vec<Told> {
        self.later(1);
        let payload = message(self.ms(), seq, metrics);
        self.deliver(topic, &payload)
    }

    pub(super) fn deliver(&mut self, topic: &str, payload: &Payload) -> Vec<Told> {
        self.bytes(topic, &payload.encode_to_vec()).unwrap()
    }

    pub(super) fn bytes(&mut self, topic: &str, payload: &[u8]) -> Result<Vec<Told>, SparkplugError> {
        let mut out = Batch::default();
        let (kind, rest) = topic.split_once('/').unwrap();
        let now = self.now();
        self.host.message(&format!("spBv1.0/g/{kind}/{rest}"), payload, false, now, &mut out)?;
        Ok(told(&out))
    }

    pub(super) fn tick(&mut self) -> Vec<Told> {
        let mut out = Batch::default();
        self.host.tick(self.now(), &mut out);
        told(&out)
    }

    pub(super) fn disconnected(&mut self) -> Vec<Told> {
        let mut out = Batch::default();
        self.host.disconnected(self.now(), &mut out);
        told(&out)
    }

    pub(super) fn wanted(&mut self) -> Vec<Rebirth> {
        let now = self.now();
        self.host.wanted(now).collect()
    }

    pub(super) fn status(&self) -> NodeStatus<'_> {
        self.host.statuses().next().unwrap()
    }
}

pub(super) fn told(out: &Batch) -> Vec<Told> {
    let start = START_MS as i64 * 1000;
    out.samples()
        .flat_map(|(head, readings)| {
            readings.iter().map(move |r| Told {
                point: r.point.0,
                value: r.quality.is_usable().then_some(r.value),
                quality: r.quality,
                at_ms: (head.at.0 - start) / 1000,
                live: head.live,
            })
        })
        .collect()
}

/// Point, value and quality only.
pub(super) fn values(told: &[Told]) -> Vec<(u32, Option<f64>, Quality)> {
    told.iter().map(|t| (t.point, t.value, t.quality)).collect()
}

pub(super) fn message(sent: u64, seq: u64, metrics: Vec<Metric>) -> Payload {
    Payload { timestamp: Some(sent), metrics, seq: Some(seq), ..Payload::default() }
}

pub(super) fn bd_seq(number: u64) -> Metric {
    Metric {
        name: Some("bdSeq".to_owned()),
        datatype: Some(4),
        value: Some(Value::Long(number)),
        ..Metric::default()
    }
}

/// As a BIRTH has it.
pub(super) fn named(name: &str, alias: u64, value: f64) -> Metric {
    Metric { name: Some(name.to_owned()), datatype: Some(10), ..aliased(alias, value) }
}

/// As DATA has it.
pub(super) fn aliased(alias: u64, value: f64) -> Metric {
    Metric { alias: Some(alias), value: Some(Value::Double(value)), ..Metric::default() }
}

pub(super) fn quality(code: u32) -> PropertySet {
    let value = PropertyValue { r#type: Some(3), is_null: None, value: Some(Property::Int(code)) };
    PropertySet { keys: vec!["Quality".to_owned()], values: vec![value] }
}
