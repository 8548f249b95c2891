//! Functions with a memory: windows, delays, totals, and what a gap or a strange clock does to them.

use super::*;

const DOUBT: Quality = Quality::Uncertain(Cause::DerivedInput);
const BAD: Quality = Quality::Bad(Cause::DerivedInput);
const NOT_YET: Quality = Quality::Bad(Cause::NotYetRead);

fn near(got: f64, wanted: f64, within: f64) {
    assert!((got - wanted).abs() <= within, "{got} is not {wanted}");
}

#[test]
fn a_mean_weighs_each_value_by_how_long_it_stood() {
    let mut bench = Bench::new("mean(oxygen, 60s)");
    assert_eq!(bench.at(0.0, &[good(2.0)]), (2.0, DOUBT), "one value is its own mean");
    near(bench.value(30.0, 4.0), 2.0, 1e-12);
    near(bench.value(40.0, 4.0), (30.0 * 2.0 + 10.0 * 4.0) / 40.0, 1e-9);
    assert_eq!(bench.at(53.0, &[good(4.0)]).1, DOUBT);
    let (mean, quality) = bench.at(60.0, &[good(4.0)]);
    near(mean, 3.0, 1e-9);
    assert_eq!(quality, Quality::Good, "the window is filled");
    near(bench.value(75.0, 4.0), (15.0 * 2.0 + 45.0 * 4.0) / 60.0, 1e-9);
    near(bench.value(100.0, 9.0), 4.0, 1e-9);
}

#[test]
fn a_mean_slides_smoothly_between_its_buckets() {
    let mut bench = Bench::new("mean(oxygen, 60s)");
    bench.value(0.0, 0.0);
    bench.value(60.0, 60.0);
    for tenth in 0..600 {
        let second = 60.0 + f64::from(tenth) / 10.0;
        near(bench.value(second, 60.0), second - 60.0, 1e-9);
    }
}

#[test]
fn extremes_look_back_as_far_as_their_window_and_one_bucket() {
    let mut low = Bench::new("lowest(oxygen, 60s)");
    let mut high = Bench::new("highest(oxygen, 60s)");
    for (second, value) in [(0.0, 5.0), (10.0, 1.0), (11.0, 9.0), (12.0, 5.0)] {
        low.value(second, value);
        high.value(second, value);
    }
    near(low.value(69.0, 5.0), 1.0, 0.0);
    near(low.value(70.9, 5.0), 1.0, 0.0);
    near(low.value(71.6, 5.0), 5.0, 0.0);
    near(high.value(71.9, 5.0), 9.0, 0.0);
    near(high.value(72.6, 5.0), 5.0, 0.0);
}

#[test]
fn a_value_that_stood_until_now_was_in_the_window_even_if_it_came_before() {
    let mut bench = Bench::new("lowest(oxygen, 5s)");
    bench.value(0.0, 1.0);
    near(bench.value(100.0, 7.0), 1.0, 0.0);
    near(bench.value(106.0, 7.0), 7.0, 0.0);
}

#[test]
fn the_rate_is_the_slope_of_the_best_line() {
    let mut bench = Bench::new("rate(drum_level, 60s)");
    assert_eq!(bench.at(0.0, &[good(3.0)]).1, NOT_YET, "one value has no slope");
    assert_eq!(bench.formula.unit(), "mm/s");
    for second in 1..=200 {
        let noise = if second % 2 == 0 { 0.1 } else { -0.1 };
        let rate = bench.value(f64::from(second), 3.0 + 0.5 * f64::from(second) + noise);
        near(rate, 0.5, if second > 60 { 0.001 } else { 0.2 });
    }
    let minutes = Formula::parse_as("rate_min(drum_level, 60s)", "cm/min", &Plant).unwrap();
    let mut evaluator = Evaluator::new(&minutes);
    let mut last = (0.0, Quality::Good);
    for second in 0..=60 {
        last = evaluator.evaluate(&[good(f64::from(second))], Duration::from_secs(second as u64), 100.0);
    }
    near(last.0, 6.0, 1e-9);
    assert_eq!(last.1, Quality::Good);
}

