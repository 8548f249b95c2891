//! How the connection opens and ends, whoever began it: we, or a device that dials in. Whatever was
//! known of the stream before is forgotten with it.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::rivals::Question;
use super::{LEAST_CONNECT, Link, MOST_UNREAD, PollError};
use crate::field::modbus::dial_in::{Dialled, Doorstep};
use crate::field::modbus::wire::Wire;
use crate::settings::{Framing, Transport};

/// For this long more of a registration may still come; later it is what the device says of itself.
const REGISTRATION: Duration = Duration::from_secs(10);
/// What was said is named by this many bytes.
const LONGEST_SAID: usize = 32;

impl Link {
    /// Opens the connection if there is none.
    ///
    /// # Errors
    /// [`PollError::Line`], with the system's words.
    pub async fn connect(&mut self) -> Result<(), PollError> {
        self.take_dialled();
        if self.wire.is_some() {
            return Ok(());
        }
        let line = |e: std::io::Error| PollError::Line(e.to_string());
        let wire = match &self.transport {
            Transport::Tcp { host, port } => self.tcp(host, *port).await.map_err(line)?,
            Transport::Udp { host, port } => {
                Wire::udp(host, *port, self.timeout.max(LEAST_CONNECT)).await.map_err(line)?
            }
            Transport::RtuTcp { host, port, ascii } => {
                self.tcp(host, *port).await.map_err(line)?.speaking(*ascii)
            }
            Transport::Serial(port) => Wire::serial(port).map_err(line)?.speaking(port.ascii),
            Transport::DialIn(_) => {
                return Err(PollError::Line("the device has not dialled in".to_owned()));
            }
        };
        self.opened(wire);
        Ok(())
    }

    async fn tcp(&self, host: &str, port: u16) -> std::io::Result<Wire> {
        Wire::tcp(host, port, self.timeout.max(LEAST_CONNECT)).await
    }

    /// Closes; what was in flight ends with an error at the next call of [`Link::next`].
    pub fn close(&mut self, why: &str) {
        self.give_up(PollError::Line(why.to_owned()));
    }

    /// A device that dials in again has lost its old connection, whatever we think of it: what is in
    /// flight there ends first.
    pub(super) fn take_dialled(&mut self) {
        for at in self.rivals.answered() {
            self.take_overs.count(at);
        }
        let Some(door) = &self.dialled else { return };
        for (from, at) in door.calls() {
            self.take_overs.called(from, at);
        }
        if !self.flight.is_empty() {
            if door.is_knocked() {
                self.displace();
                self.give_up(PollError::Line("the device dialled in anew".to_owned()));
            }
            return;
        }
        if let Some(Dialled { stream, rest, may_go_on }) = door.take() {
            self.displace();
            if let Some(old) = self.displaced.take() {
                self.ask_rival(old);
            }
            self.opened(Wire::of_stream(stream));
            self.incoming = rest;
            self.introduced = may_go_on.then(Instant::now);
        }
    }

    /// What came on the line before anything was answered may be more of a registration that silence had ended:
    /// `DTU-1`, and a second later the `2` of `DTU-12`. Then the line is another device's, and is given up.
    pub(super) fn goes_on(&mut self) -> bool {
        let Some(since) = self.introduced.filter(|_| !self.answered) else { return false };
        if since.elapsed() > REGISTRATION {
            self.introduced = None;
            return false;
        }
        // An answer begins with its unit, or with its transaction, perhaps behind heartbeats that look like it: those are told by
        // their own rules.
        let heartbeat = self.heartbeat();
        let begins = |rest: &[u8]| match self.framing {
            Framing::Rtu => self.flight.first().is_some_and(|f| rest.first() == Some(&f.sending.unit)),
            Framing::Tcp => self.flight.iter().any(|f| rest.first() == f.transaction.to_be_bytes().first()),
        };
        let (mut rest, mut answers) = (self.incoming.as_slice(), false);
        loop {
            answers |= begins(rest);
            rest = match rest.strip_prefix(heartbeat).filter(|_| !heartbeat.is_empty()) {
                Some(behind) => behind,
                None if matches!(rest.first(), Some(b'\r' | b'\n' | 0)) => &rest[1..],
                None => break,
            };
        }
        if rest.is_empty() || heartbeat.starts_with(rest) || answers {
            return false;
        }
        let said = rest.iter().take(LONGEST_SAID).copied().collect::<Vec<u8>>().escape_ascii().to_string();
        warn!(
            "a registration went on after a pause with \"{said}\": it is another device's, and its line is closed; if it \
             is this one's, set all of it as `registration`, or what came later as `heartbeat_packet`"
        );
        self.give_up(PollError::Garbled(format!("the registration went on with \"{said}\"")));
        true
    }

    /// Puts the connection aside, if it is well: it may be another device's.
    fn displace(&mut self) {
        if self.is_well() {
            self.displaced = self.wire.take();
        }
    }

    /// Asks a displaced connection once more: a device that has dialled in anew says nothing there any more.
    fn ask_rival(&mut self, old: Wire) {
        if self.spoken.is_empty() {
            return;
        }
        // Where both are one device after all, its answer may come on the new line.
        if let Some(shape) = self.last_shape {
            self.debts.given_up(shape, Instant::now(), Instant::now());
        }
        let question = Question {
            request: self.spoken.clone(),
            framing: self.framing,
            crc_swapped: self.crc_swapped,
            heartbeat: self.heartbeat().to_vec(),
            limit: self.timeout,
        };
        self.rivals.ask(old, question);
    }

    /// The connection is open on both sides, and its last request was answered: whoever dials in now may not
    /// be a device that has lost it.
    fn is_well(&mut self) -> bool {
        let Some(wire) = self.wire.as_mut().filter(|_| self.answered) else { return false };
        // Behind what it still said may stand its end.
        loop {
            match wire.read_ready(&mut self.incoming) {
                Ok(Some(0)) | Err(_) => return false,
                Ok(Some(_)) if self.incoming.len() < MOST_UNREAD => {}
                Ok(_) => return true,
            }
        }
    }

    /// Hands on where dialled-in connections come from, to a link that takes this one's place.
    pub fn take_doorstep(&mut self) -> Option<Doorstep> {
        self.dialled.take()
    }

    pub(super) fn opened(&mut self, wire: Wire) {
        self.wire = Some(wire);
        self.answered = false;
        self.introduced = None;
        self.incoming.clear();
        self.outgoing.clear();
        self.unsent.clear();
        self.broken = None;
        self.deaf = 0;
        self.unasked = 0;
        self.strange = None;
        self.short = None;
        self.shifted = false;
        self.unanswered.clear();
        self.counts.connects += 1;
        self.ready_at = Instant::now() + self.connect_pause;
    }

    pub(super) fn give_up(&mut self, why: PollError) {
        self.wire = None;
        self.incoming.clear();
        self.outgoing.clear();
        self.unsent.clear();
        self.broken = Some(why);
    }
}
