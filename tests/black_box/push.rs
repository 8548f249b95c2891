//! HTTP push: answered after the commit (P1), and by whom it may be used.

use serde_json::{Value, json};

use crate::peers::{Gateway, Victoria, eventually, now_ms, unless};
use crate::plants;

const PUMP: (&str, &str) = (
    "pump.toml",
    r#"
kind = "feed-pump"
[[point]]
id = "pressure"
unit = "MPa"
range = [0, 4]
limits = { h = { at = 1.5, deadband = 0.05 } }
[[point]]
id = "level"
key = "L1"
unit = "mm"
scale = 0.1
sentinels = [32767]
"#,
);

fn settings(extra: &str) -> String {
    let source = format!(
        r#"
[[source.push]]
id = "loggers"
expect_every = "30s"
{extra}
[[equipment]]
id = "pump-1"
profile = "pump"
source = "loggers"
device = "logger-7"
"#
    );
    [plants::base(), source].concat()
}

/// A second source behind a token of its own.
const GUARDED: &str = r#"
[[source.push]]
id = "guarded"
token = { env = "TEST_PUSH_TOKEN" }
[[equipment]]
id = "pump-2"
profile = "pump"
source = "guarded"
"#;

fn source<'a>(overview: &'a Value, id: &str) -> &'a Value {
    let sources = overview["path"]["sources"].as_array().expect("a list");
    sources.iter().find(|s| s["id"] == id).expect("the source is on the data path")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_200_survives_a_kill_and_reaches_page_and_database() {
    let database = Victoria::start().await;
    let settings = [settings(""), plants::victoria(database.port)].concat();
    let mut gateway = Gateway::start(&settings, &[PUMP]);
    let mut pushed = std::collections::BTreeSet::new();
    for round in 0..5 {
        let ms = now_ms();
        let body =
            json!({"device":"logger-7","time":ms,"values":{"pressure":1.02,"L1":{"v":-80 - round,"q":192}}});
        let (status, answer, _) = gateway.push("", "application/json", &body.to_string(), None).await;
        assert_eq!(
            (status, &answer["accepted"], &answer["rejected"]),
            (200, &json!(2), &json!(0)),
            "{answer}"
        );
        pushed.insert(ms);
        // No grace: what was answered is on the disk.
        gateway.kill();
        let kept = gateway.committed_ms("pump-1", "pressure");
        assert!(kept.contains(&ms), "round {round}: answered 200, yet not in the journal");
        gateway.again();
    }
    let body = json!([{"time":now_ms(),"device":"logger-7","values":{"pressure":1.6}}]);
    assert_eq!(gateway.push("", "application/json", &body.to_string(), None).await.0, 200);
    pushed.insert(body[0]["time"].as_u64().expect("set above"));
    eventually("the page shows it, and the limit is judged", async || {
        let overview = gateway.get("/api/v1/overview").await;
        let point = &overview["equipment"][0]["points"][0];
        let shown = point["value"] == 1.6 && point["quality"] == "good";
        unless(shown && overview["alarms"][0]["rule"] == "pump-1/pressure.h", overview)
    })
    .await;
    let overview = gateway.get("/api/v1/overview").await;
    let shown = source(&overview, "loggers");
    assert_eq!((&shown["kind"], &shown["connected"]), (&json!("push"), &json!(true)), "{shown}");
    database.holds("feed_pump_pressure", &pushed).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn good_readings_are_taken_bad_ones_named_and_the_status_tells_which_it_was() {
    let mut gateway = Gateway::start(&settings(""), &[PUMP]);
    let json = "application/json";
    let mixed = r#"[{"device":"logger-7","values":{"pressure":1.1,"presure":2}},{"device":"logger-8","values":{"pressure":1}}]"#;
    let (status, answer, _) = gateway.push("", json, mixed, None).await;
    assert_eq!((status, &answer["accepted"], &answer["rejected"]), (207, &json!(1), &json!(2)), "{answer}");
    let reasons: Vec<_> =
        answer["rejections"].as_array().expect("a list").iter().map(|r| r["reason"].clone()).collect();
    assert!(
        reasons.contains(&json!("unknown-device")) && reasons.contains(&json!("unknown-point")),
        "{answer}"
    );
    assert_eq!(gateway.committed("pump-1").len(), 1);

    let nothing = r#"{"device":"logger-7","values":{"pressure":"abc"}}"#;
    let (status, answer, _) = gateway.push("", json, nothing, None).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("nothing-accepted")), "{answer}");
    assert_eq!(answer["rejections"][0]["reason"], "unreadable");
    eventually("an unreadable value does not leave the old one standing", async || {
        let points = gateway.get("/api/v1/equipment/pump-1/points").await;
        unless(points[0]["quality"] == "bad" && points[0]["cause"] == "unreadable", points)
    })
    .await;

    for (kind, body, wanted) in [
        (json, "{", 400),
        (json, "[]", 400),
        ("image/png", "x", 415),
        ("text/plain", "pump,device=logger-7 pressure=1\npump,device=logger-7 pressure=\n", 207),
        ("application/x-www-form-urlencoded", "pump,device=logger-7 pressure=1,L1=-80i", 200),
    ] {
        let (status, answer, _) = gateway.push("", kind, body, None).await;
        assert_eq!(status, wanted, "{kind} {body}: {answer}");
    }
    let many = format!("[{}]", vec![r#"{"values":{"pressure":1}}"#; 5001].join(","));
    assert_eq!(gateway.push("", json, &many, None).await.0, 413);
    assert_eq!(gateway.push("", "text/plain", &"#".repeat((1 << 20) + 1), None).await.0, 413);
    assert_eq!(gateway.push("?source=nobody", json, mixed, None).await.0, 404);
    assert_eq!(gateway.push("?precision=h", "text/plain", "m pressure=1", None).await.0, 400);

    let overview = gateway.get("/api/v1/overview").await;
    let shown = source(&overview, "loggers");
    let unknown = shown["push"]["unknown"].to_string();
    assert!(unknown.contains("logger-8") && unknown.contains("presure"), "{shown}");
    assert_eq!((&shown["requests"], &shown["errors"]), (&json!(7), &json!(6)), "{shown}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn line_protocol_with_each_precision_and_packed_lands_at_its_time() {
    let mut gateway = Gateway::start(&settings(""), &[PUMP]);
    let now = now_ms() / 1000 * 1000;
    let stamps = [("", 1_000_000), ("?precision=us", 1000), ("?precision=ms", 1)];
    for (n, (query, factor)) in stamps.iter().enumerate() {
        let stamp = (now + n as u64) * factor;
        let body = format!("pump,device=logger-7,site=north pressure=1.0{n},L1=-80i {stamp}\n");
        let (status, answer, _) = gateway.push(query, "text/plain; charset=utf-8", &body, None).await;
        assert_eq!((status, &answer["accepted"]), (200, &json!(2)), "{answer}");
        let (status, answer, _) = gateway.push(query, "text/plain", &body, None).await;
        assert_eq!((status, &answer["duplicates"]), (200, &json!(2)), "sent twice, taken twice: {answer}");
    }
    let body = format!("pump,device=logger-7 pressure=1.5 {}", now / 1000 + 1);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, body.as_bytes()).expect("memory");
    let packed = packed.finish().expect("memory");
    assert_eq!(gateway.push_packed("?precision=s", packed).await, 200);
    let wanted = [now, now + 1, now + 2, now + 1000].into();
    assert_eq!(gateway.committed_ms("pump-1", "pressure"), wanted);
    assert_eq!(gateway.committed("pump-1").iter().find(|r| r.0 == "level").map(|r| r.2), Some(-8.0));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sources_own_token_opens_that_source_and_nothing_else() {
    let settings = [settings(""), GUARDED.to_owned()].concat();
    let mut gateway = Gateway::start(&settings, &[PUMP]);
    let own = r#"{"device":"pump-2","values":{"pressure":1}}"#;
    let others = r#"{"device":"logger-7","values":{"pressure":1}}"#;
    let json = "application/json";
    assert_eq!(gateway.push("", json, own, Some("black-box-push-token")).await.0, 200);
    let (status, answer, _) = gateway.push("", json, others, Some("black-box-push-token")).await;
    assert_eq!((status, &answer["rejections"][0]["reason"]), (400, &json!("unknown-device")), "{answer}");
    assert_eq!(gateway.push("?source=loggers", json, others, Some("black-box-push-token")).await.0, 404);
    assert_eq!(gateway.push("", json, own, Some("wrong-token-of-length")).await.0, 401);
    assert_eq!(gateway.push("?source=guarded", json, own, None).await.0, 401);
    assert_eq!(
        gateway.push("", json, own, None).await.0,
        400,
        "its device is not even known without the token"
    );
    assert_eq!(gateway.push("", json, others, None).await.0, 200, "the open source stays open on loopback");
    gateway.stop().await;

    // With a token of the console's, that of the source still opens nothing else.
    let console = "[console]\nlisten = \"127.0.0.1:0\"\ntoken = { env = \"TEST_INSPECTION_KEY\" }\n";
    gateway.configure(&settings.replace("[console]\nlisten = \"127.0.0.1:0\"\n", console));
    gateway.again();
    assert_eq!(gateway.push("", json, own, Some("black-box-push-token")).await.0, 200);
    assert_eq!(gateway.push("", json, own, None).await.0, 401);
    let bearer = [("authorization", "Bearer black-box-push-token")];
    assert_eq!(gateway.status("/api/v1/overview", &bearer).await, 401, "it reads with a token for pushing");
    assert_eq!(gateway.push("", json, others, Some(crate::peers::KEY)).await.0, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_cannot_be_written_a_push_is_told_to_come_again_and_its_repeat_is_kept_once() {
    let mut gateway = Gateway::start(&settings(""), &[PUMP]);
    let lock = rusqlite::Connection::open(gateway.data().join("journal.db")).expect("a journal");
    lock.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let ms = now_ms();
    let body = json!({"time":ms,"values":{"pressure":1.02}}).to_string();
    let (status, answer, retry) = gateway.push("", "application/json", &body, None).await;
    assert_eq!((status, &answer["error"]["code"]), (503, &json!("store-failing")), "{answer}");
    assert_eq!(retry.as_deref(), Some("5"));
    // A repeat of what is not on the disk must not be called a duplicate that is.
    let again = gateway.push("", "application/json", &body, None);
    let free = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        lock.execute_batch("ROLLBACK").expect("the lock goes");
    };
    let ((status, answer, _), ()) = tokio::join!(again, free);
    assert_eq!((status, &answer["duplicates"]), (200, &json!(1)), "{answer}");
    gateway.kill();
    let kept = gateway.committed("pump-1");
    assert_eq!(kept.iter().filter(|r| r.1 / 1000 == ms as i64).count(), 1, "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_what_was_judged_is_history_after_a_kill_and_after_new_settings_too() {
    let mut gateway = Gateway::start(&settings(""), &[PUMP]);
    let push = async |gateway: &Gateway, ms: u64, pressure: f64| {
        let body = json!({"device":"logger-7","time":ms,"values":{"pressure":pressure}}).to_string();
        let (status, answer, _) = gateway.push("", "application/json", &body, None).await;
        assert_eq!((status, &answer["accepted"]), (200, &json!(1)), "{answer}");
    };
    let state = async |gateway: &Gateway| {
        let alarms = gateway.get("/api/v1/alarms").await;
        let found = alarms.as_array().into_iter().flatten().find(|a| a["rule"] == "pump-1/pressure.h");
        found.map(|a| a["active"] == true)
    };
    let value = async |gateway: &Gateway| {
        let points = gateway.get("/api/v1/equipment/pump-1/points").await;
        points.as_array().into_iter().flatten().find(|p| p["id"] == "pressure").cloned().unwrap_or_default()
    };
    let now = now_ms();
    push(&gateway, now, 1.6).await;
    assert_eq!(state(&gateway).await, Some(true));
    gateway.kill();
    gateway.again();
    // Eight minutes old, and well: it clears nothing, and is no present value.
    push(&gateway, now - 480_000, 1.0).await;
    assert_eq!(state(&gateway).await, Some(true), "an old reading cleared the alarm");
    push(&gateway, now + 1, 1.7).await;
    gateway.rewrite(&settings("tolerance = \"11m\""));
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    push(&gateway, now - 480_001, 0.9).await;
    assert_eq!(value(&gateway).await["value"], 1.7);
    assert_eq!(state(&gateway).await, Some(true), "an old reading cleared the alarm");
    push(&gateway, now + 2, 1.0).await;
    assert_ne!(state(&gateway).await, Some(true));
    gateway.stop().await;
    assert_eq!(gateway.good("pump-1", "pressure").len(), 5, "nothing is lost");
}
