//! Which sources run: starts, changes and stops their tasks when settings are applied, and keeps what
//! others may see of them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::error;

use super::ingest::staleness::Judged;
use super::intake::{Ack, Intake, WeakIntake};
use super::modbus::{self, Trace, dial_in};
use super::mqtt;
use super::push::Desk;
use super::status::{SourceStatus, Status};
use crate::parts::{Backoff, PAUSES, contained};
use crate::plant::{DeviceIx, TextTable};
use crate::settings::{DialIn, ModbusSource, MqttSource, Settings, Transport};

/// What can be seen of a source from outside.
#[derive(Debug, Clone)]
struct Seen {
    id: String,
    status: Status,
    trace: Option<Trace>,
    desk: Option<Arc<Desk>>,
}

#[derive(Debug, Default)]
struct Shown {
    sources: Vec<Seen>,
    acks: HashMap<u32, mpsc::UnboundedSender<Ack>>,
    intake: Option<WeakIntake>,
    judged: Judged,
}

/// Shared by the wires (which change it) and whoever shows sources or acknowledges messages.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry(Arc<Mutex<Shown>>);

impl Registry {
    /// `judged` before this start.
    pub(super) fn new(judged: Judged) -> Self {
        Self(Arc::new(Mutex::new(Shown { judged, ..Shown::default() })))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Shown) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows the sources of `settings` before their tasks run, in the order of the settings.
    pub(super) fn announce(&self, settings: &Settings) {
        self.with(|shown| {
            let mut old = std::mem::take(&mut shown.sources);
            let modbus = settings.modbus.iter().map(|s| (s.id.as_str(), "modbus"));
            let mqtt = settings.mqtt.iter().map(|s| (s.id.as_str(), "mqtt"));
            let push = settings.push.iter().map(|s| (s.id.as_str(), "push"));
            for (id, kind) in modbus.chain(mqtt).chain(push) {
                let kept = old.iter().position(|o| o.id == id && o.status.kind() == kind);
                shown.sources.push(kept.map_or_else(
                    || Seen {
                        id: id.to_owned(),
                        status: Status::new(id, kind),
                        trace: (kind == "modbus").then(Trace::default),
                        desk: None,
                    },
                    |n| old.swap_remove(n),
                ));
            }
            let zone = crate::plant::zone(&settings.plant.site.timezone).unwrap_or(TimeZone::UTC);
            let stale: Vec<_> = settings.plant.devices.iter().map(|d| d.stale_after).collect();
            for source in &settings.push {
                let Some(seen) = shown.sources.iter_mut().find(|s| s.id == source.id.as_str()) else {
                    continue;
                };
                let status = seen.status.clone();
                let old = seen.desk.take();
                if let Some(old) = old.as_ref().filter(|desk| desk.serves(source, &zone, &stale)) {
                    seen.desk = Some(Arc::clone(old));
                    continue;
                }
                if let Some(old) = old {
                    old.leave(&shown.judged);
                }
                let desk = Desk::new(source, zone.clone(), &stale, status);
                desk.resume(&shown.judged);
                seen.desk = Some(Arc::new(desk));
            }
        });
    }

    #[cfg(test)]
    pub(super) fn of(desk: Arc<Desk>, intake: &Intake) -> Self {
        let registry = Self::default();
        registry.with(|shown| {
            let (id, status) = (desk.source.id.to_string(), Status::default());
            shown.sources.push(Seen { id, status, trace: None, desk: Some(desk) });
            shown.intake = Some(intake.downgrade());
        });
        registry
    }

    /// The push sources.
    pub(super) fn desks(&self) -> Vec<Arc<Desk>> {
        self.with(|shown| shown.sources.iter().filter_map(|s| s.desk.clone()).collect())
    }

    /// Where readings go, while the wires run.
    pub(super) fn intake(&self) -> Option<Intake> {
        self.with(|shown| shown.intake.as_ref().and_then(WeakIntake::upgrade))
    }

    fn seen(&self, id: &str) -> Option<Seen> {
        self.with(|shown| shown.sources.iter().find(|s| s.id == id).cloned())
    }

    pub(super) fn statuses(&self) -> Vec<SourceStatus> {
        let now = std::time::Instant::now();
        let seen = self.with(|shown| shown.sources.clone());
        let status = |s: &Seen| {
            let status = s.status.get();
            // Nothing is connected here: what tells is whether something came.
            let connected = s.desk.as_ref().map_or(status.connected, |desk| desk.is_heard(now));
            SourceStatus { connected, ..status }
        };
        seen.iter().map(status).collect()
    }

    pub(super) fn trace(&self, source: &str) -> Option<Trace> {
        self.seen(source)?.trace
    }

    pub(super) fn acknowledge(&self, acks: Vec<Ack>) {
        self.with(|shown| {
            for ack in acks {
                if let Some(sender) = shown.acks.get(&ack.session) {
                    // A session that has ended will get the message again, which is as good.
                    let _ = sender.send(ack);
                }
            }
        });
    }
}

