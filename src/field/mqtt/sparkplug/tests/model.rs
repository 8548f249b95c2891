//! Random nodes over random networks, judged by what the node meant.
//!
//! The model knows nothing of sessions and aliases: every value that the simulated node sends is a
//! number of its own, and the model remembers which point it was meant for, and whether every message
//! since the last birth of its part got through. The network drops, repeats and delays, but delays no
//! message longer than the reorder timeout; and an NBIRTH comes before what its own session sends, as
//! any broker delivers one connection's messages to a subscriber that has one subscription.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::bench::{Bench, START_MS, Told, aliased, bd_seq, good, message, named, values};
use crate::field::mqtt::sparkplug::{Life, MOST_ALIASES, Metric, Payload, PropertySet, Value};
use crate::plant::{Batch, Quality};
use crate::settings::SparkplugRules;

/// What the node does next.
#[derive(Debug, Clone)]
enum Step {
    /// All births, in a new session (after its death) or the same; aliases shifted.
    Births { new_session: bool, shift: u64 },
    /// The device comes back with other aliases.
    DeviceBirth { shift: u64 },
    /// One or two metrics of node or device.
    Data { of_device: bool, both: bool },
}

/// What the network does with a message.
#[derive(Debug, Clone)]
struct Fate {
    /// Since the message before, in ms.
    pause: u64,
    dropped: bool,
    delay: u64,
    again: Option<u64>,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (any::<bool>(), 0..4_u64).prop_map(|(new_session, shift)| Step::Births { new_session, shift }),
        1 => (0..4_u64).prop_map(|shift| Step::DeviceBirth { shift }),
        8 => (any::<bool>(), any::<bool>()).prop_map(|(of_device, both)| Step::Data { of_device, both }),
    ]
}

fn fate(rough: bool) -> impl Strategy<Value = Fate> {
    let pause = prop_oneof![4 => 1..100_u64, 1 => 100..4_000_u64];
    let delay = prop_oneof![3 => Just(0), 1 => 1..1_500_u64];
    let again = prop_oneof![5 => Just(None), 1 => (0..1_500_u64).prop_map(Some)];
    (pause, 0..8_u8, delay, again).prop_map(move |(pause, dice, delay, again)| Fate {
        pause,
        dropped: rough && dice == 0,
        delay,
        again: again.filter(|_| rough),
    })
}

/// The node as it sees itself.
struct Node {
    ms: u64,
    seq: u64,
    bd_seq: u64,
    /// Alias of the first metric of node and device; the second has the next.
    aliases: [u64; 2],
    value: f64,
    /// Value → its point, and whether it may be good.
    meant: HashMap<u64, (u32, bool)>,
    /// Everything since the last birth of node and device got through.
    clean: [bool; 2],
    wire: Vec<(u64, &'static str, Payload)>,
}

impl Node {
    fn new() -> Self {
        Self {
            ms: START_MS + 100_000,
            seq: 0,
            bd_seq: 0,
            aliases: [1, 11],
            value: 0.0,
            meant: HashMap::new(),
            clean: [true; 2],
            wire: Vec::new(),
        }
    }

    fn value(&mut self, point: u32, may_be_good: bool) -> f64 {
        self.value += 1.0;
        self.meant.insert(self.value as u64, (point, may_be_good));
        self.value
    }

    fn send(&mut self, topic: &'static str, metrics: Vec<Metric>, fate: &Fate, sure: bool) {
        let payload = message(self.ms, self.seq, metrics);
        self.seq = (self.seq + 1) % 256;
        if fate.dropped && !sure {
            return;
        }
        let delay = if sure { 0 } else { fate.delay };
        self.wire.push((self.ms + delay, topic, payload.clone()));
        if let Some(again) = fate.again.filter(|_| !sure) {
            self.wire.push((self.ms + again, topic, payload));
        }
    }

    fn birth(&mut self, part: usize, fate: &Fate) {
        let names = [["a", "b"], ["a", "c"]][part];
        let alias = self.aliases[part];
        let sure = part == 0;
        let dropped = fate.dropped && !sure;
        let mut metrics: Vec<_> = (0..2)
            .map(|n| {
                let value = self.value(part as u32 * 2 + n as u32, true);
                named(names[n], alias + n as u64, value)
            })
            .collect();
        if sure {
            metrics.push(bd_seq(self.bd_seq));
        }
        // A lost birth is a lost message for the other part as well.
        self.clean[part] = !dropped;
        self.clean[1 - part] &= !dropped;
        self.send(["NBIRTH/n", "DBIRTH/n/d"][part], metrics, fate, sure);
    }

