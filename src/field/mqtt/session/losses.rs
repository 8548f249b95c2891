//! What the broker lost of ours: a session that it no longer has, and messages that it says it dropped.
//! Neither shows in the messages that do come, so it is told with the time since which something may be
//! missing.

use tracing::warn;

use crate::field::Status;
use crate::plant::Micros;
use crate::settings::MqttSource;

/// Follows one session over its connections.
#[derive(Debug, Default)]
pub struct Losses {
    /// The session has been confirmed: the broker is to have it at the next connection.
    had: bool,
    /// When the last connection ended, if it was one of this process.
    away_since: Option<Micros>,
    /// The last number under the topic of dropped messages.
    dropped: Option<u64>,
}

impl Losses {
    /// `had`: an earlier life of the gateway had a session there.
    pub fn new(had: bool) -> Self {
        Self { had, ..Self::default() }
    }

    /// The connection ended.
    pub fn away(&mut self, now: Micros) {
        self.away_since.get_or_insert(now);
    }

    /// The broker took the connection. True if it no longer has a session that it should have.
    pub fn connected(&mut self, source: &MqttSource, session_present: bool) -> bool {
        let lost = self.had && source.is_kept() && !session_present;
        self.had = true;
        lost
    }

    /// Tells that the session is gone.
    pub fn tell_session(&mut self, source: &MqttSource, now: Micros, status: &Status) {
        let since = self.away_since.take();
        let from = since.map_or_else(
            || "since the gateway was last connected".to_owned(),
            |at| format!("from {} to now", at.rfc3339()),
        );
        warn!(
            source = %source.id,
            "the broker no longer has the session of this gateway: what devices published {from} did not arrive; \
             see \"What the broker loses\" in docs/integrator.md for its settings"
        );
        status.update(|s| {
            let mqtt = s.mqtt.get_or_insert_default();
            mqtt.sessions_lost += 1;
            mqtt.session_lost_at = Some(now);
        });
    }

    /// The broker keeps the session for a shorter time than was asked for.
    pub fn tell_expiry(source: &MqttSource, granted: Option<u32>) {
        let asked = source.session_expiry.as_secs();
        if let Some(granted) = granted.filter(|g| source.is_kept() && u64::from(*g) < asked) {
            warn!(
                source = %source.id,
                "the broker keeps the session for {granted} s, and not for {asked} s as `session_expiry` asks: \
                 what comes while the gateway is away for longer is lost"
            );
        }
    }

    /// The connection stands and nothing was lost with it.
    pub fn back(&mut self) {
        self.away_since = None;
    }

    /// A number came under the topic of dropped messages: all that the broker dropped since its start.
    ///
    /// # Errors
    /// The payload is not a whole number.
    pub fn dropped(&mut self, source: &MqttSource, payload: &[u8], status: &Status) -> Result<(), String> {
        let text = String::from_utf8_lossy(payload);
        let now: u64 =
            text.trim().parse().map_err(|_| format!("`{}` is not a number of messages", text.trim()))?;
        // A smaller number than before: the broker began anew, and counts from zero.
        let more = match self.dropped.replace(now) {
            None => 0,
            Some(before) if now < before => now,
            Some(before) => now - before,
        };
        if more > 0 {
            warn!(source = %source.id, "the broker says that it dropped {more} messages, of this gateway or of others");
        }
        status.update(|s| s.mqtt.get_or_insert_default().broker_dropped += more);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Losses;
    use crate::plant::Micros;
    use crate::settings::{MqttSource, load_texts};

    fn source(more: &str) -> MqttSource {
        let text = format!(
            "[site]\nid = \"n\"\n[[source.mqtt]]\nid = \"b\"\naddress = \"mqtt://127.0.0.1\"\n{more}\n\
             [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"b\"\ntopic = \"t\"\n"
        );
        let profile = "kind = \"k\"\n[[point]]\nid = \"a\"\npointer = \"/a\"\n";
        let loaded = load_texts(&[("t.toml", &text)], &[("p.toml", profile)], &[]).expect("good");
        loaded.settings.mqtt[0].clone()
    }

    #[test]
    fn a_session_that_the_broker_should_have_and_has_not_is_lost() {
        let source = source("");
        let mut fresh = Losses::new(false);
        assert!(!fresh.connected(&source, false), "the first connection ever");
        assert!(!fresh.connected(&source, true), "it is there");
        fresh.away(Micros(1));
        assert!(fresh.connected(&source, false), "it was there, and is gone");
        let mut restarted = Losses::new(true);
        assert!(restarted.connected(&source, false), "an earlier life of the gateway had it");
    }

    #[test]
    fn what_the_broker_dropped_is_the_growth_of_its_number() {
        let source = source("dropped_topic = \"$SYS/broker/publish/messages/dropped\"");
        let (status, mut losses) = (crate::field::Status::new("b", "mqtt"), Losses::new(false));
        for (payload, sum) in [("700", 0), ("700", 0), ("705", 5), (" 3\n", 8), ("3", 8)] {
            losses.dropped(&source, payload.as_bytes(), &status).expect("a number");
            assert_eq!(status.get().mqtt.expect("told").broker_dropped, sum, "after {payload}");
        }
        assert!(losses.dropped(&source, b"many", &status).is_err());
    }
}
