//! What must be asked first where an answer may still be late.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::{Ask, Callers, Doubt, Link, Trace};
use crate::field::modbus::dial_in::{Dialled, Doorstep};
use crate::plant::Id;
use crate::settings::{DialIn, Framing, ModbusSource, Table, Transport};

fn source(transport: Transport) -> ModbusSource {
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

fn link(open: &[(u8, usize)]) -> Link {
    let transport = Transport::RtuTcp { host: "127.0.0.1".to_owned(), port: 1, ascii: false };
    let mut link = Link::new(&source(transport), Trace::default(), None);
    link.doubt.insert(7, open.to_vec());
    link
}

fn read(address: u16, count: u16) -> Ask {
    Ask::Read { table: Table::HoldingRegister, address, count }
}

#[test]
fn a_question_whose_answer_is_unlike_all_late_ones_is_asked_within_what_may_be_read() {
    let all = |_, _, _| true;
    assert_eq!(link(&[]).doubt(8, &read(5, 2), all), Doubt::None, "another unit");
    assert_eq!(link(&[(3, 4)]).doubt(7, &read(5, 2), all), Doubt::Ask(read(5, 1)));
    assert_eq!(link(&[(3, 2), (3, 4)]).doubt(7, &read(u16::MAX, 1), all), Doubt::Ask(read(u16::MAX - 2, 3)));
    // One register at a time, or its neighbour is forbidden: there is no other question.
    let one = |_, address, count| (address, count) == (5, 1);
    assert_eq!(link(&[(3, 2)]).doubt(7, &read(5, 1), one), Doubt::Wait);
    assert_eq!(link(&[(3, 4)]).doubt(7, &read(5, 1), one), Doubt::Ask(read(5, 1)));
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
