//! The inspection feed: hazard events as CloudEvents 1.0 over HTTP POST, signed by Standard Webhooks.
//!
//! In order per hazard (one hazard's stuck event holds back only its own later ones), repeated until
//! a receipt comes, under ids that never change, so that a repeat changes nothing on the other side.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use reqwest::header;
use sha2::Sha256;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

use super::delivery::{Verdict, chain, client, retry_after, words};
use super::influx::RunError;
use super::{OutletStatus, Report};
use crate::clock::wall_now;
use crate::parts::{Backoff, Part};
use crate::settings::{InspectionOutlet, Secret};
use crate::store::{DeadLetter, EventRow, LedgerReader};

/// Hazards looked at in one round.
const AT_ONCE: u32 = 1000;

/// Delivers events until `changed` closes. `changed` wakes the loop after every ledger commit.
///
/// # Errors
/// What ends this life of the outlet: the secret is missing, the ledger cannot be read, or the HTTP client
/// cannot be made.
pub async fn run(
    outlet: InspectionOutlet,
    ledger: LedgerReader,
    mut changed: watch::Receiver<i64>,
    reports: mpsc::Sender<Report>,
    (status, part): (OutletStatus, Part),
) -> Result<(), RunError> {
    if let Some(secret) = &outlet.secret {
        if let Some(why) = secret.missing() {
            return Err(RunError::Secret { key: "secret", why });
        }
        if key_of(secret).is_none() {
            return Err(RunError::Unusable(
                "secret: begins with whsec_ and is not base64 behind it; write the key as the receiver gave it",
            ));
        }
    }
    let http = client(outlet.timeout).map_err(RunError::Client)?;
    let id = outlet.id.as_str();
    let (dead, delivered) = (ledger.dead_letters(id)?, ledger.delivered(id)?);
    status.update(|s| (s.dead_letters, s.delivered) = (dead, delivered));
    let mut feed = Feed {
        http,
        backoff: Backoff::new(outlet.retry),
        refused: HashMap::new(),
        taken: 0,
        settled: HashSet::new(),
        outlet,
        reports,
        status,
    };
    part.stands();
    loop {
        // Everything committed up to here is seen by the query that follows.
        changed.borrow_and_update();
        let mut waiting = ledger.undelivered(feed.outlet.id.as_str(), AT_ONCE)?;
        feed.forget_known(&mut waiting);
        if waiting.is_empty() {
            if changed.changed().await.is_err() {
                return Ok(());
            }
            continue;
        }
        let Some(pause) = feed.round(waiting).await else { return Ok(()) };
        match pause {
            Some(_) if changed.has_changed().is_err() => return Ok(()),
            // A new hazard does not wait for a stuck one's pause, but for a moment, so that events that
            // come thick and fast do not undo the pause.
            Some(pause) => tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = changed.changed() => tokio::time::sleep(pause.min(Duration::from_secs(1))).await,
            },
            None => {
                feed.backoff.reset();
                feed.status.went_well();
            }
        }
    }
}

struct Feed {
    http: reqwest::Client,
    outlet: InspectionOutlet,
    backoff: Backoff,
    /// Events that the receiver refused, and how many it had taken by then.
    refused: HashMap<i64, u64>,
    /// Events taken in this life.
    taken: u64,
    /// Events that the receiver has, or has refused for good, though the ledger does not tell it yet: where it cannot be
    /// written that waits elsewhere.
    settled: HashSet<i64>,
    reports: mpsc::Sender<Report>,
    status: OutletStatus,
}

impl Feed {
    /// What is settled is not sent again while the ledger still gives it out.
    fn forget_known(&mut self, waiting: &mut Vec<EventRow>) {
        self.settled.retain(|seq| waiting.iter().any(|event| event.seq == *seq));
        waiting.retain(|event| !self.settled.contains(&event.seq));
    }

    /// Tries each of `waiting` once; gives the pause that is needed, if one is. `None`: the gateway stops.
    async fn round(&mut self, waiting: Vec<EventRow>) -> Option<Option<Duration>> {
        let mut pause: Option<Duration> = None;
        for event in waiting {
            let Outcome { verdict, code, said, nobody } = post(&self.http, &self.outlet, &event).await;
            let id = self.outlet.id.as_str();
            let state = match verdict {
                Verdict::Done => {
                    info!(outlet = id, event = event.seq, hazard = event.hazard, "hazard event delivered");
                    self.taken += 1;
                    "delivered"
                }
                // A receiver that has taken nothing since may be what is wrong: a hazard is not given up for that.
                Verdict::Refused | Verdict::Split
                    if *self.refused.entry(event.seq).or_insert(self.taken) < self.taken =>
                {
                    warn!(
                        outlet = id,
                        event = event.seq,
                        status = code,
                        "hazard event refused for good: {said}"
                    );
                    "dead"
                }
                verdict => {
                    let asked = if let Verdict::Retry(asked) = verdict { asked } else { None };
                    let backoff = &mut self.backoff;
                    let wait = *pause.get_or_insert_with(|| backoff.pause().max(asked.unwrap_or_default()));
                    let state = if matches!(verdict, Verdict::Retry(_)) { "away" } else { "refuses" };
                    if self.status.failed(state, &said, wall_now().plus(wait)) {
                        warn!(
                            outlet = id,
                            status = code,
                            "hazard events wait, the receiver {}: {said}",
                            words_of(state)
                        );
                    }
                    if nobody || asked.is_some() {
                        // Nobody there, or asked to leave it alone: the others would fare no better.
                        break;
                    }
                    // This hazard's later events wait for it; other hazards go on.
                    continue;
                }
            };
            self.refused.remove(&event.seq);
            self.settled.insert(event.seq);
            self.report(event, state, code, said).await?;
        }
        Some(pause)
    }

