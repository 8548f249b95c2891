//! Derived points → points like any other, and calculations in an order in which they can be made.
//!
//! Formulas are checked when the whole plant is known, for they may read points of other equipment. A formula may use
//! derived points too, in whatever order they are written, but in no circle.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::super::fault::{Fault, nearest};
use super::super::in_words;
use super::super::profile::{DerivedSetting, Recipe, not_on_discrete, quantity};
use super::ladder::apply;
use super::plant::PlantBuilder;
use crate::derive::PlantNames;
use crate::derive::formula::{Formula, FormulaError};
use crate::plant::{Derived, Device, DeviceIx, EquipmentIx, How, Id, LimitKind, Point, PointIx, ValueType};

/// Source of what is calculated. No source in the settings has this id.
pub(super) const SOURCE: &str = "derived";

/// A derived point whose formula is still to be checked.
pub(super) struct Pending {
    point: PointIx,
    device: DeviceIx,
    setting: DerivedSetting,
}

impl PlantBuilder<'_> {
    /// Makes the points of `settings`; their formulas wait for [`PlantBuilder::formulas`].
    pub(super) fn derived(
        &mut self,
        equipment: EquipmentIx,
        owner: &str,
        settings: Vec<DerivedSetting>,
        own: &mut Vec<PointIx>,
    ) {
        for setting in settings {
            if own.iter().any(|o| self.points[o.0 as usize].id == setting.id) {
                let problem = format!("there is a point `{}` already", setting.id);
                let remedy = format!("another id; its limits are written under limits.{}", setting.id);
                let (place, key) = (setting.id_place.clone(), setting.key.clone());
                self.faults.borrow_mut().push(Fault { place, key, problem, remedy });
                continue;
            }
            let Some(device) = self.calculator(equipment, owner) else { continue };
            let ix = PointIx(self.points.len() as u32);
            let unit = setting.unit.clone().unwrap_or_default();
            let is_bool = unit == "bool";
            own.push(ix);
            self.devices[device.0 as usize].points.push(ix);
            self.points.push(Point {
                id: setting.id.clone(),
                name: setting.name.clone(),
                equipment,
                device,
                unit,
                range: setting.range,
                value_type: if is_bool { ValueType::Bool } else { ValueType::Float },
                decimals: if is_bool { 0 } else { setting.decimals },
                labels: setting.labels.clone(),
                limits: Vec::new(),
                doubts: None,
                voted: [false; 2],
                no_data: None,
            });
            // A limit without a setpoint was called a fault where it was read.
            let mut point = self.points.pop().expect("just pushed");
            if setting.unit.is_some() {
                self.preset_under(ix, &mut point);
            }
            let _ = apply(&mut point, &setting.limits, &mut self.relations.of(ix));
            self.points.push(point);
            self.pending.push(Pending { point: ix, device, setting });
        }
    }

    /// Its unit is that of its formula, which nobody has read yet.
    pub(super) fn is_undecided(&self, ix: PointIx) -> bool {
        self.pending.iter().any(|p| p.point == ix && p.setting.unit.is_none())
    }

    /// What calculates for one piece of equipment.
    pub(super) fn calculator(&mut self, equipment: EquipmentIx, owner: &str) -> Option<DeviceIx> {
        let known = |d: &Device| d.equipment == equipment && d.source.as_str() == SOURCE;
        let number = self.devices.iter().position(known).unwrap_or(self.devices.len());
        if number == self.devices.len() {
            self.devices.push(Device {
                label: format!("{SOURCE}/{owner}"),
                equipment,
                source: Id::new(SOURCE).ok()?,
                points: Vec::new(),
                stale_after: Duration::MAX,
            });
        }
        Some(DeviceIx(number as u32))
    }

    /// Checks all formulas; call it when all equipment is there.
    pub(super) fn formulas(&mut self) -> Vec<Derived> {
        let mut pending = std::mem::take(&mut self.pending);
        for one in &pending {
            let equipment = self.points[one.point.0 as usize].equipment;
            for (id, high) in &one.setting.votes {
                let mut of = self.points.iter_mut().filter(|p| p.equipment == equipment);
                if let Some(point) = of.find(|p| p.id.as_str() == id) {
                    point.voted[usize::from(*high)] = true;
                }
            }
        }
        let mut undecided: HashSet<PointIx> =
            pending.iter().filter(|p| p.setting.unit.is_none()).map(|p| p.point).collect();
        // Those that find their unit themselves come first, as written: the others say theirs.
        pending.sort_by_key(|p| p.setting.unit.is_some());
        let mut inputs: HashMap<PointIx, Vec<PointIx>> = HashMap::new();
        let mut made = Vec::new();
        for one in &pending {
            undecided.remove(&one.point);
            let Some(text) = self.written(one) else { continue };
            let own = self.points[one.point.0 as usize].equipment;
            let names = PlantNames {
                points: &self.points,
                equipment: &self.equipment,
                own,
                this: Some(one.point),
                undecided: Some(&undecided),
            };
            let formula = match &one.setting.unit {
                Some(unit) => Formula::parse_as(&text, unit, &names),
                None => Formula::parse(&text, &names),
            };
            match formula {
                Ok(formula) => {
                    let point = &mut self.points[one.point.0 as usize];
                    formula.unit().clone_into(&mut point.unit);
                    if formula.is_bool() {
                        (point.value_type, point.decimals) = (ValueType::Bool, 0);
                        let limits: Vec<_> = point.limits.iter().map(|l| (l.kind, l.at)).collect();
                        for (kind, at) in limits {
                            if let Some((problem, remedy)) = not_on_discrete(kind, Some(at)) {
                                self.tell(&one.setting, problem, remedy);
                            }
                        }
                    }
                    inputs.insert(one.point, formula.inputs().to_vec());
                    made.push(Derived {
                        points: vec![one.point],
                        device: one.device,
                        how: How::Formula(text),
                    });
                }
                // A point of a profile with faults may be what the formula lacks.
                Err(e) if e.problem.starts_with("there is no point") && self.may_lack(own, &text) => {}
                Err(error) => self.tell(&one.setting, told(&error), error.remedy.clone()),
            }
        }
        made.append(&mut self.due);
        for one in self.instruments() {
            if let How::Instrument { inputs: read, .. } = &one.how {
                let read: Vec<PointIx> = read.iter().flatten().copied().collect();
                inputs.extend(one.points.iter().map(|p| (*p, read.clone())));
            }
            made.push(one);
        }
        self.watch_what_decides(&inputs);
        self.in_order(&pending, made, &inputs)
    }

    /// The formula as text.
    fn written(&self, one: &Pending) -> Option<String> {
        let (of, kind, window) = match &one.setting.formula {
            Recipe::Formula(text) => return Some(text.clone()),
            Recipe::TimeTo { of, limit, window } => (of, *limit, *window),
        };
        let owner = self.points[one.point.0 as usize].equipment;
        let point = self.points.iter().find(|p| p.equipment == owner && p.id == *of)?;
        let Some(limit) = point.limits.iter().find(|l| l.kind == kind) else {
            let known = nearest(kind.key(), point.limits.iter().map(|l| l.kind.key()));
            self.tell(&one.setting, format!("`{of}` has no limit `{}`", kind.key()), known);
            return None;
        };
        let function =
            if matches!(kind, LimitKind::L | LimitKind::LL) { "time_to_low" } else { "time_to_high" };
        let at = quantity(limit.at, &point.unit);
        Some(format!("{function}(point({:?}), {at}, {})", of.as_str(), in_words(window)))
    }

    /// Whatever decides whether a limit calls (the cause it follows from too), and what a watched point is calculated from, is
    /// missed when it is gone: each such point has a no-data alarm, unless somebody said otherwise.
    fn watch_what_decides(&mut self, inputs: &HashMap<PointIx, Vec<PointIx>>) {
        let mut wanted: Vec<PointIx> = Vec::new();
        for (number, point) in (0u32..).zip(&self.points) {
            for limit in &point.limits {
                wanted.extend(limit.when.iter().chain(&limit.unless).chain(&limit.soon));
                wanted.extend(limit.follows.iter().filter_map(|cause| self.point_of_rule(cause)));
            }
            let flatline = point.doubts.as_ref().and_then(|d| d.flatline.as_ref());
            wanted.extend(flatline.and_then(|f| f.when));
            if point.no_data.is_some() {
                wanted.extend(inputs.get(&PointIx(number)).into_iter().flatten());
            }
        }
        let mut seen: HashSet<PointIx> = HashSet::new();
        while let Some(point) = wanted.pop() {
            if seen.insert(point) {
                self.watch(point);
                wanted.extend(inputs.get(&point).into_iter().flatten());
            }
        }
    }

    /// The point of the limit with this key, `EQUIPMENT/POINT.LIMIT`.
    fn point_of_rule(&self, key: &str) -> Option<PointIx> {
        let (path, _) = key.rsplit_once('.')?;
        let (equipment, point) = path.split_once('/')?;
        let owner = self.equipment.iter().position(|e| e.id.as_str() == equipment)?;
        let is = |p: &Point| p.equipment.0 as usize == owner && p.id.as_str() == point;
        (0u32..).zip(&self.points).find(|(_, p)| is(p)).map(|(number, _)| PointIx(number))
    }

    /// Inputs before what is calculated from them.
    fn in_order(
        &self,
        pending: &[Pending],
        mut made: Vec<Derived>,
        inputs: &HashMap<PointIx, Vec<PointIx>>,
    ) -> Vec<Derived> {
        made.sort_by(|a, b| a.points.cmp(&b.points));
        let mut done: HashSet<PointIx> = HashSet::new();
        let mut ordered = Vec::new();
        loop {
            let waits = |d: &Derived| {
                let read =
                    d.points.first().and_then(|p| inputs.get(p)).map(Vec::as_slice).unwrap_or_default();
                read.iter().any(|input| inputs.contains_key(input) && !done.contains(input))
            };
            let (now, later): (Vec<_>, Vec<_>) = made.into_iter().partition(|d| !waits(d));
            made = later;
            if now.is_empty() {
                break;
            }
            done.extend(now.iter().flat_map(|d| d.points.iter().copied()));
            ordered.extend(now);
        }
        if !made.is_empty() {
            let left = || made.iter().flat_map(|d| &d.points);
            let circle: Vec<&str> = left().map(|p| self.points[p.0 as usize].id.as_str()).collect();
            for one in pending.iter().filter(|p| left().any(|d| *d == p.point)) {
                let problem = format!("goes round in a circle, with {}", circle.join(", "));
                self.tell(&one.setting, problem, "calculate one of them from what is read".to_owned());
            }
        }
        ordered
    }

    /// The formula reads equipment of which not all is known.
    fn may_lack(&self, own: EquipmentIx, formula: &str) -> bool {
        let names = |e: &EquipmentIx| {
            self.equipment.get(e.0 as usize).is_some_and(|e| formula.contains(e.id.as_str()))
        };
        self.broken.contains(&own) || self.broken.iter().any(names)
    }

    fn tell(&self, setting: &DerivedSetting, problem: String, remedy: String) {
        let (place, key) = (setting.place.clone(), setting.key.clone());
        self.faults.borrow_mut().push(Fault { place, key, problem, remedy });
    }
}

/// With the formula, and marks under what is at fault.
fn told(error: &FormulaError) -> String {
    let (line, marks) = error.marked();
    format!("column {}: {}\n    {line}\n    {marks}\n    ", error.column, error.problem)
}
