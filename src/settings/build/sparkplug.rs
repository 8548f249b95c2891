//! `sparkplug = { … }`: on an MQTT source how it listens to edge nodes, on a device which of them it is.

use std::fmt;
use std::time::Duration;

use super::super::profile::ProfilePoint;
use super::super::types::{SparkplugHost, SparkplugMapping, SparkplugPoint, SparkplugRules};
use super::super::walk::{Walk, in_words};
use super::words::positive;
use crate::plant::{DeviceIx, PointIx};

/// Where a device's metrics come from.
pub(super) struct SparkplugPlace {
    group: String,
    node: String,
    device: Option<String>,
}

/// Of a source whose messages are expected every `expect`: unchanged values are told again as often,
/// unless the settings say otherwise.
pub(super) fn host(w: &Walk<'_>, expect: Duration) -> SparkplugHost {
    let usual = SparkplugRules { repeat: expect, ..SparkplugRules::default() };
    let Some(t) = w.table("sparkplug") else {
        return SparkplugHost { host_id: None, rules: usual };
    };
    let rules = SparkplugRules {
        reorder: positive(&t, "reorder", usual.reorder),
        rebirth_every: positive(&t, "rebirth_every", usual.rebirth_every),
        may_rebirth: t.flag("may_rebirth").unwrap_or(usual.may_rebirth),
        repeat: positive(&t, "repeat", usual.repeat),
    };
    let host_id = t.has("host_id").then(|| part(&t, "host_id", "\"steamward\"")).flatten();
    t.mark("host_id");
    t.finish();
    SparkplugHost { host_id, rules }
}

/// Of a device.
pub(super) fn place(w: &Walk<'_>) -> Option<SparkplugPlace> {
    let t = w.table("sparkplug")?;
    let group = part(&t, "group", "\"plant\"");
    if group.as_deref() == Some("STATE") {
        t.fault("group", "`STATE` is where hosts say that they are there", "the group id that the node has");
    }
    let node = part(&t, "node", "\"edge-1\"");
    let own = t.has("device");
    let device = own.then(|| part(&t, "device", "\"boiler-1\"")).flatten();
    t.mark("device");
    t.finish();
    Some(SparkplugPlace { group: group?, node: node?, device })
}

/// One level of a topic (`tck-id-topic-structure-namespace-valid-*`).
fn part(t: &Walk<'_>, key: &'static str, example: &str) -> Option<String> {
    let text = t.need(key, example)?;
    if text.is_empty() || text.contains(['/', '+', '#', '\0']) {
        t.fault(
            key,
            format!("`{text}` is no Sparkplug id"),
            format!("one level of a topic, without `/`, `+` and `#`: {key} = {example}"),
        );
        return None;
    }
    Some(text.to_owned())
}

/// Nodes send changes only: what did not change must be told again before it is taken for stale.
pub(super) fn check_repeat(w: &Walk<'_>, host: &SparkplugHost, stale_after: Duration) {
    let repeat = host.rules.repeat;
    if repeat >= stale_after {
        let key = if w.has("expect_every") { "expect_every" } else { "source" };
        w.fault(
            key,
            format!(
                "unchanged values are told again every {} and would be stale after {}",
                in_words(repeat),
                in_words(stale_after)
            ),
            "make sparkplug.repeat of the source shorter than three times expect_every",
        );
    }
}

impl SparkplugPlace {
    pub(super) fn mapping(&self, device: DeviceIx, points: &[(PointIx, &ProfilePoint)]) -> SparkplugMapping {
        let points = points.iter().map(|(point, p)| SparkplugPoint {
            point: *point,
            metric: p.metric.clone().or_else(|| p.key.clone()).unwrap_or_else(|| p.id.to_string()),
            scale: p.scale,
            offset: p.offset,
            invert: p.invert,
            sentinels: p.sentinels.clone(),
        });
        SparkplugMapping {
            device,
            group: self.group.clone(),
            node: self.node.clone(),
            sub_device: self.device.clone(),
            points: points.collect(),
        }
    }
}

impl fmt::Display for SparkplugPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group, self.node)?;
        self.device.iter().try_for_each(|device| write!(f, "/{device}"))
    }
}
