//! Raw frames of one source, kept while somebody asked for it, as a capture that Wireshark opens.
//!
//! Off, it costs one relaxed load a frame. On, it keeps the newest frames up to a bound in memory.
//! Frames are dressed as TCP segments between two made-up hosts, the device on port 502: Modbus TCP
//! is decoded as it is, RTU after *Decode As… Modbus RTU*.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::wall_now;
use crate::plant::Micros;

/// Frames are kept up to this many bytes, the newest.
const MOST_BYTES: usize = 4 << 20;
/// What a frame costs beside its bytes: a serial line delivers them one by one.
const EACH: usize = 64;
/// Longer lumps are kept as several: a capture has packets of less than 64 KiB.
const LONGEST: usize = 16 << 10;
/// Addresses of documentation (RFC 5737): nobody's.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const DEVICE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// Bytes that went or came in one go.
#[derive(Debug, Clone)]
pub struct Frame {
    /// When.
    pub at: Micros,
    /// By us, else received.
    pub sent: bool,
    /// As on the wire.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Default)]
struct Kept {
    frames: VecDeque<Frame>,
    /// What they take in memory, about.
    bytes: usize,
    /// Then it ends by itself.
    until: Option<Instant>,
}

/// What is kept: nothing, one unit's frames (its number), or all.
const OFF: u16 = u16::MAX;
const ALL: u16 = u16::MAX - 1;

/// Shared by the link (writes) and whoever reads the capture.
#[derive(Debug, Clone)]
pub struct Trace {
    of: Arc<AtomicU16>,
    kept: Arc<Mutex<Kept>>,
}

impl Default for Trace {
    fn default() -> Self {
        Self { of: Arc::new(AtomicU16::new(OFF)), kept: Arc::default() }
    }
}

impl Trace {
    /// Starts afresh, for one unit or for all.
    pub fn start(&self, unit: Option<u8>) {
        self.begin(unit, None);
    }

    /// The same, and ends by itself after `long`.
    pub fn start_for(&self, unit: Option<u8>, long: Duration) {
        self.begin(unit, Instant::now().checked_add(long));
    }

    fn begin(&self, unit: Option<u8>, until: Option<Instant>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Kept { until, ..Kept::default() };
        self.of.store(unit.map_or(ALL, u16::from), Ordering::Relaxed);
    }

    /// Keeps nothing more; what is kept stays readable.
    pub fn stop(&self) {
        self.of.store(OFF, Ordering::Relaxed);
    }

    /// Frames are being kept.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.end_if_due(&self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        self.of.load(Ordering::Relaxed) != OFF
    }

    /// Whose frames are being kept; `None` for all, or when it is off.
    #[must_use]
    pub fn unit(&self) -> Option<u8> {
        u8::try_from(self.of.load(Ordering::Relaxed)).ok()
    }

    /// How long it will still be on, if it ends by itself.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let until = self.kept.lock().unwrap_or_else(PoisonError::into_inner).until?;
        self.is_on().then(|| until.saturating_duration_since(Instant::now()))
    }

    fn end_if_due(&self, kept: &Kept) -> bool {
        let due = kept.until.is_some_and(|until| Instant::now() >= until);
        if due {
            self.stop();
        }
        due
    }

    /// What is kept, oldest first, and forgets it.
    #[must_use]
    pub fn take(&self) -> Vec<Frame> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes = 0;
        std::mem::take(&mut kept.frames).into()
    }

    /// How many frames are kept.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).frames.len()
    }

    /// Frames of these units are wanted.
    pub(super) fn wants(&self, mut units: impl Iterator<Item = u8>) -> bool {
        match self.of.load(Ordering::Relaxed) {
            OFF => false,
            ALL => true,
            of => units.any(|u| u16::from(u) == of),
        }
    }

    pub(super) fn keep(&self, sent: bool, bytes: &[u8]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if self.end_if_due(&kept) {
            return;
        }
        let at = wall_now();
        for bytes in bytes.chunks(LONGEST) {
            kept.bytes += bytes.len() + EACH;
            kept.frames.push_back(Frame { at, sent, bytes: bytes.to_vec() });
        }
        while kept.bytes > MOST_BYTES {
            let Some(oldest) = kept.frames.pop_front() else { break };
            kept.bytes -= oldest.bytes.len() + EACH;
        }
    }

    /// The capture in the classic pcap format, link type 101 (raw IP).
    #[must_use]
    pub fn pcap(&self) -> Vec<u8> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = Vec::with_capacity(24 + kept.bytes + kept.frames.len() * 56);
        for word in [0xA1B2_C3D4, 0x0004_0002, 0, 0, 65_535, 101u32] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        let mut numbers = [1u32, 1u32];
        for frame in &kept.frames {
            let packet = segment(frame, numbers);
            let seconds = frame.at.0.div_euclid(1_000_000) as u32;
            let micros = frame.at.0.rem_euclid(1_000_000) as u32;
            for word in [seconds, micros, packet.len() as u32, packet.len() as u32] {
                out.extend_from_slice(&word.to_le_bytes());
            }
            out.extend_from_slice(&packet);
            let mine = &mut numbers[usize::from(!frame.sent)];
            *mine = mine.wrapping_add(frame.bytes.len() as u32);
        }
        out
    }
}