#[test]
fn a_value_that_stands_still_has_no_rate_at_all() {
    let mut bench = Bench::new("rate_h(steam_pressure, 10m)");
    bench.at(0.0, &[good(0.1 + 0.2)]);
    for second in 1..2000 {
        let value = if second < 1000 { 0.1 + 0.2 } else { 0.7 };
        let rate = bench.value(f64::from(second), value);
        if !(1000..1606).contains(&second) {
            assert_eq!(rate, 0.0, "at {second}");
        }
    }
}

#[test]
fn rates_of_temperatures_are_in_kelvin() {
    let mut bench = Bench::new("rate_min(flue_temp, 60s)");
    assert_eq!(bench.formula.unit(), "K/min");
    bench.at(0.0, &[good(0.0)]);
    near(bench.value(60.0, 18.0), 10.0, 1e-9);
}

#[test]
fn an_integral_counts_what_stood_for_how_long_and_leaves_gaps_out() {
    let mut bench = Bench::new("integral(steam_flow, per h)");
    assert_eq!(bench.formula.unit(), "t");
    near(bench.value(0.0, 8.0), 0.0, 0.0);
    near(bench.value(1800.0, 6.0), 4.0, 1e-12);
    assert_eq!(bench.at(3600.0, &[bad()]).1, BAD);
    near(bench.value(7200.0, 2.0), 7.0, 1e-12);
    near(bench.value(10_800.0, 2.0), 9.0, 1e-12);
    bench.evaluator.reset_totals();
    near(bench.value(12_600.0, 2.0), 1.0, 1e-12);
}

#[test]
fn an_integral_is_reset_by_its_condition_when_that_becomes_true() {
    let mut bench = Bench::new("integral(power, per h, pump_1)");
    assert_eq!(bench.formula.unit(), "kW·h");
    let mut at = |second, reset| bench.at(second, &[good(1.0), reset]);
    at(0.0, good(1.0));
    near(at(3600.0, good(1.0)).0, 1.0, 1e-12);
    near(at(7200.0, good(0.0)).0, 2.0, 1e-12);
    assert_eq!(at(10_800.0, bad()).1, DOUBT, "nobody knows whether it was reset");
    near(at(10_800.0, good(1.0)).0, 0.0, 1e-12);
    near(at(14_400.0, good(1.0)).0, 1.0, 1e-12);
}

#[test]
fn small_amounts_are_not_lost_in_a_large_total() {
    let mut bench = Bench::new("integral(load, per s)");
    bench.value(0.0, 1e17);
    bench.value(1.0, 1.0);
    for second in 2..=1001 {
        bench.value(f64::from(second), 1.0);
    }
    assert_eq!(bench.value(1001.0, 1.0), 1e17 + 1000.0);
}

#[test]
fn hours_run_are_an_integral_of_a_condition() {
    let mut bench = Bench::new("integral(if(pump_1, 1, 0), per h)");
    assert_eq!(bench.formula.unit(), "h");
    bench.value(0.0, 1.0);
    bench.value(5400.0, 0.0);
    near(bench.value(9000.0, 1.0), 1.5, 1e-12);
}

#[test]
fn a_delay_gives_the_value_of_then_with_the_quality_of_then() {
    let mut bench = Bench::new("delay(oxygen, 10s)");
    assert_eq!(bench.at(0.0, &[good(0.0)]).1, NOT_YET);
    for second in 1..10 {
        assert_eq!(bench.at(f64::from(second), &[good(f64::from(second))]).1, NOT_YET);
    }
    for second in 10..20 {
        let input = if second == 15 { bad() } else { unsure(f64::from(second)) };
        assert_eq!(bench.at(f64::from(second), &[input]), (f64::from(second) - 10.0, Quality::Good));
    }
    assert_eq!(bench.at(24.9, &[bad()]), (14.0, DOUBT));
    assert_eq!(bench.at(25.0, &[good(1.0)]).1, BAD);
    assert_eq!(bench.at(26.0, &[good(1.0)]), (16.0, DOUBT));
}

