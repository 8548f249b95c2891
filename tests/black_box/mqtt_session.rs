//! Sessions at a real broker: TLS with certificates and passwords, QoS 2, filters that change, shared
//! subscriptions.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};

use crate::peers::{Broker, Gateway, eventually, free_port, now_ms, unless};
use crate::plants;

fn with_source(port: u16, keys: &str) -> String {
    format!(
        "{}[[source.mqtt]]\nid = \"broker\"\naddress = \"mqtt://127.0.0.1:{port}\"\n{keys}\n{}",
        plants::base(),
        equipment("plant/receiver-1")
    )
}

fn equipment(topic: &str) -> String {
    format!(
        "[[equipment]]\nid = \"receiver-1\"\nprofile = \"receiver\"\nsource = \"broker\"\ntopic = \"{topic}\"\n"
    )
}

/// Writes `ca.pem`, and for each name `NAME.pem` and `NAME.key`.
pub fn certificates(dir: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.distinguished_name = DistinguishedName::new();
    authority.distinguished_name.push(DnType::CommonName, "an authority of a test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("a certificate");
    std::fs::write(dir.join("ca.pem"), authority.pem()).expect("a file");
    for (name, host) in [("server", "localhost"), ("gateway", "gateway")] {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, host);
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        std::fs::write(dir.join(format!("{name}.pem")), certificate.pem()).expect("a file");
        std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).expect("a file");
    }
}

/// A broker with a second listener that wants TLS, a client certificate, a name and a password.
async fn secured() -> (Broker, u16) {
    let port = free_port();
    let broker = Broker::start_with(|dir| {
        certificates(dir);
        let made = Command::new("mosquitto_passwd")
            .args(["-b", "-c"])
            .arg(dir.join("passwords"))
            .args(["steamward", "right horse"])
            .status();
        assert!(made.is_ok_and(|s| s.success()), "mosquitto_passwd: run tests/tools.sh");
        std::fs::write(dir.join("password"), "right horse\n").expect("a file");
        std::fs::write(dir.join("wrong"), "wrong horse\n").expect("a file");
        let dir = dir.display();
        format!(
            "listener {port} 127.0.0.1\ncafile {dir}/ca.pem\ncertfile {dir}/server.pem\n\
             keyfile {dir}/server.key\nrequire_certificate true\nallow_anonymous false\npassword_file {dir}/passwords\n"
        )
    })
    .await;
    (broker, port)
}

fn tls(broker: &Broker, host: &str, port: u16, version: u8, identity: bool, password: &str) -> String {
    let dir = broker.dir.path().display();
    let own = if identity {
        format!(", cert_file = \"{dir}/gateway.pem\", key_file = \"{dir}/gateway.key\"")
    } else {
        String::new()
    };
    format!(
        "{}[[source.mqtt]]\nid = \"broker\"\naddress = \"mqtts://{host}:{port}\"\nversion = {version}\n\
         username = \"steamward\"\npassword = {{ file = \"{dir}/{password}\" }}\nreconnect_max = \"500ms\"\n\
         tls = {{ ca_file = \"{dir}/ca.pem\"{own} }}\n{}",
        plants::base(),
        equipment("plant/receiver-1")
    )
}

