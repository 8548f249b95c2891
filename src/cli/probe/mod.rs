//! `steamward probe …`: look at a device or broker before there are settings for it. Only reads.

mod mqtt;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Listen at an MQTT broker, tell which payloads come, and propose settings for them.
    Mqtt(mqtt::Options),
}

pub(super) fn probe(what: &What) -> i32 {
    match what {
        What::Mqtt(options) => mqtt::probe(options),
    }
}
