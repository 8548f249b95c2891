//! What the field hands in: readings in flat batches, so that no reading costs an allocation.

use super::{DeviceIx, Micros, PointIx, Quality};

/// One value of one point, or the reason why there is none (`value` is then NaN).
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Which point.
    pub point: PointIx,
    /// Engineering value in the point's unit; booleans are 0 and 1.
    pub value: f64,
    /// Whether to believe it.
    pub quality: Quality,
}

/// One device's readings of one instant; its readings follow in [`Batch::readings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleHead {
    /// Who was read.
    pub device: DeviceIx,
    /// When the answer arrived, or the device's own time where it gave a believable one.
    /// This is the time the reading is stored and forwarded under.
    pub at: Micros,
    /// Judge it against limits? Old, buffered data fills history and raises nothing (domain 0.5).
    pub live: bool,
    /// How many readings belong to it.
    pub len: u32,
}

/// Samples on their way to the keeper: heads, and all their readings in one flat vector.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    heads: Vec<SampleHead>,
    readings: Vec<Reading>,
}

impl Batch {
    /// Adds one sample.
    pub fn push(&mut self, device: DeviceIx, at: Micros, live: bool, readings: &[Reading]) {
        let len = u32::try_from(readings.len()).expect("a sample has fewer than 2^32 readings");
        self.heads.push(SampleHead { device, at, live, len });
        self.readings.extend_from_slice(readings);
    }

    /// Moves everything from `other` to the end of this batch; `other` keeps its memory.
    pub fn append(&mut self, other: &mut Self) {
        self.heads.append(&mut other.heads);
        self.readings.append(&mut other.readings);
    }

    /// Forgets the samples, keeps the memory.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.readings.clear();
    }

    /// Number of readings.
    #[must_use]
    pub fn readings_len(&self) -> usize {
        self.readings.len()
    }

    /// True if there is no sample in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Puts a doubt on every reading that has none.
    pub fn doubt(&mut self, cause: super::Cause) {
        for reading in self.readings.iter_mut().filter(|r| r.quality == Quality::Good) {
            reading.quality = Quality::Uncertain(cause);
        }
    }

    /// Samples with their readings, for the engine to correct their quality.
    pub fn samples_mut(&mut self) -> impl Iterator<Item = (SampleHead, &mut [Reading])> {
        let mut rest = self.readings.as_mut_slice();
        self.heads.iter().map(move |head| {
            let (mine, others) = std::mem::take(&mut rest).split_at_mut(head.len as usize);
            rest = others;
            (*head, mine)
        })
    }

    /// Samples with their readings, in order of arrival.
    pub fn samples(&self) -> impl Iterator<Item = (SampleHead, &[Reading])> {
        let mut rest = self.readings.as_slice();
        self.heads.iter().map(move |head| {
            let (mine, others) = rest.split_at(head.len as usize);
            rest = others;
            (*head, mine)
        })
    }
}
