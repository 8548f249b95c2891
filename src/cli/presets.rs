//! `steamward presets [KIND]`: the limits to begin with.

use clap::Args;

use crate::exit;
use crate::settings::presets::{Preset, presets};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Kind of equipment, e.g. steam-boiler; all of them if not given.
    kind: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn list(options: &Options) -> i32 {
    let wanted = |p: &&Preset| options.kind.as_ref().is_none_or(|kind| p.kind == *kind);
    let found: Vec<&Preset> = presets().iter().filter(wanted).collect();
    if found.is_empty() {
        let mut kinds: Vec<&str> = presets().iter().map(|p| p.kind.as_str()).collect();
        kinds.dedup();
        eprintln!("there are no presets of this kind; there are {}", kinds.join(", "));
        return exit::SETTINGS;
    }
    if options.json {
        say!("{}", serde_json::to_string_pretty(&found).unwrap_or_default());
        return exit::FINE;
    }
    let mut kind = "";
    for preset in found {
        if preset.kind != kind {
            kind = &preset.kind;
            say!("{kind}");
        }
        let limits = [("ll", preset.ll), ("l", preset.l), ("h", preset.h), ("hh", preset.hh)];
        let told: Vec<String> =
            limits.iter().filter_map(|(key, at)| Some(format!("{key} {}", (*at)?))).collect();
        say!("  {:<28} {:<9} {:<34} {}", preset.point, preset.unit, told.join("  "), preset.name);
    }
    exit::FINE
}
