//! How fast a device may be asked: round trips, whether it needs a rest between two requests, and
//! whether it answers several that are in flight at once.

use std::time::Duration;

use serde::Serialize;

use super::super::frame::Ask;
use super::asker::Asker;
use crate::settings::Table;

/// Requests whose round trips are taken.
const ROUNDS: usize = 20;
/// Pauses that are tried when it stumbles without one.
const PAUSES_MS: [u64; 6] = [5, 10, 20, 50, 100, 200];
/// Requests in flight that are tried.
const WINDOWS: [usize; 4] = [2, 4, 8, 16];
/// Bursts of each.
const BURSTS: usize = 3;

/// Asked one after the other, without a rest in between.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pace {
    /// Half of the round trips took no longer.
    pub p50_us: u64,
    /// The longest.
    pub worst_us: u64,
    /// Requests asked back to back.
    pub asked: usize,
    /// Of these, answers that were late, garbled or an exception.
    pub failed: usize,
    /// The rest after which none failed; 0 if none is needed, `null` if none of those tried helped.
    pub pause_ms: Option<u64>,
}

/// Several requests in flight at once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pipelining {
    /// So many were all answered properly; 1 means that two were not.
    pub most: u8,
    /// How much faster than one after the other.
    pub speedup: f64,
    /// What went wrong with more.
    pub beyond: Option<String>,
}

/// A stretch that can be read, to try things on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground {
    pub(super) unit: u8,
    pub(super) table: Table,
    pub(super) address: u16,
    /// Registers or bits there, that one request was given.
    pub(super) count: u16,
    pub(super) grain: u16,
    /// Registers of four bytes each.
    pub(super) four_byte: bool,
}

impl Ground {
    /// The n-th of questions whose answers differ in length, as far as there is room: one that is taken
    /// for another is seen.
    fn ask(&self, n: usize) -> Ask {
        let step = if self.table.is_bits() { 8 } else { self.grain };
        let kinds = (self.count / step).clamp(1, 17);
        let count = (step * (1 + n as u16 % kinds)).min(self.count);
        Ask::Read { table: self.table, address: self.address, count, four_byte: self.four_byte }
    }
}

pub(super) async fn pace(asker: &mut Asker, ground: Ground) -> Pace {
    let (mut took, failed) = row(asker, ground, ROUNDS).await;
    took.sort_unstable();
    let micros = |d: Option<&Duration>| d.map_or(0, |d| d.as_micros() as u64);
    let mut pause_ms = (failed == 0).then_some(0);
    if failed > 0 {
        for ms in PAUSES_MS {
            asker.pause = Duration::from_millis(ms);
            if row(asker, ground, ROUNDS / 2).await.1 == 0 {
                pause_ms = Some(ms);
                break;
            }
        }
        if pause_ms.is_none() {
            asker.pause = Duration::ZERO;
        }
    }
    Pace {
        p50_us: micros(took.get(took.len() / 2)),
        worst_us: micros(took.last()),
        asked: ROUNDS,
        failed,
        pause_ms,
    }
}

async fn row(asker: &mut Asker, ground: Ground, rounds: usize) -> (Vec<Duration>, usize) {
    let mut took = Vec::with_capacity(rounds);
    for n in 0..rounds {
        if let Ok(heard) = asker.ask(ground.unit, ground.ask(n % 2)).await {
            took.push(heard.took);
        }
    }
    let failed = rounds - took.len();
    (took, failed)
}

pub(super) async fn pipelining(asker: &mut Asker, ground: Ground) -> Pipelining {
    let mut best = Pipelining { most: 1, speedup: 1.0, beyond: None };
    let one_by_one = {
        let began = tokio::time::Instant::now();
        for n in 0..WINDOWS[3] {
            let _ = asker.ask(ground.unit, ground.ask(n)).await;
        }
        began.elapsed() / WINDOWS[3] as u32
    };
    for window in WINDOWS {
        let asks: Vec<Ask> = (0..window).map(|n| ground.ask(n)).collect();
        let mut spent = Duration::ZERO;
        for _ in 0..BURSTS {
            let (answers, elapsed) = asker.burst(ground.unit, &asks).await;
            spent += elapsed;
            if let Some(error) = answers.iter().find_map(|a| a.as_ref().err()) {
                let good = answers.iter().filter(|a| a.is_ok()).count();
                best.beyond = Some(format!("of {window} in flight {good} were answered: {error}"));
                // What is still under way must not reach the next questions.
                asker.renew();
                return best;
            }
        }
        let each = spent / (window * BURSTS) as u32;
        best.most = window as u8;
        best.speedup = one_by_one.as_secs_f64() / each.as_secs_f64().max(1e-9);
        best.speedup = (best.speedup * 10.0).round() / 10.0;
    }
    best
}
