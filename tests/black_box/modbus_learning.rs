//! What the gateway finds out about a device by itself, and what it believes meanwhile: refusals after a
//! restart, registers that answer by silence, seams, wrong transaction ids, decimals that move, two devices
//! with one registration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peers::frames::framed;
use crate::peers::odd::Act::Say;
use crate::peers::odd::Ask;
use crate::peers::{Gateway, ModbusServer, Odd, eventually, free_port, unless};
use crate::quirks::{path, profile, settings, shows, start};

fn tcp(device: &Odd) -> String {
    format!("tcp://127.0.0.1:{}", device.port)
}

fn registers(of: std::ops::Range<u16>) -> Vec<(String, String)> {
    of.map(|n| (format!("r{n}"), format!("address = {}", 40001 + n))).collect()
}

fn profile_of(head: &str, registers: &[(String, String)]) -> String {
    let points: Vec<(&str, &str)> = registers.iter().map(|p| (p.0.as_str(), p.1.as_str())).collect();
    profile(head, &points)
}

/// The first device, once `done` says so.
async fn device(gateway: &Gateway, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let mut found = Value::Null;
    eventually(what, async || {
        found = path(gateway).await["devices"][0].clone();
        unless(done(&found), &found)
    })
    .await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_refuses_everything_after_a_restart_is_read_seconds_later_and_not_good_before() {
    let began = Instant::now();
    let starting = move |ask: &Ask| {
        if began.elapsed() < Duration::from_secs(3) { ask.exception(2) } else { ask.values(|a| a + 1) }
    };
    let odd = Odd::tcp(move |ask| vec![Say(starting(ask))]).await;
    let mut gateway = start(&settings(&tcp(&odd), "", &[1]), &profile_of("", &registers(0..60)));
    let failing = device(&gateway, "it refuses everything", |d| d["polls"].as_u64() > Some(3)).await;
    assert_eq!((&failing["state"], &failing["good_polls"]), (&json!("failing"), &json!(0)), "{failing}");
    shows(&gateway, &[("r0", Some(1.0), ""), ("r59", Some(60.0), "")]).await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_that_answers_by_silence_is_set_aside_and_its_neighbours_are_read() {
    let silent = |ask: &Ask| if ask.covers(5) { vec![] } else { vec![Say(ask.values(|a| a + 1))] };
    let odd = Odd::tcp(move |ask| silent(ask)).await;
    let mut gateway = start(&settings(&tcp(&odd), "", &[1]), &profile_of("", &registers(0..8)));
    shows(
        &gateway,
        &[("r0", Some(1.0), ""), ("r4", Some(5.0), ""), ("r5", None, "timeout"), ("r7", Some(8.0), "")],
    )
    .await;
    let found =
        device(&gateway, "it is named", |d| d["refused"].as_array().is_some_and(|r| r.len() == 1)).await;
    let named = found["refused"][0].as_str().unwrap_or_default();
    assert!(named.starts_with("5 (") && named.ends_with("silence"), "{named}");
    gateway.stop().await;
    assert!(gateway.log().contains("does not answer when asked for this register"), "{}", gateway.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seam_and_the_largest_request_are_told_as_the_settings_to_write_and_obeyed_where_written() {
    let areas = |ask: &Ask| {
        let crosses = ask.from < 45 && 45 < ask.from + ask.count;
        if crosses { ask.exception(2) } else { ask.values(|a| a + 1) }
    };
    let odd = Odd::tcp(move |ask| vec![Say(areas(ask))]).await;
    let mut gateway = start(&settings(&tcp(&odd), "", &[1]), &profile_of("", &registers(0..90)));
    let found = device(&gateway, "it is learnt", |d| d["learnt"] != json!([])).await;
    let line = "seams = [{ table = \"holding\", at = 45 }]";
    assert_eq!(found["learnt"], json!([line]), "{found}");
    gateway.stop().await;
    assert!(gateway.log().contains("at = 45"), "{}", gateway.log());
    for head in [line, "readable = [{ from = 0, to = 44 }, { from = 45, to = 89 }]"] {
        let odd = Odd::tcp(move |ask| vec![Say(areas(ask))]).await;
        let profile = profile_of(&format!("[modbus]\n{head}"), &registers(0..90));
        let mut gateway = start(&settings(&tcp(&odd), "", &[1]), &profile);
        shows(&gateway, &[("r0", Some(1.0), ""), ("r44", Some(45.0), ""), ("r45", Some(46.0), "")]).await;
        gateway.stop().await;
        assert!(
            odd.asked().iter().all(|a| a.from >= 45 || a.from + a.count <= 45),
            "{head}: {:?}",
            odd.asked()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_answer_is_learnt_as_the_largest_request_and_costs_no_value() {
    // Asked for 45 registers it gives 32, and says so in its byte count.
    let odd = Odd::tcp(|ask| {
        let words: Vec<u8> =
            (ask.from..ask.from + ask.count.min(32)).flat_map(|a| (a + 1).to_be_bytes()).collect();
        vec![Say(ask.frame(ask.unit, &[&[3, words.len() as u8][..], &words].concat()))]
    })
    .await;
    let mut gateway = start(&settings(&tcp(&odd), "", &[1]), &profile_of("", &registers(0..45)));
    shows(&gateway, &[("r0", Some(1.0), ""), ("r31", Some(32.0), ""), ("r44", Some(45.0), "")]).await;
    let found = device(&gateway, "it is told", |d| d["learnt"] == json!(["max_registers = 32"])).await;
    assert_eq!(found["refused"], json!([]), "{found}");
    device(&gateway, "all is read", |d| d["state"] == "reading").await;
    gateway.stop().await;
    let log = gateway.log();
    assert!(
        log.contains("64 bytes of values where 90 were asked for") && log.contains("max_registers = 32"),
        "{log}"
    );
    assert!(!log.contains("another request"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_junk_frame_with_four_requests_in_flight_rests_nobody() {
    let mut asked = 0;
    let odd = Odd::tcp(move |ask| {
        asked += 1;
        // No frame at all: the connection is given up with all that is in flight.
        if asked % 9 == 5 { vec![Say(vec![0xFF; 12])] } else { vec![Say(ask.values(|a| a + 1))] }
    })
    .await;
    let apart: Vec<(String, String)> =
        (0..6).map(|n| (format!("r{n}"), format!("address = {}", 40001 + n * 50))).collect();
    let profile = profile_of("[modbus]\npipeline = 4", &apart);
    let mut gateway = start(&settings(&tcp(&odd), "", &[1]), &profile);
    device(&gateway, "it fails now and then", |d| d["failures"].as_u64() > Some(12)).await;
    gateway.stop().await;
    let log = gateway.log();
    assert!(!log.contains("it rests"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_transaction_ids_are_named_once_with_both_and_read_where_the_profile_allows_them() {
    let other = |ask: &Ask| {
        let mut frame = ask.values(|a| a + 1);
        (frame[0], frame[1]) = (0, 7);
        vec![Say(frame)]
    };
    let odd = Odd::tcp(move |ask| other(ask)).await;
    let mut gateway = start(&settings(&tcp(&odd), "", &[1]), &profile_of("", &registers(0..4)));
    shows(&gateway, &[("r0", None, "garbled")]).await;
    let found = device(&gateway, "it fails some times", |d| d["failures"].as_u64() > Some(5)).await;
    let said = found["last_error"].as_str().unwrap_or_default();
    assert!(said.contains("transaction id 7 where 6") && said.contains("transaction_ids"), "{said}");
    gateway.stop().await;
    let log = gateway.log();
    assert_eq!(log.matches("transaction id 7").count(), 1, "{log}");
    let odd = Odd::tcp(move |ask| other(ask)).await;
    let profile = profile_of("[modbus]\ntransaction_ids = \"any\"\npipeline = 4", &registers(0..4));
    let mut gateway = start(&settings(&tcp(&odd), "", &[1]), &profile);
    shows(&gateway, &[("r0", Some(1.0), ""), ("r3", Some(4.0), "")]).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_error_stays_with_its_time_when_the_device_is_well_again() {
    let sick = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&sick);
    let odd = Odd::tcp(move |ask| {
        vec![Say(if seen.load(Ordering::SeqCst) { ask.exception(8) } else { ask.values(|a| a + 1) })]
    })
    .await;
    let mut gateway = start(&settings(&tcp(&odd), "", &[1]), &profile_of("", &registers(0..2)));
    shows(&gateway, &[("r0", None, "exception-08")]).await;
    sick.store(false, Ordering::SeqCst);
    shows(&gateway, &[("r0", Some(1.0), "")]).await;
    let well = device(&gateway, "it reads", |d| d["state"] == "reading").await;
    assert!(well["last_error"].as_str().is_some_and(|e| e.contains("exception 08")), "{well}");
    assert!(well["last_error_at"].is_string(), "{well}");
    assert_eq!(path(&gateway).await["last_error"], Value::Null);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_is_stored_as_good_with_the_decimals_of_another_moment() {
    // 65.5 all the time: 655 with one decimal, 6550 with two.
    let asked = Arc::new(AtomicU16::new(0));
    let odd = Odd::tcp(move |ask| {
        let moved = asked.fetch_add(1, Ordering::SeqCst) / 7 % 2;
        let (digits, decimals) = [(655, 1), (6550, 2)][usize::from(moved)];
        vec![Say(ask.values(|a| if a == 0 { digits } else { decimals }))]
    })
    .await;
    let profile = profile(
        "",
        &[
            ("pv", "address = 40001\ndecimals_from = \"dp\"\n[point.limits]\nh = { at = 100 }"),
            ("dp", "address = 40051"),
        ],
    );
    let mut gateway = start(&settings(&tcp(&odd), "", &[1]), &profile);
    eventually("it is read a hundred times", async || {
        let values = gateway.committed("u1").iter().filter(|r| r.0 == "pv").count();
        unless(values > 100, values)
    })
    .await;
    let good = gateway.good("u1", "pv");
    gateway.stop().await;
    assert!(good.len() > 20 && good.iter().all(|v| *v == 65.5), "{good:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_with_one_registration_are_told_and_their_values_are_not_believed() {
    let port = free_port();
    let address = format!("rtu+listen://127.0.0.1:{port}");
    let settings = settings(&address, "registration = \"DTU-1\"", &[1]);
    let mut gateway = start(&settings, &profile_of("", &registers(0..2)));
    let one = Odd::dials(port, true, b"DTU-1", |ask| vec![Say(ask.values(|_| 1))]);
    let two = Odd::dials(port, true, b"DTU-1", |ask| vec![Say(ask.values(|_| 2))]);
    shows(&gateway, &[("r0", None, "shared-registration")]).await;
    let found = device(&gateway, "it is told", |d| d["state"] == "failing").await;
    assert!(found["last_error"].as_str().is_some_and(|e| e.contains("two devices")), "{found}");
    gateway.stop().await;
    assert!(gateway.log().contains("two devices dial in with this registration"), "{}", gateway.log());
    assert!(!one.asked().is_empty() && !two.asked().is_empty());
}

/// Dials in and answers until it is told to fall silent; then its line stays open, and says nothing but heartbeats.
async fn dials_once(port: u16, silent: Arc<AtomicBool>) {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    stream.write_all(b"DTU-1\r\n").await.expect("it listens");
    tokio::spawn(async move {
        let mut ask = [0u8; 8];
        while stream.read_exact(&mut ask).await.is_ok() {
            if silent.load(Ordering::SeqCst) {
                let _ = stream.write_all(&[0xFE]).await;
                continue;
            }
            let count = ask[5];
            let values = (0..count).flat_map(|n| [0, n + 1]);
            let pdu: Vec<u8> = [3, count * 2].into_iter().chain(values).collect();
            let _ = stream.write_all(&framed(None, ask[0], &pdu)).await;
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_device_that_dials_in_anew_over_a_half_open_line_stays_one_device() {
    let port = free_port();
    let settings = settings(&format!("rtu+listen://127.0.0.1:{port}"), "registration = \"DTU-1\"", &[1]);
    let mut gateway = start(&settings, &profile_of("", &registers(0..2)));
    eventually("it listens", async || {
        let open = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        unless(open.is_ok(), open.map(|_| ()))
    })
    .await;
    let mut before = None::<Arc<AtomicBool>>;
    for calls in 1..=3u64 {
        // It has lost its line, and the gateway does not know yet.
        if let Some(before) = before.take() {
            before.store(true, Ordering::SeqCst);
        }
        let silent = Arc::new(AtomicBool::new(false));
        dials_once(port, Arc::clone(&silent)).await;
        before = Some(silent);
        eventually("it is taken in", async || {
            let path = path(&gateway).await;
            unless(path["connects"].as_u64() == Some(calls), path)
        })
        .await;
        shows(&gateway, &[("r0", Some(1.0), ""), ("r1", Some(2.0), "")]).await;
    }
    gateway.stop().await;
    assert!(!gateway.log().contains("two devices"), "{}", gateway.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_exactly_at_its_limit_raises_and_a_float_in_the_wrong_order_is_not_good() {
    let mut server = ModbusServer::start();
    server.tell("holding 0 35");
    server.set_float(1, 0.83);
    server.set_float(3, 12.5);
    let limit = |kind: &str, at: &str| format!("\n[point.limits]\n{kind} = {{ at = {at} }}");
    let low = format!("address = 40001\nscale = 0.01{}", limit("l", "0.35"));
    let high = format!("address = 40002\ntype = \"f32\"{}", limit("hh", "0.83"));
    let swapped = "address = 40004\ntype = \"f32\"\norder = \"cdab\"";
    let profile = profile("", &[("low", &low), ("high", &high), ("swapped", swapped)]);
    let mut gateway = start(&settings(&format!("tcp://127.0.0.1:{}", server.port), "", &[1]), &profile);
    eventually("both limits are in alarm", async || {
        let alarms = gateway.get("/api/v1/alarms").await.to_string();
        unless(alarms.contains("low.l") && alarms.contains("high.hh"), alarms)
    })
    .await;
    eventually("the values are the decimals that were meant", async || {
        let points = gateway.get("/api/v1/equipment/u1/points").await;
        let has = |id: &str, key: &str, wanted: Value| {
            points.as_array().into_iter().flatten().any(|p| p["id"] == id && p[key] == wanted)
        };
        let right = has("low", "value", json!(0.35))
            && has("high", "value", json!(0.83))
            && has("swapped", "quality", json!("uncertain"))
            && has("swapped", "cause", json!("implausible"));
        unless(right, points)
    })
    .await;
    gateway.stop().await;
}
