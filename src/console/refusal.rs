//! Why a request was not done, in both languages, with the status that belongs to it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::alarm::CommandError;
use crate::command::Reason;
use crate::hazard::HazardError;
use crate::live::Texts;

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

    /// When to come again, in seconds. Who is behind takes nothing at that moment only, and what was not taken is not
    /// judged: its sender comes again at once. A disk takes longer.
    pub(super) fn pause(&self) -> &'static str {
        if self.code == "behind" { "1" } else { "5" }
    }

    pub(super) fn with(self, status: StatusCode) -> Response {
        let error = ErrorDetail { code: self.code.to_owned(), message: self.message };
        (status, Json(ErrorBody { error })).into_response()
    }
}

impl From<&Reason> for Refusal {
    fn from(reason: &Reason) -> Self {
        let zh = match reason {
            Reason::NoAlarm(key) => format!("没有报警 {key}。"),
            Reason::NoOpenHazard(id) => format!("没有未销号隐患 {id}。"),
            Reason::OwnAlarm => "网关自身的报警只能确认。".to_owned(),
            Reason::NotWaiting(_) => "该报警无需确认。".to_owned(),
            Reason::Alarm(error) => of_an_alarm(error),
            Reason::Hazard(error) => of_a_hazard(*error).to_owned(),
        };
        Self::new(reason.code(), zh, reason.to_string())
    }
}

fn of_an_alarm(error: &CommandError) -> String {
    match error {
        CommandError::NotWaiting(_) => "该报警无需确认。".to_owned(),
        CommandError::NotLatched(_) => "只有已确认、条件已恢复的锁存报警才能复位。".to_owned(),
        CommandError::NotShelved(_) => "该报警未被搁置。".to_owned(),
        CommandError::IsOut => "该报警已停用。".to_owned(),
        CommandError::NotOut(_) => "该报警未停用。".to_owned(),
        CommandError::TooLong { most, .. } => {
            format!("搁置时间须大于 0，且不超过 {} 分钟。", most.as_secs() / 60)
        }
    }
}

fn of_a_hazard(error: HazardError) -> &'static str {
    match error {
        HazardError::Unknown => "没有这条未销号隐患。",
        HazardError::AlreadyAcknowledged => "该隐患已确认。",
        HazardError::NotAcknowledged => "请先确认隐患，再销号。",
        HazardError::StillInBreach => "限值仍在超限，隐患未消除，不能销号。",
        HazardError::ValueUnknown => "测量值未知，未知不等于正常；请先恢复测量再销号。",
        HazardError::LimitGone => {
            "该隐患的限值已从配置中删除，无法判断是否消除；如确已消除，请写明理由后再次提交，理由将记入审计。"
        }
        HazardError::NotReviewed => {
            "没有限值能判断该隐患是否消除；如确已消除，请写明理由后再次提交，理由将记入审计。"
        }
        HazardError::AlreadySealed => "证据已封存。",
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

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn whose_readings_nobody_has_judged_comes_again_sooner_than_who_waits_for_the_disk() {
        let pause = |code| Refusal::new(code, "", "").pause();
        assert_eq!([pause("behind"), pause("store-failing"), pause("stopping")], ["1", "5", "5"]);
    }
}
