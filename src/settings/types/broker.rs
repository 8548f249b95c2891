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
