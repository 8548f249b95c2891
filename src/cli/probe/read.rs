//! `steamward probe read`: one value now, with its frames; by address, or a point of the settings.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use serde_json::json;

use super::place::{
    FourByte, Place, Placed, connected, duration, hex, millis, number, quoted, register_bytes,
};
use crate::exit;
use crate::field::modbus::Frame;
use crate::field::modbus::survey::{Asker, PointReading, advice, read_point};
use crate::plant::{Plant, Point, PointIx, Quality};
use crate::settings::{Loaded, ModbusPoint, ModbusSource};

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// ADDRESS as for `probe modbus`; or the folder of the settings, with EQUIPMENT/POINT behind it.
    address: String,
    /// EQUIPMENT/POINT of the settings.
    point: Option<String>,
    /// Unit id, 0 to 255.
    #[arg(long, default_value_t = 1)]
    unit: u8,
    /// holding, input, coil or discrete. With it the number of --at is plain and counts from 0, as in a profile;
    /// without it 40003 is the third holding register.
    #[arg(long)]
    table: Option<String>,
    /// Address as a profile has it: 40003, 400003, 0x2000, or 40021.3 for a bit.
    #[arg(long, required_unless_present = "point", conflicts_with = "point")]
    at: Option<String>,
    /// u16, i16, u32, i32, f32, f64, bcd32, string … as in a profile.
    #[arg(long = "type", default_value = "u16")]
    kind: String,
    /// abcd, cdab, badc, dcba, or any order of the letters.
    #[arg(long)]
    order: Option<String>,
    /// 4 if the register holds four bytes (Enron, Daniel).
    #[arg(long, default_value = "2", value_parser = register_bytes)]
    register_bytes: FourByte,
    /// Registers of a text.
    #[arg(long)]
    length: Option<u8>,
    /// ascii, utf8, gbk, utf16be or utf16le.
    #[arg(long)]
    encoding: Option<String>,
    /// Multiplier from the raw number to the value.
    #[arg(long, allow_hyphen_values = true)]
    scale: Option<f64>,
    /// Added after it.
    #[arg(long, allow_hyphen_values = true)]
    offset: Option<f64>,
    /// How often to read.
    #[arg(long, default_value_t = 1)]
    repeat: u32,
    /// Time from one read to the next.
    #[arg(long, default_value = "1s", value_parser = duration)]
    every: Duration,
    /// How long the device may think.
    #[arg(long, value_parser = duration)]
    timeout: Option<Duration>,
    /// One JSON object a reading, a line each (docs/probe.md has its shape).
    #[arg(long)]
    json: bool,
}

/// What is to be read, from the options or from the settings.
struct Wanted {
    source: ModbusSource,
    point: ModbusPoint,
    plant: Plant,
    note: Option<String>,
}

impl Wanted {
    fn plant_point(&self) -> &Point {
        self.plant.point(self.point.point)
    }
}

pub(super) fn read(options: &Options) -> i32 {
    let wanted = match &options.point {
        Some(point) => configured(Path::new(&options.address), point),
        None => given(options),
    };
    let mut wanted = match wanted {
        Ok(wanted) => wanted,
        Err(problem) => {
            complain!("{problem}");
            return exit::SETTINGS;
        }
    };
    if let Some(timeout) = options.timeout {
        wanted.source.timeout = timeout;
    }
    connected(&wanted.source.transport, wanted.source.timeout, options.json, async |mut asker| {
        repeat(options, &wanted, &mut asker).await
    })
}

fn given(options: &Options) -> Result<Wanted, String> {
    let mut place = Place::new(options.unit, options.table.clone(), options.at.clone().unwrap_or_default());
    place.four_byte = options.register_bytes;
    let mut keys = Vec::new();
    let bit = place.at.contains('.');
    let table_of_bits = matches!(options.table.as_deref(), Some("coil" | "discrete"));
    if !bit && !table_of_bits {
        keys.push(("type", quoted(&options.kind)));
    }
    keys.extend(options.order.as_ref().map(|o| ("order", quoted(o))));
    keys.extend(options.length.map(|l| ("length", l.to_string())));
    keys.extend(options.encoding.as_ref().map(|e| ("encoding", quoted(e))));
    keys.extend(options.scale.map(|s| ("scale", format!("{s:?}"))));
    keys.extend(options.offset.map(|o| ("offset", format!("{o:?}"))));
    let Placed { source, point, loaded } = place.placed(&options.address, &keys)?;
    Ok(Wanted { source, point, plant: loaded.settings.plant, note: place.note() })
}

fn configured(dir: &Path, path: &str) -> Result<Wanted, String> {
    let Loaded { settings, .. } = super::super::load(dir).map_err(|faults| super::super::all_of(&faults))?;
    let (equipment, point) = path
        .split_once('/')
        .ok_or_else(|| format!("`{path}` is not a point: EQUIPMENT/POINT, e.g. boiler-1/steam_pressure"))?;
    let plant = settings.plant;
    let known =
        |names: Vec<&str>| if names.is_empty() { "there is none".to_owned() } else { names.join(", ") };
    let owner = plant.equipment.iter().find(|e| e.id.as_str() == equipment).ok_or_else(|| {
        format!(
            "there is no equipment `{equipment}`; known: {}",
            known(plant.equipment.iter().map(|e| e.id.as_str()).collect())
        )
    })?;
    let ids = || owner.points.iter().map(|ix| plant.point(*ix).id.as_str());
    let ix: PointIx =
        owner.points.iter().copied().find(|ix| plant.point(*ix).id.as_str() == point).ok_or_else(|| {
            format!("{equipment} has no point `{point}`; known: {}", known(ids().collect()))
        })?;
    for source in &settings.modbus {
        let all = source.devices.iter().flat_map(|d| &d.groups).flat_map(|g| &g.points);
        if let Some(found) = all.into_iter().find(|p| p.point == ix) {
            return Ok(Wanted { source: source.clone(), point: found.clone(), plant, note: None });
        }
    }
    Err(format!("{path} does not come over Modbus: only Modbus can be asked"))
}

