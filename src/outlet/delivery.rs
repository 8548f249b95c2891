//! What every HTTP outlet shares: the client, and what an answer is worth.

use std::time::Duration;

use reqwest::{Client, Response, header};

/// What to do after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Taken: this is the answer that this kind of server gives when it has.
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
    /// Sorts the answer to a write of line protocol. InfluxDB 1, 2 and 3 and VictoriaMetrics answer 204 when all
    /// of it is written; 201 says that a part was rejected, and 200 comes with the words of an error, or from
    /// something that is not a database.
    #[must_use]
    pub fn of_write(status: u16, body: &str, retry_after: Option<Duration>) -> Self {
        match status {
            _ if is_page(body) => Self::Hold,
            204 => Self::Done,
            200 | 201 if is_complaint(body) => Self::Refused,
            // InfluxDB 2 says 422, older versions say 500 for the same.
            500..=599 if is_type_conflict(body) => Self::Refused,
            200..=299 => Self::Hold,
            _ => Self::otherwise(status, retry_after),
        }
    }

    /// Sorts the answer to a posted event. A receipt is a 2xx with nothing in it, with JSON that tells of no
    /// error, or with a plain `ok`; a page that somebody in between answers with is none.
    #[must_use]
    pub fn of_event(status: u16, body: &str, retry_after: Option<Duration>) -> Self {
        match status {
            _ if is_page(body) => Self::Hold,
            200..=299 if is_receipt(body) => Self::Done,
            200..=299 => Self::Hold,
            _ => Self::otherwise(status, retry_after),
        }
    }

    fn otherwise(status: u16, retry_after: Option<Duration>) -> Self {
        match status {
            413 => Self::Split,
            400 | 409 | 422 => Self::Refused,
            408 | 425 | 429 | 500..=599 => Self::Retry(retry_after),
            _ => Self::Hold,
        }
    }
}

/// HTML is a proxy's or a sign-in page's: it is about the request and not about what was sent.
fn is_page(body: &str) -> bool {
    let start: String = body.chars().take(2000).collect::<String>().to_ascii_lowercase();
    start.contains("<html") || start.contains("<!doctype html")
}

/// The words of a database about a field that had another type before.
pub(super) fn is_type_conflict(body: &str) -> bool {
    body.to_ascii_lowercase().contains("type conflict")
}

/// JSON that tells of an error: `error`, or `code` with `message`, of InfluxDB.
fn is_complaint(body: &str) -> bool {
    let Ok(answer) = serde_json::from_str::<serde_json::Value>(body) else {
        return body.to_ascii_lowercase().contains("partial write");
    };
    let failed = |of: &serde_json::Value| of.get("error").is_some_and(|e| !e.is_null());
    failed(&answer)
        || (answer.get("code").is_some() && answer.get("message").is_some())
        || answer["results"].as_array().is_some_and(|all| all.iter().any(failed))
}

fn is_receipt(body: &str) -> bool {
    let words = ["", "ok", "accepted", "received", "success", "done"];
    if words.iter().any(|w| body.trim().trim_end_matches(['.', '!']).eq_ignore_ascii_case(w)) {
        return true;
    }
    let Ok(answer) = serde_json::from_str::<serde_json::Value>(body) else { return false };
    let told =
        |key: &str| answer.get(key).is_some_and(|v| *v != false && !v.is_null() && *v != "" && *v != 0);
    let denied = |key: &str| answer.get(key).is_some_and(|v| *v == false);
    // `{"code": 500, "msg": "…"}` under a 200 is a common habit; 0 and 2xx are its good ones.
    let code = answer.get("code").and_then(serde_json::Value::as_i64);
    !(told("error") || told("errors") || denied("success") || denied("ok"))
        && code.is_none_or(|c| c == 0 || (200..300).contains(&c))
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

/// One client an outlet: rustls with ring and the roots of the system and of this program, no proxy from the
/// environment, no redirects.
///
/// # Errors
/// In words: the client cannot be made.
pub(crate) fn client(timeout: Duration) -> Result<Client, String> {
    let tls = crate::settings::client_tls(None, None).map_err(|(_, problem)| problem)?;
    Client::builder()
        .tls_backend_preconfigured((*tls).clone())
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("steamward/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| chain(&e))
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

#[cfg(test)]
mod tests {
    use super::Verdict;

    const SIGN_IN: &str = "<!DOCTYPE html>\n<html><body>Please sign in</body></html>";

    #[test]
    fn each_status_is_sorted_by_what_the_sender_does_next() {
        for of in [Verdict::of_write, Verdict::of_event] {
            let verdict = |code| of(code, "", None);
            assert_eq!(verdict(204), Verdict::Done);
            assert_eq!(verdict(400), Verdict::Refused);
            assert_eq!(verdict(422), Verdict::Refused);
            assert_eq!(verdict(413), Verdict::Split);
            for about_the_request in [301, 302, 307, 401, 403, 404, 405, 406, 410, 411, 415, 511] {
                let wanted = if about_the_request == 511 { Verdict::Retry(None) } else { Verdict::Hold };
                assert_eq!(verdict(about_the_request), wanted, "{about_the_request}");
            }
            assert_eq!(verdict(503), Verdict::Retry(None));
            assert_eq!(verdict(429), Verdict::Retry(None));
            for code in [200, 204, 400, 403, 502, 511] {
                assert_eq!(of(code, SIGN_IN, None), Verdict::Hold, "{code} with a page");
            }
        }
    }

    #[test]
    fn readings_are_delivered_only_by_the_answer_of_a_database_that_has_written_them() {
        let partial = r#"{"code":"invalid","message":"partial write: 2 points rejected","line":2}"#;
        for (code, body, wanted) in [
            (204, "", Verdict::Done),
            (200, "", Verdict::Hold),
            (200, "OK", Verdict::Hold),
            (200, r#"{"status":"success"}"#, Verdict::Hold),
            (200, r#"{"error":"partial write: field type conflict"}"#, Verdict::Refused),
            (200, r#"{"results":[{"error":"database not found"}]}"#, Verdict::Refused),
            (201, partial, Verdict::Refused),
            (201, "", Verdict::Hold),
            (202, "", Verdict::Hold),
            (500, r#"{"error":"partial write: field type conflict: input field \"a\""}"#, Verdict::Refused),
            (500, r#"{"code":"internal error","message":"unexpected error"}"#, Verdict::Retry(None)),
        ] {
            assert_eq!(Verdict::of_write(code, body, None), wanted, "{code} {body}");
        }
    }

    #[test]
    fn an_event_is_delivered_only_by_a_receipt() {
        for (body, is_one) in [
            ("", true),
            ("ok", true),
            ("Accepted.", true),
            (r#"{"id":"7"}"#, true),
            (r#"{"code":0,"msg":"success"}"#, true),
            (r#"{"code":200,"error":null}"#, true),
            (r#"{"code":500,"msg":"no such plant"}"#, false),
            (r#"{"error":"no such plant"}"#, false),
            (r#"{"success":false}"#, false),
            ("no such route", false),
        ] {
            let wanted = if is_one { Verdict::Done } else { Verdict::Hold };
            assert_eq!(Verdict::of_event(200, body, None), wanted, "{body}");
        }
    }
}
