//! Whether a user has places left for what a client asks: its connection, a session or a message that is
//! to be kept.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mqtt5::broker::storage::StorageBackend;
use mqtt5::packet::connect::ConnectPacket;

use super::super::grammar::Hello;
use super::super::places::NotIn;
use super::super::serve::RETAINED;
use super::super::shares::Shares;
use super::super::words::Level;
use super::{Behind, Gatekeeper, lock};

/// A place that was taken so long ago is given back when what it was taken for is not there.
const SETTLED: Duration = Duration::from_secs(30);
/// How often to look for such places out of turn.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(5);

/// Why there is no room for a connection.
pub(super) enum NoRoom {
    /// It is closed in this instant, to make room for another; the door counts and tells that.
    SentAway,
    /// What its user has too many of, in words behind the user.
    Share(String),
}

impl Gatekeeper {
    /// Places for the connection, for a session that is to be kept, and for a will that is; or what the
    /// user has too many of.
    pub(super) async fn find_room(
        &self,
        connect: &ConnectPacket,
        name: Option<&str>,
        from: SocketAddr,
    ) -> Result<(), NoRoom> {
        let user = name.unwrap_or_default();
        let share = |what: &str| Err(NoRoom::Share(what.to_owned()));
        match self.places.admit(from, user) {
            Ok(()) => {}
            Err(NotIn::SentAway) => return Err(NoRoom::SentAway),
            Err(NotIn::ShareUsedUp) => return share("has its share of the connections open"),
        }
        if let Some(will) = connect.will.as_ref().filter(|will| will.retain && !will.payload.is_empty()) {
            if will.payload.len() > RETAINED.1 {
                return share(&format!("has a will to be kept of more than {} bytes", RETAINED.1));
            }
            if !self.take(&self.retained, &will.topic, user).await {
                return share("has its share of the kept messages, and none is left for a will");
            }
        }
        let kept = if connect.protocol_version == 5 {
            connect.properties.get_session_expiry_interval().is_some_and(|s| s > 0)
        } else {
            !connect.clean_start
        };
        if kept && !self.take(&self.sessions, &connect.client_id, user).await {
            return share("has its share of the kept sessions");
        }
        Ok(())
    }

    /// A message on that topic may be kept for new subscribers; counted and told if not. What the client
    /// has no right to publish at all is the broker's to refuse.
    pub(in crate::broker) async fn may_keep(&self, client: &Hello, topic: &str, payload: usize) -> bool {
        let name = client.user.as_deref().filter(|_| self.has_users());
        let id = &client.client_id;
        // The broker chooses an id where there is none.
        if !id.is_empty() && !self.may_publish(id, name, topic) {
            return true;
        }
        let why = if payload > RETAINED.1 {
            format!("it has more than {} bytes", RETAINED.1)
        } else if self.take(&self.retained, topic, name.unwrap_or_default()).await {
            return true;
        } else {
            "its user has its share of the kept messages".to_owned()
        };
        self.counts.over_share.fetch_add(1, Ordering::Relaxed);
        let of = name.unwrap_or("nobody");
        let text = format!(
            "embedded broker: a message of client `{id}` of user `{of}` on `{topic}` reaches subscribers, but is not kept: {why}"
        );
        self.out.tell("share", Level::Warn, &text);
        false
    }

    /// Takes a place of the user's share; where none is left, those are given back first that stand empty.
    async fn take(&self, of: &Mutex<Shares<String>>, key: &str, user: &str) -> bool {
        let key = key.to_owned();
        if lock(of).take(&key, user, Instant::now()) {
            return true;
        }
        let due = {
            let mut swept = lock(&self.swept);
            let due = swept.is_none_or(|last| last.elapsed() >= BETWEEN_SWEEPS);
            if due {
                *swept = Some(Instant::now());
            }
            due
        };
        if due {
            self.sweep().await;
        }
        due && lock(of).take(&key, user, Instant::now())
    }

