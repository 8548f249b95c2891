//! Profiles: a register list or payload map written once, used by every device of that make.
//! TOML with limits and names, or CSV as it falls out of a spreadsheet.

mod compound;
mod csv;
mod derived;
mod detector;
mod doubts;
mod guidance;
mod limits;
mod meaning;
mod normal;
mod plausible;
mod point;
mod register;
mod schedule;
mod shape;
mod state;
mod words;

use std::cell::RefCell;

use super::assemble::QuirkKeys;
use super::difference::{Keys, flatten};
use super::fault::{Fault, Places, Written};
use super::source::{Merged, merge};
use super::types::{ByteOrder, Shape};
use super::walk::Walk;
use crate::plant::{Id, Name, ValueType};
pub(super) use compound::{compound, quantity};
use csv::csv_as_toml;
pub(super) use derived::{DerivedSetting, Recipe, derived};
pub(super) use detector::{DetectorSetting, detector};
pub(super) use limits::{LimitKeys, LimitSetting, Part, check_discrete, limits, not_on_discrete};
pub(super) use plausible::{Plausible, plausible};
use point::point;
use register::Defaults;
pub(super) use register::{Register, TABLES};
pub(super) use schedule::DAYS;
pub(super) use shape::{Offline, offline};
pub(super) use state::{StateSetting, matches, state};

/// A parsed profile.
#[derive(Debug, Clone, Default)]
pub(in crate::settings) struct Profile {
    pub(in crate::settings) kind: Option<String>,
    pub(in crate::settings) quirks: QuirkKeys,
    /// How payloads are built; `None`: not said.
    pub(in crate::settings) shape: Option<Shape>,
    /// Topic template.
    pub(in crate::settings) topic: Option<String>,
    pub(in crate::settings) topic_written: Written,
    pub(in crate::settings) offline: Option<Offline>,
    pub(in crate::settings) points: Vec<ProfilePoint>,
    /// `[[derived]]`, and what the limits of points make.
    pub(in crate::settings) derived: Vec<DerivedSetting>,
    pub(in crate::settings) states: Vec<StateSetting>,
    pub(in crate::settings) detectors: Vec<DetectorSetting>,
    /// Something in it could not be read, so that what it seems to lack may be there.
    pub(in crate::settings) broken: bool,
    /// What is odd about it, no reason to stop.
    pub(in crate::settings) doubts: Vec<Fault>,
}

/// One point of a profile.
#[derive(Debug, Clone)]
pub(in crate::settings) struct ProfilePoint {
    pub(in crate::settings) id: Id,
    pub(in crate::settings) name: Name,
    pub(in crate::settings) unit: String,
    pub(in crate::settings) decimals: u8,
    pub(in crate::settings) range: Option<(f64, f64)>,
    pub(in crate::settings) value_type: ValueType,
    pub(in crate::settings) scale: f64,
    pub(in crate::settings) offset: f64,
    pub(in crate::settings) invert: bool,
    /// Unit of raw numbers, where it is stated.
    pub(in crate::settings) raw_unit: Option<String>,
    /// `scale` or `calibration` stands there.
    pub(in crate::settings) is_scaled: bool,
    /// Words that a payload may have instead of a number, and their values.
    pub(in crate::settings) words: Vec<(String, f64)>,
    pub(in crate::settings) limits: Vec<LimitSetting>,
    pub(in crate::settings) plausible: Option<Plausible>,
    pub(in crate::settings) labels: Vec<(i64, Name)>,
    /// `None` without an address, and for one that could not be read.
    pub(in crate::settings) register: Option<Register>,
    /// It has an address, good or bad.
    pub(in crate::settings) addressed: bool,
    /// It says how the raw values of a current loop are to be understood.
    pub(in crate::settings) is_loop: bool,
    /// It names other points that it is multiplied by.
    pub(in crate::settings) is_multiplied: bool,
    pub(in crate::settings) sentinels: Vec<f64>,
    pub(in crate::settings) key: Option<String>,
    /// Name of its Sparkplug B metric; the key if not written.
    pub(in crate::settings) metric: Option<String>,
    pub(in crate::settings) pointer: Option<String>,
    pub(in crate::settings) quality: Option<String>,
    pub(in crate::settings) topic: Option<String>,
    pub(in crate::settings) origin: String,
    pub(in crate::settings) places: Places,
}

