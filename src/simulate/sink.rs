//! Stand-ins for the other side: a database that takes line protocol, and an inspection system that
//! checks the signature of every event. Both write what they took to a file before they answer, so
//! that a run can be checked afterwards, across a kill as well (see `tally`).

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use flate2::read::GzDecoder;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokio::net::TcpListener;

use super::tally;

const LARGEST_BODY: usize = 32 * 1024 * 1024;

/// Appends whole records to a file, or to nowhere.
#[derive(Debug, Clone)]
pub(super) struct Keep(Arc<Mutex<Option<File>>>);

impl Keep {
    /// Keeps nothing.
    pub(super) fn nothing() -> Self {
        Self(Arc::default())
    }

    /// Appends to `path`; a last line that a kill cut off was never acknowledged and goes.
    pub(super) fn file(path: &Path) -> std::io::Result<Self> {
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self(Arc::new(Mutex::new(Some(file)))))
    }

    fn add(&self, record: &[u8]) -> std::io::Result<()> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(file) => file.write_all(record),
            None => Ok(()),
        }
    }
}

/// The database: `POST /api/v2/write`.
pub(super) async fn start_database(keep: Keep) -> std::io::Result<SocketAddr> {
    let write = async |State(keep): State<Keep>, headers: HeaderMap, body: Bytes| {
        let gzip = headers.get(header::CONTENT_ENCODING).is_some_and(|e| e == "gzip");
        let mut text = Vec::new();
        let read = if gzip {
            GzDecoder::new(&body[..]).take(LARGEST_BODY as u64).read_to_end(&mut text)
        } else {
            (&body[..]).read_to_end(&mut text)
        };
        if let Err(error) = read {
            return (StatusCode::BAD_REQUEST, format!("body: {error}"));
        }
        for (number, line) in text.split(|b| *b == b'\n').enumerate().filter(|(_, l)| !l.is_empty()) {
            if std::str::from_utf8(line).ok().and_then(tally::line).is_none() {
                return (StatusCode::BAD_REQUEST, format!("line {} is not line protocol", number + 1));
            }
        }
        match keep.add(&text) {
            Ok(()) => (StatusCode::NO_CONTENT, String::new()),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    };
    let router = Router::new().route("/api/v2/write", post(write)).with_state(keep);
    serve(router.layer(DefaultBodyLimit::max(LARGEST_BODY))).await
}

/// The inspection system: `POST /hazard-events`, signed by `key`; answers with a receipt.
pub(super) async fn start_inspection(keep: Keep, key: String) -> std::io::Result<SocketAddr> {
    let take = async |State((keep, key)): State<(Keep, Arc<str>)>, headers: HeaderMap, body: String| {
        let text =
            |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let (id, at, signature) = (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"));
        let Some(given) = signature.strip_prefix("v1,").and_then(|s| BASE64.decode(s).ok()) else {
            return (StatusCode::UNAUTHORIZED, "not signed".to_owned());
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{at}.{body}").as_bytes());
        if mac.verify_slice(&given).is_err() {
            return (StatusCode::UNAUTHORIZED, "wrong signature".to_owned());
        }
        if serde_json::from_str::<serde_json::Value>(&body).is_err() {
            return (StatusCode::BAD_REQUEST, "no JSON".to_owned());
        }
        match keep.add(format!("{}\n", body.replace('\n', " ")).as_bytes()) {
            Ok(()) => (StatusCode::OK, serde_json::json!({ "receipt": id }).to_string()),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    };
    serve(Router::new().route("/hazard-events", post(take)).with_state((keep, key.into()))).await
}

async fn serve(router: Router) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!("a stand-in server of the demo ended: {error}");
        }
    });
    Ok(address)
}
