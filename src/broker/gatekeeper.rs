//! Who may connect, and what each client may do: asked by the broker at every CONNECT, PUBLISH and
//! SUBSCRIBE.

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
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use sha2::Sha256;

use super::out::Out;
use super::places::Places;
use super::rights::{may_publish_at_all, wrong_id};
use super::slow::Slow;
use super::words::{Level, User};

/// A guess that would have to wait longer is refused without a look; CONNECT has 10 s in all.
const LONGEST_WAIT: Duration = Duration::from_secs(7);
/// Sessions that outlive their connection, for at most [`super::serve::SESSION_KEPT`].
const MOST_SESSIONS: usize = 2000;

/// What it counted.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    pub(super) wrong_passwords: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// By name, with the print of the password.
type Users = HashMap<String, (Arc<User>, [u8; 32])>;

/// Decides for the broker.
pub(super) struct Gatekeeper {
    users: RwLock<Users>,
    key: [u8; 16],
    slow: Mutex<Slow>,
    /// Who is connected under which client id, as far as that is known.
    owners: Mutex<HashMap<String, Option<String>>>,
    /// Sessions that are kept, and when their client was last let in.
    sessions: Mutex<HashMap<String, Instant>>,
    router: OnceLock<Arc<MessageRouter>>,
    places: Arc<Places>,
    out: Out,
    pub(super) counts: Refusals,
}

impl Gatekeeper {
    pub(super) fn new(users: Vec<User>, places: Arc<Places>, out: Out) -> Self {
        let key: [u8; 16] = *uuid::Uuid::now_v7().as_bytes();
        Self {
            users: RwLock::new(by_name(&key, users)),
            key,
            slow: Mutex::default(),
            owners: Mutex::default(),
            sessions: Mutex::default(),
            router: OnceLock::new(),
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

    /// Tells it whom to ask who is connected.
    pub(super) fn knows(&self, router: Arc<MessageRouter>) {
        let _ = self.router.set(router);
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
            let why = format!("client id `{id}` is connected under another user");
            return self.refuse(ReasonCode::NotAuthorized, from, &why);
        }
        let kept = if connect.protocol_version == 5 {
            connect.properties.get_session_expiry_interval().is_some_and(|s| s > 0)
        } else {
            !connect.clean_start
        };
        if kept && !self.has_room_for(id) {
            let why = format!("{MOST_SESSIONS} sessions are kept already");
            return self.refuse(ReasonCode::QuotaExceeded, from, &why);
        }
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), name.clone());
        self.places.admit(from);
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
        loop {
            let asked = self.slow().ask(from.ip(), name, Instant::now());
            let Err(wait) = asked else { break };
            if begun.elapsed() + wait > LONGEST_WAIT {
                let why =
                    format!("user `{name}`: too many wrong passwords; try again in {} s", wait.as_secs());
                return Err(self.refuse(ReasonCode::ConnectionRateExceeded, from, &why));
            }
            tokio::time::sleep(wait).await;
        }
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

    /// Somebody else is connected with this client id now.
    async fn is_taken(&self, id: &str, name: Option<&str>) -> bool {
        let other = {
            let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
            owners.get(id).is_some_and(|owner| owner.as_deref() != name)
        };
        match self.router.get() {
            Some(router) if other => router.is_connected(id).await,
            _ => false,
        }
    }

    fn has_room_for(&self, id: &str) -> bool {
        let now = Instant::now();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MOST_SESSIONS && !sessions.contains_key(id) {
            sessions.retain(|_, last| now.duration_since(*last) < super::serve::SESSION_KEPT);
            if sessions.len() >= MOST_SESSIONS {
                return false;
            }
        }
        sessions.insert(id.to_owned(), now);
        true
    }

    /// Forgets who was connected under ids that are no longer.
    pub(super) async fn tidy(&self) {
        let Some(router) = self.router.get() else { return };
        let ids: Vec<String> =
            self.owners.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for id in ids {
            if !router.is_connected(&id).await {
                self.owners.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            }
        }
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
