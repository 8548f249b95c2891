//! The door: what the console calls with a body, from any thread. It answers after the commit.
//!
//! What it takes goes the way of all readings, through the shared intake, and is judged whatever the disk does; while the
//! keeper is behind, callers wait for a moment and are then asked to come again. Where a dead disk leaves no more to be
//! held, what is pushed is judged all the same, and its caller told at once that it is not stored.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::{Desk, Format, Item, LARGEST, PushError, Reason, Rejection, Report, json, line_items};
use crate::clock::wall_now;
use crate::field::LONGEST_COMMIT;
use crate::field::ingest::civil::LocalTime;
use crate::field::ingest::payload::guard;
use crate::field::sources::Registry;
use crate::plant::Batch;

/// Requests that are read at one time. How many wait for their commit is bounded by the console's connections.
const MOST_AT_ONCE: usize = 64;
/// How long a request waits for room before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(2);

/// For which sources a caller may push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All: the console's own token was given.
    All,
    /// Nobody asked for a token: those without one of their own.
    Open,
    /// The one with this id, whose own token was given.
    Source(String),
}

/// Why a request was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no push source that this caller may push for.
    #[error("no such push source is open to this caller")]
    NoSource,
    /// The sources that are meant have tokens of their own, and none was given.
    #[error("an access token is needed")]
    TokenNeeded,
    /// The body.
    #[error(transparent)]
    Body(#[from] PushError),
    /// Too much waits for the disk already; nothing was taken.
    #[error("the gateway is behind; nothing was taken")]
    Behind,
    /// It was taken, but the disk has not confirmed it.
    #[error("the store has not confirmed it; send it again")]
    NotConfirmed,
    /// The gateway stops; nothing was taken.
    #[error("the gateway is stopping; nothing was taken")]
    Stopping,
}

/// The way in for pushed readings; cheap to clone.
#[derive(Debug, Clone)]
pub struct Door {
    registry: Registry,
    places: Arc<Semaphore>,
}

impl Door {
    pub(in crate::field) fn new(registry: Registry) -> Self {
        Self { registry, places: Arc::new(Semaphore::new(MOST_AT_ONCE)) }
    }

    /// Id and own token of every push source, as the settings are now.
    pub fn tokens(&self) -> Vec<(String, Option<crate::settings::Secret>)> {
        self.registry.desks().iter().map(|d| (d.source.id.to_string(), d.source.token.clone())).collect()
    }

    /// Takes what is good in `body`, and returns once it is on the disk. `source` narrows the search for
    /// devices to one source.
    ///
    /// # Errors
    /// [`Refused`]; but for [`Refused::NotConfirmed`] nothing was taken then.
    pub async fn push(
        &self,
        scope: &Scope,
        source: Option<&str>,
        format: Format,
        body: &[u8],
    ) -> Result<Report, Refused> {
        let mut desks = self.registry.desks();
        desks.retain(|desk| source.is_none_or(|wanted| wanted == desk.source.id.as_str()));
        let any = !desks.is_empty();
        desks.retain(|desk| {
            let id = desk.source.id.as_str();
            match scope {
                Scope::All => true,
                Scope::Open => desk.source.token.is_none(),
                Scope::Source(own) => own == id,
            }
        });
        if desks.is_empty() {
            let closed = any && *scope == Scope::Open;
            return Err(if closed { Refused::TokenNeeded } else { Refused::NoSource });
        }
        let place = timeout(PATIENCE, self.places.acquire()).await;
        let Ok(Ok(place)) = place else { return self.refuse(&desks, Refused::Behind) };
        let Some(intake) = self.registry.intake() else { return Err(Refused::Stopping) };
        if timeout(PATIENCE, intake.has_room()).await.is_err() {
            return self.refuse(&desks, Refused::Behind);
        }
        let mut report = Report::default();
        let held = intake.is_held();
        let waiting = match read(&desks, format, body, &mut report, |batch| {
            let (done, committed) = oneshot::channel();
            intake.deliver(batch, (!held).then_some(done));
            committed
        }) {
            Ok(waiting) => waiting,
            Err(e) => return self.refuse(&desks, e.into()),
        };
        // Held on, the wires could not end; and who waits for the disk is in nobody's way.
        drop((intake, place));
        let committed = async {
            for one in waiting {
                one.await.map_err(|_| Refused::NotConfirmed)?;
            }
            Ok::<(), Refused>(())
        };
        match timeout(LONGEST_COMMIT, committed).await {
            Ok(Ok(())) => Ok(report),
            _ => self.refuse(&desks, Refused::NotConfirmed),
        }
    }

