//! What settings make of a past that is written down here: votes without some of their points, counters that roll over.

use std::time::Duration;

use crate::alarm::rehearsal::Rehearsal;
use crate::plant::{Cause, Micros, PointIx, Quality, Reading};
use crate::settings::load_texts;

/// How often each rule was raised by `values` of the three points, one set a second; `None` is a dead one.
fn raised(limits: &str, seconds: &[[Option<f64>; 3]]) -> Vec<(String, u64)> {
    let settings = format!(
        "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"s\"\naddress = \"tcp://192.0.2.1\"\n\
         [[equipment]]\nid = \"b\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"s\"\nunit = 1\n\
         [equipment.limits.x0]\n{limits}\n"
    );
    let profile: String = (0..3)
        .map(|n| format!("[[point]]\nid = \"x{n}\"\nunit = \"mm\"\naddress = {}\n", 40001 + n))
        .collect();
    let loaded = load_texts(&[("t.toml", &settings)], &[("p.toml", &profile)], &[]).unwrap();
    let plant = &loaded.settings.plant;
    let start = Micros(1_000_000_000);
    let mut rehearsal = Rehearsal::new(plant, start);
    for (second, values) in (0u64..).zip(seconds) {
        let reading = |(n, value): (u32, &Option<f64>)| Reading {
            point: PointIx(n),
            value: value.unwrap_or(f64::NAN),
            quality: value.map_or(Quality::Bad(Cause::LoopFault), |_| Quality::Good),
        };
        let mut readings: Vec<Reading> = (0u32..).zip(values).map(reading).collect();
        rehearsal.sample(
            plant.point(PointIx(0)).device,
            start.plus(Duration::from_secs(second)),
            None,
            &mut readings,
        );
    }
    let keys: Vec<String> = rehearsal.rules().iter().map(|r| r.key.to_string()).collect();
    let outcome = rehearsal.end(start.plus(Duration::from_secs(seconds.len() as u64)));
    keys.into_iter()
        .zip(outcome.tallies)
        .map(|(key, tally)| (key, tally.raised))
        .filter(|k| k.1 > 0)
        .collect()
}

fn vote(degraded: &str, values: [Option<f64>; 3]) -> bool {
    let limits = format!(
        "vote = {{ with = [\"x1\", \"x2\"], below = -75, need = 2{degraded}, priority = \"critical\" }}"
    );
    raised(&limits, &[values; 5]).iter().any(|(key, _)| key == "b/x0_vote.state")
}

#[test]
fn a_vote_that_lost_a_point_goes_on_as_the_settings_say() {
    let (low, fine, dead) = (Some(-90.0), Some(0.0), None);
    let (one, two) = (", degraded = \"1oo2\"", ", degraded = \"2oo2\"");
    // Two of three, none dead: always the same.
    for degraded in ["", one, two] {
        assert!(vote(degraded, [low, low, fine]) && !vote(degraded, [low, fine, fine]), "{degraded}");
        assert!(!vote(degraded, [dead, dead, dead]), "unknown is no vote: {degraded}");
        assert!(!vote(degraded, [dead, fine, fine]), "{degraded}");
        assert!(vote(degraded, [dead, low, low]), "{degraded}");
    }
    assert_eq!(["", one, two].map(|d| vote(d, [dead, low, fine])), [false, true, false]);
    assert_eq!(["", one, two].map(|d| vote(d, [dead, dead, low])), [false, true, true]);
    assert_eq!(["", one, two].map(|d| vote(d, [dead, dead, fine])), [false; 3]);
}

#[test]
fn the_rate_of_a_counter_that_rolls_over_goes_on() {
    // 100 a second, over 65535 twice.
    let seconds: Vec<[Option<f64>; 3]> =
        (0..1400).map(|n| [Some(f64::from((65_000 + n * 100) % 65_536)), Some(0.0), Some(0.0)]).collect();
    let rate = "rate = { per = \"s\", window = \"10s\", l = { at = 50 }, h = { at = 150 } }";
    let whole = |counter: &str| raised(&format!("{counter}\n{rate}"), &seconds);
    assert_eq!(whole("counter = { wraps_at = 65536 }"), []);
    assert!(!whole("").is_empty(), "without it each roll over is a fall");
}

