//! What people do to alarms over the API, and that a kill does not undo it.

use serde_json::{Value, json};

use crate::peers::{Gateway, ModbusServer, eventually, unless};
use crate::plants;
use crate::replay::outcome;

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

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_tells_what_to_know_and_do_in_both_languages() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, -90.0);
    let told = r#"[equipment.limits.drum_level.ll]
message = { zh = "{equipment} {name} {value} {unit}，低于 {limit}（{priority}）", en = "{name} at {value}" }
response = { zh = "立即停火", en = "stop firing" }
response_time = "1m"
"#;
    let settings = plants::base() + &plants::boiler(modbus.port) + told;
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    eventually("the alarm is up", async || {
        let alarm = alarm(&gateway).await;
        unless(alarm["active"] == true, alarm)
    })
    .await;
    let guidance = alarm(&gateway).await["guidance"].clone();
    let zh = guidance["message"]["zh"].as_str().unwrap_or_default();
    assert!(
        zh.contains("-90") && zh.contains("mm，低于 -75") && zh.contains("紧急") && !zh.contains('{'),
        "{zh}"
    );
    assert_eq!(
        (&guidance["response"]["en"], &guidance["response_time_s"], &guidance["consequence"]),
        (&json!("stop firing"), &json!(60), &Value::Null),
        "{guidance}"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_derived_point_is_shown_kept_and_goes_on_counting_after_a_kill() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, 10.0);
    let derived = "[[equipment.derived]]\nid = \"area\"\nformula = \"integral(drum_level, per s)\"\n\
                   [[equipment.derived]]\nid = \"twice\"\nunit = \"mm\"\nformula = \"drum_level * 2\"\n";
    let settings = plants::base() + &plants::boiler(modbus.port) + derived;
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    let point = async |gateway: &Gateway, id: &str| {
        let points = gateway.get("/api/v1/equipment/boiler-1/points").await;
        points.as_array().into_iter().flatten().find(|p| p["id"] == id).cloned().unwrap_or_default()
    };
    eventually("it is calculated", async || {
        let (twice, area) = (point(&gateway, "twice").await, point(&gateway, "area").await);
        unless(twice["value"] == 20.0 && area["value"].as_f64() > Some(5.0), (twice, area))
    })
    .await;
    let before = point(&gateway, "area").await;
    assert_eq!(before["unit"], "mm·s", "{before}");
    gateway.stop().await;
    gateway.again();
    eventually("the total goes on where it was", async || {
        let area = point(&gateway, "area").await;
        unless(area["quality"] == "good" && area["value"].as_f64() > before["value"].as_f64(), area)
    })
    .await;
    gateway.stop().await;
    assert!(
        gateway.committed("boiler-1").iter().any(|c| c.0 == "twice" && c.2 == 20.0),
        "what is calculated is kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_of_the_alarm_system_are_the_same_over_api_and_command_line() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, 0.0);
    let quick = "[equipment.limits.drum_level]\nll = { at = -75, on_delay = \"0s\", off_delay = \"0s\" }\n";
    let settings = plants::base() + &plants::boiler(modbus.port) + quick;
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    // Four times low within a minute.
    for round in 1..=4 {
        for (level, active) in [(-90.0, true), (0.0, false)] {
            modbus.set_float(2, level);
            eventually("the alarm follows", async || {
                let rows = gateway.get("/api/v1/alarms/transitions?limit=100").await;
                let event = if active { "raised" } else { "cleared" };
                let of = |r: &&Value| r["rule"] == RULE && r["event"] == event;
                let count = rows.as_array().into_iter().flatten().filter(of).count();
                unless(count >= round, rows)
            })
            .await;
        }
    }
    let figures = gateway.get("/api/v1/alarms/figures").await;
    assert_eq!(figures["chattering"][0]["rule"], RULE, "{figures}");
    assert_eq!(
        (&figures["chattering"][0]["raises"], &figures["answers"][0]["priority"]),
        (&json!(4), &json!("critical"))
    );
    let odd = gateway.post("/api/v1/alarms/figures?from=yesterday", "", &[]).await;
    assert_eq!(odd, 405, "only to be read");
    // Once each hazard and alarm; the calls are the pyramid's, and one record counts all four.
    let pyramid = json!({ "major": 1, "general": 0, "alarms": 4, "delayed": 0, "near": 0 });
    assert_eq!(figures["pyramid"], pyramid, "{figures}");

    // What stood before the span began still stands in it.
    modbus.set_float(2, -90.0);
    eventually("the alarm stands", async || {
        let alarms = gateway.get("/api/v1/alarms").await;
        unless(alarms[0]["state"] == "unacknowledged", alarms)
    })
    .await;
    let from = jiff::Timestamp::now();
    let since = gateway.get(&format!("/api/v1/alarms/figures?from={from}")).await;
    assert_eq!((&since["standing"], &since["calls"]), (&json!(1), &json!(0)), "{since}");
    let turned = gateway.get(&format!("/api/v1/alarms/figures?from={from}&to={from}")).await;
    assert_eq!(turned["error"]["message"]["en"], "from must be before to.", "{turned}");
    let figures = gateway.get("/api/v1/alarms/figures").await;
    modbus.set_float(2, -91.0);
    eventually("it goes on", async || {
        let points = gateway.get("/api/v1/equipment/boiler-1/points").await;
        unless(points[0]["value"] == -91.0, points)
    })
    .await;
    gateway.stop().await;
    // A rehearsal counts it from the beginning on both sides.
    let (code, said) = gateway.tool(&["replay", "--config", ".", "--json", "--from", &from.to_string()]);
    let report: Value =
        serde_json::from_str(&outcome(&said)).unwrap_or_else(|e| panic!("{code} {e}: {said}"));
    let ll = report["rules"].as_array().into_iter().flatten().find(|r| r["rule"] == RULE).expect("it stood");
    assert_eq!((&ll["tried"]["raised"], &ll["really"]["raised"]), (&json!(1), &json!(1)), "{report}");
    let (code, said) = gateway.tool(&["figures", ".", "--json"]);
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!((code, &told["chattering"], &told["calls"]), (0, &figures["chattering"], &figures["calls"]));
    let (code, said) = gateway.tool(&["figures", "."]);
    assert!(code == 0 && said.contains("抖动 chattering") && said.contains(RULE), "{said}");
    let (code, said) = gateway.tool(&["figures", ".", "--from", "yesterday"]);
    assert!(code == 2 && said.contains("no such time"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_flood_a_hazard_is_told_with_the_alarm_that_raised_it_and_without_its_limit_it_closes_only_for_a_reason()
 {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, -90.0);
    let settings = plants::base() + &plants::boiler(modbus.port);
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    let mut id = String::new();
    eventually("the hazard is on record", async || {
        let hazards = gateway.get("/api/v1/hazards").await;
        id = hazards["hazards"][0]["id"].as_str().unwrap_or_default().to_owned();
        unless(!id.is_empty(), hazards)
    })
    .await;
    let from = gateway.get(&format!("/api/v1/hazards/{id}")).await["evidence"]["from"].clone();
    let other = r#"{"rule":"boiler-1/device:plc/1.no_data","by":"赵海","reason":"x","minutes":5}"#;
    // More of another alarm than a list without a limit holds.
    for _ in 0..60 {
        assert_eq!(gateway.post("/api/v1/alarms/shelve", other, &[]).await, 200);
        assert_eq!(gateway.post("/api/v1/alarms/unshelve", other, &[]).await, 200);
    }
    let newest = gateway.get("/api/v1/alarms/transitions").await;
    assert_eq!(newest.as_array().map(Vec::len), Some(100), "{newest}");
    assert!(!newest.to_string().contains("drum_level"), "{newest}");
    let from = from.as_str().unwrap_or_default();
    let path = format!("/api/v1/alarms/transitions?rule={RULE}&from={from}");
    let of_rule = gateway.get(&path).await;
    assert_eq!((&of_rule[0]["rule"], &of_rule[0]["event"]), (&json!(RULE), &json!("raised")), "{of_rule}");
    assert_eq!(gateway.get(&format!("{path}&to={from}")).await, json!([]), "nothing before it");
    assert_eq!(gateway.status("/api/v1/alarms/transitions?from=noon", &[]).await, 400);

    let note = r#"{"by":"赵海","note":"已拆除"}"#;
    assert_eq!(gateway.post(&format!("/api/v1/hazards/{id}/acknowledge"), note, &[]).await, 200);
    gateway.rewrite(&(settings + "limits.drum_level.ll = false\n"));
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    eventually("the new settings are in force", async || {
        let reload = gateway.get("/api/v1/reload").await;
        unless(reload["state"] == "kept" || reload["state"] == "trial", reload)
    })
    .await;
    let close = format!("/api/v1/hazards/{id}/close");
    assert_eq!(gateway.post(&close, note, &[]).await, 409, "nobody can tell whether it is gone");
    let reason = r#"{"by":"赵海","note":"已拆除","override_reason":"锅炉已报废"}"#;
    assert_eq!(gateway.post(&close, reason, &[]).await, 200);
    let closed = gateway.get(&format!("/api/v1/hazards/{id}")).await;
    assert_eq!(
        (&closed["status"], &closed["override_reason"]),
        (&json!("closed"), &json!("锅炉已报废")),
        "{closed}"
    );
    gateway.stop().await;
    let (code, said) = gateway.tool(&["ledger", "verify", "data"]);
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_module_that_said_off_hides_a_low_level_no_longer_and_is_missed_itself() {
    let (mut plc, mut module) = (ModbusServer::start(), ModbusServer::start());
    plc.set_float(2, 0.0);
    module.set_float(2, 0.0);
    let settings = plants::base()
        + &plants::boiler(plc.port).replace(
            "profile = \"boiler\"\nsource = \"plc\"\nunit = 1\n",
            "device = [{ profile = \"boiler\", source = \"plc\", unit = 1 }, { profile = \"module\", source = \"module\", unit = 1 }]\n\
             limits.drum_level.ll.when = \"fired\"\n",
        )
        + &format!(
            "[[source.modbus]]\nid = \"module\"\naddress = \"tcp://127.0.0.1:{}\"\nperiod = \"100ms\"\n\
             timeout = \"90ms\"\nreconnect_min = \"50ms\"\nreconnect_max = \"200ms\"\n",
            module.port
        );
    let profile = (
        "module.toml",
        "[[point]]\nid = \"load\"\nunit = \"%\"\naddress = 40003\ntype = \"f32\"\n\
         [[derived]]\nid = \"fired\"\nunit = \"bool\"\nformula = \"load > 1 %\"\n",
    );
    let gateway = Gateway::start(&settings, &[plants::BOILER, profile]);
    eventually("the level is low, and hidden while nothing is fired", async || {
        plc.set_float(2, -120.0);
        let alarm = alarm(&gateway).await;
        unless(alarm["state"] == "suppressed" && alarm["active"] == true, alarm)
    })
    .await;
    drop(module);
    eventually("it calls, with its reason", async || {
        let alarm = alarm(&gateway).await;
        unless(alarm["state"] == "unacknowledged" && alarm["condition_unknown"] == "fired", alarm)
    })
    .await;
    eventually("the major hazard is on record", async || {
        let hazards = gateway.get("/api/v1/hazards").await;
        unless(hazards["hazards"].as_array().map(Vec::len) == Some(1), hazards)
    })
    .await;
    eventually("the dead module is told once", async || {
        let alarms = gateway.get("/api/v1/alarms").await;
        let told: Vec<&Value> =
            alarms.as_array().into_iter().flatten().filter(|a| a["kind"] == "no_data").collect();
        unless(told.len() == 1 && told[0]["device"] == "module/1", alarms.clone())
    })
    .await;
}
