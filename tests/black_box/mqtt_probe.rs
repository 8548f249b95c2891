//! `steamward probe mqtt` at a real broker: what it proposes is loaded and reads.

use std::process::Command;

use serde_json::{Value, json};

use crate::peers::{Broker, Gateway, eventually, unless};
use crate::plants;

async fn probe(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steamward"));
    command.args(["probe", "mqtt"]).args(arguments);
    let run =
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("the binary");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (run.status.code().unwrap_or(-1), text(run.stdout), text(run.stderr))
}

fn messages() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for device in ["86750001", "86750002"] {
        let payload = json!({"devid":device,"time":"20260921221320","params":{"P":1.25,"L":-8},"csq":23});
        all.push((format!("dtu/{device}/up"), payload.to_string().into_bytes()));
    }
    for (point, payload) in [("pressure", "0.71"), ("running", "ON")] {
        all.push((format!("plain/receiver/{point}"), payload.as_bytes().to_vec()));
    }
    all.push(("spBv1.0/g/NDATA/n".to_owned(), vec![8, 1]));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proposed_settings_are_loaded_and_read_what_was_heard() {
    let broker = Broker::start().await;
    // One kept message, and the others again and again while the probe listens.
    let kept = vec![("kept/state".to_owned(), b"{\"a\":1}".to_vec())];
    broker.publish_bytes(&kept, rumqttc::QoS::AtLeastOnce, true).await;
    let address = format!("mqtt://127.0.0.1:{}", broker.port);
    let chatter = async {
        loop {
            broker.publish_bytes(&messages(), rumqttc::QoS::AtLeastOnce, false).await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let arguments = [address.as_str(), "--for", "2s", "--json"];
    let (code, out, err) = tokio::select! {
        probed = probe(&arguments) => probed,
        () = chatter => unreachable!("it goes on for ever"),
    };
    assert_eq!(code, 0, "{err}");
    let told: Value = serde_json::from_str(&out).expect("JSON");
    let topics = told["topics"].as_array().expect("a list");
    let of = |topic: &str| topics.iter().find(|t| t["topic"] == topic).cloned().unwrap_or_default();
    assert_eq!(of("dtu/86750001/up")["shape"], "dtu", "{out}");
    assert!(of("dtu/86750001/up")["per_second"].as_f64() > Some(1.0), "{out}");
    assert_eq!(of("kept/state")["retained"], 1, "{out}");
    assert_eq!(of("spBv1.0/g/NDATA/n")["shape"], "sparkplug-b");
    let source = format!("[[source.mqtt]]\nid = \"broker\"\naddress = \"{address}\"\n");
    let equipment = told["equipment"].as_str().expect("a text");
    let settings = [&plants::base(), source.as_str(), equipment].concat();
    let profiles: Vec<(String, String)> = told["profiles"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|p| {
            (
                format!("{}.toml", p["name"].as_str().unwrap_or("")),
                p["toml"].as_str().unwrap_or("").to_owned(),
            )
        })
        .collect();
    let profiles: Vec<(&str, &str)> = profiles.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let mut gateway = Gateway::start(&settings, &profiles);
    eventually("the devices' values are shown", async || {
        broker.publish_bytes(&messages(), rumqttc::QoS::AtLeastOnce, false).await;
        let all = gateway.get("/api/v1/equipment").await;
        let values: Vec<f64> = all
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|e| e["points"].as_array().cloned().unwrap_or_default())
            .filter_map(|p| p["value"].as_f64())
            .collect();
        let count = |value: f64| values.iter().filter(|v| **v == value).count();
        unless(count(1.25) == 2 && count(-8.0) == 2 && count(0.71) == 1, all)
    })
    .await;
    gateway.stop().await;
    let (code, out, _) = probe(&[&address, "--for", "500ms", "--topic", "kept/#"]).await;
    assert!(code == 0 && out.contains("kept/state") && out.contains("profiles/probed-1.toml"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_probed_is_told_with_a_reason() {
    let (code, _, said) = probe(&["mqtt://127.0.0.1:1"]).await;
    assert!(code == 1 && said.contains("127.0.0.1:1"), "{said}");
    let (code, _, said) = probe(&["http://127.0.0.1"]).await;
    assert!(code == 2 && said.contains("`http://` is not known here; write mqtt://127.0.0.1:1883"), "{said}");
    let (code, _, said) = probe(&["127.0.0.1", "--for", "soon"]).await;
    assert!(code == 2 && said.contains("10s or 5m"), "{said}");
}
