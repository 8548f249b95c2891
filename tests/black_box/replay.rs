//! `steamward replay`: the gateway's own past, judged again by the same and by other settings.

use serde_json::{Value, json};

use crate::peers::{Gateway, ModbusServer, eventually, unless};
use crate::plants;

fn tool(gateway: &Gateway, words: &[&str]) -> String {
    let (code, said) = gateway.tool(&[&["replay", "--config", "."], words].concat());
    assert_eq!(code, 0, "{said}");
    outcome(&said)
}

/// What a rehearsal said, without how long it took, which is told beside the outcome and differs.
pub fn outcome(said: &str) -> String {
    said.lines().filter(|l| !l.starts_with("judged ")).collect::<Vec<_>>().join("\n")
}

fn rule<'v>(report: &'v Value, key: &str) -> &'v Value {
    report["rules"].as_array().into_iter().flatten().find(|r| r["rule"] == key).unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_judged_again_as_it_was_and_by_other_limits() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, 0.0);
    let settings = plants::base() + &plants::boiler(modbus.port);
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    let shows = async |value: f64| {
        eventually("the level is read", async || {
            let points = gateway.get("/api/v1/equipment/boiler-1/points").await;
            unless(points[0]["value"] == value && points[0]["quality"] == "good", points)
        })
        .await;
    };
    // Three times low, once very low; the limit is −75.
    for level in [0.0, -80.0, 0.0, -60.0, 0.0, -120.0, 0.0] {
        modbus.set_float(2, level as f32);
        shows(level).await;
    }
    gateway.stop().await;

    let same: Value = serde_json::from_str(&tool(&gateway, &["--json"])).expect("JSON");
    let ll = rule(&same, "boiler-1/drum_level.ll");
    assert_eq!((&ll["tried"]["raised"], &ll["really"]["raised"]), (&json!(2), &json!(2)), "{same}");
    assert_eq!((&same["tried"]["calls"], &same["really"]["calls"]), (&json!(2), &json!(2)), "{same}");
    assert_eq!((&same["tried"]["hazard_limits"], &same["really"]["hazards"]), (&json!(1), &json!(1)));

    // Tried on paper: a stricter limit, and none of it touches the store.
    gateway.configure(&format!("{settings}[equipment.limits.drum_level]\nll = {{ at = -50 }}\n"));
    let strict: Value = serde_json::from_str(&tool(&gateway, &["--json"])).expect("JSON");
    let ll = rule(&strict, "boiler-1/drum_level.ll");
    assert_eq!((&ll["tried"]["raised"], &ll["really"]["raised"]), (&json!(3), &json!(2)), "{strict}");
    let text = tool(&gateway, &["--picture", "calls.svg"]);
    assert!(text.contains("boiler-1/drum_level.ll") && text.contains("these settings: 3 calls"), "{text}");
    assert_eq!(tool(&gateway, &["--json"]), tool(&gateway, &["--json"]), "the same input, another output");

    let (code, said) = gateway.tool(&["replay", "--config", ".", "--data", "nowhere"]);
    assert!(code == 1 && said.contains("nowhere/journal.db: not there"), "{said}");
    let (code, said) = gateway.tool(&["replay", "--config", ".", "--from", "yesterday"]);
    assert!(code == 1 && said.contains("no such time"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_readings_is_judged_too_and_a_wrong_line_is_named() {
    let gateway = Gateway::prepared(&(plants::base() + &plants::boiler(1)), &[plants::BOILER]);
    let level =
        |minute: u32, value: &str| format!("2026-11-24T08:{minute:02}:00Z,boiler-1,drum_level,{value}\n");
    let mut table = "time,equipment,point,value\n".to_owned();
    for (minute, value) in ["0", "-80", "-80", "", "0", "-75", "0"].iter().enumerate() {
        table += &level(minute as u32, value);
    }
    table += "2026-11-24T08:10:00Z,boiler-9,drum_level,1\n";
    gateway.write("past.csv", &table);
    let report: Value =
        serde_json::from_str(&tool(&gateway, &["--csv", "past.csv", "--json"])).expect("JSON");
    let ll = rule(&report, "boiler-1/drum_level.ll");
    // From 08:01 on; what was not there at 08:03 cleared nothing.
    assert_eq!(
        (&ll["tried"]["raised"], &ll["tried"]["longest_ms"]),
        (&json!(2), &json!(180_000)),
        "{report}"
    );
    assert_eq!((&report["unknown"], &report["really"]), (&json!(["boiler-9/drum_level"]), &Value::Null));
    gateway.write("past.csv", &(table + "noon,boiler-1,drum_level,1\n"));
    let (code, said) = gateway.tool(&["replay", "--config", ".", "--csv", "past.csv"]);
    assert!(code == 1 && said.contains("past.csv: line 10: `noon` is not a time"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_historians_table_is_read_as_it_was_exported() {
    let gateway = Gateway::prepared(&(plants::base() + &plants::boiler(1)), &[plants::BOILER]);
    let judged = |table: &[u8]| {
        gateway.write("past.csv", table);
        let (code, said) = gateway.tool(&["replay", "--config", ".", "--csv", "past.csv", "--json"]);
        match serde_json::from_str::<Value>(&outcome(&said)) {
            Ok(report) => {
                format!("{} {}", report["from"], rule(&report, "boiler-1/drum_level.ll")["tried"]["raised"])
            }
            Err(_) => format!("{code}: {}", said.trim()),
        }
    };
    let wanted = "\"2026-11-24T08:00:00.000000Z\" 1";
    // Semicolons and a mark at the beginning, as Excel writes it; tabs, Chinese headers, another encoding in a column
    // that is not read; seconds and milliseconds since 1970.
    assert_eq!(
        judged(
            "\u{feff}Time;Equipment;Point;Value\r\n2026-11-24 16:00:00;boiler-1;drum_level;-90\r\n"
                .as_bytes()
        ),
        wanted
    );
    let mut chinese =
        "时间\t设备\t测点\t数值\t备注\n2026/11/24 16:00:00\tboiler-1\tdrum_level\t-90\t".as_bytes().to_vec();
    chinese.extend(b"\xce\xde\n");
    assert_eq!(judged(&chinese), wanted);
    let head = "time,equipment,point,value\n";
    assert_eq!(judged(format!("{head}1795507200,boiler-1,drum_level,-90\n").as_bytes()), wanted);
    assert_eq!(judged(format!("{head}1795507200000,boiler-1,drum_level,-90\n").as_bytes()), wanted);
    // One point after the other, an hour each: in the order of time all the same.
    let rows = |value: &dyn Fn(u32) -> i32| {
        (0..60)
            .map(|m| format!("2026-11-24T08:{m:02}:00Z,boiler-1,drum_level,{}\n", value(m)))
            .collect::<String>()
    };
    let late = format!(
        "{head}2026-11-24T08:59:59Z,boiler-1,drum_level,0\n{}",
        rows(&|m| if m == 30 { -90 } else { 0 })
    );
    assert_eq!(judged(late.as_bytes()), wanted);

    assert_eq!(
        judged(b""),
        "1: past.csv: there is no column `time`; there are none; wanted: time, equipment, point, value"
    );
    assert_eq!(
        judged(b"time,point\n"),
        "1: past.csv: there is no column `equipment`; there are `time`, `point`; wanted: time, equipment, point, value"
    );
    let comma = format!("{head}1795507200,boiler-1,drum_level,\"-90,5\"\n");
    assert_eq!(judged(comma.as_bytes()), "1: past.csv: line 2: `-90,5` is not a number; write -90.5");
    let (_, said) =
        gateway.tool(&["replay", "--config", ".", "--csv", "past.csv", "--from", "2027-01-01T00:00:00Z"]);
    assert!(said.contains("line 2"), "{said}");
    gateway.write("past.csv", &late);
    let (code, said) =
        gateway.tool(&["replay", "--config", ".", "--csv", "past.csv", "--from", "2027-01-01T00:00:00Z"]);
    assert!(code == 1 && said.contains("there are readings from 2026-11-24T08:00:00.000000Z to"), "{said}");
    let (code, said) =
        gateway.tool(&["replay", "--config", ".", "--csv", "past.csv", "--picture", "calls.png"]);
    assert!(code == 1 && said.contains("calls.png: the picture is an SVG"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_ends_with_its_delay_has_not_outlasted_it_and_one_that_still_holds_then_has() {
    let settings = r#"
[[source.push]]
id = "history"
expect_every = "1m"
[[equipment]]
id = "boiler-1"
profile = "level"
source = "history"
limits.drum_level.l = { at = -50, on_delay = "60s", off_delay = "60s" }
"#;
    let profile = ("level.toml", "kind = \"steam-boiler\"\n[[point]]\nid = \"drum_level\"\nunit = \"mm\"\n");
    let gateway = Gateway::prepared(&(plants::base() + settings), &[profile]);
    let raised = |levels: &[i32]| {
        let mut table = "time,equipment,point,value\n".to_owned();
        for (minute, level) in levels.iter().enumerate() {
            table += &format!("2026-11-24T08:{minute:02}:00Z,boiler-1,drum_level,{level}\n");
        }
        gateway.write("past.csv", &table);
        let report: Value =
            serde_json::from_str(&tool(&gateway, &["--csv", "past.csv", "--json"])).expect("JSON");
        let tried = &rule(&report, "boiler-1/drum_level.l")["tried"];
        (tried["raised"].as_u64().unwrap_or(0), tried["active_ms"].as_u64().unwrap_or(0))
    };
    assert_eq!(raised(&[0, -60, 0, 0]), (0, 0));
    assert_eq!(raised(&[0, -60, -60, 0, 0]), (1, 120_000));
    // Low again in the instant its off-delay ends: the same alarm goes on.
    assert_eq!(raised(&[0, -60, -60, 0, -60, 0, 0]), (1, 240_000));
}

/// The fenced blocks of a document: language and text.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```").filter(|l| !l.is_empty()) {
            let body: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
            found.push((language, body.join("\n")));
        }
    }
    found
}

const EXAMPLE: (&str, &str) = (
    "boiler.toml",
    r#"
kind = "steam-boiler"
[[point]]
id = "steam_pressure"
unit = "MPa"
address = 40001
type = "f32"
range = [0, 2.5]
[[point]]
id = "drum_level"
unit = "mm"
address = 40003
type = "f32"
range = [-150, 150]
[[point]]
id = "drum_level_2"
unit = "mm"
address = 40005
type = "f32"
[[point]]
id = "drum_level_3"
unit = "mm"
address = 40007
type = "f32"
[[point]]
id = "drum_level_set"
unit = "mm"
address = 40009
type = "f32"
[[point]]
id = "feed_flow"
unit = "t/h"
address = 40013
type = "f32"
[[point]]
id = "steam_flow"
unit = "t/h"
address = 40015
type = "f32"
[[point]]
id = "steam_temp"
unit = "℃"
address = 40011
type = "f32"
[[point]]
id = "valve_command"
address = 10003
unit = "bool"
[[point]]
id = "valve_open"
address = 10004
unit = "bool"
[[point]]
id = "burner_run"
address = 10001
[[point]]
id = "flame_fail"
address = 10002
"#,
);

/// The outcome in the words of the document.
fn in_words(report: &Value) -> String {
    let times = |n: &Value| match n.as_u64() {
        Some(1) => "once".to_owned(),
        Some(2) => "twice".to_owned(),
        n => format!("{} times", n.unwrap_or(0)),
    };
    let mut lines = Vec::new();
    for rule in report["rules"].as_array().into_iter().flatten() {
        let tried = &rule["tried"];
        let key = rule["rule"].as_str().unwrap_or_default().trim_start_matches("boiler-1/");
        let mut line = format!(
            "{key}: {}, {}s",
            times(&tried["raised"]),
            tried["active_ms"].as_f64().unwrap_or(0.0) / 1e3
        );
        if tried["hidden"] != 0 {
            line += &format!(", {} hidden", times(&tried["hidden"]));
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push("none".to_owned());
    }
    match report["tried"]["precursors"].as_u64() {
        Some(0) | None => {}
        Some(n) if lines == ["none"] => lines.push(format!("{n} precursors")),
        Some(_) => {}
    }
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_limits_document_does_what_it_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/limits.md");
    let text = std::fs::read_to_string(path).expect("docs/limits.md");
    let all = blocks(&text);
    let examples: Vec<_> = all.chunks(3).collect();
    assert!(examples.len() >= 7, "{} examples", examples.len());
    let boiler = plants::boiler(1).replace("100ms", "1s");
    for example in examples {
        let [("toml", settings), ("readings", readings), ("alarms", wanted)] = example else {
            panic!("settings, readings and alarms are wanted: {example:?}");
        };
        let gateway = Gateway::prepared(&(plants::base() + &boiler + "\n" + settings), &[EXAMPLE]);
        let mut table = "time,equipment,point,value\n".to_owned();
        // A point is read every second, and says the same until it says something else.
        let mut said: Vec<(u32, &str, String)> = Vec::new();
        for reading in readings.lines() {
            let mut words = reading.split(' ');
            let (when, point) = (words.next().expect("seconds"), words.next().expect("a point"));
            let value = words.next().unwrap_or_default();
            match (when.split_once(".."), value.split_once("..")) {
                (Some((from, until)), Some((low, high))) => {
                    let (from, until): (u32, u32) = (from.parse().expect("from"), until.parse().expect("to"));
                    let (low, high): (f64, f64) = (low.parse().expect("low"), high.parse().expect("high"));
                    for second in from..=until {
                        let share = f64::from(second - from) / f64::from(until - from);
                        said.push((second, point, (low + share * (high - low)).to_string()));
                    }
                }
                _ => said.push((when.parse().expect("seconds"), point, value.to_owned())),
            }
        }
        for second in 0..=said.iter().map(|s| s.0).max().unwrap_or(0) {
            let mut points: Vec<&str> = said.iter().filter(|s| s.0 <= second).map(|s| s.1).collect();
            points.sort_unstable();
            points.dedup();
            for point in points {
                let newest = said.iter().filter(|s| s.0 <= second && s.1 == point).max_by_key(|s| s.0);
                let value = newest.map_or("", |s| s.2.as_str());
                table += &format!("{},boiler-1,{point},{value}\n", 1_790_000_000 + second);
            }
        }
        gateway.write("past.csv", &table);
        let report = tool(&gateway, &["--csv", "past.csv", "--json"]);
        let report: Value = serde_json::from_str(&report).unwrap_or_else(|e| panic!("{e}: {report}"));
        assert_eq!(in_words(&report), *wanted, "{settings}\n{report:#}");
    }
}
