//! How far the sheets of an old .xls reach, before anything is made of them: whoever reads one makes room for all cells
//! between the first and the last, so one cell far out would cost gigabytes.
//!
//! An .xls is a small file system (MS-CFB) in which the stream `Workbook` holds records (MS-XLS); those of cells begin with
//! row and column. What cannot be followed here is left to whoever reads the file.

use std::collections::HashSet;

/// Marks the end of a chain of sectors, and all that are no sectors.
const NO_SECTOR: u32 = 0xFFFF_FFFA;
/// The first bytes of such a file.
const MAGIC: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
/// Records of cells that hold something. The text that a formula gives, 0x0207, stands behind its cell and names none.
const CELLS: &[u16] =
    &[0x0006, 0x0206, 0x0406, 0x00BD, 0x00D6, 0x00FD, 0x0203, 0x0204, 0x0205, 0x027E, 0x007E];
/// Several numbers beside each other; the last column stands at its end.
const MANY: u16 = 0x00BD;
/// A sheet, a chart inside of one, or the workbook's own part begins.
const BEGIN: u16 = 0x0809;
/// It ends.
const END: u16 = 0x000A;
/// What a sheet says that it spans; room is made for that many cells, whatever comes.
const DECLARED: u16 = 0x0200;
/// All cells that a sheet of this format can have.
const ALL: u64 = 65_536 * 256;

/// What one sheet spans: its cells, and its last row and column from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    /// Rows times columns between the first and the last cell.
    pub(super) cells: u64,
    pub(super) row: u32,
    pub(super) column: u16,
}

/// Whether the table of chains of an .xls names more sectors than the file has: whoever reads it unpacks one as often as it
/// is named, so that a megabyte would cost gigabytes.
pub(super) fn names_sectors_too_often(bytes: &[u8]) -> bool {
    let Some(size) = bytes.starts_with(MAGIC).then(|| sector_size(bytes)).flatten() else { return false };
    let sectors = bytes.len() / size;
    // A few beyond the end are no harm: the header alone has room for 109.
    named_sectors(bytes, size, sectors + 110).count() > sectors + 109
}

/// What the sheets of an .xls span; empty for any other file.
pub(super) fn reaches(bytes: &[u8]) -> Vec<Reach> {
    workbook(bytes).map_or_else(Vec::new, |stream| of_records(&stream))
}

fn of_records(stream: &[u8]) -> Vec<Reach> {
    let mut found = Vec::new();
    let mut span: Option<[u16; 4]> = None;
    // The sheets around a chart that stands inside of one: their cells go on behind it.
    let mut outer: Vec<Option<[u16; 4]>> = Vec::new();
    let mut rest = stream;
    while let Some((kind, length)) = u16_at(rest, 0).zip(u16_at(rest, 2)) {
        let Some(body) = rest.get(4..4 + usize::from(length)) else { break };
        rest = &rest[4 + usize::from(length)..];
        match kind {
            BEGIN => outer.push(span.take()),
            END => {
                found.extend(span.take().map(reach));
                span = outer.pop().flatten();
            }
            DECLARED => found.extend(declared(body).filter(|reach| reach.cells > ALL)),
            _ => {}
        }
        let (Some(row), Some(first), true) = (u16_at(body, 0), u16_at(body, 2), CELLS.contains(&kind)) else {
            continue;
        };
        let last = if kind == MANY { u16_at(body, body.len().saturating_sub(2)) } else { None };
        let last = last.unwrap_or(first).max(first);
        let [top, bottom, left, right] = span.unwrap_or([row, row, first, last]);
        span = Some([top.min(row), bottom.max(row), left.min(first), right.max(last)]);
    }
    found.extend(outer.into_iter().chain([span]).flatten().map(reach));
    found
}

fn reach([top, bottom, left, right]: [u16; 4]) -> Reach {
    let cells = (u64::from(bottom - top) + 1) * (u64::from(right - left) + 1);
    Reach { cells, row: u32::from(bottom), column: right }
}

