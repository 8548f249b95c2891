//! `steamward profile`: a spreadsheet becomes a profile, a profile a spreadsheet, and what lies
//! between two of them is told. Nothing is written before it was shown and agreed to.

#[cfg(feature = "spreadsheets")]
mod bounds;
#[cfg(feature = "spreadsheets")]
mod old_book;
mod read;
mod write;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use crate::exit;
use crate::settings::sheet::{self, Diff, Imported, Options, Profile};
use crate::settings::{Table, profile_faults};
use crate::tongue::told;

/// So many findings of the settings' check are shown; the rest is counted.
const SHOWN: usize = 8;

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Make a profile of a register list (.xlsx, .xls, .ods, .csv, .tsv).
    Import(Import),
    /// Write a profile as a spreadsheet that imports back to the same profile.
    Export {
        /// Name of a profile, or its file.
        profile: String,
        /// The spreadsheet: .xlsx, .csv or .tsv.
        #[arg(long)]
        out: PathBuf,
        /// Folder of the profiles.
        #[arg(long, default_value = "config/profiles")]
        profiles: PathBuf,
    },
    /// Tell what differs between two profiles or spreadsheets. Exit code 1 if anything does.
    Diff {
        /// Name of a profile, its file, or a spreadsheet.
        a: String,
        /// The other.
        b: String,
        /// Folder of the profiles.
        #[arg(long, default_value = "config/profiles")]
        profiles: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The register list.
    file: PathBuf,
    /// Only this sheet; else all that hold a register list.
    #[arg(long)]
    sheet: Option<String>,
    /// The profile to write; default: config/profiles/<name of the file>.toml.
    #[arg(long)]
    out: Option<PathBuf>,
    /// What a column holds, by its header or letter: 'C=address', '工程量=scale', 'F=ignore'.
    #[arg(long = "map", value_name = "COLUMN=KEY", value_parser = mapping)]
    map: Vec<(String, String)>,
    /// Kind of equipment, e.g. steam-boiler.
    #[arg(long)]
    kind: Option<String>,
    /// Byte order of all values that do not say their own.
    #[arg(long, value_enum)]
    order: Option<Order>,
    /// Whether plain addresses count from 0 or 1.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=1))]
    address_base: Option<u8>,
    /// All decimal addresses are plain ones in this table.
    #[arg(long, value_enum)]
    table: Option<TableWord>,
    /// Write without asking.
    #[arg(long)]
    yes: bool,
    /// Write what could be read although other rows have problems.
    #[arg(long)]
    skip_bad: bool,
    /// Points become what the sheet says; keys it does not mention are dropped.
    #[arg(long)]
    replace: bool,
    /// Report as JSON; never asks.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    Abcd,
    Cdab,
    Badc,
    Dcba,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TableWord {
    Holding,
    Input,
    Coil,
    Discrete,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    let (column, key) = text.rsplit_once('=').ok_or("write COLUMN=KEY, e.g. C=address")?;
    Ok((column.trim().to_owned(), key.trim().to_owned()))
}

pub(super) fn profile(what: &What) -> i32 {
    let done = match what {
        What::Import(options) => import(options),
        What::Export { profile, out, profiles } => export(profile, out, profiles),
        What::Diff { a, b, profiles, json } => diff(a, b, profiles, *json),
    };
    done.unwrap_or_else(|problem| {
        complain!("{problem}");
        exit::SETTINGS
    })
}

impl Import {
    fn options(&self) -> Options {
        Options {
            sheet: self.sheet.clone(),
            map: self.map.clone(),
            kind: self.kind.clone(),
            order: self.order.map(|o| {
                match o {
                    Order::Abcd => "abcd",
                    Order::Cdab => "cdab",
                    Order::Badc => "badc",
                    Order::Dcba => "dcba",
                }
                .to_owned()
            }),
            known_order: None,
            known_places: Vec::new(),
            address_base: self.address_base,
            table: self.table.map(|t| match t {
                TableWord::Holding => Table::HoldingRegister,
                TableWord::Input => Table::InputRegister,
                TableWord::Coil => Table::Coil,
                TableWord::Discrete => Table::DiscreteInput,
            }),
        }
    }
}

/// One profile that an import would write.
struct Target {
    out: PathBuf,
    shown: String,
    unit: Option<u8>,
    text: String,
    changes: Diff,
    taken: sheet::Taken,
    /// What `check` will say of it.
    loading: Vec<String>,
    beside: Option<String>,
}

impl Target {
    /// Lays what belongs to one device over the profile there is.
    fn of(args: &Import, imported: &Imported, out: PathBuf, unit: Option<u8>) -> Result<Self, String> {
        let shown = out.display().to_string();
        let old = match std::fs::read_to_string(&out) {
            Ok(text) => Some(text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(format!("{shown}: {e}")),
        };
        let existing = match &old {
            Some(text) => sheet::read(&shown, text).map_err(|f| f.to_string())?,
            None => Profile::default(),
        };
        let taken = sheet::merge(&existing, imported, args.replace);
        let changes = Diff::between(&existing, &taken.profile);
        let file = args.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let station = unit.map_or_else(String::new, |unit| format!(", station {unit}"));
        let heading = format!(
            "From {file}{station}. Addresses and scales are as the list has them: check them on site."
        );
        let heading = format!("# {}\n", told(&heading));
        let text =
            sheet::write(&shown, old.as_deref(), &taken.profile, &heading).map_err(|f| f.to_string())?;
        let loading = profile_faults(&shown, &text).iter().map(ToString::to_string).collect();
        let beside = out.with_extension("csv");
        let beside = beside.exists().then(|| beside.display().to_string());
        Ok(Self { out, shown, unit, text, changes, taken, loading, beside })
    }
}

fn import(args: &Import) -> Result<i32, String> {
    let stem = args.file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let out = args.out.clone().unwrap_or_else(|| Path::new("config/profiles").join(format!("{stem}.toml")));
    if out.extension().is_none_or(|e| e != "toml") {
        return Err(format!(
            "{}: a profile is written as .toml; `profile export` writes spreadsheets",
            out.display()
        ));
    }
    let there = profile_at(&out);
    let known = |key: &str| there.head.get(key).and_then(sheet::Val::as_text).map(str::to_owned);
    let kind = args.kind.clone().or_else(|| known("kind"));
    let known_places = there.own_orders();
    let options = Options { known_order: known("order"), known_places, kind, ..args.options() };
    let imported = sheet::import(&read::sheets(&args.file)?, &options);
    let mut targets = Vec::new();
    if imported.stations.len() > 1 {
        for station in &imported.stations {
            let of = imported.of(station.unit);
            targets.push(Target::of(args, &of, of_station(&out, station.unit), station.unit)?);
        }
    } else {
        let unit = imported.stations.first().and_then(|s| s.unit);
        targets.push(Target::of(args, &imported, out.clone(), unit)?);
    }
    let report = Report { name: &name_of(&out), imported: &imported, targets: &targets };
    let doubtful = targets.iter().any(|t| !t.taken.faults.is_empty());
    let usable = imported.faults.is_empty() && !doubtful || args.skip_bad;
    let changed = targets.iter().any(|t| !t.changes.is_empty()) && !imported.points.is_empty();
    let agreed = if args.json {
        args.yes
    } else {
        report.print();
        let all: Vec<&str> = targets.iter().map(|t| t.shown.as_str()).collect();
        args.yes || usable && changed && ask(&all.join(", "))
    };
    let write = usable && agreed && changed;
    if write {
        for target in targets.iter().filter(|t| !t.changes.is_empty()) {
            write::whole(&target.out, target.text.as_bytes())?;
        }
    }
    if args.json {
        say!("{}", report.json(write));
    } else {
        tell!("{}", report.end(write, usable));
    }
    Ok(if usable && !imported.points.is_empty() { exit::FINE } else { exit::SETTINGS })
}

/// The profile there is: what it says of the kind and of byte orders.
fn profile_at(out: &Path) -> Profile {
    let text = std::fs::read_to_string(out).unwrap_or_default();
    sheet::read(&out.display().to_string(), &text).unwrap_or_default()
}

/// `list.toml` for station 3 is `list-3.toml`.
fn of_station(out: &Path, unit: Option<u8>) -> PathBuf {
    match unit {
        Some(unit) => out.with_file_name(format!("{}-{unit}.toml", name_of(out))),
        None => out.to_owned(),
    }
}

fn name_of(out: &Path) -> String {
    out.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

fn ask(out: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    print!("{} ", told(&format!("write {out}? [y/N]")));
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是" | "好")
}

/// What an import found and would do.
struct Report<'a> {
    name: &'a str,
    imported: &'a Imported,
    targets: &'a [Target],
}

impl Report<'_> {
    fn print(&self) {
        for sheet in &self.imported.sheets {
            let headers: Vec<String> = sheet.headers.iter().map(ToString::to_string).collect();
            let header = match headers.join(" + ") {
                none if none.is_empty() => "columns by letter".to_owned(),
                rows => format!("header in row {rows}"),
            };
            tell!(
                "{}: {header}, {} points, {} rows that are not points",
                sheet.name,
                sheet.points,
                sheet.skipped.len()
            );
            if !sheet.ignored.is_empty() {
                let columns: Vec<_> = sheet.ignored.iter().map(|c| told(c)).collect();
                tell!("  columns not used: {}", columns.join(", "));
            }
            for skipped in &sheet.skipped {
                tell!("  row {} is not a point: {}", skipped.row, skipped.text);
            }
        }
        for warning in &self.imported.warnings {
            say!("{}: {}", told("warning"), super::shown_trouble(warning));
        }
        for fault in &self.imported.faults {
            eprintln!("{}", super::shown_trouble(fault));
        }
        for target in self.targets {
            self.print_target(target);
        }
        if let Some(lines) = self.equipment() {
            tell!("for the settings, once source and kind are right:");
            say!("{}", super::remarked(&lines).trim_end());
        }
    }

    fn print_target(&self, target: &Target) {
        for (kept, made) in &target.taken.renamed {
            tell!("`{made}` of the sheet is `{kept}` of the profile: the same register");
        }
        let (points, keys): (Vec<&String>, Vec<&String>) =
            target.taken.kept.iter().partition(|k| {
                self.imported.partial && target.taken.profile.points.iter().any(|p| p.id == **k)
            });
        for fault in &target.taken.faults {
            eprintln!("{}", super::shown_trouble(fault));
        }
        if !target.taken.dropped.is_empty() {
            tell!("dropped, as the type is another now: {}", target.taken.dropped.join(", "));
        }
        if !points.is_empty() {
            let points: Vec<&str> = points.iter().map(|p| p.as_str()).collect();
            tell!("kept, as only one sheet was read: {}", points.join(", "));
        }
        if !keys.is_empty() {
            let keys: Vec<&str> = keys.iter().map(|k| k.as_str()).collect();
            tell!("kept, as the sheet does not mention it: {}", keys.join(", "));
        }
        say!("{}", target.shown);
        tell!("{}", target.changes);
        for fault in target.loading.iter().take(SHOWN) {
            tell!("warning: `steamward check` will say: {fault}");
        }
        if let Some(more) = target.loading.len().checked_sub(SHOWN).filter(|n| *n > 0) {
            tell!("warning: and {more} more of that kind");
        }
        if let Some(beside) = &target.beside {
            tell!("warning: {beside} has the same name; with both there, the .toml is used");
        }
    }

    /// The lines that put the profiles into the settings, where the list tells unit ids.
    fn equipment(&self) -> Option<String> {
        let told = self.imported.stations.iter().any(|s| s.unit.is_some());
        let profile =
            |unit| self.targets.iter().find(|t| t.unit == unit).map_or_else(String::new, |t| name_of(&t.out));
        told.then(|| self.imported.equipment_lines(self.name, profile))
    }

    fn end(&self, written: bool, usable: bool) -> String {
        let of_targets: usize = self.targets.iter().map(|t| t.taken.faults.len()).sum();
        let faults = self.imported.faults.len() + of_targets;
        let problems = if faults == 1 { "1 problem" } else { &format!("{faults} problems") };
        let changed: Vec<&str> =
            self.targets.iter().filter(|t| !t.changes.is_empty()).map(|t| t.shown.as_str()).collect();
        if written {
            format!("{} written", changed.join(", "))
        } else if !usable {
            format!(
                "{problems}; nothing was written. Mend the sheet, or write the other rows with --skip-bad"
            )
        } else if self.imported.points.is_empty() {
            "no points; nothing was written".to_owned()
        } else if changed.is_empty() {
            "nothing differs; nothing was written".to_owned()
        } else {
            "nothing was written; --yes writes it".to_owned()
        }
    }

    fn json(&self, written: bool) -> String {
        let one = |target: &Target| {
            serde_json::json!({
                "profile": target.shown,
                "unit": target.unit,
                "kept": target.taken.kept,
                "dropped": target.taken.dropped,
                "doubtful": target.taken.faults,
                "renamed": target.taken.renamed,
                "diff": target.changes,
                "check": target.loading,
            })
        };
        let mut report = serde_json::json!({
            "written": written,
            "faults": self.imported.faults,
            "warnings": self.imported.warnings,
            "sheets": self.imported.sheets,
            "stations": self.imported.stations,
            "equipment": self.equipment(),
        });
        // A list about one device has its profile's keys at the top.
        match (self.targets, report.as_object_mut()) {
            ([target], Some(top)) => {
                if let serde_json::Value::Object(keys) = one(target) {
                    top.extend(keys);
                }
            }
            (several, Some(top)) => {
                top.insert("profiles".to_owned(), several.iter().map(one).collect());
            }
            (_, None) => {}
        }
        report.to_string()
    }
}

fn export(name: &str, out: &Path, profiles: &Path) -> Result<i32, String> {
    let (shown, profile, unused) = load(name, profiles)?;
    let title = Path::new(&shown).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let exported = sheet::export(&title, &profile);
    write::whole(out, &write::sheet(out, &exported.sheet)?)?;
    tell!("{}: {} points", out.display(), profile.points.len());
    if !unused.is_empty() {
        tell!("warning: columns of {shown} that are not used: {}", unused.join(", "));
    }
    if !exported.lost.is_empty() {
        tell!("warning: an import of this sheet does not give back: {}", exported.lost.join("; "));
    }
    let text = std::fs::read_to_string(&shown).unwrap_or_default();
    let comments =
        if shown.to_ascii_lowercase().ends_with(".toml") { sheet::comments_elsewhere(&text) } else { 0 };
    if comments > 0 {
        tell!("warning: comments that do not stand above a point, and are not in the sheet: {comments}");
    }
    Ok(exit::FINE)
}

fn diff(a: &str, b: &str, profiles: &Path, json: bool) -> Result<i32, String> {
    let ((_, a, _), (_, b, _)) = (load(a, profiles)?, load(b, profiles)?);
    let diff = Diff::between(&a, &b);
    if json {
        let text = serde_json::to_string(&diff).map_err(|e| e.to_string())?;
        say!("{text}");
    } else {
        tell!("{diff}");
    }
    Ok(if diff.is_empty() { exit::FINE } else { exit::FAILED })
}

/// A profile by name or file, or a spreadsheet as the profile it would be, with its columns that nothing is made of.
fn load(name: &str, profiles: &Path) -> Result<(String, Profile, Vec<String>), String> {
    let given = Path::new(name);
    let candidates =
        [given.to_owned(), profiles.join(format!("{name}.toml")), profiles.join(format!("{name}.csv"))];
    let Some(path) = candidates.iter().find(|p| p.is_file()) else {
        let known = names(profiles);
        let there = if known.is_empty() {
            "there is none; tell the folder with --profiles".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        return Err(format!(
            "{name}: no such file, and no profile of this name in {}; {there}",
            profiles.display()
        ));
    };
    let shown = path.display().to_string();
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml")) {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
        return sheet::read(&shown, &text).map(|p| (shown.clone(), p, Vec::new())).map_err(|f| f.to_string());
    }
    let imported = sheet::import(&read::sheets(path)?, &Options::default());
    if !imported.faults.is_empty() {
        let told: Vec<String> = imported.faults.iter().map(super::shown_trouble).collect();
        return Err(told.join("\n"));
    }
    if imported.stations.len() > 1 {
        return Err(format!(
            "{shown}: a list of {} stations, not one profile; import it",
            imported.stations.len()
        ));
    }
    let unused = imported.sheets.iter().flat_map(|s| s.ignored.iter().cloned()).collect();
    Ok((shown, sheet::merge(&Profile::default(), &imported, false).profile, unused))
}

fn names(profiles: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(profiles).into_iter().flatten().flatten();
    let mut found: Vec<String> = entries
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml" || e == "csv"))
        .filter_map(|p| p.file_stem().map(|s| s.to_string_lossy().into_owned()))
        .collect();
    found.sort();
    found.dedup();
    found
}
