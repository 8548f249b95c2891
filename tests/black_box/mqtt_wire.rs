//! The embedded broker byte by byte: what it sends is of the version its client speaks, what a client may
//! not send closes that client alone, and nobody takes what belongs to others.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::mqtt_broker::{secrets, settings};
use crate::peers::{Gateway, eventually, free_port, unless};
use crate::plants;

fn text(of: &str) -> Vec<u8> {
    [&u16::try_from(of.len()).expect("short").to_be_bytes(), of.as_bytes()].concat()
}

/// With a length of up to two bytes.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut all = vec![first];
    if body.len() < 128 {
        all.push(u8::try_from(body.len()).expect("short"));
    } else {
        let (low, high) = (body.len() % 128, body.len() / 128);
        all.extend([u8::try_from(low | 0x80).expect("7 bits"), u8::try_from(high).expect("7 bits")]);
    }
    all.extend_from_slice(body);
    all
}

/// CONNECT of a version with the flags, with properties where it has some.
fn connect(version: u8, flags: u8, properties: &[u8], id: &str, user: (&str, &str)) -> Vec<u8> {
    let mut body = [&text("MQTT")[..], &[version, flags | 0xc0, 0, 60]].concat();
    if version == 5 {
        body.push(u8::try_from(properties.len()).expect("short"));
        body.extend_from_slice(properties);
    }
    for part in [id, user.0, user.1] {
        body.extend(text(part));
    }
    packet(0x10, &body)
}

const DTU: (&str, &str) = ("dtu", "their word");
const US: (&str, &str) = ("us", "our word");

/// What is heard when the broker has closed.
const END: &[u8] = &[];

struct Line(TcpStream);

impl Line {
    /// From an address of this machine.
    fn open(port: u16, from: [u8; 4]) -> Self {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((from, 0)).into()).expect("an address");
        socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).expect("the broker listens");
        let line = TcpStream::from(socket);
        line.set_read_timeout(Some(Duration::from_secs(12))).expect("a socket");
        Self(line)
    }

    fn of(port: u16, version: u8, id: &str) -> Self {
        let mut line = Self::open(port, [127, 0, 0, 1]);
        let answer = line.ask(&connect(version, 2, &[], id, DTU));
        assert_eq!((answer[0], answer[3]), (0x20, 0), "{answer:02x?}");
        line
    }

    fn say(&mut self, bytes: &[u8]) {
        // The broker may have closed in between.
        let _ = self.0.write_all(bytes);
    }

    /// The next whole packet; empty at the end of the connection.
    fn hear(&mut self) -> Vec<u8> {
        let mut all = vec![0; 2];
        match self.0.read_exact(&mut all) {
            Ok(()) => {}
            Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                return Vec::new();
            }
            Err(e) => panic!("neither an answer nor the end: {e}"),
        }
        let mut length = usize::from(all[1] & 0x7f);
        if all[1] & 0x80 != 0 {
            let mut more = [0];
            self.0.read_exact(&mut more).expect("a length");
            all.push(more[0]);
            length += usize::from(more[0]) * 128;
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a body");
        all.extend(body);
        all
    }

    fn ask(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.say(bytes);
        self.hear()
    }
}

async fn broker(rights: &str) -> (Gateway, u16, tempfile::TempDir) {
    let (dir, port) = (secrets(), free_port());
    let at = dir.path().display().to_string();
    let user = format!("name = \"dtu\"\npassword = {{ file = \"{at}/dtu\" }}\n");
    let text = settings(port, "mqtt", &at, "", "").replace(&user, &format!("{user}{rights}"));
    let gateway = Gateway::start(&text, &[plants::RECEIVER]);
    eventually("the gateway's own session stands", async || {
        let own = gateway.get("/api/v1/overview").await["path"]["sources"][0].clone();
        unless(own["connected"] == true, own)
    })
    .await;
    (gateway, port, dir)
}

