//! Devices with registers of four bytes, as the Enron extension of Modbus describes them: 5001 to 6999 are 32-bit
//! integers, 7001 to 7999 single-precision floats, each under one address and high byte first; 3001 to 4999 are as usual.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::peers::odd::Act::Say;
use crate::peers::odd::Ask;
use crate::peers::{Odd, eventually, unless};
use crate::quirks::{path, profile, settings, shows, start};

const POINTS: &[(&str, &str)] = &[
    ("pressure", "address = 7001\ntype = \"f32\""),
    ("flow", "address = 7002\ntype = \"f32\""),
    ("total", "address = 5001\ntype = \"i32\""),
    ("state", "address = 5000"),
];
const HEAD: &str = "table = \"holding\"\naddress_base = 0\n";

/// What stands at an address, as bytes.
fn register(address: u16) -> Vec<u8> {
    match address {
        // 123 456 789 is 07 5B CD 15.
        5001 => vec![0x07, 0x5B, 0xCD, 0x15],
        5002..=6999 => vec![0; 4],
        // 1.25 and -2.5.
        7001 => vec![0x3F, 0xA0, 0, 0],
        7002 => vec![0xC0, 0x20, 0, 0],
        7003..=7999 => vec![0; 4],
        _ => vec![0, 7],
    }
}

