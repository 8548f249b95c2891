//! One question after another to one endpoint, and what came of each: for tools that look at devices,
//! not for polling. Counts what it asks, waits out late answers, tries again where a device was busy
//! or had closed the connection.

use std::time::Duration;

use tokio::time::Instant;

use super::super::frame::Ask;
use super::super::link::{Link, PollError, Sending};
use super::super::trace::{Frame, Trace};
use super::caller;
use crate::plant::Id;
use crate::settings::{Framing, ModbusSource, Transport};

/// Pause before a busy device (exception 5 or 6) is asked again, and how often.
const BUSY_PAUSE: Duration = Duration::from_millis(250);
const BUSY_TRIES: u8 = 3;

/// What came while some requests in a row waited for their answers.
#[derive(Debug, Clone, Copy, Default)]
struct Talk {
    requests: u32,
    bytes: u64,
}

/// Longest answer, and more than a disturbance leaves.
const ANSWER: u64 = 2 * 260;
const DISTURBANCE: u64 = 100;
/// So many requests in a row among so many bytes: the device talks without end.
const ENDLESS: Talk = Talk { requests: 3, bytes: 4096 };

impl Talk {
    /// `bytes` came while a request waited, which got its answer or did not.
    fn heard(&mut self, bytes: u64, was_answered: bool) {
        if bytes > if was_answered { ANSWER } else { DISTURBANCE } {
            self.requests += 1;
            self.bytes += bytes;
        } else if !self.is_endless() {
            *self = Self::default();
        }
    }

    fn is_endless(self) -> bool {
        self.requests >= ENDLESS.requests && self.bytes >= ENDLESS.bytes
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The bytes of the values.
    pub values: Vec<u8>,
    /// Round trip.
    pub took: Duration,
}

/// The connection to the endpoint under question.
pub struct Asker {
    link: Link,
    trace: Trace,
    framing: Framing,
    timeout: Duration,
    /// Rest before each question.
    pub pause: Duration,
    /// CRC with the high byte first.
    pub crc_swapped: bool,
    /// Take answers whatever their transaction id.
    pub any_transaction: bool,
    /// The registers that are asked for hold four bytes each.
    pub four_byte: bool,
    /// Questions asked so far.
    pub requests: u32,
    talk: Talk,
    /// First bytes of a device that dialled in.
    pub registration: Vec<u8>,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker").field("requests", &self.requests).finish_non_exhaustive()
    }
}

impl Asker {
    /// Connects; where the device dials in, waits for it for at most `patience`.
    ///
    /// # Errors
    /// [`PollError::Line`] with the system's words.
    pub async fn open(
        transport: &Transport,
        timeout: Duration,
        patience: Duration,
    ) -> Result<Self, PollError> {
        let id = Id::new("probe").map_err(|e| PollError::Line(e.to_string()))?;
        let source = ModbusSource {
            id,
            transport: transport.clone(),
            timeout,
            reconnect: (Duration::from_millis(100), Duration::from_secs(1)),
            connect_pause: Duration::ZERO,
            idle_close: None,
            probe_share: 0.5,
            breaker: false,
            devices: Vec::new(),
        };
        let trace = Trace::default();
        trace.start(None);
        let (dialled, registration) = match transport {
            Transport::DialIn(how) => {
                let call = caller::wait(how, patience).await?;
                (Some(call.streams), call.registration)
            }
            _ => (None, Vec::new()),
        };
        let mut link = Link::new(&source, trace.clone(), dialled);
        link.connect().await?;
        Ok(Self {
            link,
            trace,
            framing: transport.framing(),
            timeout,
            pause: Duration::ZERO,
            crc_swapped: false,
            any_transaction: false,
            four_byte: false,
            requests: 0,
            talk: Talk::default(),
            registration,
        })
    }

