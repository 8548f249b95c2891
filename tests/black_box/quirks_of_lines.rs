//! What connections and lines do beside the specification: answers that come late, in pieces, among
//! stray bytes or in another's name, devices that hang up or die without a word, a second master.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::peers::odd::Act::{HangUp, Rest, Say};
use crate::peers::odd::Ask;
use crate::peers::{Gateway, Odd, eventually, free_port, unless};
use crate::quirks::{path, polled, profile, settings, shows, start};

const ONE: &[(&str, &str)] = &[("a", "address = 40001")];

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn tcp(device: &Odd) -> String {
    format!("tcp://127.0.0.1:{}", device.port)
}

fn rtu(device: &Odd) -> String {
    format!("rtu+tcp://127.0.0.1:{}", device.port)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_its_timeout_is_dropped_by_its_transaction_and_the_connection_stays() {
    let mut asked = 0u16;
    let device = Odd::tcp(move |ask| {
        asked += 1;
        let n = asked;
        let answer = Say(ask.values(move |_| n));
        // Every fourth is late: it comes where the fifth's is awaited.
        if n.is_multiple_of(4) { vec![Rest(ms(150)), answer] } else { vec![answer] }
    })
    .await;
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile("", ONE));
    eventually("late answers are counted", async || {
        let path = path(&gateway).await;
        unless(path["late_answers"].as_u64() >= Some(3), path)
    })
    .await;
    let path = path(&gateway).await;
    gateway.stop().await;
    assert_eq!(path["connects"], 1, "{path}");
    let late: Vec<f64> = gateway.committed("u1").iter().map(|c| c.2).filter(|v| v % 4.0 == 0.0).collect();
    assert!(late.is_empty(), "taken for another's: {late:?}");
}

