//! The parts beside reading, judging and recording: page, broker, outlets. A part that cannot start, or that
//! dies, is down: it says so and is tried again with growing pauses until it stands. Nothing else stops for it.
//!
//! [`run`] carries a part: it starts it, catches its end (an error or a panic) and starts it again. What
//! became of it stands on a [`Board`], which the console shows and the service manager is told of.

mod backoff;
mod counts;

use std::cell::Cell;
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tracing::{debug, error, info};

pub use backoff::Backoff;
pub use counts::Counts;

use crate::clock::wall_now;

/// Pauses between the attempts to start a part.
pub const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// A part that is down for the same reason is told of again so often.
const TELL_EVERY: Duration = Duration::from_secs(600);

/// How a part stands, for the page, `/readyz`, `/metrics` and the service manager.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct PartState {
    /// `console`, `broker`, or the key of an outlet: `outlet.influx.main`.
    pub name: String,
    /// `starting`, `up`, `limited` (it stands, and something of it does not work) or `down`.
    pub state: &'static str,
    /// What is wrong and what would be right, while it is not up.
    pub problem: Option<String>,
    /// Since when it is so, microseconds since the epoch.
    pub since: i64,
    /// The next attempt, microseconds since the epoch.
    pub retry_at: Option<i64>,
    /// Attempts to start it since the gateway started.
    pub attempts: u64,
}

impl PartState {
    /// Nothing is wrong with it as far as is known.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self.state, "up" | "starting")
    }
}

/// One part's place on the board. The part itself says when it stands; [`run`] says when it is down.
#[derive(Debug, Clone)]
pub struct Part(Arc<Mutex<PartState>>);

