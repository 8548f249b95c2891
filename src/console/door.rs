//! The console's way in: so many guests at once, and none that says nothing for ever. Whoever opens
//! connections and leaves them would else take the file handles that the wires and the store need.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tracing::warn;

/// Pages and programs at a site, with room: a browser takes up to six.
const MOST_GUESTS: usize = 256;
/// A connection on which nothing was read or written for so long is closed. Live events come oftener.
const PATIENCE: Duration = Duration::from_secs(75);
/// That guests are turned away is said so often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Listens for guests.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    patience: Duration,
    told: Option<Instant>,
}

impl Door {
    /// Takes over a listener.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        Self::with(listener, MOST_GUESTS, PATIENCE)
    }

    fn with(listener: TcpListener, most: usize, patience: Duration) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(most)), patience, told: None }
    }
}

impl axum::serve::Listener for Door {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        loop {
            let (stream, from) = axum::serve::Listener::accept(&mut self.listener).await;
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                let quiet = Box::pin(tokio::time::sleep(self.patience));
                return (Guest { stream, quiet, patience: self.patience, _place: place }, from);
            }
            if self.told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                self.told = Some(Instant::now());
                warn!(%from, "the console has as many connections as it takes; more are turned away");
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection.
#[derive(Debug)]
pub struct Guest {
    stream: TcpStream,
    quiet: Pin<Box<Sleep>>,
    patience: Duration,
    _place: OwnedSemaphorePermit,
}

impl Guest {
    fn heard(&mut self) {
        self.quiet.as_mut().reset(Instant::now() + self.patience);
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                self.heard();
                Poll::Ready(read)
            }
            Poll::Pending => {
                ready!(self.quiet.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.heard();
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, pieces));
        self.heard();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use axum::serve::Listener as _;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn who_is_one_too_many_is_turned_away_and_who_says_nothing_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut door = Door::with(listener, 1, Duration::from_millis(200));
        let mut first = TcpStream::connect(address).await.expect("connected");
        let (mut guest, _) = door.accept().await;
        let mut second = TcpStream::connect(address).await.expect("connected");
        let turned_away = async { second.read(&mut [0u8; 1]).await };
        let read = tokio::select! {
            _ = door.accept() => panic!("there is no place"),
            read = turned_away => read,
        };
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");

        first.write_all(b"x").await.expect("sent");
        let mut byte = [0u8; 1];
        assert_eq!(guest.read(&mut byte).await.expect("heard"), 1);
        let error = guest.read(&mut byte).await.expect_err("nothing more comes");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        drop(guest);
        let third = TcpStream::connect(address).await.expect("connected");
        let (_guest, from) = door.accept().await;
        assert_eq!(from, third.local_addr().expect("an address"));
    }
}