async fn counted(gateway: &Gateway, what: &str, least: u64) {
    eventually("it is counted", async || {
        let broker = gateway.get("/api/v1/overview").await["path"]["broker"].clone();
        unless(broker[what].as_u64() >= Some(least) && broker["ended"] == 0, &broker)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_refused_in_the_packets_of_the_clients_version() {
    let (mut gateway, port, _dir) =
        broker("publish = [\"plant/#\"]\nsubscribe = [\"plant/#\"]\nclient_ids = [\"dtu-*\"]\n").await;
    let hello = |version: u8, id: &str, user| {
        Line::open(port, [127, 0, 0, 1]).ask(&connect(version, 2, &[], id, user))
    };
    assert_eq!(hello(4, "dtu-1", ("dtu", "wrong")), [0x20, 2, 0, 4], "name or password");
    assert_eq!(hello(4, "other", DTU), [0x20, 2, 0, 2], "client id");
    assert_eq!(hello(4, "dtu-1", DTU), [0x20, 2, 0, 0]);
    assert_eq!(hello(3, "dtu-1", DTU), [0x20, 2, 0, 1], "version");
    assert_eq!(hello(5, "dtu-1", ("dtu", "wrong"))[2..4], [0, 0x86]);
    assert_eq!(hello(5, "other", DTU)[2..4], [0, 0x85]);
    assert_eq!(hello(6, "dtu-1", DTU), [0x20, 3, 0, 0x84, 0]);
    let old = [&text("MQIsdp")[..], &[3, 2, 0, 60], &text("dtu-1")].concat();
    assert_eq!(Line::open(port, [127, 0, 0, 1]).ask(&packet(0x10, &old)), [0x20, 2, 0, 1]);

    let (mut four, mut five) = (Line::of(port, 4, "dtu-4"), Line::open(port, [127, 0, 0, 1]));
    // It asks for no texts beside the reasons.
    assert_eq!(five.ask(&connect(5, 2, &[0x17, 0], "dtu-5", DTU))[2..4], [0, 0]);
    let topic = text("secret");
    let in_5 = |before: &[u8], behind: &[u8]| [before, &[0], behind].concat();
    let with_id = [&topic[..], &[0, 7]].concat();
    assert_eq!(four.ask(&packet(0x32, &with_id)), [0x40, 2, 0, 7], "PUBACK");
    assert_eq!(five.ask(&packet(0x32, &in_5(&with_id, &[])))[2..5], [0, 7, 0x87]);
    assert_eq!(four.ask(&packet(0x34, &with_id)), [0x50, 2, 0, 7], "PUBREC");
    assert_eq!(four.ask(&packet(0x62, &[0, 7])), [0x70, 2, 0, 7], "PUBCOMP");
    assert_eq!(five.ask(&packet(0x34, &in_5(&with_id, &[])))[2..5], [0, 7, 0x87]);
    assert_eq!(five.ask(&packet(0x62, &[0, 7]))[2..5], [0, 7, 0x92]);
    assert_eq!(four.ask(&packet(0x50, &[0, 9])), [0x62, 2, 0, 9], "PUBREL");
    let filters = [&topic[..], &[1], &text("plant/#"), &[1]].concat();
    assert_eq!(
        four.ask(&packet(0x82, &[&[0, 8], &filters[..]].concat())),
        [0x90, 4, 0, 8, 0x80, 1],
        "SUBACK"
    );
    assert_eq!(five.ask(&packet(0x82, &in_5(&[0, 8], &filters))), [0x90, 5, 0, 8, 0, 0x87, 1]);
    assert_eq!(four.ask(&packet(0xa2, &[&[0, 9], &topic[..]].concat())), [0xb0, 2, 0, 9], "UNSUBACK");
    assert_eq!(five.ask(&packet(0xa2, &in_5(&[0, 9], &topic))), [0xb0, 4, 0, 9, 0, 0x11]);
    assert_eq!(four.ask(&[0xc0, 0]), [0xd0, 0], "PINGRESP");
    // Taken over: 3.1.1 has no packet for it.
    let (_four_again, _five_again) = (Line::of(port, 4, "dtu-4"), Line::of(port, 5, "dtu-5"));
    assert_eq!(four.hear(), END);
    assert_eq!(five.hear()[..1], [0xe0]);
    assert_eq!(five.hear(), END);
    gateway.stop().await;
}

/// Version, what is sent, the reason that version 5 is told.
fn wrong_packets() -> Vec<(u8, Vec<u8>, u8)> {
    let mut all = Vec::new();
    for version in [4, 5] {
        let none: &[u8] = if version == 5 { &[0] } else { &[] };
        let mut add =
            |first: u8, parts: &[&[u8]], code: u8| all.push((version, packet(first, &parts.concat()), code));
        let (a, wild) = (&text("a")[..], &text("a/+")[..]);
        add(0x32, &[a, &[0, 0], none, b"x"], 0x82);
        add(0x36, &[a, &[0, 1], none, b"x"], 0x81);
        add(0x38, &[a, none, b"x"], 0x81);
        add(0x30, &[wild, none, b"x"], 0x81);
        add(0x30, &[&[0, 1, 0], none, b"x"], 0x81);
        add(0x30, &[&[0, 0], none, b"x"], 0x82);
        for ack in [0x40, 0x50, 0x62, 0x70] {
            add(ack, &[&[0, 0]], 0x82);
        }
        add(0x82, &[&[0, 0], none, a, &[1]], 0x82);
        add(0x82, &[&[0, 1], none], 0x82);
        add(0x82, &[&[0, 1], none, a, &[3]], 0x81);
        add(0x80, &[&[0, 1], none, a, &[1]], 0x81);
        add(0xa2, &[&[0, 0], none, a], 0x82);
        add(0xa2, &[&[0, 1], none], 0x82);
        add(0xd0, &[], 0x82);
        all.push((version, connect(version, 2, &[], "again", DTU), 0x82));
    }
    let mut add = |first: u8, parts: &[&[u8]], code: u8| all.push((5, packet(first, &parts.concat()), code));
    let (a, shared) = (&text("a")[..], &text("$share/g/a")[..]);
    add(0x82, &[&[0, 1, 2, 0x0b, 0], a, &[1]], 0x82);
    add(0x82, &[&[0, 1, 0], a, &[0x31]], 0x82);
    add(0x82, &[&[0, 1, 0], shared, &[0x05]], 0x82);
    add(0x82, &[&[0, 1, 0], &text("$share/+/a"), &[1]], 0x81);
    add(0x30, &[a, &[3, 0x23, 0, 0], b"x"], 0x94);
    add(0x30, &[a, &[4, 1, 0, 1, 0], b"x"], 0x82);
    add(0xf0, &[&[0x18, 0]], 0x82);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_packet_closes_its_own_connection_with_the_reason_and_no_other() {
    let (mut gateway, port, _dir) = broker("").await;
    let (mut four, mut five) = (Line::of(port, 4, "bystander-4"), Line::of(port, 5, "bystander-5"));
    let wrong = wrong_packets();
    for (version, bytes, code) in &wrong {
        let mut line = Line::of(port, *version, "clumsy");
        let right =
            packet(0x32, &[&text("plant/x")[..], &[0, 5], if *version == 5 { &[0] } else { &[] }].concat());
        // What came before it in the same segment is answered.
        let answer = line.ask(&[&right[..], &bytes[..]].concat());
        assert_eq!((answer[0], &answer[2..4]), (0x40, &[0, 5][..]), "{answer:02x?}");
        let told: &[u8] = if *version == 5 { &[0xe0, 2, *code, 0] } else { &[] };
        assert_eq!(line.hear(), told, "version {version}: {bytes:02x?}");
        assert_eq!(line.hear(), END);
    }
    for (flags, properties, code) in [
        (2, &[0x21, 0, 0][..], 0x82),
        (2, &[0x27, 0, 0, 0, 0], 0x82),
        (2, &[0x22, 0, 1, 0x22, 0, 1], 0x82),
        (3, &[], 0x81),
        (0x1e, &[], 0x81),
    ] {
        let hello = connect(5, flags, properties, "clumsy", DTU);
        let mut line = Line::open(port, [127, 0, 0, 1]);
        assert_eq!(line.ask(&hello), [0x20, 3, 0, code, 0], "{hello:02x?}");
        assert_eq!(line.hear(), END);
    }
    let mut line = Line::open(port, [127, 0, 0, 1]);
    assert_eq!(line.ask(&connect(4, 3, &[], "clumsy", DTU)), END, "3.1.1 just closes");
    assert_eq!((four.ask(&[0xc0, 0]), five.ask(&[0xc0, 0])), (vec![0xd0, 0], vec![0xd0, 0]));
    counted(&gateway, "malformed", wrong.len() as u64 + 6).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_does_not_shut_the_device_out_at_a_new_address() {
    let (mut gateway, port, _dir) = broker("").await;
    let mut guesses: Vec<Line> = (0..40)
        .map(|n| {
            // Most come from one address, some from others.
            let mut line = Line::open(port, [127, 0, 0, if n < 30 { 1 } else { 100 + n }]);
            line.say(&connect(4, 2, &[], &format!("guess-{n}"), ("dtu", "wrong")));
            line
        })
        .collect();
    for line in &mut guesses {
        let answer = line.hear();
        assert!(
            answer == [0x20, 2, 0, 4] || answer == [0x20, 2, 0, 3],
            "wrong, or not looked at: {answer:02x?}"
        );
    }
    let answer = Line::open(port, [127, 0, 0, 2]).ask(&connect(4, 2, &[], "dtu-1", DTU));
    assert_eq!(answer, [0x20, 2, 0, 0], "the device, at an address never seen");
    counted(&gateway, "wrong_passwords", 14).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_make_room_for_a_device() {
    let (mut gateway, port, _dir) = broker("").await;
    let silent: Vec<Line> = (0..300).map(|_| Line::open(port, [127, 0, 0, 1])).collect();
    let mut device = Line::open(port, [127, 0, 0, 2]);
    assert_eq!(device.ask(&connect(4, 2, &[], "dtu-1", DTU)), [0x20, 2, 0, 0]);
    counted(&gateway, "turned_away", 45).await;
    drop(silent);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_its_share_of_kept_messages_and_nobody_throws_away_the_session_of_another() {
    let (mut gateway, port, _dir) = broker("").await;
    let keep = |n: usize| packet(0x33, &[&text(&format!("kept/{n}"))[..], &[0, 1], b"x"].concat());
    let mut line = Line::of(port, 4, "collector");
    // Of 2000 places the common half and its own quarter.
    for n in 0..1600 {
        assert_eq!(line.ask(&keep(n)), [0x40, 2, 0, 1], "{n}");
    }
    counted(&gateway, "over_share", 100).await;
    let broker = gateway.get("/api/v1/overview").await["path"]["broker"].clone();
    assert_eq!(broker["retained"], 1500, "{broker}");
    assert!(gateway.log().contains("but is not kept"), "{}", gateway.log());
    // The other user still has its places.
    let mut other = Line::open(port, [127, 0, 0, 1]);
    assert_eq!(other.ask(&connect(4, 2, &[], "panel", US)), [0x20, 2, 0, 0]);
    assert_eq!(other.ask(&packet(0x33, &[&text("panel/1")[..], &[0, 1], b"x"].concat())), [0x40, 2, 0, 1]);
    assert_eq!(other.ask(&packet(0x82, &[&[0, 1], &text("panel/+")[..], &[0]].concat())), [0x90, 3, 0, 1, 0]);
    assert_eq!(other.hear(), packet(0x31, &[&text("panel/1")[..], b"x"].concat()), "it was kept");
    // What is not kept reaches those who are there.
    assert_eq!(
        other.ask(&packet(0x82, &[&[0, 2], &text("kept/new")[..], &[0]].concat())),
        [0x90, 3, 0, 2, 0]
    );
    assert_eq!(line.ask(&packet(0x33, &[&text("kept/new")[..], &[0, 1], b"x"].concat())), [0x40, 2, 0, 1]);
    assert_eq!(other.hear(), packet(0x30, &[&text("kept/new")[..], b"x"].concat()));

    let hello = |flags, id, user| Line::open(port, [127, 0, 0, 1]).ask(&connect(4, flags, &[], id, user));
    assert_eq!(hello(0, "logger", DTU), [0x20, 2, 0, 0], "a session to be kept");
    assert_eq!(hello(2, "logger", US), [0x20, 2, 0, 5], "a clean start by another user");
    assert_eq!(hello(0, "logger", DTU), [0x20, 2, 1, 0], "it is still there");
    gateway.stop().await;
}
