//! `source.modbus.*.address` and what goes with it → the way to the devices.

use std::time::Duration;

use super::super::types::{DialIn, Framing, Parity, Rts, SerialPort, Transport};
use super::super::walk::{Walk, duration};
use super::words::{odd_host, plainly};

const FORMS: &str = "\"tcp://192.0.2.10:502\", \"udp://192.0.2.10:502\", \"rtu+tcp://192.0.2.10:4001\", \
     \"serial:///dev/ttyUSB0?baud=9600&parity=even\", \"rtu+listen://0.0.0.0:9000\", or for Modbus ASCII \
     \"ascii+tcp://192.0.2.10:4001\" and \"ascii:///dev/ttyUSB0?baud=9600&parity=even\"";

/// What some devices speak and this gateway does not.
const UNSPOKEN: &[(&str, &str)] = &[
    ("rtu+udp", "Modbus RTU in UDP datagrams"),
    ("ascii+udp", "Modbus ASCII in UDP datagrams"),
    ("ascii+listen", "Modbus ASCII from devices that dial in"),
    ("tls", "Modbus/TCP Security (TLS)"),
    ("tcps", "Modbus/TCP Security (TLS)"),
];

/// Longest packet of a device that dials in; a caller's first bytes are looked at no further.
const LONGEST_PACKET: usize = 256;

/// The transport that `address`, `registration` and `heartbeat` describe.
pub(super) fn transport(w: &Walk<'_>) -> Option<Transport> {
    let registration = packet(w, "registration");
    let heartbeat = packet(w, "heartbeat_packet");
    let text = w.need("address", "\"tcp://192.0.2.10:502\"")?;
    let found = parse(text);
    let transport = match found {
        Ok(transport) => transport,
        Err(problem) => {
            let remedy = plainly(text).unwrap_or_else(|| FORMS.to_owned());
            w.fault("address", problem, format!("write address = {remedy}"));
            return None;
        }
    };
    if let Transport::Tcp { host, .. } | Transport::Udp { host, .. } | Transport::RtuTcp { host, .. } =
        &transport
        && let Some(problem) = odd_host(host)
    {
        w.fault("address", problem, "four numbers from 0 to 255, or the name of a host");
    }
    let given = registration.is_some() || heartbeat.is_some();
    match transport {
        Transport::DialIn(how) => Some(Transport::DialIn(DialIn {
            registration: registration.unwrap_or_default(),
            heartbeat: heartbeat.unwrap_or_default(),
            ..how
        })),
        other => {
            if given {
                let key = if registration.is_some() { "registration" } else { "heartbeat_packet" };
                w.fault(key, "only a device that dials in has one", "remove the key, or use rtu+listen://");
            }
            Some(other)
        }
    }
}

/// A packet as text, or as hex behind `hex:`.
fn packet(w: &Walk<'_>, key: &'static str) -> Option<Vec<u8>> {
    let text = w.text(key)?;
    let bytes = match text.strip_prefix("hex:") {
        None => Some(text.as_bytes().to_vec()),
        Some(hex) => bytes(hex),
    };
    match bytes {
        None => w.fault(key, format!("`{text}` is no packet"), "text, or bytes as \"hex:4454 5537\""),
        Some(long) if long.len() > LONGEST_PACKET => {
            w.fault(key, format!("{} bytes", long.len()), format!("{LONGEST_PACKET} bytes at most"));
            return None;
        }
        Some(_) => {}
    }
    bytes
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = hex.chars().filter(|c| !c.is_whitespace()).map_while(|c| c.to_digit(16)).collect();
    let wanted = hex.chars().filter(|c| !c.is_whitespace()).count();
    let whole = digits.len() == wanted && wanted % 2 == 0 && wanted > 0;
    whole.then(|| digits.chunks(2).map(|d| (d[0] * 16 + d[1]) as u8).collect())
}

