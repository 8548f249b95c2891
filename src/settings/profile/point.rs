//! One `[[point]]` of a profile.

use super::super::source::Merged;
use super::super::types::{Format, Scaling};
use super::super::walk::Walk;
use super::compound::compound;
use super::limits::{check_discrete, limits};
use super::meaning::map;
use super::plausible::plausible;
use super::register::{Defaults, Register, register};
use super::words::{id, range};
use super::{DerivedSetting, ProfilePoint};
use crate::plant::{Name, Unit, ValueType, decimal, dictionary, unit};

pub(super) fn point(
    walk: &Walk<'_>,
    merged: &Merged,
    kind: Option<&str>,
    defaults: Defaults<'_>,
    made: &mut Vec<DerivedSetting>,
) -> Option<ProfilePoint> {
    let id = id(walk, "drum_level");
    let (zh, en) = (walk.text("name"), walk.text("name_en"));
    let unit = walk.text("unit").unwrap_or_default().to_owned();
    let decimals = walk.whole("decimals", 0, 9).unwrap_or(2) as u8;
    let range = range(walk);
    let (scale, offset) = linear(walk, &unit);
    let invert = walk.flag("invert").unwrap_or(false);
    let sentinels = walk.numbers("sentinels").unwrap_or_default();
    let labels = labels(walk);
    let words = map(walk);
    let register = register(walk, defaults, (scale, offset));
    let key = walk.text("key").map(str::to_owned);
    let metric = walk.text("metric").map(str::to_owned);
    let pointer = walk.text("pointer").map(str::to_owned);
    let quality = walk.text("quality").map(str::to_owned);
    let topic = walk.text("topic").map(str::to_owned);
    let limits = walk.table("limits").map(|l| {
        if let Some(id) = &id {
            made.extend(compound(&l, id, &dictionary::label(kind, id.as_str(), zh, en), &unit));
        }
        limits(&l, false)
    });
    let plausible = plausible(walk);
    walk.mark("shared");
    walk.finish();
    let value_type = value_type(&unit, register.as_ref());
    if value_type == ValueType::Bool
        && let (Some(l), Some(limits)) = (walk.table("limits"), &limits)
    {
        check_discrete(&l, limits);
    }
    let id = id?;
    let place = merged.place(&walk.path);
    Some(ProfilePoint {
        name: dictionary::label(kind, id.as_str(), zh, en),
        origin: format!("{}:{}", place.file, place.line),
        id,
        unit,
        decimals: if value_type == ValueType::Float { decimals } else { 0 },
        range,
        value_type,
        labels,
        scale,
        offset,
        invert,
        raw_unit: walk.text("raw_unit").map(str::to_owned),
        is_scaled: walk.has("scale") && scale != 1.0 || walk.has("calibration"),
        words,
        limits: limits.unwrap_or_default(),
        plausible,
        register,
        addressed: walk.has("address"),
        is_loop: walk.has("loop"),
        is_multiplied: walk.has("times") || walk.has("decimals_from"),
        sentinels,
        key,
        metric,
        pointer,
        quality,
        topic,
        places: walk.places(),
    })
}

/// Multiplier and offset from `scale` and `offset` or `calibration`, and `raw_unit` on top.
fn linear(walk: &Walk<'_>, unit: &str) -> (f64, f64) {
    let (mut scale, mut offset) = (walk.number("scale").unwrap_or(1.0), walk.number("offset").unwrap_or(0.0));
    if scale == 0.0 {
        walk.fault("scale", "zero: every value would be the offset", "a multiplier, e.g. scale = 0.1");
    }
    if let Some(pairs) = walk.pairs("calibration") {
        match pairs[..] {
            [(raw1, value1), (raw2, value2)] if raw1 != raw2 => {
                if walk.has("scale") || walk.has("offset") {
                    walk.fault("calibration", "stands beside scale or offset", "give one or the other");
                }
                let apart = |one: f64, two: f64| decimal::rounded(two - one, one.abs().max(two.abs()));
                scale = apart(value1, value2) / apart(raw1, raw2);
                offset = decimal::linear(raw1, -scale, value1);
            }
            _ => walk.fault(
                "calibration",
                "no two different points",
                "raw and true value at two points: calibration = [[0, -0.02], [1000, 9.97]]",
            ),
        }
    }
    if let Some(raw_unit) = walk.text("raw_unit") {
        match unit::conversion(raw_unit, unit) {
            Ok((factor, shift)) => {
                (scale, offset) =
                    (decimal::linear(scale, factor, 0.0), decimal::linear(offset, factor, shift));
            }
            Err(problem) => walk.fault("raw_unit", problem, format!("known units: {}", Unit::spellings())),
        }
    }
    (scale, offset)
}

/// `labels = { 0 = { zh = "停炉", en = "Stop" } }`; a plain text serves for both languages.
pub(super) fn labels(walk: &Walk<'_>) -> Vec<(i64, Name)> {
    let Some(table) = walk.table("labels") else { return Vec::new() };
    let mut all = Vec::new();
    for key in table.keys() {
        let Ok(number) = key.parse::<i64>() else {
            table.fault(
                key,
                "no whole number",
                "labels = { 0 = \"stop\", 1 = { zh = \"运行\", en = \"Run\" } }",
            );
            continue;
        };
        if let Some(text) = table.text_at(key) {
            all.push((number, Name::new(Some(text), Some(text), key)));
        } else if let Some(both) = table.table_at(key) {
            let (zh, en) = (both.text("zh"), both.text("en"));
            both.finish();
            all.push((number, Name::new(zh, en, key)));
        }
    }
    all.sort_by_key(|l| l.0);
    all
}

fn value_type(unit: &str, register: Option<&Register>) -> ValueType {
    let Some(r) = register else {
        return if unit == "bool" { ValueType::Bool } else { ValueType::Float };
    };
    let untouched = matches!(r.scaling, Scaling::Linear { scale: 1.0, offset: 0.0 })
        && r.decimals_from.is_none()
        && r.times.is_empty();
    match r.format {
        Format::Text(..) => ValueType::Text,
        f if f.is_truth() || unit == "bool" => ValueType::Bool,
        f if f.is_whole() && untouched => ValueType::Integer,
        Format::Epoch32 if untouched => ValueType::Integer,
        _ => ValueType::Float,
    }
}
