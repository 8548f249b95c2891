//! One gateway, one mosquitto, a message of every payload shape: what a device sends is what the API
//! shows.

use serde_json::{Value, json};

use crate::peers::{Broker, Gateway, eventually, now_ms, unless};
use crate::plants;

/// CRC-16/MODBUS, by the table-free form of the specification's appendix, apart from the product's.
fn crc(bytes: &[u8]) -> [u8; 2] {
    let mut crc = 0xFFFFu16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1 != 0;
            crc >>= 1;
            if carry {
                crc ^= 0xA001;
            }
        }
    }
    crc.to_le_bytes()
}

/// Unit 1, holding registers: 1.25 as a float, and −8.
fn reply() -> Vec<u8> {
    let mut frame = vec![1, 3, 6, 0x3F, 0xA0, 0, 0, 0xFF, 0xF8];
    frame.extend_from_slice(&crc(&frame));
    frame
}

struct Sender {
    name: &'static str,
    /// Head of the profile, with its topic.
    profile: String,
    topic: String,
    payload: Vec<u8>,
}

fn senders() -> Vec<Sender> {
    let (ms, s) = (now_ms(), now_ms() / 1000);
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("a zone");
    let civil = jiff::Timestamp::from_second(s as i64).expect("a time").to_zoned(zone);
    let (local, compact) =
        (civil.strftime("%Y-%m-%d %H:%M:%S").to_string(), civil.strftime("%Y%m%d%H%M%S").to_string());
    let utc = jiff::Timestamp::from_second(s as i64).expect("a time").strftime("%Y%m%dT%H%M%SZ").to_string();
    let json = |name: &'static str, shape: &str, payload: Value| Sender {
        name,
        profile: format!("{shape}\ntopic = \"site/{{device}}/{name}\"\n"),
        topic: format!("site/{name}/{name}"),
        payload: payload.to_string().into_bytes(),
    };
    let hex: String = reply().iter().map(|b| format!("{b:02X} ")).collect();
    let request = "request = [{ unit = 1, function = 3, start = 0, count = 3 }]";
    let (gbk, _, _) = encoding_rs::GBK.encode("{\"压力\":1.25,\"水位\":\"-8mm\"}");
    vec![
        json("flat", "shape = \"flat\"", json!({"p":1.25,"l":"-8 mm","DI1":1})),
        json(
            "nested",
            "shape = \"nested\"",
            json!({"ts":ms,"device":"nested","data":{"p":{"v":1.25,"q":192},"l":{"v":-8,"q":192}}}),
        ),
        json(
            "points",
            "shape = \"points\"",
            json!({"time":local,"points":[{"name":"p","value":"1.25","err":"0"},{"name":"l","value":"-8","err":"0"}]}),
        ),
        json(
            "neuron-values",
            "shape = \"neuron\"",
            json!({"timestamp":ms,"node":"modbus","group":"grp","values":{"p":1.25,"l":-8},"errors":{},"metas":{}}),
        ),
        json(
            "neuron-tags",
            "shape = \"neuron\"",
            json!({"timestamp":ms,"node":"modbus","group":"grp","tags":[{"name":"p","value":1.25},{"name":"l","value":-8}]}),
        ),
        json(
            "usr",
            "shape = \"usr\"",
            json!({"rw_prot":{"Ver":"1.0.1","dir":"up","id":"12345","r_data":[{"name":"p","value":"1.25","err":"0"},{"name":"l","value":"-8","err":"0"}]}}),
        ),
        json(
            "dtu",
            "shape = \"dtu\"",
            json!({"devid":"dtu","time":compact,"params":{"p":1.25,"l":-8},"csq":23}),
        ),
        json(
            "meters",
            "shape = { preset = \"flat\", parse = [\"/d\"], values = \"/d/{device}\" }",
            json!({"d":json!({"meters":{"p":"1.25","l":"-8"}}).to_string(),"o":5}),
        ),
        json(
            "alink",
            "shape = \"alink\"",
            json!({"id":"1","version":"1.0","params":{"p":{"value":1.25,"time":ms},"l":{"value":-8,"time":ms}},"method":"thing.event.property.post"}),
        ),
        json(
            "huawei",
            "shape = \"huawei\"",
            json!({"services":[{"service_id":"boiler","properties":{"p":1.25,"l":-8},"event_time":utc}]}),
        ),
        json(
            "thingsboard",
            "shape = \"thingsboard\"",
            json!({"thingsboard":[{"ts":ms,"values":{"p":1.25,"l":-8}}]}),
        ),
        json(
            "hex-json",
            &format!("shape = {{ preset = \"hex\", pointer = \"/d\", {request} }}"),
            json!({"d":hex,"o":2}),
        ),
        Sender {
            payload: hex.into_bytes(),
            ..json("hex-text", &format!("shape = {{ preset = \"hex\", {request} }}"), json!(null))
        },
        Sender {
            payload: reply(),
            ..json("hex-raw", &format!("shape = {{ preset = \"hex\", {request} }}"), json!(null))
        },
        Sender { payload: gbk.into_owned(), ..json("gbk", "shape = \"flat\"", json!(null)) },
    ]
}

