//! Slopes of lines, of noise, of jittered and spoilt samples; the running sums beside a plain calculation.

use proptest::prelude::*;

use super::*;
use crate::derive::boiler::tests::laws;

/// A plain least-squares slope and R² of the samples in a window, in two passes.
fn plain(samples: &[(f64, f64)]) -> (f64, f64) {
    let n = samples.len() as f64;
    let (t, v) = samples.iter().fold((0.0, 0.0), |(t, v), s| (t + s.0 / n, v + s.1 / n));
    let (mut tt, mut tv, mut vv) = (0.0, 0.0, 0.0);
    for s in samples {
        tt += (s.0 - t) * (s.0 - t);
        tv += (s.0 - t) * (s.1 - v);
        vv += (s.1 - v) * (s.1 - v);
    }
    (tv / tt, if vv > 0.0 { tv * tv / (tt * vv) } else { 0.0 })
}

/// Feeds samples at seconds; the last trend.
fn fed(slope: &mut Slope, samples: impl IntoIterator<Item = (f64, f64)>) -> Option<Trend> {
    samples.into_iter().fold(None, |_, (at, value)| slope.step(Some(value), Duration::from_secs_f64(at)))
}

/// Noise between -1 and 1 that is the same every time.
fn noise(n: u32) -> f64 {
    f64::from(n.wrapping_mul(2_654_435_761) >> 8) / f64::from(1u32 << 23) - 1.0
}

#[test]
fn a_line_has_its_slope_at_jittered_times_and_over_unknown_values() {
    let mut slope = Slope::new(SlopeSettings::default());
    let mut trend = None;
    for n in 0..300u32 {
        let at = f64::from(n) + 0.4 * noise(n);
        let value = match n % 7 {
            3 => None,
            5 => Some(f64::NAN),
            _ => Some(1.1 + 0.2 / 60.0 * at),
        };
        trend = slope.step(value, Duration::from_secs_f64(1000.0 + at));
    }
    let trend = trend.expect("enough samples");
    assert!((trend.per_min() - 0.2).abs() < 1e-9, "{trend:?}");
    assert!(trend.significant && trend.r2 > 0.999_999, "{trend:?}");
    assert!(trend.span_s <= 60.0 && trend.samples >= 40, "{trend:?}");
    assert!(slope.theil_sen().is_some_and(|r| (r.per_s * 60.0 - 0.2).abs() < 1e-9 && r.significant));
}

#[test]
fn fewer_than_ten_samples_are_no_slope() {
    let mut slope = Slope::new(SlopeSettings::default());
    let line = |n: u32| (f64::from(n), f64::from(n));
    assert_eq!(fed(&mut slope, (0..9).map(line)), None);
    assert_eq!(slope.theil_sen(), None);
    assert!(fed(&mut slope, [line(9)]).is_some_and(|t| t.significant && t.samples == 10));
}

#[test]
fn noise_and_rest_have_no_slope_to_speak_of() {
    let mut slope = Slope::new(SlopeSettings::default());
    let mut counted = 0;
    for n in 0..10_000u32 {
        let trend = fed(&mut slope, [(f64::from(n), 1.0 + 0.01 * noise(n))]);
        counted += u32::from(trend.is_some_and(|t| t.significant));
    }
    assert_eq!(counted, 0);
    let mut slope = Slope::new(SlopeSettings::default());
    let trend = fed(&mut slope, (0..100u32).map(|n| (f64::from(n), 1.1))).expect("enough samples");
    assert_eq!((trend.per_s, trend.r2, trend.significant), (0.0, 0.0, false));
    assert!(slope.theil_sen().is_some_and(|r| r.per_s == 0.0 && r.z == 0.0 && !r.significant));
}

#[test]
fn a_slope_under_noise_counts_once_it_stands_out() {
    let with = |rise_per_s: f64| {
        let mut slope = Slope::new(SlopeSettings::default());
        fed(&mut slope, (0..120u32).map(|n| (f64::from(n), rise_per_s * f64::from(n) + 0.01 * noise(n))))
            .expect("enough samples")
    };
    // Noise of ±0.01 has a standard deviation of 0.0058.
    assert!(!with(0.000_15).significant, "{:?}", with(0.000_15));
    assert!(with(0.000_5).significant, "{:?}", with(0.000_5));
}

