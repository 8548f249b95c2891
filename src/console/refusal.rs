//! Why a request was not done, in both languages, with the status that belongs to it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::Texts;

/// Why a request was refused, in words for the person.
#[derive(Debug, Clone)]
pub struct Refusal {
    code: &'static str,
    message: Texts,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Serialize, ToSchema)]
struct ErrorDetail {
    code: String,
    message: Texts,
}

impl Refusal {
    /// `code` is stable; the texts are for people.
    #[must_use]
    pub fn new(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { code, message: Texts { zh: zh.into(), en: en.into() } }
    }

    pub(super) fn with(self, status: StatusCode) -> Response {
        let error = ErrorDetail { code: self.code.to_owned(), message: self.message };
        (status, Json(ErrorBody { error })).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self.code {
            "not-found" => StatusCode::NOT_FOUND,
            "bad-request" => StatusCode::BAD_REQUEST,
            "token-needed" => StatusCode::UNAUTHORIZED,
            "too-large" => StatusCode::PAYLOAD_TOO_LARGE,
            "unsupported" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "internal" => StatusCode::INTERNAL_SERVER_ERROR,
            "no-files" => StatusCode::NOT_IMPLEMENTED,
            "stopping" | "store-failing" | "behind" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::CONFLICT,
        };
        self.with(status)
    }
}
