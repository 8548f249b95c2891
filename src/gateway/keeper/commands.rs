//! What people ask for: each command is judged on the state of now, noted with who asked, and answered
//! once it is committed. Called by the keeper's loop.

use serde_json::json;
use uuid::Uuid;

use super::Keeper;
use super::own::OwnAlarms;
use crate::alarm::{CommandError, RuleIx, Transition};
use crate::console::{Command, OnAlarm, Refusal, Request};
use crate::hazard::{HazardError, Proof};
use crate::people::Actor;
use crate::plant::Now;

impl Keeper {
    pub(super) fn command(&mut self, request: Request) {
        let now = self.now();
        let outcome = self.carry_out(request.command, now);
        self.work.replies.push((request.reply, outcome));
        self.waits();
    }

    fn carry_out(&mut self, command: Command, now: Now) -> Result<(), Refusal> {
        let mut transitions = Vec::new();
        match command {
            Command::Alarm { rule, by, what } if OwnAlarms::is_own(&rule) => {
                self.on_own_alarm(&rule, &by, what, now)?;
            }
            Command::Alarm { rule, by, what } => {
                let ix = self.rule(&rule)?;
                self.on_alarm(ix, (&rule, &by), what, now, &mut transitions)?;
            }
            Command::AcknowledgeHazard { id, by, note } => {
                let id = self.hazard_id(&id)?;
                let change = self.register.acknowledge(id, &by, now.wall).map_err(|e| hazard_refusal(&e))?;
                let detail = serde_json::json!({ "note": note }).to_string();
                self.note(now.wall, &by, "hazard-note", &id.to_string(), &detail);
                self.changed_hazard(change, &by);
            }
            Command::CloseHazard { id, by, note, override_reason } => {
                let id = self.hazard_id(&id)?;
                let reason = override_reason.as_deref();
                // Of a limit that is no longer in the settings nobody can tell how it stands.
                let proof = match self.register.get(id).and_then(|h| self.rules.get(&h.rule)) {
                    Some(rule) => Proof::Limit(self.engine.in_breach(*rule)),
                    None => Proof::LimitGone { reason },
                };
                let closed = self.register.close(id, (&by, &note), now.wall, proof);
                let change = closed.map_err(|e| hazard_refusal(&e))?;
                if let Some(reason) = change.hazard.override_reason.as_deref() {
                    let detail = json!({ "reason": reason, "rule": change.hazard.rule }).to_string();
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
        what: OnAlarm,
        now: Now,
        out: &mut Vec<Transition>,
    ) -> Result<(), Refusal> {
        let engine = &mut self.engine;
        let (done, word, detail) = match what {
            OnAlarm::Acknowledge { note } => {
                (engine.acknowledge(ix, by, now, out), "alarm-acknowledged", json!({ "note": note }))
            }
            OnAlarm::Reset => (engine.reset(ix, by, now, out), "alarm-reset", json!({})),
            OnAlarm::Shelve { why, time } => {
                let done = engine.shelve(ix, (by, &why), time, now, out);
                (done, "alarm-shelved", json!({ "reason": why, "minutes": time.as_secs() / 60 }))
            }
            OnAlarm::Unshelve => (engine.unshelve(ix, by, now, out), "alarm-unshelved", json!({})),
            OnAlarm::TakeOut { why } => {
                (engine.take_out(ix, (by, &why), now, out), "alarm-taken-out", json!({ "reason": why }))
            }
            OnAlarm::PutBack => (engine.put_back(ix, by, now, out), "alarm-put-back", json!({})),
        };
        done.map_err(|e| refusal(&e))?;
        self.note(now.wall, by, word, rule, &detail.to_string());
        Ok(())
    }

    /// The gateway's own alarms can be acknowledged, and nothing else: nobody hides that the store fails.
    fn on_own_alarm(&mut self, rule: &str, by: &Actor, what: OnAlarm, now: Now) -> Result<(), Refusal> {
        let OnAlarm::Acknowledge { note } = what else {
            return Err(Refusal::new(
                "wrong-state",
                "网关自身的报警只能确认。".to_owned(),
                "The gateway's own alarms can only be acknowledged.".to_owned(),
            ));
        };
        if !self.acknowledge_own(rule, by, now) {
            return Err(Refusal::new(
                "wrong-state",
                "该报警无需确认。".to_owned(),
                format!("The alarm {rule} does not wait for an acknowledgement."),
            ));
        }
        self.note(now.wall, by, "alarm-acknowledged", rule, &json!({ "note": note }).to_string());
        Ok(())
    }

    fn rule(&self, key: &str) -> Result<RuleIx, Refusal> {
        self.rules.get(key).copied().ok_or_else(|| {
            Refusal::new("not-found", format!("没有报警 {key}。"), format!("There is no alarm {key}."))
        })
    }

    fn hazard_id(&self, id: &str) -> Result<Uuid, Refusal> {
        let missing = || {
            Refusal::new(
                "not-found",
                format!("没有未销号隐患 {id}。"),
                format!("There is no open hazard {id}."),
            )
        };
        let id = Uuid::parse_str(id).map_err(|_| missing())?;
        self.register.get(id).map(|_| id).ok_or_else(missing)
    }
}

fn refusal(error: &CommandError) -> Refusal {
    let zh = match error {
        CommandError::NotWaiting(_) => "该报警无需确认。".to_owned(),
        CommandError::NotLatched(_) => "只有已确认、条件已恢复的自保持报警才能复位。".to_owned(),
        CommandError::NotShelved(_) => "该报警未被搁置。".to_owned(),
        CommandError::IsOut => "该报警已停用。".to_owned(),
        CommandError::NotOut(_) => "该报警未停用。".to_owned(),
        CommandError::TooLong { most, .. } => {
            format!("搁置时间须大于 0，且不超过 {} 分钟。", most.as_secs() / 60)
        }
    };
    Refusal::new("wrong-state", zh, error.to_string())
}

fn hazard_refusal(error: &HazardError) -> Refusal {
    let code = if *error == HazardError::LimitGone { "limit-gone" } else { "wrong-state" };
    Refusal::new(code, error.zh(), error.to_string())
}