#[test]
fn one_step_of_a_digital_value_is_no_trend_where_its_resolution_is_told() {
    let step = (0..60u32).map(|n| (f64::from(n), if n < 30 { 1.0 } else { 1.01 }));
    let mut blind = Slope::new(SlopeSettings::default());
    assert!(fed(&mut blind, step.clone()).is_some_and(|t| t.significant));
    let mut told = Slope::new(SlopeSettings { min_rise: 0.02, ..Default::default() });
    assert!(fed(&mut told, step).is_some_and(|t| !t.significant));
}

#[test]
fn old_samples_leave_and_a_pause_longer_than_the_window_leaves_none() {
    let mut slope = Slope::new(SlopeSettings::default());
    fed(&mut slope, (0..100u32).map(|n| (f64::from(n), f64::from(n))));
    let trend = fed(&mut slope, (100..200u32).map(|n| (f64::from(n), 100.0 - 2.0 * f64::from(n))));
    assert!(trend.is_some_and(|t| (t.per_s + 2.0).abs() < 1e-9));
    assert_eq!(slope.step(None, Duration::from_secs(1000)), None);
}

#[test]
fn a_wild_value_carries_the_least_squares_slope_away_but_not_the_median() {
    let mut slope = Slope::new(SlopeSettings::default());
    let spoilt = |n: u32| (f64::from(n), if n % 5 == 2 { 1e6 } else { 0.5 * f64::from(n) });
    let trend = fed(&mut slope, (0..60).map(spoilt)).expect("enough samples");
    assert!(!trend.significant);
    let robust = slope.theil_sen().expect("enough samples");
    assert!((robust.per_s - 0.5).abs() < 0.1, "{robust:?}");
}

#[test]
fn a_wild_value_that_has_left_the_window_leaves_nothing_behind() {
    let mut slope = Slope::new(SlopeSettings::default());
    let spoilt = |n: u32| (f64::from(n), if n == 50 { 1e12 } else { 1e-3 * f64::from(n) });
    fed(&mut slope, (0..=110).map(spoilt));
    for n in 111..200 {
        let trend = fed(&mut slope, [spoilt(n)]).expect("enough samples");
        assert!((trend.per_s - 1e-3).abs() < 1e-12 && trend.r2 > 0.999_999, "{n}: {trend:?}");
    }
}

#[test]
fn a_month_of_samples_far_from_zero_loses_no_digits() {
    let mut slope = Slope::new(SlopeSettings::default());
    let mut samples = Vec::new();
    let mut trend = None;
    for n in 0..300_000u32 {
        let sample = (f64::from(n) * 9.0, 1e6 + 1e-3 * noise(n));
        trend = fed(&mut slope, [sample]);
        samples.push(sample);
    }
    // Every 9 s: seven samples in a minute are too few.
    assert_eq!(trend, None);
    let mut slope = Slope::new(SlopeSettings { window: Duration::from_secs(600), ..Default::default() });
    let trend = fed(&mut slope, samples.iter().copied()).expect("enough samples");
    let (per_s, r2) = plain(&samples[samples.len() - trend.samples..]);
    assert!((trend.per_s - per_s).abs() < 1e-12, "{trend:?}, plain {per_s}");
    assert!((trend.r2 - r2).abs() < 1e-6, "{trend:?}, plain {r2}");
}

#[test]
fn however_fast_samples_come_the_window_stays_as_long_and_the_ring_as_small() {
    let mut slope = Slope::new(SlopeSettings::default());
    let fast = (0..20_000u32).map(|n| (f64::from(n) / 100.0, f64::from(n) / 100.0));
    let room = (slope.state.window.room(), slope.pairs.capacity());
    let trend = fed(&mut slope, fast).expect("enough samples");
    assert!(trend.span_s > 59.0 && trend.samples <= 128, "{trend:?}");
    assert!(slope.theil_sen().is_some());
    assert_eq!((slope.state.window.room(), slope.pairs.capacity()), room, "and nothing was allocated");
}

