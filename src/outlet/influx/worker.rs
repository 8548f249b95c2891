//! The sending loop: read from the cursor, batch, compress, POST, and only then move the cursor.
//!
//! A batch goes out when it is full or its oldest reading old enough. An outage costs nothing but
//! the journal's disk budget: the batch is tried again with growing pauses for as long as it takes.
//! A refused batch is halved, by lines and then by fields, until what is bad stands alone; that
//! becomes dead letters with the server's words, and the rest goes on.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::{Compression, write::GzEncoder};
use reqwest::{Client, header};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::encode::{Encoder, Lines};
use super::refused::{self, Refused};
use crate::clock::wall_now;
use crate::outlet::delivery::{Backoff, Verdict, chain, client, is_page, retry_after, words};
use crate::outlet::{OutletStatus, Report};
use crate::plant::{Micros, TextTable};
use crate::settings::{InfluxApi, InfluxOutlet};
use crate::store::{DeadLetter, JournalReader, StoreError, unpack};

/// Most dead letters kept from one batch; beyond, the batch as a whole is what is wrong.
const DEAD_A_BATCH: usize = 1000;

/// Sends everything after the outlet's cursor until `stop` closes. `committed` carries the number
/// of the newest chunk and wakes the loop; progress goes to the keeper.
///
/// # Errors
/// Only what no retry mends: the journal cannot be read, or the HTTP client cannot be made.
pub async fn run(
    outlet: InfluxOutlet,
    site: String,
    (journal, texts): (JournalReader, TextTable),
    mut committed: watch::Receiver<i64>,
    reports: mpsc::Sender<Report>,
    status: OutletStatus,
) -> Result<(), RunError> {
    let (mut cursor, delivered) = journal.cursor(outlet.id.as_str())?;
    status.update(|s| {
        s.delivered = delivered;
        s.cursor = cursor;
    });
    let mut sender = Sender {
        client: client(outlet.timeout).map_err(|e| RunError::Client(chain(&e)))?,
        backoff: Backoff::new(outlet.retry),
        outlet: &outlet,
        status: &status,
        packed: Vec::new(),
        refused: Refused::default(),
    };
    let mut encoder = Encoder::new(&site, &journal.series()?, texts.clone());
    let mut lines = Lines::default();
    loop {
        let mut last = cursor;
        let mut taken = 0u64;
        let mut oldest: Option<Micros> = None;
        lines.clear();
        while (taken as usize) < outlet.batch_readings {
            let Some(chunk) = journal.next_after(last)? else { break };
            oldest.get_or_insert(chunk.committed);
            last = chunk.seq;
            taken += chunk.readings;
            let mut unknown = false;
            unpack(&chunk.body, |sample| {
                unknown |= !encoder.knows(&sample);
            })?;
            if unknown {
                encoder = Encoder::new(&site, &journal.series()?, texts.clone());
            }
            unpack(&chunk.body, |sample| encoder.encode(&sample, &mut lines))?;
        }
        let Some(oldest) = oldest else {
            if committed.changed().await.is_err() {
                return Ok(());
            }
            continue;
        };
        let age = Duration::from_micros(u64::try_from(wall_now().0 - oldest.0).unwrap_or(u64::MAX));
        let draining = committed.has_changed().is_err();
        if (taken as usize) < outlet.batch_readings && age < outlet.batch_age && !draining {
            // The wait is for company, not for this reading: whatever arrives meanwhile goes along.
            tokio::select! {
                () = tokio::time::sleep(outlet.batch_age - age) => {}
                closed = async { while committed.changed().await.is_ok() {} } => closed,
            }
            continue;
        }
        let whole = lines.readings();
        let dead = sender.send(&mut lines).await;
        cursor = last;
        // Whatever was set aside stands in `dead` as lines of single fields, or whole lines past the limit.
        let aside: usize = dead.iter().map(|d| d.what.lines().map(refused::fields).sum::<usize>()).sum();
        let delivered = whole.saturating_sub(aside as u64);
        status.update(|s| {
            s.delivered += delivered;
            s.dead_letters += dead.len() as u64;
            s.cursor = cursor;
        });
        let report =
            Report::Progress { outlet: outlet.id.to_string(), seq: cursor, readings: delivered, dead };
        if reports.send(report).await.is_err() {
            return Ok(());
        }
    }
}

/// What no retry mends.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP client cannot be made.
    #[error("HTTP client: {0}")]
    Client(String),
}

/// What goes into one request.
enum Piece {
    /// Lines `from..to` of the batch.
    Lines(usize, usize),
    /// Part of one line.
    Line(Vec<u8>),
}

