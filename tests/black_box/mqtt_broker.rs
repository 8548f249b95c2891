//! The embedded broker: devices of both protocol versions publish to the gateway itself.

use std::time::Duration;

use rumqttc::v5;

use crate::mqtt_session::certificates;
use crate::peers::{Gateway, eventually, free_port, unless};
use crate::plants;

fn settings(port: u16, scheme: &str, dir: &str, broker: &str, source: &str) -> String {
    format!(
        "{}[broker]\nlisten = \"127.0.0.1:{port}\"\n{broker}\n[[broker.user]]\nname = \"dtu\"\n\
         password = {{ file = \"{dir}/dtu\" }}\n[[broker.user]]\nname = \"us\"\npassword = {{ file = \"{dir}/us\" }}\n\
         [[source.mqtt]]\nid = \"own\"\naddress = \"{scheme}://localhost:{port}\"\nusername = \"us\"\n\
         password = {{ file = \"{dir}/us\" }}\nreconnect_max = \"500ms\"\n{source}\n\
         [[equipment]]\nid = \"receiver-1\"\nprofile = \"receiver\"\nsource = \"own\"\ntopic = \"plant/receiver-1\"\n",
        plants::base()
    )
}

fn secrets() -> tempfile::TempDir {
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
    let polling = tokio::spawn(async move { while events.poll().await.is_ok() {} });
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
async fn a_taken_port_ends_the_start_with_a_reason() {
    let dir = secrets();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let text = settings(port, "mqtt", &dir.path().display().to_string(), "", "");
    let (code, said) = Gateway::prepared(&text, &[plants::RECEIVER]).fails();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("broker.listen") && said.contains("choose a free address"), "{said}");
}