#[test]
fn an_absence_of_unknown_length_makes_no_slope_across_it() {
    let mut before = Slope::new(SlopeSettings::default());
    fed(&mut before, (0..60u32).map(|n| (f64::from(n), 1.0)));
    let mut lost = Slope::restored(SlopeSettings::default(), before.state().clone(), None);
    assert_eq!(lost.step(Some(1.3), Duration::ZERO), None);
    let told = Some(Duration::from_secs(20));
    let mut told = Slope::restored(SlopeSettings::default(), before.state().clone(), told);
    let trend = told.step(Some(1.3), Duration::ZERO).expect("the samples of 40 s are left");
    assert!(trend.samples == 42 && trend.span_s > 59.0, "{trend:?}");
}

#[test]
fn a_time_that_stands_makes_no_slope_even_of_a_window_of_nothing() {
    for window in [Duration::ZERO, Duration::from_secs(60)] {
        let mut slope = Slope::new(SlopeSettings { window, ..Default::default() });
        for n in 0..50u32 {
            assert_eq!(fed(&mut slope, [(7.0, f64::from(n))]), None);
        }
        assert_eq!(slope.theil_sen(), None);
    }
}

#[test]
fn a_damaged_ring_is_emptied() {
    for damaged in [
        r#"{"steps":{},"window":{"ring":[{"at_s":5.0,"value":1.0},{"at_s":4.0,"value":2.0}],"now_s":6.0},"sums":{"n":2,"origin_s":0.0,"origin":0.0,"mean_s":0.0,"mean":0.0,"tt":1.0,"tv":1.0,"vv":1.0,"taken":0}}"#,
        r#"{"steps":{},"window":{"ring":[{"at_s":5.0,"value":1e300}],"now_s":6.0},"sums":{"n":1,"origin_s":0.0,"origin":0.0,"mean_s":0.0,"mean":0.0,"tt":1.0,"tv":1.0,"vv":1.0,"taken":0}}"#,
    ] {
        let state: SlopeState = serde_json::from_str(damaged).expect("a state");
        let slope = Slope::restored(SlopeSettings::default(), state, Some(Duration::ZERO));
        assert_eq!((slope.state.window.len(), slope.state.sums), (0, Moments::default()));
    }
}

proptest! {
    #[test]
    fn the_running_sums_are_those_of_a_plain_calculation(
        steps in proptest::collection::vec((0.5f64..4.0, -50.0f64..50.0), 10..400),
        offset in -1e4f64..1e4,
    ) {
        let mut slope = Slope::new(SlopeSettings::default());
        let (mut at, mut samples, mut trend) = (0.0, Vec::new(), None);
        for (pause, value) in steps {
            at += pause;
            samples.push((at, offset + value));
            trend = fed(&mut slope, [(at, offset + value)]);
        }
        if let Some(trend) = trend {
            let (per_s, r2) = plain(&samples[samples.len() - trend.samples..]);
            prop_assert!((trend.per_s - per_s).abs() <= 1e-6 * per_s.abs().max(1e-3), "{trend:?}, plain {per_s}");
            prop_assert!((trend.r2 - r2).abs() < 1e-6, "{trend:?}, plain {r2}");
        }
    }

    #[test]
    fn a_restart_is_as_if_time_had_stood_still(story in laws::story(laws::reading(0.9..1.1))) {
        laws::restart_is_invisible::<Slope>(SlopeSettings::default, story)?;
    }

    #[test]
    fn no_values_make_the_median_slope_panic(values in proptest::collection::vec(any::<f64>(), 0..200)) {
        let mut slope = Slope::new(SlopeSettings::default());
        for (n, value) in (0u32..).zip(values) {
            slope.step(Some(value), Duration::from_millis(u64::from(n) * 500));
            prop_assert!(slope.theil_sen().is_none_or(|r| r.per_s.is_finite() && r.z.is_finite()));
        }
    }
}
