//! The inspection feed: hazard events as CloudEvents 1.0 over HTTP POST, signed by Standard Webhooks.
//!
//! In order per hazard (one hazard's stuck event holds back only its own later ones), repeated until
//! a 2xx, under ids that never change, so that a repeat changes nothing on the other side.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use reqwest::header;
use sha2::Sha256;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

use super::delivery::{Backoff, Verdict, chain, client, retry_after, words};
use super::influx::RunError;
use super::{OutletStatus, Report};
use crate::clock::wall_now;
use crate::settings::{InspectionOutlet, Secret};
use crate::store::{DeadLetter, EventRow, LedgerReader};

/// Hazards looked at in one round.
const AT_ONCE: u32 = 1000;

/// Delivers events until `changed` closes. `changed` wakes the loop after every ledger commit.
///
/// # Errors
/// Only what no retry mends: the ledger cannot be read, or the HTTP client cannot be made.
pub async fn run(
    outlet: InspectionOutlet,
    ledger: LedgerReader,
    mut changed: watch::Receiver<i64>,
    reports: mpsc::Sender<Report>,
    status: OutletStatus,
) -> Result<(), RunError> {
    let http = client(outlet.timeout).map_err(|e| RunError::Client(chain(&e)))?;
    let mut backoff = Backoff::new(outlet.retry);
    let id = outlet.id.as_str();
    let (dead, delivered) = (ledger.dead_letters(id)?, ledger.delivered(id)?);
    status.update(|s| (s.dead_letters, s.delivered) = (dead, delivered));
    loop {
        // Everything committed up to here is seen by the query that follows.
        changed.borrow_and_update();
        let waiting = ledger.undelivered(id, AT_ONCE)?;
        if waiting.is_empty() {
            if changed.changed().await.is_err() {
                return Ok(());
            }
            continue;
        }
        let mut pause: Option<Duration> = None;
        for event in waiting {
            let Outcome { verdict, code, said, nobody } = post(&http, &outlet, &event).await;
            let state = match verdict {
                Verdict::Done => {
                    info!(outlet = id, event = event.seq, hazard = event.hazard, "hazard event delivered");
                    "delivered"
                }
                Verdict::Refused | Verdict::Split => {
                    warn!(
                        outlet = id,
                        event = event.seq,
                        status = code,
                        "hazard event refused for good: {said}"
                    );
                    "dead"
                }
                Verdict::Retry(_) | Verdict::Hold => {
                    let asked = if let Verdict::Retry(asked) = verdict { asked } else { None };
                    let wait = *pause.get_or_insert_with(|| backoff.pause().max(asked.unwrap_or_default()));
                    if status.get().ok {
                        warn!(outlet = id, status = code, "hazard events wait: {said}");
                    }
                    status.failed(&said, wall_now().plus(wait));
                    if nobody || asked.is_some() {
                        // Nobody there, or asked to leave it alone: the others would fare no better.
                        break;
                    }
                    // This hazard's later events wait for it; other hazards go on.
                    continue;
                }
            };
            let letter = (state == "dead").then(|| DeadLetter {
                outlet: id.to_owned(),
                what: event.body.clone(),
                status: code,
                reason: said.clone(),
            });
            status.update(|s| if letter.is_some() { s.dead_letters += 1 } else { s.delivered += 1 });
            let (done, noted) = oneshot::channel();
            let report = Report::Event {
                outlet: id.to_owned(),
                seq: event.seq,
                state,
                detail: said,
                dead: letter,
                done,
            };
            if reports.send(report).await.is_err() || noted.await.is_err() {
                return Ok(());
            }
        }
        match pause {
            Some(_) if changed.has_changed().is_err() => return Ok(()),
            // A new hazard does not wait for a stuck one's pause, but for a moment, so that events that
            // come thick and fast do not undo the pause.
            Some(pause) => tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = changed.changed() => tokio::time::sleep(pause.min(Duration::from_secs(1))).await,
            },
            None => {
                backoff.reset();
                status.went_well();
            }
        }
    }
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
            let verdict = Verdict::of(status, retry_after(&answer));
            let said = format!("{} {}", status.as_u16(), words(answer).await).trim().to_owned();
            Outcome { verdict, code: status.as_u16(), said, nobody: false }
        }
        Err(error) => {
            let nobody = error.is_connect();
            Outcome { verdict: Verdict::Retry(None), code: 0, said: chain(&error.without_url()), nobody }
        }
    }
}

/// Standard Webhooks 1.0: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
/// A secret written `whsec_…` is base64 of the key; any other text is the key itself.
fn sign(secret: &Secret, id: &str, seconds: i64, body: &str) -> String {
    let text = secret.expose();
    let key = text
        .strip_prefix("whsec_")
        .and_then(|b| BASE64.decode(b).ok())
        .unwrap_or_else(|| text.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::sign;
    use crate::settings::Secret;

    #[test]
    fn the_signature_is_that_of_the_standard_webhooks_example() {
        // The worked example of the Standard Webhooks specification.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let signature =
            sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