/// An address as on a command line: the forms of the settings, or a plain `HOST[:PORT]` for Modbus TCP.
///
/// # Errors
/// What is wrong with it, and which forms there are.
pub fn transport_of(text: &str) -> Result<Transport, String> {
    let plain = !text.contains("://") && !text.starts_with('/');
    let full = if plain { format!("tcp://{text}") } else { text.to_owned() };
    parse(&full).map_err(|problem| format!("{problem}; HOST[:PORT], {FORMS}"))
}

fn parse(text: &str) -> Result<Transport, String> {
    let no = || format!("`{text}` is not a valid address");
    let (scheme, rest) = text.split_once("://").ok_or_else(no)?;
    match scheme {
        "tcp" => {
            let (host, port) = host_port(rest, Some(502)).ok_or_else(no)?;
            Ok(Transport::Tcp { host, port })
        }
        "udp" => {
            let (host, port) = host_port(rest, Some(502)).ok_or_else(no)?;
            Ok(Transport::Udp { host, port })
        }
        "rtu+tcp" | "ascii+tcp" => {
            let (host, port) = host_port(rest, None)
                .ok_or_else(|| format!("`{text}` has no port: serial servers have no usual one"))?;
            Ok(Transport::RtuTcp { host, port, ascii: scheme == "ascii+tcp" })
        }
        "listen" | "rtu+listen" => {
            let listen = rest
                .trim_end_matches('/')
                .parse()
                .map_err(|_| format!("`{text}` is not an address to listen on"))?;
            let framing = if scheme == "listen" { Framing::Tcp } else { Framing::Rtu };
            Ok(Transport::DialIn(DialIn { listen, registration: Vec::new(), heartbeat: Vec::new(), framing }))
        }
        "serial" => serial(rest, false).map(Transport::Serial),
        "ascii" | "ascii+serial" => serial(rest, true).map(Transport::Serial),
        other => match UNSPOKEN.iter().find(|u| u.0 == other) {
            Some((_, what)) => Err(format!("`{other}://`: {what} is not supported")),
            None => Err(no()),
        },
    }
}

pub(super) fn host_port(rest: &str, default: Option<u16>) -> Option<(String, u16)> {
    let rest = rest.trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        _ if rest.starts_with('[') && rest.ends_with(']') => (rest, default?),
        Some((host, port)) if !host.is_empty() && !host.ends_with(':') => (host, port.parse().ok()?),
        Some(_) => return None,
        None => (rest, default?),
    };
    let host = host.trim_matches(['[', ']']);
    (!host.is_empty() && !host.contains(char::is_whitespace) && port > 0).then(|| (host.to_owned(), port))
}

