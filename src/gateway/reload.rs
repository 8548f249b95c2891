//! New settings while everything runs (promise P8): read, compared, applied, watched, and taken back by
//! itself when devices that were read before are not read any more.
//!
//! Order: the keeper learns the new points first, so that no reading is met unknown; then the wires, the
//! outlets, the console. What did not change keeps its task, its connection, its numbers and its ticks.
//! Asked for by SIGHUP or the API; carried out here, one at a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use super::keeper;
use super::outlets::Outlets;
use crate::console::{CurrentPlant, Live, ReloadOutcome, ReloadRequest, ReloadView};
use crate::field::FieldHandle;
use crate::plant::{Cause, DeviceIx, Plant};
use crate::settings::{AT_START, Faults, Keys, Loaded, Settings, difference, renumber};

/// Where new settings come from.
pub type Loader = Box<dyn Fn() -> Result<Loaded, Faults> + Send + Sync>;

/// Shortest and longest time in which changed devices must be read again.
const SHORTEST_TRIAL: Duration = Duration::from_secs(10);
const LONGEST_TRIAL: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) struct Reloader {
    pub(super) loader: Loader,
    pub(super) settings: Settings,
    pub(super) keys: Keys,
    pub(super) field: Arc<FieldHandle>,
    pub(super) outlets: Outlets,
    pub(super) plants: mpsc::Sender<keeper::NewPlant>,
    pub(super) console: CurrentPlant,
    pub(super) live: Live,
    pub(super) state: Arc<Mutex<ReloadView>>,
}

/// Serves until `stop`; gives the outlets back, which outlive it.
pub(super) async fn run(
    mut reloader: Reloader,
    mut requests: mpsc::Receiver<ReloadRequest>,
    mut stop: watch::Receiver<bool>,
) -> Outlets {
    let mut on_trial: Option<Trial> = None;
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return reloader.outlets,
            request = requests.recv() => {
                let Some(request) = request else { return reloader.outlets };
                // Whoever changes again has seen how the last change went.
                let dry = request.dry_run;
                let next = reloader.request(request).await;
                if !dry {
                    on_trial = next;
                }
            }
            silent = reloader.watch_over(on_trial.as_ref()) => {
                if let Some(trial) = on_trial.take() {
                    reloader.conclude(trial, silent).await;
                }
            }
        }
    }
}

/// Ends when the gateway stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|s| *s).await;
}

/// What was before, while the new settings must prove themselves.
struct Trial {
    settings: Settings,
    keys: Keys,
    /// Devices that changed and were read before.
    must_read: Vec<DeviceIx>,
    began: tokio::time::Instant,
    long: Duration,
}

impl Reloader {
    async fn request(&mut self, request: ReloadRequest) -> Option<Trial> {
        let (outcome, trial) = self.reload(request.dry_run).await;
        if !request.dry_run {
            *self.state.lock().unwrap_or_else(PoisonError::into_inner) = outcome.view();
        }
        // Nobody waiting for the answer is fine.
        let _ = request.reply.send(outcome);
        trial
    }

    async fn reload(&mut self, dry_run: bool) -> (ReloadOutcome, Option<Trial>) {
        let loaded = match (self.loader)() {
            Ok(loaded) => loaded,
            Err(faults) => {
                error!("the new settings are refused, the running ones stay:\n{faults}");
                return (ReloadOutcome::Refused(faults.0.iter().map(ToString::to_string).collect()), None);
            }
        };
        let changes = difference(&self.keys, &loaded.keys);
        let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        let later: Vec<String> =
            changes.iter().filter(|c| AT_START.iter().any(|s| c[2..].starts_with(s))).cloned().collect();
        if changes.is_empty() || dry_run {
            return (ReloadOutcome::Nothing { changes, warnings, later }, None);
        }
        for change in &changes {
            info!("settings: {change}");
        }
        for change in &later {
            warn!("settings: takes effect at the next start: {change}");
        }
        let next = renumber(loaded.settings, &self.settings.plant);
        let before = self.read_now();
        let changed = changed_devices(&self.settings, &next);
        let must_read: Vec<DeviceIx> =
            before.into_iter().filter(|d| changed.contains(d) && is_present(&next.plant, *d)).collect();
        let slowest =
            next.modbus.iter().flat_map(|s| &s.devices).flat_map(|d| &d.groups).map(|g| g.period).max();
        let long = (slowest.unwrap_or_default() * 3).clamp(SHORTEST_TRIAL, LONGEST_TRIAL);
        let (old, old_keys) = (self.settings.clone(), self.keys.clone());
        if let Err(why) = self.apply(next, loaded.keys, &changes).await {
            error!("the new settings could not be applied, the running ones stay: {why}");
            return (ReloadOutcome::Refused(vec![why]), None);
        }
        let seconds = long.as_secs();
        let trial = (!must_read.is_empty()).then_some(Trial {
            settings: old,
            keys: old_keys,
            must_read,
            began: tokio::time::Instant::now(),
            long,
        });
        let trial_seconds = trial.as_ref().map(|_| seconds);
        (ReloadOutcome::Applied { changes, warnings, later, trial_seconds }, trial)
    }

