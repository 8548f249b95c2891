//! `check` looks whether the ports that the settings ask for are free. Nothing is kept open.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use crate::settings::{Settings, Transport};

/// What cannot be listened on, in words. Nothing while a gateway runs on this store: its ports are its own.
pub(super) fn taken(settings: &Settings) -> Vec<String> {
    let lock = File::open(settings.store.dir.join("steamward.lock"));
    if lock.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock))) {
        return Vec::new();
    }
    let mut wanted: Vec<(String, SocketAddr)> = vec![("console.listen".to_owned(), settings.console.listen)];
    wanted.extend(settings.broker.as_ref().map(|b| ("broker.listen".to_owned(), b.listen)));
    for source in &settings.modbus {
        if let Transport::DialIn(how) = &source.transport
            && wanted.iter().all(|(_, known)| *known != how.listen)
        {
            wanted.push((format!("source.modbus.{}.address", source.id), how.listen));
        }
    }
    let mut wrong = Vec::new();
    for (n, (key, address)) in wanted.iter().enumerate() {
        let twin = wanted[..n].iter().find(|(_, a)| a.port() != 0 && a.port() == address.port());
        if let Some((other, _)) = twin {
            wrong.push(format!("{key}: {address}: `{other}` has the same port; give each a port of its own"));
        } else if let Err(e) = bind(*address) {
            wrong.push(format!(
                "{key}: {address}: {e}; choose a free address, or stop what uses it. Until then this part is down, \
                 and everything else works"
            ));
        }
    }
    wrong
}

/// Binds without listening: two that look at the same time are not in each other's way.
fn bind(address: SocketAddr) -> std::io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::taken;
    use crate::settings::{Settings, load_texts};

    fn settings(dir: &std::path::Path, console: &str, broker: &str) -> Settings {
        let text = format!(
            "[site]\nid = \"n\"\n[store]\ndir = {dir:?}\n[console]\nlisten = \"{console}\"\n[broker]\n\
             listen = \"{broker}\"\n[[source.push]]\nid = \"app\"\n[[equipment]]\nid = \"e\"\nkind = \"k\"\n\
             profile = \"p\"\nsource = \"app\"\n"
        );
        let loaded = load_texts(&[("t.toml", &text)], &[("p.toml", "[[point]]\nid = \"a\"\n")], &[]);
        loaded.expect("good").settings
    }

    #[test]
    fn a_port_that_is_taken_is_found_beforehand_unless_it_is_the_running_gateways_own() {
        let dir = tempfile::tempdir().expect("a folder");
        let busy = TcpListener::bind("127.0.0.1:0").expect("a port");
        let busy = busy.local_addr().map(|a| (busy, a.to_string())).expect("an address");
        let found = taken(&settings(dir.path(), &busy.1, "127.0.0.1:0"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("console.listen: {}", busy.1)), "{found:?}");
        let found = taken(&settings(dir.path(), "127.0.0.1:0", &busy.1));
        assert!(found[0].starts_with("broker.listen: "), "{found:?}");
        let _running = crate::store::StoreLock::take(dir.path()).expect("the store");
        assert!(taken(&settings(dir.path(), &busy.1, "127.0.0.1:0")).is_empty());
    }

    #[test]
    fn two_parts_on_one_port_are_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").to_string();
        let found = taken(&settings(dir.path(), &free, &free));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("`console.listen` has the same port"), "{found:?}");
    }
}
