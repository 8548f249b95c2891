//! Which outlets run: one task each, started, stopped and changed when settings are applied. An outlet's
//! place in the store is kept under its id, so that one that is started anew goes on where it was.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::outlet::{OutletStatus, Report, influx, inspection};
use crate::plant::TextTable;
use crate::settings::{InfluxOutlet, InspectionOutlet, Settings};
use crate::store::{Journal, JournalReader, LedgerReader, Unread};

/// How soon an outlet that cannot read the store tries again.
const AGAIN: Duration = Duration::from_secs(2);

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
    unread: std::sync::mpsc::Sender<(String, Unread)>,
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
    /// For what cannot be read of the journal, with the outlet's id.
    pub(super) unread: std::sync::mpsc::Sender<(String, Unread)>,
    pub(super) journal: PathBuf,
    pub(super) ledger: PathBuf,
    pub(super) texts: TextTable,
    pub(super) committed: watch::Receiver<i64>,
    pub(super) changed: watch::Receiver<i64>,
    pub(super) reports: mpsc::Sender<Report>,
}

/// Pauses; true if nothing more will come.
async fn stops(news: &watch::Receiver<i64>) -> bool {
    tokio::time::sleep(AGAIN).await;
    news.has_changed().is_err()
}

impl Outlets {
    pub(super) fn new(ways: Ways) -> Self {
        let Ways { site, dir, unread, journal, ledger, texts, committed, changed, reports } = ways;
        let (running, shown) = (Vec::new(), Arc::default());
        Self { running, shown, site, dir, unread, journal, ledger, texts, committed, changed, reports }
    }

    /// Brings the tasks in line with `settings`; an outlet that is the same goes on undisturbed.
    pub(super) async fn apply(&mut self, settings: &Settings) {
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
                let running = self.start(wanted);
                self.running.push(running);
            }
        }
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) =
            self.running.iter().map(|r| r.status.clone()).collect();
    }

    fn start(&self, wanted: Wanted) -> Running {
        let (status, task) = match wanted.clone() {
            Wanted::Influx(outlet) => {
                let status = OutletStatus::new(outlet.id.as_str(), "influx");
                let (site, committed, reports) =
                    (self.site.clone(), self.committed.clone(), self.reports.clone());
                let (dir, mine) = (self.dir.clone(), status.clone());
                let (journal, texts, unread) =
                    (self.journal.clone(), self.texts.clone(), self.unread.clone());
                let task = tokio::spawn(async move {
                    let id = outlet.id.to_string();
                    loop {
                        let reader = JournalReader::lazy(&journal).telling(&id, unread.clone());
                        let (outlet, site, parts) = (outlet.clone(), site.clone(), (reader, texts.clone()));
                        let stopping = committed.clone();
                        let (committed, reports, mine) = (committed.clone(), reports.clone(), mine.clone());
                        match influx::run(outlet, site, parts, committed, reports, mine).await {
                            Ok(()) => return,
                            Err(influx::RunError::Store(e)) => {
                                if e.is_damage() {
                                    Journal::suspect(&dir);
                                }
                                warn!(outlet = id, "the journal cannot be read, tried again: {e}");
                                if stops(&stopping).await {
                                    return;
                                }
                            }
                            Err(e) => super::end_of(&format!("outlet {id}: {e}")),
                        }
                    }
                });
                (status, task)
            }
            Wanted::Inspection(outlet) => {
                let status = OutletStatus::new(outlet.id.as_str(), "inspection");
                let (changed, reports, mine) = (self.changed.clone(), self.reports.clone(), status.clone());
                let ledger = self.ledger.clone();
                let task = tokio::spawn(async move {
                    loop {
                        let reader = LedgerReader::lazy(&ledger);
                        let (outlet, changed, stopping) = (outlet.clone(), changed.clone(), changed.clone());
                        let id = outlet.id.clone();
                        match inspection::run(outlet, reader, changed, reports.clone(), mine.clone()).await {
                            Ok(()) => return,
                            Err(e) => {
                                warn!(outlet = %id, "the ledger cannot be read, tried again: {e}");
                                if stops(&stopping).await {
                                    return;
                                }
                            }
                        }
                    }
                });
                (status, task)
            }
        };
        Running { wanted, status, task }
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
