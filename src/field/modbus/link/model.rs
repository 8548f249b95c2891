//! A line of a model: answers that come in time, late, twice, cut off, spoilt, in another's name, or not at all,
//! and overtake each other. Each value tells the request that it answers; none may be taken for another's.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Mutex;

use super::tests::source;
use super::{Ask, Link, Sending, Trace};
use crate::field::modbus::wire::Wire;
use crate::settings::{ModbusSource, Table, Transport};

const TIMEOUT: Duration = Duration::from_millis(100);
/// An answer is never later than so many milliseconds; the link reckons with two seconds.
const MOST_LATE: u64 = 1000;
/// A second copy is never later than so many behind the first; the link reckons with half a second.
const MOST_GAP: u64 = 150;

/// What the device does with a request.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Right,
    Late(u64),
    /// The second copy comes so long behind the first.
    Twice(u64),
    LateAndTwice(u64, u64),
    Cut,
    Spoilt,
    InAnothersName,
    Exception,
    Short,
    /// Another master's answer, of twice as many registers, and the right one so long after.
    LongAndLate(u64),
    /// Another master's answer, of half as many registers, and the right one so long after.
    ShortAndLate(u64),
    Silence,
}

impl Deed {
    /// Right in four of ten, else any of the others.
    fn any(dice: &mut fastrand::Rng, tcp: bool) -> Self {
        let gap = dice.u64(..MOST_GAP);
        match dice.u8(..22) {
            0..=3 => Self::Late(dice.u64(..MOST_LATE)),
            4..=6 => Self::Twice(gap),
            7 => Self::LateAndTwice(dice.u64(..MOST_LATE), gap),
            8 => Self::Cut,
            9 => Self::Spoilt,
            10 => Self::InAnothersName,
            11 => Self::Exception,
            12 => Self::Short,
            13 => Self::Silence,
            // Other masters speak on RTU.
            14 if !tcp => Self::LongAndLate(dice.u64(..MOST_LATE)),
            15 if !tcp => Self::ShortAndLate(dice.u64(..MOST_LATE)),
            _ => Self::Right,
        }
    }
}

fn link(tcp: bool) -> Link {
    let (host, port) = ("127.0.0.1".to_owned(), 1);
    let transport =
        if tcp { Transport::Tcp { host, port } } else { Transport::RtuTcp { host, port, ascii: false } };
    let source = ModbusSource { timeout: TIMEOUT, ..source(transport) };
    Link::new(&source, Trace::default(), None)
}

/// The values of the answer to the request with this number.
fn values(number: u16, count: u16) -> Vec<u8> {
    (0..count).flat_map(|n| (number * 64 + n).to_be_bytes()).collect()
}

fn framed(tcp: bool, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let body = [&[unit], pdu].concat();
    if tcp {
        // Always the same transaction id.
        return [&[0, 0, 0, 0, 0, body.len() as u8], &body[..]].concat();
    }
    let crc = crate::field::modbus::frame::crc(&body).to_le_bytes();
    [&body[..], &crc].concat()
}

/// Answers the requests of one connection as the deeds say; all connections count on.
async fn device(stream: DuplexStream, tcp: bool, deeds: Arc<Mutex<(u16, Vec<Deed>)>>) {
    let (mut read, write) = tokio::io::split(stream);
    let write = Arc::new(Mutex::new(write));
    let mut ask = vec![0; if tcp { 12 } else { 8 }];
    while read.read_exact(&mut ask).await.is_ok() {
        let body = if tcp { &ask[6..] } else { &ask[..] };
        let (unit, count) = (body[0], u16::from_be_bytes([body[4], body[5]]));
        let (number, deed) = {
            let mut deeds = deeds.lock().await;
            deeds.0 += 1;
            (deeds.0 - 1, deeds.1.pop().unwrap_or(Deed::Right))
        };
        let of = |count: u16| [&[3, (count * 2) as u8], &values(number, count)[..]].concat();
        let right = framed(tcp, unit, &of(count));
        let mut spoilt = right.clone();
        if let Some(last) = spoilt.last_mut().filter(|_| !tcp) {
            *last ^= 0x5A;
        }
        let sends: Vec<(u64, Vec<u8>)> = match deed {
            Deed::Right => vec![(0, right)],
            Deed::Late(ms) => vec![(ms, right)],
            // In one segment.
            Deed::Twice(0) => vec![(0, [&right[..], &right].concat())],
            Deed::Twice(gap) => vec![(0, right.clone()), (gap, right)],
            Deed::LateAndTwice(ms, gap) => vec![(ms, right.clone()), (ms + gap, right)],
            Deed::Cut => vec![(0, right[..right.len() - 1].to_vec())],
            Deed::Spoilt => vec![(0, spoilt)],
            Deed::InAnothersName => vec![(0, framed(tcp, 3 - unit, &of(count)))],
            Deed::Exception => vec![(0, framed(tcp, unit, &[0x83, 4]))],
            Deed::Short => vec![(0, framed(tcp, unit, &of(count.div_ceil(2))))],
            Deed::LongAndLate(ms) => vec![(0, framed(tcp, unit, &of(count * 2))), (ms, right)],
            Deed::ShortAndLate(ms) => vec![(0, framed(tcp, unit, &of(count.div_ceil(2)))), (ms, right)],
            Deed::Silence => Vec::new(),
        };
        for (ms, bytes) in sends {
            let write = Arc::clone(&write);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                // The other side may have hung up.
                let _ = write.lock().await.write_all(&bytes).await;
            });
        }
    }
}

