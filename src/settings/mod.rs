//! The integrator's files → a checked plan, or every error with file, line, key and remedy.
//!
//! `load` reads `steamward.toml`, then `conf.d/*.toml`, then `STEAMWARD__…`, and either
//! returns [`Settings`], types that cannot be wrong, or *all* the faults at once.
//! Called by `cli/` (run, check) and by the demo; knows only `plant`.

mod types;

pub use types::{
    ByteOrder, Console, Evidence, Format, InfluxApi, InfluxOutlet, InspectionOutlet, Log, ModbusDevice,
    ModbusPoint, ModbusSource, MqttMapping, MqttPoint, MqttSource, MqttVersion, Outlets, Secret, Settings,
    Store, Table, TimeFormat,
};
