//! Where devices dial in (4G DTU): one listener an address, each caller known by its registration
//! packet and handed to the source that waits for it. Started by `field`.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tracing::{info, warn};

use super::beats;
use super::strangers::Strangers;
use crate::field::Status;
use crate::parts::contained;
use crate::settings::DialIn;

/// A caller says who it is within this time, or is sent away.
const PATIENCE: Duration = Duration::from_secs(15);
/// No more bytes for this long end a registration without an end of its own.
const LULL: Duration = Duration::from_millis(500);
/// Calls that are remembered until somebody asks for them.
const MOST_CALLS: usize = 8;
/// Longest packet that is looked at.
const LONGEST: usize = 512;
const RETRY_LISTEN: Duration = Duration::from_secs(5);

/// A connection, and how its device introduced itself.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) stream: TcpStream,
    /// What came on it behind the registration.
    pub(super) rest: Vec<u8>,
    /// Silence ended the registration: it may go on, and then it is another's.
    pub(super) may_go_on: bool,
}

/// What waits at a doorstep.
#[derive(Debug, Default)]
struct Waiting {
    call: Option<Dialled>,
    /// Whence and when calls came since somebody asked.
    calls: VecDeque<(IpAddr, Instant)>,
}

/// Where a device that dialled in waits to be taken: the newest call, for with it the device has given up
/// those before. All of them are told, for two devices may take turns.
#[derive(Debug, Clone, Default)]
pub struct Doorstep(Arc<Mutex<Waiting>>);

impl Doorstep {
    /// A call, and what the device said behind its registration.
    pub(super) fn put(&self, call: Dialled) {
        let from = call.stream.peer_addr().map(|peer| peer.ip()).ok();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.calls.len() == MOST_CALLS {
            waiting.calls.pop_front();
        }
        waiting.calls.extend(from.map(|from| (from, Instant::now())));
        waiting.call = Some(call);
    }

    /// The call that waits, if there is one.
    pub(super) fn take(&self) -> Option<Dialled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).call.take()
    }

    /// The calls since it was last asked, the oldest first.
    pub(super) fn calls(&self) -> VecDeque<(IpAddr, Instant)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).calls)
    }

    /// A call waits.
    pub(super) fn is_knocked(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).call.is_some()
    }

    /// Somebody else may still take what is put here.
    pub(super) fn is_watched(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// Whom a listener waits for.
pub(in crate::field) struct Expected {
    pub(in crate::field) source: String,
    pub(in crate::field) how: DialIn,
    pub(in crate::field) status: Status,
    pub(in crate::field) to: Doorstep,
}

/// Listens for ever; ends when the task is aborted.
pub(in crate::field) async fn listen(address: SocketAddr, expected: Vec<Expected>) {
    let expected = Arc::new(expected);
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(e) => {
                let what = format!("cannot listen on {address}: {e}");
                warn!("{what}; trying again");
                for one in expected.iter() {
                    one.status.update(|s| s.last_error = Some(what.clone()));
                }
                tokio::time::sleep(RETRY_LISTEN).await;
            }
        }
    };
    info!("waiting for devices to dial in on {address}");
    let strangers = Strangers::default();
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of file handles, most likely: not at full speed round this loop.
                warn!("dial-in on {address}: {e}");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let Some(place) = strangers.enter(from.ip()) else {
            if let Some(more) = strangers.line(Instant::now()) {
                warn!(
                    "dial-in on {address}: too many callers that do not say who they are; {from} is sent away{}",
                    and(more)
                );
            }
            continue;
        };
        let (expected, strangers) = (Arc::clone(&expected), strangers.clone());
        tokio::spawn(async move {
            let _place = place;
            // A fault of this program is told where it happened, and costs this caller alone.
            let _ = contained(greet(stream, from, &expected, &strangers)).await;
        });
    }
}

/// How many callers the log was not told of.
fn and(more: u64) -> String {
    if more == 0 {
        String::new()
    } else {
        format!(" (and {more} callers before it that are not told one by one)")
    }
}

async fn greet(mut stream: TcpStream, from: SocketAddr, expected: &[Expected], strangers: &Strangers) {
    let mut heard = Vec::new();
    let reading = async {
        loop {
            let (found, longer) = recognise(&heard, expected);
            if !longer {
                return found;
            }
            // It may be the beginning of a longer one: `DTU1` and `DTU12`. Silence ends it.
            let wait = if found.is_some() { LULL } else { PATIENCE };
            match tokio::time::timeout(wait, stream.read_buf(&mut heard)).await {
                Ok(Ok(0) | Err(_)) => return None,
                Ok(Ok(_)) => {}
                Err(_) => return found,
            }
        }
    };
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Some(Found { number, rest, ended })) => {
            let one = &expected[number];
            info!(source = one.source, %from, "the device dialled in");
            one.status.update(|s| s.stranger = None);
            one.to.put(Dialled { stream, rest, may_go_on: !ended });
        }
        _ => {
            let said = heard.escape_ascii().to_string();
            if let Some(more) = strangers.line(Instant::now()) {
                warn!(
                    %from,
                    "a caller is nobody we know: it said \"{said}\"; set it as `registration` of a source to take it \
                     in{}",
                    and(more)
                );
            }
            for one in expected {
                one.status.update(|s| s.stranger = Some(format!("\"{said}\" from {}", from.ip())));
            }
        }
    }
}

