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

    /// Sorts the answer to a posted event. A receipt is a 2xx with nothing in it, with a plain `ok`, or with JSON that
    /// states success and nothing else; 201 and 202 state it themselves. A page that somebody in between answers with,
    /// or words that nobody can be sure of, are none: rather sent twice than never.
    #[must_use]
    pub fn of_event(status: u16, body: &str, retry_after: Option<Duration>) -> Self {
        match status {
            _ if is_page(body) => Self::Hold,
            200..=299 if is_receipt(status, body) => Self::Done,
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

/// Words that state success, as a whole answer or under one of [`OUTCOMES`].
const SUCCESS: [&str; 13] = [
    "ok",
    "accepted",
    "received",
    "success",
    "succeeded",
    "successful",
    "done",
    "created",
    "true",
    "成功",
    "操作成功",
    "已接收",
    "已受理",
];
/// Names under which receivers state what came of a request, without `_` and `-`, in small letters.
const OUTCOMES: [&str; 20] = [
    "code",
    "errcode",
    "errorcode",
    "errno",
    "resultcode",
    "returncode",
    "retcode",
    "ret",
    "rc",
    "result",
    "status",
    "statuscode",
    "state",
    "success",
    "ok",
    "accepted",
    "received",
    "taken",
    "stored",
    "delivered",
];
/// Names under which an error stands if there was one.
const ERRORS: [&str; 6] = ["error", "errors", "exception", "fault", "failed", "failures"];

fn is_receipt(status: u16, body: &str) -> bool {
    let body = body.trim().trim_end_matches(['.', '!']);
    if body.is_empty() || is_success(body) {
        return true;
    }
    let Ok(serde_json::Value::Object(answer)) = serde_json::from_str::<serde_json::Value>(body) else {
        return serde_json::from_str::<String>(body).is_ok_and(|word| is_success(&word));
    };
    let mut stated = status == 201 || status == 202;
    for (key, value) in &answer {
        let key: String = key.chars().filter(char::is_ascii_alphabetic).collect();
        let key = key.to_ascii_lowercase();
        if ERRORS.contains(&key.as_str()) && !is_nothing(value) {
            return false;
        }
        // Whatever it is called by, a receipt is one.
        stated |= key.starts_with("receipt") && !is_nothing(value);
        // An outcome that is nested or null states nothing.
        if OUTCOMES.contains(&key.as_str()) && !value.is_object() && !value.is_array() && !value.is_null() {
            if !is_good(value) {
                return false;
            }
            stated = true;
        }
    }
    stated
}

fn is_success(word: &str) -> bool {
    SUCCESS.iter().any(|w| word.trim().eq_ignore_ascii_case(w))
}

/// As a number 0 or 200 to 299, also written as a text; else a word of success. `true` is one, `false` and `1` are none.
fn is_good(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    let number = |n: i64| n == 0 || (200..300).contains(&n);
    match value {
        Value::Bool(yes) => *yes,
        Value::Number(n) => n.as_i64().is_some_and(number),
        Value::String(text) => is_success(text) || text.trim().parse().is_ok_and(number),
        _ => false,
    }
}

fn is_nothing(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Bool(true) => false,
    }
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
    fn a_receiver_that_asks_for_a_day_is_asked_again_after_an_hour() {
        let pause = |text: &str| {
            let answer = axum::http::Response::builder().status(503).header("retry-after", text).body("");
            super::retry_after(&answer.expect("an answer").into()).map(|d| d.as_secs())
        };
        assert_eq!((pause("120"), pause("86400")), (Some(120), Some(3600)));
        assert_eq!((pause("18446744073709551616"), pause("-1"), pause("soon")), (None, None, None));
    }

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
        for (status, body, is_one) in [
            (200, "", true),
            (204, "", true),
            (202, "", true),
            (200, "ok", true),
            (200, "Accepted.", true),
            (200, r#""ok""#, true),
            (201, r#"{"id":"7"}"#, true),
            (202, r#"{"id":"7"}"#, true),
            (200, r#"{"receipt":"7"}"#, true),
            (200, r#"{"code":0,"msg":"success"}"#, true),
            (200, r#"{"code":200,"error":null}"#, true),
            (200, r#"{"code":"0000","msg":"成功"}"#, true),
            (200, r#"{"code":"200","data":{"id":7}}"#, true),
            (200, r#"{"errcode":0,"errmsg":"ok"}"#, true),
            (200, r#"{"status":"SUCCESS"}"#, true),
            (200, r#"{"success":true,"result":null}"#, true),
            (200, r#"{"result":{"id":7},"ok":true}"#, true),
            (200, r#"{"code":500,"msg":"no such plant"}"#, false),
            (200, r#"{"code":"500","msg":"签名验证失败"}"#, false),
            (200, r#"{"code":1,"msg":"failed"}"#, false),
            (200, r#"{"error":"no such plant"}"#, false),
            (200, r#"{"status":"error","message":"db down"}"#, false),
            (200, r#"{"errcode":40001,"errmsg":"invalid credential"}"#, false),
            (200, r#"{"err_code":"E7"}"#, false),
            (200, r#"{"result":"fail"}"#, false),
            (200, r#"{"code":0,"errors":["no such plant"]}"#, false),
            (200, r#"{"success":false}"#, false),
            (200, r#"{"success":"false","code":0}"#, false),
            (202, r#"{"status":"rejected"}"#, false),
            (200, r#"{"id":"7"}"#, false),
            (200, "{}", false),
            (200, "[]", false),
            (200, "null", false),
            (200, "no such route", false),
        ] {
            let wanted = if is_one { Verdict::Done } else { Verdict::Hold };
            assert_eq!(Verdict::of_event(status, body, None), wanted, "{status} {body}");
        }
    }
}
