//! How a point lies in a device's registers: table, address, format, byte order, scaling.

use std::time::Duration;

use crate::plant::PointIx;

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

    /// Its word in a profile.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Coil => "coil",
            Self::DiscreteInput => "discrete",
            Self::HoldingRegister => "holding",
            Self::InputRegister => "input",
        }
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
    /// Bits `low..=high` of one register or of two.
    Bits {
        /// Least significant bit taken.
        low: u8,
        /// Most significant bit taken, at most 31.
        high: u8,
        /// Of two registers.
        wide: bool,
        /// The most significant bit is the sign (two's complement).
        signed: bool,
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
    /// How many registers of two bytes (or bits, for [`Format::Bit`]) it takes.
    #[must_use]
    pub fn width(self) -> u16 {
        match self {
            Self::Bit | Self::Bool | Self::RegisterBit(_) | Self::U16 | Self::I16 | Self::F16 => 1,
            Self::Bits { wide, .. } => 1 + u16::from(wide),
            Self::U32 | Self::I32 | Self::F32 | Self::Epoch32 => 2,
            Self::U64 | Self::I64 | Self::F64 | Self::Epoch64Ms => 4,
            Self::Bcd(width) | Self::M10k(width) | Self::Text(width, _) => u16::from(width),
            Self::Clock6 => 6,
        }
    }

    /// How many registers (or bits) of a device it takes, where each register may hold four bytes.
    #[must_use]
    pub fn registers(self, four_byte: bool) -> u16 {
        if four_byte { self.width().div_ceil(2) } else { self.width() }
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

impl Factor {
    /// The point that holds it.
    #[must_use]
    pub fn point(&self) -> PointIx {
        let (Self::Times(of) | Self::Decimals(of)) = *self;
        of
    }
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
    /// Its registers hold four bytes each (`modbus.four_byte`).
    pub four_byte: bool,
    /// Raw → engineering.
    pub scaling: Scaling,
    /// Discrete: every raw number but 0 is true, and is not scaled.
    pub truth: bool,
    /// For discrete points: true means 0.
    pub invert: bool,
    /// Raw values (before scaling) that mean "no measurement".
    pub sentinels: Vec<f64>,
    /// Other points it is multiplied by, and those that these are multiplied by themselves.
    pub factors: Vec<Factor>,
    /// Its physical range, where other points are multiplied by it.
    pub range: Option<(f64, f64)>,
    /// Read twice in one poll; the high words must agree (torn 32- and 64-bit counters).
    pub confirm: bool,
    /// `file:line` of the register list, for messages.
    pub origin: String,
}

impl ModbusPoint {
    /// How many registers (or bits) of the device it takes.
    #[must_use]
    pub fn registers(&self) -> u16 {
        self.format.registers(self.four_byte)
    }

    /// A plain big-endian value, unscaled.
    #[must_use]
    pub fn plain(point: PointIx, table: Table, address: u16, format: Format) -> Self {
        Self {
            point,
            table,
            address,
            format,
            order: ByteOrder::Abcd,
            four_byte: false,
            scaling: Scaling::Linear { scale: 1.0, offset: 0.0 },
            truth: format.is_truth(),
            invert: false,
            sentinels: Vec::new(),
            factors: Vec::new(),
            range: None,
            confirm: false,
            origin: String::new(),
        }
    }
}