fn enron(ask: &Ask) -> Vec<u8> {
    let bytes: Vec<u8> = (ask.from..ask.from + ask.count).flat_map(register).collect();
    ask.frame(ask.unit, &[&[ask.function, bytes.len() as u8][..], &bytes].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn registers_of_four_bytes_are_read_beside_others_where_the_profile_says_so() {
    let profile = profile(
        &format!(
            "{HEAD}[modbus]\nmax_gap = 100\nfour_byte = [{{ from = 5001, to = 6999 }}, {{ from = 7001, to = 7999 }}]"
        ),
        POINTS,
    );
    for rtu in [false, true] {
        let longest = Arc::new(AtomicU16::new(0));
        let seen = Arc::clone(&longest);
        let rule = move |ask: &Ask| {
            seen.fetch_max(ask.count, Ordering::SeqCst);
            vec![Say(enron(ask))]
        };
        let odd = if rtu { Odd::rtu(rule).await } else { Odd::tcp(rule).await };
        let address = format!("{}tcp://127.0.0.1:{}", if rtu { "rtu+" } else { "" }, odd.port);
        let mut gateway = start(&settings(&address, "", &[1]), &profile);
        shows(
            &gateway,
            &[
                ("pressure", Some(1.25), ""),
                ("flow", Some(-2.5), ""),
                ("total", Some(123_456_789.0), ""),
                ("state", Some(7.0), ""),
            ],
        )
        .await;
        gateway.stop().await;
        assert_eq!(longest.load(Ordering::SeqCst), 2, "two floats are two registers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_the_error_names_it_and_no_value_is_shown() {
    let profile = profile(HEAD, &POINTS[..2]);
    for rtu in [false, true] {
        let rule = move |ask: &Ask| vec![Say(enron(ask))];
        let odd = if rtu { Odd::rtu(rule).await } else { Odd::tcp(rule).await };
        let address = format!("{}tcp://127.0.0.1:{}", if rtu { "rtu+" } else { "" }, odd.port);
        let mut gateway = start(&settings(&address, "", &[1]), &profile);
        shows(&gateway, &[("pressure", None, "garbled"), ("flow", None, "garbled")]).await;
        eventually("the error names the setting", async || {
            let device = path(&gateway).await["devices"][0].clone();
            let said = device["last_error"].as_str().unwrap_or_default();
            unless(said.contains("four_byte = [{ table = \"holding\""), &device)
        })
        .await;
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_largest_answer_is_just_half_of_what_is_asked_for_is_read_in_parts() {
    let profile =
        profile(&format!("{HEAD}[modbus]\nfour_byte = [{{ from = 7001, to = 7999 }}]"), &POINTS[..2]);
    for rtu in [false, true] {
        let rule = move |ask: &Ask| {
            let bytes = register(ask.from);
            vec![Say(ask.frame(ask.unit, &[&[ask.function, bytes.len() as u8][..], &bytes].concat()))]
        };
        let odd = if rtu { Odd::rtu(rule).await } else { Odd::tcp(rule).await };
        let address = format!("{}tcp://127.0.0.1:{}", if rtu { "rtu+" } else { "" }, odd.port);
        let mut gateway = start(&settings(&address, "", &[1]), &profile);
        shows(&gateway, &[("pressure", Some(1.25), ""), ("flow", Some(-2.5), "")]).await;
        eventually("the limit is told", async || {
            let device = path(&gateway).await["devices"][0].clone();
            unless(device["learnt"] == json!(["max_registers = 1"]), &device)
        })
        .await;
        gateway.stop().await;
    }
}

/// A device that has nothing but registers of four bytes, 0 to 79, at most 62 a request: register N holds the float N/8.
async fn daniel() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // The other side going away is how it ends.
            tokio::spawn(async move { drop(answers(stream).await) });
        }
    });
    port
}

async fn answers(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        let mut head = [0u8; 7];
        stream.read_exact(&mut head).await?;
        let mut pdu = vec![0u8; usize::from(u16::from_be_bytes([head[4], head[5]])) - 1];
        stream.read_exact(&mut pdu).await?;
        let answer = match pdu[..] {
            [3, a, b, c, d] => {
                let (from, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                match (count, u32::from(from) + u32::from(count)) {
                    (1..=62, 1..=80) => {
                        let floats = (from..from + count).flat_map(|n| (f32::from(n) / 8.0).to_be_bytes());
                        [vec![3, (count * 4) as u8], floats.collect()].concat()
                    }
                    (1..=62, _) => vec![0x83, 2],
                    _ => vec![0x83, 3],
                }
            }
            _ => vec![pdu[0] | 0x80, 1],
        };
        let mut frame = head.to_vec();
        frame[4..6].copy_from_slice(&(answer.len() as u16 + 1).to_be_bytes());
        frame.extend(answer);
        stream.write_all(&frame).await?;
    }
}

async fn probe(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steamward"));
    command.arg("probe").args(arguments);
    let run =
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("the binary");
    let text = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    (run.status.code().unwrap_or(-1), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probes_say_that_registers_have_four_bytes_and_read_them_when_they_are_told() {
    let address = format!("127.0.0.1:{}", daniel().await);
    let look = ["modbus", &address, "--unit", "1", "--table", "holding"];
    let (code, said) = probe(&look).await;
    assert!(said.contains("try --register-bytes 4"), "{code} {said}");
    let (code, said) = probe(&[&look[..], &["--register-bytes", "4"]].concat()).await;
    assert!(code == 0 && said.contains("0..79") && said.contains("four_byte = ["), "{code} {said}");
    assert!(said.contains("{ table = \"holding\", from = 0, to = 79 }"), "{said}");
    let place = [address.as_str(), "--table", "holding", "--at", "10"];
    let four = ["--register-bytes", "4"];
    let (code, said) = probe(&[&["read"], &place[..], &["--type", "f32"], &four].concat()).await;
    assert!(code == 0 && said.contains("1.25"), "{code} {said}");
    let (code, said) = probe(&[&["read"], &place[..], &["--type", "f32"]].concat()).await;
    assert!(code == 1 && said.contains("registers of four bytes?"), "{code} {said}");
    let (code, said) = probe(&[&["read"], &place[..], &["--type", "u16"], &four].concat()).await;
    assert!(code == 2 && said.contains("a value of 2 bytes, but register 10 holds four"), "{code} {said}");
    let orders = ["--samples", "1", "--expect", "1.25", "--json"];
    let (code, said) = probe(&[&["orders"], &place[..], &orders, &four].concat()).await;
    let found: Value = serde_json::from_str(&said).unwrap_or_default();
    let first = &found["candidates"][0];
    assert_eq!((code, &first["type"], &first["order"]), (0, &json!("f32"), &json!("abcd")), "{said}");
    let types = found["candidates"].as_array().expect("a list").iter();
    assert!(types.clone().all(|c| matches!(c["type"].as_str(), Some("f32" | "u32" | "i32"))), "{said}");
}
