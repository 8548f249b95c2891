//! What the Modbus pollers get.

use std::net::SocketAddr;
use std::time::Duration;

use super::register::{ModbusPoint, Table};
use crate::plant::{DeviceIx, Id, PointIx};

/// One endpoint or serial port: one owner, one connection, all its units.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusSource {
    /// Settings id.
    pub id: Id,
    /// The way to it.
    pub transport: Transport,
    /// How long a device may think before it answers. The time the frames take on a serial line comes on top.
    pub timeout: Duration,
    /// First and longest pause between connection attempts (jittered).
    pub reconnect: (Duration, Duration),
    /// Rest after a connection was made, before the first request.
    pub connect_pause: Duration,
    /// Close the connection when nothing is due for this long; `None` keeps it open.
    pub idle_close: Option<Duration>,
    /// Largest share of the bus time that probes of silent units may take, 0.01 to 0.5.
    pub probe_share: f64,
    /// Silent units rest behind a breaker. Off only to measure what it is worth.
    pub breaker: bool,
    /// The units on it.
    pub devices: Vec<ModbusDevice>,
}

/// How bytes get to the devices.
#[derive(Debug, Clone, PartialEq)]
pub enum Transport {
    /// Modbus TCP.
    Tcp {
        /// Host name or address.
        host: String,
        /// 502 unless told.
        port: u16,
    },
    /// The same frames, each in a UDP datagram.
    Udp {
        /// Host name or address.
        host: String,
        /// 502 unless told.
        port: u16,
    },
    /// RTU frames through a serial server.
    RtuTcp {
        /// Host name or address.
        host: String,
        /// Its raw port.
        port: u16,
        /// Modbus ASCII instead of RTU.
        ascii: bool,
    },
    /// A serial port of this machine.
    Serial(SerialPort),
    /// The device dials in (4G DTU) and says who it is.
    DialIn(DialIn),
}

/// Framing on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// MBAP header with transaction id.
    Tcp,
    /// Unit, PDU, CRC.
    Rtu,
}

impl Transport {
    /// Framing used on it.
    #[must_use]
    pub fn framing(&self) -> Framing {
        match self {
            Self::Tcp { .. } | Self::Udp { .. } => Framing::Tcp,
            Self::RtuTcp { .. } | Self::Serial(_) => Framing::Rtu,
            Self::DialIn(d) => d.framing,
        }
    }

    /// The address as it stands in the settings, without what is default.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Tcp { host, port } => format!("tcp://{}:{port}", bracketed(host)),
            Self::Udp { host, port } => format!("udp://{}:{port}", bracketed(host)),
            Self::RtuTcp { host, port, ascii } => {
                format!("{}+tcp://{}:{port}", if *ascii { "ascii" } else { "rtu" }, bracketed(host))
            }
            Self::Serial(s) => format!("{}://{}", if s.ascii { "ascii" } else { "serial" }, s.path),
            Self::DialIn(d) => match d.framing {
                Framing::Tcp => format!("listen://{}", d.listen),
                Framing::Rtu => format!("rtu+listen://{}", d.listen),
            },
        }
    }
}

/// An IPv6 address stands in brackets before a port.
fn bracketed(host: &str) -> std::borrow::Cow<'_, str> {
    if host.contains(':') { format!("[{host}]").into() } else { host.into() }
}

/// A serial port and its line settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialPort {
    /// `/dev/ttyUSB0`
    pub path: String,
    /// Bits per second.
    pub baud: u32,
    /// Modbus ASCII instead of RTU.
    pub ascii: bool,
    /// 7 or 8.
    pub data_bits: u8,
    /// Parity bit.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
    /// Drive the direction of an RS-485 adapter by RTS; `None` for adapters that do it themselves.
    pub rts: Option<Rts>,
}

/// Parity bit of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parity {
    /// None.
    None,
    /// Even, the standard's default (Modbus over serial line V1.02, 2.5.1).
    Even,
    /// Odd.
    Odd,
}

/// RTS as transmit-enable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rts {
    /// Level while sending.
    pub send_high: bool,
    /// From RTS to the first bit.
    pub before: Duration,
    /// From the last bit to RTS back.
    pub after: Duration,
}

impl SerialPort {
    /// Time of `bytes` on the line.
    #[must_use]
    pub fn wire_time(&self, bytes: usize) -> Duration {
        let parity = u32::from(self.parity != Parity::None);
        let bits = 1 + u32::from(self.data_bits) + parity + u32::from(self.stop_bits);
        Duration::from_secs_f64(f64::from(bits) * bytes as f64 / f64::from(self.baud.max(1)))
    }

    /// Time of an RTU frame of so many bytes on the line; in ASCII each is two characters, and three more mark
    /// its ends.
    #[must_use]
    pub fn frame_time(&self, bytes: usize) -> Duration {
        self.wire_time(if self.ascii { bytes * 2 + 3 } else { bytes })
    }

    /// Silence between frames: 3.5 characters, fixed at 1.75 ms above 19200 bit/s
    /// (Modbus over serial line V1.02, 2.5.1.1).
    #[must_use]
    pub fn silence(&self) -> Duration {
        if self.baud > 19_200 { Duration::from_micros(1750) } else { self.wire_time(7) / 2 }
    }
}

