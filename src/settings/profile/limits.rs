//! Limits as written, in a profile or over one.

use std::sync::Arc;
use std::time::Duration;

use super::super::fault::Written;
use super::super::walk::Walk;
use super::guidance::{GuidanceKeys, guidance};
use super::normal::normal;
use super::schedule::schedule;
use crate::plant::schedule::Slot;
use crate::plant::{HazardLevel, Limit, LimitKind, Priority};

/// A limit, an alarm for missing data, or the wish to have none, as written.
#[derive(Debug, Clone)]
pub(in crate::settings) enum LimitSetting {
    Limit(LimitKind, Box<LimitKeys>),
    NoData {
        after: Option<Duration>,
        off_delay: Option<Duration>,
        priority: Option<Priority>,
    },
    Off(LimitKind),
    /// The band of normal operation, or the wish to have none, and where it stands.
    Normal(Option<(f64, f64)>, Written),
}

/// The keys of a limit that were written; the others come from the limit it stands over, or a default.
#[derive(Debug, Clone, Default)]
pub(in crate::settings) struct LimitKeys {
    at: Option<f64>,
    deadband: Option<f64>,
    on_delay: Option<Duration>,
    off_delay: Option<Duration>,
    priority: Option<Priority>,
    latch: Option<bool>,
    /// `Some(None)`: none, said so.
    hazard: Option<Option<HazardLevel>>,
    escalate: Option<bool>,
    near: Option<f64>,
    /// Point of the same equipment; empty: whatever the limit stands over had, no more.
    pub(in crate::settings) when: Option<String>,
    /// Points of the same equipment; while one of them is 1 it calls nobody.
    pub(in crate::settings) unless: Option<Vec<String>>,
    /// Limits it follows from.
    follows: Option<Vec<String>>,
    schedule: Option<Vec<Slot>>,
    guidance: GuidanceKeys,
    /// Where the parts stand that are written.
    pub(in crate::settings) written: Vec<(Part, Written)>,
}

/// What of a limit a fault can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::settings) enum Part {
    At,
    Deadband,
    When,
    Unless,
    Follows,
}

const PARTS: [(Part, &str); 5] = [
    (Part::At, "at"),
    (Part::Deadband, "deadband"),
    (Part::When, "when"),
    (Part::Unless, "unless"),
    (Part::Follows, "follows"),
];

impl LimitKeys {
    /// These keys stand in the equipment's own settings.
    fn owned(mut self) -> Self {
        self.written.iter_mut().for_each(|part| part.1.own = true);
        self
    }

    /// As written.
    pub(super) fn priority(&self) -> Option<Priority> {
        self.priority
    }

    /// With this setpoint.
    pub(super) fn at(self, at: f64) -> Self {
        Self { at: Some(at), ..self }
    }

    /// Puts these keys over `base`; `None` if there is no setpoint from either.
    pub(in crate::settings) fn over(&self, kind: LimitKind, base: Option<&Limit>) -> Option<Limit> {
        let default = match kind {
            LimitKind::LL | LimitKind::HH => Priority::Critical,
            _ => Priority::High,
        };
        Some(Limit {
            kind,
            at: self.at.or(base.map(|b| b.at))?,
            deadband: self.deadband.or(base.map(|b| b.deadband)).unwrap_or_default(),
            on_delay: self.on_delay.or(base.map(|b| b.on_delay)).unwrap_or_default(),
            off_delay: self.off_delay.or(base.map(|b| b.off_delay)).unwrap_or_default(),
            priority: self.priority.or(base.map(|b| b.priority)).unwrap_or(default),
            latch: self.latch.or(base.map(|b| b.latch)).unwrap_or_default(),
            hazard: self.hazard.or(base.map(|b| b.hazard)).unwrap_or_default(),
            escalate: self.escalate.or(base.map(|b| b.escalate)).unwrap_or_default(),
            near: self.near.or(base.map(|b| b.near)).unwrap_or_default(),
            // Known when all points are.
            when: None,
            unless: Vec::new(),
            soon: Vec::new(),
            schedule: self.schedule.clone().or(base.map(|b| b.schedule.clone())).unwrap_or_default(),
            guidance: self.guidance.over(base.and_then(|b| b.guidance.as_deref())).map(Arc::new),
            follows: self.follows.clone().or(base.map(|b| b.follows.clone())).unwrap_or_default(),
        })
    }
}

/// What a discrete point cannot have: each kind of limit with what is wrong and what would be right.
pub(in crate::settings) fn not_on_discrete(kind: LimitKind, at: Option<f64>) -> Option<(String, String)> {
    match kind {
        LimitKind::NoData => None,
        LimitKind::State => at.filter(|at| *at != 0.0 && *at != 1.0).map(|at| {
            (
                format!("{at}, and a discrete point is 0 or 1"),
                "at = 1, or at = 0 if 0 is the alarm".to_owned(),
            )
        }),
        _ => Some((
            format!("a discrete point is 0 or 1 and knows no `{}`", kind.key()),
            "state = { at = 1 } alarms while it is 1, state = { at = 0 } while it is 0".to_owned(),
        )),
    }
}

