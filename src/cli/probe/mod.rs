//! `steamward probe …`: look at a device or broker before there are settings for it, or beside a running
//! gateway. Only reads.

mod modbus;
mod mqtt;
mod orders;
mod place;
mod read;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Find out who answers at a Modbus endpoint, what can be read there, and how fast.
    Modbus(modbus::Options),
    /// Listen at an MQTT broker, tell which payloads come, and propose settings for them.
    Mqtt(mqtt::Options),
    /// Find the type and byte order of a Modbus value by looking at a few samples.
    Orders(orders::Options),
    /// Read one Modbus value now and show its frames: by address, or a point of the settings.
    Read(read::Options),
}

pub(super) fn probe(what: &What) -> i32 {
    match what {
        What::Modbus(options) => modbus::modbus(options),
        What::Mqtt(options) => mqtt::probe(options),
        What::Orders(options) => orders::orders(options),
        What::Read(options) => read::read(options),
    }
}
