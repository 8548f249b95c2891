//! `steamward probe`: look at a device before there are settings for it, or beside a running gateway.

mod modbus;
mod orders;
mod place;
mod read;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Find out who answers at a Modbus endpoint, what can be read there, and how fast.
    Modbus(modbus::Options),
    /// Read one value now and show its frames: by address, or a point of the settings.
    Read(read::Options),
    /// Find the type and byte order of a value by looking at a few samples.
    Orders(orders::Options),
}

pub(super) fn probe(what: &What) -> i32 {
    match what {
        What::Modbus(options) => modbus::modbus(options),
        What::Read(options) => read::read(options),
        What::Orders(options) => orders::orders(options),
    }
}
