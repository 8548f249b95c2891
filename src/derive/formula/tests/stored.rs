//! What is stored of a formula, and what is not taken back. That a restart cannot be seen is a property,
//! in `properties`.

use super::*;

#[test]
fn what_is_beyond_all_measure_is_refused_before_a_sum_becomes_infinite() {
    for text in ["mean(load, 3s)", "rate(load, 3s)", "integral(load, per s)", "highest(load, 3s) * 0"] {
        let mut bench = Bench::new(text);
        for second in 0..20 {
            let value = if second % 2 == 0 { 1e308 } else { -1e308 };
            let quality = bench.at(f64::from(second), &[good(value)]).1;
            assert_eq!(quality, Quality::Bad(Cause::NotANumber), "{text}");
            bench.at(f64::from(second) + 0.5, &[good(1e149)]);
        }
        let saved = serde_json::to_string(&bench.evaluator.save(Duration::from_secs(20))).unwrap();
        assert!(bench.evaluator.restore(serde_json::from_str(&saved).unwrap(), Duration::ZERO), "{text}");
    }
}

#[test]
fn state_of_another_formula_is_not_taken() {
    let saved = |text: &str| {
        let mut bench = Bench::new(text);
        bench.at(0.0, &[good(1.0)]);
        bench.at(30.0, &[good(3.0)]);
        bench.evaluator.save(Duration::from_secs(30))
    };
    let taken = |from: &str, to: &str| Bench::new(to).evaluator.restore(saved(from), Duration::ZERO);
    assert!(taken("mean(oxygen, 60s)", "mean(oxygen, 60s)"));
    assert!(taken("mean(oxygen, 60s)", " mean( (oxygen),1m )"), "it says the same");
    assert!(!taken("mean(oxygen, 60s)", "mean(oxygen, 61s)"));
    assert!(!taken("mean(oxygen, 60s)", "mean(dp, 60s)"));
    assert!(!taken("mean(oxygen, 60s)", "lowest(oxygen, 60s)"));
}

#[test]
fn the_same_text_over_another_unit_is_another_formula() {
    struct Renamed;
    impl Names for Renamed {
        fn resolve(&self, _: &str) -> Lookup {
            Lookup::Point { slot: PointIx(0), unit: "kPa".to_owned(), is_bool: false }
        }
    }
    let text = "mean(steam_pressure, 60s) / 1 kPa";
    let saved = Bench::new(text).evaluator.save(Duration::ZERO);
    let other = Formula::parse(text, &Renamed).unwrap();
    assert!(!Evaluator::new(&other).restore(saved, Duration::ZERO));
}

#[test]
fn damaged_state_is_refused_and_harms_nothing() {
    let mut bench = Bench::new("mean(oxygen, 60s) + delay(oxygen, 60s)");
    for second in 0..200 {
        bench.at(f64::from(second), &[good(1.0)]);
    }
    let sound = serde_json::to_value(bench.evaluator.save(Duration::from_secs(200))).unwrap();
    let damages: [fn(&mut serde_json::Value); 8] = [
        |v| v["cells"][0]["mean"]["buckets"][3]["covered_ns"] = u64::MAX.into(),
        |v| v["ran_ns"] = 0.into(),
        |v| v["ran_ns"] = u64::MAX.into(),
        |v| v["formula"] = "".into(),
        |v| v["cells"].as_array_mut().unwrap().reverse(),
        |v| v["cells"] = serde_json::json!([]),
        |v| v["cells"][0]["mean"]["buckets"].as_array_mut().unwrap().reverse(),
        |v| {
            let buckets = v["cells"][0]["mean"]["buckets"].as_array_mut().unwrap();
            buckets.extend(buckets.clone());
        },
    ];
    assert!(bench.evaluator.clone().restore(serde_json::from_value(sound.clone()).unwrap(), Duration::ZERO));
    let before = bench.at(200.0, &[good(1.0)]);
    for (number, damage) in damages.iter().enumerate() {
        let mut value = sound.clone();
        damage(&mut value);
        assert!(!bench.evaluator.restore(serde_json::from_value(value).unwrap(), Duration::ZERO), "{number}");
        assert_eq!(bench.at(200.0, &[good(1.0)]), before);
    }
}
