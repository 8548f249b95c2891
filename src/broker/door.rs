//! The broker's port: accepts, speaks TLS by the one stack this program has, passes every byte of a
//! client through the [`Sieve`](super::sieve::Sieve) and what the broker says to it through the
//! [`Answers`](super::answers::Answers), and closes who says nothing. The broker's code gets the other
//! end of a private pair of sockets; no port of its own is open behind this one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::answers::Answers;
use super::gatekeeper::Gatekeeper;
use super::grammar::Hello;
use super::out::Out;
use super::places::Places;
use super::reader::Wrong;
use super::sieve::{Sieve, Step};
use super::words::{Level, Tls};

/// Who has not finished the TLS handshake by then is closed; CONNECT has as long behind it.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the broker gets to send its last words to a client that has closed its side.
const FAREWELL: Duration = Duration::from_secs(5);
/// So long is read and thrown away what a client still sends that was told why it is closed: a socket
/// closed over unread bytes takes back what was said last.
const LINGER: Duration = Duration::from_secs(1);

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
    pub(super) keeper: Arc<Gatekeeper>,
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
            let to = stream.local_addr().map_or(from.ip(), |to| to.ip());
            let place = match self.places.take(from, to) {
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
            let handler = serve(far, from);
            let guest = Guest {
                from,
                keeper: Arc::clone(&self.keeper),
                closed: Arc::clone(&self.closed),
                out: self.out.clone(),
            };
            let tls = self.tls.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = guest.come(stream, tls, near, handler) => {}
                    () = place.is_needed() => {
                        guest.closed.turned_away.fetch_add(1, Ordering::Relaxed);
                        guest.tell("needed", "closed before it logged in, to make room for another");
                    }
                }
            });
        }
    }
}

/// One connection.
struct Guest {
    from: SocketAddr,
    keeper: Arc<Gatekeeper>,
    closed: Arc<Closed>,
    out: Out,
}

/// What both directions of a connection know of each other.
#[derive(Default)]
struct Between {
    five: AtomicBool,
    /// The broker has let the client in.
    accepted: Notify,
}

impl Guest {
    /// `handler` waits for CONNECT no longer than [`PATIENCE`]: it begins when the TLS handshake, which has as long
    /// for itself, is done.
    async fn come(
        &self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        near: TcpStream,
        handler: impl Future<Output = ()> + Send + 'static,
    ) {
        let Some(tls) = tls else {
            tokio::spawn(handler);
            return self.stay(stream, near).await;
        };
        match tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                tokio::spawn(handler);
                self.stay(stream, near).await;
            }
            Ok(Err(e)) => self.tell("tls", &format!("the TLS handshake failed: {e}")),
            Err(_) => self.tell("tls", "the TLS handshake was not finished in 10 s"),
        }
    }

    /// Carries packets both ways until either side ends.
    async fn stay<S: AsyncRead + AsyncWrite + Send>(&self, outer: S, inner: TcpStream) {
        let (mut from_client, mut to_client) = split(outer);
        let (mut from_broker, to_broker) = inner.into_split();
        let (mut sieve, mut answers, between) = (Sieve::new(), Answers::new(), Between::default());
        let up = self.up(&mut from_client, to_broker, &mut sieve, &between);
        let wrong = {
            let down = down(&mut from_broker, &mut to_client, &mut answers, &between);
            tokio::pin!(down);
            let ended = tokio::select! {
                ended = up => Some(ended),
                () = &mut down => None,
            };
            if let Some(Err(wrong)) = &ended {
                self.closed.malformed.fetch_add(1, Ordering::Relaxed);
                self.tell("malformed", &format!("closed: {}", wrong.why));
            }
            if ended.is_some() {
                // Nothing more goes up: the broker answers what it has, and ends.
                let _ = tokio::time::timeout(FAREWELL, down).await;
            }
            ended.and_then(Result::err)
        };
        let Some(wrong) = wrong else {
            let _ = tokio::time::timeout(FAREWELL, to_client.shutdown()).await;
            return;
        };
        let told = async {
            to_client.write_all(&answers.farewell(&wrong, sieve.level())).await?;
            to_client.shutdown().await
        };
        if tokio::time::timeout(FAREWELL, told).await.is_ok_and(|told| told.is_ok()) {
            let mut rest = [0; 1024];
            let end = async { while from_client.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
            let _ = tokio::time::timeout(LINGER, end).await;
        }
    }

    /// From the client to the broker, until the client ends or sends what it may not.
    async fn up(
        &self,
        from_client: &mut (impl AsyncRead + Unpin),
        mut to_broker: OwnedWriteHalf,
        sieve: &mut Sieve,
        between: &Between,
    ) -> Result<(), Wrong> {
        let mut hello = Hello::default();
        let (mut buffer, mut out) = (vec![0; 8 * 1024], Vec::new());
        loop {
            let n = match from_client.read(&mut buffer).await {
                Ok(0) | Err(_) => return Ok(()),
                Ok(n) => n,
            };
            let mut bytes = &buffer[..n];
            loop {
                let step = sieve.feed(&mut bytes, &mut out);
                between.five.store(sieve.level() == Some(5), Ordering::Relaxed);
                let goes_on = match step {
                    Ok(Step::Keep { topic, payload }) => {
                        let keep = self.keeper.may_keep(&hello, &topic, payload).await;
                        sieve.settle(keep, &mut out);
                        continue;
                    }
                    other => other,
                };
                // What came before a wrong packet is right.
                if pass_on(&mut out, &mut to_broker).await.is_err() {
                    return Ok(());
                }
                match goes_on? {
                    Step::Hello(said) => {
                        hello = said;
                        between.accepted.notified().await;
                    }
                    _ => break,
                }
            }
        }
    }

    fn tell(&self, kind: &'static str, what: &str) {
        self.out.tell(kind, Level::Warn, &format!("embedded broker: {}: {what}", self.from));
    }
}