    /// Gives back places of sessions and messages that are kept no longer.
    pub(super) async fn sweep(&self) {
        let Some(Behind { router, storage }) = self.behind.get() else { return };
        let old = lock(&self.sessions).older_than(SETTLED, Instant::now());
        for id in old {
            if matches!(storage.get_session(&id).await, Ok(None)) {
                lock(&self.sessions).give_back(&id);
            }
        }
        let wills: HashSet<String> = lock(&self.clients).values().filter_map(|c| c.will.clone()).collect();
        let old = lock(&self.retained).older_than(SETTLED, Instant::now());
        for topic in old {
            if !wills.contains(&topic) && !router.has_retained_message(&topic).await {
                lock(&self.retained).give_back(&topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use std::sync::Arc;

    use mqtt5::protocol::v5::reason_codes::ReasonCode;
    use mqtt5::types::ConnectOptions;

    use super::super::super::out::Out;
    use super::super::super::places::Places;
    use super::super::super::words::User;
    use super::*;

    fn keeper() -> (Gatekeeper, Arc<Places>) {
        let user = |name: &str| User {
            name: name.to_owned(),
            password: format!("word of {name}"),
            publish: vec!["#".to_owned()],
            subscribe: vec!["#".to_owned()],
            client_ids: Vec::new(),
        };
        let users = vec![user("dtu"), user("gateway")];
        let places = Places::new(1000, vec!["dtu".to_owned(), "gateway".to_owned()]);
        let out = Out::start(std::io::sink()).expect("a thread");
        (Gatekeeper::new(users, Arc::clone(&places), out), places)
    }

    async fn asks(of: &(Gatekeeper, Arc<Places>), user: &str, id: &str, kept: bool) -> ReasonCode {
        let from = SocketAddr::from(([10, 0, 0, 7], 4000));
        let to = IpAddr::from([10, 0, 0, 1]);
        let _place = of.1.take(from, to).expect("a place");
        let options = ConnectOptions::new(id)
            .with_session_expiry_interval(if kept { 3600 } else { 0 })
            .with_credentials(user, format!("word of {user}").as_bytes());
        of.0.decide(&ConnectPacket::new(options.protocol_options), from).await.reason_code
    }

    #[tokio::test]
    async fn one_user_leaves_kept_sessions_to_the_others() {
        let of = keeper();
        for n in 0..1500 {
            assert_eq!(asks(&of, "dtu", &format!("dtu-{n}"), true).await, ReasonCode::Success, "{n}");
        }
        assert_eq!(asks(&of, "dtu", "one-more", true).await, ReasonCode::QuotaExceeded);
        assert_eq!(of.0.counts.over_share.load(Ordering::Relaxed), 1);
        assert_eq!(asks(&of, "dtu", "dtu-7", true).await, ReasonCode::Success, "it has its session");
        assert_eq!(asks(&of, "dtu", "one-more", false).await, ReasonCode::Success, "nothing is kept of it");
        for n in 0..500 {
            assert_eq!(asks(&of, "gateway", &format!("own-{n}"), true).await, ReasonCode::Success, "{n}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_sent_away_while_it_logs_in_is_not_counted_against_its_users_share() {
        let (keeper, _places) = keeper();
        let from = SocketAddr::from(([10, 0, 0, 7], 4000));
        let options = ConnectOptions::new("dtu-1").with_credentials("dtu", b"word of dtu");
        let answer = keeper.decide(&ConnectPacket::new(options.protocol_options), from).await;
        assert_eq!(answer.reason_code, ReasonCode::ServerBusy);
        assert_eq!(keeper.counts.over_share.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn one_user_leaves_kept_messages_to_the_others_and_large_ones_are_not_kept() {
        let of = keeper();
        let client = |user: &str| Hello { client_id: "a".to_owned(), user: Some(user.to_owned()) };
        let mut kept = 0;
        for n in 0..2500 {
            kept += usize::from(of.0.may_keep(&client("dtu"), &format!("a/{n}"), 10).await);
        }
        assert_eq!(kept, 1500);
        assert_eq!(of.0.counts.over_share.load(Ordering::Relaxed), 1000);
        assert!(of.0.may_keep(&client("dtu"), "a/7", 10).await, "another message takes its place");
        assert!(of.0.may_keep(&client("gateway"), "own/1", RETAINED.1).await);
        assert!(!of.0.may_keep(&client("gateway"), "own/2", RETAINED.1 + 1).await);
    }
}
