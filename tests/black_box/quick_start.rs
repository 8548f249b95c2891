//! What docs/quick-start.md has its reader do is so.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::peers::{Process, eventually, free_port, root, unless};

#[tokio::test(flavor = "multi_thread")]
async fn the_practice_device_of_the_quick_start_bears_a_slip_and_ends_at_ctrl_c() {
    let page = std::fs::read_to_string(root().join("docs/quick-start.md")).expect("the page");
    let (_, from) = page.split_once("```python\n").expect("a program");
    let (program, _) = from.split_once("```").expect("its end");
    let port = free_port();
    let mut child = Command::new(root().join(".venv/bin/python"))
        .args(["-c", &program.replace("5020", &port.to_string())])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("python with pymodbus: run tests/tools.sh");
    // Held on: with the end of its input it would end too.
    let mut typed = child.stdin.take().expect("piped");
    let mut device = Process(child);
    let address = format!("127.0.0.1:{port}");
    let level = async || {
        let mut probe = Command::new(env!("CARGO_BIN_EXE_steamward"));
        probe.args(["probe", "read", &address, "--at", "40003", "--type", "f32"]);
        let run = tokio::task::spawn_blocking(move || probe.output()).await.expect("no panic");
        String::from_utf8_lossy(&run.expect("the binary").stdout).into_owned()
    };
    eventually("it answers", async || {
        let told = level().await;
        unless(told.contains("value 2 (good"), told)
    })
    .await;
    typed.write_all(b"\nlow\n-80\n").expect("it reads");
    eventually("the level falls", async || {
        let told = level().await;
        unless(told.contains("value -80 (good"), told)
    })
    .await;
    Command::new("kill").args(["-INT", &device.0.id().to_string()]).status().expect("kill");
    eventually("it is gone", async || unless(device.0.try_wait().expect("a child").is_some(), "it runs on"))
        .await;
}