    fn step(&mut self, step: &Step, fate: &Fate) {
        self.ms += fate.pause;
        match step {
            Step::Births { new_session, shift } => {
                if *new_session {
                    self.send("NDEATH/n", vec![bd_seq(self.bd_seq)], fate, true);
                    self.bd_seq += 1;
                    self.ms += 1;
                }
                self.seq = 0;
                self.aliases = [1 + shift, 11 + shift];
                self.birth(0, fate);
                self.ms += 1;
                self.birth(1, fate);
            }
            Step::DeviceBirth { shift } => {
                self.aliases[1] = 11 + shift;
                self.birth(1, fate);
            }
            Step::Data { of_device, both } => {
                let part = usize::from(*of_device);
                if fate.dropped {
                    self.clean = [false; 2];
                }
                let alias = self.aliases[part];
                let metrics = (0..1 + u64::from(*both))
                    .map(|n| {
                        let value = self.value(part as u32 * 2 + n as u32, self.clean[part]);
                        aliased(alias + n, value)
                    })
                    .collect();
                self.send(["NDATA/n", "DDATA/n/d"][part], metrics, fate, false);
            }
        }
    }
}

/// Delivers in order of arrival, with a tick every 100 ms.
fn run(bench: &mut Bench, node: &mut Node) -> Vec<Told> {
    let mut told = Vec::new();
    node.wire.sort_by_key(|(arrival, _, _)| *arrival);
    for (arrival, topic, payload) in std::mem::take(&mut node.wire) {
        while bench.ms() + 100 <= arrival {
            bench.later(100);
            told.extend(bench.tick());
        }
        bench.mono = Duration::from_millis(arrival - START_MS);
        told.extend(bench.deliver(topic, &payload));
    }
    for _ in 0..30 {
        bench.later(100);
        told.extend(bench.tick());
    }
    told
}

fn calm() -> Bench {
    Bench::with(SparkplugRules { repeat: Duration::from_secs(3600), ..SparkplugRules::default() })
}

const FIRST: Step = Step::Births { new_session: false, shift: 0 };
const SMOOTH: Fate = Fate { pause: 1, dropped: false, delay: 0, again: None };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_good_value_is_always_the_one_that_was_meant_and_a_birth_mends_everything(
        steps in prop::collection::vec((step(), fate(true)), 1..60),
    ) {
        let (mut bench, mut node) = (Bench::new(), Node::new());
        node.step(&FIRST, &SMOOTH);
        for (step, fate) in &steps {
            node.step(step, fate);
        }
        let told = run(&mut bench, &mut node);
        for told in &told {
            if let (Some(value), Quality::Good) = (told.value, told.quality) {
                let (point, may_be_good) = node.meant[&(value as u64)];
                prop_assert_eq!(told.point, point, "{:?}", told);
                prop_assert!(may_be_good, "good after a loss: {:?}", told);
            }
        }
        node.ms = bench.ms() + 5_000;
        let from = node.value;
        node.step(&Step::Births { new_session: true, shift: 2 }, &SMOOTH);
        node.step(&Step::Data { of_device: true, both: true }, &SMOOTH);
        node.step(&Step::Data { of_device: false, both: true }, &SMOOTH);
        let told = run(&mut bench, &mut node);
        let fresh: Vec<_> = values(&told)
            .into_iter()
            .filter(|(_, value, _)| value.is_some_and(|v| v > from))
            .collect();
        let expected: Vec<_> = [0, 1, 2, 3, 2, 3, 0, 1]
            .into_iter()
            .zip(1..)
            .map(|(point, n)| good(point, from + f64::from(n)))
            .collect();
        prop_assert_eq!(fresh, expected);
        prop_assert_eq!(bench.status().life, Life::Online);
    }

    #[test]
    fn of_messages_that_only_overtake_each_other_every_value_arrives_once_and_in_order(
        steps in prop::collection::vec((step(), fate(false)), 1..60),
    ) {
        let (mut bench, mut node) = (calm(), Node::new());
        node.step(&FIRST, &SMOOTH);
        for (step, fate) in steps.iter().filter(|(s, _)| !matches!(s, Step::Births { .. })) {
            node.step(step, fate);
        }
        let told = run(&mut bench, &mut node);
        let expected: Vec<_> = (1..=node.value as u64).map(|v| good(node.meant[&v].0, v as f64)).collect();
        prop_assert_eq!(values(&told), expected);
        let counters = bench.status().counters;
        prop_assert_eq!((counters.gaps, counters.duplicates, counters.lost), (0, 0, 0));
        prop_assert_eq!(bench.wanted(), vec![]);
    }

