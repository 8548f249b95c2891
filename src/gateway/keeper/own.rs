//! The gateway's own alarms: about its store, which no limit watches. They are called, acknowledged, kept and shown
//! like others, and judged by the keeper itself.

use super::Keeper;
use crate::console::{AlarmView, GuidanceView, StoreView, Texts};
use crate::plant::{Micros, Now};
use crate::watch::{AlarmState, Event, RuleIx, Saved, Transition};

/// The store cannot be written, or not all of it.
const STORE: &str = "gateway/store.state";
/// Something of the ledger is not what it was; stands until somebody has taken note.
const LEDGER: &str = "gateway/ledger.state";
/// Of no rule.
const NO_RULE: RuleIx = RuleIx(u32::MAX);

struct Own {
    key: &'static str,
    kind: &'static str,
    active: bool,
    state: AlarmState,
    raised_at: Option<Micros>,
    acknowledged_by: Option<String>,
    what: Texts,
}

/// See the module.
pub(super) struct OwnAlarms(Vec<Own>);

impl OwnAlarms {
    /// As they were stored.
    pub(super) fn restore(saved: &[Saved]) -> Self {
        let own = |key: &'static str, kind: &'static str| {
            let stored = saved.iter().find(|s| s.key == key);
            let state = stored.map_or(AlarmState::Normal, |s| s.state.0);
            Own {
                key,
                kind,
                active: state.is_active(),
                state,
                raised_at: stored.and_then(|s| s.raised_at),
                acknowledged_by: stored.and_then(|s| s.acknowledged_by.clone()),
                what: Texts::default(),
            }
        };
        Self(vec![own(STORE, "store"), own(LEDGER, "ledger")])
    }

    /// It is one of these.
    pub(super) fn is_own(key: &str) -> bool {
        key == STORE || key == LEDGER
    }
}

impl Keeper {
    /// Raises or clears the alarm of the store.
    pub(super) fn own_alarm_of_the_store(&mut self, store: &StoreView, now: Now) {
        let problem = store.problem.clone().unwrap_or_default();
        let zh = match store.state {
            "reserve" => "磁盘已满，台账正在使用预留空间。",
            "full" => "磁盘已满：数据暂存内存，判断照常进行。",
            "read-only" => "磁盘只读：数据暂存内存，判断照常进行。",
            "moved" => "存储文件被移走或替换。",
            "damaged" => "存储文件损坏。",
            "stalled" => "磁盘无响应：数据暂存内存，判断照常进行。",
            _ => "存储无法写入：数据暂存内存，判断照常进行。",
        };
        let what = Texts { zh: zh.to_owned(), en: format!("The store is {}: {problem}", store.state) };
        let active = store.state != "ok";
        if active || self.own.0[0].active {
            self.own_alarm(STORE, active, what, now);
        }
    }

    /// Raises the alarm of the ledger.
    pub(super) fn own_alarm_of_the_ledger(&mut self, what: &str, now: Now) {
        let zh = format!("存储文件有异常，请查看日志：{what}");
        self.own_alarm(LEDGER, true, Texts { zh, en: what.to_owned() }, now);
    }

    fn own_alarm(&mut self, key: &str, active: bool, what: Texts, now: Now) {
        let Some(own) = self.own.0.iter_mut().find(|o| o.key == key) else { return };
        let from = own.state;
        if active {
            own.what = what;
        }
        let (event, to) = match (own.active, active) {
            (false, true) => {
                own.raised_at = Some(now.wall);
                own.acknowledged_by = None;
                (Event::Raised, AlarmState::Unacknowledged)
            }
            (true, false) if from == AlarmState::Acknowledged => (Event::Cleared, AlarmState::Normal),
            (true, false) => (Event::Cleared, AlarmState::ReturnedUnacknowledged),
            _ => return,
        };
        (own.active, own.state) = (active, to);
        if event == Event::Raised {
            tracing::warn!(rule = key, "alarm raised");
        }
        self.own_moved(key, (from, to, event), None, now);
    }

    /// A person takes note. False if there is nothing to take note of.
    pub(super) fn acknowledge_own(&mut self, key: &str, by: &str, now: Now) -> bool {
        let Some(own) = self.own.0.iter_mut().find(|o| o.key == key) else { return false };
        let from = own.state;
        let to = match from {
            // What is told once has no end of its own.
            AlarmState::Unacknowledged if key == LEDGER => AlarmState::Normal,
            AlarmState::Unacknowledged => AlarmState::Acknowledged,
            AlarmState::ReturnedUnacknowledged => AlarmState::Normal,
            _ => return false,
        };
        own.state = to;
        own.active = to.is_active();
        own.acknowledged_by = Some(by.to_owned());
        self.own_moved(key, (from, to, Event::Acknowledged), Some(by), now);
        true
    }

    fn own_moved(
        &mut self,
        key: &str,
        (from, to, event): (AlarmState, AlarmState, Event),
        by: Option<&str>,
        now: Now,
    ) {
        let Some(own) = self.own.0.iter().find(|o| o.key == key) else { return };
        let saved = Saved {
            key: key.to_owned(),
            state: crate::watch::Kept(to),
            raised_at: own.raised_at,
            acknowledged_by: own.acknowledged_by.clone(),
            ..Saved::default()
        };
        self.work.ledger.saved.insert(key.to_owned(), saved);
        let by = by.map(str::to_owned);
        let moved = Transition {
            rule: NO_RULE,
            from,
            to,
            event,
            at: now.wall,
            value: None,
            cause: None,
            by,
            raised_at: own.raised_at,
        };
        self.work.ledger.transitions.push((key.into(), moved));
        self.waits();
        self.show_own();
    }

    /// Shows them.
    pub(super) fn show_own(&self) {
        for own in &self.own.0 {
            let shown = self.live.alarms().iter().any(|a| a.rule == own.key);
            if own.state == AlarmState::Normal && !shown {
                continue;
            }
            self.live.set_alarm(AlarmView {
                rule: own.key.to_owned(),
                equipment: "gateway".to_owned(),
                point: None,
                device: None,
                kind: own.kind,
                priority: "high",
                state: own.state.word(),
                value: None,
                at: None,
                unit: String::new(),
                raised_at: own.raised_at.map(Micros::rfc3339),
                acknowledged_by: own.acknowledged_by.clone(),
                active: own.active,
                condition_unknown: None,
                first_out: false,
                guidance: Some(GuidanceView {
                    message: Some(own.what.clone()),
                    consequence: None,
                    response: None,
                    response_time_s: None,
                }),
                hidden: None,
                hazard: None,
            });
        }
    }
}
