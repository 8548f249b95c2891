//! The units that structures and their members name, from message to message. The points are in MPa.

use prost::Message;

use super::bench::{START_MS, bad, good, message, quality, told, values};
use super::structures::{host, take};
use crate::field::mqtt::sparkplug::members::REACHED;
use crate::field::mqtt::sparkplug::{Host, Metric, Property, PropertySet, PropertyValue, Value};
use crate::plant::{Cause, Quality};

fn unit(unit: &str) -> PropertySet {
    let value = Some(Property::String(unit.to_owned()));
    PropertySet {
        keys: vec!["engUnit".to_owned()],
        values: vec![PropertyValue { r#type: Some(12), is_null: None, value }],
    }
}

fn both(one: PropertySet, two: PropertySet) -> PropertySet {
    PropertySet { keys: [one.keys, two.keys].concat(), values: [one.values, two.values].concat() }
}

fn pressure(value: f64, properties: Option<PropertySet>) -> Metric {
    Metric {
        name: Some("pressure".to_owned()),
        datatype: Some(10),
        properties,
        value: Some(Value::Double(value)),
        ..Metric::default()
    }
}

fn template(name: &str, member: &Metric, properties: Option<PropertySet>) -> Metric {
    let mut bytes = Vec::new();
    prost::encoding::message::encode(2, member, &mut bytes);
    Metric {
        name: Some(name.to_owned()),
        datatype: Some(19),
        properties,
        value: Some(Value::Template(bytes)),
        ..Metric::default()
    }
}

/// A table of one row with one column `pressure`.
fn table(value: f64, properties: Option<PropertySet>) -> Metric {
    let mut bytes = vec![0x12, 8];
    bytes.extend(b"pressure");
    bytes.extend([0x18, 10, 0x22, 11, 0x0A, 9, 0x21]);
    bytes.extend(value.to_le_bytes());
    let value = Some(Value::DataSet(bytes));
    Metric { name: Some("boiler".to_owned()), datatype: Some(16), properties, value, ..Metric::default() }
}

type Reading = (u32, Option<f64>, Quality);

/// Sends the metrics of each message in one and gives what the last message told.
fn last_of(metrics: &[&str], messages: &[(&str, Vec<Metric>)]) -> Vec<Reading> {
    let (mut host, mut last) = (host(metrics), Vec::new());
    for (number, (topic, metrics)) in (0..).zip(messages) {
        let payload = message(START_MS + 100_000 + number * 1000, number, metrics.clone()).encode_to_vec();
        last = values(&told(&take(&mut host, number, topic, &payload)));
    }
    last
}

/// Sends these one after the other and gives what the last one told.
fn last(host: &mut Host, messages: &[(&str, Metric)]) -> Vec<Reading> {
    let (mut seq, mut last) = (0, Vec::new());
    for (number, (topic, metric)) in (0..).zip(messages) {
        seq = if *topic == "NBIRTH/n" { 0 } else { seq + 1 };
        let at = START_MS + 100_000 + number * 1000;
        let payload = message(at, seq, vec![metric.clone()]).encode_to_vec();
        last = values(&told(&take(host, number, topic, &payload)));
    }
    last
}

fn of(messages: &[(&str, Metric)]) -> Vec<Reading> {
    last(&mut host(&["boiler/pressure"]), messages)
}

#[test]
fn what_is_said_of_the_whole_holds_for_a_member_that_says_nothing_itself() {
    for (own, said) in [(None, 1250.0), (Some("bar"), 12.5)] {
        let whole = Metric {
            timestamp: Some(START_MS + 90_000),
            ..template("boiler", &pressure(said, own.map(unit)), Some(unit("kPa")))
        };
        let payload = message(START_MS + 100_000, 0, vec![whole]).encode_to_vec();
        let told = told(&take(&mut host(&["boiler/pressure"]), 0, "NBIRTH/n", &payload));
        assert_eq!(values(&told), [good(0, 1.25)], "{own:?}");
        assert_eq!(told[0].at_ms, 90_000);
    }
}

#[test]
fn a_birth_forgets_the_units_of_the_birth_before_in_structures_too() {
    let [of_table, of_template] = [
        [table(1250.0, Some(unit("kPa"))), table(1.25, None)],
        [
            template("boiler", &pressure(1250.0, None), Some(unit("kPa"))),
            template("boiler", &pressure(1.25, None), None),
        ],
    ];
    for [first, second] in [of_table, of_template] {
        assert_eq!(of(&[("NBIRTH/n", first.clone())]), [good(0, 1.25)]);
        assert_eq!(of(&[("NBIRTH/n", first.clone()), ("NBIRTH/n", second.clone())]), [good(0, 1.25)]);
        // In between it could not be opened, or had no value.
        let null = Metric { is_null: Some(true), value: None, ..first.clone() };
        let null = Metric { properties: None, ..null };
        let cut = Metric { value: Some(Value::Template(vec![0x12, 9])), properties: None, ..first.clone() };
        for between in [null, cut] {
            let told = of(&[("NBIRTH/n", first.clone()), ("NBIRTH/n", between), ("NDATA/n", second.clone())]);
            assert_eq!(told, [good(0, 1.25)]);
        }
    }
}

#[test]
fn the_unit_of_the_whole_does_not_come_before_the_members_own_in_later_messages() {
    let birth = template("boiler", &pressure(12.5, Some(unit("bar"))), Some(unit("kPa")));
    let data = template("boiler", &pressure(12.5, None), Some(unit("kPa")));
    assert_eq!(of(&[("NBIRTH/n", birth), ("NDATA/n", data)]), [good(0, 1.25)]);
    // A structure nearer to it comes before one around that.
    let inner = |value: f64, near: Option<&str>, far: Option<&str>| {
        let near = template("burner", &pressure(value, None), near.map(unit));
        template("boiler", &near, far.map(unit))
    };
    let mut host = host(&["boiler/burner/pressure"]);
    let messages =
        [("NBIRTH/n", inner(12.5, Some("bar"), Some("kPa"))), ("NDATA/n", inner(12.5, None, Some("kPa")))];
    assert_eq!(last(&mut host, &messages), [good(0, 1.25)]);
}

#[test]
fn a_member_with_other_properties_than_a_unit_keeps_the_unit_of_the_whole() {
    let birth = template("boiler", &pressure(1250.0, Some(quality(192))), Some(unit("kPa")));
    assert_eq!(of(&[("NBIRTH/n", birth.clone())]), [good(0, 1.25)]);
    // And a unit of its own does not make what is said against the whole good.
    let against = both(quality(0), unit("kPa"));
    let data = template("boiler", &pressure(12.5, Some(unit("bar"))), Some(against));
    assert_eq!(of(&[("NBIRTH/n", birth), ("NDATA/n", data)]), [bad(0, Cause::DeviceSaysBad)]);
}

#[test]
fn a_unit_of_the_whole_that_changes_counts_for_members_that_come_later_by_their_alias() {
    let member = Metric { alias: Some(7), ..pressure(1250.0, None) };
    let birth = template("boiler", &member, Some(unit("kPa")));
    let other = Metric { name: Some("other".to_owned()), ..pressure(1.0, None) };
    let changed = template("boiler", &other, Some(unit("bar")));
    let by_alias = Metric { name: None, alias: Some(7), ..pressure(12.5, None) };
    let told = of(&[("NBIRTH/n", birth), ("NDATA/n", changed), ("NDATA/n", by_alias)]);
    assert_eq!(told, [good(0, 1.25)]);
}

#[test]
fn units_of_a_birth_whose_values_are_bad_count_for_the_values_that_come() {
    let of_whole = template("boiler", &pressure(1250.0, None), Some(both(quality(0), unit("kPa"))));
    let of_member = template("boiler", &pressure(1250.0, Some(unit("kPa"))), Some(quality(0)));
    let of_table = table(1250.0, Some(both(quality(0), unit("kPa"))));
    let data = template("boiler", &pressure(1250.0, None), None);
    for (birth, data) in [(of_whole, &data), (of_member, &data), (of_table, &table(1250.0, None))] {
        assert_eq!(of(&[("NBIRTH/n", birth.clone())]), [bad(0, Cause::DeviceSaysBad)]);
        assert_eq!(of(&[("NBIRTH/n", birth), ("NDATA/n", data.clone())]), [good(0, 1.25)]);
    }
}

#[test]
fn a_unit_of_a_structure_counts_for_no_other_structure_whose_name_begins_alike() {
    let member = Metric { alias: Some(7), ..pressure(1.25, None) };
    let x = Metric { name: Some("x".to_owned()), ..pressure(1.0, None) };
    let (boiler, burner) =
        (template("boiler", &x, Some(unit("kPa"))), template("boiler/burner", &member, None));
    let by_alias = Metric { name: None, ..member };
    for birth in [vec![boiler.clone(), burner.clone()], vec![burner.clone(), boiler.clone()]] {
        let birth = ("NBIRTH/n", birth);
        let of = |messages: &[(&str, Vec<Metric>)]| last_of(&["boiler/burner/pressure"], messages);
        assert_eq!(of(std::slice::from_ref(&birth)), [good(0, 1.25)]);
        // Nor in DATA.
        for data in [vec![boiler.clone(), by_alias.clone()], vec![boiler.clone(), burner.clone()]] {
            let told = of(&[birth.clone(), ("NDATA/n", data)]);
            assert_eq!(told.last(), Some(&good(0, 1.25)));
        }
    }
}

#[test]
fn of_a_structure_that_a_birth_has_twice_the_later_one_stands_with_its_units() {
    let first = template("boiler", &pressure(12.5, Some(unit("bar"))), Some(unit("kPa")));
    let second = template("boiler", &pressure(1.25, None), None);
    let told = last_of(&["boiler/pressure"], &[("NBIRTH/n", vec![first, second])]);
    assert_eq!(told, [good(0, 1.25)]);
    let told = last_of(
        &["boiler/pressure"],
        &[("NBIRTH/n", vec![table(1250.0, Some(unit("kPa"))), table(1.25, None)])],
    );
    assert_eq!(told, [good(0, 1.25)]);
}

#[test]
fn an_empty_unit_or_a_word_for_none_names_nothing() {
    for none in ["", " ", "-", "none"] {
        let birth = template("boiler", &pressure(1250.0, Some(unit(none))), Some(unit("kPa")));
        assert_eq!(of(&[("NBIRTH/n", birth.clone())]), [good(0, 1.25)], "{none:?}");
        let data = template("boiler", &pressure(1250.0, None), Some(unit(none)));
        assert_eq!(of(&[("NBIRTH/n", birth), ("NDATA/n", data)]), [good(0, 1.25)], "{none:?}");
    }
}

#[test]
fn a_unit_in_history_holds_for_that_value_alone() {
    let past = |metric: Metric| Metric { is_historical: Some(true), ..metric };
    let old = |metric: Metric| Metric { timestamp: Some(START_MS - 3_600_000), ..metric };
    let birth = template("boiler", &pressure(1.25, None), None);
    let of_member = template("boiler", &pressure(1250.0, Some(unit("kPa"))), None);
    let of_whole = template("boiler", &pressure(1250.0, None), Some(unit("kPa")));
    for history in [
        past(of_member.clone()),
        past(of_whole.clone()),
        old(of_member),
        old(of_whole),
        past(table(1250.0, Some(unit("kPa")))),
    ] {
        let messages = [("NBIRTH/n", birth.clone()), ("NDATA/n", history), ("NDATA/n", birth.clone())];
        assert_eq!(of(&messages[..2]), [good(0, 1.25)], "the value of then has the unit of then");
        assert_eq!(of(&messages), [good(0, 1.25)]);
    }
}

#[test]
fn a_structure_without_a_value_that_comes_thousands_of_times_in_a_message_is_bounded_work() {
    let names: Vec<String> = (0..2000).map(|n| format!("boiler/{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let null = Metric { name: Some("boiler".to_owned()), is_null: Some(true), ..Metric::default() };
    let empty = Metric { is_null: None, value: Some(Value::DataSet(Vec::new())), ..null.clone() };
    let member = Metric { name: Some("0".to_owned()), ..pressure(5.0, None) };
    let good_one = template("boiler", &member, None);
    for (bad_one, cause) in [(null, Cause::NotANumber), (empty, Cause::Unreadable)] {
        let mut host = host(&names);
        let birth = message(START_MS + 100_000, 0, vec![good_one.clone()]).encode_to_vec();
        assert_eq!(values(&told(&take(&mut host, 0, "NBIRTH/n", &birth)))[0], good(0, 5.0));
        REACHED.set(0);
        // What is good in between does not stay good after what came behind it.
        let mut metrics = vec![bad_one.clone(); 4990];
        metrics.insert(2000, good_one.clone());
        let data = message(START_MS + 101_000, 1, metrics).encode_to_vec();
        let told = values(&told(&take(&mut host, 1, "NDATA/n", &data)));
        assert_eq!(told.len(), 2000);
        assert_eq!(told[0], bad(0, cause));
        assert!(REACHED.get() <= 110_000, "{} points reached", REACHED.get());
    }
}
