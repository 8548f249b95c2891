//! New settings while the gateway runs: asked for, compared, and how it went.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::input::Params;
use super::refusal::{ErrorBody, Refusal};
use crate::clock::wall_now;
use crate::plant::{Micros, Plant};

/// The plant as it is now; another after a reload.
#[derive(Debug, Clone)]
pub struct CurrentPlant(Arc<RwLock<(Arc<Plant>, Micros)>>);

impl CurrentPlant {
    /// Begins with `plant`.
    #[must_use]
    pub fn new(plant: Arc<Plant>) -> Self {
        Self(Arc::new(RwLock::new((plant, wall_now()))))
    }

    /// As it is now.
    #[must_use]
    pub fn get(&self) -> Arc<Plant> {
        self.with_time().0
    }

    /// The same, and since when it is. Values are in its units: who has read the points at another time reads them again.
    #[must_use]
    pub fn with_time(&self) -> (Arc<Plant>, Micros) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another from now on.
    pub fn set(&self, plant: Arc<Plant>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Told apart also where the clock stands or was set back.
        let since = if wall_now() == current.1 { Micros(current.1.0 + 1) } else { wall_now() };
        *current = (plant, since);
    }
}

/// Read the settings again.
#[derive(Debug)]
pub struct ReloadRequest {
    /// Only tell what would change.
    pub dry_run: bool,
    /// How it went.
    pub reply: oneshot::Sender<ReloadOutcome>,
}

/// How a reload went, as far as is known at once.
#[derive(Debug, Clone)]
pub enum ReloadOutcome {
    /// The files are wrong; the running settings stay.
    Refused(Vec<String>),
    /// Nothing was changed: no difference, or only asked.
    Nothing {
        /// What would change, a line each.
        changes: Vec<String>,
        /// Doubtful in the new settings.
        warnings: Vec<String>,
        /// Of the changes, those that need a start.
        later: Vec<String>,
    },
    /// The new settings are in force.
    Applied {
        /// What changed, a line each.
        changes: Vec<String>,
        /// Doubtful in the new settings.
        warnings: Vec<String>,
        /// Of the changes, those that take effect at the next start.
        later: Vec<String>,
        /// They are on trial for at most this long.
        trial_seconds: Option<u64>,
    },
}

/// How the last reload went.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct ReloadView {
    /// `none`, `unchanged`, `refused`, `trial`, `kept` or `rolled-back`.
    pub state: &'static str,
    /// `+ key = value`, `- key = value`, `~ key: old -> new`.
    pub changes: Vec<String>,
    /// Doubtful in the new settings.
    pub warnings: Vec<String>,
    /// Changes that take effect only at the next start.
    pub at_next_start: Vec<String>,
    /// What is wrong with files that were refused.
    pub faults: Vec<String>,
    /// Devices that were read before and not after; the reason of a roll-back.
    pub no_longer_read: Vec<String>,
    /// The new settings must prove themselves within this time.
    pub trial_seconds: Option<u64>,
}

impl ReloadOutcome {
    /// As the API shows it.
    #[must_use]
    pub fn view(&self) -> ReloadView {
        match self.clone() {
            Self::Refused(faults) => ReloadView { state: "refused", faults, ..ReloadView::default() },
            Self::Nothing { changes, warnings, later } => ReloadView {
                state: "unchanged",
                changes,
                warnings,
                at_next_start: later,
                ..ReloadView::default()
            },
            Self::Applied { changes, warnings, later, trial_seconds } => ReloadView {
                state: if trial_seconds.is_some() { "trial" } else { "kept" },
                changes,
                warnings,
                at_next_start: later,
                trial_seconds,
                ..ReloadView::default()
            },
        }
    }
}

#[derive(Deserialize, IntoParams)]
pub(super) struct How {
    /// Only tell what would change.
    dry_run: Option<bool>,
}

/// Reads the settings again and applies what changed; devices that did not change miss no poll. Files that
/// are wrong change nothing (422).
#[utoipa::path(post, path = "/api/v1/reload", params(How),
    responses((status = 200, body = ReloadView), (status = 422, body = ReloadView), (status = 501, body = ErrorBody)))]
pub(super) async fn reload(
    State(shared): State<Shared>,
    Params(how): Params<How>,
) -> Result<Response, Refusal> {
    let not_here = || {
        Refusal::new(
            "no-files",
            "此网关不从文件读取配置。",
            "This gateway does not read its settings from files.",
        )
    };
    let Some(reloads) = &shared.reloads else { return Err(not_here()) };
    let (reply, outcome) = oneshot::channel();
    let request = ReloadRequest { dry_run: how.dry_run.unwrap_or(false), reply };
    reloads.send(request).await.map_err(|_| not_here())?;
    let outcome = outcome.await.map_err(|_| not_here())?;
    let status = match outcome {
        ReloadOutcome::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    Ok((status, Json(outcome.view())).into_response())
}

/// How the last reload went, and whether the new settings are still on trial.
#[utoipa::path(get, path = "/api/v1/reload", responses((status = 200, body = ReloadView)))]
pub(super) async fn last(State(shared): State<Shared>) -> Json<ReloadView> {
    Json(shared.reload.lock().unwrap_or_else(PoisonError::into_inner).clone())
}
