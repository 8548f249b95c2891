//! `steamward.toml` of any content, with the shipped profiles beside it: see [`steamward_fuzz::taken_or_explained`].
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use steamward::settings::load_texts;
use steamward_fuzz::taken_or_explained;

const PROFILES: [(&str, &str); 4] = [
    ("s7-1200-gas-boiler.toml", include_str!("../../config/profiles/s7-1200-gas-boiler.toml")),
    ("air-receiver-mqtt.toml", include_str!("../../config/profiles/air-receiver-mqtt.toml")),
    ("ai-module-8.csv", include_str!("../../config/profiles/ai-module-8.csv")),
    ("boiler.toml", include_str!("../../tests/broken/10-many-at-once/profiles/boiler.toml")),
];

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    // A secret may stand in any file: keep the fuzzer from those that never end.
    if text.contains("/dev") || text.contains("/proc") {
        return Corpus::Reject;
    }
    let main = ("steamward.toml", text);
    let result = load_texts(&[main], &PROFILES, &[]);
    let given: Vec<_> = [main].into_iter().chain(PROFILES).collect();
    taken_or_explained(&given, &result);
    Corpus::Keep
});
