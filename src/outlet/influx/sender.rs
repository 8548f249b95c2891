//! One batch on its way: sent, repeated, taken apart.
//!
//! What is refused is halved, by lines and then by fields, until what is bad stands alone. So is what fails
//! again and again while the server answers: a batch that a database breaks over must not block the rest. A
//! field that stands alone is only under suspicion; it becomes a dead letter when it is refused once more
//! between two other readings that the server takes. As long as it takes nothing at all, the server is what is wrong: nothing is set
//! aside, the state is `refuses` or `away` with the server's words, and the batch is kept and tried again.

use std::collections::HashSet;
use std::io::Write;
use std::time::Instant;

use flate2::{Compression, write::GzEncoder};
use reqwest::{Client, header};
use tracing::{info, warn};

use super::encode::Lines;
use super::refused::{self, Refused};
use super::remedy::remedy;
use crate::clock::wall_now;
use crate::outlet::OutletStatus;
use crate::outlet::delivery::{Verdict, chain, client, retry_after, words};
use crate::parts::Backoff;
use crate::settings::{InfluxApi, InfluxOutlet};
use crate::store::DeadLetter;

/// So often the same may fail before it is suspected that it is what the server breaks over.
const REPEATS: u32 = 3;
/// So many suspects without anything taken after them: then it is asked whether anything is taken at all.
const SUSPECTS: usize = 8;
/// So many readings of other points are offered for that.
const OFFERED: usize = 16;

/// What goes into one request.
enum Piece {
    /// Lines `from..to` of the batch.
    Lines(usize, usize),
    /// Part of one line.
    Line(Vec<u8>),
}

impl Piece {
    fn body<'a>(&'a self, lines: &'a Lines) -> &'a [u8] {
        match self {
            Self::Lines(from, to) => lines.slice(*from, *to),
            Self::Line(text) => text,
        }
    }

    /// Half of it each: by lines, then by the fields of one line.
    fn halves(&self, lines: &Lines) -> Option<(Self, Self)> {
        match self {
            Self::Lines(from, to) if to - from > 1 => {
                let middle = from + (to - from) / 2;
                Some((Self::Lines(*from, middle), Self::Lines(middle, *to)))
            }
            _ => {
                let (first, second) = refused::halves(self.body(lines))?;
                Some((Self::Line(first), Self::Line(second)))
            }
        }
    }
}

/// What came of one request.
struct Answer {
    verdict: Verdict,
    /// HTTP status; 0 if there was none.
    code: u16,
    said: String,
    /// Not even a connection.
    nobody: bool,
}

/// A single field that was not taken.
struct Suspect {
    body: Vec<u8>,
    code: u16,
    said: String,
    /// Refused in so many words; else it only failed.
    sure: bool,
}

/// A batch under way.
struct Work {
    /// The next one last.
    pieces: Vec<Piece>,
    /// Since something was taken last.
    suspects: Vec<Suspect>,
    dead: Vec<DeadLetter>,
    /// Failures in a row.
    strikes: u32,
    /// What fails is taken apart like what is refused.
    doubted: bool,
}

/// What is still to be sent of a batch, as lines of their own.
fn rest(work: &Work, lines: &Lines) -> Lines {
    let mut rest = Lines::default();
    for piece in work.pieces.iter().rev() {
        for line in piece.body(lines).split_inclusive(|b| *b == b'\n') {
            rest.text.extend_from_slice(line);
            rest.ends.push((rest.text.len(), refused::fields(&String::from_utf8_lossy(line)) as u32));
        }
    }
    rest
}

/// Sends batches to one database.
pub(super) struct Sender<'a> {
    client: Client,
    backoff: Backoff,
    outlet: &'a InfluxOutlet,
    status: &'a OutletStatus,
    packed: Vec<u8>,
    refused: Refused,
    /// A reading that the server took.
    taken: Option<Vec<u8>>,
    /// Where the next search for something that is taken begins.
    turn: usize,
}

impl<'a> Sender<'a> {
    /// For `outlet`.
    ///
    /// # Errors
    /// In words: the HTTP client cannot be made.
    pub(super) fn new(outlet: &'a InfluxOutlet, status: &'a OutletStatus) -> Result<Self, String> {
        Ok(Self {
            client: client(outlet.timeout)?,
            backoff: Backoff::new(outlet.retry),
            outlet,
            status,
            packed: Vec::new(),
            refused: Refused::default(),
            taken: None,
            turn: 0,
        })
    }

