//! What Sparkplug B hosts get.

use std::time::Duration;

use crate::plant::{DeviceIx, Meaning, PointIx};

/// One piece of equipment's metrics on a Sparkplug B edge node, or on one device behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct SparkplugMapping {
    /// Into the plant.
    pub device: DeviceIx,
    /// Sparkplug group id.
    pub group: String,
    /// Sparkplug edge node id.
    pub node: String,
    /// Sparkplug device id; `None` for metrics of the edge node itself.
    pub sub_device: Option<String>,
    /// Which metric is which point.
    pub points: Vec<SparkplugPoint>,
}

/// One point as a Sparkplug metric.
#[derive(Debug, Clone, PartialEq)]
pub struct SparkplugPoint {
    /// Into the plant.
    pub point: PointIx,
    /// Metric name as the BIRTH gives it, folders and all (`Steam/Pressure`).
    pub metric: String,
    /// How its raw values are understood.
    pub meaning: Meaning,
}

/// The Sparkplug B side of one MQTT source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SparkplugHost {
    /// The session says under this name that it is there, for edge nodes that publish only to their
    /// primary host; `None`: it only listens.
    pub host_id: Option<String>,
    /// How to listen.
    pub rules: SparkplugRules,
}

/// How to listen to edge nodes, and what to do when messages went missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SparkplugRules {
    /// How long a message may wait for one that was sent before it (the Reorder Timeout).
    pub reorder: Duration,
    /// Shortest time between two rebirth requests to one edge node.
    pub rebirth_every: Duration,
    /// Whether rebirth requests (NCMD `Node Control/Rebirth`) may be published at all.
    pub may_rebirth: bool,
    /// Edge nodes send changes only: while a device is online, its unchanged values are told again
    /// when nothing came for this long. Less than `stale_after` of the devices.
    pub repeat: Duration,
}

impl Default for SparkplugRules {
    fn default() -> Self {
        Self {
            reorder: Duration::from_secs(2),
            rebirth_every: Duration::from_secs(30),
            may_rebirth: true,
            repeat: Duration::from_secs(10),
        }
    }
}
