//! `[[source.modbus]]` and `[[source.mqtt]]`, without the devices on them.

use std::cell::RefCell;
use std::time::Duration;

use super::super::fault::Fault;
use super::super::types::{ModbusSource, MqttSource, MqttVersion, Qos, Transport};
use super::super::walk::Walk;
use super::quirks::QuirkKeys;
use super::sparkplug;
use super::tls::mqtt_tls;
use super::transport::transport;
use super::words::{broker_address, id, login, poll_period, positive, range};

pub(super) struct ModbusDefaults {
    pub(super) source: ModbusSource,
    pub(super) period: Duration,
    pub(super) quirks: QuirkKeys,
}

pub(super) fn modbus_source(
    name: &str,
    w: &Walk<'_>,
    warnings: &RefCell<Vec<Fault>>,
) -> Option<ModbusDefaults> {
    let id = id(w, name);
    let transport = transport(w);
    // A mobile network answers in seconds, a serial line behind a server takes its time.
    let (usual_period, usual_timeout) = match &transport {
        Some(Transport::DialIn(_)) => (Duration::from_secs(5), Duration::from_secs(4)),
        Some(Transport::RtuTcp { .. }) => (Duration::from_secs(1), Duration::from_millis(800)),
        _ => (Duration::from_secs(1), Duration::from_millis(500)),
    };
    let period = poll_period(w, usual_period);
    let timeout = positive(w, "timeout", usual_timeout);
    if timeout > period {
        warnings.borrow_mut().push(Fault {
            place: w.place("timeout"),
            key: format!("{}.timeout", w.path),
            problem: "longer than the period".to_owned(),
            remedy: "a silent device then skips polls; keep the timeout below the period".to_owned(),
        });
    }
    let reconnect =
        range(w, ("reconnect_min", Duration::from_millis(500)), ("reconnect_max", Duration::from_secs(30)));
    let connect_pause = w.duration("connect_pause").unwrap_or_default();
    let idle_close = w.duration("idle_close");
    let probe_share = w.number("probe_share").unwrap_or(0.05);
    if !(0.01..=0.5).contains(&probe_share) {
        w.fault("probe_share", format!("{probe_share} is out of range"), "allowed: 0.01 to 0.5");
    }
    let breaker = w.flag("breaker").unwrap_or(true);
    let quirks = QuirkKeys::path(w);
    w.finish();
    let source = ModbusSource {
        id: id?,
        transport: transport?,
        timeout,
        reconnect,
        connect_pause,
        idle_close,
        probe_share,
        breaker,
        devices: Vec::new(),
    };
    Some(ModbusDefaults { source, period, quirks })
}

pub(super) fn mqtt_source(name: &str, w: &Walk<'_>, site: &str) -> Option<(MqttSource, Duration)> {
    let id = id(w, name);
    let secured = w.is_text_beginning("address", "mqtts://");
    let address = broker_address(w, "\"mqtt://192.0.2.20:1883\"");
    let tls = mqtt_tls(w, secured);
    let version = match w.whole("version", 3, 5) {
        Some(3) => MqttVersion::V3,
        None | Some(5) => MqttVersion::V5,
        Some(_) => {
            w.fault("version", "not a protocol version", "5, or 3 for MQTT 3.1.1");
            MqttVersion::V5
        }
    };
    let client_id = w.text("client_id").map_or_else(|| format!("steamward-{site}-{name}"), str::to_owned);
    let login = login(w);
    let qos = match w.whole("qos", 0, 2) {
        Some(0) => Qos::AtMostOnce,
        Some(2) => Qos::ExactlyOnce,
        _ => Qos::AtLeastOnce,
    };
    let keep_alive = positive(w, "keep_alive", Duration::from_secs(30));
    if keep_alive < Duration::from_secs(5) {
        w.fault("keep_alive", "shorter than 5 s", "\"5s\" or longer; \"30s\" suits most brokers");
    }
    if keep_alive > Duration::from_secs(65_535) {
        w.fault("keep_alive", "longer than 18 h", "at most \"18h\"; \"30s\" suits most brokers");
    }
    if client_id.is_empty() {
        w.fault("client_id", "empty", "a name of its own for this gateway: the session is kept under it");
    }
    let receive_maximum = w.whole("receive_maximum", 1, 65535).unwrap_or(1000) as u16;
    let session_expiry = positive(w, "session_expiry", Duration::from_secs(86400));
    let reconnect =
        range(w, ("reconnect_min", Duration::from_millis(250)), ("reconnect_max", Duration::from_secs(15)));
    let expect = positive(w, "expect_every", Duration::from_secs(10));
    let dropped_topic = w.text("dropped_topic").map(str::to_owned);
    if dropped_topic.as_ref().is_some_and(|t| t.is_empty() || t.contains(['+', '#'])) {
        w.fault(
            "dropped_topic",
            "empty, or with a wildcard",
            "one topic; mosquitto has \"$SYS/broker/publish/messages/dropped\"",
        );
    }
    let sparkplug = sparkplug::host(w, expect);
    w.finish();
    let (host, port) = address?;
    let source = MqttSource {
        id: id?,
        host,
        port,
        tls,
        version,
        client_id,
        login,
        qos,
        keep_alive,
        receive_maximum,
        session_expiry,
        dropped_topic,
        reconnect,
        mappings: Vec::new(),
        offline: Vec::new(),
        sparkplug,
        metrics: Vec::new(),
    };
    Some((source, expect))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::settings::load_texts;

    #[test]
    fn what_dials_in_over_a_mobile_network_is_given_its_time_unless_told_otherwise() {
        let times = |address: &str, more: &str| {
            let text = format!(
                "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"{address}\"\n{more}\n\
                 [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n"
            );
            let profile = "kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\n";
            let loaded = load_texts(&[("t.toml", &text)], &[("p.toml", profile)], &[]).expect("good");
            let source = &loaded.settings.modbus[0];
            (source.timeout, source.devices[0].groups[0].period)
        };
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        assert_eq!(times("rtu+listen://0.0.0.0:9000", ""), (s(4), s(5)));
        assert_eq!(times("rtu+tcp://192.0.2.1:4001", ""), (ms(800), s(1)));
        assert_eq!(times("tcp://192.0.2.1", ""), (ms(500), s(1)));
        let own = "timeout = \"5s\"\nperiod = \"10s\"";
        assert_eq!(times("rtu+listen://0.0.0.0:9000", own), (s(5), s(10)));
    }
}
