//! The members of templates and the cells of data sets, taken as metrics named `TEMPLATE/MEMBER` and `DATASET/COLUMN`
//! (or `DATASET/ROW/COLUMN`, rows from 0).
//!
//! A template may be told in part: members that a message leaves out are as they were. A data set is told whole: a
//! cell that it does not have is missing. What cannot be opened leaves all its points unreadable, and what is said
//! against the whole is said against each of them. The unit that a whole names counts for what is in it and names
//! none itself, in this message and in those that come.

use std::ops::Bound;

use super::Datatype;
use super::moment::Moment;
use super::part::{Message, Part};
use super::slot::Standing;
use super::structure::{Fault, Place, Table, inherited, members};
use super::unmapped::example;
use super::value::{complaint, unit};
use super::wholes::Around;
use super::wire::{Metric, Value};
use crate::plant::Cause;

#[cfg(test)]
thread_local! {
    /// Points that were spoilt, for tests of what a message may cost.
    pub(super) static REACHED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Structures within structures are opened so far down.
const DEEPEST: usize = 8;

/// The structure that `metric` is, by what it holds or by what its BIRTH said.
pub(super) fn is_structure(metric: &Metric, datatype: Datatype) -> bool {
    match &metric.value {
        Some(Value::DataSet(_) | Value::Template(_)) => true,
        Some(_) => false,
        None => matches!(datatype, Datatype::DataSet | Datatype::Template),
    }
}

impl Part {
    /// The mapped metrics whose names begin with `name/`, and which no metric of their own has in the BIRTH in force.
    pub(super) fn under(&self, name: &str) -> Vec<usize> {
        let head = format!("{name}/");
        let from = (Bound::Included(head.as_str()), Bound::Unbounded);
        let all = self.by_name.range::<str, _>(from).take_while(|(known, _)| known.starts_with(&head));
        all.map(|(_, slot)| *slot).filter(|slot| !self.slots[*slot].plain).collect()
    }

    /// Whether there is one of [`Part::under`].
    pub(super) fn holds(&self, name: &str) -> bool {
        let head = format!("{name}/");
        let from = (Bound::Included(head.as_str()), Bound::Unbounded);
        let mut all = self.by_name.range::<str, _>(from).take_while(|(known, _)| known.starts_with(&head));
        all.any(|(_, slot)| !self.slots[*slot].plain)
    }

    /// Takes what is in the structure `metric`, which goes by `name`, `depth` levels down.
    pub(super) fn open(
        &mut self,
        name: &str,
        metric: &Metric,
        (depth, standing): (usize, Standing),
        message: &mut Message<'_, '_>,
    ) {
        let holds = self.holds(name);
        // In a BIRTH what nobody maps is listed.
        if !holds && message.node.is_none() {
            return;
        }
        let moment = message.times.metric(metric.timestamp, metric.is_historical == Some(true));
        let named = unit(metric);
        let lasts = moment.live || message.node.is_some();
        if holds && lasts {
            let top = message.around.first().map_or(name.len(), |around| around.name.len());
            self.wholes.name_unit(name, top, named, message.node.is_some());
        }
        let passing = named.filter(|_| !lasts).map(Into::into);
        message.around.push(Around { name: name.into(), unit: passing });
        self.take_in(name, metric, (depth, standing, moment), message);
        message.around.pop();
    }

    fn take_in(
        &mut self,
        name: &str,
        metric: &Metric,
        (depth, standing, moment): (usize, Standing, Moment),
        message: &mut Message<'_, '_>,
    ) {
        let is_null = metric.is_null == Some(true);
        let against = standing.against.or_else(|| complaint(metric));
        if let Some(cause) = if is_null { Some(Cause::NotANumber) } else { against } {
            self.spoil_all(name, cause, moment, message);
            message.note(self.id.as_deref(), name, metric);
            // Units and aliases of members are told once, whatever their values are worth.
            if is_null || !matches!(metric.value, Some(Value::Template(_))) {
                return;
            }
        }
        let standing = Standing { against, ..standing };
        let opened = match &metric.value {
            _ if depth >= DEEPEST => Err(Fault::Deep(DEEPEST)),
            Some(Value::Template(bytes)) => match members(bytes, &mut message.room) {
                Ok(Some(found)) if !found.is_empty() => {
                    self.template(name, found, metric, (depth, standing), message);
                    Ok(())
                }
                Ok(found) => {
                    let empty = if found.is_some() { "no members" } else { "a definition" };
                    message.note_words(self.id.as_deref(), name, (Datatype::Template, empty));
                    Ok(())
                }
                Err(fault) => Err(fault),
            },
            Some(Value::DataSet(bytes)) => Table::read(bytes, &mut message.room)
                .map(|table| self.data_set(name, &table, metric, (moment, standing), message)),
            _ => {
                self.spoil_all(name, Cause::Missing, moment, message);
                Ok(())
            }
        };
        if let Err(fault) = opened {
            message.counters.unreadable_structures += 1;
            self.spoil_all(name, Cause::Unreadable, moment, message);
            let datatype = match metric.value {
                Some(Value::DataSet(_)) => Datatype::DataSet,
                _ => Datatype::Template,
            };
            let words = format!("not readable: {fault}");
            message.note_words(self.id.as_deref(), name, (datatype, &words));
        }
    }

    /// All that is under `name`, unless the message has reached too many points with that already: then `None`.
    fn reached(&self, name: &str, message: &mut Message<'_, '_>) -> Option<Vec<usize>> {
        if !message.late.may_reach(0) {
            return None;
        }
        let under = self.under(name);
        message.late.may_reach(under.len()).then_some(under)
    }

    /// All that is under `name` has no value, for `cause`: now, or once at the end of the message.
    fn spoil_all(&mut self, name: &str, cause: Cause, moment: Moment, message: &mut Message<'_, '_>) {
        match self.reached(name, message) {
            Some(under) => self.spoil(&under, cause, moment, message),
            None => message.late.name(name, cause, moment),
        }
    }

    /// All of `slots` have no value, for `cause`.
    pub(super) fn spoil(
        &mut self,
        slots: &[usize],
        cause: Cause,
        moment: Moment,
        message: &mut Message<'_, '_>,
    ) {
        #[cfg(test)]
        REACHED.set(REACHED.get() + slots.len());
        for slot in slots {
            self.slots[*slot].named = true;
            self.slots[*slot].bad_at(&self.devices, cause, moment, message.context.gather);
        }
    }

    fn template(
        &mut self,
        name: &str,
        found: Vec<Metric>,
        whole: &Metric,
        (depth, standing): (usize, Standing),
        message: &mut Message<'_, '_>,
    ) {
        for member in found {
            let member = inherited(member, whole);
            match message.node {
                Some(_) => self.born((Some(name), depth + 1), &member, standing, message),
                None => self.told((Some(name), depth + 1), &member, standing, message),
            }
        }
    }

    fn data_set(
        &mut self,
        name: &str,
        table: &Table,
        whole: &Metric,
        (moment, standing): (Moment, Standing),
        message: &mut Message<'_, '_>,
    ) {
        let under = self.reached(name, message);
        if under.is_none() {
            message.late.name(name, Cause::Unreadable, moment);
        }
        for slot in &under.unwrap_or_default() {
            let place = table.place(&self.slots[*slot].name[name.len() + 1..]);
            self.slots[*slot].named = true;
            match place {
                Place::Cell(row, column) => {
                    let cell = table.cell((row, column), whole);
                    self.slots[*slot].datatype = Datatype::from_code(cell.datatype.unwrap_or_default());
                    // A cell names no unit of its own; in DATA what the BIRTH named still holds.
                    if message.node.is_some() {
                        self.slots[*slot].unit.clear();
                    }
                    self.contain(*slot, message);
                    self.deliver(*slot, &cell, moment, standing, message);
                }
                Place::Several => self.spoil(&[*slot], Cause::Unreadable, moment, message),
                Place::Nowhere => self.spoil(&[*slot], Cause::Missing, moment, message),
            }
        }
        if message.node.is_none() {
            return;
        }
        let mut names = table.names().peekable();
        if names.peek().is_none() {
            message.note(self.id.as_deref(), name, whole);
        }
        for (column, at) in names {
            let full = format!("{name}/{column}");
            if !self.by_name.contains_key(full.as_str()) {
                message.note(self.id.as_deref(), &full, &table.cell(at, whole));
            }
        }
    }
}

impl Message<'_, '_> {
    /// Lists what no mapping takes, in a BIRTH; the protocol's own is left out there.
    pub(super) fn note(&mut self, device: Option<&str>, name: &str, metric: &Metric) {
        let Some((group, node)) = self.node else { return };
        let datatype = Datatype::from_code(metric.datatype.unwrap_or_default());
        self.context.unmapped.note((group, node, device), name, datatype, &example(metric, datatype));
    }

    /// Lists a structure, mapped or not, with what is to be known of it.
    fn note_words(&mut self, device: Option<&str>, name: &str, (datatype, words): (Datatype, &str)) {
        let Some((group, node)) = self.node else { return };
        let words = format!("({}, {words})", datatype.word());
        self.context.unmapped.note((group, node, device), name, datatype, &words);
    }
}
