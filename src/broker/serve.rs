//! The broker process: `mqtt5` is the broker, behind a [`Door`](super::door::Door) of ours. It lives as
//! long as its standard input is open, so it never outlives the gateway.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mqtt5::broker::auth::AuthProvider;
use mqtt5::broker::client_handler::ClientHandler;
use mqtt5::broker::config::BrokerConfig;
use mqtt5::broker::resource_monitor::{ResourceLimits, ResourceMonitor};
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::storage::{DynamicStorage, MemoryBackend, QueueLimits, StorageBackend};
use mqtt5::broker::sys_topics::BrokerStats;
use mqtt5::broker::transport::BrokerTransport;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tracing_subscriber::layer::SubscriberExt;

use super::door::{Closed, Door, acceptor};
use super::gatekeeper::Gatekeeper;
use super::out::{Ear, Out};
use super::places::Places;
use super::properties::MOST_ALIASES;
use super::sieve::LARGEST_PACKET;
use super::words::{Plan, Report, User};
use crate::parts::Counts;

/// A session whose client stays away so long is forgotten, whatever the client asked for.
pub(super) const SESSION_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How often it says that it lives.
pub(super) const BEAT: Duration = Duration::from_secs(2);
/// Devices at a small site, with room.
const MOST_CONNECTIONS: usize = 1000;
/// Messages that wait for one client that is away or slow, and their bytes; the oldest go.
const QUEUE: QueueLimits = QueueLimits { max_messages: 10_000, max_bytes: 8 * 1024 * 1024 };
/// Messages kept for new subscribers, and the size of each.
pub(super) const RETAINED: (usize, usize) = (2000, 16 * 1024);
/// The library's own limit of kept messages. The gatekeeper's shares come first: the library would
/// acknowledge the message to a client of 3.1.1 and give it to nobody.
const BACKSTOP: usize = 2 * RETAINED.0;
/// Sockets that a connection takes: the client's and a pair.
const SOCKETS: u64 = 3;

/// Runs the broker process. It ends when the gateway does, which is no failure and does not come back
/// here; it returns when the broker cannot do its work.
pub fn child() {
    let Ok(out) = Out::start(std::io::stdout()) else { return };
    // In a test there may be one already.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Ear(out.clone())));
    let plan = match read_plan() {
        Ok(plan) => plan,
        Err(e) => {
            eprintln!("this command is the gateway's own: it starts the embedded broker with it ({e})");
            return;
        }
    };
    let (tell, accounts) = tokio::sync::mpsc::unbounded_channel();
    end_with_the_gateway(tell);
    // The machine's memory runs out here first and not in the gateway. Elsewhere than on Linux: no matter.
    let _ = std::fs::write("/proc/self/oom_score_adj", "900");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(serve(plan, accounts, out.clone())),
        Err(e) => Err(format!("cannot start the runtime: {e}")),
    };
    if let Err(why) = ended {
        out.send(Report::Failed(why));
        // Its thread writes it out before the process ends.
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn read_plan() -> Result<Plan, String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|e| e.to_string())?;
    serde_json::from_str(&line).map_err(|e| e.to_string())
}

/// The gateway holds the other end of standard input and writes to it when accounts change: its end is ours.
fn end_with_the_gateway(tell: UnboundedSender<Vec<User>>) {
    let watch = move || {
        let mut line = String::new();
        while std::io::stdin().lock().read_line(&mut line).is_ok_and(|n| n > 0) {
            if let Ok(users) = serde_json::from_str(&line) {
                let _ = tell.send(users);
            }
            line.clear();
        }
        std::process::exit(0);
    };
    if std::thread::Builder::new().name("gateway".to_owned()).spawn(watch).is_err() {
        std::process::exit(1);
    }
}

/// So many connections as there are file handles for; the soft limit is raised to what it takes.
fn connections() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = (MOST_CONNECTIONS as u64) * SOCKETS + 64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|now| now < wanted) {
        let raised = limit.maximum.map_or(wanted, |most| most.min(wanted));
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
    }
    let has = getrlimit(Resource::Nofile).current.unwrap_or(wanted);
    let room = has.saturating_sub(64) / SOCKETS;
    MOST_CONNECTIONS.min(usize::try_from(room).unwrap_or(MOST_CONNECTIONS))
}

