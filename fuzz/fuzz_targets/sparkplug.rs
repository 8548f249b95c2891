//! A Sparkplug B payload: read, or refused with a reason; never more metrics than are allowed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    match steamward::field::mqtt::sparkplug::parse(payload) {
        Ok(payload) => assert!(payload.metrics.len() <= 5000),
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
});