async fn reads_over_tls(version: u8) {
    let (broker, port) = secured().await;
    let settings = tls(&broker, "localhost", port, version, true, "password");
    let mut gateway = Gateway::start(&settings, &[plants::RECEIVER]);
    plants::subscribed(&broker, &gateway).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_client_certificate_and_a_password_over_mqtt_5() {
    reads_over_tls(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_client_certificate_and_a_password_over_mqtt_3_1_1() {
    reads_over_tls(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_name_certificate_or_password_nothing_is_read_and_the_reason_is_told() {
    let (broker, port) = secured().await;
    for (host, identity, password, said) in [
        // The certificate is for `localhost`, not for the address.
        ("127.0.0.1", true, "password", "certificate not valid for name"),
        ("localhost", false, "password", ""),
        ("localhost", true, "wrong", "BadUserNamePassword"),
    ] {
        let settings = tls(&broker, host, port, 5, identity, password);
        let mut gateway = Gateway::start(&settings, &[plants::RECEIVER]);
        eventually("the refusal is told", async || {
            let source = gateway.get("/api/v1/overview").await["path"]["sources"][0].clone();
            let error = source["last_error"].as_str().unwrap_or_default().to_owned();
            assert_ne!(source["connected"], true, "{host} {identity} {password}");
            let expected = !error.is_empty() && (error.contains(said) || error.contains("NotAuthorized"));
            unless(expected, source)
        })
        .await;
        gateway.stop().await;
    }
}

/// Messages of three rounds with QoS 2, the broker restarted between them, the gateway once too.
async fn exactly_once(version: u8) {
    let mut broker = Broker::start().await;
    let settings =
        with_source(broker.port, &format!("qos = 2\nversion = {version}\nreconnect_max = \"500ms\""));
    // No time in the payload: a message that is read twice leaves two readings.
    let profile = ("receiver.toml", "kind = \"k\"\n[[point]]\nid = \"pressure\"\npointer = \"/p\"\n");
    let mut gateway = Gateway::start(&settings, &[profile]);
    plants::subscribed(&broker, &gateway).await;
    let before = gateway.committed("receiver-1").len();
    assert!(before > 0);
    let mut sent = Vec::new();
    for round in 0..3 {
        let values: Vec<u32> = (1..=300).map(|n| round * 1000 + n).collect();
        let messages: Vec<_> = values
            .iter()
            .map(|n| ("plant/receiver-1".to_owned(), format!(r#"{{"p":{n}}}"#).into_bytes()))
            .collect();
        if round == 1 {
            gateway.stop().await;
        }
        let cutting = async {
            if round == 2 {
                tokio::time::sleep(std::time::Duration::from_millis(120)).await;
                cut(&broker).await;
            }
        };
        tokio::join!(broker.publish_bytes(&messages, rumqttc::QoS::ExactlyOnce, false), cutting);
        sent.extend(values);
        if round == 1 {
            gateway.again();
        }
    }
    broker.stop().await;
    broker.again().await;
    eventually("every message is committed", async || {
        let all: BTreeSet<u32> = gateway.committed("receiver-1").iter().map(|c| c.2 as u32).collect();
        let missing: Vec<_> = sent.iter().filter(|n| !all.contains(n)).collect();
        unless(missing.is_empty(), (missing.len(), missing.first().copied().copied()))
    })
    .await;
    let mut all: Vec<u32> =
        gateway.committed("receiver-1").iter().map(|c| c.2 as u32).filter(|n| *n > 0).collect();
    all.sort_unstable();
    let twice: Vec<_> = all.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0]).collect();
    assert!(twice.is_empty(), "QoS 2 messages were read twice: {twice:?}");
    gateway.stop().await;
}

/// The gateway's connection is cut: another client takes its name for a moment.
async fn cut(broker: &Broker) {
    let mut options = rumqttc::MqttOptions::new("steamward-test-broker", "127.0.0.1", broker.port);
    options.set_clean_session(false);
    let (_client, mut events) = rumqttc::AsyncClient::new(options, 8);
    let _ = events.poll().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn qos_2_messages_are_read_once_over_cut_lines_and_restarts_with_mqtt_5() {
    exactly_once(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn qos_2_messages_are_read_once_over_cut_lines_and_restarts_with_mqtt_3_1_1() {
    exactly_once(3).await;
}

/// Killed between PUBREC and PUBREL, the next life is asked to release what it never saw.
async fn killed_with_qos_2(version: u8) {
    let broker = Broker::start().await;
    let settings =
        with_source(broker.port, &format!("qos = 2\nversion = {version}\nreconnect_max = \"500ms\""));
    let mut gateway = Gateway::start(&settings, &[plants::RECEIVER]);
    plants::subscribed(&broker, &gateway).await;
    let mut last = now_ms();
    let mut published = BTreeSet::new();
    for _ in 0..6 {
        let batch: Vec<u64> = (1..=200).map(|n| last + n).collect();
        last += 200;
        let messages: Vec<_> = batch
            .iter()
            .map(|ms| plants::message(*ms, 0.7))
            .map(|(topic, payload)| (topic, payload.into_bytes()))
            .collect();
        broker.publish_bytes(&messages, rumqttc::QoS::ExactlyOnce, false).await;
        published.extend(batch);
        gateway.kill();
        gateway.again();
    }
    eventually("every message is committed", async || {
        let committed = gateway.committed_ms("receiver-1", "pressure");
        let missing = published.difference(&committed).count();
        unless(missing == 0, format!("{missing} of {} missing", published.len()))
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gateway_releases_what_an_earlier_life_received_at_qos_2_with_mqtt_5() {
    killed_with_qos_2(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gateway_releases_what_an_earlier_life_received_at_qos_2_with_mqtt_3_1_1() {
    killed_with_qos_2(3).await;
}

/// 3.1.1 has no receive maximum: the session itself must not take more than it may have under way.
#[tokio::test(flavor = "multi_thread")]
async fn with_little_room_under_way_every_message_is_still_read_over_mqtt_3_1_1() {
    let broker = Broker::start().await;
    let settings = with_source(broker.port, "version = 3\nreceive_maximum = 2");
    let mut gateway = Gateway::start(&settings, &[plants::RECEIVER]);
    plants::subscribed(&broker, &gateway).await;
    let first = now_ms();
    let times: BTreeSet<u64> = (1..=100).map(|n| first + n).collect();
    broker.publish(&times.iter().map(|ms| plants::message(*ms, 0.7)).collect::<Vec<_>>()).await;
    eventually("every message is committed", async || {
        let missing = times.difference(&gateway.committed_ms("receiver-1", "pressure")).count();
        unless(missing == 0, missing)
    })
    .await;
    gateway.stop().await;
}

async fn filters_follow(version: u8) {
    let broker = Broker::start().await;
    let source = format!(
        "{}[[source.mqtt]]\nid = \"broker\"\naddress = \"mqtt://127.0.0.1:{}\"\nversion = {version}\n",
        plants::base(),
        broker.port
    );
    let settings = |topic: &str| [source.clone(), equipment(topic)].concat();
    let mut gateway = Gateway::start(&settings("old/#"), &[plants::RECEIVER]);
    let flows = async |gateway: &Gateway, topic: &str, pressure: f64| {
        eventually("messages arrive", async || {
            let payload = format!(r#"{{"ts":{},"p":{pressure}}}"#, now_ms());
            broker.publish_one(topic, &payload).await;
            let overview = gateway.get("/api/v1/overview").await;
            unless(overview["equipment"][0]["points"][0]["value"] == pressure, overview)
        })
        .await;
    };
    flows(&gateway, "old/x", 0.5).await;
    gateway.stop().await;
    gateway.configure(&settings("new/+"));
    gateway.again();
    flows(&gateway, "new/x", 0.6).await;
    eventually("the old filter is gone", async || {
        unless(gateway.log().contains("unsubscribed"), gateway.log())
    })
    .await;
    let before = gateway.get("/api/v1/overview").await["path"]["sources"][0]["requests"].clone();
    broker.publish_one("old/x", r#"{"p":0.9}"#).await;
    flows(&gateway, "new/x", 0.7).await;
    let said = gateway.log();
    assert!(!said.contains("no mapping for this topic"), "after {before} messages: {said}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_topic_takes_effect_under_a_persistent_session_with_mqtt_5() {
    filters_follow(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_topic_takes_effect_under_a_persistent_session_with_mqtt_3_1_1() {
    filters_follow(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_share_a_subscription_and_each_message_is_read_by_one() {
    let broker = Broker::start().await;
    let settings = |client: &str| {
        let source = with_source(broker.port, &format!("client_id = \"{client}\""));
        source.replace("\"plant/receiver-1\"", "\"$share/gw/plant/receiver-1\"")
    };
    let mut one = Gateway::start(&settings("one"), &[plants::RECEIVER]);
    let mut two = Gateway::start(&settings("two"), &[plants::RECEIVER]);
    let first = now_ms();
    eventually("both read", async || {
        let batch: Vec<_> = (0..4).map(|n| plants::message(now_ms() + n, 0.5)).collect();
        broker.publish(&batch).await;
        let counts = (one.committed("receiver-1").len(), two.committed("receiver-1").len());
        unless(counts.0 > 0 && counts.1 > 0, counts)
    })
    .await;
    let times: Vec<u64> = (1..=100).map(|n| first - 5000 + n).collect();
    broker.publish(&times.iter().map(|ms| plants::message(*ms, 0.7)).collect::<Vec<_>>()).await;
    eventually("every message is read, by one of them", async || {
        let count = |gateway: &Gateway| {
            let all = gateway.committed_ms("receiver-1", "pressure");
            times.iter().filter(|t| all.contains(t)).count()
        };
        let counts = (count(&one), count(&two));
        unless(counts.0 + counts.1 == times.len() && counts.0 > 0 && counts.1 > 0, counts)
    })
    .await;
    one.stop().await;
    two.stop().await;
}
