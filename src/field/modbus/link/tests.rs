//! Devices that dial in, and how they introduce themselves.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::{Callers, Link, Trace};
use crate::field::modbus::dial_in::{Dialled, Doorstep};
use crate::plant::Id;
use crate::settings::{DialIn, Framing, ModbusSource, Transport};

/// One line without devices, with usual settings.
pub(super) fn source(transport: Transport) -> ModbusSource {
    ModbusSource {
        id: Id::new("line").expect("an id"),
        transport,
        timeout: Duration::from_secs(1),
        reconnect: (Duration::from_secs(1), Duration::from_secs(1)),
        connect_pause: Duration::ZERO,
        idle_close: None,
        probe_share: 0.05,
        breaker: true,
        devices: Vec::new(),
    }
}

/// A link whose device dials in, and where it does.
fn dialled(framing: Framing) -> (Link, Doorstep) {
    let listen = ([127, 0, 0, 1], 0).into();
    let how = DialIn { listen, registration: b"DTU-1".to_vec(), heartbeat: b"hb".to_vec(), framing };
    let door = Doorstep::default();
    (Link::new(&source(Transport::DialIn(how)), Trace::default(), Some(door.clone())), door)
}

#[tokio::test]
async fn a_registration_that_goes_on_after_a_pause_is_another_devices() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    for framing in [Framing::Rtu, Framing::Tcp] {
        for (said, may_go_on, stands) in [
            (&b"2\r\n"[..], true, false),
            (b"\r\n2", true, false),
            (b"\r\n", true, true),
            (b"hbh", true, true),
            (b"2\r\n", false, true),
        ] {
            let (mut link, door) = dialled(framing);
            let mut device = TcpStream::connect(at).await.expect("it listens");
            let (stream, _) = listener.accept().await.expect("a call");
            door.put(Dialled { stream, rest: Vec::new(), may_go_on });
            link.connect().await.expect("it has dialled in");
            device.write_all(said).await.expect("open");
            while link.is_connected() && link.counts().received_bytes < said.len() as u64 {
                link.freshen();
                tokio::task::yield_now().await;
            }
            let what = format!("{} {may_go_on} {framing:?}", said.escape_ascii());
            assert_eq!(link.is_connected(), stands, "{what}");
        }
    }
}

#[tokio::test]
async fn calls_that_nobody_took_count_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let (mut link, door) = dialled(Framing::Rtu);
    for _ in 0..4 {
        let _device = TcpStream::connect(at).await.expect("it listens");
        let (stream, _) = listener.accept().await.expect("a call");
        door.put(Dialled { stream, rest: Vec::new(), may_go_on: false });
    }
    assert_eq!(link.callers(), Callers::One);
    link.freshen();
    assert_eq!(link.callers(), Callers::Doubtful);
}
