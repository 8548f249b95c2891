//! What the embedded broker gets.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Secret;

/// One account of the embedded broker.
#[derive(Debug, Clone)]
pub struct BrokerUser {
    /// Name.
    pub name: String,
    /// Password.
    pub password: Secret,
    /// Topic filters it may publish to; `%u` stands for its name and `%c` for the client id.
    pub publish: Vec<String>,
    /// Topic filters it may subscribe to, in the same form.
    pub subscribe: Vec<String>,
    /// Client ids it may use, `*` at the end for any ending; empty means every id.
    pub client_ids: Vec<String>,
}

/// Certificate and key of the embedded broker.
#[derive(Debug, Clone)]
pub struct BrokerTls {
    /// PEM, the certificate chain.
    pub cert: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// The embedded broker.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Where it listens; anything but loopback needs users.
    pub listen: SocketAddr,
    /// Who may connect; none on loopback means everybody there.
    pub users: Vec<BrokerUser>,
    /// TLS.
    pub tls: Option<BrokerTls>,
}
