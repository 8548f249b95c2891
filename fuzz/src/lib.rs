//! The laws that the targets hold their subjects to, beyond "no panic".

use steamward::settings::{Fault, Faults, Loaded, describe};

/// Settings are taken with a plan that can be shown, or refused with at least one fault; every fault and
/// warning says what, where (a file that was `given`, a line in it) and what would be right.
///
/// # Panics
/// If they are not: that is what a fuzzer is for.
pub fn taken_or_explained(given: &[(&str, &str)], result: &Result<Loaded, Faults>) {
    match result {
        Ok(loaded) => {
            let _ = describe(&loaded.settings);
            loaded.warnings.iter().for_each(|warning| explained(given, warning));
        }
        Err(Faults(faults)) => {
            assert!(!faults.is_empty(), "refused without a fault");
            faults.iter().for_each(|fault| explained(given, fault));
        }
    }
}

fn explained(given: &[(&str, &str)], fault: &Fault) {
    assert!(!fault.problem.is_empty(), "no problem: {fault:?}");
    assert!(!fault.remedy.is_empty(), "no remedy: {fault:?}");
    // What is missing altogether stands in no file.
    if fault.place.line == 0 && fault.place.file == "settings" {
        return;
    }
    let Some((_, text)) = given.iter().find(|(name, _)| *name == fault.place.file) else {
        panic!("not a file that was given: {fault:?}");
    };
    // A lone carriage return ends a line too, as old spreadsheets write them.
    let lines = text.replace("\r\n", "\n").matches(['\n', '\r']).count() + 1;
    assert!(fault.place.line <= lines, "only {lines} lines are there: {fault:?}");
}
