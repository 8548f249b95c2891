//! Values that more than one section of the settings has: ids, addresses, pauses, secrets.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::super::SHORTEST_PERIOD;
use super::super::endpoint;
use super::super::fault::Fault;
use super::super::sheet::plain;
use super::super::types::{Secret, Settings};
use super::super::walk::Walk;
use crate::plant::Id;

pub(super) fn id(w: &Walk<'_>, name: &str) -> Option<Id> {
    w.mark("id");
    let remedy = || match plain(name) {
        meant if meant != name && Id::new(&meant).is_ok() => format!("write id = \"{meant}\""),
        _ => "e.g. boiler-1".to_owned(),
    };
    Id::new(name).map_err(|e| w.fault("id", e.to_string(), remedy())).ok()
}

/// The broker that `address` names.
pub(super) fn broker_address(w: &Walk<'_>, example: &str) -> Option<(String, u16)> {
    match endpoint::read(w.need("address", example)?, &endpoint::MQTT) {
        Ok(found) => Some((found.host, found.port.unwrap_or(1883))),
        Err(misread) => {
            w.fault("address", misread.problem.clone(), misread.remedy("address"));
            None
        }
    }
}

/// A broker as on a command line, with `mqtt://` where no scheme is written: whether it speaks TLS, its host and port.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn broker_of(text: &str) -> Result<(bool, String, u16), String> {
    let full = if text.contains("://") { text.to_owned() } else { format!("mqtt://{text}") };
    let found = endpoint::read(&full, &endpoint::MQTT).map_err(|misread| misread.told())?;
    Ok((found.scheme == "mqtts", found.host, found.port.unwrap_or(1883)))
}

/// Where `listen` says, or where it was meant.
pub(super) fn listen(w: &Walk<'_>, text: &str, usual: SocketAddr) -> SocketAddr {
    endpoint::listen(text, usual).unwrap_or_else(|misread| {
        w.fault("listen", misread.problem.clone(), misread.remedy("listen"));
        misread.write.parse().unwrap_or(usual)
    })
}

pub(super) fn poll_period(w: &Walk<'_>, default: Duration) -> Duration {
    let period = w.duration("period").unwrap_or(default);
    if period < SHORTEST_PERIOD {
        w.fault("period", "shorter than 10 ms", "\"10ms\" or longer; \"1s\" suits most devices");
        return default.max(SHORTEST_PERIOD);
    }
    period
}

pub(super) fn positive(w: &Walk<'_>, key: &'static str, default: Duration) -> Duration {
    match w.duration(key) {
        Some(d) if d.is_zero() => {
            w.fault(key, "zero", "more than nothing, e.g. \"1s\"");
            default
        }
        Some(d) => d,
        None => default,
    }
}

pub(super) fn range(
    w: &Walk<'_>,
    low: (&'static str, Duration),
    high: (&'static str, Duration),
) -> (Duration, Duration) {
    let (first, longest) = (positive(w, low.0, low.1), positive(w, high.0, high.1));
    if first > longest {
        w.fault(
            low.0,
            format!("longer than {}", high.0),
            "the first pause must not be longer than the longest",
        );
    }
    (first, longest)
}

pub(super) fn secret(w: &Walk<'_>, key: &'static str) -> Option<Secret> {
    if !w.has(key) {
        w.mark(key);
        return None;
    }
    if w.is_plain_text(key) {
        w.mark(key);
        w.fault(
            key,
            "a secret does not stand in a settings file",
            format!("{key} = {{ file = \"/path\" }} or {key} = {{ env = \"NAME\" }}"),
        );
        return None;
    }
    let s = w.table(key)?;
    let (file, env) = (s.text("file"), s.text("env"));
    s.finish();
    match (file, env) {
        (Some(file), None) => Some(Secret::in_file(Path::new(file))),
        (None, Some(name)) => Some(Secret::in_variable(name)),
        (Some(_), Some(_)) => {
            s.fault("", "both file and env: which of them?", "leave one of the two out");
            None
        }
        (None, None) => {
            s.fault(
                "",
                "neither file nor env",
                format!("{key} = {{ file = \"/path\" }} or {key} = {{ env = \"NAME\" }}"),
            );
            None
        }
    }
    .inspect(|secret| {
        // What can be read is read now; what cannot is told of with the other warnings.
        let _ = secret.missing();
    })
}

/// What cannot be read as yet costs the part that needs it, and nothing else: a warning.
pub(super) fn tell_missing(root: &Walk<'_>, settings: &Settings, warnings: &RefCell<Vec<Fault>>) {
    for (key, secret) in settings.secrets() {
        let Some(why) = secret.missing() else { continue };
        warnings.borrow_mut().push(Fault {
            place: root.place(&key),
            key,
            problem: format!("{why}: what needs this secret does not work until it is there"),
            remedy:
                "a file or variable that this user can read, with nothing but the secret in it; the gateway \
                     looks for it again by itself"
                    .to_owned(),
        });
    }
}

pub(super) fn login(w: &Walk<'_>) -> Option<(String, Secret)> {
    let name = w.text("username").map(str::to_owned);
    let password = secret(w, "password");
    if name.is_some() != (password.is_some() || w.has("password")) {
        w.fault("username", "username and password go together", "give both or neither");
    }
    Some((name?, password?))
}

pub(super) fn url(w: &Walk<'_>, kind: &endpoint::Kind) -> Option<String> {
    let text = w.need("url", "\"http://127.0.0.1:8086\"")?;
    match endpoint::read(text, kind) {
        Ok(_) => Some(text.to_owned()),
        Err(misread) => {
            w.fault("url", misread.problem.clone(), misread.remedy("url"));
            None
        }
    }
}

pub(super) fn bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let shift = match text[split..].trim() {
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    text[..split].parse::<u64>().ok()?.checked_mul(1 << shift)
}
