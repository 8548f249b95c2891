//! What is odd about a device, from three places: its own entry, its profile, its source. The nearest
//! word wins.

use std::time::Duration;

use super::super::fault::{Place, Written};
use super::super::profile::TABLES;
use super::super::types::{AddressRange, Quirks, Seam, Table};
use super::super::walk::Walk;
use crate::plant::PointIx;

/// The keys that were written.
#[derive(Debug, Clone, Default)]
pub(in crate::settings) struct QuirkKeys {
    max_registers: Option<u16>,
    /// Where it stands, for what does not fit into it.
    pub(in crate::settings) max_registers_written: Option<Written>,
    max_bits: Option<u16>,
    max_gap: Option<u16>,
    pause: Option<Duration>,
    pipeline: Option<u8>,
    forbidden: Vec<AddressRange>,
    readable: Vec<AddressRange>,
    seams: Vec<Seam>,
    pub(in crate::settings) four_byte: Vec<AddressRange>,
    any_transaction: Option<bool>,
    busy_retries: Option<u8>,
    busy_pause: Option<Duration>,
    crc_swapped: Option<bool>,
    tolerant: Option<bool>,
    warm_up: Option<Duration>,
    /// Id of the point, and how long it may stand still.
    pub(in crate::settings) heartbeat: Option<(String, Duration)>,
    pub(in crate::settings) heartbeat_place: Place,
}

impl QuirkKeys {
    /// The keys that a source and a device entry may have too.
    pub(in crate::settings) fn path(w: &Walk<'_>) -> Self {
        Self {
            max_registers: w.whole("max_registers", 1, 125).map(|n| n as u16),
            max_registers_written: w.has("max_registers").then(|| w.written("max_registers")),
            max_bits: w.whole("max_bits", 1, 2000).map(|n| n as u16),
            max_gap: w.whole("max_gap", 0, 124).map(|n| n as u16),
            pause: w.duration("pause"),
            pipeline: w.whole("pipeline", 1, 16).map(|n| n as u8),
            ..Self::default()
        }
    }

    /// A profile's `[modbus]`.
    pub(in crate::settings) fn profile(w: &Walk<'_>) -> Self {
        let heartbeat = w.table("heartbeat").and_then(|h| {
            let point = h.need("point", "\"heartbeat\"").map(str::to_owned);
            let within = h.duration("within").unwrap_or(Duration::from_secs(10));
            h.finish();
            Some((point?, within))
        });
        Self {
            forbidden: ranges(w, "forbidden"),
            readable: ranges(w, "readable"),
            seams: seams(w),
            four_byte: four_byte(w),
            any_transaction: w.word("transaction_ids", &[("checked", false), ("any", true)]),
            busy_retries: w.whole("retries_busy", 0, 10).map(|n| n as u8),
            busy_pause: w.duration("retry_busy_after"),
            crc_swapped: w.word("crc", &[("standard", false), ("swapped", true)]),
            tolerant: w.flag("tolerant"),
            warm_up: w.duration("warm_up"),
            heartbeat,
            heartbeat_place: w.place("heartbeat"),
            ..Self::path(w)
        }
    }

    /// These keys over those, over the defaults.
    pub(in crate::settings) fn settle(
        entry: &Self,
        profile: &Self,
        source: &Self,
        heartbeat: Option<(PointIx, Duration)>,
    ) -> Quirks {
        let default = Quirks::default();
        macro_rules! nearest {
            ($key:ident) => {
                entry.$key.or(profile.$key).or(source.$key).unwrap_or(default.$key)
            };
        }
        Quirks {
            max_registers: nearest!(max_registers),
            max_bits: nearest!(max_bits),
            max_gap: nearest!(max_gap),
            pause: nearest!(pause),
            pipeline: nearest!(pipeline),
            busy_retries: nearest!(busy_retries),
            busy_pause: nearest!(busy_pause),
            crc_swapped: nearest!(crc_swapped),
            tolerant: nearest!(tolerant),
            warm_up: profile.warm_up,
            forbidden: profile.forbidden.clone(),
            readable: profile.readable.clone(),
            seams: (profile.seams.iter().copied())
                .chain(touching(&profile.readable))
                .chain(borders(&profile.four_byte))
                .collect(),
            four_byte: profile.four_byte.clone(),
            any_transaction: nearest!(any_transaction),
            heartbeat,
        }
    }
}

/// Where one readable range ends and the next begins at once: whoever writes two ranges there has seen that
/// they are not one.
fn touching(readable: &[AddressRange]) -> impl Iterator<Item = Seam> + '_ {
    let next = |r: &AddressRange| Some((r.table, r.to.checked_add(1)?));
    readable
        .iter()
        .filter(move |r| readable.iter().any(|o| next(o) == Some((r.table, r.from))))
        .map(|r| Seam { table: r.table, at: r.from })
}

/// No request reads registers of two sizes: the length of its answer would say nothing about either.
fn borders(four_byte: &[AddressRange]) -> impl Iterator<Item = Seam> + '_ {
    four_byte.iter().flat_map(|r| {
        let first = (r.from > 0).then_some(r.from);
        [first, r.to.checked_add(1)].into_iter().flatten().map(|at| Seam { table: r.table, at })
    })
}

/// Ranges of registers with four bytes each; bits have none.
fn four_byte(w: &Walk<'_>) -> Vec<AddressRange> {
    let mut all = ranges(w, "four_byte");
    if all.iter().any(|r| r.table.is_bits()) {
        w.fault(
            "four_byte",
            "coils and discrete inputs are bits, not registers of four bytes",
            "table = \"holding\" or \"input\"",
        );
        all.retain(|r| !r.table.is_bits());
    }
    all
}

