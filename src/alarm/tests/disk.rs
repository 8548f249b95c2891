//! What a killed engine leaves behind: the very texts that the ledger keeps.

use std::collections::BTreeMap;

use crate::alarm::{Engine, MemoryOf, StoredAlarm, StoredMemory};
use crate::plant::Now;

#[derive(Default, Clone)]
pub(super) struct Disk {
    alarms: BTreeMap<String, String>,
    memories: BTreeMap<(MemoryOf, String), String>,
}

impl Disk {
    /// One commit, as the keeper makes it.
    pub(super) fn commit(&mut self, engine: &mut Engine, now: Now) {
        let alarms = engine.snapshot_changed(now);
        self.keep(&alarms);
        self.keep_memories(engine.calls_changed(now));
    }

    pub(super) fn keep(&mut self, alarms: &[StoredAlarm]) {
        self.alarms.extend(alarms.iter().map(|a| (a.key.clone(), serde_json::to_string(a).unwrap())));
    }

    pub(super) fn keep_memories(&mut self, memories: impl IntoIterator<Item = StoredMemory>) {
        let text = |m: StoredMemory| ((m.of, m.name.clone()), serde_json::to_string(&m).unwrap());
        self.memories.extend(memories.into_iter().map(text));
    }

    /// Puts all of it into `engine`; gives back what belongs to none of its rules.
    pub(super) fn restore(&self, engine: &mut Engine, now: Now) -> Vec<StoredAlarm> {
        let memories: Vec<_> = self.memories.values().map(|m| serde_json::from_str(m).unwrap()).collect();
        engine.remember(&memories, now);
        let alarms: Vec<_> = self.alarms.values().map(|a| serde_json::from_str(a).unwrap()).collect();
        engine.restore(&alarms, now)
    }
}
