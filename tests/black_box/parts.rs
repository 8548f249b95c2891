//! Whatever cannot start beside reading, judging and recording is down by itself, says so, and comes up by
//! itself once it can.

use std::net::TcpListener;

use crate::peers::{Gateway, KEY, ModbusServer, Receiver, Victoria, eventually, unless};
use crate::plants;

/// Two values are committed after the call: it reads and records.
async fn records(gateway: &Gateway) {
    let before = gateway.committed_ms("boiler-1", "count").len();
    eventually("it reads and records", async || {
        let now = gateway.committed_ms("boiler-1", "count").len();
        unless(now > before + 2, (before, now))
    })
    .await;
}

async fn turns(gateway: &Gateway, part: &str, state: &str) -> serde_json::Value {
    let mut last = serde_json::Value::Null;
    eventually(&format!("{part} is {state}"), async || {
        last = gateway.part(part).await;
        unless(last["state"] == state, &last)
    })
    .await;
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_port_of_its_page_taken_it_reads_judges_and_records_and_the_page_comes_once_it_is_free() {
    let mut modbus = ModbusServer::start();
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = taken.local_addr().expect("bound");
    let settings = plants::base().replace("127.0.0.1:0", &address.to_string());
    let mut gateway = Gateway::prepared(&[settings, plants::boiler(modbus.port)].concat(), &[plants::BOILER]);
    let (_, said) = gateway.tool(&["check", "."]);
    assert!(said.contains("warning: ") && said.contains(&format!("console.listen: {address}")), "{said}");
    let line = gateway.launch("the part is down");
    assert!(line.contains("console.listen") && line.contains("choose a free address"), "{line}");
    eventually("it has a store", async || unless(gateway.data().join("journal.db").exists(), "none")).await;
    records(&gateway).await;
    modbus.set_float(2, -120.0);
    eventually("it judges", async || unless(gateway.log().contains("alarm raised"), gateway.log())).await;
    drop(taken);
    gateway.address = format!("http://{address}");
    let console = turns(&gateway, "console", "up").await;
    assert!(console["attempts"].as_u64() > Some(1), "{console}");
    let (_, said) = gateway.tool(&["check", "."]);
    assert!(!said.contains("console.listen: "), "the port is its own: {said}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_is_told_in_a_line_how_it_stands() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("notify");
    let socket = tokio::net::UnixDatagram::bind(&path).expect("a socket");
    let (plc, database) = (ModbusServer::start(), crate::peers::free_port());
    let settings = [plants::base(), plants::boiler(plc.port), plants::victoria(database)].concat();
    let mut gateway = Gateway::prepared(&settings, &[plants::BOILER]);
    gateway.set("NOTIFY_SOCKET", &path.display().to_string());
    gateway.again();
    let mut said = Vec::new();
    let told = async {
        loop {
            let mut text = [0u8; 4096];
            let length = socket.recv(&mut text).await.expect("a message");
            said.push(String::from_utf8_lossy(&text[..length]).into_owned());
            let wanted = "STATUS=1 of 1 sources connected, 0 alarms; outlet database: away";
            if said.iter().any(|s| s.contains("READY=1")) && said.last().is_some_and(|s| s.contains(wanted)) {
                return;
            }
        }
    };
    let told = tokio::time::timeout(crate::peers::WAIT, told).await;
    assert!(told.is_ok(), "{said:?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_to_reload_says_what_became_of_it() {
    let modbus = ModbusServer::start();
    let port = crate::peers::free_port();
    let base = plants::base()
        .replace("127.0.0.1:0\"", &format!("127.0.0.1:{port}\"\ntoken = {{ env = \"TEST_TOKEN\" }}"));
    let settings = [base, plants::boiler(modbus.port)].concat();
    let mut gateway = Gateway::prepared(&settings, &[plants::BOILER]);
    let (code, said) = gateway.tool(&["reload", "."]);
    assert!(code == 1 && said.contains("is a gateway running"), "{code} {said}");
    gateway.again();
    records(&gateway).await;
    let (code, said) = gateway.tool(&["reload", "."]);
    assert!(code == 0 && said.contains("the settings are the same"), "{code} {said}");
    gateway.rewrite(&settings.replace("period = \"100ms\"", "period = \"150ms\""));
    let (code, said) = gateway.tool(&["reload", ".", "--dry-run"]);
    assert!(code == 0 && said.contains("100ms -> 150ms") && said.contains("only asked"), "{code} {said}");
    let (code, said) = gateway.tool(&["reload", ".", "--wait"]);
    assert!(code == 0 && said.contains("the new settings are in force"), "{code} {said}");
    gateway.rewrite(&settings.replace("period", "perod"));
    let (code, said) = gateway.tool(&["reload", "."]);
    assert!(
        code == 2 && said.contains("did you mean `period`?") && said.contains("settings stay"),
        "{code} {said}"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outlet_without_its_token_is_down_and_sends_everything_once_the_token_is_there() {
    let modbus = ModbusServer::start();
    let database = Victoria::start().await;
    let outlet =
        plants::victoria(database.port).replace("bucket =", "token = { file = \"token\" }\nbucket =");
    let settings = [plants::base(), plants::boiler(modbus.port), outlet].concat();
    let mut gateway = Gateway::prepared(&settings, &[plants::BOILER]);
    let (code, said) = gateway.tool(&["check", "."]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("outlet.influx.database.token: token: No such file"), "{said}");
    gateway.again();
    records(&gateway).await;
    let part = turns(&gateway, "outlet.influx.database", "down").await;
    assert!(part["problem"].as_str().is_some_and(|p| p.contains("token: token: No such file")), "{part}");
    let outlet = gateway.get("/api/v1/overview").await["path"]["outlets"][0].clone();
    assert_eq!((&outlet["ok"], &outlet["state"]), (&false.into(), &"down".into()), "{outlet}");
    gateway.write("token", "any will do here\n");
    turns(&gateway, "outlet.influx.database", "up").await;
    gateway.stop().await;
    database.holds("steam_boiler_count", &gateway.committed_ms("boiler-1", "count")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_without_its_secret_is_down_and_sends_signed_events_once_the_secret_is_there() {
    let mut modbus = ModbusServer::start();
    let receiver = Receiver::start().await;
    let feed =
        plants::inspection(&receiver.url).replace("{ env = \"TEST_INSPECTION_KEY\" }", "{ file = \"key\" }");
    let settings = [plants::base(), plants::boiler(modbus.port), feed].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    plants::reads_the_boiler(&gateway).await;
    modbus.set_float(2, -120.0);
    eventually("the hazard is there", async || {
        let hazards = gateway.get("/api/v1/hazards").await;
        unless(hazards["hazards"].as_array().is_some_and(|h| h.len() == 1), hazards)
    })
    .await;
    turns(&gateway, "outlet.inspection.inspection", "down").await;
    assert!(receiver.ids().is_empty(), "nothing goes out unsigned");
    gateway.write("key", KEY);
    eventually("the event is delivered", async || unless(!receiver.ids().is_empty(), "none")).await;
    turns(&gateway, "outlet.inspection.inspection", "up").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_its_token_lets_nobody_in_until_the_token_is_there() {
    let modbus = ModbusServer::start();
    let base = plants::base().replace("[console]", "[console]\ntoken = { file = \"token\" }");
    let mut gateway = Gateway::start(&[base, plants::boiler(modbus.port)].concat(), &[plants::BOILER]);
    records(&gateway).await;
    for given in [&[][..], &[("authorization", "Bearer ")], &[("authorization", "Bearer x")]] {
        assert_eq!(gateway.status("/api/v1/overview", given).await, 401, "{given:?}");
    }
    assert_eq!(gateway.text("/readyz").await, "ready\nconsole: limited\n");
    gateway.write("token", "a long random text");
    let good = [("authorization", "Bearer a long random text")];
    eventually("the token opens", async || {
        let status = gateway.status("/api/v1/overview", &good).await;
        unless(status == 200, status)
    })
    .await;
    eventually("all is well", async || {
        let ready = gateway.text("/readyz").await;
        unless(ready == "ready\n", ready)
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_its_authority_is_away_and_the_others_are_read() {
    let modbus = ModbusServer::start();
    let source = plants::receiver(1, 5)
        .replace("mqtt://127.0.0.1:1\"", "mqtts://127.0.0.1:1\"\ntls = { ca_file = \"no-such-ca.pem\" }");
    let settings = [plants::base(), plants::boiler(modbus.port), source].concat();
    let mut gateway = Gateway::prepared(&settings, &[plants::BOILER, plants::RECEIVER]);
    let (code, said) = gateway.tool(&["check", "."]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("source.mqtt.broker.tls.ca_file: no-such-ca.pem"), "{said}");
    gateway.again();
    records(&gateway).await;
    let sources = gateway.get("/api/v1/overview").await["path"]["sources"].clone();
    let broker = sources.as_array().into_iter().flatten().find(|s| s["id"] == "broker").cloned();
    let error = broker.and_then(|b| b["last_error"].as_str().map(str::to_owned)).unwrap_or_default();
    assert!(error.contains("tls.ca_file") && error.contains("no-such-ca.pem"), "{error}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_certificates_starts_and_sends() {
    let modbus = ModbusServer::start();
    let database = Victoria::start().await;
    let settings = [plants::base(), plants::boiler(modbus.port), plants::victoria(database.port)].concat();
    let mut gateway = Gateway::prepared(&settings, &[plants::BOILER]);
    let nothing = tempfile::tempdir().expect("a folder");
    gateway.set("SSL_CERT_FILE", &nothing.path().join("none.pem").display().to_string());
    gateway.set("SSL_CERT_DIR", &nothing.path().display().to_string());
    gateway.again();
    eventually("readings arrive", async || {
        let found = database.timestamps("steam_boiler_count").await.len();
        unless(found > 3, found)
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_stays_down_is_an_alarm_of_the_gateway_until_it_stands() {
    let modbus = ModbusServer::start();
    let outlet = plants::victoria(crate::peers::free_port())
        .replace("bucket =", "token = { file = \"token\" }\nbucket =");
    let settings = [plants::base(), plants::boiler(modbus.port), outlet].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    records(&gateway).await;
    let alarm = async |gateway: &Gateway| {
        let alarms = gateway.get("/api/v1/alarms").await;
        let all = alarms.as_array().cloned().unwrap_or_default();
        all.into_iter().find(|a| a["rule"] == "gateway/parts.state").unwrap_or_default()
    };
    assert_eq!(alarm(&gateway).await, serde_json::Value::Null, "at once it may be starting");
    eventually("the alarm says what is down", async || {
        let alarm = alarm(&gateway).await;
        let said = alarm["guidance"]["message"]["en"].as_str().unwrap_or_default();
        let is = alarm["state"] == "unacknowledged" && said.contains("outlet.influx.database down: ");
        unless(is && said.contains("token: No such file"), &alarm)
    })
    .await;
    let body = r#"{"rule":"gateway/parts.state","by":"赵海"}"#;
    assert_eq!(gateway.post("/api/v1/alarms/acknowledge", body, &[]).await, 200);
    gateway.write("token", "any will do here\n");
    eventually("the alarm is over", async || {
        let alarm = alarm(&gateway).await;
        unless(alarm == serde_json::Value::Null, alarm)
    })
    .await;
    gateway.stop().await;
    let ledger = steamward::store::LedgerReader::open(&gateway.data().join("ledger.db")).expect("a ledger");
    let all = ledger.transitions(None, (None, None), u32::MAX).expect("readable");
    let mine: Vec<_> =
        all.iter().rev().filter(|t| t.rule == "gateway/parts.state").map(|t| t.event.as_str()).collect();
    assert_eq!(mine, ["raised", "acknowledged", "cleared"]);
}
