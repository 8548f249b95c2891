//! The main path, once through every room.

use std::time::Duration;

use crate::peers::{Broker, ModbusServer, Receiver, Victoria, eventually, now_ms, unless};
use crate::plants;

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_on_the_wire_becomes_one_delivered_hazard_that_a_person_closes() {
    let mut modbus = ModbusServer::start();
    let broker = Broker::start().await;
    let database = Victoria::start().await;
    let receiver = Receiver::start().await;
    let mut gateway = plants::whole(&modbus, &broker, &database, &receiver);

    eventually("the level is read", async || {
        let overview = gateway.get("/api/v1/overview").await;
        unless(overview["equipment"][0]["points"][0]["quality"] == "good", overview)
    })
    .await;
    broker.publish_one("plant/receiver-1", &format!(r#"{{"ts":{},"p":0.71}}"#, now_ms())).await;
    modbus.set_float(2, -80.0);
    eventually("the hazard is delivered, signed", async || unless(receiver.ids().len() == 1, receiver.ids()))
        .await;
    let hazards = gateway.get("/api/v1/hazards").await;
    let hazard = &hazards["hazards"][0];
    assert_eq!(hazard["level"], "major");
    assert_eq!(hazard["level_state"], "proposed", "major is judged by a person");
    assert_eq!(hazard["value"], -80.0);
    let id = hazard["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(receiver.ids()[0], format!("{id}#1"));

    let by = r#"{"by":"赵海","note":"已补水，水位正常"}"#;
    let without = r#"{"by":"赵海"}"#;
    let close = format!("/api/v1/hazards/{id}/close");
    let acknowledge = format!("/api/v1/hazards/{id}/acknowledge");
    assert_eq!(gateway.post(&close, by, &[]).await, 409, "it closed while its limit was in breach");
    eventually("the evidence is sealed and holds the breach", async || {
        let evidence = gateway.get(&format!("/api/v1/hazards/{id}/evidence")).await;
        unless(evidence["sealed"] == true && evidence.to_string().contains("-80"), evidence)
    })
    .await;

    modbus.set_float(2, 10.0);
    eventually("the alarm has returned", async || {
        let alarms = gateway.get("/api/v1/alarms").await;
        unless(alarms[0]["state"] == "returned_unacknowledged", alarms)
    })
    .await;
    assert_eq!(gateway.post(&close, by, &[]).await, 409, "it closed before anybody took note");
    assert_eq!(gateway.post(&acknowledge, by, &[]).await, 200);
    assert_eq!(gateway.post(&acknowledge, by, &[]).await, 409, "twice");
    assert_eq!(gateway.post(&close, without, &[]).await, 400, "it closed without a word on how");
    assert_eq!(gateway.post(&close, by, &[]).await, 200);
    let alarm = r#"{"rule":"boiler-1/drum_level.ll","by":"赵海","note":"已补水"}"#;
    assert_eq!(gateway.post("/api/v1/alarms/acknowledge", alarm, &[]).await, 200);
    assert_eq!(gateway.get("/api/v1/alarms").await, serde_json::json!([]));

    let feed = gateway.get("/api/v1/hazards?after=0").await;
    let kinds: Vec<_> = feed["events"].as_array().into_iter().flatten().map(|e| e["type"].clone()).collect();
    assert_eq!(kinds.last().and_then(|k| k.as_str()), Some("cn.steamward.hazard.closed.v1"));
    let wanted: Vec<_> = (1..=kinds.len()).map(|n| format!("{id}#{n}")).collect();
    eventually("every version reached the receiver in order", async || {
        unless(receiver.ids() == wanted, receiver.ids())
    })
    .await;
    let rest = gateway.get(&format!("/api/v1/hazards?after={}", feed["cursor"])).await;
    assert_eq!(rest["events"], serde_json::json!([]), "the cursor does not move on");

    let trend = gateway.get("/api/v1/equipment/boiler-1/trend?minutes=1").await;
    let level = trend["series"].as_array().into_iter().flatten().find(|s| s["point"] == "drum_level");
    let lowest = level.and_then(|s| s["samples"].as_array()).into_iter().flatten();
    assert!(lowest.map(|s| s[1].as_f64().unwrap_or(0.0)).any(|low| low == -80.0), "no curve: {trend}");

    assert!(gateway.stop().await < Duration::from_secs(5), "SIGTERM takes too long");
    database.holds("steam_boiler_drum_level", &gateway.committed_ms("boiler-1", "drum_level")).await;
    database.holds("air_receiver_pressure", &gateway.committed_ms("receiver-1", "pressure")).await;
    assert!(gateway.ledger_verifies(), "the audit chain is broken");
}