#[test]
fn a_delay_fed_often_is_right_within_a_120th() {
    let mut bench = Bench::new("delay(oxygen, 10s)");
    for step in 0..20_000 {
        let second = f64::from(step) / 1000.0;
        let (value, quality) = bench.at(second, &[good(second)]);
        if quality == Quality::Good {
            let late = (second - 10.0) - value;
            assert!((-1e-9..=10.0 / 120.0 + 1e-9).contains(&late), "{second}: {late}");
        }
    }
}

#[test]
fn hold_wants_a_condition_without_a_break_and_stands_still_while_nobody_knows() {
    let mut bench = Bench::new("hold(pump_1, 10s)");
    assert_eq!(bench.value(0.0, 1.0), 0.0);
    assert_eq!(bench.value(9.9, 1.0), 0.0);
    assert_eq!(bench.value(10.0, 1.0), 1.0);
    assert_eq!(bench.value(11.0, 0.0), 0.0);
    assert_eq!(bench.value(12.0, 1.0), 0.0);
    assert_eq!(bench.at(16.0, &[bad()]).1, BAD);
    assert_eq!(bench.value(36.0, 1.0), 0.0, "four seconds are known, twenty are not");
    assert_eq!(bench.value(41.9, 1.0), 0.0);
    assert_eq!(bench.value(42.0, 1.0), 1.0);
}

#[test]
fn since_counts_from_when_the_condition_became_true() {
    let mut bench = Bench::new("since(steam_pressure > 1 MPa)");
    assert_eq!(bench.formula.unit(), "s");
    assert_eq!(bench.value(0.0, 0.9), 0.0);
    assert_eq!(bench.value(5.0, 1.1), 0.0);
    assert_eq!(bench.value(65.0, 1.2), 60.0);
    assert_eq!(bench.value(66.0, 0.9), 0.0);
}

#[test]
fn changed_compares_with_the_last_value_that_was_known() {
    let mut bench = Bench::new("changed(load)");
    assert_eq!(bench.value(0.0, 1.0), 0.0);
    assert_eq!(bench.value(1.0, 1.0), 0.0);
    assert_eq!(bench.value(2.0, 2.0), 1.0);
    assert_eq!(bench.at(3.0, &[bad()]).1, BAD);
    assert_eq!(bench.value(4.0, 2.0), 0.0);
    assert_eq!(bench.value(5.0, 3.0), 1.0);
}

#[test]
fn count_counts_rising_edges_in_its_window() {
    let mut bench = Bench::new("count(pump_1, 10m)");
    assert_eq!(bench.value(0.0, 1.0), 0.0, "it may have been true for long");
    for (second, on, count) in
        [(10.0, 0.0, 0.0), (20.0, 1.0, 1.0), (30.0, 1.0, 1.0), (40.0, 0.0, 1.0), (50.0, 1.0, 2.0)]
    {
        assert_eq!(bench.value(second, on), count);
    }
    bench.at(60.0, &[good(0.0)]);
    assert_eq!(bench.at(70.0, &[bad()]).1, BAD);
    assert_eq!(bench.value(80.0, 1.0), 3.0, "off, unknown, on is one start");
    assert_eq!(bench.value(619.0, 1.0), 3.0);
    assert_eq!(bench.value(626.0, 1.0), 2.0);
    assert_eq!(bench.at(1000.0, &[good(1.0)]), (0.0, Quality::Good));
}

#[test]
fn a_window_is_in_doubt_while_a_tenth_of_it_or_more_is_unknown() {
    let mut bench = Bench::new("mean(oxygen, 100s)");
    for second in 0..300 {
        let gap = (200..209).contains(&second);
        let (value, quality) = bench.at(f64::from(second), &[if gap { bad() } else { good(1.0) }]);
        let wanted = match second {
            ..90 => DOUBT,
            200..209 => BAD,
            _ => Quality::Good,
        };
        assert!(quality == wanted || second == 90, "{second}: {quality:?}");
        assert!(gap || (value - 1.0).abs() < 1e-9);
    }
    let mut bench = Bench::new("mean(oxygen, 100s)");
    for second in 0..300 {
        let gap = (150..170).contains(&second);
        let quality = bench.at(f64::from(second), &[if gap { bad() } else { good(1.0) }]).1;
        assert!(!(170..259).contains(&second) || quality == DOUBT, "{second} {quality:?}");
        assert!(second < 262 || quality == Quality::Good, "{second} {quality:?}");
    }
}

