//! What is refused, and that what is told to be written instead is right.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::{DATABASE, Kind, MODBUS, MQTT, RECEIVER, listen, read};

/// What is told to be written for a text that is refused.
fn told(text: &str, kind: &Kind) -> String {
    let misread = read(text, kind).err().unwrap_or_else(|| panic!("{text} was taken"));
    assert!(read(&misread.write, kind).is_ok(), "{text}: {misread:?}");
    let told = misread.remedy("address");
    told.strip_prefix("write address = ").unwrap_or_else(|| panic!("{told}")).to_owned()
}

#[test]
fn the_one_address_that_was_meant_is_told_for_each_slip() {
    for (text, write) in [
        ("tcp://192,168,1,10", "\"tcp://192.168.1.10:502\""),
        ("tcp://192.168.1.10,502", "\"tcp://192.168.1.10:502\""),
        ("tcp://192.168.1.10.502", "\"tcp://192.168.1.10:502\""),
        ("tcp://192.168.001.010:1502", "\"tcp://192.168.1.10:1502\""),
        ("１９２．１６８．１．１０：５０２", "\"tcp://192.168.1.10:502\""),
        ("ｔｃｐ：／／１９２。１６８。１。１０：１５０２", "\"tcp://192.168.1.10:1502\""),
        ("tcp：//192.168.1.10：502", "\"tcp://192.168.1.10:502\""),
        ("tcp://192.168.1.10 :502", "\"tcp://192.168.1.10:502\""),
        (" tcp://192.168. 1.10:502", "\"tcp://192.168.1.10:502\""),
        ("tcp://192.168.1.10:0", "\"tcp://192.168.1.10:502\""),
        ("tcp://192.168.1.10:65536", "\"tcp://192.168.1.10:502\""),
        ("tcp://192.168.1.10:", "\"tcp://192.168.1.10:502\""),
        ("tcp://192.168.1.10:502/1", "\"tcp://192.168.1.10:502\""),
        ("tcp://fe80::1:502", "\"tcp://[fe80::1]:502\""),
        ("tcp://fd00::a:b", "\"tcp://[fd00::a:b]:502\""),
        ("tcp://1:2:3:4:5:6:7:8:1502", "\"tcp://[1:2:3:4:5:6:7:8]:1502\""),
        ("tcp://[::1", "\"tcp://[::1]:502\""),
        ("tcp://[192.168.1.10]:502", "\"tcp://192.168.1.10:502\""),
        ("127.0.0.1:5020", "\"tcp://127.0.0.1:5020\""),
        ("plc-1:502", "\"tcp://plc-1:502\""),
        ("localhost", "\"tcp://localhost:502\""),
        ("TCP://plc-1", "\"tcp://plc-1:502\""),
        ("tcp:192.168.1.10", "\"tcp://192.168.1.10:502\""),
        ("tcp:\\\\192.168.1.10:502", "\"tcp://192.168.1.10:502\""),
        ("modbus://192.168.1.10", "\"tcp://192.168.1.10:502\""),
        ("http://192.168.1.10:502/", "\"tcp://192.168.1.10:502\""),
        ("rtu://192.168.1.5:4001", "\"rtu+tcp://192.168.1.5:4001\""),
        ("rtu://192.168.1.5", "\"rtu+tcp://192.168.1.5:4001\", with the port that is set there"),
        ("rtu+tcp://192.168.1.5", "\"rtu+tcp://192.168.1.5:4001\", with the port that is set there"),
        ("ascii+tcp://nport:99999", "\"ascii+tcp://nport:4001\", with the port that is set there"),
        ("tcp://192.168.1.300", "\"tcp://192.0.2.10:502\", with the address that is set there"),
        ("tcp://192.168.1", "\"tcp://192.0.2.10:502\", with the address that is set there"),
        ("tcp://锅炉:502", "\"tcp://192.0.2.10:502\", with the address that is set there"),
        ("", "\"tcp://192.0.2.10:502\", with the address that is set there"),
    ] {
        assert_eq!(told(text, &MODBUS), write, "{text}");
    }
    for (text, write) in [
        ("192.168.1.20", "\"mqtt://192.168.1.20:1883\""),
        ("192.168.1.20:8883", "\"mqtts://192.168.1.20:8883\""),
        ("tcp://192.168.1.20:1883", "\"mqtt://192.168.1.20:1883\""),
        ("ssl://broker", "\"mqtts://broker:8883\""),
        ("mqtt://192,168,1,20:1883", "\"mqtt://192.168.1.20:1883\""),
        ("mqtt://broker:0", "\"mqtt://broker:1883\""),
        ("mqtt://::1", "\"mqtt://[::1]:1883\""),
        ("mqtt：//broker：1883", "\"mqtt://broker:1883\""),
        ("ws://broker/mqtt", "\"mqtt://broker:1883\", with the port that is set there"),
        ("ws://broker:9001/mqtt", "\"mqtt://broker:1883\", with the port that is set there"),
        ("wss://broker:8084/mqtt", "\"mqtts://broker:8883\", with the port that is set there"),
        ("https://broker:443", "\"mqtts://broker:8883\", with the port that is set there"),
        ("http://broker:1883", "\"mqtt://broker:1883\""),
    ] {
        assert_eq!(told(text, &MQTT), write, "{text}");
    }
    for (text, write) in [
        ("192.168.1.30:8086", "\"http://192.168.1.30:8086\""),
        ("192.168.1.30", "\"http://192.168.1.30:8086\", with the port that is set there"),
        ("http://192，168，1，30：8086", "\"http://192.168.1.30:8086\""),
        ("http:/influx:8086", "\"http://influx:8086\""),
        ("http://influx:80860", "\"http://influx:8086\", with the port that is set there"),
        ("https://::1", "\"https://[::1]\""),
        ("tcp://influx:8086", "\"http://influx:8086\""),
    ] {
        assert_eq!(told(text, &DATABASE), write, "{text}");
    }
    assert_eq!(told("mes.example.org:443/ev ents", &RECEIVER), "\"https://mes.example.org:443/events\"");
}

