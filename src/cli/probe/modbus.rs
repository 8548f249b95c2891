//! `steamward probe modbus`: who answers, what can be read, how fast; ends with settings to paste.

use std::time::Duration;

use clap::Args;

use super::place::{
    FourByte, duration, failure, framing, full_address, line, millis, register_bytes, usual_timeout,
};
use crate::exit;
use crate::field::modbus::survey::{
    Asker, PollError, Presence, Report, SurveyOptions, TableReport, UnitReport, advice, survey, who_answers,
};
use crate::settings::{Framing, Parity, SerialPort, Table, Transport, transport_of};
use crate::tongue::told;

/// Line settings in the order of how often they are met.
const BAUDS: [u32; 8] = [9600, 19_200, 4800, 38_400, 115_200, 57_600, 2400, 1200];
/// Units asked in each, unless others are told.
const SCANNED: [u8; 3] = [1, 2, 3];
const PARITIES: [Parity; 3] = [Parity::None, Parity::Even, Parity::Odd];

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// HOST[:PORT], tcp://…, udp://…, rtu+tcp://HOST:PORT, ascii+tcp://HOST:PORT,
    /// serial:///dev/ttyUSB0?baud=9600&parity=even, ascii:///dev/ttyUSB0?…, rtu+listen://….
    address: String,
    /// Units to ask, e.g. 1-247,255 [default: 0, 1, 255 and 2 to 16; on RTU 1 to 16].
    #[arg(long, value_parser = units)]
    unit: Option<Units>,
    /// Tables to look through: holding, input, coil, discrete, or all.
    #[arg(long, default_value = "all", value_parser = tables)]
    table: Tables,
    /// How long a unit may think.
    #[arg(long, default_value = "300ms", value_parser = duration)]
    timeout: Duration,
    /// `any` for a device that answers with other transaction ids than it was asked with; else `checked`.
    #[arg(long, default_value = "checked", value_parser = any_transaction)]
    transaction_ids: AnyTransaction,
    /// 4 for registers of four bytes each (Enron, Daniel).
    #[arg(long, default_value = "2", value_parser = register_bytes)]
    register_bytes: FourByte,
    /// All 65536 addresses of each table, and every unit in full.
    #[arg(long)]
    deep: bool,
    /// Serial only: try the usual rates and parities until somebody answers.
    #[arg(long)]
    scan_lines: bool,
    /// Print the report as JSON (docs/probe.md has its shape).
    #[arg(long)]
    json: bool,
}

/// Take answers whatever their transaction id.
#[derive(Debug, Clone, Copy)]
struct AnyTransaction(bool);

fn any_transaction(text: &str) -> Result<AnyTransaction, String> {
    match text {
        "checked" => Ok(AnyTransaction(false)),
        "any" => Ok(AnyTransaction(true)),
        other => Err(format!("`{other}` is not one of checked, any")),
    }
}

#[derive(Debug, Clone)]
struct Units(Vec<u8>);

#[derive(Debug, Clone)]
struct Tables(Vec<Table>);

fn units(text: &str) -> Result<Units, String> {
    let wrong =
        || format!("`{text}` is not a list of units: numbers from 0 to 255 and spans, e.g. 1-247,255");
    let mut all: Vec<u8> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let from: u8 = from.trim().parse().map_err(|_| wrong())?;
        let to: u8 = to.trim().parse().map_err(|_| wrong())?;
        if from > to {
            return Err(wrong());
        }
        all.extend((from..=to).filter(|u| !all.contains(u)).collect::<Vec<_>>());
    }
    Ok(Units(all))
}

fn tables(text: &str) -> Result<Tables, String> {
    let mut all = Vec::new();
    for word in text.split(',').map(str::trim) {
        match word {
            "holding" => all.push(Table::HoldingRegister),
            "input" => all.push(Table::InputRegister),
            "coil" => all.push(Table::Coil),
            "discrete" => all.push(Table::DiscreteInput),
            "all" => {
                all.extend([Table::HoldingRegister, Table::InputRegister, Table::Coil, Table::DiscreteInput]);
            }
            _ => return Err(format!("`{word}` is not a table: holding, input, coil, discrete or all")),
        }
    }
    all.dedup();
    Ok(Tables(all))
}