fn seams(w: &Walk<'_>) -> Vec<Seam> {
    let mut all = Vec::new();
    for s in w.list("seams") {
        let table = s.word("table", TABLES).unwrap_or(Table::HoldingRegister);
        match s.whole("at", 1, 65535) {
            Some(at) => all.push(Seam { table, at: at as u16 }),
            None if s.has("at") => {}
            None => s.fault(
                "at",
                "missing",
                "the first address of the second area: { table = \"holding\", at = 45 }",
            ),
        }
        s.finish();
    }
    all
}

fn ranges(w: &Walk<'_>, key: &'static str) -> Vec<AddressRange> {
    let mut all = Vec::new();
    for r in w.list(key) {
        let table = r.word("table", TABLES).unwrap_or(Table::HoldingRegister);
        let (from, to) = (r.whole("from", 0, 65535), r.whole("to", 0, 65535));
        if from.is_none() || to.is_none() || from > to {
            r.fault(
                "",
                "no range",
                "{ table = \"holding\", from = 100, to = 119 }, both from 0 and included",
            );
        }
        r.finish();
        if let (Some(from), Some(to)) = (from, to) {
            all.push(AddressRange { table, from: from as u16, to: to as u16 });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::settings::{AddressRange, Loaded, Table, load_texts};

    fn load(head: &str, points: &[&str]) -> Result<Loaded, String> {
        let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\n\
                        [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n";
        let point = |(n, keys): (usize, &&str)| format!("[[point]]\nid = \"p{n}\"\n{keys}\n");
        let points: String = points.iter().enumerate().map(point).collect();
        let profile =
            format!("kind = \"k\"\ntable = \"holding\"\naddress_base = 0\n[modbus]\n{head}\n{points}");
        load_texts(&[("t.toml", settings)], &[("p.toml", &profile)], &[]).map_err(|e| e.to_string())
    }

    const ENRON: &str = "four_byte = [{ from = 5001, to = 7999 }]";

    #[test]
    fn registers_of_four_bytes_are_ranges_and_hold_one_value_each() {
        let loaded = load(
            ENRON,
            &[
                "address = 5001\ntype = \"i32\"",
                "address = 5002\ntype = \"u32\"",
                "address = 7999\ntype = \"f32\"\norder = \"cdab\"",
                "address = 7001\ntype = \"u32\"\nbits = [3, 3]\nunit = \"bool\"",
                "address = 3001",
                "address = 8000\ntype = \"f32\"",
            ],
        )
        .expect("good");
        let device = &loaded.settings.modbus[0].devices[0];
        let points = device.groups[0].points.iter().map(|p| (p.four_byte, p.registers()));
        assert_eq!(
            points.collect::<Vec<_>>(),
            [(true, 1), (true, 1), (true, 1), (true, 1), (false, 1), (false, 2)]
        );
        assert!(loaded.warnings.is_empty(), "neighbours do not overlap: {:?}", loaded.warnings);
        let range = AddressRange { table: Table::HoldingRegister, from: 5001, to: 7999 };
        assert_eq!(device.quirks.four_byte, [range]);
        assert_eq!(device.quirks.seams.iter().map(|s| s.at).collect::<Vec<_>>(), [5001, 8000]);
        let all = "four_byte = [{ table = \"input\", from = 0, to = 65535 }]";
        let last =
            load(all, &["table = \"input\"\naddress = 65535\ntype = \"f32\""]).expect("the last register");
        assert!(last.settings.modbus[0].devices[0].quirks.seams.is_empty());
    }

    #[test]
    fn replies_in_payloads_have_registers_of_two_bytes_and_a_profile_that_says_otherwise_is_a_fault() {
        let settings = "[site]\nid = \"n\"\n[[source.mqtt]]\nid = \"a\"\naddress = \"mqtt://192.0.2.1\"\n\
                        [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\ntopic = \"t\"\n";
        let told = |head: &str| {
            let profile = format!(
                "kind = \"k\"\nshape = {{ preset = \"hex\", request = [{{ function = 3, start = 0, count = 4 }}] }}\n\
                 {head}\n[[point]]\nid = \"x\"\naddress = 40001\ntype = \"f32\"\n"
            );
            let loaded = load_texts(&[("t.toml", settings)], &[("p.toml", &profile)], &[]);
            loaded.err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(told(""), "");
        let said = told("[modbus]\nfour_byte = [{ from = 0, to = 9 }]");
        assert!(said.contains("are read from Modbus sources only"), "{said}");
    }

    #[test]
    fn what_has_no_place_in_a_register_of_four_bytes_is_a_fault_with_what_to_write() {
        for (head, point, said) in [
            (ENRON, "address = 5001", "address: a value of 2 bytes, but register 5001 holds four"),
            (
                ENRON,
                "address = 5001\ntype = \"i16\"",
                "type: a value of 2 bytes, but register 5001 holds four",
            ),
            (ENRON, "address = 5001\nbit = 3", "type = \"u32\" and bits = [3, 3]"),
            (ENRON, "address = 7001\ntype = \"f64\"", "a value of 8 bytes, but register 7001 holds four"),
            (
                ENRON,
                "address = 5000\ntype = \"f32\"",
                "the value reaches from register 5000 into registers of four bytes",
            ),
            (
                "four_byte = [{ table = \"coil\", from = 0, to = 9 }]",
                "address = 1",
                "coils and discrete inputs are bits, not registers of four bytes",
            ),
            ("four_byte = [{ from = 9, to = 1 }]", "address = 1", "no range"),
        ] {
            let told = load(head, &[point]).expect_err(point);
            assert!(told.contains(said), "{point}: {told}");
        }
    }
}
