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
            format!("`{text}` is not a Sparkplug id"),
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
            meaning: p.meaning(),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::settings::{Settings, describe, load_texts};

    fn load(source: &str, more: &str) -> Result<Settings, String> {
        let text = format!(
            "[site]\nid = \"n\"\n[[source.mqtt]]\nid = \"bus\"\naddress = \"mqtt://192.0.2.1\"\n{source}\n\
             [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"bus\"\n{more}\n"
        );
        let profile = "topic = \"other/{device}\"\n[[point]]\nid = \"a\"\nmetric = \"Steam/A\"\nkey = \"k\"\n\
                       sentinels = [-1]\n[[point]]\nid = \"b\"\nkey = \"B\"\n[[point]]\nid = \"c\"\n";
        let loaded = load_texts(&[("t.toml", &text)], &[("p.toml", profile)], &[]);
        loaded.map(|l| l.settings).map_err(|e| e.to_string())
    }

    const DEVICE: &str = "sparkplug = { group = \"g\", node = \"n\", device = \"d 1\" }";

    #[test]
    fn a_point_finds_its_metric_by_metric_then_key_then_id() {
        let settings = load("", DEVICE).expect("good settings");
        let source = &settings.mqtt[0];
        let mapping = &source.metrics[0];
        let names: Vec<_> = mapping.points.iter().map(|p| p.metric.as_str()).collect();
        assert_eq!(names, ["Steam/A", "B", "c"]);
        assert_eq!(mapping.points[0].meaning.sentinels, [-1.0]);
        assert_eq!((mapping.group.as_str(), mapping.sub_device.as_deref()), ("g", Some("d 1")));
        assert!(source.mappings.is_empty(), "the profile's topic is not for a node");
        assert_eq!(settings.plant.devices[0].label, "bus/g/n/d 1");
        assert!(describe(&settings).contains("  Sparkplug g/n/d 1: 3 points\n"), "{}", describe(&settings));
    }

    #[test]
    fn unchanged_values_are_told_again_as_often_as_messages_are_expected_unless_said_otherwise() {
        for (source, repeat) in [
            ("", 10),
            ("expect_every = \"3s\"", 3),
            ("expect_every = \"3s\"\nsparkplug = { repeat = \"8s\" }", 8),
        ] {
            let settings = load(source, DEVICE).expect(source);
            assert_eq!(settings.mqtt[0].sparkplug.rules.repeat, Duration::from_secs(repeat), "{source}");
        }
        let late = load("expect_every = \"3s\"\nsparkplug = { repeat = \"9s\" }", DEVICE);
        assert!(late.expect_err("too late").contains("would be stale after 9s"));
    }

    #[test]
    fn a_session_with_nothing_but_sparkplug_is_not_kept_at_the_broker() {
        let other = "[[equipment]]\nid = \"f\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"bus\"\n";
        for (more, kept) in [(DEVICE.to_owned(), false), (format!("{DEVICE}\n{other}"), true)] {
            let settings = load("sparkplug = { host_id = \"h\" }", &more).expect("good settings");
            assert_eq!(settings.mqtt[0].is_kept(), kept, "{more}");
        }
        assert!(load("", "topic = \"t/{device}/{point}\"").is_ok_and(|s| s.mqtt[0].is_kept()));
    }
}
