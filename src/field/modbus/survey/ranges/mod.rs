//! Which addresses of a table a device lets be read, found with few requests. Pure: whoever asks the
//! device is handed in.
//!
//! A readable stretch is followed in the largest blocks that are taken; its end is found by halving.
//! A block that is refused although its parts are not is told apart: either it is too long for the
//! device ([`Found::limit`]), or two areas meet there and no request may reach over the seam. Through a
//! hole single registers are tried in growing steps, an eighth of the way from its beginning, and at round
//! addresses; so what is short and far from everything can be missed, and nothing that is named
//! readable was not read.

use std::ops::Range;

use serde::Serialize;

/// Addresses end here.
const END: u32 = 65_536;
/// A step through a hole is this part of the way from its beginning.
const STRIDE_SHARE: u32 = 8;

/// What came of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Values.
    Readable,
    /// The device does not let these addresses be read together.
    Refused,
    /// No sense in asking on: the function is not known, the line is down.
    Stop,
}

/// Where to look, and how hard.
#[derive(Debug, Clone)]
pub struct Search {
    /// Stretches to look through, in order, each from an address to one past its last.
    pub windows: Vec<Range<u32>>,
    /// Most registers or bits in one request.
    pub most: u16,
    /// Least: 1, or 2 for a device that gives whole 32-bit values only.
    pub grain: u16,
    /// How far a readable stretch is followed beyond its window.
    pub follow: u32,
    /// In a hole these multiples are tried as well; 0 for none.
    pub grid: [u32; 2],
    /// Most requests.
    pub budget: u32,
}

/// Readable addresses, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Run {
    /// First address, from 0.
    pub from: u32,
    /// Last address.
    pub to: u32,
    /// It was not followed to its end.
    pub goes_on: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// In order; neighbours that touch may not be read in one request.
    pub runs: Vec<Run>,
    /// Most registers or bits that one request was given.
    pub largest: u16,
    /// The device takes no more than this in one request, seen where more was readable.
    pub limit: Option<u16>,
    /// Requests made.
    pub requests: u32,
    /// Every window was looked through.
    pub complete: bool,
}

/// Looks through the windows; `ask` gets an address and a count.
pub async fn find(search: &Search, ask: impl AsyncFnMut(u16, u16) -> Reply) -> Found {
    let grain = search.grain.max(1);
    let mut finder = Finder {
        search,
        ask,
        grain,
        cap: (search.most / grain * grain).max(grain),
        alone: 0,
        found: Found::default(),
    };
    finder.found.complete = finder.windows().await.is_some();
    let mut found = finder.found;
    if found.limit == Some(grain) {
        // What looked like seams was the limit.
        found.runs = merged(&found.runs);
    }
    found
}

fn merged(runs: &[Run]) -> Vec<Run> {
    let mut all: Vec<Run> = Vec::new();
    for run in runs {
        match all.last_mut() {
            Some(last) if last.to + 1 == run.from => (last.to, last.goes_on) = (run.to, run.goes_on),
            _ => all.push(*run),
        }
    }
    all
}

struct Finder<'a, F> {
    search: &'a Search,
    ask: F,
    grain: u16,
    /// Largest request tried.
    cap: u16,
    /// Stretches of one grain with a neighbour: twice in a row it is the limit, not a seam.
    alone: u8,
    found: Found,
}

