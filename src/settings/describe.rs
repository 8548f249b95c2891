//! What was understood, in words, for `steamward check`. Secrets never show.

use std::fmt::Write;

use super::presets::tidy;
use super::types::{InfluxApi, Settings};
use crate::plant::LimitKind;

/// Site, equipment, points with limits, sources, outlets.
#[must_use]
pub fn describe(settings: &Settings) -> String {
    let mut text = String::new();
    // Writing into a String does not fail.
    let _ = write_all(&mut text, settings);
    text
}

/// `1 point`, `2 points`.
fn points(count: usize) -> String {
    if count == 1 { "1 point".to_owned() } else { format!("{count} points") }
}

fn write_all(text: &mut String, settings: &Settings) -> std::fmt::Result {
    let plant = &settings.plant;
    let wiring = super::wiring::wiring(settings);
    writeln!(
        text,
        "site {} ({} / {}), {}",
        plant.site.id, plant.site.name.zh, plant.site.name.en, plant.site.timezone
    )?;
    for equipment in &plant.equipment {
        writeln!(text, "equipment {} ({}), {}", equipment.id, equipment.name.zh, equipment.kind)?;
        for ix in &equipment.points {
            let point = plant.point(*ix);
            write!(text, "  {} ({}) {}", point.id, point.name.zh, point.unit)?;
            if let Some((low, high)) = point.range {
                write!(text, " [{}..{}]", tidy(low), tidy(high))?;
            }
            if let Some(place) = wiring.get(ix) {
                write!(text, " <- {place}")?;
            }
            for limit in &point.limits {
                let sign = match limit.kind {
                    LimitKind::LL | LimitKind::L => "<=",
                    LimitKind::State => "=",
                    _ => ">=",
                };
                write!(text, "; {} {sign} {} {}", limit.kind.key(), tidy(limit.at), limit.priority.word())?;
                if let Some(level) = limit.hazard {
                    write!(text, " hazard {}", level.word())?;
                }
            }
            if let Some(no_data) = &point.no_data {
                write!(text, "; no data {:?}", no_data.after)?;
            }
            writeln!(text)?;
        }
    }
    for source in &settings.mqtt {
        writeln!(
            text,
            "source {} {}://{}:{} as {}",
            source.id,
            if source.tls.is_some() { "mqtts" } else { "mqtt" },
            source.host,
            source.port,
            source.client_id
        )?;
        for mapping in &source.mappings {
            write!(text, "  {}: {}", mapping.topic, points(mapping.points.len()))?;
            if mapping.topic.has_device() || mapping.key.explicit {
                write!(text, ", device {}", mapping.key.name)?;
            }
            if mapping.shape.preset != "pointers" {
                write!(text, ", shape {}", mapping.shape.preset)?;
            }
            writeln!(text)?;
        }
        for mapping in &source.metrics {
            let (group, node) = (&mapping.group, &mapping.node);
            write!(text, "  Sparkplug {group}/{node}")?;
            if let Some(device) = &mapping.sub_device {
                write!(text, "/{device}")?;
            }
            writeln!(text, ": {}", points(mapping.points.len()))?;
        }
        for offline in &source.offline {
            writeln!(text, "  {}: offline of {}", offline.topic, offline.key.name)?;
        }
    }
    for source in &settings.push {
        let opened = if source.token.is_some() { ", own token" } else { "" };
        writeln!(text, "source {} POST /api/v1/readings{opened}", source.id)?;
        for device in &source.devices {
            writeln!(text, "  device {}: {}", device.name, points(device.points.len()))?;
        }
    }
    for outlet in &settings.outlets.influx {
        let path = match &outlet.api {
            InfluxApi::V2 { org, bucket, .. } => format!("v2 org={org} bucket={bucket}"),
            InfluxApi::V1 { database, .. } => format!("v1 db={database}"),
        };
        writeln!(text, "outlet {} {} {path}", outlet.id, outlet.url)?;
    }
    for outlet in &settings.outlets.inspection {
        let signed = if outlet.secret.is_some() { "signed" } else { "UNSIGNED" };
        writeln!(text, "outlet {} {} {signed}", outlet.id, outlet.url)?;
    }
    writeln!(text, "store {}, console {}", settings.store.dir.display(), settings.console.listen)
}
