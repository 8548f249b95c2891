//! What a request brings, or the refusal in the API's own form and both languages.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

/// The query string.
pub(super) struct Params<T>(pub(super) T);

fn refused(what: &str) -> Refusal {
    Refusal::new("bad-request", format!("请求有误：{what}"), format!("The request is wrong: {what}"))
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let Json(body) = Json::from_request(request, state).await.map_err(|e| refused(&e.body_text()))?;
        Ok(Self(body))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Query(query) =
            Query::from_request_parts(parts, state).await.map_err(|e| refused(&e.body_text()))?;
        Ok(Self(query))
    }
}
