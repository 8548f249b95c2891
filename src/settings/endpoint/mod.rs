//! Endpoints as the settings and the command line write them: `tcp://192.168.1.10:502`, `mqtts://broker:8883`,
//! `http://192.168.1.20:8086`, `0.0.0.0:9000`. One strict reader for all of them; what it refuses, it tells how to write.

mod likely;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::sheet::plain;
use super::urls::hidden;
pub(super) use likely::clean;

/// The port of a scheme where none is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    /// It has a usual one.
    Usual(u16),
    /// It has none, and has to be written; this one is met most often.
    Needed(u16),
    /// It may be left out, which is rarely meant here; this one is met most often.
    Open(u16),
}

impl Port {
    fn number(self) -> u16 {
        let (Self::Usual(port) | Self::Needed(port) | Self::Open(port)) = self;
        port
    }
}

/// What a key takes.
pub(super) struct Kind {
    /// Schemes and their ports, the usual one first.
    schemes: &'static [(&'static str, Port)],
    /// What others write for one of them.
    others: &'static [(&'static str, &'static str)],
    /// What others write for something that speaks at a port of its own: the usual port of ours is proposed.
    apart: &'static [&'static str],
    /// Ports that tell the scheme where none is written.
    by_port: &'static [(u16, &'static str)],
    /// A path may stand behind the port.
    has_path: bool,
    example: &'static str,
}

/// A Modbus device or gateway on the network.
pub(super) const MODBUS: Kind = Kind {
    schemes: &[
        ("tcp", Port::Usual(502)),
        ("udp", Port::Usual(502)),
        ("rtu+tcp", Port::Needed(4001)),
        ("ascii+tcp", Port::Needed(4001)),
    ],
    others: &[
        ("rtu", "rtu+tcp"),
        ("modbus-rtu", "rtu+tcp"),
        ("modbusrtu", "rtu+tcp"),
        ("rtuovertcp", "rtu+tcp"),
        ("rtu-over-tcp", "rtu+tcp"),
        ("tcp+rtu", "rtu+tcp"),
        ("rtu+udp", "rtu+tcp"),
        ("serial", "rtu+tcp"),
        ("ascii", "ascii+tcp"),
        ("ascii+serial", "ascii+tcp"),
        ("ascii+udp", "ascii+tcp"),
        ("tcp+ascii", "ascii+tcp"),
        ("modbus+udp", "udp"),
        ("modbus-udp", "udp"),
    ],
    apart: &[],
    by_port: &[],
    has_path: false,
    example: "tcp://192.0.2.10:502",
};

/// An MQTT broker.
pub(super) const MQTT: Kind = Kind {
    schemes: &[("mqtt", Port::Usual(1883)), ("mqtts", Port::Usual(8883))],
    others: &[
        ("ssl", "mqtts"),
        ("tls", "mqtts"),
        ("tcps", "mqtts"),
        ("https", "mqtts"),
        ("wss", "mqtts"),
        ("mqtt+ssl", "mqtts"),
        ("mqtt+tls", "mqtts"),
    ],
    apart: &["ws", "wss", "http", "https"],
    by_port: &[(8883, "mqtts")],
    has_path: false,
    example: "mqtt://192.0.2.20:1883",
};

/// A time-series database.
pub(super) const DATABASE: Kind = Kind {
    schemes: &[("http", Port::Open(8086)), ("https", Port::Open(8086))],
    others: &[("tls", "https"), ("ssl", "https")],
    apart: &[],
    by_port: &[(443, "https"), (8443, "https")],
    has_path: true,
    example: "http://192.0.2.30:8086",
};

/// A receiver of hazard events.
pub(super) const RECEIVER: Kind = Kind {
    schemes: &[("http", Port::Open(80)), ("https", Port::Open(443))],
    example: "https://inspection.example.org/events",
    ..DATABASE
};

/// An endpoint that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) scheme: &'static str,
    /// A name or an address; an IPv6 address without its brackets.
    pub(super) host: String,
    /// As written, or the usual one; `None` where it may be left out and was.
    pub(super) port: Option<u16>,
    /// What stands behind the port.
    pub(super) path: String,
}

/// How much of what is to be written is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sure {
    All,
    /// The port is only the usual one.
    ButPort,
    /// Some of rate, parity and RTS are only the usual ones.
    ButLine,
    /// Address or port to listen at is only the usual one.
    ButPlace,
    /// Nothing could be read from what was written.
    Nothing,
}

