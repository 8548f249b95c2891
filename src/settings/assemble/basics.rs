//! The sections that stand once: site, store, console, evidence, alarms, clock, log.

use std::path::PathBuf;
use std::time::Duration;

use super::super::types::{Clock, Console, Evidence, Log, Store};
use super::super::walk::Walk;
use super::words::{bytes, listen, positive, secret};
use crate::plant::{AlarmPolicy, Id, Name, Site};

pub(super) fn site(w: &Walk<'_>) -> Option<Site> {
    let id = w
        .need("id", "\"north\"")
        .and_then(|t| Id::new(t).map_err(|e| w.fault("id", e.to_string(), "e.g. north")).ok());
    let timezone = w.text("timezone").unwrap_or("Asia/Shanghai").to_owned();
    if crate::plant::zone(&timezone).is_none() {
        w.fault("timezone", format!("`{timezone}` is not a time zone"), "an IANA name, e.g. Asia/Shanghai");
    }
    let (zh, en) = (w.text("name"), w.text("name_en"));
    let region = w.text("region").map(str::to_owned);
    let director = w.text("director").map(str::to_owned);
    let altitude_m = w.number("altitude_m").unwrap_or(0.0);
    if !(-430.0..=5500.0).contains(&altitude_m) {
        w.fault("altitude_m", "out of bounds", "metres above the sea, -430 to 5500");
    }
    // Read by the command line before anything else.
    w.word("language", &[("zh", ()), ("en", ())]);
    w.finish();
    let id = id?;
    let atm_kpa = atmosphere_kpa(altitude_m.clamp(-430.0, 5500.0));
    Some(Site { name: Name::new(zh, en, id.as_str()), id, region, timezone, director, atm_kpa })
}

/// Of the standard atmosphere (ISO 2533:1975), which is within a few per cent of the weather's.
fn atmosphere_kpa(altitude_m: f64) -> f64 {
    101.325 * (1.0 - 2.255_77e-5 * altitude_m).powf(5.255_88)
}

pub(super) fn store(w: Option<&Walk<'_>>) -> Store {
    let mut store = Store {
        dir: PathBuf::from("data"),
        commit_every: Duration::from_secs(1),
        journal_max_bytes: 2 << 30,
        keep: Duration::from_secs(7 * 86400),
        reserve_bytes: 8 << 20,
        waiting_max: 500_000,
    };
    if let Some(w) = w {
        if let Some(dir) = w.text("dir") {
            store.dir = PathBuf::from(dir);
        }
        if let Some(every) = w.duration("commit_every") {
            if every > Duration::from_secs(10) {
                w.fault(
                    "commit_every",
                    "longer than 10 s",
                    "readings wait in memory that long: at most \"10s\"",
                );
            }
            store.commit_every = every;
        }
        if let Some(text) = w.text("journal_max") {
            match bytes(text) {
                Some(n) if n >= 1 << 20 => store.journal_max_bytes = n,
                _ => w.fault(
                    "journal_max",
                    format!("`{text}` is not a size of 1 MiB or more"),
                    "e.g. \"2GiB\", \"500MiB\"",
                ),
            }
        }
        store.keep = w.duration("keep").unwrap_or(store.keep);
        w.mark("reserve");
        if w.is_off("reserve") {
            store.reserve_bytes = 0;
        } else if let Some(text) = w.text("reserve") {
            match bytes(text) {
                Some(n) if (1 << 20..=1 << 30).contains(&n) => store.reserve_bytes = n,
                _ => w.fault(
                    "reserve",
                    format!("`{text}` is not a size of 1 MiB to 1 GiB"),
                    "e.g. \"8MiB\", or false: without a reserve a full disk stops the ledger too",
                ),
            }
        }
        let most = w.whole("waiting_max", 10_000, 50_000_000);
        store.waiting_max = most.and_then(|n| usize::try_from(n).ok()).unwrap_or(store.waiting_max);
        w.finish();
    }
    store
}

