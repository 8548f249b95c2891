//! Promise P8: new settings touch only what changed, wrong ones change nothing, and ones that read less
//! than the old did are taken back.

use std::time::Duration;

use crate::peers::odd::Act::{Rest, Say};
use crate::peers::{Gateway, ModbusServer, Odd, eventually, unless};
use crate::{plants, quirks};

const PERIOD_MS: u64 = 500;

fn plant(port: u16, units: std::ops::RangeInclusive<u8>) -> String {
    let mut text = plants::base();
    text += &format!(
        "[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://127.0.0.1:{port}\"\nperiod = \"{PERIOD_MS}ms\"\n\
         timeout = \"450ms\"\nreconnect_min = \"50ms\"\nreconnect_max = \"200ms\"\n"
    );
    for unit in units {
        text += &format!(
            "[[equipment]]\nid = \"u{unit}\"\nprofile = \"boiler\"\nsource = \"plc\"\nunit = {unit}\n"
        );
    }
    text
}

async fn good(gateway: &Gateway) -> Vec<String> {
    let equipment = gateway.get("/api/v1/equipment").await;
    let all = equipment.as_array().cloned().unwrap_or_default();
    all.iter()
        .filter(|e| e["points"][0]["quality"] == "good")
        .map(|e| e["id"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn settles(gateway: &Gateway, count: usize) {
    eventually("the devices are read", async || {
        let good = good(gateway).await;
        unless(good.len() == count, good)
    })
    .await;
}

async fn state(gateway: &Gateway, wanted: &str) -> serde_json::Value {
    let mut seen = serde_json::Value::Null;
    eventually("the reload ends", async || {
        seen = gateway.get("/api/v1/reload").await;
        unless(seen["state"] == wanted, &seen)
    })
    .await;
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_adds_one_device_to_fifty_loses_not_one_poll_of_the_fifty() {
    let modbus = ModbusServer::start();
    let mut gateway = Gateway::start(&plant(modbus.port, 1..=50), &[plants::BOILER]);
    settles(&gateway, 50).await;
    let before: Vec<u64> = polls(&gateway).await;
    gateway.rewrite(&plant(modbus.port, 1..=51));
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    settles(&gateway, 51).await;
    let told = gateway.get("/api/v1/reload").await;
    assert!(told["changes"].to_string().contains("equipment.u51.unit = 51"), "{told}");
    // Some time on both sides of the change.
    eventually("twenty polls more of each", async || {
        let now = polls(&gateway).await;
        unless(now.iter().zip(&before).all(|(n, b)| *n > b + 20), now)
    })
    .await;
    let path = gateway.get("/api/v1/overview").await;
    let devices = path["path"]["sources"][0]["devices"].as_array().cloned().unwrap_or_default();
    assert_eq!(devices.len(), 51);
    let connects = path["path"]["sources"][0]["connects"].as_u64();
    gateway.stop().await;
    assert_eq!(connects, Some(1), "the connection was kept");
    for device in &devices[..50] {
        assert_eq!((&device["missed_polls"], &device["failures"]), (&0.into(), &0.into()), "{device}");
    }
    // What was read is what is kept: no tick without its reading.
    for unit in 1..=50 {
        let times: Vec<u64> = gateway.committed_ms(&format!("u{unit}"), "count").into_iter().collect();
        let gaps: Vec<_> = times.windows(2).map(|t| t[1] - t[0]).filter(|gap| *gap > 2 * PERIOD_MS).collect();
        assert!(gaps.is_empty(), "unit {unit}: {gaps:?}");
    }
}

async fn polls(gateway: &Gateway) -> Vec<u64> {
    let path = gateway.get("/api/v1/overview").await;
    let devices = path["path"]["sources"][0]["devices"].as_array().cloned().unwrap_or_default();
    devices.iter().take(50).map(|d| d["polls"].as_u64().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_refused_and_the_running_ones_go_on() {
    let modbus = ModbusServer::start();
    let mut gateway = Gateway::start(&plant(modbus.port, 1..=2), &[plants::BOILER]);
    settles(&gateway, 2).await;
    gateway.rewrite(&plant(modbus.port, 1..=3).replace("unit = 3", "unit = 300"));
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 422);
    let told = gateway.get("/api/v1/reload").await;
    assert_eq!(told["state"], "refused", "{told}");
    assert!(told["faults"].to_string().contains("steamward.toml:"), "{told}");
    settles(&gateway, 2).await;
    // A dry run tells the difference and changes nothing.
    gateway.rewrite(&plant(modbus.port, 1..=3));
    assert_eq!(gateway.post("/api/v1/reload?dry_run=true", "", &[]).await, 200);
    settles(&gateway, 2).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_that_is_read_otherwise_in_the_same_unit_is_told_by_check_reload_trail_and_the_next_start() {
    let modbus = ModbusServer::start();
    let settings = plant(modbus.port, 1..=1);
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    settles(&gateway, 1).await;
    eventually("it is kept how points are read", async || {
        let kept = gateway.data().join("readings.json");
        unless(kept.exists(), kept)
    })
    .await;
    let scaled = |scale: &str| {
        plants::BOILER.1.replacen("type = \"f32\"", &format!("type = \"f32\"\nscale = {scale}"), 1)
    };
    let half = "u1/drum_level: was read as `unit 1 holding 2..3 f32 abcd` and is read as `unit 1 holding 2..3 f32 abcd × 0.5`";
    gateway.write("profiles/boiler.toml", scaled("0.5"));
    let (code, said) = gateway.tool(&["check", "."]);
    assert!(code == 0 && said.contains(&format!("warning: {half}, in the same unit")), "{said}");

    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    let told = state(&gateway, "kept").await;
    assert!(told["warnings"].to_string().contains(half), "{told}");
    // It is in force: nothing is other than what is kept.
    eventually("check has nothing to tell", async || {
        let (_, said) = gateway.tool(&["check", "."]);
        unless(!said.contains("was read as"), said)
    })
    .await;
    gateway.stop().await;
    let ledger = rusqlite::Connection::open(gateway.data().join("ledger.db")).expect("a ledger");
    let trail: String = ledger
        .query_row("SELECT group_concat(detail) FROM audit WHERE what = 'settings-changed'", [], |r| r.get(0))
        .expect("a trail");
    assert!(trail.contains(half), "{trail}");
    // What was changed while it stood is told at the start.
    gateway.write("profiles/boiler.toml", scaled("0.25"));
    gateway.launch("is read as `unit 1 holding 2..3 f32 abcd × 0.25`");
    let entries = || -> Vec<(String, String)> {
        let mut query = ledger
            .prepare("SELECT who, detail FROM audit WHERE what = 'settings-changed' ORDER BY seq")
            .expect("a ledger");
        let rows = query.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).expect("a trail");
        rows.map(|row| row.expect("a row")).collect()
    };
    eventually("the trail has what is read otherwise since the start", async || {
        let all = entries();
        unless(all.len() == 2 && all[1].1.contains("f32 abcd × 0.25`, in the same unit"), all)
    })
    .await;
    eventually("it is kept", async || {
        let (_, said) = gateway.tool(&["check", "."]);
        unless(!said.contains("was read as"), said)
    })
    .await;
    gateway.kill();
    // What was told once is not told at the next start, and a trend has both with their instants.
    gateway.again();
    settles(&gateway, 1).await;
    let trend = gateway.get("/api/v1/equipment/u1/trend?minutes=5").await;
    let changes = trend["changes"].as_array().cloned().unwrap_or_default();
    assert!(changes.iter().all(|c| c["point"] == "drum_level" && c["kind"] == "read-otherwise"), "{trend}");
    let ways = changes.iter().filter_map(|c| c["now"].as_str()?.rsplit(' ').next());
    assert_eq!(ways.collect::<Vec<_>>(), ["0.5", "0.25"], "{trend}");
    assert_eq!(entries().len(), 2);
    gateway.stop().await;
    assert!(gateway.ledger_verifies());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_value_of_an_alarm_in_another_unit_is_shown_at_no_later_start_and_its_event_has_the_unit_of_then()
{
    let mut modbus = ModbusServer::start();
    let mut gateway = Gateway::start(&plant(modbus.port, 1..=1), &[plants::BOILER]);
    settles(&gateway, 1).await;
    modbus.set_float(2, -80.0);
    let alarm_is = async |gateway: &Gateway, value: serde_json::Value, unit: &str| {
        eventually("the alarm stands", async || {
            let alarms = gateway.get("/api/v1/alarms").await;
            let all = alarms.as_array().cloned().unwrap_or_default();
            let of = all.into_iter().find(|a| a["rule"] == "u1/drum_level.ll").unwrap_or_default();
            unless(of["unit"] == unit && of["value"] == value, of)
        })
        .await;
        let told = gateway.get("/api/v1/alarms/transitions?rule=u1/drum_level.ll").await;
        let raised = told.as_array().into_iter().flatten().find(|t| t["event"] == "raised").cloned();
        let raised = raised.unwrap_or_default();
        assert!(raised["unit"] == "mm" && raised["value"] == -80.0, "{told}");
    };
    alarm_is(&gateway, (-80.0).into(), "mm").await;
    gateway.stop().await;
    gateway.write("profiles/boiler.toml", plants::BOILER.1.replacen("\"mm\"", "\"cm\"", 1));
    for _ in 0..2 {
        gateway.again();
        settles(&gateway, 1).await;
        alarm_is(&gateway, serde_json::Value::Null, "cm").await;
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_read_less_than_the_old_ones_are_taken_back() {
    let modbus = ModbusServer::start();
    let mut gateway = Gateway::start(&plant(modbus.port, 1..=3), &[plants::BOILER]);
    settles(&gateway, 3).await;
    // A typing error in the address of the one source.
    gateway.rewrite(&plant(crate::peers::free_port(), 1..=3));
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    let told = state(&gateway, "rolled-back").await;
    assert_eq!(told["no_longer_read"].as_array().map(Vec::len), Some(3), "{told}");
    settles(&gateway, 3).await;
    // What is removed on purpose stays removed.
    gateway.rewrite(&plant(modbus.port, 1..=2));
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    state(&gateway, "kept").await;
    settles(&gateway, 2).await;
    assert_eq!(gateway.get("/api/v1/equipment").await.as_array().map(Vec::len), Some(2));
    gateway.stop().await;
    assert!(gateway.ledger_verifies());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_stands_through_a_reload_by_signal_and_a_limit_moved_by_it_is_in_force() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, -80.0);
    let mut gateway = Gateway::start(&plant(modbus.port, 1..=1), &[plants::BOILER]);
    let alarm = async |gateway: &Gateway| {
        let alarms = gateway.get("/api/v1/alarms").await;
        alarms.as_array().and_then(|a| a.iter().find(|a| a["rule"] == "u1/drum_level.ll").cloned())
    };
    eventually("the alarm stands", async || unless(alarm(&gateway).await.is_some(), "none")).await;
    let raised = alarm(&gateway).await.map(|a| a["raised_at"].clone());
    let text = plant(modbus.port, 1..=2) + "[equipment.limits.drum_level]\nll = { at = -90 }\n";
    gateway.rewrite(&text);
    gateway.signal("HUP");
    settles(&gateway, 2).await;
    assert_eq!(alarm(&gateway).await.map(|a| a["raised_at"].clone()), raised);
    // The limit of the second boiler lies lower: the same level is no breach of it.
    let alarms = gateway.get("/api/v1/alarms").await;
    assert!(!alarms.to_string().contains("u2/drum_level.ll"), "{alarms}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_asked_at_a_unit_where_nobody_answers_is_taken_back_also_when_asked_again_meanwhile()
{
    let device = Odd::tcp(|ask| if ask.unit == 1 { vec![Say(ask.values(|_| 7))] } else { Vec::new() }).await;
    let text = quirks::settings(&format!("tcp://127.0.0.1:{}", device.port), "", &[1]);
    let mut gateway = quirks::start(&text, &quirks::profile("", &[("a", "address = 40001")]));
    quirks::shows(&gateway, &[("a", Some(7.0), "")]).await;
    gateway.rewrite(&text.replace("unit = 1\n", "unit = 7\n"));
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    state(&gateway, "trial").await;
    // Nothing differs any more, which proves nothing.
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    assert_eq!(gateway.get("/api/v1/reload").await["state"], "trial");
    let told = state(&gateway, "rolled-back").await;
    assert_eq!(told["no_longer_read"], serde_json::json!(["line/7"]), "{told}");
    quirks::shows(&gateway, &[("a", Some(7.0), "")]).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_what_the_old_settings_asked_proves_nothing_of_the_new_ones() {
    // Slow, so that a request is under way when the settings change.
    let device = Odd::tcp(|ask| vec![Rest(Duration::from_millis(900)), Say(ask.values(|_| 7))]).await;
    let source = |port: u16| {
        let address = format!("tcp://127.0.0.1:{port}");
        quirks::settings(&address, "", &[1]).replace("100ms\"\ntimeout = \"90ms", "1s\"\ntimeout = \"1s")
    };
    let mut gateway = quirks::start(&source(device.port), &quirks::profile("", &[("a", "address = 40001")]));
    quirks::shows(&gateway, &[("a", Some(7.0), "")]).await;
    let asked = device.asked().len();
    eventually("it is asked again", async || unless(device.asked().len() > asked, asked)).await;
    gateway.rewrite(&source(crate::peers::free_port()));
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    eventually("the trial ends", async || {
        let told = gateway.get("/api/v1/reload").await;
        unless(told["state"] == "kept" || told["state"] == "rolled-back", told)
    })
    .await;
    assert_eq!(gateway.get("/api/v1/reload").await["state"], "rolled-back");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_speaks_less_often_than_a_poll_goes_round_keeps_its_new_settings() {
    let text = plants::base() + "[[source.push]]\nid = \"app\"\nexpect_every = \"10s\"\n";
    let with =
        |more: &str| format!("{text}{more}[[equipment]]\nid = \"u1\"\nprofile = \"odd\"\nsource = \"app\"\n");
    let mut gateway = quirks::start(&with(""), "kind = \"odd\"\n[[point]]\nid = \"a\"\n");
    let push = async |gateway: &Gateway, value: f64| {
        let body = format!("{{\"device\":\"u1\",\"values\":{{\"a\":{value}}}}}");
        assert_eq!(gateway.push("", "application/json", &body, None).await.0, 200);
        quirks::shows(gateway, &[("a", Some(value), "")]).await;
    };
    push(&gateway, 1.0).await;
    gateway.rewrite(&with("tolerance = \"5m\"\n"));
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    let told = state(&gateway, "trial").await;
    assert_eq!(told["trial_seconds"], 30, "{told}");
    push(&gateway, 2.0).await;
    state(&gateway, "kept").await;
    gateway.stop().await;
}

/// A vessel whose pressure stands in register 0; trips at 1.5 MPa.
fn vessel(unit: &str, scale: &str, trip: &str) -> String {
    format!(
        "kind = \"pressure-vessel\"\n[[point]]\nid = \"p\"\naddress = 40001\ntype = \"u16\"\nscale = {scale}\n\
         unit = \"{unit}\"\n[point.limits]\nhh = {{ at = {trip}, priority = \"critical\", hazard = \"major\" }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_whose_unit_changes_by_reload_has_two_series_in_trend_evidence_and_rehearsal() {
    let mut modbus = ModbusServer::start();
    modbus.tell("holding 0 100");
    let settings = plants::base()
        + &format!(
            "[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://127.0.0.1:{}\"\nperiod = \"100ms\"\ntimeout = \"90ms\"\n\
             [[equipment]]\nid = \"v\"\nprofile = \"vessel\"\nsource = \"plc\"\nunit = 1\n",
            modbus.port
        );
    let mut gateway = Gateway::start(&settings, &[("vessel.toml", &vessel("MPa", "0.01", "1.5"))]);
    let shows = async |gateway: &Gateway, value: f64, unit: &str| {
        eventually(&format!("{value} {unit}"), async || {
            let point = gateway.get("/api/v1/equipment/v/points").await[0].clone();
            unless(point["value"] == value && point["unit"] == unit && point["quality"] == "good", point)
        })
        .await;
    };
    shows(&gateway, 1.0, "MPa").await;
    eventually("some of it is stored", async || {
        let stored = gateway.committed("v").len();
        unless(stored > 5, stored)
    })
    .await;
    let before = gateway.get("/api/v1/overview").await["settings_at"].clone();
    gateway.write("profiles/vessel.toml", vessel("bar", "0.1", "15"));
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    // Whoever shows the points learns by it that units may be others.
    let after = gateway.get("/api/v1/overview").await["settings_at"].clone();
    assert!(after.is_string() && after != before, "{before} {after}");
    state(&gateway, "kept").await;
    shows(&gateway, 10.0, "bar").await;
    assert!(
        gateway.log().contains("v/p") && gateway.log().contains("a new series begins"),
        "{}",
        gateway.log()
    );
    modbus.tell("holding 0 200");
    let mut hazard = serde_json::Value::Null;
    eventually("the trip is a hazard whose evidence is sealed", async || {
        hazard = gateway.get("/api/v1/hazards").await["hazards"][0].clone();
        unless(hazard["evidence"]["sealed"] == true, &hazard)
    })
    .await;

    let trend = gateway.get("/api/v1/equipment/v/trend?minutes=5").await;
    let id = hazard["id"].as_str().expect("an id");
    let evidence = gateway.get(&format!("/api/v1/hazards/{id}/evidence")).await;
    // Of samples `[time, value]` and `[time, lowest, highest]` alike.
    let ends = |of: &serde_json::Value, unit: &str| {
        let series = of["series"].as_array().cloned().unwrap_or_default();
        let mine: Vec<_> = series.into_iter().filter(|s| s["point"] == "p" && s["unit"] == unit).collect();
        assert_eq!(mine.len(), 1, "{unit}: {of}");
        let samples = mine[0]["samples"].as_array().cloned().unwrap_or_default();
        let values: Vec<f64> = samples
            .iter()
            .flat_map(|s| s.as_array().cloned().unwrap_or_default().into_iter().skip(1))
            .filter_map(|v| v.as_f64())
            .collect();
        (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max))
    };
    for (what, of) in [("trend", &trend), ("evidence", &evidence)] {
        assert_eq!((ends(of, "MPa"), ends(of, "bar")), ((1.0, 1.0), (10.0, 20.0)), "{what}: {of}");
    }
    let current = |unit: &str| {
        let series = trend["series"].as_array().cloned().unwrap_or_default();
        series.into_iter().find(|s| s["point"] == "p" && s["unit"] == unit).map(|s| s["current"].clone())
    };
    assert_eq!((current("MPa"), current("bar")), (Some(false.into()), Some(true.into())), "{trend}");
    let change = &trend["changes"][0];
    assert!(change["kind"] == "unit" && change["was"] == "MPa" && change["now"] == "bar", "{trend}");
    let raised = gateway.get("/api/v1/alarms/transitions?rule=v/p.hh").await;
    assert_eq!(raised[0]["unit"], "bar", "{raised}");
    gateway.stop().await;
    let replay = ["replay", "--config", ".", "--json"];
    let judged = |gateway: &Gateway| {
        let (code, said) = gateway.tool(&replay);
        assert_eq!(code, 0, "{said}");
        serde_json::from_str::<serde_json::Value>(&crate::replay::outcome(&said)).expect("JSON")
    };
    let raised = |report: &serde_json::Value| {
        let rules = report["rules"].as_array().cloned().unwrap_or_default();
        rules.iter().find(|r| r["rule"] == "v/p.hh").map(|r| r["tried"]["raised"].clone())
    };
    let now = judged(&gateway);
    assert_eq!(raised(&now), Some(1.into()), "{now}");
    assert!(now["unknown"].to_string().contains("v/p as far as it is stored in MPa, not bar"), "{now}");
    // In the old unit only the old readings are judged: 10 and 20 are no MPa.
    gateway.write("profiles/vessel.toml", vessel("MPa", "0.01", "1.5"));
    let before = judged(&gateway);
    assert!(raised(&before).is_none_or(|times| times.is_null() || times == 0), "{before}");
    assert!(before["unknown"].to_string().contains("v/p as far as it is stored in bar, not MPa"), "{before}");
}
