//! What the outlets get.

use std::time::Duration;

use super::Secret;

/// Where data goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outlets {
    /// Time series.
    pub influx: Vec<InfluxOutlet>,
    /// Hazard events.
    pub inspection: Vec<InspectionOutlet>,
}

/// Which write path the database has.
#[derive(Debug, Clone, PartialEq)]
pub enum InfluxApi {
    /// `/api/v2/write?org=…&bucket=…`, `Authorization: Token …`.
    V2 {
        /// Organisation.
        org: String,
        /// Bucket.
        bucket: String,
        /// API token.
        token: Option<Secret>,
    },
    /// `/write?db=…`, Basic authentication.
    V1 {
        /// Database.
        database: String,
        /// Name and password.
        login: Option<(String, Secret)>,
    },
}

/// One line-protocol database.
#[derive(Debug, Clone, PartialEq)]
pub struct InfluxOutlet {
    /// Settings id; its cursor's name.
    pub id: crate::plant::Id,
    /// `http://…` or `https://…`, without the write path.
    pub url: String,
    /// Write path and credentials.
    pub api: InfluxApi,
    /// Compress request bodies.
    pub gzip: bool,
    /// Most readings in one request.
    pub batch_readings: usize,
    /// Oldest a committed reading gets before it is sent.
    pub batch_age: Duration,
    /// Per request.
    pub timeout: Duration,
    /// First and longest pause between attempts (jittered).
    pub retry: (Duration, Duration),
}

/// One receiver of hazard events.
#[derive(Debug, Clone, PartialEq)]
pub struct InspectionOutlet {
    /// Settings id; its cursor's name.
    pub id: crate::plant::Id,
    /// Where to POST.
    pub url: String,
    /// Standard-Webhooks key bytes; `None` sends unsigned.
    pub secret: Option<Secret>,
    /// Per request.
    pub timeout: Duration,
    /// First and longest pause between attempts (jittered).
    pub retry: (Duration, Duration),
}
