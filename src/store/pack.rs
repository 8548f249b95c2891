//! The journal's chunk format: readings packed small, because bytes written wear out flash disks.
//!
//! A chunk is a version byte and then samples: time as a zigzag varint against the sample before,
//! twice the count, and one more for history that was not judged (version 1: the count alone), and per reading one tag byte and what the tag announces. Consecutive series cost no
//! number; values take the shortest of integer, decimal (1 to 3 places), single and double that
//! gives the very same `f64` back.

use crate::plant::{Batch, Cause, Micros, PointIx, Quality, Reading};

use super::StoreError;

/// The first one did not tell what was judged.
const VERSIONS: [u8; 2] = [1, 2];
/// A body without a sample.
pub(super) const NO_SAMPLES: &[u8] = &[VERSIONS[1]];
const NONE: u8 = 0;
const DOUBLE: u8 = 1;
const SINGLE: u8 = 2;
const INTEGER: u8 = 3; // 4, 5, 6: tenths, hundredths, thousandths
const KIND: u8 = 0b0111;
const WITH_QUALITY: u8 = 0b1000;
const WITH_SERIES: u8 = 0b1_0000;
const UNCERTAIN: u8 = 0b1000_0000;

/// One stored reading; bad ones carry NaN.
#[derive(Debug, Clone, Copy)]
pub struct PackedReading {
    /// Series number in this journal.
    pub series: u32,
    /// Engineering value.
    pub value: f64,
    /// Whether to believe it.
    pub quality: Quality,
}

/// One stored sample.
#[derive(Debug)]
pub struct PackedSample<'a> {
    /// Time of its readings.
    pub at: Micros,
    /// They were judged against limits; `None` where an older gateway did not note it.
    pub live: Option<bool>,
    /// Its readings.
    pub readings: &'a [PackedReading],
}

/// Appends `batch` to `body`; `series` maps a point to its series number.
pub(super) fn pack(batch: &Batch, series: &[u32], body: &mut Vec<u8>) {
    body.clear();
    body.push(VERSIONS[1]);
    let (mut last_at, mut last_series) = (0i64, 0i64);
    for (head, readings) in batch.samples() {
        put_signed(body, head.at.0.wrapping_sub(last_at));
        last_at = head.at.0;
        put_unsigned(body, (readings.len() as u64) << 1 | u64::from(!head.live));
        for Reading { point: PointIx(point), value, quality } in readings.iter().copied() {
            let number = i64::from(series[point as usize]);
            let at = body.len();
            let mut tag = 0u8;
            body.push(0);
            if number != last_series + 1 {
                tag |= WITH_SERIES;
                put_signed(body, number - last_series);
            }
            last_series = number;
            if quality != Quality::Good {
                tag |= WITH_QUALITY;
                body.push(match quality {
                    Quality::Good => 0,
                    Quality::Uncertain(c) => UNCERTAIN | c as u8,
                    Quality::Bad(c) => c as u8,
                });
            }
            tag |= if has_value(quality, value) { put_value(body, value) } else { NONE };
            body[at] = tag;
        }
    }
}

/// What a test rejected is kept with its value, so that another test can be tried on it.
fn has_value(quality: Quality, value: f64) -> bool {
    let rejected = matches!(quality, Quality::Bad(Cause::OutOfRange | Cause::Jump));
    quality.is_usable() || (rejected && value.is_finite())
}

fn put_value(body: &mut Vec<u8>, value: f64) -> u8 {
    let single = value as f32;
    for (kind, factor) in [(INTEGER, 1.0), (INTEGER + 1, 10.0), (INTEGER + 2, 100.0), (INTEGER + 3, 1000.0)] {
        let whole = (value * factor).round();
        // Beyond 2^27 a varint is no shorter than a single; -0.0 would lose its sign.
        let negative_zero = whole == 0.0 && whole.is_sign_negative();
        if !negative_zero && whole.abs() < 134_217_728.0 && (whole / factor).to_bits() == value.to_bits() {
            put_signed(body, whole as i64);
            return kind;
        }
    }
    if f64::from(single).to_bits() == value.to_bits() {
        body.extend_from_slice(&single.to_le_bytes());
        SINGLE
    } else {
        body.extend_from_slice(&value.to_le_bytes());
        DOUBLE
    }
}

/// Reads a chunk back, sample by sample, without an allocation per reading.
///
/// # Errors
/// [`StoreError::Corrupt`] says at which byte the body stops making sense.
pub fn unpack(body: &[u8], mut visit: impl FnMut(PackedSample<'_>)) -> Result<(), StoreError> {
    let mut input = Input { body, at: 0 };
    let version = input.byte()?;
    if !VERSIONS.contains(&version) {
        return Err(StoreError::Corrupt("journal chunk of an unknown version".to_owned()));
    }
    let notes_live = version == VERSIONS[1];
    let mut readings = Vec::new();
    let (mut last_at, mut last_series) = (0i64, 0i64);
    while input.at < body.len() {
        last_at = last_at.wrapping_add(input.signed()?);
        let count = input.unsigned()?;
        let (len, live) = if notes_live { (count >> 1, Some(count & 1 == 0)) } else { (count, None) };
        readings.clear();
        for _ in 0..len {
            let tag = input.byte()?;
            last_series += if tag & WITH_SERIES == 0 { 1 } else { input.signed()? };
            let quality = if tag & WITH_QUALITY == 0 {
                Quality::Good
            } else {
                let code = input.byte()?;
                let cause = Cause::from_code(code & !UNCERTAIN).ok_or_else(|| input.corrupt())?;
                if code & UNCERTAIN == 0 { Quality::Bad(cause) } else { Quality::Uncertain(cause) }
            };
            let value = match tag & KIND {
                NONE => f64::NAN,
                DOUBLE => f64::from_le_bytes(input.array()?),
                SINGLE => f64::from(f32::from_le_bytes(input.array()?)),
                kind => input.signed()? as f64 / [1.0, 10.0, 100.0, 1000.0][usize::from(kind - INTEGER) % 4],
            };
            let series = u32::try_from(last_series).map_err(|_| input.corrupt())?;
            readings.push(PackedReading { series, value, quality });
        }
        visit(PackedSample { at: Micros(last_at), live, readings: &readings });
    }
    Ok(())
}

fn put_unsigned(body: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        body.push(n as u8 | 0x80);
        n >>= 7;
    }
    body.push(n as u8);
}