/// Parses `text`; `file` is named in faults.
pub(in crate::settings) fn parse(file: &str, text: &str, faults: &mut Vec<Fault>) -> Profile {
    if file.to_ascii_lowercase().ends_with(".csv") {
        let toml = match csv_as_toml(file, text) {
            Ok(toml) => toml,
            Err(told) => {
                faults.extend(told);
                return Profile { broken: true, ..Profile::default() };
            }
        };
        let mut own = Vec::new();
        let profile = parse_toml(file, &toml, &mut own);
        // The generated text has one line a row: the numbers agree with the spreadsheet's.
        let first = |mut f: Fault| {
            f.place.column = 1;
            f
        };
        faults.extend(own.into_iter().map(first));
        return Profile { doubts: profile.doubts.into_iter().map(first).collect(), ..profile };
    }
    parse_toml(file, text, faults)
}

/// The keys of a profile as written, under `profiles/NAME:`. What cannot be read has none.
pub(in crate::settings) fn keys(name: &str, file: &str, text: &str, keys: &mut Keys) {
    let toml = if file.to_ascii_lowercase().ends_with(".csv") {
        csv_as_toml(file, text).unwrap_or_default()
    } else {
        text.to_owned()
    };
    let merged = merge(&[(file.to_owned(), toml)], &[], &mut Vec::new());
    flatten(&merged, &format!("profiles/{name}:"), keys);
}

fn parse_toml(file: &str, text: &str, faults: &mut Vec<Fault>) -> Profile {
    let merged = merge(&[(file.to_owned(), text.to_owned())], &[], faults);
    let found = RefCell::new(Vec::new());
    let profile = read(&merged, &found);
    faults.append(&mut found.into_inner());
    Profile { broken: profile.broken || merged.is_torn(), ..profile }
}

fn read(merged: &Merged, faults: &RefCell<Vec<Fault>>) -> Profile {
    let root = Walk::root(merged, faults);
    let kind = root.text("kind").map(str::to_owned);
    let order = register::order(&root).unwrap_or(ByteOrder::Abcd);
    let table = root.word("table", TABLES);
    let base = root.whole("address_base", 0, 1).unwrap_or(0) as u16;
    let quirks = root
        .table("modbus")
        .map(|w| {
            let keys = QuirkKeys::profile(&w);
            w.finish();
            keys
        })
        .unwrap_or_default();
    let shape = shape::shape(&root);
    let topic = root.text("topic").map(str::to_owned);
    let offline = shape::offline(&root);
    let mut points: Vec<ProfilePoint> = Vec::new();
    let mut made = Vec::new();
    let (mut doubts, mut shared, mut places) = (Vec::new(), Vec::new(), Vec::new());
    let mut ids = std::collections::HashSet::new();
    let defaults = Defaults { order, table, base, four_byte: &quirks.four_byte };
    for walk in root.list("point") {
        let Some(point) = point(&walk, merged, kind.as_deref(), defaults, &mut made) else {
            continue;
        };
        if !ids.insert(point.id.clone()) {
            walk.fault(
                "id",
                format!("the point `{}` stands here twice", point.id),
                "every point of a profile needs its own id",
            );
            continue;
        }
        doubts.extend(doubts::of_point(&walk, &point, table, root.has("address_base")));
        shared.push(walk.flag("shared").unwrap_or(false));
        let at = walk.written("address");
        places.push((at.place, at.key));
        points.push(point);
    }
    doubts.extend(doubts::of_points(&points, &shared, &places));
    for walk in root.list("derived") {
        made.extend(derived(&walk));
    }
    let states: Vec<_> = root.list("state").iter().filter_map(state).collect();
    let detectors = root.list("detector").iter().filter_map(detector).collect();
    let of = [("point", points.len()), ("state", states.len())];
    let lost = |(key, read): (&'static str, usize)| root.has(key) && root.list(key).len() != read;
    let lost_derived =
        root.list("derived").iter().any(|walk| !made.iter().any(|m| m.key.starts_with(&walk.path)));
    let has_unknown = root.finish();
    let lost_kind = root.has("kind") && kind.is_none();
    let broken = of.into_iter().any(lost) || lost_derived || lost_kind || has_unknown;
    let topic_written = root.written("topic");
    Profile {
        topic_written,
        kind,
        shape,
        topic,
        offline,
        quirks,
        points,
        derived: made,
        states,
        detectors,
        broken,
        doubts,
    }
}
