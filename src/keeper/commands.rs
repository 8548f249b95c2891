//! What people ask for: each command is judged on the state of now, noted with who asked, and answered
//! once it is committed. Called by the keeper's loop.

use serde_json::json;
use uuid::Uuid;

use super::Keeper;
use super::own::OwnAlarms;
use crate::alarm::{RuleIx, Transition};
use crate::command::{AlarmAction, Command, Reason};
use crate::hazard::{Proof, Step};
use crate::live::Request;
use crate::people::Actor;
use crate::plant::Now;

impl Keeper {
    pub(super) fn command(&mut self, request: Request) {
        let now = self.now();
        let outcome = self.carry_out(request.command, now);
        self.work.replies.push((request.reply, outcome));
        self.waits();
    }

    fn carry_out(&mut self, command: Command, now: Now) -> Result<(), Reason> {
        let mut transitions = Vec::new();
        match command {
            Command::Alarm { rule, by, action } if OwnAlarms::is_own(&rule) => {
                self.on_own_alarm(&rule, &by, action, now)?;
            }
            Command::Alarm { rule, by, action } => {
                let ix = self.rule(&rule)?;
                self.on_alarm(ix, (&rule, &by), action, now, &mut transitions)?;
            }
            Command::AcknowledgeHazard { id, by, note } => {
                let id = self.hazard_id(&id)?;
                let change = self.register.apply(id, &Step::Acknowledge, &by, now.wall)?;
                let detail = serde_json::json!({ "note": note }).to_string();
                self.note(now.wall, &by, "hazard-note", &id.to_string(), &detail);
                self.changed_hazard(change, &by);
            }
            Command::CloseHazard { id, by, note, override_reason } => {
                let id = self.hazard_id(&id)?;
                let reason = override_reason.as_deref();
                let rule = self.register.get(id).and_then(|h| h.rule());
                let proof = match rule.map(|key| self.rules.get(key)) {
                    Some(Some(rule)) => Proof::Limit(self.engine.in_breach(*rule)),
                    // Of a limit that is no longer in the settings no value tells how it stands.
                    Some(None) => Proof::LimitGone { reason },
                    None => Proof::Reviewed { reason },
                };
                let change = self.register.apply(id, &Step::Close { note: &note, proof }, &by, now.wall)?;
                if let Some(reason) = change.hazard.override_reason.as_deref() {
                    let detail = json!({ "reason": reason, "rule": change.hazard.rule() }).to_string();
                    self.note(now.wall, &by, "hazard-closed-without-limit", &id.to_string(), &detail);
                }
                self.changed_hazard(change, &by);
            }
        }
        self.follow(&mut transitions, now);
        Ok(())
    }

    fn on_alarm(
        &mut self,
        ix: RuleIx,
        (rule, by): (&str, &Actor),
        action: AlarmAction,
        now: Now,
        out: &mut Vec<Transition>,
    ) -> Result<(), Reason> {
        let engine = &mut self.engine;
        let (done, word, detail) = match action {
            AlarmAction::Acknowledge { note } => {
                (engine.acknowledge(ix, by, now, out), "alarm-acknowledged", json!({ "note": note }))
            }
            AlarmAction::Reset => (engine.reset(ix, by, now, out), "alarm-reset", json!({})),
            AlarmAction::Shelve { why, time } => {
                let done = engine.shelve(ix, (by, &why), time, now, out);
                (done, "alarm-shelved", json!({ "reason": why, "minutes": time.as_secs() / 60 }))
            }
            AlarmAction::Unshelve => (engine.unshelve(ix, by, now, out), "alarm-unshelved", json!({})),
            AlarmAction::TakeOut { why } => {
                (engine.take_out(ix, (by, &why), now, out), "alarm-taken-out", json!({ "reason": why }))
            }
            AlarmAction::PutBack => (engine.put_back(ix, by, now, out), "alarm-put-back", json!({})),
        };
        done?;
        self.note(now.wall, by, word, rule, &detail.to_string());
        Ok(())
    }

    /// The gateway's own alarms can be acknowledged, and nothing else: nobody hides that the store fails.
    fn on_own_alarm(&mut self, rule: &str, by: &Actor, action: AlarmAction, now: Now) -> Result<(), Reason> {
        let AlarmAction::Acknowledge { note } = action else {
            return Err(Reason::OwnAlarm);
        };
        if !self.acknowledge_own(rule, by, now) {
            return Err(Reason::NotWaiting(rule.to_owned()));
        }
        self.note(now.wall, by, "alarm-acknowledged", rule, &json!({ "note": note }).to_string());
        Ok(())
    }

    fn rule(&self, key: &str) -> Result<RuleIx, Reason> {
        self.rules.get(key).copied().ok_or_else(|| Reason::NoAlarm(key.to_owned()))
    }

    fn hazard_id(&self, id: &str) -> Result<Uuid, Reason> {
        let missing = || Reason::NoOpenHazard(id.to_owned());
        let id = Uuid::parse_str(id).map_err(|_| missing())?;
        self.register.get(id).map(|_| id).ok_or_else(missing)
    }
}