/// Where devices dial in, and how this one introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialIn {
    /// Our listener; several sources may share it.
    pub listen: SocketAddr,
    /// First bytes of the connection; empty takes whoever comes.
    pub registration: Vec<u8>,
    /// Keep-alive bytes that may stand between frames.
    pub heartbeat: Vec<u8>,
    /// RTU, or MBAP for those who can.
    pub framing: Framing,
}

/// One unit id on an endpoint, as one piece of equipment sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusDevice {
    /// As shown on the data path; `plc-1/1`.
    pub label: String,
    /// Modbus unit id, 0 to 255.
    pub unit: u8,
    /// What is odd about it.
    pub quirks: Quirks,
    /// What to read how often; one plant device each.
    pub groups: Vec<PollGroup>,
}

/// Points of one device that are read at one period.
#[derive(Debug, Clone, PartialEq)]
pub struct PollGroup {
    /// Into the plant.
    pub device: DeviceIx,
    /// Time from poll to poll.
    pub period: Duration,
    /// What to read.
    pub points: Vec<ModbusPoint>,
    /// Points of other groups that these are multiplied by: read along, without readings of their own.
    pub factors: Vec<ModbusPoint>,
}

/// Named switches for what devices do differently; the defaults follow the specification.
#[derive(Debug, Clone, PartialEq)]
pub struct Quirks {
    /// Most registers in one request, 1 to 125.
    pub max_registers: u16,
    /// Most coils or discrete inputs in one request, 1 to 2000.
    pub max_bits: u16,
    /// Unasked registers that may lie inside a merged request.
    pub max_gap: u16,
    /// Ranges that never may be read, not even in a gap.
    pub forbidden: Vec<AddressRange>,
    /// Ranges known to be readable: a gap inside may be of any length.
    pub readable: Vec<AddressRange>,
    /// Addresses that no request may reach over: two areas of the device meet there.
    pub seams: Vec<Seam>,
    /// Ranges of registers that hold four bytes each, as of Enron and Daniel flow computers.
    pub four_byte: Vec<AddressRange>,
    /// Answers may have any transaction id: then only one request is in flight, and after a silence the
    /// connection is opened anew.
    pub any_transaction: bool,
    /// Rest between two requests to this unit; on a serial line never less than 3.5 characters.
    pub pause: Duration,
    /// Requests in flight at once on a TCP connection, 1 to 16.
    pub pipeline: u8,
    /// How often a request is sent again after exception 5 or 6, and after which pause.
    pub busy_retries: u8,
    /// Pause before such a retry.
    pub busy_pause: Duration,
    /// CRC with the high byte first.
    pub crc_swapped: bool,
    /// On RTU, look for the answer among junk bytes before and behind it.
    pub tolerant: bool,
    /// After a restart, an answer that is all zero is in doubt for this long.
    pub warm_up: Option<Duration>,
    /// A counter that must move: its point, and for how long it may stand still.
    pub heartbeat: Option<(PointIx, Duration)>,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            max_registers: 125,
            max_bits: 2000,
            max_gap: 0,
            forbidden: Vec::new(),
            readable: Vec::new(),
            seams: Vec::new(),
            four_byte: Vec::new(),
            any_transaction: false,
            pause: Duration::ZERO,
            pipeline: 1,
            busy_retries: 3,
            busy_pause: Duration::from_millis(250),
            crc_swapped: false,
            tolerant: true,
            warm_up: None,
            heartbeat: None,
        }
    }
}

impl Quirks {
    /// Whether the register at `address` holds four bytes.
    #[must_use]
    pub fn is_four_byte(&self, table: Table, address: u16) -> bool {
        in_any(&self.four_byte, table, address)
    }
}

/// Whether one of the ranges has this address in it.
pub(in crate::settings) fn in_any(ranges: &[AddressRange], table: Table, address: u16) -> bool {
    ranges.iter().any(|r| r.table == table && (r.from..=r.to).contains(&address))
}

/// Where a new area begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seam {
    /// Which table.
    pub table: Table,
    /// First address of the second area, from 0.
    pub at: u16,
}

/// Addresses `from` to `to` of a table, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    /// Which table.
    pub table: Table,
    /// First address, from 0.
    pub from: u16,
    /// Last address.
    pub to: u16,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Parity, SerialPort};

    #[test]
    fn the_silence_between_frames_is_three_and_a_half_characters_and_fixed_above_19200() {
        let silence = |baud, parity| {
            let port = SerialPort {
                path: "/dev/ttyS0".to_owned(),
                ascii: false,
                baud,
                data_bits: 8,
                parity,
                stop_bits: 1,
                rts: None,
            };
            port.silence()
        };
        // 11 bits a character with parity, 10 without.
        assert_eq!(silence(9600, Parity::Even).as_micros(), 4010);
        assert_eq!(silence(9600, Parity::None).as_micros(), 3645);
        assert_eq!(silence(19_200, Parity::Even).as_micros(), 2005);
        assert_eq!(silence(19_201, Parity::Even), Duration::from_micros(1750));
        assert_eq!(silence(115_200, Parity::None), Duration::from_micros(1750));
    }
}
