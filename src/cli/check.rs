//! `steamward check`: what was understood, and how it will be polled; or every fault at once.

use std::path::Path;

use crate::{exit, field, settings};

pub(super) fn check(dir: &Path) -> i32 {
    match super::load(dir) {
        Ok(loaded) => {
            say!("{}", settings::describe(&loaded.settings).trim_end());
            let mut warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
            for source in &loaded.settings.modbus {
                let plan = field::describe_plan(source);
                say!("{}", plan.text.trim_end());
                if plan.load > 1.0 {
                    warnings.push(format!(
                        "source.modbus.{}: the polls need about {:.0} % of the bus time; make the periods longer, \
                         the line faster, or the list shorter",
                        source.id,
                        plan.load * 100.0
                    ));
                }
            }
            for warning in &warnings {
                say!("warning: {warning}");
            }
            say!("settings are good; {} warnings", warnings.len());
            exit::FINE
        }
        Err(faults) => {
            eprintln!("{faults}");
            exit::SETTINGS
        }
    }
}
