//! Reads back what the outlet wrote, window after window, for a rehearsal on a history that the gateway
//! itself no longer keeps, or that another gateway wrote.
//!
//! Two ways: `flux` for `/api/v2/query`, `influxql` for `/query`. Whatever order the server answers in, the
//! readings come by time, then equipment, then point, so that the same history gives the same outcome.
//! Called by `steamward replay`.

#[cfg(feature = "influx-client")]
mod flux;
mod influxql;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::plant::Micros;
use crate::settings::{InfluxApi, InfluxOutlet};

/// Least time the server gets for one window.
const PATIENCE: Duration = Duration::from_secs(60);
/// Readings that one window should hold, if each point has one a second.
const WINDOW_READINGS: u64 = 200_000;

/// One stored value.
#[derive(Debug, Clone, PartialEq)]
pub struct PastReading {
    /// Its time.
    pub at: Micros,
    /// Tag `equipment`.
    pub equipment: Arc<str>,
    /// Name of the field.
    pub point: Arc<str>,
    /// True is 1. Texts are left out.
    pub value: f64,
}

/// Why a history could not be read; `Display` says what would help.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// The server or the network.
    #[error("{url}: {what}")]
    Server {
        /// Of the outlet.
        url: String,
        /// What came back, or did not.
        what: String,
    },
    /// It takes writes, but answers no queries of this kind.
    #[error(
        "{url}: {what}. It does not answer {language}, as only InfluxDB itself does; \
         replay the gateway's own store instead, or a table with --csv"
    )]
    NoQueries {
        /// Of the outlet.
        url: String,
        /// Its answer.
        what: String,
        /// Of the question.
        language: &'static str,
    },
    /// An answer that is cut short would be a wrong history.
    #[error("{0}: the answer was cut short by the server's own limit (`max-row-limit`); raise it")]
    CutShort(String),
    /// Left out of this program.
    #[error("{0}: this program was built without the feature `influx-client`, which api = \"v2\" needs")]
    NotBuilt(String),
}

/// How long a window is for `points` points: an answer stays within some ten megabytes.
fn window(points: usize) -> Duration {
    Duration::from_secs((WINDOW_READINGS / (points as u64).max(1)).clamp(10, 3600))
}

/// Hands every stored number of `site` between the two times, both included, to `each`, in the order of time.
///
/// # Errors
/// [`PastError`]; what came before it has been handed on.
pub async fn read(
    outlet: &InfluxOutlet,
    site: &str,
    points: usize,
    (from, to): (Micros, Micros),
    mut each: impl FnMut(&PastReading),
) -> Result<(), PastError> {
    let step = window(points);
    let patience = outlet.timeout.max(PATIENCE);
    let mut names = Names::default();
    let mut found = Vec::new();
    let mut start = from;
    while start <= to {
        // The end of a window belongs to the next; the last one ends just after `to`.
        let end = start.plus(step).min(Micros(to.0.saturating_add(1)));
        found.clear();
        match &outlet.api {
            #[cfg(feature = "influx-client")]
            InfluxApi::V2 { .. } => {
                flux::window(outlet, site, (start, end), patience, &mut names, &mut found).await?;
            }
            #[cfg(not(feature = "influx-client"))]
            InfluxApi::V2 { .. } => return Err(PastError::NotBuilt(outlet.url.clone())),
            InfluxApi::V1 { .. } => {
                influxql::window(outlet, site, (start, end), patience, &mut names, &mut found).await?;
            }
        }
        found.sort_by(|a, b| (a.at, &a.equipment, &a.point).cmp(&(b.at, &b.equipment, &b.point)));
        found.iter().for_each(&mut each);
        start = end;
    }
    Ok(())
}

/// Each name once in memory, however many readings bear it.
#[derive(Debug, Default)]
struct Names(BTreeSet<Arc<str>>);

impl Names {
    fn of(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn a_window_is_an_hour_for_a_few_points_and_never_shorter_than_ten_seconds() {
        assert_eq!((window(0).as_secs(), window(50).as_secs()), (3600, 3600));
        assert_eq!((window(1000).as_secs(), window(1_000_000).as_secs()), (200, 10));
    }
}
