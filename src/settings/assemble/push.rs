//! `[[source.push]]`, and the devices on it.

use std::time::Duration;

use super::super::profile::ProfilePoint;
use super::super::types::{JsonPath, Late, MqttPoint, PushDevice, PushSource, Secret, TimeRule};
use super::super::walk::Walk;
use super::words::{id, positive, secret};
use crate::plant::{DeviceIx, PointIx};

/// Shorter tokens are guessed.
const SHORTEST_TOKEN: usize = 16;

pub(super) fn push_source(name: &str, w: &Walk<'_>) -> Option<(PushSource, Duration)> {
    let id = id(w, name);
    let token = secret(w, "token");
    if token.as_ref().is_some_and(|t| t.missing().is_none() && t.expose().len() < SHORTEST_TOKEN) {
        w.fault(
            "token",
            format!("shorter than {SHORTEST_TOKEN} characters"),
            "a long random text, e.g. from `openssl rand -hex 24`",
        );
    }
    let expect = positive(w, "expect_every", Duration::from_secs(10));
    let usual = TimeRule::default();
    let words = [("history", Late::History), ("arrival", Late::Arrival)];
    let rule = TimeRule {
        tolerance: positive(w, "tolerance", usual.tolerance),
        late: w.word("late", &words).unwrap_or(usual.late),
        ..usual
    };
    w.finish();
    Some((PushSource { id: id?, token, rule, devices: Vec::new() }, expect))
}

/// A token that opens two doors is no least privilege.
pub(super) fn check_tokens(root: &Walk<'_>, sources: &[PushSource], console: Option<&Secret>) {
    for (n, source) in sources.iter().enumerate() {
        let Some(token) = &source.token else { continue };
        let key = format!("source.push.{}.token", source.id);
        if console == Some(token) {
            root.fault(
                &key,
                "the same as console.token",
                "a token of its own, which can do nothing but push",
            );
        }
        if let Some(twin) = sources[..n].iter().find(|s| s.token.as_ref() == Some(token)) {
            root.fault(
                &key,
                format!("the same as the token of `{}`", twin.id),
                "give each source its own token",
            );
        }
    }
}

/// The points that a sender names by their key.
pub(super) fn push_device(
    w: &Walk<'_>,
    name: &str,
    device: DeviceIx,
    new: &[(PointIx, &ProfilePoint)],
) -> PushDevice {
    if name.is_empty() {
        w.fault("device", "empty", "the name the sender gives it, e.g. device = \"boiler-1\"");
    }
    let points = new.iter().map(|(point, p)| MqttPoint {
        point: *point,
        key: p.key.clone().unwrap_or_else(|| p.id.to_string()),
        pointer: JsonPath::default(),
        quality: None,
        meaning: p.meaning(),
        register: None,
    });
    PushDevice { device, name: name.to_owned(), points: points.collect() }
}
