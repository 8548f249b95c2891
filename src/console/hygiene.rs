//! What every answer carries, and which requests are not looked at: two `Host` headers, by which a proxy
//! and the gateway could take the request for another's. And what the OpenAPI document says of every call.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

use super::refusal::Refusal;

/// Name of the security scheme in the OpenAPI document.
const SCHEME: &str = "token";

/// Refuses a request with more than one `Host`; sets the headers of the answer.
pub(super) async fn every_answer(request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let mut answer = if hosts > 1 {
        Refusal::new("bad-request", "请求含有多个 Host 头。", "The request has more than one Host header.")
            .with(StatusCode::BAD_REQUEST)
    } else {
        next.run(request).await
    };
    let unauthorized = answer.status() == StatusCode::UNAUTHORIZED;
    let headers = answer.headers_mut();
    // Values and people's names: no cache on the way keeps them. The page's files say otherwise themselves.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    if unauthorized {
        headers
            .entry(header::WWW_AUTHENTICATE)
            .or_insert(HeaderValue::from_static("Bearer realm=\"steamward\""));
    }
    answer
}

/// Adds to the document what holds for every call: the token, and the refusals of a wrong request and of
/// one without a token.
pub(super) fn complete(doc: &mut OpenApi) {
    let scheme = Http::builder().scheme(HttpAuthScheme::Bearer).description(Some(
        "The token of `console.token`; on loopback without one, none is needed. A push source's own token opens \
         `POST /api/v1/readings` alone.",
    ));
    doc.components
        .get_or_insert_default()
        .security_schemes
        .insert(SCHEME.to_owned(), SecurityScheme::Http(scheme.build()));
    doc.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
    for item in doc.paths.paths.values_mut() {
        for operation in
            [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
        {
            refusals(operation);
        }
    }
}

fn refusals(operation: &mut Operation) {
    for (status, why) in
        [("400", "The request is wrong"), ("401", "A token is needed, or the one given is wrong")]
    {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
        let response = ResponseBuilder::new().description(why).content("application/json", body).build();
        operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(response));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_says_of_every_call_that_it_wants_a_token_and_how_it_is_refused() {
        let doc: serde_json::Value = serde_json::from_str(&crate::console::openapi()).expect("JSON");
        assert_eq!(doc["components"]["securitySchemes"]["token"]["scheme"], "bearer");
        assert!(doc["security"][0]["token"].is_array(), "{}", doc["security"]);
        assert!(doc["components"]["schemas"]["ErrorBody"].is_object());
        let paths = doc["paths"].as_object().expect("paths");
        assert!(paths.len() > 20);
        for (path, calls) in paths {
            for (method, call) in calls.as_object().expect("calls") {
                let body = |status: &str| {
                    call["responses"][status]["content"]["application/json"]["schema"]["$ref"].clone()
                };
                assert_eq!(body("401"), "#/components/schemas/ErrorBody", "{method} {path}");
                // The push has a report of its own, by reading.
                assert!(body("400").is_string(), "{method} {path}");
            }
        }
    }
}
