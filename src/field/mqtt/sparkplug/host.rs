//! All edge nodes that the settings name, as one host application hears them at one broker.

use std::collections::HashMap;
use std::time::Duration;

use super::gather::Gather;
use super::node::{Incoming, Life, Node, list};
use super::part::Context;
use super::topic::{Kind, NAMESPACE, Topic};
use super::unmapped::{Unmapped, UnmappedMetric};
use super::{Counters, SparkplugError, wire};
use crate::plant::{Batch, Micros, Now};
use crate::settings::{SparkplugMapping, SparkplugRules};

/// The reading side of a Sparkplug Host Application. Pure: time is handed in, and what is to be
/// published is handed out.
#[derive(Debug)]
pub struct Host {
    rules: SparkplugRules,
    nodes: Vec<Node>,
    /// Group id → edge node id → index.
    by_name: HashMap<Box<str>, HashMap<Box<str>, usize>>,
    unmapped: Unmapped,
    aliases: usize,
    gather: Gather,
    refused: u64,
}

/// A message to publish: QoS 0, not retained (`tck-id-payloads-ncmd-qos`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebirth {
    /// `spBv1.0/{group}/NCMD/{node}`.
    pub topic: String,
    /// `Node Control/Rebirth = true`.
    pub payload: Vec<u8>,
}

/// How an edge node stands, for the data path and `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus<'a> {
    /// Group id.
    pub group: &'a str,
    /// Edge node id.
    pub node: &'a str,
    /// Whether it is there.
    pub life: Life,
    /// Its mapped devices, and whether each is there.
    pub devices: Vec<(&'a str, bool)>,
    /// When the last NBIRTH came.
    pub last_birth: Option<Micros>,
    /// The session's number, from the last NBIRTH.
    pub bd_seq: Option<u64>,
    /// A rebirth would help, and has not been asked for yet (or may not be).
    pub wants_rebirth: bool,
    /// What happened so far.
    pub counters: Counters,
}

impl Host {
    /// Listens to the metrics of `mappings`.
    #[must_use]
    pub fn new(mappings: &[SparkplugMapping], rules: SparkplugRules) -> Self {
        let mut host = Self {
            rules,
            nodes: Vec::new(),
            by_name: HashMap::new(),
            unmapped: Unmapped::default(),
            aliases: 0,
            gather: Gather::default(),
            refused: 0,
        };
        for mapping in mappings {
            let group = host.by_name.entry(mapping.group.as_str().into()).or_default();
            let node = *group.entry(mapping.node.as_str().into()).or_insert_with(|| {
                host.nodes.push(Node::new(&mapping.group, &mapping.node));
                host.nodes.len() - 1
            });
            host.nodes[node].map(mapping);
        }
        host
    }

    /// Topic filters to subscribe to, all with QoS 0: what waited at the broker while we were away
    /// would come as if it were the present. One for each edge node, `#` for its devices.
    pub fn filters(&self) -> impl Iterator<Item = String> {
        self.nodes.iter().flat_map(|n| {
            let (group, node) = (&n.group, &n.id);
            [format!("{NAMESPACE}/{group}/+/{node}"), format!("{NAMESPACE}/{group}/+/{node}/+")]
        })
    }

    /// Takes a message on a topic under `spBv1.0/`; adds samples to `out`.
    ///
    /// Messages of nodes without a mapping only add to [`Host::unmapped`]; STATE and commands do
    /// nothing. Call [`Host::wanted`] afterwards.
    ///
    /// # Errors
    /// [`SparkplugError`]; nothing is taken from the message then.
    pub fn message(
        &mut self,
        topic: &str,
        payload: &[u8],
        retained: bool,
        now: Now,
        out: &mut Batch,
    ) -> Result<(), SparkplugError> {
        let taken = self.take(topic, payload, retained, now, out);
        self.refused += u64::from(taken.is_err());
        taken
    }

