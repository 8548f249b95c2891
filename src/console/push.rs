//! `POST /api/v1/readings`: readings pushed over HTTP, answered once they are on the disk (promise P1).
//!
//! Reads headers and body within bounds and words the answer; what the body says is found behind
//! [`PushPort`], which the gateway ties to the field.

use std::borrow::Cow;
use std::io::Read;
use std::pin::Pin;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Shared;
use super::input::Params;
use super::refusal::{ErrorBody, Refusal};
use super::views::PushReport;
use crate::settings::{Secret, TimeFormat};

/// The one path that a source's own token opens.
pub(super) const PATH: &str = "/api/v1/readings";
/// Longer bodies, packed or unpacked, are refused.
const LARGEST: usize = 1 << 20;

/// For which sources a caller may push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushScope {
    /// All: the console's own token was given.
    All,
    /// Nobody asked for a token: those without one of their own.
    Open,
    /// The one with this id, whose own token was given.
    Source(String),
}

/// A body, and what the caller said about it.
#[derive(Debug)]
pub struct PushCall {
    /// Who asks.
    pub scope: PushScope,
    /// Only this source.
    pub source: Option<String>,
    /// Line protocol with timestamps of this precision; `None`: JSON.
    pub lines: Option<TimeFormat>,
    /// As it is.
    pub body: Vec<u8>,
}

/// Where pushed readings go.
pub trait PushPort: Send + Sync {
    /// Id and own token of every push source.
    fn tokens(&self) -> Vec<(String, Option<Secret>)>;
    /// Some source has a token of its own.
    fn has_tokens(&self) -> bool {
        self.tokens().iter().any(|(_, token)| token.is_some())
    }
    /// Takes what is good, and returns once it is on the disk.
    fn push(&self, call: PushCall) -> Pin<Box<dyn Future<Output = Result<PushReport, Refusal>> + Send>>;
}

#[derive(Deserialize, IntoParams)]
pub(super) struct How {
    /// Only this push source.
    source: Option<String>,
    /// Of line protocol timestamps: `ns` (if not given), `us`, `ms` or `s`.
    precision: Option<String>,
}

/// Push readings as JSON or InfluxDB line protocol; answered once what was taken is on the disk.
#[utoipa::path(post, path = "/api/v1/readings", params(How),
    request_body(description = "{\"device\":\"boiler-1\",\"time\":\"2026-01-01T00:00:00Z\",\"values\":{\"pressure\":1.02}}, a list of such objects, or line protocol",
        content((serde_json::Value = "application/json"), (String = "text/plain"))),
    responses((status = 200, body = PushReport, description = "All was taken"),
        (status = 207, body = PushReport, description = "Some was taken, `rejections` names the rest"),
        (status = 400, body = PushReport, description = "Nothing was taken"),
        (status = 404, body = ErrorBody), (status = 413, body = ErrorBody), (status = 415, body = ErrorBody),
        (status = 503, body = ErrorBody, description = "Come again after `Retry-After` seconds")))]
pub(super) async fn readings(
    State(shared): State<Shared>,
    Extension(scope): Extension<PushScope>,
    Params(how): Params<How>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Response {
    match taken(&shared, scope, how, &headers, body).await {
        Ok(mut report) => {
            let status = match (report.accepted + report.duplicates, report.rejected) {
                (0, 1..) => StatusCode::BAD_REQUEST,
                (_, 0) => StatusCode::OK,
                _ => StatusCode::MULTI_STATUS,
            };
            if status == StatusCode::BAD_REQUEST {
                report.error = Some(serde_json::json!({ "code": "nothing-accepted", "message": {
                    "zh": "没有一条数据被接受，原因见 rejections。",
                    "en": "Nothing was accepted; rejections says why." } }));
            }
            (status, Json(report)).into_response()
        }
        Err(refusal) => {
            let pause = HeaderValue::from_static(refusal.pause());
            let mut response = refusal.into_response();
            if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(header::RETRY_AFTER, pause);
            }
            response
        }
    }
}

async fn taken(
    shared: &Shared,
    scope: PushScope,
    how: How,
    headers: &HeaderMap,
    body: axum::body::Body,
) -> Result<PushReport, Refusal> {
    let precision = match how.precision.as_deref() {
        None | Some("ns") => TimeFormat::Nanos,
        Some("us" | "u" | "µs") => TimeFormat::Micros,
        Some("ms") => TimeFormat::Millis,
        Some("s") => TimeFormat::Seconds,
        Some(other) => {
            return Err(Refusal::new(
                "bad-request",
                format!("precision={other} 无效，应为 ns、us、ms 或 s。"),
                format!("precision={other} is not known; ns, us, ms or s."),
            ));
        }
    };
    let packed = axum::body::to_bytes(body, LARGEST).await.map_err(|e| {
        // Longer than the bound, or cut off by the sender.
        let long = std::error::Error::source(&e).is_some_and(|e| e.is::<http_body_util::LengthLimitError>());
        if long { too_large() } else { broken(&e.to_string()) }
    })?;
    let body = unpacked(headers, &packed)?;
    let lines = is_lines(headers, &body)?.then_some(precision);
    shared.push.push(PushCall { scope, source: how.source, lines, body: body.into_owned() }).await
}

fn too_large() -> Refusal {
    Refusal::new(
        "too-large",
        "请求体超过 1 MiB，请分批发送。",
        "The body is longer than 1 MiB; send several requests.",
    )
}

fn broken(what: &str) -> Refusal {
    Refusal::new("bad-request", format!("请求体不完整：{what}"), format!("The body broke off: {what}"))
}

/// The body without its packing, as long as it stays within the bound.
fn unpacked<'a>(headers: &HeaderMap, body: &'a Bytes) -> Result<Cow<'a, [u8]>, Refusal> {
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(Cow::Borrowed(body)),
        Some(b"gzip") => {
            let mut plain = Vec::new();
            let mut reader = flate2::read::MultiGzDecoder::new(&body[..]).take(LARGEST as u64 + 1);
            reader.read_to_end(&mut plain).map_err(|e| broken(&e.to_string()))?;
            if plain.len() > LARGEST { Err(too_large()) } else { Ok(Cow::Owned(plain)) }
        }
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            Err(Refusal::new(
                "unsupported",
                format!("不支持 content-encoding {other}，请用 gzip 或不压缩。"),
                format!("The content-encoding {other} is not known; gzip, or none."),
            ))
        }
    }
}

/// Line protocol, or JSON. Where the type says neither (curl calls everything a form) the look tells.
fn is_lines(headers: &HeaderMap, body: &[u8]) -> Result<bool, Refusal> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => Ok(false),
        kind if kind.ends_with("+json") => Ok(false),
        "text/plain" | "application/vnd.influxdb.line-protocol" | "application/vnd.influx.line-protocol" => {
            Ok(true)
        }
        "" | "application/octet-stream" | "application/x-www-form-urlencoded" => {
            let first = body.iter().find(|b| !b.is_ascii_whitespace());
            Ok(!matches!(first, Some(b'{' | b'[')))
        }
        other => Err(Refusal::new(
            "unsupported",
            format!("不支持 content-type {other}，请用 application/json 或 text/plain（行协议）。"),
            format!(
                "The content-type {other} is not known; application/json, or text/plain for line protocol."
            ),
        )),
    }
}
