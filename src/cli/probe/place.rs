//! What the probes share: a place in a device as options of the command line, checked by the very rules
//! of a profile; the connection; how numbers and failures are shown.

use std::time::Duration;

use crate::exit;
use crate::field::modbus::survey::{Asker, PollError, advice};
use crate::settings::{
    DialIn, Fault, Framing, Loaded, ModbusPoint, ModbusSource, Parity, SerialPort, Transport, load_texts,
    transport_of,
};
use crate::tongue::{self, told};

/// How long a device that dials in is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the value stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    unit: u8,
    table: Option<String>,
    /// As it was written.
    pub(super) at: String,
    /// Its register holds four bytes.
    pub(super) four_byte: FourByte,
}

/// Registers of four bytes each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FourByte(pub(super) bool);

/// `2` or `4`.
pub(super) fn register_bytes(text: &str) -> Result<FourByte, String> {
    match text {
        "2" => Ok(FourByte(false)),
        "4" => Ok(FourByte(true)),
        other => Err(format!("`{other}` is not one of 2, 4")),
    }
}

/// The place as one point of a source.
pub(super) struct Placed {
    pub(super) source: ModbusSource,
    pub(super) point: ModbusPoint,
    pub(super) loaded: Loaded,
}

impl Place {
    pub(super) fn new(unit: u8, table: Option<String>, at: String) -> Self {
        Self { unit, table, at, four_byte: FourByte(false) }
    }

    /// Builds settings with this one point, so that every rule and every word of a fault is that of the
    /// settings; `keys` are further keys of the point, values in TOML.
    pub(super) fn placed(&self, address: &str, keys: &[(&str, String)]) -> Result<Placed, String> {
        let transport = transport_of(address)?;
        let source = format!("address = {}\n", quoted(&full_address(address, &transport)));
        let settings = format!(
            "[site]\nid = \"probe\"\n[[source.modbus]]\nid = \"probe\"\n{source}\
             [[equipment]]\nid = \"probe\"\nprofile = \"probe\"\nsource = \"probe\"\nunit = {}\n",
            self.unit
        );
        let all = |table: &str| format!("{{ table = \"{table}\", from = 0, to = 65535 }}");
        let four_byte = match self.four_byte {
            FourByte(true) => format!("[modbus]\nfour_byte = [{}, {}]\n", all("holding"), all("input")),
            FourByte(false) => String::new(),
        };
        let place = quoted(&self.at);
        let mut profile =
            format!("kind = \"probe\"\n{four_byte}[[point]]\nid = \"value\"\naddress = {place}\n");
        if let Some(table) = &self.table {
            profile += &format!("table = {}\n", quoted(table));
        }
        for (key, value) in keys {
            profile += &format!("{key} = {value}\n");
        }
        let loaded =
            load_texts(&[("options", &settings)], &[("probe.toml", &profile)], &[]).map_err(|faults| {
                let joint = if tongue::chosen() == tongue::Language::Zh { "；" } else { "; " };
                let said =
                    |f: &Fault| format!("{}: {}{joint}{}", option(&f.key), told(&f.problem), told(&f.remedy));
                let lines = faults.0.iter().map(said);
                lines.collect::<Vec<_>>().join("\n")
            })?;
        let source = loaded.settings.modbus.first().cloned();
        let point = source.as_ref().and_then(|s| s.devices.first()?.groups.first()?.points.first().cloned());
        match (source, point) {
            (Some(source), Some(point)) => Ok(Placed { source, point, loaded }),
            _ => Err(format!("--at: `{}` is not a register", self.at)),
        }
    }

    /// A number that looks Modicon and is not taken so.
    pub(super) fn note(&self) -> Option<String> {
        let number: u32 = self.at.split('.').next()?.parse().ok()?;
        let looks = matches!(number, 10_001..=19_999 | 30_001..=39_999 | 40_001..=49_999);
        (self.table.is_some() && looks).then(|| {
            format!(
                "with --table the number is plain, as in a profile: {number} was asked for on the wire. \
                 Leave --table out if the manual means {number} in the Modicon way (address {} there)",
                number % 10_000 - 1
            )
        })
    }
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// The option that a settings key came from.
fn option(key: &str) -> String {
    match key.rsplit('.').next().unwrap_or(key) {
        "address" if key.contains("source") => "ADDRESS".to_owned(),
        "address" => "--at".to_owned(),
        other => format!("--{other}"),
    }
}

/// The address as the settings want it.
pub(super) fn full_address(given: &str, transport: &Transport) -> String {
    if !given.contains("://") { transport.address() } else { given.to_owned() }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    crate::settings::duration(text)
        .filter(|d| !d.is_zero() && *d <= Duration::from_secs(3600))
        .ok_or_else(|| "a duration, e.g. 300ms or 2s".to_owned())
}

pub(super) fn finite(text: &str) -> Result<f64, String> {
    text.trim().parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| "a number, e.g. 75.2".to_owned())
}

/// `0..2.5`
pub(super) fn range(text: &str) -> Result<(f64, f64), String> {
    let wrong = || "two numbers, the smaller first, e.g. 0..2.5".to_owned();
    let (low, high) = text.split_once("..").ok_or_else(wrong)?;
    let (low, high) = (low.trim().parse::<f64>(), high.trim().parse::<f64>());
    match (low, high) {
        (Ok(low), Ok(high)) if low < high && low.is_finite() && high.is_finite() => Ok((low, high)),
        _ => Err(wrong()),
    }
}

/// How long a device may think, unless it was told.
pub(super) fn usual_timeout(transport: &Transport) -> Duration {
    match transport {
        Transport::DialIn(_) => Duration::from_secs(4),
        Transport::RtuTcp { .. } => Duration::from_millis(800),
        _ => Duration::from_millis(500),
    }
}

