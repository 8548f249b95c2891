//! `steamward run`: the gateway until SIGTERM or SIGINT; drains and stops within 5 s.

use std::path::Path;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use super::logging;
use crate::exit;
use crate::gateway::{Gateway, StartError};
use crate::store::StoreError;

/// What the outlets get to send the rest; with the rest of the way down it stays under 5 s.
pub(super) const GRACE: Duration = Duration::from_millis(3500);

pub(super) fn run(dir: &Path) -> i32 {
    let loaded = match super::load(dir) {
        Ok(loaded) => loaded,
        Err(faults) => {
            eprintln!("{faults}");
            return exit::SETTINGS;
        }
    };
    logging::start(&loaded.settings.log);
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(e) => {
            error!("cannot start the runtime: {e}");
            return exit::FAILED;
        }
    };
    runtime.block_on(async {
        let gateway = match Gateway::start(loaded.settings, None).await {
            Ok(gateway) => gateway,
            Err(e) => {
                error!("{e}");
                return start_code(&e);
            }
        };
        notify(&[NotifyState::Ready]);
        let code = until_signal(&gateway).await;
        notify(&[NotifyState::Stopping]);
        gateway.stop(GRACE).await;
        code
    })
}

pub(super) fn start_code(error: &StartError) -> i32 {
    match error {
        StartError::Store(StoreError::Damaged { .. } | StoreError::TooNew { .. }) => exit::LEDGER,
        StartError::Listen { .. } => exit::SETTINGS,
        _ => exit::FAILED,
    }
}

/// Waits for the signal; meanwhile tells the watchdog that the keeper beats.
pub(super) async fn until_signal(gateway: &Gateway) -> i32 {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        error!("cannot listen for signals");
        return exit::FAILED;
    };
    let mut beat = tokio::time::interval(Duration::from_secs(2));
    let mut missed = 0;
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = beat.tick() => {
                if gateway.is_well() {
                    missed = 0;
                    notify(&[NotifyState::Watchdog]);
                } else {
                    missed += 1;
                    if missed == 3 {
                        // The service manager's watchdog decides; without one the log tells.
                        error!("the keeper has not moved for 6 s");
                    }
                }
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
