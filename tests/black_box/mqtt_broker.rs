//! The embedded broker: devices of both protocol versions publish to the gateway itself.

use std::time::Duration;

use rumqttc::v5;

use crate::mqtt_session::certificates;
use crate::peers::{Gateway, ModbusServer, eventually, free_port, unless};
use crate::plants;

pub(crate) fn settings(port: u16, scheme: &str, dir: &str, broker: &str, source: &str) -> String {
    format!(
        "{}[broker]\nlisten = \"127.0.0.1:{port}\"\n{broker}\n[[broker.user]]\nname = \"dtu\"\n\
         password = {{ file = \"{dir}/dtu\" }}\n[[broker.user]]\nname = \"us\"\npassword = {{ file = \"{dir}/us\" }}\n\
         [[source.mqtt]]\nid = \"own\"\naddress = \"{scheme}://localhost:{port}\"\nusername = \"us\"\n\
         password = {{ file = \"{dir}/us\" }}\nreconnect_max = \"500ms\"\n{source}\n\
         [[equipment]]\nid = \"receiver-1\"\nprofile = \"receiver\"\nsource = \"own\"\ntopic = \"plant/receiver-1\"\n",
        plants::base()
    )
}

pub(crate) fn secrets() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("dtu"), "their word").expect("a file");
    std::fs::write(dir.path().join("us"), "our word").expect("a file");
    dir
}

fn client(name: &str, port: u16, password: &str) -> rumqttc::MqttOptions {
    let mut options = rumqttc::MqttOptions::new(name, "127.0.0.1", port);
    options.set_credentials("dtu", password).set_keep_alive(Duration::from_secs(5));
    options
}

async fn publish_v3(port: u16, payload: &str) {
    let (client, mut events) = rumqttc::AsyncClient::new(client("dtu-3", port, "their word"), 8);
    client.try_publish("plant/receiver-1", rumqttc::QoS::AtLeastOnce, false, payload).expect("queued");
    let confirmed = async {
        while !matches!(events.poll().await, Ok(rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_)))) {}
    };
    tokio::time::timeout(Duration::from_secs(10), confirmed).await.expect("acknowledged over 3.1.1");
}

async fn publish_v5(port: u16, payload: &str) {
    let mut options = v5::MqttOptions::new("dtu-5", "127.0.0.1", port);
    options.set_credentials("dtu", "their word").set_keep_alive(Duration::from_secs(5));
    let (client, mut events) = v5::AsyncClient::new(options, 8);
    let payload = payload.to_owned();
    client.try_publish("plant/receiver-1", v5::mqttbytes::QoS::AtLeastOnce, false, payload).expect("queued");
    let confirmed = async {
        use v5::mqttbytes::v5::Packet;
        while !matches!(events.poll().await, Ok(v5::Event::Incoming(Packet::PubAck(_)))) {}
    };
    tokio::time::timeout(Duration::from_secs(10), confirmed).await.expect("acknowledged over 5");
}

