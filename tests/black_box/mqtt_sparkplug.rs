//! Sparkplug B edge nodes: pysparkplug behind mosquitto, read by the built binary.

use serde_json::Value;

use crate::peers::{Broker, EdgeNode, Gateway, eventually, unless};
use crate::plants;

/// `pressure` by a metric of another name, `running` by its key, `level` by its id.
const METRICS: (&str, &str) = (
    "metrics.toml",
    r#"
kind = "steam-boiler"
[[point]]
id = "steam"
metric = "pressure"
unit = "MPa"
[[point]]
id = "burner"
key = "running"
unit = "bool"
[[point]]
id = "level"
sentinels = [32767]
"#,
);

/// The node's own metrics as `station`, its device's as `boiler-1`.
fn settings(port: u16, keys: &str, sparkplug: &str) -> String {
    let node = r#"group = "plant", node = "node-1""#;
    format!(
        r#"{}
[[source.mqtt]]
id = "broker"
address = "mqtt://127.0.0.1:{port}"
reconnect_max = "500ms"
{keys}
sparkplug = {{ reorder = "500ms", rebirth_every = "1s", {sparkplug} }}
[[equipment]]
id = "station"
profile = "metrics"
source = "broker"
sparkplug = {{ {node} }}
[[equipment]]
id = "boiler-1"
profile = "metrics"
source = "broker"
sparkplug = {{ {node}, device = "boiler-1" }}
"#,
        plants::base()
    )
}

async fn started(broker: &Broker, keys: &str) -> Gateway {
    let gateway = Gateway::start(&settings(broker.port, keys, "repeat = \"2s\""), &[METRICS]);
    connected(&gateway).await;
    gateway
}

async fn connected(gateway: &Gateway) {
    eventually("the source is connected", async || {
        let source = gateway.get("/api/v1/overview").await["path"]["sources"][0].clone();
        unless(source["connected"] == true, source)
    })
    .await;
}

/// Waits until a point of the equipment with this index has this value, or for `null` this quality.
async fn reads(gateway: &Gateway, equipment: usize, point: &str, value: Value, quality: &str) {
    eventually("the value is there", async || {
        let points = gateway.get("/api/v1/equipment").await[equipment]["points"].clone();
        let found = points.as_array().and_then(|all| all.iter().find(|p| p["id"] == point)).cloned();
        let found = found.unwrap_or_default();
        let same = value.is_null() || found["value"] == value;
        unless(same && found["quality"] == quality, format!("{found} for {point} = {value} {quality}"))
    })
    .await;
}

async fn node(gateway: &Gateway) -> Value {
    gateway.get("/api/v1/overview").await["path"]["sources"][0]["mqtt"]["nodes"][0].clone()
}

