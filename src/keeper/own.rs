//! The gateway's own alarms: about its store, which no limit watches. They are called, acknowledged, kept and shown
//! like others, and judged by the keeper itself.

use std::time::{Duration, Instant};

use super::Keeper;
use crate::alarm::{AlarmState, Event, RuleIx, StoredAlarm, StoredText, Transition};
use crate::live::{AlarmView, GuidanceView, StoreView, Texts};
use crate::people::Actor;
use crate::plant::{Micros, Now};

/// The store cannot be written, or not all of it.
const STORE: &str = "gateway/store.state";
/// Something of the ledger is not what it was; stands until somebody has taken note.
const LEDGER: &str = "gateway/ledger.state";
/// Things told by one alarm; beyond that the oldest go, which stand in the trail.
const MOST_TOLD: usize = 20;
/// A part beside reading, judging and recording is down, or works only in part.
const PARTS: &str = "gateway/parts.state";
/// A part that is down for no longer than this is no alarm: it may be starting.
const PART_MAY_REST: Duration = Duration::from_secs(10);
/// Of no rule.
pub(super) const NO_RULE: RuleIx = RuleIx(u32::MAX);

struct Own {
    key: &'static str,
    kind: &'static str,
    active: bool,
    state: AlarmState,
    raised_at: Option<Micros>,
    acknowledged_by: Option<String>,
    /// What it tells, oldest first.
    told: Vec<Texts>,
}

impl Own {
    /// What is told is told until somebody has taken note of it; how the store stands, only as it stands now. False if it
    /// says so already.
    fn tell(&mut self, what: Texts) -> bool {
        if self.told.contains(&what) && (self.active || self.key != LEDGER) {
            return false;
        }
        if !self.active || self.key != LEDGER {
            self.told.clear();
        }
        self.told.push(what);
        let many = self.told.len().saturating_sub(MOST_TOLD);
        self.told.drain(..many);
        true
    }

    fn message(&self) -> Option<Texts> {
        let all = |of: fn(&Texts) -> &str, between: &str| {
            self.told.iter().map(of).collect::<Vec<_>>().join(between)
        };
        let told = Texts { zh: all(|t| &t.zh, "；"), en: all(|t| &t.en, "; ") };
        (!self.told.is_empty()).then_some(told)
    }

    fn saved(&self) -> StoredAlarm {
        StoredAlarm {
            key: self.key.to_owned(),
            state: self.state,
            raised_at: self.raised_at,
            acknowledged_by: self.acknowledged_by.clone(),
            told: self.told.iter().map(|t| StoredText { zh: t.zh.clone(), en: t.en.clone() }).collect(),
            ..StoredAlarm::default()
        }
    }
}

/// See the module.
pub(super) struct OwnAlarms(Vec<Own>);

impl OwnAlarms {
    /// As they were stored.
    pub(super) fn restore(saved: &[StoredAlarm]) -> Self {
        let own = |key: &'static str, kind: &'static str| {
            let stored = saved.iter().find(|s| s.key == key);
            let state = stored.map_or(AlarmState::Normal, |s| s.state);
            Own {
                key,
                kind,
                active: state.is_active(),
                state,
                raised_at: stored.and_then(|s| s.raised_at),
                acknowledged_by: stored.and_then(|s| s.acknowledged_by.clone()),
                told: stored.map_or_else(Vec::new, |s| {
                    s.told.iter().cloned().map(|t| Texts { zh: t.zh, en: t.en }).collect()
                }),
            }
        };
        Self(vec![own(STORE, "store"), own(LEDGER, "ledger"), own(PARTS, "parts")])
    }

