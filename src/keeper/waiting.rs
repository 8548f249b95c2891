//! Readings that wait for the disk, in blocks. Judging never waits for it: beyond a bound the oldest go, and what went is
//! told.
//!
//! What a sender keeps until its message is acknowledged or its push answered is never dropped here: it is held, and
//! bounded by what the broker sends without an acknowledgement and by what pushes are taken. Once nobody waits for it, it is
//! like all others; a caller waits for no longer than [`CALLERS_WAIT`], whether it is answered or not.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::plant::{Batch, Micros, Plant};
use crate::store::{Loss, named};

/// Readings in a block, about; what is dropped goes by whole blocks.
const BLOCK: usize = 25_000;
const LEAST_BLOCK: usize = 256;
/// Readings in one commit, about.
const LOAD: usize = 200_000;
/// A push is refused when it was not stored by then; a little more than the door's patience.
const CALLERS_WAIT: Duration = Duration::from_secs(11);
/// Empty batches kept for their memory.
const SPARE: usize = 4;

/// Who waits for word of some readings.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    /// A broker has messages that are not acknowledged.
    pub(super) by_broker: bool,
    /// When the last push among them came.
    pub(super) by_callers: Option<Instant>,
}

impl Held {
    fn is(self) -> bool {
        self.by_broker || self.by_callers.is_some_and(|since| since.elapsed() < CALLERS_WAIT)
    }

    fn join(&mut self, other: Self) {
        self.by_broker |= other.by_broker;
        self.by_callers = self.by_callers.max(other.by_callers);
    }
}

/// Some readings under the same settings.
#[derive(Debug)]
pub(super) struct Block {
    /// What their numbers mean.
    pub(super) plant: Arc<Plant>,
    pub(super) batch: Batch,
    /// How far the wall clock was set ahead just before them, microseconds.
    pub(super) ahead: i64,
    /// Which senders wait for word of them.
    held: Held,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Waiting {
    blocks: VecDeque<Block>,
    spare: Vec<Batch>,
    plant: Arc<Plant>,
    most: usize,
    gone: Gone,
}

/// Readings that went.
#[derive(Debug, Default)]
struct Gone {
    span: Option<(Micros, Micros)>,
    readings: u64,
    names: BTreeSet<String>,
}

impl Waiting {
    pub(super) fn new(plant: Arc<Plant>, most: usize) -> Self {
        Self { blocks: VecDeque::new(), spare: Vec::new(), plant, most, gone: Gone::default() }
    }

    /// No reading waits.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.iter().all(|b| b.batch.is_empty())
    }

    /// Readings that wait.
    pub(super) fn len(&self) -> usize {
        self.blocks.iter().map(|b| b.batch.readings_len()).sum()
    }

    /// Readings enough for a commit of their own.
    pub(super) fn is_a_load(&self) -> bool {
        self.len() >= LOAD
    }

    /// Readings of which a sender waits for word.
    pub(super) fn held(&self) -> usize {
        self.blocks.iter().filter(|b| b.held.is()).map(|b| b.batch.readings_len()).sum()
    }

    /// No broker waits for word any more.
    pub(super) fn let_go(&mut self) {
        for block in &mut self.blocks {
            block.held.by_broker = false;
        }
    }

    /// Goes on under other settings.
    pub(super) fn reconfigure(&mut self, plant: Arc<Plant>, most: usize) {
        (self.plant, self.most) = (plant, most);
    }

    /// The clock was set ahead before whatever comes now.
    pub(super) fn turned(&mut self, ahead: i64) {
        self.add(ahead);
    }

    /// The batch that is being filled. With `apart`, what is held stands in blocks of its own.
    pub(super) fn open(&mut self, held: Held, apart: bool) -> &mut Batch {
        let size = self.block_size();
        let fits = |block: &Block| {
            Arc::ptr_eq(&block.plant, &self.plant)
                && block.batch.readings_len() < size
                && (!apart || block.held.is() == held.is() || block.batch.is_empty())
        };
        let last = self.blocks.len().wrapping_sub(1);
        let at = match self.blocks.get(last) {
            Some(block) if fits(block) => last,
            // Two blocks are filled side by side, but not over a turn of the clock.
            Some(block) if block.ahead == 0 && last > 0 && fits(&self.blocks[last - 1]) => last - 1,
            _ => {
                self.add(0);
                self.blocks.len() - 1
            }
        };
        let block = &mut self.blocks[at];
        block.held.join(held);
        &mut block.batch
    }