impl Part {
    fn new(name: &str) -> Self {
        Self(Arc::new(Mutex::new(PartState {
            name: name.to_owned(),
            state: "starting",
            problem: None,
            since: wall_now().0,
            retry_at: None,
            attempts: 0,
        })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut PartState) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A copy to show.
    #[must_use]
    pub fn get(&self) -> PartState {
        self.with(|s| s.clone())
    }

    fn turn(&self, state: &'static str, problem: Option<String>, retry_at: Option<i64>) {
        self.with(|s| {
            if s.state != state {
                (s.state, s.since) = (state, wall_now().0);
            }
            (s.problem, s.retry_at) = (problem, retry_at);
        });
    }

    /// It does its work.
    pub fn stands(&self) {
        let (was, name, attempts) = self.with(|s| (s.state, s.name.clone(), s.attempts));
        self.turn("up", None, None);
        if was == "down" {
            info!(part = name, attempts, "the part stands again");
        } else if was == "limited" {
            info!(part = name, "the part works wholly again");
        }
    }

    /// It stands, and something of it does not work: `problem` says what, and what would be right.
    pub fn is_limited(&self, problem: &str) {
        let (was, name) = self.with(|s| (s.problem.clone(), s.name.clone()));
        self.turn("limited", Some(problem.to_owned()), None);
        if was.as_deref() != Some(problem) {
            error!(part = name, "the part works only in part: {problem}");
        }
    }

    /// It does not work; whoever keeps it starts it again.
    pub fn halts(&self, problem: &str) {
        self.turn("down", Some(problem.to_owned()), None);
    }

    fn is_down(&self, problem: &str, pause: Duration) {
        self.turn("down", Some(problem.to_owned()), Some(wall_now().plus(pause).0));
    }
}

/// All parts of a gateway.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Vec<Part>>>);

impl Board {
    fn with<T>(&self, change: impl FnOnce(&mut Vec<Part>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A place for the part `name`, fresh; one of the same name gives way.
    #[must_use]
    pub fn part(&self, name: &str) -> Part {
        let part = Part::new(name);
        self.with(|all| {
            all.retain(|p| p.get().name != name);
            all.push(part.clone());
        });
        part
    }

    /// The part is gone from the settings.
    pub fn forget(&self, name: &str) {
        self.with(|all| all.retain(|p| p.get().name != name));
    }

    /// How all stand.
    #[must_use]
    pub fn states(&self) -> Vec<PartState> {
        self.with(|all| all.iter().map(Part::get).collect())
    }
}

/// Carries a part until it ends as asked (`Ok`). `start` is called for each attempt; the future that it
/// gives is the part's life, calls [`Part::stands`] when it does its work, and ends with the words of
/// what broke it: what, where, and what would be right. A panic in it is such an end as well.
/// `pauses` are the first and the longest between attempts.
pub fn run<S, F, E>(part: Part, pauses: (Duration, Duration), mut start: S) -> JoinHandle<()>
where
    S: FnMut(Part) -> F + Send + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send + 'static,
{
    tokio::spawn(async move {
        let mut backoff = Backoff::new(pauses);
        let mut told: Option<(String, Instant)> = None;
        loop {
            let began = Instant::now();
            part.with(|s| s.attempts += 1);
            let life = std::panic::catch_unwind(AssertUnwindSafe(|| start(part.clone())));
            let ended = match life {
                Ok(life) => AssertUnwindSafe(life).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let problem = match ended {
                Ok(Ok(())) => return,
                Ok(Err(e)) => e.to_string(),
                Err(panic) => format!("a fault of this program: {}", words_of(panic.as_ref())),
            };
            if part.get().state != "down" && began.elapsed() >= pauses.1 {
                backoff.reset();
            }
            let pause = backoff.pause();
            part.is_down(&problem, pause);
            let (name, seconds) = (part.get().name, pause.as_secs_f32());
            let new = told.as_ref().is_none_or(|(what, at)| *what != problem || at.elapsed() >= TELL_EVERY);
            if new {
                error!(
                    part = name,
                    "the part is down, all else goes on: {problem}; tried again in {seconds:.0} s"
                );
                told = Some((problem, Instant::now()));
            } else {
                debug!(part = name, "the part is still down: {problem}; tried again in {seconds:.0} s");
            }
            tokio::time::sleep(pause).await;
        }
    })
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

thread_local! {
    /// A future of [`contained`] is being polled on this thread.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Drives `life`; a panic in it is its end, in words, also on a thread where [`contain_panics`] would end the process. For
/// tasks whose end others notice: a source that reads nothing more makes its points stale.
///
/// # Errors
/// The words of the panic.
pub async fn contained<F: Future>(life: F) -> Result<F::Output, String> {
    let mut life = std::pin::pin!(life);
    std::future::poll_fn(move |context| {
        let before = CONTAINED.replace(true);
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| life.as_mut().poll(context)));
        CONTAINED.set(before);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Err(panic) => Poll::Ready(Err(words_of(panic.as_ref()))),
        }
    })
    .await
}

/// A panic here and now ends the process.
fn ends_the_process(thread: Option<&str>) -> bool {
    thread != Some(THREADS) && !CONTAINED.get()
}

/// Keeps a panic on a thread of the parts within its task, where [`run`] or the server of the console catches
/// it, and one in a future of [`contained`] there. Anywhere else, in the keeper first of all, it ends the process, for the
/// service manager to start it afresh: readings that nobody judges must not look well.
pub fn contain_panics() {
    std::panic::set_hook(Box::new(|panic| {
        error!("a fault of this program: {panic}");
        if ends_the_process(std::thread::current().name()) {
            std::process::abort();
        }
    }));
}

/// Name of the threads on which parts run.
pub const THREADS: &str = "parts";

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::{Board, run};

    #[tokio::test]
    async fn a_panic_is_contained_where_it_was_said_and_ends_the_process_anywhere_else() {
        use super::{contained, ends_the_process};
        assert!(ends_the_process(Some("wires")) && ends_the_process(Some("keeper")));
        assert!(!ends_the_process(Some(super::THREADS)));
        let within = contained(async {
            tokio::task::yield_now().await;
            ends_the_process(Some("wires"))
        });
        assert_eq!(within.await, Ok(false));
        let words = contained(async {
            tokio::task::yield_now().await;
            panic!("index out of bounds");
        });
        assert_eq!(words.await.err().as_deref(), Some("index out of bounds"));
        assert!(ends_the_process(Some("wires")), "what stands beside the future is not contained");
    }

    const QUICK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(4));

    #[tokio::test]
    async fn a_part_that_cannot_start_or_panics_is_started_again_until_it_ends_as_asked() {
        let board = Board::default();
        let lives = Arc::new(AtomicU32::new(0));
        let part = board.part("outlet.influx.main");
        let (count, seen) = (Arc::clone(&lives), part.clone());
        let task = run(part, QUICK, move |part| {
            let life = count.fetch_add(1, Ordering::Relaxed);
            let before = seen.get();
            async move {
                match life {
                    0 => {
                        assert_eq!((before.state, before.attempts), ("starting", 1));
                        Err("the port is taken")
                    }
                    1 => {
                        assert_eq!(before.state, "down");
                        assert_eq!(before.problem.as_deref(), Some("the port is taken"));
                        assert!(before.retry_at.is_some());
                        panic!("of its own")
                    }
                    2 => {
                        assert_eq!(before.problem.as_deref(), Some("a fault of this program: of its own"));
                        part.stands();
                        Err("it died")
                    }
                    3 => {
                        part.stands();
                        assert!(part.get().is_well());
                        Ok(())
                    }
                    other => panic!("life {other}"),
                }
            }
        });
        task.await.expect("carried to its end");
        assert_eq!(lives.load(Ordering::Relaxed), 4);
        let states = board.states();
        assert_eq!((states[0].state, states[0].problem.as_deref(), states[0].attempts), ("up", None, 4));
    }

    #[tokio::test]
    async fn a_part_that_is_cut_off_leaves_nothing_running() {
        let board = Board::default();
        let alive = Arc::new(());
        let kept = Arc::clone(&alive);
        let (begun, mut waits) = tokio::sync::mpsc::channel(1);
        let task = run(board.part("broker"), QUICK, move |_| {
            let (kept, begun) = (Arc::clone(&kept), begun.clone());
            async move {
                let _ = begun.send(()).await;
                std::future::pending::<()>().await;
                drop(kept);
                Ok::<(), String>(())
            }
        });
        waits.recv().await.expect("it began");
        task.abort();
        assert!(task.await.is_err_and(|e| e.is_cancelled()));
        assert_eq!(Arc::strong_count(&alive), 1);
        board.forget("broker");
        assert!(board.states().is_empty());
    }
}
