//! What the gateway and its broker process say to each other, a JSON line each: the plan on the way
//! in, reports on the way out.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::settings::Broker;

/// What the broker process is to do. Holds passwords: it travels over a pipe and is never shown.
#[derive(Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) listen: SocketAddr,
    pub(super) users: Vec<User>,
    pub(super) tls: Option<Tls>,
}

/// An account with its rights.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) publish: Vec<String>,
    pub(super) subscribe: Vec<String>,
    pub(super) client_ids: Vec<String>,
}

/// Files of the certificate and its key.
#[derive(Serialize, Deserialize)]
pub(super) struct Tls {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

impl Plan {
    pub(super) fn of(settings: &Broker) -> Self {
        let user = |u: &crate::settings::BrokerUser| User {
            name: u.name.clone(),
            password: u.password.expose().to_owned(),
            publish: u.publish.clone(),
            subscribe: u.subscribe.clone(),
            client_ids: u.client_ids.clone(),
        };
        Self {
            listen: settings.listen,
            users: settings.users.iter().map(user).collect(),
            tls: settings.tls.as_ref().map(|t| Tls { cert: t.cert.clone(), key: t.key.clone() }),
        }
    }
}

/// What the broker process tells.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Report {
    /// It takes connections here.
    Listening(SocketAddr),
    /// It cannot do its work, and ends.
    Failed(String),
    /// It lives; what it counted since its start.
    Beat(Counts),
    /// Something for the log.
    Log { level: Level, text: String },
}

/// How loud a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Level {
    Error,
    Warn,
    Info,
}

/// What a broker process counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Clients that are connected now.
    pub clients: u64,
    /// Messages kept for new subscribers now.
    pub retained: u64,
    /// Connections that were accepted with a CONNACK.
    pub connects: u64,
    /// Messages that came in.
    pub messages: u64,
    /// Messages dropped because a client's queue was full.
    pub dropped: u64,
    /// Connections refused for a wrong name or password.
    pub wrong_passwords: u64,
    /// Publications, subscriptions, wills and client ids refused for want of a right.
    pub refused: u64,
    /// Connections closed for bytes that a client may not send.
    pub malformed: u64,
    /// Connections turned away for want of room.
    pub turned_away: u64,
}

impl Counts {
    /// What was counted over two lives; states are those of the later one.
    pub(super) fn after(self, earlier: Self) -> Self {
        Self {
            clients: self.clients,
            retained: self.retained,
            connects: self.connects + earlier.connects,
            messages: self.messages + earlier.messages,
            dropped: self.dropped + earlier.dropped,
            wrong_passwords: self.wrong_passwords + earlier.wrong_passwords,
            refused: self.refused + earlier.refused,
            malformed: self.malformed + earlier.malformed,
            turned_away: self.turned_away + earlier.turned_away,
        }
    }
}
