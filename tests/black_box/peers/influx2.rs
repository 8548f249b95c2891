//! Answers writes as InfluxDB 2.9.1 does: word for word what a real one said to the same requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What it does before it looks at the lines; `None` goes on.
pub type Before = Box<dyn FnMut(usize, &str) -> Option<Response> + Send>;

#[derive(Default)]
struct Inner {
    requests: usize,
    /// Field types by measurement and field: `f`, `i`, `b` or `s`.
    types: BTreeMap<String, char>,
    /// `measurement,tags field=value time`, one field each.
    kept: BTreeSet<String>,
    before: Option<Before>,
}

#[derive(Clone, Default)]
pub struct Influx2 {
    pub port: u16,
    inner: Arc<Mutex<Inner>>,
}

/// An answer with JSON.
pub fn json(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_owned()).into_response()
}

fn problem(status: u16, code: &str, message: &str) -> Response {
    json(status, &serde_json::json!({ "code": code, "message": message }).to_string())
}

fn kind(value: &str) -> char {
    match value.as_bytes() {
        [b'"', ..] => 's',
        [.., b'i'] => 'i',
        [b't' | b'f' | b'T' | b'F', ..] => 'b',
        _ => 'f',
    }
}

fn word(kind: char) -> &'static str {
    match kind {
        's' => "string",
        'i' => "integer",
        'b' => "boolean",
        _ => "float",
    }
}

impl Influx2 {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = Self { port, inner: Arc::default() };
        let router =
            axum::Router::new().route("/api/v2/write", axum::routing::post(write)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().expect("no panic while held"))
    }

    /// The field is of this type already: `f`, `i`, `b` or `s`.
    pub fn knows(&self, measurement: &str, field: &str, kind: char) {
        self.with(|i| i.types.insert(format!("{measurement} {field}"), kind));
    }

    /// Asked first for each request, with its number and body.
    pub fn before(&self, before: impl FnMut(usize, &str) -> Option<Response> + Send + 'static) {
        self.with(|i| i.before = Some(Box::new(before)));
    }

    /// Goes on as a well one.
    pub fn heals(&self) {
        self.with(|i| i.before = None);
    }

    pub fn requests(&self) -> usize {
        self.with(|i| i.requests)
    }

    /// Times in microseconds that `field` was kept with.
    pub fn times(&self, field: &str) -> BTreeSet<i64> {
        let mark = format!(" {field}=");
        let of = |line: &String| {
            line.contains(&mark).then(|| line.rsplit_once(' ').and_then(|(_, at)| at.parse().ok())).flatten()
        };
        self.with(|i| i.kept.iter().filter_map(of).collect())
    }
}

async fn write(
    State(server): State<Influx2>,
    Query(query): Query<BTreeMap<String, String>>,
    body: axum::body::Bytes,
) -> Response {
    let text = std::io::read_to_string(flate2::read::GzDecoder::new(&body[..])).expect("gzip");
    server.with(|inner| {
        inner.requests += 1;
        let number = inner.requests;
        if let Some(answer) = inner.before.as_mut().and_then(|before| before(number, &text)) {
            return answer;
        }
        if query.get("org").is_none_or(String::is_empty) {
            return problem(400, "invalid", "Please provide either orgID or org");
        }
        let (mut dropped, mut conflict) = (0, None);
        for line in text.lines() {
            let parts: Vec<&str> = line.splitn(3, ' ').collect();
            let measurement = parts[0].split(',').next().expect("a measurement");
            let fields: Vec<(&str, &str)> = parts[1].split(',').filter_map(|f| f.split_once('=')).collect();
            let wrong = fields.iter().find_map(|(name, value)| {
                let known = inner.types.get(&format!("{measurement} {name}")).copied()?;
                (known != kind(value)).then(|| {
                    format!(
                        "input field \"{name}\" on measurement \"{measurement}\" is type {}, already exists as type {}",
                        word(kind(value)),
                        word(known)
                    )
                })
            });
            match wrong {
                Some(what) => {
                    dropped += 1;
                    conflict.get_or_insert(what);
                }
                None => {
                    for (name, value) in fields {
                        inner.types.insert(format!("{measurement} {name}"), kind(value));
                        inner.kept.insert(format!("{} {name}={value} {}", parts[0], parts[2]));
                    }
                }
            }
        }
        match conflict {
            None => StatusCode::NO_CONTENT.into_response(),
            Some(what) => problem(
                422,
                "unprocessable entity",
                &format!(
                    "failure writing points to database: partial write: field type conflict: {what} dropped={dropped}"
                ),
            ),
        }
    })
}
