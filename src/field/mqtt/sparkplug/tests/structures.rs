//! Templates and DataSets, as `tests/peers/sparkplug_structures.py` writes them from the specification: a topic and the
//! payload in hex on each line of `structures.hex`.

use proptest::prelude::*;
use prost::Message;

use super::bench::{START_MS, bad, good, message, told, values};
use crate::field::mqtt::sparkplug::structure::{Fault, Place, Room, Table, members};
use crate::field::mqtt::sparkplug::wire::LOOKED_AT;
use crate::field::mqtt::sparkplug::{
    Host, MOST_METRICS, MOST_PROPERTIES, Metric, Property, PropertySet, PropertyValue, SparkplugError, Value,
};
use crate::plant::meaning::Kind;
use crate::plant::{Batch, Cause, DeviceIx, Meaning, Micros, Now, PointIx, Quality};
use crate::settings::{SparkplugMapping, SparkplugPoint, SparkplugRules};

const RECORDED: &str = include_str!("structures.hex");
const MAPPED: [&str; 10] = [
    "boiler/pressure",
    "boiler/burner/running",
    "boiler/level",
    "table/temp",
    "rows/1/temp",
    "rows/temp",
    "_types_/Boiler/pressure",
    "bad/x",
    "clash/x",
    "boiler/x/x/x/x/x/x/x/x/x/x/x/x/x",
];

pub(super) fn host(metrics: &[&str]) -> Host {
    let points = (0..).zip(metrics).map(|(point, metric)| SparkplugPoint {
        point: PointIx(point),
        metric: (*metric).to_owned(),
        meaning: match *metric {
            "boiler/pressure" | "boiler/burner/pressure" => {
                Meaning::plain(Kind::Measure).with_units("MPa", None, false)
            }
            "boiler/burner/running" => Meaning::plain(Kind::Truth { invert: false }),
            _ => Meaning::plain(Kind::Code),
        },
    });
    host_of(points.collect())
}

/// A host with these points of the node `n`.
pub(super) fn host_of(points: Vec<SparkplugPoint>) -> Host {
    let mapping = SparkplugMapping {
        device: DeviceIx(0),
        group: "g".to_owned(),
        node: "n".to_owned(),
        sub_device: None,
        points,
    };
    Host::new(&[mapping], SparkplugRules::default())
}

pub(super) fn take(host: &mut Host, number: u64, topic: &str, payload: &[u8]) -> Batch {
    let ms = START_MS + 100_000 + number * 1000;
    let now = Now { mono: std::time::Duration::from_millis(ms - START_MS), wall: Micros(ms as i64 * 1000) };
    let mut out = Batch::default();
    host.message(&format!("spBv1.0/g/{topic}"), payload, false, now, &mut out).unwrap();
    out
}

/// What a message told: point, value, quality; and whether all of it is live.
type Played = (Vec<(u32, Option<f64>, Quality)>, bool);

fn played(host: &mut Host) -> Vec<Played> {
    let bytes = |hex: &str| -> Vec<u8> {
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        hex.as_bytes().chunks(2).map(byte).collect()
    };
    let lines = RECORDED.lines().map(|line| line.split_once(' ').unwrap());
    lines
        .enumerate()
        .map(|(number, (topic, hex))| {
            let told = told(&take(host, number as u64, topic, &bytes(hex)));
            (values(&told), told.iter().all(|t| t.live))
        })
        .collect()
}

