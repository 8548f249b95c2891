//! Messages as pysparkplug 0.6.1 published them through mosquitto, from `tests/peers/sparkplug_node.py`:
//! a topic and the payload in hex on each line of `pysparkplug.hex`.

use super::bench::{told, values};
use crate::field::mqtt::sparkplug::{Host, parse};
use crate::plant::meaning::Kind;
use crate::plant::{Batch, Cause, DeviceIx, Meaning, Micros, Now, PointIx, Quality};
use crate::settings::{SparkplugMapping, SparkplugPoint, SparkplugRules};

const RECORDED: &str = include_str!("pysparkplug.hex");
const METRICS: [&str; 5] = ["pressure", "level", "running", "note", "count"];

type Value = (u32, Option<f64>, Quality);

/// Points 0 to 4 on the node, 10 to 14 on its device, as in [`METRICS`].
fn host(node: &str) -> Host {
    let mapping = |device: u32, sub_device: Option<&str>| SparkplugMapping {
        device: DeviceIx(device),
        group: "plant".to_owned(),
        node: node.to_owned(),
        sub_device: sub_device.map(str::to_owned),
        points: (device * 10..)
            .zip(METRICS)
            .map(|(point, metric)| SparkplugPoint {
                point: PointIx(point),
                metric: metric.to_owned(),
                meaning: Meaning::plain(Kind::Code).with_units(
                    // Its text is "2.5 MPa".
                    if metric == "note" { "MPa" } else { "" },
                    None,
                    false,
                ),
            })
            .collect(),
    };
    Host::new(&[mapping(0, None), mapping(1, Some("boiler-1"))], SparkplugRules::default())
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// What each message of `node` told, played at the speed it was recorded with.
fn play(host: &mut Host, node: &str) -> Vec<(String, Vec<Value>, Vec<bool>)> {
    let topic_of = |line: &str| line.split_once(' ').map(|(t, h)| (t.to_owned(), bytes(h))).unwrap();
    let messages: Vec<_> = RECORDED.lines().map(topic_of).filter(|(t, _)| t.contains(node)).collect();
    let sent = |payload: &[u8]| parse(payload).unwrap().timestamp.unwrap();
    let start = sent(&messages[0].1);
    let mut newest = start;
    messages
        .iter()
        .map(|(topic, payload)| {
            newest = newest.max(sent(payload));
            let mono = std::time::Duration::from_millis(1000 + newest - start);
            let mut out = Batch::default();
            let now = Now { mono, wall: Micros(newest as i64 * 1000) };
            host.message(topic, payload, false, now, &mut out).unwrap();
            let kind = topic.split('/').nth(2).unwrap().to_owned();
            let told = told(&out);
            (kind, values(&told), told.iter().map(|t| t.live).collect())
        })
        .collect()
}

fn good(point: u32, value: f64) -> Value {
    (point, Some(value), Quality::Good)
}

fn bad(point: u32, cause: Cause) -> Value {
    (point, None, Quality::Bad(cause))
}

fn births(from: u32, values: [f64; 5]) -> Vec<Value> {
    (from..).zip(values).map(|(point, value)| good(point, value)).collect()
}

#[test]
fn a_pysparkplug_node_is_understood_word_for_word() {
    let mut host = host("node-1");
    let played = play(&mut host, "node-1");
    let lost =
        |points: std::ops::Range<u32>| -> Vec<_> { points.map(|p| bad(p, Cause::Disconnected)).collect() };
    let rounded = (14, Some(18_446_744_073_709_551_615.0), Quality::Uncertain(Cause::Rounded));
    let mut device_again = births(10, [1.25, -8.0, 0.0, 1.5, 0.0]);
    device_again[4] = rounded;
    let expected = [
        ("NBIRTH", births(0, [1.25, -8.0, 1.0, 1.5, 7.0])),
        ("DBIRTH", births(10, [1.25, -8.0, 1.0, 1.5, 7.0])),
        ("NDATA", vec![good(0, 1.5), good(1, -9.0)]),
        ("DDATA", vec![good(12, 0.0), rounded]),
        ("NDATA", vec![good(3, 2.5)]),
        ("NDATA", vec![bad(0, Cause::NotANumber)]),
        ("NDATA", vec![good(1, -10.0)]),
        ("NDATA", vec![good(0, 0.5)]),
        ("NDATA", vec![bad(0, Cause::DeviceSaysBad)]),
        ("NDATA", vec![]),
        ("DDEATH", lost(10..15)),
        ("DBIRTH", device_again.clone()),
        ("NDEATH", vec![]),
        ("NDATA", vec![]),
        ("NDATA", vec![good(1, 1.0), good(1, 2.0)]),
        ("NDATA", vec![]),
        ("NBIRTH", births(0, [1.75, 2.0, 1.0, 2.5, 7.0])),
        ("DBIRTH", device_again),
        ("NDEATH", lost(0..5).into_iter().chain(lost(10..15)).collect()),
    ];
    assert_eq!(played.len(), expected.len());
    for (number, ((kind, told, live), (expected_kind, expected))) in played.iter().zip(&expected).enumerate()
    {
        assert_eq!((kind.as_str(), told), (*expected_kind, expected), "message {number}");
        // The one that was flagged historical.
        assert!(live.iter().all(|live| *live == (number != 7)), "message {number}");
    }
    let status = host.statuses().next().unwrap();
    assert_eq!(
        (status.life.word(), status.bd_seq, status.devices),
        ("offline", Some(3), vec![("boiler-1", false)])
    );
    let counters = status.counters;
    assert_eq!((counters.unknown_aliases, counters.stale_deaths, counters.duplicates), (1, 1, 1));
    assert_eq!((counters.gaps, counters.births, counters.nameless), (0, 2, 0));
    assert_eq!(host.unmapped().count(), 0);
}

#[test]
fn a_compressed_pysparkplug_node_is_understood_too() {
    let mut host = host("node-2");
    let told: Vec<_> = play(&mut host, "node-2").into_iter().map(|(_, told, _)| told).collect();
    let first = [1.25, -8.0, 1.0, 1.5, 7.0];
    assert_eq!(told, [births(0, first), births(10, first), vec![good(1, -11.0)]]);
}

#[test]
fn a_rebirth_request_is_what_protobuf_writes_for_it() {
    let hex = "080c121c0a144e6f646520436f6e74726f6c2f52656269727468180c200b7001";
    assert_eq!(crate::field::mqtt::sparkplug::wire::rebirth(12), bytes(hex));
}
