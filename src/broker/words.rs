//! What the gateway and its broker process say to each other, a JSON line each: the plan and later the accounts on the way
//! in, reports on the way out.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::parts::Counts;
use crate::settings::Broker;

/// What the broker process is to do. Holds passwords: it travels over a pipe and is never shown.
#[derive(Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) listen: SocketAddr,
    pub(super) users: Vec<User>,
    pub(super) tls: Option<Tls>,
}

/// An account with its rights.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// All accounts. An account whose password is missing gets a text that nobody knows; each call looks for the password again.
    pub(super) fn users(settings: &Broker) -> Vec<User> {
        let user = |u: &crate::settings::BrokerUser| User {
            name: u.name.clone(),
            password: u.password.expose().to_owned(),
            publish: u.publish.clone(),
            subscribe: u.subscribe.clone(),
            client_ids: u.client_ids.clone(),
        };
        settings.users.iter().map(user).collect()
    }

    pub(super) fn of(settings: &Broker) -> Self {
        Self {
            listen: settings.listen,
            users: Self::users(settings),
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