    async fn apply(&mut self, next: Settings, keys: Keys, changes: &[String]) -> Result<(), String> {
        // The section of the store and the console stay as they were started.
        let next = Settings {
            console: self.settings.console.clone(),
            store: crate::settings::Store { dir: self.settings.store.dir.clone(), ..next.store },
            ..next
        };
        let plant = Arc::new(next.plant.clone());
        let (reply, done) = oneshot::channel();
        let news = keeper::NewPlant {
            plant: Arc::clone(&plant),
            store: next.store.clone(),
            evidence: next.evidence,
            influx_ids: next.outlets.influx.iter().map(|o| o.id.to_string()).collect(),
            changes: changes.to_vec(),
            reply,
        };
        if self.plants.send(news).await.is_err() {
            return Err("the keeper is stopping".to_owned());
        }
        done.await.map_err(|_| "the keeper is stopping".to_owned())??;
        self.console.set(plant);
        self.field.apply(&next).await;
        let outlets = self.outlets.apply(&next).await;
        (self.settings, self.keys) = (next, keys);
        outlets.map_err(|e| format!("an outlet could not be started: {e}"))
    }

    /// Waits until every device that was read before and was touched is read again, or the trial is over;
    /// gives those that are not read. Never ends without a trial.
    async fn watch_over(&self, trial: Option<&Trial>) -> Vec<DeviceIx> {
        let Some(trial) = trial else { return std::future::pending().await };
        loop {
            let read: HashSet<DeviceIx> = self.read_since(trial.began.elapsed()).into_iter().collect();
            let silent: Vec<DeviceIx> =
                trial.must_read.iter().filter(|d| !read.contains(d)).copied().collect();
            if silent.is_empty() || trial.began.elapsed() >= trial.long {
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
            if let Err(e) = self.apply(old, trial.keys, &changes).await {
                error!("the settings before could not be put back: {e}");
            }
            "rolled-back"
        };
        let mut view = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        view.state = state;
        view.no_longer_read = silent;
    }

    /// Devices with a usable value at present.
    fn read_now(&self) -> Vec<DeviceIx> {
        self.usable(|_| true)
    }

    /// Devices with a usable value that is no older than `age`.
    fn read_since(&self, age: Duration) -> Vec<DeviceIx> {
        let from = crate::clock::wall_now().minus(age);
        self.usable(|at| at >= from)
    }

    fn usable(&self, fresh: impl Fn(crate::plant::Micros) -> bool) -> Vec<DeviceIx> {
        let points = self.live.points();
        let plant = &self.settings.plant;
        let good = |p: &crate::plant::PointIx| {
            points.get(p.0 as usize).is_some_and(|l| {
                l.quality.cause() != Some(Cause::NotYetRead) && l.quality.is_usable() && fresh(l.at)
            })
        };
        (0..plant.devices.len())
            .filter(|n| plant.devices[*n].points.iter().any(good))
            .map(|n| DeviceIx(n as u32))
            .collect()
    }
}

fn is_present(plant: &Plant, device: DeviceIx) -> bool {
    plant.devices.get(device.0 as usize).is_some_and(|d| !d.points.is_empty())
}

/// Devices whose way of being read is not what it was; those of a changed source are all of them.
fn changed_devices(old: &Settings, new: &Settings) -> HashSet<DeviceIx> {
    let mut same = HashSet::new();
    for source in &new.modbus {
        let Some(before) = old.modbus.iter().find(|s| s.id == source.id) else { continue };
        let alike = before.transport == source.transport && before.timeout == source.timeout;
        for device in source.devices.iter().filter(|d| alike && before.devices.contains(d)) {
            same.extend(device.groups.iter().map(|g| g.device));
        }
    }
    for source in &new.mqtt {
        if old.mqtt.contains(source) {
            same.extend(source.mappings.iter().map(|m| m.device));
            same.extend(source.metrics.iter().map(|m| m.device));
        }
    }
    for source in &new.push {
        if old.push.contains(source) {
            same.extend(source.devices.iter().map(|d| d.device));
        }
    }
    (0..new.plant.devices.len() as u32).map(DeviceIx).filter(|d| !same.contains(d)).collect()
}
