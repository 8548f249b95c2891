//! Laws of the table: every row is read, in order, and what is scaled stays on the safe side of the nameplate.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::nameplate::{Fuel, Nameplate, example, scale};
use super::states::states;
use super::trips::trips;
use super::{ForUnit, LimitKind, find, presets};
use crate::plant::dictionary;

fn of_example(kind: &str) -> Nameplate {
    Nameplate { fuel: Some(Fuel::Gas), ..example(kind) }
}

fn limits(kind: &str, point: &str, plate: &Nameplate) -> Vec<ForUnit> {
    find(kind, point, plate).expect("a row").expect("its nameplate is whole").limits(plate)
}

fn at(limits: &[ForUnit], kind: LimitKind) -> Option<f64> {
    limits.iter().find(|l| l.limit.kind == kind).map(|l| l.limit.at)
}

#[test]
fn every_row_is_read_and_keeps_the_order_rule() {
    let rows = include_str!("points.csv").lines().count() - 1;
    assert_eq!((presets().len(), rows), (195, 195));
    for p in presets().iter().filter(|p| p.unit != "bool") {
        let (deadband, tight) = (p.deadband.unwrap_or(0.0), 1.0 - 1e-9);
        let beyond = |at: Option<f64>, normal: Option<f64>| Some((at? - normal?).abs() * tight);
        for distance in
            [(p.h, p.normal_high), (p.hh, p.normal_high), (p.l, p.normal_low), (p.ll, p.normal_low)]
        {
            let clears = beyond(distance.0, distance.1).is_none_or(|d| deadband < d);
            assert!(clears, "{} {}: it could stand on in normal operation", p.kind, p.point);
        }
        for band in [p.normal_low, p.normal_high] {
            let strictly: Vec<f64> = [p.ll, p.l, band, p.h, p.hh].into_iter().flatten().collect();
            assert!(strictly.windows(2).all(|w| w[0] < w[1]), "{} {}: {strictly:?}", p.kind, p.point);
        }
    }
}

#[test]
fn every_point_is_in_the_dictionary_with_its_unit_and_both_its_labels() {
    for p in presets() {
        let Some(known) = dictionary::known(Some(&p.kind), &p.point) else {
            panic!("{} {} is not in plant/dictionary.csv", p.kind, p.point);
        };
        assert_eq!((known.id, known.unit), (p.point.as_str(), p.unit.as_str()), "{}", p.kind);
        assert_eq!((known.zh, known.en), (p.name.as_str(), p.name_en.as_str()), "{}", p.kind);
    }
    // And no kind of it is misspelt.
    let kinds: BTreeSet<&str> = presets().iter().map(|p| p.kind.as_str()).collect();
    for known in dictionary::all() {
        assert!(known.kinds.iter().all(|kind| kinds.contains(kind)), "{known:?}");
    }
}

#[test]
fn every_word_of_the_table_means_something() {
    let fuels: Vec<&str> = Fuel::ALL.iter().map(|(word, _)| *word).chain([""]).collect();
    for p in presets() {
        assert!(fuels.contains(&p.fuel.as_str()), "{} {}", p.point, p.fuel);
        assert!(["", "<0.7", ">=0.7", ">=4.2"].contains(&p.size_mw.as_str()), "{} {}", p.point, p.size_mw);
        for basis in [&p.basis, &p.basis_low] {
            let known = scale(basis, &p.kind, &example(&p.kind)).is_ok();
            assert_eq!(known, basis != "own", "{} {}: {basis}", p.kind, p.point);
        }
        let states = states(&p.kind, &of_example(&p.kind));
        for state in [&p.low_unless, &p.high_unless] {
            let known = state.is_empty() || states.iter().any(|s| s.id == state);
            assert!(known, "{} {}: there is no state {state}", p.kind, p.point);
        }
    }
}

#[test]
fn states_read_points_that_their_kind_has() {
    let kinds: BTreeSet<&str> = presets().iter().map(|p| p.kind.as_str()).collect();
    for kind in kinds {
        for state in states(kind, &of_example(kind)) {
            for point in state.needs {
                assert!(
                    presets().iter().any(|p| p.kind == kind && p.point == *point),
                    "{kind}: the state {} reads {point}",
                    state.id
                );
            }
        }
    }
}

#[test]
fn cut_offs_go_by_limits_that_their_kind_has_and_stop_a_discrete_point() {
    let kinds: BTreeSet<&str> = presets().iter().map(|p| p.kind.as_str()).collect();
    for kind in kinds {
        for trip in trips(kind) {
            for (point, limit) in trip.causes {
                let at = at(&limits(kind, point, &of_example(kind)), *limit);
                assert!(at.is_some_and(|at| !at.is_nan()), "{kind}: {} goes by {point}", trip.id);
            }
            let running = presets().iter().find(|p| p.kind == kind && p.point == trip.running);
            assert!(running.is_some_and(|p| p.unit == "bool"), "{kind}: {} stops nothing", trip.id);
        }
    }
}

