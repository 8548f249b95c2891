//! Our rainflow count beside an independent one: the package `rainflow` of PyPI (`tests/peers/rainflow_count.py`).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use steamward::derive::boiler::Detector;
use steamward::derive::boiler::rainflow::{Cycle, Rainflow, RainflowSettings};

/// Cycles by range; ranges to nine digits, because sums of floats differ in the last ones.
type Count = BTreeMap<String, f64>;

fn add(count: &mut Count, range: f64, cycles: f64) {
    *count.entry(format!("{range:.9}")).or_default() += cycles;
}

fn ours(history: &[f64], ignore_below_mpa: f64) -> Count {
    let mut count = Count::new();
    let mut closed = |c: Cycle| add(&mut count, c.range_mpa, c.halves as f64 / 2.0);
    let mut rainflow = Rainflow::new(RainflowSettings { ignore_below_mpa, ..Default::default() });
    history.iter().for_each(|value| rainflow.count(Some(*value), &mut closed));
    rainflow.rest(&mut closed);
    assert_eq!(rainflow.moved(), 0, "the residue had room");
    count
}

/// What the peer counts in each history; `None` without `.venv`, which `tests/tools.sh` makes. It forgets the second
/// of two values, so histories have three or more; and it counts half a cycle of no range in a standstill, which is
/// left out.
fn theirs(histories: &[Vec<f64>]) -> Option<Vec<Count>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".venv/bin/python");
    if !python.exists() {
        eprintln!("no .venv: run tests/tools.sh to compare with the peer");
        return None;
    }
    let mut child = Command::new(python)
        .arg(root.join("tests/peers/rainflow_count.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = child.stdin.take().expect("piped");
    let lines: Vec<_> = histories.iter().map(|h| serde_json::to_string(h).expect("numbers")).collect();
    let writer = std::thread::spawn(move || lines.iter().try_for_each(|line| writeln!(stdin, "{line}")));
    let out = child.wait_with_output().expect("python ends");
    writer.join().expect("no panic").expect("python reads all");
    assert!(out.status.success(), "{}", out.status);
    let counted = String::from_utf8(out.stdout).expect("JSON");
    let counts = counted.lines().map(|line| {
        let pairs: Vec<(f64, f64)> = serde_json::from_str(line).expect("pairs");
        let mut count = Count::new();
        pairs.iter().filter(|p| p.0 > 0.0).for_each(|(range, cycles)| add(&mut count, *range, *cycles));
        count
    });
    Some(counts.collect())
}

fn compare(histories: &[Vec<f64>], seen: &[Vec<f64>], ignore_below: f64) {
    let Some(theirs) = theirs(histories) else { return };
    assert_eq!(theirs.len(), histories.len());
    let mut cycles = 0.0;
    for ((history, seen), theirs) in histories.iter().zip(seen).zip(theirs) {
        assert_eq!(ours(seen, ignore_below), theirs, "{history:?}");
        cycles += theirs.values().sum::<f64>();
    }
    assert!(cycles > 10_000.0, "something was compared: {cycles}");
    eprintln!("{} histories, {cycles} cycles: alike", histories.len());
}

#[test]
fn an_independent_counter_counts_the_same_cycles() {
    let mut random = fastrand::Rng::with_seed(1049);
    let mut histories = vec![vec![-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0]];
    for n in 0..2000usize {
        let length = random.usize(3..400);
        // Every other one on a grid, where equal ranges and standstill are common.
        let mut value = || if n % 2 == 0 { random.f64() * 1.6 } else { random.u32(0..32) as f64 / 16.0 };
        histories.push((0..length).map(|_| value()).collect());
    }
    compare(&histories, &histories, 0.0);
}

#[test]
fn an_independent_counter_of_the_history_without_its_wobble_counts_what_we_count_with_it() {
    let mut random = fastrand::Rng::with_seed(85);
    let (mut plain, mut wobbling) = (Vec::new(), Vec::new());
    for _ in 0..1000 {
        // Turning points a tenth apart or more; between them the pressure goes back by less than 0.065 now and then.
        let points: Vec<f64> = (0..random.usize(3..100)).map(|_| random.u32(0..16) as f64 / 10.0).collect();
        let mut seen = vec![points[0]];
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            for share in [0.3, 0.6, 0.9] {
                let on = from + share * (to - from);
                let back = (0.064 * random.f64()).min((on - from).abs());
                seen.extend([on, on - back * (to - from).signum()]);
            }
            seen.push(to);
        }
        plain.push(points);
        wobbling.push(seen);
    }
    compare(&plain, &wobbling, 0.065);
}
