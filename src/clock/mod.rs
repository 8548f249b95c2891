//! The wall clock, read in one place, and whether it may be believed (promise P9). The pure rooms never
//! call it: they are handed a time.
//!
//! The keeper owns the [`Watch`] and shows it every cycle what both clocks say; everyone else sees the
//! [`Face`]. Durations are measured on the monotonic clock everywhere, so a jump moves no timer: what
//! remains to be done about one is to say so, and to believe no reading's time for a while.

mod jump;
mod sync;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::plant::{Micros, Now};

pub use jump::Jumps;

/// 2025-01-01T00:00:00Z: before this program was written no clock is right.
const NEVER_SET: Micros = Micros(1_735_689_600_000_000);
/// How long a clock that jumped is not believed.
const AFTER_A_JUMP: Duration = Duration::from_secs(60);
/// How often it is looked whether the clock is synchronised.
const SYNC_EVERY: Duration = Duration::from_secs(10);
/// Both clocks are read within this time of each other, or again.
const TOGETHER: Duration = Duration::from_millis(5);

/// Now, UTC; the epoch itself for a clock set before 1970.
#[must_use]
pub fn wall_now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(since.as_micros() as i64)
}

/// What the monotonic clock of a gateway shows at its start: a month, so that what happened before a restart (the last
/// call to people, the calls of a flood, an excursion's beginning) has a time on it too.
pub const BEFORE_START: Duration = Duration::from_secs(31 * 86_400);

/// The zero of a monotonic clock that shows [`BEFORE_START`] now. Where the machine cannot tell of a time before its own
/// start, it shows nothing.
#[must_use]
pub fn start() -> Instant {
    let now = Instant::now();
    now.checked_sub(BEFORE_START).unwrap_or(now)
}

/// Both clocks at one instant; the monotonic one counts from `start`. A thread that is held up between
/// the two looks again: it would see a jump where there is none.
#[must_use]
pub fn now_since(start: Instant) -> Now {
    let mut before = start.elapsed();
    for _ in 0..4 {
        let wall = wall_now();
        let mono = start.elapsed();
        if mono - before <= TOGETHER {
            return Now { mono, wall };
        }
        before = mono;
    }
    Now { mono: before, wall: wall_now() }
}

/// Names the present run of the machine, and how long it has lasted; empty where the system does not tell. It outlives the
/// process, and no setting of the wall clock moves it.
#[must_use]
pub fn uptime() -> (String, Duration) {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let told = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let up = told.split_whitespace().next().and_then(|t| t.parse().ok()).map(Duration::try_from_secs_f64);
    match up {
        Some(Ok(up)) => (boot.trim().to_owned(), up),
        _ => (String::new(), Duration::ZERO),
    }
}

/// Why the clock is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It shows a time before 2025.
    NeverSet,
    /// It jumped within the last minute.
    Jumped,
    /// It has to be synchronised, and is not.
    NotSynchronised,
}

impl Doubt {
    /// Stable word for the API and the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NeverSet => "never-set",
            Self::Jumped => "jumped",
            Self::NotSynchronised => "not-synchronised",
        }
    }
}

/// What can be seen of the clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Why it is not believed, if so.
    pub doubt: Option<Doubt>,
    /// Jumps since the start.
    pub jumps: u64,
    /// When the last one was noticed, by the clock after it, and by how many milliseconds it went ahead.
    pub last_jump: Option<(Micros, i64)>,
}

/// Shows the state; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Face(Arc<Mutex<State>>);