    /// Sends all lines, however long it takes; gives the ones refused for good. `None`: the server answers and
    /// takes nothing; a pause was made, and nothing of the batch is settled.
    pub(super) async fn send(&mut self, lines: &mut Lines) -> Option<Vec<DeadLetter>> {
        let mut work =
            Work { pieces: Vec::new(), suspects: Vec::new(), dead: Vec::new(), strikes: 0, doubted: false };
        self.set_aside(lines, &mut work);
        loop {
            let Some(piece) = work.pieces.pop() else {
                if work.suspects.is_empty() {
                    return Some(work.dead);
                }
                self.settle(lines, &mut work, false).await?;
                continue;
            };
            let body = piece.body(lines);
            if body.is_empty() {
                continue;
            }
            let answer = self.post(body).await;
            match &answer.verdict {
                Verdict::Done => {
                    self.was_taken(body);
                    work.strikes = 0;
                    if !work.suspects.is_empty() {
                        self.settle(lines, &mut work, true).await?;
                    }
                }
                Verdict::Split | Verdict::Refused => {
                    self.take_apart(piece, &answer, lines, &mut work).await?;
                }
                Verdict::Retry(_) | Verdict::Hold if work.doubted && !answer.nobody => {
                    self.take_apart(piece, &answer, lines, &mut work).await?;
                }
                Verdict::Retry(_) | Verdict::Hold => {
                    work.strikes += 1;
                    let again = work.strikes.is_multiple_of(REPEATS) && !answer.nobody;
                    let held = answer.verdict == Verdict::Hold;
                    // A wrong token is not tried out sixteen times: one offer tells whether it is this batch.
                    let doubted = again && (!held || self.takes_anything(lines, 1).await.is_ok());
                    if doubted {
                        work.doubted = true;
                        self.take_apart(piece, &answer, lines, &mut work).await?;
                    } else {
                        work.pieces.push(piece);
                        self.pause(&answer).await;
                    }
                }
            }
        }
    }

    /// Takes the fields that are known to be refused out of `lines`, which then are all there is to send.
    fn set_aside(&mut self, lines: &mut Lines, work: &mut Work) {
        for aside in self.refused.set_aside(lines, Instant::now()) {
            work.dead.push(self.letter(aside.what, aside.status, aside.reason));
        }
        work.pieces = vec![Piece::Lines(0, lines.ends.len())];
    }

    fn letter(&self, what: String, status: u16, reason: String) -> DeadLetter {
        DeadLetter { outlet: self.outlet.id.to_string(), what, status, reason }
    }

    fn was_taken(&mut self, body: &[u8]) {
        if !self.status.get().ok {
            info!(outlet = self.outlet.id.as_str(), "database is back");
        }
        self.backoff.reset();
        self.status.went_well();
        let first = body.split_inclusive(|b| *b == b'\n').next().unwrap_or_default();
        self.taken = refused::singles(first).into_iter().next().map(|(_, line)| line);
    }

    /// Halves what was not taken; what cannot be halved is under suspicion. `None` as in [`Self::send`].
    async fn take_apart(
        &mut self,
        piece: Piece,
        answer: &Answer,
        lines: &mut Lines,
        work: &mut Work,
    ) -> Option<()> {
        if let Some((first, second)) = piece.halves(lines) {
            work.pieces.push(second);
            work.pieces.push(first);
            return Some(());
        }
        work.suspects.push(Suspect {
            body: piece.body(lines).to_vec(),
            code: answer.code,
            said: answer.said.clone(),
            sure: matches!(answer.verdict, Verdict::Refused | Verdict::Split),
        });
        if work.suspects.len() < SUSPECTS {
            return Some(());
        }
        self.settle(lines, work, false).await
    }

    /// Decides about the suspects: one that is not taken between two other readings that are is a dead letter.
    /// `proved`: the server has taken something just now. What was learnt of a field's type, or of how old a
    /// reading may be, is used at once on what is left of the batch. `None` as in [`Self::send`].
    async fn settle(&mut self, lines: &mut Lines, work: &mut Work, proved: bool) -> Option<()> {
        let suspects = std::mem::take(&mut work.suspects);
        let convicted = match self.convict(suspects, lines, proved).await {
            Ok(convicted) => convicted,
            Err(answer) => {
                self.pause(&answer).await;
                return None;
            }
        };
        let mut learnt = false;
        let mut too_old: Option<(i64, u16, String)> = None;
        for suspect in convicted {
            let what = String::from_utf8_lossy(&suspect.body).into_owned();
            let (id, code, said) = (self.outlet.id.as_str(), suspect.code, suspect.said);
            warn!(outlet = id, status = code, "refused for good: {said}; set aside: {}", what.trim_end());
            learnt |= self.refused.note(&suspect.body, code, &said, Instant::now());
            if let Some(at) = refused::too_old(&suspect.body, &said)
                && too_old.as_ref().is_none_or(|known| known.0 < at)
            {
                too_old = Some((at, code, said.clone()));
            }
            work.dead.push(self.letter(what, code, said));
        }
        if learnt || too_old.is_some() {
            *lines = rest(work, lines);
            if let Some((at, code, said)) = too_old {
                let what = refused::take_older(lines, at);
                work.dead.extend((!what.is_empty()).then(|| self.letter(what, code, said)));
            }
            self.set_aside(lines, work);
        }
        Some(())
    }

