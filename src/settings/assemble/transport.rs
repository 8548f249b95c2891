//! `source.modbus.*.address` and what goes with it → the way to the devices.

use std::net::{Ipv4Addr, SocketAddr};

use super::super::endpoint::{self, Misread};
use super::super::types::{DialIn, Framing, Transport};
use super::super::walk::Walk;
use super::serial;

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
    let transport = match parse(text) {
        Ok(transport) => transport,
        Err(misread) => {
            w.fault("address", misread.problem.clone(), misread.remedy("address"));
            return None;
        }
    };
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
        None => w.fault(key, format!("`{text}` is not a packet"), "text, or bytes as \"hex:4454 5537\""),
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
/// What is wrong with it, and what to write.
pub fn transport_of(text: &str) -> Result<Transport, String> {
    let plain = !text.contains("://") && !text.starts_with('/');
    let full = if plain { format!("tcp://{text}") } else { text.to_owned() };
    parse(&full).map_err(|misread| misread.told())
}

fn parse(text: &str) -> Result<Transport, Misread> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    match scheme {
        "listen" | "rtu+listen" => dial_in(text, scheme, rest),
        "serial" | "ascii" | "ascii+serial" => {
            let found = serial::serial(rest, scheme != "serial").map(Transport::Serial);
            found.map_err(|problem| serial_or_network(text, problem))
        }
        _ => {
            let found = endpoint::read(text, &endpoint::MODBUS);
            let found = found.map_err(|misread| match unspoken(scheme) {
                Some(problem) => misread.because(problem),
                None => misread,
            });
            let found = found.map_err(|misread| {
                let clean = endpoint::clean(text);
                match endpoint::parted(&clean) {
                    (word, rest) if word.contains("listen") || word.contains("dtu") => {
                        listen_at(misread.problem, "rtu+listen", rest)
                    }
                    _ => serial::likely(text, &misread.problem).unwrap_or(misread),
                }
            })?;
            let (host, port) = (found.host, found.port.unwrap_or(502));
            Ok(match found.scheme {
                "tcp" => Transport::Tcp { host, port },
                "udp" => Transport::Udp { host, port },
                scheme => Transport::RtuTcp { host, port, ascii: scheme == "ascii+tcp" },
            })
        }
    }
}

fn unspoken(scheme: &str) -> Option<String> {
    let (_, what) = UNSPOKEN.iter().find(|u| u.0 == scheme)?;
    Some(format!("`{scheme}://`: {what} is not supported"))
}

/// A serial port that cannot be read, or a serial server on the network.
fn serial_or_network(text: &str, problem: String) -> Misread {
    serial::likely(text, &problem).unwrap_or_else(|| match endpoint::read(text, &endpoint::MODBUS) {
        Err(misread) => misread.because(problem),
        Ok(_) => Misread::unknown(problem, "serial:///dev/ttyUSB0?baud=9600&parity=even"),
    })
}

fn dial_in(text: &str, scheme: &str, rest: &str) -> Result<Transport, Misread> {
    let listen = rest.trim_end_matches('/').parse().map_err(|_| {
        let problem = format!("`{}` is not an address to listen on", endpoint::shown(text));
        listen_at(problem, scheme, rest)
    })?;
    let framing = if scheme == "listen" { Framing::Tcp } else { Framing::Rtu };
    Ok(Transport::DialIn(DialIn { listen, registration: Vec::new(), heartbeat: Vec::new(), framing }))
}

