//! What field devices do beside the specification, and the switch or default that copes with it: maps
//! with holes, refusals, restarts, torn counters, values that only look alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::peers::odd::Act::{HangUp, Say};
use crate::peers::odd::Ask;
use crate::peers::{Gateway, ModbusServer, Odd, eventually, unless};
use crate::plants;

/// `source` are more keys of the source; each unit is a piece of equipment `uN` with this profile.
pub fn settings(address: &str, source: &str, units: &[u8]) -> String {
    let mut text = plants::base()
        + &format!(
            "[[source.modbus]]\nid = \"line\"\naddress = \"{address}\"\nperiod = \"100ms\"\ntimeout = \"90ms\"\n\
             reconnect_min = \"20ms\"\nreconnect_max = \"100ms\"\n{source}\n"
        );
    for unit in units {
        text += &format!(
            "[[equipment]]\nid = \"u{unit}\"\nprofile = \"odd\"\nsource = \"line\"\nunit = {unit}\n"
        );
    }
    text
}

/// A profile of plain registers: (id, keys).
pub fn profile(head: &str, points: &[(&str, &str)]) -> String {
    let point = |(id, keys): &(&str, &str)| format!("[[point]]\nid = \"{id}\"\n{keys}\n");
    format!("kind = \"odd\"\n{head}\n{}", points.iter().map(point).collect::<String>())
}

pub fn start(settings: &str, profile: &str) -> Gateway {
    Gateway::start(settings, &[("odd.toml", profile)])
}

pub async fn path(gateway: &Gateway) -> Value {
    gateway.get("/api/v1/overview").await["path"]["sources"][0].clone()
}

/// Waits until the points of `u1` are as wanted: (id, value or none, cause or empty).
pub async fn shows(gateway: &Gateway, wanted: &[(&str, Option<f64>, &str)]) {
    eventually("the points show what is wanted", async || {
        let points = gateway.get("/api/v1/equipment/u1/points").await;
        let right = |(id, value, cause): &(&str, Option<f64>, &str)| {
            points.as_array().into_iter().flatten().any(|p| {
                let near = match value {
                    Some(v) => p["value"].as_f64().is_some_and(|is| (is - v).abs() < 1e-9 * v.abs().max(1.0)),
                    None => p["quality"] == "bad",
                };
                p["id"] == *id && near && p["cause"].as_str().unwrap_or_default() == *cause
            })
        };
        let wrong: Vec<_> = wanted.iter().filter(|w| !right(w)).collect();
        unless(wrong.is_empty(), (wrong, points))
    })
    .await;
}

/// Waits for so many polls of the first device, and tells how it stands.
pub async fn polled(gateway: &Gateway, polls: u64) -> Value {
    let mut device = Value::Null;
    eventually("it is polled", async || {
        device = path(gateway).await["devices"][0].clone();
        unless(device["polls"].as_u64() >= Some(polls), &device)
    })
    .await;
    device
}

/// A mode that a test changes while the device runs.
fn switch() -> (Arc<AtomicU16>, impl Fn() -> u16 + Send + 'static) {
    let mode = Arc::new(AtomicU16::new(0));
    let seen = Arc::clone(&mode);
    (mode, move || seen.load(Ordering::SeqCst))
}

