//! Waits for a device that dials in (4G DTU), and hears how it introduces itself.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::super::dial_in::{Dialled, Doorstep};
use super::super::link::PollError;
use crate::settings::DialIn;

/// A DTU says who it is within this time after it has connected, if it does at all.
const INTRODUCTION: Duration = Duration::from_secs(2);
/// Longest introduction taken.
const LONGEST: usize = 256;

pub(super) struct Call {
    /// This connection, and those after it.
    pub(super) streams: Doorstep,
    /// What it said first.
    pub(super) registration: Vec<u8>,
}

/// The first device that dials in at the address.
pub(super) async fn wait(how: &DialIn, patience: Duration) -> Result<Call, PollError> {
    let line = |e: std::io::Error| PollError::Line(format!("{}: {e}", how.listen));
    let listener = TcpListener::bind(how.listen).await.map_err(line)?;
    let accepted = tokio::time::timeout(patience, listener.accept()).await;
    let (mut stream, _) = accepted
        .map_err(|_| PollError::Line(format!("nobody dialled in at {} within {patience:?}", how.listen)))?
        .map_err(line)?;
    let registration = introduction(&mut stream).await;
    let streams = Doorstep::default();
    streams.put(Dialled { stream, rest: Vec::new(), may_go_on: false });
    let to = streams.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await
            && to.is_watched()
        {
            let _ = introduction(&mut stream).await;
            to.put(Dialled { stream, rest: Vec::new(), may_go_on: false });
        }
    });
    Ok(Call { streams, registration })
}

async fn introduction(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::with_capacity(LONGEST);
    // What comes after it belongs to no frame either: nothing was asked yet.
    let _ = tokio::time::timeout(INTRODUCTION, async {
        while said.len() < LONGEST && stream.read_buf(&mut said).await.is_ok_and(|n| n > 0) {}
    })
    .await;
    said
}
