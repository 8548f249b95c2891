//! One window by a Flux query over the `influxdb2` crate (InfluxDB 2).
//!
//! The query turns every column into text: the crate reads typed cells with no way out for one that is
//! not what it says, and one field may be a number in one place and a truth in another.

use std::time::Duration;

use fallible_iterator::FallibleIterator as _;
use influxdb2::models::Query;
use influxdb2::{Client, RequestError};

use super::{Names, PastError, PastReading};
use crate::plant::Micros;
use crate::settings::{InfluxApi, InfluxOutlet, Secret};

/// The query of one window; ids, names and times need their quotes only.
fn query(bucket: &str, site: &str, (start, end): (Micros, Micros)) -> String {
    let (bucket, site) = (quoted(bucket), quoted(site));
    let (start, end) = (start.rfc3339(), end.rfc3339());
    format!(
        "from(bucket: {bucket})\n  |> range(start: {start}, stop: {end})\n  \
         |> filter(fn: (r) => r[\"site\"] == {site} and exists r[\"equipment\"])\n  \
         |> map(fn: (r) => ({{at: string(v: int(v: r._time)), equipment: r[\"equipment\"], \
         point: r._field, value: string(v: r._value)}}))"
    )
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
}

pub(super) async fn window(
    outlet: &InfluxOutlet,
    site: &str,
    span: (Micros, Micros),
    patience: Duration,
    names: &mut Names,
    found: &mut Vec<PastReading>,
) -> Result<(), PastError> {
    let InfluxApi::V2 { org, bucket, token } = &outlet.api else { return Ok(()) };
    let server = |what: String| PastError::Server { url: outlet.url.clone(), what };
    let client = Client::new(&outlet.url, org, token.as_ref().map(Secret::expose).unwrap_or_default());
    let asked = client.query_raw_iter(Some(Query::new(query(bucket, site, span))));
    let answer = match tokio::time::timeout(patience, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(RequestError::Http { status, text })) => {
            let what = format!("{status} {}", text.trim());
            // InfluxDB says in JSON what is wrong with a question; others have no such path.
            let other = matches!(status.as_u16(), 400 | 404 | 405 | 501) && !text.trim().starts_with('{');
            return Err(if other {
                PastError::NoQueries { url: outlet.url.clone(), what, language: "Flux" }
            } else {
                server(what)
            });
        }
        Ok(Err(e)) => return Err(server(e.to_string())),
        Err(_) => return Err(server(format!("no answer within {} s", patience.as_secs()))),
    };
    let mut records = answer.result();
    while let Some(record) = records.next().map_err(|e| server(e.to_string()))? {
        let cell = |name: &str| record.values.get(name).and_then(|v| v.string());
        let (Some(at), Some(equipment), Some(point), Some(value)) =
            (cell("at"), cell("equipment"), cell("point"), cell("value"))
        else {
            return Err(server("an answer without the columns that were asked for".to_owned()));
        };
        let at = at.parse::<i64>().map_err(|_| server(format!("`{at}` is not a time in nanoseconds")))?;
        let Some(value) = number(&value) else { continue };
        found.push(PastReading {
            at: Micros(at.div_euclid(1000)),
            equipment: names.of(&equipment),
            point: names.of(&point),
            value,
        });
    }
    Ok(())
}

/// A text that a field held is no number, and left out.
fn number(text: &str) -> Option<f64> {
    match text {
        "true" => Some(1.0),
        "false" => Some(0.0),
        text => text.parse().ok(),
    }
}
