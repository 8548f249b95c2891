//! Random structures, judged by a plain model: a list of what each message says of each name, and of the units that
//! were named since the BIRTH.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use prost::Message;

use super::bench::{START_MS, message, quality, told};
use super::structures::{host_of, take};
use crate::field::mqtt::sparkplug::{Host, Metric, Property, PropertySet, PropertyValue, Value};
use crate::plant::meaning::Kind;
use crate::plant::{Cause, Meaning, PointIx, Quality};
use crate::settings::SparkplugPoint;

const NAMES: [&str; 2] = ["x", "y"];
const MAPPED: [&str; 11] =
    ["s", "s/x", "s/y", "s/x/x", "s/x/y", "s/y/x", "s/0/x", "s/1/y", "s/x/0/x", "s/x/x/y", "s/y/1/x"];
/// Units with what makes MPa of them.
const UNITS: [(&str, f64); 3] = [("kPa", 0.001), ("bar", 0.1), ("MPa", 1.0)];

#[derive(Debug, Clone)]
struct Tree {
    unit: Option<usize>,
    says_bad: bool,
    is: Is,
}

#[derive(Debug, Clone)]
enum Is {
    Number(u8),
    Template(BTreeMap<&'static str, Tree>),
    /// Rows of two columns; some elements have no value.
    Table(Vec<[Option<u8>; 2]>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let properties = || (prop::option::weighted(0.3, 0..UNITS.len()), prop::bool::weighted(0.1));
    let of = |((unit, says_bad), is)| Tree { unit, says_bad, is };
    let row = || [prop::option::weighted(0.9, 1u8..200), prop::option::weighted(0.9, 1u8..200)];
    let leaf = prop_oneof![
        3 => (1u8..200).prop_map(Is::Number),
        1 => prop::collection::vec(row(), 0..3).prop_map(Is::Table),
    ];
    let leaf = (properties(), leaf).prop_map(of);
    leaf.prop_recursive(3, 12, 2, move |inner| {
        let members = prop::collection::btree_map(prop::sample::select(&NAMES[..]), inner, 0..3);
        (properties(), members.prop_map(Is::Template)).prop_map(of)
    })
}

impl Tree {
    fn metric(&self, name: &str) -> Metric {
        let unit = self.unit.map(|unit| PropertySet {
            keys: vec!["engUnit".to_owned()],
            values: vec![PropertyValue {
                r#type: Some(12),
                is_null: None,
                value: Some(Property::String(UNITS[unit].0.to_owned())),
            }],
        });
        let mut properties = unit;
        if self.says_bad {
            let said = quality(0);
            properties = Some(match properties {
                Some(own) => PropertySet {
                    keys: [own.keys, said.keys].concat(),
                    values: [own.values, said.values].concat(),
                },
                None => said,
            });
        }
        let (datatype, value) = match &self.is {
            Is::Number(number) => (10, Value::Double(f64::from(*number))),
            Is::Template(members) => {
                let mut bytes = Vec::new();
                for (name, member) in members {
                    prost::encoding::message::encode(2, &member.metric(name), &mut bytes);
                }
                (19, Value::Template(bytes))
            }
            Is::Table(rows) => (16, Value::DataSet(table(rows))),
        };
        Metric {
            name: Some(name.to_owned()),
            datatype: Some(datatype),
            properties,
            value: Some(value),
            ..Metric::default()
        }
    }
}

fn table(rows: &[[Option<u8>; 2]]) -> Vec<u8> {
    let mut bytes = vec![0x08, 2, 0x12, 1, b'x', 0x12, 1, b'y', 0x18, 10, 0x18, 10];
    for row in rows {
        let elements = row.map(|cell| match cell {
            Some(number) => [&[0x0A, 9, 0x21][..], &f64::from(number).to_le_bytes()].concat(),
            None => vec![0x0A, 0],
        });
        let elements = elements.concat();
        bytes.extend([0x22, elements.len() as u8]);
        bytes.extend(elements);
    }
    bytes
}

/// What is said of a name: a number in its unit, or a reason.
type Said = Result<f64, Cause>;

/// What the node meant.
#[derive(Default)]
struct Model {
    /// By name: the unit named last since the BIRTH, by whatever has this name and by a structure of it.
    units: HashMap<String, usize>,
    around: HashMap<String, usize>,
    /// Of the present message.
    said: HashMap<String, Said>,
}

impl Model {
    /// The number as its unit makes it MPa: that of the name itself or of the nearest around it.
    fn mpa(&self, name: &str, number: u8) -> f64 {
        let mut named = self.units.get(name);
        let mut inner = name;
        while let (None, Some((outer, _))) = (named, inner.rsplit_once('/')) {
            named = self.around.get(outer);
            inner = outer;
        }
        f64::from(number) * named.map_or(1.0, |unit| UNITS[*unit].1)
    }

    fn below(&mut self, name: &str, cause: Cause) {
        for mapped in MAPPED.iter().filter(|m| m.starts_with(&format!("{name}/"))) {
            self.said.insert((*mapped).to_owned(), Err(cause));
        }
    }

    fn take(&mut self, name: &str, tree: &Tree, around_is_bad: bool) {
        let is_bad = around_is_bad || tree.says_bad;
        if let Some(unit) = tree.unit {
            self.units.insert(name.to_owned(), unit);
            if !matches!(tree.is, Is::Number(_)) {
                self.around.insert(name.to_owned(), unit);
            }
        }
        let own = match tree.is {
            _ if is_bad => Err(Cause::DeviceSaysBad),
            Is::Number(number) => Ok(self.mpa(name, number)),
            Is::Template(_) | Is::Table(_) => Err(Cause::Unreadable),
        };
        self.said.insert(name.to_owned(), own);
        if is_bad && !matches!(tree.is, Is::Number(_)) {
            self.below(name, Cause::DeviceSaysBad);
        }
        match &tree.is {
            Is::Number(_) => {}
            Is::Template(members) => {
                for (member, tree) in members {
                    self.take(&format!("{name}/{member}"), tree, is_bad);
                }
            }
            Is::Table(_) if is_bad => {}
            Is::Table(rows) => {
                self.below(name, Cause::Missing);
                for (number, row) in rows.iter().enumerate() {
                    for (column, cell) in NAMES.iter().zip(row) {
                        let mut names = vec![format!("{name}/{number}/{column}")];
                        if rows.len() == 1 {
                            names.push(format!("{name}/{column}"));
                        }
                        for full in names {
                            let said = cell.map(|cell| self.mpa(&full, cell)).ok_or(Cause::Missing);
                            self.said.insert(full, said);
                        }
                    }
                }
            }
        }
    }
}

fn host() -> Host {
    let points = (0..).zip(MAPPED).map(|(point, metric)| SparkplugPoint {
        point: PointIx(point),
        metric: metric.to_owned(),
        meaning: Meaning::plain(Kind::Measure).with_units("MPa", None, false),
    });
    host_of(points.collect())
}

proptest! {
    #[test]
    fn every_point_has_what_the_messages_say_of_it_and_nothing_else(
        messages in prop::collection::vec((prop::bool::weighted(0.3), tree()), 1..5)
    ) {
        let (mut host, mut model, mut seq) = (host(), Model::default(), 0);
        for (number, (is_birth, tree)) in (0..).zip(&messages) {
            let is_birth = *is_birth || number == 0;
            seq = if is_birth { 0 } else { seq + 1 };
            model.said.clear();
            if is_birth {
                model.units.clear();
                model.around.clear();
            }
            model.take("s", tree, false);
            if is_birth {
                for mapped in MAPPED {
                    model.said.entry(mapped.to_owned()).or_insert(Err(Cause::Missing));
                }
            }
            let at = START_MS + 100_000 + number * 1000;
            let payload = message(at, seq, vec![tree.metric("s")]).encode_to_vec();
            let topic = if is_birth { "NBIRTH/n" } else { "NDATA/n" };
            let told = told(&take(&mut host, number, topic, &payload));
            for (point, mapped) in (0..).zip(MAPPED) {
                let of_point: Vec<_> = told.iter().filter(|t| t.point == point).collect();
                let found = of_point.last().map(|t| (t.value, t.quality));
                match (model.said.get(mapped), found) {
                    (None, None) => {}
                    (Some(Ok(wanted)), Some((Some(value), Quality::Good))) => {
                        prop_assert!((value - wanted).abs() < 1e-9, "{mapped}: {value}, not {wanted}");
                    }
                    (Some(Err(cause)), Some((None, Quality::Bad(why)))) => {
                        prop_assert_eq!(*cause, why, "{}", mapped);
                    }
                    (wanted, found) => prop_assert!(false, "{mapped}: {found:?}, not {wanted:?}"),
                }
            }
        }
    }
}
