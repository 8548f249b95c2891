//! A formula allocates at load and never again: counted by an allocator, over every function.

use std::time::Duration;

use steamward::derive::formula::{Builtin, Evaluator, Formula, Input, Lookup, Names};
use steamward::plant::{Cause, PointIx, Quality};

struct Plant;

impl Names for Plant {
    fn resolve(&self, name: &str) -> Lookup {
        let slot = PointIx(u32::from(name == "pump"));
        Lookup::Point { slot, unit: "t/h".to_owned(), is_bool: name == "pump" }
    }

    fn builtins(&self) -> &[Builtin] {
        &[Builtin { name: "double", arguments: &["t/h"], result: "t/h", call: |x, _| 2.0 * x[0] }]
    }
}

const ALL: &[&str] = &[
    "mean(flow, 10s) + lowest(flow, 3s) + highest(flow, 1h) + delay(flow, 5s) + double(flow)",
    "rate(flow, 10s) * 1 s + rate_min(flow, 60s) * 1 min + rate_h(flow, 24h) * 1 h",
    "integral(flow, per h, hold(pump, 5s)) / 1 h + integral(or_else(flow, 0 kg/h), per s) / 1 s",
    "if(count(pump, 10m) > 3 or since(pump) > 1 min and changed(flow), flow, 2 * flow)",
    "clamp(min(flow, 5 t/h, avg(flow, 1 kg/h)), 0 t/h, abs(flow)) * exp(atm() / 1 MPa) ^ 2 % 1 kg/h",
    "if(good(flow) == bad(flow) or not pump, worst(round(flow), pump), floor(sqrt(flow * flow) * ln(2) / log10(3)))",
];

#[test]
fn an_evaluation_allocates_nothing() {
    for text in ALL {
        let formula = Formula::parse(text, &Plant).unwrap_or_else(|e| panic!("{e}"));
        let mut evaluator = Evaluator::new(&formula);
        let mut inputs: Vec<Input> =
            formula.inputs().iter().map(|_| Input { value: 1.0, quality: Quality::Good }).collect();
        let mut usable = 0;
        let mut run = |evaluator: &mut Evaluator| {
            for step in 0..2000u32 {
                for (n, input) in inputs.iter_mut().enumerate() {
                    let gap = step % 97 == 3;
                    input.value = if gap { f64::NAN } else { f64::from((step + n as u32) / 3 % 7) };
                    input.quality = if gap { Quality::Bad(Cause::Timeout) } else { Quality::Good };
                }
                // Quick steps, then long ones, so that windows fill, move and are jumped over.
                let mono = Duration::from_millis(u64::from(step) * u64::from(step));
                usable += u32::from(evaluator.evaluate(&inputs, mono, 101.3).1.is_usable());
            }
        };
        let counted = allocation_counter::measure(|| run(&mut evaluator));
        assert_eq!(counted.count_total, 0, "{text}");
        // After a restart there is room again, without the state having brought it.
        let saved =
            serde_json::to_string(&evaluator.save(Duration::from_secs(4000))).expect("finite numbers");
        let mut restored = Evaluator::new(&formula);
        assert!(restored.restore(serde_json::from_str(&saved).expect("reads back"), Duration::ZERO));
        let counted = allocation_counter::measure(|| run(&mut restored));
        assert_eq!(counted.count_total, 0, "{text}, restored");
        assert!(usable > 3000, "{text}: {usable} of 4000 give a value");
    }
}

#[test]
fn the_counter_counts() {
    assert!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1u8; 100]))).count_total > 0);
}
