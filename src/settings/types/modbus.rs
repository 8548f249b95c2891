//! What the Modbus pollers get.

use std::net::SocketAddr;
use std::time::Duration;

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
    /// RTU frames through a serial server.
    RtuTcp {
        /// Host name or address.
        host: String,
        /// Its raw port.
        port: u16,
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
            Self::Tcp { .. } => Framing::Tcp,
            Self::RtuTcp { .. } | Self::Serial(_) => Framing::Rtu,
            Self::DialIn(d) => d.framing,
        }
    }

    /// The address as it stands in the settings, without what is default.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Tcp { host, port } => format!("tcp://{host}:{port}"),
            Self::RtuTcp { host, port } => format!("rtu+tcp://{host}:{port}"),
            Self::Serial(s) => format!("serial://{}", s.path),
            Self::DialIn(d) => match d.framing {
                Framing::Tcp => format!("listen://{}", d.listen),
                Framing::Rtu => format!("rtu+listen://{}", d.listen),
            },
        }
    }
}

/// A serial port and its line settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialPort {
    /// `/dev/ttyUSB0`
    pub path: String,
    /// Bits per second.
    pub baud: u32,
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

/// The four Modbus tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Function code 1.
    Coil,
    /// Function code 2.
    DiscreteInput,
    /// Function code 3.
    HoldingRegister,
    /// Function code 4.
    InputRegister,
}

impl Table {
    /// Function code that reads it.
    #[must_use]
    pub fn function(self) -> u8 {
        match self {
            Self::Coil => 1,
            Self::DiscreteInput => 2,
            Self::HoldingRegister => 3,
            Self::InputRegister => 4,
        }
    }

    /// Single bits rather than registers.
    #[must_use]
    pub fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::DiscreteInput)
    }

    /// `holding registers` and so on, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Coil => "coils",
            Self::DiscreteInput => "discrete inputs",
            Self::HoldingRegister => "holding registers",
            Self::InputRegister => "input registers",
        }
    }
}

/// How the registers of a value are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Coil or discrete input.
    Bit,
    /// A register that is true unless it is 0.
    Bool,
    /// One bit of a register, 0 = least significant.
    RegisterBit(u8),
    /// Bits `low..=high` of one register (high < 16) or of two.
    Bits {
        /// Least significant bit taken.
        low: u8,
        /// Most significant bit taken, at most 31.
        high: u8,
    },
    /// 16-bit unsigned.
    U16,
    /// 16-bit two's complement.
    I16,
    /// 32-bit unsigned.
    U32,
    /// 32-bit two's complement.
    I32,
    /// 64-bit unsigned.
    U64,
    /// 64-bit two's complement.
    I64,
    /// IEEE 754 half.
    F16,
    /// IEEE 754 single.
    F32,
    /// IEEE 754 double.
    F64,
    /// Packed decimal, four digits a register; 1, 2 or 4 registers.
    Bcd(u8),
    /// Modulo 10 000: each of 2, 3 or 4 registers counts 0 to 9999, signed by the highest.
    M10k(u8),
    /// Text of so many registers.
    Text(u8, Encoding),
    /// Seconds since 1970, UTC, in 32 bits.
    Epoch32,
    /// Milliseconds since 1970, UTC, in 64 bits.
    Epoch64Ms,
    /// Six registers: year, month, day, hour, minute, second in the site's time zone.
    Clock6,
}

/// How a text is written in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Seven bits.
    Ascii,
    /// UTF-8.
    Utf8,
    /// GB 18030, of which GBK is a part.
    Gbk,
    /// UTF-16, high byte first.
    Utf16Be,
    /// UTF-16, low byte first.
    Utf16Le,
}