/// First row and the one behind the last, the same of the columns. An end before the begin is as good as no end.
fn declared(body: &[u8]) -> Option<Reach> {
    let (from, to, at) = match body.len() {
        10 => (u32::from(u16_at(body, 0)?), u32::from(u16_at(body, 2)?), 4),
        _ => (u32_at(body, 0)?, u32_at(body, 4)?, 8),
    };
    let (left, right) = (u16_at(body, at)?, u16_at(body, at + 2)?);
    if to == 0 || right == 0 {
        return None;
    }
    let rows = to.checked_sub(from).map_or(1 << 32, u64::from);
    let columns = u64::from(right.checked_sub(left).filter(|_| left <= 255).unwrap_or(right));
    Some(Reach { cells: rows * columns, row: to - 1, column: right - 1 })
}

/// The stream that holds the records.
fn workbook(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(MAGIC) {
        return None;
    }
    let size = sector_size(bytes)?;
    let sector = |n: u32| sector_at(bytes, size, n);
    let table = sectors_of_table(bytes, size);
    let entries: Vec<u32> = table.iter().filter_map(|n| sector(*n)).flat_map(numbers).collect();
    let read =
        |start: u32| -> Vec<u8> { chain(&entries, start).filter_map(sector).flatten().copied().collect() };
    let directory = read(u32_at(bytes, 48)?);
    let named = |wanted: &str| {
        directory.chunks_exact(128).find(|entry| {
            let length = usize::from(u16_at(entry, 64).unwrap_or(0)).saturating_sub(2).min(62);
            let name = entry[..length].chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]]));
            char::decode_utf16(name).map(|c| c.unwrap_or('?')).eq(wanted.chars())
        })
    };
    let entry = named("Workbook").or_else(|| named("Book"))?;
    let (start, length) = (u32_at(entry, 116)?, u32_at(entry, 120)?);
    let small = length < u32_at(bytes, 56)?;
    let mut stream = if small {
        // Small streams share the sectors of the root's.
        let shared = read(u32_at(directory.get(..128)?, 116)?);
        let piece = 1usize << u16_at(bytes, 32).filter(|s| (2..=12).contains(s))?;
        let entries: Vec<u32> = numbers(&read(u32_at(bytes, 60)?)).collect();
        let pieces = chain(&entries, start).filter_map(|n| {
            let from = (n as usize).checked_mul(piece)?;
            shared.get(from..(from + piece).min(shared.len()))
        });
        pieces.flatten().copied().collect()
    } else {
        read(start)
    };
    stream.truncate(length as usize);
    Some(stream)
}

/// Bytes of a sector.
fn sector_size(bytes: &[u8]) -> Option<usize> {
    Some(1usize << u16_at(bytes, 30).filter(|s| (7..=16).contains(s))?)
}

fn sector_at(bytes: &[u8], size: usize, n: u32) -> Option<&[u8]> {
    let from = (n as usize).checked_add(1)?.checked_mul(size)?;
    bytes.get(from..(from + size).min(bytes.len())).filter(|s| !s.is_empty())
}

/// Where the table of chains stands, each sector once, at most as many as the file has.
fn sectors_of_table(bytes: &[u8], size: usize) -> Vec<u32> {
    let most = bytes.len() / size;
    let mut seen = HashSet::new();
    named_sectors(bytes, size, usize::MAX).filter(|n| seen.insert(*n)).take(most).collect()
}

/// The sectors that hold the table of chains, as they are named: 109 in the header, more in sectors of their own, of which
/// each is read once. Ends after the first sector with which `most` are named.
fn named_sectors(bytes: &[u8], size: usize, most: usize) -> impl Iterator<Item = u32> {
    let head: Vec<u32> = bytes.get(76..512).map(|head| numbers(head).collect()).unwrap_or_default();
    let mut next = u32_at(bytes, 68).unwrap_or(NO_SECTOR);
    let mut seen = HashSet::new();
    let more = std::iter::from_fn(move || {
        let this = Some(next).filter(|n| *n < NO_SECTOR && seen.insert(*n))?;
        let all: Vec<u32> = numbers(sector_at(bytes, size, this)?).take(size / 4).collect();
        let (last, entries) = all.split_last()?;
        next = *last;
        Some(entries.to_vec())
    });
    head.into_iter().chain(more.flatten()).filter(|n| *n < NO_SECTOR).take(most)
}

