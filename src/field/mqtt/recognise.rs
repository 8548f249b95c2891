//! Which shape an unknown payload has, and which values it carries. Pure; for `steamward probe mqtt`.

use serde_json::Value;

use crate::field::ingest::civil::LocalTime;
use crate::field::ingest::payload::{Payload, extract, guard, hex, time};
use crate::settings::{Body, JsonPath, Shape, TimeFormat};

/// What a payload looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// One of the presets fits.
    Preset(&'static str),
    /// A text at this pointer is JSON, with the values of devices or its own.
    JsonInJson {
        /// Where the text stands.
        pointer: String,
        /// It is keyed by devices.
        by_device: bool,
    },
    /// JSON for which no preset fits: every value has its pointer.
    Pointers,
    /// A Modbus RTU reply.
    Hex {
        /// Where its text stands; empty: the payload is the reply.
        pointer: String,
        /// Who answered.
        unit: u8,
        /// Function code.
        function: u8,
        /// Data bytes.
        bytes: u8,
    },
    /// Sparkplug B.
    Sparkplug,
    /// A meter's frame, which is not read.
    Dlt645,
    /// Neither text nor a known frame.
    Binary,
    /// A text that is no value.
    Text,
    /// Nothing in it.
    Empty,
}

impl Look {
    /// A word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Preset(name) => name,
            Self::JsonInJson { .. } => "json-in-json",
            Self::Pointers => "pointers",
            Self::Hex { .. } => "hex",
            Self::Sparkplug => "sparkplug-b",
            Self::Dlt645 => "dlt645",
            Self::Binary => "binary",
            Self::Text => "text",
            Self::Empty => "empty",
        }
    }
}

/// One value that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// What the payload calls the device.
    pub device: Option<String>,
    /// What it calls the point: its key, or in the shape `pointers` its pointer.
    pub name: String,
    /// As written, cut.
    pub example: String,
}

/// What was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// Which shape.
    pub look: Look,
    /// Its values.
    pub carries: Vec<Carried>,
    /// A time that the shape does not know of by itself.
    pub time: Option<String>,
    /// The payload is GBK, not UTF-8.
    pub gbk: bool,
}

const TIME_KEYS: [&str; 8] = ["ts", "time", "timestamp", "t", "datetime", "date_time", "dt", "event_time"];

/// Looks at one message.
#[must_use]
pub fn recognise(topic: &str, payload: &[u8]) -> Recognised {
    let plain = |look| Recognised { look, carries: Vec::new(), time: None, gbk: false };
    if topic.starts_with("spBv1.0/") {
        return plain(Look::Sparkplug);
    }
    if payload.is_empty() {
        return plain(Look::Empty);
    }
    let Ok(text) = guard::text(payload) else {
        return frame(payload, "").unwrap_or_else(|| plain(Look::Binary));
    };
    // A binary frame may happen to be text in one of the encodings.
    if let Some(found) = frame(payload, "").or_else(|| frame(&hex::bytes(&text).ok()?, "")) {
        return found;
    }
    let gbk = std::str::from_utf8(payload).is_err();
    // Of several documents in one message the first is looked at.
    if let Some(first) = Payload::new(payload).documents().unwrap_or_default().first() {
        return recognise(topic, first.bytes());
    }
    let Ok(tree) = guard::tree(&text) else {
        let readable = text.chars().all(|c| !c.is_control() || c.is_whitespace());
        return match is_value(text.trim()) {
            true => scalar(text.trim()),
            false => plain(if readable { Look::Text } else { Look::Binary }),
        };
    };
    if !tree.is_object() && !tree.is_array() {
        return scalar(text.trim().trim_matches('"'));
    }
    Recognised { gbk, ..json(&tree) }
}

fn is_value(text: &str) -> bool {
    let number = text.split(|c: char| !(c.is_ascii_digit() || ".+-".contains(c))).next().unwrap_or_default();
    number.parse::<f64>().is_ok()
        || ["on", "off", "true", "false", "开", "关"].iter().any(|w| text.eq_ignore_ascii_case(w))
}

fn scalar(text: &str) -> Recognised {
    let carries = vec![Carried { device: None, name: String::new(), example: cut(text) }];
    Recognised { look: Look::Preset("scalar"), carries, time: None, gbk: false }
}

fn frame(bytes: &[u8], pointer: &str) -> Option<Recognised> {
    let look = if hex::is_dlt645(bytes) {
        Look::Dlt645
    } else {
        let [unit, function @ 1..=4, count, .., low, high] = *bytes else { return None };
        let whole = bytes.len() == usize::from(count) + 5;
        if !whole || hex::crc(&bytes[..bytes.len() - 2]) != u16::from_le_bytes([low, high]) {
            return None;
        }
        Look::Hex { pointer: pointer.to_owned(), unit, function, bytes: count }
    };
    Some(Recognised { look, carries: Vec::new(), time: None, gbk: false })
}

