//! Derived points in the engine: what they are calculated from, when, and over a restart.

use super::*;
use crate::plant::{Derived, Device, EquipmentIx, How, Id, NoData, Plant, ValueType};

/// Two points that are read, `p0` and `p1`, each by a device of its own, and one that is calculated for each formula,
/// with a limit at 1.
pub(super) fn plant_with(formulas: &[&str]) -> Plant {
    let mut plant = plant(vec![vec![], vec![]]);
    let device = |label: &str, points: Vec<PointIx>, stale_after| Device {
        label: label.to_owned(),
        equipment: EquipmentIx(0),
        source: Id::new("d").expect("a good id"),
        points,
        stale_after,
    };
    let stale = Duration::from_secs(10);
    plant.devices = vec![device("a", vec![PointIx(0)], stale), device("b", vec![PointIx(1)], stale)];
    plant.points[1].device = DeviceIx(1);
    for (number, formula) in (0u32..).zip(formulas) {
        let (ix, model) = (PointIx(2 + number), plant.points[0].clone());
        let mut point = model;
        point.id = Id::new(&format!("d{number}")).expect("a good id");
        point.device = DeviceIx(2);
        point.value_type = ValueType::Float;
        point.range = None;
        point.limits = vec![limit(LimitKind::H, 1.0, 0.5, 2, 3)];
        point.no_data = Some(NoData {
            after: Duration::from_secs(5),
            off_delay: Duration::ZERO,
            priority: Priority::Medium,
        });
        plant.points.push(point);
        plant.equipment[0].points.push(ix);
        let how = How::Formula((*formula).to_owned());
        plant.derived.push(Derived { points: vec![ix], device: DeviceIx(2), how });
    }
    let made = plant.derived.iter().flat_map(|d| d.points.clone()).collect();
    plant.devices.push(device("derived", made, Duration::MAX));
    plant
}

pub(super) fn at(second: f64) -> Now {
    Now { mono: Duration::from_secs_f64(second), wall: Micros((second * 1e6) as i64) }
}

fn bench(formulas: &[&str]) -> Bench {
    let engine = Engine::new(&plant_with(formulas), at(0.0));
    Bench::of(engine)
}

/// One value of one of the points that are read; a sample of its device.
pub(super) fn read(
    bench: &mut Bench,
    point: u32,
    value: Result<f64, Cause>,
    live: bool,
    out: &mut Vec<Transition>,
) {
    let now = bench.now();
    let quality = value.map_or_else(Quality::Bad, |_| Quality::Good);
    let mut readings = [Reading { point: PointIx(point), value: value.unwrap_or(f64::NAN), quality }];
    let head = SampleHead { device: DeviceIx(point), at: now.wall, live, len: 1 };
    bench.engine.sample(head, &mut readings, now, out);
}

pub(super) fn settle(bench: &mut Bench, out: &mut Vec<Transition>) {
    let now = bench.now();
    bench.engine.settle(now, out, &mut bench.made);
}

/// What was calculated since the last call: point, time in µs, value or nothing.
fn made(bench: &mut Bench) -> Vec<(u32, i64, Option<f64>)> {
    let found = bench.made.samples().flat_map(|(head, readings)| {
        readings.iter().map(move |r| (r.point.0, head.at.0, Some(r.value).filter(|v| v.is_finite())))
    });
    let found = found.collect();
    bench.made.clear();
    found
}

#[test]
fn what_is_read_at_one_instant_is_calculated_once_whatever_came_first() {
    for order in [[0, 1], [1, 0]] {
        let mut bench = bench(&["p0 - p1", "d0 * 2"]);
        let mut out = Vec::new();
        for value in [5.0, 7.0] {
            for point in order {
                read(&mut bench, point, Ok(value), true, &mut out);
            }
            settle(&mut bench, &mut out);
        }
        assert_eq!(
            made(&mut bench),
            [(2, 0, Some(0.0)), (3, 0, Some(0.0)), (2, 0, Some(0.0)), (3, 0, Some(0.0))],
            "{order:?}: one of the two was taken before the other had come"
        );
        assert!(out.is_empty(), "{out:?}");
    }
}

#[test]
fn what_is_calculated_is_judged_with_its_delays_like_what_is_read() {
    let mut bench = bench(&["p0 - p1"]);
    let mut out = Vec::new();
    read(&mut bench, 0, Ok(3.0), true, &mut out);
    read(&mut bench, 1, Ok(1.0), true, &mut out);
    settle(&mut bench, &mut out);
    assert!(out.is_empty());
    out.extend(bench.until(2.0));
    // Rules: no data of p0 and p1; then the limit of the derived point.
    assert_eq!(events(&out), [(2, Event::Raised)]);
    assert_eq!(out[0].value, Some(2.0));
}

#[test]
fn a_bad_input_makes_it_bad_and_the_alarm_of_the_input_tells_it() {
    let mut bench = bench(&["p0 - p1"]);
    let mut out = Vec::new();
    read(&mut bench, 0, Ok(3.0), true, &mut out);
    read(&mut bench, 1, Err(Cause::Timeout), true, &mut out);
    settle(&mut bench, &mut out);
    assert_eq!(bench.engine.current(PointIx(2)).quality, Quality::Bad(Cause::DerivedInput));
    assert_eq!(made(&mut bench), [(2, 0, None)]);
    for second in 1..=6 {
        out.extend(bench.until(f64::from(second) - 1e-6));
        bench.second = f64::from(second);
        read(&mut bench, 0, Ok(3.0), true, &mut out);
        settle(&mut bench, &mut out);
    }
    out.extend(bench.until(7.0));
    // Rule 3 would be of the derived point, 5 is of the device.
    assert_eq!(events(&out), [(5, Event::Raised)], "{out:?}");
}

