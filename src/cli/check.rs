//! `steamward check`: what was understood, and how it will be polled; or every fault at once.

use std::path::Path;

use crate::store::JournalReader;
use crate::tongue::{self, told};
use crate::{exit, field, settings};

pub(super) fn check(dir: &Path) -> i32 {
    match super::load(dir) {
        Ok(loaded) => {
            for line in settings::describe(&loaded.settings).trim_end().lines() {
                say!("{}", described(line));
            }
            let mut warnings: Vec<String> = loaded.warnings.iter().map(super::shown).collect();
            let in_words = |warning: String| told(&warning).into_owned();
            warnings.extend(super::ports::taken(&loaded.settings).into_iter().map(in_words));
            for source in &loaded.settings.modbus {
                let plan = field::describe_plan(source, |point| {
                    let point = loaded.settings.plant.point(point);
                    format!("{}/{}", loaded.settings.plant.equipment_at(point.equipment).id, point.id)
                });
                tell!("{}", plan.text.trim_end());
                if plan.load > 1.0 {
                    let warning = format!(
                        "source.modbus.{}: the polls need about {:.0} % of the bus time; make the periods longer, \
                         the line faster, or the list shorter",
                        source.id,
                        plan.load * 100.0
                    );
                    warnings.push(told(&warning).into_owned());
                }
            }
            warnings.extend(new_series(&loaded.settings).into_iter().map(in_words));
            warnings.extend(read_otherwise(&loaded.settings).into_iter().map(in_words));
            for warning in &warnings {
                say!("{}: {warning}", told("warning"));
            }
            let reads_nothing = loaded.settings.plant.points.is_empty();
            match warnings.len() {
                1 if reads_nothing => tell!("settings load, but nothing is read yet; 1 warning"),
                count if reads_nothing => tell!("settings load, but nothing is read yet; {count} warnings"),
                1 => tell!("settings are good; 1 warning"),
                count => tell!("settings are good; {count} warnings"),
            }
            exit::FINE
        }
        Err(faults) => {
            super::refuse(&faults);
            exit::SETTINGS
        }
    }
}

/// A line of what was understood. Behind a point stand its limits: `h >= 1.2 high hazard major`.
fn described(line: &str) -> String {
    let whole = told(line);
    if tongue::chosen() == tongue::Language::En || *whole != *line {
        return whole.into_owned();
    }
    let mut parts = line.split("; ");
    let place = parts.next().unwrap_or_default();
    let place = match place.split_once(" <- ") {
        Some((point, place)) => {
            let words: Vec<_> = place.split(' ').map(told).collect();
            format!("{point} <- {}", words.join(" "))
        }
        None => place.to_owned(),
    };
    let limit = |part: &str| match part.splitn(5, ' ').collect::<Vec<_>>()[..] {
        [kind, sign, at, priority] => format!("{kind} {sign} {at} {}", told(priority)),
        [kind, sign, at, priority, hazard] => {
            format!("{kind} {sign} {at} {} {}", told(priority), told(hazard))
        }
        _ => told(part).into_owned(),
    };
    std::iter::once(place).chain(parts.map(limit)).collect::<Vec<_>>().join("；")
}

/// Points that stand in the store in another unit or type; nothing where there is no store yet, or none that can be read.
fn new_series(settings: &settings::Settings) -> Vec<String> {
    let file = settings.store.dir.join("journal.db");
    if !file.exists() {
        return Vec::new();
    }
    let Ok(series) = JournalReader::open(&file).and_then(|journal| journal.series()) else {
        return Vec::new();
    };
    let before =
        series.iter().map(|s| (s.equipment.as_str(), s.point.as_str(), s.unit.as_deref(), s.value_type));
    settings::new_series(&settings.plant, before)
}

/// Points that the gateway of this store reads in the same unit and otherwise than these settings say.
fn read_otherwise(settings: &settings::Settings) -> Vec<String> {
    let kept = settings::Readings::kept(&settings.store.dir);
    kept.map(|kept| kept.changes(&settings::Readings::of(settings)).lines()).unwrap_or_default()
}
