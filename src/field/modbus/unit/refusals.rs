//! What a device does not answer: refused blocks are halved until the guilty register is found, blocks that
//! are answered by silence too, one part a poll; what is found is set aside, named, and asked again, soon at
//! first and then less and less often. A block that is refused although its parts are not teaches the size
//! of a request or a seam (`learnt`).

use std::time::Duration;

use super::super::plan::{LineCost, Request};
use super::Unit;
use super::learnt::{Kind, Learnt};
use crate::plant::Cause;
use crate::settings::{ModbusPoint, Table};

/// What is set aside is asked again after this long, then after twice as long each time.
const FIRST_LOOK: Duration = Duration::from_secs(5);
const LONGEST_LOOK: Duration = Duration::from_secs(600);
/// Silences of one request, each with an answer to another before it, until it is asked for in parts.
const SURE_OF_SILENCE: u32 = 3;
/// Silent requests that are remembered in one group.
const MOST_QUIET: usize = 16;

/// Polls in a row in which a block is answered with the same number of registers, too few of them, until that
/// is taken for the most that the device gives.
const SURE_OF_SHORT: u8 = 3;

/// How a device refuses a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::field::modbus) enum Refusal {
    /// With this exception.
    Code(u8),
    /// By giving only so many registers.
    Short(u16),
    /// By giving only so many registers of four bytes, half of what was asked for: if its parts are answered in full
    /// it gives no more, else its registers have another size.
    Half(u16),
    /// By silence, again and again.
    Silence,
}

impl Refusal {
    /// It may be a passing state of the device rather than a register that it does not have.
    fn may_pass(self) -> bool {
        !matches!(self, Self::Code(1..=3))
    }
}

/// A block that was refused in the present poll.
struct Met {
    request: Request,
    /// The first address of its second part.
    at: u16,
    why: Refusal,
}

/// A block that is answered with too few registers.
struct Short {
    table: Table,
    kind: Kind,
    address: u16,
    count: u16,
    got: u16,
    polls: u8,
}

/// A block that was refused although its parts were not: it is too large, or a seam lies between its parts.
/// `trial` asks over the seam only.
struct Open {
    kind: Kind,
    at: u16,
    count: u16,
    trial: Request,
    /// It was refused by silence: every larger request costs a timeout.
    silent: bool,
}

/// A request that is answered by silence.
struct Quiet {
    request: Request,
    silences: u32,
    /// Answers of the device when it was last silent.
    answers: u64,
}

/// Of one group.
#[derive(Default)]
pub(super) struct Refusals {
    aside: Vec<(usize, Cause)>,
    /// What was set aside before it was last asked again.
    before: Vec<usize>,
    look_again: Option<Duration>,
    pause: Duration,
    met: Vec<Met>,
    /// Blocks that are answered with too few registers, poll after poll.
    short: Vec<Short>,
    /// Blocks that are asked for in parts because of their silence, until the parts have told why.
    silent: Vec<Met>,
    /// Blocks with a failure that may pass (exception 4) in the poll before: table, address, count.
    failed: Vec<(Table, u16, u16)>,
    open: Vec<Open>,
    quiet: Vec<Quiet>,
    /// A request was parted because of its silence.
    parted: bool,
    /// The plan has to be made anew.
    stale: bool,
}

impl Refusals {
    /// What is set aside, and why.
    pub(super) fn aside(&self) -> impl Iterator<Item = (usize, Cause)> {
        self.aside.iter().copied()
    }

    /// A poll begins.
    pub(super) fn begin(&mut self) {
        self.met.clear();
    }

    /// A request that tells a seam from a limit of size.
    pub(super) fn trial(&self) -> Option<Request> {
        self.open.first().map(|o| o.trial.clone())
    }

    /// Whether it is time to ask again for what is set aside, and what that is.
    pub(super) fn look_again(&mut self, now: Duration) -> Option<Vec<usize>> {
        self.look_again.filter(|at| now >= *at)?;
        self.look_again = None;
        self.parted = false;
        self.stale = true;
        self.before = self.aside.drain(..).map(|a| a.0).collect();
        Some(self.before.clone())
    }

    fn set_aside(&mut self, n: usize, cause: Cause) {
        self.aside.push((n, cause));
        self.stale = true;
    }