    /// Small beside the bound: what is held is let go by whole blocks, and the newest holds the whole.
    fn block_size(&self) -> usize {
        BLOCK.min((self.most / 4).max(LEAST_BLOCK))
    }

    fn add(&mut self, ahead: i64) {
        let batch = self.spare.pop().unwrap_or_default();
        self.blocks.push_back(Block { plant: Arc::clone(&self.plant), batch, ahead, held: Held::default() });
    }

    /// The oldest, as much as makes one commit; all under the same settings.
    pub(super) fn load(&mut self) -> Vec<Block> {
        let (mut load, mut readings) = (Vec::<Block>::new(), 0);
        while readings < LOAD {
            let Some(next) = self.blocks.front() else { break };
            let goes_along = load.first().is_none_or(|first| Arc::ptr_eq(&first.plant, &next.plant));
            // A turn of the clock waits for the reading that it stands before.
            if !goes_along || next.batch.is_empty() && self.blocks.len() == 1 {
                break;
            }
            let Some(mut block) = self.blocks.pop_front() else { break };
            if block.batch.is_empty() {
                if let Some(next) = self.blocks.front_mut() {
                    next.ahead += std::mem::take(&mut block.ahead);
                }
                self.recycle(block.batch);
                continue;
            }
            readings += block.batch.readings_len();
            load.push(block);
        }
        load
    }

    /// Puts a load back in its place.
    pub(super) fn put_back(&mut self, load: Vec<Block>) {
        for block in load.into_iter().rev() {
            self.blocks.push_front(block);
        }
    }

    /// Keeps the memory of a load that is on the disk.
    pub(super) fn done(&mut self, load: Vec<Block>) {
        load.into_iter().for_each(|block| self.recycle(block.batch));
    }

    fn recycle(&mut self, mut batch: Batch) {
        if self.spare.len() < SPARE {
            batch.clear();
            self.spare.push(batch);
        }
    }

    /// Drops the oldest of those that nobody else keeps, beyond the bound. True if any went.
    pub(super) fn bound(&mut self) -> bool {
        let mut more = (self.len() - self.held()).saturating_sub(self.most);
        let any = more > 0;
        while more > 0 {
            let Some(at) = self.blocks.iter().position(|b| !b.held.is() && !b.batch.is_empty()) else {
                break;
            };
            let Some(block) = self.blocks.remove(at) else { break };
            if let Some(next) = self.blocks.get_mut(at) {
                next.ahead += block.ahead;
            }
            more = more.saturating_sub(block.batch.readings_len());
            self.gone.add(&block);
            self.recycle(block.batch);
        }
        any
    }

    /// What went since the last call.
    pub(super) fn take_loss(&mut self) -> Option<Loss> {
        let gone = std::mem::take(&mut self.gone);
        let (from, to) = gone.span?;
        let detail = named(&gone.names);
        Some(Loss { outlet: "*".to_owned(), from, to, readings: gone.readings, detail })
    }
}

