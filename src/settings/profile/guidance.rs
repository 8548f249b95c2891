//! `message`, `consequence`, `response` and `response_time` of a limit.

use std::time::Duration;

use super::super::walk::Walk;
use crate::plant::Name;
use crate::plant::guidance::{Guidance, PLACEHOLDERS, placeholders};

/// What was written; the rest comes from the limit it stands over.
#[derive(Debug, Clone, Default)]
pub(in crate::settings) struct GuidanceKeys {
    pub(in crate::settings) message: Option<Name>,
    pub(in crate::settings) consequence: Option<Name>,
    pub(in crate::settings) response: Option<Name>,
    pub(in crate::settings) response_time: Option<Duration>,
}

impl GuidanceKeys {
    /// Over `base`; `None` if nothing is told.
    pub(super) fn over(&self, base: Option<&Guidance>) -> Option<Guidance> {
        let base = base.cloned().unwrap_or_default();
        let told = Guidance {
            message: self.message.clone().or(base.message),
            consequence: self.consequence.clone().or(base.consequence),
            response: self.response.clone().or(base.response),
            response_time: self.response_time.or(base.response_time),
        };
        (!told.is_empty()).then_some(told)
    }
}

pub(super) fn guidance(limit: &Walk<'_>) -> GuidanceKeys {
    let message = words(limit, "message");
    for text in message.iter().flat_map(|m| [&m.zh, &m.en]) {
        let known = format!("{{{}}}", PLACEHOLDERS.join("}, {"));
        match placeholders(text) {
            None => limit.fault("message", "a brace is left open", format!("known are {known}")),
            Some(names) => {
                for name in names.iter().filter(|n| !PLACEHOLDERS.contains(n)) {
                    limit.fault(
                        "message",
                        format!("nobody knows what `{{{name}}}` is"),
                        format!("known are {known}"),
                    );
                }
            }
        }
    }
    GuidanceKeys {
        message,
        consequence: words(limit, "consequence"),
        response: words(limit, "response"),
        response_time: limit.duration("response_time"),
    }
}

/// A text for both languages, or `{ zh = …, en = … }`.
fn words(walk: &Walk<'_>, key: &'static str) -> Option<Name> {
    if walk.is_plain_text(key) {
        let text = walk.text(key)?;
        return Some(Name::new(Some(text), Some(text), key));
    }
    let both = walk.table(key)?;
    let (zh, en) = (both.text("zh"), both.text("en"));
    if zh.is_none() && en.is_none() {
        both.fault("", "says nothing", "a text, or { zh = \"…\", en = \"…\" }");
    }
    both.finish();
    Some(Name::new(zh, en, key))
}