struct Running {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

struct Bus {
    running: Running,
    settings: ModbusSource,
    change: watch::Sender<ModbusSource>,
    /// Changes when it has taken over what was sent.
    taken_over: watch::Receiver<()>,
    /// Something was sent that it may not have taken over.
    changing: bool,
    dialled: Option<dial_in::Doorstep>,
}

struct Session {
    running: Running,
    settings: MqttSource,
    /// How long each of its devices may be silent.
    stale: Vec<Duration>,
    index: u32,
}

/// Waits for devices at one address.
struct Listener {
    expected: Vec<(String, DialIn)>,
    task: JoinHandle<()>,
}

/// The tasks of all sources. Lives on the wires' thread.
pub(super) struct Sources {
    intake: Intake,
    texts: TextTable,
    registry: Registry,
    epoch: Instant,
    buses: BTreeMap<String, Bus>,
    sessions: BTreeMap<String, Session>,
    listeners: HashMap<SocketAddr, Listener>,
    sessions_so_far: u32,
}

impl Sources {
    pub(super) fn new(intake: Intake, texts: TextTable, registry: Registry) -> Self {
        registry.with(|shown| shown.intake = Some(intake.downgrade()));
        Self {
            intake,
            texts,
            registry,
            epoch: Instant::now(),
            buses: BTreeMap::new(),
            sessions: BTreeMap::new(),
            listeners: HashMap::new(),
            sessions_so_far: 0,
        }
    }