impl Face {
    /// As it is now.
    #[must_use]
    pub fn get(&self) -> State {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares the clocks, and judges the wall clock.
#[derive(Debug)]
pub struct Watch {
    jumps: Jumps,
    jumped: Option<Duration>,
    /// A file to look for, or the usual ones; `None`: nobody asks.
    sync: Option<Option<PathBuf>>,
    looked: Option<Duration>,
    synchronised: bool,
    state: State,
    face: Face,
}

impl Watch {
    /// Begins at `now`. With `require_sync` a clock that is not known to be synchronised is not sure:
    /// `sync_file` exists when it is, else the files of the usual time services tell.
    #[must_use]
    pub fn new(now: Now, require_sync: bool, sync_file: Option<PathBuf>, face: Face) -> Self {
        let mut watch = Self {
            jumps: Jumps::new(now),
            jumped: None,
            sync: require_sync.then_some(sync_file),
            looked: None,
            synchronised: true,
            state: State::default(),
            face,
        };
        let _ = watch.look(now);
        watch
    }

    /// Takes note of what both clocks say; by how many microseconds the wall clock jumped ahead, if it did.
    /// Cheap: call it for every batch.
    pub fn look(&mut self, now: Now) -> Option<i64> {
        let jump = self.jumps.look(now);
        if let Some(by) = jump {
            self.jumped = Some(now.mono);
            self.state.jumps += 1;
            self.state.last_jump = Some((now.wall, by / 1000));
        }
        if let Some(file) = &self.sync
            && self.looked.is_none_or(|at| now.mono >= at + SYNC_EVERY)
        {
            self.looked = Some(now.mono);
            self.synchronised = sync::is_synchronised(file.as_deref());
        }
        let doubt = if now.wall < NEVER_SET {
            Some(Doubt::NeverSet)
        } else if self.jumped.is_some_and(|at| now.mono < at + AFTER_A_JUMP) {
            Some(Doubt::Jumped)
        } else {
            (!self.synchronised).then_some(Doubt::NotSynchronised)
        };
        if jump.is_some() || doubt != self.state.doubt || self.looked.is_none() {
            self.state.doubt = doubt;
            *self.face.0.lock().unwrap_or_else(PoisonError::into_inner) = self.state;
        }
        jump
    }

    /// Readings taken now have a time that can be believed.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        self.state.doubt.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Now = Now { mono: Duration::ZERO, wall: Micros(1_790_000_000_000_000) };

    fn at(seconds: u64, ahead: i64) -> Now {
        Now {
            mono: Duration::from_secs(seconds),
            wall: Micros(START.wall.0 + seconds as i64 * 1_000_000 + ahead),
        }
    }

    #[test]
    fn a_jump_is_told_once_and_leaves_the_clock_unsure_for_a_minute() {
        let face = Face::default();
        let mut watch = Watch::new(START, false, None, face.clone());
        assert_eq!((watch.look(at(1, 0)), watch.is_sure()), (None, true));
        assert_eq!((watch.look(at(2, -3_600_000_000)), watch.is_sure()), (Some(-3_600_000_000), false));
        assert_eq!(watch.look(at(3, -3_600_000_000)), None, "told twice");
        let state = face.get();
        assert_eq!((state.doubt, state.jumps), (Some(Doubt::Jumped), 1));
        assert_eq!(state.last_jump, Some((at(2, -3_600_000_000).wall, -3_600_000)));
        let _ = watch.look(at(61, -3_600_000_000));
        assert!(!watch.is_sure());
        let _ = watch.look(at(62, -3_600_000_000));
        assert!(watch.is_sure() && face.get().doubt.is_none());
    }

    #[test]
    fn a_clock_that_was_never_set_is_not_sure_until_it_is() {
        let face = Face::default();
        let never = Now { mono: Duration::ZERO, wall: Micros(946_684_800_000_000) };
        let mut watch = Watch::new(never, false, None, face.clone());
        assert_eq!((watch.is_sure(), face.get().doubt), (false, Some(Doubt::NeverSet)));
        assert!(watch.look(at(1, 0)).is_some_and(|by| by > 0), "the setting is a jump");
        assert_eq!(face.get().doubt, Some(Doubt::Jumped));
        let _ = watch.look(at(61, 0));
        assert!(watch.is_sure());
    }

    #[test]
    fn where_it_is_required_a_clock_nobody_synchronised_is_not_sure() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("synchronized");
        let face = Face::default();
        let mut watch = Watch::new(START, true, Some(file.clone()), face.clone());
        assert_eq!((watch.is_sure(), face.get().doubt), (false, Some(Doubt::NotSynchronised)));
        std::fs::write(&file, "").expect("a file");
        let _ = watch.look(at(10, 0));
        assert!(watch.is_sure() && face.get().doubt.is_none());
        assert!(Watch::new(START, false, Some(dir.path().join("none")), Face::default()).is_sure());
    }
}
