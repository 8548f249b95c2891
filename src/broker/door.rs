//! The broker's port: accepts, speaks TLS by the one stack this program has, passes every byte of a
//! client through the [`Sieve`](super::sieve::Sieve), and closes who says nothing. The broker's code gets
//! the other end of a private pair of sockets; no port of its own is open behind this one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::out::Out;
use super::places::{Place, Places};
use super::sieve::Sieve;
use super::words::{Level, Tls};

/// Who has not finished the TLS handshake by then is closed; CONNECT has as long.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the broker gets to send its last words to a client that has closed its side.
const FAREWELL: Duration = Duration::from_secs(5);

/// What it counted.
#[derive(Debug, Default)]
pub(super) struct Closed {
    pub(super) malformed: AtomicU64,
    pub(super) turned_away: AtomicU64,
}

/// The port and what it needs.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) places: Arc<Places>,
    pub(super) closed: Arc<Closed>,
    pub(super) out: Out,
}

impl Door {
    /// Serves until the process ends; `serve` is given the broker's end of each connection.
    pub(super) async fn open<F>(self, serve: impl Fn(TcpStream, SocketAddr) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            let (stream, from) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(e) => {
                    self.out.tell("accept", Level::Warn, &format!("embedded broker: accept: {e}"));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let place = match self.places.take(from) {
                Ok(place) => place,
                Err(why) => {
                    self.closed.turned_away.fetch_add(1, Ordering::Relaxed);
                    let text = format!("embedded broker: {from} is turned away: {why}");
                    self.out.tell("full", Level::Warn, &text);
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let Ok(Ok((near, far))) = tokio::time::timeout(PATIENCE, pair()).await else {
                self.out.tell("pair", Level::Warn, "embedded broker: no sockets are left for a connection");
                continue;
            };
            let broker = tokio::spawn(serve(far, from));
            let guest =
                Guest { from, closed: Arc::clone(&self.closed), out: self.out.clone(), _place: place };
            match self.tls.clone() {
                None => drop(tokio::spawn(guest.stay(stream, near))),
                Some(tls) => drop(tokio::spawn(async move {
                    match tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                        Ok(Ok(stream)) => guest.stay(stream, near).await,
                        Ok(Err(e)) => guest.tell("tls", &format!("the TLS handshake failed: {e}")),
                        Err(_) => guest.tell("tls", "the TLS handshake was not finished in 10 s"),
                    }
                    drop(broker);
                })),
            }
        }
    }
}

/// One connection.
struct Guest {
    from: SocketAddr,
    closed: Arc<Closed>,
    out: Out,
    _place: Place,
}

impl Guest {
    /// Carries bytes both ways until either side ends.
    async fn stay<S>(self, outer: S, inner: TcpStream)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (mut from_client, mut to_client) = split(outer);
        let (mut from_broker, mut to_broker) = inner.into_split();
        let up = async {
            let mut sieve = Sieve::new();
            let mut buffer = vec![0; 8 * 1024];
            loop {
                let n = match from_client.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(n) => n,
                };
                sieve.pass(&buffer[..n])?;
                if to_broker.write_all(&buffer[..n]).await.is_err() {
                    break;
                }
            }
            let _ = to_broker.shutdown().await;
            Ok::<(), String>(())
        };
        let down = async {
            let _ = tokio::io::copy(&mut from_broker, &mut to_client).await;
            let _ = to_client.shutdown().await;
        };
        tokio::pin!(down);
        let ended = tokio::select! {
            ended = up => ended,
            () = &mut down => return,
        };
        match ended {
            Ok(()) => {
                let _ = tokio::time::timeout(FAREWELL, down).await;
            }
            Err(why) => {
                self.closed.malformed.fetch_add(1, Ordering::Relaxed);
                self.tell("malformed", &format!("closed: {why}"));
            }
        }
    }

    fn tell(&self, kind: &'static str, what: &str) {
        self.out.tell(kind, Level::Warn, &format!("embedded broker: {}: {what}", self.from));
    }
}

/// Two ends of a connection that nobody else has.
async fn pair() -> std::io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let near = TcpStream::connect(listener.local_addr()?).await?;
    let own = near.local_addr()?;
    loop {
        let (far, from) = listener.accept().await?;
        // Whoever else found the port in this instant is closed.
        if from == own {
            near.set_nodelay(true)?;
            far.set_nodelay(true)?;
            return Ok((near, far));
        }
    }
}

/// What takes TLS connections with this certificate.
///
/// # Errors
/// The file that does not serve, and why.
pub(super) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, String> {
    let wrong = |file: &Path, e: &dyn std::fmt::Display| format!("broker.tls: {}: {e}", file.display());
    let chain = CertificateDer::pem_file_iter(&tls.cert)
        .and_then(|found| found.collect::<Result<Vec<_>, _>>())
        .map_err(|e| wrong(&tls.cert, &e))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|e| wrong(&tls.key, &e))?;
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| format!("broker.tls: {e}"))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|e| wrong(&tls.cert, &e))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