    /// It is one of these.
    pub(super) fn is_own(key: &str) -> bool {
        [STORE, LEDGER, PARTS].contains(&key)
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

    /// Once a second: raises the alarm of the parts while one of them does not do its work, or clears it.
    pub(super) fn own_alarm_of_the_parts(&mut self, now: Now) {
        let states = self.board.states();
        // What stood before a restart stands until all are up again.
        let starting = states.iter().any(|part| part.state == "starting");
        let unwell: Vec<_> = states.into_iter().filter(|part| !part.is_well()).collect();
        let since = match unwell.is_empty() {
            true => None,
            false => Some(*self.unwell_since.get_or_insert_with(Instant::now)),
        };
        self.unwell_since = since;
        let active = since.is_some_and(|since| since.elapsed() >= PART_MAY_REST);
        if !active
            && (since.is_some() || starting || !self.own.0.iter().any(|own| own.key == PARTS && own.active))
        {
            return;
        }
        let told = |between: &str| {
            let one = |part: &crate::parts::PartState| {
                format!("{} {}: {}", part.name, part.state, part.problem.as_deref().unwrap_or_default())
            };
            unwell.iter().map(one).collect::<Vec<_>>().join(between)
        };
        let zh = format!("以下部分不工作，系统会自动重试，采集与判断照常进行：{}", told("；"));
        let en = format!("Down, and tried again by itself while all else goes on: {}", told("; "));
        self.own_alarm(PARTS, active, Texts { zh, en }, now);
    }

    /// Raises the alarm of the ledger.
    pub(super) fn own_alarm_of_the_ledger(&mut self, what: &str, now: Now) {
        let zh = format!("存储文件有异常，请查看日志：{what}");
        self.own_alarm(LEDGER, true, Texts { zh, en: what.to_owned() }, now);
    }

    fn own_alarm(&mut self, key: &str, active: bool, what: Texts, now: Now) {
        let Some(own) = self.own.0.iter_mut().find(|o| o.key == key) else { return };
        let from = own.state;
        let told_anew = active && own.tell(what) && own.active;
        let (event, to) = match (own.active, active) {
            (false, true) => {
                own.raised_at = Some(now.wall);
                own.acknowledged_by = None;
                (Event::Raised, AlarmState::Unacknowledged)
            }
            (true, false) if from == AlarmState::Acknowledged => (Event::Cleared, AlarmState::Normal),
            (true, false) => (Event::Cleared, AlarmState::ReturnedUnacknowledged),
            _ if told_anew => {
                self.work.ledger.alarms([own.saved()]);
                self.waits();
                return self.show_own();
            }
            _ => return,
        };
        (own.active, own.state) = (active, to);
        if event == Event::Raised {
            tracing::warn!(rule = key, "alarm raised");
        }
        self.own_moved(key, (from, to, event), None, now);
    }

    /// A person takes note. False if there is nothing to take note of.
    pub(super) fn acknowledge_own(&mut self, key: &str, by: &Actor, now: Now) -> bool {
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
        own.acknowledged_by = Some(by.name.clone());
        self.own_moved(key, (from, to, Event::Acknowledged), Some(by), now);
        true
    }

    fn own_moved(
        &mut self,
        key: &str,
        (from, to, event): (AlarmState, AlarmState, Event),
        by: Option<&Actor>,
        now: Now,
    ) {
        let Some(own) = self.own.0.iter().find(|o| o.key == key) else { return };
        self.work.ledger.alarms([own.saved()]);
        let by = by.cloned();
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
                    message: own.message(),
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

#[cfg(test)]
mod tests {
    use super::{LEDGER, OwnAlarms, STORE, Texts};
    use crate::alarm::AlarmState;

    fn says(en: &str) -> Texts {
        Texts { zh: format!("{en}。"), en: en.to_owned() }
    }

    #[test]
    fn what_is_told_stands_beside_what_was_told_before_and_after_a_restart() {
        let mut own = OwnAlarms::restore(&[]);
        let ledger = own.0.iter_mut().find(|o| o.key == LEDGER).unwrap();
        assert!(ledger.tell(says("a row is damaged")));
        (ledger.active, ledger.state) = (true, AlarmState::Unacknowledged);
        assert!(ledger.tell(says("journal.db was removed")) && !ledger.tell(says("a row is damaged")));
        let saved = serde_json::from_str(&serde_json::to_string(&ledger.saved()).unwrap()).unwrap();
        let mut own = OwnAlarms::restore(&[saved]);
        let ledger = own.0.iter_mut().find(|o| o.key == LEDGER).unwrap();
        let told = ledger.message().unwrap();
        assert_eq!(told.en, "a row is damaged; journal.db was removed");
        assert_eq!(told.zh, "a row is damaged。；journal.db was removed。");
        // Somebody has taken note, and something else happens later.
        ledger.active = false;
        assert!(ledger.tell(says("later")));
        assert_eq!(ledger.message().unwrap().en, "later");
        let store = own.0.iter_mut().find(|o| o.key == STORE).unwrap();
        store.active = true;
        assert!(store.tell(says("full")) && store.tell(says("read-only")));
        assert_eq!(store.message().unwrap().en, "read-only");
    }
}
