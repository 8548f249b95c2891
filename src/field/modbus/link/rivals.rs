//! A device that dialled in is displaced by a new call of its own, or of another one with its registration. The
//! old connection tells: a device that has dialled in anew gives no answer there any more, another one does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::field::modbus::beats;
use crate::field::modbus::frame;
use crate::field::modbus::wire::Wire;
use crate::settings::Framing;

/// Bytes without an answer after which a displaced connection is left alone.
const MOST_HEARD: usize = 4096;

/// What a displaced connection is asked, and what an answer looks like.
pub(super) struct Question {
    /// The last request that went out, as it went.
    pub(super) request: Vec<u8>,
    pub(super) framing: Framing,
    pub(super) crc_swapped: bool,
    pub(super) heartbeat: Vec<u8>,
    /// How long an answer may take.
    pub(super) limit: Duration,
}

/// Displaced connections under question, and when one of them answered.
#[derive(Debug, Default)]
pub(super) struct Rivals(Arc<Mutex<Vec<Instant>>>);

impl Rivals {
    /// Asks a connection that was displaced; the outcome comes to [`Rivals::answered`].
    pub(super) fn ask(&self, wire: Wire, question: Question) {
        let answers = Arc::clone(&self.0);
        tokio::spawn(async move {
            if tokio::time::timeout(question.limit, still_answers(wire, &question)).await == Ok(true) {
                answers.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            }
        });
    }

    /// Who answered after he was displaced, since the last call.
    pub(super) fn answered(&self) -> Vec<Instant> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// It is not known yet whether the device or another one dialled in, or nobody has heard it yet.
    pub(super) fn are_asked(&self) -> bool {
        Arc::strong_count(&self.0) > 1 || !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

async fn still_answers(mut wire: Wire, question: &Question) -> bool {
    let mut heard = Vec::new();
    // What it said before is no answer to this.
    while matches!(wire.read_ready(&mut heard), Ok(Some(n)) if n > 0 && heard.len() < MOST_HEARD) {}
    heard.clear();
    if wire.write(&question.request).await.is_err() {
        return false;
    }
    while heard.len() < MOST_HEARD {
        match wire.read(&mut heard).await {
            Ok(0) | Err(_) => return false,
            Ok(_) if is_answer(&heard, question) => return true,
            Ok(_) => {}
        }
    }
    false
}

fn is_answer(heard: &[u8], question: &Question) -> bool {
    let asked = &question.request;
    match question.framing {
        Framing::Rtu => frame::stray(heard, question.crc_swapped)
            .is_some_and(|s| Some(&s.unit) == asked.first() && Some(&s.function) == asked.get(1)),
        Framing::Tcp => {
            let bytes = beats::behind(heard, &question.heartbeat);
            let answer = frame::tcp(bytes).ok().flatten();
            answer.is_some_and(|f| Some(&f.unit) == asked.get(6))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{Question, Rivals};
    use crate::field::modbus::frame;
    use crate::field::modbus::wire::Wire;
    use crate::settings::Framing;

    fn framed(body: &[u8]) -> Vec<u8> {
        [body, &frame::crc(body).to_le_bytes()].concat()
    }

    /// Whether a displaced connection that says `said` to the question makes two devices.
    async fn two(said: &[u8]) -> bool {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let rivals = Rivals::default();
        let question = Question {
            request: framed(&[1, 3, 0, 0, 0, 1]),
            framing: Framing::Rtu,
            crc_swapped: false,
            heartbeat: Vec::new(),
            limit: Duration::from_millis(200),
        };
        rivals.ask(Wire::of_test(ours), question);
        assert!(rivals.are_asked());
        let mut asked = [0u8; 8];
        theirs.read_exact(&mut asked).await.expect("it is asked");
        theirs.write_all(said).await.expect("it listens");
        let mut answered = false;
        while rivals.are_asked() {
            answered |= !rivals.answered().is_empty();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        answered
    }

    #[tokio::test]
    async fn only_an_answer_makes_two_devices_and_a_heartbeat_or_silence_does_not() {
        assert!(two(&framed(&[1, 3, 2, 0, 7])).await);
        assert!(two(&[&[0xFE][..], &framed(&[1, 0x83, 2])].concat()).await);
        assert!(!two(&[0xFE, 0xFE]).await);
        assert!(!two(&framed(&[2, 3, 2, 0, 7])).await);
        assert!(!two(&[]).await);
    }
}