impl Piece {
    /// Half of it each: by lines, then by the fields of one line.
    fn halves(&self, lines: &Lines) -> Option<(Self, Self)> {
        let line = match self {
            Self::Lines(from, to) if to - from > 1 => {
                let middle = from + (to - from) / 2;
                return Some((Self::Lines(*from, middle), Self::Lines(middle, *to)));
            }
            Self::Lines(from, to) => lines.slice(*from, *to),
            Self::Line(text) => text,
        };
        let (first, second) = refused::halves(line)?;
        Some((Self::Line(first), Self::Line(second)))
    }
}

struct Sender<'a> {
    client: Client,
    backoff: Backoff,
    outlet: &'a InfluxOutlet,
    status: &'a OutletStatus,
    packed: Vec<u8>,
    refused: Refused,
}

impl Sender<'_> {
    /// Sends all lines, however long it takes; gives the ones refused for good.
    async fn send(&mut self, lines: &mut Lines) -> Vec<DeadLetter> {
        let id = self.outlet.id.to_string();
        let letter = |what: String, status, reason| DeadLetter { outlet: id.clone(), what, status, reason };
        let aside = self.refused.set_aside(lines, Instant::now());
        let mut dead: Vec<_> = aside.into_iter().map(|a| letter(a.what, a.status, a.reason)).collect();
        let mut pieces = vec![Piece::Lines(0, lines.ends.len())];
        while let Some(piece) = pieces.pop() {
            let body = match &piece {
                Piece::Lines(from, to) if from == to => continue,
                Piece::Lines(from, to) => lines.slice(*from, *to),
                Piece::Line(text) => text,
            };
            let (verdict, code, said) = self.post(body).await;
            match verdict {
                Verdict::Done => {
                    if !self.status.get().ok {
                        info!(outlet = id, "database is back");
                    }
                    self.backoff.reset();
                    self.status.went_well();
                }
                Verdict::Split | Verdict::Refused => {
                    let halves = if dead.len() < DEAD_A_BATCH { piece.halves(lines) } else { None };
                    if let Some((first, second)) = halves {
                        pieces.push(second);
                        pieces.push(first);
                        continue;
                    }
                    let what = String::from_utf8_lossy(body).into_owned();
                    warn!(
                        outlet = id,
                        status = code,
                        "refused for good: {said}; set aside: {}",
                        what.trim_end()
                    );
                    self.refused.note(body, code, &said, Instant::now());
                    dead.push(letter(what, code, said));
                }
                Verdict::Retry(_) | Verdict::Hold => {
                    let mut pause = self.backoff.pause();
                    if let Verdict::Retry(Some(asked)) = verdict {
                        pause = pause.max(asked);
                    }
                    if self.status.get().ok {
                        warn!(outlet = id, status = code, "database away, readings are kept: {said}");
                    }
                    self.status.failed(&said, wall_now().plus(pause));
                    pieces.push(piece);
                    tokio::time::sleep(pause).await;
                }
            }
        }
        dead
    }

    async fn post(&mut self, body: &[u8]) -> (Verdict, u16, String) {
        let mut request = match &self.outlet.api {
            InfluxApi::V2 { org, bucket, token } => {
                let request = self
                    .client
                    .post(format!("{}/api/v2/write", self.outlet.url.trim_end_matches('/')))
                    .query(&[("org", org.as_str()), ("bucket", bucket.as_str()), ("precision", "us")]);
                match token {
                    Some(token) => request.header(header::AUTHORIZATION, format!("Token {}", token.expose())),
                    None => request,
                }
            }
            InfluxApi::V1 { database, login } => {
                let request = self
                    .client
                    .post(format!("{}/write", self.outlet.url.trim_end_matches('/')))
                    .query(&[("db", database.as_str()), ("precision", "u")]);
                match login {
                    Some((name, password)) => request.basic_auth(name, Some(password.expose())),
                    None => request,
                }
            }
        }
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8");
        if self.outlet.gzip {
            self.packed.clear();
            let mut gzip = GzEncoder::new(std::mem::take(&mut self.packed), Compression::fast());
            // Writing into memory does not fail.
            let _ = gzip.write_all(body);
            let packed = gzip.finish().unwrap_or_default();
            request = request.header(header::CONTENT_ENCODING, "gzip").body(packed);
        } else {
            request = request.body(body.to_vec());
        }
        match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                let verdict = Verdict::of(status, retry_after(&answer));
                let said = if verdict == Verdict::Done {
                    String::new()
                } else {
                    format!("{status}: {}", words(answer).await)
                };
                let proxy = verdict == Verdict::Refused && is_page(&said);
                (if proxy { Verdict::Hold } else { verdict }, status.as_u16(), said)
            }
            Err(error) => (Verdict::Retry(None), 0, chain(&error.without_url())),
        }
    }
}