/// An IPv4 packet with one TCP segment around the frame (RFC 791, RFC 9293).
fn segment(frame: &Frame, [mine, theirs]: [u32; 2]) -> Vec<u8> {
    let (from, to, ports, number, acknowledged) = if frame.sent {
        (GATEWAY, DEVICE, [50_200u16, 502], mine, theirs)
    } else {
        (DEVICE, GATEWAY, [502, 50_200], theirs, mine)
    };
    let mut tcp = Vec::with_capacity(20 + frame.bytes.len());
    tcp.extend(ports.iter().flat_map(|p| p.to_be_bytes()));
    tcp.extend(number.to_be_bytes());
    tcp.extend(acknowledged.to_be_bytes());
    // Header of five words; PSH and ACK; a full window; checksum and urgent pointer to come.
    tcp.extend([0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
    tcp.extend(&frame.bytes);
    let mut pseudo = Vec::new();
    pseudo.extend(from.octets());
    pseudo.extend(to.octets());
    pseudo.extend([0, 6]);
    pseudo.extend((tcp.len() as u16).to_be_bytes());
    let sum = checksum(&[&pseudo, &tcp]);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());

    let mut packet = vec![0x45, 0];
    packet.extend((20 + tcp.len() as u16).to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    let sum = checksum(&[&packet]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(tcp);
    packet
}

/// The Internet checksum (RFC 1071); all parts but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MOST_BYTES, Trace, checksum};

    #[test]
    fn nothing_is_kept_while_it_is_off_and_the_newest_when_it_is_full() {
        let trace = Trace::default();
        assert!(!trace.wants([1].into_iter()));
        trace.start(Some(7));
        assert!(trace.wants([1, 7].into_iter()) && !trace.wants([1].into_iter()));
        trace.keep(false, &[1]);
        for _ in 0..3 {
            trace.keep(false, &vec![0; MOST_BYTES / 2]);
        }
        let kept: usize = trace.take().iter().map(|f| f.bytes.len()).sum();
        assert!((MOST_BYTES * 9 / 10..MOST_BYTES).contains(&kept), "{kept}");
        for _ in 0..MOST_BYTES / 10 {
            trace.keep(false, &[1]);
        }
        assert!(trace.frames() < MOST_BYTES / 50, "{} frames of one byte", trace.frames());
    }

    #[test]
    fn a_lump_longer_than_any_packet_is_captured_whole() {
        let trace = Trace::default();
        trace.start(None);
        trace.keep(false, &vec![7; 100_000]);
        // A stamp or a checksum may hold the same byte, but not eight of them.
        let (mut captured, mut run) = (0, 0);
        for byte in trace.pcap().iter().chain([&0]) {
            run = if *byte == 7 {
                run + 1
            } else {
                captured += if run > 8 { run } else { 0 };
                0
            };
        }
        assert!((100_000..100_008).contains(&captured), "{captured}");
    }

    #[test]
    fn it_ends_by_itself_and_keeps_what_it_has() {
        let trace = Trace::default();
        trace.start_for(Some(3), Duration::from_secs(60));
        trace.keep(true, &[1]);
        assert!(trace.is_on() && trace.unit() == Some(3) && trace.remaining().is_some());
        trace.kept.lock().unwrap().until = Some(Instant::now());
        trace.keep(true, &[2]);
        assert!(!trace.is_on() && trace.remaining().is_none() && trace.unit().is_none());
        assert_eq!(trace.take().iter().map(|f| f.bytes.clone()).collect::<Vec<_>>(), [[1]]);
        assert_eq!(trace.frames(), 0);
    }

    #[test]
    fn a_capture_has_a_head_and_a_packet_a_frame_with_checksums_that_hold() {
        let trace = Trace::default();
        trace.start(None);
        trace.keep(true, &[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 2]);
        trace.keep(false, &[0, 1, 0, 0, 0, 7, 1, 3, 4, 1, 2, 3, 4]);
        let pcap = trace.pcap();
        assert_eq!(&pcap[..4], &[0xD4, 0xC3, 0xB2, 0xA1]);
        assert_eq!(pcap.len(), 24 + 2 * 16 + 2 * 40 + 12 + 13);
        let packet = &pcap[24 + 16..24 + 16 + 52];
        assert_eq!(checksum(&[&packet[..20]]), 0);
        let mut pseudo = packet[12..20].to_vec();
        pseudo.extend([0, 6, 0, 32]);
        assert_eq!(checksum(&[&pseudo, &packet[20..]]), 0);
    }
}
