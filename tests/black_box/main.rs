//! The built binary against real peers: pymodbus, mosquitto, victoria-metrics, and an HTTP receiver.

mod peers;

use std::time::Duration;

use peers::{Broker, Database, Gateway, ModbusServer, Receiver, eventually};

const WAIT: Duration = Duration::from_secs(30);

fn settings(modbus: &ModbusServer, broker: &Broker, database: &str, receiver: &Receiver) -> String {
    format!(
        r#"
[site]
id = "test"
[[source.modbus]]
id = "plc"
address = "tcp://127.0.0.1:{}"
period = "200ms"
timeout = "150ms"
[[source.mqtt]]
id = "broker"
address = "mqtt://127.0.0.1:{}"
[[equipment]]
id = "boiler-1"
profile = "boiler"
source = "plc"
unit = 1
[[equipment]]
id = "receiver-1"
profile = "receiver"
source = "broker"
topic = "plant/receiver-1"
{database}
[[outlet.inspection]]
id = "inspection"
url = "{}"
secret = {{ env = "TEST_INSPECTION_KEY" }}
retry_min = "100ms"
retry_max = "1s"
[store]
dir = "data"
commit_every = "200ms"
[evidence]
before = "30s"
after = "1s"
[console]
listen = "127.0.0.1:0"
"#,
        modbus.port, broker.port, receiver.url
    )
}

const BOILER: &str = r#"
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
"#;

const RECEIVER: &str = r#"
kind = "air-receiver"
time = { pointer = "/ts", format = "ms" }
[[point]]
id = "pressure"
unit = "MPa"
pointer = "/p"
"#;

fn v2(port: u16) -> String {
    format!(
        "[[outlet.influx]]\nid = \"vm\"\nurl = \"http://127.0.0.1:{port}\"\nbucket = \"b\"\nbatch_age = \"200ms\"\nretry_min = \"100ms\"\nretry_max = \"500ms\"\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_on_the_wire_becomes_one_delivered_hazard_and_survives_a_kill() {
    let mut modbus = ModbusServer::start();
    let broker = Broker::start().await;
    let mut database = Database::victoria().await;
    let receiver = Receiver::start().await;
    let text = settings(&modbus, &broker, &v2(database.port), &receiver);
    let mut gateway = Gateway::start(&text, &[("boiler.toml", BOILER), ("receiver.toml", RECEIVER)]);

    eventually(WAIT, "the level is read", async || {
        let overview = gateway.get("/api/v1/overview").await;
        overview["equipment"][0]["points"][0]["quality"] == "good"
    })
    .await;
    modbus.set_float(2, -80.0);
    eventually(WAIT, "the hazard is delivered, signed", async || receiver.ids().len() == 1).await;
    let hazards = gateway.get("/api/v1/hazards").await;
    let hazard = &hazards["hazards"][0];
    assert_eq!(hazard["level"], "major");
    assert_eq!(hazard["level_state"], "proposed");
    assert_eq!(hazard["value"], -80.0);
    let id = hazard["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(receiver.ids()[0], format!("{id}#1"));

    let refused = gateway.post(&format!("/api/v1/hazards/{id}/close"), r#"{"by":"赵海"}"#).await;
    assert_eq!(refused, 409, "a hazard cannot be closed while its limit is in breach");

    eventually(WAIT, "the evidence is sealed and holds the breach", async || {
        let evidence = gateway.get(&format!("/api/v1/hazards/{id}/evidence")).await;
        evidence["sealed"] == true && evidence.to_string().contains("-80")
    })
    .await;

    // Database away, gateway killed, messages in between: nothing is lost and nothing doubled.
    database.stop();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let stamps: Vec<u128> = (0..60).map(|n| now - 60_000 + n * 100).collect();
    for (n, stamp) in stamps.iter().enumerate() {
        broker.publish("plant/receiver-1", &format!(r#"{{"ts":{stamp},"p":0.{}}}"#, 600 + n));
        if n % 20 == 10 {
            gateway.kill();
            gateway.again();
        }
    }
    database.again().await;
    eventually(WAIT, "every message is in the database exactly once", async || {
        let mut found = database.timestamps("air_receiver_pressure").await;
        found.sort_unstable();
        found == stamps
    })
    .await;

    let hazards = gateway.get("/api/v1/hazards?closed=true").await;
    assert_eq!(hazards["hazards"].as_array().map(Vec::len), Some(1), "the restart doubled the hazard");
    assert_eq!(hazards["hazards"][0]["occurrences"], 1, "the restart raised the alarm again");

    modbus.set_float(2, 10.0);
    eventually(WAIT, "the alarm has returned", async || {
        gateway.get("/api/v1/alarms").await[0]["state"] == "returned_unacknowledged"
    })
    .await;
    assert_eq!(gateway.post(&format!("/api/v1/hazards/{id}/acknowledge"), r#"{"by":"赵海"}"#).await, 200);
    assert_eq!(gateway.post(&format!("/api/v1/hazards/{id}/close"), r#"{"by":"赵海"}"#).await, 200);
    let feed = gateway.get("/api/v1/hazards?after=0").await;
    let kinds: Vec<_> = feed["events"].as_array().into_iter().flatten().map(|e| e["type"].clone()).collect();
    assert_eq!(kinds.last().and_then(|k| k.as_str()), Some("cn.steamward.hazard.closed.v1"));
    eventually(WAIT, "every version reached the receiver in order", async || {
        receiver.ids() == (1..=kinds.len()).map(|n| format!("{id}#{n}")).collect::<Vec<_>>()
    })
    .await;
    assert!(gateway.stop().await < Duration::from_secs(5), "SIGTERM takes too long");
    assert!(gateway.ledger_verifies(), "the audit chain is broken");
}