/// Where devices were meant to dial in.
fn listen_at(problem: String, scheme: &str, rest: &str) -> Misread {
    let usual = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9000));
    match endpoint::listen(rest, usual) {
        Ok(listen) => Misread::new(problem, format!("{scheme}://{listen}")),
        Err(misread) => misread.because(problem).behind(scheme),
    }
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
        // A port by its place has colons in its name.
        let by_place = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0";
        let Ok(Transport::Serial(s)) = parse(&format!("serial://{by_place}?baud=4800")) else { panic!() };
        assert_eq!((s.path.as_str(), s.baud), (by_place, 4800));
        let Ok(Transport::DialIn(d)) = parse("rtu+listen://0.0.0.0:9000") else { panic!() };
        assert_eq!((d.listen.port(), d.framing), (9000, Framing::Rtu));
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_and_what_is_told_to_be_written_is_read() {
        for (text, word, write) in [
            ("10.0.0.1:502", "not a valid address", "tcp://10.0.0.1:502"),
            ("rtu+tcp://host", "no port", "rtu+tcp://host:4001"),
            ("serial://ttyUSB0", "not the path of a serial port", "serial:///dev/ttyUSB0"),
            (
                "serial:///dev/ttyUSB0:9600",
                "`:9600` behind the port's path",
                "serial:///dev/ttyUSB0?baud=9600",
            ),
            (
                "serial:///dev/ttyUSB0,9600,8N1",
                "keys of their own",
                "serial:///dev/ttyUSB0?baud=9600&data_bits=8&parity=none&stop_bits=1",
            ),
            ("ascii:///dev/ttyS1:19200", "keys of their own", "ascii:///dev/ttyS1?baud=19200"),
            (
                "serial:///dev/ttyUSB0:19200?parity=even",
                "keys of their own",
                "serial:///dev/ttyUSB0?baud=19200&parity=even",
            ),
            (
                "serial:///dev/serial/by-id/usb-FTDI_USB-RS485_A50285BI-if00-port0:9600",
                "keys of their own",
                "serial:///dev/serial/by-id/usb-FTDI_USB-RS485_A50285BI-if00-port0?baud=9600",
            ),
            (
                "serial:///dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0:9600",
                "`:9600` behind the port's path",
                "serial:///dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0?baud=9600",
            ),
            (
                "serial:///dev/ttyUSB0?baud=9600&baud=19200",
                "`baud` stands in the address twice",
                "serial:///dev/ttyUSB0?baud=9600",
            ),
            ("serial:///dev/ttyUSB0?baud=fast", "300 to 4000000", "serial:///dev/ttyUSB0?baud=9600"),
            ("serial:///dev/ttyUSB0?speed=19200", "`speed`", "serial:///dev/ttyUSB0?baud=19200"),
            (
                "serial:///dev/ttyUSB0?parity=无&baud=4800",
                "none, even",
                "serial:///dev/ttyUSB0?parity=none&baud=4800",
            ),
            (
                "serial://COM3:9600,8,N,1",
                "not the path of a serial port",
                "serial://COM3?baud=9600&data_bits=8&parity=none&stop_bits=1",
            ),
            ("serial://192.168.1.5:4001", "not the path of a serial port", "rtu+tcp://192.168.1.5:4001"),
            ("ascii://192.168.1.5:4001", "not the path of a serial port", "ascii+tcp://192.168.1.5:4001"),
            (
                "rtu+udp://10.0.0.1:502",
                "Modbus RTU in UDP datagrams is not supported",
                "rtu+tcp://10.0.0.1:502",
            ),
            ("tls://10.0.0.1", "(TLS) is not supported", "tcp://10.0.0.1:502"),
            ("ascii+listen://:9000", "dial in is not supported", "rtu+listen://0.0.0.0:9000"),
            ("ascii+tcp://host", "no port", "ascii+tcp://host:4001"),
            ("ascii://ttyUSB0", "not the path of a serial port", "ascii:///dev/ttyUSB0"),
            ("tcp://COM3", "`COM3` is a serial port", "serial://COM3"),
            ("COM3", "not a valid address", "serial://COM3"),
            ("/dev/ttyUSB0", "not a valid address", "serial:///dev/ttyUSB0"),
            ("rtu:///dev/ttyUSB0?baud=9600", "not known here", "serial:///dev/ttyUSB0?baud=9600"),
            ("tcp://:502", "no host", "tcp://192.0.2.10:502"),
            ("tcp://10.0.0.1:0", "not a valid port", "tcp://10.0.0.1:502"),
            ("rtu+listen://:9001", "to listen on", "rtu+listen://0.0.0.0:9001"),
            ("listen://9001", "to listen on", "listen://0.0.0.0:9001"),
            ("rtu+listen：//0.0.0.0：9000", "Chinese input method", "rtu+listen://0.0.0.0:9000"),
        ] {
            let misread = parse(text).unwrap_err();
            assert!(misread.problem.contains(word), "{text}: {misread:?}");
            assert_eq!(misread.write, write, "{text}");
            assert!(parse(write).is_ok(), "{write}");
        }
    }

    #[test]
    fn advice_keeps_every_part_of_a_serial_line_and_says_what_could_not_be_read() {
        let line = ", with the line settings (rate, parity, RTS) that are set there";
        for (text, write, with) in [
            (
                "serial:///dev/ttyS1?speed=19200&rts=send-high",
                "serial:///dev/ttyS1?baud=19200&rts=send-high",
                "",
            ),
            (
                "serial:///dev/ttyS1?bits=8&RTS=send-low&rts-before=2ms&rts_after=3ms",
                "serial:///dev/ttyS1?data_bits=8&rts=send-low&rts_before=2ms&rts_after=3ms",
                "",
            ),
            ("serial:///dev/ttyS1?speed=19200&rts=on", "serial:///dev/ttyS1?baud=19200", line),
            ("serial:///dev/ttyS1?speed=19200&flow=none", "serial:///dev/ttyS1?baud=19200", line),
            ("COM3:9600-8-N-1", "serial://COM3?baud=9600&data_bits=8&parity=none&stop_bits=1", ""),
            ("COM3:9600/8N1", "serial://COM3?baud=9600&data_bits=8&parity=none&stop_bits=1", ""),
            ("COM3:9600,xonxoff", "serial://COM3?baud=9600", line),
            ("COM3:9600,19200", "serial://COM3?baud=9600", line),
            ("COM3:9600?parity=n", "serial://COM3?baud=9600&parity=none", ""),
            (
                "/dev/ttyUSB0:9600,8,E,1",
                "serial:///dev/ttyUSB0?baud=9600&data_bits=8&parity=even&stop_bits=1",
                "",
            ),
            (
                "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0",
                "serial:///dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0",
                "",
            ),
            (
                "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0:19200,8N1",
                "serial:///dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0?baud=19200&data_bits=8&parity=none&stop_bits=1",
                "",
            ),
            (
                "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0?speed=4800",
                "serial:///dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0?baud=4800",
                "",
            ),
        ] {
            let misread = parse(text).unwrap_err();
            assert_eq!(misread.remedy("address"), format!("write address = \"{write}\"{with}"), "{text}");
            assert!(parse(write).is_ok(), "{write}");
        }
    }

    #[test]
    fn where_devices_dial_in_is_advised_as_certain_only_where_it_was_read() {
        let meant = ", with the address and port that are meant";
        for (text, write, with) in [
            ("rtu+listen://localhost:9000", "rtu+listen://127.0.0.1:9000", ""),
            ("listen://LOCALHOST:9000", "listen://127.0.0.1:9000", ""),
            ("rtu+listen://:9001", "rtu+listen://0.0.0.0:9001", ""),
            ("rtu+listen://gateway:9001", "rtu+listen://0.0.0.0:9001", meant),
            ("rtu+listen://10.0.0.300:9001", "rtu+listen://0.0.0.0:9001", meant),
            ("rtu+listen://10.0.0.3:99999", "rtu+listen://10.0.0.3:9000", meant),
            ("rtu+listen://10.0.0.3", "rtu+listen://10.0.0.3:9000", meant),
            ("rtu+listen://", "rtu+listen://0.0.0.0:9000", meant),
            ("dtu://gateway:9001", "rtu+listen://0.0.0.0:9001", meant),
        ] {
            let misread = parse(text).unwrap_err();
            assert_eq!(misread.remedy("address"), format!("write address = \"{write}\"{with}"), "{text}");
        }
    }

    #[test]
    fn a_password_in_the_address_of_a_serial_port_is_not_shown() {
        for text in ["serial://me:hush@host", "serial：//me：hush＠host", "rtu+listen://me:hush＠host:1"]
        {
            let misread = parse(text).unwrap_err();
            assert!(!misread.told().contains("hush"), "{misread:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_told_to_be_written_for_any_text_is_read(
            text in "(tcp|rtu|ascii|serial|listen|\\+|COM3|ttyS1|/dev/|://|\\?|baud=|parity=|[0-9.,:&8nN] ?|\\PC){0,16}"
        ) {
            if let Err(misread) = parse(&text) {
                proptest::prop_assert!(parse(&misread.write).is_ok(), "{text}: {misread:?}");
            }
        }
    }

    #[test]
    fn an_address_that_was_read_is_written_so_that_it_is_read_again() {
        for text in ["tcp://[::1]:1502", "udp://[fe80::1]:502", "rtu+tcp://[::1]:4001", "tcp://plc:502"] {
            let transport = parse(text).expect("good");
            assert_eq!(transport.address(), text);
            assert_eq!(parse(&transport.address()), Ok(transport));
        }
    }
}
