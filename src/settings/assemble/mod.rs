//! The merged tree → [`Settings`]: sources, profiles and equipment put together, every index valid.

mod basics;
mod broker;
mod derived;
mod detectors;
mod device;
mod discrete;
mod doubts;
mod factors;
mod inspection;
mod ladder;
mod mqtt;
mod nameplate;
mod order;
mod outlets;
mod plant;
mod presets;
mod push;
mod quirks;
mod reach;
mod registers;
mod relations;
mod serial;
mod shared;
mod sources;
mod sparkplug;
mod states;
mod tls;
mod transport;
mod trips;
mod words;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::fault::Fault;
use super::source::Merged;
use super::types::Settings;
use super::walk::Walk;
use crate::plant::{Plant, Site};
use plant::PlantBuilder;
pub(super) use quirks::QuirkKeys;
pub use tls::client_tls;
pub use transport::transport_of;
pub use words::broker_of;

/// Profiles by name: (file, text).
pub(super) type ProfileTexts = HashMap<String, (String, String)>;

pub(super) fn assemble(
    merged: &Merged,
    texts: &ProfileTexts,
    faults: &RefCell<Vec<Fault>>,
    warnings: &RefCell<Vec<Fault>>,
) -> Option<Settings> {
    let root = Walk::root(merged, faults);
    let site = root.table("site").and_then(|w| basics::site(&w));
    if !root.has("site") {
        root.fault("site", "missing", "write [site] with id and name");
    }
    let (mut modbus, mut mqtt, mut push) = (Vec::new(), Vec::new(), Vec::new());
    let mut expected = HashMap::new();
    let mut declared = Vec::new();
    let site_id = site.as_ref().map_or("site", |s: &Site| s.id.as_str()).to_owned();
    if let Some(sources) = root.table("source") {
        for (name, w) in sources.entries("modbus") {
            declared.push(("modbus", name.to_owned()));
            modbus.extend(sources::modbus_source(name, &w, warnings));
        }
        for (name, w) in sources.entries("mqtt") {
            declared.push(("mqtt", name.to_owned()));
            if let Some((source, expect)) = sources::mqtt_source(name, &w, &site_id) {
                expected.insert(source.id.to_string(), expect);
                mqtt.push(source);
            }
        }
        for (name, w) in sources.entries("push") {
            declared.push(("push", name.to_owned()));
            if let Some((source, expect)) = push::push_source(name, &w) {
                expected.insert(source.id.to_string(), expect);
                push.push(source);
            }
        }
        sources.finish();
    }
    let mut plant = PlantBuilder {
        texts,
        profiles: HashMap::new(),
        faults,
        modbus,
        mqtt,
        push,
        expected,
        declared,
        equipment: Vec::new(),
        points: Vec::new(),
        devices: Vec::new(),
        relations: relations::Relations::default(),
        pending: Vec::new(),
        unwatched: HashSet::new(),
        preset: None,
        warnings,
        due: Vec::new(),
        timezone: site.as_ref().map_or_else(String::new, |s: &Site| s.timezone.clone()),
        pending_detectors: Vec::new(),
        reach: HashMap::new(),
        takers: Vec::new(),
        broken: HashSet::new(),
        named_sources: HashSet::new(),
    };
    for (name, w) in root.entries("equipment") {
        plant.equipment(name, &w);
    }
    let derived = plant.formulas();
    if plant.equipment.is_empty() && !root.has("equipment") {
        root.fault("equipment", "missing", "write at least one [[equipment]]");
    }
    for (_, twin) in plant.declared.iter().filter(|d| d.1 == derived::SOURCE) {
        root.fault(
            "source",
            format!("no source may be called `{twin}`"),
            "what is calculated has this one's place",
        );
    }
    let outlets = root.table("outlet").map(|w| outlets::outlets(&w, warnings)).unwrap_or_default();
    for twin in outlets.inspection.iter().filter(|i| outlets.influx.iter().any(|o| o.id == i.id)) {
        let key = format!("outlet.inspection.{}", twin.id);
        root.fault(&key, "an InfluxDB outlet has the same id", "give each outlet its own id");
    }
    for twin in plant.mqtt.iter().filter(|m| plant.modbus.iter().any(|d| d.source.id == m.id)) {
        let key = format!("source.mqtt.{}", twin.id);
        root.fault(&key, "a Modbus source has the same id", "give each source its own id");
    }
    for twin in &plant.push {
        let modbus = plant.modbus.iter().map(|d| &d.source.id);
        if modbus.chain(plant.mqtt.iter().map(|m| &m.id)).any(|id| *id == twin.id) {
            let key = format!("source.push.{}", twin.id);
            root.fault(&key, "another source has the same id", "give each source its own id");
        }
    }
    let store = basics::store(root.table("store").as_ref());
    let console = basics::console(root.table("console").as_ref());
    push::check_tokens(&root, &plant.push, console.as_ref().and_then(|c| c.token.as_ref()));
    let evidence = basics::evidence(root.table("evidence").as_ref());
    if store.keep < evidence.before + evidence.after {
        let key = if root.has("store") { "store.keep" } else { "evidence" };
        warnings.borrow_mut().push(Fault {
            place: root.place(key),
            key: key.to_owned(),
            problem: "readings are kept for a shorter time than the evidence window is long".to_owned(),
            remedy: "keep = at least evidence.before + evidence.after".to_owned(),
        });
    }
    shared::twins(&plant.takers, warnings);
    doubts::unused(&root, &plant.declared, &plant.named_sources, warnings);
    doubts::mqtt(&root, &plant.mqtt, warnings);
    doubts::modbus(&root, &plant.modbus.iter().map(|d| &d.source).collect::<Vec<_>>(), warnings);
    let broker = root.table("broker").and_then(|w| broker::broker(&w, warnings));
    let alarm_policy = basics::alarm_policy(root.table("alarms").as_ref());
    let clock = basics::clock(root.table("clock").as_ref());
    let log = basics::log(root.table("log").as_ref());
    root.finish();
    let (modbus, mqtt) = (plant.modbus.into_iter().map(|d| d.source).collect(), plant.mqtt);
    let push = plant.push;
    let plant = Plant {
        site: site?,
        equipment: plant.equipment,
        points: plant.points,
        devices: plant.devices,
        derived,
        alarm_policy,
    };
    let settings = Settings {
        plant,
        modbus,
        mqtt,
        push,
        broker,
        outlets,
        store,
        console: console?,
        evidence,
        clock,
        log,
    };
    words::tell_missing(&root, &settings, warnings);
    tls::tell_unusable(&root, &settings.mqtt, warnings);
    Some(settings)
}
