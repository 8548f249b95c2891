//! Each slip by its name, at its column, with the line to write.

use super::{WRITE_LINE, repair};

/// The faults of a file of one line below a good one, as (column, problem, line to write).
fn slips(line: &str) -> Vec<(usize, String, String)> {
    let text = format!("[site]\n{line}\n");
    let repaired = repair("t.toml", &text).unwrap_or_else(|| panic!("{line}: no slip was found"));
    let of = |f: &super::Fault| {
        assert_eq!(f.place.line, 2, "{line}: {f}");
        let write = f.remedy.strip_prefix(WRITE_LINE).unwrap_or_else(|| panic!("{line}: {f}"));
        (f.place.column, f.problem.clone(), write.to_owned())
    };
    assert!(repaired.is_whole, "{line}");
    repaired.faults.iter().map(of).collect()
}

#[test]
fn signs_of_an_input_method_are_named_at_their_column_with_the_line_to_write() {
    for (line, column, problem, write) in [
        ("period ＝ \"1s\"", 8, "full-width `＝` for `=`", "period = \"1s\""),
        ("range = [0，2.5]", 11, "Chinese comma `，` for `,`", "range = [0,2.5]"),
        ("range = 【0, 2.5】", 9, "full-width `【` for `[`, full-width `】` for `]`", "range = [0, 2.5]"),
        ("name = “北区”", 8, "smart quote `“` for `\"`, smart quote `”` for `\"`", "name = \"北区\""),
        ("name = \"北区”", 11, "smart quote `”` for `\"`", "name = \"北区\""),
        ("name = ‘北区’", 8, "smart quote `‘` for `\"`, smart quote `’` for `\"`", "name = \"北区\""),
        ("unit = １", 8, "full-width `１` for `1`", "unit = 1"),
        ("at = 1。2", 7, "Chinese full stop `。` for `.`", "at = 1.2"),
        ("period：\"1s\"", 7, "full-width colon `：` for `=`", "period=\"1s\""),
        ("\u{3000}\u{3000}unit = 1", 1, "full-width space (U+3000)", "unit = 1"),
        ("unit\u{a0}=\u{a0}1", 5, "no-break space (U+00A0)", "unit = 1"),
        ("unit = 1 ＃ 一号", 10, "full-width `＃` for `#`", "unit = 1 # 一号"),
        ("at = −75", 6, "dash `−` for `-`", "at = -75"),
        ("h = ｛ at = 1 ｝", 5, "full-width `｛` for `{`, full-width `｝` for `}`", "h = { at = 1 }"),
        ("ｕnit = 1", 1, "full-width `ｕ` for `u`", "unit = 1"),
        ("unit = 1\u{200b}", 9, "an invisible character", "unit = 1"),
    ] {
        assert_eq!(slips(line), [(column, problem.to_owned(), write.to_owned())], "{line}");
    }
}

