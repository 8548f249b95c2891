//! What in a profile can be read and is hardly meant: worth a warning, once, at its line.

use super::super::fault::{Fault, Place};
use super::super::overlap::{Span, overlaps};
use super::super::sheet;
use super::super::types::{Format, Table};
use super::super::walk::Walk;
use super::ProfilePoint;
use crate::plant::unit;

/// Words of a name that say that a row is void.
const VOID: [&str; 9] =
    ["作废", "废弃", "弃用", "已取消", "已停用", "not used", "unused", "obsolete", "do not use"];

/// The same where they are the whole name, with or without a number.
const VOID_ALONE: [&str; 7] = ["备用", "预留", "保留", "空", "spare", "reserved", "void"];

/// What is odd about one point's address and unit, beside what was made of them.
pub(super) fn of_point(
    walk: &Walk<'_>,
    point: &ProfilePoint,
    table: Option<Table>,
    counts: bool,
) -> Vec<Fault> {
    let mut found = Vec::new();
    let mut tell = |key: &str, problem: String, remedy: String| {
        let written = walk.written(key);
        found.push(Fault { place: written.place, key: written.key, problem, remedy });
    };
    let own = walk.has("table") || walk.has("function");
    let given = point.register.as_ref().filter(|_| own || table.is_some()).map(|r| r.table);
    if let Some((problem, remedy)) = address(walk, given).filter(|_| !counts) {
        tell("address", problem, remedy);
    }
    if let Some((problem, remedy)) = spelling(&point.unit) {
        tell("unit", problem, remedy);
    }
    if let Some(word) = void(&point.name.zh).or_else(|| void(&point.name.en)) {
        let problem = format!("the name says that there is nothing here: {word}");
        tell("name", problem, "remove the point, or give it the name of what it measures".to_owned());
    }
    found
}

/// Numbers that manuals mean in two ways.
fn address(walk: &Walk<'_>, given: Option<Table>) -> Option<(String, String)> {
    // As hexadecimal text it is a protocol address, and meant so.
    if !walk.has("address") || walk.is_plain_text("address") {
        return None;
    }
    let number = walk.whole("address", 0, 465_536)?;
    match given {
        Some(table) => beside(number, table),
        None => edge(number),
    }
}

/// The digit that leads a table's numbers in Modicon's way of writing, and the name of one of its entries.
fn modicon(table: Table) -> Option<(i64, &'static str, &'static str)> {
    match table {
        Table::Coil => None,
        Table::DiscreteInput => Some((1, "discrete input", "discrete")),
        Table::InputRegister => Some((3, "input register", "input")),
        Table::HoldingRegister => Some((4, "holding register", "holding")),
    }
}

/// `40021` beside `table = "holding"`.
fn beside(number: i64, table: Table) -> Option<(String, String)> {
    let (lead, name, _) = modicon(table)?;
    let first = number - lead * 10_000;
    if !(1..10_000).contains(&first) {
        return None;
    }
    Some((
        format!("{number} beside a table is read as the plain address {number}, and not as {name} {first}"),
        format!(
            "write address = {} for {name} {first}; address_base = 0 (or 1) in the profile says that {number} is meant",
            first - 1
        ),
    ))
}

/// `40000`, `30000`: just below the first number of a table.
fn edge(number: i64) -> Option<(String, String)> {
    let tables = [Table::DiscreteInput, Table::InputRegister, Table::HoldingRegister];
    let (_, name, table) = tables.into_iter().filter_map(modicon).find(|m| number == m.0 * 10_000)?;
    Some((
        format!(
            "{number} is read as the plain address {number} of the holding registers; the first {name} is {}",
            number + 1
        ),
        format!(
            "write address = {} if the list means the first {name}, or table = \"{table}\" and address = 0; \
             address_base = 0 in the profile says that {number} is meant",
            number + 1
        ),
    ))
}

/// A unit in another spelling than the one that conversions and presets know.
fn spelling(written: &str) -> Option<(String, String)> {
    if written.is_empty() || unit::conversion(written, written).is_ok() {
        return None;
    }
    let known = sheet::known_unit(written).filter(|known| *known != written)?;
    let (problem, more) = if written.contains("公斤") {
        let convert = "; for MPa write unit = \"MPa\" and raw_unit = \"kgf/cm2\", limits then in MPa";
        (
            format!("`{written}` as a pressure is kgf/cm2 (1 kgf/cm2 = 0.0980665 MPa), and is not converted"),
            convert,
        )
    } else {
        (format!("`{written}` is not a unit that is converted: it is written `{known}`"), "")
    };
    Some((problem, format!("write unit = \"{known}\"{more}")))
}

fn void(name: &str) -> Option<&'static str> {
    let plain = name.trim().to_lowercase();
    let alone = plain.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '_' | '-' | '#'));
    let within = VOID.iter().find(|word| plain.contains(**word));
    within.or_else(|| VOID_ALONE.iter().find(|word| **word == alone)).copied()
}

/// Values that read the registers of others. `shared` are those that say that it is meant.
pub(super) fn of_points(points: &[ProfilePoint], shared: &[bool], places: &[(Place, String)]) -> Vec<Fault> {
    let spans: Vec<Option<Span>> = points.iter().map(span).collect();
    let mut found = Vec::new();
    for overlap in overlaps(&spans) {
        if shared[overlap.after] || shared[overlap.before] {
            continue;
        }
        let before = &points[overlap.before];
        let (place, key) = places[overlap.after].clone();
        let problem = if overlap.same {
            format!("the same register as `{}`", before.id)
        } else {
            format!("overlaps `{}`: a value of {} registers", before.id, overlap.registers)
        };
        let remedy = "check addresses and types of both; shared = true here says that it is meant".to_owned();
        found.push(Fault { place, key, problem, remedy });
    }
    found
}

