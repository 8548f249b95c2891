//! Heartbeats that a device which dialled in sends between its answers, told from the answers. Pure.

/// Transaction ids begin here: their high byte can be no function, no length and no count of bytes of
/// values, so that an answer behind one that was cut off in its header never makes it a proper one.
const FIRST_TRANSACTION: u16 = 0xFB00;

/// What follows the heartbeats that `bytes` begin with.
pub(super) fn behind<'a>(mut bytes: &'a [u8], heartbeat: &[u8]) -> &'a [u8] {
    while let Some(rest) = bytes.strip_prefix(heartbeat).filter(|_| !heartbeat.is_empty()) {
        bytes = rest;
    }
    bytes
}

/// The transaction id after `last`, one whose answer cannot be taken for a heartbeat.
pub(super) fn next_transaction(last: u16, heartbeat: &[u8]) -> u16 {
    let next = |id: u16| id.checked_add(1).unwrap_or(FIRST_TRANSACTION);
    let alike = |id: u16| {
        let bytes = id.to_be_bytes();
        !heartbeat.is_empty() && (heartbeat.starts_with(&bytes) || bytes.starts_with(heartbeat))
    };
    let mut id = next(last);
    while alike(id) {
        id = next(id);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::{FIRST_TRANSACTION, behind, next_transaction};

    #[test]
    fn whole_heartbeats_are_passed_over_and_a_part_of_one_is_not() {
        assert_eq!(behind(b"hbhbhx", b"hb"), b"hx");
        assert_eq!(behind(b"hx", b""), b"hx");
        assert_eq!(behind(b"", b"hb"), b"");
    }

    #[test]
    fn no_transaction_looks_like_the_heartbeat() {
        for beat in [&b""[..], b"\xFE", b"\xFE\x07", b"\xFC\0\0\0", b"www.usr.cn"] {
            let mut id = u16::MAX;
            for _ in 0..3000 {
                id = next_transaction(id, beat);
                let bytes = id.to_be_bytes();
                assert!(id >= FIRST_TRANSACTION);
                assert!(
                    beat.is_empty() || !beat.starts_with(&bytes) && !bytes.starts_with(beat),
                    "{bytes:X?}"
                );
            }
        }
    }
}
