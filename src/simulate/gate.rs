//! A door in front of a demo server: open, silent (takes everything, answers nothing) or away
//! (refuses connections). The gateway sees a real socket that really fails.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the door stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Lets everything through.
    Open,
    /// Lets nothing through, but keeps the connections.
    Silent,
    /// Closes all connections and refuses new ones.
    Away,
}

/// The handle; the door works until it is dropped.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    door: watch::Sender<Door>,
}

impl Gate {
    /// Puts a door on a free loopback port in front of `target`.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn open(target: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (door, watched) = watch::channel(Door::Open);
        tokio::spawn(serve(listener, address, target, watched));
        Ok(Self { address, door })
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Turns the door.
    pub fn set(&self, door: Door) {
        self.door.send_if_modified(|now| std::mem::replace(now, door) != door);
    }
}

async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    target: SocketAddr,
    mut door: watch::Receiver<Door>,
) {
    let mut listener = Some(listener);
    loop {
        let now = *door.borrow_and_update();
        if now == Door::Away {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).await.ok();
            if listener.is_none() {
                // Somebody else has the port for a moment; it is ours by right.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await.ok().map(|a| a.0),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(stream) = accepted => { tokio::spawn(carry(stream, target, door.clone())); }
            changed = door.changed() => if changed.is_err() { return },
        }
    }
}

async fn carry(near: TcpStream, target: SocketAddr, door: watch::Receiver<Door>) {
    let Ok(far) = TcpStream::connect(target).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = pump(near_read, far_write, door.clone()) => {}
        () = pump(far_read, near_write, door) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut door: watch::Receiver<Door>,
) {
    let mut buffer = vec![0u8; 16 * 1024];
    loop {
        let read = tokio::select! {
            _ = door.wait_for(|d| *d == Door::Away) => return,
            read = from.read(&mut buffer) => read,
        };
        let Some(len) = read.ok().filter(|n| *n > 0) else { return };
        let open = *door.borrow() == Door::Open;
        if open && to.write_all(&buffer[..len]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::{Door, Gate};

    #[tokio::test]
    async fn an_open_door_carries_a_silent_one_swallows_and_an_away_one_refuses() {
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = Gate::open(echo.local_addr().unwrap()).await.unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        let mut client = TcpStream::connect(gate.address()).await.unwrap();
        let mut byte = [0u8; 1];
        client.write_all(b"a").await.unwrap();
        client.read_exact(&mut byte).await.unwrap();
        gate.set(Door::Silent);
        client.write_all(b"b").await.unwrap();
        let answer = tokio::time::timeout(Duration::from_millis(200), client.read_exact(&mut byte)).await;
        assert!(answer.is_err(), "a silent door answered");
        gate.set(Door::Away);
        assert!(matches!(client.read(&mut byte).await, Ok(0) | Err(_)), "the connection stands");
        while TcpStream::connect(gate.address()).await.is_ok() {
            tokio::task::yield_now().await;
        }
        gate.set(Door::Open);
        let mut client = loop {
            match TcpStream::connect(gate.address()).await {
                Ok(client) => break client,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        client.write_all(b"c").await.unwrap();
        client.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"c");
    }
}