    /// The poll is over: when to ask again.
    fn schedule(&mut self, now: Duration) {
        if self.look_again.is_some() || (self.aside.is_empty() && !self.parted) {
            return;
        }
        let same =
            self.aside.len() == self.before.len() && self.aside.iter().all(|a| self.before.contains(&a.0));
        self.pause = match self.aside.is_empty() {
            true => LONGEST_LOOK,
            false if same => (self.pause * 2).min(LONGEST_LOOK),
            false => FIRST_LOOK,
        };
        self.look_again = Some(now + self.pause);
    }
}

/// The two halves of a request of several points.
pub(super) fn halves(request: &Request, points: &[ModbusPoint]) -> [Request; 2] {
    let (first, second) = request.points.split_at(request.points.len() / 2);
    [first, second].map(|part| span(request.table, part, points))
}

/// The request that reads exactly these points.
fn span(table: Table, of: &[usize], points: &[ModbusPoint]) -> Request {
    let from = of.iter().map(|n| points[*n].address).min().unwrap_or_default();
    let to = of.iter().map(|n| u32::from(points[*n].address) + u32::from(points[*n].registers())).max();
    let count = to.unwrap_or_default().saturating_sub(u32::from(from)) as u16;
    // No request has registers of two sizes.
    let four_byte = of.first().is_some_and(|n| points[*n].four_byte);
    Request { table, address: from, count, four_byte, points: of.to_vec() }
}

fn covers(outer: &Request, table: Table, from: u16, count: u16) -> bool {
    outer.table == table
        && outer.address <= from
        && u32::from(from) + u32::from(count) <= u32::from(outer.address) + u32::from(outer.count)
}

impl Unit {
    /// The registers that are set aside, by their line in the register list.
    pub(in crate::field::modbus) fn refused(&self) -> impl Iterator<Item = (&str, u16, Cause)> {
        self.groups.iter().flat_map(|g| {
            g.refusals.aside().map(|(n, cause)| (g.points[n].origin.as_str(), g.points[n].address, cause))
        })
    }

    /// Everything that a group asks for is set aside.
    pub(in crate::field::modbus) fn refuses_all(&self, group: usize) -> bool {
        let g = &self.groups[group];
        !g.points.is_empty() && g.refusals.aside.len() == g.points.len()
    }

    /// The device has answered, in whatever way.
    pub(in crate::field::modbus) fn spoke(&mut self) {
        self.answers += 1;
        self.silences = 0;
    }

    /// A request of this group was answered with values.
    pub(super) fn answered(&mut self, group: usize, request: &Request) {
        let g = &mut self.groups[group];
        g.gave = true;
        g.refusals.stale |= self.learnt.answered(request);
        self.halved_in_vain &= !request.four_byte;
        if g.refusals.trial().as_ref() == Some(request) {
            let open = g.refusals.open.remove(0);
            if open.silent {
                self.learnt.most(open.kind, self.learnt.read_of(open.kind));
            } else {
                self.learnt.too_large(open.kind, open.count);
            }
            self.learnt.not_a_seam(open.trial.table, open.at);
            let learnt = &mut self.learnt;
            g.refusals.open.retain(|other| {
                let larger = other.kind == open.kind && other.count >= open.count;
                if larger {
                    learnt.not_a_seam(other.trial.table, other.at);
                }
                !larger
            });
            g.refusals.stale = true;
        }
        g.refusals.quiet.retain(|q| q.request != *request);
    }

    /// The device refuses one of the registers of `request`: gives the halves to try, or nothing when
    /// the guilty one is found and set aside.
    pub(in crate::field::modbus) fn refuse(
        &mut self,
        group: usize,
        request: &Request,
        why: Refusal,
    ) -> Vec<Request> {
        let g = &mut self.groups[group];
        if request.points.len() > 1 {
            let halves = halves(request, &g.points);
            g.refusals.met.push(Met { request: request.clone(), at: halves[1].address, why });
            return halves.into();
        }
        let Refusal::Code(code) = why else { return Vec::new() };
        for n in &request.points {
            g.refusals.set_aside(*n, Cause::of_exception(code));
            self.factors.refused(g.points[*n].point);
        }
        Vec::new()
    }

    /// Whether half of what `request` asked for may be the most that the device gives, so that it is worth asking in
    /// parts. Parts that are answered by half as well show that the registers have another size: then no more are
    /// made until one is answered in full.
    pub(in crate::field::modbus) fn may_give_half(&mut self, group: usize, request: &Request) -> bool {
        let Request { table, address, count, .. } = *request;
        self.halved_in_vain |= self.groups[group].refusals.met.iter().any(|m| {
            matches!(m.why, Refusal::Half(_))
                && m.request != *request
                && covers(&m.request, table, address, count)
        });
        request.points.len() > 1 && !self.halved_in_vain
    }

