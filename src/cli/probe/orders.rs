//! `steamward probe orders`: reads a few samples and says in which type and byte order they make sense.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::place::{
    FourByte, Place, connected, duration, failure, finite, hex, number, quoted, range, register_bytes,
};
use crate::exit;
use crate::field::modbus::survey::orders::{Candidate, Hints, Verdict, rank, verdict};
use crate::field::modbus::survey::{Ask, Asker, PollError, modicon};
use crate::settings::{Format, Table};
use crate::tongue::told;

/// Shown without --all.
const SHOWN: usize = 5;
/// Registers of the widest type tried.
const WIDEST: u16 = 4;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// ADDRESS as for `probe modbus`.
    address: String,
    /// Unit id, 0 to 255.
    #[arg(long, default_value_t = 1)]
    unit: u8,
    /// holding or input. With it the number of --at is plain and counts from 0, as in a profile; without it 40003
    /// is the third holding register.
    #[arg(long)]
    table: Option<String>,
    /// Address as a profile has it: 40003, 400003 or 0x2000.
    #[arg(long)]
    at: String,
    /// 4 if the register holds four bytes (Enron, Daniel).
    #[arg(long, default_value = "2", value_parser = register_bytes)]
    register_bytes: FourByte,
    /// The type, if it is known: f32, u32, i32, f64, bcd32 … as in a profile.
    #[arg(long = "type")]
    kind: Option<String>,
    /// What the value can be, e.g. 0..2.5.
    #[arg(long, value_parser = range, allow_hyphen_values = true)]
    range: Option<(f64, f64)>,
    /// What the device's own display shows.
    #[arg(long, value_parser = finite, allow_hyphen_values = true)]
    expect: Option<f64>,
    /// Multiplier from the raw number to what --range and --expect mean.
    #[arg(long, default_value_t = 1.0, value_parser = finite, allow_hyphen_values = true)]
    scale: f64,
    /// How many samples.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    samples: u16,
    /// Time from one to the next.
    #[arg(long, default_value = "500ms", value_parser = duration)]
    every: Duration,
    /// How long the device may think.
    #[arg(long, value_parser = duration)]
    timeout: Option<Duration>,
    /// Show every type and order.
    #[arg(long)]
    all: bool,
    /// Print the ranking as JSON (docs/probe.md has its shape).
    #[arg(long)]
    json: bool,
}

pub(super) fn orders(options: &Options) -> i32 {
    let mut place = Place::new(options.unit, options.table.clone(), options.at.clone());
    place.four_byte = options.register_bytes;
    let four_byte = options.register_bytes.0;
    let kind = options.kind.as_deref().unwrap_or(if four_byte { "u32" } else { "u16" });
    let placed = match place.placed(&options.address, &[("type", quoted(kind))]) {
        Ok(placed) => placed,
        Err(problem) => {
            complain!("{problem}");
            return exit::SETTINGS;
        }
    };
    let format = placed.point.format;
    if placed.point.table.is_bits()
        || matches!(format, Format::Text(..) | Format::Clock6)
        || format.is_truth()
    {
        complain!("--type, --table: bits and texts have no byte order to look for");
        return exit::SETTINGS;
    }
    let hints = Hints {
        format: options.kind.clone().map(|name| (name, format)),
        range: options.range,
        expect: options.expect,
        scale: options.scale,
    };
    let timeout = options.timeout.unwrap_or(placed.source.timeout);
    connected(&placed.source.transport, timeout, options.json, async |mut asker| {
        let (table, address) = (placed.point.table, placed.point.address);
        let width = match four_byte {
            true => 1,
            false if options.kind.is_some() => format.width(),
            false => WIDEST,
        };
        let ask = |count| Ask::Read { table, address, count, four_byte };
        let samples = match take(options, &mut asker, width, ask).await {
            Ok(samples) => samples,
            Err(error) => {
                failure(&placed.source.transport.address(), &error, options.json);
                return exit::FAILED;
            }
        };
        let mut ranked = rank(&samples, &hints);
        // A register of four bytes is one value.
        ranked.retain(|c| !four_byte || c.format.width() == 2);
        let (verdict, beside) = verdict(&ranked);
        let wide = !four_byte && ranked.first().is_some_and(|best| best.format.width() > 1);
        let rival = match wide && matches!(verdict, Verdict::Clear | Verdict::Same) {
            true => neighbour(options, &mut asker, (table, address, width), &samples, &hints).await,
            false => None,
        };
        if options.json {
            say!("{}", as_json(address, &samples, &ranked, (verdict, &beside[..]), rival.as_deref()));
        } else {
            let at = format!("{} {address} ({})", table.name(), modicon(table, u32::from(address)));
            tell!("{}", as_text(options, &at, &samples, &ranked, (verdict, &beside[..])));
            if let Some(rival) = &rival {
                tell!("but {rival}: make sure that {address} is the value's first register");
            }
            if let Some(note) = place.note() {
                tell!("note: {note}");
            }
        }
        if verdict == Verdict::Nothing { exit::FAILED } else { exit::FINE }
    })
}

