//! Lists of registers as people write them, made by a program that knows nothing of ours, become profiles by which devices
//! made of the same lists read what the lists say.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::peers::{Gateway, ModbusServer, eventually, root, unless};
use crate::plants;

/// Lists; each takes three unit ids of the one server. `LISTS_FROM=1000` takes others than the usual ones.
const LISTS: usize = 60;

fn made(folder: &Path) -> Vec<Value> {
    let run = Command::new(root().join(".venv/bin/python"))
        .arg(root().join("tests/peers/register_lists.py"))
        .arg(folder)
        .args([std::env::var("LISTS_FROM").unwrap_or_else(|_| "1".to_owned()), LISTS.to_string()])
        .output()
        .expect("python: run tests/tools.sh");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let plan = std::fs::read_to_string(folder.join("plan.json")).expect("the plan");
    serde_json::from_str(&plan).expect("JSON")
}

fn import(folder: &Path, list: &Value) {
    let file = list["file"].as_str().expect("a file");
    let run = Command::new(env!("CARGO_BIN_EXE_steamward"))
        .args(["profile", "import", file, "--yes", "--kind", "test", "--out"])
        .arg(format!("profiles/list{}.toml", list["seed"]))
        .current_dir(folder)
        .output()
        .expect("the binary");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(run.status.success(), "{file} {}\n{}\n{}", list["habits"], text(&run.stderr), text(&run.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_made_of_a_list_reads_through_its_imported_profile_what_the_list_says() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("profiles")).expect("a folder");
    let plan = made(folder.path());
    let units: Vec<String> = (1..=LISTS * 3).map(|n| n.to_string()).collect();
    let mut modbus = ModbusServer::start_with(&["--units", &units.join(",")]);
    let mut settings = plants::base()
        + &format!(
            "[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://127.0.0.1:{}\"\nperiod = \"500ms\"\ntimeout = \"2s\"\n",
            modbus.port
        );
    let mut wanted: Vec<(String, String, f64)> = Vec::new();
    for list in &plan {
        import(folder.path(), list);
        let stations = list["stations"].as_array().expect("stations");
        for station in stations {
            let unit = station["unit"].as_u64().expect("a unit");
            for words in station["words"].as_array().into_iter().flatten() {
                modbus.tell(&format!("{} unit={unit}", words.as_str().expect("a command")));
            }
            let several = if stations.len() > 1 { format!("-{unit}") } else { String::new() };
            settings.push_str(&format!(
                "[[equipment]]\nid = \"e{unit}\"\nprofile = \"list{}{several}\"\nsource = \"plc\"\nunit = {unit}\n",
                list["seed"]
            ));
            for (name, value) in station["expect"].as_object().into_iter().flatten() {
                wanted.push((format!("e{unit}"), name.clone(), value.as_f64().expect("a number")));
            }
        }
    }
    let profiles: Vec<(String, String)> = std::fs::read_dir(folder.path().join("profiles"))
        .expect("the profiles")
        .flatten()
        .map(|e| {
            let text = std::fs::read_to_string(e.path()).expect("a profile");
            (e.file_name().to_string_lossy().into_owned(), text)
        })
        .collect();
    let profiles: Vec<(&str, &str)> = profiles.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let mut gateway = Gateway::start(&settings, &profiles);
    eventually("every point has the value of its list", async || {
        let mut wrong = Vec::new();
        let mut equipment = String::new();
        let mut points = Value::Null;
        for (owner, name, value) in &wanted {
            if equipment != *owner {
                points = gateway.get(&format!("/api/v1/equipment/{owner}/points")).await;
                equipment.clone_from(owner);
            }
            let called = |p: &&Value| p["name"]["zh"] == **name || p["name"]["en"] == **name;
            let point = points.as_array().into_iter().flatten().find(called);
            let found = point.and_then(|p| p["value"].as_f64());
            if !found.is_some_and(|f| (f - value).abs() <= value.abs() * 1e-6 + 1e-9) {
                let seed = (owner[1..].parse::<usize>().expect("a unit") - 1) / 3;
                wrong.push(format!("{owner} {name}: {found:?} for {value}; {}", plan[seed]["habits"]));
            }
        }
        unless(wrong.is_empty(), wrong.join("\n"))
    })
    .await;
    assert!(wanted.len() > LISTS * 5, "{}", wanted.len());
    gateway.stop().await;
}
