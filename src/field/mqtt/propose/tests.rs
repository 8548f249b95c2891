//! Settings proposed from what a broker carries.

use std::time::Instant;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Proposal, SeenTopic, propose};
use crate::field::ingest::payload::hex;
use crate::field::mqtt::book::{Book, Message};
use crate::field::mqtt::recognise::{Look, recognise};
use crate::plant::{Micros, Quality};
use crate::settings::{Settings, load_texts};

fn seen(topic: &str, payload: &[u8]) -> SeenTopic {
    SeenTopic { topic: topic.to_owned(), recognised: recognise(topic, payload) }
}

fn load(proposal: &Proposal) -> Settings {
    let source = "[site]\nid = \"n\"\n[[source.mqtt]]\nid = \"broker\"\naddress = \"mqtt://192.0.2.1\"\n";
    let text = format!("{source}{}", proposal.equipment);
    let files: Vec<(String, &str)> =
        proposal.profiles.iter().map(|(n, t)| (format!("{n}.toml"), t.as_str())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), *t)).collect();
    let loaded = load_texts(&[("t.toml", &text)], &files, &[]);
    loaded.unwrap_or_else(|e| panic!("{e}\n{proposal:#?}")).settings
}

/// Good values that the proposal reads from `payload`.
fn reads(settings: &Settings, topic: &str, payload: &[u8]) -> Vec<f64> {
    let mut book = Book::new(&settings.mqtt[0], "Asia/Shanghai", &[]);
    let message = Message { topic, payload, retained: false, expired: false, queued: None };
    let outcome = book.read(&message, Micros(1_790_000_000_000_000), Instant::now());
    assert_eq!(outcome.fault, None);
    let samples = book.samples().iter().flat_map(|s| book.readings(s));
    samples.filter(|r| r.quality != Quality::Bad(crate::plant::Cause::Missing)).map(|r| r.value).collect()
}

fn reply() -> Vec<u8> {
    let mut frame = vec![1, 3, 4, 0, 5, 0, 6];
    let sum = hex::crc(&frame).to_le_bytes();
    frame.extend_from_slice(&sum);
    frame
}

#[test]
fn every_shape_is_recognised_and_the_proposal_loads_and_reads_it() {
    let frame: String = reply().iter().map(|b| format!("{b:02X}")).collect();
    let cases: Vec<(&str, Value)> = vec![
        ("flat", json!({"ts":1_789_999_999,"p":5,"l":"6"})),
        ("nested", json!({"ts":1_789_999_999_000_i64,"data":{"p":{"v":5,"q":192},"l":{"v":6,"q":192}}})),
        (
            "points",
            json!({"time":"2026-09-21 22:13:19","points":[{"name":"p","value":"5","err":"0"},{"name":"l","value":"6","err":"0"}]}),
        ),
        (
            "neuron",
            json!({"timestamp":1_789_999_999_000_i64,"node":"n","group":"g","values":{"p":5,"l":6},"errors":{}}),
        ),
        (
            "neuron",
            json!({"timestamp":1_789_999_999_000_i64,"node":"n","group":"g","tags":[{"name":"p","value":5},{"name":"l","value":6}]}),
        ),
        (
            "usr",
            json!({"rw_prot":{"dir":"up","id":"1","r_data":[{"name":"p","value":"5","err":"0"},{"name":"l","value":"6","err":"0"}]}}),
        ),
        ("dtu", json!({"devid":"867","time":"20260921221319","params":{"p":5,"l":6},"csq":23})),
        (
            "alink",
            json!({"id":"1","params":{"p":{"value":5},"l":{"value":6}},"method":"thing.event.property.post"}),
        ),
        (
            "huawei",
            json!({"services":[{"service_id":"s","properties":{"p":5,"l":6},"event_time":"20260921T141319Z"}]}),
        ),
        ("thingsboard", json!({"Boiler 1":[{"ts":1_789_999_999_000_i64,"values":{"p":5,"l":6}}]})),
        ("json-in-json", json!({"d":"{\"11\":{\"p\":\"5\",\"l\":6}}","o":5})),
        ("json-in-json", json!({"d":"{\"p\":\"5\",\"l\":6}"})),
        ("pointers", json!({"a":{"p":5},"b":[6]})),
        ("hex", json!({"d":frame,"o":2})),
    ];
    for (word, payload) in cases {
        let payload = payload.to_string();
        let one = seen("plant/x", payload.as_bytes());
        assert_eq!(one.recognised.look.word(), word, "{payload}");
        let proposal = propose(&[one]);
        let mut values = reads(&load(&proposal), "plant/x", payload.as_bytes());
        values.retain(|v| *v == 5.0 || *v == 6.0);
        values.sort_by(f64::total_cmp);
        assert_eq!(values, [5.0, 6.0], "{payload}\n{proposal:#?}");
    }
}

