//! An edge node itself, or one device behind it: its metrics as the last BIRTH named them.
//!
//! An alias is looked up only in the table that the BIRTH of the same part gave. The specification
//! wants aliases unique over the whole node; keeping to the part means that a sender who breaks that
//! rule can still not put one device's value under another's name.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::gather::Gather;
use super::members::is_structure;
use super::moment::{Moment, Times};
use super::slot::{Slot, Standing, Target};
use super::structure::Room;
use super::unmapped::Unmapped;
use super::value::{Datatype, Raw, read, unit};
use super::wholes::{Around, Late, Wholes, contains, unit_at};
use super::wire::Metric;
use super::{Counters, MOST_ALIASES};
use crate::plant::{Batch, Cause, DeviceIx, Micros, Now, Quality, Reading};
use crate::settings::{SparkplugMapping, SparkplugRules};

/// What a node needs of its host while it takes in a message.
pub(super) struct Context<'a> {
    pub(super) rules: &'a SparkplugRules,
    pub(super) now: Now,
    pub(super) gather: &'a mut Gather,
    pub(super) out: &'a mut Batch,
    pub(super) unmapped: &'a mut Unmapped,
    /// Aliases remembered over all nodes.
    pub(super) aliases: &'a mut usize,
}

/// A message while its metrics are taken.
pub(super) struct Message<'a, 'c> {
    /// Group and node id in a BIRTH, which names what it holds.
    pub(super) node: Option<(&'a str, &'a str)>,
    pub(super) times: Times,
    pub(super) counters: &'a mut Counters,
    pub(super) context: &'a mut Context<'c>,
    /// Members and cells of structures that may still be taken.
    pub(super) room: Room,
    /// The structures that are open, outermost first.
    pub(super) around: Vec<Around>,
    /// What is told of many points at once.
    pub(super) late: Late,
    /// No alias was met that nobody gave.
    all_known: bool,
}

impl<'a, 'c> Message<'a, 'c> {
    pub(super) fn new(
        node: Option<(&'a str, &'a str)>,
        times: Times,
        counters: &'a mut Counters,
        context: &'a mut Context<'c>,
    ) -> Self {
        let (around, late) = (Vec::new(), Late::default());
        Self { node, times, counters, context, room: Room::default(), around, late, all_known: true }
    }
}

/// A node's own metrics, or a device's.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Device id; `None` for the node itself.
    pub(super) id: Option<Box<str>>,
    /// Born and not dead.
    pub(super) online: bool,
    /// Messages are missing: a lost BIRTH may have given the aliases another meaning.
    pub(super) doubted: bool,
    pub(super) slots: Vec<Slot>,
    pub(super) by_name: BTreeMap<Box<str>, usize>,
    /// The units that structures name.
    pub(super) wholes: Wholes,
    aliases: HashMap<u64, Alias>,
    /// Not every alias of the BIRTH is remembered.
    cut: bool,
    /// With the time when something was last told of it.
    pub(super) devices: Vec<(DeviceIx, Duration)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Alias {
    Mapped(usize),
    Unmapped,
    /// A DataSet or a Template with mapped metrics in it, and its own if it is mapped too.
    Structure(Box<str>, Option<usize>),
    /// Several metrics claim it; these are the mapped ones.
    Clash(Vec<usize>),
}

impl Part {
    pub(super) fn new(id: Option<&str>) -> Self {
        Self { id: id.map(Into::into), ..Self::default() }
    }

    /// Adds what `mapping` wants of this part.
    pub(super) fn map(&mut self, mapping: &SparkplugMapping) {
        let device = self.devices.len();
        self.devices.push((mapping.device, Duration::ZERO));
        for point in &mapping.points {
            let slot = *self.by_name.entry(point.metric.as_str().into()).or_insert_with(|| {
                self.slots.push(Slot::new(&point.metric));
                self.slots.len() - 1
            });
            self.slots[slot].targets.push(Target {
                device,
                point: point.point,
                meaning: point.meaning.clone(),
                last: None,
            });
        }
    }