#[test]
fn a_doubtful_value_leaves_its_doubt_in_the_window() {
    let mut bench = Bench::new("highest(oxygen, 60s)");
    for second in 0..200 {
        let input = if second == 100 { unsure(1.0) } else { good(1.0) };
        let quality = bench.at(f64::from(second), &[input]).1;
        assert_eq!(quality == DOUBT, second < 54 || (100..161).contains(&second), "{second}");
    }
}

#[test]
fn a_doubtful_value_is_doubtful_as_long_as_it_stands() {
    let mut bench = Bench::new("mean(oxygen, 10s)");
    for second in 0..20 {
        bench.at(f64::from(second), &[good(1.0)]);
    }
    bench.at(20.0, &[unsure(1.0)]);
    assert_eq!(bench.at(28.0, &[good(1.0)]).1, DOUBT);
    assert_eq!(bench.at(37.9, &[good(1.0)]).1, DOUBT);
    assert_eq!(bench.at(38.1, &[good(1.0)]).1, Quality::Good);
}

#[test]
fn a_window_in_a_branch_that_is_not_taken_goes_on() {
    let mut bench = Bench::new("if(pump_1, mean(oxygen, 10s), 0 %)");
    for second in 0..20 {
        bench.at(f64::from(second), &[good(0.0), good(5.0)]);
    }
    assert_eq!(bench.at(20.0, &[good(1.0), good(5.0)]), (5.0, Quality::Good));
}

#[test]
fn time_that_stands_still_or_goes_back_is_no_time() {
    let mut bench = Bench::new("integral(load, per s) + since(load > 0) / 1 s * 1 s");
    for (mono, passed) in [(100.0, 0.0), (100.0, 0.0), (101.0, 1.0), (50.0, 1.0), (100.5, 1.0), (102.0, 2.0)]
    {
        assert_eq!(bench.value(mono, 1.0), 2.0 * passed, "{mono}");
    }
    for text in [
        "rate(load, 10s)",
        "mean(load, 10s)",
        "lowest(load, 10s)",
        "delay(load, 10s)",
        "count(load > 1, 10s)",
    ] {
        let mut bench = Bench::new(text);
        let first = bench.at(5.0, &[good(3.0)]);
        for mono in [5.0, 4.0, 0.0, 5.0] {
            let again = bench.at(mono, &[good(3.0)]);
            assert_eq!(again.1, first.1, "{text}");
            assert!(again.0 == first.0 || again.0.is_nan() && first.0.is_nan(), "{text}");
        }
    }
}

#[test]
fn a_day_is_kept_in_the_room_of_a_minute() {
    let size = |text: &str, step: f64| {
        let mut bench = Bench::new(text);
        for n in 0..5000 {
            bench.at(f64::from(n) * step, &[good(f64::from(n % 7) / 3.0)]);
        }
        serde_json::to_string(&bench.evaluator.save(Duration::from_secs_f64(5000.0 * step))).unwrap().len()
    };
    for function in ["mean", "lowest", "rate", "delay"] {
        assert!(size(&format!("{function}(oxygen, 24h)"), 30.0) < 40_000, "{function}");
        assert!(size(&format!("{function}(oxygen, 1m)"), 0.01) < 40_000, "{function}");
    }
}

#[test]
fn a_silence_of_years_takes_no_longer_than_a_window() {
    let mut bench = Bench::new("mean(oxygen, 1s) + lowest(oxygen, 7d)");
    bench.value(0.0, 1.0);
    near(bench.value(1e9, 3.0), 2.0, 1e-9);
}