    /// Those of `suspects` that the server does not take while it takes others. The error is an answer of a
    /// server that takes nothing.
    async fn convict(
        &mut self,
        suspects: Vec<Suspect>,
        lines: &Lines,
        proved: bool,
    ) -> Result<Vec<Suspect>, Answer> {
        let words = suspects.last().map(|s| (s.code, s.said.clone(), s.sure));
        let as_said = |answer: Answer| match words.clone() {
            // Its words about what it was sent tell more than the last ones about single readings.
            Some((code, said, sure)) if !answer.nobody => Answer {
                verdict: if sure { Verdict::Hold } else { Verdict::Retry(None) },
                code,
                said,
                nobody: false,
            },
            _ => answer,
        };
        if !proved {
            self.takes_anything(lines, OFFERED).await.map_err(as_said)?;
        }
        let mut convicted = Vec::new();
        for suspect in suspects {
            convicted.extend(self.try_again(suspect, lines).await.map_err(as_said)?);
        }
        if !convicted.is_empty() {
            // It may have gone bad meanwhile.
            self.takes_anything(lines, OFFERED).await.map_err(as_said)?;
        }
        Ok(convicted)
    }

    /// Once more, now that others are taken: what was wrong may have been the server. What only fails, without
    /// being refused in so many words, gets more chances.
    async fn try_again(&mut self, mut suspect: Suspect, lines: &Lines) -> Result<Option<Suspect>, Answer> {
        for round in 0..REPEATS {
            if round > 0 {
                tokio::time::sleep(self.backoff.pause()).await;
                self.takes_anything(lines, OFFERED).await?;
            }
            let answer = self.post(&suspect.body).await;
            if answer.verdict == Verdict::Done {
                self.was_taken(&suspect.body);
                return Ok(None);
            }
            suspect.sure = matches!(answer.verdict, Verdict::Refused | Verdict::Split);
            (suspect.code, suspect.said) = (answer.code, answer.said);
            if suspect.sure {
                break;
            }
        }
        Ok(Some(suspect))
    }

    /// Offers single readings until one is taken: the one that was taken last, then the newest of up to `most`
    /// points of the batch. The error is the last answer.
    async fn takes_anything(&mut self, lines: &Lines, most: usize) -> Result<(), Answer> {
        let mut offers: Vec<Vec<u8>> = self.taken.clone().into_iter().collect();
        let mut known = HashSet::new();
        let mut newest = Vec::new();
        for number in (0..lines.ends.len()).rev().take(10_000) {
            for (name, line) in refused::singles(lines.slice(number, number + 1)) {
                if known.insert(name) {
                    newest.push(line);
                }
            }
        }
        if !newest.is_empty() {
            let turn = self.turn % newest.len();
            newest.rotate_left(turn);
            self.turn = self.turn.wrapping_add(most);
        }
        offers.extend(newest);
        offers.truncate(most);
        let mut last = Answer {
            verdict: Verdict::Retry(None),
            code: 0,
            said: "nothing to offer".to_owned(),
            nobody: true,
        };
        for offer in offers {
            last = self.post(&offer).await;
            match last.verdict {
                Verdict::Done => {
                    self.was_taken(&offer);
                    return Ok(());
                }
                _ if last.nobody => break,
                _ => {}
            }
        }
        Err(last)
    }

    /// Says how it stands, and waits.
    async fn pause(&mut self, answer: &Answer) {
        let mut pause = self.backoff.pause();
        if let Verdict::Retry(Some(asked)) = answer.verdict {
            pause = pause.max(asked);
        }
        let (id, code) = (self.outlet.id.as_str(), answer.code);
        let retry_at = wall_now().plus(pause);
        if matches!(answer.verdict, Verdict::Retry(_)) {
            if self.status.failed("away", &answer.said, retry_at) {
                warn!(outlet = id, status = code, "database away, readings are kept: {}", answer.said);
            }
        } else {
            let what = format!("{}; {}", answer.said, remedy(code, &answer.said, &self.outlet.api));
            if self.status.failed("refuses", &what, retry_at) {
                warn!(outlet = id, status = code, "database refuses what is sent, readings are kept: {what}");
            }
        }
        tokio::time::sleep(pause).await;
    }

    async fn post(&mut self, body: &[u8]) -> Answer {
        let url = self.outlet.url.trim_end_matches('/');
        let mut request = match &self.outlet.api {
            InfluxApi::V2 { org, bucket, token } => {
                let request = self.client.post(format!("{url}/api/v2/write")).query(&[
                    ("org", org.as_str()),
                    ("bucket", bucket.as_str()),
                    ("precision", "us"),
                ]);
                match token {
                    Some(token) => request.header(header::AUTHORIZATION, format!("Token {}", token.expose())),
                    None => request,
                }
            }
            InfluxApi::V1 { database, login } => {
                let request = self
                    .client
                    .post(format!("{url}/write"))
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
                let (status, wait) = (answer.status(), retry_after(&answer));
                let said = words(answer).await;
                let verdict = Verdict::of_write(status.as_u16(), &said, wait);
                Answer { verdict, code: status.as_u16(), said: format!("{status}: {said}"), nobody: false }
            }
            Err(error) => Answer {
                verdict: Verdict::Retry(None),
                code: 0,
                nobody: error.is_connect(),
                said: chain(&error.without_url()),
            },
        }
    }
}
