//! `steamward replay`: the gateway's own past, judged again by the same and by other settings.

use serde_json::{Value, json};

use crate::peers::{Gateway, ModbusServer, eventually, unless};
use crate::plants;

fn tool(gateway: &Gateway, words: &[&str]) -> String {
    let (code, said) = gateway.tool(&[&["replay", "--config", "."], words].concat());
    assert_eq!(code, 0, "{said}");
    // How long it took is told beside the outcome, and differs.
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
    assert!(code == 1 && said.contains("past.csv: line 10: `noon` is no time"), "{said}");
}
