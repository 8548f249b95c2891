//! Metrics that BIRTHs name and no mapping takes, for the integrator to see.

use std::collections::BTreeMap;

use super::Datatype;
use super::value::{Raw, read};
use super::wire::Metric;

/// More are counted only.
const MOST: usize = 1000;
/// Longer texts are not kept.
const LONGEST: usize = 512;

/// A longer value is cut.
const LONGEST_VALUE: usize = 60;

/// Where a metric was seen: group, node, device, name.
type Path = (Box<str>, Box<str>, Option<Box<str>>, Box<str>);

/// A metric that no mapping takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmappedMetric<'a> {
    /// Group id.
    pub group: &'a str,
    /// Edge node id.
    pub node: &'a str,
    /// Device id; `None` for a metric of the node itself.
    pub device: Option<&'a str>,
    /// Name.
    pub metric: &'a str,
    /// Datatype of the BIRTH.
    pub datatype: Datatype,
    /// Its value, as people read it; in brackets why there is none.
    pub value: &'a str,
}

/// The list, by name; bounded.
#[derive(Debug, Default)]
pub(super) struct Unmapped {
    metrics: BTreeMap<Path, (Datatype, Box<str>)>,
    pub(super) left_out: u64,
}

impl Unmapped {
    pub(super) fn note(
        &mut self,
        (group, node, device): (&str, &str, Option<&str>),
        name: &str,
        datatype: Datatype,
        value: &str,
    ) {
        // The protocol's own: `bdSeq`, `Node Control/Rebirth` and their kind.
        if name == "bdSeq" || name.starts_with("Node Control/") || name.starts_with("Device Control/") {
            return;
        }
        if name.len() > LONGEST || group.len() + node.len() + device.map_or(0, str::len) > LONGEST {
            self.left_out += 1;
            return;
        }
        let path: Path = (group.into(), node.into(), device.map(Into::into), name.into());
        let full = self.metrics.len() >= MOST;
        match self.metrics.get_mut(&path) {
            Some(known) => *known = (datatype, value.into()),
            None if full => self.left_out += 1,
            None => {
                self.metrics.insert(path, (datatype, value.into()));
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = UnmappedMetric<'_>> {
        self.metrics.iter().map(|((group, node, device, metric), (datatype, value))| UnmappedMetric {
            group,
            node,
            device: device.as_deref(),
            metric,
            datatype: *datatype,
            value,
        })
    }
}

/// The value of a metric, for people.
pub(super) fn example(metric: &Metric, datatype: Datatype) -> String {
    match read(metric, datatype) {
        Raw::Number(number, _) => number.to_string(),
        Raw::Flag(set) => set.to_string(),
        Raw::Text(text) => text.chars().take(LONGEST_VALUE).collect(),
        Raw::Bad(cause) => format!("({}, {})", datatype.word(), cause.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Unmapped};
    use crate::field::mqtt::sparkplug::Datatype;

    #[test]
    fn the_list_is_bounded_and_leaves_out_what_the_protocol_needs_itself() {
        let mut unmapped = Unmapped::default();
        for name in ["bdSeq", "Node Control/Rebirth", "Device Control/Reboot"] {
            unmapped.note(("g", "n", None), name, Datatype::Int64, "0");
        }
        assert_eq!(unmapped.iter().count(), 0);
        for n in 0..MOST + 5 {
            unmapped.note(("g", "n", Some("d")), &format!("m{n}"), Datatype::Float, "1.5");
        }
        unmapped.note(("g", "n", Some("d")), "m0", Datatype::Int8, "7");
        assert_eq!((unmapped.iter().count(), unmapped.left_out), (MOST, 5));
        assert_eq!(unmapped.iter().next().map(|m| (m.datatype, m.value)), Some((Datatype::Int8, "7")));
    }
}
