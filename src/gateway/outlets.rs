//! Which outlets run: one task each, started, stopped and changed when settings are applied. An outlet's
//! place in the store is kept under its id, so that one that is started anew goes on where it was.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::outlet::{OutletStatus, Report, influx, inspection};
use crate::parts::{self, Board, PAUSES, Part};
use crate::plant::TextTable;
use crate::settings::{InfluxOutlet, InspectionOutlet, Settings};
use crate::store::{Journal, JournalReader, LedgerReader, Unread};

#[derive(Clone, PartialEq)]
enum Wanted {
    Influx(InfluxOutlet),
    Inspection(InspectionOutlet),
}

impl Wanted {
    /// Its key in the settings.
    fn key(&self) -> String {
        match self {
            Self::Influx(outlet) => format!("outlet.influx.{}", outlet.id),
            Self::Inspection(outlet) => format!("outlet.inspection.{}", outlet.id),
        }
    }
}

struct Running {
    wanted: Wanted,
    status: OutletStatus,
    part: Part,
    task: JoinHandle<()>,
}

/// The running outlets.
pub(super) struct Outlets {
    running: Vec<Running>,
    /// The same, for those who show them.
    shown: Arc<Mutex<Vec<OutletStatus>>>,
    ways: Ways,
}

/// What outlets read, whom they report to, and where it stands how they are.
#[derive(Clone)]
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
    pub(super) board: Board,
}

impl Outlets {
    pub(super) fn new(ways: Ways) -> Self {
        Self { running: Vec::new(), shown: Arc::default(), ways }
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
                self.ways.board.forget(&one.wanted.key());
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
        let part = self.ways.board.part(&wanted.key());
        let shown = part.clone();
        let status = match &wanted {
            Wanted::Influx(outlet) => OutletStatus::new(outlet.id.as_str(), "influx"),
            Wanted::Inspection(outlet) => OutletStatus::new(outlet.id.as_str(), "inspection"),
        };
        let (ways, mine, what) = (self.ways.clone(), status.clone(), wanted.clone());
        let task = parts::run(part, PAUSES, move |part| {
            let (ways, mine, what) = (ways.clone(), mine.clone(), what.clone());
            async move {
                let ended = live(&ways, part, &mine, what).await;
                if let Err(e) = &ended {
                    // An unreadable journal is looked at whole at the next start.
                    if matches!(e, influx::RunError::Store(e) if e.is_damage()) {
                        Journal::suspect(&ways.dir);
                    }
                    mine.is_down(&e.to_string());
                }
                ended
            }
        });
        Running { wanted, status, part: shown, task }
    }

    /// How they stand, now and later.
    pub(super) fn shown(&self) -> Arc<Mutex<Vec<OutletStatus>>> {
        Arc::clone(&self.shown)
    }

    /// The tasks, to be waited for at the end; the last ways to report go with this. One that is down has
    /// nothing to finish.
    pub(super) fn into_tasks(self) -> Vec<JoinHandle<()>> {
        let (standing, down): (Vec<_>, Vec<_>) =
            self.running.into_iter().partition(|r| r.part.get().state != "down");
        for one in down {
            one.task.abort();
        }
        standing.into_iter().map(|r| r.task).collect()
    }
}

/// One life of an outlet, from its start to its end.
async fn live(
    ways: &Ways,
    part: Part,
    status: &OutletStatus,
    wanted: Wanted,
) -> Result<(), influx::RunError> {
    match wanted {
        Wanted::Influx(outlet) => {
            let reader = (
                JournalReader::lazy(&ways.journal).telling(outlet.id.as_str(), ways.unread.clone()),
                ways.texts.clone(),
            );
            let (site, committed, reports) =
                (ways.site.clone(), ways.committed.clone(), ways.reports.clone());
            influx::run(outlet, site, reader, committed, reports, (status.clone(), part)).await
        }
        Wanted::Inspection(outlet) => {
            let reader = LedgerReader::lazy(&ways.ledger);
            let (changed, reports) = (ways.changed.clone(), ways.reports.clone());
            inspection::run(outlet, reader, changed, reports, (status.clone(), part)).await
        }
    }
}
