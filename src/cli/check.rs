//! `steamward check`: what was understood, and how it will be polled; or every fault at once.

use std::path::Path;

use crate::tongue::told;
use crate::{exit, field, settings};

pub(super) fn check(dir: &Path) -> i32 {
    match super::load(dir) {
        Ok(loaded) => {
            tell!("{}", settings::describe(&loaded.settings).trim_end());
            let mut warnings: Vec<String> = loaded.warnings.iter().map(super::shown).collect();
            for source in &loaded.settings.modbus {
                let plan = field::describe_plan(source);
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
            for warning in &warnings {
                say!("{}: {warning}", told("warning"));
            }
            match warnings.len() {
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
