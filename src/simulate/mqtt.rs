//! The demo's MQTT side: an embedded broker, and the air receiver's telemetry unit, a
//! client that publishes once a second with QoS 1.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mqtt5::broker::{BrokerConfig, MqttBroker, StorageBackendType};
use rumqttc::{AsyncClient, MqttOptions, QoS};

use super::house::House;

/// Where the receiver publishes.
pub const RECEIVER_TOPIC: &str = "plant/receiver-1/data";

/// Starts the broker on a free loopback port; it runs until the process ends.
///
/// # Errors
/// No port can be had.
pub(super) async fn start_broker() -> std::io::Result<SocketAddr> {
    let mut config = BrokerConfig {
        bind_addresses: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        max_clients: 16,
        max_packet_size: 256 * 1024,
        sys_topics_enabled: false,
        ..BrokerConfig::default()
    };
    config.auth_config.allow_anonymous = true;
    config.storage_config.backend = StorageBackendType::Memory;
    let mut broker = MqttBroker::with_config(config).await.map_err(std::io::Error::other)?;
    let address = broker.local_addr().ok_or_else(|| std::io::Error::other("the broker has no port"))?;
    tokio::spawn(async move {
        if let Err(error) = broker.run().await {
            tracing::error!("the demo's broker ended: {error}");
        }
    });
    Ok(address)
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