    /// Takes a BIRTH in: names, aliases and datatypes anew, and the values as of now
    /// (`tck-id-operational-behavior-data-publish-nbirth-values`, `…-dbirth-values`).
    pub(super) fn birth(
        &mut self,
        node: (&str, &str),
        metrics: &[Metric],
        times: Times,
        counters: &mut Counters,
        context: &mut Context<'_>,
    ) {
        self.forget(context.aliases);
        self.online = true;
        self.doubted = false;
        for slot in &mut self.slots {
            slot.forget();
        }
        self.wholes.clear();
        for name in metrics.iter().filter_map(|m| m.name.as_deref()) {
            if let Some(slot) = self.by_name.get(name) {
                self.slots[*slot].plain = true;
            }
        }
        let mut message = Message::new(Some(node), times, counters, context);
        self.introduced(metrics, &mut message);
        self.spoil_late(&mut message);
        let moment = times.message();
        for slot in self.slots.iter_mut().filter(|s| !s.named) {
            slot.bad(&self.devices, Cause::Missing, moment.at, context.gather);
        }
    }

    /// Takes the metrics of a BIRTH in: structures that somebody maps first, so that there is room for them; then the
    /// others; and last metrics of their own, one of which may have the name of a member that nobody maps.
    pub(super) fn introduced(&mut self, metrics: &[Metric], message: &mut Message<'_, '_>) {
        let rank = |metric: &Metric| {
            let datatype = Datatype::from_code(metric.datatype.unwrap_or_default());
            let mapped = || metric.name.as_deref().is_some_and(|name| self.holds(name));
            match is_structure(metric, datatype) {
                true if mapped() => 0,
                true => 1,
                false => 2,
            }
        };
        let mut order: Vec<(u8, &Metric)> = metrics.iter().map(|m| (rank(m), m)).collect();
        order.sort_by_key(|(rank, _)| *rank);
        for (_, metric) in order {
            self.born((None, 0), metric, Standing::SURE, message);
        }
    }

    /// Takes a metric of a BIRTH in, which may be a member of the template `of`, so many levels down.
    pub(super) fn born(
        &mut self,
        (of, depth): (Option<&str>, usize),
        metric: &Metric,
        standing: Standing,
        message: &mut Message<'_, '_>,
    ) {
        let Some(own) = metric.name.as_deref().filter(|n| !n.is_empty()) else {
            // `tck-id-payloads-alias-birth-requirement`: an alias without its name helps nobody.
            message.counters.nameless += 1;
            return;
        };
        let name = within(of, own);
        let datatype = Datatype::from_code(metric.datatype.unwrap_or_default());
        let slot = self.by_name.get(&*name).copied().filter(|s| of.is_none() || !self.slots[*s].plain);
        let structure = is_structure(metric, datatype);
        if let Some(alias) = metric.alias {
            let has_members = structure && self.holds(&name);
            let meaning = match slot {
                _ if has_members => Alias::Structure((&*name).into(), slot),
                Some(slot) => Alias::Mapped(slot),
                None => Alias::Unmapped,
            };
            self.learn(alias, meaning, message);
        }
        if let Some(slot) = slot {
            self.slots[slot].datatype = datatype;
            self.slots[slot].named = true;
            // Of two of one name the later one stands.
            self.slots[slot].unit.clear();
            self.contain(slot, message);
            let moment = message.times.metric(metric.timestamp, metric.is_historical == Some(true));
            self.deliver(slot, metric, moment, standing, message);
        }
        match structure {
            true => self.open(&name, metric, (depth, standing), message),
            false if slot.is_none() => message.note(self.id.as_deref(), &name, metric),
            false => {}
        }
    }

    /// Takes DATA in. False if an alias was not known, so that a rebirth would help.
    pub(super) fn data(
        &mut self,
        metrics: &[Metric],
        times: Times,
        counters: &mut Counters,
        context: &mut Context<'_>,
    ) -> bool {
        let mut message = Message::new(None, times, counters, context);
        for metric in metrics {
            self.told((None, 0), metric, Standing::SURE, &mut message);
        }
        self.spoil_late(&mut message);
        message.all_known
    }

