//! What people do to alarms over the API, and that a kill does not undo it.

use serde_json::{Value, json};

use crate::peers::{Gateway, ModbusServer, eventually, unless};
use crate::plants;

async fn alarm(gateway: &Gateway) -> Value {
    let alarms = gateway.get("/api/v1/alarms").await;
    alarms.as_array().into_iter().flatten().find(|a| a["rule"] == RULE).cloned().unwrap_or_default()
}

const RULE: &str = "boiler-1/drum_level.ll";

async fn ask(gateway: &Gateway, what: &str, more: Value) -> u16 {
    let mut body = json!({ "rule": RULE, "by": "赵海" });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    gateway.post(&format!("/api/v1/alarms/{what}"), &body.to_string(), &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shelved_alarm_and_one_out_of_service_come_back_after_a_kill_and_call_when_they_are_shown_again() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, 0.0);
    let settings = plants::base() + &plants::boiler(modbus.port);
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    assert_eq!(ask(&gateway, "shelve", json!({ "minutes": 60 })).await, 400, "without a reason");
    assert_eq!(ask(&gateway, "shelve", json!({ "minutes": 0, "reason": "x" })).await, 409, "for no time");
    assert_eq!(ask(&gateway, "shelve", json!({ "minutes": 721, "reason": "x" })).await, 409, "for too long");
    assert_eq!(ask(&gateway, "unshelve", json!({})).await, 409, "nothing is shelved");
    assert_eq!(ask(&gateway, "shelve", json!({ "minutes": 60, "reason": "换变送器" })).await, 200);
    let shelved = alarm(&gateway).await;
    assert_eq!((&shelved["state"], &shelved["hidden"]["reason"]), (&json!("shelved"), &json!("换变送器")));
    // It is judged behind the shelf, and raises no hazard.
    modbus.set_float(2, -90.0);
    eventually("the hidden alarm is true", async || {
        let alarm = alarm(&gateway).await;
        unless(alarm["active"] == true && alarm["state"] == "shelved", alarm)
    })
    .await;
    assert_eq!(gateway.get("/api/v1/hazards").await["hazards"], json!([]));
    gateway.kill();
    gateway.again();
    let still = alarm(&gateway).await;
    assert_eq!(
        (&still["state"], &still["hidden"]["until"]),
        (&json!("shelved"), &shelved["hidden"]["until"])
    );
    assert_eq!(ask(&gateway, "unshelve", json!({})).await, 200);
    assert_eq!(alarm(&gateway).await["state"], "unacknowledged");
    let hazards = gateway.get("/api/v1/hazards").await;
    assert_eq!(
        hazards["hazards"].as_array().map(Vec::len),
        Some(1),
        "it called, so the hazard is on record: {hazards}"
    );

    assert_eq!(ask(&gateway, "take-out", json!({ "reason": "检修" })).await, 200);
    gateway.kill();
    gateway.again();
    assert_eq!(alarm(&gateway).await["state"], "out_of_service");
    assert_eq!(ask(&gateway, "acknowledge", json!({})).await, 409, "nobody is called");
    assert_eq!(ask(&gateway, "put-back", json!({})).await, 200);
    assert_eq!(alarm(&gateway).await["state"], "unacknowledged");
    gateway.stop().await;
    let (code, said) = gateway.tool(&["ledger", "verify", "data"]);
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_delay_caught_is_kept_as_a_precursor() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, 0.0);
    let settings = plants::base()
        + &plants::boiler(modbus.port)
        + "[equipment.limits.drum_level]\nll = { on_delay = \"30m\" }\n";
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    eventually("the level is read", async || {
        let points = gateway.get("/api/v1/equipment/boiler-1/points").await;
        unless(points[0]["quality"] == "good", points)
    })
    .await;
    modbus.set_float(2, -90.0);
    eventually("the breach is read", async || {
        let points = gateway.get("/api/v1/equipment/boiler-1/points").await;
        unless(points[0]["value"] == -90.0, points)
    })
    .await;
    modbus.set_float(2, 0.0);
    eventually("the precursor is on record", async || {
        let kept = gateway.get("/api/v1/precursors").await;
        unless(kept[0]["rule"] == RULE && kept[0]["beyond"] == true && kept[0]["peak"] == -90.0, kept)
    })
    .await;
    assert_eq!(gateway.get("/api/v1/alarms").await, json!([]));
    gateway.stop().await;
}
