//! `serial://` and `ascii://`: a serial port and its line settings, and what was meant by one that cannot be read.

use std::time::Duration;

use super::super::endpoint::{Misread, clean, parted, serial_port, shown};
use super::super::types::{Parity, Rts, SerialPort};
use super::super::walk::duration;

/// What stands behind `serial://` or `ascii://`.
pub(super) fn serial(rest: &str, ascii: bool) -> Result<SerialPort, String> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_windows = !path.contains('/') && serial_port(path).is_some_and(|known| known.starts_with("COM"));
    let is_plain = !path.chars().any(|c| c.is_whitespace() || c.is_control());
    if !(path.len() > 1 && path.starts_with('/') && is_plain || is_windows) {
        return Err(format!("`{}` is not the path of a serial port", shown(path)));
    }
    if let Some(behind) = behind_path(path, ascii) {
        return Err(format!(
            "`{}` behind the port's path: rate and parity are keys of their own (baud=, parity=)",
            shown(behind)
        ));
    }
    let mut line = Line::usual(path, ascii);
    let mut seen: Vec<&str> = Vec::new();
    for part in query.split('&').filter(|p| !p.is_empty()) {
        let key = part.split_once('=').map_or(part, |(key, _)| key);
        if seen.contains(&key) {
            return Err(format!("`{key}` stands in the address twice"));
        }
        seen.push(key);
        line.set(part)?;
    }
    Ok(line.port())
}

/// The line settings of an address, as far as they are read.
struct Line {
    port: SerialPort,
    /// The level of RTS while sending.
    send_high: Option<bool>,
    /// How long RTS stands before the first character is sent, and after the last.
    before: Duration,
    after: Duration,
}

impl Line {
    /// Where nothing is written.
    fn usual(path: &str, ascii: bool) -> Self {
        let port = SerialPort {
            path: path.to_owned(),
            baud: 9600,
            ascii,
            // Seven bits hold an ASCII character (Modbus over serial line V1.02, 2.5.2).
            data_bits: if ascii { 7 } else { 8 },
            // The standard's default (Modbus over serial line V1.02, 2.5.1).
            parity: Parity::Even,
            // Without parity the standard wants a second stop bit; most devices are set to 8-N-1 all the same.
            stop_bits: 1,
            rts: None,
        };
        let gap = Duration::from_millis(1);
        Self { port, send_high: None, before: gap, after: gap }
    }

    /// Takes `key=value`.
    fn set(&mut self, part: &str) -> Result<(), String> {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let wrong = |wanted: &str| format!("`{part}` in the address: {key} is {wanted}");
        let time = || duration(value).ok_or_else(|| wrong("a duration, e.g. 2ms"));
        match key {
            "baud" => {
                let rate = value.parse().ok().filter(|b| (300..=4_000_000).contains(b));
                self.port.baud = rate.ok_or_else(|| wrong("a rate from 300 to 4000000"))?;
            }
            "data_bits" => {
                self.port.data_bits = one_of(value, &[("7", 7), ("8", 8)]).ok_or_else(|| wrong("7 or 8"))?;
            }
            "stop_bits" => {
                self.port.stop_bits = one_of(value, &[("1", 1), ("2", 2)]).ok_or_else(|| wrong("1 or 2"))?;
            }
            "parity" => {
                let words = [
                    ("none", Parity::None),
                    ("n", Parity::None),
                    ("even", Parity::Even),
                    ("e", Parity::Even),
                    ("odd", Parity::Odd),
                    ("o", Parity::Odd),
                ];
                let parity = one_of(&value.to_ascii_lowercase(), &words);
                self.port.parity = parity.ok_or_else(|| wrong("none, even or odd"))?;
            }
            "rts" => {
                let level = one_of(value, &[("send-high", true), ("send-low", false)]);
                self.send_high = Some(level.ok_or_else(|| wrong("send-high or send-low"))?);
            }
            "rts_before" => self.before = time()?,
            "rts_after" => self.after = time()?,
            _ => {
                return Err(format!(
                    "`{key}` in the address is unknown; known: baud, parity, data_bits, stop_bits, rts, rts_before, rts_after"
                ));
            }
        }
        Ok(())
    }

    /// The port, with RTS where the address says how it stands.
    fn port(self) -> SerialPort {
        let Self { port, send_high, before, after } = self;
        SerialPort { rts: send_high.map(|send_high| Rts { send_high, before, after }), ..port }
    }
}

fn one_of<T: Copy>(value: &str, words: &[(&str, T)]) -> Option<T> {
    words.iter().find(|(word, _)| *word == value).map(|(_, meant)| *meant)
}

/// Line settings that were written behind the path as if it went on: `:9600`, `,9600,8N1`. No port has such a name;
/// one by its place (`…/pci-0000:00:14.0-usb-0:2:1.0-port0`) has colons and names no rate.
fn behind_path(path: &str, ascii: bool) -> Option<&str> {
    let signs = path.match_indices([':', ',', ';', '&']).map(|(at, _)| at);
    let of_line = |at: &usize| {
        let (found, sure) = line_settings(&path[*at..], ascii);
        let is_port = serial_port(path[..*at].strip_prefix("/dev/").unwrap_or("")).is_some();
        is_port || sure && found.contains("baud=")
    };
    signs.into_iter().find(of_line).map(|at| &path[at..])
}

