//! `[[equipment]]` with its devices and limits → the plant, and what each source has to read for it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::super::fault::{Fault, nearest};
use super::super::profile::{Plausible, Profile, StateSetting, derived, detector, parse, state};
use super::super::types::{MqttSource, PushSource};
use super::super::walk::Walk;
use super::ProfileTexts;
use super::derived::Pending;
use super::detectors::PendingDetector;
use super::nameplate::nameplate;
use super::presets;
use super::reach::Reach;
use super::relations::Relations;
use super::shared::Taker;
use super::sources::ModbusDefaults;
use super::words::id;
use crate::plant::{Derived, Device, Equipment, EquipmentIx, Id, Name, Point, PointIx};

pub(super) struct PlantBuilder<'a> {
    pub(super) texts: &'a ProfileTexts,
    pub(super) profiles: HashMap<String, Profile>,
    pub(super) faults: &'a RefCell<Vec<Fault>>,
    pub(super) modbus: Vec<ModbusDefaults>,
    pub(super) mqtt: Vec<MqttSource>,
    pub(super) push: Vec<PushSource>,
    pub(super) expected: HashMap<String, Duration>,
    /// Kinds and ids of all sources that stand in the files, good or not.
    pub(super) declared: Vec<(&'static str, String)>,
    pub(super) equipment: Vec<Equipment>,
    pub(super) points: Vec<Point>,
    pub(super) devices: Vec<Device>,
    pub(super) relations: Relations,
    /// Points of which somebody said that they need no no-data alarm.
    pub(super) unwatched: HashSet<PointIx>,
    pub(super) pending: Vec<Pending>,
    /// What hangs on a date.
    pub(super) due: Vec<Derived>,
    pub(super) timezone: String,
    /// The presets of the equipment that is being built, if it wants some.
    pub(super) preset: Option<presets::Wanted>,
    pub(super) warnings: &'a RefCell<Vec<Fault>>,
    pub(super) pending_detectors: Vec<PendingDetector>,
    /// What the registers of points can hold.
    pub(super) reach: HashMap<PointIx, Reach>,
    /// Which values the devices give, to find those that give another's.
    pub(super) takers: Vec<Taker>,
    /// Equipment whose profile has faults of its own.
    pub(super) broken: HashSet<EquipmentIx>,
    /// Sources that equipment names.
    pub(super) named_sources: HashSet<String>,
}