#[test]
fn what_is_good_is_taken_as_it_is() {
    for (text, host, port) in [
        ("tcp://10.0.0.1", "10.0.0.1", Some(502)),
        ("tcp://plc_1.works.example.:1502/", "plc_1.works.example.", Some(1502)),
        ("udp://[fe80::1%eth0]:503", "fe80::1%eth0", Some(503)),
        ("rtu+tcp://nport:4001", "nport", Some(4001)),
        ("tcp://community-1", "community-1", Some(502)),
    ] {
        let found = read(text, &MODBUS).unwrap_or_else(|m| panic!("{m:?}"));
        assert_eq!((found.host.as_str(), found.port), (host, port), "{text}");
    }
    let found = read("https://mes.example.org/事件?site=1", &RECEIVER).unwrap_or_else(|m| panic!("{m:?}"));
    assert_eq!((found.port, found.path.as_str()), (None, "/事件?site=1"));
}

#[test]
fn a_password_is_hidden_whatever_signs_stand_around_it() {
    for text in [
        "mqtt://me:hush@broker:70000",
        "mqtt://me:hush＠broker:1883",
        "mqtt://me：hush＠broker:1883",
        "mqtt：//me:hush@broker:1883",
        "ｍｑｔｔ：／／me：hush＠broker：1883",
        "mqtt://me:hu sh@broker:1883",
        "mqtt://me:hu\u{200b}sh＠broker",
        "me：hush＠broker:1883",
        "mqtt:\\\\me:hush＠broker",
        "http://me:hush/x＠broker:1883",
        "http://broker:8086x/a?ｐ＝hush",
    ] {
        for kind in [&MODBUS, &MQTT, &DATABASE, &RECEIVER] {
            if let Err(misread) = read(text, kind) {
                let told = misread.told();
                assert!(!told.contains("hush") && !told.contains("hu sh"), "{text}: {told}");
            }
        }
        let told = listen(text, SocketAddr::from(([127, 0, 0, 1], 8686))).expect_err(text).told();
        assert!(!told.contains("hush") && !told.contains("hu sh"), "{text}: {told}");
    }
}

