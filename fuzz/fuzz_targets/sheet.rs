//! A register list of any content, as lines of cells with tabs between: every problem says what, in which cell
//! and what would be right; what is imported is a profile's text that reads back; a profile that loads goes
//! out as a sheet and comes back the same. The first byte chooses joined cells and what the command line says.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use steamward::settings::load_texts;
use steamward::settings::sheet::{Cell, Diff, Merge, Options, Profile, Sheet, Trouble};
use steamward::settings::sheet::{export, import, merge, read, table_of, write};
use steamward_fuzz::taken_or_explained;

const MAIN: (&str, &str) = (
    "steamward.toml",
    "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.10:502\"\n\
     [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"sheet\"\nsource = \"plc\"\nunit = 1\n",
);

fn cell(text: &str) -> Cell {
    match text {
        "" => Cell::Empty,
        "TRUE" => Cell::Flag(true),
        "#REF!" => Cell::Error(text.to_owned()),
        t => t.parse().map_or_else(|_| Cell::Text(t.to_owned()), Cell::Number),
    }
}

fn explained(sheet: &Sheet, trouble: &Trouble) {
    assert!(!trouble.problem.is_empty(), "no problem: {trouble:?}");
    assert!(trouble.row <= sheet.rows.len(), "only {} rows: {trouble:?}", sheet.rows.len());
    let column = trouble.column.bytes().fold(0, |n, b| n * 26 + usize::from(b - b'A') + 1);
    let width = sheet.rows.iter().map(Vec::len).max().unwrap_or(0);
    assert!(column <= width, "only {width} columns: {trouble:?}");
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some((&choice, rest)) = bytes.split_first() else { return Corpus::Reject };
    let Ok(text) = std::str::from_utf8(rest) else { return Corpus::Reject };
    let rows: Vec<Vec<Cell>> = text.lines().map(|l| l.split('\t').map(cell).collect()).collect();
    let merges = match choice & 3 {
        0 => Vec::new(),
        1 => vec![Merge { rows: (1, 4), columns: (1, 1) }],
        2 => vec![Merge { rows: (0, 0), columns: (1, 3) }, Merge { rows: (0, 1), columns: (0, 0) }],
        _ => vec![Merge { rows: (2, 900), columns: (0, 900) }],
    };
    let options = Options {
        address_base: [None, Some(0), Some(1), None][usize::from(choice >> 2 & 3)],
        table: (choice & 16 != 0).then(|| table_of("input")).flatten(),
        kind: (choice & 32 != 0).then(|| "steam-boiler".to_owned()),
        order: (choice & 64 != 0).then(|| "cdab".to_owned()),
        ..Options::default()
    };
    let sheet = Sheet { name: "点表".to_owned(), rows, merges: merges.into() };
    let imported = import(std::slice::from_ref(&sheet), &options);
    imported.faults.iter().chain(&imported.warnings).for_each(|t| explained(&sheet, t));
    let profile = merge(&Profile::default(), &imported, false).profile;
    let toml = write("sheet.toml", None, &profile, "").expect("there is no old text to be wrong");
    let again = read("sheet.toml", &toml).unwrap_or_else(|fault| panic!("{fault}\n{toml}"));
    let differs = Diff::between(&profile, &again);
    assert!(differs.is_empty(), "{differs:?}\n{toml}");
    let given = ("sheet.toml", toml.as_str());
    let loaded = load_texts(&[MAIN], &[given], &[]);
    taken_or_explained(&[MAIN, given], &loaded);
    if loaded.is_ok() {
        // What the export names as lost need not come back; all else does.
        let exported = export("out", &profile);
        let back = import(&[exported.sheet], &Options::default());
        let differs = Diff::between(&profile, &merge(&Profile::default(), &back, false).profile);
        if exported.lost.is_empty() {
            assert!(back.faults.is_empty(), "{:?}\n{toml}", back.faults);
            assert!(differs.is_empty(), "{differs:?}\n{toml}");
        }
    }
    Corpus::Keep
});
