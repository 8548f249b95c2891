//! The broker process's way to the gateway: reports as JSON lines on its standard output, and what it and
//! the libraries in it log.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};

use super::words::{Level, Report};

/// Reports that may wait; more are dropped rather than holding the broker up.
const WAITING: usize = 256;
/// Lines of one kind: one in so long, with the number of those left out.
const EVERY: Duration = Duration::from_secs(10);
/// Outside text in a line of the log.
const LONGEST: usize = 400;

/// Sends reports; cheap to clone.
#[derive(Clone)]
pub(super) struct Out {
    reports: SyncSender<Report>,
    told: Arc<Mutex<HashMap<&'static str, (Instant, u64)>>>,
    dropped: Arc<AtomicU64>,
}

impl Out {
    /// Begins to write to `to`, from a thread of its own.
    pub(super) fn start(mut to: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (reports, waiting) = sync_channel::<Report>(WAITING);
        std::thread::Builder::new().name("reports".to_owned()).spawn(move || {
            for report in waiting {
                let Ok(line) = serde_json::to_string(&report) else { continue };
                // Nobody hears: the gateway is gone, and the end of standard input says so too.
                if writeln!(to, "{line}").and_then(|()| to.flush()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { reports, told: Arc::default(), dropped: Arc::default() })
    }

    /// Sends, or drops it if the gateway reads nothing.
    pub(super) fn send(&self, report: Report) {
        let _ = self.reports.try_send(report);
    }

    /// Says something about a client; of each `kind` only now and then, for a hostile one must not fill
    /// the log.
    pub(super) fn tell(&self, kind: &'static str, level: Level, text: &str) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, left_out) = told.entry(kind).or_insert_with(|| (now - EVERY, 0));
        if now.saturating_duration_since(*last) < EVERY {
            *left_out += 1;
            return;
        }
        let more = match std::mem::take(left_out) {
            0 => String::new(),
            n => format!(" ({n} more of this kind in between)"),
        };
        *last = now;
        drop(told);
        let text: String = text.chars().take(LONGEST).collect();
        self.send(Report::Log { level, text: format!("{text}{more}") });
    }

    /// Messages that the library says it dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Takes what the libraries log: messages dropped are counted, errors told.
pub(super) struct Ear(pub(super) Out);

#[derive(Default)]
struct Words {
    message: String,
    dropped: Option<u64>,
    client: Option<String>,
}

impl Visit for Words {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "dropped" {
            self.dropped = Some(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "client_id" => self.client = Some(format!("{value:?}")),
            _ => {}
        }
    }
}

impl<S: tracing::Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > tracing::Level::WARN {
            return;
        }
        let mut words = Words::default();
        event.record(&mut words);
        if let Some(dropped) = words.dropped {
            self.0.dropped.fetch_add(dropped, Ordering::Relaxed);
            let client = words.client.unwrap_or_default();
            let text = format!(
                "messages for client {client} are dropped, oldest first: it does not take what it subscribed to"
            );
            self.0.tell("dropped", Level::Warn, &text);
        } else if level == tracing::Level::ERROR {
            self.0.tell("error", Level::Error, &words.message);
        }
    }

    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }
}
