//! `steamward init`: a first folder of settings from five answers, asked for or given as options. It is checked
//! before it is written, and nothing that is there already is touched.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit;
use crate::settings::presets::{Preset, presets};
use crate::settings::{Transport, load_texts, transport_of};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder to write; steamward.toml must not be in it yet.
    #[arg(default_value = "config")]
    dir: PathBuf,
    /// Name of the site, as people call it.
    #[arg(long)]
    site: Option<String>,
    /// Kind of the first equipment, e.g. steam-boiler; `steamward presets` lists those with limits to begin with.
    #[arg(long)]
    kind: Option<String>,
    /// Name of the first equipment.
    #[arg(long)]
    name: Option<String>,
    /// Where its controller answers: tcp://192.168.1.10:502, or serial:///dev/ttyUSB0?baud=9600&parity=none.
    #[arg(long)]
    address: Option<String>,
    /// Modbus unit id (station number) of the controller.
    #[arg(long)]
    unit: Option<u8>,
    /// Ask nothing: what is not given is taken as proposed.
    #[arg(long)]
    yes: bool,
}

/// The five answers.
struct Answers {
    site: String,
    kind: String,
    name: String,
    address: String,
    unit: u8,
}

pub(super) fn init(options: &Options) -> i32 {
    match write(options) {
        Ok(()) => exit::FINE,
        Err(problem) => {
            complain!("{problem}");
            exit::SETTINGS
        }
    }
}

fn write(options: &Options) -> Result<(), String> {
    let main = options.dir.join("steamward.toml");
    if main.exists() {
        return Err(format!("{}: is there already; name another folder", main.display()));
    }
    let answers = answers(options)?;
    let profile = options.dir.join("profiles").join(format!("{}.toml", answers.kind));
    if profile.exists() {
        return Err(format!("{}: is there already; name another folder", profile.display()));
    }
    let (settings, points) =
        (super::remarked(&settings_of(&answers)), super::remarked(&profile_of(&answers)));
    let file = format!("{}.toml", answers.kind);
    load_texts(&[("steamward.toml", &settings)], &[(&file, &points)], &[]).map_err(|f| super::all_of(&f))?;
    std::fs::create_dir_all(options.dir.join("profiles"))
        .map_err(|e| format!("{}: {e}", options.dir.display()))?;
    for (path, text) in [(&profile, &points), (&main, &settings)] {
        std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        tell!("{} written", path.display());
    }
    next(&options.dir, &profile);
    Ok(())
}

fn next(dir: &Path, profile: &Path) {
    let (dir, profile) = (dir.display(), profile.display());
    tell!("nothing is read yet: there are no points in {profile}");
    tell!("next:");
    tell!("  1. write the points with their addresses into {profile},");
    tell!("     or: steamward profile import LIST.xlsx --out {profile}");
    tell!("  2. steamward check {dir}");
    tell!("  3. steamward run {dir}");
}

fn answers(options: &Options) -> Result<Answers, String> {
    let asks = !options.yes && std::io::stdin().is_terminal();
    let one = |question: &str,
               flag: &str,
               given: Option<String>,
               proposed: &str,
               good: &dyn Fn(&str) -> Result<(), String>| {
        if let Some(given) = given {
            return good(&given).map(|()| given).map_err(|problem| format!("--{flag}: {problem}"));
        }
        if options.yes {
            return Ok(proposed.to_owned());
        }
        if !asks {
            return Err(format!(
                "--{flag} is missing, and there is nobody to ask; --yes takes what is proposed: {proposed}"
            ));
        }
        ask(question, proposed, good)
    };
    let any = |text: &str| if text.trim().is_empty() { Err("empty".to_owned()) } else { Ok(()) };
    let site = one("Name of the site", "site", options.site.clone(), "北区动力站", &any)?;
    let kind = one("Kind of the first equipment", "kind", options.kind.clone(), "steam-boiler", &known_kind)?;
    let name = one("Name of the first equipment", "name", options.name.clone(), "1# 锅炉", &any)?;
    let address = one(
        "Address of its controller",
        "address",
        options.address.clone(),
        "tcp://192.168.1.10:502",
        &|text| transport_of(text).map(|_| ()),
    )?;
    let unit = |text: &str| match text.parse::<u8>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("`{text}` is not a unit id: 0 to 255")),
    };
    let unit =
        one("Modbus unit id (station number)", "unit", options.unit.map(|u| u.to_string()), "1", &unit)?;
    let address = if address.contains("://") { address } else { format!("tcp://{address}") };
    Ok(Answers { site, kind, name, address, unit: unit.parse().unwrap_or(1) })
}