    /// Brings the tasks in line with `settings`. What is the same as before is left alone.
    pub(super) async fn apply(&mut self, settings: &Settings) {
        let gone: Vec<String> = self
            .buses
            .keys()
            .filter(|id| settings.modbus.iter().all(|s| s.id.as_str() != id.as_str()))
            .cloned()
            .collect();
        for id in gone {
            if let Some(bus) = self.buses.remove(&id) {
                bus.running.end().await;
            }
        }
        let gone: Vec<String> = self
            .sessions
            .iter()
            .filter(|(id, s)| {
                let same = |new: &MqttSource| {
                    new.id.as_str() == id.as_str() && *new == s.settings && patience(new, settings) == s.stale
                };
                !settings.mqtt.iter().any(same)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            if let Some(session) = self.sessions.remove(&id) {
                session.running.end().await;
                self.registry.with(|shown| shown.acks.remove(&session.index));
            }
        }
        self.registry.announce(settings);
        let timezone = crate::plant::zone(&settings.plant.site.timezone).unwrap_or(TimeZone::UTC);
        for source in &settings.modbus {
            self.bus(source, &timezone).await;
        }
        for source in &settings.mqtt {
            if !self.sessions.contains_key(source.id.as_str()) {
                self.session(source, settings);
            }
        }
        self.listen();
    }

    /// Waits until no bus reads by settings before the present ones: a request under way is waited for.
    pub(super) async fn taken_over(&mut self) {
        for bus in self.buses.values_mut().filter(|bus| bus.changing) {
            // One that has ended reads nothing any more.
            let _ = bus.taken_over.changed().await;
            bus.changing = false;
        }
    }

    async fn bus(&mut self, source: &ModbusSource, timezone: &TimeZone) {
        let dials = |s: &ModbusSource| matches!(s.transport, Transport::DialIn(_));
        if let Some(bus) = self.buses.get_mut(source.id.as_str()) {
            if bus.settings == *source {
                return;
            }
            if dials(&bus.settings) == dials(source) {
                bus.settings = source.clone();
                bus.taken_over.mark_unchanged();
                bus.changing = true;
                bus.change.send_replace(source.clone());
                return;
            }
            if let Some(bus) = self.buses.remove(source.id.as_str()) {
                bus.running.end().await;
            }
        }
        let Some(seen) = self.registry.seen(source.id.as_str()) else { return };
        let (change, changed) = watch::channel(source.clone());
        let (tell, taken_over) = watch::channel(());
        let dialled = dials(source).then(dial_in::Doorstep::default);
        let (stop, stopped) = watch::channel(false);
        let parts = modbus::Parts {
            source: changed,
            status: seen.status,
            intake: self.intake.clone(),
            epoch: self.epoch,
            timezone: timezone.clone(),
            texts: self.texts.clone(),
            trace: seen.trace.unwrap_or_default(),
            dialled: dialled.clone(),
            taken_over: tell,
        };
        let (status, stopping) = (parts.status.clone(), stopped.clone());
        let lives = move |_| modbus::run(parts.clone(), stopped.clone());
        let task = tokio::spawn(keep(source.id.to_string(), status, stopping, lives));
        let running = Running { task, stop };
        let settings = source.clone();
        let bus = Bus { running, settings, change, taken_over, changing: false, dialled };
        self.buses.insert(source.id.to_string(), bus);
    }

    fn session(&mut self, source: &MqttSource, settings: &Settings) {
        let Some(seen) = self.registry.seen(source.id.as_str()) else { return };
        let index = self.sessions_so_far;
        self.sessions_so_far += 1;
        let (to, acks) = mpsc::unbounded_channel();
        let judged = self.registry.with(|shown| {
            shown.acks.insert(index, to);
            shown.judged.clone()
        });
        let part = mqtt::Part {
            source: source.clone(),
            index,
            timezone: settings.plant.site.timezone.clone(),
            stale: settings.plant.devices.iter().map(|d| d.stale_after).collect(),
            memory: Some(settings.store.dir.join(format!("mqtt-{}.json", source.id))),
            judged,
            life: 0,
        };
        let (stop, stopped) = watch::channel(false);
        let (status, stopping) = (seen.status.clone(), stopped.clone());
        let (acks, intake) = (Arc::new(tokio::sync::Mutex::new(acks)), self.intake.clone());
        let lives = move |life| {
            let part = mqtt::Part { life, ..part.clone() };
            let (status, intake, stopped) = (seen.status.clone(), intake.clone(), stopped.clone());
            let acks = Arc::clone(&acks);
            async move { mqtt::run(part, status, intake, &mut *acks.lock().await, stopped).await }
        };
        let task = tokio::spawn(keep(source.id.to_string(), status, stopping, lives));
        let running = Running { task, stop };
        let (settings, stale) = (source.clone(), patience(source, settings));
        self.sessions.insert(source.id.to_string(), Session { running, settings, stale, index });
    }

    /// One listener an address, for all sources whose devices dial in there.
    fn listen(&mut self) {
        let mut wanted: HashMap<SocketAddr, Vec<dial_in::Expected>> = HashMap::new();
        for (id, bus) in &self.buses {
            let (Transport::DialIn(how), Some(to)) = (&bus.settings.transport, &bus.dialled) else {
                continue;
            };
            let Some(seen) = self.registry.seen(id) else { continue };
            wanted.entry(how.listen).or_default().push(dial_in::Expected {
                source: id.clone(),
                how: how.clone(),
                status: seen.status,
                to: to.clone(),
            });
        }
        let who = |expected: &[dial_in::Expected]| -> Vec<(String, DialIn)> {
            expected.iter().map(|e| (e.source.clone(), e.how.clone())).collect()
        };
        self.listeners.retain(|address, listener| {
            let same = wanted.get(address).is_some_and(|w| who(w) == listener.expected);
            if !same {
                // Connections that are handed over already stay.
                listener.task.abort();
            }
            same
        });
        for (address, expected) in wanted {
            self.listeners.entry(address).or_insert_with(|| Listener {
                expected: who(&expected),
                task: tokio::spawn(dial_in::listen(address, expected)),
            });
        }
    }

    /// Stops all tasks and waits for them; the last intake handle goes with it.
    pub(super) async fn stop(self) {
        for listener in self.listeners.into_values() {
            listener.task.abort();
        }
        let buses = self.buses.into_values().map(|b| b.running);
        let running: Vec<Running> = buses.chain(self.sessions.into_values().map(|s| s.running)).collect();
        for one in &running {
            let _ = one.stop.send(true);
        }
        for one in running {
            let _ = one.task.await;
        }
    }
}

/// Keeps a source going: a fault of this program in it costs only its own readings, whose points go stale, until it is
/// started again. `lives` is told how many lives there were before.
async fn keep<F: Future<Output = ()>>(
    source: String,
    status: Status,
    mut stop: watch::Receiver<bool>,
    mut lives: impl FnMut(u64) -> F,
) {
    let mut backoff = Backoff::new(PAUSES);
    for life in 0.. {
        let began = Instant::now();
        let Err(words) = contained(lives(life)).await else { return };
        if began.elapsed() >= PAUSES.1 {
            backoff.reset();
        }
        let pause = backoff.pause();
        let problem = format!("a fault of this program: {words}");
        error!(source, "the source has ended, all else goes on: {problem}; started again in {pause:?}");
        status.update(|s| {
            s.connected = false;
            s.errors += 1;
            s.last_error = Some(problem);
        });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = super::stopped(&mut stop) => return,
        }
    }
}

/// How long each device of a source may be silent.
fn patience(source: &MqttSource, settings: &Settings) -> Vec<Duration> {
    let devices = source.mappings.iter().map(|m| m.device).chain(source.metrics.iter().map(|m| m.device));
    let stale = |d: DeviceIx| settings.plant.devices.get(d.0 as usize).map(|d| d.stale_after);
    devices.filter_map(stale).collect()
}

impl Running {
    async fn end(self) {
        let _ = self.stop.send(true);
        // A panic has been told where it happened.
        let _ = self.task.await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::{Status, keep};

    #[tokio::test]
    async fn a_source_that_panics_costs_itself_alone_says_so_and_is_started_again() {
        let status = Status::default();
        let (stop, stopped) = watch::channel(false);
        let seen = status.clone();
        let lives = move |life: u64| {
            let (seen, stop) = (seen.clone(), stop.clone());
            async move {
                if life == 0 {
                    seen.update(|s| s.connected = true);
                    tokio::task::yield_now().await;
                    panic!("life {life}");
                }
                let told = seen.get();
                assert!(!told.connected && told.errors == 1, "{told:?}");
                assert_eq!(told.last_error.as_deref(), Some("a fault of this program: life 0"));
                let _ = stop.send(true);
            }
        };
        keep("plc".to_owned(), status, stopped, lives).await;
    }
}