async fn shows(gateway: &Gateway, value: f64, again: impl AsyncFn()) {
    eventually("the value is shown", async || {
        again().await;
        let equipment = gateway.get("/api/v1/equipment").await;
        unless(equipment[0]["points"][0]["value"] == value, equipment)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_of_both_versions_publish_to_the_gateway_and_a_wrong_password_is_refused() {
    for version in [3, 5] {
        let (dir, port) = (secrets(), free_port());
        let at = dir.path().display().to_string();
        let text = settings(port, "mqtt", &at, "", &format!("version = {version}"));
        let mut gateway = Gateway::start(&text, &[plants::RECEIVER]);
        shows(&gateway, 0.51, async || publish_v3(port, r#"{"p":0.51}"#).await).await;
        shows(&gateway, 0.52, async || publish_v5(port, r#"{"p":0.52}"#).await).await;
        for password in ["their wordy", ""] {
            let (_client, mut events) = rumqttc::AsyncClient::new(client("thief", port, password), 8);
            let answer = tokio::time::timeout(Duration::from_secs(20), events.poll()).await;
            assert!(matches!(answer, Ok(Err(_))), "{answer:?}");
        }
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_broker_speaks_tls() {
    let (dir, port) = (secrets(), free_port());
    certificates(dir.path());
    let at = dir.path().display().to_string();
    let own = format!("tls = {{ cert_file = \"{at}/server.pem\", key_file = \"{at}/server.key\" }}");
    let text = settings(port, "mqtts", &at, &own, &format!("tls = {{ ca_file = \"{at}/ca.pem\" }}"));
    let mut gateway = Gateway::start(&text, &[plants::RECEIVER]);
    let mut roots = rustls::RootCertStore::empty();
    use rustls::pki_types::pem::PemObject;
    let ca = rustls::pki_types::CertificateDer::from_pem_file(dir.path().join("ca.pem")).expect("a file");
    roots.add(ca).expect("a root");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut options = rumqttc::MqttOptions::new("dtu", "localhost", port);
    options
        .set_credentials("dtu", "their word")
        .set_transport(rumqttc::Transport::tls_with_config(config.into()));
    let (client, mut events) = rumqttc::AsyncClient::new(options, 8);
    // The broker's process may not listen yet.
    let polling = tokio::spawn(async move {
        loop {
            if events.poll().await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
    shows(&gateway, 0.53, async || {
        let sent =
            client.publish("plant/receiver-1", rumqttc::QoS::AtLeastOnce, false, r#"{"p":0.53}"#).await;
        sent.expect("the loop runs");
    })
    .await;
    // Plain MQTT gets nowhere there.
    let (_plain, mut events) = rumqttc::AsyncClient::new(self::client("plain", port, "their word"), 8);
    let answer = tokio::time::timeout(Duration::from_secs(20), events.poll()).await;
    assert!(matches!(answer, Ok(Err(_))), "{answer:?}");
    polling.abort();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_costs_the_broker_alone_and_it_comes_when_the_port_is_free() {
    let dir = secrets();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let text = settings(port, "mqtt", &dir.path().display().to_string(), "", "");
    let mut gateway = Gateway::start(&text, &[plants::RECEIVER]);
    eventually("the broker is said to be down", async || {
        let broker = gateway.get("/api/v1/overview").await["path"]["broker"].clone();
        let why = broker["last_error"].as_str().unwrap_or_default();
        unless(broker["running"] == false && why.contains("choose a free address"), &broker)
    })
    .await;
    assert!(gateway.log().contains("broker.listen"), "{}", gateway.log());
    eventually("the board says so", async || {
        let ready = gateway.text("/readyz").await;
        unless(ready == "ready\nbroker: down\n", ready)
    })
    .await;
    drop(taken);
    shows(&gateway, 0.51, async || {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            publish_v3(port, r#"{"p":0.51}"#).await;
        }
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_password_comes_later_is_let_in_without_a_restart_and_nobody_is_cut_off() {
    let (dir, port) = (secrets(), free_port());
    std::fs::remove_file(dir.path().join("dtu")).expect("a file");
    let text = settings(port, "mqtt", &dir.path().display().to_string(), "", "");
    let mut gateway = Gateway::start(&text, &[plants::RECEIVER]);
    eventually("it is said who is turned away", async || {
        let broker = gateway.part("broker").await;
        let why = broker["problem"].as_str().unwrap_or_default();
        unless(broker["state"] == "limited" && why.contains("broker.user.dtu"), &broker)
    })
    .await;
    let refused = async |password: &str| {
        let (_client, mut events) = rumqttc::AsyncClient::new(client("dtu-3", port, password), 8);
        tokio::time::timeout(Duration::from_secs(10), events.poll()).await.is_ok_and(|e| e.is_err())
    };
    assert!(refused("").await && refused("their word").await, "let in without a password");
    let own = async || gateway.get("/api/v1/overview").await["path"]["sources"][0].clone();
    eventually("our own session stands", async || {
        let own = own().await;
        unless(own["connected"] == true, own)
    })
    .await;
    let errors = own().await["errors"].clone();
    std::fs::write(dir.path().join("dtu"), "their word").expect("a file");
    eventually("the broker stands", async || {
        let broker = gateway.part("broker").await;
        unless(broker["state"] == "up" && gateway.log().contains("its user is let in"), &broker)
    })
    .await;
    shows(&gateway, 0.51, async || publish_v3(port, r#"{"p":0.51}"#).await).await;
    let path = gateway.get("/api/v1/overview").await["path"].clone();
    assert_eq!(path["broker"]["ended"], 0, "{path}");
    assert_eq!(path["sources"][0]["errors"], errors, "our own session was cut off: {path}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_polls_on_when_its_broker_is_killed_and_the_broker_comes_back() {
    let (dir, port) = (secrets(), free_port());
    let plc = ModbusServer::start();
    let at = dir.path().display().to_string();
    let text = settings(port, "mqtt", &at, "", "") + &plants::boiler(plc.port);
    let mut gateway = Gateway::start(&text, &[plants::RECEIVER, plants::BOILER]);
    shows(&gateway, 0.51, async || publish_v3(port, r#"{"p":0.51}"#).await).await;
    let before = polls(&gateway).await;
    let broker = gateway.children();
    assert_eq!(broker.len(), 1, "one process beside the gateway: {broker:?}");
    kill(broker[0]);
    eventually("the end of the broker is shown and it runs again", async || {
        let broker = gateway.get("/api/v1/overview").await["path"]["broker"].clone();
        unless(broker["ended"] == 1 && broker["running"] == true, &broker)
    })
    .await;
    shows(&gateway, 0.52, async || publish_v5(port, r#"{"p":0.52}"#).await).await;
    let after = polls(&gateway).await;
    assert!(after.0 > before.0, "polls went on: {before:?}, {after:?}");
    assert_eq!(after.1, before.1, "no poll was missed");
    let log = gateway.log();
    assert!(log.contains("the embedded broker is down: its process ended (signal 9)"), "{log}");
    assert!(log.contains("the broker no longer has the session"), "{log}");
    let mqtt = gateway.get("/api/v1/overview").await["path"]["sources"].clone();
    let lost = mqtt.as_array().expect("sources").iter().find_map(|s| s["mqtt"]["sessions_lost"].as_u64());
    assert_eq!(lost, Some(1), "{mqtt}");
    let metrics = gateway.text("/metrics").await;
    assert!(metrics.contains("steamward_broker_ended_total 1"), "{metrics}");
    assert!(metrics.contains("steamward_mqtt_sessions_lost_total{source=\"own\"} 1"), "{metrics}");
    let broker = gateway.children()[0];
    gateway.kill();
    eventually("a broker does not outlive its gateway", async || {
        // Whoever inherits it may not have collected it yet.
        let status = std::fs::read_to_string(format!("/proc/{broker}/status")).unwrap_or_default();
        unless(status.is_empty() || status.contains("State:\tZ"), status)
    })
    .await;
}

fn kill(pid: u32) {
    let done = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
    assert!(done.is_ok_and(|s| s.success()), "kill {pid}");
}

/// Good polls and missed ones of the boiler.
async fn polls(gateway: &Gateway) -> (u64, u64) {
    let path = gateway.get("/api/v1/overview").await["path"].clone();
    let plc = path["sources"].as_array().and_then(|s| s.iter().find(|s| s["id"] == "plc")).cloned();
    let device = plc.expect("the source")["devices"][0].clone();
    let count = |key: &str| device[key].as_u64().unwrap_or_default();
    (count("good_polls"), count("missed_polls") + count("polls") - count("good_polls"))
}

/// The answer to a subscription, then to a publication in version 5: reason codes.
async fn tries(port: u16, id: &str, topic: &str) -> Result<(u8, u8), String> {
    use v5::mqttbytes::v5::{Packet, PubAckReason, SubscribeReasonCode};
    let mut options = v5::MqttOptions::new(id, "127.0.0.1", port);
    options.set_credentials("dtu", "their word").set_keep_alive(Duration::from_secs(5));
    let (client, mut events) = v5::AsyncClient::new(options, 8);
    client.try_subscribe(topic, v5::mqttbytes::QoS::AtLeastOnce).expect("queued");
    client.try_publish(topic, v5::mqttbytes::QoS::AtLeastOnce, false, "x").expect("queued");
    let (mut subscribed, mut published) = (None, None);
    while subscribed.is_none() || published.is_none() {
        match events.poll().await {
            Ok(v5::Event::Incoming(Packet::SubAck(ack))) => {
                subscribed = Some(match ack.return_codes[0] {
                    SubscribeReasonCode::Success(_) => 1,
                    _ => 0,
                });
            }
            Ok(v5::Event::Incoming(Packet::PubAck(ack))) => {
                published = Some(u8::from(matches!(
                    ack.reason,
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers
                )));
            }
            Ok(_) => {}
            Err(e) => return Err(e.to_string()),
        }
    }
    Ok((subscribed.unwrap_or_default(), published.unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_bound_to_their_topics_and_client_ids() {
    let (dir, port) = (secrets(), free_port());
    let at = dir.path().display().to_string();
    let text = settings(port, "mqtt", &at, "", "").replace(
        &format!("name = \"dtu\"\npassword = {{ file = \"{at}/dtu\" }}"),
        &format!(
            "name = \"dtu\"\npassword = {{ file = \"{at}/dtu\" }}\npublish = [\"plant/%c/#\"]\n\
             subscribe = [\"cmd/%c\", \"plant/%c/#\"]\nclient_ids = [\"dtu-*\"]"
        ),
    );
    let mut gateway = Gateway::start(&text, &[plants::RECEIVER]);
    eventually("the broker listens", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.err().map(|e| e.to_string())
    })
    .await;
    assert_eq!(tries(port, "dtu-1", "plant/dtu-1/data").await, Ok((1, 1)));
    assert_eq!(tries(port, "dtu-1", "plant/dtu-2/data").await, Ok((0, 0)));
    assert_eq!(tries(port, "dtu-1", "$SYS/x").await, Ok((0, 0)));
    for id in ["gateway", "dtu-+", "dtu-#", "dtu-/", "$SYS"] {
        let answer = tries(port, id, "plant/dtu-1/data").await;
        assert!(answer.is_err(), "{id}: {answer:?}");
    }
    // The gateway's own session is not a device's to take over.
    assert!(tries(port, "steamward-test-own", "plant/dtu-1/data").await.is_err());
    eventually("refusals are counted", async || {
        let broker = gateway.get("/api/v1/overview").await["path"]["broker"].clone();
        unless(broker["refused"].as_u64() >= Some(6) && broker["ended"] == 0, &broker)
    })
    .await;
    gateway.stop().await;
}

/// The long form, a day of 200 clients in ten minutes, is run by hand:
/// `MQTT_DAY_CLIENTS=200 MQTT_DAY_SECONDS=600 cargo nextest run --profile long --no-capture -E 'test(beside_hostile_ones)'`.
#[tokio::test(flavor = "multi_thread")]
async fn legal_clients_beside_hostile_ones_lose_no_message_and_the_gateway_no_poll() {
    let number = |name: &str, short: u64| {
        std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(short)
    };
    let (clients, seconds) = (number("MQTT_DAY_CLIENTS", 40), number("MQTT_DAY_SECONDS", 15));
    let (dir, port) = (secrets(), free_port());
    let plc = ModbusServer::start();
    let at = dir.path().display().to_string();
    // The gateway's own session is a 3.1.1 one: what comes with properties must reach it too.
    let text = settings(port, "mqtt", &at, "", "version = 3") + &plants::boiler(plc.port);
    let text = text.replace("period = \"100ms\"", "period = \"1s\"").replace("\"90ms\"", "\"900ms\"");
    let mut gateway = Gateway::start(&text, &[plants::RECEIVER, plants::BOILER]);
    shows(&gateway, 0.51, async || publish_v5(port, r#"{"p":0.51}"#).await).await;
    let before = polls(&gateway).await;
    let driver = std::process::Command::new(crate::peers::root().join(".venv/bin/python"))
        .arg(crate::peers::root().join("tests/peers/mqtt_day.py"))
        .args(["127.0.0.1", &port.to_string(), "--clients", &clients.to_string()])
        .args(["--seconds", &seconds.to_string(), "--hostile", "3"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("python with paho-mqtt: run tests/tools.sh");
    let done = tokio::task::spawn_blocking(move || driver.wait_with_output());
    let done = done.await.expect("no panic").expect("an end");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let path = gateway.get("/api/v1/overview").await["path"].clone();
    assert!(
        done.status.success(),
        "{said}\n{}\n{}",
        String::from_utf8_lossy(&done.stderr).chars().take(3000).collect::<String>(),
        path["broker"]
    );
    let said: serde_json::Value = serde_json::from_str(&said).expect("one object");
    println!("{said}\n{}", path["broker"]);
    let readings = said["readings"].as_u64().expect("a count");
    eventually("the gateway has all readings", async || {
        let path = gateway.get("/api/v1/overview").await["path"].clone();
        let own = path["sources"].as_array().and_then(|s| s.iter().find(|s| s["id"] == "own")).cloned();
        let own = own.unwrap_or_default();
        unless(own["requests"].as_u64() > Some(readings) && own["mqtt"]["unacknowledged"] == 0, own)
    })
    .await;
    let after = polls(&gateway).await;
    assert_eq!(path["broker"]["ended"], 0, "{}", path["broker"]);
    assert!(path["broker"]["malformed"].as_u64() > Some(0), "{}", path["broker"]);
    assert!(after.0 > before.0 + seconds / 2, "{before:?} {after:?}");
    assert_eq!(after.1, before.1, "polls were missed");
    gateway.stop().await;
    let all = gateway.committed_ms("receiver-1", "pressure");
    assert!(all.len() as u64 > readings, "{} of {readings} readings are stored", all.len());
}
