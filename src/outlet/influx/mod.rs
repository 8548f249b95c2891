//! The InfluxDB outlet: line protocol over `/api/v2/write` or `/write`, from its cursor onward.
//!
//! Schema: measurement = equipment kind (`steam_boiler`), tags `equipment` and `site`, one field per
//! point, microsecond time. One line per sample keeps a poll together and the index small
//! (series = equipment, not points); a field's type is fixed by its point, so batches never conflict.
//! A bad reading has no field: a gap in the database is unknown, not normal.

pub mod encode;
pub mod past;
mod refused;
mod remedy;
mod sender;
#[cfg(feature = "influx-client")]
pub mod setup;
mod worker;

pub use worker::{RunError, run};