impl Sure {
    /// What has to be seen to behind what is to be written.
    fn with(self) -> &'static str {
        match self {
            Self::All => "",
            Self::ButPort => ", with the port that is set there",
            Self::ButLine => ", with the line settings (rate, parity, RTS) that are set there",
            Self::ButPlace => ", with the address and port that are meant",
            Self::Nothing => ", with the address that is set there",
        }
    }
}

/// What is wrong with an endpoint, and the text that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misread {
    pub(super) problem: String,
    /// This is read without a fault.
    pub(super) write: String,
    sure: Sure,
}

impl Misread {
    pub(super) fn new(problem: String, write: String) -> Self {
        Self { problem, write, sure: Sure::All }
    }

    /// A serial port whose line settings are only the usual ones.
    pub(super) fn of_line(problem: String, write: String) -> Self {
        Self { problem, write, sure: Sure::ButLine }
    }

    /// Where nothing of what was meant is known.
    pub(super) fn unknown(problem: String, example: &str) -> Self {
        Self { problem, write: example.to_owned(), sure: Sure::Nothing }
    }

    /// The same text to write, for another reason.
    pub(super) fn because(self, problem: String) -> Self {
        Self { problem, ..self }
    }

    /// The same behind a scheme.
    pub(super) fn behind(self, scheme: &str) -> Self {
        Self { write: format!("{scheme}://{}", self.write), ..self }
    }

    /// What to write for `key`, to the letter.
    pub(super) fn remedy(&self, key: &str) -> String {
        format!("write {key} = \"{}\"{}", self.write, self.sure.with())
    }

    /// The same for an argument of the command line.
    pub(super) fn told(&self) -> String {
        format!("{}; write {}{}", self.problem, self.write, self.sure.with())
    }
}

/// The endpoint that `text` names.
///
/// # Errors
/// What is wrong, and what to write.
pub(super) fn read(text: &str, kind: &Kind) -> Result<Endpoint, Misread> {
    strict(text, kind).map_err(|problem| match likely::likely(text, kind) {
        Some((write, sure)) => Misread { problem, write, sure },
        None => Misread::unknown(problem, kind.example),
    })
}

/// Scheme in small letters, if one is written, and the rest of an address of a Modbus device with plain signs.
pub(super) fn parted(clean: &str) -> (String, &str) {
    let (word, rest) = likely::scheme(clean, &MODBUS);
    (word.unwrap_or_default(), rest)
}

/// Where to listen; `usual` is what is written most often.
///
/// # Errors
/// What is wrong, and what to write.
pub(super) fn listen(text: &str, usual: SocketAddr) -> Result<SocketAddr, Misread> {
    text.parse().map_err(|_| {
        let problem = format!("`{}` is not an address to listen on", shown(text));
        let (write, sure) = likely::listen(text, usual);
        Misread { problem, write: write.to_string(), sure }
    })
}

/// Without what may be a password, also where signs of an input method or spaces are among its signs.
pub(super) fn shown(text: &str) -> String {
    let bare = clean(text);
    let of_bare = match hidden(&bare) {
        Cow::Owned(hidden) => return hidden,
        Cow::Borrowed(bare) => bare,
    };
    match of_bare.rsplit_once('@') {
        Some((_, behind)) if !of_bare.contains("://") => format!("***@{behind}"),
        _ => hidden(text).into_owned(),
    }
}

