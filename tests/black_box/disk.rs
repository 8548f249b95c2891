//! The store's disk: full, read-only, failing, hanging, taken away, damaged. Judging never waits for it.
//!
//! A small disk is a tmpfs, which wants the right to mount; where that is missing those tests say so and end. A disk that
//! fails or hangs is `tests/peers/disk_shim.c`. `make test-long` runs the long form of the first one.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::peers::{Broker, Gateway, ModbusServer, Victoria, eventually, unless};
use crate::plants;

/// A small file system in the place of the store's folder.
struct Disk(PathBuf);

impl Disk {
    /// `None` where nothing can be mounted.
    fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder");
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|m| m.status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("NOT TESTED: nothing can be mounted here; run this test as root");
        None
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).status();
        assert!(done.is_ok_and(|s| s.success()), "remount {how}");
    }

    /// To the last byte.
    fn fill(&self) {
        let mut file = File::options().append(true).create(true).open(self.0.join("filler")).expect("a file");
        for size in [1 << 16, 4096, 512, 1] {
            while file.write_all(&vec![1u8; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("a file");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The `[store]` of the tests with more in it.
fn base(store: &str) -> String {
    plants::base().replace("commit_every = \"200ms\"", &format!("commit_every = \"200ms\"\n{store}"))
}

async fn alarm(gateway: &Gateway, rule: &str) -> serde_json::Value {
    let alarms = gateway.get("/api/v1/alarms").await;
    let found = alarms.as_array().and_then(|all| all.iter().find(|a| a["rule"] == rule).cloned());
    found.unwrap_or_default()
}

async fn store(gateway: &Gateway) -> serde_json::Value {
    gateway.get("/api/v1/overview").await["path"]["outbox"]["store"].clone()
}

async fn state_is(gateway: &Gateway, state: &str) {
    eventually(state, async || {
        let store = store(gateway).await;
        unless(store["state"] == state, store)
    })
    .await;
}

/// Within two seconds.
async fn soon<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(2), "not within two seconds: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn is_read(gateway: &Gateway) -> bool {
    let equipment = gateway.get("/api/v1/equipment").await;
    equipment[0]["points"][0]["quality"] == "good"
}

async fn no_device_is_called_lost(gateway: &Gateway) {
    let alarms = gateway.get("/api/v1/alarms").await;
    let lost = alarms.as_array().is_some_and(|all| all.iter().any(|a| a["kind"] == "no_data"));
    assert!(!lost, "{alarms}");
}

/// Units with fifty registers each, read ten times a second.
fn many(port: u16, units: usize) -> (String, String) {
    let mut profile = "kind = \"pressure-vessel\"\n".to_owned();
    for n in 0..50 {
        profile.push_str(&format!("[[point]]\nid = \"p{n}\"\naddress = {}\ntype = \"u16\"\n", 40_101 + n));
    }
    let mut plant = format!(
        "[[source.modbus]]\nid = \"many\"\naddress = \"tcp://127.0.0.1:{port}\"\nperiod = \"100ms\"\ntimeout = \"1s\"\n"
    );
    for n in 0..units {
        plant.push_str(&format!(
            "[[equipment]]\nid = \"vessel-{n}\"\nprofile = \"many\"\nsource = \"many\"\nunit = {}\n",
            n + 10
        ));
    }
    (plant, profile)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_a_breach_is_raised_in_time_shown_at_once_and_kept_after() {
    let long = std::env::var_os("STEAMWARD_LONG").is_some();
    let (full_for, units) = if long { (Duration::from_secs(120), 10) } else { (Duration::from_secs(4), 1) };
    let (mut modbus, busy) = (ModbusServer::start(), ModbusServer::start());
    let (plant, profile) = many(busy.port, units);
    let most = if long { 300_000 } else { 10_000 };
    let settings =
        [base(&format!("reserve = \"2MiB\"\nwaiting_max = {most}")), plants::boiler(modbus.port), plant]
            .concat();
    let mut gateway = Gateway::prepared(&settings, &[plants::BOILER, ("many.toml", &profile)]);
    let Some(disk) = Disk::mount(&gateway.data(), 40) else { return };
    gateway.again();
    eventually("the reserve is there and everything is read", async || {
        let reserve = gateway.data().join("ledger.reserve").exists();
        unless(reserve && is_read(&gateway).await, reserve)
    })
    .await;
    disk.fill();
    state_is(&gateway, "full").await;
    modbus.set_float(2, -80.0);
    let raised = soon("the alarm on the page", async || {
        let alarm = alarm(&gateway, "boiler-1/drum_level.ll").await;
        (alarm["state"] == "unacknowledged").then_some(alarm)
    })
    .await;
    soon("its hazard on the page", async || {
        let hazards = gateway.get("/api/v1/overview").await["hazards"].clone();
        hazards.as_array().is_some_and(|all| all.len() == 1).then_some(())
    })
    .await;
    assert!(raised["hazard"].is_string(), "{raised}");
    assert_eq!(gateway.status("/readyz", &[]).await, 503);
    assert_eq!(alarm(&gateway, "gateway/store.state").await["state"], "unacknowledged");
    tokio::time::sleep(full_for).await;
    no_device_is_called_lost(&gateway).await;
    assert!(is_read(&gateway).await);

    gateway.kill();
    let began = Instant::now();
    gateway.again();
    while !is_read(&gateway).await {
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "not judging two seconds after the start on a full disk"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(alarm(&gateway, "boiler-1/drum_level.ll").await["state"], "unacknowledged");
    modbus.set_float(2, 10.0);
    soon("the alarm's end", async || {
        let state = alarm(&gateway, "boiler-1/drum_level.ll").await["state"].clone();
        (state == "returned_unacknowledged").then_some(())
    })
    .await;
    disk.free();
    eventually("everything can be written again", async || {
        let ready = gateway.status("/readyz", &[]).await;
        unless(ready == 200, store(&gateway).await)
    })
    .await;
    eventually("the alarm of the store has returned", async || {
        let own = alarm(&gateway, "gateway/store.state").await;
        unless(own["active"] != true, own)
    })
    .await;
    let losses = gateway.get("/api/v1/losses").await;
    gateway.stop().await;
    let ledger = steamward::store::LedgerReader::open(&gateway.data().join("ledger.db")).expect("a ledger");
    assert_eq!(ledger.hazards(true).expect("readable").len(), 1, "one breach, one hazard");
    let events: Vec<_> =
        ledger.transitions(None, (None, None), u32::MAX).expect("readable").into_iter().rev().collect();
    let mine: Vec<_> =
        events.iter().filter(|t| t.rule == "boiler-1/drum_level.ll").map(|t| t.event.as_str()).collect();
    assert_eq!(mine, ["raised", "cleared"], "{events:?}");
    assert!(ledger.damaged(true).expect("readable").is_empty() && gateway.ledger_verifies());
    if long {
        let gone = losses
            .as_array()
            .is_some_and(|all| all.iter().any(|l| l["outlet"] == "*" && l["readings"].as_u64() > Some(0)));
        assert!(gone, "readings beyond the bound are not told: {losses}");
    }
    drop(disk);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_read_only_disk_it_starts_with_what_it_knew_judges_and_says_so() {
    let mut modbus = ModbusServer::start();
    let mut gateway = Gateway::prepared(&[base(""), plants::boiler(modbus.port)].concat(), &[plants::BOILER]);
    let Some(disk) = Disk::mount(&gateway.data(), 30) else { return };
    gateway.again();
    modbus.set_float(2, -80.0);
    eventually("the alarm", async || {
        let hazards = gateway.get("/api/v1/hazards").await["hazards"].clone();
        unless(hazards.as_array().is_some_and(|h| h.len() == 1), hazards)
    })
    .await;
    for stopped_in_order in [false, true] {
        if stopped_in_order {
            gateway.stop().await;
        } else {
            gateway.kill();
        }
        disk.remount("ro");
        gateway.again();
        soon("it judges", async || is_read(&gateway).await.then_some(())).await;
        assert_eq!(alarm(&gateway, "boiler-1/drum_level.ll").await["state"], "unacknowledged", "it forgot");
        state_is(&gateway, "read-only").await;
        assert_eq!(gateway.status("/readyz", &[]).await, 503);
        assert_ne!(alarm(&gateway, "gateway/store.state").await, serde_json::Value::Null);
        assert_eq!(gateway.get("/api/v1/hazards").await["hazards"].as_array().map(Vec::len), Some(1));
        disk.remount("rw");
        state_is(&gateway, "ok").await;
        assert_eq!(gateway.status("/readyz", &[]).await, 200);
    }
    gateway.stop().await;
    assert!(gateway.ledger_verifies());
    let ledger = steamward::store::LedgerReader::open(&gateway.data().join("ledger.db")).expect("a ledger");
    assert_eq!(
        ledger.hazards(true).expect("readable")[0].occurrences,
        1,
        "a start on a read-only disk is no occurrence"
    );
}

/// Builds the shim; `None` without a compiler.
fn shim(dir: &Path) -> Option<PathBuf> {
    let library = dir.join("disk_shim.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/disk_shim.c");
    let built = Command::new("gcc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .args([source, "-ldl"])
        .output();
    if built.is_ok_and(|b| b.status.success()) {
        return Some(library);
    }
    eprintln!("NOT TESTED: gcc is missing: run tests/tools.sh");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_or_answers_with_errors_delays_no_alarm_and_loses_none() {
    let mut modbus = ModbusServer::start();
    let mut gateway = Gateway::prepared(&[base(""), plants::boiler(modbus.port)].concat(), &[plants::BOILER]);
    let tools = tempfile::tempdir().expect("a folder");
    let Some(library) = shim(tools.path()) else { return };
    let word = tools.path().join("word");
    gateway.set_environment(&[
        ("LD_PRELOAD", library.as_os_str()),
        ("DISK_SHIM", word.as_os_str()),
        ("DISK_SHIM_UNDER", gateway.data().as_os_str()),
    ]);
    gateway.again();
    eventually("it reads", async || unless(is_read(&gateway).await, "nothing read")).await;
    let mut occurrences = 0;
    for trouble in ["hang", "eio"] {
        std::fs::write(&word, trouble).expect("a file");
        eventually("it says so", async || {
            let ready = gateway.status("/readyz", &[]).await;
            unless(ready == 503, ready)
        })
        .await;
        modbus.set_float(2, -80.0);
        soon("the alarm on the page", async || {
            (alarm(&gateway, "boiler-1/drum_level.ll").await["active"] == true).then_some(())
        })
        .await;
        occurrences += 1;
        no_device_is_called_lost(&gateway).await;
        modbus.set_float(2, 10.0);
        soon("its end on the page", async || {
            (alarm(&gateway, "boiler-1/drum_level.ll").await["active"] == false).then_some(())
        })
        .await;
        std::fs::write(&word, "").expect("a file");
        state_is(&gateway, "ok").await;
    }
    gateway.stop().await;
    let ledger = steamward::store::LedgerReader::open(&gateway.data().join("ledger.db")).expect("a ledger");
    let hazards = ledger.hazards(true).expect("readable");
    assert_eq!((hazards.len(), hazards[0].occurrences), (1, occurrences));
    assert!(gateway.ledger_verifies());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_while_the_disk_hangs_is_judged_at_once_however_much_of_it_waits() {
    let push =
        "[[source.push]]\nid = \"app\"\n[[equipment]]\nid = \"tank\"\nprofile = \"tank\"\nsource = \"app\"\n";
    let tank = "kind = \"pressure-vessel\"\n[[point]]\nid = \"p\"\nunit = \"MPa\"\n[[point]]\nid = \"t\"\nunit = \"℃\"\n\
                [point.limits]\nhh = { at = 90, hazard = \"major\" }\n";
    let mut gateway = Gateway::prepared(&[base(""), push.to_owned()].concat(), &[("tank.toml", tank)]);
    let tools = tempfile::tempdir().expect("a folder");
    let Some(library) = shim(tools.path()) else { return };
    let word = tools.path().join("word");
    gateway.set_environment(&[
        ("LD_PRELOAD", library.as_os_str()),
        ("DISK_SHIM", word.as_os_str()),
        ("DISK_SHIM_UNDER", gateway.data().as_os_str()),
    ]);
    gateway.again();
    let now = crate::peers::now_ms();
    let hot = format!(r#"{{"device":"tank","time":{now},"values":{{"t":99}}}}"#);
    let well = r#"{"device":"tank","values":{"p":0.7,"t":20}}"#;
    assert_eq!(gateway.push("", "application/json", well, None).await.0, 200);
    std::fs::write(&word, "hang").expect("a file");
    // More than the way to the keeper holds at one time; each sender waits for the disk.
    let gateway_ref = &gateway;
    let many = futures_util::future::join_all((0..24_u64).map(|n| {
        let items = (0..4999).map(|k| {
            let at = now - 200_000 + 5000 * n + k;
            format!(r#"{{"device":"tank","time":{at},"values":{{"p":{}}}}}"#, n as f64 / 100.0)
        });
        let body = format!("[{}]", items.collect::<Vec<_>>().join(","));
        async move { gateway_ref.push("", "application/json", &body, None).await }
    }));
    let breach = async {
        eventually("much of it waits", async || {
            let waiting =
                gateway_ref.get("/api/v1/overview").await["path"]["outbox"]["store"]["waiting"].clone();
            unless(waiting.as_u64().is_some_and(|n| n > 100_000), waiting)
        })
        .await;
        let push = gateway_ref.push("", "application/json", &hot, None);
        let judged = soon("the breach that was pushed", async || {
            (alarm(gateway_ref, "tank/t.hh").await["active"] == true).then_some(())
        });
        tokio::join!(push, judged).0
    };
    let (answers, last) = tokio::join!(many, breach);
    for (status, answer, retry) in answers.iter().chain([&last]) {
        // Taken and judged, and not stored: never "nothing was taken".
        assert_eq!((*status, &answer["error"]["code"]), (503, &"store-failing".into()), "{answer}");
        assert_eq!(retry.as_deref(), Some("5"));
    }
    std::fs::write(&word, "").expect("a file");
    state_is(&gateway, "ok").await;
    // The sender does as it is told: nothing is judged or stored twice.
    let (status, answer, _) = gateway.push("", "application/json", &hot, None).await;
    assert_eq!((status, &answer["duplicates"]), (200, &1.into()), "{answer}");
    gateway.stop().await;
    let ledger = steamward::store::LedgerReader::open(&gateway.data().join("ledger.db")).expect("a ledger");
    let hazards = ledger.hazards(true).expect("readable");
    assert_eq!((hazards.len(), hazards[0].occurrences), (1, 1));
    let kept = gateway.committed("tank");
    assert_eq!(kept.iter().filter(|r| r.0 == "t" && r.1 / 1000 == now as i64).count(), 1);
}

/// A broker that gets no acknowledgement stops sending, at mosquitto's usual 20 messages whatever we allow: that must not
/// make a device's limits blind.
async fn judges_on_without_a_disk(version: u8) {
    let broker = Broker::start_with(|_| "max_inflight_messages 20\n".to_owned()).await;
    // With version 5 our limit counts, before it the broker's own.
    let most = if version == 5 { "receive_maximum = 10\n" } else { "" };
    let source = format!(
        "[[source.mqtt]]\nid = \"broker\"\naddress = \"mqtt://127.0.0.1:{}\"\nversion = {version}\n{most}expect_every = \"500ms\"\n\
         [[equipment]]\nid = \"receiver-1\"\nprofile = \"receiver\"\nsource = \"broker\"\ntopic = \"plant/receiver-1\"\n",
        broker.port
    );
    let profile = (
        "receiver.toml",
        "kind = \"k\"\n[[point]]\nid = \"p\"\npointer = \"/p\"\n\
         [point.limits]\nhh = { at = 1000000, priority = \"critical\" }\n",
    );
    let mut gateway = Gateway::prepared(&[base(""), source].concat(), &[profile]);
    let tools = tempfile::tempdir().expect("a folder");
    let Some(library) = shim(tools.path()) else { return };
    let word = tools.path().join("word");
    gateway.set_environment(&[
        ("LD_PRELOAD", library.as_os_str()),
        ("DISK_SHIM", word.as_os_str()),
        ("DISK_SHIM_UNDER", gateway.data().as_os_str()),
    ]);
    gateway.again();
    let mut sent = 0;
    let publish = async |n: u32| broker.publish_one("plant/receiver-1", &format!("{{\"p\":{n}}}")).await;
    eventually("it reads", async || {
        sent += 1;
        publish(sent).await;
        unless(is_read(&gateway).await, "nothing read")
    })
    .await;
    // What came before the subscription is nobody's.
    let first = sent;
    for trouble in ["eio", "hang"] {
        std::fs::write(&word, trouble).expect("a file");
        // Several times what may be unacknowledged, over several times what a device may be silent.
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(6) {
            sent += 1;
            publish(sent).await;
            tokio::time::sleep(Duration::from_millis(60)).await;
            if began.elapsed() > Duration::from_secs(4) {
                no_device_is_called_lost(&gateway).await;
                assert!(is_read(&gateway).await, "not read any more: {trouble}");
            }
        }
        publish(2_000_000).await;
        soon("the alarm on the page", async || {
            (alarm(&gateway, "receiver-1/p.hh").await["active"] == true).then_some(())
        })
        .await;
        sent += 1;
        publish(sent).await;
        soon("its end on the page", async || {
            (alarm(&gateway, "receiver-1/p.hh").await["active"] == false).then_some(())
        })
        .await;
        std::fs::write(&word, "").expect("a file");
        state_is(&gateway, "ok").await;
    }
    eventually("everything is committed", async || {
        let all: std::collections::BTreeSet<u32> =
            gateway.committed("receiver-1").iter().map(|c| c.2 as u32).collect();
        let missing: Vec<u32> = (first..=sent).filter(|n| !all.contains(n)).collect();
        unless(missing.is_empty(), (missing.len(), missing.first().copied()))
    })
    .await;
    assert_eq!(gateway.get("/api/v1/losses").await.as_array().map(Vec::len), Some(0), "nothing was lost");
    gateway.stop().await;
    let ledger = rusqlite::Connection::open(gateway.data().join("ledger.db")).expect("a ledger");
    let told: i64 = ledger
        .query_row("SELECT count(*) FROM audit WHERE what = 'acknowledged-unstored'", [], |r| r.get(0))
        .expect("a trail");
    assert!(told >= 1, "the trail says nothing of it");
    assert!(gateway.ledger_verifies());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_disk_stops_no_broker_from_sending_over_mqtt_5() {
    judges_on_without_a_disk(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_disk_stops_no_broker_from_sending_over_mqtt_3_1_1() {
    judges_on_without_a_disk(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_moved_or_removed_are_noticed_at_the_next_commit() {
    let modbus = ModbusServer::start();
    let push =
        "[[source.push]]\nid = \"app\"\n[[equipment]]\nid = \"tank\"\nprofile = \"tank\"\nsource = \"app\"\n";
    let tank =
        ("tank.toml", "kind = \"pressure-vessel\"\n[[point]]\nid = \"p\"\nunit = \"MPa\"\nkey = \"p\"\n");
    let settings = [base(""), plants::boiler(modbus.port), push.to_owned()].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER, tank]);
    eventually("it reads", async || unless(is_read(&gateway).await, "nothing read")).await;
    let pushed = async |gateway: &Gateway| {
        let body = r#"{"device":"tank","values":{"p":0.7}}"#;
        gateway.push("", "application/json", body, None).await.0
    };
    assert_eq!(pushed(&gateway).await, 200);
    let data = gateway.data();
    std::fs::remove_file(data.join("steamward.lock")).expect("a file");
    let (code, said) = gateway.fails();
    assert!(code == 1 && said.contains("in use"), "a second gateway came in: {code}\n{said}");

    for file in ["ledger.db", "journal.db"] {
        std::fs::rename(data.join(file), data.join("elsewhere")).expect("a file");
        state_is(&gateway, "moved").await;
        assert_eq!(gateway.status("/readyz", &[]).await, 503);
        assert!(gateway.text("/readyz").await.contains("elsewhere"), "it does not say where the file is");
        if file == "journal.db" {
            assert_eq!(pushed(&gateway).await, 503, "answered into nothing");
        }
        std::fs::rename(data.join("elsewhere"), data.join(file)).expect("a file");
        state_is(&gateway, "ok").await;
    }
    for file in ["ledger.db", "journal.db"] {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(data.join(format!("{file}{suffix}")));
        }
        eventually("it is written anew", async || {
            let told = gateway.log().contains(&format!("{file} was removed"));
            unless(told && data.join(file).exists(), gateway.log())
        })
        .await;
        state_is(&gateway, "ok").await;
        assert_eq!(pushed(&gateway).await, 200);
    }
    assert_eq!(alarm(&gateway, "gateway/ledger.state").await["state"], "unacknowledged");
    let body = r#"{"rule":"gateway/ledger.state","by":"赵海"}"#;
    assert_eq!(gateway.post("/api/v1/alarms/acknowledge", body, &[]).await, 200);
    assert_eq!(alarm(&gateway, "gateway/ledger.state").await, serde_json::Value::Null);
    gateway.stop().await;
    assert!(gateway.ledger_verifies());
    assert!(gateway.committed("tank").len() >= 3, "what was written before is gone");

    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("ledger.db{suffix}")));
    }
    gateway.again();
    eventually("a vanished ledger is told", async || {
        let told = alarm(&gateway, "gateway/ledger.state").await;
        unless(told["state"] == "unacknowledged", gateway.log())
    })
    .await;
    assert!(gateway.log().contains("not the one that was here before"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_log_costs_nothing_that_was_answered() {
    let push =
        "[[source.push]]\nid = \"app\"\n[[equipment]]\nid = \"tank\"\nprofile = \"tank\"\nsource = \"app\"\n";
    let tank = (
        "tank.toml",
        "kind = \"pressure-vessel\"\n[[point]]\nid = \"p\"\nunit = \"MPa\"\n[point.limits]\nh = { at = 5 }\n",
    );
    let mut gateway = Gateway::start(&[base(""), push.to_owned()].concat(), &[tank]);
    let pushed = async |gateway: &Gateway, value: u32| {
        let body = format!(r#"{{"device":"tank","values":{{"p":{value}}}}}"#);
        gateway.push("", "application/json", &body, None).await.0
    };
    let data = gateway.data();
    let remove = |file: &str| {
        for suffix in ["-wal", "-shm"] {
            std::fs::remove_file(data.join(format!("{file}{suffix}"))).expect("a file");
        }
    };
    assert_eq!(pushed(&gateway, 1).await, 200);
    remove("journal.db");
    remove("ledger.db");
    assert_eq!(pushed(&gateway, 7).await, 200);
    assert_eq!(pushed(&gateway, 2).await, 200);
    assert!(gateway.log().contains("journal.db-wal was removed"), "{}", gateway.log());
    gateway.kill();
    let kept: Vec<_> = gateway.committed("tank").iter().map(|c| c.2 as u32).collect();
    assert_eq!(kept, [1, 7, 2], "answered, and gone");
    gateway.again();
    assert_ne!(alarm(&gateway, "tank/p.h").await, serde_json::Value::Null, "the alarm is gone");
    gateway.stop().await;
    assert!(gateway.ledger_verifies());
}

/// Destroys the page with the newest chunks.
fn destroy_newest_page(journal: &Path) {
    let conn = rusqlite::Connection::open(journal).expect("a journal");
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("all in the file");
    let root: u32 = conn
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'chunk'", [], |r| r.get(0))
        .expect("a table");
    drop(conn);
    let mut file = std::fs::read(journal).expect("a file");
    let at = (root as usize - 1) * 4096;
    assert_eq!(file[at], 5, "the table has too few chunks for pages below its root");
    let newest = u32::from_be_bytes([file[at + 8], file[at + 9], file[at + 10], file[at + 11]]) as usize;
    file[(newest - 1) * 4096..newest * 4096].fill(0xA5);
    std::fs::write(journal, file).expect("a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_whose_newest_page_is_damaged_keeps_nobody_unwatched_and_what_comes_next_is_delivered() {
    let modbus = ModbusServer::start();
    let database = Victoria::start().await;
    let push =
        "[[source.push]]\nid = \"app\"\n[[equipment]]\nid = \"tank\"\nprofile = \"tank\"\nsource = \"app\"\n";
    let tank = ("tank.toml", "kind = \"pressure-vessel\"\n[[point]]\nid = \"p\"\nunit = \"MPa\"\n");
    let settings =
        [base(""), plants::boiler(modbus.port), push.to_owned(), plants::victoria(database.port)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER, tank]);
    // Each is a commit of its own: more than one page of them.
    for _ in 0..200 {
        let body = r#"{"device":"tank","values":{"p":0.7}}"#;
        assert_eq!(gateway.push("", "application/json", body, None).await.0, 200);
    }
    gateway.stop().await;
    let before = gateway.committed_ms("boiler-1", "count");
    destroy_newest_page(&gateway.data().join("journal.db"));
    gateway.again();
    soon("it judges", async || is_read(&gateway).await.then_some(())).await;
    let from = gateway.committed_ms("boiler-1", "count").len();
    eventually("it commits, and all is delivered", async || {
        let path = gateway.get("/api/v1/overview").await["path"].clone();
        let more = gateway.committed_ms("boiler-1", "count").len() > from + 5;
        unless(more && path["outbox"]["pending_chunks"].as_u64() < Some(3), path)
    })
    .await;
    assert!(gateway.log().contains("taken over"), "{}", gateway.log());
    assert_eq!(gateway.status("/readyz", &[]).await, 200);
    gateway.stop().await;
    // What stood on the damaged page had been delivered.
    let after = gateway.committed_ms("boiler-1", "count");
    let all = before.union(&after).copied().collect();
    database.holds("steam_boiler_count", &all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_of_the_journal_costs_its_chunk_and_is_told_and_the_rest_is_delivered() {
    let modbus = ModbusServer::start();
    let mut database = Victoria::start().await;
    database.stop().await;
    let settings = [base(""), plants::boiler(modbus.port), plants::victoria(database.port)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    eventually("a backlog", async || {
        let pending = gateway.get("/api/v1/overview").await["path"]["outbox"]["pending_chunks"].clone();
        unless(pending.as_u64() > Some(20), pending)
    })
    .await;
    gateway.stop().await;
    let journal = gateway.data().join("journal.db");
    let (committed, body): (i64, Vec<u8>) = rusqlite::Connection::open(&journal)
        .and_then(|c| {
            c.query_row("SELECT committed, body FROM chunk WHERE seq = 9", [], |r| Ok((r.get(0)?, r.get(1)?)))
        })
        .expect("a chunk");
    let mut file = std::fs::read(&journal).expect("a file");
    let at = file.windows(body.len()).position(|w| w == body).expect("in the file");
    // The last byte of a value.
    file[at + body.len() - 1] ^= 1;
    std::fs::write(&journal, file).expect("a file");
    database.again().await;
    gateway.again();
    eventually("the loss is told", async || {
        let losses = gateway.get("/api/v1/losses").await;
        unless(
            losses[0]["outlet"] == "database"
                && losses[0]["reason"].as_str().is_some_and(|r| r.contains("chunk 9")),
            losses,
        )
    })
    .await;
    eventually("the backlog is delivered", async || {
        let path = gateway.get("/api/v1/overview").await["path"].clone();
        unless(path["outbox"]["pending_chunks"].as_u64() < Some(3), path)
    })
    .await;
    gateway.stop().await;
    let stored = gateway.committed_ms("boiler-1", "count");
    assert!(stored.len() > 20);
    database.holds("steam_boiler_count", &stored).await;
    let found = database.timestamps("steam_boiler_count").await;
    assert_eq!(found.len(), stored.len(), "a reading of chunk 9 ({committed}) went out");
    assert!(!gateway.log().contains("set aside"), "the whole journal was given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_of_the_ledger_is_named_and_the_rest_of_the_gateway_lives() {
    let mut modbus = ModbusServer::start();
    let mut gateway = Gateway::start(&[base(""), plants::boiler(modbus.port)].concat(), &[plants::BOILER]);
    modbus.set_float(2, -80.0);
    eventually("the hazard", async || {
        let hazards = gateway.get("/api/v1/hazards").await["hazards"].clone();
        unless(hazards.as_array().is_some_and(|h| h.len() == 1), hazards)
    })
    .await;
    gateway.stop().await;
    let conn = rusqlite::Connection::open(gateway.data().join("ledger.db")).expect("a ledger");
    conn.execute_batch("UPDATE hazard SET body = replace(body, '-80', '-30'); UPDATE hazard_event SET body = replace(body, '-80', '-30');")
        .expect("tampered");
    drop(conn);
    let (code, said) = gateway.tool(&["ledger", "verify", "data"]);
    assert!(code == 3 && said.contains("hazard_event 1") && said.contains("hazard "), "{code}\n{said}");
    gateway.again();
    soon("it judges", async || is_read(&gateway).await.then_some(())).await;
    eventually("a person is told", async || {
        let told = alarm(&gateway, "gateway/ledger.state").await;
        unless(told["guidance"]["message"]["en"].as_str().is_some_and(|m| m.contains("hazard_event 1")), told)
    })
    .await;
    let events = gateway.get("/api/v1/hazards?after=0").await.to_string();
    assert!(!events.contains("-30"), "a changed digit went out: {events}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_raised_while_the_ledger_is_away_waits_in_the_journal_and_survives_a_kill() {
    let mut modbus = ModbusServer::start();
    let mut gateway = Gateway::start(&[base(""), plants::boiler(modbus.port)].concat(), &[plants::BOILER]);
    eventually("it reads", async || unless(is_read(&gateway).await, "nothing read")).await;
    let data = gateway.data();
    std::fs::rename(data.join("ledger.db"), data.join("elsewhere")).expect("a file");
    state_is(&gateway, "moved").await;
    modbus.set_float(2, -80.0);
    soon("the hazard on the page", async || {
        let hazards = gateway.get("/api/v1/hazards").await["hazards"].clone();
        hazards.as_array().is_some_and(|all| all.len() == 1).then_some(())
    })
    .await;
    eventually("it waits in the journal", async || {
        let waiting = rusqlite::Connection::open(data.join("journal.db")).and_then(|c| {
            c.query_row("SELECT count(*) FROM overflow WHERE body LIKE '%drum_level.ll%'", [], |r| r.get(0))
        });
        unless(waiting.as_ref().is_ok_and(|n: &i64| *n > 0), format!("{waiting:?}"))
    })
    .await;
    gateway.kill();
    std::fs::rename(data.join("elsewhere"), data.join("ledger.db")).expect("a file");
    gateway.again();
    assert_eq!(alarm(&gateway, "boiler-1/drum_level.ll").await["state"], "unacknowledged");
    assert_eq!(gateway.get("/api/v1/hazards").await["hazards"].as_array().map(Vec::len), Some(1));
    gateway.stop().await;
    let ledger = steamward::store::LedgerReader::open(&data.join("ledger.db")).expect("a ledger");
    let hazards = ledger.hazards(true).expect("readable");
    assert_eq!((hazards.len(), hazards[0].occurrences), (1, 1));
    let raised = ledger.transitions(None, (None, None), u32::MAX).expect("readable").into_iter();
    assert_eq!(raised.filter(|t| t.rule == "boiler-1/drum_level.ll" && t.event == "raised").count(), 1);
    assert!(gateway.ledger_verifies());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_settings_is_told_by_the_trend_while_the_ledger_is_away_and_once_after() {
    let modbus = ModbusServer::start();
    let mut gateway = Gateway::start(&[base(""), plants::boiler(modbus.port)].concat(), &[plants::BOILER]);
    eventually("it reads", async || unless(is_read(&gateway).await, "nothing read")).await;
    let data = gateway.data();
    std::fs::rename(data.join("ledger.db"), data.join("elsewhere")).expect("a file");
    state_is(&gateway, "moved").await;
    let scaled = plants::BOILER.1.replacen("type = \"f32\"", "type = \"f32\"\nscale = 0.5", 1);
    gateway.write("profiles/boiler.toml", scaled);
    assert_eq!(gateway.post("/api/v1/reload", "", &[]).await, 200);
    let told = async |gateway: &Gateway| -> usize {
        let trend = gateway.get("/api/v1/equipment/boiler-1/trend?minutes=5").await;
        trend["changes"].as_array().map_or(0, Vec::len)
    };
    soon("the change in the trend", async || (told(&gateway).await == 1).then_some(())).await;
    std::fs::rename(data.join("elsewhere"), data.join("ledger.db")).expect("a file");
    state_is(&gateway, "ok").await;
    assert_eq!(told(&gateway).await, 1);
    gateway.stop().await;
    assert!(gateway.ledger_verifies());
}