fn put_signed(body: &mut Vec<u8>, n: i64) {
    put_unsigned(body, ((n << 1) ^ (n >> 63)) as u64);
}

struct Input<'a> {
    body: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn corrupt(&self) -> StoreError {
        StoreError::Corrupt(format!("journal chunk does not read at byte {}", self.at))
    }

    fn byte(&mut self) -> Result<u8, StoreError> {
        let byte = *self.body.get(self.at).ok_or_else(|| self.corrupt())?;
        self.at += 1;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let bytes = self.body.get(self.at..self.at + N).ok_or_else(|| self.corrupt())?;
        self.at += N;
        Ok(bytes.try_into().expect("the slice was cut to N bytes"))
    }

    fn unsigned(&mut self) -> Result<u64, StoreError> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err(self.corrupt())
    }

    fn signed(&mut self) -> Result<i64, StoreError> {
        let n = self.unsigned()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{pack, unpack};
    use crate::plant::{Batch, Cause, DeviceIx, Micros, PointIx, Quality, Reading};

    fn quality() -> impl Strategy<Value = Quality> {
        prop_oneof![
            Just(Quality::Good),
            Just(Quality::Bad(Cause::Timeout)),
            Just(Quality::Uncertain(Cause::Rounded))
        ]
    }

    proptest! {
        #[test]
        fn a_packed_batch_reads_back_bit_for_bit(
            samples in prop::collection::vec(
                (any::<i64>(), any::<bool>(), prop::collection::vec((0u32..50, prop_oneof![any::<f64>(), (-30000i32..30000).prop_map(|n| f64::from(n) / 10.0)], quality()), 0..20)),
                0..10)
        ) {
            let series: Vec<u32> = (0..50).map(|n| n * 7 % 50 + 1).collect();
            let mut batch = Batch::default();
            for (at, live, readings) in &samples {
                let readings: Vec<_> = readings.iter()
                    .map(|(p, v, q)| Reading { point: PointIx(*p), value: *v, quality: *q }).collect();
                batch.push(DeviceIx(0), Micros(*at), *live, &readings);
            }
            let mut body = Vec::new();
            pack(&batch, &series, &mut body);
            let mut seen = Vec::new();
            unpack(&body, |s| seen.push((s.at, s.readings.to_vec(), s.live))).unwrap();
            prop_assert_eq!(seen.len(), samples.len());
            for ((at, live, wrote), (read_at, read, judged)) in samples.iter().zip(&seen) {
                prop_assert_eq!((*at, Some(*live)), (read_at.0, *judged));
                for ((point, value, quality), reading) in wrote.iter().zip(read) {
                    prop_assert_eq!(series[*point as usize], reading.series);
                    prop_assert_eq!(*quality, reading.quality);
                    if quality.is_usable() {
                        prop_assert_eq!(value.to_bits(), reading.value.to_bits());
                    }
                }
            }
        }

        #[test]
        fn a_damaged_chunk_is_an_error_and_never_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&body, |_| ());
        }
    }

    #[test]
    fn a_chunk_of_the_first_version_reads_as_ever_and_does_not_tell_what_was_judged() {
        // One sample at 1 µs with one reading of series 1, the whole number 7.
        let body = [1, 2, 1, super::INTEGER, 14];
        let mut seen = Vec::new();
        unpack(&body, |s| seen.push((s.at, s.live, s.readings[0].series, s.readings[0].value))).unwrap();
        assert_eq!(seen, [(Micros(1), None, 1, 7.0)]);
    }

    #[test]
    fn what_a_test_rejected_is_kept_with_its_value() {
        let rejected = [Cause::OutOfRange, Cause::Jump, Cause::Timeout].map(Quality::Bad);
        let readings = rejected.map(|quality| Reading { point: PointIx(0), value: 104.0, quality });
        let mut batch = Batch::default();
        batch.push(DeviceIx(0), Micros(1), true, &readings);
        let mut body = Vec::new();
        pack(&batch, &[1], &mut body);
        let mut seen = Vec::new();
        unpack(&body, |s| seen.extend(s.readings.iter().map(|r| (r.quality, r.value)))).unwrap();
        assert_eq!(seen[..2], [(rejected[0], 104.0), (rejected[1], 104.0)]);
        assert!(seen[2].1.is_nan() && seen[2].0 == rejected[2]);
    }

    #[test]
    fn a_typical_reading_takes_three_bytes() {
        let series: Vec<u32> = (1..=100).collect();
        let readings: Vec<_> = (0..100)
            .map(|n| Reading { point: PointIx(n), value: f64::from(n) * 3.7, quality: Quality::Good })
            .map(|r| Reading { value: (r.value * 10.0).round() / 10.0, ..r })
            .collect();
        let mut batch = Batch::default();
        batch.push(DeviceIx(0), Micros(1_790_000_000_000_000), true, &readings);
        let mut body = Vec::new();
        pack(&batch, &series, &mut body);
        assert!(body.len() < 320, "{} bytes for 100 readings", body.len());
    }
}