async fn serve(plan: Plan, mut accounts: UnboundedReceiver<Vec<User>>, out: Out) -> Result<(), String> {
    let tls = plan.tls.as_ref().map(acceptor).transpose()?;
    let listener = TcpListener::bind(plan.listen).await.map_err(|e| {
        format!("broker.listen = {}: {e}; choose a free address, or stop what uses it", plan.listen)
    })?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let names = plan.users.iter().map(|u| u.name.clone()).collect();
    let places = Places::new(connections(), names);
    let gatekeeper = Arc::new(Gatekeeper::new(plan.users, Arc::clone(&places), out.clone()));
    let parts = Parts::new(&gatekeeper);
    gatekeeper.knows(Arc::clone(&parts.router), Arc::clone(&parts.storage));
    out.send(Report::Listening(address));
    let closed = Arc::new(Closed::default());
    let door = Door {
        listener,
        tls,
        places,
        keeper: Arc::clone(&gatekeeper),
        closed: Arc::clone(&closed),
        out: out.clone(),
    };
    let keeper = Arc::clone(&gatekeeper);
    tokio::spawn(async move {
        while let Some(users) = accounts.recv().await {
            keeper.renew(users);
        }
    });
    let beat = beat(parts.clone(), gatekeeper, closed, out);
    tokio::spawn(beat);
    door.open(move |stream, from| {
        let parts = parts.clone();
        async move {
            let (_stop, stopped) = tokio::sync::broadcast::channel(1);
            let handler = ClientHandler::new(
                BrokerTransport::tcp(stream),
                from,
                parts.config,
                parts.router,
                parts.auth,
                Some(parts.storage),
                Arc::clone(&parts.stats),
                parts.monitor,
                stopped,
            );
            // How it ended is of interest to the client alone; refusals are told by the gatekeeper.
            let _ = handler.run().await;
        }
    })
    .await;
    Ok(())
}

/// What each connection's handler works with.
#[derive(Clone)]
struct Parts {
    config: Arc<BrokerConfig>,
    router: Arc<MessageRouter>,
    auth: Arc<dyn AuthProvider>,
    storage: Arc<DynamicStorage>,
    stats: Arc<BrokerStats>,
    monitor: Arc<ResourceMonitor>,
}

impl Parts {
    fn new(gatekeeper: &Arc<Gatekeeper>) -> Self {
        let storage = Arc::new(DynamicStorage::Memory(MemoryBackend::with_queue_limits(QUEUE)));
        let router = MessageRouter::with_storage(Arc::clone(&storage))
            .with_fallback_queue_limits(QUEUE)
            .with_retained_limits(BACKSTOP, RETAINED.1);
        let config = BrokerConfig {
            max_clients: MOST_CONNECTIONS,
            session_expiry_interval: SESSION_KEPT,
            max_packet_size: LARGEST_PACKET,
            topic_alias_maximum: MOST_ALIASES,
            max_subscriptions_per_client: 5000,
            max_retained_messages: BACKSTOP,
            max_retained_message_size: RETAINED.1,
            client_channel_capacity: 1000,
            max_outbound_inflight: 100,
            server_receive_maximum: Some(1000),
            sys_topics_enabled: false,
            ..BrokerConfig::default()
        };
        Self {
            config: Arc::new(config),
            router: Arc::new(router),
            auth: Arc::clone(gatekeeper) as Arc<dyn AuthProvider>,
            storage,
            stats: Arc::new(BrokerStats::new()),
            // Rates are not limited: a site's devices buffer, and send what they kept all at once.
            monitor: Arc::new(ResourceMonitor::new(ResourceLimits {
                max_connections: MOST_CONNECTIONS,
                max_connections_per_ip: MOST_CONNECTIONS,
                max_message_rate_per_client: 0,
                max_bandwidth_per_client: 0,
                ..ResourceLimits::default()
            })),
        }
    }
}

/// Tells that the broker lives and what it counted; once a minute forgets what is over.
async fn beat(parts: Parts, gatekeeper: Arc<Gatekeeper>, closed: Arc<Closed>, out: Out) {
    let load = |n: &AtomicU64| n.load(Ordering::Relaxed);
    let mut tick = tokio::time::interval(BEAT);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for n in 0_u64.. {
        tick.tick().await;
        if n % 30 == 29 {
            let _ = parts.storage.cleanup_expired().await;
            parts.router.sweep_sessions().await;
            gatekeeper.tidy().await;
        }
        out.send(Report::Beat(Counts {
            clients: parts.stats.clients_connected.load(Ordering::Relaxed) as u64,
            retained: parts.router.retained_count().await as u64,
            connects: load(&parts.stats.clients_total),
            messages: load(&parts.stats.publish_received),
            dropped: out.dropped(),
            wrong_passwords: load(&gatekeeper.counts.wrong_passwords),
            refused: load(&gatekeeper.counts.refused),
            over_share: load(&gatekeeper.counts.over_share),
            malformed: load(&closed.malformed),
            turned_away: load(&closed.turned_away),
        }));
    }
}
