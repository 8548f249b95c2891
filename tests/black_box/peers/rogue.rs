//! A Modbus TCP server that does wrong on purpose, by unit id. Register N of unit U holds
//! `U × 1000 + N`, so that a value taken from another unit or address is seen at once.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct Rogue {
    pub port: u16,
}

/// Does everything right.
pub const GOOD: u8 = 1;
/// Answers long after the timeout.
pub const LATE: u8 = 2;
/// Answers in the name of [`GOOD`], with its values.
pub const OTHER_UNIT: u8 = 3;
/// Closes in the middle of the answer.
pub const CUT: u8 = 4;
/// Never answers.
pub const SILENT: u8 = 5;
/// Answers with another transaction id.
pub const OTHER_TRANSACTION: u8 = 6;
/// Right, but a byte at a time.
pub const DRIP: u8 = 7;
/// One register too few.
pub const SHORT: u8 = 8;
/// Another function's answer.
pub const OTHER_FUNCTION: u8 = 9;
/// One register too many.
pub const LONG: u8 = 10;
/// Three bytes of noise before the answer.
pub const NOISE: u8 = 11;
/// Refuses every range with register 5 in it.
pub const HOLE: u8 = 12;
/// Answers after a request that nobody made, then the right one.
pub const EXTRA: u8 = 13;
/// 40 + code: answers with that exception.
pub const EXCEPTION: u8 = 40;

/// The value register `address` of `unit` holds.
pub fn value(unit: u8, address: u16) -> u16 {
    u16::from(unit) * 1000 + address
}

impl Rogue {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The other side going away is what most of the tests are about.
                tokio::spawn(async move {
                    let _ = serve(stream).await;
                });
            }
        });
        Self { port }
    }
}

fn frame(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut frame = transaction.to_be_bytes().to_vec();
    frame.extend([0, 0]);
    frame.extend((pdu.len() as u16 + 1).to_be_bytes());
    frame.push(unit);
    frame.extend(pdu);
    frame
}

fn registers(function: u8, unit: u8, from: u16, count: u16) -> Vec<u8> {
    let mut pdu = vec![function, (count * 2) as u8];
    for address in from..from + count {
        pdu.extend(value(unit, address).to_be_bytes());
    }
    pdu
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut ask = [0u8; 12];
        stream.read_exact(&mut ask).await?;
        let transaction = u16::from_be_bytes([ask[0], ask[1]]);
        let (unit, function) = (ask[6], ask[7]);
        let from = u16::from_be_bytes([ask[8], ask[9]]);
        let count = u16::from_be_bytes([ask[10], ask[11]]);
        let right = frame(transaction, unit, &registers(function, unit, from, count));
        match unit {
            LATE => {
                tokio::time::sleep(Duration::from_millis(400)).await;
                stream.write_all(&right).await?;
            }
            OTHER_UNIT => {
                stream.write_all(&frame(transaction, GOOD, &registers(function, GOOD, from, count))).await?;
            }
            CUT => {
                stream.write_all(&right[..right.len() / 2]).await?;
                return Ok(());
            }
            SILENT => {}
            OTHER_TRANSACTION => {
                let other = frame(transaction.wrapping_add(1), unit, &registers(function, GOOD, from, count));
                stream.write_all(&other).await?;
            }
            DRIP => {
                for byte in right {
                    stream.write_all(&[byte]).await?;
                    tokio::task::yield_now().await;
                }
            }
            SHORT => {
                stream
                    .write_all(&frame(transaction, unit, &registers(function, unit, from, count - 1)))
                    .await?;
            }
            OTHER_FUNCTION => {
                stream.write_all(&frame(transaction, unit, &registers(4, GOOD, from, count))).await?;
            }
            LONG => {
                stream
                    .write_all(&frame(transaction, unit, &registers(function, unit, from, count + 1)))
                    .await?;
            }
            NOISE => {
                stream.write_all(&[&[0xFF, 0x00, 0x55][..], &right].concat()).await?;
            }
            HOLE if (from..from + count).contains(&5) => {
                stream.write_all(&frame(transaction, unit, &[function | 0x80, 2])).await?;
            }
            EXTRA => {
                let stray = frame(transaction.wrapping_sub(1), GOOD, &registers(function, GOOD, from, count));
                stream.write_all(&[stray, right].concat()).await?;
            }
            code if code > EXCEPTION => {
                stream.write_all(&frame(transaction, unit, &[function | 0x80, code - EXCEPTION])).await?;
            }
            _ => stream.write_all(&right).await?,
        }
    }
}
