//! Who may connect, and what each client may do: asked by the broker at every CONNECT, PUBLISH and
//! SUBSCRIBE, and by the door before a message is kept.

mod room;

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use mqtt5::broker::auth::{AuthProvider, AuthResult};
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::storage::{DynamicStorage, StorageBackend};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use sha2::Sha256;

use room::NoRoom;

use super::out::Out;
use super::places::Places;
use super::rights::{may_publish_at_all, wrong_id};
use super::serve::RETAINED;
use super::shares::Shares;
use super::slow::{LONGEST_DELAY, Slow};
use super::words::{Level, User};

/// A guess that would have to wait longer is refused without a look.
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// A login has 10 s in all, from the connection or the end of the TLS handshake on.
const _: () = assert!(LONGEST_WAIT.as_secs() + LONGEST_DELAY.as_secs() < 10);
/// Sessions that outlive their connection, for at most [`super::serve::SESSION_KEPT`].
const MOST_SESSIONS: usize = 2000;

/// What it counted.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    pub(super) wrong_passwords: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) over_share: AtomicU64,
}

/// What is known of a client that was let in.
struct Client {
    /// Its user, where there are users.
    name: Option<String>,
    /// Topic of a will that is to be kept.
    will: Option<String>,
}

/// The broker behind.
struct Behind {
    router: Arc<MessageRouter>,
    storage: Arc<DynamicStorage>,
}

/// By name, with the print of the password.
type Users = HashMap<String, (Arc<User>, [u8; 32])>;

/// Decides for the broker.
pub(super) struct Gatekeeper {
    users: RwLock<Users>,
    key: [u8; 16],
    slow: Mutex<Slow>,
    /// Who is connected under which client id, as far as that is known.
    clients: Mutex<HashMap<String, Client>>,
    /// Sessions that are kept, by client id.
    sessions: Mutex<Shares<String>>,
    /// Messages that are kept, by topic.
    retained: Mutex<Shares<String>>,
    swept: Mutex<Option<Instant>>,
    behind: OnceLock<Behind>,
    places: Arc<Places>,
    out: Out,
    pub(super) counts: Refusals,
}

impl Gatekeeper {
    pub(super) fn new(users: Vec<User>, places: Arc<Places>, out: Out) -> Self {
        let key: [u8; 16] = *uuid::Uuid::now_v7().as_bytes();
        let names: Vec<String> = users.iter().map(|u| u.name.clone()).collect();
        Self {
            users: RwLock::new(by_name(&key, users)),
            key,
            slow: Mutex::default(),
            clients: Mutex::default(),
            sessions: Mutex::new(Shares::new(MOST_SESSIONS, names.clone())),
            retained: Mutex::new(Shares::new(RETAINED.0, names)),
            swept: Mutex::default(),
            behind: OnceLock::new(),
            places,
            out,
            counts: Refusals::default(),
        }
    }

    /// Takes other accounts from now on; whoever is connected stays.
    pub(super) fn renew(&self, users: Vec<User>) {
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = by_name(&self.key, users);
    }

