//! The embedded MQTT broker of small sites: `[broker]`. Devices publish to the gateway itself.
//!
//! rumqttd is the broker; it listens on loopback only, one port for each protocol version. In front
//! of it stands a door of ours: it takes the port of the settings (and says at once if it cannot),
//! speaks TLS by the one stack this program has, looks at the protocol level in CONNECT to choose the
//! port behind, and closes what does not begin as MQTT in time. Names and passwords are checked by
//! rumqttd, on the ports behind too. What it holds is in memory: when the gateway is down the broker
//! is down, and devices keep what they could not publish. Started and stopped by the gateway.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rumqttd::{Config, ConnectionSettings, RouterConfig, ServerSettings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, error, info, warn};

use crate::settings::{Broker, BrokerTls};

/// Devices at a small site, with room.
const MOST_CONNECTIONS: usize = 1000;
/// Who has not sent a CONNECT by then is closed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Larger payloads than the gateway reads are no use here.
const LARGEST_PAYLOAD: usize = 1024 * 1024;

/// Why the broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The port is taken, or not ours to take.
    #[error("broker.listen = {address}: {source}; choose a free address, or stop what uses it")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Certificate or key do not serve.
    #[error("broker.tls: {0}")]
    Tls(String),
    /// The part behind the door.
    #[error("the embedded broker did not start: {0}")]
    Inner(String),
}

/// The running broker; dropped, it takes no more connections.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    door: tokio::task::JoinHandle<()>,
}

impl Handle {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.door.abort();
    }
}

/// Starts the broker in the current tokio runtime.
///
/// # Errors
/// [`BrokerError`]; nothing listens then.
pub async fn start(settings: &Broker) -> Result<Handle, BrokerError> {
    let tls = settings.tls.as_ref().map(acceptor).transpose()?;
    let wrong = |source| BrokerError::Listen { address: settings.listen, source };
    let listener = TcpListener::bind(settings.listen).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    let behind = Arc::new(inner(settings).await?);
    info!("embedded MQTT broker on {address}{}", if tls.is_some() { ", TLS" } else { "" });
    let door = tokio::spawn(async move {
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(e) => {
                    warn!("embedded broker: {e}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                warn!("embedded broker: {peer} is turned away, {MOST_CONNECTIONS} are connected");
                continue;
            };
            let (tls, behind) = (tls.clone(), Arc::clone(&behind));
            tokio::spawn(async move {
                let _permit = permit;
                let _ = stream.set_nodelay(true);
                let done = match tls {
                    None => pass(stream, &behind).await,
                    Some(tls) => match tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                        Ok(Ok(stream)) => pass(stream, &behind).await,
                        Ok(Err(e)) => Err(format!("TLS: {e}")),
                        Err(_) => Err("no TLS handshake".to_owned()),
                    },
                };
                if let Err(e) = done {
                    debug!("embedded broker: {peer}: {e}");
                }
            });
        }
    });
    Ok(Handle { address, door })
}

/// The ports behind the door.
#[derive(Debug)]
struct Behind {
    v3: SocketAddr,
    v5: SocketAddr,
}

/// Reads as far as the protocol level, then hands the stream through.
async fn pass<S>(mut stream: S, behind: &Behind) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = Vec::with_capacity(64);
    let level = tokio::time::timeout(PATIENCE, async {
        loop {
            match protocol_level(&head) {
                Some(level) => return level,
                None => {
                    if stream.read_buf(&mut head).await.map_err(|e| e.to_string())? == 0 {
                        return Err("closed before CONNECT".to_owned());
                    }
                }
            }
        }
    });
    let level = level.await.map_err(|_| "no CONNECT".to_owned())??;
    let target = if level == 5 { behind.v5 } else { behind.v3 };
    let mut inner = TcpStream::connect(target).await.map_err(|e| e.to_string())?;
    let _ = inner.set_nodelay(true);
    inner.write_all(&head).await.map_err(|e| e.to_string())?;
    copy_bidirectional(&mut stream, &mut inner).await.map(|_| ()).map_err(|e| e.to_string())
}