    #[test]
    fn nothing_that_comes_in_makes_it_panic(
        messages in prop::collection::vec((topic(), payload(), any::<bool>(), 0..5_000_u64), 1..40),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut bench = Bench::born();
        let mut out = Batch::default();
        for (topic, payload, retained, pause) in messages {
            let now = bench.later(pause).now();
            let _ = bench.host.message(&topic, &prost::Message::encode_to_vec(&payload), retained, now, &mut out);
            let _ = bench.host.message(&topic, &bytes, retained, now, &mut out);
            bench.host.tick(now, &mut out);
            prop_assert!(bench.host.wanted(now).count() <= 1);
            let _ = bench.host.deadline();
            prop_assert!(bench.host.aliases() <= MOST_ALIASES);
        }
        let now = bench.now();
        bench.host.disconnected(now, &mut out);
        prop_assert_eq!(bench.host.aliases(), 0, "what is forgotten is given back");
        prop_assert_eq!(bench.status().life, Life::Unknown);
    }
}

#[test]
fn aliases_beyond_the_bound_are_not_remembered_and_no_reason_for_a_rebirth() {
    let mut bench = Bench::new();
    let mappings: Vec<_> = (0..5)
        .map(|n| crate::settings::SparkplugMapping {
            node: format!("n{n}"),
            sub_device: None,
            ..super::bench::mappings()[0].clone()
        })
        .collect();
    bench.host = crate::field::mqtt::sparkplug::Host::new(&mappings, SparkplugRules::default());
    for n in 0..5 {
        let metrics = (0..4_999).map(|m| named(&format!("m{m}"), m, 0.0)).collect();
        bench.send(&format!("NBIRTH/n{n}"), 0, metrics);
    }
    assert_eq!(bench.host.aliases(), MOST_ALIASES);
    assert_eq!(bench.wanted(), []);
    bench.send("NDATA/n4", 1, vec![aliased(4_998, 1.0)]);
    assert_eq!(bench.wanted(), []);
    bench.send("NDATA/n0", 1, vec![aliased(4_998, 1.0)]);
    assert_eq!(bench.wanted(), []);
    bench.send("NDATA/n0", 2, vec![aliased(77_777, 1.0)]);
    assert_eq!(bench.wanted().len(), 1);
}

fn topic() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec![
        "NBIRTH/n",
        "NDATA/n",
        "NDEATH/n",
        "DBIRTH/n/d",
        "DDATA/n/d",
        "DDEATH/n/d",
        "DDATA/n/x",
        "NCMD/n",
        "NBIRTH/x",
    ]);
    prop_oneof![20 => kind.prop_map(|k| format!("spBv1.0/g/{k}")), 1 => "[a-zA-Z/+#]{0,20}"]
}

fn payload() -> impl Strategy<Value = Payload> {
    let metrics = prop::collection::vec(metric(), 0..6);
    let seq = prop::option::of(prop_oneof![8 => 0..8_u64, 1 => any::<u64>()]);
    (time(), metrics, seq).prop_map(|(timestamp, metrics, seq)| Payload {
        timestamp,
        metrics,
        seq,
        ..Payload::default()
    })
}

fn time() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(prop_oneof![4 => START_MS..START_MS + 300_000, 1 => any::<u64>()])
}

fn metric() -> impl Strategy<Value = Metric> {
    let name = prop::option::of(prop::sample::select(vec!["a", "b", "c", "bdSeq", "", "z"]));
    let value = prop::option::of(prop_oneof![
        any::<u32>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::Long),
        any::<f32>().prop_map(Value::Float),
        any::<f64>().prop_map(Value::Double),
        any::<bool>().prop_map(Value::Boolean),
        "[-0-9a-z. ]{0,6}".prop_map(Value::String),
        Just(Value::Template(vec![1, 2])),
    ]);
    let flags = (prop::option::of(any::<bool>()), prop::option::of(any::<bool>()));
    let keys = prop::option::of(prop::collection::vec(Just("Quality".to_owned()), 0..3));
    (name, prop::option::of(0..6_u64), time(), prop::option::of(0..40_u32), flags, keys, value).prop_map(
        |(name, alias, timestamp, datatype, (is_historical, is_null), keys, value)| Metric {
            name: name.map(str::to_owned),
            alias,
            timestamp,
            datatype,
            is_historical,
            is_transient: None,
            is_null,
            properties: keys.map(|keys| PropertySet { keys, values: vec![] }),
            value,
        },
    )
}
