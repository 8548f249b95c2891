//! `steamward probe mqtt`: which topics and payload shapes a broker has, and settings for them.
//!
//! Subscribes with a session of its own that ends with it, under a name no gateway uses, and
//! publishes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, SubscribeReasonCode, Transport};
use serde_json::json;

use crate::exit;
use crate::field::mqtt::propose::{Proposal, SeenTopic, propose};
use crate::field::mqtt::recognise::{Recognised, recognise};
use crate::settings;
use crate::tongue::told;

/// Topics kept; what comes under more is only counted.
const MOST_TOPICS: usize = 5000;
/// Messages of one topic that are looked into.
const LOOK_INTO: u64 = 20;
const LARGEST: usize = 16 * 1024 * 1024;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The broker: mqtt://host[:1883], mqtts://host[:8883], or host[:port].
    address: String,
    /// Topic filter; may be given several times.
    #[arg(long, default_value = "#")]
    topic: Vec<String>,
    /// How long to listen.
    #[arg(long = "for", default_value = "10s", value_parser = duration, value_name = "TIME")]
    time: Duration,
    /// User name.
    #[arg(long, requires = "password_file")]
    username: Option<String>,
    /// File with the password.
    #[arg(long, requires = "username", value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// PEM file of the authority that signed the broker's certificate; without it those of the system.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM file of our own certificate.
    #[arg(long, requires = "key", value_name = "FILE")]
    cert: Option<PathBuf>,
    /// PEM file of its key.
    #[arg(long, requires = "cert", value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    match settings::duration(text) {
        Some(d) if !d.is_zero() => Ok(d),
        _ => Err("a number and a unit, e.g. 10s or 5m".to_owned()),
    }
}

struct Topic {
    count: u64,
    retained: u64,
    smallest: usize,
    largest: usize,
    first: Instant,
    last: Instant,
    most_qos: u8,
    recognised: Recognised,
}

#[derive(Default)]
struct Heard {
    topics: BTreeMap<String, Topic>,
    more: u64,
}

pub(super) fn probe(options: &Options) -> i32 {
    let connection = match connection(options) {
        Ok(connection) => connection,
        Err(e) => {
            complain!("{e}");
            return exit::SETTINGS;
        }
    };
    let Ok(runtime) = crate::cli::runtime() else { return exit::FAILED };
    match runtime.block_on(listen(connection, options)) {
        Ok(heard) => {
            tell(&heard, options);
            exit::FINE
        }
        Err(e) => {
            complain!("{}: {e}", options.address);
            exit::FAILED
        }
    }
}

fn connection(options: &Options) -> Result<MqttOptions, String> {
    let (secured, host, port) = settings::broker_of(&options.address)?;
    if !secured && (options.ca.is_some() || options.cert.is_some()) {
        return Err("certificates are for mqtts:// addresses".to_owned());
    }
    let name = format!("steamward-probe-{:016x}", fastrand::u64(..));
    let mut connection = MqttOptions::new(name, host, port);
    connection.set_keep_alive(Duration::from_secs(10)).set_max_packet_size(LARGEST, LARGEST);
    if secured {
        let identity = options.cert.as_deref().zip(options.key.as_deref());
        let tls = settings::client_tls(options.ca.as_deref(), identity).map_err(|(_, problem)| problem)?;
        connection.set_transport(Transport::Tls(rumqttc::TlsConfiguration::Rustls(tls)));
    }
    if let (Some(user), Some(file)) = (&options.username, &options.password_file) {
        let password = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        connection.set_credentials(user, password.trim());
    }
    Ok(connection)
}

async fn listen(connection: MqttOptions, options: &Options) -> Result<Heard, String> {
    let (client, mut events) = AsyncClient::new(connection, 16);
    let filters = options.topic.iter().map(|t| rumqttc::SubscribeFilter::new(t.clone(), QoS::AtLeastOnce));
    client.try_subscribe_many(filters).map_err(|_| "no topic filter: levels parted by `/`, with + and #")?;
    let mut heard = Heard::default();
    let mut end = None;
    let patience = tokio::time::Instant::now() + Duration::from_secs(15);
    loop {
        let until = end.unwrap_or(patience);
        let event = match tokio::time::timeout_at(until, events.poll()).await {
            Ok(event) => event.map_err(|e| e.to_string())?,
            Err(_) if end.is_some() => break,
            Err(_) => return Err("the broker does not answer".to_owned()),
        };
        match event {
            Event::Incoming(Packet::SubAck(ack)) => {
                let refused = ack.return_codes.iter().zip(&options.topic);
                for (_, topic) in refused.filter(|(code, _)| **code == SubscribeReasonCode::Failure) {
                    complain!("the broker refuses the subscription to `{topic}`");
                }
                if ack.return_codes.iter().all(|code| *code == SubscribeReasonCode::Failure) {
                    return Err("nothing to listen to".to_owned());
                }
                end = Some(tokio::time::Instant::now() + options.time);
            }
            Event::Incoming(Packet::Publish(publish)) => heard.note(&publish),
            _ => {}
        }
    }
    let _ = client.try_disconnect();
    let _ = tokio::time::timeout(Duration::from_millis(200), events.poll()).await;
    Ok(heard)
}