async fn births_are_read(version: u8) {
    let broker = Broker::start().await;
    let mut gateway = started(&broker, &format!("version = {version}")).await;
    let mut edge = EdgeNode::start(broker.port, &[]);
    for equipment in [0, 1] {
        reads(&gateway, equipment, "steam", 1.25.into(), "good").await;
        reads(&gateway, equipment, "burner", 1.0.into(), "good").await;
        reads(&gateway, equipment, "level", (-8.0).into(), "good").await;
    }
    edge.tell("data pressure 1.5 running false");
    edge.tell("device-data pressure 0.75 level 32767");
    reads(&gateway, 0, "steam", 1.5.into(), "good").await;
    reads(&gateway, 0, "burner", 0.0.into(), "good").await;
    reads(&gateway, 1, "steam", 0.75.into(), "good").await;
    reads(&gateway, 1, "level", Value::Null, "bad").await;
    reads(&gateway, 1, "burner", 1.0.into(), "good").await;
    edge.tell("data level null");
    reads(&gateway, 0, "level", Value::Null, "bad").await;
    reads(&gateway, 0, "steam", 1.5.into(), "good").await;
    eventually("node, device and what nobody configured are listed", async || {
        let mqtt = gateway.get("/api/v1/overview").await["path"]["sources"][0]["mqtt"].clone();
        let one = &mqtt["nodes"][0];
        let named = (one["group"].as_str(), one["node"].as_str(), one["state"].as_str())
            == (Some("plant"), Some("node-1"), Some("online"));
        let born =
            one["births"] == 1 + edge.rebirths() && one["gaps"] == 0 && one["last_birth_at"].is_string();
        let device = one["devices"][0]["device"] == "boiler-1" && one["devices"][0]["online"] == true;
        let unknown: Vec<_> = mqtt["unknown"].as_array().into_iter().flatten().collect();
        let listed = |sender: &str, metric: &str| {
            unknown.iter().any(|u| u["device"] == sender && u["point"] == metric)
        };
        let listed = listed("plant/node-1", "note") && listed("plant/node-1/boiler-1", "count");
        let listed = listed && unknown.len() == 4;
        unless(named && born && device && listed && mqtt["set_aside"] == 0, mqtt)
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_birth_and_data_by_alias_are_read_with_mqtt_5() {
    births_are_read(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_birth_and_data_by_alias_are_read_with_mqtt_3_1_1() {
    births_are_read(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_message_leads_to_a_rebirth_that_mends_everything() {
    let broker = Broker::start().await;
    let mut gateway = started(&broker, "").await;
    let mut edge = EdgeNode::start(broker.port, &[]);
    reads(&gateway, 0, "steam", 1.25.into(), "good").await;
    // One may have been asked for already, if the node was long in coming.
    let before = edge.rebirths();
    edge.tell("gap");
    edge.tell("data pressure 1.5");
    eventually("it is asked for a rebirth", async || unless(edge.rebirths() == before + 1, before)).await;
    reads(&gateway, 0, "steam", 1.5.into(), "good").await;
    edge.tell("data pressure 1.75");
    reads(&gateway, 0, "steam", 1.75.into(), "good").await;
    eventually("the gap is counted", async || {
        let node = node(&gateway).await;
        let counted = node["gaps"] == 1 && node["births"] == before + 2;
        unless(counted && node["state"] == "online" && node["wants_rebirth"] == false, node)
    })
    .await;
    // A device that comes back without aliases anybody knows.
    edge.tell("shuffle");
    edge.tell("device-data pressure 0.5");
    reads(&gateway, 1, "steam", 0.5.into(), "good").await;
    assert_eq!(edge.rebirths(), before + 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_devices_and_nodes_have_no_good_points_until_they_are_born_again() {
    let broker = Broker::start().await;
    let mut gateway = started(&broker, "").await;
    let mut edge = EdgeNode::start(broker.port, &[]);
    reads(&gateway, 1, "steam", 1.25.into(), "good").await;
    edge.tell("device-death");
    reads(&gateway, 1, "steam", Value::Null, "bad").await;
    reads(&gateway, 0, "steam", 1.25.into(), "good").await;
    eventually("the device is said to be away", async || {
        let node = node(&gateway).await;
        unless(node["state"] == "online" && node["devices"][0]["online"] == false, node)
    })
    .await;
    edge.tell("device-birth");
    reads(&gateway, 1, "steam", 1.25.into(), "good").await;
    edge.vanish();
    for equipment in [0, 1] {
        reads(&gateway, equipment, "steam", Value::Null, "bad").await;
    }
    eventually("the node is offline", async || {
        let node = node(&gateway).await;
        unless(node["state"] == "offline", node)
    })
    .await;
    let points = gateway.get("/api/v1/equipment").await[0]["points"].clone();
    assert_eq!(points[0]["cause"], "disconnected", "{points}");
    let _edge = EdgeNode::start(broker.port, &["--bdseq", "4"]);
    for equipment in [0, 1] {
        reads(&gateway, equipment, "steam", 1.25.into(), "good").await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_comes_back_asks_the_running_node_for_a_rebirth() {
    let mut broker = Broker::start().await;
    let mut gateway = started(&broker, "").await;
    let mut edge = EdgeNode::start(broker.port, &[]);
    reads(&gateway, 0, "steam", 1.25.into(), "good").await;
    gateway.stop().await;
    edge.tell("data pressure 1.5");
    gateway.again();
    reads(&gateway, 0, "steam", 1.5.into(), "good").await;
    assert_eq!(edge.rebirths(), 1);
    // With the broker away nobody knows; the node's own return brings the values back.
    broker.stop().await;
    for equipment in [0, 1] {
        reads(&gateway, equipment, "steam", Value::Null, "bad").await;
    }
    drop(edge);
    broker.again().await;
    connected(&gateway).await;
    let _edge = EdgeNode::start(broker.port, &["--bdseq", "5", "--compress"]);
    reads(&gateway, 1, "steam", 1.25.into(), "good").await;
    gateway.stop().await;
    // No death can reach it: the lost line alone must say so.
    broker.stop().await;
    gateway.again();
    eventually("the reason is told", async || {
        let points = gateway.get("/api/v1/equipment").await[0]["points"].clone();
        unless(points[0]["cause"] == "disconnected", points)
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_to_ask_no_rebirth_is_published() {
    let broker = Broker::start().await;
    let mut edge = EdgeNode::start(broker.port, &[]);
    let mut gateway = Gateway::start(&settings(broker.port, "", "may_rebirth = false"), &[METRICS]);
    eventually("it says that it lacks one", async || {
        edge.tell("data pressure 1.5");
        let node = node(&gateway).await;
        unless(node["wants_rebirth"] == true, node)
    })
    .await;
    assert_eq!(edge.rebirths(), 0);
    edge.tell("birth");
    reads(&gateway, 0, "steam", 1.5.into(), "good").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_values_do_not_go_stale_while_their_node_is_there() {
    let broker = Broker::start().await;
    let mut gateway = started(&broker, "expect_every = \"1s\"").await;
    let _edge = EdgeNode::start(broker.port, &[]);
    reads(&gateway, 1, "steam", 1.25.into(), "good").await;
    let told = |gateway: &Gateway| gateway.committed("boiler-1").iter().filter(|c| c.0 == "steam").count();
    eventually("it is told several times", async || {
        let points = gateway.get("/api/v1/equipment").await[1]["points"].clone();
        assert_eq!(points[0]["quality"], "good", "{points}");
        unless(told(&gateway) >= 4, told(&gateway))
    })
    .await;
    gateway.stop().await;
}

/// What the broker keeps under the host's STATE.
async fn state(broker: &Broker) -> Value {
    let mut options = rumqttc::MqttOptions::new("state-watcher", "127.0.0.1", broker.port);
    options.set_keep_alive(std::time::Duration::from_secs(5));
    let (client, mut events) = rumqttc::AsyncClient::new(options, 8);
    client.subscribe("spBv1.0/STATE/#", rumqttc::QoS::AtLeastOnce).await.expect("the event loop runs");
    let kept = async {
        loop {
            if let Ok(rumqttc::Event::Incoming(rumqttc::Packet::Publish(p))) = events.poll().await {
                assert_eq!(p.topic, "spBv1.0/STATE/steamward");
                return serde_json::from_slice(&p.payload).unwrap_or_default();
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(2), kept).await.unwrap_or_default()
}

async fn host(version: u8) {
    let broker = Broker::start().await;
    let text = settings(broker.port, &format!("version = {version}"), "host_id = \"steamward\"");
    let mut gateway = Gateway::start(&text, &[METRICS]);
    let becomes = async |online: bool| {
        eventually("the state is told", async || {
            let state = state(&broker).await;
            unless(state["online"] == online && state["timestamp"].is_u64(), state)
        })
        .await;
        state(&broker).await["timestamp"].as_u64().unwrap_or_default()
    };
    let first = becomes(true).await;
    // Another session of the same name, or a late will, says that we are gone.
    let gone = br#"{"online":false,"timestamp":1}"#.to_vec();
    let gone = [("spBv1.0/STATE/steamward".to_owned(), gone)];
    broker.publish_bytes(&gone, rumqttc::QoS::AtLeastOnce, true).await;
    assert_eq!(becomes(true).await, first, "the same connection has the same time");
    gateway.stop().await;
    let gone = becomes(false).await;
    assert!(gone >= first);
    gateway.again();
    let second = becomes(true).await;
    assert!(second >= gone);
    gateway.kill();
    assert_eq!(becomes(false).await, second, "the will has the time of its connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_host_says_that_it_is_there_and_that_it_is_gone_with_mqtt_5() {
    host(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_host_says_that_it_is_there_and_that_it_is_gone_with_mqtt_3_1_1() {
    host(3).await;
}
