//! `[broker]`: the embedded MQTT broker of small sites.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::super::types::{Broker, BrokerTls, BrokerUser};
use super::super::walk::Walk;
use super::words::secret;

pub(super) fn broker(w: &Walk<'_>) -> Option<Broker> {
    let listen = w.need("listen", "\"127.0.0.1:1883\"").map(|text| (text, text.parse::<SocketAddr>()));
    let listen = match listen {
        Some((_, Ok(listen))) => Some(listen),
        Some((text, Err(_))) => {
            w.fault(
                "listen",
                format!("`{text}` is not an address to listen on"),
                "an address and a port, e.g. \"127.0.0.1:1883\"",
            );
            None
        }
        None => None,
    };
    let mut users: Vec<BrokerUser> = Vec::new();
    for u in w.list("user") {
        let name = u.need("name", "\"dtu\"").map(str::to_owned);
        if !u.has("password") {
            u.fault("password", "missing", "password = { file = \"/path\" }");
        }
        let password = secret(&u, "password");
        u.finish();
        let (Some(name), Some(password)) = (name, password) else { continue };
        if users.iter().any(|known| known.name == name) {
            u.fault("name", format!("`{name}` stands there twice"), "give each user a name of its own");
        }
        users.push(BrokerUser { name, password });
    }
    let tls = w.table("tls").and_then(|t| {
        let cert = file(&t, "cert_file");
        let key = file(&t, "key_file");
        t.finish();
        Some(BrokerTls { cert: cert?, key: key? })
    });
    if listen.is_some_and(|l| !l.ip().is_loopback()) && users.is_empty() && !w.has("user") {
        w.fault(
            "listen",
            "it is reachable from the network, and there are no users",
            "write [[broker.user]] with name and password, or listen on 127.0.0.1",
        );
    }
    w.finish();
    Some(Broker { listen: listen?, users, tls })
}

fn file(w: &Walk<'_>, key: &'static str) -> Option<PathBuf> {
    let path = w.need(key, "\"/etc/steamward/tls/broker.pem\"")?;
    if let Err(e) = std::fs::File::open(path) {
        w.fault(key, format!("{path}: {e}"), "a PEM file, readable by this user");
        return None;
    }
    Some(Path::new(path).to_owned())
}