/// The samples; fewer registers where the device does not let as many be read.
async fn take(
    options: &Options,
    asker: &mut Asker,
    width: u16,
    ask: impl Fn(u16) -> Ask,
) -> Result<Vec<Vec<u8>>, PollError> {
    let (mut samples, mut width) = (Vec::new(), width);
    let mut ticks = tokio::time::interval(options.every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while samples.len() < usize::from(options.samples) {
        ticks.tick().await;
        match asker.ask(options.unit, ask(width)).await {
            Ok(heard) => samples.push(heard.values),
            Err(PollError::Exception(2 | 3)) if samples.is_empty() && options.kind.is_none() && width > 1 => {
                width /= 2;
                ticks.reset_immediately();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(samples)
}

/// A value that begins a register to the left or right and is no less plausible than the one here: then the
/// address may be one off.
async fn neighbour(
    options: &Options,
    asker: &mut Asker,
    (table, address, width): (Table, u16, u16),
    samples: &[Vec<u8>],
    hints: &Hints,
) -> Option<String> {
    let own = rank(samples.last().map(std::slice::from_ref)?, hints);
    for at in
        [address.checked_sub(1), address.checked_add(1)].into_iter().flatten().filter(|at| *at < u16::MAX)
    {
        let count = width.min(u16::MAX - at);
        let ask = Ask::Read { table, address: at, count, four_byte: false };
        let Ok(heard) = asker.ask(options.unit, ask).await else {
            continue;
        };
        let there = rank(&[heard.values], hints);
        if let (Some(here), Some(best)) = (own.first(), there.first())
            && best.format.width() > 1
            && best.values.iter().any(|v| *v != 0.0)
            && best.cost <= here.cost
        {
            return Some(format!(
                "at {at}, type = \"{}\", order = \"{}\" is as plausible ({})",
                best.name,
                best.order_name,
                scaled(options, &best.values)
            ));
        }
    }
    None
}

fn shown(options: &Options, ranked: &[Candidate], verdict: Verdict, beside: &[usize]) -> usize {
    let tied = match verdict {
        // All of them, and there is nothing to see.
        Verdict::Zero => 0,
        _ => beside.iter().max().map_or(0, |n| n + 1),
    };
    if options.all { ranked.len() } else { SHOWN.max(tied).min(ranked.len()) }
}

fn scaled(options: &Options, values: &[f64]) -> String {
    let words: Vec<String> = values
        .iter()
        .take(6)
        .map(|v| if v.is_finite() { number(*v * options.scale) } else { "none".to_owned() })
        .collect();
    let more = if values.len() > 6 { " …" } else { "" };
    format!("{}{more}", words.join(" "))
}

fn as_text(
    options: &Options,
    at: &str,
    samples: &[Vec<u8>],
    ranked: &[Candidate],
    (verdict, beside): (Verdict, &[usize]),
) -> String {
    let mut lines = vec![format!("unit {}: {} samples of {at}", options.unit, samples.len())];
    let mut seen: Vec<&Vec<u8>> = Vec::new();
    for sample in samples {
        if !seen.contains(&sample) {
            seen.push(sample);
        }
    }
    lines.extend(seen.iter().take(6).map(|s| format!("  {}", hex(s))));
    if samples.len() > 1 && seen.len() == 1 {
        lines.push("  (all alike)".to_owned());
    }
    lines.push(String::new());
    for (n, c) in ranked.iter().take(shown(options, ranked, verdict, beside)).enumerate() {
        let mark = if n == 0 || beside.contains(&n) { '*' } else { ' ' };
        lines.push(format!(
            "{mark} {:<5} {}  {:>5.1}  {}  ({})",
            c.name,
            c.order_name,
            c.cost,
            scaled(options, &c.values),
            c.why.iter().map(|w| told(w)).collect::<Vec<_>>().join("; ")
        ));
    }
    lines.push("  (the number is how surprising it would be, in bits; less is better)".to_owned());
    lines.push(String::new());
    let best = ranked.first();
    let name = |c: &Candidate| format!("type = \"{}\", order = \"{}\"", c.name, c.order_name);
    lines.push(match (verdict, best) {
        (Verdict::Clear, Some(best)) => format!("clear: {}", name(best)),
        (Verdict::Same, Some(best)) => format!(
            "{}; those marked * give the same values and cannot be told apart by them: the device's manual, or a \
             value that is negative or larger, decides",
            name(best)
        ),
        (Verdict::Undecided, Some(best)) => format!(
            "undecided between those marked *, {} is only a little more likely: read again when the value has changed, \
             or tell what the display shows (--expect) or what it can be (--range)",
            name(best)
        ),
        (Verdict::Zero, _) => "every sample is zero, which is zero in every order: read again when there is a value".to_owned(),
        (Verdict::Nothing, _) | (_, None) => "nothing here is plausible: check the address (one to the left or right?), \
             the type and --range"
            .to_owned(),
    });
    lines.join("\n")
}

fn as_json(
    address: u16,
    samples: &[Vec<u8>],
    ranked: &[Candidate],
    (verdict, beside): (Verdict, &[usize]),
    rival: Option<&str>,
) -> String {
    let word = match verdict {
        Verdict::Clear => "clear",
        Verdict::Same => "same",
        Verdict::Undecided => "undecided",
        Verdict::Zero => "zero",
        Verdict::Nothing => "nothing",
    };
    let candidates: Vec<_> = ranked
        .iter()
        .enumerate()
        .map(|(n, c)| {
            // NaN is null in JSON.
            json!({ "type": c.name, "order": c.order_name, "cost": (c.cost * 100.0).round() / 100.0,
                "values": c.values, "why": c.why, "beside": beside.contains(&n) })
        })
        .collect();
    let samples: Vec<String> = samples.iter().map(|s| hex(s)).collect();
    let report = json!({ "address": address, "samples": samples, "verdict": word, "neighbour": rival, "candidates": candidates });
    serde_json::to_string_pretty(&report).unwrap_or_default()
}
