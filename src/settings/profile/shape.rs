//! `shape`, `[time]` and `offline`: how the payloads of a make are built.

use std::time::Duration;

use super::super::fault::{Written, nearest};
use super::super::types::{
    Body, Good, HexRequest, Ignore, JsonPath, Late, Layout, Shape, Step, Table, TimeFormat, TimeRule,
};
use super::super::walk::Walk;

/// A topic that tells that a device is gone, as written.
#[derive(Debug, Clone)]
pub(in crate::settings) struct Offline {
    pub(in crate::settings) topic: String,
    pub(in crate::settings) pointer: JsonPath,
    pub(in crate::settings) payload: Option<String>,
    pub(in crate::settings) written: Written,
}

const FORMATS: &[(&str, TimeFormat)] = &[
    ("auto", TimeFormat::Auto),
    ("s", TimeFormat::Seconds),
    ("ms", TimeFormat::Millis),
    ("us", TimeFormat::Micros),
    ("ns", TimeFormat::Nanos),
    ("rfc3339", TimeFormat::Rfc3339),
    ("local", TimeFormat::Local),
    ("compact", TimeFormat::Compact),
    ("basic", TimeFormat::Basic),
];

const GOOD: &[(&str, Good)] = &[
    ("auto", Good::Auto),
    ("opc", Good::Opc),
    ("zero", Good::Zero),
    ("true", Good::True),
    ("good", Good::Word),
];

/// The shape of a profile; `None` if nothing is said about it.
pub(super) fn shape(root: &Walk<'_>) -> Option<Shape> {
    let base = |name: &str| Shape::preset(name).expect("a preset of ours");
    let mut shape = if root.is_plain_text("shape") {
        preset(root, "shape")
    } else {
        root.table("shape").map(|w| {
            let named = if w.has("preset") { preset(&w, "preset") } else { None };
            let mut shape = named.unwrap_or_else(|| base("flat"));
            changed(&w, &mut shape);
            w.finish();
            shape
        })
    };
    if let Some(w) = root.table("time") {
        let shape = shape.get_or_insert_with(|| {
            let mut pointers = base("pointers");
            // What this setting has always meant.
            pointers.rule.format = TimeFormat::Millis;
            pointers
        });
        time(&w, shape);
        w.finish();
    }
    shape
}

fn preset(w: &Walk<'_>, key: &'static str) -> Option<Shape> {
    let name = w.text(key)?;
    let found = Shape::preset(name);
    if found.is_none() {
        w.fault(key, format!("there is no shape `{name}`"), nearest(name, Shape::PRESETS.iter().copied()));
    }
    found
}

fn path(w: &Walk<'_>, key: &'static str, wild: bool) -> Option<JsonPath> {
    let text = w.text(key)?;
    JsonPath::parse(text, wild)
        .map_err(|problem| w.fault(key, problem, format!("it begins with a slash: {key} = \"/data\"")))
        .ok()
}

/// Puts the keys of `[shape]` over the preset.
fn changed(w: &Walk<'_>, shape: &mut Shape) {
    let text = |key| w.text(key).map(str::to_owned);
    shape.device = path(w, "device", true).or(shape.device.take());
    shape.good = w.word("good", GOOD).unwrap_or(shape.good);
    shape.complete = w.flag("complete").unwrap_or(shape.complete);
    for pointer in w.texts("parse").unwrap_or_default() {
        match JsonPath::parse(pointer, false) {
            Ok(path) => shape.parse.push(path),
            Err(problem) => w.fault("parse", problem, "a list of JSON pointers: parse = [\"/d\"]"),
        }
    }
    for i in w.list("ignore") {
        let pointer = path(&i, "pointer", false);
        if !i.has("pointer") {
            i.fault("pointer", "missing", "write pointer = \"/dir\"");
        }
        let is = i.text("is").map(str::to_owned);
        i.finish();
        shape.ignore.extend(pointer.map(|pointer| Ignore { pointer, is }));
    }
    let hex_keys = ["pointer", "request"];
    let record_keys = ["values", "name", "value", "quality", "errors", "time"];
    match &mut shape.body {
        Body::Records(layouts) => {
            let values = path(w, "values", true);
            let (name, value, quality, time) = (text("name"), text("value"), text("quality"), text("time"));
            let errors = path(w, "errors", true);
            if let Some(values) = values {
                // The place is said: the preset's other places do not count.
                layouts.truncate(1);
                layouts[0].values = values;
                if let Some(time) = &layouts[0].set_time
                    && !layouts[0].values.shares_wildcards_of(time)
                {
                    layouts[0].set_time = None;
                }
            }
            for layout in layouts.iter_mut() {
                let put = |to: &mut Option<String>, from: &Option<String>| {
                    if from.is_some() {
                        to.clone_from(from);
                    }
                };
                put(&mut layout.name, &name);
                put(&mut layout.value, &value);
                put(&mut layout.quality, &quality);
                put(&mut layout.time, &time);
                if errors.is_some() {
                    layout.errors.clone_from(&errors);
                }
            }
            list_needs_both(w, layouts);
            if let Some(device) = &shape.device
                && w.has("device")
                && !layouts.iter().any(|l| l.values.shares_wildcards_of(device))
            {
                w.fault(
                    "device",
                    "its `*` do not go the same way as those of values",
                    "e.g. values = \"/devices/*/data\" with device = \"/devices/*/id\"",
                );
            }
            unfit(w, &hex_keys, shape.preset);
        }
        Body::Hex { pointer, requests } => {
            *pointer = path(w, "pointer", false).unwrap_or_default();
            for r in w.list("request") {
                requests.extend(request(&r));
            }
            same_answer(w, requests);
            unfit(w, &record_keys, shape.preset);
        }
        Body::Pointers | Body::Scalar => {
            unfit(w, &hex_keys, shape.preset);
            unfit(w, &record_keys, shape.preset);
        }
    }
    if matches!(&shape.body, Body::Hex { requests, .. } if requests.is_empty()) && !w.has("request") {
        w.fault(
            "request",
            "missing: a reply does not say where its registers begin",
            "write request = [{ function = 3, start = 0, count = 20 }] inside [shape]",
        );
    }
}