pub(super) fn modbus(options: &Options) -> i32 {
    let transport = match transport_of(&options.address) {
        Ok(transport) => transport,
        Err(problem) => {
            complain!("ADDRESS: {problem}");
            return exit::SETTINGS;
        }
    };
    let runtime = match super::super::runtime() {
        Ok(runtime) => runtime,
        Err(e) => {
            complain!("cannot start the runtime: {e}");
            return exit::FAILED;
        }
    };
    let asked = options.unit.as_ref().map_or_else(|| usual_units(&transport), |u| u.0.clone());
    runtime.block_on(async {
        match (&transport, options.scan_lines) {
            (Transport::Serial(port), true) => scan(options, port, &asked).await,
            (_, true) => {
                complain!("--scan-lines: only a serial port of this machine has line settings to try");
                exit::SETTINGS
            }
            _ => {
                let address = full_address(&options.address, &transport);
                look(options, &transport, address, asked).await
            }
        }
    })
}

/// 1 first, for most devices are that. On RTU 0 is a broadcast, which nobody answers.
fn usual_units(transport: &Transport) -> Vec<u8> {
    let first: &[u8] = if transport.framing() == Framing::Tcp { &[1, 0, 255] } else { &[1] };
    first.iter().copied().chain(2..=16).collect()
}

async fn look(options: &Options, transport: &Transport, address: String, asked: Vec<u8>) -> i32 {
    // A mobile network answers in seconds, whatever was told for a wire.
    let timeout = match transport {
        Transport::DialIn(_) => options.timeout.max(usual_timeout(transport)),
        _ => options.timeout,
    };
    if let Transport::DialIn(how) = transport {
        complain!("waiting for the device to dial in at {}, at most 120 s", how.listen);
    }
    let mut asker = match Asker::open(transport, timeout, Duration::from_secs(120)).await {
        Ok(asker) => asker,
        Err(error) => {
            failure(&address, &error, options.json);
            return exit::FAILED;
        }
    };
    asker.any_transaction = options.transaction_ids.0;
    asker.four_byte = options.register_bytes.0;
    let wanted = SurveyOptions { units: asked, tables: options.table.0.clone(), deep: options.deep, address };
    let report = survey(&mut asker, transport, &wanted, &|step| complain!("  {step}")).await;
    if options.json {
        say!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        say!("{}", text(&report, transport, options).trim_end());
    }
    if report.units.is_empty() { exit::FAILED } else { exit::FINE }
}

/// Tries the usual line settings until somebody answers, then looks at him.
async fn scan(options: &Options, port: &SerialPort, asked: &[u8]) -> i32 {
    let mut noise = Vec::new();
    // Without a word on it the first few: each silent one costs its time in every setting.
    let tried: Vec<u8> = if options.unit.is_some() { asked.to_vec() } else { SCANNED.to_vec() };
    for baud in BAUDS {
        for parity in PARITIES {
            let port = SerialPort { baud, parity, ..port.clone() };
            complain!("  line {}", line(&port));
            let transport = Transport::Serial(port.clone());
            let mut asker = match Asker::open(&transport, options.timeout, Duration::ZERO).await {
                Ok(asker) => asker,
                // A port that does not know a parity or a rate: the next.
                Err(error) if advice(&error).is_none() => {
                    complain!("    {error}");
                    continue;
                }
                Err(error) => {
                    failure(&options.address, &error, options.json);
                    return exit::FAILED;
                }
            };
            for unit in &tried {
                match who_answers(&mut asker, *unit, Table::HoldingRegister).await {
                    Ok(Presence::There) => {
                        drop(asker);
                        let parity = match parity {
                            Parity::None => "none",
                            Parity::Even => "even",
                            Parity::Odd => "odd",
                        };
                        let bits = match (port.ascii, port.data_bits) {
                            (true, 8) => "&data_bits=8",
                            (false, 7) => "&data_bits=7",
                            _ => "",
                        };
                        let address = format!("{}?baud={baud}&parity={parity}{bits}", transport.address());
                        complain!("  unit {unit} answers at {}", line(&port));
                        return look(options, &transport, address, asked.to_vec()).await;
                    }
                    Ok(Presence::Garbled(words)) => noise.push(format!("{}: {words}", line(&port))),
                    _ => {}
                }
            }
        }
    }
    let error = PollError::Line(format!(
        "nobody answers with any of the usual line settings{}",
        match noise.first() {
            Some(first) => format!(", but something came at {first}"),
            None => "; check A and B, the unit id and the power".to_owned(),
        }
    ));
    failure(&options.address, &error, options.json);
    exit::FAILED
}

