//! The inspection system: checks signatures, remembers what it took, and refuses when told to.

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};

pub const KEY: &str = "black-box-key";

/// Answer to the n-th request (from 0) with this event; `None` takes it.
pub type Script = fn(usize, &serde_json::Value) -> Option<StatusCode>;

#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    taken: Arc<Mutex<Vec<serde_json::Value>>>,
    asked: Arc<Mutex<usize>>,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::scripted(|_, _| None).await
    }

    pub async fn scripted(script: Script) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/events", listener.local_addr().expect("an address"));
        let receiver = Self { url, taken: Arc::default(), asked: Arc::default() };
        let own = receiver.clone();
        let handler =
            async move |headers: axum::http::HeaderMap, body: String| own.take(script, &headers, &body);
        let router = axum::Router::new().route("/events", axum::routing::post(handler));
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn take(&self, script: Script, headers: &axum::http::HeaderMap, body: &str) -> (StatusCode, String) {
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).expect("any length");
        mac.update(format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp")).as_bytes());
        let wanted = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
        let event: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        if header("webhook-signature") != wanted || event["specversion"] != "1.0" {
            return (StatusCode::UNAUTHORIZED, "wrong signature".to_owned());
        }
        let number = {
            let mut asked = self.asked.lock().expect("no panic while held");
            *asked += 1;
            *asked - 1
        };
        if let Some(status) = script(number, &event) {
            return (status, format!("scripted {status}"));
        }
        self.taken.lock().expect("no panic while held").push(event);
        (StatusCode::OK, r#"{"taken":true}"#.to_owned())
    }

    /// Ids in order of arrival; a repeat of one counts once.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for event in self.taken.lock().expect("no panic while held").iter() {
            let id = event["id"].as_str().unwrap_or_default().to_owned();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// Repeats must not differ from the first.
    pub fn repeats_agree(&self) -> bool {
        let taken = self.taken.lock().expect("no panic while held");
        taken.iter().all(|a| taken.iter().filter(|b| b["id"] == a["id"]).all(|b| a == b))
    }
}
