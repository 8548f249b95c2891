//! Databases and receivers that refuse: what is delivered, what is set aside, and what is kept.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::response::IntoResponse;

use crate::peers::influx2::{Influx2, json};
use crate::peers::{Gateway, ModbusServer, eventually, unless};
use crate::plants;

const SIGN_IN: &str =
    "<!DOCTYPE html>\n<html><body>Welcome to the plant network, please sign in</body></html>";

fn outlet(port: u16) -> String {
    plants::victoria(port).replace("bucket =", "org = \"plant\"\nbucket =")
}

async fn state(gateway: &Gateway) -> serde_json::Value {
    gateway.get("/api/v1/overview").await["path"]["outlets"][0].clone()
}

async fn letters(gateway: &Gateway) -> Vec<serde_json::Value> {
    gateway.get("/api/v1/dead-letters?limit=1000").await.as_array().cloned().unwrap_or_default()
}

fn committed(gateway: &Gateway, point: &str) -> BTreeSet<i64> {
    gateway.committed("boiler-1").into_iter().filter(|c| c.0 == point).map(|c| c.1).collect()
}

/// All that was committed of `point` has arrived.
async fn all_arrived(gateway: &Gateway, database: &Influx2, point: &str) {
    let wanted = committed(gateway, point);
    assert!(wanted.len() > 5, "too few to tell: {}", wanted.len());
    eventually(&format!("every {point} arrives"), async || {
        let missing = wanted.difference(&database.times(point)).count();
        unless(missing == 0, (missing, wanted.len()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_another_type_costs_its_neighbours_nothing_and_few_requests() {
    let modbus = ModbusServer::start();
    let database = Influx2::start().await;
    database.knows("steam_boiler", "count", 'f');
    // A backlog first, so that many lines are refused at once.
    database.before(|_, _| Some(StatusCode::SERVICE_UNAVAILABLE.into_response()));
    let settings = [plants::base(), plants::boiler(modbus.port), outlet(database.port)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    eventually("a backlog", async || {
        let count = committed(&gateway, "count").len();
        unless(count > 60, count)
    })
    .await;
    let before = database.requests();
    database.heals();
    eventually("well again", async || {
        let state = state(&gateway).await;
        unless(state["state"] == "up" && state["dead_letters"].as_u64() > Some(0), state)
    })
    .await;
    all_arrived(&gateway, &database, "drum_level").await;
    assert!(database.requests() < before + 100, "{} requests", database.requests() - before);
    let (letters, state) = (letters(&gateway).await, state(&gateway).await);
    for letter in &letters {
        let what = letter["what"].as_str().unwrap_or_default();
        assert!(
            what.contains(" count=") && !what.contains("drum_level"),
            "a good neighbour is set aside: {letter}"
        );
        assert!(letter["reason"].as_str().is_some_and(|r| r.contains("type conflict")), "{letter}");
    }
    assert_eq!(state["state"], "up", "{state}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_everything_is_said_to_and_nothing_is_set_aside() {
    let modbus = ModbusServer::start();
    let database = Influx2::start().await;
    // `org` is left out: the real server answers 400 to everything.
    let settings = [plants::base(), plants::boiler(modbus.port), plants::victoria(database.port)].concat();
    let mut gateway = Gateway::prepared(&settings, &[plants::BOILER]);
    let (_, said) = gateway.tool(&["check", "."]);
    assert!(said.contains("outlet.influx.database.org: missing"), "{said}");
    gateway.again();
    eventually("it is said", async || {
        let outlet = state(&gateway).await;
        let told = outlet["last_error"].as_str().unwrap_or_default().to_owned();
        let whole = told.contains("Please provide either orgID or org") && told.contains("write org =");
        unless(outlet["state"] == "refuses" && outlet["ok"] == false && whole, outlet)
    })
    .await;
    assert!(gateway.log().contains("database refuses what is sent, readings are kept"), "{}", gateway.log());
    let asked = database.requests();
    eventually("it is asked some more", async || {
        let now = database.requests();
        unless(now > asked + 40, now)
    })
    .await;
    assert_eq!(letters(&gateway).await, Vec::<serde_json::Value>::new());
    assert_eq!(state(&gateway).await["delivered"], 0);
    gateway.rewrite(&settings.replace("bucket =", "org = \"plant\"\nbucket ="));
    gateway.signal("HUP");
    eventually("it takes them", async || {
        let outlet = state(&gateway).await;
        unless(outlet["state"] == "up" && outlet["delivered"].as_u64() > Some(0), outlet)
    })
    .await;
    all_arrived(&gateway, &database, "count").await;
    assert_eq!(letters(&gateway).await, Vec::<serde_json::Value>::new());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_answer_of_a_database_that_has_written_counts_as_delivered() {
    let modbus = ModbusServer::start();
    let database = Influx2::start().await;
    database.before(|number, _| match number {
        1 | 2 => Some((StatusCode::OK, SIGN_IN).into_response()),
        3 => Some((StatusCode::FOUND, [("location", "http://127.0.0.1:1/")]).into_response()),
        4 => Some(StatusCode::OK.into_response()),
        5 => Some(json(200, r#"{"error":"partial write: unable to parse"}"#)),
        6 => Some(json(201, r#"{"code":"invalid","message":"partial write: 1 point rejected","line":1}"#)),
        8 => Some((StatusCode::ACCEPTED, "queued").into_response()),
        9 => Some((StatusCode::UNPROCESSABLE_ENTITY, SIGN_IN).into_response()),
        _ => None,
    });
    let settings = [plants::base(), plants::boiler(modbus.port), outlet(database.port)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    eventually("the page is told of", async || {
        let log = gateway.log();
        unless(log.contains("a web page answered"), log)
    })
    .await;
    eventually("they are delivered at last", async || {
        let outlet = state(&gateway).await;
        unless(outlet["state"] == "up" && outlet["delivered"].as_u64() > Some(10), outlet)
    })
    .await;
    all_arrived(&gateway, &database, "count").await;
    all_arrived(&gateway, &database, "drum_level").await;
    assert_eq!(letters(&gateway).await, Vec::<serde_json::Value>::new());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_ill_and_heals_again_and_again_costs_no_reading() {
    let modbus = ModbusServer::start();
    let database = Influx2::start().await;
    let broken =
        r#"{"code":"internal error","message":"An internal error has occurred - check server logs"}"#;
    let invalid = r#"{"code":"invalid","message":"Please provide either orgID or org"}"#;
    // Longer than the search for something that is taken.
    database.before(move |number, _| match (number / 40) % 4 {
        0 => Some(json(400, invalid)),
        2 => Some(json(500, broken)),
        _ => None,
    });
    let outlet = outlet(database.port).replace("retry_max = \"500ms\"", "retry_max = \"100ms\"");
    let settings = [plants::base(), plants::boiler(modbus.port), outlet].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    eventually("several turns", async || unless(database.requests() > 330, database.requests())).await;
    database.heals();
    all_arrived(&gateway, &database, "count").await;
    all_arrived(&gateway, &database, "drum_level").await;
    assert_eq!(letters(&gateway).await, Vec::<serde_json::Value>::new());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_the_server_breaks_over_is_found_and_blocks_nothing() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, 12.0);
    let database = Influx2::start().await;
    // An internal error without a word of what it is about, as InfluxDB 2 gives.
    let broken =
        r#"{"code":"internal error","message":"An internal error has occurred - check server logs"}"#;
    database.before(move |_, body| body.contains("drum_level=13.0").then(|| json(500, broken)));
    let settings = [plants::base(), plants::boiler(modbus.port), outlet(database.port)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    eventually("readings flow", async || {
        let found = database.times("drum_level").len();
        unless(found > 3, found)
    })
    .await;
    modbus.set_float(2, 13.0);
    eventually("the poison is read", async || {
        let read = gateway.committed("boiler-1").iter().any(|c| c.0 == "drum_level" && c.2 == 13.0);
        unless(read, "not yet")
    })
    .await;
    modbus.set_float(2, 14.0);
    eventually("it is set aside", async || {
        let letters = letters(&gateway).await;
        unless(!letters.is_empty(), letters)
    })
    .await;
    eventually("and the rest goes on", async || {
        let outlet = state(&gateway).await;
        unless(outlet["state"] == "up", outlet)
    })
    .await;
    all_arrived(&gateway, &database, "count").await;
    for letter in letters(&gateway).await {
        assert_eq!(letter["status"], 500, "{letter}");
        assert!(letter["what"].as_str().is_some_and(|w| w.contains(" drum_level=13.0 ")), "{letter}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hazard_is_delivered_by_a_receipt_alone_and_never_given_up_to_a_receiver_that_takes_nothing() {
    let mut modbus = ModbusServer::start();
    let asked: Arc<Mutex<(usize, Vec<String>)>> = Arc::default();
    let shared = Arc::clone(&asked);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/events", listener.local_addr().expect("an address"));
    let handler = async move |body: String| {
        let mut asked = shared.lock().expect("no panic while held");
        asked.0 += 1;
        match asked.0 {
            1 => (StatusCode::OK, SIGN_IN).into_response(),
            2 => (StatusCode::FOUND, [("location", "http://127.0.0.1:1/")]).into_response(),
            3 => json(200, r#"{"code":500,"msg":"no such plant"}"#),
            4 => json(200, r#"{"error":"no such plant"}"#),
            5..=9 => StatusCode::BAD_REQUEST.into_response(),
            _ => {
                let event: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
                asked.1.push(event["id"].as_str().unwrap_or_default().to_owned());
                json(202, r#"{"code":0,"msg":"success"}"#)
            }
        }
    };
    let router = axum::Router::new().route("/events", axum::routing::post(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = [plants::base(), plants::boiler(modbus.port), plants::inspection(&url)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    plants::reads_the_boiler(&gateway).await;
    modbus.set_float(2, -120.0);
    eventually("every version is delivered", async || {
        let hazards = gateway.get("/api/v1/hazards").await["hazards"].clone();
        let sealed = hazards[0]["evidence"]["sealed"] == true;
        let deliveries = hazards[0]["deliveries"].as_array().cloned().unwrap_or_default();
        let all = !deliveries.is_empty() && deliveries.iter().all(|d| d["state"] == "delivered");
        unless(
            sealed && all && deliveries.len() as u64 == hazards[0]["version"].as_u64().unwrap_or(0),
            hazards,
        )
    })
    .await;
    assert_eq!(letters(&gateway).await, Vec::<serde_json::Value>::new());
    assert!(gateway.log().contains("the receiver gives no receipt"), "{}", gateway.log());
    gateway.stop().await;
    let (requests, taken) = asked.lock().expect("no panic while held").clone();
    assert!(requests >= taken.len() + 9, "{requests} {taken:?}");
}
