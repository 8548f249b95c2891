//! New settings while everything runs (promise P8): read, compared, applied, watched, and taken back by
//! itself when devices that were read before are not read any more.
//!
//! Order: the keeper learns the new points first, so that no reading is met unknown; then the wires, the
//! outlets, the console. What did not change keeps its task, its connection, its numbers and its ticks.
//! Asked for by SIGHUP or the API; carried out here, one at a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use super::outlets::Outlets;
use super::trial::Trial;
use crate::console::{CurrentPlant, ReloadOutcome, ReloadRequest, ReloadView};
use crate::field::FieldHandle;
use crate::keeper;
use crate::live::Live;
use crate::plant::{Cause, DeviceIx, Plant};
use crate::settings::{AT_START, Faults, Keys, Loaded, Readings, Settings, difference, new_series, renumber};

/// Where new settings come from.
pub type Loader = Box<dyn Fn() -> Result<Loaded, Faults> + Send + Sync>;

const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) struct Reloader {
    pub(super) loader: Loader,
    pub(super) settings: Settings,
    pub(super) keys: Keys,
    /// How points are read, and how those were read that went.
    pub(super) readings: Readings,
    /// When those were asked to be kept that were kept last: of two the later ones stay.
    pub(super) newest_kept: Arc<Mutex<Option<Instant>>>,
    /// Whether the settings come from files, which change between two starts.
    pub(super) keeps: bool,
    pub(super) field: Arc<FieldHandle>,
    pub(super) outlets: Outlets,
    pub(super) plants: mpsc::Sender<keeper::NewPlant>,
    pub(super) console: CurrentPlant,
    pub(super) live: Live,
    pub(super) state: Arc<Mutex<ReloadView>>,
    /// Since when the present settings are.
    pub(super) in_force: Instant,
    pub(super) waits: super::beside::Waits,
    pub(super) board: crate::parts::Board,
}

/// Serves until `stop`; gives the outlets back, which outlive it.
pub(super) async fn run(
    mut reloader: Reloader,
    noted: oneshot::Receiver<()>,
    mut requests: mpsc::Receiver<ReloadRequest>,
    mut stop: watch::Receiver<bool>,
) -> Outlets {
    let mut on_trial: Option<Trial> = None;
    reloader.keep_readings(noted);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return reloader.outlets,
            request = requests.recv() => {
                let Some(request) = request else { return reloader.outlets };
                reloader.request(request, &mut on_trial).await;
            }
            silent = reloader.watch_over(on_trial.as_mut()) => {
                if let Some(trial) = on_trial.take() {
                    reloader.conclude(trial, silent).await;
                }
            }
        }
    }
}

/// Points that have another unit or type than before.
fn other_units(before: &Plant, now: &Plant) -> Vec<String> {
    let points = before.present().flat_map(|e| e.points.iter().map(move |ix| (e, before.point(*ix))));
    let before = points.map(|(e, p)| (e.id.as_str(), p.id.as_str(), Some(p.unit.as_str()), p.value_type));
    new_series(now, before)
}

/// Ends when the gateway stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|s| *s).await;
}

impl Reloader {
    async fn request(&mut self, request: ReloadRequest, on_trial: &mut Option<Trial>) {
        let outcome = self.reload(request.dry_run, on_trial).await;
        // While settings are on trial, that they are is what counts of those that changed nothing.
        let nothing = matches!(outcome, ReloadOutcome::Nothing { .. });
        if !(request.dry_run || nothing && on_trial.is_some()) {
            *self.state.lock().unwrap_or_else(PoisonError::into_inner) = outcome.view();
        }
        // Nobody waiting for the answer is fine.
        let _ = request.reply.send(outcome);
    }

    async fn reload(&mut self, dry_run: bool, on_trial: &mut Option<Trial>) -> ReloadOutcome {
        let loaded = match (self.loader)() {
            Ok(loaded) => loaded,
            Err(faults) => {
                let told: Vec<String> = faults.0.iter().map(ToString::to_string).collect();
                error!("the new settings are refused, the running ones stay");
                for fault in &told {
                    error!("settings: {fault}");
                }
                return ReloadOutcome::Refused(told);
            }
        };
        let mut changes = difference(&self.keys, &loaded.keys);
        let mut warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        warnings.extend(other_units(&self.settings.plant, &loaded.settings.plant));
        warnings.extend(self.readings.changes(&Readings::of(&loaded.settings)).lines());
        let later: Vec<String> =
            changes.iter().filter(|c| AT_START.iter().any(|s| c[2..].starts_with(s))).cloned().collect();
        let next = renumber(loaded.settings, &self.settings.plant);
        if changes.is_empty() && !next.reads_and_sends_like(&self.settings) {
            changes.push(
                "~ what a file or variable holds that the settings name: a secret, a certificate".to_owned(),
            );
        }
        if changes.is_empty() || dry_run {
            return ReloadOutcome::Nothing { changes, warnings, later };
        }
        for change in &changes {
            info!("settings: {change}");
        }
        for warning in &warnings {
            warn!("settings: {warning}");
        }
        for change in &later {
            warn!("settings: takes effect at the next start: {change}");
        }
        let read = self.usable(|_| true);
        let proven = self.usable(|came| came >= self.in_force).into_iter().collect();
        let (old, old_keys) = (self.settings.clone(), self.keys.clone());
        if let Err(why) = self.apply(next, loaded.keys, &changes, false).await {
            error!("the new settings could not be applied, the running ones stay: {why}");
            return ReloadOutcome::Refused(vec![why]);
        }
        let now = Instant::now();
        let trial = Trial::new(old, old_keys, &self.settings, &read, now);
        *on_trial = match on_trial.take() {
            Some(before) => before.go_on(trial, &self.settings, &proven, now),
            None => trial,
        };
        self.in_force = now;
        let trial_seconds = on_trial.as_ref().map(|trial| trial.seconds(now));
        ReloadOutcome::Applied { changes, warnings, later, trial_seconds }
    }

