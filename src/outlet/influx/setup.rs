//! Set-up over the `influxdb2` crate: is the server well, is the bucket there, make it if asked.
//!
//! The hot path does not use the crate: its write call can neither send our gzip body nor show
//! `Retry-After`. This file and `past/flux.rs` are the only ones that know it.

use influxdb2::Client;
use influxdb2::api::buckets::ListBucketsRequest;
use influxdb2::api::organization::ListOrganizationRequest;
use influxdb2::models::PostBucketRequest;

use crate::settings::{InfluxApi, InfluxOutlet, Secret};

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUp {
    /// Version, where the server tells it.
    pub version: Option<String>,
    /// The bucket was there.
    pub bucket_found: bool,
    /// The bucket was made now.
    pub bucket_made: bool,
}

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// Not a v2 outlet.
    #[error("outlet `{0}` uses api = \"v1\": create its database with `CREATE DATABASE` in the influx shell")]
    NotV2(String),
    /// The server or the network.
    #[error("{step}: {what}")]
    Server {
        /// What was asked.
        step: &'static str,
        /// What came back.
        what: String,
    },
    /// No such organisation.
    #[error("the server knows no organisation `{0}`, or the token may not see it")]
    NoOrganisation(String),
}

/// Looks at the outlet's server and, with `make`, creates a missing bucket.
///
/// # Errors
/// [`SetUpError`] says at which step, with the server's words.
pub async fn look(outlet: &InfluxOutlet, make: bool) -> Result<SetUp, SetUpError> {
    let InfluxApi::V2 { org, bucket, token } = &outlet.api else {
        return Err(SetUpError::NotV2(outlet.id.to_string()));
    };
    let client = Client::new(&outlet.url, org, token.as_ref().map(Secret::expose).unwrap_or_default());
    let failed = |step| move |e: influxdb2::RequestError| SetUpError::Server { step, what: e.to_string() };
    let health = client.health().await.map_err(failed("health"))?;
    let request = ListBucketsRequest { name: Some(bucket.clone()), ..ListBucketsRequest::default() };
    let found = client
        .list_buckets(Some(request))
        .await
        .map(|b| b.buckets.iter().any(|b| b.name == *bucket))
        .unwrap_or(false);
    let mut made = false;
    if !found && make {
        let mut request = ListOrganizationRequest::new();
        request.org = Some(org.clone());
        let orgs = client.list_organizations(request).await.map_err(failed("organisations"))?;
        let id = orgs
            .orgs
            .into_iter()
            .find(|o| o.name == *org)
            .and_then(|o| o.id)
            .ok_or_else(|| SetUpError::NoOrganisation(org.clone()))?;
        client
            .create_bucket(Some(PostBucketRequest::new(id, bucket.clone())))
            .await
            .map_err(failed("create bucket"))?;
        made = true;
    }
    Ok(SetUp { version: health.version, bucket_found: found, bucket_made: made })
}
