//! The demo's MQTT side: an embedded broker (rumqttd), and the air receiver's telemetry unit, a
//! client that publishes once a second with QoS 1.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rumqttc::{AsyncClient, MqttOptions, QoS};
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

use super::house::House;

/// Where the receiver publishes.
pub const RECEIVER_TOPIC: &str = "plant/receiver-1/data";

/// Starts the broker on a free loopback port; it runs until the process ends.
///
/// # Errors
/// No port or no thread can be had.
pub(super) async fn start_broker() -> std::io::Result<SocketAddr> {
    // The broker takes no listener and tells no port: look for a free one and give it back.
    let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let server = ServerSettings {
        name: "demo".to_owned(),
        listen: address,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 5000,
            max_payload_size: 256 * 1024,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    let config = Config {
        router: RouterConfig {
            max_connections: 16,
            max_outgoing_packet_count: 200,
            max_segment_size: 1024 * 1024,
            max_segment_count: 10,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("demo".to_owned(), server)])),
        ..Config::default()
    };
    std::thread::Builder::new().name("broker".to_owned()).spawn(move || {
        if let Err(error) = Broker::new(config).start() {
            tracing::error!("the demo's broker ended: {error}");
        }
    })?;
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return Ok(address);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(std::io::Error::other("the embedded broker did not start within 2 s"))
}

/// Publishes the receiver's readings for as long as the runtime lives.
pub(super) fn start_device(house: Arc<Mutex<House>>, broker: SocketAddr) {
    let mut options = MqttOptions::new("receiver-1-telemetry", broker.ip().to_string(), broker.port());
    options.set_keep_alive(Duration::from_secs(5));
    let (client, mut events) = AsyncClient::new(options, 64);
    tokio::spawn(async move {
        loop {
            if events.poll().await.is_err() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    });
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tick.tick().await;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
            let payload = house.lock().unwrap_or_else(PoisonError::into_inner).receiver_payload(now);
            if client.publish(RECEIVER_TOPIC, QoS::AtLeastOnce, false, payload).await.is_err() {
                return;
            }
        }
    });
}