fn span(point: &ProfilePoint) -> Option<Span> {
    let r = point.register.as_ref()?;
    let bit = if let Format::RegisterBit(bit) = r.format { Some(bit) } else { None };
    Some(Span {
        table: r.table,
        first: u32::from(r.address),
        registers: u32::from(r.registers()),
        bit,
        field: matches!(r.format, Format::Bits { .. }),
    })
}

#[cfg(test)]
mod tests {
    use crate::settings::load_texts;

    fn warned(head: &str, points: &str) -> Vec<String> {
        let text = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\n\
                    [[equipment]]\nid = \"e1\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n\
                    [[equipment]]\nid = \"e2\"\nprofile = \"p\"\nsource = \"a\"\nunit = 2\n";
        let profile = format!("kind = \"k\"\n{head}\n{points}\n");
        let loaded = load_texts(&[("t.toml", text)], &[("p.toml", &profile)], &[]).expect("good");
        loaded.warnings.iter().map(ToString::to_string).collect()
    }

    fn one(head: &str, keys: &str) -> Vec<String> {
        warned(head, &format!("[[point]]\nid = \"x\"\n{keys}"))
    }

    #[test]
    fn an_address_that_manuals_mean_in_two_ways_is_told_with_both() {
        for (head, keys, told) in [
            ("", "address = 40000", "write address = 40001 if the list means the first holding register"),
            ("", "address = 30000", "write address = 30001 if the list means the first input register"),
            ("", "address = 10000", "write address = 10001 if the list means the first discrete input"),
            ("table = \"holding\"", "address = 40021", "write address = 20 for holding register 21"),
            ("", "address = 30005\nfunction = 4", "write address = 4 for input register 5"),
        ] {
            let said = one(head, keys);
            assert!(said.len() == 1 && said[0].contains(told), "{head} {keys}: {said:?}");
            assert!(
                said[0].starts_with("p.toml:5:1: point.0.address") || said[0].starts_with("p.toml:6:1"),
                "{said:?}"
            );
        }
        for (head, keys) in [
            ("", "address = 40001"),
            ("", "address = 100"),
            ("address_base = 0", "address = 40000"),
            ("address_base = 1\ntable = \"holding\"", "address = 40021"),
            ("table = \"input\"", "address = 40021"),
            ("", "address = \"0x9C40\""),
        ] {
            assert_eq!(one(head, keys), Vec::<String>::new(), "{head} {keys}");
        }
    }

    #[test]
    fn two_values_of_the_same_registers_are_told_unless_they_are_meant() {
        let two = |a: &str, b: &str| format!("[[point]]\nid = \"a\"\n{a}\n[[point]]\nid = \"b\"\n{b}\n");
        let said = warned("", &two("address = 30001\ntype = \"f32\"", "address = 30002\ntype = \"f32\""));
        assert!(said.len() == 1 && said[0].contains("overlaps `a`: a value of 2 registers"), "{said:?}");
        let said = warned("", &two("address = 40001", "address = 40001\ntype = \"i16\""));
        assert!(said.len() == 1 && said[0].contains("the same register as `a`"), "{said:?}");
        for (a, b) in [
            ("address = 40001", "address = 40001\nshared = true"),
            ("address = 40001\nbit = 1", "address = 40001\nbit = 2"),
            ("address = 40001", "address = 40001\nbits = [4, 7]"),
            ("address = 40001\ntype = \"f32\"", "address = 40003"),
            ("address = 40001", "address = 30001"),
        ] {
            assert_eq!(warned("", &two(a, b)), Vec::<String>::new(), "{a} {b}");
        }
    }

    #[test]
    fn a_unit_in_a_spelling_that_nothing_converts_is_told_with_the_right_one() {
        for (unit, told) in [
            ("Mpa", "write unit = \"MPa\""),
            ("MPA", "write unit = \"MPa\""),
            ("公斤", "write unit = \"kgf/cm2\"; for MPa write unit = \"MPa\" and raw_unit = \"kgf/cm2\""),
            ("T/H", "write unit = \"t/h\""),
            ("KW", "write unit = \"kW\""),
        ] {
            let said = one("", &format!("address = 40001\nunit = \"{unit}\""));
            assert!(said.len() == 1 && said[0].contains(told), "{unit}: {said:?}");
        }
        for unit in ["MPa", "kPa", "℃", "t/h", "mm", "bool", "", "furlong", "m3/h", "%", "kgf/cm2"] {
            assert_eq!(
                one("", &format!("address = 40001\nunit = \"{unit}\"")),
                Vec::<String>::new(),
                "{unit}"
            );
        }
    }

    #[test]
    fn a_row_whose_name_says_that_it_is_void_is_told() {
        for name in ["水位（作废）", "备用1", "Reserved 3", "spare", "Do not use"] {
            let said = one("", &format!("address = 40001\nname = \"{name}\""));
            assert!(said.len() == 1 && said[0].contains("nothing here"), "{name}: {said:?}");
        }
        for name in ["备用泵运行", "水位", "Reserve tank level"] {
            assert_eq!(
                one("", &format!("address = 40001\nname = \"{name}\"")),
                Vec::<String>::new(),
                "{name}"
            );
        }
    }
}
