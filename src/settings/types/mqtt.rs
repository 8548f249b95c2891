//! What the MQTT sessions get.

use std::time::Duration;

use super::Secret;
use crate::plant::{DeviceIx, PointIx};

/// Protocol level of an MQTT connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttVersion {
    /// 3.1.1
    V3,
    /// 5
    V5,
}

/// One MQTT broker session.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttSource {
    /// Settings id.
    pub id: crate::plant::Id,
    /// Host name or address.
    pub host: String,
    /// 1883 unless told.
    pub port: u16,
    /// 3.1.1 or 5.
    pub version: MqttVersion,
    /// The session lives under this name at the broker; stable across restarts.
    pub client_id: String,
    /// Name and password.
    pub login: Option<(String, Secret)>,
    /// Keep-alive.
    pub keep_alive: Duration,
    /// MQTT 5 receive maximum: how many unacknowledged messages the broker may send.
    pub receive_maximum: u16,
    /// Keep the session at the broker this long while we are away (MQTT 5; 3.1.1 keeps it for ever).
    pub session_expiry: Duration,
    /// What to subscribe to.
    pub mappings: Vec<MqttMapping>,
}

/// One topic filter and what its payloads mean.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttMapping {
    /// Into the plant.
    pub device: DeviceIx,
    /// Topic filter, wildcards allowed.
    pub topic: String,
    /// Where the device's own time stands in the payload, if anywhere.
    pub time: Option<(String, TimeFormat)>,
    /// Where the points stand. A single point with an empty pointer takes a plain scalar payload.
    pub points: Vec<MqttPoint>,
}

/// One point in a payload.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttPoint {
    /// Into the plant.
    pub point: PointIx,
    /// JSON pointer (RFC 6901); empty for the payload itself.
    pub pointer: String,
    /// JSON pointer of the value's quality: 192, `true` or `"good"` are good; anything else is bad.
    pub quality: Option<String>,
    /// Multiplier.
    pub scale: f64,
    /// Added after the multiplier.
    pub offset: f64,
    /// For booleans: true means 0.
    pub invert: bool,
}

/// How a payload writes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// Seconds since the epoch, fractions allowed.
    Seconds,
    /// Milliseconds since the epoch.
    Millis,
    /// Microseconds since the epoch.
    Micros,
    /// RFC 3339 text.
    Rfc3339,
    /// `2025-01-01 08:00:00` in the site's time zone.
    Local,
}