/// The protocol level of a CONNECT packet (MQTT 5.0, 3.1.2.2); `None`: not enough bytes yet.
fn protocol_level(head: &[u8]) -> Option<Result<u8, String>> {
    let no = || Some(Err("no MQTT CONNECT".to_owned()));
    match head.first() {
        None => return None,
        Some(0x10) => {}
        Some(_) => return no(),
    }
    // One to four bytes of length, the last without its high bit.
    let Some(length) = head[1..].iter().take(4).position(|b| b & 0x80 == 0) else {
        return if head.len() > 4 { no() } else { None };
    };
    let name = head.get(2 + length..)?;
    let expected: &[u8] = match name.get(1) {
        None => return None,
        // 3.1 named itself otherwise.
        Some(6) => b"\x00\x06MQIsdp",
        Some(_) => b"\x00\x04MQTT",
    };
    let there = name.len().min(expected.len());
    if name[..there] != expected[..there] {
        return no();
    }
    name.get(expected.len()).map(|level| Ok(*level))
}

fn acceptor(tls: &BrokerTls) -> Result<TlsAcceptor, BrokerError> {
    let wrong = |file: &Path, e: &dyn std::fmt::Display| BrokerError::Tls(format!("{}: {e}", file.display()));
    let chain = CertificateDer::pem_file_iter(&tls.cert)
        .and_then(|found| found.collect::<Result<Vec<_>, _>>())
        .map_err(|e| wrong(&tls.cert, &e))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|e| wrong(&tls.key, &e))?;
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| BrokerError::Tls(e.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|e| wrong(&tls.cert, &e))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Starts rumqttd on two loopback ports; it runs until the process ends.
async fn inner(settings: &Broker) -> Result<Behind, BrokerError> {
    let failed = |e: &dyn std::fmt::Display| BrokerError::Inner(e.to_string());
    let free = || {
        // It takes no listener and tells no port: look for a free one and give it back.
        std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr())
    };
    let behind = Behind { v3: free().map_err(|e| failed(&e))?, v5: free().map_err(|e| failed(&e))? };
    let users: HashMap<String, String> =
        settings.users.iter().map(|u| (u.name.clone(), u.password.expose().to_owned())).collect();
    let auth = (!users.is_empty()).then_some(users);
    let server = |name: &str, listen| {
        let server = ServerSettings {
            name: name.to_owned(),
            listen,
            tls: None,
            next_connection_delay_ms: 1,
            connections: ConnectionSettings {
                connection_timeout_ms: PATIENCE.as_millis() as u16,
                max_payload_size: LARGEST_PAYLOAD,
                max_inflight_count: 200,
                auth: auth.clone(),
                external_auth: None,
                dynamic_filters: true,
            },
        };
        Some(HashMap::from([(name.to_owned(), server)]))
    };
    let config = Config {
        router: RouterConfig {
            max_connections: MOST_CONNECTIONS + 16,
            max_outgoing_packet_count: 200,
            max_segment_size: 1024 * 1024,
            max_segment_count: 10,
            ..RouterConfig::default()
        },
        v4: server("broker-v3", behind.v3),
        v5: server("broker-v5", behind.v5),
        ..Config::default()
    };
    let started = std::thread::Builder::new().name("broker".to_owned()).spawn(move || {
        if let Err(e) = rumqttd::Broker::new(config).start() {
            error!("the embedded broker ended: {e}");
        }
    });
    started.map_err(|e| failed(&e))?;
    for address in [behind.v3, behind.v5] {
        let listening = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(5), listening).await.is_err() {
            return Err(failed(&"it does not listen after 5 s"));
        }
    }
    Ok(behind)
}

#[cfg(test)]
mod tests {
    use super::protocol_level;

    #[test]
    fn the_protocol_level_is_found_however_the_bytes_arrive() {
        let v5 = b"\x10\x80\x01\x00\x04MQTT\x05\x02";
        let v3 = b"\x10\x0c\x00\x04MQTT\x04\x02";
        let v31 = b"\x10\x0e\x00\x06MQIsdp\x03\x02";
        for (packet, level) in [(&v5[..], 5), (&v3[..], 4), (&v31[..], 3)] {
            let needed = packet.len() - 1;
            for n in 0..needed {
                assert_eq!(protocol_level(&packet[..n]), None, "{n} bytes");
            }
            assert_eq!(protocol_level(packet), Some(Ok(level)));
        }
        for wrong in
            [&b"GET / HTTP/1.1"[..], b"\x16\x03\x01", b"\x10\x0c\x00\x04HTTP", b"\x10\x80\x80\x80\x80\x80"]
        {
            assert!(matches!(protocol_level(wrong), Some(Err(_))), "{wrong:?}");
        }
    }
}
