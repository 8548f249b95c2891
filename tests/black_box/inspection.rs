//! The inspection feed against a receiver that refuses.

use axum::http::StatusCode;

use crate::peers::{Gateway, ModbusServer, Receiver, eventually, unless};
use crate::plants;

const SECOND: (&str, &str) = (
    "second.toml",
    r#"
kind = "steam-boiler"
[[point]]
id = "pressure"
address = 40020
limits = { hh = { at = 5, hazard = "general" } }
"#,
);

#[tokio::test(flavor = "multi_thread")]
async fn events_are_repeated_until_taken_and_a_refused_one_becomes_a_dead_letter_that_holds_up_no_other() {
    let mut modbus = ModbusServer::start();
    let receiver = Receiver::scripted(|number, event| {
        if number < 3 {
            Some(StatusCode::SERVICE_UNAVAILABLE)
        } else if event["data"]["rule"] == "boiler-1/drum_level.ll" && event["data"]["version"] == 1 {
            Some(StatusCode::UNPROCESSABLE_ENTITY)
        } else {
            None
        }
    })
    .await;
    let second = "[[equipment]]\nid = \"boiler-2\"\nprofile = \"second\"\nsource = \"plc\"\nunit = 1\n";
    let settings =
        [&plants::base(), &plants::boiler(modbus.port), second, &plants::inspection(&receiver.url)]
            .map(String::from)
            .concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER, SECOND]);
    eventually("the level is read", async || {
        let overview = gateway.get("/api/v1/overview").await;
        unless(overview["equipment"][0]["points"][0]["quality"] == "good", overview)
    })
    .await;
    modbus.set_float(2, -80.0);
    modbus.tell("holding 19 9");
    eventually("both hazards, every version but the refused one", async || {
        let ids = receiver.ids();
        let hazards = gateway.get("/api/v1/hazards").await["hazards"].clone();
        let all = hazards.as_array().cloned().unwrap_or_default();
        let wanted: usize = all.iter().map(|h| h["version"].as_u64().unwrap_or(0) as usize).sum();
        let sealed = all.iter().all(|h| h["evidence"]["sealed"] == true);
        unless(all.len() == 2 && sealed && ids.len() == wanted - 1, (ids, all))
    })
    .await;
    let letters = gateway.get("/api/v1/dead-letters").await;
    assert_eq!(letters[0]["status"], 422, "{letters}");
    assert!(letters[0]["reason"].as_str().is_some_and(|r| r.contains("scripted 422")), "{letters}");
    assert!(letters[0]["what"].as_str().is_some_and(|w| w.contains("drum_level")), "{letters}");
    let hazards = gateway.get("/api/v1/hazards").await;
    let level = hazards["hazards"].as_array().into_iter().flatten().find(|h| h["equipment"] == "boiler-1");
    let receipts = level.map(|h| h["deliveries"].clone()).unwrap_or_default();
    assert_eq!(receipts[0]["state"], "dead", "{receipts}");
    assert_eq!(receipts[1]["state"], "delivered", "{receipts}");
    gateway.stop().await;
}
