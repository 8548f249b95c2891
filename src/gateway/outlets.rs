//! Which outlets run: one task each, started, stopped and changed when settings are applied. An outlet's
//! place in the store is kept under its id, so that one that is started anew goes on where it was.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::outlet::{OutletStatus, Report, influx, inspection};
use crate::plant::TextTable;
use crate::settings::{InfluxOutlet, InspectionOutlet, Settings};
use crate::store::{Journal, JournalReader, LedgerReader, StoreError};

#[derive(Clone, PartialEq)]
enum Wanted {
    Influx(InfluxOutlet),
    Inspection(InspectionOutlet),
}

struct Running {
    wanted: Wanted,
    status: OutletStatus,
    task: JoinHandle<()>,
}

/// The running outlets.
pub(super) struct Outlets {
    running: Vec<Running>,
    /// The same, for those who show them.
    shown: Arc<Mutex<Vec<OutletStatus>>>,
    site: String,
    dir: PathBuf,
    journal: PathBuf,
    ledger: PathBuf,
    texts: TextTable,
    committed: watch::Receiver<i64>,
    changed: watch::Receiver<i64>,
    reports: mpsc::Sender<Report>,
}

/// What outlets read and whom they report to.
pub(super) struct Ways {
    pub(super) site: String,
    pub(super) dir: PathBuf,
    pub(super) journal: PathBuf,
    pub(super) ledger: PathBuf,
    pub(super) texts: TextTable,
    pub(super) committed: watch::Receiver<i64>,
    pub(super) changed: watch::Receiver<i64>,
    pub(super) reports: mpsc::Sender<Report>,
}

impl Outlets {
    pub(super) fn new(ways: Ways) -> Self {
        let Ways { site, dir, journal, ledger, texts, committed, changed, reports } = ways;
        let (running, shown) = (Vec::new(), Arc::default());
        Self { running, shown, site, dir, journal, ledger, texts, committed, changed, reports }
    }

    /// Brings the tasks in line with `settings`; an outlet that is the same goes on undisturbed.
    ///
    /// # Errors
    /// A reader of the store cannot be opened; the outlets before it in the settings run then.
    pub(super) async fn apply(&mut self, settings: &Settings) -> Result<(), StoreError> {
        let influx = settings.outlets.influx.iter().cloned().map(Wanted::Influx);
        let inspection = settings.outlets.inspection.iter().cloned().map(Wanted::Inspection);
        let wanted: Vec<Wanted> = influx.chain(inspection).collect();
        let mut kept = Vec::new();
        for one in self.running.drain(..) {
            if wanted.contains(&one.wanted) {
                kept.push(one);
            } else {
                // Cut off in the middle of a request it sends that part again: writes repeat safely.
                one.task.abort();
                let _ = one.task.await;
            }
        }
        self.running = kept;
        for wanted in wanted {
            if self.running.iter().all(|r| r.wanted != wanted) {
                let running = self.start(wanted)?;
                self.running.push(running);
            }
        }
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) =
            self.running.iter().map(|r| r.status.clone()).collect();
        Ok(())
    }

    fn start(&self, wanted: Wanted) -> Result<Running, StoreError> {
        let (status, task) = match wanted.clone() {
            Wanted::Influx(outlet) => {
                let status = OutletStatus::new(outlet.id.as_str(), "influx");
                let reader = (JournalReader::open(&self.journal)?, self.texts.clone());
                let (site, committed, reports) =
                    (self.site.clone(), self.committed.clone(), self.reports.clone());
                let (dir, mine) = (self.dir.clone(), status.clone());
                let task = tokio::spawn(async move {
                    let id = outlet.id.clone();
                    if let Err(e) = influx::run(outlet, site, reader, committed, reports, mine).await {
                        if matches!(&e, influx::RunError::Store(e) if e.is_damage()) {
                            Journal::suspect(&dir);
                        }
                        super::end_of(&format!("outlet {id}: {e}"));
                    }
                });
                (status, task)
            }
            Wanted::Inspection(outlet) => {
                let status = OutletStatus::new(outlet.id.as_str(), "inspection");
                let reader = LedgerReader::open(&self.ledger)?;
                let (changed, reports, mine) = (self.changed.clone(), self.reports.clone(), status.clone());
                let task = tokio::spawn(async move {
                    let id = outlet.id.clone();
                    if let Err(e) = inspection::run(outlet, reader, changed, reports, mine).await {
                        super::end_of(&format!("outlet {id}: {e}"));
                    }
                });
                (status, task)
            }
        };
        Ok(Running { wanted, status, task })
    }

    /// How they stand, now and later.
    pub(super) fn shown(&self) -> Arc<Mutex<Vec<OutletStatus>>> {
        Arc::clone(&self.shown)
    }

    /// The tasks, to be waited for at the end; the last ways to report go with this.
    pub(super) fn into_tasks(self) -> Vec<JoinHandle<()>> {
        self.running.into_iter().map(|r| r.task).collect()
    }
}
