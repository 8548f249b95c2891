//! Who may ask. First cut: one bearer token, and one for each push source that wants its own, which opens
//! nothing but the push; roles and sessions come with the people.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::refusal::Refusal;
use super::{PushScope, Shared};
use crate::settings::Secret;

/// Refuses a request without the token, and any cross-site one: a page elsewhere must not be able
/// to acknowledge an alarm through a supervisor's browser, token or not.
pub(super) async fn guard(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !request.method().is_safe() && is_foreign(headers) {
        return Refusal::new(
            "foreign-origin",
            "拒绝来自其他网站的请求。",
            "Requests from other sites are refused.",
        )
        .with(StatusCode::FORBIDDEN);
    }
    // DNS rebinding: without a token, only a name that means this machine is served.
    if shared.token.is_none() && !is_local_name(headers) {
        return Refusal::new(
            "foreign-host",
            "未设令牌时只能以 localhost 或本机地址访问。",
            "Without a token the console answers only to localhost or a loopback address.",
        )
        .with(StatusCode::FORBIDDEN);
    }
    let given = bearer(headers);
    let is = |token: &Secret| Sha256::digest(given.unwrap_or_default()) == Sha256::digest(token.expose());
    // Equal-length digests: the time it takes says nothing about the token.
    let scope = if shared.token.as_ref().is_some_and(is) {
        Some(PushScope::All)
    } else if given.is_some() && request.uri().path() == super::push::PATH && shared.push.has_tokens() {
        // A source's own token opens this one way, and a wrong one nothing.
        let own = shared.push.tokens().into_iter().find(|(_, token)| token.as_ref().is_some_and(is));
        own.map(|(id, _)| PushScope::Source(id))
    } else {
        // Without a token of the console's whoever reaches it may ask.
        shared.token.is_none().then_some(PushScope::Open)
    };
    let Some(scope) = scope else {
        return Refusal::new("token-needed", "需要访问令牌。", "An access token is needed.")
            .with(StatusCode::UNAUTHORIZED)
            .into_response();
    };
    request.extensions_mut().insert(scope);
    next.run(request).await
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
}

fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN).and_then(|v| v.to_str().ok()) else { return false };
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    origin.split_once("://").map(|(_, rest)| rest) != Some(host)
}

fn is_local_name(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    name == "localhost"
        || name == "[::1]"
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|a| a.is_loopback())
}