/// Runs `work` with a connection; its exit code, or that of a connection that could not be made.
pub(super) fn connected(
    transport: &Transport,
    timeout: Duration,
    json: bool,
    work: impl AsyncFnOnce(Asker) -> i32,
) -> i32 {
    let runtime = match super::super::runtime() {
        Ok(runtime) => runtime,
        Err(e) => {
            complain!("cannot start the runtime: {e}");
            return exit::FAILED;
        }
    };
    runtime.block_on(async {
        if let Transport::DialIn(DialIn { listen, .. }) = transport {
            complain!("waiting for the device to dial in at {listen}, at most {} s", PATIENCE.as_secs());
        }
        match Asker::open(transport, timeout, PATIENCE).await {
            Ok(asker) => work(asker).await,
            Err(error) => {
                failure(&transport.address(), &error, json);
                exit::FAILED
            }
        }
    })
}

/// Says why nothing could be asked, and what may help.
pub(super) fn failure(address: &str, error: &PollError, json: bool) {
    let hint = advice(error);
    if json {
        say!("{}", serde_json::json!({ "address": address, "error": error.to_string(), "advice": hint }));
        return;
    }
    complain!("{address}: {error}");
    if let Some(hint) = hint {
        complain!("  {hint}");
    }
}

/// `serial 9600-8-E-1`
pub(super) fn line(port: &SerialPort) -> String {
    let parity = match port.parity {
        Parity::None => 'N',
        Parity::Even => 'E',
        Parity::Odd => 'O',
    };
    format!("{}-{}-{parity}-{}", port.baud, port.data_bits, port.stop_bits)
}

/// `Modbus TCP`, `Modbus RTU` and so on.
pub(super) fn framing(transport: &Transport) -> &'static str {
    match transport {
        Transport::Udp { .. } => "Modbus in UDP datagrams",
        Transport::RtuTcp { ascii: true, .. } | Transport::Serial(SerialPort { ascii: true, .. }) => {
            "Modbus ASCII"
        }
        other => match other.framing() {
            Framing::Tcp => "Modbus TCP",
            Framing::Rtu => "Modbus RTU",
        },
    }
}

/// Bytes in hex, a blank between them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(" ")
}

/// A number as people write it: all its digits, no more.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-4..1e15).contains(&size) {
        // A single's own digits rather than those of its nearest double.
        let short = value as f32;
        if f64::from(short) == value { format!("{short}") } else { format!("{value}") }
    } else if f64::from(value as f32) == value {
        format!("{:e}", value as f32)
    } else {
        format!("{value:e}")
    }
}

/// Milliseconds with as many decimals as make sense.
pub(super) fn millis(micros: u64) -> String {
    let ms = micros as f64 / 1000.0;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

#[cfg(test)]
mod tests {
    use super::{Place, number, range};

    #[test]
    fn a_number_that_looks_modicon_is_noted_and_one_that_cannot_be_is_not() {
        let note = |at: &str, table: Option<&str>| {
            Place::new(1, table.map(str::to_owned), at.to_owned()).note().unwrap_or_default()
        };
        assert!(note("40001", Some("holding")).contains("address 0 there"));
        assert!(note("49999.3", Some("holding")).contains("address 9998 there"));
        for (at, table) in [("40000", Some("holding")), ("30000", Some("input")), ("40001", None)] {
            assert_eq!(note(at, table), "", "{at}");
        }
    }

    #[test]
    fn numbers_are_shown_with_their_own_digits() {
        let single = f64::from(1.256_516_3f32);
        assert_eq!(
            [number(single), number(0.1), number(752.0), number(0.0)],
            ["1.2565163", "0.1", "752", "0"]
        );
        assert_eq!(number(f64::from(2.0e-41f32)), "2e-41");
    }

    #[test]
    fn a_range_is_two_numbers_the_smaller_first() {
        assert_eq!(range("-150..150"), Ok((-150.0, 150.0)));
        for wrong in ["", "1", "2..1", "1..1", "a..2", "0..inf"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_option_of_a_place_is_judged_as_in_a_profile() {
        let place = |table: Option<&str>, at: &str| Place::new(1, table.map(str::to_owned), at.to_owned());
        let at = |place: &Place| {
            place.placed("10.0.0.1", &[]).map(|p| (p.point.table.function(), p.point.address))
        };
        assert_eq!(at(&place(None, "40003")), Ok((3, 2)));
        assert_eq!(at(&place(None, "30001")), Ok((4, 0)));
        assert_eq!(at(&place(Some("holding"), "40003")), Ok((3, 40_003)));
        assert_eq!(at(&place(Some("holding"), "0x2000")), Ok((3, 0x2000)));
        assert_eq!(at(&place(None, "0x9C41")), Ok((3, 0x9C41)), "no Modicon number");
        assert!(place(Some("holding"), "40003").note().is_some_and(|n| n.contains("address 2 there")));
        assert!(place(None, "40003").note().is_none() && place(Some("holding"), "100").note().is_none());
        for (table, at, word) in
            [(None, "4000x", "--at"), (Some("registers"), "1", "--table"), (None, "\"\n", "--at")]
        {
            let problem = place(table, at).placed("10.0.0.1", &[]).err().unwrap_or_default();
            assert!(problem.contains(word) && problem.lines().count() == 1, "{problem}");
        }
        let wrong = place(None, "40001").placed("rtu+tcp://host", &[]).err().unwrap_or_default();
        assert!(wrong.contains("no port"), "{wrong}");
    }
}
