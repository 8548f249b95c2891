//! Promise P9: a jump of the machine's clock neither raises, clears nor expires anything, and is told.

use serde_json::Value;

use crate::peers::{Gateway, ModbusServer, eventually, unless};
use crate::plants;

async fn level(gateway: &Gateway) -> Value {
    gateway.get("/api/v1/equipment/boiler-1/points").await[0].clone()
}

/// Waits until the jump of about `ms` is told, as the `jumps`th.
async fn told(gateway: &Gateway, jumps: u64, ms: i64) {
    eventually("the jump is told", async || {
        let clock = gateway.get("/api/v1/overview").await["clock"].clone();
        let by = clock["last_jump_ms"].as_i64().unwrap_or_default();
        unless(clock["sure"] == false && clock["reason"] == "jumped" && (by - ms).abs() < 1000, clock)
    })
    .await;
    let metrics = gateway.text("/metrics").await;
    assert!(metrics.contains(&format!("steamward_clock_jumps_total {jumps}\n")), "{metrics}");
    assert!(metrics.contains("steamward_clock_sure 0\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jumps_of_the_clock_raise_clear_and_expire_nothing_and_readings_say_so() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, 10.0);
    let settings = [plants::base(), plants::boiler(modbus.port)].concat();
    let mut gateway = Gateway::prepared(&settings, &[plants::BOILER]);
    gateway.set_clock("+0s");
    gateway.again();
    eventually("the level is read", async || {
        let level = level(&gateway).await;
        unless(level["quality"] == "good", level)
    })
    .await;
    assert_eq!(gateway.get("/api/v1/overview").await["clock"]["sure"], true);

    gateway.set_clock("+7200s");
    told(&gateway, 1, 7_200_000).await;
    eventually("readings are marked", async || {
        let level = level(&gateway).await;
        unless(
            level["quality"] == "uncertain" && level["cause"] == "clock-unsure" && level["value"] == 10.0,
            level,
        )
    })
    .await;
    assert!(level(&gateway).await["age_ms"].as_i64().is_some_and(|age| (0..3000).contains(&age)));
    let history = gateway.get("/api/v1/alarms/transitions").await;
    assert_eq!(history, serde_json::json!([]), "the jump raised something");

    modbus.set_float(2, -80.0);
    eventually("a limit is still judged", async || {
        let alarms = gateway.get("/api/v1/alarms").await;
        unless(
            alarms[0]["state"] == "unacknowledged" && alarms[0]["rule"] == "boiler-1/drum_level.ll",
            alarms,
        )
    })
    .await;
    gateway.set_clock("-36000s");
    told(&gateway, 2, -43_200_000).await;
    let history = gateway.get("/api/v1/alarms/transitions").await;
    assert_eq!(history.as_array().map(Vec::len), Some(1), "the jump back changed an alarm: {history}");
    assert!(level(&gateway).await["age_ms"].as_i64().is_some_and(|age| (0..3000).contains(&age)));

    assert!(gateway.log().contains("the wall clock jumped"), "{}", gateway.log());
    gateway.stop().await;
    let ledger = rusqlite::Connection::open(gateway.data().join("ledger.db")).expect("a ledger");
    let kept: u32 = ledger
        .query_row("SELECT count(*) FROM audit WHERE what = 'clock-jumped' AND who = 'system'", [], |r| {
            r.get(0)
        })
        .expect("readable");
    assert_eq!(kept, 2);
    assert!(gateway.ledger_verifies());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_never_set_is_told_and_what_it_stamps_is_uncertain() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, 10.0);
    let settings = [plants::base(), plants::boiler(modbus.port)].concat();
    let mut gateway = Gateway::prepared(&settings, &[plants::BOILER]);
    gateway.set_clock("-9000d");
    gateway.again();
    eventually("the level is read and marked", async || {
        let level = level(&gateway).await;
        unless(level["quality"] == "uncertain" && level["cause"] == "clock-unsure", level)
    })
    .await;
    assert_eq!(gateway.get("/api/v1/overview").await["clock"]["reason"], "never-set");
    gateway.stop().await;
}