    /// Two parts of a request of which at least the first is `free` to be asked; both if that is possible, and
    /// unlike each other.
    pub(in crate::field::modbus) fn parts_unlike(
        &self,
        group: usize,
        request: &Request,
        free: impl Fn(&Request) -> bool,
    ) -> Option<[Request; 2]> {
        let points = &self.groups[group].points;
        let middle = request.points.len() / 2;
        let mut cuts: Vec<usize> = (1..request.points.len()).collect();
        cuts.sort_by_key(|at| at.abs_diff(middle));
        let parts = cuts.into_iter().map(|at| {
            let (first, second) = request.points.split_at(at);
            [first, second].map(|part| span(request.table, part, points))
        });
        let able: Vec<[Request; 2]> = parts.filter(|p| free(&p[0])).collect();
        let both = |p: &&[Request; 2]| free(&p[1]) && p[0].value_bytes() != p[1].value_bytes();
        able.iter().find(both).or(able.first()).cloned()
    }

    /// Whether the points of `request` were not set aside before as well.
    pub(in crate::field::modbus) fn is_news(&self, group: usize, request: &Request) -> bool {
        request.points.iter().any(|n| !self.groups[group].refusals.before.contains(n))
    }

    /// `request` stayed without an answer. A request that is silent again and again while the device answers
    /// others is asked for in parts, and a single register set aside. True if the other requests of this
    /// poll are still worth their time.
    pub(in crate::field::modbus) fn late(&mut self, group: usize, request: &Request) -> bool {
        self.silences += 1;
        let answers = self.answers;
        let g = &mut self.groups[group];
        // A probe's first part was answered and its second was not: it is asked for in parts from now on.
        let whole = g.requests.first().filter(|r| {
            *r != request
                && covers(r, request.table, request.address, request.count)
                && g.refusals.is_quiet(r)
        });
        if let Some(whole) = whole.filter(|_| g.gave).cloned() {
            g.refusals.part(&mut g.requests, &whole, &g.points);
        }
        let Some(quiet) = g.refusals.quiet.iter_mut().find(|q| q.request == *request) else {
            if g.refusals.quiet.len() < MOST_QUIET {
                g.refusals.quiet.push(Quiet { request: request.clone(), silences: 1, answers });
            }
            return self.silences == 1 && answers > 0;
        };
        if answers > quiet.answers {
            (quiet.silences, quiet.answers) = (quiet.silences + 1, answers);
        }
        if quiet.silences >= SURE_OF_SILENCE {
            g.refusals.quiet.retain(|q| q.request != *request);
            if g.refusals.trial().as_ref() == Some(request) {
                // The seam that was tried: it stays one.
                g.refusals.open.remove(0);
                return self.silences == 1 && answers > 0;
            }
            match request.points[..] {
                [n] => {
                    g.refusals.set_aside(n, Cause::Timeout);
                    self.factors.refused(g.points[n].point);
                }
                _ => g.refusals.part(&mut g.requests, request, &g.points),
            }
        }
        self.silences == 1 && answers > 0
    }

    /// The poll of a group is over: learns from it, and plans anew where that changes something. Gives the
    /// settings that describe the device, when they are news.
    pub(in crate::field::modbus) fn end(
        &mut self,
        group: usize,
        now: Duration,
        cost: &LineCost,
    ) -> Option<Vec<String>> {
        let learnt = self.learn(group);
        let refusals = &mut self.groups[group].refusals;
        refusals.schedule(now);
        if std::mem::take(&mut refusals.stale) {
            self.replan(group, cost, &[]);
        }
        if learnt {
            (0..self.groups.len()).filter(|g| *g != group).for_each(|g| self.groups[g].refusals.stale = true);
        }
        let sure = self.groups.iter().all(|g| g.refusals.open.is_empty() && g.refusals.met.is_empty());
        if !sure {
            return None;
        }
        let lines = self.learnt.settings();
        (lines != self.told).then(|| {
            self.told.clone_from(&lines);
            lines
        })
    }