fn list_needs_both(w: &Walk<'_>, layouts: &[Layout]) {
    if layouts.iter().any(|l| l.name.is_some() && l.value.is_none()) {
        w.fault("value", "missing: the entries of a list have a name and a value", "write value = \"value\"");
    }
}

fn unfit(w: &Walk<'_>, keys: &[&'static str], preset: &str) {
    for key in keys {
        w.mark(key);
        if w.has(key) {
            w.fault(
                key,
                format!("the shape `{preset}` has no such key"),
                "remove it, or choose another preset",
            );
        }
    }
}

fn request(w: &Walk<'_>) -> Option<HexRequest> {
    let unit = w.whole("unit", 0, 255).map(|n| n as u8);
    let whole = |key, from, to| {
        if !w.has(key) {
            w.fault(key, "missing", "a request is { function = 3, start = 0, count = 20 }");
        }
        w.whole(key, from, to)
    };
    let function = whole("function", 1, 4);
    let start = whole("start", 0, 65535);
    let most = if matches!(function, Some(1 | 2)) { 2000 } else { 125 };
    let count = whole("count", 1, most);
    w.finish();
    let table = match function? {
        1 => Table::Coil,
        2 => Table::DiscreteInput,
        3 => Table::HoldingRegister,
        _ => Table::InputRegister,
    };
    let (start, count) = (start? as u16, count? as u16);
    if u32::from(start) + u32::from(count) > 65536 {
        w.fault("count", "it reaches beyond 65535", "check start and count");
        return None;
    }
    Some(HexRequest { unit, table, start, count })
}

/// Two requests whose replies look alike cannot be told apart.
fn same_answer(w: &Walk<'_>, requests: &[HexRequest]) {
    for (n, one) in requests.iter().enumerate() {
        let alike = |other: &HexRequest| {
            let units = one.unit.is_none() || other.unit.is_none() || one.unit == other.unit;
            units && one.table == other.table && one.bytes() == other.bytes()
        };
        if requests[..n].iter().any(alike) {
            w.fault(
                "request",
                format!("two requests with function {} get replies of the same length", one.function()),
                "replies do not say where they begin: make the counts differ",
            );
        }
    }
}

fn time(w: &Walk<'_>, shape: &mut Shape) {
    let wild = matches!(shape.body, Body::Records(_));
    let pointer = path(w, "pointer", wild);
    let TimeRule { format, tolerance, late } = shape.rule;
    let late_words = [("history", Late::History), ("arrival", Late::Arrival)];
    shape.rule = TimeRule {
        format: w.word("format", FORMATS).unwrap_or(format),
        tolerance: w.duration("tolerance").unwrap_or(tolerance),
        late: w.word("late", &late_words).unwrap_or(late),
    };
    if shape.rule.tolerance < Duration::from_secs(1) {
        w.fault("tolerance", "shorter than 1 s", "no two clocks agree so well; \"10m\" is usual");
    }
    let has_one = shape.time.is_some()
        || matches!(&shape.body, Body::Records(l) if l.iter().any(|l| l.time.is_some() || l.set_time.is_some()));
    match (&mut shape.body, pointer) {
        (Body::Records(layouts), Some(pointer)) => {
            let mut fits = false;
            for layout in layouts.iter_mut() {
                // A list of messages: the time stands in each of them.
                let listed = layout.values.0.first() == Some(&Step::Each)
                    && pointer.0.first().is_some_and(|s| matches!(s, Step::Key(_)));
                let mut pointer = pointer.clone();
                if listed {
                    pointer.0.insert(0, Step::Each);
                }
                // It may stand beside the sets or above them, but not elsewhere.
                if layout.values.shares_wildcards_of(&pointer) {
                    layout.set_time = Some(pointer);
                    fits = true;
                }
            }
            if !fits {
                w.fault(
                    "pointer",
                    "its `*` do not go the same way as those of shape.values",
                    "e.g. values = \"/services/*/properties\" with pointer = \"/services/*/event_time\"",
                );
            }
        }
        (_, Some(pointer)) => shape.time = Some(pointer),
        (_, None) if !has_one && !w.has("pointer") => {
            w.fault("pointer", "missing", "write pointer = \"/ts\"");
        }
        (_, None) => {}
    }
}

/// `offline = { topic = …, payload = … }`, in a profile or at a device.
pub(in crate::settings) fn offline(w: &Walk<'_>) -> Option<Offline> {
    let o = w.table("offline")?;
    let topic = o.need("topic", "\"plant/{device}/status\"").map(str::to_owned);
    let pointer = path(&o, "pointer", false).unwrap_or_default();
    let payload = o.text("payload").map(str::to_owned);
    if payload.is_none() && !pointer.0.is_empty() {
        o.fault("payload", "missing", "write the word that stands there: payload = \"offline\"");
    }
    o.finish();
    Some(Offline { topic: topic?, pointer, payload, written: o.written("topic") })
}
