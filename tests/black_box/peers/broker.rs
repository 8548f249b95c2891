//! mosquitto, and a publisher with a client of its own.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::{Process, free_port, listens};

static PUBLISHERS: AtomicUsize = AtomicUsize::new(0);

pub struct Broker {
    pub port: u16,
    process: Option<Process>,
    pub dir: TempDir,
    /// Lines of its configuration behind the usual ones.
    more: String,
}

impl Broker {
    pub async fn start() -> Self {
        Self::start_on(free_port()).await
    }

    pub async fn start_on(port: u16) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut broker = Self { port, process: None, dir, more: String::new() };
        broker.again().await;
        broker
    }

    /// With more lines in its configuration, which may name files of its folder.
    pub async fn start_with(more: impl FnOnce(&std::path::Path) -> String) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let more = more(dir.path());
        let mut broker = Self { port: free_port(), process: None, dir, more };
        broker.again().await;
        broker
    }

    /// Starts it (again) on the same port with the sessions and messages it stored.
    pub async fn again(&mut self) {
        let file = self.dir.path().join("mosquitto.conf");
        let settings = format!(
            "per_listener_settings true\nlistener {} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\nmax_inflight_messages 1000\n\
             user root\npersistence true\npersistence_location {}/\n{}",
            self.port,
            self.dir.path().display(),
            self.more
        );
        std::fs::write(&file, settings).expect("a file");
        let child = Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(file)
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto: run tests/tools.sh");
        self.process = Some(Process(child));
        listens(self.port).await;
    }

    /// Stops it as a service manager does; it writes its sessions down.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.terminate().await;
        }
    }

    /// Publishes all with QoS 1; returns when the broker has acknowledged every one.
    pub async fn publish(&self, messages: &[(String, String)]) {
        let bytes: Vec<_> = messages.iter().map(|(t, p)| (t.clone(), p.clone().into_bytes())).collect();
        self.publish_bytes(&bytes, rumqttc::QoS::AtLeastOnce, false).await;
    }

    /// The same with any bytes and QoS 1 or 2.
    pub async fn publish_bytes(&self, messages: &[(String, Vec<u8>)], qos: rumqttc::QoS, retain: bool) {
        let name = format!("publisher-{}", PUBLISHERS.fetch_add(1, Ordering::Relaxed));
        let mut options = rumqttc::MqttOptions::new(name, "127.0.0.1", self.port);
        options.set_keep_alive(Duration::from_secs(5)).set_max_packet_size(1 << 24, 1 << 28);
        let (client, mut events) = rumqttc::AsyncClient::new(options, 64);
        let sending = async {
            for (topic, payload) in messages {
                let sent = client.publish(topic, qos, retain, payload.clone()).await;
                sent.expect("the event loop runs");
            }
        };
        let confirmed = async {
            let mut left = messages.len();
            while left > 0 {
                match events.poll().await {
                    Ok(rumqttc::Event::Incoming(
                        rumqttc::Packet::PubAck(_) | rumqttc::Packet::PubComp(_),
                    )) => left -= 1,
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::join!(sending, confirmed);
    }

    pub async fn publish_one(&self, topic: &str, payload: &str) {
        self.publish(&[(topic.to_owned(), payload.to_owned())]).await;
    }
}