    fn take(
        &mut self,
        topic: &str,
        payload: &[u8],
        retained: bool,
        now: Now,
        out: &mut Batch,
    ) -> Result<(), SparkplugError> {
        let Topic::Node { group, kind, node, device } = Topic::parse(topic)? else { return Ok(()) };
        if matches!(kind, Kind::NodeCommand | Kind::DeviceCommand) {
            return Ok(());
        }
        if retained {
            return Err(SparkplugError::Retained);
        }
        // A will without a payload is a death all the same; anything else without one says nothing, and must not
        // be taken for the message with the sequence number 0.
        if payload.is_empty() && kind != Kind::NodeDeath {
            return Err(SparkplugError::Empty);
        }
        let payload = wire::parse(payload)?;
        let (nodes, mut context) = self.context(now, out);
        let Some(node) = nodes.of(group, node) else {
            if matches!(kind, Kind::NodeBirth | Kind::DeviceBirth) {
                list(group, node, device, &payload.metrics, &mut context);
            }
            return Ok(());
        };
        node.take(Incoming { kind, device, payload }, &mut context);
        Ok(())
    }

    /// Does what is due; see [`Host::deadline`]. Once a second is often enough.
    pub fn tick(&mut self, now: Now, out: &mut Batch) {
        let (nodes, mut context) = self.context(now, out);
        for node in nodes.all {
            node.tick(&mut context);
        }
    }

    /// The broker is there: nodes that do not give birth by themselves will be asked to.
    pub fn connected(&mut self, now: Now) {
        let mut nothing = Batch::default();
        let (nodes, context) = self.context(now, &mut nothing);
        for node in nodes.all {
            node.connected(&context);
        }
    }

    /// The broker is away: all nodes are unknown, all points bad. The second time it does nothing.
    pub fn disconnected(&mut self, now: Now, out: &mut Batch) {
        let (nodes, mut context) = self.context(now, out);
        for node in nodes.all {
            node.disconnected(&mut context);
        }
    }

    /// Rebirth requests to publish now, at most one a node in `rebirth_every`; none unless `may_rebirth`.
    pub fn wanted(&mut self, now: Now) -> impl Iterator<Item = Rebirth> {
        let rules = self.rules;
        self.nodes.iter_mut().filter_map(move |node| {
            node.asks(now.mono, &rules).then(|| Rebirth {
                topic: format!("{NAMESPACE}/{}/NCMD/{}", node.group, node.id),
                payload: wire::rebirth(u64::try_from(now.wall.0 / 1000).unwrap_or_default()),
            })
        })
    }

    /// When [`Host::tick`] and then [`Host::wanted`] have something to do, on the monotonic clock; it
    /// may be past.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.nodes.iter().filter_map(|n| n.deadline(&self.rules)).min()
    }

    /// How the mapped edge nodes stand.
    pub fn statuses(&self) -> impl Iterator<Item = NodeStatus<'_>> {
        self.nodes.iter().map(|n| NodeStatus {
            group: &n.group,
            node: &n.id,
            life: n.life,
            devices: n.devices().collect(),
            last_birth: n.last_birth(),
            bd_seq: n.bd_seq(),
            wants_rebirth: n.wants_rebirth,
            counters: n.counters,
        })
    }

    /// Metrics that BIRTHs named and no mapping takes, in order of their names.
    pub fn unmapped(&self) -> impl Iterator<Item = UnmappedMetric<'_>> {
        self.unmapped.iter()
    }

    /// Unmapped metrics beyond what [`Host::unmapped`] keeps, each counted as often as it came.
    #[must_use]
    pub fn unmapped_left_out(&self) -> u64 {
        self.unmapped.left_out
    }

    /// Messages that gave an error.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Aliases remembered over all nodes.
    #[cfg(test)]
    pub(super) fn aliases(&self) -> usize {
        self.aliases
    }

    fn context<'a>(&'a mut self, now: Now, out: &'a mut Batch) -> (Nodes<'a>, Context<'a>) {
        let context = Context {
            rules: &self.rules,
            now,
            gather: &mut self.gather,
            out,
            unmapped: &mut self.unmapped,
            aliases: &mut self.aliases,
        };
        (Nodes { all: &mut self.nodes, by_name: &self.by_name }, context)
    }
}

struct Nodes<'a> {
    all: &'a mut [Node],
    by_name: &'a HashMap<Box<str>, HashMap<Box<str>, usize>>,
}

impl<'a> Nodes<'a> {
    fn of(self, group: &str, node: &str) -> Option<&'a mut Node> {
        let at = *self.by_name.get(group)?.get(node)?;
        self.all.get_mut(at)
    }
}