pub(super) fn console(w: Option<&Walk<'_>>) -> Option<Console> {
    let default = std::net::SocketAddr::from(([127, 0, 0, 1], 8686));
    let Some(w) = w else { return Some(Console { listen: default, token: None }) };
    let listen = w.text("listen").map_or(default, |text| listen(w, text, default));
    let token = secret(w, "token");
    if !listen.ip().is_loopback() && token.is_none() && !w.has("token") {
        w.fault(
            "listen",
            format!("{listen} is reachable from the network, and no token is set"),
            "set console.token = { file = \"…\" }, or listen on 127.0.0.1",
        );
    }
    w.finish();
    Some(Console { listen, token })
}

pub(super) fn evidence(w: Option<&Walk<'_>>) -> Evidence {
    let mut evidence = Evidence { before: Duration::from_secs(1800), after: Duration::from_secs(600) };
    if let Some(w) = w {
        evidence.before = w.duration("before").unwrap_or(evidence.before);
        evidence.after = w.duration("after").unwrap_or(evidence.after);
        w.finish();
    }
    evidence
}

pub(super) fn clock(w: Option<&Walk<'_>>) -> Clock {
    let Some(w) = w else { return Clock::default() };
    let require_sync = w.flag("require_sync").unwrap_or_default();
    let sync_file = w.text("sync_file").map(PathBuf::from);
    if sync_file.is_some() && !require_sync {
        w.fault("sync_file", "nobody looks at it", "set require_sync = true, or remove the key");
    }
    w.finish();
    Clock { require_sync, sync_file }
}

/// A condition that has become unknown hides no alarm for longer, whatever is written.
const UNKNOWN_HIDES_MOST: Duration = Duration::from_secs(600);

pub(super) fn alarm_policy(w: Option<&Walk<'_>>) -> AlarmPolicy {
    let mut alarm_policy = AlarmPolicy::default();
    let Some(w) = w else { return alarm_policy };
    if let Some(repeat) = w.table("repeat") {
        for (n, key) in ["critical", "high", "medium", "low"].into_iter().enumerate() {
            repeat.mark(key);
            if repeat.is_off(key) {
                alarm_policy.repeat[n] = None;
            } else if repeat.has(key) {
                alarm_policy.repeat[n] = Some(positive(&repeat, key, Duration::from_secs(300)));
            }
        }
        repeat.finish();
    }
    if let Some(hides) = w.table("unknown_hides") {
        for (n, key) in ["critical", "high", "medium", "low"].into_iter().enumerate() {
            let Some(time) = hides.duration(key) else { continue };
            if time > UNKNOWN_HIDES_MOST {
                let most = "at most \"10m\": what nobody can read hides no alarm for long";
                hides.fault(key, "longer than 10 minutes", most);
            }
            alarm_policy.unknown_hides[n] = time.min(UNKNOWN_HIDES_MOST);
        }
        hides.finish();
    }
    alarm_policy.shelve_most = positive(w, "shelve_most", alarm_policy.shelve_most);
    alarm_policy.flood_window = positive(w, "flood_window", alarm_policy.flood_window);
    let begins = w.whole("flood_begins", 1, 15).unwrap_or(i64::from(alarm_policy.flood_begins));
    let ends = w.whole("flood_ends", 1, 15).unwrap_or(i64::from(alarm_policy.flood_ends).min(begins));
    if ends > begins {
        w.fault("flood_ends", "above `flood_begins`", format!("1 to {begins}: a flood ends at a lower rate"));
    }
    (alarm_policy.flood_begins, alarm_policy.flood_ends) = (begins as u8, ends as u8);
    w.finish();
    alarm_policy
}

pub(super) fn log(w: Option<&Walk<'_>>) -> Log {
    let mut log = Log { json: false, filter: "info".to_owned() };
    if let Some(w) = w {
        log.json = w.word("format", &[("text", false), ("json", true)]).unwrap_or(false);
        if let Some(filter) = w.text("filter") {
            if tracing_subscriber::EnvFilter::try_new(filter).is_err() {
                w.fault(
                    "filter",
                    format!("`{filter}` is not a log filter"),
                    "e.g. \"info\" or \"info,steamward::field=debug\"",
                );
            }
            filter.clone_into(&mut log.filter);
        }
        w.finish();
    }
    log
}