/// One device on a broker that may be silent for fifteen seconds.
fn on_a_broker() -> crate::settings::Settings {
    let settings = "[site]\nid = \"n\"\n[[source.mqtt]]\nid = \"m\"\naddress = \"mqtt://192.0.2.1\"\nexpect_every = \"5s\"\n\
        [[equipment]]\nid = \"b\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"m\"\ntopic = \"t\"\n";
    let limits =
        "limits = { h = { at = 10, on_delay = \"20s\" }, no_data = { after = \"10s\", off_delay = \"5s\" } }";
    let points: String =
        (0..2).map(|n| format!("[[point]]\nid = \"x{n}\"\nunit = \"mm\"\n{limits}\n")).collect();
    let profile = format!("shape = \"flat\"\n{points}");
    load_texts(&[("t.toml", settings)], &[("p.toml", &profile)], &[]).unwrap().settings
}

/// What `x0` and `x1` are at each second; the device goes on talking while it leaves `x1` out.
fn left_out(second: u64) -> (f64, Option<f64>) {
    let is_there = !(60..120).contains(&second) && second < 280;
    (1.0, is_there.then_some(if (50..140).contains(&second) { 20.0 } else { 0.0 }))
}

const SECONDS: u64 = 300;

#[test]
fn the_gap_of_one_point_is_judged_from_a_table_as_it_was_when_it_came() {
    use crate::field::mqtt::book::{Book, Message};
    let settings = on_a_broker();
    let plant = &settings.plant;
    let start = Micros(1_790_000_000_000_000);
    let at = |second: u64| start.plus(Duration::from_secs(second));
    let stale: Vec<Duration> = plant.devices.iter().map(|d| d.stale_after).collect();

    let mut live = Rehearsal::new(plant, start);
    let (mut book, began) = (Book::new(&settings.mqtt[0], "UTC", &stale), std::time::Instant::now());
    let mut table = String::from("time,equipment,point,value\n");
    for second in 0..SECONDS {
        let (x0, x1) = left_out(second);
        let more = x1.map_or_else(String::new, |x1| format!(",\"x1\":{x1}"));
        let payload = format!("{{\"x0\":{x0}{more}}}");
        let (topic, payload) = ("t", payload.as_bytes());
        let message = Message { topic, payload, retained: false, expired: false, queued: None };
        book.read(&message, at(second), began + Duration::from_secs(second));
        for sample in book.samples() {
            live.sample(sample.device, sample.at, Some(sample.live), &mut book.readings(sample).to_vec());
        }
        table += &format!("{},b,x0,{x0}\n", at(second).rfc3339());
        table += &x1.map_or_else(String::new, |x1| format!("{},b,x1,{x1}\n", at(second).rfc3339()));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("past.csv");
    std::fs::write(&file, table).unwrap();
    let mut tried = Rehearsal::new(plant, start);
    let source =
        super::history::Source::Table(super::table::Table::open(&file, jiff::tz::TimeZone::UTC).unwrap());
    assert!(source.read(plant, (start, at(SECONDS)), &mut tried).unwrap().is_empty());

    let rules: Vec<String> = live.rules().iter().map(|r| r.key.to_string()).collect();
    let told = |r: Rehearsal| -> Vec<(String, u64, Duration)> {
        let tallies = r.end(at(SECONDS)).tallies;
        rules
            .iter()
            .cloned()
            .zip(tallies)
            .map(|(key, t)| (key, t.raised, t.active))
            .filter(|t| t.1 > 0)
            .collect()
    };
    let live = told(live);
    assert_eq!(told(tried), live);
    let of = |key: &str| live.iter().find(|t| t.0 == key).map(|t| t.1);
    assert_eq!((of("b/x1.no_data"), of("b/x1.h"), of("b/x0.no_data")), (Some(1), Some(1), None), "{live:?}");
}
