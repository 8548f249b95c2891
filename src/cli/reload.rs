//! `steamward reload`: asks the running gateway to read its settings again, and says what became of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use crate::exit;
use crate::settings::Console;

/// Longest wait for an answer: what was read before is committed first.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder with steamward.toml, conf.d/ and profiles/, the one that the gateway runs with.
    #[arg(default_value = "config")]
    dir: PathBuf,
    /// Only tell what would change.
    #[arg(long)]
    dry_run: bool,
    /// Wait for the end of the trial: exit code 0 kept, 1 taken back.
    #[arg(long)]
    wait: bool,
}

pub(super) fn reload(options: &Options) -> i32 {
    let loaded = match super::load(&options.dir) {
        Ok(loaded) => loaded,
        Err(faults) => {
            // The gateway would refuse them too.
            super::refuse(&faults);
            complain!("the running settings stay");
            return exit::SETTINGS;
        }
    };
    let Ok(runtime) = super::runtime() else { return exit::FAILED };
    match runtime.block_on(ask(&loaded.settings.console, options)) {
        Ok(code) => code,
        Err(what) => {
            complain!("{what}");
            exit::FAILED
        }
    }
}

/// Where the page is reached from this machine.
fn from_here(listen: SocketAddr) -> SocketAddr {
    let here = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(here, listen.port())
}

async fn ask(console: &Console, options: &Options) -> Result<i32, String> {
    let url = format!("http://{}/api/v1/reload", from_here(console.listen));
    if let Some(why) = console.token.as_ref().and_then(crate::settings::Secret::missing) {
        return Err(format!("console.token: {why}"));
    }
    let client = crate::outlet::client(PATIENCE)?;
    let send = async |request: reqwest::RequestBuilder| {
        let request = match &console.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        let answer = request.send().await.map_err(|e| {
            let what = e.without_url();
            format!(
                "{url}: {what}; is a gateway running with these settings, and its page up? Where the page is down, \
                 the signal HUP asks for the same: `systemctl kill --signal=HUP steamward`"
            )
        })?;
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        match serde_json::from_str::<Value>(&text) {
            Ok(view) if view["state"].is_string() => Ok(view),
            _ => Err(format!("{url}: {status} {}", text.trim())),
        }
    };
    let query = [("dry_run", options.dry_run)];
    let mut view = send(client.post(&url).query(&query)).await?;
    tell(&view, options.dry_run);
    if options.wait {
        let seconds = view["trial_seconds"].as_u64().unwrap_or_default();
        let deadline = Instant::now() + Duration::from_secs(seconds + 30);
        while view["state"] == "trial" && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(500)).await;
            view = send(client.get(&url)).await?;
            if view["state"] != "trial" {
                tell(&view, false);
            }
        }
    }
    Ok(match view["state"].as_str() {
        Some("refused") => exit::SETTINGS,
        Some("rolled-back") => exit::FAILED,
        Some("trial") if options.wait => exit::FAILED,
        _ => exit::FINE,
    })
}

fn tell(view: &Value, dry_run: bool) {
    let list = |key: &str| {
        let all = view[key].as_array().into_iter().flatten();
        all.filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<String>>()
    };
    for change in list("changes") {
        tell!("{change}");
    }
    for later in list("at_next_start") {
        tell!("takes effect at the next start: {later}");
    }
    for warning in list("warnings") {
        tell!("warning: {warning}");
    }
    for fault in list("faults") {
        tell!("{fault}");
    }
    for device in list("no_longer_read") {
        tell!("no longer read: {device}");
    }
    let state = view["state"].as_str().unwrap_or_default();
    let seconds = view["trial_seconds"].as_u64();
    match (state, seconds) {
        ("unchanged", _) if dry_run => tell!("nothing was changed: it was only asked"),
        ("unchanged", _) => tell!("the settings are the same"),
        ("refused", _) => tell!("refused; the running settings stay"),
        ("trial", Some(seconds)) => {
            tell!(
                "in force, on trial for at most {seconds} s: devices that are no longer read bring the old ones back"
            );
        }
        ("kept", _) => tell!("the new settings are in force"),
        ("rolled-back", _) => tell!("taken back; the settings before are in force again"),
        (other, _) => tell!("{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::from_here;

    #[test]
    fn a_page_for_everybody_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:8686", "127.0.0.1:8686"),
            ("[::]:8686", "[::1]:8686"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            assert_eq!(from_here(listen.parse().expect("an address")).to_string(), asked);
        }
    }
}
