//! The console's push port on the field's door: one's words for the other's.

use std::pin::Pin;

use crate::console::{PushCall, PushPort, PushRejection, PushReport, PushScope, Refusal};
use crate::field::push::{Door, Format, PushError, Reason, Refused, Rejection, Scope};
use crate::live::Texts;
use crate::settings::Secret;

/// See the module.
pub(super) struct Port(pub(super) Door);

impl PushPort for Port {
    fn tokens(&self) -> Vec<(String, Option<Secret>)> {
        self.0.tokens()
    }

    fn push(&self, call: PushCall) -> Pin<Box<dyn Future<Output = Result<PushReport, Refusal>> + Send>> {
        let door = self.0.clone();
        Box::pin(async move {
            let scope = match call.scope {
                PushScope::All => Scope::All,
                PushScope::Open => Scope::Open,
                PushScope::Source(id) => Scope::Source(id),
            };
            let format = call.lines.map_or(Format::Json, Format::Lines);
            let taken = door.push(&scope, call.source.as_deref(), format, &call.body).await;
            let report = taken.map_err(|refused| refusal(&refused))?;
            Ok(PushReport {
                error: None,
                accepted: report.accepted,
                duplicates: report.duplicates,
                rejected: report.rejected,
                rejections: report.rejections.into_iter().map(|r| rejection(r, format)).collect(),
            })
        })
    }
}

fn refusal(refused: &Refused) -> Refusal {
    let (code, zh) = match refused {
        Refused::NoSource => ("not-found", "没有可供此调用者推送的采集源（[[source.push]]）。"),
        Refused::TokenNeeded => ("token-needed", "需要访问令牌。"),
        Refused::Behind => ("behind", "网关写入跟不上，本次未接收，请稍后重发。"),
        Refused::NotConfirmed => {
            ("store-failing", "存储尚未确认写入，请稍后重发（带时间的重复数据会被忽略）。")
        }
        Refused::Stopping => ("stopping", "网关正在停止，本次未接收。"),
        Refused::Body(PushError::TooLarge) => ("too-large", "请求体超过 1 MiB，请分批发送。"),
        Refused::Body(PushError::TooMany) => ("too-large", "一次超过 5000 个值，请分批发送。"),
        Refused::Body(PushError::NotText) => ("bad-request", "请求体不是 UTF-8。"),
        Refused::Body(PushError::TooDeep) => ("bad-request", "JSON 嵌套过深。"),
        Refused::Body(PushError::NotJson(_)) => ("bad-request", "请求体不是 JSON。"),
        Refused::Body(PushError::NoObject) => {
            ("bad-request", "应为对象 {\"device\":…,\"values\":{…}} 或其数组。")
        }
        Refused::Body(PushError::Empty) => ("bad-request", "请求体中没有数据。"),
    };
    Refusal::new(code, zh, format!("{refused}."))
}

fn rejection(rejection: Rejection, format: Format) -> PushRejection {
    let en = format!("{rejection}.");
    let Rejection { place, device, point, reason } = rejection;
    let (of, at) = (device.as_deref().unwrap_or("?"), point.as_deref().unwrap_or("?"));
    let (code, zh) = match &reason {
        Reason::UnknownDevice => ("unknown-device", format!("没有设备 {of}。")),
        Reason::NoDevice => ("no-device", "未指明设备，而设备不止一个。".to_owned()),
        Reason::TwoSources => ("two-sources", format!("两个采集源都有设备 {of}，请加 ?source=。")),
        Reason::UnknownPoint => ("unknown-point", format!("设备 {of} 没有测点 {at}。")),
        Reason::Unreadable => ("unreadable", format!("{of} 的 {at} 的值不是数。")),
        Reason::OtherUnit => ("other-unit", format!("{of} 的 {at} 的值带有无法换算到该测点单位的单位。")),
        Reason::Boolean => ("boolean", format!("{of} 的 {at} 的值是布尔值，而该测点是模拟量。")),
        Reason::BadTime(text) => {
            ("bad-time", format!("时间 {text} 无法识别，数据按到达时间保存，标为存疑。"))
        }
        Reason::UnknownKey(key) => ("unknown-key", format!("未知的键 {key}；若像质量、单位或时间，则作数。")),
        Reason::NoValues => ("no-values", "没有 values。".to_owned()),
        Reason::BadLine(what) => ("bad-line", format!("行有误：{what}")),
    };
    let lines = format != Format::Json;
    PushRejection {
        item: (!lines).then_some(place),
        line: lines.then_some(place),
        device,
        point,
        reason: code,
        message: Texts { zh, en },
    }
}
