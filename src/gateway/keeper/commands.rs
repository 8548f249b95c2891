//! What people ask for: each command is judged on the state of now, noted with who asked, and answered
//! once it is committed. Called by the keeper's loop.

use uuid::Uuid;

use super::Keeper;
use crate::console::{Command, Refusal, Request};
use crate::hazard::HazardError;
use crate::plant::Now;
use crate::watch::{Breach, CommandError, RuleIx};

impl Keeper {
    pub(super) fn command(&mut self, request: Request) {
        let now = self.now();
        let outcome = self.carry_out(request.command, now);
        self.replies.push((request.reply, outcome));
        self.waits();
    }

    fn carry_out(&mut self, command: Command, now: Now) -> Result<(), Refusal> {
        let mut transitions = Vec::new();
        match command {
            Command::AcknowledgeAlarm { rule, by, note } => {
                let ix = self.rule(&rule)?;
                self.engine.acknowledge(ix, &by, now, &mut transitions).map_err(|e| refusal(&e))?;
                let detail = serde_json::json!({ "note": note }).to_string();
                self.note(now.wall, &by, "alarm-acknowledged", &rule, &detail);
            }
            Command::ResetAlarm { rule, by } => {
                let ix = self.rule(&rule)?;
                self.engine.reset(ix, &by, now, &mut transitions).map_err(|e| refusal(&e))?;
                self.note(now.wall, &by, "alarm-reset", &rule, "{}");
            }
            Command::AcknowledgeHazard { id, by, note } => {
                let id = self.hazard_id(&id)?;
                let change = self.register.acknowledge(id, &by, now.wall).map_err(|e| hazard_refusal(&e))?;
                let detail = serde_json::json!({ "note": note }).to_string();
                self.note(now.wall, &by, "hazard-note", &id.to_string(), &detail);
                self.changed_hazard(change, &by);
            }
            Command::CloseHazard { id, by, note } => {
                let id = self.hazard_id(&id)?;
                let breach = match self.register.get(id).and_then(|h| self.rules.get(&h.rule)) {
                    Some(rule) => self.engine.in_breach(*rule),
                    // The limit is no longer in the settings: nothing can be in breach of it.
                    None => Breach::No,
                };
                let change =
                    self.register.close(id, &by, now.wall, &note, breach).map_err(|e| hazard_refusal(&e))?;
                self.changed_hazard(change, &by);
            }
        }
        self.follow(&mut transitions, now);
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
    Refusal::new("wrong-state", format!("当前状态不允许：{error}"), error.to_string())
}

fn hazard_refusal(error: &HazardError) -> Refusal {
    Refusal::new("wrong-state", error.zh(), error.to_string())
}
