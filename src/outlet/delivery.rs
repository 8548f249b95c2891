//! What every HTTP outlet shares: the client, the pause between attempts, and what a status asks for.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode, header};

/// What to do after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Taken.
    Done,
    /// Try the same again later; the server may have said when.
    Retry(Option<Duration>),
    /// A setting or a permission is wrong: hold, say so, look again later.
    Hold,
    /// Too large: send it in halves.
    Split,
    /// Something in it is refused for good.
    Refused,
}

impl Verdict {
    /// Sorts an HTTP status by what the sender has to do next.
    #[must_use]
    pub fn of(status: StatusCode, retry_after: Option<Duration>) -> Self {
        match status.as_u16() {
            200..=299 => Self::Done,
            413 => Self::Split,
            400 | 409 | 422 => Self::Refused,
            408 | 425 | 429 | 500..=599 => Self::Retry(retry_after),
            _ => Self::Hold,
        }
    }
}

/// A refusal in HTML is a proxy's: it is about the request and not about a line in it.
pub(super) fn is_page(said: &str) -> bool {
    said.contains("<html") || said.contains("<!DOCTYPE") || said.contains("<!doctype")
}

/// `Retry-After` in seconds, at most an hour (RFC 9110 10.2.3; the date form is not used by databases).
pub(super) fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds: u64 = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
}

/// The first few kilobytes of an answer, as text.
pub(super) async fn words(mut answer: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < 4096 {
        match answer.chunk().await {
            Ok(Some(more)) => bytes.extend_from_slice(&more),
            _ => break,
        }
    }
    bytes.truncate(4096);
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// One client an outlet: rustls with ring, no proxy from the environment, no redirects.
pub(super) fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    // Refused when already installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("steamward/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// An error with its causes in one line: reqwest hides the interesting part in `source`.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Growing, jittered pauses: half to whole of a doubling step, so that many gateways spread.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    step: Duration,
}

impl Backoff {
    /// Pauses from `first` up to `longest`.
    #[must_use]
    pub fn new((first, longest): (Duration, Duration)) -> Self {
        Self { first, longest, step: first }
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let random = RandomState::new().build_hasher().finish();
        let share = 0.5 + (random >> 11) as f64 / (1u64 << 53) as f64 / 2.0;
        let pause = self.step.mul_f64(share);
        self.step = (self.step * 2).min(self.longest);
        pause
    }

    /// It went well: begin anew.
    pub fn reset(&mut self) {
        self.step = self.first;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::StatusCode;

    use super::{Backoff, Verdict};

    #[test]
    fn each_status_is_sorted_by_what_the_sender_does_next() {
        let verdict = |code| Verdict::of(StatusCode::from_u16(code).unwrap(), None);
        assert_eq!(verdict(204), Verdict::Done);
        assert_eq!(verdict(400), Verdict::Refused);
        assert_eq!(verdict(422), Verdict::Refused);
        assert_eq!(verdict(413), Verdict::Split);
        for about_the_request in [405, 406, 410, 411, 415] {
            assert_eq!(verdict(about_the_request), Verdict::Hold);
        }
        assert_eq!(verdict(401), Verdict::Hold);
        assert_eq!(verdict(404), Verdict::Hold);
        assert_eq!(verdict(503), Verdict::Retry(None));
        assert_eq!(verdict(429), Verdict::Retry(None));
    }

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew_after_success() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(8));
        let mut backoff = Backoff::new((first, longest));
        for step in [1, 2, 4, 8, 8] {
            let (pause, step) = (backoff.pause(), Duration::from_secs(step));
            assert!(pause >= step / 2 && pause <= step, "{pause:?} against {step:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= first);
    }
}