    /// Returns when it is on the disk, in the ledger or on its way there.
    async fn report(&mut self, event: EventRow, state: &'static str, code: u16, said: String) -> Option<()> {
        let outlet = self.outlet.id.to_string();
        let dead = (state == "dead").then(|| DeadLetter {
            outlet: outlet.clone(),
            what: event.body.clone(),
            status: code,
            reason: said.clone(),
        });
        self.status.update(|s| if dead.is_some() { s.dead_letters += 1 } else { s.delivered += 1 });
        let (done, noted) = oneshot::channel();
        let report = Report::Event { outlet, seq: event.seq, state, detail: said, dead, done };
        self.reports.send(report).await.ok()?;
        noted.await.ok()
    }
}

fn words_of(state: &str) -> &'static str {
    if state == "away" { "is away" } else { "gives no receipt" }
}

/// What came of one attempt.
struct Outcome {
    verdict: Verdict,
    /// HTTP status; 0 if there was none.
    code: u16,
    said: String,
    /// Not even a connection: the next event would fare no better.
    nobody: bool,
}

async fn post(http: &reqwest::Client, outlet: &InspectionOutlet, event: &EventRow) -> Outcome {
    let id = serde_json::from_str::<serde_json::Value>(&event.body)
        .ok()
        .and_then(|v| v.get("id").and_then(|id| id.as_str().map(str::to_owned)))
        .unwrap_or_else(|| format!("event-{}", event.seq));
    let mut request = http
        .post(&outlet.url)
        .header(header::CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
        .header("webhook-id", &id);
    let seconds = wall_now().seconds();
    request = request.header("webhook-timestamp", seconds.to_string());
    if let Some(secret) = &outlet.secret {
        request = request.header("webhook-signature", sign(secret, &id, seconds, &event.body));
    }
    match request.body(event.body.clone()).send().await {
        Ok(answer) => {
            let status = answer.status();
            let (wait, code) = (retry_after(&answer), status.as_u16());
            let said = words(answer).await;
            let verdict = Verdict::of_event(code, &said, wait);
            let said = format!("{code} {said}").trim().to_owned();
            Outcome { verdict, code: status.as_u16(), said, nobody: false }
        }
        Err(error) => {
            let nobody = error.is_connect();
            Outcome { verdict: Verdict::Retry(None), code: 0, said: chain(&error.without_url()), nobody }
        }
    }
}

/// The bytes of the key; `None` if they are not what `whsec_` promises.
fn key_of(secret: &Secret) -> Option<Vec<u8>> {
    let text = secret.expose();
    match text.strip_prefix("whsec_") {
        Some(encoded) => BASE64.decode(encoded).ok(),
        None => Some(text.as_bytes().to_vec()),
    }
}

/// Standard Webhooks 1.0: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
/// A secret written `whsec_…` is base64 of the key; any other text is the key itself.
fn sign(secret: &Secret, id: &str, seconds: i64, body: &str) -> String {
    let key = key_of(secret).unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::sync::{mpsc, watch};

    use super::{InspectionOutlet, OutletStatus, Report, run, sign};
    use crate::parts::Board;
    use crate::settings::Secret;
    use crate::store::{Ledger, LedgerReader};

    /// Takes every event, and tells which.
    async fn receiver() -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&taken);
        let handler = async move |body: String| seen.lock().unwrap().push(body);
        let router = axum::Router::new().route("/", axum::routing::post(handler));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, taken)
    }

    #[tokio::test]
    async fn an_event_whose_receipt_waits_elsewhere_is_sent_once_while_the_ledger_takes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        drop(Ledger::open(dir.path()).unwrap());
        let event = |id: &str| {
            rusqlite::Connection::open(&path)
                .unwrap()
                .execute_batch(&format!(
                    "INSERT INTO hazard_event (hazard, version, kind, at, body, sum)
                     VALUES ('{id}', 1, 'opened', 5, '{{\"id\":\"{id}\"}}', NULL)"
                ))
                .unwrap();
        };
        event("a");
        let (url, taken) = receiver().await;
        let outlet = InspectionOutlet {
            id: crate::plant::Id::new("feed").unwrap(),
            url,
            secret: None,
            timeout: Duration::from_secs(5),
            retry: (Duration::from_millis(10), Duration::from_millis(20)),
        };
        let (wake, changed) = watch::channel(0);
        let (reports, mut reported) = mpsc::channel(8);
        let status = OutletStatus::new("feed", "inspection");
        let feed =
            run(outlet, LedgerReader::lazy(&path), changed, reports, (status, Board::default().part("feed")));
        let feed = tokio::spawn(feed);
        let mut receipts = Vec::new();
        for round in 0..5 {
            if round == 3 {
                event("b");
            }
            // As after each commit; the receipt is kept, though not in the ledger.
            wake.send_modify(|n| *n += 1);
            while let Ok(Some(report)) =
                tokio::time::timeout(Duration::from_millis(300), reported.recv()).await
            {
                let Report::Event { seq, state, done, .. } = report else { continue };
                receipts.push((seq, state));
                assert!(receipts.len() < 10, "sent again and again: {receipts:?}");
                let _ = done.send(());
                wake.send_modify(|n| *n += 1);
            }
        }
        assert_eq!(receipts, [(1, "delivered"), (2, "delivered")]);
        assert_eq!(*taken.lock().unwrap(), [r#"{"id":"a"}"#, r#"{"id":"b"}"#]);
        drop(wake);
        feed.await.unwrap().unwrap();
    }

    #[test]
    fn the_signature_is_that_of_the_standard_webhooks_example() {
        // The worked example of the Standard Webhooks specification.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let signature =
            sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
