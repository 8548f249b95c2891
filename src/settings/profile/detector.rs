//! `[[detector]]`: an instrument that watches for something over time, and makes points of what it sees.

use super::super::fault::{Places, nearest};
use super::super::walk::Walk;
use super::words::id;
use crate::derive::instrument::{self, KINDS, Kind};
use crate::plant::{Id, Name};

/// A detector as written.
#[derive(Debug, Clone)]
pub(in crate::settings) struct DetectorSetting {
    pub(in crate::settings) id: Id,
    pub(in crate::settings) name: Name,
    pub(in crate::settings) kind: &'static Kind,
    /// Points, in the order of the kind.
    pub(in crate::settings) inputs: Vec<Option<String>>,
    pub(in crate::settings) numbers: Vec<f64>,
    pub(in crate::settings) places: Places,
    pub(in crate::settings) key: String,
}

/// One `[[detector]]`.
pub(in crate::settings) fn detector(walk: &Walk<'_>) -> Option<DetectorSetting> {
    let id = id(walk, "sv1");
    let (zh, en) = (walk.text("name"), walk.text("name_en"));
    let word = walk.need("kind", "\"safety-valve\"");
    let kind = word.and_then(|word| {
        let kind = instrument::kind(word);
        if kind.is_none() {
            let known = nearest(word, KINDS.iter().map(|k| k.word));
            walk.fault("kind", format!("there is no detector `{word}`"), known);
        }
        kind
    });
    let Some(kind) = kind else {
        // What else stands there belongs to a kind that nobody knows.
        KINDS.iter().flat_map(|k| k.inputs).for_each(|port| walk.mark(port.key));
        KINDS.iter().flat_map(|k| k.numbers).for_each(|number| walk.mark(number.key));
        walk.finish();
        return None;
    };
    let mut inputs = Vec::new();
    for port in kind.inputs {
        let given = walk.text(port.key).map(str::to_owned);
        if port.needed && !walk.has(port.key) {
            let unit = if port.unit == "bool" { "a discrete point" } else { port.unit };
            walk.fault(port.key, "missing", format!("the id of the point that it reads ({unit})"));
        }
        inputs.push(given);
    }
    let mut numbers = Vec::new();
    for number in kind.numbers {
        let given = walk.number(number.key).unwrap_or(number.usual);
        if !(number.from..=number.to).contains(&given) {
            walk.fault(number.key, format!("{given} is beyond"), format!("{} to {}", number.from, number.to));
        }
        numbers.push(given);
    }
    walk.finish();
    let id = id?;
    let name = Name::new(zh, en, id.as_str());
    Some(DetectorSetting { id, name, kind, inputs, numbers, places: walk.places(), key: walk.path.clone() })
}
