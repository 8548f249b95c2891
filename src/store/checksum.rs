//! Checksums of stored rows (CRC-32C): a flipped bit must never become a value, a name or a state.
//!
//! SQLite checks the frames of its write-ahead log and nothing in the main file. So every row that matters
//! carries a sum over its other columns; a row without one was written before there were sums.

use crc::{CRC_32_ISCSI, Crc, Table};
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error};

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// The sum of a chunk: its commit time, its count and its body.
pub(super) fn of_chunk(committed: i64, readings: i64, body: &[u8]) -> i64 {
    let mut digest = CRC.digest();
    digest.update(&committed.to_le_bytes());
    digest.update(&readings.to_le_bytes());
    digest.update(body);
    i64::from(digest.finalize())
}

/// Teaches a connection `row_sum(column, …)`: the sum over any columns, their types included.
pub(super) fn teach(conn: &Connection) -> Result<(), Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("row_sum", -1, flags, |columns| {
        let mut digest = CRC.digest();
        for n in 0..columns.len() {
            match columns.get_raw(n) {
                ValueRef::Null => digest.update(&[0]),
                ValueRef::Integer(number) => {
                    digest.update(&[1]);
                    digest.update(&number.to_le_bytes());
                }
                ValueRef::Real(number) => {
                    digest.update(&[2]);
                    digest.update(&number.to_bits().to_le_bytes());
                }
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    digest.update(&[3]);
                    digest.update(&(bytes.len() as u64).to_le_bytes());
                    digest.update(bytes);
                }
            }
        }
        Ok(i64::from(digest.finalize()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{of_chunk, teach};

    #[test]
    fn the_sum_is_crc_32c() {
        assert_eq!(super::CRC.checksum(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn columns_that_run_together_differently_have_other_sums() {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        teach(&conn).unwrap();
        let sum = |sql: &str| conn.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
        let all = ["'ab', 'c'", "'a', 'bc'", "'abc'", "'ab', NULL, 'c'", "1", "1.0", "'1'", "NULL", ""];
        let sums: std::collections::BTreeSet<i64> =
            all.iter().map(|columns| sum(&format!("SELECT row_sum({columns})"))).collect();
        assert_eq!(sums.len(), all.len());
    }

    proptest! {
        #[test]
        fn any_flipped_bit_changes_the_sum_of_a_chunk(
            mut body in prop::collection::vec(any::<u8>(), 1..300), at in any::<prop::sample::Index>(), bit in 0..8u8,
        ) {
            let before = of_chunk(7, 9, &body);
            let at = at.index(body.len());
            body[at] ^= 1 << bit;
            prop_assert_ne!(of_chunk(7, 9, &body), before);
        }
    }
}
