//! Passwords in addresses. A URL is shown by `check`, logged and kept in the audit for ever, so what is
//! secret in one is a fault that names the key to use instead, and is shown nowhere, this fault included.

use std::borrow::Cow;

use super::difference::Keys;
use super::fault::{Fault, Place};
use super::sheet::plain;

/// Parameters of a URL whose value is a secret, or goes with one.
const SECRET_PARAMETERS: &[&str] = &[
    "access_token",
    "api_key",
    "apikey",
    "auth",
    "authorization",
    "key",
    "p",
    "pass",
    "passwd",
    "password",
    "pwd",
    "secret",
    "sig",
    "signature",
    "token",
    "u",
    "user",
    "username",
];

/// What stands in its place.
const HIDDEN: &str = "***";

/// A fault for each value with a password or a name in a URL.
pub(super) fn faults(keys: &Keys, place: impl Fn(&str) -> Place) -> Vec<Fault> {
    let with_secret = keys.iter().filter(|(_, value)| matches!(hidden(value), Cow::Owned(_)));
    let fault = |(key, _): (&String, &String)| Fault {
        place: place(key),
        key: key.clone(),
        problem: "a name, password or token stands in this URL, where every listing of the settings shows it"
            .to_owned(),
        remedy: remedy(key).to_owned(),
    };
    with_secret.map(fault).collect()
}

fn remedy(key: &str) -> &'static str {
    if key.starts_with("source.mqtt.") {
        "take it out of the address and write username = \"NAME\" and password = { file = \"/path\" }"
    } else if key.starts_with("outlet.influx.") {
        "take it out of the url and write token = { file = \"/path\" }, or with api = \"v1\" \
         username = \"NAME\" and password = { file = \"/path\" }"
    } else if key.starts_with("outlet.inspection.") {
        "take it out of the url and write secret = { file = \"/path\" }, which signs every event"
    } else {
        "take it out: this section takes no password"
    }
}

/// The text without what is secret in its URLs; borrowed if there is nothing. Signs of an input method (`：//`, `＠`) count
/// as those they stand for: where they hide something secret, the text comes with plain signs.
pub(super) fn hidden(text: &str) -> Cow<'_, str> {
    let found = in_plain_signs(text);
    // Where nothing is secret or nothing was written otherwise, the text stays to the letter.
    if !found
        .chars()
        .any(|c| matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'))
    {
        return found;
    }
    match in_plain_signs(&plain(&found)) {
        Cow::Owned(hidden) => Cow::Owned(hidden),
        Cow::Borrowed(_) => found,
    }
}

/// The same where every sign is what it looks like.
fn in_plain_signs(text: &str) -> Cow<'_, str> {
    let mut clean: Option<String> = None;
    let mut done = 0;
    while let Some(found) = text[done..].find("://") {
        let begin = done + found + 3;
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '`' | '<' | '>');
        let end = text[begin..].find(ends).map_or(text.len(), |n| begin + n);
        if let Some(url) = without_secrets(&text[begin..end]) {
            let clean = clean.get_or_insert_with(|| text[..done].to_owned());
            clean.push_str(&text[done..begin]);
            clean.push_str(&url);
        } else if let Some(clean) = &mut clean {
            clean.push_str(&text[done..end]);
        }
        done = end;
    }
    match clean {
        Some(mut clean) => {
            clean.push_str(&text[done..]);
            Cow::Owned(clean)
        }
        None => Cow::Borrowed(text),
    }
}

