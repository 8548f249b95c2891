//! A Modbus server that does right most of the time and wrong at random, in MBAP or RTU frames.
//!
//! Every value says where it comes from: source, unit, address, and the number of the request that
//! was answered. With the log of when each request came, a value that was stored for another request
//! than the one it answers is seen, however plausible it looks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::net::tcp::OwnedWriteHalf;

use super::frames::framed;
use super::now_us;

/// One request in so many is answered wrong.
const ONE_IN: u64 = 5;

/// The requests to each unit's block: when they came, in microseconds since 1970, and their first and
/// last address.
pub type Log = Arc<Mutex<HashMap<(u64, u8, u16), Vec<(i64, u16, u16)>>>>;

pub struct Chaos {
    pub port: u16,
}

/// The value at `address`, answering request `count` of its block.
pub fn value(source: u64, unit: u8, address: u16, count: usize) -> f64 {
    (((source * 256 + u64::from(unit)) * 1024 + u64::from(address)) * 65536 + count as u64) as f64
}

/// Source, unit, address and request that a value names.
pub fn origin(value: f64) -> (u64, u8, u16, usize) {
    let n = value as u64;
    (n >> 34, (n >> 26) as u8, (n >> 16 & 0x3FF) as u16, (n & 0xFFFF) as usize)
}

/// Which block an address is in: each is asked for as a whole.
pub fn block(address: u16) -> u16 {
    address / 100
}

impl Chaos {
    pub async fn start(source: u64, rtu: bool, log: Log) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            let mut seed = 0x9E37_79B9_7F4A_7C15 ^ source;
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (mut read, write) = stream.into_split();
                let write = Arc::new(tokio::sync::Mutex::new(write));
                let log = Arc::clone(&log);
                seed = next(seed);
                let mut dice = seed;
                tokio::spawn(async move {
                    let mut ask = [0u8; 12];
                    let length = if rtu { 8 } else { 12 };
                    while read.read_exact(&mut ask[..length]).await.is_ok() {
                        dice = next(dice);
                        let answer = Answer::to(source, rtu, &ask[..length], &log);
                        // Devices on a line do one thing after the other; on TCP a late answer may be overtaken.
                        let sent = if rtu {
                            answer.send(dice, &write).await
                        } else if dice.is_multiple_of(ONE_IN * 11) {
                            let (write, dice) = (Arc::clone(&write), dice);
                            tokio::spawn(async move { answer.send(dice, &write).await });
                            true
                        } else {
                            answer.send(dice, &write).await
                        };
                        if !sent {
                            return;
                        }
                    }
                });
            }
        });
        Self { port }
    }
}

/// xorshift64
fn next(mut n: u64) -> u64 {
    n ^= n << 13;
    n ^= n >> 7;
    n ^ n << 17
}

struct Answer {
    rtu: bool,
    transaction: u16,
    unit: u8,
    function: u8,
    values: Vec<u8>,
}

impl Answer {
    fn to(source: u64, rtu: bool, ask: &[u8], log: &Log) -> Self {
        let body = if rtu { ask } else { &ask[6..] };
        let (unit, function) = (body[0], body[1]);
        let from = u16::from_be_bytes([body[2], body[3]]);
        let count = u16::from_be_bytes([body[4], body[5]]);
        let request = {
            let mut log = log.lock().expect("no panic while held");
            let times = log.entry((source, unit, block(from))).or_default();
            times.push((now_us(), from, from + count - 1));
            times.len() - 1
        };
        // Four registers a value, at multiples of four.
        let mut values = Vec::new();
        for address in from..from + count {
            let whole = value(source, unit, address / 4 * 4, request).to_be_bytes();
            let word = usize::from(address % 4) * 2;
            values.extend(&whole[word..word + 2]);
        }
        let transaction = if rtu { 0 } else { u16::from_be_bytes([ask[0], ask[1]]) };
        Self { rtu, transaction, unit, function, values }
    }

    fn frame(&self, transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
        framed((!self.rtu).then_some(transaction), unit, pdu)
    }

    fn right(&self) -> Vec<u8> {
        let pdu = [&[self.function, self.values.len() as u8][..], &self.values].concat();
        self.frame(self.transaction, self.unit, &pdu)
    }

    /// Sends what the dice say; false when the connection is to be closed.
    async fn send(&self, dice: u64, write: &tokio::sync::Mutex<OwnedWriteHalf>) -> bool {
        let kind = if dice.is_multiple_of(ONE_IN) { dice / ONE_IN % 11 } else { 99 };
        let more = dice >> 32;
        let right = self.right();
        let ms = |n| Duration::from_millis(n);
        let mut keep = true;
        let bytes = match kind {
            0 => {
                tokio::time::sleep(ms(60 + more % 300)).await;
                right
            }
            1 => {
                let pdu = [&[self.function, self.values.len() as u8][..], &self.values].concat();
                self.frame(self.transaction.wrapping_sub(1 + (more % 3) as u16), self.unit, &pdu)
            }
            2 => {
                let pdu = [&[self.function, self.values.len() as u8][..], &self.values].concat();
                // On RTU a late answer in a neighbour's name is the neighbour's: nothing in it tells otherwise.
                let other = if self.rtu { self.unit + 8 } else { self.unit % 4 + 1 };
                self.frame(self.transaction, other, &pdu)
            }
            3 => {
                // Cut off, and nothing behind it but the next answer.
                keep = more.is_multiple_of(2);
                right[..1 + (more as usize / 2) % (right.len() - 1)].to_vec()
            }
            4 => {
                let values = [&self.values[..], &[0xAB, 0xCD]].concat();
                let pdu = [&[self.function, values.len() as u8][..], &values].concat();
                self.frame(self.transaction, self.unit, &pdu)
            }
            5 => {
                let mut write = write.lock().await;
                for byte in right {
                    if write.write_all(&[byte]).await.is_err() {
                        return false;
                    }
                    tokio::task::yield_now().await;
                }
                return true;
            }
            6 => {
                let noise: Vec<u8> = (0..1 + more % 9).map(|n| (more >> n) as u8).collect();
                [noise, right].concat()
            }
            7 => {
                let code = [1u8, 2, 3, 4, 5, 6, 8, 10, 11][(more % 9) as usize];
                self.frame(self.transaction, self.unit, &[self.function | 0x80, code])
            }
            8 => {
                tokio::time::sleep(ms(15)).await;
                right
            }
            9 => Vec::new(),
            10 => return false,
            _ => right,
        };
        write.lock().await.write_all(&bytes).await.is_ok() && keep
    }
}