fn points(sender: &Sender) -> &'static str {
    match sender.name {
        name if name.starts_with("hex") => {
            "[[point]]\nid = \"p\"\naddress = 40001\ntype = \"f32\"\n[[point]]\nid = \"l\"\nunit = \"mm\"\naddress = 40003\ntype = \"i16\"\n"
        }
        "gbk" => {
            "[[point]]\nid = \"p\"\nkey = \"压力\"\n[[point]]\nid = \"l\"\nunit = \"mm\"\nkey = \"水位\"\n"
        }
        _ => "[[point]]\nid = \"p\"\n[[point]]\nid = \"l\"\nunit = \"mm\"\n",
    }
}

fn source(port: u16) -> String {
    format!("[[source.mqtt]]\nid = \"broker\"\naddress = \"mqtt://127.0.0.1:{port}\"\n")
}

/// (value, quality) of a point.
fn shown(all: &Value, equipment: &str, point: &str) -> (Value, Value) {
    let of = |list: &Value, id: &str| list.as_array().into_iter().flatten().find(|e| e["id"] == id).cloned();
    let found = of(all, equipment).and_then(|e| of(&e["points"], point)).unwrap_or_default();
    (found["value"].clone(), found["quality"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_payload_shape_is_read_from_a_real_broker() {
    let broker = Broker::start().await;
    let senders = senders();
    let mut settings = [plants::base(), source(broker.port)].concat();
    let mut profiles = Vec::new();
    for sender in &senders {
        let name = sender.name;
        settings += &format!(
            "[[equipment]]\nid = \"{name}\"\nkind = \"k\"\nprofile = \"{name}\"\nsource = \"broker\"\n"
        );
        profiles.push((format!("{name}.toml"), format!("{}{}", sender.profile, points(sender))));
    }
    // A topic that names the point, with a plain value.
    settings += "[[equipment]]\nid = \"scalar\"\nkind = \"k\"\nprofile = \"scalar\"\nsource = \"broker\"\ndevice = \"boiler1\"\n";
    let scalar = "topic = \"plain/{device}/{point}\"\n[[point]]\nid = \"p\"\nkey = \"steam_pressure\"\n[[point]]\nid = \"l\"\nunit = \"mm\"\nkey = \"level\"\n";
    profiles.push(("scalar.toml".to_owned(), scalar.to_owned()));
    let profiles: Vec<(&str, &str)> = profiles.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let mut gateway = Gateway::start(&settings, &profiles);
    let mut messages: Vec<(String, Vec<u8>)> =
        senders.iter().map(|s| (s.topic.clone(), s.payload.clone())).collect();
    messages.push(("plain/boiler1/steam_pressure".to_owned(), b"1.25".to_vec()));
    messages.push(("plain/boiler1/level".to_owned(), b"\"-8mm\"".to_vec()));
    let names: Vec<&str> = senders.iter().map(|s| s.name).chain(["scalar"]).collect();
    eventually("every sender's values are shown", async || {
        broker.publish_bytes(&messages, rumqttc::QoS::AtLeastOnce, false).await;
        let all = gateway.get("/api/v1/equipment").await;
        let wrong: Vec<_> = names
            .iter()
            .flat_map(|name| [("p", 1.25), ("l", -8.0)].map(|(point, value)| (*name, point, value)))
            .filter(|(name, point, value)| shown(&all, name, point) != (json!(value), json!("good")))
            .map(|(name, point, _)| (name, point, shown(&all, name, point)))
            .collect();
        unless(wrong.is_empty(), wrong)
    })
    .await;
    // What nobody configured is listed, not lost without a word.
    let path = gateway.get("/api/v1/overview").await["path"]["sources"][0].clone();
    let unknown = path["mqtt"]["unknown"].to_string();
    assert!(unknown.contains("DI1"), "{path}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_will_makes_a_devices_points_bad_at_once() {
    let broker = Broker::start().await;
    let profile = "kind = \"k\"\nshape = \"flat\"\ntopic = \"plant/{device}/data\"\n\
        offline = { topic = \"plant/{device}/status\", payload = \"offline\" }\n[[point]]\nid = \"p\"\n";
    let equipment = "[[equipment]]\nid = \"e\"\nprofile = \"will\"\nsource = \"broker\"\n";
    let settings = [plants::base(), source(broker.port), equipment.to_owned()].concat();
    let mut gateway = Gateway::start(&settings, &[("will.toml", profile)]);
    eventually("a value is shown", async || {
        broker.publish_one("plant/e/data", r#"{"p":1.5}"#).await;
        let shown = shown(&gateway.get("/api/v1/equipment").await, "e", "p");
        unless(shown == (json!(1.5), json!("good")), shown)
    })
    .await;
    // A device with a last will whose line breaks: its client is dropped without DISCONNECT.
    let mut options = rumqttc::MqttOptions::new("the-device", "127.0.0.1", broker.port);
    options.set_last_will(rumqttc::LastWill::new(
        "plant/e/status",
        "offline",
        rumqttc::QoS::AtLeastOnce,
        false,
    ));
    let (client, mut events) = rumqttc::AsyncClient::new(options, 8);
    let connected = events.poll().await.expect("connected");
    assert!(matches!(connected, rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_))));
    drop((events, client));
    eventually("its points are bad", async || {
        let shown = shown(&gateway.get("/api/v1/equipment").await, "e", "p");
        unless(shown.1 == json!("bad"), shown)
    })
    .await;
    gateway.stop().await;
}