#[test]
fn only_the_name_of_a_serial_port_is_refused_as_a_host() {
    for host in [
        "tty-server",
        "ttygate",
        "ttyserver1",
        "ttyS",
        "tty1x",
        "ttyUSB0.works.example",
        "com",
        "com1x",
        "tty",
    ] {
        let found = read(&format!("tcp://{host}:502"), &MODBUS);
        assert_eq!(found.map(|f| f.host).as_deref(), Ok(host));
    }
    for host in [
        "COM3", "com12", "ttyS0", "ttyUSB12", "ttyACM0", "ttyAMA0", "ttymxc1", "ttyO4", "ttyLP2", "ttySC0",
        "ttyusb0",
    ] {
        let problem = read(&format!("tcp://{host}"), &MODBUS).expect_err(host).problem;
        assert_eq!(problem, format!("`{host}` is a serial port, not a host"));
    }
    assert_eq!(super::serial_port("ttyusb0").as_deref(), Some("/dev/ttyUSB0"));
}

#[test]
fn mqtt_over_websocket_is_said_to_be_unsupported() {
    let problem = |text| read(text, &MQTT).expect_err(text).problem;
    assert_eq!(problem("wss://broker:8084"), "`wss://`: MQTT over WebSocket is not supported");
    assert_eq!(problem("http://broker:8084"), "`http://` is not known here");
}

#[test]
fn what_is_wrong_is_said_of_the_part_that_is_wrong() {
    for (text, problem) in [
        ("tcp://192,168,1,10", "`192,168,1,10` is not a valid host: letters, digits, `-` and dots"),
        ("tcp://COM3", "`COM3` is a serial port, not a host"),
        ("tcp://10.0.0.1:0", "`0` is not a valid port: 1 to 65535"),
        ("tcp://10.0.0.256", "`10.0.0.256` is not a valid IPv4 address: four numbers from 0 to 255"),
        ("tcp://::1:502", "`::1:502` has more than one colon: an IPv6 address stands in brackets"),
        ("tcp://１０.0.0.1", "`tcp://１０.0.0.1` has signs of a Chinese input method in it"),
        ("tcp://10.0.0.1\u{200b}", "`tcp://10.0.0.1\u{200b}` has a space or an invisible sign in it"),
        ("tcp://:502", "no host is written"),
        ("rtu://10.0.0.1", "`rtu://` is not known here"),
        (
            "10.0.0.1",
            "`10.0.0.1` is not a valid address: it begins with what is spoken there, such as tcp://",
        ),
        (
            "me:pw@host",
            "`***@host` is not a valid address: it begins with what is spoken there, such as tcp://",
        ),
    ] {
        assert_eq!(read(text, &MODBUS).err().map(|m| m.problem).as_deref(), Some(problem), "{text}");
    }
}

#[test]
fn where_to_listen_is_told_with_the_port_and_the_address_that_were_meant() {
    let usual = SocketAddr::from(([127, 0, 0, 1], 8686));
    for (text, write) in [
        (":9000", "127.0.0.1:9000"),
        ("*:9000", "127.0.0.1:9000"),
        ("9000", "127.0.0.1:9000"),
        ("localhost:9000", "127.0.0.1:9000"),
        ("0.0.0.0", "0.0.0.0:8686"),
        ("0.0.0.0：9000", "0.0.0.0:9000"),
        ("http://192.168.1.9:9000/", "192.168.1.9:9000"),
        ("192,168,1,9:9000", "192.168.1.9:9000"),
        ("::1:9000", "[::1]:9000"),
        ("127.0.0.1:99999", "127.0.0.1:8686"),
        ("", "127.0.0.1:8686"),
    ] {
        let misread = listen(text, usual).expect_err(text);
        assert_eq!(misread.write, write, "{text}");
    }
    assert_eq!(listen("[::]:9000", usual).map(|l| l.port()), Ok(9000));
}

proptest! {
    /// Whatever was written: what is told to be written instead is taken.
    #[test]
    fn advice_is_always_taken(text in "(tcp|rtu|mqtt|http|COM|://|[0-9.,:：\\[\\]/@ a-z％０-９。-]|\\PC){0,24}") {
        for kind in [&MODBUS, &MQTT, &DATABASE, &RECEIVER] {
            if let Err(misread) = read(&text, kind) {
                prop_assert!(read(&misread.write, kind).is_ok(), "{misread:?}");
            }
        }
        let usual = SocketAddr::from(([0, 0, 0, 0], 9000));
        if let Err(misread) = listen(&text, usual) {
            prop_assert!(listen(&misread.write, usual).is_ok(), "{misread:?}");
        }
    }
}
