//! What the MQTT sessions get.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::{ModbusPoint, Secret, Shape, SparkplugHost, SparkplugMapping, Template};
use crate::plant::{DeviceIx, Meaning, PointIx};

/// Protocol level of an MQTT connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttVersion {
    /// 3.1.1
    V3,
    /// 5
    V5,
}

/// Quality of service asked for in subscriptions (MQTT 5.0, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Qos {
    /// 0: what is under way when the line breaks is gone.
    AtMostOnce,
    /// 1: acknowledged when it is on the disk; may come twice.
    AtLeastOnce,
    /// 2: acknowledged when it is on the disk; comes once.
    ExactlyOnce,
}

/// A TLS set-up: roots, own certificate, server name check on. Made of files, which may come later.
#[derive(Clone)]
pub struct MqttTls {
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    built: Arc<OnceLock<Arc<rustls::ClientConfig>>>,
    /// A fingerprint of the files it was made of.
    print: u64,
}

impl MqttTls {
    /// Of the files with the roots, and with the own certificate and its key.
    #[must_use]
    pub fn new(ca: Option<PathBuf>, identity: Option<(PathBuf, PathBuf)>, print: u64) -> Self {
        Self { ca, identity, built: Arc::default(), print }
    }

    /// What the connection takes; reads the files until they serve.
    ///
    /// # Errors
    /// The key (`ca_file`, `cert_file`, `key_file`) that is wrong, and why.
    pub fn config(&self) -> Result<Arc<rustls::ClientConfig>, (&'static str, String)> {
        if let Some(config) = self.built.get() {
            return Ok(Arc::clone(config));
        }
        let identity = self.identity.as_ref().map(|(cert, key)| (cert.as_path(), key.as_path()));
        let config = crate::settings::client_tls(self.ca.as_deref(), identity)?;
        Ok(Arc::clone(self.built.get_or_init(|| config)))
    }
}

impl PartialEq for MqttTls {
    /// Made of the same: files that were renewed make another.
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl fmt::Debug for MqttTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MqttTls")
    }
}

/// One MQTT broker session.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttSource {
    /// Settings id.
    pub id: crate::plant::Id,
    /// Host name or address; with TLS the name the server's certificate must bear.
    pub host: String,
    /// 1883, with TLS 8883, unless told.
    pub port: u16,
    /// TLS, where the address begins with `mqtts://`.
    pub tls: Option<MqttTls>,
    /// 3.1.1 or 5.
    pub version: MqttVersion,
    /// The session lives under this name at the broker; stable across restarts.
    pub client_id: String,
    /// Name and password.
    pub login: Option<(String, Secret)>,
    /// Of all subscriptions.
    pub qos: Qos,
    /// Keep-alive.
    pub keep_alive: Duration,
    /// How many unacknowledged messages may be under way: told to the broker with MQTT 5, with
    /// 3.1.1 the session stops reading beyond it.
    pub receive_maximum: u16,
    /// Keep the session at the broker this long while we are away (MQTT 5; 3.1.1 keeps it for ever).
    pub session_expiry: Duration,
    /// Topic under which the broker says how many messages it dropped since its start.
    pub dropped_topic: Option<String>,
    /// First and longest pause between connection attempts (jittered).
    pub reconnect: (Duration, Duration),
    /// What to subscribe to.
    pub mappings: Vec<MqttMapping>,
    /// Topics that tell that a device is gone.
    pub offline: Vec<MqttOffline>,
    /// How it listens to Sparkplug B edge nodes.
    pub sparkplug: SparkplugHost,
    /// Metrics of Sparkplug B edge nodes.
    pub metrics: Vec<SparkplugMapping>,
}

impl MqttSource {
    /// What it connects with: TLS, if the address asks for it.
    ///
    /// # Errors
    /// A file or secret that it needs and that cannot be read, with its key.
    pub fn means(&self) -> Result<Option<Arc<rustls::ClientConfig>>, String> {
        if let Some(why) = self.login.as_ref().and_then(|(_, password)| password.missing()) {
            return Err(format!("password: {why}"));
        }
        let config = self.tls.as_ref().map(MqttTls::config).transpose();
        config.map_err(|(key, problem)| format!("tls.{key}: {problem}"))
    }

    /// It listens to edge nodes, or says that it would.
    #[must_use]
    pub fn has_sparkplug(&self) -> bool {
        !self.metrics.is_empty() || self.sparkplug.host_id.is_some()
    }

    /// Whether the broker is to keep the session while we are away. Not where there is nothing but
    /// Sparkplug: what waited would come as if it were the present, and the specification wants a
    /// clean session (`tck-id-message-flow-phid-sparkplug-clean-session-*`).
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !self.has_sparkplug() || !self.mappings.is_empty() || !self.offline.is_empty()
    }
}

/// The name a device has in topics and payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceKey {
    /// As the sender writes it.
    pub name: String,
    /// The integrator wrote it; otherwise it is the equipment's id, and a message whose payload
    /// names another device may still be this one's.
    pub explicit: bool,
}

/// One topic and what its payloads mean for one device.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttMapping {
    /// Into the plant.
    pub device: DeviceIx,
    /// Which topics.
    pub topic: Template,
    /// What the sender calls the device.
    pub key: DeviceKey,
    /// How payloads are built.
    pub shape: Arc<Shape>,
    /// For hexadecimal replies: the Modbus unit id of this device, if several share the line.
    pub unit: Option<u8>,
    /// Where the points stand.
    pub points: Vec<MqttPoint>,
}

/// One point in a payload.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttPoint {
    /// Into the plant.
    pub point: PointIx,
    /// Its name in the payload or the topic.
    pub key: String,
    /// Where it stands, in the shape `pointers`; without a step it is the payload itself.
    pub pointer: super::JsonPath,
    /// Where its quality stands, in the shape `pointers`.
    pub quality: Option<super::JsonPath>,
    /// How its raw values are understood.
    pub meaning: Meaning,
    /// Its register, in the shape `hex`.
    pub register: Option<ModbusPoint>,
}

/// A topic (often a last will) that tells that a device is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttOffline {
    /// Into the plant.
    pub device: DeviceIx,
    /// Which topics.
    pub topic: Template,
    /// What the sender calls the device.
    pub key: DeviceKey,
    /// Where in the payload the word stands; without a step it is the payload itself.
    pub pointer: super::JsonPath,
    /// The word; `None`: any message there, except an empty one, tells it.
    pub payload: Option<String>,
    /// All points of the device.
    pub points: Vec<PointIx>,
}
