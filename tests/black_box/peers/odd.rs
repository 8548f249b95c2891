//! A Modbus server with the habits a test gives it, in MBAP or RTU frames: for each request a rule says
//! what is sent, after which rests, and whether the connection stays. It notes what it was asked.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::frames::{crc, framed};

pub struct Odd {
    pub port: u16,
    asked: Arc<Mutex<Vec<Ask>>>,
}

/// One request, and the frames to answer it with.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    pub at: Instant,
    /// The how many-th connection it came over, from 1.
    pub connection: usize,
    pub unit: u8,
    pub function: u8,
    pub from: u16,
    pub count: u16,
    /// RTU: its CRC has the high byte first.
    pub swapped: bool,
    transaction: Option<u16>,
}

pub enum Act {
    Say(Vec<u8>),
    Rest(Duration),
    HangUp,
}

impl Ask {
    /// Whether it asks for `address` too.
    pub fn covers(&self, address: u16) -> bool {
        (self.from..self.from + self.count).contains(&address)
    }

    /// A frame of `unit` around any PDU.
    pub fn frame(&self, unit: u8, pdu: &[u8]) -> Vec<u8> {
        framed(self.transaction, unit, pdu)
    }

    /// The right answer: `register` tells what stands at an address.
    pub fn values(&self, register: impl Fn(u16) -> u16) -> Vec<u8> {
        self.values_of(self.unit, register)
    }

    /// The same in the name of another unit.
    pub fn values_of(&self, unit: u8, register: impl Fn(u16) -> u16) -> Vec<u8> {
        let bits = matches!(self.function, 1 | 2);
        let words = (self.from..self.from + self.count).map(register);
        let bytes: Vec<u8> = if bits {
            let words: Vec<u16> = words.collect();
            let byte =
                |eight: &[u16]| eight.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit != 0));
            words.chunks(8).map(byte).collect()
        } else {
            words.flat_map(u16::to_be_bytes).collect()
        };
        self.frame(unit, &[&[self.function, bytes.len() as u8][..], &bytes].concat())
    }

    pub fn exception(&self, code: u8) -> Vec<u8> {
        self.frame(self.unit, &[self.function | 0x80, code])
    }
}

impl Odd {
    pub async fn tcp(rule: impl FnMut(&Ask) -> Vec<Act> + Send + 'static) -> Self {
        Self::start(false, rule).await
    }

    /// RTU frames through a serial server.
    pub async fn rtu(rule: impl FnMut(&Ask) -> Vec<Act> + Send + 'static) -> Self {
        Self::start(true, rule).await
    }

    async fn start(rtu: bool, rule: impl FnMut(&Ask) -> Vec<Act> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (rule, log) = (Arc::new(Mutex::new(rule)), Arc::clone(&asked));
        tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((stream, _)) = listener.accept().await {
                connection += 1;
                let (rule, log) = (Arc::clone(&rule), Arc::clone(&log));
                tokio::spawn(async move {
                    // The other side going away is how it ends.
                    let _ = serve(stream, rtu, connection, &rule, &log).await;
                });
            }
        });
        Self { port, asked }
    }

    /// Dials in at `port`, says `greeting`, and is asked over that connection; lost, it dials again.
    pub fn dials(
        port: u16,
        rtu: bool,
        greeting: &'static [u8],
        rule: impl FnMut(&Ask) -> Vec<Act> + Send + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (rule, log) = (Mutex::new(rule), Arc::clone(&asked));
        tokio::spawn(async move {
            for connection in 1.. {
                if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await
                    && stream.write_all(greeting).await.is_ok()
                {
                    let _ = serve(stream, rtu, connection, &rule, &log).await;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Self { port, asked }
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Ask> {
        self.asked.lock().expect("no panic while held").clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    rtu: bool,
    connection: usize,
    rule: &Mutex<impl FnMut(&Ask) -> Vec<Act>>,
    log: &Mutex<Vec<Ask>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = [0u8; 12];
    let length = if rtu { 8 } else { 12 };
    loop {
        stream.read_exact(&mut bytes[..length]).await?;
        let body = if rtu { &bytes[..8] } else { &bytes[6..] };
        let word = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
        let ask = Ask {
            at: Instant::now(),
            connection,
            unit: body[0],
            function: body[1],
            from: word(2),
            count: word(4),
            swapped: rtu && word(6) == crc(&body[..6]),
            transaction: (!rtu).then(|| u16::from_be_bytes([bytes[0], bytes[1]])),
        };
        log.lock().expect("no panic while held").push(ask);
        let acts = rule.lock().expect("no panic while held")(&ask);
        for act in acts {
            match act {
                Act::Say(bytes) => stream.write_all(&bytes).await?,
                Act::Rest(long) => tokio::time::sleep(long).await,
                Act::HangUp => return Ok(()),
            }
        }
    }
}