fn list(units: &[u8]) -> String {
    let mut spans: Vec<(u8, u8)> = Vec::new();
    let mut sorted = units.to_vec();
    sorted.sort_unstable();
    for unit in sorted {
        match spans.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(unit) => last.1 = unit,
            _ => spans.push((unit, unit)),
        }
    }
    let words = spans.iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") });
    words.collect::<Vec<_>>().join(", ")
}

fn text(report: &Report, transport: &Transport, options: &Options) -> String {
    let mut lines = vec![format!(
        "{} ({}): {} of {} units answered, {} requests in {:.1} s",
        report.address,
        framing(transport),
        report.units.len(),
        report.units.len() + report.silent.len() + report.absent.len() + report.garbled.len(),
        report.requests,
        report.elapsed_ms as f64 / 1000.0
    )];
    if let Some(hex) = &report.registration {
        lines.push(format!("it introduced itself with hex:{hex}"));
    }
    // A device that ignores the unit id answers to all of them.
    let ignores = report.absent.is_empty() && report.silent.is_empty();
    for unit in &report.units {
        lines.extend(unit_text(unit, ignores));
    }
    if !report.absent.is_empty() {
        lines
            .push(format!("not there, says the gateway (exception 0A or 0B): unit {}", list(&report.absent)));
    }
    if !report.silent.is_empty() {
        lines.push(format!("silent for {}: unit {}", millis_of(options.timeout), list(&report.silent)));
    }
    for (unit, words) in &report.garbled {
        lines.push(format!("no proper answer: unit {unit}: {words}"));
    }
    if let Some(broke) = &report.broke {
        lines.push(format!("the line failed: {broke}"));
        lines.extend(advice(&PollError::Line(broke.clone())).map(|a| format!("  {a}")));
    }
    lines.push(String::new());
    // What is to be pasted stays as it is.
    let next = next(report, transport).join("\n");
    format!("{}\n{next}", told(&lines.join("\n")))
}

fn millis_of(duration: Duration) -> String {
    millis(duration.as_micros() as u64)
}

fn unit_text(unit: &UnitReport, ignores: bool) -> Vec<String> {
    if let Some(like) = unit.like {
        let why = if ignores {
            "the device seems to ignore the unit id"
        } else {
            "of the same make, or the same device once more; --deep looks at it in full"
        };
        return vec![format!("unit {}: the same answers as unit {like} wherever compared: {why}", unit.unit)];
    }
    let mut lines = vec![format!("unit {}", unit.unit)];
    for object in &unit.identification {
        lines.push(format!("  {} {}", object.name, object.text));
    }
    for table in &unit.tables {
        lines.extend(table_text(table));
    }
    if let Some(pace) = &unit.pace {
        let pause = match pace.pause_ms {
            Some(0) => "no pause needed".to_owned(),
            Some(ms) => format!("needs a pause of {ms} ms between requests"),
            None => "stumbles whatever the pause".to_owned(),
        };
        lines.push(format!(
            "  pace: {} typical, {} worst; {pause} ({} of {} back to back failed)",
            millis(pace.p50_us),
            millis(pace.worst_us),
            pace.failed,
            pace.asked
        ));
    }
    if let Some(p) = &unit.pipelining {
        let beyond = p.beyond.as_ref().map(|b| format!("; {b}")).unwrap_or_default();
        lines.push(match p.most {
            0 | 1 => format!("  several requests at once: not answered properly{beyond}"),
            most => format!(
                "  several requests at once: {most} are answered, {} times as fast{beyond}",
                p.speedup
            ),
        });
    }
    lines
}

