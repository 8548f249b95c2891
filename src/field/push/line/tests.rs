//! Good lines, wrong ones, and the same lines through the database's own parser.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Line, LineError, lines};

fn all(text: &str) -> Vec<Result<Line<'_>, LineError>> {
    lines(text).collect()
}

fn one(text: &str) -> Line<'_> {
    let mut found = all(text);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn a_line_has_tags_fields_of_every_type_and_a_time() {
    let line =
        one("boiler,device=boiler-1,site=n p=1.02,n=-8i,u=7u,on=t,off=FALSE,s=\"a, \\\"b\\\" c\" 1790000000");
    assert_eq!((line.tag("device"), line.tag("site"), line.tag("x")), (Some("boiler-1"), Some("n"), None));
    let values: Vec<Value> = line.fields.iter().map(|f| f.1.clone()).collect();
    assert_eq!(values, [json!(1.02), json!(-8), json!(7), json!(true), json!(false), json!("a, \"b\" c")]);
    assert_eq!(line.timestamp, Some(1_790_000_000));
    assert_eq!(one("m f=1").timestamp, None);
}

#[test]
fn escapes_are_taken_as_the_database_takes_them() {
    let line = one(r"my\ m\,x,de\=v=boiler\ 1\,b fi\ e=1,a\b=2,c\\d=3");
    assert_eq!(line.measurement, "my m,x");
    assert_eq!(line.tag("de=v"), Some("boiler 1,b"));
    let names: Vec<&str> = line.fields.iter().map(|f| &*f.0).collect();
    assert_eq!(names, ["fi e", r"a\b", r"c\d"]);
}

#[test]
fn a_wrong_line_costs_only_itself_and_says_where() {
    let found =
        all("# a comment\r\nm f=1\r\n\nm f=\"open\nm f=2 x\nm\nm,t f=1\nm f=3 1 2\nm =1\nm f=\n  m f=4\n");
    let numbers: Vec<_> = found.iter().map(|l| l.as_ref().map(|l| l.number).map_err(|e| e.number)).collect();
    assert_eq!(numbers, [Ok(2), Err(4), Err(5), Err(6), Err(7), Err(8), Err(9), Err(10), Ok(11)]);
    let said = found[1].as_ref().expect_err("an open quote").to_string();
    assert_eq!(said, "line 4: the text of the field `f` has no closing quote");
    assert!(found[2].as_ref().expect_err("no number").what.contains("`x` is not a timestamp"));
}

#[test]
fn a_text_may_have_line_feeds_and_the_next_line_keeps_its_number() {
    let found = all("m f=\"a\nb\"\nm g=2");
    assert_eq!(found.iter().map(|l| l.as_ref().expect("good").number).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn no_numbers_are_null_and_numbers_too_wide_are_not_cut() {
    let line = one("m a=NaN,b=-inf,c=99999999999999999999i,d=abc,e=1.5MPa");
    let values: Vec<Value> = line.fields.iter().map(|f| f.1.clone()).collect();
    assert_eq!(values, [Value::Null, Value::Null, json!(1e20), json!("abc"), json!("1.5MPa")]);
}

/// As a sender would write it.
fn escaped(name: &str) -> String {
    name.chars().flat_map(|c| (",= ".contains(c)).then_some('\\').into_iter().chain([c])).collect()
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_lose_its_place(text in "(?s).{0,200}") {
        let count = text.lines().count();
        for line in lines(&text) {
            let number = match &line { Ok(l) => l.number, Err(e) => e.number };
            prop_assert!((1..=count.max(1)).contains(&number), "{number} of {count}");
        }
    }

    #[test]
    fn a_good_line_reads_as_the_databases_own_parser_reads_it(
        text in r#"[mt](\\[ ,]|[mt\\]?[mt]){0,2}(,([ab]|\\[=, ]){1,2}x=([a-c]|\\[=, ]|\\[a-c]){0,4}y){0,2} f([ab]|\\[ ,=]){0,2}=(-?[0-9]{1,4}(\.[0-9]{1,3})?|[0-9]{1,3}[iu]|t|false|"([a-c ,=]|\\"|\\\\){0,6}")( [0-9]{1,12})?"#,
    ) {
        let theirs: Vec<_> = influxdb_line_protocol::parse_lines(&text).collect();
        let ours = all(&text);
        prop_assert_eq!((theirs.len(), ours.len()), (1, 1), "{}", text);
        let theirs = theirs[0].as_ref().map_err(|e| TestCaseError::fail(format!("{text}: theirs: {e}")))?;
        let ours = ours[0].as_ref().map_err(|e| TestCaseError::fail(format!("{text}: ours: {e}")))?;
        prop_assert_eq!(theirs.series.measurement.as_str(), &*ours.measurement);
        let tags: Vec<(String, String)> =
            theirs.series.tag_set.iter().flatten().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let own: Vec<(String, String)> = ours.tags.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        prop_assert_eq!(tags, own);
        prop_assert_eq!(theirs.timestamp, ours.timestamp);
        for ((key, theirs), (name, ours)) in theirs.field_set.iter().zip(&ours.fields) {
            use influxdb_line_protocol::FieldValue as F;
            prop_assert_eq!(key.as_str(), &**name);
            let wanted = match theirs {
                F::I64(n) => json!(n),
                F::U64(n) => json!(n),
                F::F64(n) => json!(n),
                F::String(text) => json!(text.as_str()),
                F::Boolean(set) => json!(set),
            };
            let same = match (&wanted, ours) {
                (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
                (a, b) => a == b,
            };
            prop_assert!(same, "{text}: {wanted} {ours}");
        }
    }

    #[test]
    fn every_name_and_number_comes_back(device in "[a-zA-Z\u{4e00}-\u{4eff}][a-z0-9=, \u{4e00}-\u{4eff}]{0,8}x", name in "[a-z][a-z=, ]{0,6}y", value in -1e12..1e12f64) {
        let text = format!("m,device={} {}={value} 5", escaped(&device), escaped(&name));
        let line = one(&text);
        prop_assert_eq!(line.tag("device"), Some(&*device));
        prop_assert_eq!(&*line.fields[0].0, &*name);
        prop_assert_eq!(line.fields[0].1.as_f64(), Some(value));
    }
}
