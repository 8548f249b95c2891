//! `steamward demo`: the gateway as users run it, on the simulated boiler house. With `--for` it
//! runs by itself, checks afterwards that nothing was lost or doubled, and writes a report.

mod day;
mod report;
mod scenario;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use tracing::info;

use super::{logging, run};
use crate::console::DemoPort;
use crate::exit;
use crate::gateway::Gateway;
use crate::settings;
use crate::simulate::Plant;
use crate::simulate::fault::Fault;
use crate::store::StoreLock;

/// What the outlets get to catch up when a run by itself ends.
const CATCH_UP: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Run this long without a person, then check that nothing was lost or doubled; e.g. 90s.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    length: Option<Duration>,
    /// Write what happened to this file as JSON (with --for; else to standard output).
    #[arg(long, value_name = "FILE", requires = "length")]
    report: Option<PathBuf>,
    /// Take up the store of the last run instead of beginning afresh.
    #[arg(long)]
    resume: bool,
    /// Play a scenario (C1 to C12, or all) or the normal days of all equipment (days) on a simulated clock, print what
    /// comes of it, and end.
    #[arg(long, value_name = "ID", conflicts_with_all = ["length", "resume", "calm", "dir", "listen"])]
    scenario: Option<String>,
    /// No faults by themselves; only those switched on the page or over the API.
    #[arg(long)]
    calm: bool,
    /// Folder for the store [default: ~/.cache/steamward-demo].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Address of the page [default: 127.0.0.1:8686, with --for any free port].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

fn duration(text: &str) -> Result<Duration, String> {
    settings::duration(text)
        .filter(|d| !d.is_zero())
        .ok_or_else(|| format!("`{text}` is not a valid duration: write a number and a unit, e.g. 90s or 5m"))
}

struct Switches(Arc<Plant>);

impl DemoPort for Switches {
    fn faults(&self) -> Vec<(String, String, String, bool)> {
        let house = self.0.house();
        let row = |fault: Fault| {
            let (zh, en) = fault.words();
            (fault.name().to_owned(), zh.to_owned(), en.to_owned(), house.faults.is_active(fault))
        };
        Fault::ALL.into_iter().map(row).collect()
    }

    fn set(&self, name: &str, active: bool) -> bool {
        let fault = Fault::of(name);
        if let Some(fault) = fault {
            info!(fault = name, active, "demo fault switched by hand");
            self.0.house().faults.set(fault, active);
        }
        fault.is_some()
    }
}

pub(super) fn demo(options: &Options) -> i32 {
    if let Some(id) = &options.scenario {
        return if id.eq_ignore_ascii_case("days") { day::run() } else { scenario::run(id) };
    }
    let dir = options.dir.clone().unwrap_or_else(default_dir);
    if let Err(e) = make_room(&dir, options.resume) {
        complain!("{e}");
        return exit::FAILED;
    }
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(e) => {
            complain!("cannot start the runtime: {e}");
            return exit::FAILED;
        }
    };
    let code = runtime.block_on(play(options, &dir));
    runtime.shutdown_timeout(run::LAST);
    code
}