    fn user(&self, name: &str) -> Option<(Arc<User>, [u8; 32])> {
        self.users.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn has_users(&self) -> bool {
        !self.users.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Tells it whom to ask who is connected, and what is kept.
    pub(super) fn knows(&self, router: Arc<MessageRouter>, storage: Arc<DynamicStorage>) {
        let _ = self.behind.set(Behind { router, storage });
    }

    async fn decide(&self, connect: &ConnectPacket, from: SocketAddr) -> AuthResult {
        let id = &connect.client_id;
        if let Some(why) = wrong_id(id) {
            return self.refuse(ReasonCode::ClientIdentifierNotValid, from, &why);
        }
        let user = match self.login(connect, from).await {
            Ok(user) => user,
            Err(refused) => return refused,
        };
        let name = user.as_ref().map(|u| u.name.clone());
        let of = name.as_deref().unwrap_or("nobody");
        if user.as_ref().is_some_and(|u| !u.may_be(id)) {
            let why = format!("user `{of}` may not use the client id `{id}` (client_ids)");
            return self.refuse(ReasonCode::ClientIdentifierNotValid, from, &why);
        }
        if let Some(will) = &connect.will
            && !self.may_publish(id, name.as_deref(), &will.topic)
        {
            let why = format!("user `{of}` may not have a will on the topic `{}` (publish)", will.topic);
            return self.refuse(ReasonCode::NotAuthorized, from, &why);
        }
        if self.is_taken(id, name.as_deref()).await {
            let why = format!("client id `{id}` is that of another user's connection or session");
            return self.refuse(ReasonCode::NotAuthorized, from, &why);
        }
        if let Err(none) = self.find_room(connect, name.as_deref(), from).await {
            let NoRoom::Share(why) = none else { return AuthResult::fail(ReasonCode::ServerBusy) };
            self.counts.over_share.fetch_add(1, Ordering::Relaxed);
            let text = format!("embedded broker: {from} is refused: user `{of}` {why}");
            self.out.tell("share of connections", Level::Warn, &text);
            return AuthResult::fail(ReasonCode::QuotaExceeded);
        }
        let will = connect.will.as_ref().filter(|will| will.retain).map(|will| will.topic.clone());
        lock(&self.clients).insert(id.clone(), Client { name: name.clone(), will });
        match name {
            Some(name) => AuthResult::success_with_user(name),
            None => AuthResult::success(),
        }
    }

    /// The user whose name and password these are; `None` where the settings have no users.
    async fn login(
        &self,
        connect: &ConnectPacket,
        from: SocketAddr,
    ) -> Result<Option<Arc<User>>, AuthResult> {
        if !self.has_users() {
            return Ok(None);
        }
        let name = connect.username.as_deref().unwrap_or_default();
        let begun = Instant::now();
        let delay = loop {
            let wait = match self.slow().ask(from.ip(), name, Instant::now()) {
                Ok(delay) => break delay,
                Err(wait) => wait,
            };
            if begun.elapsed() + wait > LONGEST_WAIT {
                let why =
                    format!("user `{name}`: too many wrong passwords; try again in {} s", wait.as_secs());
                return Err(self.refuse(ReasonCode::ConnectionRateExceeded, from, &why));
            }
            tokio::time::sleep(wait).await;
        };
        tokio::time::sleep(delay).await;
        let given = connect.password.as_deref().unwrap_or_default();
        let known = self.user(name);
        // An unknown name takes as long as a wrong password.
        let expected = known.as_ref().map_or([0; 32], |(_, digest)| *digest);
        let same = verify(&self.key, given, &expected);
        match known.filter(|_| same) {
            Some((user, _)) => {
                self.slow().right(from.ip(), name, Instant::now());
                Ok(Some(user))
            }
            None => {
                let times = self.slow().wrong(from.ip(), name, Instant::now());
                self.counts.wrong_passwords.fetch_add(1, Ordering::Relaxed);
                let text = format!(
                    "embedded broker: {from}: wrong name or password for user `{name}`, time {times}"
                );
                self.out.tell("password", Level::Warn, &text);
                Err(AuthResult::fail(ReasonCode::BadUsernameOrPassword))
            }
        }
    }

    fn slow(&self) -> std::sync::MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, code: ReasonCode, from: SocketAddr, why: &str) -> AuthResult {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        self.out.tell("connect", Level::Warn, &format!("embedded broker: {from} is refused: {why}"));
        AuthResult::fail(code)
    }

    /// Somebody else is connected with this client id, or has a session under it.
    async fn is_taken(&self, id: &str, name: Option<&str>) -> bool {
        let Some(Behind { router, storage }) = self.behind.get() else { return false };
        let other = lock(&self.clients).get(id).is_some_and(|client| client.name.as_deref() != name);
        if other && router.is_connected(id).await {
            return true;
        }
        // Without this a clean start would throw the session of another away.
        let key = id.to_owned();
        let other = lock(&self.sessions).owner(&key).is_some_and(|owner| owner != name.unwrap_or_default());
        if !other {
            return false;
        }
        let stored = storage.get_session(id).await.ok().flatten();
        if stored.is_some_and(|s| s.user_id.as_deref() != name) {
            return true;
        }
        lock(&self.sessions).give_back(&key);
        false
    }

    /// Forgets who was connected under ids that are no longer, and what is kept no longer.
    pub(super) async fn tidy(&self) {
        let Some(Behind { router, .. }) = self.behind.get() else { return };
        let ids: Vec<String> = lock(&self.clients).keys().cloned().collect();
        for id in ids {
            if !router.is_connected(&id).await {
                lock(&self.clients).remove(&id);
            }
        }
        self.sweep().await;
    }

    fn may_publish(&self, id: &str, name: Option<&str>, topic: &str) -> bool {
        match name.and_then(|name| self.user(name)) {
            Some((user, _)) => user.may_publish(id, topic),
            None => !self.has_users() && may_publish_at_all(topic),
        }
    }

    fn may_subscribe(&self, id: &str, name: Option<&str>, filter: &str) -> bool {
        match name.and_then(|name| self.user(name)) {
            Some((user, _)) => user.may_subscribe(id, filter),
            None => !self.has_users(),
        }
    }

    /// Counts and tells what a client may not do; gives on whether it may.
    fn right<'a>(
        &self,
        is: bool,
        what: &str,
        (id, name): (&str, Option<&str>),
        topic: &str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        if !is {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            let of = name.unwrap_or("nobody");
            let text = format!("embedded broker: client `{id}` of user `{of}` may not {what} `{topic}`");
            self.out.tell("right", Level::Warn, &text);
        }
        Box::pin(std::future::ready(is))
    }
}

impl AuthProvider for Gatekeeper {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        client_addr: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = mqtt5::error::Result<AuthResult>> + Send + 'a>> {
        Box::pin(async move { Ok(self.decide(connect, client_addr).await) })
    }

    fn authorize_publish<'a>(
        &'a self,
        client_id: &str,
        user_id: Option<&'a str>,
        topic: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let is = self.may_publish(client_id, user_id, topic);
        self.right(is, "publish to", (client_id, user_id), topic)
    }

    fn authorize_subscribe<'a>(
        &'a self,
        client_id: &str,
        user_id: Option<&'a str>,
        topic_filter: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let is = self.may_subscribe(client_id, user_id, topic_filter);
        self.right(is, "subscribe to", (client_id, user_id), topic_filter)
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn by_name(key: &[u8; 16], users: Vec<User>) -> Users {
    let one = |user: User| {
        let print = digest(key, user.password.as_bytes());
        (user.name.clone(), (Arc::new(user), print))
    };
    users.into_iter().map(one).collect()
}

fn keyed(key: &[u8; 16], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length serves");
    mac.update(text);
    mac
}

fn digest(key: &[u8; 16], text: &[u8]) -> [u8; 32] {
    keyed(key, text).finalize().into_bytes().into()
}

/// In constant time.
fn verify(key: &[u8; 16], text: &[u8], expected: &[u8; 32]) -> bool {
    keyed(key, text).verify_slice(expected).is_ok()
}