/// A caller whose registration is whole, as far as was heard.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// Which of the expected it is.
    number: usize,
    /// What follows it and may be the beginning of a heartbeat; all of it where no registration is wanted.
    rest: Vec<u8>,
    /// Nothing can make it another: its end has come.
    ended: bool,
}

/// Who it is: the registration is the whole packet, but for heartbeats before and behind it and a CR LF or NUL
/// at its end. And whether more bytes may make it another.
fn recognise(heard: &[u8], expected: &[Expected]) -> (Option<Found>, bool) {
    let mut found: Option<(usize, Found)> = None;
    let mut longer = false;
    for (number, one) in expected.iter().enumerate() {
        let (wanted, heartbeat) = (one.how.registration.as_slice(), one.how.heartbeat.as_slice());
        let bytes = beats::behind(heard, heartbeat);
        let Some(behind) = bytes.strip_prefix(wanted) else {
            longer |= wanted.starts_with(bytes);
            continue;
        };
        let rest = if wanted.is_empty() { behind } else { behind_end(behind, heartbeat) };
        if !wanted.is_empty() && !heartbeat.starts_with(rest) {
            // The beginning of a longer registration that nobody expects.
            continue;
        }
        if found.as_ref().is_none_or(|(length, _)| wanted.len() > *length) {
            let ended = wanted.is_empty() || rest.len() < behind.len();
            found = Some((wanted.len(), Found { number, rest: rest.to_vec(), ended }));
        }
    }
    let more = longer || found.as_ref().is_some_and(|(_, f)| !f.ended);
    (found.map(|f| f.1), more && heard.len() < LONGEST)
}

/// What follows line ends, NULs and whole heartbeats.
fn behind_end<'a>(mut bytes: &'a [u8], heartbeat: &[u8]) -> &'a [u8] {
    loop {
        let rest = beats::behind(bytes, heartbeat);
        match rest.split_first() {
            Some((b'\r' | b'\n' | 0, rest)) => bytes = rest,
            _ => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::{Dialled, Doorstep, Expected, recognise};
    use crate::field::Status;
    use crate::settings::{DialIn, Framing};

    fn expected(registrations: &[&str]) -> Vec<Expected> {
        registrations
            .iter()
            .map(|r| Expected {
                source: (*r).to_owned(),
                how: DialIn {
                    listen: ([127, 0, 0, 1], 0).into(),
                    registration: r.as_bytes().to_vec(),
                    heartbeat: b"hb".to_vec(),
                    framing: Framing::Rtu,
                },
                status: Status::new(r, "modbus"),
                to: Doorstep::default(),
            })
            .collect()
    }

    /// Number, what follows, and whether its end has come; and whether more is waited for.
    fn heard(bytes: &[u8], all: &[Expected]) -> (Option<(usize, Vec<u8>, bool)>, bool) {
        let (found, more) = recognise(bytes, all);
        (found.map(|f| (f.number, f.rest, f.ended)), more)
    }

    #[test]
    fn a_caller_is_known_by_its_whole_registration() {
        let all = expected(&["DTU-7", "DTU-9"]);
        assert_eq!(heard(b"DT", &all), (None, true));
        assert_eq!(heard(b"who", &all), (None, false));
        assert_eq!(heard(b"DTU-7", &all), (Some((0, vec![], false)), true));
        for end in ["\r\n", "\n", "\0", "hb", "\r\nhbhb"] {
            let packet = format!("hbhbDTU-9{end}");
            assert_eq!(heard(packet.as_bytes(), &all), (Some((1, vec![], true)), false), "{end:?}");
        }
        assert_eq!(heard(b"DTU-9\r\nh", &all), (Some((1, b"h".to_vec(), true)), false));
    }

    #[test]
    fn the_beginning_of_a_longer_registration_is_not_this_one() {
        let all = expected(&["DTU-1"]);
        for other in ["DTU-12", "DTU-1x\r\n", "DTU-1 ", "DTU-1\r\nDTU-1x"] {
            assert_eq!(heard(other.as_bytes(), &all), (None, false), "{other:?}");
        }
        let all = expected(&["DTU1", "DTU12"]);
        assert_eq!(heard(b"DTU1", &all), (Some((0, vec![], false)), true));
        assert_eq!(heard(b"DTU12", &all), (Some((1, vec![], false)), true));
        assert_eq!(heard(b"DTU123", &all), (None, false));
    }

    #[tokio::test]
    async fn of_several_calls_that_nobody_took_the_newest_is_the_one_that_stands() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let (door, mut ports) = (Doorstep::default(), Vec::new());
        for n in 0..4 {
            let stream = TcpStream::connect(at).await.expect("it listens");
            ports.push(stream.local_addr().expect("an address").port());
            door.put(Dialled { stream, rest: vec![n], may_go_on: false });
        }
        let Dialled { stream, rest, .. } = door.take().expect("one waits");
        assert_eq!((stream.local_addr().expect("an address").port(), rest), (ports[3], vec![3]));
        assert_eq!((door.calls().len(), door.calls().len()), (4, 0), "all of them are told, once");
        assert!(door.take().is_none(), "the device hung up on the others");
    }

    #[test]
    fn a_source_without_a_registration_takes_whoever_comes() {
        assert_eq!(heard(b"", &expected(&[""])), (Some((0, vec![], true)), false));
    }
}