#[test]
fn what_is_missing_or_too_much_in_a_line_is_named_with_the_line_to_write() {
    for (line, problem, write) in [
        ("timeout = 300ms", "a text stands in quotes", "timeout = \"300ms\""),
        ("profile = boiler", "a text stands in quotes", "profile = \"boiler\""),
        ("name = \"north", "a text stands in quotes", "name = \"north\""),
        ("name = north\"", "a text stands in quotes", "name = \"north\""),
        ("address = tcp://192.0.2.1:502", "a text stands in quotes", "address = \"tcp://192.0.2.1:502\""),
        ("dir = \"C:\\data\\x\"", "a backslash in double quotes is not itself", "dir = 'C:\\data\\x'"),
        ("dir = D:\\steamward", "a backslash in double quotes is not itself", "dir = 'D:\\steamward'"),
        ("scale = 1/1000", "`1/1000` is a calculation, and a number is wanted", "scale = 0.001"),
        ("scale = .5", "`.5` is not a number as it is written here", "scale = 0.5"),
        ("unit = 01", "`01` is not a number as it is written here", "unit = 1"),
        ("at = 1.2MPa", "a number stands without its unit", "at = 1.2"),
        ("unit = 1,", "a line does not end with a comma or semicolon", "unit = 1"),
        ("gzip = True", "true is written so", "gzip = true"),
        ("gzip = no", "false is written so", "gzip = false"),
        ("range = 0, 2.5", "a list stands in brackets, its values parted by commas", "range = [0, 2.5]"),
        ("range = 0~2.5", "a list stands in brackets, its values parted by commas", "range = [0, 2.5]"),
        ("range = -150-150", "a list stands in brackets, its values parted by commas", "range = [-150, 150]"),
        ("range = [0 2.5]", "a list stands in brackets, its values parted by commas", "range = [0, 2.5]"),
        ("range = [0, 2.5", "a list stands in brackets, its values parted by commas", "range = [0, 2.5]"),
        ("h = { at = 1.2", "`}` is missing at the end", "h = { at = 1.2 }"),
        ("h = at = 1.2, deadband = 0.02", "a limit stands in braces", "h = { at = 1.2, deadband = 0.02 }"),
        (
            "h = { at = 1 deadband = 2 }",
            "a comma is missing between two keys",
            "h = { at = 1, deadband = 2 }",
        ),
        ("h = at = 1 deadband = 2 }", "a limit stands in braces", "h = { at = 1, deadband = 2 }"),
        ("period: \"1s\"", "`:` for `=`", "period = \"1s\""),
        ("period \"1s\"", "`=` is missing between the key and its value", "period = \"1s\""),
        ("// the first boiler", "a comment begins with `#`, not with `//`", "# the first boiler"),
        ("[[equipment]", "a heading with brackets that do not match", "[[equipment]]"),
        ("[console", "a heading with brackets that do not match", "[console]"),
        (
            "停炉 = 1",
            "the key 停炉 is written in quotes, as it has other than a-z, 0-9, _ and -",
            "\"停炉\" = 1",
        ),
    ] {
        let found = slips(line);
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert_eq!((found[0].1.as_str(), found[0].2.as_str()), (problem, write), "{line}");
    }
}

#[test]
fn several_slips_are_told_at_once_each_at_its_line() {
    let text = "[site]\nid ＝ “n”\nname = north\n\n[equipment]\nid = \"a\"\n[[equipment]]\nid = \"b\"\nperiod = 1s\n";
    let repaired = repair("t.toml", text).expect("slips");
    let lines: Vec<usize> = repaired.faults.iter().map(|f| f.place.line).collect();
    assert_eq!(lines, [2, 3, 5, 9]);
    assert!(repaired.is_whole);
    assert!(repaired.faults[2].remedy.ends_with("[[equipment]]"));
    assert_eq!(repaired.text.lines().nth(1), Some("id = \"n\""));
}

#[test]
fn good_files_have_no_slips_whatever_signs_stand_in_texts_and_comments() {
    for text in [
        "name = \"1# 锅炉，“北区”：【一】\" # 注释＝，\n",
        "name = '''\n“ ＝ ”\n'''\nunit = 1\n",
        "range = [\n  0,\n  2.5,\n]\n",
        "[equipment.boiler-1]\nperiod = \"2s\"\n",
        "[equipment]\nboiler-1 = { period = \"2s\" }\n",
        "",
    ] {
        assert!(repair("t.toml", text).is_none(), "{text}");
    }
}

#[test]
fn what_has_no_name_is_told_in_the_parsers_words_at_its_place() {
    let repaired = repair("t.toml", "[site]\nid = \"n\"\n[site]\nname = \"x\"\n").expect("a fault");
    assert!(!repaired.is_whole);
    let fault = &repaired.faults[0];
    assert!(fault.place.line == 3 && fault.problem.starts_with("not TOML: "), "{fault}");
}

#[test]
fn a_path_whose_backslash_was_eaten_is_told_with_the_path_to_write() {
    let told = |written: &str, value: &str| super::eaten_backslash(written, value).map(|t| t.1);
    assert_eq!(told("\"C:\\temp\"", "C:\temp").as_deref(), Some("write 'C:\\temp'"));
    assert_eq!(told("\"D:\\new\"", "D:\new").as_deref(), Some("write 'D:\\new'"));
    assert_eq!(told("\"a\\tb\"", "a\tb"), None);
    assert_eq!(told("'C:\\temp'", "C:\\temp"), None);
}

proptest::proptest! {
    #[test]
    fn whatever_stands_in_a_file_it_is_read_or_told(text in "[\\PC\n]{0,200}") {
        if let Some(repaired) = repair("t.toml", &text) {
            proptest::prop_assert!(!repaired.faults.is_empty());
            proptest::prop_assert_eq!(repaired.is_whole, super::parse(&repaired.text).is_ok());
        }
    }
}
