//! Equipment that would show another's values: a unit id, topic or device name that was copied and not changed.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use super::super::fault::{Fault, Written};
use super::super::profile::{ProfilePoint, Register};
use super::super::types::Format;
use super::super::walk::Walk;
use super::mqtt::MqttKeys;
use super::plant::PlantBuilder;
use crate::plant::PointIx;

/// One device of one piece of equipment, and which values it takes from where.
pub(super) struct Taker {
    /// Equipment that it belongs to.
    owner: String,
    /// What tells its sender from others, for people: `unit 1 of plc-1`.
    from: String,
    /// The same for comparing; by endpoint, for two sources may lead to one.
    sender: String,
    /// What it takes there, by register, topic or key.
    values: BTreeSet<String>,
    at: Written,
    /// What would tell them apart.
    key: &'static str,
    /// It is meant to give the same as another.
    is_meant: bool,
}

impl PlantBuilder<'_> {
    /// Notes what a device takes from its source, and that the source is used.
    pub(super) fn taker(
        &mut self,
        w: &Walk<'_>,
        source: &str,
        (unit, keys, owner): (Option<i64>, &MqttKeys, &str),
        points: &[(PointIx, &ProfilePoint)],
    ) {
        self.named_sources.insert(source.to_owned());
        let is_meant = w.flag("shared").unwrap_or(false);
        let modbus = self.modbus.iter().find(|m| m.source.id.as_str() == source);
        let mqtt = self.mqtt.iter().any(|m| m.id.as_str() == source);
        let push = self.push.iter().any(|p| p.id.as_str() == source);
        let name = |p: &ProfilePoint| {
            p.pointer.clone().or_else(|| p.key.clone()).unwrap_or_else(|| p.id.to_string())
        };
        let (key, from, sender, values): (_, _, _, BTreeSet<String>) = if let Some(m) = modbus {
            let Some(unit) = unit else { return };
            // Those that dial in share an address and tell themselves apart.
            let dials = matches!(m.source.transport, super::super::types::Transport::DialIn(_));
            let endpoint = if dials { source.to_owned() } else { m.source.transport.address() };
            let endpoint = endpoint.replace("//localhost", "//127.0.0.1");
            let values = points.iter().filter_map(|(_, p)| p.register.as_ref()).map(place).collect();
            ("unit", format!("unit {unit} of {source}"), format!("{endpoint} {unit}"), values)
        } else if let Some(place) = keys.sparkplug.as_ref().filter(|_| mqtt && keys.own_sparkplug) {
            let metric = |p: &ProfilePoint| p.metric.clone().unwrap_or_else(|| name(p));
            let values = points.iter().map(|(_, p)| metric(p)).collect();
            ("sparkplug", format!("{place} of {source}"), format!("{source} {place}"), values)
        } else if mqtt {
            let device = keys.device_name(owner);
            let of = |p: &ProfilePoint| {
                let topic = p.topic.as_ref().or(keys.topic.as_ref()).cloned().unwrap_or_default();
                let told_apart = topic.contains("{device}") || keys.has_device();
                let device = if told_apart { device } else { "" };
                format!("{topic} {device} {}", name(p))
            };
            let values = points.iter().map(|(_, p)| of(p)).collect();
            match unit {
                // Replies of a line that a DTU publishes: a topic has many units.
                Some(unit) => {
                    ("unit", format!("unit {unit} of {source}"), format!("{source} {unit}"), values)
                }
                None => {
                    let key = if keys.has_device() { "device" } else { "topic" };
                    (key, format!("the same topic of {source}"), source.to_owned(), values)
                }
            }
        } else if push {
            let device = keys.device_name(owner);
            let values = points.iter().map(|(_, p)| name(p)).collect();
            ("device", format!("device `{device}` of {source}"), format!("{source} {device}"), values)
        } else {
            return;
        };
        let at = w.written(key);
        self.takers.push(Taker { owner: owner.to_owned(), from, sender, values, at, key, is_meant });
    }
}

