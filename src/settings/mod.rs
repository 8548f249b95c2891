//! The integrator's files → a checked plan, or every error with file, line, key and remedy.
//!
//! `load` reads `steamward.toml`, then `conf.d/*.toml`, then `STEAMWARD__…`, and either
//! returns [`Settings`], types that cannot be wrong, or *all* the faults at once.
//! Called by `cli/` (run, check) and by the demo; knows only `plant`.

mod build;
mod describe;
mod difference;
mod fault;
pub mod presets;
mod profile;
mod renumber;
pub mod sheet;
mod source;
mod types;
mod walk;
mod wiring;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

pub use build::{client_tls, transport_of};
pub use describe::describe;
pub use difference::{AT_START, Keys, difference};
pub use fault::{Fault, Faults, Place};
pub use renumber::renumber;
pub use types::*;
pub use walk::{duration, in_words};

/// Faster than this nobody polls a fieldbus device.
const SHORTEST_PERIOD: std::time::Duration = std::time::Duration::from_millis(10);

/// Good settings, and what looks doubtful in them.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The plan.
    pub settings: Settings,
    /// Worth a look, no reason to stop.
    pub warnings: Vec<Fault>,
    /// As written, to tell what changes between two readings.
    pub keys: Keys,
}

/// Reads the folder `dir`; `env` are the `STEAMWARD__…` variables.
///
/// # Errors
/// [`Faults`]: everything that is wrong, not only the first.
pub fn load(dir: &Path, env: &[(String, String)]) -> Result<Loaded, Faults> {
    let mut faults = Vec::new();
    let mut read = |path: &Path| match std::fs::read_to_string(path) {
        Ok(text) => Some((path.display().to_string(), text)),
        Err(e) => {
            faults.push(Fault {
                place: Place { file: path.display().to_string(), line: 0, column: 0 },
                key: String::new(),
                problem: e.to_string(),
                remedy: "a readable UTF-8 file is wanted here; `steamward check DIR` takes the folder"
                    .to_owned(),
            });
            None
        }
    };
    let mut files: Vec<_> = read(&dir.join("steamward.toml")).into_iter().collect();
    for path in listed(&dir.join("conf.d"), &["toml"]) {
        files.extend(read(&path));
    }
    let mut profiles = HashMap::new();
    for path in listed(&dir.join("profiles"), &["toml", "csv"]) {
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        profiles.extend(read(&path).map(|p| (name, p)));
    }
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    assemble(&files, &profiles, env)
}

/// The same from texts: `files` and `profiles` as (name, text).
///
/// # Errors
/// [`Faults`].
pub fn load_texts(
    files: &[(&str, &str)],
    profiles: &[(&str, &str)],
    env: &[(String, String)],
) -> Result<Loaded, Faults> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let files: Vec<_> = files.iter().map(owned).collect();
    let profiles =
        profiles.iter().map(|p| (p.0.split('.').next().unwrap_or(p.0).to_owned(), owned(p))).collect();
    assemble(&files, &profiles, env)
}

fn assemble(
    files: &[(String, String)],
    profiles: &build::ProfileTexts,
    env: &[(String, String)],
) -> Result<Loaded, Faults> {
    let mut faults = Vec::new();
    let merged = source::merge(files, env, &mut faults);
    let (faults, warnings) = (RefCell::new(faults), RefCell::default());
    let settings = build::build(&merged, profiles, &faults, &warnings);
    let mut keys = Keys::new();
    difference::flatten(&merged, "", &mut keys);
    for (name, (file, text)) in profiles {
        profile::keys(name, file, text, &mut keys);
    }
    let mut faults = faults.into_inner();
    // A file that could not be read makes everything in it seem missing: that says nothing.
    if faults.iter().any(|f| f.problem.starts_with("not TOML")) {
        faults.retain(|f| f.place.line != 0);
    }
    faults.sort();
    faults.dedup();
    match settings {
        Some(settings) if faults.is_empty() => Ok(Loaded { settings, warnings: warnings.into_inner(), keys }),
        _ => Err(Faults(faults)),
    }
}

/// What [`load`] would say of one profile's text by itself.
#[must_use]
pub fn profile_faults(file: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    profile::parse(file, text, &mut faults);
    faults.sort();
    faults.dedup();
    faults
}

fn listed(dir: &Path, extensions: &[&str]) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<_> = entries
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| extensions.iter().any(|x| e.eq_ignore_ascii_case(x))))
        .collect();
    paths.sort();
    paths
}