    /// The frames since the last call, as they went over the wire.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        self.trace.take()
    }

    /// Asks once more where the device was busy, or the connection had been closed.
    ///
    /// # Errors
    /// As the link has them.
    pub async fn ask(&mut self, unit: u8, ask: Ask) -> Result<Heard, PollError> {
        let (mut busy, mut closed) = (0, false);
        loop {
            match self.once(unit, ask).await {
                Err(PollError::Exception(5 | 6)) if busy < BUSY_TRIES => {
                    busy += 1;
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                Err(PollError::Line(_)) if !closed && !self.talk.is_endless() => closed = true,
                other => return other,
            }
        }
    }

    /// Why no answer is told from what a device sends without being asked; `None` for a line that is quiet between
    /// answers. Nothing is asked any more then.
    #[must_use]
    pub fn endless(&self) -> Option<PollError> {
        let Talk { requests, bytes } = self.talk;
        self.talk.is_endless().then(|| {
            PollError::Line(format!(
                "it talks without end: {bytes} bytes came on {requests} requests in a row, where an answer has a few"
            ))
        })
    }

    async fn once(&mut self, unit: u8, ask: Ask) -> Result<Heard, PollError> {
        if let Some(endless) = self.endless() {
            return Err(endless);
        }
        let before = self.link.counts().received_bytes;
        let outcome = self.alone(unit, ask).await;
        self.talk.heard(self.link.counts().received_bytes.saturating_sub(before), outcome.is_ok());
        self.endless().map_or(outcome, Err)
    }

    async fn alone(&mut self, unit: u8, ask: Ask) -> Result<Heard, PollError> {
        self.link.freshen();
        self.link.connect().await?;
        // On a line that doubles its answers a second copy may still come.
        while let Some(until) = self.link.owed_until(unit, &ask) {
            tokio::time::sleep_until(until).await;
            self.link.freshen();
            self.link.connect().await?;
        }
        self.requests += 1;
        self.put(0, unit, ask);
        let done = self.link.next().await;
        match done.outcome {
            Ok(took) => Ok(Heard { values: self.link.values().to_vec(), took }),
            Err(error) => {
                if self.framing == Framing::Rtu && matches!(error, PollError::Late(_) | PollError::Garbled(_))
                {
                    // Nothing names its request: silent for as long again, then a late answer is out of
                    // the way.
                    self.link.rest(self.timeout);
                    self.link.trust(unit);
                }
                Err(error)
            }
        }
    }

    /// All at once in flight; the answers in the order of the questions. TCP framing only.
    pub async fn burst(&mut self, unit: u8, asks: &[Ask]) -> (Vec<Result<Heard, PollError>>, Duration) {
        self.link.freshen();
        if let Err(e) = self.link.connect().await {
            return (vec![Err(e); asks.len()], Duration::ZERO);
        }
        let began = Instant::now();
        for (n, ask) in asks.iter().enumerate() {
            self.requests += 1;
            self.put(n, unit, *ask);
        }
        let mut answers = vec![Err(PollError::Late(self.timeout)); asks.len()];
        while self.link.in_flight() > 0 {
            let done = self.link.next().await;
            let heard = done.outcome.map(|took| Heard { values: self.link.values().to_vec(), took });
            if let Some(answer) = answers.get_mut(done.sent.tag) {
                *answer = heard;
            }
        }
        (answers, began.elapsed())
    }

    /// Begins again with a fresh connection.
    pub fn renew(&mut self) {
        self.link.close("opened anew");
    }

    fn put(&mut self, tag: usize, unit: u8, ask: Ask) {
        let (crc_swapped, pause) = (self.crc_swapped, self.pause);
        self.link.send(Sending {
            tag,
            unit,
            ask,
            crc_swapped,
            tolerant: true,
            any_transaction: self.any_transaction,
            pause,
        });
    }
}

/// What may help when the line itself fails.
#[must_use]
pub fn advice(error: &PollError) -> Option<&'static str> {
    let PollError::Line(words) = error else { return None };
    let words = words.to_ascii_lowercase();
    if words.contains("talks without end") {
        return Some(
            "something sends by itself: a device in active or transparent mode, another master on the line, or a port \
             that does not speak Modbus",
        );
    }
    if words.contains("refused") || words.contains("closed") || words.contains("reset") {
        return Some(
            "a device that allows one connection only is busy while a gateway or a panel polls it: stop that one, \
             or look at its unit in the running gateway (trace); else check the port",
        );
    }
    if words.contains("no connection within") || words.contains("unreachable") || words.contains("no route") {
        return Some("check cable, address and subnet mask; a firewall may drop the port");
    }
    if words.contains("permission denied") {
        return Some("this user may not open the port: add him to the group `dialout`");
    }
    if words.contains("busy") || words.contains("exclusive") {
        return Some("another program has the serial port open: stop the gateway, or what else uses it");
    }
    if words.contains("no such file") {
        return Some("list the serial ports with: ls -l /dev/serial/by-id/");
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::super::{SurveyOptions, survey};
    use super::{ANSWER, Asker, Talk};
    use crate::settings::{Table, Transport};

    /// A port where whoever calls is told `said` over and over, and its number.
    async fn endless(said: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut beat = tokio::time::interval(Duration::from_millis(2));
                    while caller.write_all(said).await.is_ok() {
                        beat.tick().await;
                    }
                });
            }
        });
        port
    }

    #[tokio::test]
    async fn the_survey_of_a_device_that_talks_without_end_ends_and_says_so() {
        for said in [&b"hello, here I am\r\n"[..], &[1, 3, 2, 0, 1, 0x79, 0x84]] {
            let transport =
                Transport::RtuTcp { host: "127.0.0.1".to_owned(), port: endless(said).await, ascii: false };
            let mut asker =
                Asker::open(&transport, Duration::from_millis(100), Duration::ZERO).await.expect("open");
            let options = SurveyOptions {
                units: (1..=247).collect(),
                tables: vec![Table::HoldingRegister, Table::InputRegister],
                deep: false,
                address: transport.address(),
            };
            let survey = survey(&mut asker, &transport, &options, &|_| {});
            let report = tokio::time::timeout(Duration::from_secs(20), survey).await.expect("it ends");
            let told = report.broke.unwrap_or_default();
            assert!(told.contains("it talks without end: "), "{said:?}: {told:?}");
        }
    }

    #[test]
    fn a_device_talks_without_end_when_three_requests_in_a_row_drown_and_not_sooner() {
        let after = |heard: &[(u64, bool)]| {
            let mut talk = Talk::default();
            heard.iter().for_each(|(bytes, was_answered)| talk.heard(*bytes, *was_answered));
            talk.is_endless()
        };
        assert!(after(&[(65_536, false), (2000, false), (2000, true)]));
        assert!(after(&[(1500, false); 3]));
        // What a serial server had kept is told once; disturbances are short; answers to long requests are answers.
        assert!(!after(&[(65_536, false), (9, true), (2000, false), (2000, false)]));
        assert!(!after(&[(90, false); 100]));
        assert!(!after(&[(ANSWER, true); 100]));
        assert!(!after(&[(1500, false), (1500, false)]));
        // It stays so: nothing is asked any more.
        assert!(after(&[(1500, false), (1500, false), (1500, false), (0, false)]));
    }
}
