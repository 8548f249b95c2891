//! `[broker]`: the embedded MQTT broker of small sites.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::super::fault::Fault;
use super::super::types::{Broker, BrokerTls, BrokerUser};
use super::super::walk::Walk;
use super::words::{listen, secret};

/// What a user may publish and read where nothing is said: every topic.
const EVERY_TOPIC: &str = "#";

pub(super) fn broker(w: &Walk<'_>, warnings: &RefCell<Vec<Fault>>) -> Option<Broker> {
    let usual = SocketAddr::from(([127, 0, 0, 1], 1883));
    let listen = w.need("listen", "\"127.0.0.1:1883\"").map(|text| listen(w, text, usual));
    let open = listen.is_some_and(|l| !l.ip().is_loopback());
    let mut users: Vec<BrokerUser> = Vec::new();
    for u in w.list("user") {
        let Some(user) = user(&u) else { continue };
        if users.iter().any(|known| known.name == user.name) {
            u.fault(
                "name",
                format!("`{}` stands there twice", user.name),
                "give each user a name of its own",
            );
        }
        if open && !u.has("publish") {
            warnings.borrow_mut().push(Fault {
                place: u.place("name"),
                key: "broker.user.publish".to_owned(),
                problem: format!("`{}` may publish to every topic, also those of other devices", user.name),
                remedy: "publish = [\"plant/boiler-1/#\"]: the topics of the devices that use this name"
                    .to_owned(),
            });
        }
        users.push(user);
    }
    let tls = w.table("tls").and_then(|t| {
        let cert = file(&t, "cert_file", warnings);
        let key = file(&t, "key_file", warnings);
        t.finish();
        Some(BrokerTls { cert: cert?, key: key? })
    });
    if open && users.is_empty() && !w.has("user") {
        w.fault(
            "listen",
            "it is reachable from the network, and there are no users",
            "write [[broker.user]] with name and password, or listen on 127.0.0.1",
        );
    }
    w.finish();
    Some(Broker { listen: listen?, users, tls })
}

fn user(u: &Walk<'_>) -> Option<BrokerUser> {
    let name = u.need("name", "\"dtu\"").map(str::to_owned);
    if name.as_ref().is_some_and(|n| n.is_empty() || n.contains(['+', '#', '/'])) {
        u.fault("name", "empty, or with `/`, `+` or `#`", "e.g. name = \"dtu\"");
    }
    if !u.has("password") {
        u.fault("password", "missing", "password = { file = \"/path\" }");
    }
    let password = secret(u, "password");
    let publish = filters(u, "publish");
    let subscribe = filters(u, "subscribe");
    let client_ids: Vec<String> =
        u.texts("client_ids").unwrap_or_default().into_iter().map(str::to_owned).collect();
    if u.has("client_ids") && client_ids.is_empty() {
        u.fault("client_ids", "an empty list lets nobody in", "leave it out, or e.g. [\"dtu-*\"]");
    }
    u.finish();
    Some(BrokerUser { name: name?, password: password?, publish, subscribe, client_ids })
}

/// Topic filters of a right; an empty list is no right at all.
fn filters(u: &Walk<'_>, key: &'static str) -> Vec<String> {
    let Some(written) = u.texts(key) else { return vec![EVERY_TOPIC.to_owned()] };
    for filter in &written {
        let levels: Vec<&str> = filter.split('/').collect();
        let wrong = |(n, level): (usize, &&str)| {
            (level.contains('#') && (*level != "#" || n + 1 != levels.len()))
                || (level.contains('+') && *level != "+")
        };
        if filter.is_empty() || filter.starts_with("$share/") || levels.iter().enumerate().any(wrong) {
            u.fault(
                key,
                format!("`{filter}` is not a valid topic filter"),
                "e.g. \"plant/%c/#\": `+` stands for one level, `#` for all the rest, %c for the client id, %u for the user",
            );
        }
    }
    written.into_iter().map(str::to_owned).collect()
}

fn file(w: &Walk<'_>, key: &'static str, warnings: &RefCell<Vec<Fault>>) -> Option<PathBuf> {
    let path = w.need(key, "\"/etc/steamward/tls/broker.pem\"")?;
    if let Err(e) = std::fs::File::open(path) {
        warnings.borrow_mut().push(Fault {
            place: w.place(key),
            key: format!("{}.{key}", w.path),
            problem: format!("{path}: {e}: the broker does not start until it is there"),
            remedy: "a PEM file, readable by this user".to_owned(),
        });
    }
    Some(Path::new(path).to_owned())
}
