//! Settings the tests share: one boiler on Modbus, one air receiver on MQTT.

use crate::peers::{Broker, Gateway, ModbusServer, Receiver, Victoria, eventually, now_ms, unless};

pub const BOILER: (&str, &str) = (
    "boiler.toml",
    r#"
kind = "steam-boiler"
[[point]]
id = "drum_level"
unit = "mm"
address = 40003
type = "f32"
range = [-150, 150]
limits = { ll = { at = -75, deadband = 5, hazard = "major" } }
[[point]]
id = "count"
address = 40010
type = "u16"
"#,
);

pub const RECEIVER: (&str, &str) = (
    "receiver.toml",
    r#"
kind = "air-receiver"
time = { pointer = "/ts", format = "ms" }
[[point]]
id = "pressure"
unit = "MPa"
pointer = "/p"
"#,
);

/// Quick commits, a short evidence window, the console on any free port.
pub fn base() -> String {
    r#"
[site]
id = "test"
[store]
dir = "data"
commit_every = "200ms"
[evidence]
before = "30s"
after = "1s"
[console]
listen = "127.0.0.1:0"
"#
    .to_owned()
}

pub fn boiler(port: u16) -> String {
    format!(
        r#"
[[source.modbus]]
id = "plc"
address = "tcp://127.0.0.1:{port}"
period = "100ms"
timeout = "90ms"
reconnect_min = "50ms"
reconnect_max = "200ms"
[[equipment]]
id = "boiler-1"
profile = "boiler"
source = "plc"
unit = 1
"#
    )
}

pub fn receiver(port: u16, version: u8) -> String {
    format!(
        r#"
[[source.mqtt]]
id = "broker"
address = "mqtt://127.0.0.1:{port}"
version = {version}
[[equipment]]
id = "receiver-1"
profile = "receiver"
source = "broker"
topic = "plant/receiver-1"
"#
    )
}

pub fn victoria(port: u16) -> String {
    format!(
        r#"
[[outlet.influx]]
id = "database"
url = "http://127.0.0.1:{port}"
bucket = "b"
batch_age = "200ms"
retry_min = "100ms"
retry_max = "500ms"
"#
    )
}

pub fn inspection(url: &str) -> String {
    format!(
        r#"
[[outlet.inspection]]
id = "inspection"
url = "{url}"
secret = {{ env = "TEST_INSPECTION_KEY" }}
retry_min = "100ms"
retry_max = "500ms"
"#
    )
}

/// The boiler and the receiver, with a database and an inspection system.
pub fn whole(modbus: &ModbusServer, broker: &Broker, database: &Victoria, receiver: &Receiver) -> Gateway {
    let settings = [
        base(),
        boiler(modbus.port),
        self::receiver(broker.port, 5),
        victoria(database.port),
        inspection(&receiver.url),
    ];
    Gateway::start(&settings.concat(), &[BOILER, RECEIVER])
}

/// Waits until a message of the receiver comes through: only what is published after the subscription
/// stands is owed to us.
pub async fn subscribed(broker: &Broker, gateway: &Gateway) {
    eventually("the subscription stands", async || {
        broker.publish(&[message(now_ms(), 0.5)]).await;
        let equipment = gateway.get("/api/v1/equipment").await;
        let read = equipment.as_array().is_some_and(|all| {
            all.iter().any(|e| e["id"] == "receiver-1" && e["points"][0]["quality"] == "good")
        });
        unless(read, equipment)
    })
    .await;
}

/// `(topic, payload)` of a receiver message taken at `ms`.
pub fn message(ms: u64, pressure: f64) -> (String, String) {
    ("plant/receiver-1".to_owned(), format!(r#"{{"ts":{ms},"p":{pressure}}}"#))
}

/// Waits until the boiler's level is read and shown.
pub async fn reads_the_boiler(gateway: &Gateway) {
    eventually("the boiler is read", async || {
        let equipment = gateway.get("/api/v1/equipment").await;
        let read = equipment.as_array().is_some_and(|all| {
            all.iter().any(|e| e["id"] == "boiler-1" && e["points"][0]["quality"] == "good")
        });
        unless(read, equipment)
    })
    .await;
}
