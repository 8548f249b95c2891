//! The built binary against the outside world, a file a promise. One test binary, so that it links once.

mod clock;
mod commissioning;
mod database_answers;
mod demo;
mod families;
mod inspection;
mod kill;
mod main_path;
mod mix_up;
mod modbus_faults;
mod mqtt_broker;
mod mqtt_probe;
mod mqtt_session;
mod mqtt_shapes;
mod mqtt_sparkplug;
mod operation;
mod outages;
mod page;
mod peers;
mod plants;
mod push;
mod quirks;
mod quirks_of_lines;
mod reload;
mod transports;
mod types;