/// What was meant, if it is a serial port.
pub(super) fn likely(text: &str, problem: &str) -> Option<Misread> {
    let clean = clean(text);
    let (word, rest) = parted(&clean);
    let ascii = word.contains("ascii");
    let (name, settings) = rest.split_at(end_of_name(rest, ascii));
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_alone = settings.is_empty() || name.starts_with("tty");
    let bare = matches!(word.as_str(), "serial" | "ascii" | "ascii+serial") && is_alone && is_name;
    // A path outside /dev, as test benches have, where line settings follow it.
    let is_path = rest.starts_with('/') && matches!(word.as_str(), "serial" | "ascii" | "ascii+serial");
    let elsewhere = || behind_path(rest, ascii).filter(|_| is_path).map(|_| name.to_owned());
    let port = serial_port(name).or_else(elsewhere).or_else(|| bare.then(|| format!("/dev/{name}")))?;
    let scheme = if ascii { "ascii" } else { "serial" };
    let (query, sure) = line_settings(settings, ascii);
    let with = |query: &str| if query.is_empty() { port.clone() } else { format!("{port}?{query}") };
    let write = [with(&query), port.clone()].into_iter().find(|rest| serial(rest, ascii).is_ok())?;
    let write = format!("{scheme}://{write}");
    let misread = if sure { Misread::new } else { Misread::of_line };
    Some(misread(problem.to_owned(), write))
}

/// Where the name of the port ends and line settings begin. A path may have colons in it
/// (`/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0`): behind one that is not a port by itself they
/// begin only where all that follows can be read, with a rate.
fn end_of_name(rest: &str, ascii: bool) -> usize {
    let end = rest.find('?').unwrap_or(rest.len());
    let head = &rest[..end];
    let signs = head.match_indices([':', ',', ';', '&']).map(|(at, _)| at);
    let is_path = head.starts_with("dev/");
    let begins = |at: &usize| {
        let name = head[..*at].strip_prefix("dev/").unwrap_or(&head[..*at]);
        let (found, sure) = line_settings(&head[*at..], ascii);
        !is_path || serial_port(name).is_some() || sure && found.contains("baud=")
    };
    signs.into_iter().find(begins).unwrap_or(end)
}

/// `?baud=9600&parity=n`, `:9600,8,N,1`, `:9600-8-N-1` or `:9600:8N1` with our words; and whether all of it could
/// be read.
fn line_settings(text: &str, ascii: bool) -> (String, bool) {
    let (mut all, mut sure): (Vec<(&str, String)>, bool) = (Vec::new(), true);
    for part in text.split(['?', '&', ':', ',', ';']).filter(|p| !p.is_empty()) {
        let found = match part.split_once('=') {
            Some((key, value)) => vec![setting(key, value)],
            None => part.split(['-', '/', '_']).filter(|p| !p.is_empty()).flat_map(bare).collect(),
        };
        for one in found {
            let Some((key, value)) = one else {
                sure = false;
                continue;
            };
            let is_good = serial(&format!("/dev/x?{key}={value}"), ascii).is_ok();
            let same = all.iter().find(|(known, _)| *known == key).map(|(_, said)| *said == value);
            sure &= is_good && same != Some(false);
            let usual = match key {
                _ if same.is_some() => continue,
                _ if is_good => value,
                "baud" => "9600".to_owned(),
                "parity" => "even".to_owned(),
                "data_bits" => if ascii { "7" } else { "8" }.to_owned(),
                "stop_bits" => "1".to_owned(),
                _ => continue,
            };
            all.push((key, usual));
        }
    }
    let all: Vec<String> = all.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    (all.join("&"), sure)
}

/// A key of the line with its value; `None` where it is not known.
type Part = Option<(&'static str, String)>;

/// A key of the line under one of its names.
fn setting(key: &str, value: &str) -> Part {
    let value = value.to_ascii_lowercase();
    let key = match key.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
        "baud" | "baudrate" | "speed" | "rate" | "bps" | "波特率" => "baud",
        "parity" | "校验" | "校验位" => "parity",
        "databits" | "bits" | "bytesize" | "data" | "数据位" => "data_bits",
        "stopbits" | "stop" | "停止位" => "stop_bits",
        "rts" => "rts",
        "rtsbefore" => "rts_before",
        "rtsafter" => "rts_after",
        _ => return None,
    };
    Some((key, if key == "parity" { parity(&value).unwrap_or(&value).to_owned() } else { value }))
}

fn parity(word: &str) -> Option<&'static str> {
    Some(match word {
        "n" | "none" | "no" | "无" | "无校验" => "none",
        "e" | "even" | "偶" | "偶校验" => "even",
        "o" | "odd" | "奇" | "奇校验" => "odd",
        _ => return None,
    })
}

/// `9600`, `8`, `N`, `1` or `8N1`.
fn bare(word: &str) -> Vec<Part> {
    let word = word.to_ascii_lowercase();
    let signs: Vec<char> = word.chars().collect();
    match (word.parse::<u32>(), &signs[..]) {
        (Ok(7 | 8), _) => vec![Some(("data_bits", word))],
        (Ok(1 | 2), _) => vec![Some(("stop_bits", word))],
        (Ok(_), _) => vec![Some(("baud", word))],
        (_, [data @ ('7' | '8'), by @ ('n' | 'e' | 'o'), stop @ ('1' | '2')]) => vec![
            Some(("data_bits", data.to_string())),
            Some(("parity", parity(&by.to_string()).unwrap_or("even").to_owned())),
            Some(("stop_bits", stop.to_string())),
        ],
        _ => vec![parity(&word).map(|word| ("parity", word.to_owned()))],
    }
}