#[test]
fn a_temperature_called_t_is_not_taken_for_the_time() {
    let found = super::super::recognise::recognise("t", br#"{"T":85.5,"P":1.02}"#);
    assert_eq!((found.time, found.carries.len()), (None, 2));
    let found = super::super::recognise::recognise("t", br#"{"T":85.5,"t":1790000000000}"#);
    assert_eq!((found.time.as_deref(), found.carries.len()), (Some("/t"), 1));
    let lines = b"{\"P\":1.02}\n{\"P\":1.03}\n";
    assert_eq!(super::super::recognise::recognise("t", lines).carries.len(), 1);
}

#[test]
fn what_is_not_read_is_recognised_too() {
    let meter = hex::bytes("FEFEFEFE68123456789012689108333334 33A5A533330A16").expect("hex");
    for (topic, payload, look) in [
        ("spBv1.0/g/NDATA/n", &b"\x08\x01"[..], Look::Sparkplug),
        ("t", &meter, Look::Dlt645),
        ("t", b"", Look::Empty),
        ("t", b"hello", Look::Text),
        ("t", b"\xFF\xFF\x00\x01", Look::Binary),
    ] {
        assert_eq!(recognise(topic, payload).look, look, "{topic} {payload:?}");
        assert_eq!(propose(&[seen(topic, payload)]), Proposal::default());
    }
    assert!(matches!(recognise("t", &reply()).look, Look::Hex { unit: 1, function: 3, bytes: 4, .. }));
}

#[test]
fn alike_topics_become_one_profile_and_a_line_for_each_device() {
    let payload = br#"{"p":5,"l":6}"#;
    let all: Vec<_> = (1..=40).map(|n| seen(&format!("plant/8675{n:02}/data"), payload)).collect();
    let proposal = propose(&all);
    assert_eq!(proposal.profiles.len(), 1);
    assert!(proposal.profiles[0].1.contains("topic = \"plant/{device}/data\""), "{proposal:#?}");
    let settings = load(&proposal);
    assert_eq!(settings.plant.equipment.len(), 40);
    assert_eq!(reads(&settings, "plant/867533/data", payload).len(), 2);
}

#[test]
fn plain_values_are_named_by_their_topics() {
    let mut all = Vec::new();
    for boiler in ["b1", "b2"] {
        all.push(seen(&format!("plant/{boiler}/steam_pressure"), b"1.02"));
        all.push(seen(&format!("plant/{boiler}/水位"), b"-8mm"));
    }
    let proposal = propose(&all);
    assert!(proposal.profiles[0].1.contains("topic = \"plant/{device}/{point}\""), "{proposal:#?}");
    assert_eq!(reads(&load(&proposal), "plant/b2/水位", b"-8mm"), [-8.0]);
}

proptest! {
    #[test]
    fn whatever_is_seen_the_proposal_loads(
        topics in prop::collection::vec("[a-c\"]{1,2}(/[a-c水{]{1,2}){0,2}", 1..5),
        payload in prop::collection::vec(any::<u8>(), 0..60),
        key in "\\PC{0,8}",
    ) {
        let odd = json!({key: 1}).to_string();
        let clean: Vec<String> = topics.iter().map(|t| t.replace('{', "x")).collect();
        let mut all: Vec<_> = clean.iter().map(|t| seen(t, &payload)).collect();
        all.push(seen("o/k", odd.as_bytes()));
        let proposal = propose(&all);
        if !proposal.profiles.is_empty() {
            load(&proposal);
        }
    }
}