impl Format {
    /// How many registers (or bits, for [`Format::Bit`]) it takes.
    #[must_use]
    pub fn width(self) -> u16 {
        match self {
            Self::Bit | Self::Bool | Self::RegisterBit(_) | Self::U16 | Self::I16 | Self::F16 => 1,
            Self::Bits { high, .. } => 1 + u16::from(high > 15),
            Self::U32 | Self::I32 | Self::F32 | Self::Epoch32 => 2,
            Self::U64 | Self::I64 | Self::F64 | Self::Epoch64Ms => 4,
            Self::Bcd(width) | Self::M10k(width) | Self::Text(width, _) => u16::from(width),
            Self::Clock6 => 6,
        }
    }

    /// Yields 0 or 1.
    #[must_use]
    pub fn is_truth(self) -> bool {
        matches!(self, Self::Bit | Self::Bool | Self::RegisterBit(_))
    }

    /// Yields whole numbers before scaling.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(
            self,
            Self::U16
                | Self::I16
                | Self::U32
                | Self::I32
                | Self::U64
                | Self::I64
                | Self::Bits { .. }
                | Self::Bcd(_)
                | Self::M10k(_)
        )
    }
}

/// Where the bytes of a value stand on the wire: letter n of the order is the byte that comes n-th,
/// A the most significant. Whatever the order, it is kept as one permutation of eight places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Big-endian, as the Modbus specification has it.
    Abcd,
    /// Words swapped.
    Cdab,
    /// Bytes swapped within each word.
    Badc,
    /// Little-endian.
    Dcba,
    /// Any other order of the bytes of a value of exactly 2, 4 or 8 bytes: `place[n]` is the
    /// significance (0 the most) of the byte that comes n-th.
    Other {
        /// Bytes of the value.
        bytes: u8,
        /// Significance by place.
        place: [u8; 8],
    },
}

/// Raw number → engineering value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scaling {
    /// `raw × scale + offset`, also for two-point calibrations and unit conversions.
    Linear {
        /// Multiplier.
        scale: f64,
        /// Added after the multiplier.
        offset: f64,
    },
    /// A current loop.
    Loop(CurrentLoop),
}

/// A 4–20 mA (or 0–20 mA) signal as a module delivers it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurrentLoop {
    /// Raw values at the low end (4 mA, or 0 mA without live zero) and at 20 mA.
    pub raw: (f64, f64),
    /// Engineering values at the same two ends.
    pub range: (f64, f64),
    /// 4 mA is zero; below is a fault.
    pub live_zero: bool,
    /// Hold values to the range while the signal is in the measuring band.
    pub clamp: bool,
    /// A fault counts only after this long.
    pub fault_hold: Duration,
}

/// What a value is multiplied by, read from another point of the same device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// By the value itself (CT and PT ratios).
    Times(PointIx),
    /// By 10 to the minus that (decimal-point register).
    Decimals(PointIx),
}

/// One point's place in a device and the way to its engineering value.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusPoint {
    /// Into the plant.
    pub point: PointIx,
    /// Which table.
    pub table: Table,
    /// Protocol address, from 0.
    pub address: u16,
    /// Width and kind.
    pub format: Format,
    /// Byte and word order.
    pub order: ByteOrder,
    /// Raw → engineering.
    pub scaling: Scaling,
    /// For bits: 1 means 0.
    pub invert: bool,
    /// Raw values (before scaling) that mean "no measurement".
    pub sentinels: Vec<f64>,
    /// Other points it is multiplied by.
    pub factors: Vec<Factor>,
    /// Read twice in one poll; the high words must agree (torn 32- and 64-bit counters).
    pub confirm: bool,
    /// `file:line` of the register list, for messages.
    pub origin: String,
}

impl ModbusPoint {
    /// A plain big-endian value, unscaled.
    #[must_use]
    pub fn plain(point: PointIx, table: Table, address: u16, format: Format) -> Self {
        Self {
            point,
            table,
            address,
            format,
            order: ByteOrder::Abcd,
            scaling: Scaling::Linear { scale: 1.0, offset: 0.0 },
            invert: false,
            sentinels: Vec::new(),
            factors: Vec::new(),
            confirm: false,
            origin: String::new(),
        }
    }
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
