//! The integrator's files → a checked plan, or every error with file, line, key and remedy.
//!
//! `load` reads `steamward.toml`, then `conf.d/*.toml`, then `STEAMWARD__…`, and either
//! returns [`Settings`], types that cannot be wrong, or *all* the faults at once.
//! Called by `cli/` (run, check) and by the demo; knows only `plant`.

mod assemble;
mod describe;
mod difference;
mod encoding;
mod endpoint;
mod fault;
mod limit_columns;
mod overlap;
pub mod presets;
mod profile;
mod readings;
mod renumber;
pub mod sheet;
mod slips;
mod source;
mod types;
mod urls;
mod walk;
mod wiring;

use std::cell::RefCell;
use std::path::Path;

pub use assemble::{broker_of, client_tls, transport_of};
pub use describe::describe;
pub use difference::{AT_START, Keys, difference, new_series};
pub use fault::{Fault, Faults, Place};
pub use readings::{Otherwise, ReadChanges, Readings};
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
    let mut reading = Reading::default();
    let mut files: Vec<_> = reading.file(&dir.join("steamward.toml")).into_iter().collect();
    for path in listed(&dir.join("conf.d"), &["toml"]) {
        files.extend(reading.file(&path));
    }
    let mut profiles = assemble::ProfileTexts::new();
    // TOML before CSV: it can say more, and of two with one name it is the one that is used.
    for path in
        listed(&dir.join("profiles"), &["toml"]).into_iter().chain(listed(&dir.join("profiles"), &["csv"]))
    {
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some((first, _)) = profiles.get(&name) {
            reading.twin(&path, first);
        } else {
            profiles.extend(reading.file(&path).map(|p| (name, p)));
        }
    }
    if !reading.faults.is_empty() {
        return Err(Faults(reading.faults));
    }
    let mut loaded = assemble(&files, &profiles, env)?;
    reading.warnings.append(&mut loaded.warnings);
    Ok(Loaded { warnings: reading.warnings, ..loaded })
}

/// The language that the settings of `dir` name, faults or not: `site.language`.
#[must_use]
pub fn language(dir: &Path, env: &[(String, String)]) -> Option<String> {
    let mut reading = Reading::default();
    let mut files: Vec<_> = reading.file(&dir.join("steamward.toml")).into_iter().collect();
    for path in listed(&dir.join("conf.d"), &["toml"]) {
        files.extend(reading.file(&path));
    }
    let merged = source::merge(&files, env, &mut Vec::new());
    let site = merged.root.get("site")?.clone().into_table().ok()?;
    site.get("language")?.clone().into_string().ok()
}

/// What comes of reading files, before anything is understood.
#[derive(Default)]
struct Reading {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Reading {
    /// Name and text of a file.
    fn file(&mut self, path: &Path) -> Option<(String, String)> {
        let file = path.display().to_string();
        let fault = |place, problem: String, remedy: &str| Fault {
            place,
            key: String::new(),
            problem,
            remedy: remedy.to_owned(),
        };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) => {
                let remedy = "a readable file is wanted here; `steamward check DIR` takes the folder, and \
                              `steamward init DIR` writes a first one";
                self.faults.push(fault(Place { file, line: 0, column: 0 }, e.to_string(), remedy));
                return None;
            }
        };
        match encoding::decoded(&bytes) {
            Ok(decoded) => {
                if let Some(taken_for) = decoded.taken_for {
                    let text = &decoded.text;
                    let odd = text.char_indices().find(|(_, c)| !c.is_ascii()).map_or(0, |(n, _)| n);
                    let shown: String = text[odd..].chars().take_while(|c| !c.is_ascii()).take(8).collect();
                    self.warnings.push(fault(
                        Place::of(&file, text, odd),
                        format!("the file is not UTF-8; it was read as {taken_for}, here `{shown}`"),
                        "save it as UTF-8 in the editor, so that nothing has to be guessed",
                    ));
                }
                Some((file, decoded.text))
            }
            Err(offset) => {
                let before = String::from_utf8_lossy(bytes.get(..offset).unwrap_or_default()).into_owned();
                let place = Place::of(&file, &before, before.len());
                let remedy = "save the file as UTF-8 in the editor";
                self.faults.push(fault(place, "this byte is neither UTF-8 nor GBK".to_owned(), remedy));
                None
            }
        }
    }

    /// A profile whose name another one has.
    fn twin(&mut self, path: &Path, first: &str) {
        self.warnings.push(Fault {
            place: Place { file: path.display().to_string(), line: 0, column: 0 },
            key: String::new(),
            problem: format!("not used: {first} has the same name"),
            remedy: "remove or rename one of them".to_owned(),
        });
    }
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
    profiles: &assemble::ProfileTexts,
    env: &[(String, String)],
) -> Result<Loaded, Faults> {
    let mut faults = Vec::new();
    let merged = source::merge(files, env, &mut faults);
    let (faults, warnings) = (RefCell::new(faults), RefCell::default());
    let settings = assemble::assemble(&merged, profiles, &faults, &warnings);
    let mut keys = Keys::new();
    difference::flatten(&merged, "", &mut keys);
    for (name, (file, text)) in profiles {
        profile::keys(name, file, text, &mut keys);
    }
    let mut faults = faults.into_inner();
    // A file that could not be read makes everything in it seem missing: that says nothing.
    if merged.is_torn() {
        faults.retain(|f| f.place.line != 0);
    }
    let with_secrets = urls::faults(&keys, |key| merged.place(key));
    // What else is said of such a value would show it.
    faults.retain(|f| !with_secrets.iter().any(|secret| secret.key == f.key));
    for fault in &mut faults {
        fault.problem = urls::hidden(&fault.problem).into_owned();
    }
    faults.extend(with_secrets);
    faults.sort();
    faults.dedup();
    let mut warnings = warnings.into_inner();
    warnings.sort();
    warnings.dedup();
    match settings {
        Some(settings) if faults.is_empty() => Ok(Loaded { settings, warnings, keys }),
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