#[test]
fn who_has_a_limit_is_told_what_follows_and_what_to_do_in_both_languages() {
    for p in presets() {
        for one in p.limits(&of_example(&p.kind)) {
            let told = one.limit.guidance.unwrap_or_else(|| panic!("{} {} tells nothing", p.kind, p.point));
            let response = told.response.as_ref().map(|r| (r.zh.as_str(), r.en.as_str()));
            let good = response.is_some_and(|(zh, en)| !zh.is_ascii() && en.is_ascii());
            assert!(good, "{} {response:?}", p.point);
        }
    }
}

#[test]
fn too_little_is_told_as_too_little() {
    let level = limits("steam-boiler", "drum_level", &of_example("steam-boiler"));
    let response = |kind| {
        let one = level.iter().find(|l| l.limit.kind == kind)?;
        Some(one.limit.guidance.as_ref()?.response.as_ref()?.en.clone())
    };
    let (low, high) =
        (response(LimitKind::LL).unwrap_or_default(), response(LimitKind::HH).unwrap_or_default());
    assert!(low.starts_with("stop firing") && !low.contains("stop feeding"), "{low}");
    assert!(high.starts_with("stop feeding") && !high.contains("stop firing"), "{high}");
}

#[test]
fn a_smaller_boiler_is_judged_by_its_own_plate() {
    let plate =
        Nameplate { pressure: Some(0.7), output: Some(2.8), fuel: Some(Fuel::Gas), ..Nameplate::default() };
    let pressure = limits("steam-boiler", "steam_pressure", &plate);
    assert_eq!((at(&pressure, LimitKind::H), at(&pressure, LimitKind::HH)), (Some(0.672), Some(0.7)));
    assert_eq!(at(&limits("steam-boiler", "steam_flow", &plate), LimitKind::HH), Some(4.4));
    let water = Nameplate { temperature: Some(95.0), return_temperature: Some(70.0), ..plate };
    let outlet = limits("hot-water-boiler", "outlet_temp", &water);
    assert_eq!((at(&outlet, LimitKind::H), at(&outlet, LimitKind::HH)), (Some(95.0), Some(100.0)));
}

#[test]
fn flue_gas_is_judged_by_the_fuel_and_the_size() {
    let plate = |fuel, output| Nameplate { fuel: Some(fuel), output: Some(output), ..Nameplate::default() };
    let h = |point, plate: &Nameplate| at(&limits("steam-boiler", point, plate), LimitKind::H);
    assert_eq!(h("flue_o2", &plate(Fuel::Gas, 7.0)), Some(6.0));
    assert_eq!(h("flue_o2", &plate(Fuel::Coal, 7.0)), Some(12.5));
    assert_eq!(h("stack_temp", &plate(Fuel::Gas, 7.0)), Some(170.0));
    assert_eq!(h("stack_temp", &plate(Fuel::Gas, 0.35)), Some(230.0));
    // Carbon monoxide over a grate says nothing by itself; an electric boiler has no flue.
    assert!(find("steam-boiler", "flue_co", &plate(Fuel::Coal, 7.0)).is_none());
    assert!(find("steam-boiler", "flue_o2", &plate(Fuel::Electric, 7.0)).is_none());
    assert!(matches!(find("steam-boiler", "flue_o2", &Nameplate::default()), Some(Err(_))));
}

#[test]
fn the_burners_gas_pressure_is_never_guessed() {
    let gas = limits("steam-boiler", "gas_pressure", &of_example("steam-boiler"));
    assert!(!gas.is_empty() && gas.iter().all(|l| l.limit.at.is_nan() && l.unscaled.is_some()));
}

proptest! {
    /// For any plate: in order, clear of the band of normal operation, and nothing above the plate without an alarm.
    #[test]
    fn limits_of_any_plate_are_in_order_and_none_leaves_it_without_an_alarm(
        pressure in 0.1f64..6.0, part in 0.5f64..0.95, output in 0.1f64..60.0,
        temperature in 80.0f64..350.0, spread in 10.0f64..60.0, fuel in 0usize..6,
    ) {
        let plate = Nameplate {
            pressure: Some(pressure),
            working_pressure: Some(pressure * part),
            output: Some(output),
            temperature: Some(temperature),
            return_temperature: Some(temperature - spread),
            fuel: Some(Fuel::ALL[fuel].1),
        };
        for p in presets() {
            let Some(Ok(row)) = find(&p.kind, &p.point, &plate) else { continue };
            let limits = row.limits(&plate);
            let of = |kind| at(&limits, kind).filter(|at| !at.is_nan());
            let (low, high) = row.normal(&plate).map_or((None, None), |(l, h)| (Some(l), Some(h)));
            if row.unit != "bool" && row.basis == row.basis_low {
                let ladder: Vec<f64> =
                    [of(LimitKind::LL), of(LimitKind::L), low, high, of(LimitKind::H), of(LimitKind::HH)]
                        .into_iter().flatten().collect();
                prop_assert!(ladder.windows(2).all(|w| w[0] <= w[1]), "{} {}: {ladder:?}", row.kind, row.point);
            }
            if row.basis == "pressure" && matches!(row.point.as_str(), "steam_pressure" | "pressure" | "outlet_pressure" | "drum_pressure") {
                let first = of(LimitKind::H).or(of(LimitKind::HH));
                prop_assert!(first.is_some_and(|at| at <= pressure), "{} {}: {first:?}", row.kind, row.point);
            }
        }
    }
}
