//! `[[outlet.influx]]` and `[[outlet.inspection]]`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::super::types::{InfluxApi, InfluxOutlet, InspectionOutlet, Outlets};
use super::super::walk::Walk;
use super::words::{id, login, positive, range, secret, url};

pub(super) fn outlets(w: &Walk<'_>) -> Outlets {
    let mut outlets = Outlets::default();
    for (name, o) in w.entries("influx") {
        let id = id(&o, name);
        let url = url(&o);
        let version = o.word("api", &[("v2", 2), ("v1", 1)]).unwrap_or(2);
        let api = if version == 1 {
            let database = o.need("database", "\"boilers\"").unwrap_or_default().to_owned();
            InfluxApi::V1 { database, login: login(&o) }
        } else {
            if o.has("database") && !o.has("api") {
                o.mark("database");
                o.fault(
                    "database",
                    "InfluxDB 2 has buckets; a database is of api v1",
                    "write api = \"v1\" beside it",
                );
            }
            let org = o.text("org").unwrap_or_default().to_owned();
            let bucket = if o.has("database") { o.text("bucket") } else { o.need("bucket", "\"boilers\"") };
            let bucket = bucket.unwrap_or_default().to_owned();
            InfluxApi::V2 { org, bucket, token: secret(&o, "token") }
        };
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
        let url = url(&o);
        let secret = secret(&o, "secret");
        let whsec = secret.as_ref().and_then(|s| s.expose().strip_prefix("whsec_"));
        if whsec.is_some_and(|key| BASE64.decode(key).is_err()) {
            o.fault(
                "secret",
                "begins with whsec_ but is no base64 behind it",
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
