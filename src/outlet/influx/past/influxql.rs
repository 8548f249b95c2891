//! One window by InfluxQL over `/query` (InfluxDB 1).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Names, PastError, PastReading};
use crate::outlet::delivery::{chain, client};
use crate::plant::Micros;
use crate::settings::{InfluxApi, InfluxOutlet};

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    results: Vec<Outcome>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    series: Vec<Series>,
    error: Option<String>,
    #[serde(default)]
    partial: bool,
}

/// One measurement's readings of one equipment: a row a time, a column a field.
#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    tags: BTreeMap<String, String>,
    columns: Vec<String>,
    values: Vec<Vec<Value>>,
    #[serde(default)]
    partial: bool,
}

/// The query of one window; grouped tags are no columns, so that what is left are fields.
fn query(site: &str, (start, end): (Micros, Micros)) -> String {
    let site = site.replace('\\', "\\\\").replace('\'', "\\'");
    format!(
        "SELECT * FROM /.*/ WHERE \"site\" = '{site}' AND time >= {}u AND time < {}u GROUP BY \"equipment\", \"site\"",
        start.0, end.0
    )
}

pub(super) async fn window(
    outlet: &InfluxOutlet,
    site: &str,
    span: (Micros, Micros),
    patience: Duration,
    names: &mut Names,
    found: &mut Vec<PastReading>,
) -> Result<(), PastError> {
    let InfluxApi::V1 { database, login } = &outlet.api else { return Ok(()) };
    let server = |what: String| PastError::Server { url: outlet.url.clone(), what };
    let http = client(patience).map_err(server)?;
    let mut request = http.get(format!("{}/query", outlet.url.trim_end_matches('/'))).query(&[
        ("db", database.as_str()),
        ("epoch", "u"),
        ("q", &query(site, span)),
    ]);
    if let Some((name, password)) = login {
        request = request.basic_auth(name, Some(password.expose()));
    }
    let answer = request.send().await.map_err(|e| server(chain(&e)))?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(|e| server(chain(&e)))?;
    let said = || {
        let text = String::from_utf8_lossy(&body);
        format!("{status} {}", text.trim().chars().take(300).collect::<String>())
    };
    let Ok(answer) = serde_json::from_slice::<Answer>(&body) else {
        return Err(PastError::NoQueries { url: outlet.url.clone(), what: said(), language: "InfluxQL" });
    };
    if let Some(what) = answer.error.or_else(|| answer.results.iter().find_map(|r| r.error.clone())) {
        return Err(server(what));
    }
    if !status.is_success() {
        return Err(server(said()));
    }
    for outcome in &answer.results {
        if outcome.partial || outcome.series.iter().any(|s| s.partial) {
            return Err(PastError::CutShort(outlet.url.clone()));
        }
        for series in &outcome.series {
            let Some(equipment) = series.tags.get("equipment").filter(|e| !e.is_empty()) else { continue };
            let equipment = names.of(equipment);
            let fields: Vec<_> = series.columns.iter().map(|c| names.of(c)).collect();
            for row in &series.values {
                let time = series.columns.iter().position(|c| c == "time").and_then(|n| row.get(n));
                let at = time
                    .and_then(Value::as_i64)
                    .ok_or_else(|| server("an answer with a row that has no time".to_owned()))?;
                for (field, value) in fields.iter().zip(row).filter(|(f, _)| &***f != "time") {
                    // Another tag, or a text that a field held, is no number.
                    let value = match value {
                        Value::Number(n) => n.as_f64(),
                        Value::Bool(b) => Some(f64::from(u8::from(*b))),
                        _ => None,
                    };
                    let Some(value) = value else { continue };
                    let (equipment, point) = (equipment.clone(), field.clone());
                    found.push(PastReading { at: Micros(at), equipment, point, value });
                }
            }
        }
    }
    Ok(())
}
