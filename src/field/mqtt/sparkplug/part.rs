//! An edge node itself, or one device behind it: its metrics as the last BIRTH named them.
//!
//! An alias is looked up only in the table that the BIRTH of the same part gave. The specification
//! wants aliases unique over the whole node; keeping to the part means that a sender who breaks that
//! rule can still not put one device's value under another's name.

use std::collections::HashMap;
use std::time::Duration;

use super::gather::{Gather, bad};
use super::moment::{Moment, Times};
use super::unmapped::Unmapped;
use super::value::{Datatype, read, unit};
use super::wire::Metric;
use super::{Counters, MOST_ALIASES};
use crate::plant::{Batch, Cause, DeviceIx, Meaning, Micros, Now, PointIx, Quality, Reading};
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

/// A node's own metrics, or a device's.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Device id; `None` for the node itself.
    pub(super) id: Option<Box<str>>,
    /// Born and not dead.
    pub(super) online: bool,
    /// Messages are missing: a lost BIRTH may have given the aliases another meaning.
    pub(super) doubted: bool,
    slots: Vec<Slot>,
    by_name: HashMap<Box<str>, usize>,
    aliases: HashMap<u64, Alias>,
    /// Not every alias of the BIRTH is remembered.
    cut: bool,
    /// With the time when something was last told of it.
    devices: Vec<(DeviceIx, Duration)>,
}

/// A mapped metric.
#[derive(Debug)]
struct Slot {
    datatype: Datatype,
    /// What the last BIRTH, or DATA since, named as its unit; empty if nothing.
    unit: String,
    named: bool,
    targets: Vec<Target>,
}

/// A point that a metric feeds.
#[derive(Debug)]
struct Target {
    /// Into [`Part::devices`].
    device: usize,
    point: PointIx,
    meaning: Meaning,
    last: Option<(f64, Quality)>,
}

#[derive(Debug)]
enum Alias {
    Mapped(usize),
    Unmapped,
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
                self.slots.push(Slot::new());
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
            slot.named = false;
        }
        for metric in metrics {
            let Some(name) = metric.name.as_deref().filter(|n| !n.is_empty()) else {
                // `tck-id-payloads-alias-birth-requirement`: an alias without its name helps nobody.
                counters.nameless += 1;
                continue;
            };
            let datatype = Datatype::from_code(metric.datatype.unwrap_or_default());
            let slot = self.by_name.get(name).copied();
            if let Some(alias) = metric.alias {
                self.learn(alias, slot, counters, context.aliases);
            }
            match slot {
                Some(slot) => {
                    self.slots[slot].datatype = datatype;
                    self.slots[slot].named = true;
                    self.slots[slot].unit.clear();
                    let moment = times.metric(metric.timestamp, metric.is_historical == Some(true));
                    self.deliver(slot, metric, moment, true, context);
                }
                None => context.unmapped.note(node.0, node.1, self.id.as_deref(), name, datatype),
            }
        }
        let moment = times.message();
        for slot in self.slots.iter_mut().filter(|s| !s.named) {
            slot.bad(&self.devices, Cause::Missing, moment.at, context.gather);
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
        let mut all_known = true;
        for metric in metrics {
            let moment = times.metric(metric.timestamp, metric.is_historical == Some(true));
            match (metric.name.as_deref().filter(|n| !n.is_empty()), metric.alias) {
                (Some(name), _) => {
                    if let Some(slot) = self.by_name.get(name).copied() {
                        self.deliver(slot, metric, moment, true, context);
                    }
                }
                (None, Some(alias)) => match self.aliases.get(&alias) {
                    Some(Alias::Mapped(slot)) => {
                        self.deliver(*slot, metric, moment, !self.doubted, context);
                    }
                    Some(Alias::Unmapped) => {}
                    Some(Alias::Clash(slots)) => {
                        counters.alias_clashes += 1;
                        for slot in slots {
                            self.slots[*slot].bad(
                                &self.devices,
                                Cause::Unreadable,
                                moment.at,
                                context.gather,
                            );
                        }
                    }
                    None => {
                        counters.unknown_aliases += 1;
                        all_known &= self.cut;
                    }
                },
                (None, None) => counters.nameless += 1,
            }
        }
        all_known
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

    fn learn(&mut self, alias: u64, slot: Option<usize>, counters: &mut Counters, aliases: &mut usize) {
        let meaning = slot.map_or(Alias::Unmapped, Alias::Mapped);
        match self.aliases.get_mut(&alias) {
            None if *aliases >= MOST_ALIASES => self.cut = true,
            None => {
                *aliases += 1;
                self.aliases.insert(alias, meaning);
            }
            Some(Alias::Mapped(known)) if Some(*known) == slot => {}
            Some(Alias::Unmapped) if slot.is_none() => {}
            Some(Alias::Clash(slots)) => slots.extend(slot),
            Some(known) => {
                // `tck-id-payloads-alias-uniqueness` broken: nobody can tell which one is meant.
                counters.alias_clashes += 1;
                let first = if let Alias::Mapped(slot) = known { Some(*slot) } else { None };
                *known = Alias::Clash(first.into_iter().chain(slot).collect());
            }
        }
    }

    fn deliver(
        &mut self,
        slot: usize,
        metric: &Metric,
        moment: Moment,
        certain: bool,
        context: &mut Context<'_>,
    ) {
        let slot = &mut self.slots[slot];
        let own = metric.datatype.map(Datatype::from_code).filter(|d| *d != Datatype::Unknown);
        let raw = read(metric, own.unwrap_or(slot.datatype));
        // DATA repeats properties only where they change.
        if let Some(unit) = unit(metric).filter(|unit| *unit != slot.unit) {
            unit.clone_into(&mut slot.unit);
        }
        for target in &mut slot.targets {
            let (value, quality) = raw.at(&target.meaning, &slot.unit);
            let quality = match moment.doubt(quality) {
                Quality::Good if !certain => Quality::Uncertain(Cause::Missing),
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

impl Slot {
    fn new() -> Self {
        Self { datatype: Datatype::Unknown, unit: String::new(), named: false, targets: Vec::new() }
    }

    fn bad(&mut self, devices: &[(DeviceIx, Duration)], cause: Cause, at: Micros, gather: &mut Gather) {
        for target in &mut self.targets {
            target.last = Some((f64::NAN, Quality::Bad(cause)));
            gather.add(devices[target.device].0, at, true, bad(target.point, cause));
        }
    }
}