/// Tells the limits of a discrete point that mean nothing; `walk` is the table of its limits.
pub(in crate::settings) fn check_discrete(walk: &Walk<'_>, limits: &[LimitSetting]) {
    for limit in limits {
        let LimitSetting::Limit(kind, keys) = limit else { continue };
        if let Some((problem, remedy)) = not_on_discrete(*kind, keys.at) {
            let key = if *kind == LimitKind::State { "state.at" } else { kind.key() };
            walk.fault(key, problem, remedy);
        }
    }
}

impl LimitSetting {
    /// `None` for what is no limit.
    pub(in crate::settings) fn kind(&self) -> Option<LimitKind> {
        match self {
            Self::Limit(kind, _) => Some(*kind),
            Self::NoData { .. } => Some(LimitKind::NoData),
            Self::Off(kind) => Some(*kind),
            Self::Normal(..) => None,
        }
    }
}

pub(in crate::settings) const PRIORITIES: &[(&str, Priority)] = &[
    ("critical", Priority::Critical),
    ("high", Priority::High),
    ("medium", Priority::Medium),
    ("low", Priority::Low),
];

/// The keys of one limit.
pub(super) fn limit_keys(l: &Walk<'_>) -> LimitKeys {
    let not_negative = |key| {
        let number = l.number(key);
        if number.is_some_and(|n| n < 0.0) {
            l.fault(key, "negative", "0 or more, in the point's unit");
        }
        number
    };
    let levels =
        [("general", Some(HazardLevel::General)), ("major", Some(HazardLevel::Major)), ("none", None)];
    LimitKeys {
        at: l.number("at"),
        deadband: not_negative("deadband"),
        on_delay: l.duration("on_delay"),
        off_delay: l.duration("off_delay"),
        priority: l.word("priority", PRIORITIES),
        latch: l.flag("latch"),
        hazard: l.word("hazard", &levels),
        escalate: l.flag("escalate"),
        near: not_negative("near"),
        when: l.text("when").map(str::to_owned),
        unless: l.texts("unless").map(|all| all.into_iter().map(str::to_owned).collect()),
        schedule: schedule(l),
        guidance: guidance(l),
        follows: l.texts("follows").map(|all| all.into_iter().map(str::to_owned).collect()),
        written: PARTS
            .iter()
            .filter(|(_, key)| l.has(key))
            .map(|(part, key)| (*part, l.written(key)))
            .collect(),
    }
}

/// The limits of one point, in the order LL, L, H, HH, state, no data.
/// With `may_inherit` they stand over a profile's own, and what is not written is taken from there.
pub(in crate::settings) fn limits(walk: &Walk<'_>, may_inherit: bool) -> Vec<LimitSetting> {
    let mut found = Vec::new();
    for (key, kind) in [
        ("ll", LimitKind::LL),
        ("l", LimitKind::L),
        ("h", LimitKind::H),
        ("hh", LimitKind::HH),
        ("state", LimitKind::State),
    ] {
        walk.mark(key);
        if walk.is_off(key) {
            found.push(LimitSetting::Off(kind));
            continue;
        }
        if let Some(at) = walk.shown_number(key) {
            let problem = "this is a number, and a limit is a table";
            walk.fault(key, problem, format!("write {key} = {{ at = {at} }}"));
            continue;
        }
        let Some(l) = walk.table(key) else { continue };
        let keys = limit_keys(&l);
        if !may_inherit && !l.has("at") {
            l.fault("at", "missing", "write the setpoint in the point's unit: at = -75");
        }
        l.finish();
        let keys = if may_inherit { keys.owned() } else { keys };
        found.push(LimitSetting::Limit(kind, Box::new(keys)));
    }
    walk.mark("no_data");
    if walk.is_off("no_data") {
        found.push(LimitSetting::Off(LimitKind::NoData));
    } else if walk.is_plain_text("no_data") {
        let after = walk.text("no_data").unwrap_or_default();
        let problem = "this is a string, and the alarm for missing data is a table";
        walk.fault("no_data", problem, format!("write no_data = {{ after = \"{after}\" }}"));
    } else if let Some(n) = walk.table("no_data") {
        let after = n.duration("after");
        if after.is_some_and(|a| a.is_zero()) {
            n.fault("after", "zero", "more than nothing, e.g. \"10s\"; no_data = false for none");
        }
        let off_delay = n.duration("off_delay");
        found.push(LimitSetting::NoData { after, off_delay, priority: n.word("priority", PRIORITIES) });
        n.finish();
    }
    found.extend(normal(walk, may_inherit));
    walk.finish();
    found
}
