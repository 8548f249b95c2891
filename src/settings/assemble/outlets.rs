//! `[[outlet.influx]]` and `[[outlet.inspection]]`.

use std::cell::RefCell;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::super::endpoint;
use super::super::fault::Fault;
use super::super::types::{InfluxApi, InfluxOutlet, InspectionOutlet, Outlets};
use super::super::walk::Walk;
use super::words::{id, login, positive, range, secret, url};

pub(super) fn outlets(w: &Walk<'_>, warnings: &RefCell<Vec<Fault>>) -> Outlets {
    let mut outlets = Outlets::default();
    for (name, o) in w.entries("influx") {
        let id = id(&o, name);
        let url = database(&o);
        let api = api(&o, warnings);
        let outlet = (|gzip, batch_readings, batch_age, timeout, retry| {
            Some(InfluxOutlet { id: id?, url: url?, api, gzip, batch_readings, batch_age, timeout, retry })
        })(
            o.flag("gzip").unwrap_or(true),
            o.whole("batch_readings", 1, 1_000_000).unwrap_or(10_000) as usize,
            o.duration("batch_age").unwrap_or(Duration::from_secs(1)),
            positive(&o, "timeout", Duration::from_secs(10)),
            range(&o, ("retry_min", Duration::from_secs(1)), ("retry_max", Duration::from_secs(60))),
        );
        o.finish();
        outlets.influx.extend(outlet);
    }
    for (name, o) in w.entries("inspection") {
        let id = id(&o, name);
        let url = url(&o, &endpoint::RECEIVER);
        let secret = secret(&o, "secret");
        let whsec = secret.as_ref().and_then(|s| s.expose().strip_prefix("whsec_"));
        if whsec.is_some_and(|key| BASE64.decode(key).is_err()) {
            o.fault(
                "secret",
                "begins with whsec_ but is not base64 behind it",
                "the key as the receiver gave it",
            );
        }
        let timeout = positive(&o, "timeout", Duration::from_secs(10));
        let retry = range(&o, ("retry_min", Duration::from_secs(1)), ("retry_max", Duration::from_secs(300)));
        o.finish();
        if let (Some(id), Some(url)) = (id, url) {
            outlets.inspection.push(InspectionOutlet { id, url, secret, timeout, retry });
        }
    }
    w.finish();
    outlets
}

/// Where the database is. What is written behind it is the gateway's business.
fn database(o: &Walk<'_>) -> Option<String> {
    let text = url(o, &endpoint::DATABASE)?;
    let base = text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let short = base.strip_suffix("/api/v2/write").or_else(|| base.strip_suffix("/write")).unwrap_or(base);
    if short != text.trim_end_matches('/') {
        o.fault(
            "url",
            "the path to write to and what goes with it are not part of the url",
            format!("write url = \"{short}\""),
        );
        return None;
    }
    Some(text)
}

/// The write path and its credentials. What belongs to the other one is named as such.
fn api(o: &Walk<'_>, warnings: &RefCell<Vec<Fault>>) -> InfluxApi {
    let version = o.word("api", &[("v2", 2), ("v1", 1)]);
    let (v1, v2) = (["database", "username", "password"], ["org", "bucket", "token"]);
    let given = |keys: [&'static str; 3]| keys.into_iter().find(|key| o.has(key));
    if version.is_none()
        && given(v2).is_none()
        && let Some(key) = given(v1)
    {
        o.fault(
            key,
            "InfluxDB 2 has buckets; a database is of api v1",
            "write api = \"v1\" beside it; or, for InfluxDB 2 and later, org = \"…\", bucket = \"…\" and token instead",
        );
        v1.into_iter().for_each(|key| o.mark(key));
        v2.into_iter().for_each(|key| o.mark(key));
        return InfluxApi::V1 { database: String::new(), login: None };
    }
    if version == Some(1) {
        let database = o.need("database", "\"boilers\"").unwrap_or_default().to_owned();
        return InfluxApi::V1 { database, login: login(o) };
    }
    if !o.has("org") {
        warnings.borrow_mut().push(Fault {
            place: o.place("bucket"),
            key: format!("{}.org", o.path),
            problem: "missing: InfluxDB 2 refuses every reading that comes without an organisation"
                .to_owned(),
            remedy:
                "write org = \"…\", the organisation's name as the server shows it; for a database without \
                     organisations (VictoriaMetrics, InfluxDB 3) write org = \"\""
                    .to_owned(),
        });
    }
    let org = o.text("org").unwrap_or_default().to_owned();
    let bucket = o.need("bucket", "\"boilers\"").unwrap_or_default().to_owned();
    InfluxApi::V2 { org, bucket, token: secret(o, "token") }
}

#[cfg(test)]
mod tests {
    use crate::settings::load_texts;

    fn check(outlet: &str) -> (Vec<String>, Vec<String>) {
        let text = format!(
            "[site]\nid = \"n\"\n[[source.push]]\nid = \"app\"\n[[equipment]]\nid = \"e\"\nkind = \"k\"\n\
             profile = \"p\"\nsource = \"app\"\n[[outlet.influx]]\nid = \"i\"\nurl = \"http://127.0.0.1:1\"\n{outlet}"
        );
        let loaded = load_texts(&[("t.toml", &text)], &[("p.toml", "[[point]]\nid = \"a\"\n")], &[]);
        match loaded {
            Ok(loaded) => (Vec::new(), loaded.warnings.iter().map(ToString::to_string).collect()),
            Err(faults) => (faults.0.iter().map(ToString::to_string).collect(), Vec::new()),
        }
    }

    #[test]
    fn what_the_api_of_an_outlet_needs_is_asked_for() {
        let (faults, warnings) = check("bucket = \"b\"\n");
        assert!(faults.is_empty(), "{faults:?}");
        assert!(warnings.iter().any(|w| w.contains("outlet.influx.i.org: missing")), "{warnings:?}");
        assert_eq!(check("bucket = \"b\"\norg = \"plant\"\n"), (Vec::new(), Vec::new()));
        assert_eq!(check("bucket = \"b\"\norg = \"\"\n"), (Vec::new(), Vec::new()));
        assert_eq!(check("api = \"v1\"\ndatabase = \"b\"\n"), (Vec::new(), Vec::new()));
        let (faults, _) = check("database = \"b\"\n");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("api = \"v1\"") && faults[0].contains("org = "), "{faults:?}");
        let (faults, _) = check("org = \"plant\"\n");
        assert!(faults[0].contains("outlet.influx.i.bucket: missing"), "{faults:?}");
    }

    #[test]
    fn a_secret_that_is_not_there_is_a_warning_and_costs_no_start() {
        let token = "bucket = \"b\"\norg = \"o\"\ntoken = { file = \"/no/such/token\" }\n";
        let (faults, warnings) = check(token);
        assert!(faults.is_empty(), "{faults:?}");
        assert!(warnings[0].contains("outlet.influx.i.token: /no/such/token: No such file"), "{warnings:?}");
    }
}
