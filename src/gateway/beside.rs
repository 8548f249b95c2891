//! The parts beside the keeper and the wires: console and embedded broker, each carried by [`parts::run`], and
//! the secrets that sources wait for. One that is down is tried again; reading and judging know nothing of it.

use std::net::SocketAddr;
#[cfg(feature = "broker")]
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::info;

use crate::parts::{self, Board, PAUSES, Part};
use crate::settings::{Console, Secret, Settings};

/// A secret or port that is not there is looked for again so often.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The running console.
pub(super) struct Page {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    address: watch::Receiver<Option<SocketAddr>>,
}

impl Page {
    /// Serves `router` where `settings` say, now or as soon as the port is free.
    pub(super) fn start(settings: &Console, router: Router, board: &Board) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (tell, address) = watch::channel(None);
        let settings = settings.clone();
        let task = parts::run(board.part("console"), PAUSES, move |part| {
            serve(part, settings.clone(), router.clone(), stopped.clone(), tell.clone())
        });
        Self { task, stop, address }
    }

    /// Where it listens, once it does.
    pub(super) fn address(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.address.clone()
    }

    /// Takes no more requests.
    pub(super) fn close(&self) {
        let _ = self.stop.send(true);
    }

    /// Its end; what it holds of the store is closed then.
    pub(super) async fn end(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn serve(
    part: Part,
    settings: Console,
    router: Router,
    mut stopped: watch::Receiver<bool>,
    tell: watch::Sender<Option<SocketAddr>>,
) -> Result<(), String> {
    let listen = settings.listen;
    let wrong = |e| format!("console.listen = {listen}: {e}; choose a free address, or stop what uses it");
    let listener = TcpListener::bind(listen).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    part.stands();
    tell.send_replace(Some(address));
    info!("console on http://{address}/");
    let router = axum::serve(crate::console::Door::new(listener), router)
        .with_graceful_shutdown(async move {
            let _ = stopped.wait_for(|s| *s).await;
        })
        .into_future();
    let served = async {
        let served = router.await;
        tell.send_replace(None);
        served.map_err(|e| format!("console: {e}"))
    };
    match settings.token {
        None => served.await,
        Some(token) => {
            let token = [("console.token".to_owned(), token)];
            tokio::select! {
                served = served => served,
                never = until_there(&part, &token, "nobody is let in") => match never {},
            }
        }
    }
}

/// Says that `secrets` are missing until they are there; then waits for ever.
async fn until_there(part: &Part, secrets: &[(String, Secret)], meanwhile: &str) -> std::convert::Infallible {
    let missing =
        || secrets.iter().find_map(|(key, secret)| secret.missing().map(|why| format!("{key}: {why}")));
    if missing().is_some() {
        while let Some(why) = missing() {
            part.is_limited(&format!("{why}; {meanwhile} until it is there"));
            tokio::time::sleep(LOOK_EVERY).await;
        }
        part.stands();
    }
    std::future::pending().await
}

/// Keeps the broker's place on the board: it has a keeper of its own, which starts it again.
#[cfg(feature = "broker")]
pub(super) fn watch_broker(
    settings: &Settings,
    status: Arc<Mutex<crate::broker::BrokerStatus>>,
    board: &Board,
) -> JoinHandle<()> {
    let part = board.part("broker");
    let users = settings.broker.iter().flat_map(|b| &b.users);
    let passwords: Vec<(String, Secret)> =
        users.map(|u| (format!("broker.user.{}", u.name), u.password.clone())).collect();
    tokio::spawn(async move {
        loop {
            let unknown = passwords.iter().find_map(|(key, p)| {
                let why = p.missing()?;
                Some(format!("{key}: {why}; this user is turned away until the password is there"))
            });
            let (running, problem) = {
                let status = status.lock().unwrap_or_else(PoisonError::into_inner);
                (status.running, status.last_error.clone())
            };
            match (running, &problem, &unknown) {
                (true, _, Some(why)) => part.is_limited(why),
                (true, _, None) => part.stands(),
                (false, Some(why), _) => part.halts(why),
                (false, None, _) => {}
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
}

/// Without the broker in this program it stays down, and says so.
#[cfg(not(feature = "broker"))]
pub(super) fn no_broker(settings: &Settings, board: &Board) -> Option<JoinHandle<()>> {
    settings.broker.as_ref()?;
    Some(parts::run(board.part("broker"), PAUSES, |_| async {
        Err("[broker]: this program was built without the feature `broker`; use another broker")
    }))
}

/// Watches for the secrets of sources that are missing; the sources themselves look for them.
#[derive(Default)]
pub(super) struct Waits(Vec<(String, JoinHandle<()>)>);

impl Waits {
    /// Of new settings; what the ones before waited for is forgotten.
    pub(super) fn renew(&mut self, settings: &Settings, board: &Board) {
        for (key, task) in self.0.drain(..) {
            task.abort();
            board.forget(&key);
        }
        for (key, secret) in settings.secrets() {
            if !key.starts_with("source.") || secret.missing().is_none() {
                continue;
            }
            let (secret, name) = (secret.clone(), key.clone());
            let task = parts::run(board.part(&key), PAUSES, move |part| {
                let (secret, key) = (secret.clone(), name.clone());
                async move {
                    if let Some(why) = secret.missing() {
                        return Err(format!("{key}: {why}; the source does not work until it is there"));
                    }
                    part.stands();
                    Ok(())
                }
            });
            self.0.push((key, task));
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        for (_, task) in &self.0 {
            task.abort();
        }
    }
}
