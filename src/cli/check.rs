//! `steamward check`: what was understood, and how it will be polled; or every fault at once.

use std::path::Path;

use crate::{exit, field, settings};

pub(super) fn check(dir: &Path) -> i32 {
    match super::load(dir) {
        Ok(loaded) => {
            say!("{}", settings::describe(&loaded.settings).trim_end());
            for source in &loaded.settings.modbus {
                say!("{}", field::describe_plan(source).trim_end());
            }
            for warning in &loaded.warnings {
                say!("warning: {warning}");
            }
            say!("settings are good; {} warnings", loaded.warnings.len());
            exit::FINE
        }
        Err(faults) => {
            eprintln!("{faults}");
            exit::SETTINGS
        }
    }
}
