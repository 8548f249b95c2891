//! What somebody meant by an endpoint that is not one: signs of an input method, a missing or foreign scheme, commas for
//! dots, an IPv6 address without brackets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::sheet::plain;
use super::{Kind, Port, Sure, shown, strict};

/// The text that was meant, if the strict reader takes it.
pub(super) fn likely(text: &str, kind: &Kind) -> Option<(String, Sure)> {
    // Where a password stands in it, the host is what stands behind.
    let clean = clean(&shown(text));
    let (word, rest) = scheme(&clean, kind);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = host_and_port(authority, usual_port(word.as_deref(), kind))?;
    let scheme = known(word.as_deref(), kind).or_else(|| {
        let told = kind.by_port.iter().find(|(by, _)| Some(*by) == port);
        told.map(|(_, scheme)| *scheme)
    });
    let (scheme, usual) = kind.schemes.iter().find(|s| Some(s.0) == scheme).or(kind.schemes.first())?;
    // Whether a port beyond all ports was written, or none.
    let was_written = authority.trim_end_matches(':').len() > host.len();
    let is_apart = word.as_deref().is_some_and(|word| kind.apart.contains(&word));
    let of_ours = |port: u16| kind.schemes.iter().any(|s| s.1.number() == port);
    let (port, sure) = match (port, usual) {
        // At the port that was written something else is spoken.
        (port, usual) if is_apart && !port.is_some_and(of_ours) => (Some(usual.number()), Sure::ButPort),
        (Some(port), _) => (Some(port), Sure::All),
        (None, Port::Usual(usual)) => (Some(*usual), Sure::All),
        (None, Port::Needed(usual)) => (Some(*usual), Sure::ButPort),
        (None, Port::Open(_)) if word.is_some() && !was_written => (None, Sure::All),
        (None, Port::Open(usual)) => (Some(*usual), Sure::ButPort),
    };
    let path = if kind.has_path { path } else { "" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let write = format!("{scheme}://{host}{port}{path}");
    strict(&write, kind).is_ok().then_some((write, sure))
}

/// Plain signs, and nothing between them.
pub(in crate::settings) fn clean(text: &str) -> String {
    let sign = |c: char| match c {
        '、' | '\u{ff64}' => Some(','),
        '\u{ff61}' => Some('.'),
        '\\' => Some('/'),
        '"' | '\'' | '<' | '>' | '`' => None,
        c if c.is_whitespace() || c.is_control() => None,
        c => Some(c),
    };
    plain(text).chars().filter_map(sign).collect()
}

/// The scheme in small letters, if there is one, and what stands behind it.
pub(super) fn scheme<'t>(text: &'t str, kind: &Kind) -> (Option<String>, &'t str) {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'_'))
    };
    for sign in ["://", ":/", "//", ":"] {
        let Some((word, rest)) = text.split_once(sign) else { continue };
        let lower = word.to_ascii_lowercase();
        // `localhost:502` has none.
        let is_scheme = sign != ":" || known(Some(&lower), kind).is_some();
        if is_word(word) && is_scheme || sign == "://" {
            return (Some(lower), rest.trim_start_matches('/'));
        }
    }
    (None, text.trim_start_matches('/'))
}

/// The scheme of ours that this word stands for.
fn known(word: Option<&str>, kind: &Kind) -> Option<&'static str> {
    let word = word?;
    let own = kind.schemes.iter().find(|s| s.0 == word).map(|s| s.0);
    own.or_else(|| kind.others.iter().find(|o| o.0 == word).map(|o| o.1))
}

fn usual_port(word: Option<&str>, kind: &Kind) -> u16 {
    let scheme = known(word, kind);
    let found = kind.schemes.iter().find(|s| Some(s.0) == scheme).or(kind.schemes.first());
    found.map_or(0, |s| s.1.number())
}

/// The host as it is written, an IPv6 address in brackets, and the port if it is a possible one.
fn host_and_port(text: &str, usual: u16) -> Option<(String, Option<u16>)> {
    numbers(text).or_else(|| ipv6(text, usual)).or_else(|| {
        let (host, port) = text.split_once([':', ',', ';']).unwrap_or((text, ""));
        let host = host.trim_matches(['[', ']']).trim_end_matches('.');
        Some((host.to_owned(), number(port)))
    })
}

/// A port at the beginning of `text`.
fn number(text: &str) -> Option<u16> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok().filter(|port| *port > 0)
}

/// `192,168,1,10`, `192.168.001.010:502`, `192.168.1.10,502`.
fn numbers(text: &str) -> Option<(String, Option<u16>)> {
    let text = text.trim_matches(['.', ',', ';', ':', '[', ']']);
    let parts: Vec<&str> = text.split(['.', ',', ';', ':']).filter(|p| !p.is_empty()).collect();
    let all = parts.iter().all(|p| p.bytes().all(|b| b.is_ascii_digit()));
    if !all || !(4..=5).contains(&parts.len()) {
        return None;
    }
    let mut address = [0u8; 4];
    for (one, part) in address.iter_mut().zip(&parts) {
        *one = part.parse().ok()?;
    }
    Some((Ipv4Addr::from(address).to_string(), parts.get(4).and_then(|p| number(p))))
}

/// `fe80::1:502` without brackets, `[::1`, `[::1]502`.
fn ipv6(text: &str, usual: u16) -> Option<(String, Option<u16>)> {
    let is_address = |text: &str| text.split('%').next().is_some_and(|a| a.parse::<Ipv6Addr>().is_ok());
    let bare = text.trim_start_matches('[');
    if let Some((inside, behind)) = bare.split_once(']') {
        return is_address(inside)
            .then(|| (format!("[{inside}]"), number(behind.trim_start_matches([':', '.', ',']))));
    }
    // The last group could be the port: it is taken for one if it looks like one, or if the whole is not an address.
    let split = bare.rsplit_once(':').filter(|(address, _)| is_address(address.trim_end_matches(']')));
    let port = split.and_then(|(address, port)| Some((address, number(port)?)));
    match port {
        Some((address, port)) if port == usual || port > 999 || !is_address(bare) => {
            Some((format!("[{address}]"), Some(port)))
        }
        _ => is_address(bare).then(|| (format!("[{bare}]"), None)),
    }
}

/// Where somebody meant to listen; what cannot be read is as usual, and then it is not sure.
pub(super) fn listen(text: &str, usual: SocketAddr) -> (SocketAddr, Sure) {
    let clean = clean(text);
    let rest = clean.split_once("://").map_or(clean.as_str(), |(_, rest)| rest).trim_start_matches('/');
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Ok(whole) = rest.parse() {
        return (whole, Sure::All);
    }
    // The port alone, or behind a sign for every address.
    let only = rest.trim_start_matches(['*', ':']);
    if !only.is_empty() && only.bytes().all(|b| b.is_ascii_digit()) {
        return place(Some(usual.ip()), number(only), usual);
    }
    let Some((host, port)) = host_and_port(rest, usual.port()) else { return (usual, Sure::ButPlace) };
    let host = host.trim_matches(['[', ']']);
    let own = host.eq_ignore_ascii_case("localhost").then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    place(own.or_else(|| host.parse().ok()), port, usual)
}

fn place(ip: Option<IpAddr>, port: Option<u16>, usual: SocketAddr) -> (SocketAddr, Sure) {
    let sure = if ip.is_some() && port.is_some() { Sure::All } else { Sure::ButPlace };
    (SocketAddr::new(ip.unwrap_or(usual.ip()), port.unwrap_or(usual.port())), sure)
}