#[test]
fn members_of_templates_and_cells_of_data_sets_are_read_under_their_names() {
    let played = played(&mut host(&MAPPED));
    let all = |values: &[(u32, Option<f64>, Quality)]| (values.to_vec(), true);
    let birth = [
        good(0, 1.25),
        good(1, 1.0),
        good(2, -8.0),
        good(3, 88.5),
        good(4, 2.5),
        bad(5, Cause::Missing),
        bad(6, Cause::Missing),
        bad(7, Cause::Unreadable),
        good(8, 5.0),
        bad(9, Cause::Missing),
    ];
    assert_eq!(played[0], all(&birth), "the birth");
    assert_eq!(played[1], all(&[good(0, 1.5)]), "a part of the template, in the unit of its birth");
    assert_eq!(played[2], all(&[good(2, -9.0)]), "a member by its alias");
    assert_eq!(played[3], (vec![good(0, 0.5)], false), "history");
    let of_boiler = |cause| all(&[bad(0, cause), bad(1, cause), bad(2, cause), bad(9, cause)]);
    assert_eq!(played[4], of_boiler(Cause::NotANumber), "no value");
    assert_eq!(played[5], all(&[bad(3, Cause::Missing)]), "which row?");
    assert_eq!(
        played[6],
        all(&[bad(4, Cause::Unreadable), bad(5, Cause::Unreadable)]),
        "an element is missing"
    );
    assert_eq!(played[7], all(&[good(4, -4.0), bad(5, Cause::Missing)]), "whole again");
    assert_eq!(played[8].0[0], bad(4, Cause::Unreadable), "columns that are not there");
    assert_eq!(played[9], of_boiler(Cause::DeviceSaysBad), "the quality of the whole");
    assert_eq!(played[10], all(&[good(1, 0.0)]), "a template in a template");
    assert_eq!(played[11], all(&[bad(9, Cause::Unreadable)]), "too deep");
    assert_eq!(played[12], all(&[bad(3, Cause::Unreadable)]), "two columns of one name");
}

#[test]
fn what_is_not_mapped_is_listed_with_its_value_or_with_what_is_wrong() {
    let nobody = Host::new(&[], SparkplugRules::default());
    for (mut host, is_mapped) in [(host(&MAPPED), true), (host(&["other"]), false), (nobody, false)] {
        played(&mut host);
        let listed: Vec<(&str, &str)> = host.unmapped().map(|m| (m.metric, m.value)).collect();
        let has = |name: &str, value: &str| assert!(listed.contains(&(name, value)), "{name}: {listed:?}");
        has("pump/on", "true");
        has("pump/speed", "40");
        has("table/note", "ok");
        has("rows/0/note", "a");
        has("rows/0/temp", "1.5");
        has("rows/1/note", "(String, missing)");
        has("_types_/Boiler", "(Template, a definition)");
        has("bad", "(DataSet, not readable: 1 types for 2 columns)");
        if !is_mapped {
            has("boiler/burner/running", "true");
            has("boiler/pressure", "1250");
            has("clash/x", "5");
        }
        assert!(!listed.iter().any(|l| l.0 == "boiler" || l.0 == "bdSeq"), "{listed:?}");
    }
}

#[test]
fn structures_that_cannot_be_opened_are_counted() {
    let mut host = host(&MAPPED);
    played(&mut host);
    // `bad`, two of `rows`, one that is too deep.
    assert_eq!(host.statuses().next().unwrap().counters.unreadable_structures, 4);
}

#[test]
fn more_members_and_cells_than_a_message_may_have_are_not_made() {
    let mut room = Room::default();
    // Rows and elements of two bytes each.
    let rows: Vec<u8> = [0x22, 0x04, 0x0A, 0x00, 0x0A, 0x00].repeat(100_000);
    assert_eq!(Table::read(&rows, &mut room).unwrap_err(), Fault::TooMany(300_000));
    let many: Vec<u8> = [0x12, 0x00].repeat(MOST_METRICS + 1);
    assert_eq!(members(&many, &mut room).unwrap_err(), Fault::TooMany(MOST_METRICS + 1));
    assert_eq!(room, Room::default(), "what is refused takes nothing");
    // Templates beside each other share what one message may have.
    let half: Vec<u8> = [0x12, 0x00].repeat(MOST_METRICS / 2 + 1);
    assert!(members(&half, &mut room).is_ok() && members(&half, &mut room).is_err());
}