/// Where a value stands. Two types at one address are one value, two bits of a register are not.
fn place(register: &Register) -> String {
    let part = match register.format {
        Format::RegisterBit(bit) => format!(" bit {bit}"),
        Format::Bits { low, high, .. } => format!(" bits {low} to {high}"),
        _ => String::new(),
    };
    format!("{:?} {}{part}", register.table, register.address)
}

/// Warns of devices that give what another gives already.
pub(super) fn twins(takers: &[Taker], warnings: &RefCell<Vec<Fault>>) {
    let mut by_sender: HashMap<&str, Vec<&Taker>> = HashMap::new();
    for taker in takers {
        let earlier = by_sender.entry(&taker.sender).or_default();
        let twin = earlier.iter().find_map(|first| {
            let same = first.values.intersection(&taker.values).count();
            (same > 0).then_some((first, same))
        });
        if let Some((first, same)) = twin.filter(|_| !taker.is_meant) {
            let all = if same == taker.values.len() { "all of it" } else { "a part of it" };
            let values = if same == 1 { "1 value".to_owned() } else { format!("{same} values") };
            warnings.borrow_mut().push(Fault {
                place: taker.at.place.clone(),
                key: taker.at.key.clone(),
                problem: format!(
                    "`{}` reads {values} from {} that `{}` reads too ({all}): both show the same",
                    taker.owner, taker.from, first.owner
                ),
                remedy: format!(
                    "give it its own {}; if one device really serves both, write shared = true beside it",
                    taker.key
                ),
            });
        }
        earlier.push(taker);
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::load_texts;

    fn warned(sources: &str, first: &str, second: &str, profile: &str) -> Vec<String> {
        let text = format!(
            "[site]\nid = \"n\"\n{sources}\n[[equipment]]\nid = \"boiler-1\"\nkind = \"k\"\nprofile = \"p\"\n{first}\n\
             [[equipment]]\nid = \"boiler-2\"\nkind = \"k\"\nprofile = \"p\"\n{second}\n"
        );
        let loaded = load_texts(&[("t.toml", &text)], &[("p.toml", profile)], &[]).expect("good");
        let of = |w: &&crate::settings::Fault| w.problem.contains("both show the same");
        loaded.warnings.iter().filter(of).map(ToString::to_string).collect()
    }

    const MODBUS: &str = "[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\n\
        [[source.modbus]]\nid = \"twin\"\naddress = \"tcp://192.0.2.1:502\"\n\
        [[source.modbus]]\nid = \"b\"\naddress = \"tcp://192.0.2.2\"";
    const REGISTERS: &str =
        "[[point]]\nid = \"x\"\naddress = 40001\n[[point]]\nid = \"y\"\naddress = 40002\n";

    #[test]
    fn a_unit_id_that_was_copied_and_not_changed_is_told_and_a_key_says_that_it_is_meant() {
        let on = |source: &str, unit: u8| format!("source = \"{source}\"\nunit = {unit}");
        let said = warned(MODBUS, &on("a", 1), &on("a", 1), REGISTERS);
        assert!(
            said.len() == 1
                && said[0].contains(
                    "t.toml:23:1: equipment.boiler-2.unit: `boiler-2` reads 2 values from unit 1 of a"
                )
                && said[0].contains("`boiler-1`")
                && said[0].contains("shared = true"),
            "{said:?}"
        );
        assert_eq!(warned(MODBUS, &on("a", 1), &on("twin", 1), REGISTERS).len(), 1, "one endpoint");
        assert!(warned(MODBUS, &on("a", 1), &on("a", 2), REGISTERS).is_empty());
        assert!(warned(MODBUS, &on("a", 1), &on("b", 1), REGISTERS).is_empty());
        assert!(warned(MODBUS, &on("a", 1), &(on("a", 1) + "\nshared = true"), REGISTERS).is_empty());
    }

    #[test]
    fn one_register_is_one_value_whatever_its_type_and_its_endpoints_name() {
        let two = |first: &str, second: &str, addresses: [&str; 2]| {
            let text = format!(
                "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://{}\"\n\
                 [[source.modbus]]\nid = \"b\"\naddress = \"tcp://{}\"\n\
                 [[equipment]]\nid = \"x\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n\
                 [[equipment]]\nid = \"y\"\nprofile = \"q\"\nsource = \"b\"\nunit = 1\n",
                addresses[0], addresses[1]
            );
            let profile =
                |keys: &str| format!("kind = \"k\"\n[[point]]\nid = \"v\"\naddress = 40001\n{keys}\n");
            let profiles = [("p.toml", profile(first)), ("q.toml", profile(second))];
            let profiles: Vec<(&str, &str)> = profiles.iter().map(|(n, t)| (*n, t.as_str())).collect();
            let loaded = load_texts(&[("t.toml", &text)], &profiles, &[]).expect("good");
            loaded.warnings.iter().filter(|w| w.problem.contains("both show the same")).count()
        };
        let one = ["127.0.0.1:1502", "127.0.0.1:1502"];
        assert_eq!(two("type = \"u16\"", "type = \"i16\"", one), 1);
        assert_eq!(two("type = \"u16\"", "type = \"u16\"", ["localhost:1502", "127.0.0.1:1502"]), 1);
        assert_eq!(two("bit = 0", "bit = 1", one), 0, "two boilers may share a status word");
        assert_eq!(two("bit = 0", "bit = 0", one), 1);
    }

    #[test]
    fn units_behind_one_topic_are_told_apart() {
        let mqtt = "[[source.mqtt]]\nid = \"m\"\naddress = \"mqtt://192.0.2.1\"";
        let unit = |unit: u8| format!("source = \"m\"\ntopic = \"dtu/1\"\nunit = {unit}");
        let shape = "[shape]\npreset = \"hex\"\nrequest = [{ function = 3, start = 0, count = 2 }]\n";
        let profile = format!("{shape}{REGISTERS}");
        assert!(warned(mqtt, &unit(1), &unit(2), &profile).is_empty());
        assert_eq!(warned(mqtt, &unit(1), &unit(1), &profile).len(), 1);
    }

    #[test]
    fn the_same_holds_for_topics_and_for_names_of_devices() {
        let mqtt = "[[source.mqtt]]\nid = \"m\"\naddress = \"mqtt://192.0.2.1\"";
        let points = "[[point]]\nid = \"x\"\npointer = \"/p\"\n";
        let topic = |topic: &str| format!("source = \"m\"\ntopic = \"{topic}\"");
        assert_eq!(warned(mqtt, &topic("boiler/1"), &topic("boiler/1"), points).len(), 1);
        assert!(warned(mqtt, &topic("boiler/1"), &topic("boiler/2"), points).is_empty());
        assert!(warned(mqtt, &topic("x/{device}"), &topic("x/{device}"), points).is_empty());
        let named = |device: &str| format!("{}\ndevice = \"{device}\"", topic("x/{device}"));
        assert_eq!(warned(mqtt, &named("d1"), &named("d1"), points).len(), 1);
        let node = "source = \"m\"\nsparkplug = { group = \"g\", node = \"n\" }";
        assert_eq!(warned(mqtt, node, node, "[[point]]\nid = \"x\"\nmetric = \"P\"\n").len(), 1);
        let push = "[[source.push]]\nid = \"app\"";
        let device = |name: &str| format!("source = \"app\"\ndevice = \"{name}\"");
        assert_eq!(warned(push, &device("d1"), &device("d1"), "[[point]]\nid = \"x\"\n").len(), 1);
        assert!(warned(push, &device("d1"), &device("d2"), "[[point]]\nid = \"x\"\n").is_empty());
    }
}
