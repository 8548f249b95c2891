//! What earlier versions wrote in another form: read as it stands in a ledger that cannot be brought to today's form (on a
//! disk that cannot be written), and in what waits in a journal since before.

use crate::alarm::{MemoryOf, StoredCalls, StoredMemory};

/// How a statement began that put a hazard down, when every hazard had a rule.
pub(super) const HAZARD: &str = "INSERT INTO hazard (id, number, equipment, rule,";

/// The columns of such a hazard's row that its sum covers.
pub(super) const HAZARD_COLUMNS: &str = "id, number, equipment, rule, status, found_at, version, body";

/// An alarm's key under which something else stood.
pub(super) fn is_memory(key: &str) -> bool {
    key.starts_with('@')
}

/// What stood under a key that is not a rule's: among the alarms, memories of formulas, of tests and of calls.
pub(super) fn memory(key: &str, body: &str) -> Option<StoredMemory> {
    #[derive(serde::Deserialize)]
    #[serde(default)]
    #[derive(Default)]
    struct Row {
        memory: Option<String>,
        calls_ms: Vec<u64>,
        flood: bool,
    }
    if !is_memory(key) {
        return None;
    }
    let row: Row = serde_json::from_str(body).ok()?;
    let (of, name) = match key {
        "@site" => {
            let calls = StoredCalls { ago_ms: row.calls_ms, flood: row.flood };
            let body = serde_json::to_string(&calls).ok()?;
            return Some(StoredMemory { of: MemoryOf::Calls, name: String::new(), body });
        }
        _ => match key.strip_prefix("@derived:") {
            Some(name) => (MemoryOf::Formula, name),
            None => (MemoryOf::Test, key.strip_prefix("@tested:")?),
        },
    };
    Some(StoredMemory { of, name: name.to_owned(), body: row.memory? })
}