fn known_kind(kind: &str) -> Result<(), String> {
    crate::plant::Id::new(kind).map_err(|e| e.to_string())?;
    Ok(())
}

/// Asks until the answer is good; nothing typed is what is proposed.
fn ask(question: &str, proposed: &str, good: &dyn Fn(&str) -> Result<(), String>) -> Result<String, String> {
    loop {
        print!("{} [{proposed}]: ", crate::tongue::told(question));
        let _ = std::io::stdout().flush();
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line).map_err(|e| e.to_string())?;
        if read == 0 {
            return Err("no answer; nothing was written".to_owned());
        }
        let answer = if line.trim().is_empty() { proposed } else { line.trim() };
        match good(answer) {
            Ok(()) => return Ok(answer.to_owned()),
            Err(problem) => complain!("{problem}"),
        }
    }
}

/// A text in TOML's quotes.
fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string().trim().to_owned()
}

fn settings_of(answers: &Answers) -> String {
    let Answers { site, kind, name, address, unit } = answers;
    let serial = matches!(transport_of(address), Ok(Transport::Serial(_)));
    let timeout = if serial { "800ms" } else { "500ms" };
    format!(
        "# Written by `steamward init`. `steamward check` says what is understood; docs/configuration.md has every key.\n\
         \n\
         [site]\n\
         id = \"site\"                               # tag `site` in the database: do not change it later\n\
         name = {site}\n\
         timezone = \"Asia/Shanghai\"\n\
         \n\
         [[source.modbus]]\n\
         id = \"plc-1\"\n\
         address = {address}\n\
         period = \"1s\"\n\
         timeout = \"{timeout}\"\n\
         \n\
         [[equipment]]\n\
         id = \"{kind}-1\"\n\
         name = {name}\n\
         profile = \"{kind}\"                        # profiles/{kind}.toml\n\
         source = \"plc-1\"\n\
         unit = {unit}\n\
         # preset = true                           # limits to begin with: `steamward presets {kind}`\n\
         # nameplate = {{ pressure = \"1.25 MPa\" }}  # preset needs what stands on the plate\n\
         \n\
         # The database. Without one, readings and alarms are kept here and shown on the page.\n\
         # [[outlet.influx]]\n\
         # id = \"influx\"\n\
         # url = \"http://192.168.1.20:8086\"\n\
         # org = \"plant\"\n\
         # bucket = \"boilers\"\n\
         # token = {{ file = \"/etc/steamward/secrets/influx-token\" }}\n",
        site = quoted(site),
        name = quoted(name),
        address = quoted(address),
    )
}

fn profile_of(answers: &Answers) -> String {
    let kind = &answers.kind;
    let mut text = format!(
        "# The points of a {kind}: take `#` away, and write address, type and scale from the manual of the controller.\n\
         # 40001 is the first holding register, 30001 the first input register, 10001 the first discrete input.\n\
         \n\
         kind = \"{kind}\"\n"
    );
    // A point that differs by fuel or size has several rows.
    let mut told = std::collections::BTreeSet::new();
    let of_kind = presets().iter().filter(|p| p.kind == *kind);
    let known: Vec<&Preset> = of_kind.filter(|p| told.insert(&p.point)).collect();
    for preset in &known {
        let address = if preset.unit == "bool" { 10_001 } else { 40_001 };
        text += &format!(
            "\n# [[point]]\n# id = \"{}\"\n# name = {}\n# unit = \"{}\"\n# address = {address}\n",
            preset.point,
            quoted(&preset.name),
            preset.unit
        );
        if preset.unit != "bool" {
            text += "# type = \"i16\"\n# scale = 1\n";
        }
    }
    if known.is_empty() {
        text += "\n# [[point]]\n# id = \"pressure\"\n# name = \"压力\"\n# unit = \"MPa\"\n# address = 40001\n# type = \"i16\"\n# scale = 0.001\n";
    }
    text
}