fn tcp(device: &Odd) -> String {
    format!("tcp://127.0.0.1:{}", device.port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_gives_eight_registers_is_never_asked_for_more() {
    let most = |ask: &Ask| if ask.count > 8 { ask.exception(3) } else { ask.values(|a| a + 1) };
    let device = Odd::tcp(move |ask| vec![Say(most(ask))]).await;
    let points: Vec<(String, String)> =
        (0..20).map(|n| (format!("r{n}"), format!("address = {}", 40001 + n))).collect();
    let points: Vec<(&str, &str)> = points.iter().map(|p| (p.0.as_str(), p.1.as_str())).collect();
    let profile = profile("[modbus]\nmax_registers = 8", &points);
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile);
    shows(&gateway, &[("r0", Some(1.0), ""), ("r7", Some(8.0), ""), ("r19", Some(20.0), "")]).await;
    gateway.stop().await;
    let asked = device.asked();
    assert!(asked.iter().all(|a| a.count <= 8), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_a_gap_is_asked_for_once_and_then_remembered() {
    let hole = |ask: &Ask| if ask.covers(3) { ask.exception(2) } else { ask.values(|a| a + 1) };
    let device = Odd::tcp(move |ask| vec![Say(hole(ask))]).await;
    let profile = profile("[modbus]\nmax_gap = 10", &[("a", "address = 40001"), ("b", "address = 40006")]);
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile);
    let state = polled(&gateway, 10).await;
    shows(&gateway, &[("a", Some(1.0), ""), ("b", Some(6.0), "")]).await;
    gateway.stop().await;
    assert_eq!(device.asked().iter().filter(|a| a.covers(3)).count(), 1);
    assert_eq!(
        (&state["polls"], &state["refused"]),
        (&state["good_polls"], &serde_json::json!([])),
        "{state}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_to_cross_gaps_no_register_is_asked_for_that_nobody_listed() {
    let device = Odd::tcp(|ask| vec![Say(ask.values(|a| a + 1))]).await;
    let profile = profile("", &[("a", "address = 40001"), ("b", "address = 40003")]);
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile);
    shows(&gateway, &[("a", Some(1.0), ""), ("b", Some(3.0), "")]).await;
    gateway.stop().await;
    assert!(!device.asked().iter().any(|a| a.covers(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_refusal_a_device_uses_only_what_is_refused_is_set_aside_and_named() {
    // It knows function 3 only, and means "no such register" by 3.
    let device = Odd::tcp(|ask| {
        vec![Say(match ask {
            _ if ask.function != 3 => ask.exception(1),
            _ if ask.covers(2) => ask.exception(3),
            _ if ask.covers(5) => ask.exception(2),
            // The specification does not know this one.
            _ if ask.covers(7) => ask.exception(0x55),
            _ => ask.values(|a| a + 1),
        })]
    })
    .await;
    let holding = [40001, 40002, 40003, 40004, 40005, 40006, 40008]
        .map(|a| (format!("h{a}"), format!("address = {a}")));
    let mut points: Vec<(&str, &str)> = holding.iter().map(|p| (p.0.as_str(), p.1.as_str())).collect();
    points.push(("input", "address = 30001"));
    let profile = profile("", &points);
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile);
    shows(
        &gateway,
        &[
            ("h40001", Some(1.0), ""),
            ("h40002", Some(2.0), ""),
            ("h40003", None, "exception-03"),
            ("h40004", Some(4.0), ""),
            ("h40005", Some(5.0), ""),
            ("h40006", None, "exception-02"),
            ("h40008", None, "exception"),
            ("input", None, "exception-01"),
        ],
    )
    .await;
    let state = polled(&gateway, 20).await;
    let refused = state["refused"].to_string();
    assert!(
        refused.contains("2 (") && refused.contains("5 (") && refused.contains("profiles/odd.toml"),
        "{refused}"
    );
    assert_eq!(state["state"], "reading-part", "{state}");
    gateway.stop().await;
    let log = gateway.log();
    assert!(
        log.contains("refuses this register (exception 55, which the specification does not know)"),
        "{log}"
    );
    // Set aside: asked for alone once, not at every poll.
    let alone = |a: &&Ask| a.function == 4 || a.count == 1 && (a.from == 2 || a.from == 5);
    assert_eq!(device.asked().iter().filter(alone).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_device_is_asked_again_after_a_pause_and_at_most_three_times() {
    let mut asked = 0;
    let device = Odd::tcp(move |ask| {
        asked += 1;
        // Unit 2 never has time; unit 1 has it at the third asking, with both codes for no.
        vec![Say(match (ask.unit, asked % 3) {
            (2, _) => ask.exception(6),
            (_, 1) => ask.exception(5),
            (_, 2) => ask.exception(6),
            _ => ask.values(|_| 7),
        })]
    })
    .await;
    let profile = profile("", &[("a", "address = 40001")]);
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile);
    let state = polled(&gateway, 4).await;
    assert_eq!((&state["polls"], &state["failures"]), (&state["good_polls"], &Value::from(0)), "{state}");
    shows(&gateway, &[("a", Some(7.0), "")]).await;
    gateway.stop().await;
    let times: Vec<_> = device.asked().iter().map(|a| a.at).collect();
    for (n, pair) in times.windows(2).enumerate().filter(|(n, _)| n % 3 < 2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(200), "asking {n} came too soon");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_always_busy_shows_it_after_three_more_askings() {
    let device = Odd::tcp(|ask| vec![Say(ask.exception(6))]).await;
    // A period so long that the askings belong to one poll.
    let long = settings(&tcp(&device), "", &[1]).replace("period = \"100ms\"", "period = \"1h\"");
    let mut gateway = start(&long, &profile("", &[("a", "address = 40001")]));
    shows(&gateway, &[("a", None, "exception-06")]).await;
    gateway.stop().await;
    assert_eq!(device.asked().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn units_0_and_255_are_asked_by_their_number_over_tcp() {
    let device = Odd::tcp(|ask| vec![Say(ask.values(|_| 1000 + u16::from(ask.unit)))]).await;
    let profile = profile("", &[("a", "address = 40001")]);
    let mut gateway = start(&settings(&tcp(&device), "", &[0, 255]), &profile);
    for unit in [0u8, 255] {
        eventually("it is read", async || {
            let points = gateway.get(&format!("/api/v1/equipment/u{unit}/points")).await;
            unless(points[0]["quality"] == "good" && points[0]["value"] == 1000.0 + f64::from(unit), points)
        })
        .await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_counter_that_is_read_in_the_middle_of_a_carry_is_uncertain() {
    let (mode, torn) = switch();
    let mut asked = 0u16;
    let device = Odd::tcp(move |ask| {
        asked += 1;
        // 0001 FFFF goes to 0002 0000; torn, the high word is ahead in the second answer of each two.
        let high = if torn() == 1 && asked.is_multiple_of(2) { 2 } else { 1 };
        vec![Say(ask.values(move |address| if address == 0 { high } else { 0xFFFF }))]
    })
    .await;
    let points = [("energy", "address = 40001\ntype = \"u32\"\nconfirm = true")];
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile("", &points));
    shows(&gateway, &[("energy", Some(131_071.0), "")]).await;
    mode.store(1, Ordering::SeqCst);
    eventually("the doubt is shown", async || {
        let points = gateway.get("/api/v1/equipment/u1/points").await;
        unless(points[0]["quality"] == "uncertain" && points[0]["cause"] == "torn", points)
    })
    .await;
    mode.store(0, Ordering::SeqCst);
    shows(&gateway, &[("energy", Some(131_071.0), "")]).await;
    gateway.stop().await;
    assert!(device.asked().iter().all(|a| (a.from, a.count) == (0, 2)), "the value was split");
}

#[tokio::test(flavor = "multi_thread")]
async fn zeros_of_a_restarted_device_are_uncertain_and_those_of_a_quiet_alarm_word_are_not() {
    let (mode, off) = switch();
    let device = Odd::tcp(move |ask| {
        let works = off() == 0;
        vec![Say(ask.values(move |a| if works && a == 0 { 125 } else { 0 }))]
    })
    .await;
    let points =
        [("pressure", "address = 40001\nscale = 0.01"), ("alarms", "address = 30011\ntype = \"u16\"")];
    let profile = profile("[modbus]\nwarm_up = \"1h\"", &points);
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile);
    shows(&gateway, &[("pressure", Some(1.25), ""), ("alarms", Some(0.0), "")]).await;
    mode.store(1, Ordering::SeqCst);
    shows(&gateway, &[("pressure", Some(0.0), "warm-up"), ("alarms", Some(0.0), "warm-up")]).await;
    mode.store(0, Ordering::SeqCst);
    shows(&gateway, &[("pressure", Some(1.25), ""), ("alarms", Some(0.0), "")]).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_that_stands_still_makes_every_other_point_bad_also_on_a_device_that_hangs_up() {
    let (mode, hung) = switch();
    let mut beats = 0u16;
    // It closes after every answer: being reachable is no sign of life.
    let device = Odd::tcp(move |ask| {
        beats += u16::from(hung() == 0);
        let value = ask.values(move |address| if address == 9 { beats } else { 42 });
        vec![Say(value), HangUp]
    })
    .await;
    let points = [
        ("pressure", "address = 40001"),
        ("beat", "address = 40010"),
        ("input", "address = 30001\nperiod = \"300ms\""),
        ("running", "address = 10001"),
    ];
    let profile = profile("[modbus]\nheartbeat = { point = \"beat\", within = \"1s\" }", &points);
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile);
    let well = [("pressure", Some(42.0), ""), ("input", Some(42.0), ""), ("running", Some(1.0), "")];
    shows(&gateway, &well).await;
    mode.store(1, Ordering::SeqCst);
    let stopped = |id| (id, None, "heartbeat-stopped");
    shows(&gateway, &[stopped("pressure"), stopped("input"), stopped("running")]).await;
    let state = path(&gateway).await["devices"][0].clone();
    assert_eq!(state["state"], "failing", "{state}");
    assert!(state["last_error"].as_str().is_some_and(|e| e.contains("heartbeat")), "{state}");
    let beat = gateway.get("/api/v1/equipment/u1/points").await;
    let beat = beat.as_array().into_iter().flatten().find(|p| p["id"] == "beat").cloned().unwrap_or_default();
    assert_eq!(beat["quality"], "good", "the counter itself is what it is: {beat}");
    mode.store(0, Ordering::SeqCst);
    shows(&gateway, &well).await;
    gateway.stop().await;
    let log = gateway.log();
    assert_eq!(log.matches("heartbeat counter stands still").count(), 1, "{log}");
    assert_eq!(log.matches("heartbeat counter moves again").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pressure_is_shown_in_megapascals_whatever_unit_its_gauge_sends() {
    let mut server = ModbusServer::start();
    server.tell("holding 0 1000 125 1250 12500");
    let keys = |address: u16, unit: &str, scale: f64| {
        format!("address = {address}\nscale = {scale}\nunit = \"MPa\"\nraw_unit = \"{unit}\"")
    };
    let points = [
        ("kgf", keys(40001, "kgf/cm2", 0.01)),
        ("bar", keys(40002, "bar", 0.1)),
        ("kilo", keys(40003, "kPa", 1.0)),
        ("mega", "address = 40004\nscale = 0.0001\nunit = \"MPa\"".to_owned()),
    ];
    let points: Vec<(&str, &str)> = points.iter().map(|p| (p.0, p.1.as_str())).collect();
    let address = format!("tcp://127.0.0.1:{}", server.port);
    let mut gateway = start(&settings(&address, "", &[1]), &profile("", &points));
    let wanted = [
        ("kgf", Some(0.980_665), ""),
        ("bar", Some(1.25), ""),
        ("kilo", Some(1.25), ""),
        ("mega", Some(1.25), ""),
    ];
    shows(&gateway, &wanted).await;
    gateway.stop().await;
}