    fn refuse(&self, desks: &[Arc<Desk>], why: Refused) -> Result<Report, Refused> {
        if let [desk] = desks {
            desk.tell(&desk.lock(), &Report::default(), Some(&why.to_string()));
        }
        Err(why)
    }
}

/// Reads `body` for `desks` and gives what it says to `deliver`, one batch a desk, even if nothing in it
/// is new: what came before may not be on the disk yet.
pub(super) fn read<W>(
    desks: &[Arc<Desk>],
    format: Format,
    body: &[u8],
    report: &mut Report,
    mut deliver: impl FnMut(&mut Batch) -> W,
) -> Result<Vec<W>, PushError> {
    if body.len() > LARGEST {
        return Err(PushError::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| PushError::NotText)?;
    let text = text.trim_start_matches('\u{feff}');
    let now = (wall_now(), Instant::now());
    let local = LocalTime { zone: &desks[0].zone, arrival: now.0 };
    let tree: Value;
    let items = match format {
        Format::Json => {
            tree = guard::tree(text)?;
            json::items(&tree, local, report)?
        }
        Format::Lines(precision) => line_items(text, precision, local, report)?,
    };
    if items.is_empty() && report.rejected == 0 {
        return Err(PushError::Empty);
    }
    let mut by_desk: Vec<Vec<&Item<'_>>> = vec![Vec::new(); desks.len()];
    for item in &items {
        let reject = |reason| Rejection {
            place: item.place,
            device: item.device.as_deref().map(str::to_owned),
            point: Some(item.name.clone().into_owned()),
            reason,
        };
        match owner(desks, item.device.as_ref()) {
            Ok(desk) => by_desk[desk].push(item),
            Err(reason) => {
                if let (Reason::UnknownDevice, Some(name)) = (&reason, &item.device) {
                    // Whose it might be is not known, unless there is only one.
                    desks[0].stranger(&mut desks[0].lock(), name);
                }
                report.reject(reject(reason));
            }
        }
    }
    let lost = std::mem::take(report);
    let mut waiting = Vec::new();
    for (desk, items) in desks.iter().zip(&by_desk) {
        if items.is_empty() && desks.len() > 1 {
            continue;
        }
        let (mut batch, mut own) = (Batch::default(), Report::default());
        if desks.len() == 1 {
            own.clone_from(&lost);
        }
        let mut memory = desk.lock();
        desk.take(&mut memory, items, now, &mut batch, &mut own);
        if !items.is_empty() {
            waiting.push(deliver(&mut batch));
        }
        desk.tell(&memory, &own, None);
        drop(memory);
        report.add(own);
    }
    if desks.len() > 1 {
        if waiting.is_empty() {
            // Nobody's: the first one tells of it, so that it can be seen at all.
            desks[0].tell(&desks[0].lock(), &lost, None);
        }
        report.add(lost);
    }
    Ok(waiting)
}

/// Which desk has the device.
fn owner(desks: &[Arc<Desk>], name: Option<&Cow<'_, str>>) -> Result<usize, Reason> {
    let Some(name) = name else {
        return match desks {
            [desk] if desk.only_name().is_some() => Ok(0),
            _ => Err(Reason::NoDevice),
        };
    };
    let mut found = desks.iter().enumerate().filter(|(_, desk)| desk.knows(name)).map(|(n, _)| n);
    match (found.next(), found.next()) {
        (Some(n), None) => Ok(n),
        (Some(_), Some(_)) => Err(Reason::TwoSources),
        (None, _) => Err(Reason::UnknownDevice),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::super::tests::desk;
    use super::{Door, MOST_AT_ONCE, Refused, Registry, Scope};
    use crate::field::intake::{BOUND as FULL, Intake};
    use crate::field::push::Format;
    use crate::plant::{Batch, DeviceIx, Micros, PointIx, Quality, Reading};

    #[tokio::test]
    async fn what_is_pushed_while_the_disk_takes_nothing_is_handed_over_to_be_judged_whoever_waits() {
        let (out, mut deliveries) = mpsc::channel(1000);
        let (intake, _flusher) = Intake::start(out, Arc::default());
        let door = Door::new(Registry::of(desk("p", &["boiler-1"]), &intake));
        let push = |n: usize| {
            let door = door.clone();
            let body = format!(r#"{{"device":"boiler-1","values":{{"pressure":{n}}}}}"#);
            tokio::spawn(async move { door.push(&Scope::All, None, Format::Json, body.as_bytes()).await })
        };
        let (mut waiting, mut handed, mut callers) = (Vec::new(), 0, Vec::new());
        for n in 0..2 * MOST_AT_ONCE {
            waiting.push(push(n));
        }
        let soon = Duration::from_secs(1);
        while handed < 2 * MOST_AT_ONCE {
            let delivery = tokio::time::timeout(soon, deliveries.recv()).await.expect("held up").unwrap();
            handed += delivery.batch.readings_len();
            callers.extend(delivery.committed);
        }
        callers.into_iter().for_each(|caller| caller.send(()).unwrap());
        for one in waiting {
            assert!(one.await.unwrap().is_ok());
        }
        // No more can be held for those who wait: it is judged all the same, and its caller hears it at once.
        intake.hold(true);
        let answer = tokio::time::timeout(soon, push(7)).await.expect("held up").unwrap();
        assert_eq!(answer.err(), Some(Refused::NotConfirmed));
        let delivery = tokio::time::timeout(soon, deliveries.recv()).await.expect("not judged").unwrap();
        assert_eq!((delivery.batch.readings_len(), delivery.committed.len()), (1, 0));
    }

    #[tokio::test]
    async fn what_finds_the_way_to_the_judge_full_waits_for_it_and_is_taken_once_or_not_at_all() {
        let (out, mut deliveries) = mpsc::channel(1);
        let (intake, _flusher) = Intake::start(out, Arc::default());
        let door = Door::new(Registry::of(desk("p", &["boiler-1"]), &intake));
        let body = br#"{"device":"boiler-1","time":1600000000000,"values":{"pressure":7}}"#;
        let push = || async { door.push(&Scope::All, None, Format::Json, body).await };
        // In the keeper's queue, in the flusher's hand, and what fills the way.
        let shortly = Duration::from_millis(100);
        while tokio::time::timeout(shortly, intake.has_room()).await.is_ok() {
            let reading = Reading { point: PointIx(9), value: 1.0, quality: Quality::Good };
            let mut many = Batch::default();
            many.push(DeviceIx(0), Micros(1), true, &vec![reading; FULL]);
            intake.deliver(&mut many, None);
            tokio::time::timeout(shortly, intake.has_room()).await.ok();
        }
        assert_eq!(push().await.err(), Some(Refused::Behind));
        // The judge goes on while somebody waits: what he brought is judged then, and not when he comes again.
        let keeper = async {
            let mut pushed = Vec::new();
            while let Ok(delivery) = tokio::time::timeout(2 * shortly, deliveries.recv()).await {
                let delivery = delivery.expect("the flusher runs");
                let mine = delivery
                    .batch
                    .samples()
                    .flat_map(|(_, readings)| readings)
                    .filter(|r| r.point != PointIx(9));
                pushed.push(mine.count());
                delivery.committed.into_iter().for_each(|caller| caller.send(()).expect("it waits"));
            }
            pushed
        };
        let (answer, pushed) = tokio::join!(push(), keeper);
        let report = answer.expect("taken");
        // Nothing of the refused one was remembered: its repeat is no duplicate.
        assert_eq!((report.accepted, report.duplicates), (1, 0));
        assert_eq!(pushed.iter().sum::<usize>(), 1, "{pushed:?}");
    }
}