fn table_text(table: &TableReport) -> Vec<String> {
    let codes: Vec<String> = table.exceptions.iter().map(|c| format!("{c:02X}")).collect();
    let codes = if codes.is_empty() { String::new() } else { format!(", exception {}", codes.join(", ")) };
    let head = format!("  FC{:02} {}", table.function, table.table);
    match table.state {
        "unsupported" => return vec![format!("{head}: not supported{codes}")],
        "silent" => return vec![format!("{head}: silent")],
        "refused" => {
            let mut lines = vec![format!("{head}: nothing readable where it was looked for{codes}")];
            lines.extend(other_size(table));
            return lines;
        }
        _ => {}
    }
    let limit = match table.limit {
        Some(limit) => format!("takes at most {limit} a request"),
        None => format!("took {} in one request", table.largest),
    };
    let pairs = if table.pairs { ", whole 32-bit values only" } else { "" };
    let rest = if table.complete { "" } else { ", not looked through to the end" };
    let mut lines = vec![format!("{head}: {limit}{pairs}{rest}")];
    lines.extend(other_size(table));
    for range in &table.ranges {
        let on = if range.run.goes_on { " and on, not followed" } else { "" };
        lines.push(format!("    {}..{} ({}){on}", range.run.from, range.run.to, range.modicon));
    }
    lines
}

fn other_size(table: &TableReport) -> Option<String> {
    let told =
        "    some registers are answered with another size: try --register-bytes 4 (or 2, if 4 was given)";
    table.other_size.then(|| told.to_owned())
}

fn next(report: &Report, transport: &Transport) -> Vec<String> {
    let Some(proposal) = &report.proposal else {
        let mut lines = vec!["what to do next:".to_owned()];
        if !report.units.is_empty() {
            lines.push(
                "  somebody answers, but nothing could be read: --deep looks at all addresses".to_owned(),
            );
            if report.units.iter().flat_map(|u| &u.tables).any(|t| t.state == "silent") {
                lines.push("  --timeout 2s waits longer: some requests were not answered in time".to_owned());
            }
        } else if let Transport::Serial(_) = transport {
            lines.push(
                "  --scan-lines tries the usual rates and parities; --unit 1-247 asks every unit".to_owned(),
            );
            lines.push("  then check A and B (swap them once), the termination and the power".to_owned());
        } else {
            lines.push("  --unit 1-247 asks every unit; --timeout 2s waits longer".to_owned());
            let other = match transport.framing() {
                _ if matches!(transport, Transport::Udp { .. }) => {
                    "most devices speak Modbus TCP: tcp://; a firewall may drop datagrams"
                }
                Framing::Tcp => "a serial server without Modbus gateway wants rtu+tcp://",
                Framing::Rtu => {
                    "a Modbus gateway wants tcp://; else check rate and parity in the serial server"
                }
            };
            lines.push(format!("  {other}"));
        }
        return lines.iter().map(|line| told(line).into_owned()).collect();
    };
    let indent =
        |text: &str| text.lines().map(|l| format!("    {l}").trim_end().to_owned()).collect::<Vec<_>>();
    let mut lines = vec![told("to begin with, in steamward.toml:").into_owned(), String::new()];
    lines.extend(indent(&proposal.source));
    lines.extend([String::new(), told("and in profiles/device.toml:").into_owned(), String::new()]);
    lines.extend(indent(&proposal.profile));
    lines.push(String::new());
    let next = "what to do next: find a value's type and order with `steamward probe orders`, then read it with \
                `steamward probe read`";
    lines.push(told(next).into_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::{list, tables, units};

    #[test]
    fn units_are_numbers_and_spans_and_nothing_else() {
        assert_eq!(units("1-3,255,2").map(|u| u.0), Ok(vec![1, 2, 3, 255]));
        assert_eq!(list(&[3, 1, 2, 255]), "1-3, 255");
        for wrong in ["", "256", "5-1", "a", "1-"] {
            assert!(units(wrong).is_err(), "{wrong}");
        }
        assert!(tables("holding,coils").is_err_and(|e| e.contains("`coils`")));
    }
}
