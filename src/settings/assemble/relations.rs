//! What limits have to do with each other: the point that says whether a limit means anything (`when`), and
//! the limits that it only follows from (`follows`). Resolved when all points of the equipment are known.

use std::collections::{HashMap, HashSet};

use super::super::fault::{Written, nearest};
use super::super::profile::{LimitKeys, Part};
use super::super::walk::Walk;
use crate::plant::{LimitKind, Point, PointIx};

/// The names as written, by the limit they stand with.
#[derive(Debug, Default)]
pub(super) struct Relations {
    when: HashMap<(PointIx, LimitKind), String>,
    unless: HashMap<(PointIx, LimitKind), Vec<String>>,
    normal: HashMap<PointIx, (f64, f64)>,
    off: HashSet<(PointIx, LimitKind)>,
    /// Where parts of limits stand that somebody wrote; what a preset gave stands nowhere.
    written: HashMap<(PointIx, LimitKind, Part), Written>,
    normal_written: HashMap<PointIx, Written>,
}

/// Those of one point.
pub(super) struct OfPoint<'a> {
    all: &'a mut Relations,
    point: PointIx,
}

impl Relations {
    pub(super) fn of(&mut self, point: PointIx) -> OfPoint<'_> {
        OfPoint { all: self, point }
    }

    /// Where a fault about these parts of one point's limits belongs: the equipment's own words count over its
    /// profile's, and of two the later one is to change.
    pub(super) fn written(&self, point: PointIx, parts: &[(LimitKind, Part)]) -> Option<&Written> {
        let found = parts.iter().filter_map(|(kind, part)| self.written.get(&(point, *kind, *part)));
        found.max_by_key(|w| (w.own, &w.place))
    }

    /// The same for a limit and the band of normal operation that it reaches into.
    pub(super) fn written_or_normal(&self, point: PointIx, kind: LimitKind, part: Part) -> Option<&Written> {
        let (limit, normal) = (self.written.get(&(point, kind, part)), self.normal_written.get(&point));
        match (limit, normal) {
            (Some(limit), Some(normal)) if normal.own && !limit.own => Some(normal),
            (Some(limit), _) => Some(limit),
            (None, normal) => normal,
        }
    }

    /// The band in which the point is when all is well, as far as somebody said.
    pub(super) fn normal(&self, point: PointIx) -> Option<(f64, f64)> {
        self.normal.get(&point).copied()
    }

    /// Somebody wrote that this limit is not wanted.
    pub(super) fn is_off(&self, point: PointIx, kind: LimitKind) -> bool {
        self.off.contains(&(point, kind))
    }

    /// Puts indexes and whole keys for the names in the limits of `point`. `own` are the equipment's id and
    /// its points.
    pub(super) fn resolve(
        &self,
        point: PointIx,
        points: &mut [Point],
        (equipment, own): (&str, &[PointIx]),
        w: &Walk<'_>,
    ) {
        let tell = |kind: LimitKind, part: Part, key: &str, problem: String, remedy: String| {
            if w.is_partial() {
                return;
            }
            match self.written(point, &[(kind, part)]) {
                Some(written) => w.fault_at(written, problem, remedy),
                None => w.fault(key, problem, remedy),
            }
        };
        for n in 0..points[point.0 as usize].limits.len() {
            let limit = &points[point.0 as usize].limits[n];
            let kind = limit.kind;
            let key = |what: &str| format!("limits.{}.{}.{what}", points[point.0 as usize].id, kind.key());
            let mut condition = None;
            if let Some(name) = self.when.get(&(point, kind)).filter(|name| !name.is_empty()) {
                condition = own.iter().copied().find(|p| points[p.0 as usize].id.as_str() == name);
                let known = own.iter().map(|p| points[p.0 as usize].id.as_str());
                match condition {
                    None => {
                        let problem = format!("there is no point `{name}`");
                        tell(kind, Part::When, &key("when"), problem, nearest(name, known));
                    }
                    Some(p) if p == point => {
                        let remedy = "a point that says whether it means anything".to_owned();
                        tell(kind, Part::When, &key("when"), "the limit's own point".to_owned(), remedy);
                    }
                    Some(_) => {}
                }
            }
            let mut unless = Vec::new();
            for name in self.unless.get(&(point, kind)).into_iter().flatten() {
                match own.iter().copied().find(|p| points[p.0 as usize].id.as_str() == name) {
                    Some(found) => unless.push(found),
                    None => {
                        let known = nearest(name, own.iter().map(|p| points[p.0 as usize].id.as_str()));
                        let problem = format!("there is no point `{name}`");
                        tell(kind, Part::Unless, &key("unless"), problem, known);
                    }
                }
            }
            let mut follows = Vec::new();
            for name in &limit.follows {
                let whole = if name.contains('/') { name.clone() } else { format!("{equipment}/{name}") };
                let stands = |p: &PointIx| {
                    let q = &points[p.0 as usize];
                    q.limits.iter().any(|l| whole == format!("{equipment}/{}.{}", q.id, l.kind.key()))
                };
                // Limits of other equipment are looked for when the plant is whole: an unknown one never stands.
                if !name.contains('/') && !own.iter().any(stands) {
                    let remedy =
                        "POINT.LIMIT of this equipment, e.g. \"flame_fail.state\", or EQUIPMENT/POINT.LIMIT";
                    let problem = format!("there is no limit `{name}`");
                    tell(kind, Part::Follows, &key("follows"), problem, remedy.to_owned());
                }
                follows.push(whole);
            }
            let limit = &mut points[point.0 as usize].limits[n];
            (limit.when, limit.unless, limit.follows) = (condition, unless, follows);
        }
    }
}

impl OfPoint<'_> {
    /// Notes the names of this limit; what is not written stays as it was.
    pub(super) fn noted<'k>(&mut self, kind: LimitKind, keys: &'k LimitKeys) -> &'k LimitKeys {
        if let Some(name) = &keys.when {
            self.all.when.insert((self.point, kind), name.clone());
        }
        if let Some(names) = &keys.unless {
            self.all.unless.insert((self.point, kind), names.clone());
        }
        for (part, written) in &keys.written {
            self.all.written.insert((self.point, kind, *part), written.clone());
        }
        keys
    }

    /// Nobody wrote a condition for this limit.
    pub(super) fn is_unconditional(&self, kind: LimitKind) -> bool {
        let key = (self.point, kind);
        !self.all.when.contains_key(&key) && !self.all.unless.contains_key(&key)
    }

    /// It calls nobody while the point `state` is 1.
    pub(super) fn suppressed_in(&mut self, kind: LimitKind, state: String) {
        self.all.unless.entry((self.point, kind)).or_default().push(state);
    }

    /// It means something only while `point` is 1.
    pub(super) fn only_while(&mut self, kind: LimitKind, point: String) {
        self.all.when.insert((self.point, kind), point);
    }

    /// In this band the point is when all is well; `None`: nobody knows.
    pub(super) fn runs_within(&mut self, band: Option<(f64, f64)>, written: Option<&Written>) {
        self.all.normal_written.extend(written.map(|w| (self.point, w.clone())));
        match band {
            Some(band) => self.all.normal.insert(self.point, band),
            None => self.all.normal.remove(&self.point),
        };
    }

    /// The limit is switched off.
    pub(super) fn forget(&mut self, kind: LimitKind) {
        self.all.off.insert((self.point, kind));
        self.all.when.remove(&(self.point, kind));
        self.all.unless.remove(&(self.point, kind));
        self.all.written.retain(|(point, of, _), _| (*point, *of) != (self.point, kind));
    }
}