fn json(tree: &Value) -> Recognised {
    let has = |pointer: &str| tree.pointer(pointer).is_some();
    let fits = [
        ("usr", has("/rw_prot") || has("/params/r_data") || has("/params/w_data")),
        ("neuron", has("/timestamp") && has("/node") && (has("/values") || has("/tags"))),
        ("huawei", has("/services/0/properties") || has("/devices/0/services/0/properties")),
        ("alink", has("/params") && tree["method"].as_str().is_some_and(|m| m.starts_with("thing."))),
        ("dtu", tree["params"].is_object() && has("/devid")),
        ("points", is_points(&tree["points"]) || is_points(&tree[0]["points"])),
        ("nested", is_nested(&tree["data"])),
        ("thingsboard", is_thingsboard(tree)),
    ];
    if let Some((name, _)) = fits.iter().find(|f| f.1)
        && let Some(carries) = by_preset(name, tree)
    {
        return Recognised { look: Look::Preset(name), carries, time: None, gbk: false };
    }
    if let Some(found) = inside(tree) {
        return found;
    }
    let first = if tree.is_array() { &tree[0] } else { tree };
    let time = first.as_object().and_then(|map| {
        // `T` may be a temperature: only what can be read as a time is one.
        let named = |key: &str| TIME_KEYS.iter().any(|t| key.eq_ignore_ascii_case(t));
        let readable = |value: &Value| time::time(value, TimeFormat::Auto, LocalTime::UTC).is_some();
        let found = map.iter().find(|(key, value)| named(key) && readable(value));
        found.map(|(key, _)| format!("/{}", escaped(key)))
    });
    let is_time = |name: &str| time.as_deref() == Some(&format!("/{}", escaped(name)));
    let scalars = first
        .as_object()
        .is_some_and(|m| !m.is_empty() && m.values().all(|v| !v.is_object() && !v.is_array()));
    if scalars {
        let carries = by_preset("flat", tree).unwrap_or_default();
        let carries = carries.into_iter().filter(|c| !is_time(&c.name)).collect();
        return Recognised { look: Look::Preset("flat"), carries, time, gbk: false };
    }
    let mut carries = Vec::new();
    leaves(tree, String::new(), &mut carries);
    carries.retain(|c: &Carried| Some(&c.name) != time.as_ref());
    Recognised { look: Look::Pointers, carries, time, gbk: false }
}

fn is_points(list: &Value) -> bool {
    list.as_array().is_some_and(|l| l.iter().any(|p| p.get("name").is_some() && p.get("value").is_some()))
}

fn is_nested(data: &Value) -> bool {
    data.as_object().is_some_and(|m| m.values().any(|p| p.get("v").is_some()))
}

fn is_thingsboard(tree: &Value) -> bool {
    tree.as_object().is_some_and(|m| {
        !m.is_empty()
            && m.values().all(|list| {
                list.as_array().is_some_and(|l| !l.is_empty() && l.iter().all(|s| s["values"].is_object()))
            })
    })
}

fn by_preset(name: &str, tree: &Value) -> Option<Vec<Carried>> {
    let shape = Shape::preset(name)?;
    carried(&shape, tree)
}

fn carried(shape: &Shape, tree: &Value) -> Option<Vec<Carried>> {
    let Body::Records(layouts) = &shape.body else { return None };
    if extract::is_ignored(shape, tree) {
        return Some(Vec::new());
    }
    let mut found = Vec::new();
    extract::records(shape, layouts, tree, &mut found).ok()?;
    let mut carries: Vec<Carried> = Vec::new();
    for one in found {
        let device = one.device.map(std::borrow::Cow::into_owned);
        if carries.iter().any(|c| c.name == one.name && c.device == device) {
            continue;
        }
        let example = one.value.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        carries.push(Carried {
            device,
            name: one.name.into_owned(),
            example: cut(&example.unwrap_or_default()),
        });
    }
    Some(carries)
}

/// A text in the tree that is JSON or a frame.
fn inside(tree: &Value) -> Option<Recognised> {
    let map = tree.as_object()?;
    map.iter().find_map(|(key, value)| {
        let text = value.as_str()?;
        let pointer = format!("/{}", escaped(key));
        if let Some(found) = hex::bytes(text).ok().and_then(|bytes| frame(&bytes, &pointer)) {
            return Some(found);
        }
        let inner = guard::tree(text).ok().filter(Value::is_object)?;
        let by_device = inner.as_object().is_some_and(|m| m.values().all(Value::is_object));
        let mut shape = Shape::preset("flat")?;
        if let Body::Records(layouts) = &mut shape.body {
            layouts.truncate(1);
            layouts[0].values = JsonPath::parse(if by_device { "/{device}" } else { "" }, true).ok()?;
        }
        let carries = carried(&shape, &inner)?;
        let look = Look::JsonInJson { pointer, by_device };
        Some(Recognised { look, carries, time: None, gbk: false })
    })
}

fn leaves(tree: &Value, at: String, out: &mut Vec<Carried>) {
    match tree {
        Value::Object(map) => {
            for (key, below) in map {
                leaves(below, format!("{at}/{}", escaped(key)), out);
            }
        }
        Value::Array(list) => {
            for (n, below) in list.iter().enumerate() {
                leaves(below, format!("{at}/{n}"), out);
            }
        }
        _ if out.len() < 500 => {
            let example = tree.as_str().map_or_else(|| tree.to_string(), str::to_owned);
            out.push(Carried { device: None, name: at, example: cut(&example) });
        }
        _ => {}
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}