    /// Takes a metric of DATA in, which may be a member of the template `of`, so many levels down. What comes
    /// under a name is as certain as what it came in.
    pub(super) fn told(
        &mut self,
        (of, depth): (Option<&str>, usize),
        metric: &Metric,
        standing: Standing,
        message: &mut Message<'_, '_>,
    ) {
        let moment = message.times.metric(metric.timestamp, metric.is_historical == Some(true));
        let datatype = Datatype::from_code(metric.datatype.unwrap_or_default());
        let alias = match (metric.name.as_deref().filter(|n| !n.is_empty()), metric.alias) {
            (Some(own), _) => {
                let name = within(of, own);
                let slot = self.by_name.get(&*name).copied();
                let slot = slot.filter(|s| of.is_none() || !self.slots[*s].plain);
                if let Some(slot) = slot {
                    self.contain(slot, message);
                    self.deliver(slot, metric, moment, standing, message);
                }
                // A null may come without its datatype.
                if is_structure(metric, datatype) || metric.value.is_none() {
                    self.open(&name, metric, (depth, standing), message);
                }
                return;
            }
            (None, Some(alias)) => alias,
            (None, None) => {
                message.counters.nameless += 1;
                return;
            }
        };
        match self.aliases.get(&alias) {
            Some(Alias::Mapped(slot)) => {
                self.deliver(*slot, metric, moment, standing.doubted(self.doubted), message);
            }
            Some(Alias::Unmapped) => {}
            Some(Alias::Structure(name, slot)) => {
                let (name, standing) = (name.clone(), standing.doubted(self.doubted));
                if let Some(slot) = *slot {
                    self.deliver(slot, metric, moment, standing, message);
                }
                self.open(&name, metric, (depth, standing), message);
            }
            Some(Alias::Clash(slots)) => {
                message.counters.alias_clashes += 1;
                if !message.late.may_reach(slots.len()) {
                    message.late.clash(alias, moment.at);
                    return;
                }
                for slot in slots {
                    let gather = &mut *message.context.gather;
                    self.slots[*slot].bad(&self.devices, Cause::Unreadable, moment.at, gather);
                }
            }
            None => {
                message.counters.unknown_aliases += 1;
                message.all_known &= self.cut;
            }
        }
    }

    /// All its points are bad for `cause` as of `at`.
    pub(super) fn bad(&mut self, cause: Cause, at: Micros, gather: &mut Gather) {
        for slot in &mut self.slots {
            slot.bad(&self.devices, cause, at, gather);
        }
    }

    /// Offline; what the last BIRTH said means nothing any more.
    pub(super) fn end(&mut self, aliases: &mut usize) {
        self.forget(aliases);
        self.online = false;
    }

    /// Tells unchanged values again where nothing came for a while: DATA holds changes only
    /// (`tck-id-operational-behavior-data-publish-dbirth-change`), and as long as no death is
    /// published what was said last is so still.
    pub(super) fn repeat(&mut self, context: &mut Context<'_>) {
        let Now { mono, wall } = context.now;
        if !self.online {
            return;
        }
        for (number, (device, told)) in self.devices.iter_mut().enumerate() {
            if mono < *told + context.rules.repeat {
                continue;
            }
            *told = mono;
            for target in self.slots.iter().flat_map(|s| &s.targets).filter(|t| t.device == number) {
                if let Some((value, quality)) = target.last {
                    context.gather.add(*device, wall, true, Reading { point: target.point, value, quality });
                }
            }
        }
    }

    /// When [`Part::repeat`] has something to do.
    pub(super) fn repeat_due(&self, rules: &SparkplugRules) -> Option<Duration> {
        let oldest = self.devices.iter().map(|(_, told)| *told).min()?;
        self.online.then_some(oldest + rules.repeat)
    }

    fn forget(&mut self, aliases: &mut usize) {
        *aliases -= self.aliases.len();
        self.aliases.clear();
        self.cut = false;
    }

