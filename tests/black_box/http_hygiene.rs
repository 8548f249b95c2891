//! What every HTTP answer carries, and what is refused before anything looks at it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peers::{Gateway, http};
use crate::plants;

/// What is answered to these very bytes.
async fn raw(gateway: &Gateway, request: &str) -> String {
    let address = gateway.address.trim_start_matches("http://");
    let mut line = tokio::net::TcpStream::connect(address).await.expect("connected");
    line.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_not_kept_or_guessed_at_and_two_hosts_are_refused() {
    let text = (plants::base() + &plants::receiver(9, 5))
        .replace("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:0\"\ntoken = { env = \"TEST_TOKEN\" }");
    let mut gateway = Gateway::start(&text, &[plants::RECEIVER]);
    let url = |path: &str| format!("{}{path}", gateway.address);
    let header = |answer: &reqwest::Response, name: &str| {
        answer.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    };
    let refused = http().get(url("/api/v1/alarms")).send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
    assert_eq!(header(&refused, "www-authenticate"), "Bearer realm=\"steamward\"");
    assert_eq!(header(&refused, "cache-control"), "no-store");
    for path in ["/api/v1/alarms", "/metrics", "/api/v1/openapi.json", "/api/v1/nothing", "/healthz"] {
        let asked = http().get(url(path)).bearer_auth("black-box-token");
        let answer = asked.send().await.expect("an answer");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&answer, "cache-control"), "no-store", "{path}");
    }
    let two = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: other\r\nConnection: close\r\n\r\n";
    let answer = raw(&gateway, two).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("more than one Host"), "{answer}");
    let one = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(raw(&gateway, one).await.starts_with("HTTP/1.1 200"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_notes_with_unseen_characters_are_refused() {
    let mut gateway = Gateway::start(&(plants::base() + &plants::receiver(9, 5)), &[plants::RECEIVER]);
    for (by, note) in
        [("zhao\r\nforged", "x"), ("zhao\u{202e}", "x"), ("zhao", "a\u{1b}[2J"), ("zhao", "\u{200f}")]
    {
        let body = serde_json::json!({ "rule": "a/b.h", "by": by, "note": note }).to_string();
        assert_eq!(gateway.post("/api/v1/alarms/acknowledge", &body, &[]).await, 400, "{body}");
    }
    // Lines in a note are fine; there is no such alarm, though.
    let body = serde_json::json!({ "rule": "a/b.h", "by": "赵海", "note": "line one\nline two" }).to_string();
    assert_ne!(gateway.post("/api/v1/alarms/acknowledge", &body, &[]).await, 400);
    gateway.stop().await;
}