/// The sectors of a stream, each once.
fn chain(entries: &[u32], start: u32) -> impl Iterator<Item = u32> {
    let mut seen = HashSet::new();
    let mut next = start;
    std::iter::from_fn(move || {
        if next >= NO_SECTOR || !seen.insert(next) {
            return None;
        }
        let this = next;
        next = entries.get(this as usize).copied().unwrap_or(NO_SECTOR);
        Some(this)
    })
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_le_bytes(*two))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*four))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::{Reach, reaches};

    /// A cell that holds a number.
    fn number(row: u16, column: u16) -> Vec<u8> {
        let mut record = vec![0x03, 0x02, 14, 0];
        record.extend(row.to_le_bytes());
        record.extend(column.to_le_bytes());
        record.extend([0; 10]);
        record
    }

    /// An .xls with these cells in its one sheet; small ones lie in the shared sectors.
    pub(in crate::cli::profile) fn book(cells: &[(u16, u16)], small: bool) -> Vec<u8> {
        of(&cells.iter().flat_map(|(row, column)| number(*row, *column)).collect::<Vec<u8>>(), small)
    }

    const BEGIN: [u8; 8] = [0x09, 0x08, 4, 0, 0, 6, 16, 0];
    const END: [u8; 4] = [0x0A, 0, 0, 0];

    fn of(inside: &[u8], small: bool) -> Vec<u8> {
        let mut records = [&BEGIN, inside, &END].concat();
        let length = if small { records.len() } else { records.len().max(4096) };
        records.resize(length.next_multiple_of(512), 0);
        let sectors = records.len() / 512;
        let mut file = vec![0u8; 512];
        file[..8].copy_from_slice(super::MAGIC);
        (file[30], file[32]) = (9, 6);
        let mut put = |at: usize, n: u32| file[at..at + 4].copy_from_slice(&n.to_le_bytes());
        put(44, 1);
        put(48, 1);
        put(56, 4096);
        put(60, 2);
        put(68, 0xFFFF_FFFE);
        (0..109).for_each(|n| put(76 + n * 4, if n == 0 { 0 } else { u32::MAX }));
        // Sector 0: the table; 1: the directory; 2: the table of the small ones; then the stream.
        let last = 0xFFFF_FFFEu32;
        let mut table = vec![0xFFFF_FFFD, last, last];
        table.extend((0..sectors).map(|n| if n + 1 == sectors { last } else { n as u32 + 4 }));
        table.resize(128, u32::MAX);
        file.extend(table.iter().flat_map(|n| n.to_le_bytes()));
        let entry = |name: &str, kind: u8, start: u32, size: usize| {
            let mut entry = [0u8; 128];
            for (n, c) in name.encode_utf16().enumerate() {
                entry[n * 2..n * 2 + 2].copy_from_slice(&c.to_le_bytes());
            }
            (entry[64], entry[66]) = (name.len() as u8 * 2 + 2, kind);
            entry[116..120].copy_from_slice(&start.to_le_bytes());
            entry[120..124].copy_from_slice(&(size as u32).to_le_bytes());
            entry
        };
        file.extend(entry("Root Entry", 5, 3, records.len()));
        file.extend(entry("Workbook", 2, if small { 0 } else { 3 }, length));
        file.extend([0; 256]);
        let pieces = length.div_ceil(64);
        let mut table: Vec<u32> = (0..pieces as u32).map(|n| n + 1).collect();
        if let Some(end) = table.last_mut() {
            *end = last;
        }
        table.resize(128, u32::MAX);
        file.extend(table.iter().take(128).flat_map(|n| n.to_le_bytes()));
        file.extend(records);
        file
    }

    #[test]
    fn how_far_a_sheet_reaches_is_known_before_it_is_read() {
        for small in [true, false] {
            let cells = [(0, 0), (3, 2), (65_535, 255)];
            let far = Reach { cells: 65_536 * 256, row: 65_535, column: 255 };
            assert_eq!(reaches(&book(&cells, small)), [far], "{small}");
            let low = Reach { cells: 2, row: 60_001, column: 1 };
            assert_eq!(reaches(&book(&[(60_000, 1), (60_001, 1)], small)), [low]);
        }
        let many: Vec<(u16, u16)> = (0..2000).map(|n| (n / 10, n % 10)).collect();
        assert_eq!(reaches(&book(&many, false)), [Reach { cells: 2000, row: 199, column: 9 }]);
        assert!(reaches(b"PK\x03\x04").is_empty());
    }

    #[test]
    fn a_chart_inside_of_a_sheet_ends_nothing_and_the_text_of_a_formula_is_no_cell() {
        let chart = [number(0, 0), BEGIN.to_vec(), number(5, 5), END.to_vec(), number(65_535, 255)].concat();
        let cells: Vec<u64> = reaches(&of(&chart, true)).iter().map(|reach| reach.cells).collect();
        assert_eq!(cells, [1, 65_536 * 256]);
        // Five characters `ABCDE`: as a cell they would stand in column 0x4100.
        let text = [0x07, 0x02, 8, 0, 5, 0, 0, 0x41, 0x42, 0x43, 0x44, 0x45];
        let formula = [number(0, 0), text.to_vec(), number(900, 3)].concat();
        assert_eq!(reaches(&of(&formula, true)), [Reach { cells: 901 * 4, row: 900, column: 3 }]);
    }

    #[test]
    fn a_sheet_that_only_says_how_much_it_spans_is_known_too() {
        let says = |rows: [u32; 2], columns: [u16; 2]| {
            let mut record = vec![0x00, 0x02, 14, 0];
            rows.iter().for_each(|n| record.extend(n.to_le_bytes()));
            columns.iter().for_each(|n| record.extend(n.to_le_bytes()));
            record.extend([0, 0]);
            of(&[record, number(0, 0)].concat(), true)
        };
        for (rows, columns) in [([0, u32::MAX], [0, 256]), ([9, 3], [0, 9]), ([0, 65_536], [0, 300])] {
            assert!(reaches(&says(rows, columns)).iter().any(|reach| reach.cells > super::ALL), "{rows:?}");
        }
        // All rows and columns of the format, as a sheet that is coloured throughout has it, are no more than that.
        for (rows, columns) in [([0, 65_536], [0, 256]), ([0, 0], [0, 0]), ([3, 900], [1, 12])] {
            assert_eq!(reaches(&says(rows, columns)).len(), 1, "{rows:?}");
        }
    }

    #[test]
    fn a_table_that_names_its_sectors_over_and_over_is_unpacked_once() {
        assert!(!super::names_sectors_too_often(&book(&[(0, 0)], false)));
        let mut file = book(&[(0, 0), (3, 2)], false);
        let sectors = file.len() / 512;
        // Sectors that name the table's one sector 127 times each, one behind the other.
        let first = sectors as u32 - 1;
        file[68..72].copy_from_slice(&first.to_le_bytes());
        for n in 0..40u32 {
            (0..127).for_each(|_| file.extend(0u32.to_le_bytes()));
            let next = if n == 39 { 0xFFFF_FFFE } else { first + n + 1 };
            file.extend(next.to_le_bytes());
        }
        assert_eq!(super::sectors_of_table(&file, 512), [0]);
        assert_eq!(reaches(&file), [Reach { cells: 12, row: 3, column: 2 }]);
        assert!(super::names_sectors_too_often(&file));
        let problem = super::super::bounds::check(&file).expect_err("refused");
        assert!(problem.contains("sectors"), "{problem}");
    }

    proptest! {
        #[test]
        fn no_bytes_keep_it_busy_or_make_it_panic(at in 8usize..2000, with in prop::collection::vec(any::<u8>(), 1..64)) {
            let mut file = book(&[(0, 0), (9, 9)], false);
            let end = (at + with.len()).min(file.len());
            file[at..end].copy_from_slice(&with[..end - at]);
            reaches(&file);
        }
    }
}