fn serial(rest: &str, ascii: bool) -> Result<SerialPort, String> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !path.starts_with('/') && !path.to_ascii_uppercase().starts_with("COM") {
        return Err(format!(
            "`{path}` is no serial port: three slashes, {}:///dev/ttyUSB0",
            if ascii { "ascii" } else { "serial" }
        ));
    }
    let mut port = SerialPort {
        path: path.to_owned(),
        baud: 9600,
        ascii,
        // Seven bits hold an ASCII character (Modbus over serial line V1.02, 2.5.2).
        data_bits: if ascii { 7 } else { 8 },
        // The standard's default (Modbus over serial line V1.02, 2.5.1).
        parity: Parity::Even,
        stop_bits: 0,
        rts: None,
    };
    let mut rts = None;
    let (mut before, mut after) = (Duration::from_millis(1), Duration::from_millis(1));
    for part in query.split('&').filter(|p| !p.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let wrong = |wanted: &str| format!("`{part}` in the address: {key} is {wanted}");
        let time = || duration(value).ok_or_else(|| wrong("a duration, e.g. 2ms"));
        match key {
            "baud" => {
                port.baud = value
                    .parse()
                    .ok()
                    .filter(|b| (300..=4_000_000).contains(b))
                    .ok_or_else(|| wrong("a rate from 300 to 4000000"))?;
            }
            "data_bits" => {
                port.data_bits = match value {
                    "7" => 7,
                    "8" => 8,
                    _ => return Err(wrong("7 or 8")),
                }
            }
            "stop_bits" => {
                port.stop_bits = match value {
                    "1" => 1,
                    "2" => 2,
                    _ => return Err(wrong("1 or 2")),
                }
            }
            "parity" => {
                port.parity = match value.to_ascii_lowercase().as_str() {
                    "none" | "n" => Parity::None,
                    "even" | "e" => Parity::Even,
                    "odd" | "o" => Parity::Odd,
                    _ => return Err(wrong("none, even or odd")),
                }
            }
            "rts" => {
                rts = match value {
                    "send-high" => Some(true),
                    "send-low" => Some(false),
                    _ => return Err(wrong("send-high or send-low")),
                }
            }
            "rts_before" => before = time()?,
            "rts_after" => after = time()?,
            _ => {
                return Err(format!(
                    "`{key}` in the address is unknown; known: baud, parity, data_bits, stop_bits, rts, rts_before, rts_after"
                ));
            }
        }
    }
    if port.stop_bits == 0 {
        // Without parity the standard wants a second stop bit; most devices are set to 8-N-1 all the same.
        port.stop_bits = 1;
    }
    port.rts = rts.map(|send_high| Rts { send_high, before, after });
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::settings::{Framing, Parity, Transport};

    #[test]
    fn every_form_of_address_is_read() {
        assert_eq!(parse("tcp://10.0.0.1"), Ok(Transport::Tcp { host: "10.0.0.1".into(), port: 502 }));
        assert_eq!(parse("tcp://[::1]:1502"), Ok(Transport::Tcp { host: "::1".into(), port: 1502 }));
        assert_eq!(parse("tcp://[::1]"), Ok(Transport::Tcp { host: "::1".into(), port: 502 }));
        assert_eq!(
            parse("rtu+tcp://nport:4001"),
            Ok(Transport::RtuTcp { host: "nport".into(), port: 4001, ascii: false })
        );
        assert_eq!(
            parse("ascii+tcp://nport:4001"),
            Ok(Transport::RtuTcp { host: "nport".into(), port: 4001, ascii: true })
        );
        assert_eq!(parse("udp://10.0.0.1"), Ok(Transport::Udp { host: "10.0.0.1".into(), port: 502 }));
        let Ok(Transport::Serial(s)) = parse("ascii:///dev/ttyS1?baud=19200") else { panic!() };
        assert_eq!((s.ascii, s.data_bits, s.parity), (true, 7, Parity::Even));
        let Ok(Transport::Serial(s)) =
            parse("serial:///dev/ttyS1?baud=19200&parity=N&stop_bits=2&rts=send-high&rts_after=2ms")
        else {
            panic!()
        };
        assert_eq!((s.path.as_str(), s.baud, s.parity, s.stop_bits), ("/dev/ttyS1", 19200, Parity::None, 2));
        assert!(s.rts.is_some_and(|r| r.send_high && r.after.as_millis() == 2));
        let Ok(Transport::DialIn(d)) = parse("rtu+listen://0.0.0.0:9000") else { panic!() };
        assert_eq!((d.listen.port(), d.framing), (9000, Framing::Rtu));
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        for (text, word) in [
            ("10.0.0.1:502", "not a valid address"),
            ("rtu+tcp://host", "no port"),
            ("serial://ttyUSB0", "three slashes"),
            ("serial:///dev/ttyUSB0?baud=fast", "300 to 4000000"),
            ("serial:///dev/ttyUSB0?speed=9600", "`speed`"),
            ("rtu+udp://10.0.0.1", "Modbus RTU in UDP datagrams is not supported"),
            ("ascii+tcp://host", "no port"),
            ("ascii://ttyUSB0", "three slashes, ascii:///dev/ttyUSB0"),
            ("tcp://:502", "not a valid address"),
            ("tcp://10.0.0.1:0", "not a valid address"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(word), "{text}: {problem}");
        }
    }
}