/// A device of one register with 7 that speaks in datagrams: by turns it answers, answers in the name of another
/// transaction before, keeps the answer until the next request, sends what is no frame, and twice.
async fn datagrams() -> u16 {
    let device = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let port = device.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let answer = |id: &[u8], value: u8| [id, &[0, 0, 0, 5, 1, 3, 2, 0, value]].concat();
        let (mut room, mut kept, mut asked) = ([0u8; 300], None, 0);
        while let Ok((_, from)) = device.recv_from(&mut room).await {
            let id = room[..2].to_vec();
            let mut says = kept.take().into_iter().collect::<Vec<_>>();
            match asked % 5 {
                1 => says.extend([answer(&[id[0] ^ 0x55, id[1]], 99), answer(&id, 7)]),
                2 => kept = Some(answer(&id, 99)),
                3 => says.extend([Vec::new(), answer(&id, 99)[..9].to_vec(), answer(&id, 7)]),
                4 => says.extend([answer(&id, 7), answer(&id, 7)]),
                _ => says.push(answer(&id, 7)),
            }
            asked += 1;
            for datagram in says {
                let _ = device.send_to(&datagram, from).await;
            }
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_that_are_lost_late_foreign_or_cut_off_cost_one_reading_at_most_and_never_give_a_value() {
    let address = format!("udp://127.0.0.1:{}", datagrams().await);
    let mut gateway = start(&settings(&address, "pipeline = 4", &[1]), &profile("", ONE));
    eventually("each kind came", async || {
        let path = path(&gateway).await;
        let came = |what: &str, least: u64| path[what].as_u64() >= Some(least);
        unless(came("late_answers", 2) && came("foreign_answers", 2) && came("junk_bytes", 9), path)
    })
    .await;
    let path = path(&gateway).await;
    gateway.stop().await;
    assert_eq!(path["connects"], 1, "{path}");
    assert!(path["devices"][0]["failures"].as_u64() >= Some(1), "a lost answer is a timeout: {path}");
    let values: Vec<f64> = gateway.committed("u1").iter().map(|c| c.2).collect();
    assert!(values.len() > 3 && values.iter().all(|v| *v == 7.0), "{values:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_hangs_up_when_idle_or_just_as_it_is_asked_costs_no_reading() {
    let mut asked = 0;
    let device = Odd::tcp(move |ask| {
        asked += 1;
        let answer = Say(ask.values(|_| 7));
        match asked % 4 {
            0 => vec![HangUp],
            1 => vec![answer, Rest(ms(20)), HangUp],
            _ => vec![answer],
        }
    })
    .await;
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile("", ONE));
    let state = polled(&gateway, 20).await;
    gateway.stop().await;
    assert_eq!(state["polls"], state["good_polls"], "{state}");
    assert!(device.asked().last().is_some_and(|a| a.connection >= 8), "it did not hang up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_device_lost_power_is_opened_anew() {
    // The first connection goes deaf and is never closed: the device knows nothing of it any more.
    let mut asked = 0;
    let device = Odd::tcp(move |ask| {
        asked += 1;
        let connection = ask.connection as u16;
        if connection == 1 && asked > 3 { Vec::new() } else { vec![Say(ask.values(move |_| connection))] }
    })
    .await;
    let mut gateway = start(&settings(&tcp(&device), "", &[1]), &profile("", ONE));
    shows(&gateway, &[("a", Some(2.0), "")]).await;
    gateway.stop().await;
    assert_eq!(gateway.committed("u1").iter().filter(|c| c.2 == 1.0).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_units_of_a_host_share_one_connection() {
    let device = Odd::tcp(|ask| vec![Say(ask.values(|_| u16::from(ask.unit)))]).await;
    let mut gateway = start(&settings(&tcp(&device), "", &[1, 2, 3, 4]), &profile("", ONE));
    eventually("all are read, many times", async || {
        let asked = device.asked();
        let of = |unit: u8| asked.iter().filter(|a| a.unit == unit).count();
        unless((1..=4).all(|unit| of(unit) > 5), asked.len())
    })
    .await;
    gateway.stop().await;
    assert!(device.asked().iter().all(|a| a.connection == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn stray_bytes_at_both_ends_of_an_rtu_answer_are_stepped_over_and_counted_unless_that_is_switched_off()
{
    let stray = |ask: &Ask| [&[0x00, 0xFF][..], &ask.values(|_| 7), &[0x00, 0xFF, 0x00]].concat();
    let device = Odd::rtu(move |ask| vec![Say(stray(ask))]).await;
    let mut gateway = start(&settings(&rtu(&device), "", &[1]), &profile("", ONE));
    let state = polled(&gateway, 10).await;
    shows(&gateway, &[("a", Some(7.0), "")]).await;
    assert_eq!((&state["polls"], &state["failures"]), (&state["good_polls"], &Value::from(0)), "{state}");
    let path = path(&gateway).await;
    assert!(path["junk_bytes"].as_u64() >= Some(20) && path["other_master"] == 0, "{path}");
    gateway.stop().await;
    let mut gateway =
        start(&settings(&rtu(&device), "breaker = false", &[1]), &profile("[modbus]\ntolerant = false", ONE));
    shows(&gateway, &[("a", None, "garbled")]).await;
    gateway.stop().await;
    assert!(gateway.committed("u1").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_with_its_crc_the_other_way_round_is_read_where_the_profile_says_so_and_only_there() {
    // It understands no other either.
    let device = Odd::rtu(|ask| {
        let mut answer = ask.values(|_| 7);
        let last = answer.len() - 1;
        answer.swap(last - 1, last);
        if ask.swapped || ask.unit == 2 { vec![Say(answer)] } else { Vec::new() }
    })
    .await;
    let mut gateway = start(&settings(&rtu(&device), "", &[1]), &profile("[modbus]\ncrc = \"swapped\"", ONE));
    shows(&gateway, &[("a", Some(7.0), "")]).await;
    gateway.stop().await;
    let mut gateway = start(&settings(&rtu(&device), "", &[2]), &profile("", ONE));
    eventually("CRC errors are counted", async || {
        let path = path(&gateway).await;
        unless(path["crc_errors"].as_u64() > Some(1), path)
    })
    .await;
    gateway.stop().await;
    assert!(gateway.committed("u2").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rtu_answer_of_another_unit_or_with_another_byte_count_is_counted_and_never_taken() {
    let device = Odd::rtu(|ask| {
        vec![Say(match ask.unit {
            1 => ask.values_of(9, |_| 7),
            // One register less than was asked for.
            2 => {
                let short = ask.count.saturating_sub(1);
                let values: Vec<u8> = (0..short).flat_map(|_| [0, 7]).collect();
                ask.frame(2, &[&[3, short as u8 * 2][..], &values].concat())
            }
            // A byte count that is not what follows.
            3 => ask.frame(3, &[3, 4, 0, 7]),
            _ => ask.values(|_| 1),
        })]
    })
    .await;
    let two = [("a", "address = 40001"), ("b", "address = 40002")];
    let mut gateway = start(&settings(&rtu(&device), "", &[1, 2, 3, 4]), &profile("", &two));
    eventually("both kinds are counted, and the healthy one is read", async || {
        let path = path(&gateway).await;
        let counted = path["foreign_answers"].as_u64() > Some(5);
        unless(counted && path["devices"][3]["good_polls"].as_u64() > Some(3), path)
    })
    .await;
    gateway.stop().await;
    for unit in 1..=3 {
        assert!(gateway.committed(&format!("u{unit}")).is_empty(), "unit {unit} gave a value");
    }
    assert!(gateway.committed("u4").iter().all(|c| c.2 == 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rtu_frames_that_a_serial_server_splits_and_joins_are_read() {
    let mut asked = 0u16;
    let device = Odd::rtu(move |ask| {
        asked += 1;
        let n = asked;
        let answer = ask.values(move |_| n);
        let (head, tail) = answer.split_at(1 + usize::from(n) % (answer.len() - 1));
        let foreign = ask.values_of(9, |_| 0xDEAD);
        match n % 3 {
            0 => vec![Say(answer)],
            1 => vec![Say(head.to_vec()), Rest(ms(5)), Say(tail.to_vec())],
            // A neighbour's answer and ours in one packet.
            _ => vec![Say([&foreign[..], &answer].concat())],
        }
    })
    .await;
    let mut gateway = start(&settings(&rtu(&device), "", &[1]), &profile("", ONE));
    let state = polled(&gateway, 30).await;
    gateway.stop().await;
    assert_eq!((&state["polls"], &state["failures"]), (&state["good_polls"], &Value::from(0)), "{state}");
    let values: Vec<f64> = gateway.committed("u1").iter().map(|c| c.2).collect();
    let counted: Vec<f64> = (1..=values.len()).map(|n| n as f64).collect();
    assert_eq!(values, counted);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rtu_answer_after_its_timeout_is_never_taken_for_the_next_request() {
    let mut asked = 0u32;
    let device = Odd::rtu(move |ask| {
        let address = ask.from;
        let answer = Say(ask.values(move |a| if a == address { address } else { 0xDEAD }));
        // Late, it comes while the other register's answer is awaited, and is as long as that one.
        asked += u32::from(address == 200);
        if address == 200 && asked.is_multiple_of(3) { vec![Rest(ms(195)), answer] } else { vec![answer] }
    })
    .await;
    // Equal in length, each asked for alone: only their values tell them apart.
    let apart = [("r100", "address = 40101"), ("r200", "address = 40201")];
    let mut gateway = start(&settings(&rtu(&device), "breaker = false", &[1]), &profile("", &apart));
    eventually("enough late answers", async || {
        let state = path(&gateway).await["devices"][0].clone();
        unless(state["failures"].as_u64() >= Some(8) && state["good_polls"].as_u64() >= Some(3), state)
    })
    .await;
    gateway.stop().await;
    let committed = gateway.committed("u1");
    assert!(committed.len() > 6, "hardly anything was read");
    for (point, _, value) in committed {
        assert_eq!(point, format!("r{value}"), "a late answer was taken for another's");
    }
}

/// Eight registers in two blocks of equal length, each with its own address as value.
fn two_blocks() -> Vec<(String, String)> {
    (0..4).chain(100..104).map(|n| (format!("r{n}"), format!("address = {}", 40001 + n))).collect()
}

/// Every value that was stored is that of its own register.
fn each_is_its_own(gateway: &Gateway, at_least: usize) {
    let committed = gateway.committed("u1");
    assert!(committed.len() > at_least, "hardly anything was read: {}", committed.len());
    let wrong = |c: &&(String, i64, f64)| c.0 != format!("r{}", c.2);
    assert_eq!(committed.iter().find(wrong), None, "another request's");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_twice_is_never_the_next_requests_value() {
    for tcp_framing in [true, false] {
        let mut asked = 0u32;
        let rule = move |ask: &Ask| {
            asked += 1;
            let mut frame = ask.values(|a| a);
            if tcp_framing {
                // Always the same transaction id.
                (frame[0], frame[1]) = (0, 0);
            }
            match asked % 4 {
                1 => vec![Say([&frame[..], &frame].concat())],
                // The second copy comes when the next request is out, and holds its answer up.
                3 if asked > 8 => vec![Say(frame.clone()), Rest(ms(40)), Say(frame)],
                _ => vec![Say(frame)],
            }
        };
        let device = if tcp_framing { Odd::tcp(rule).await } else { Odd::rtu(rule).await };
        let address = if tcp_framing { tcp(&device) } else { rtu(&device) };
        let points = two_blocks();
        let points: Vec<(&str, &str)> = points.iter().map(|p| (p.0.as_str(), p.1.as_str())).collect();
        let head = if tcp_framing { "[modbus]\ntransaction_ids = \"any\"" } else { "" };
        let mut gateway = start(&settings(&address, "breaker = false", &[1]), &profile(head, &points));
        eventually("enough came twice", async || {
            let path = path(&gateway).await;
            let enough = path["doubled_answers"].as_u64() >= Some(5);
            unless(enough && path["devices"][0]["good_polls"].as_u64() >= Some(8), path)
        })
        .await;
        gateway.stop().await;
        each_is_its_own(&gateway, 40);
        assert_eq!(gateway.log().matches("answers come twice").count(), 1, "{}", gateway.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_held_back_while_others_are_answered_is_never_taken_for_one_of_its_length() {
    let (mut asked, mut held) = (0u32, None::<(Instant, Vec<u8>)>);
    let device = Odd::rtu(move |ask| {
        asked += 1;
        let frame = ask.values(|a| a);
        if ask.covers(100) && held.is_none() && asked.is_multiple_of(3) {
            held = Some((ask.at, frame));
            return Vec::new();
        }
        // Others are answered; then one is spoilt, and behind it comes the old one.
        match held.take_if(|_| ask.from == 0) {
            // Later than a second it would be later than anybody can reckon with.
            Some((since, old)) if ask.at.duration_since(since) < ms(1000) => {
                let mut spoilt = frame;
                let last = spoilt.len() - 1;
                spoilt[last] ^= 0x5A;
                vec![Say(spoilt), Say(old)]
            }
            _ => vec![Say(frame)],
        }
    })
    .await;
    let points = two_blocks();
    let points: Vec<(&str, &str)> = points.iter().map(|p| (p.0.as_str(), p.1.as_str())).collect();
    let mut gateway = start(&settings(&rtu(&device), "breaker = false", &[1]), &profile("", &points));
    eventually("enough late answers", async || {
        let path = path(&gateway).await;
        unless(path["late_answers"].as_u64() >= Some(4), path)
    })
    .await;
    gateway.stop().await;
    each_is_its_own(&gateway, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_master_on_the_line_is_told_and_its_traffic_never_taken() {
    // A touch panel asks unit 9 right behind our answer, and is answered.
    let device = Odd::rtu(|ask| {
        let panel = [ask.frame(9, &[3, 0, 100, 0, 1]), ask.values_of(9, |_| 0xDEAD)].concat();
        vec![Say(ask.values(|_| 7)), Rest(ms(30)), Say(panel)]
    })
    .await;
    let mut gateway = start(&settings(&rtu(&device), "", &[1]), &profile("", ONE));
    eventually("it is counted", async || {
        let path = path(&gateway).await;
        unless(path["other_master"].as_u64() >= Some(3), path)
    })
    .await;
    eventually("it is in the log", async || {
        unless(gateway.log().contains("another master talks on this line"), "not yet")
    })
    .await;
    shows(&gateway, &[("a", Some(7.0), "")]).await;
    gateway.stop().await;
    assert!(gateway.committed("u1").iter().all(|c| c.2 == 7.0));
    assert_eq!(gateway.log().matches("another master").count(), 1, "told once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_between_the_frames_of_a_device_that_dials_in_cost_no_connection() {
    let port = free_port();
    let source = "registration = \"DTU-1\"\nheartbeat_packet = \"heartbeat\"";
    let settings = settings(&format!("listen://127.0.0.1:{port}"), source, &[1]);
    let mut gateway = start(&settings, &profile("", ONE));
    let device = Odd::dials(port, false, b"DTU-1", |ask| {
        let answer = ask.values(|_| 7);
        match ask.from {
            // In one piece with an answer, in two pieces, and while nobody asks.
            40 => {
                vec![Say([b"heartbeat", &answer[..], b"heartbeat", b"heart"].concat()), Say(b"beat".to_vec())]
            }
            _ => vec![Say([&answer[..], b"hear"].concat()), Rest(ms(20)), Say(b"tbeat".to_vec())],
        }
    });
    // A registration is whole when half a second is silent behind it.
    let state = polled(&gateway, 30).await;
    gateway.stop().await;
    assert!(state["good_polls"].as_u64() >= Some(18), "{state}");
    assert!(device.asked().iter().all(|a| a.connection == 1), "the connection was given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_read_is_not_read_to_find_out_whether_a_late_answer_can_still_come_either() {
    let mut asked = 0;
    let device = Odd::rtu(move |ask| {
        asked += 1;
        let answer = Say(ask.values(|a| a + 7));
        if asked % 5 == 0 { vec![Rest(ms(150)), answer] } else { vec![answer] }
    })
    .await;
    let profile = profile(
        "[modbus]\nforbidden = [{ table = \"holding\", from = 1, to = 20 }]",
        &[("a", "address = 40001"), ("b", "address = 40101\ntype = \"u32\"")],
    );
    let mut gateway = start(&settings(&rtu(&device), "breaker = false", &[1]), &profile);
    eventually("enough late answers", async || {
        let state = path(&gateway).await["devices"][0].clone();
        unless(state["failures"].as_u64() >= Some(8) && state["good_polls"].as_u64() >= Some(3), state)
    })
    .await;
    gateway.stop().await;
    let asked = device.asked();
    assert!(!asked.iter().any(|a| (1..=20).any(|address| a.covers(address))), "{asked:?}");
    let wrong = |c: &&(String, i64, f64)| c.2 != if c.0 == "a" { 7.0 } else { f64::from(107 << 16 | 108) };
    assert_eq!(gateway.committed("u1").iter().find(wrong), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_comes_back_is_found_on_a_line_that_has_more_to_do_than_it_can() {
    let mut silent = 4;
    let device = Odd::tcp(move |ask| {
        if ask.unit == 9 && silent > 0 {
            silent -= 1;
            return Vec::new();
        }
        vec![Rest(ms(15)), Say(ask.values(|_| u16::from(ask.unit)))]
    })
    .await;
    let busy = "probe_share = 0.5";
    let settings =
        settings(&tcp(&device), busy, &[1, 2, 3, 9]).replace("\"100ms\"\ntimeout", "\"20ms\"\ntimeout");
    let mut gateway = start(&settings, &profile("", ONE));
    eventually("unit 9 is read again", async || {
        let devices = path(&gateway).await["devices"].clone();
        let states: Vec<_> = devices.as_array().into_iter().flatten().map(|d| d["state"].clone()).collect();
        unless(
            states.last().is_some_and(|s| s == "reading")
                && device.asked().iter().filter(|a| a.unit == 9).count() > 5,
            states,
        )
    })
    .await;
    gateway.stop().await;
}

/// A device that dialled in and was asked thirty times: its state, its line, and where it connected last.
async fn dialled(
    rtu: bool,
    beat: &'static [u8],
    around: fn(Vec<u8>, &[u8]) -> Vec<Vec<u8>>,
) -> (Value, Value) {
    let port = free_port();
    let device = Odd::dials(port, rtu, b"DTU", move |ask| {
        let said = around(ask.values(|_| 7), beat).into_iter();
        said.flat_map(|bytes| [Say(bytes), Rest(ms(15))]).collect()
    });
    let scheme = if rtu { "rtu+listen" } else { "listen" };
    let beat: String = beat.iter().map(|b| format!("{b:02X}")).collect();
    let keys = format!("registration = \"DTU\"\nheartbeat_packet = \"hex:{beat}\"");
    let address = format!("{scheme}://127.0.0.1:{}", device.port);
    let mut gateway = start(&settings(&address, &keys, &[1]), &profile("", ONE));
    shows(&gateway, &[("a", Some(7.0), "")]).await;
    let state = polled(&gateway, 30).await;
    let path = path(&gateway).await;
    gateway.stop().await;
    (state, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_of_a_device_that_dials_in_neither_break_its_line_nor_count_as_stray_bytes() {
    let everywhere = |answer: Vec<u8>, beat: &[u8]| {
        let (head, tail) = beat.split_at(beat.len() / 2);
        vec![[beat, &answer, beat, head].concat(), tail.to_vec(), [beat, beat].concat()]
    };
    for (rtu, beat) in [(false, &b"www.usr.cn"[..]), (false, b"\xFE"), (true, b"www.usr.cn"), (true, b"\xFE")]
    {
        let (state, path) = dialled(rtu, beat, everywhere).await;
        assert_eq!((&path["connects"], &path["junk_bytes"]), (&1.into(), &0.into()), "{rtu} {beat:?} {path}");
        assert_eq!(state["failures"], 0, "{rtu} {beat:?} {state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_begins_like_the_heartbeat_is_read_all_the_same() {
    let (state, path) =
        dialled(true, b"\x01", |answer, beat| vec![[beat, &answer].concat(), beat.to_vec()]).await;
    assert_eq!((&path["connects"], &state["failures"]), (&1.into(), &0.into()), "{path} {state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_talks_without_end_is_hung_up_on_and_costs_the_others_nothing() {
    let flood = Odd::tcp(|ask| {
        let answers = ask.values(|_| 9).repeat(4000);
        (0..200).map(|_| Say(answers.clone())).collect()
    })
    .await;
    let healthy = Odd::tcp(|ask| vec![Say(ask.values(|_| 7))]).await;
    let other = settings(&tcp(&healthy), "", &[2]).replace("\"line\"", "\"other\"");
    let other = &other[other.find("[[source").expect("a source")..];
    let mut gateway = start(&(settings(&tcp(&flood), "", &[1]) + other), &profile("", ONE));
    eventually("it is told", async || {
        let path = path(&gateway).await;
        unless(path["last_error"].as_str().is_some_and(|e| e.contains("nothing but")), path)
    })
    .await;
    eventually("the other one is read", async || {
        let sources = gateway.get("/api/v1/overview").await["path"]["sources"].clone();
        unless(sources[1]["devices"][0]["polls"].as_u64() >= Some(20), sources)
    })
    .await;
    let other = gateway.get("/api/v1/overview").await["path"]["sources"][1]["devices"][0].clone();
    gateway.stop().await;
    assert_eq!(other["failures"], 0, "{other}");
}
