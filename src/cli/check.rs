//! `steamward check`: what was understood, and how it will be polled; or every fault at once.

use std::path::Path;

use crate::{exit, field, settings};

pub(super) fn check(dir: &Path) -> i32 {
    match super::load(dir) {
        Ok(loaded) => {
            print!("{}", settings::describe(&loaded.settings));
            for source in &loaded.settings.modbus {
                print!("{}", field::describe_plan(source));
            }
            for warning in &loaded.warnings {
                println!("warning: {warning}");
            }
            println!("settings are good; {} warnings", loaded.warnings.len());
            exit::FINE
        }
        Err(faults) => {
            eprintln!("{faults}");
            exit::SETTINGS
        }
    }
}
