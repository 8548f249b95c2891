//! `steamward replay`: any configuration over stored history, beside what really happened. Reads only.
//!
//! The very engine of the gateway judges. What it says goes to standard output and is the same for the same
//! input, byte for byte; how long it took goes to standard error.

mod history;
mod picture;
mod report;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::alarm::rehearsal::Rehearsal;
use crate::exit;
use crate::plant::Micros;
use crate::settings::{InfluxOutlet, Loaded};
use history::Source;
use report::Report;
use table::Table;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder with the settings to try.
    #[arg(long, default_value = "config")]
    config: PathBuf,
    /// From when, RFC 3339 or as `24h` before --to; all of the history if not given.
    #[arg(long)]
    from: Option<String>,
    /// Until when, RFC 3339; the end of the history if not given, of a database's: now.
    #[arg(long)]
    to: Option<String>,
    /// Folder with journal.db and ledger.db, if not the one that the settings name.
    #[arg(long, conflicts_with = "csv")]
    data: Option<PathBuf>,
    /// A table with the columns time, equipment, point, value, instead of a journal. Times without an offset are the site's.
    #[arg(long)]
    csv: Option<PathBuf>,
    /// What this outlet of the settings has written to its database, instead of a journal; needs --from.
    #[arg(long, conflicts_with = "csv", value_name = "OUTLET")]
    influx: Option<String>,
    /// Draw the calls of each hour into this SVG file.
    #[arg(long)]
    picture: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn replay(options: &Options) -> i32 {
    let loaded = match super::load(&options.config) {
        Ok(loaded) => loaded,
        Err(faults) => {
            super::refuse(&faults);
            return exit::SETTINGS;
        }
    };
    match run(options, &loaded) {
        Ok(()) => exit::FINE,
        Err(what) => {
            complain!("{what}");
            exit::FAILED
        }
    }
}

fn run(options: &Options, loaded: &Loaded) -> Result<(), String> {
    let plant = &loaded.settings.plant;
    let dir = options.data.clone().unwrap_or_else(|| loaded.settings.store.dir.clone());
    let source = match (&options.csv, &options.influx) {
        (Some(file), _) => {
            let zone = crate::plant::zone(&plant.site.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
            Source::Table(Table::open(file, zone)?)
        }
        (None, Some(id)) => Source::Influx(outlet(loaded, id)?),
        (None, None) => Source::Journal(dir.clone()),
    };
    let span = source.span()?;
    let to = match &options.to {
        Some(text) => moment(text, "--to")?,
        None => span.map_or_else(crate::clock::wall_now, |s| s.1),
    };
    let from = match (options.from.as_deref(), span) {
        (None, Some((first, _))) => first,
        (None, None) => return Err("--influx needs --from: how far back to ask, as 24h or a time".to_owned()),
        (Some(text), _) => match crate::settings::duration(text) {
            Some(back) => to.minus(back),
            None => moment(text, "--from")?,
        },
    };
    if from > to {
        let known = span.map_or_else(String::new, |(first, last)| {
            format!("; there are readings from {} to {}", first.rfc3339(), last.rfc3339())
        });
        return Err(format!("nothing lies between {} and {}{known}", from.rfc3339(), to.rfc3339()));
    }
    if let Some(file) = &options.picture
        && file.extension().is_some_and(|e| !e.eq_ignore_ascii_case("svg"))
    {
        return Err(format!("--picture {}: the picture is an SVG; name it calls.svg", file.display()));
    }
    let began = Instant::now();
    let mut rehearsal = Rehearsal::new(plant, from);
    let unknown = source.read(plant, (from, to), &mut rehearsal)?;
    let keys: Vec<String> = rehearsal.rules().iter().map(|r| r.key.to_string()).collect();
    let hazards: Vec<bool> = rehearsal.rules().iter().map(|r| r.hazard.is_some()).collect();
    let outcome = rehearsal.end(to);
    let took = began.elapsed().as_secs_f64();
    complain!(
        "judged {} samples with {} readings in {took:.1} s, {:.1} million readings a second",
        outcome.samples,
        outcome.readings,
        outcome.readings as f64 / 1e6 / took.max(1e-9)
    );
    // Beside a database there need be no ledger: another machine may have written to it.
    let known = match (&options.csv, &options.influx) {
        (Some(_), _) => false,
        (None, Some(_)) => options.data.is_some() || dir.join("ledger.db").exists(),
        (None, None) => true,
    };
    let really =
        if known { Some(history::really(&dir, (from, to), keys.iter().map(String::as_str))?) } else { None };
    let report = Report {
        span: (from, to),
        keys: &keys,
        hazards: &hazards,
        outcome: &outcome,
        really: really.as_ref(),
        unknown: &unknown,
    };
    if let Some(file) = &options.picture {
        std::fs::write(file, picture::svg(&report)).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    if options.json {
        say!("{}", report.json());
    } else {
        tell!("{}", report.text().trim_end());
    }
    Ok(())
}

fn outlet<'a>(loaded: &'a Loaded, id: &str) -> Result<&'a InfluxOutlet, String> {
    let outlets = &loaded.settings.outlets.influx;
    outlets.iter().find(|o| o.id.as_str() == id).ok_or_else(|| {
        let known: Vec<&str> = outlets.iter().map(|o| o.id.as_str()).collect();
        format!("--influx {id}: the settings have no such [[outlet.influx]]; there is: {}", known.join(", "))
    })
}

fn moment(text: &str, option: &str) -> Result<Micros, String> {
    text.parse::<jiff::Timestamp>()
        .map(|t| Micros(t.as_microsecond()))
        .map_err(|_| format!("{option} {text}: no such time; write it like 2026-11-24T08:00:00Z"))
}