/// Asks as `bus` does: in another shape, or later, while an answer like this one is owed. Gives how many values
/// were right, or the first that was another request's.
async fn read(tcp: bool, script: Vec<(u8, u16, Deed)>, sure_of_doubles: bool) -> Result<usize, String> {
    let mut link = link(tcp);
    // The line has shown before that it doubles answers.
    let first = sure_of_doubles.then_some([(1, 1, Deed::Twice(0)), (1, 2, Deed::Right)]);
    let script: Vec<(u8, u16, Deed)> = first.into_iter().flatten().chain(script).collect();
    let deeds: Vec<Deed> = script.iter().rev().map(|s| s.2).collect();
    let deeds = Arc::new(Mutex::new((0u16, deeds)));
    let mut right = 0;
    for (unit, mut count, _) in script {
        let ask = loop {
            let ask = Ask::Read { table: Table::HoldingRegister, address: 7, count, four_byte: false };
            link.freshen();
            if !link.is_connected() {
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                tokio::spawn(device(theirs, tcp, Arc::clone(&deeds)));
                link.opened(Wire::of_test(ours));
            }
            match link.owed_until(unit, &ask) {
                None => break ask,
                Some(_) if count < 12 => count += 1,
                Some(until) => tokio::time::sleep_until(until).await,
            }
        };
        let number = deeds.lock().await.0;
        let pause = Duration::ZERO;
        link.send(Sending {
            tag: 0,
            unit,
            ask,
            crc_swapped: false,
            tolerant: true,
            any_transaction: tcp,
            pause,
        });
        let done = link.next().await;
        if done.outcome.is_ok() {
            if link.values() != values(number, count) {
                return Err(format!(
                    "request {number} of unit {unit}, {count} registers: {:?}",
                    link.values()
                ));
            }
            right += 1;
        }
    }
    Ok(right)
}

/// Many lines at the same time, each with its own luck.
async fn many(tcp: bool) {
    let lines = (0..60u64).map(|seed| {
        let mut dice = fastrand::Rng::with_seed(seed);
        let script = (0..30).map(|_| {
            let count = if dice.bool() { 5 } else { dice.u16(1..=6) };
            (dice.u8(1..=2), count, Deed::any(&mut dice, tcp))
        });
        let script: Vec<_> = script.collect();
        tokio::spawn(read(tcp, script, true))
    });
    let lines: Vec<_> = lines.collect();
    let (mut right, mut wrong) = (0, Vec::new());
    for line in lines {
        match line.await.expect("no panic") {
            Ok(good) => right += good,
            Err(mixed_up) => wrong.push(mixed_up),
        }
    }
    assert!(wrong.is_empty(), "{} lines: {wrong:?}", wrong.len());
    // Four of ten are right at once, and those that come twice.
    assert!(right > 60 * 30 / 3, "only {right} values were read");
}

#[tokio::test]
async fn no_value_on_rtu_is_another_requests() {
    many(false).await;
}

#[tokio::test]
async fn no_value_with_any_transaction_id_is_another_requests() {
    many(true).await;
}

#[tokio::test]
async fn a_line_that_answers_as_it_should_loses_nothing_and_is_asked_without_detours() {
    for tcp in [false, true] {
        let script = (0..50).map(|n| (1 + n % 2, 5, Deed::Right)).collect();
        assert_eq!(read(tcp, script, false).await, Ok(50));
    }
}

#[tokio::test]
async fn an_answer_that_is_held_back_over_others_is_not_taken_for_one_of_the_same_length() {
    // Asked and held back, another answered, and one whose answer is spoilt: then the first one comes.
    let script =
        vec![(1, 5, Deed::Late(170)), (1, 1, Deed::Right), (1, 5, Deed::Spoilt), (1, 5, Deed::Right)];
    assert_eq!(read(false, script, false).await, Ok(2));
}

#[tokio::test]
async fn behind_an_answer_of_twice_the_size_our_own_may_come_and_is_not_taken_for_the_next() {
    let script = vec![(1, 2, Deed::LongAndLate(170)), (1, 2, Deed::Silence), (1, 2, Deed::Right)];
    assert_eq!(read(false, script, false).await, Ok(1));
}

#[tokio::test]
async fn behind_an_answer_that_is_too_short_our_own_may_come_and_is_not_taken_for_the_next() {
    let script = vec![(1, 2, Deed::ShortAndLate(170)), (1, 2, Deed::Silence), (1, 2, Deed::Right)];
    assert_eq!(read(false, script, false).await, Ok(1));
}

#[tokio::test]
async fn a_second_copy_in_one_segment_is_dropped_and_the_next_request_has_its_own_answer() {
    for tcp in [false, true] {
        let script = (0..20).map(|_| (1, 5, Deed::Twice(0))).collect();
        assert_eq!(read(tcp, script, false).await, Ok(20));
    }
}
