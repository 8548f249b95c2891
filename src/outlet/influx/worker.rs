//! The sending loop: read from the cursor, batch, compress, POST, and only then move the cursor.
//!
//! A batch goes out when it is full or its oldest reading old enough. An outage costs nothing but
//! the journal's disk budget: the batch is tried again with growing pauses for as long as it takes.
//! What becomes of a batch that is refused is the `sender`'s business.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::encode::{Encoder, Lines};
use super::refused;
use super::sender::Sender;
use crate::clock::wall_now;
use crate::outlet::{OutletStatus, Report};
use crate::parts::Part;
use crate::plant::{Micros, TextTable};
use crate::settings::{InfluxApi, InfluxOutlet};
use crate::store::{JournalReader, StoreError, unpack};

/// A batch of which nothing was taken grows to at most this many times its size.
const MOST_COMPANY: usize = 4;

/// Sends everything after the outlet's cursor until `stop` closes. `committed` carries the number
/// of the newest chunk and wakes the loop; progress goes to the keeper.
///
/// # Errors
/// What ends this life of the outlet: a secret is missing, the journal cannot be read, or the HTTP client
/// cannot be made.
pub async fn run(
    outlet: InfluxOutlet,
    site: String,
    (journal, texts): (JournalReader, TextTable),
    mut committed: watch::Receiver<i64>,
    reports: mpsc::Sender<Report>,
    (status, part): (OutletStatus, Part),
) -> Result<(), RunError> {
    let (key, secret) = match &outlet.api {
        InfluxApi::V2 { token, .. } => ("token", token.as_ref()),
        InfluxApi::V1 { login, .. } => ("password", login.as_ref().map(|(_, password)| password)),
    };
    if let Some(why) = secret.and_then(crate::settings::Secret::missing) {
        return Err(RunError::Secret { key, why });
    }
    let (mut cursor, delivered) = journal.cursor(outlet.id.as_str())?;
    status.update(|s| {
        s.delivered = delivered;
        s.cursor = cursor;
    });
    let mut sender = Sender::new(&outlet, &status).map_err(RunError::Client)?;
    let mut encoder = Encoder::new(&site, &journal.series()?, texts.clone());
    let mut lines = Lines::default();
    let mut company = 1;
    part.stands();
    loop {
        let wanted = outlet.batch_readings * company;
        let mut last = cursor;
        let mut taken = 0u64;
        let mut oldest: Option<Micros> = None;
        lines.clear();
        while (taken as usize) < wanted {
            let Some(chunk) = journal.next_to_send(last)? else { break };
            oldest.get_or_insert(chunk.committed);
            last = chunk.seq;
            taken += chunk.readings;
            let mut unknown = false;
            unpack(&chunk.body, |sample| {
                unknown |= !encoder.knows(&sample);
            })?;
            if unknown {
                encoder = Encoder::new(&site, &journal.series()?, texts.clone());
            }
            unpack(&chunk.body, |sample| encoder.encode(&sample, &mut lines))?;
        }
        let Some(oldest) = oldest else {
            if committed.changed().await.is_err() {
                return Ok(());
            }
            continue;
        };
        let age = Duration::from_micros(u64::try_from(wall_now().0 - oldest.0).unwrap_or(u64::MAX));
        let draining = committed.has_changed().is_err();
        if (taken as usize) < outlet.batch_readings && age < outlet.batch_age && !draining {
            // The wait is for company, not for this reading: whatever arrives meanwhile goes along.
            tokio::select! {
                () = tokio::time::sleep(outlet.batch_age - age) => {}
                closed = async { while committed.changed().await.is_ok() {} } => closed,
            }
            continue;
        }
        let whole = lines.readings();
        let Some(dead) = sender.send(&mut lines).await else {
            // Nothing of it was taken. With more company there may be something that is.
            company = (company * 2).min(MOST_COMPANY);
            continue;
        };
        company = 1;
        cursor = last;
        // Whatever was set aside stands in `dead` as lines of single fields, or whole lines past the limit.
        let aside: usize = dead.iter().map(|d| d.what.lines().map(refused::fields).sum::<usize>()).sum();
        let delivered = whole.saturating_sub(aside as u64);
        status.update(|s| {
            s.delivered += delivered;
            s.dead_letters += dead.len() as u64;
            s.cursor = cursor;
        });
        let report =
            Report::Progress { outlet: outlet.id.to_string(), seq: cursor, readings: delivered, dead };
        if reports.send(report).await.is_err() {
            return Ok(());
        }
    }
}

/// What ends the life of an outlet; it is started again after a pause.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A secret cannot be read.
    #[error("{key}: {why}; nothing is sent without it, and it is looked for again")]
    Secret {
        /// Of the settings.
        key: &'static str,
        /// Why not.
        why: String,
    },
    /// A secret is not what the other side can have given.
    #[error("{0}")]
    Unusable(&'static str),
    /// The journal cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP client cannot be made.
    #[error("HTTP client: {0}")]
    Client(String),
}