/// From the broker to the client, until the broker ends.
async fn down(
    from_broker: &mut OwnedReadHalf,
    to_client: &mut (impl AsyncWrite + Unpin),
    answers: &mut Answers,
    between: &Between,
) {
    let (mut buffer, mut out) = (vec![0; 8 * 1024], Vec::new());
    loop {
        let n = match from_broker.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => n,
        };
        answers.feed(&buffer[..n], between.five.load(Ordering::Relaxed), &mut out);
        if pass_on(&mut out, to_client).await.is_err() {
            return;
        }
        if answers.accepted {
            between.accepted.notify_one();
        }
    }
}

/// Writes what is in `out` and empties it; one long packet does not cost its room for good.
async fn pass_on(out: &mut Vec<u8>, to: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    to.write_all(out).await?;
    to.flush().await?;
    out.clear();
    out.shrink_to(16 * 1024);
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn guest() -> Guest {
        let out = Out::start(std::io::sink()).expect("a thread");
        let keeper = Arc::new(Gatekeeper::new(Vec::new(), Places::new(100, Vec::new()), out.clone()));
        Guest { from: SocketAddr::from(([10, 0, 0, 7], 4000)), keeper, closed: Arc::default(), out }
    }

    fn without_a_certificate() -> TlsAcceptor {
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
        TlsAcceptor::from(Arc::new(config))
    }

    #[tokio::test]
    async fn the_wait_for_connect_begins_when_the_tls_handshake_is_done() {
        for (tls, begins) in [(Some(without_a_certificate()), false), (None, true)] {
            let (near, far) = pair().await.expect("sockets");
            let (client, outer) = pair().await.expect("sockets");
            let begun = Arc::new(AtomicBool::new(false));
            let mark = Arc::clone(&begun);
            let handler = async move {
                mark.store(true, Ordering::Relaxed);
                drop(far);
            };
            // The client goes before a handshake.
            drop(client);
            guest().come(outer, tls, near, handler).await;
            // What was begun has its turn.
            tokio::task::yield_now().await;
            assert_eq!(begun.load(Ordering::Relaxed), begins);
        }
    }

    #[tokio::test]
    async fn a_long_packet_leaves_no_long_buffer_behind() {
        let (mut out, mut to) = (vec![7; 1 << 20], Vec::new());
        pass_on(&mut out, &mut to).await.expect("written");
        assert_eq!((to.len(), out.len()), (1 << 20, 0));
        assert!(out.capacity() <= 16 * 1024, "{}", out.capacity());
    }
}