#[test]
fn a_device_that_falls_silent_takes_what_is_calculated_from_it_along() {
    let mut bench = bench(&["p0 - p1"]);
    let mut out = Vec::new();
    read(&mut bench, 0, Ok(3.0), true, &mut out);
    read(&mut bench, 1, Ok(3.0), true, &mut out);
    settle(&mut bench, &mut out);
    bench.until(9.9);
    assert!(bench.engine.current(PointIx(2)).quality.is_usable());
    bench.until(10.1);
    assert!(!bench.engine.current(PointIx(2)).quality.is_usable());
}

#[test]
fn what_hangs_on_time_alone_comes_without_a_reading() {
    let mut bench = bench(&["if(hold(p0 > 2, 4s), 1, 0)"]);
    let mut out = Vec::new();
    read(&mut bench, 0, Ok(3.0), true, &mut out);
    settle(&mut bench, &mut out);
    let of_derived = |out: &[Transition]| events(out).into_iter().filter(|e| e.0 == 2).collect::<Vec<_>>();
    out.extend(bench.until(5.9));
    assert_eq!(of_derived(&out), []);
    out.extend(bench.until(6.0));
    assert_eq!(of_derived(&out), [(2, Event::Raised)]);
    let values: Vec<_> = made(&mut bench).into_iter().map(|m| (m.1 / 1_000_000, m.2)).collect();
    assert_eq!(values, [(0, Some(0.0)), (4, Some(1.0))], "only what changed is told again");
}

#[test]
fn history_is_not_calculated() {
    let mut bench = bench(&["p0 - p1"]);
    let mut out = Vec::new();
    settle(&mut bench, &mut out);
    made(&mut bench);
    read(&mut bench, 0, Ok(3.0), false, &mut out);
    read(&mut bench, 1, Ok(3.0), false, &mut out);
    settle(&mut bench, &mut out);
    assert_eq!(made(&mut bench), []);
}

#[test]
fn changed_settings_keep_what_an_unchanged_formula_remembers() {
    let formula = "integral(p0, per s) / 1 s";
    let mut bench = bench(&[formula]);
    let mut out = Vec::new();
    for second in 0..=10 {
        bench.second = f64::from(second);
        read(&mut bench, 0, Ok(1.0), true, &mut out);
        settle(&mut bench, &mut out);
    }
    let now = bench.now();
    let (next, _) = bench.engine.reconfigure(&plant_with(&[formula, "p1 * 2"]), false, now);
    bench.engine = next;
    read(&mut bench, 0, Ok(1.0), true, &mut out);
    settle(&mut bench, &mut out);
    assert_eq!(bench.engine.current(PointIx(2)).value, 10.0);
}

const REMEMBERING: &[&str] = &[
    "mean(p0, 10s)",
    "if(hold(p0 > 2, 3s), 1.5, 0)",
    "integral(max(p0, 0), per s) / 1 s % 7",
    "rate(p0, 6s) * 1 s",
    "p0 - p1",
    "if(time_to_high(p1, 4, 12s) < 5 s, 2, 0)",
    "count(p1 > 1, 9s)",
];

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn a_restart_shows_in_nothing_that_is_calculated(
        steps in proptest::collection::vec((0u32..2, -5i32..8, 1u32..4), 2..40),
        cut in 0usize..40,
    ) {
        let cut = cut % steps.len();
        let run = |restart: Option<usize>| {
            let mut bench = bench(REMEMBERING);
            let mut told = Vec::new();
            // Monotonic time begins anew with the process, wall time goes on.
            let mut began = 0.0;
            for (number, (point, value, seconds)) in steps.iter().enumerate() {
                let values = [0, 1].map(|p| bench.engine.current(PointIx(p)));
                if restart == Some(number) {
                    let now = bench.now();
                    let mut disk = Disk::default();
                    disk.commit(&mut bench.engine, now);
                    disk.keep_memories(bench.engine.memories(now));
                    began += bench.second;
                    bench.engine = Engine::new(&plant_with(REMEMBERING), at(0.0));
                    bench.second = 0.0;
                    bench.wall_jump = (began * 1e6) as i64;
                    let now = bench.now();
                    disk.restore(&mut bench.engine, now);
                }
                if number == cut {
                    // What is not read again after a restart is not known: both are, at once.
                    let mut out = Vec::new();
                    for (point, current) in (0..).zip(values) {
                        if current.quality.is_usable() {
                            read(&mut bench, point, Ok(current.value), true, &mut out);
                        }
                    }
                    settle(&mut bench, &mut out);
                    made(&mut bench);
                }
                let mut out = bench.until(bench.second + f64::from(*seconds));
                read(&mut bench, *point, Ok(f64::from(*value)), true, &mut out);
                settle(&mut bench, &mut out);
                let now: Vec<_> = (2..2 + REMEMBERING.len() as u32)
                    .map(|p| bench.engine.current(PointIx(p)))
                    .map(|c| if c.quality.is_usable() { (c.value.to_bits(), true) } else { (0, false) })
                    .collect();
                if number > cut {
                    told.push((now, events(&out).into_iter().filter(|e| e.0 % 2 == 0).collect::<Vec<_>>()));
                }
            }
            told
        };
        let (with, without) = (run(Some(cut)), run(None));
        for (step, (with, without)) in with.iter().zip(&without).enumerate() {
            for (n, (a, b)) in with.0.iter().zip(&without.0).enumerate() {
                let near = (f64::from_bits(a.0) - f64::from_bits(b.0)).abs() < 1e-6 || a.0 == b.0;
                prop_assert!(near && a.1 == b.1, "step {step}, {}: {a:?} {b:?}", REMEMBERING[n]);
            }
            prop_assert_eq!(&with.1, &without.1);
        }
    }
}
