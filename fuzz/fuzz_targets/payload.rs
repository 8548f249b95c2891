//! An MQTT payload, by every shape there is: a good reading is a finite number, a sample lies within what was
//! read, and a message that nobody can read says why.
#![no_main]

use std::cell::RefCell;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use steamward::field::mqtt::book::{Book, Message};
use steamward::plant::{Micros, Quality};
use steamward::settings::load_texts;

const ARRIVAL: Micros = Micros(1_790_000_000_000_000);
const SHAPES: [&str; 12] = [
    "\"pointers\"",
    "\"scalar\"",
    "\"flat\"",
    "\"nested\"",
    "\"points\"",
    "\"neuron\"",
    "\"usr\"",
    "\"dtu\"",
    "\"alink\"",
    "\"huawei\"",
    "\"thingsboard\"",
    "{ preset = \"flat\", parse = [\"/d\"], values = \"/d/{device}\" }",
];

thread_local! {
    static BOOK: RefCell<Book> = RefCell::new(book());
}

fn book() -> Book {
    let mut settings =
        "[site]\nid = \"f\"\n[[source.mqtt]]\nid = \"b\"\naddress = \"mqtt://192.0.2.1\"\n".to_owned();
    let mut profiles = Vec::new();
    for (n, shape) in SHAPES.iter().enumerate() {
        settings += &format!(
            "[[equipment]]\nid = \"e{n}\"\nkind = \"k\"\nprofile = \"p{n}\"\nsource = \"b\"\ntopic = \"t/{n}\"\n"
        );
        // Shrinks, so that no finite number overflows: that one is the engine's to refuse.
        let point = |id: &str, pointer: &str| {
            let place = if n == 0 { format!("pointer = \"{pointer}\"\n") } else { String::new() };
            format!("[[point]]\nid = \"{id}\"\nscale = 0.1\noffset = -40\n{place}")
        };
        let mut text = format!("shape = {shape}\n");
        text += &point("p", "/data/p/v");
        if n != 1 {
            text += &point("l", "/0/value");
        }
        profiles.push((format!("p{n}.toml"), text));
    }
    let profiles: Vec<(&str, &str)> = profiles.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let loaded = load_texts(&[("f.toml", &settings)], &profiles, &[]).expect("good settings");
    let stale = vec![Duration::from_secs(30); loaded.settings.plant.devices.len()];
    Book::new(&loaded.settings.mqtt[0], "Asia/Shanghai", &stale)
}

fuzz_target!(|payload: &[u8]| {
    BOOK.with_borrow_mut(|book| {
        for n in 0..SHAPES.len() {
            let topic = format!("t/{n}");
            let message = Message { topic: &topic, payload, retained: false, expired: false, queued: None };
            let outcome = book.read(&message, ARRIVAL, Instant::now());
            assert!(outcome.wanted, "the topic is mapped");
            assert!(outcome.fault.is_none_or(|f| !f.is_empty()));
            for sample in book.samples() {
                for reading in book.readings(sample) {
                    assert!(reading.quality != Quality::Good || reading.value.is_finite(), "{reading:?}");
                }
            }
        }
    });
});