#[test]
fn structures_that_nobody_maps_take_no_room_from_those_that_are_mapped() {
    let structure = |name: &str, bytes: Vec<u8>| Metric {
        name: Some(name.to_owned()),
        datatype: Some(19),
        value: Some(Value::Template(bytes)),
        ..Metric::default()
    };
    let member = Metric {
        name: Some("pressure".to_owned()),
        datatype: Some(10),
        value: Some(Value::Double(1.25)),
        ..Metric::default()
    };
    let mut one = Vec::new();
    prost::encoding::message::encode(2, &member, &mut one);
    let huge = [0x12, 0x00].repeat(MOST_METRICS);
    let mut host = host(&["boiler/pressure"]);
    let birth = vec![structure("a", huge), structure("boiler", one)];
    let payload = message(START_MS + 100_000, 0, birth).encode_to_vec();
    assert_eq!(values(&told(&take(&mut host, 0, "NBIRTH/n", &payload))), [good(0, 1.25)]);
    // A null without its datatype is one all the same.
    let null = Metric { name: Some("boiler".to_owned()), is_null: Some(true), ..Metric::default() };
    let payload = message(START_MS + 101_000, 1, vec![null]).encode_to_vec();
    assert_eq!(values(&told(&take(&mut host, 1, "NDATA/n", &payload))), [bad(0, Cause::NotANumber)]);
}

#[test]
fn what_a_structure_says_of_itself_is_read_once_however_many_members_it_has() {
    let property = PropertyValue { r#type: Some(10), is_null: None, value: Some(Property::Double(1.0)) };
    let member = Metric {
        name: Some("m".to_owned()),
        datatype: Some(10),
        value: Some(Value::Double(1250.0)),
        ..Metric::default()
    };
    let message_with = |properties: usize| {
        let mut members = Vec::new();
        for n in 0..4900 {
            let name = Some(if n == 0 { "pressure".to_owned() } else { format!("m{n}") });
            prost::encoding::message::encode(2, &Metric { name, ..member.clone() }, &mut members);
        }
        let whole = Metric {
            name: Some("boiler".to_owned()),
            datatype: Some(19),
            properties: Some(PropertySet {
                keys: [vec!["x".to_owned(); properties], vec!["engUnit".to_owned()]].concat(),
                values: [
                    vec![PropertyValue { value: None, ..property.clone() }; properties],
                    vec![PropertyValue {
                        value: Some(Property::String("kPa".to_owned())),
                        ..property.clone()
                    }],
                ]
                .concat(),
            }),
            value: Some(Value::Template(members)),
            ..Metric::default()
        };
        message(START_MS + 100_000, 0, vec![whole]).encode_to_vec()
    };
    let mut host = host(&["boiler/pressure"]);
    LOOKED_AT.set(0);
    let payload = message_with(2000);
    assert_eq!(values(&told(&take(&mut host, 0, "NBIRTH/n", &payload))), [good(0, 1.25)]);
    assert!(LOOKED_AT.get() <= 8 * 2001, "{} names compared", LOOKED_AT.get());

    // As it comes from who means ill: 100 000 properties in a thousand bytes or two.
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut writer, &message_with(100_000)).unwrap();
    let body = Some(writer.finish().unwrap());
    let uuid = Some("SPBV1.0_COMPRESSED".to_owned());
    let wrapped = crate::field::mqtt::sparkplug::Payload { uuid, body, ..Default::default() };
    let parsed = crate::field::mqtt::sparkplug::parse(&wrapped.encode_to_vec());
    assert_eq!(parsed, Err(SparkplugError::TooManyProperties(100_001)));
}

