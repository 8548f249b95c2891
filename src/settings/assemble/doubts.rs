//! Settings that can be read and will hardly work: worth a warning, no reason to stop.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

use super::super::fault::Fault;
use super::super::types::{Framing, ModbusSource, MqttSource, Transport, topic};
use super::super::walk::Walk;

/// Sources that no equipment names; `declared` are all of them, by kind and id.
pub(super) fn unused(
    root: &Walk<'_>,
    declared: &[(&'static str, String)],
    named: &HashSet<String>,
    warnings: &RefCell<Vec<Fault>>,
) {
    for (kind, id) in declared.iter().filter(|d| !named.contains(&d.1)) {
        let key = format!("source.{kind}.{id}");
        warnings.borrow_mut().push(Fault {
            place: root.place(&key),
            key,
            problem: "no equipment reads from this source".to_owned(),
            remedy: format!("write source = \"{id}\" at an [[equipment]], or remove the source"),
        });
    }
}
/// Pairs of overlapping filters that are named for each source.
const MOST_PAIRS: usize = 3;

/// Looks over all Modbus sources together.
pub(super) fn modbus(root: &Walk<'_>, sources: &[&ModbusSource], warnings: &RefCell<Vec<Fault>>) {
    let warn = |source: &ModbusSource, problem: String, remedy: &str| {
        let key = format!("source.modbus.{}.address", source.id);
        let place = root.place(&key);
        warnings.borrow_mut().push(Fault { place, key, problem, remedy: remedy.to_owned() });
    };
    for (n, source) in sources.iter().enumerate() {
        if let Some(first) = sources[..n].iter().find(|other| share_an_endpoint(source, other)) {
            warn(
                source,
                format!("the same endpoint as `{}`", first.id),
                "put all its units on one source: many devices take one or a few connections, and a line has one master",
            );
        }
        if source.transport.framing() == Framing::Tcp {
            continue;
        }
        for device in &source.devices {
            match device.unit {
                0 => warn(
                    source,
                    format!(
                        "unit 0 of {} is the broadcast address, which nobody answers on RTU",
                        device.label
                    ),
                    "units on RTU are 1 to 247",
                ),
                unit @ 248.. => warn(
                    source,
                    format!("unit {unit} of {} is reserved on RTU", device.label),
                    "units on RTU are 1 to 247",
                ),
                _ => {}
            }
        }
    }
}

/// Filters of one source that take the same topics. Each message is read once all the same, but hardly anybody means it.
pub(super) fn mqtt(root: &Walk<'_>, sources: &[MqttSource], warnings: &RefCell<Vec<Fault>>) {
    for source in sources {
        let topics = source.mappings.iter().map(|m| &m.topic).chain(source.offline.iter().map(|o| &o.topic));
        let filters: BTreeSet<String> = topics.map(super::super::types::Template::filter).collect();
        let wild = filters.iter().filter(|f| f.contains(['+', '#']));
        let pairs = wild.flat_map(|one| filters.iter().map(move |other| (one, other)));
        let both_wild = |f: &String| f.contains(['+', '#']);
        let overlapping = pairs.filter(|(one, other)| {
            one != other && (one < other || !both_wild(other)) && topic::overlap(one, other)
        });
        for (one, other) in overlapping.take(MOST_PAIRS) {
            let key = format!("source.mqtt.{}.address", source.id);
            let place = root.place(&key);
            let problem = format!("the filters `{one}` and `{other}` of this source take the same topics");
            let remedy =
                "each message is read once; one filter is enough, or make them take different topics";
            warnings.borrow_mut().push(Fault { place, key, problem, remedy: remedy.to_owned() });
        }
    }
}

/// Several devices may dial in at one place; anything else is one connection or one port.
fn share_an_endpoint(one: &ModbusSource, other: &ModbusSource) -> bool {
    let place = |source: &ModbusSource| match &source.transport {
        Transport::Tcp { host, port } | Transport::RtuTcp { host, port, .. } => Some((host.clone(), *port)),
        Transport::Serial(port) => Some((port.path.clone(), 0)),
        // Datagrams of several sources do not get in each other's way.
        Transport::DialIn(_) | Transport::Udp { .. } => None,
    };
    place(one).is_some() && place(one) == place(other)
}

#[cfg(test)]
mod tests {
    use crate::settings::load_texts;

    fn warnings(sources: &[(&str, &str, u8)]) -> Vec<String> {
        let mut text = "[site]\nid = \"n\"\n".to_owned();
        for (id, address, unit) in sources {
            text += &format!(
                "[[source.modbus]]\nid = \"{id}\"\naddress = \"{address}\"\n\
                 [[equipment]]\nid = \"e-{id}\"\nprofile = \"p\"\nsource = \"{id}\"\nunit = {unit}\n"
            );
        }
        let profile = "kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\n";
        let loaded = load_texts(&[("t.toml", &text)], &[("p.toml", profile)], &[]).expect("good");
        loaded.warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn units_0_and_255_are_as_good_as_any_on_tcp_and_warned_of_on_rtu() {
        let tcp = "tcp://192.0.2.1";
        assert!(warnings(&[("a", tcp, 0), ("b", "tcp://192.0.2.2", 255)]).is_empty());
        for rtu in ["serial:///dev/ttyS0", "rtu+tcp://192.0.2.1:4001", "rtu+listen://0.0.0.0:9000"] {
            assert!(warnings(&[("a", rtu, 247)]).is_empty());
            let said = warnings(&[("a", rtu, 0)]);
            assert!(said.len() == 1 && said[0].contains("broadcast"), "{said:?}");
            let said = warnings(&[("a", rtu, 255)]);
            assert!(
                said.len() == 1 && said[0].contains("t.toml:5") && said[0].contains("reserved"),
                "{said:?}"
            );
        }
    }

    #[test]
    fn a_factor_that_is_read_less_often_than_its_value_is_warned_of_and_read_along() {
        let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\nperiod = \"1s\"\n\
                        [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n";
        let load = |period: &str, of_value: &str| {
            let profile = format!(
                "kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\ntimes = [\"ct\"]\n{of_value}\n\
                 [[point]]\nid = \"ct\"\naddress = 40009\n{period}\n"
            );
            let loaded = load_texts(&[("t.toml", settings)], &[("p.toml", &profile)], &[]).expect("good");
            let along = loaded.settings.modbus[0].devices[0].groups[0].factors.len();
            (along, loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let (along, said) = load("period = \"10m\"", "");
        assert!(
            said.len() == 1 && said[0].contains("p.toml:10") && said[0].contains("every 10m"),
            "{said:?}"
        );
        assert_eq!(along, 1);
        assert_eq!(load("", ""), (0, vec![]));
        assert_eq!(load("", "period = \"5s\"").1, Vec::<String>::new(), "read more often");
    }

    #[test]
    fn filters_of_one_source_that_take_the_same_topics_are_warned_of() {
        let warned = |topics: [&str; 2]| {
            let [a, b] = topics.map(|t| format!("profile = \"p\"\nsource = \"m\"\ntopic = \"{t}\"\n"));
            let text = format!(
                "[site]\nid = \"n\"\n[[source.mqtt]]\nid = \"m\"\naddress = \"mqtt://192.0.2.1\"\n\
                 [[equipment]]\nid = \"a\"\n{a}[[equipment]]\nid = \"b\"\n{b}"
            );
            let profile = "kind = \"k\"\nshape = \"flat\"\n[[point]]\nid = \"x\"\n";
            let loaded = load_texts(&[("t.toml", &text)], &[("p.toml", profile)], &[]).expect("good");
            let all = loaded.warnings.iter().map(ToString::to_string);
            all.filter(|w| w.contains("take the same topics")).collect::<Vec<_>>()
        };
        let said = warned(["plant/#", "plant/b/data"]);
        assert!(said.len() == 1 && said[0].contains("`plant/#` and `plant/b/data`"), "{said:?}");
        assert_eq!(warned(["plant/+/x", "plant/b/+"]).len(), 1);
        for apart in [["plant/a/data", "plant/b/data"], ["plant/{device}/data", "plant/+/data"]] {
            assert!(warned(apart).is_empty(), "{apart:?}");
        }
    }

    #[test]
    fn two_sources_at_one_endpoint_are_warned_of() {
        let said = warnings(&[("a", "tcp://192.0.2.1", 1), ("b", "tcp://192.0.2.1:502", 2)]);
        assert!(said.len() == 1 && said[0].contains("the same endpoint as `a`"), "{said:?}");
        assert!(warnings(&[("a", "tcp://192.0.2.1", 1), ("b", "tcp://192.0.2.1:503", 1)]).is_empty());
        assert!(
            !warnings(&[("a", "serial:///dev/ttyS0", 1), ("b", "serial:///dev/ttyS0?baud=19200", 2)])
                .is_empty()
        );
        // DTUs that dial in share a listener, and tell themselves apart.
        let dialled = "rtu+listen://0.0.0.0:9000";
        assert!(warnings(&[("a", dialled, 1), ("b", dialled, 1)]).is_empty());
    }
}