    /// What the refusals of this poll say of the device; true if that was news.
    fn learn(&mut self, group: usize) -> bool {
        let Self { groups, learnt, .. } = self;
        let g = &mut groups[group];
        let mut met = std::mem::take(&mut g.refusals.met);
        let mut news = g.refusals.count_short(&met, g.whole, learnt);
        met.retain(|m| !matches!(m.why, Refusal::Short(_) | Refusal::Half(_)));
        let failed: Vec<(Table, u16, u16)> = met
            .iter()
            .filter(|m| m.why.may_pass())
            .map(|m| (m.request.table, m.request.address, m.request.count))
            .collect();
        let before = std::mem::replace(&mut g.refusals.failed, failed);
        if !g.whole {
            return news;
        }
        // Every part was answered in this poll, each by itself.
        met.append(&mut g.refusals.silent);
        for m in &met {
            let Request { table, address, count, .. } = m.request;
            let kind = Kind::of(&m.request);
            let deeper = met.iter().any(|o| {
                o.request != m.request
                    && covers(&m.request, o.request.table, o.request.address, o.request.count)
            });
            let guilty = g.refusals.aside.iter().any(|(n, _)| m.request.points.contains(n));
            // A device failure may pass: it counts when it comes twice.
            let passing = matches!(m.why, Refusal::Code(_))
                && m.why.may_pass()
                && !before.contains(&(table, address, count));
            if deeper || guilty || passing {
                continue;
            }
            news = true;
            g.refusals.stale = true;
            let [pair, read] = [m.request.points.len() == 2, learnt.has_read(kind, count)];
            let used: u16 = m.request.points.iter().map(|n| g.points[*n].registers()).sum();
            if m.why == Refusal::Silence && learnt.is_limited(kind) {
                learnt.most(kind, learnt.read_of(kind));
            // Two neighbours, and so many were never read: the device gives values one by one.
            } else if pair && !read && used == count {
                learnt.too_large(kind, count);
            } else if pair || read {
                learnt.seam(table, m.at);
                g.refusals.open.retain(|o| (o.trial.table, o.at) != (table, m.at));
            } else if learnt.is_limited(kind) {
                learnt.too_large(kind, count);
            } else {
                // Between its two parts, until the trial says which it is.
                learnt.seam(table, m.at);
                let middle = m.request.points.len() / 2;
                let trial = span(table, &m.request.points[middle - 1..=middle], &g.points);
                g.refusals.open.push(Open {
                    kind,
                    at: m.at,
                    count,
                    trial,
                    silent: m.why == Refusal::Silence,
                });
            }
        }
        met.retain(|m| m.why != Refusal::Silence);
        if !met.is_empty() {
            // Told only after a poll without any.
            g.refusals.met = met;
        }
        news
    }
}

impl Refusals {
    /// Counts the blocks that were answered with too few registers; true if the most that the device gives has
    /// become known by it. Half of what was asked for counts in a poll that was answered as a `whole`.
    fn count_short(&mut self, met: &[Met], whole: bool, learnt: &mut Learnt) -> bool {
        let mut now = Vec::new();
        for m in met {
            // Half of a request is as long as the answer to one of its parts, which on RTU would pass for a second
            // copy of that in the next poll: what both parts have shown is believed at once.
            let (got, counts) = match m.why {
                Refusal::Short(got) => (got, 1),
                Refusal::Half(got) if whole => (got, SURE_OF_SHORT),
                _ => continue,
            };
            let Request { table, address, count, .. } = m.request;
            let kind = Kind::of(&m.request);
            let known = |s: &&Short| {
                (s.table, s.kind, s.address, s.count, s.got) == (table, kind, address, count, got)
            };
            let polls = self.short.iter().find(known).map_or(0, |s| s.polls) + counts;
            now.push(Short { table, kind, address, count, got, polls });
        }
        // Of a block that was not asked for in this poll nothing new is known.
        self.short = now;
        let Some(sure) = self.short.iter().find(|s| s.polls >= SURE_OF_SHORT) else { return false };
        learnt.most(sure.kind, sure.got);
        self.short.clear();
        self.stale = true;
        true
    }

    fn is_quiet(&self, request: &Request) -> bool {
        self.quiet.iter().any(|q| q.request == *request)
    }

    /// Puts the halves of a request into its place.
    fn part(&mut self, requests: &mut Vec<Request>, whole: &Request, points: &[ModbusPoint]) {
        let Some(at) = requests.iter().position(|r| r == whole).filter(|_| whole.points.len() > 1) else {
            return;
        };
        let parts = halves(whole, points);
        self.silent.retain(|m| m.request != *whole);
        self.silent.push(Met { request: whole.clone(), at: parts[1].address, why: Refusal::Silence });
        requests.splice(at..=at, parts);
        self.quiet.retain(|q| q.request != *whole);
        self.parted = true;
    }
}