async fn repeat(options: &Options, wanted: &Wanted, asker: &mut Asker) -> i32 {
    let timezone = crate::plant::zone(&wanted.plant.site.timezone).unwrap_or(TimeZone::UTC);
    let mut ticks = tokio::time::interval(options.every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut good = true;
    if !options.json {
        tell!("{}", head(wanted));
    }
    for _ in 0..options.repeat.max(1) {
        ticks.tick().await;
        match read_point(asker, &wanted.source, wanted.point.point, &timezone).await {
            Ok(mut reading) => {
                judge_range(wanted.plant_point(), &mut reading);
                good &= reading.quality.is_usable();
                if options.json {
                    say!("{}", as_json(wanted, &reading));
                } else {
                    tell!("{}", as_text(wanted, &reading));
                }
            }
            Err(e) => {
                complain!("{e}");
                return exit::FAILED;
            }
        }
    }
    if let (false, Some(note)) = (options.json, &wanted.note) {
        tell!("note: {note}");
    }
    if good { exit::FINE } else { exit::FAILED }
}

/// As the gateway does before it judges a limit.
fn judge_range(point: &Point, reading: &mut PointReading) {
    if let Some((low, high)) = point.range
        && reading.quality.is_usable()
        && !(low..=high).contains(&reading.value)
    {
        reading.quality = Quality::Bad(crate::plant::Cause::OutOfRange);
    }
}

fn unit_of(wanted: &Wanted) -> u8 {
    let has = |d: &&crate::settings::ModbusDevice| {
        d.groups.iter().flat_map(|g| &g.points).any(|p| p.point == wanted.point.point)
    };
    wanted.source.devices.iter().find(has).map_or(0, |d| d.unit)
}

fn head(wanted: &Wanted) -> String {
    let p = &wanted.point;
    let last = u32::from(p.address) + u32::from(p.registers()) - 1;
    let span =
        if u32::from(p.address) == last { p.address.to_string() } else { format!("{}..{last}", p.address) };
    let kind = format!("{:?} {:?}", p.format, p.order).to_lowercase();
    format!(
        "{} unit {}: FC{:02} {} {span} ({}), {kind}",
        wanted.source.transport.address(),
        unit_of(wanted),
        p.table.function(),
        p.table.name(),
        crate::field::modbus::survey::modicon(p.table, u32::from(p.address)),
    )
}

/// Chunks of one direction that follow each other are one frame, or several at once.
fn frames(frames: &[Frame]) -> Vec<(bool, Vec<u8>)> {
    let mut all: Vec<(bool, Vec<u8>)> = Vec::new();
    for frame in frames {
        match all.last_mut() {
            Some(last) if last.0 == frame.sent && !frame.sent => last.1.extend(&frame.bytes),
            _ => all.push((frame.sent, frame.bytes.clone())),
        }
    }
    all
}

fn as_text(wanted: &Wanted, reading: &PointReading) -> String {
    let mut lines = Vec::new();
    for (sent, bytes) in frames(&reading.frames) {
        lines.push(format!("  {} {}", if sent { "asked   " } else { "answered" }, hex(&bytes)));
    }
    let point = wanted.plant_point();
    if let Some(error) = &reading.error {
        lines.push(format!("  no value: {error}"));
        lines.extend(advice(error).map(|a| format!("  {a}")));
        return lines.join("\n");
    }
    if let Some(registers) = &reading.registers {
        let raw = reading.raw.map(|r| format!(" = {}", number(r))).unwrap_or_default();
        lines.push(format!("  registers {registers}{raw}"));
    }
    let value = match &reading.text {
        Some(text) => format!("{text:?}"),
        None if reading.value.is_finite() => {
            format!("{} {}", number(reading.value), point.unit).trim_end().to_owned()
        }
        None => "none".to_owned(),
    };
    let cause = reading.quality.cause().map(|c| format!(", {}", c.word())).unwrap_or_default();
    let took = reading.round_trip.map(|d| format!(", {}", millis(d.as_micros() as u64))).unwrap_or_default();
    let quality = crate::tongue::told(reading.quality.word());
    lines.push(format!("  value {value} ({quality}{cause}{took})"));
    lines.join("\n")
}

fn as_json(wanted: &Wanted, reading: &PointReading) -> String {
    let all: Vec<_> = frames(&reading.frames)
        .iter()
        .map(|(sent, bytes)| json!({ "sent": sent, "hex": hex(bytes) }))
        .collect();
    let value = match &reading.text {
        Some(text) => json!(text),
        None => json!(reading.value),
    };
    json!({
        "unit": unit_of(wanted),
        "table": crate::field::modbus::survey::table_name(wanted.point.table),
        "address": wanted.point.address,
        "frames": all,
        "registers": reading.registers,
        "raw": reading.raw,
        "value": value,
        "value_unit": wanted.plant_point().unit,
        "quality": reading.quality.word(),
        "cause": reading.quality.cause().map(|c| c.word()),
        "round_trip_us": reading.round_trip.map(|d| d.as_micros() as u64),
        "error": reading.error.as_ref().map(ToString::to_string),
        "advice": reading.error.as_ref().and_then(advice),
    })
    .to_string()
}