/// What stands behind `://`, without its secrets; `None` if it has none.
fn without_secrets(url: &str) -> Option<String> {
    let authority_end = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (mut authority, mut rest) = url.split_at(authority_end);
    // A `/` in a password that nobody encoded: what stands before it is no host with a port.
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    if !authority.contains('@')
        && !port.bytes().all(|b| b.is_ascii_digit() || b == b']')
        && let Some(at) = url.rfind('@')
    {
        let end = url[at..].find(['/', '?', '#']).map_or(url.len(), |n| at + n);
        (authority, rest) = url.split_at(end);
    }
    // The last one: a password may hold an `@` that nobody encoded.
    let host = authority.rsplit_once('@').map(|(_, host)| host);
    let query = rest.split_once('?').and_then(|(path, query)| {
        let secret = |part: &str| {
            let (name, value) = part.split_once('=')?;
            let known = SECRET_PARAMETERS.iter().any(|p| name.eq_ignore_ascii_case(p));
            (known && !value.is_empty()).then(|| format!("{name}={HIDDEN}"))
        };
        let parts: Vec<_> = query.split('&').map(|part| secret(part).ok_or(part)).collect();
        parts.iter().any(Result::is_ok).then(|| {
            let parts: Vec<String> = parts.into_iter().map(|p| p.unwrap_or_else(str::to_owned)).collect();
            format!("{path}?{}", parts.join("&"))
        })
    });
    if host.is_none() && query.is_none() {
        return None;
    }
    let authority = host.map_or_else(|| authority.to_owned(), |host| format!("{HIDDEN}@{host}"));
    Some(authority + query.as_deref().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::hidden;
    use crate::settings::load_texts;

    #[test]
    fn what_is_secret_in_a_url_is_hidden_and_the_rest_stays() {
        for (text, shown) in [
            ("mqtt://u:pw@host:1883", "mqtt://***@host:1883"),
            ("mqtt://u:p@ss@host:1883/", "mqtt://***@host:1883/"),
            ("mqtt://u:p/a?s,s@host:1883", "mqtt://***@host:1883"),
            ("https://only-name@host/a", "https://***@host/a"),
            ("http://h:8086/write?db=a&u=me&p=pw", "http://h:8086/write?db=a&u=***&p=***"),
            ("http://h/x?Token=abc", "http://h/x?Token=***"),
            ("`http://a:b@h` is no URL, nor http://c:d@i/e", "`http://***@h` is no URL, nor http://***@i/e"),
            ("first http://plain/x then http://a:b@h", "first http://plain/x then http://***@h"),
            ("http://a:b@h then http://plain/x end", "http://***@h then http://plain/x end"),
            ("mqtt://u:pw＠host:1883", "mqtt://***@host:1883"),
            ("mqtt://u：pw＠host:1883", "mqtt://***@host:1883"),
            ("mqtt：／／u：pw＠host：1883", "mqtt://***@host:1883"),
            ("mqtt:\u{200b}//u:pw@host", "mqtt://***@host"),
            ("http://h/x？token＝abc", "http://h/x?token=***"),
        ] {
            assert_eq!(hidden(text), shown);
        }
        for plain in [
            "mqtt://broker:1883",
            "https://h/a@b?from=u@v",
            "rtu:///dev/ttyS0?baud=9600&parity=none",
            "tcp://[::1]:502",
            "水位：（低）http://h/a",
            "水位",
            "://",
            "",
        ] {
            assert_eq!(hidden(plain), plain);
        }
    }

    #[test]
    fn a_password_in_any_url_is_a_fault_that_names_the_key_and_shows_nothing() {
        for (section, key, remedy) in [
            (
                "[[source.mqtt]]\nid = \"b\"\naddress = \"mqtt://me:hush-hush@127.0.0.1\"",
                "source.mqtt.b.address",
                "password = {",
            ),
            (
                "[[source.modbus]]\nid = \"m\"\naddress = \"tcp://me:hush-hush@127.0.0.1:502\"",
                "source.modbus.m.address",
                "takes no password",
            ),
            (
                "[[outlet.influx]]\nid = \"i\"\nurl = \"http://me:hush-hush@h:8086\"\nbucket = \"b\"",
                "outlet.influx.i.url",
                "token = {",
            ),
            (
                "[[outlet.influx]]\nid = \"i\"\nurl = \"http://h:8086/?p=hush-hush\"\nbucket = \"b\"",
                "outlet.influx.i.url",
                "token = {",
            ),
            (
                "[[source.mqtt]]\nid = \"b\"\naddress = \"mqtt://me：hush-hush＠127.0.0.1\"",
                "source.mqtt.b.address",
                "password = {",
            ),
            (
                "[[source.modbus]]\nid = \"m\"\naddress = \"serial：//me:hush-hush＠127.0.0.1:502\"",
                "source.modbus.m.address",
                "takes no password",
            ),
            (
                "[[outlet.inspection]]\nid = \"i\"\nurl = \"https://me:hush-hush@h/x\"",
                "outlet.inspection.i.url",
                "secret = {",
            ),
            (
                "[[outlet.inspection]]\nid = \"i\"\nurl = \"ftp://me:hush-hush@h/x\"",
                "outlet.inspection.i.url",
                "secret = {",
            ),
        ] {
            let text = format!("[site]\nid = \"n\"\n{section}\n");
            let faults = load_texts(&[("t.toml", &text)], &[], &[]).expect_err("a fault").to_string();
            assert!(faults.contains(key) && faults.contains(remedy), "{faults}");
            assert!(!faults.contains("hush-hush"), "{faults}");
        }
        let env = [("STEAMWARD__SOURCE__MQTT__B__ADDRESS".to_owned(), "mqtt://me:hush-hush@h".to_owned())];
        let faults = load_texts(&[("t.toml", "[site]\nid = \"n\"\n")], &[], &env).expect_err("a fault");
        assert!(!faults.to_string().contains("hush-hush"), "{faults}");
    }
}
