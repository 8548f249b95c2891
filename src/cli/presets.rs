//! `steamward presets [KIND]`: the limits to begin with, for the unit whose nameplate is given.

use std::collections::BTreeSet;

use clap::Args;

use crate::exit;
use crate::settings::presets::nameplate::{Fuel, Nameplate, Unscaled, example, rating};
use crate::settings::presets::trips::trips;
use crate::settings::presets::{Preset, find, presets};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Kind of equipment, e.g. steam-boiler; all of them if not given.
    kind: Option<String>,
    /// Rated pressure of a boiler, design pressure of a vessel, e.g. "1.25 MPa".
    #[arg(long)]
    pressure: Option<String>,
    /// Pressure at which it is run, e.g. "0.8 MPa".
    #[arg(long)]
    working_pressure: Option<String>,
    /// Rated output, e.g. "10 t/h" or "7 MW".
    #[arg(long)]
    output: Option<String>,
    /// Rated outlet temperature, e.g. "115 ℃".
    #[arg(long)]
    temperature: Option<String>,
    /// Rated return temperature, e.g. "70 ℃".
    #[arg(long)]
    return_temperature: Option<String>,
    /// gas, oil, coal, biomass, waste-heat or electric.
    #[arg(long)]
    fuel: Option<String>,
    /// The whole table as JSON.
    #[arg(long)]
    json: bool,
}

impl Options {
    fn nameplate(&self) -> Result<Option<Nameplate>, String> {
        let read = |text: &Option<String>, unit| text.as_deref().map(|text| rating(text, unit)).transpose();
        let fuel = |word: &String| {
            let found = Fuel::ALL.iter().find(|(known, _)| known == word).map(|(_, fuel)| *fuel);
            let known = Fuel::ALL.map(|(known, _)| known).join(", ");
            found.ok_or_else(|| format!("the fuel `{word}` is not known; there are {known}"))
        };
        let plate = Nameplate {
            pressure: read(&self.pressure, "MPa")?,
            working_pressure: read(&self.working_pressure, "MPa")?,
            output: read(&self.output, "MW")?,
            temperature: read(&self.temperature, "℃")?,
            return_temperature: read(&self.return_temperature, "℃")?,
            fuel: self.fuel.as_ref().map(fuel).transpose()?,
        };
        Ok((plate != Nameplate::default()).then_some(plate))
    }
}

pub(super) fn list(options: &Options) -> i32 {
    let plate = match options.nameplate() {
        Ok(plate) => plate,
        Err(problem) => {
            complain!("{problem}");
            return exit::SETTINGS;
        }
    };
    let wanted = |p: &&Preset| options.kind.as_ref().is_none_or(|kind| p.kind == *kind);
    let found: Vec<&Preset> = presets().iter().filter(wanted).collect();
    if found.is_empty() {
        let mut kinds: Vec<&str> = presets().iter().map(|p| p.kind.as_str()).collect();
        kinds.dedup();
        complain!("there are no presets of this kind; there are {}", kinds.join(", "));
        return exit::SETTINGS;
    }
    if options.json {
        say!("{}", serde_json::to_string_pretty(&found).unwrap_or_default());
        return exit::FINE;
    }
    let mut told = BTreeSet::new();
    let mut kind = "";
    for preset in found {
        if preset.kind != kind {
            cut_offs(kind);
            kind = &preset.kind;
            let of =
                if plate.is_some() { "" } else { ", of the example unit; give its nameplate for your own" };
            tell!("{kind}{of}");
        }
        if told.insert((&preset.kind, &preset.point)) {
            row(&preset.kind, &preset.point, plate);
        }
    }
    cut_offs(kind);
    exit::FINE
}

fn said(text: &str) -> String {
    crate::tongue::told(text).into_owned()
}

/// What must make each cut-off of the kind act.
fn cut_offs(kind: &str) {
    for trip in trips(kind) {
        let causes = trip.causes.iter().map(|(point, limit)| format!("{point}.{}", limit.key()));
        let checked = said(&format!("{} must stop {}", causes.collect::<Vec<_>>().join(", "), trip.running));
        let name = match crate::tongue::chosen() {
            crate::tongue::Language::En => trip.name[1],
            crate::tongue::Language::Zh => trip.name[0],
        };
        say!("  {:<28} {checked}  {name}", trip.id);
    }
}

/// One point; of the example where no nameplate is given.
fn row(kind: &str, point: &str, plate: Option<Nameplate>) {
    let plate = plate.unwrap_or_else(|| Nameplate { fuel: Some(Fuel::Gas), ..example(kind) });
    let (preset, mut missing) = match find(kind, point, &plate) {
        Some(Ok(preset)) => (preset, None),
        Some(Err((preset, missing))) => (preset, Some(missing)),
        None => return,
    };
    let mut told: Vec<String> = Vec::new();
    for one in preset.limits(&plate) {
        missing = missing.or(one.unscaled);
        if !one.limit.at.is_nan() {
            told.push(format!("{} {}", one.limit.kind.key(), one.limit.at));
        }
    }
    match missing {
        Some(Unscaled::Missing(key)) => told.push(said(&format!("needs --{}", key.replace('_', "-")))),
        Some(Unscaled::Own) => told.push(said("write your own")),
        None => {}
    }
    let limits = super::padded(&told.join("  "), 38);
    let name = match crate::tongue::chosen() {
        crate::tongue::Language::En => &preset.name_en,
        crate::tongue::Language::Zh => &preset.name,
    };
    say!("  {:<28} {} {limits} {name}", preset.point, super::padded(&preset.unit, 9));
}
