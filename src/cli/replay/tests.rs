//! What settings make of a past that is written down here: votes without some of their points, counters that roll over.

use std::time::Duration;

use crate::plant::{Cause, Micros, PointIx, Quality, Reading};
use crate::settings::load_texts;
use crate::watch::rehearsal::Rehearsal;

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
