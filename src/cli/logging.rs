//! Starts the log: text for people, JSON lines for machines, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::settings::Log;

pub(super) fn start(log: &Log) {
    // A wrong filter was refused with the settings; `RUST_LOG` may override for a look on site.
    let filter = EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new(&log.filter))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // Already started (in a test) is as good.
    let _ = if log.json { builder.json().try_init() } else { builder.try_init() };
}