impl Gone {
    fn add(&mut self, block: &Block) {
        let mut points = BTreeSet::new();
        for (head, readings) in block.batch.samples() {
            let (from, to) = self.span.unwrap_or((head.at, head.at));
            self.span = Some((from.min(head.at), to.max(head.at)));
            for reading in readings.iter().filter(|r| r.quality.is_usable()) {
                self.readings += 1;
                points.insert(reading.point.0);
            }
        }
        self.names.extend(points.into_iter().map(|n| {
            let point = block.plant.point(crate::plant::PointIx(n));
            format!("{}/{}", block.plant.equipment_at(point.equipment).id, point.id)
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use std::time::Instant;

    use super::{BLOCK, CALLERS_WAIT, Held, Waiting};
    use crate::plant::example::plant;
    use crate::plant::{DeviceIx, Micros, PointIx, Quality, Reading};

    fn waiting(most: usize) -> Waiting {
        Waiting::new(Arc::new(plant(vec![Vec::new()])), most)
    }

    /// `n` readings, the first of second `from`, one a second.
    fn fill(waiting: &mut Waiting, from: i64, n: i64, held: bool) {
        for second in from..from + n {
            let reading = Reading { point: PointIx(0), value: 1.0, quality: Quality::Good };
            waiting.open(Held { by_broker: held, by_callers: None }, true).push(
                DeviceIx(0),
                Micros(second * 1_000_000),
                true,
                &[reading],
            );
        }
    }

    #[test]
    fn beyond_the_bound_the_oldest_go_by_blocks_and_are_told_with_their_own_times() {
        let mut waiting = waiting(2 * BLOCK);
        fill(&mut waiting, 0, 3 * BLOCK as i64, false);
        assert!(waiting.bound());
        assert_eq!(waiting.len(), 2 * BLOCK);
        let loss = waiting.take_loss().unwrap();
        assert_eq!((loss.readings, loss.from), (BLOCK as u64, Micros(0)));
        assert_eq!(loss.to, Micros((BLOCK as i64 - 1) * 1_000_000));
        assert!(loss.detail.contains('/'), "{loss:?}");
        assert!(!waiting.bound() && waiting.take_loss().is_none(), "told twice");
    }

    #[test]
    fn what_a_sender_waits_for_is_never_dropped() {
        let mut waiting = waiting(10);
        fill(&mut waiting, 0, 100, true);
        fill(&mut waiting, 100, 50, false);
        fill(&mut waiting, 150, 7, true);
        waiting.bound();
        assert_eq!((waiting.len(), waiting.held()), (107, 107));
        assert_eq!(waiting.take_loss().unwrap().readings, 50);
        // Its sender has been answered: now it is like all others, and what goes is told.
        waiting.let_go();
        assert!(waiting.bound());
        assert_eq!((waiting.held(), waiting.take_loss().map(|loss| loss.readings)), (0, Some(107)));
    }

    #[test]
    fn what_a_caller_waits_for_is_held_until_it_has_gone_whatever_comes_after_it() {
        let mut waiting = waiting(10);
        let put = |waiting: &mut Waiting, second: i64, since: Instant| {
            let reading = Reading { point: PointIx(0), value: 1.0, quality: Quality::Good };
            let held = Held { by_broker: false, by_callers: Some(since) };
            waiting.open(held, true).push(DeviceIx(0), Micros(second), true, &[reading]);
        };
        let Some(long_ago) = Instant::now().checked_sub(CALLERS_WAIT) else { return };
        let size = waiting.block_size();
        for n in 0..size as i64 {
            put(&mut waiting, n, long_ago);
        }
        put(&mut waiting, size as i64, Instant::now());
        assert_eq!((waiting.len(), waiting.held()), (size + 1, 1));
        assert!(waiting.bound());
        assert_eq!((waiting.len(), waiting.take_loss().map(|loss| loss.readings)), (1, Some(size as u64)));
    }

    #[test]
    fn what_is_held_and_what_is_not_fill_two_blocks_side_by_side() {
        let mut waiting = waiting(1000);
        for n in 0..20 {
            fill(&mut waiting, n, 1, n % 2 == 0);
        }
        assert_eq!(waiting.blocks.len(), 2);
        waiting.turned(3);
        fill(&mut waiting, 20, 1, true);
        fill(&mut waiting, 21, 1, false);
        assert_eq!(waiting.load().iter().map(|b| b.ahead).collect::<Vec<_>>(), [0, 0, 3, 0]);
    }

    #[test]
    fn a_load_that_was_not_written_comes_back_in_its_order_and_turns_stay_before_their_readings() {
        let mut waiting = waiting(1000);
        fill(&mut waiting, 0, 3, false);
        waiting.turned(5);
        fill(&mut waiting, 10, 3, false);
        let load = waiting.load();
        assert_eq!(load.iter().map(|b| b.ahead).collect::<Vec<_>>(), [0, 5]);
        waiting.put_back(load);
        let load = waiting.load();
        let times: Vec<i64> = load
            .iter()
            .flat_map(|b| b.batch.samples().map(|s| s.0.at.seconds()).collect::<Vec<_>>())
            .collect();
        assert_eq!(times, [0, 1, 2, 10, 11, 12]);
        waiting.done(load);
        waiting.turned(7);
        assert!(waiting.load().is_empty(), "a turn without a reading went");
        fill(&mut waiting, 20, 1, false);
        assert_eq!(waiting.load()[0].ahead, 7);
    }
}
