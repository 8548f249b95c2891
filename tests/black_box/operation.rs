//! Starting, stopping, refusing: what a service manager and a stranger meet.

use std::time::Duration;

use crate::peers::{Gateway, ModbusServer, eventually, free_port, unless};
use crate::plants;

#[tokio::test(flavor = "multi_thread")]
async fn with_everything_away_it_still_starts_says_so_and_stops_within_five_seconds() {
    let (plc, broker, database, inspection) = (free_port(), free_port(), free_port(), free_port());
    let settings = [
        plants::base(),
        plants::boiler(plc),
        plants::receiver(broker, 5),
        plants::victoria(database),
        plants::inspection(&format!("http://127.0.0.1:{inspection}/")),
    ]
    .concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER, plants::RECEIVER]);
    eventually("unknown is shown as unknown, with the cause", async || {
        let overview = gateway.get("/api/v1/overview").await;
        let point = &overview["equipment"][0]["points"][0];
        unless(
            point["quality"] == "bad" && point["cause"] == "disconnected" && point["value"].is_null(),
            point,
        )
    })
    .await;
    eventually("the loss of data is an alarm of its own", async || {
        let alarms = gateway.get("/api/v1/alarms").await;
        let kinds: Vec<_> = alarms.as_array().into_iter().flatten().map(|a| a["kind"].clone()).collect();
        unless(!kinds.is_empty() && kinds.iter().all(|k| k == "no_data"), alarms)
    })
    .await;
    assert!(gateway.stop().await < Duration::from_secs(5), "it hangs on something that is away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_on_the_same_store_is_refused() {
    let modbus = ModbusServer::start();
    let settings = [plants::base(), plants::boiler(modbus.port)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    let (code, said) = gateway.fails();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("in use by another steamward"), "{said}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_journal_is_set_aside_and_a_damaged_ledger_stops_the_start() {
    let modbus = ModbusServer::start();
    let settings = [plants::base(), plants::boiler(modbus.port)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    gateway.stop().await;
    std::fs::write(
        gateway.data().join("journal.db"),
        "this is no database, and long enough to be read as one",
    )
    .expect("writable");
    gateway.again();
    let aside = std::fs::read_dir(gateway.data()).expect("data").flatten();
    let aside: Vec<_> = aside.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    assert!(aside.iter().any(|n| n.starts_with("journal.damaged-")), "{aside:?}");
    eventually("it reads on", async || {
        let overview = gateway.get("/api/v1/overview").await;
        unless(overview["equipment"][0]["points"][0]["quality"] == "good", overview)
    })
    .await;
    gateway.stop().await;
    std::fs::write(
        gateway.data().join("ledger.db"),
        "this is no database, and long enough to be read as one",
    )
    .expect("writable");
    let (code, said) = gateway.fails();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("ledger.db") && said.contains("Restore the last backup"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_and_the_doors_of_operation_answer() {
    let modbus = ModbusServer::start();
    let open = [plants::base(), plants::boiler(modbus.port)].concat();
    let mut gateway = Gateway::start(&open, &[plants::BOILER]);
    for path in ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/api/v1/overview", "/"] {
        assert_eq!(gateway.status(path, &[]).await, 200, "{path}");
    }
    let rebound = [("host", "boilers.example.com")];
    assert_eq!(gateway.status("/api/v1/overview", &rebound).await, 403, "DNS rebinding");
    let body = r#"{"rule":"boiler-1/drum_level.ll","by":"x"}"#;
    assert_eq!(gateway.post("/api/v1/alarms/acknowledge", "{", &[]).await, 400, "no JSON");
    let foreign = [("origin", "http://evil.example.com")];
    assert_eq!(gateway.post("/api/v1/alarms/acknowledge", body, &foreign).await, 403, "another site");
    assert_eq!(gateway.post("/api/v1/alarms/acknowledge", body, &[]).await, 409, "nothing to acknowledge");
    assert_eq!(gateway.post("/api/v1/alarms/acknowledge", r#"{"rule":"x","by":"y"}"#, &[]).await, 404);
    gateway.stop().await;

    let closed = open.replace("[console]", "[console]\ntoken = { env = \"TEST_TOKEN\" }");
    let mut gateway = Gateway::start(&closed, &[plants::BOILER]);
    assert_eq!(gateway.status("/api/v1/overview", &[]).await, 401);
    assert_eq!(gateway.status("/metrics", &[]).await, 401);
    let with = |token: &'static str| [("authorization", token)];
    assert_eq!(gateway.status("/api/v1/overview", &with("Bearer wrong")).await, 401);
    assert_eq!(gateway.status("/api/v1/overview", &with("Bearer black-box-token")).await, 200);
    assert_eq!(gateway.status("/healthz", &[]).await, 200, "a probe needs no token");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_is_judged_it_is_not_ready_and_then_it_ends_to_be_started_anew() {
    let modbus = ModbusServer::start();
    let mut gateway =
        Gateway::start(&[plants::base(), plants::boiler(modbus.port)].concat(), &[plants::BOILER]);
    let freezer = gateway.freeze("keeper", 100);
    eventually("it is not ready", async || {
        let said = gateway.text("/readyz").await;
        unless(said.contains("not ready: nothing is judged"), said)
    })
    .await;
    eventually("it gives up", async || {
        unless(gateway.log().contains("the keeper has not moved for 30 s: the gateway ends"), gateway.log())
    })
    .await;
    // A thread that is traced is gone only once its tracer is.
    drop(freezer);
    eventually("it ends by itself", async || unless(gateway.ended() == Some(4), gateway.log())).await;
    gateway.again();
    eventually("it is ready again", async || {
        let said = gateway.text("/readyz").await;
        unless(said.starts_with("ready"), said)
    })
    .await;
    gateway.stop().await;
}