#[test]
fn more_properties_than_a_message_may_have_are_not_made() {
    let of = |properties: usize| Metric {
        properties: Some(PropertySet { keys: vec!["x".to_owned(); properties], values: Vec::new() }),
        ..Metric::default()
    };
    let half = MOST_PROPERTIES / 2 + 1;
    let payload = message(START_MS, 0, vec![of(half), of(half)]).encode_to_vec();
    let parsed = crate::field::mqtt::sparkplug::parse(&payload);
    assert_eq!(parsed, Err(SparkplugError::TooManyProperties(2 * half)));
    // Of members too, over all structures of a message.
    let (mut one, mut room) = (Vec::new(), Room::default());
    prost::encoding::message::encode(2, &of(half), &mut one);
    assert!(members(&one, &mut room).is_ok());
    let left = room;
    assert_eq!(members(&one, &mut room).unwrap_err(), Fault::TooManyProperties(half));
    assert_eq!(room, left, "what is refused takes nothing");
}

#[test]
fn a_name_that_could_mean_two_cells_means_none() {
    let table = |columns: &[&str], rows: usize| {
        let mut bytes = Vec::new();
        for column in columns {
            bytes.extend([0x12, column.len() as u8]);
            bytes.extend(column.as_bytes());
            bytes.extend([0x18, 9]);
        }
        for _ in 0..rows {
            bytes.extend([0x22, columns.len() as u8 * 2]);
            bytes.extend([0x0A, 0x00].repeat(columns.len()));
        }
        Table::read(&bytes, &mut Room::default()).unwrap()
    };
    let two = table(&["a", "b"], 2);
    assert_eq!((two.place("1/b"), two.place("0/a")), (Place::Cell(1, 1), Place::Cell(0, 0)));
    for name in ["b", "2/a", "01/a", "+1/a", "1/", "1/c"] {
        assert_eq!(two.place(name), Place::Nowhere, "{name}");
    }
    let one = table(&["a", "0/a"], 1);
    assert_eq!((one.place("a"), one.place("0/a")), (Place::Cell(0, 0), Place::Several));
}

fn structure() -> impl Strategy<Value = Vec<u8>> {
    // Bytes that are likely to be fields of either.
    let likely = prop::sample::select(vec![
        vec![0x12, 0x01, b'x'],
        vec![0x18, 0x09],
        vec![0x1A, 0x02, 0x09, 0x0A],
        vec![0x22, 0x02, 0x0A, 0x00],
        vec![0x22, 0x04, 0x0A, 0x02, 0x08, 0x05],
        vec![0x12, 0x06, 0x0A, 0x01, b'x', 0x69, 0, 0],
        vec![0x28, 0x00],
        vec![0x08, 0x01],
    ]);
    let part = prop_oneof![6 => likely, 1 => prop::collection::vec(any::<u8>(), 0..6)];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_bytes_of_a_structure_make_it_panic_or_give_the_structure_itself_a_value(
        inner in structure(), nested in 0usize..12, historical in any::<bool>(), as_table in any::<bool>()
    ) {
        let mut host = host(&["s/x", "s/0/x", "s/x/x", "s"]);
        let mut value = if as_table { Value::DataSet(inner) } else { Value::Template(inner) };
        for _ in 0..nested {
            let member = Metric { name: Some("x".to_owned()), value: Some(value), ..Metric::default() };
            let mut around = Vec::new();
            prost::encoding::message::encode(2, &member, &mut around);
            value = Value::Template(around);
        }
        let metric = |name: Option<&str>| Metric {
            name: name.map(str::to_owned),
            alias: Some(7),
            is_historical: Some(historical),
            value: Some(value.clone()),
            ..Metric::default()
        };
        for (seq, kind, name) in [(0, "NBIRTH/n", Some("s")), (1, "NDATA/n", None), (2, "NDATA/n", Some("s"))] {
            let payload = message(START_MS + 100_000 + seq * 1000, seq, vec![metric(name)]).encode_to_vec();
            let out = take(&mut host, seq, kind, &payload);
            // The structure itself is never a value.
            prop_assert!(told(&out).iter().all(|t| t.point != 3 || t.value.is_none()));
        }
        prop_assert!(host.unmapped().count() <= 1000);
    }
}