fn strict(text: &str, kind: &Kind) -> Result<Endpoint, String> {
    let head = text.split_once("://").map_or(text, |(word, rest)| {
        let end = if kind.has_path { rest.find(['/', '?', '#']).unwrap_or(rest.len()) } else { rest.len() };
        &text[..word.len() + 3 + end]
    });
    if head.chars().any(is_odd_sign) {
        return Err(format!("`{}` has signs of a Chinese input method in it", shown(text)));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) || plain(head) != head {
        return Err(format!("`{}` has a space or an invisible sign in it", shown(text)));
    }
    let no = |why: &str| format!("`{}` is not a valid address: {why}", shown(text));
    let Some((word, rest)) = text.split_once("://") else {
        let usual = kind.schemes.first().map_or("", |s| s.0);
        return Err(no(&format!("it begins with what is spoken there, such as {usual}://")));
    };
    let Some((scheme, usual)) = kind.schemes.iter().find(|s| s.0 == word) else {
        return Err(match word {
            "ws" | "wss" if kind.apart.contains(&word) => {
                format!("`{word}://`: MQTT over WebSocket is not supported")
            }
            _ => format!("`{word}://` is not known here"),
        });
    };
    let (authority, path) = if kind.has_path {
        rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
    } else {
        (rest.strip_suffix('/').unwrap_or(rest), "")
    };
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = host_and_port(authority).map_err(|why| match hidden(text) {
        // What is taken for the host may be a part of the password.
        Cow::Owned(_) => no("its host cannot be read"),
        Cow::Borrowed(_) => why,
    })?;
    let port = match (port, usual) {
        (Some(port), _) => Some(port),
        (None, Port::Usual(port)) => Some(*port),
        (None, Port::Open(_)) => None,
        (None, Port::Needed(_)) => {
            return Err(format!("`{}` has no port: serial servers have no usual one", shown(text)));
        }
    };
    Ok(Endpoint { scheme, host, port, path: path.to_owned() })
}

/// A sign that an input method writes for a plain one.
fn is_odd_sign(c: char) -> bool {
    matches!(c, '\u{ff01}'..='\u{ff65}' | '。' | '、' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2018}'..='\u{201d}')
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    if text.is_empty() {
        return Err("no host is written".to_owned());
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, behind) = rest.split_once(']').unwrap_or((rest, "?"));
        let address = inside.split('%').next().unwrap_or_default();
        if address.parse::<Ipv6Addr>().is_err() || !(behind.is_empty() || behind.starts_with(':')) {
            return Err(format!("`{text}` is not a valid IPv6 address in brackets"));
        }
        let port = behind.strip_prefix(':').map(port_number).transpose()?;
        return Ok((inside.to_owned(), port));
    }
    if text.matches(':').count() > 1 {
        return Err(format!("`{text}` has more than one colon: an IPv6 address stands in brackets"));
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    host_name(host)?;
    Ok((host.to_owned(), port.map(port_number).transpose()?))
}

fn port_number(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port > 0);
    port.ok_or_else(|| format!("`{text}` is not a valid port: 1 to 65535"))
}

fn host_name(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("no host is written".to_owned());
    }
    if serial_port(host).is_some() {
        return Err(format!("`{host}` is a serial port, not a host"));
    }
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return match host.parse::<Ipv4Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("`{host}` is not a valid IPv4 address: four numbers from 0 to 255")),
        };
    }
    let is_good = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    // One dot at the end is the root of all names.
    let labels = host.strip_suffix('.').unwrap_or(host);
    if host.len() > 253 || !labels.split('.').all(is_good) {
        return Err(format!("`{host}` is not a valid host: letters, digits, `-` and dots"));
    }
    Ok(())
}

/// Drivers' names of serial ports, which a number follows. Any other name (`tty-server`, `ttygate`) may be a host's.
const PORTS: &[&str] = &[
    "ttyS", "ttyUSB", "ttyACM", "ttyAMA", "ttymxc", "ttyO", "ttyLP", "ttySC", "ttySAC", "ttyAS", "ttyTHS",
    "ttyPS", "ttyRS", "ttyMV", "ttyFIQ", "ttyHS", "ttyMSM", "ttySTM", "ttyUL", "ttyXRUSB", "ttyMUE", "ttyMI",
    "ttyAP", "ttyWCH", "ttyGS", "ttyr",
];

/// The path of a serial port that somebody wrote as a host: `COM3`, `ttyUSB0`, `/dev/ttyS1`.
pub(super) fn serial_port(text: &str) -> Option<String> {
    let name = text.trim_start_matches(['/', '.', '\\']);
    let is_number =
        |rest: &str| !rest.is_empty() && rest.len() <= 3 && rest.bytes().all(|b| b.is_ascii_digit());
    if name.get(..3).is_some_and(|com| com.eq_ignore_ascii_case("com")) && is_number(&name[3..]) {
        return Some(name.to_ascii_uppercase());
    }
    if let Some(device) = name.strip_prefix("dev/") {
        return (!device.is_empty()).then(|| format!("/dev/{device}"));
    }
    let port = PORTS.iter().find(|port| {
        let head = name.get(..port.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(port)) && is_number(&name[port.len()..])
    })?;
    Some(format!("/dev/{port}{}", &name[port.len()..]))
}
