//! `steamward ledger verify`: recomputes the audit chain from its beginning.

use std::path::PathBuf;

use clap::Subcommand;

use crate::audit;
use crate::exit;
use crate::store::LedgerReader;

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Recompute the hash chain of the audit log and say where it breaks, if it does.
    Verify {
        /// ledger.db, or the folder it is in.
        #[arg(default_value = "data")]
        path: PathBuf,
    },
}

pub(super) fn ledger(what: &What) -> i32 {
    let What::Verify { path } = what;
    let file = if path.is_dir() { path.join("ledger.db") } else { path.clone() };
    let audit = |ledger: LedgerReader| ledger.audit().map_err(|e| format!("{}: {e}", file.display()));
    let entries = match super::ledger_in(&file).and_then(audit) {
        Ok(entries) => entries,
        Err(e) => {
            complain!("{e}");
            return exit::FAILED;
        }
    };
    let damaged = |ledger: LedgerReader| ledger.damaged(true).map_err(|e| format!("{}: {e}", file.display()));
    let damaged = match super::ledger_in(&file).and_then(damaged) {
        Ok(damaged) => damaged,
        Err(e) => {
            complain!("{e}");
            return exit::FAILED;
        }
    };
    for row in &damaged {
        complain!("{}: this row is not what was written: {row}", file.display());
    }
    match audit::verify(entries.iter()) {
        Ok(_) if !damaged.is_empty() => exit::LEDGER,
        Ok(summary) => {
            tell!(
                "{}: {} entries, chain unbroken, last hash {}",
                file.display(),
                summary.entries,
                summary.last_hash
            );
            exit::FINE
        }
        Err(broken) => {
            complain!("{}: the audit chain is broken: {broken}", file.display());
            exit::LEDGER
        }
    }
}
