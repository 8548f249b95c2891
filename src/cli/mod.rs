//! The commands, one file each: parse, call, print.

/// A line to standard output. Whoever closed the pipe (`| head`) has seen enough: no fault of ours.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

/// The same in the language of this process.
macro_rules! tell {
    ($($words:tt)*) => {
        say!("{}", $crate::tongue::told(&format!($($words)*)))
    };
}

/// The same to standard error.
macro_rules! complain {
    ($($words:tt)*) => {
        eprintln!("{}", $crate::tongue::told(&format!($($words)*)))
    };
}

mod check;
#[cfg(feature = "demo")]
mod demo;
mod figures;
#[cfg(feature = "influx-client")]
mod influx;
mod init;
mod language;
mod ledger;
mod logging;
mod ports;
mod presets;
mod probe;
mod profile;
mod reload;
mod replay;
mod run;

use std::path::PathBuf;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::exit;
use crate::settings::{Fault, Faults, Loaded};
use crate::tongue;

/// Edge gateway for boilers and pressure vessels.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Exit codes: 0 fine, 1 failed, 2 settings or command line wrong, \
3 ledger damaged or too new, 4 a part broke while running."
)]
struct Cli {
    /// Language of what is told: zh or en; else that of the settings, LC_ALL or LANG.
    #[arg(long, global = true, value_name = "LANGUAGE", value_parser = language::word)]
    lang: Option<tongue::Language>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Run {
        /// Folder with steamward.toml, conf.d/ and profiles/.
        #[arg(default_value = "config")]
        dir: PathBuf,
    },
    /// Read the settings, say what was understood, print the poll plan. Touches no device.
    Check {
        /// Folder with steamward.toml, conf.d/ and profiles/.
        #[arg(default_value = "config")]
        dir: PathBuf,
    },
    /// Write a first folder of settings from five answers.
    Init(init::Options),
    /// Ask the running gateway to read its settings again, and tell what became of it.
    Reload(reload::Options),
    /// Run the gateway on a simulated boiler house; needs nothing else on the machine.
    #[cfg(feature = "demo")]
    Demo(demo::Options),
    /// Look into the ledger.
    Ledger {
        #[command(subcommand)]
        what: ledger::What,
    },
    /// How well the alarm system did: calls, floods, bad actors, chattering, answers (EEMUA 191, ISA-18.2).
    Figures(figures::Options),
    /// Try settings on stored history: the alarms they would have raised, beside what really happened.
    Replay(replay::Options),
    /// The limits to begin with, by kind of equipment and point.
    Presets(presets::Options),
    /// Make a profile of a spreadsheet, a spreadsheet of a profile, or compare two.
    Profile {
        #[command(subcommand)]
        what: profile::What,
    },
    /// Set up or look at the InfluxDB 2 server of an outlet.
    #[cfg(feature = "influx-client")]
    Influx(influx::Options),
    /// Look at a device or broker before there are settings for it. Only reads.
    Probe {
        #[command(subcommand)]
        what: probe::What,
    },
    /// Print the OpenAPI document of the console.
    Openapi,
    /// The embedded broker; only the gateway starts it.
    #[cfg(feature = "broker")]
    #[command(name = crate::broker::COMMAND, hide = true)]
    BrokerProcess,
}

/// Parses the command line and runs the command; gives the exit code.
#[must_use]
pub fn main() -> i32 {
    language::choose_early();
    let matches = language::command(Cli::command()).try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(e) => {
            language::print(&e);
            return if e.use_stderr() { exit::SETTINGS } else { exit::FINE };
        }
    };
    match cli.command {
        Command::Run { dir } => run::run(&dir),
        Command::Check { dir } => check::check(&dir),
        Command::Init(options) => init::init(&options),
        Command::Reload(options) => reload::reload(&options),
        #[cfg(feature = "demo")]
        Command::Demo(options) => demo::demo(&options),
        Command::Ledger { what } => ledger::ledger(&what),
        Command::Replay(options) => replay::replay(&options),
        Command::Figures(options) => figures::figures(&options),
        Command::Presets(options) => presets::list(&options),
        Command::Profile { what } => profile::profile(&what),
        #[cfg(feature = "influx-client")]
        Command::Influx(options) => influx::influx(&options),
        Command::Probe { what } => probe::probe(&what),
        Command::Openapi => {
            say!("{}", crate::console::openapi());
            exit::FINE
        }
        #[cfg(feature = "broker")]
        Command::BrokerProcess => {
            crate::broker::child();
            exit::FAILED
        }
    }
}

fn load(dir: &std::path::Path) -> Result<Loaded, Faults> {
    let env: Vec<(String, String)> = std::env::vars().filter(|(k, _)| k.starts_with("STEAMWARD__")).collect();
    language::choose_by_settings(dir, &env);
    crate::settings::load(dir, &env)
}

/// A fault in the language of this process.
fn shown(fault: &Fault) -> String {
    if tongue::chosen() == tongue::Language::En {
        return fault.to_string();
    }
    let problem = tongue::told(&fault.problem).into_owned();
    let remedy = tongue::told(&fault.remedy);
    // Marks under a line stand alone, and what would be right below them.
    let joint = if problem.ends_with(' ') || remedy.is_empty() { "" } else { "；" };
    let told = Fault { problem, remedy: String::new(), ..fault.clone() };
    format!("{told}{joint}{remedy}")
}

/// Faults in the language of this process, one a line.
fn all_of(faults: &Faults) -> String {
    faults.0.iter().map(shown).collect::<Vec<_>>().join("\n")
}

/// A trouble of a spreadsheet in the language of this process.
fn shown_trouble(trouble: &crate::settings::sheet::Trouble) -> String {
    let told = |text: &str| tongue::told(text).into_owned();
    let told = crate::settings::sheet::Trouble {
        problem: told(&trouble.problem),
        remedy: told(&trouble.remedy),
        ..trouble.clone()
    };
    match tongue::chosen() {
        tongue::Language::En => told.to_string(),
        tongue::Language::Zh => {
            let joint = if told.remedy.is_empty() { "" } else { "；" };
            let remedy = told.remedy.clone();
            format!("{}{joint}{remedy}", crate::settings::sheet::Trouble { remedy: String::new(), ..told })
        }
    }
}

/// A text with blanks behind it to `width` columns of a terminal, in which a Chinese character takes two.
fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// The same with blanks before it.
fn padded_left(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Columns of a terminal that a text takes.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if c >= '\u{1100}' && !('\u{2000}'..'\u{2e80}').contains(&c) { 2 } else { 1 }).sum()
}

/// A text in TOML with its remarks in the language of this process.
fn remarked(text: &str) -> String {
    let line = |line: &str| match line.rsplit_once("# ") {
        Some((before, remark)) => format!("{before}# {}\n", tongue::told(remark)),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// All faults, and how many they are.
fn refuse(faults: &Faults) {
    for fault in &faults.0 {
        eprintln!("{}", shown(fault));
    }
    complain!("{}", faults.summary());
}

/// The ledger in this file, or why not.
fn ledger_in(file: &std::path::Path) -> Result<crate::store::LedgerReader, String> {
    if !file.is_file() {
        return Err(format!("{}: not there; name the folder of a gateway's store", file.display()));
    }
    crate::store::LedgerReader::open(file).map_err(|e| format!("{}: {e}", file.display()))
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(crate::parts::THREADS)
        .enable_all()
        .build()
}
