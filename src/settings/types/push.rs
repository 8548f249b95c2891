//! What the HTTP push gets.

use super::{MqttPoint, Secret, TimeRule};
use crate::plant::{DeviceIx, Id};

/// One group of senders that push over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct PushSource {
    /// Settings id.
    pub id: Id,
    /// Bearer token that opens this source and nothing else.
    pub token: Option<Secret>,
    /// How times are understood and believed.
    pub rule: TimeRule,
    /// Who may be pushed for.
    pub devices: Vec<PushDevice>,
}

/// One device as its sender names it.
#[derive(Debug, Clone, PartialEq)]
pub struct PushDevice {
    /// Into the plant.
    pub device: DeviceIx,
    /// What the sender calls it.
    pub name: String,
    /// Its points, found by their key.
    pub points: Vec<MqttPoint>,
}
