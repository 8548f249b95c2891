//! The InfluxDB outlet against a database that answers everything but 204 (scripted: no real server
//! can be had that gives all of these on demand).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::peers::{Gateway, ModbusServer, eventually, unless};
use crate::plants;

#[derive(Default)]
struct Seen {
    requests: AtomicUsize,
    lines: Mutex<BTreeSet<String>>,
    asked_to_wait: Mutex<Option<Instant>>,
    came_back: Mutex<Option<Instant>>,
}

/// Waits a second when told to, splits what is too large, holds on 401, sets aside what is refused.
fn answer(seen: &Seen, text: &str) -> Response {
    let lines: Vec<&str> = text.lines().collect();
    let number = seen.requests.fetch_add(1, Ordering::Relaxed);
    match number {
        0 => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        1 => {
            *seen.asked_to_wait.lock().expect("no panic while held") = Some(Instant::now());
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "2")], "slow down").into_response();
        }
        2 => *seen.came_back.lock().expect("no panic while held") = Some(Instant::now()),
        3 => return (StatusCode::UNAUTHORIZED, "token expired").into_response(),
        4 => return StatusCode::NOT_FOUND.into_response(),
        _ => {}
    }
    if lines.len() > 2 {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    // One level is a value that this database will never take.
    if lines.iter().any(|l| l.contains("drum_level=13.0")) {
        return (StatusCode::UNPROCESSABLE_ENTITY, "13 brings bad luck").into_response();
    }
    seen.lines.lock().expect("no panic while held").extend(lines.into_iter().map(str::to_owned));
    StatusCode::NO_CONTENT.into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_database_answers_every_line_arrives_or_is_set_aside_with_its_words() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, 12.0);
    let seen: Arc<Seen> = Arc::default();
    let shared = Arc::clone(&seen);
    let write = async move |headers: HeaderMap, body: axum::body::Bytes| {
        assert_eq!(headers["content-encoding"], "gzip");
        assert_eq!(headers["authorization"], "Token black-box-token");
        let text = std::io::read_to_string(flate2::read::GzDecoder::new(&body[..])).expect("gzip");
        answer(&shared, &text)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let router = axum::Router::new().route("/api/v2/write", axum::routing::post(write));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let outlet = plants::victoria(port).replace("bucket =", "token = { env = \"TEST_TOKEN\" }\nbucket =");
    let settings = [plants::base(), plants::boiler(modbus.port), outlet].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    eventually("lines arrive at last", async || {
        let count = seen.lines.lock().expect("no panic while held").len();
        unless(count > 20, count)
    })
    .await;
    modbus.set_float(2, 13.0);
    eventually("the refused value is set aside", async || {
        let letters = gateway.get("/api/v1/dead-letters").await;
        unless(letters.as_array().is_some_and(|l| l.len() > 2), letters)
    })
    .await;
    modbus.set_float(2, 14.0);
    eventually("and the rest goes on", async || {
        let lines = seen.lines.lock().expect("no panic while held");
        unless(lines.iter().any(|l| l.contains("drum_level=14.0")), lines.len())
    })
    .await;
    let letters = gateway.get("/api/v1/dead-letters?limit=1000").await;
    gateway.stop().await;

    let (asked, back) = (*seen.asked_to_wait.lock().expect("held"), *seen.came_back.lock().expect("held"));
    let waited = back.zip(asked).map(|(back, asked)| back - asked).expect("it came back");
    assert!(waited.as_secs_f64() >= 2.0, "Retry-After was not kept: {waited:?}");
    for letter in letters.as_array().into_iter().flatten() {
        assert_eq!(letter["status"], 422);
        assert_eq!(letter["what"].as_str().map(|w| w.contains("drum_level=13.0 ")), Some(true), "{letter}");
        assert!(letter["reason"].as_str().is_some_and(|r| r.contains("bad luck")), "{letter}");
    }
    // Neighbours of a refused field arrived in a line of their own: look for each reading.
    let text = seen.lines.lock().expect("held").iter().cloned().collect::<Vec<_>>().join("\n");
    for (point, at, value) in gateway.committed("boiler-1") {
        if point == "drum_level" && value == 13.0 {
            continue;
        }
        let found = text.lines().any(|l| l.ends_with(&format!(" {at}")) && l.contains(&format!("{point}=")));
        assert!(found, "{point} at {at} never arrived");
    }
}