    /// `back`: they are the settings of before a trial.
    async fn apply(
        &mut self,
        next: Settings,
        keys: Keys,
        changes: &[String],
        back: bool,
    ) -> Result<(), String> {
        // Site, store and console stay as they were started.
        let site = self.settings.plant.site.clone();
        let next = Settings {
            plant: Plant { site, ..next.plant },
            console: self.settings.console.clone(),
            store: crate::settings::Store { dir: self.settings.store.dir.clone(), ..next.store },
            ..next
        };
        let plant = Arc::new(next.plant.clone());
        let readings = Readings::of(&next);
        let (reply, done) = oneshot::channel();
        let (noted_tx, noted) = oneshot::channel();
        let news = keeper::NewPlant {
            plant: Arc::clone(&plant),
            store: next.store.clone(),
            evidence: next.evidence,
            influx_ids: next.outlets.influx.iter().map(|o| o.id.to_string()).collect(),
            back,
            changes: changes.to_vec(),
            read: self.readings.changes(&readings),
            noted: noted_tx,
            reply,
        };
        if self.plants.send(news).await.is_err() {
            return Err("the keeper is stopping".to_owned());
        }
        done.await.map_err(|_| "the keeper is stopping".to_owned())??;
        self.console.set(plant);
        self.field.apply(&next).await;
        self.outlets.apply(&next).await;
        self.waits.renew(&next, &self.board);
        (self.settings, self.keys) = (next, keys);
        self.readings = self.readings.followed_by(&readings);
        self.keep_readings(noted);
        Ok(())
    }

    /// Keeps how each point is read for the next start and for `check`, once the trail says what changed: a stop in between
    /// tells a change twice, and never not at all. A disk that takes nothing costs only that.
    fn keep_readings(&self, noted: oneshot::Receiver<()>) {
        if !self.keeps {
            return;
        }
        let (now, store) = (self.readings.clone(), self.settings.store.dir.clone());
        let (asked, newest) = (Instant::now(), Arc::clone(&self.newest_kept));
        tokio::spawn(async move {
            if noted.await.is_err() {
                return;
            }
            tokio::task::spawn_blocking(move || {
                let mut newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
                if newest.is_some_and(|newest| newest > asked) {
                    return;
                }
                *newest = Some(asked);
                if Readings::kept(&store).as_ref() != Some(&now)
                    && let Err(e) = now.keep(&store)
                {
                    warn!("how points are read could not be kept for the next start: {e}");
                }
            });
        });
    }

    /// Waits for the end of the trial; gives the devices that are not read. Never ends without a trial.
    async fn watch_over(&self, trial: Option<&mut Trial>) -> Vec<DeviceIx> {
        let Some(trial) = trial else { return std::future::pending().await };
        loop {
            let read = self.usable(|came| came >= self.in_force).into_iter().collect();
            if let Some(silent) = trial.verdict(&read, Instant::now()) {
                return silent;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The end of a trial: the old settings come back if some devices are no longer read.
    async fn conclude(&mut self, trial: Trial, silent: Vec<DeviceIx>) {
        let silent: Vec<String> =
            silent.iter().map(|d| self.settings.plant.device(*d).label.clone()).collect();
        let state = if silent.is_empty() {
            info!("the new settings read all that the old ones did");
            "kept"
        } else {
            error!(
                "with the new settings these devices are no longer read: {}; the settings before are back",
                silent.join(", ")
            );
            // Numbers that the new settings gave out stay taken.
            let old = renumber(trial.settings, &self.settings.plant);
            let changes = vec![format!("rolled back: no longer read: {}", silent.join(", "))];
            if let Err(e) = self.apply(old, trial.keys, &changes, true).await {
                error!("the settings before could not be put back: {e}");
            }
            "rolled-back"
        };
        let mut view = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        view.state = state;
        view.no_longer_read = silent;
    }

    /// Devices with a usable value that came at such a time.
    fn usable(&self, when: impl Fn(Instant) -> bool) -> Vec<DeviceIx> {
        let points = self.live.points();
        let plant = &self.settings.plant;
        let good = |p: &crate::plant::PointIx| {
            points.get(p.0 as usize).is_some_and(|l| {
                l.quality.cause() != Some(Cause::NotYetRead) && l.quality.is_usable() && when(l.came)
            })
        };
        (0..plant.devices.len())
            .filter(|n| plant.devices[*n].points.iter().any(good))
            .map(|n| DeviceIx(n as u32))
            .collect()
    }
}
