//! What follows damage of the journal: what can be read of the damaged file is taken over beside the work, and each outlet
//! hears of what cannot. Called by the writer.

use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::files::{AGAIN, Files};
use crate::store::{Journal, Loss, Unread};

/// How long room is waited for to take over what a damaged journal holds.
const ROOM_MAY_COME: Duration = Duration::from_secs(600);

impl Files {
    /// Each outlet that has not had it hears of what could not be taken over.
    pub(super) fn tell_lost(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        for gap in journal.take_lost() {
            for outlet in &self.outlets {
                // Where an outlet stands cannot be read: rather told once too often.
                if journal.delivered_by(outlet).unwrap_or(0) < gap.last {
                    self.lost.push(unread(outlet, &gap));
                }
            }
        }
        self.told.extend(journal.take_told());
    }

    /// Something is still to be taken over from a damaged journal.
    pub(super) fn is_taking_over(&self) -> bool {
        self.journal.as_ref().is_some_and(Journal::is_taking_over)
    }

    /// Takes over some of what a damaged journal holds, where there is room for it. Its delivered history makes room for
    /// what follows; where none comes, the rest is given up and told.
    pub(super) fn take_over_some(&mut self) {
        if !self.is_taking_over() || self.stuck.is_some_and(|(_, tried)| tried.elapsed() < AGAIN) {
            return;
        }
        let room = !self.short && self.reserve.has_room(1).unwrap_or(true);
        let room = room || self.give_up_history(true);
        let Some(journal) = &mut self.journal else { return };
        let went = if room {
            journal.take_over_some().map(drop).map_err(|e| e.to_string())
        } else {
            Err("no room on the disk".to_owned())
        };
        let Err(why) = went else {
            self.stuck = None;
            self.tell_lost();
            return;
        };
        let since = self.stuck.map_or_else(Instant::now, |(since, _)| since);
        if self.stuck.is_none() {
            warn!("what a damaged journal holds cannot be taken over at present: {why}");
        }
        self.stuck = Some((since, Instant::now()));
        if since.elapsed() >= ROOM_MAY_COME {
            if let Err(e) = journal.give_up_taking_over(&why) {
                error!("{e}");
            }
            self.stuck = None;
            self.tell_lost();
        }
    }

    /// Damage was found by a whole look at the journal, or there is none.
    pub(super) fn looked_at_journal(&mut self, sound: bool) {
        Journal::is_not_suspect(&self.dir);
        if !sound {
            (self.distrusted, self.journal) = (true, None);
            self.try_at_once();
            self.tend();
        }
    }
}

/// A gap in the journal as a loss of `outlet`, with its reason.
pub(super) fn unread(outlet: &str, gap: &Unread) -> (Loss, String) {
    let which = if gap.first == gap.last {
        format!("chunk {} of journal.db does", gap.first)
    } else {
        format!("chunks {} to {} of journal.db do", gap.first, gap.last)
    };
    let guessed = if gap.guessed { "; the number of readings is a guess by a neighbour" } else { "" };
    let loss = Loss {
        outlet: outlet.to_owned(),
        from: gap.from,
        to: gap.to,
        readings: gap.readings,
        detail: String::new(),
    };
    (loss, format!("{which} not read back: {}{guessed}", gap.why))
}