async fn play(options: &Options, dir: &Path) -> i32 {
    let mut signals = match run::Signals::listen() {
        Ok(signals) => signals,
        Err(e) => {
            complain!("cannot listen for signals: {e}");
            return exit::FAILED;
        }
    };
    let kept = Plant::database_file(dir).exists();
    if options.resume && options.length.is_some() && dir.join("journal.db").exists() && !kept {
        complain!(
            "{}: the last run was not started with --for, so the stand-in database kept nothing to check against; \
             leave out --resume, or --for",
            dir.display()
        );
        return exit::SETTINGS;
    }
    let keep = options.length.is_some() || (options.resume && kept);
    let plant = match Plant::start(dir, keep, !options.calm).await {
        Ok(plant) => Arc::new(plant),
        Err(e) => {
            complain!("the demo plant does not start: {e}");
            return exit::FAILED;
        }
    };
    let port = if options.length.is_some() { 0 } else { 8686 };
    let listen = options.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], port)));
    let (main, profiles) = plant.files(listen);
    let loaded = match settings::load_texts(&[("demo/steamward.toml", &main)], &profiles, &[]) {
        Ok(loaded) => loaded,
        Err(faults) => {
            super::refuse(&faults);
            return exit::SETTINGS;
        }
    };
    logging::start(&loaded.settings.log);
    crate::parts::contain_panics();
    let began = Instant::now();
    let gateway =
        match Gateway::start(loaded.settings, None, Some(Arc::new(Switches(Arc::clone(&plant))))).await {
            Ok(gateway) => gateway,
            Err(e) => {
                run::not_started(&e);
                return run::start_code(&e);
            }
        };
    match gateway.address(Duration::from_secs(2)).await {
        Some(address) => tell!("Steamward demo: open http://{address}/ (store in {})", dir.display()),
        None => tell!("Steamward demo: {listen} is taken, so there is no page (store in {})", dir.display()),
    }
    let Some(length) = options.length else {
        tell!("Ctrl-C ends it; faults come by themselves and can be switched on the page.");
        let code = run::until_signal(&gateway, &mut signals).await;
        let kept = gateway.stop(run::GRACE).await;
        return if kept { code } else { exit::FAILED };
    };
    tokio::select! {
        () = tokio::time::sleep(length) => {}
        code = run::until_signal(&gateway, &mut signals) => info!(code, "ended early by a signal"),
    }
    for fault in Fault::ALL {
        plant.house().faults.set(fault, false);
    }
    let read = caught_up(&gateway).await;
    let kept = gateway.stop(Duration::from_secs(5)).await;
    if !kept {
        complain!("not everything could be put on the disk");
        return exit::FAILED;
    }
    let facts = report::Facts { resumed: options.resume, ran: began.elapsed(), read };
    finish(dir, &facts, options.report.as_deref())
}

/// Waits until the outlets have sent everything, or for [`CATCH_UP`]; gives the readings taken.
async fn caught_up(gateway: &Gateway) -> u64 {
    let deadline = Instant::now() + CATCH_UP;
    while gateway.outlets().iter().any(|o| !o.get().ok) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    gateway.readings()
}

fn finish(dir: &Path, facts: &report::Facts, file: Option<&Path>) -> i32 {
    let report = match report::check(dir, facts) {
        Ok(report) => report,
        Err(e) => {
            complain!("the run cannot be checked: {e}");
            return exit::FAILED;
        }
    };
    let text = serde_json::to_string_pretty(&report).unwrap_or_default() + "\n";
    match file {
        Some(file) => {
            if let Err(e) = std::fs::write(file, &text) {
                complain!("{}: {e}", file.display());
                return exit::FAILED;
            }
        }
        None => say!("{}", text.trim_end()),
    }
    tell!("{}", report.summary());
    if report.wrong.is_empty() {
        return exit::FINE;
    }
    for wrong in &report.wrong {
        complain!("not as promised: {wrong}");
    }
    exit::FAILED
}

/// One a person: a shared folder in `/tmp` would be somebody else's.
fn default_dir() -> PathBuf {
    let home = std::env::var_os("HOME").filter(|h| !h.is_empty()).map(|h| PathBuf::from(h).join(".cache"));
    home.unwrap_or_else(std::env::temp_dir).join("steamward-demo")
}

/// Stands in every folder that a demo made, and nowhere else.
const MARK: &str = "steamward-demo.txt";

/// Makes the folder; unless `resume`, removes what an earlier demo left there. A folder with anything
/// else in it is refused: a real gateway's ledger must not go by a slip of the hand.
fn make_room(dir: &Path, resume: bool) -> Result<(), String> {
    let words = |path: &Path, e: &std::io::Error| format!("{}: {e}", path.display());
    std::fs::create_dir_all(dir).map_err(|e| words(dir, &e))?;
    let files = || -> Result<Vec<PathBuf>, String> {
        let entries = std::fs::read_dir(dir).map_err(|e| words(dir, &e))?;
        Ok(entries.flatten().map(|e| e.path()).collect())
    };
    let mark = dir.join(MARK);
    if !mark.exists() {
        if !files()?.is_empty() {
            return Err(format!(
                "{} has files that no demo made: give --dir an empty or new folder",
                dir.display()
            ));
        }
        let said = "This folder belongs to `steamward demo`, which empties it at every start.\n";
        std::fs::write(&mark, said).map_err(|e| words(&mark, &e))?;
    }
    // Nobody else may be using it while it is emptied.
    let _lock = StoreLock::take(dir).map_err(|e| e.to_string())?;
    if resume {
        return Ok(());
    }
    for path in files()? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ours = ["ledger.db", "journal.", "database.lp", "inspection."];
        if ours.iter().any(|o| name.starts_with(o)) {
            std::fs::remove_file(&path).map_err(|e| words(&path, &e))?;
        }
    }
    Ok(())
}