impl Heard {
    fn note(&mut self, publish: &rumqttc::Publish) {
        let (size, now) = (publish.payload.len(), Instant::now());
        if !self.topics.contains_key(&publish.topic) {
            if self.topics.len() >= MOST_TOPICS {
                self.more += 1;
                return;
            }
            self.topics.insert(
                publish.topic.clone(),
                Topic {
                    count: 0,
                    retained: 0,
                    smallest: size,
                    largest: size,
                    first: now,
                    last: now,
                    most_qos: 0,
                    recognised: recognise(&publish.topic, &publish.payload),
                },
            );
        }
        let Some(topic) = self.topics.get_mut(&publish.topic) else { return };
        topic.count += 1;
        topic.retained += u64::from(publish.retain);
        topic.smallest = topic.smallest.min(size);
        topic.largest = topic.largest.max(size);
        topic.last = now;
        topic.most_qos = topic.most_qos.max(publish.qos as u8);
        if topic.count > 1 && topic.count <= LOOK_INTO {
            // Senders that report changes only show their points one by one.
            let again = recognise(&publish.topic, &publish.payload);
            let known = &mut topic.recognised;
            if again.look == known.look {
                for one in again.carries {
                    if !known.carries.iter().any(|c| c.name == one.name && c.device == one.device) {
                        known.carries.push(one);
                    }
                }
            } else if known.carries.is_empty() && !again.carries.is_empty() {
                *known = again;
            }
        }
    }
}

impl Topic {
    /// Messages a second, where more than one came.
    fn rate(&self) -> Option<f64> {
        let span = self.last.duration_since(self.first).as_secs_f64();
        let fresh = self.count - self.retained;
        (fresh > 1 && span > 0.0).then(|| (fresh - 1) as f64 / span)
    }
}

fn tell(heard: &Heard, options: &Options) {
    let seen: Vec<SeenTopic> = heard
        .topics
        .iter()
        .map(|(topic, t)| SeenTopic { topic: topic.clone(), recognised: t.recognised.clone() })
        .collect();
    let proposal = propose(&seen);
    if options.json {
        say!("{:#}", as_json(heard, &proposal));
        return;
    }
    if heard.topics.is_empty() {
        tell!(
            "nothing came in {:?}; try a longer --for, another --topic, or look at the access rules",
            options.time
        );
        return;
    }
    let head = |text: &str, width| crate::cli::padded_left(&told(text), width);
    say!(
        "{} {} {} {:>3} {} {} {}",
        head("count", 7),
        head("per s", 8),
        head("kept", 4),
        "qos",
        head("bytes", 13),
        crate::cli::padded(&told("shape"), 13),
        told("topic")
    );
    for (topic, t) in &heard.topics {
        let rate = t.rate().map_or_else(|| "-".to_owned(), |r| format!("{r:.2}"));
        let size = if t.smallest == t.largest {
            t.largest.to_string()
        } else {
            format!("{}-{}", t.smallest, t.largest)
        };
        let shape = t.recognised.look.word();
        let gbk = if t.recognised.gbk { format!("  {}", told("(GBK text)")) } else { String::new() };
        say!(
            "{:>7} {rate:>8} {:>4} {:>3} {size:>13} {shape:<13} {topic}{gbk}",
            t.count,
            t.retained,
            t.most_qos
        );
    }
    if heard.more > 0 {
        tell!("and {} messages under further topics; narrow --topic", heard.more);
    }
    for (name, text) in &proposal.profiles {
        say!("\n# ---- profiles/{name}.toml\n{}", text.trim_end());
    }
    if !proposal.profiles.is_empty() {
        say!(
            "\n# ---- conf.d/probed.toml; the source has id = \"broker\"\n{}",
            proposal.equipment.trim_end()
        );
    }
}

fn as_json(heard: &Heard, proposal: &Proposal) -> serde_json::Value {
    let topics = heard.topics.iter().map(|(topic, t)| {
        let carries = t.recognised.carries.iter();
        json!({
            "topic": topic,
            "count": t.count,
            "per_second": t.rate(),
            "retained": t.retained,
            "qos": t.most_qos,
            "bytes_min": t.smallest,
            "bytes_max": t.largest,
            "shape": t.recognised.look.word(),
            "gbk": t.recognised.gbk,
            "time": t.recognised.time,
            "values": carries
                .map(|c| json!({ "device": c.device, "name": c.name, "example": c.example }))
                .collect::<Vec<_>>(),
        })
    });
    let profiles = proposal.profiles.iter().map(|(name, text)| json!({ "name": name, "toml": text }));
    json!({
        "topics": topics.collect::<Vec<_>>(),
        "more_messages": heard.more,
        "profiles": profiles.collect::<Vec<_>>(),
        "equipment": proposal.equipment,
    })
}
