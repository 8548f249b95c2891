//! `steamward run`: the gateway until SIGTERM or SIGINT; drains and stops within 5 s.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::logging;
use crate::exit;
use crate::gateway::{Files, Gateway, StartError};
use crate::store::StoreError;
use crate::tongue;

/// What the outlets get to send the rest; with the rest of the way down it stays under 5 s.
pub(super) const GRACE: Duration = Duration::from_millis(3500);

/// What the runtime gets to end after that.
pub(super) const LAST: Duration = Duration::from_millis(500);

pub(super) fn run(dir: &Path) -> i32 {
    let loaded = match super::load(dir) {
        Ok(loaded) => loaded,
        Err(faults) => {
            super::refuse(&faults);
            return exit::SETTINGS;
        }
    };
    logging::start(&loaded.settings.log);
    crate::parts::contain_panics();
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    let folder = dir.to_owned();
    let files = Files { loader: Box::new(move || super::load(&folder)), keys: loaded.keys };
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(e) => {
            error!("cannot start the runtime: {e}");
            return exit::FAILED;
        }
    };
    let code = runtime.block_on(async {
        let mut signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(e) => {
                error!("cannot listen for signals: {e}");
                return exit::FAILED;
            }
        };
        let gateway = match Gateway::start(loaded.settings, Some(files), None).await {
            Ok(gateway) => gateway,
            Err(e) => {
                not_started(&e);
                return start_code(&e);
            }
        };
        notify(&[NotifyState::Ready]);
        let code = until_signal(&gateway, &mut signals).await;
        notify(&[NotifyState::Stopping]);
        if gateway.stop(GRACE).await { code } else { exit::FAILED }
    });
    // Closes the stores in order; a thread that hangs on a broken disk must not keep the process from ending.
    runtime.shutdown_timeout(LAST);
    code
}

/// For the log, and in Chinese for whoever started it at a terminal.
pub(super) fn not_started(error: &StartError) {
    error!("{error}");
    if tongue::chosen() == tongue::Language::Zh {
        complain!("{error}");
    }
}

pub(super) fn start_code(error: &StartError) -> i32 {
    match error {
        StartError::Store(StoreError::Damaged { .. } | StoreError::TooNew { .. }) => exit::LEDGER,
        _ => exit::FAILED,
    }
}

/// The signals that ask for an orderly end. Listened to before anything starts, so that one that comes
/// early is no sudden death.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    /// Must be called within a tokio runtime.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }
}

/// How often it is asked whether the keeper has moved.
const BEAT: Duration = Duration::from_secs(2);
/// So many missed beats in a row end the process.
const MOST_MISSED: u32 = 15;

/// Waits for a signal; meanwhile tells the watchdog that the keeper beats.
pub(super) async fn until_signal(gateway: &Gateway, signals: &mut Signals) -> i32 {
    let mut beat = tokio::time::interval(BEAT);
    // After a pause of the whole process no burst of beats: each wants the keeper to have moved.
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut missed = 0_u32;
    let mut told = String::new();
    loop {
        tokio::select! {
            _ = signals.term.recv() => break,
            _ = signals.int.recv() => break,
            _ = signals.hup.recv() => {
                info!("asked to read the settings again");
                gateway.reload().await;
            }
            _ = beat.tick() => {
                let standing = gateway.standing();
                if standing != told {
                    notify(&[NotifyState::Status(&standing)]);
                    told = standing;
                }
                if gateway.is_well() {
                    missed = 0;
                    notify(&[NotifyState::Watchdog]);
                } else {
                    missed += 1;
                    if missed == 3 {
                        error!("the keeper has not moved for 6 s: nothing is judged");
                    }
                    if missed == MOST_MISSED {
                        // The service manager's watchdog comes before; without one nobody else would start it anew. What
                        // hangs cannot be asked to stop.
                        error!("the keeper has not moved for 30 s: the gateway ends, to be started again");
                        std::process::exit(exit::BROKEN);
                    }
                }
                let stands = BEAT * missed;
                gateway.counters().keeper_stands_s.store(stands.as_secs(), Ordering::Relaxed);
            }
        }
    }
    info!("stopping");
    exit::FINE
}

fn notify(states: &[NotifyState<'_>]) {
    // Not under systemd is fine.
    let _ = sd_notify::notify(false, states);
}