    fn learn(&mut self, alias: u64, meaning: Alias, message: &mut Message<'_, '_>) {
        let aliases = &mut *message.context.aliases;
        let Some(known) = self.aliases.get(&alias) else {
            if *aliases >= MOST_ALIASES {
                self.cut = true;
            } else {
                *aliases += 1;
                self.aliases.insert(alias, meaning);
            }
            return;
        };
        if *known == meaning {
            return;
        }
        // `tck-id-payloads-alias-uniqueness` broken: nobody can tell which one is meant.
        message.counters.alias_clashes += u64::from(!matches!(known, Alias::Clash(_)));
        let mut slots = self.slots_of(known);
        slots.extend(self.slots_of(&meaning));
        slots.sort_unstable();
        slots.dedup();
        self.aliases.insert(alias, Alias::Clash(slots));
    }

    /// The mapped metrics that a value under an alias with this meaning would reach.
    fn slots_of(&self, meaning: &Alias) -> Vec<usize> {
        match meaning {
            Alias::Mapped(slot) => vec![*slot],
            Alias::Unmapped => Vec::new(),
            Alias::Structure(name, slot) => slot.iter().copied().chain(self.under(name)).collect(),
            Alias::Clash(slots) => slots.clone(),
        }
    }

    /// All points are bad for which the message told so too often to be taken one by one.
    fn spoil_late(&mut self, message: &mut Message<'_, '_>) {
        let late = std::mem::take(&mut message.late);
        for (name, (cause, moment)) in late.names {
            self.spoil(&self.under(&name), cause, moment, message);
        }
        for (alias, at) in late.clashes {
            let Some(Alias::Clash(slots)) = self.aliases.get(&alias) else { continue };
            for slot in slots {
                self.slots[*slot].bad(&self.devices, Cause::Unreadable, at, message.context.gather);
            }
        }
    }

    /// A metric is told in the structures that are open. What the BIRTH said of that stands.
    pub(super) fn contain(&mut self, slot: usize, message: &Message<'_, '_>) {
        let slot = &mut self.slots[slot];
        if message.node.is_none() && !slot.inside.is_empty() {
            return;
        }
        let names = message.around.iter().map(|around| &*around.name);
        slot.inside.clear();
        slot.inside.extend(names.filter(|name| contains(name, &slot.name)).map(str::len));
    }

    pub(super) fn deliver(
        &mut self,
        slot: usize,
        metric: &Metric,
        moment: Moment,
        standing: Standing,
        message: &mut Message<'_, '_>,
    ) {
        let slot = &mut self.slots[slot];
        let context = &mut *message.context;
        let own = metric.datatype.map(Datatype::from_code).filter(|d| *d != Datatype::Unknown);
        let raw = standing.against.map_or_else(|| read(metric, own.unwrap_or(slot.datatype)), Raw::Bad);
        // DATA repeats properties only where they change. Those of history hold for that value alone.
        let named = unit(metric);
        if let Some(unit) = named.filter(|_| moment.live || message.node.is_some()) {
            slot.name_unit(unit);
        }
        let known = || unit_at(&slot.name, (&slot.unit, &slot.inside), &message.around, &self.wholes);
        let unit = named.unwrap_or_else(known);
        for target in &mut slot.targets {
            let (value, quality) = raw.at(&target.meaning, unit);
            let quality = match moment.doubt(quality) {
                Quality::Good if !standing.certain => Quality::Uncertain(Cause::Missing),
                quality => quality,
            };
            let (device, told) = &mut self.devices[target.device];
            if moment.live {
                target.last = Some((value, quality));
                *told = context.now.mono;
            }
            context.gather.add(
                *device,
                moment.at,
                moment.live,
                Reading { point: target.point, value, quality },
            );
        }
    }
}

/// The name of a metric that may be a member of the template `of`.
fn within<'n>(of: Option<&str>, own: &'n str) -> Cow<'n, str> {
    match of {
        None => Cow::Borrowed(own),
        Some(of) => Cow::Owned(format!("{of}/{own}")),
    }
}
