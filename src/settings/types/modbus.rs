//! What the Modbus pollers get.

use std::time::Duration;

use crate::plant::{DeviceIx, PointIx};

/// One Modbus TCP endpoint; one owner, one connection, all its units.
#[derive(Debug, Clone)]
pub struct ModbusSource {
    /// Settings id.
    pub id: crate::plant::Id,
    /// Host name or address.
    pub host: String,
    /// TCP port, 502 unless told.
    pub port: u16,
    /// How long to wait for one answer.
    pub timeout: Duration,
    /// First and longest pause between connection attempts (jittered).
    pub reconnect: (Duration, Duration),
    /// The units on it.
    pub devices: Vec<ModbusDevice>,
}

/// One unit id on an endpoint, as one piece of equipment sees it.
#[derive(Debug, Clone)]
pub struct ModbusDevice {
    /// Into the plant.
    pub device: DeviceIx,
    /// Modbus unit id, 0 to 255.
    pub unit: u8,
    /// Time from poll to poll.
    pub period: Duration,
    /// Most registers in one request, 1 to 125 (coils: 16 times as many, at most 2000).
    pub max_registers: u16,
    /// Unasked registers that may lie inside a merged request.
    pub max_gap: u16,
    /// What to read.
    pub points: Vec<ModbusPoint>,
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

/// How the registers of a value are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Coil or discrete input.
    Bit,
    /// One bit of a register, 0 = least significant.
    RegisterBit(u8),
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
    /// IEEE 754 single.
    F32,
    /// IEEE 754 double.
    F64,
}

impl Format {
    /// How many registers (or bits, for [`Format::Bit`]) it takes.
    #[must_use]
    pub fn width(self) -> u16 {
        match self {
            Self::Bit | Self::RegisterBit(_) | Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
        }
    }
}

/// Order of the bytes on the wire, A the most significant of a 32-bit value.
/// For 64 bits the same rule holds over four words; for 16 bits BADC and DCBA swap the bytes.
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
}

/// One point's place in a device and the way to its engineering value: `raw × scale + offset`.
#[derive(Debug, Clone)]
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
    /// Multiplier.
    pub scale: f64,
    /// Added after the multiplier.
    pub offset: f64,
    /// For bits: 1 means 0.
    pub invert: bool,
    /// Raw values (before scaling) that mean "no measurement".
    pub sentinels: Vec<f64>,
    /// `file:line` of the register list, for messages.
    pub origin: String,
}
