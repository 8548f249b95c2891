//! Devices with registers of four bytes, as the Enron extension of Modbus describes them: 5001 to 6999 are 32-bit
//! integers, 7001 to 7999 single-precision floats, each under one address and high byte first; 3001 to 4999 are as usual.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

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
