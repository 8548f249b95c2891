//! Register tables and byte orders from an independent server, and field types at an independent database.

use crate::peers::{Gateway, Influx1, ModbusServer, eventually, now_ms, unless};
use crate::plants;

const TABLES: (&str, &str) = (
    "tables.toml",
    r#"
kind = "test"
[[point]]
id = "coil"
table = "coil"
address = 7
[[point]]
id = "discrete"
address = 10009
[[point]]
id = "input"
address = 30011
type = "i16"
scale = 0.1
offset = -5
[[point]]
id = "abcd"
address = 40021
type = "f32"
[[point]]
id = "cdab"
address = 40023
type = "f32"
order = "cdab"
[[point]]
id = "badc"
address = 40025
type = "f32"
order = "badc"
[[point]]
id = "dcba"
address = 40027
type = "f32"
order = "dcba"
[[point]]
id = "wide"
address = 40031
type = "i64"
[[point]]
id = "double"
address = 40035
type = "f64"
[[point]]
id = "bit3"
address = 40041
bit = 3
[[point]]
id = "not_bit4"
address = 40041
bit = 4
invert = true
"#,
);

#[tokio::test(flavor = "multi_thread")]
async fn all_four_tables_and_byte_orders_read_right_from_pymodbus() {
    let mut modbus = ModbusServer::start();
    modbus.tell("coil 7 1");
    modbus.tell("discrete 8 1");
    modbus.tell("input 10 65036"); // −500
    // 1.25 in each order, as the domain's table has it.
    modbus.tell("holding 20 16288 0 0 16288 41023 0 0 41023");
    modbus.tell("holding 30 65535 65535 65535 64302"); // −1234
    let [a, b, c, d] = [0, 16, 32, 48].map(|shift| (1.0e10f64.to_bits() >> (48 - shift)) & 0xFFFF);
    modbus.tell(&format!("holding 34 {a} {b} {c} {d}"));
    modbus.tell("holding 40 8"); // bit 3
    let equipment = "[[equipment]]\nid = \"e\"\nprofile = \"tables\"\nsource = \"plc\"\nunit = 1\n";
    let source = format!(
        "[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://127.0.0.1:{}\"\nperiod = \"200ms\"\ntimeout = \"150ms\"\n",
        modbus.port
    );
    let mut gateway =
        Gateway::start(&[&plants::base(), &source, equipment].map(String::from).concat(), &[TABLES]);
    let wanted = [
        ("coil", 1.0),
        ("discrete", 1.0),
        ("input", -55.0),
        ("abcd", 1.25),
        ("cdab", 1.25),
        ("badc", 1.25),
        ("dcba", 1.25),
        ("wide", -1234.0),
        ("double", 1.0e10),
        ("bit3", 1.0),
        ("not_bit4", 1.0),
    ];
    eventually("every point reads what was written", async || {
        let points = gateway.get("/api/v1/equipment/e/points").await;
        let right = wanted.iter().all(|(id, value)| {
            points.as_array().into_iter().flatten().any(|p| p["id"] == *id && p["value"] == *value)
        });
        unless(right, points)
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_type_conflict_at_influxdb_1_is_set_aside_with_its_words_and_the_rest_goes_on() {
    let mut modbus = ModbusServer::start();
    modbus.set_float(2, 12.5);
    let database = Influx1::start().await;
    // Somebody wrote this field as a text before us.
    database
        .write(&format!("steam_boiler,equipment=boiler-1,site=test count=\"x\" {}000000", now_ms()))
        .await;
    let outlet = format!(
        "[[outlet.influx]]\nid = \"v1\"\nurl = \"http://127.0.0.1:{}\"\napi = \"v1\"\ndatabase = \"boilers\"\nbatch_age = \"300ms\"\n",
        database.port
    );
    let settings = [plants::base(), plants::boiler(modbus.port), outlet].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    eventually("both are sorted out", async || {
        let path = gateway.get("/api/v1/overview").await["path"]["outlets"][0].clone();
        let enough = path["delivered"].as_u64() > Some(40) && path["dead_letters"].as_u64() > Some(3);
        unless(enough, path)
    })
    .await;
    let letters = gateway.get("/api/v1/dead-letters?limit=1000").await;
    for letter in letters.as_array().into_iter().flatten() {
        let (what, reason) = (letter["what"].as_str().unwrap_or(""), letter["reason"].as_str().unwrap_or(""));
        assert!(
            what.contains("count=") && !what.contains("drum_level"),
            "a good field was set aside: {what}"
        );
        assert!(reason.contains("type conflict"), "the server's words are missing: {reason}");
    }
    gateway.stop().await;
    let wanted: Vec<i64> =
        gateway.committed("boiler-1").into_iter().filter(|c| c.0 == "drum_level").map(|c| c.1).collect();
    eventually("every level is in the database", async || {
        let answer = database.query("SELECT drum_level FROM steam_boiler").await;
        let rows = answer["results"][0]["series"][0]["values"].as_array().cloned().unwrap_or_default();
        let found: Vec<i64> = rows.iter().filter_map(|r| r[0].as_i64()).collect();
        unless(found == wanted, (found.len(), wanted.len()))
    })
    .await;
}