// Every step gives `None` when it is over: the budget is spent, or the other side said stop.
impl<F: AsyncFnMut(u16, u16) -> Reply> Finder<'_, F> {
    async fn readable(&mut self, from: u32, count: u16) -> Option<bool> {
        if self.found.requests >= self.search.budget {
            return None;
        }
        let address = u16::try_from(from).ok()?;
        self.found.requests += 1;
        match (self.ask)(address, count).await {
            Reply::Readable => {
                self.found.largest = self.found.largest.max(count);
                Some(true)
            }
            Reply::Refused => Some(false),
            Reply::Stop => None,
        }
    }

    fn whole(&self, count: u32) -> u16 {
        let count = count.min(u32::from(self.cap)) as u16;
        count / self.grain * self.grain
    }

    async fn windows(&mut self) -> Option<()> {
        let mut done = 0;
        for window in &self.search.windows {
            let mut at = window.start.max(done);
            let end = window.end.min(END);
            while at < end {
                at = self.forward(at, end).await?;
                done = at;
                if at >= end {
                    break;
                }
                match self.across(at, end).await? {
                    Some(next) => at = next,
                    None => break,
                }
            }
        }
        Some(())
    }

    /// Follows what is readable from `from`; gives the first address that is not.
    async fn forward(&mut self, from: u32, window_end: u32) -> Option<u32> {
        let end = (window_end + self.search.follow).min(END);
        let (mut begin, mut at) = (from, from);
        // The last piece was cut short at this length: is that the end, a seam, or the limit?
        let mut short: Option<u16> = None;
        loop {
            let room = self.whole(end - at);
            if room == 0 {
                self.keep(begin, at, end < END);
                return Some(at.max(window_end));
            }
            let Some(piece) = self.longest(at, room, short.is_some()).await else {
                self.keep(begin, at, true);
                return None;
            };
            if piece == 0 {
                self.keep(begin, at, false);
                return Some(at);
            }
            if let Some(before) = short.take() {
                match self.is_limit(at, before, piece).await {
                    Some(true) => (self.found.limit, self.cap) = (Some(before), before),
                    Some(false) => {
                        self.keep(begin, at, false);
                        begin = at;
                    }
                    None => {
                        self.keep(begin, at, true);
                        return None;
                    }
                }
            }
            at += u32::from(piece);
            short = (piece < room && piece < self.cap).then_some(piece);
        }
    }

    /// `before` registers up to `at` and `piece` from there are readable, together they are refused.
    async fn is_limit(&mut self, at: u32, before: u16, piece: u16) -> Option<bool> {
        if piece > before {
            return Some(false);
        }
        if before == self.grain {
            self.alone += 1;
            return Some(self.alone > 1);
        }
        self.alone = 0;
        // As many, one further: reaches over the place where it was cut.
        self.readable(at - u32::from(before) + u32::from(self.grain), before).await
    }

    /// The most that can be read from `at`, up to `room`.
    async fn longest(&mut self, at: u32, room: u16, doubtful: bool) -> Option<u16> {
        self.bisect(room, doubtful, |count| at..at + u32::from(count)).await
    }

    async fn longest_back(&mut self, to: u32, room: u16) -> Option<u16> {
        self.bisect(room, true, |count| to - u32::from(count)..to).await
    }

    /// The largest count whose span is readable, if with one all smaller ones are.
    async fn bisect(&mut self, room: u16, doubtful: bool, span: impl Fn(u16) -> Range<u32>) -> Option<u16> {
        let grain = self.grain;
        let mut low = 0;
        if doubtful {
            if !self.readable(span(grain).start, grain).await? {
                return Some(0);
            }
            low = grain;
        }
        if low == room || self.readable(span(room).start, room).await? {
            return Some(room);
        }
        let mut high = room;
        if low == 0 {
            if !self.readable(span(grain).start, grain).await? {
                return Some(0);
            }
            low = grain;
        }
        while high - low > grain {
            let middle = low + (high - low) / 2 / grain * grain;
            if self.readable(span(middle).start, middle).await? {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// From a refused address to the beginning of the next readable stretch, if one is met before `end`.
    async fn across(&mut self, hole: u32, end: u32) -> Option<Option<u32>> {
        let grain = u32::from(self.grain);
        let mut refused = hole;
        loop {
            let stride = ((refused - hole) / STRIDE_SHARE / grain * grain).max(grain);
            let round = |step: u32| refused.checked_div(step).map_or(END, |n| (n + 1) * step);
            let at = (refused + stride).min(round(self.search.grid[0])).min(round(self.search.grid[1]));
            if at + grain > end {
                return Some(None);
            }
            if !self.readable(at, self.grain).await? {
                refused = at;
                continue;
            }
            let (floor, mut begin) = (refused + grain, at);
            while begin > floor {
                let back = self.longest_back(begin, self.whole(begin - floor)).await?;
                if back == 0 {
                    break;
                }
                begin -= u32::from(back);
            }
            return Some(Some(begin));
        }
    }

    fn keep(&mut self, from: u32, end: u32, goes_on: bool) {
        if end > from {
            self.found.runs.push(Run { from, to: end - 1, goes_on });
        }
    }
}

#[cfg(test)]
mod tests;