impl PlantBuilder<'_> {
    fn profile(&mut self, w: &Walk<'_>) -> Option<Profile> {
        let name = w.need("profile", "\"s7-1200-gas-boiler\"")?;
        if let Some(profile) = self.profiles.get(name) {
            return Some(profile.clone());
        }
        let Some((file, text)) = self.texts.get(name) else {
            let known = nearest(name, self.texts.keys().map(String::as_str));
            w.fault(
                "profile",
                format!("there is no profile `{name}`"),
                format!("{known} Profiles are files in profiles/"),
            );
            return None;
        };
        let profile = parse(file, text, &mut self.faults.borrow_mut());
        self.warnings.borrow_mut().extend(profile.doubts.iter().cloned());
        self.profiles.insert(name.to_owned(), profile.clone());
        Some(profile)
    }

    pub(super) fn equipment(&mut self, name: &str, w: &Walk<'_>) {
        let ix = EquipmentIx(self.equipment.len() as u32);
        let id = id(w, name);
        let (zh, en) = (w.text("name"), w.text("name_en"));
        let mut kind = w.text("kind").map(str::to_owned);
        let text = |key| w.text(key).map(str::to_owned);
        let (model, registration, officer) = (text("model"), text("registration"), text("officer"));
        let mut own_points: Vec<PointIx> = Vec::new();
        self.preset = None;
        let plate = nameplate(w);
        let mut states: Vec<StateSetting> = Vec::new();
        let mut plausible_of = Vec::new();
        // Without its profile nothing can be said about points and kind: one fault is enough.
        let mut known = true;
        // As a text it is the name the equipment's one device has at its broker.
        let several = if w.is_plain_text("device") { Vec::new() } else { w.list("device") };
        if several.is_empty() {
            let profile = self.profile(w);
            known &= profile.is_some();
            let profile = profile.unwrap_or_default();
            self.partly_known(ix, &profile, w);
            kind = kind.or_else(|| profile.kind.clone());
            self.preset = presets::wanted(w, kind.as_deref(), &plate);
            self.device(ix, name, w, &profile, &mut own_points);
            plausible_of.extend(self.plausible(&profile, &own_points));
            self.derived(ix, name, profile.derived, &mut own_points);
            states.extend(profile.states);
            self.detectors(ix, name, profile.detectors, &mut own_points);
        } else {
            for (n, d) in several.iter().enumerate() {
                let profile = self.profile(d);
                known &= profile.is_some();
                let profile = profile.unwrap_or_default();
                self.partly_known(ix, &profile, w);
                kind = kind.or_else(|| profile.kind.clone());
                if n == 0 {
                    self.preset = presets::wanted(w, kind.as_deref(), &plate);
                }
                self.device(ix, name, d, &profile, &mut own_points);
                plausible_of.extend(self.plausible(&profile, &own_points));
                self.derived(ix, name, profile.derived, &mut own_points);
                states.extend(profile.states);
                self.detectors(ix, name, profile.detectors, &mut own_points);
                d.finish();
            }
        }
        let watching = w.list("detector").iter().filter_map(detector).collect();
        self.detectors(ix, name, watching, &mut own_points);
        let mut made = Vec::new();
        let limits = w.table("limits").filter(|_| known);
        let named = limits.as_ref().map(Walk::named).unwrap_or_default();
        if let Some(limits) = &limits {
            made.extend(self.overrides(limits, (&named, false), &own_points, &mut plausible_of));
        }
        made.extend(w.list("derived").iter().flat_map(derived));
        self.derived(ix, name, made, &mut own_points);
        states.extend(w.list("state").iter().filter_map(state));
        states.extend(self.preset_states(&own_points));
        self.states(ix, name, &states, &mut own_points);
        self.preset_trips(ix, name, w, &mut own_points);
        if let Some(limits) = &limits {
            let made = self.overrides(limits, (&named, true), &own_points, &mut plausible_of);
            self.derived(ix, name, made, &mut own_points);
        }
        let reads_nothing = own_points.is_empty();
        self.inspection(ix, name, w, &mut own_points);
        self.doubts(&plausible_of, &own_points, w);
        self.without_setpoint(&own_points);
        for point in &own_points {
            self.complete(*point, w);
            self.relations.resolve(*point, &mut self.points, (name, &own_points), w);
        }
        if !w.is_partial() {
            self.suppress(&states, &own_points);
            self.preset_matches(&own_points);
            if known && reads_nothing {
                self.without_points(w);
            }
        }
        self.unwatched(w, &own_points);
        self.normal_bands(w, &own_points);
        self.safety_valve(w, &own_points);
        let preset_kind = self.preset.as_ref().map(|p| p.kind.clone());
        let guarded = preset_kind.as_deref().or(kind.as_deref()).unwrap_or_default();
        if known {
            self.above_nameplate(w, (guarded, &plate), &own_points, preset_kind.is_some());
        }
        let kind = match kind.as_deref().map(Id::new) {
            Some(Ok(kind)) => Some(kind),
            Some(Err(e)) => {
                w.fault("kind", e.to_string(), "e.g. steam-boiler");
                None
            }
            None if !known || w.is_partial() => None,
            None => {
                w.fault("kind", "missing", "write kind = \"steam-boiler\" here or in the profile");
                None
            }
        };
        w.finish();
        w.set_partial(false);
        // A stand-in keeps the indexes valid; with a fault noted nothing of it is ever used.
        let fallback = || Id::new("unnamed").expect("a valid id");
        self.equipment.push(Equipment {
            name: Name::new(zh, en, name),
            id: id.unwrap_or_else(fallback),
            kind: kind.unwrap_or_else(fallback),
            model,
            registration,
            officer,
            points: own_points,
            retired: false,
        });
    }

    /// A profile as `steamward init` writes it, with nothing in it yet.
    fn without_points(&self, w: &Walk<'_>) {
        let profile = w.text("profile").unwrap_or_default();
        let file = self.texts.get(profile).map_or(profile, |(file, _)| file.as_str());
        self.warnings.borrow_mut().push(Fault {
            place: w.place("profile"),
            key: format!("{}.profile", w.path),
            problem: format!("{file} has no points: nothing of this equipment is read, watched or kept"),
            remedy: format!(
                "write its points with their addresses there, or: steamward profile import LIST.xlsx --out {file}"
            ),
        });
    }

    /// What is missing in a profile with faults says nothing about the equipment that uses it.
    fn partly_known(&mut self, ix: EquipmentIx, profile: &Profile, w: &Walk<'_>) {
        if profile.broken {
            self.broken.insert(ix);
            w.set_partial(true);
        }
    }

    /// What the profile's points say of their own readings.
    fn plausible(&self, profile: &Profile, own: &[PointIx]) -> Vec<(PointIx, Plausible)> {
        let written = profile.points.iter().filter_map(|p| Some((&p.id, p.plausible.clone()?)));
        written
            .filter_map(|(id, plausible)| {
                let point = own.iter().copied().find(|o| self.points[o.0 as usize].id == *id)?;
                Some((point, plausible))
            })
            .collect()
    }
}
