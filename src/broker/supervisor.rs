//! Starts the broker process, listens to it, and starts it anew with growing pauses when it ends, hangs
//! or takes too much memory. Whatever becomes of it, the gateway goes on.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use super::serve::BEAT;
use super::words::{Level, Plan, Report, User};
use crate::parts::Counts;

/// The hidden command under which this program is the broker process.
pub const COMMAND: &str = "broker-process";

/// The first pause before it is started anew; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A process that lived so long was well; the next pause is short again.
const SETTLED: Duration = Duration::from_secs(60);
/// Without a beat for so long it hangs.
const HANGS: Duration = Duration::from_secs(20);
/// Resident memory at which it is ended: far above what 1000 devices take, and well below what the
/// service unit allows the gateway and its broker together.
const MOST_MEMORY: u64 = 256 * 1024 * 1024;
/// Lines of its standard error that are kept, to say what it died of.
const LAST_WORDS: usize = 6;

/// How the embedded broker stands.
#[derive(Debug, Clone)]
pub struct BrokerStatus {
    /// Where it listens, or should.
    pub address: String,
    /// It takes connections.
    pub running: bool,
    /// Times it ended without being asked to, since the gateway's start.
    pub ended: u64,
    /// Why it is not there, or what it died of last.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<SystemTime>,
    /// What it counted since the gateway's start, over all its lives.
    pub counts: Counts,
}

/// The supervised broker; dropped, it ends.
#[derive(Debug)]
pub struct Handle {
    status: Arc<Mutex<BrokerStatus>>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Handle {
    /// A way to see how it stands, for those who show it.
    #[must_use]
    pub fn status(&self) -> Arc<Mutex<BrokerStatus>> {
        Arc::clone(&self.status)
    }

    /// Ends it.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Starts the broker's process and keeps it going, in the current tokio runtime. It never fails: a broker
/// that cannot start is down, says why, and is tried again.
#[must_use]
pub fn start(settings: &crate::settings::Broker) -> Handle {
    let status = Arc::new(Mutex::new(BrokerStatus {
        address: settings.listen.to_string(),
        running: false,
        ended: 0,
        last_error: None,
        last_error_at: None,
        counts: Counts::default(),
    }));
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(keep(settings.clone(), Arc::clone(&status), stopped));
    Handle { status, stop, task }
}

async fn keep(
    settings: crate::settings::Broker,
    status: Arc<Mutex<BrokerStatus>>,
    mut stopped: watch::Receiver<bool>,
) {
    let change = |what: &dyn Fn(&mut BrokerStatus)| {
        what(&mut status.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let mut pause = FIRST_PAUSE;
    let mut last_why = String::new();
    loop {
        let begun = Instant::now();
        let earlier = status.lock().unwrap_or_else(PoisonError::into_inner).counts;
        let why = tokio::select! {
            why = one_life(&settings, &status, earlier) => why,
            _ = stopped.wait_for(|s| *s) => return,
        };
        if begun.elapsed() >= SETTLED {
            pause = FIRST_PAUSE;
        }
        change(&|s| {
            s.running = false;
            s.ended += 1;
            s.counts.clients = 0;
            s.counts.retained = 0;
            s.last_error = Some(why.clone());
            s.last_error_at = Some(SystemTime::now());
        });
        if why == last_why {
            debug!("the embedded broker is down: {why}");
        } else {
            error!(
                "the embedded broker is down: {why}; the gateway goes on without it, and starts it again in {} s",
                pause.as_secs()
            );
        }
        last_why = why;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|s| *s) => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// From its start to its end; gives what it died of.
async fn one_life(
    settings: &crate::settings::Broker,
    status: &Mutex<BrokerStatus>,
    earlier: Counts,
) -> String {
    let mut child = match spawn() {
        Ok(child) => child,
        Err(e) => return format!("its process does not start: {e}"),
    };
    // Held until the end: the process lives as long as this is open.
    let Some(mut plan_to) = child.stdin.take() else { return "it has no standard input".to_owned() };
    let Some(reports) = child.stdout.take() else { return "it has no standard output".to_owned() };
    let stderr = child.stderr.take().map(|e| tokio::spawn(last_words(e)));
    let plan = Plan::of(settings);
    let Ok(mut line) = serde_json::to_vec(&plan) else { return "its plan cannot be written".to_owned() };
    line.push(b'\n');
    if let Err(e) = plan_to.write_all(&line).await {
        return format!("it does not read its plan: {e}");
    }
    let mut life = Life { status, earlier, failed: None, settings, users: plan.users };
    let ended = life.listen(&mut BufReader::new(reports).lines(), &mut plan_to, &child).await;
    let _ = child.start_kill();
    let how = child.wait().await;
    drop(plan_to);
    let words = match stderr {
        Some(reading) => reading.await.unwrap_or_default(),
        None => String::new(),
    };
    if let Some(why) = life.failed {
        return why;
    }
    if let Some(why) = ended {
        return why;
    }
    let how = match how {
        Ok(how) => how.signal().map_or_else(|| how.to_string(), |signal| format!("signal {signal}")),
        Err(e) => e.to_string(),
    };
    if words.is_empty() {
        format!("its process ended ({how})")
    } else {
        format!("its process ended ({how}): {words}")
    }
}

fn spawn() -> std::io::Result<Child> {
    // Its file may have been replaced by a newer one; the running program is this one all the same.
    let file = std::env::current_exe()?;
    let program = if file.exists() { file } else { std::path::PathBuf::from("/proc/self/exe") };
    Command::new(program)
        .arg0("steamward")
        .arg(COMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

struct Life<'a> {
    status: &'a Mutex<BrokerStatus>,
    earlier: Counts,
    failed: Option<String>,
    settings: &'a crate::settings::Broker,
    /// As the process knows them.
    users: Vec<User>,
}

impl Life<'_> {
    /// Listens until it says no more; gives why it has to be ended, if it did not end by itself.
    async fn listen(
        &mut self,
        reports: &mut Lines<BufReader<ChildStdout>>,
        plan_to: &mut ChildStdin,
        child: &Child,
    ) -> Option<String> {
        let (mut heard, mut looked) = (Instant::now(), Instant::now());
        let mut look = tokio::time::interval(BEAT);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                line = reports.next_line() => match line {
                    Ok(Some(line)) => {
                        heard = Instant::now();
                        match serde_json::from_str(&line) {
                            Ok(report) => self.take(report),
                            Err(e) => debug!("the embedded broker says what is not understood: {e}"),
                        }
                    }
                    Ok(None) | Err(_) => return None,
                },
                _ = look.tick() => {
                    // The gateway itself stood still, stopped or starved: what was said waits to be read.
                    if looked.elapsed() >= HANGS / 2 {
                        heard = Instant::now();
                    }
                    looked = Instant::now();
                    if heard.elapsed() >= HANGS {
                        return Some(format!("it has said nothing for {} s, so it was ended", HANGS.as_secs()));
                    }
                    if let Some(line) = self.changed_users() {
                        let written = plan_to.write_all(&line);
                        if tokio::time::timeout(BEAT, written).await.is_ok_and(|w| w.is_ok()) {
                            info!("embedded broker: a password that was missing is there, its user is let in");
                        } else {
                            return Some("it does not read its accounts, so it was ended".to_owned());
                        }
                    }
                    let used = child.id().and_then(resident).unwrap_or_default();
                    if used > MOST_MEMORY {
                        return Some(format!("it took {} MiB of memory, so it was ended", used / (1024 * 1024)));
                    }
                }
            }
        }
    }

    /// A line with all accounts, where a password has come that was missing.
    fn changed_users(&mut self) -> Option<Vec<u8>> {
        let users = Plan::users(self.settings);
        if users == self.users {
            return None;
        }
        self.users = users;
        let mut line = serde_json::to_vec(&self.users).ok()?;
        line.push(b'\n');
        Some(line)
    }

    fn take(&mut self, report: Report) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match report {
            Report::Listening(address) => {
                info!("embedded MQTT broker on {address}");
                status.address = address.to_string();
                status.running = true;
            }
            Report::Failed(why) => self.failed = Some(why),
            Report::Beat(counts) => status.counts = counts.after(self.earlier),
            Report::Log { level, text } => match level {
                Level::Error => error!("{text}"),
                Level::Warn => warn!("{text}"),
                Level::Info => info!("{text}"),
            },
        }
    }
}

/// The last lines that a dying process wrote.
async fn last_words(stderr: impl AsyncRead + Unpin) -> String {
    let mut lines = BufReader::new(stderr).lines();
    let mut last = std::collections::VecDeque::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if last.len() == LAST_WORDS {
            last.pop_front();
        }
        last.push_back(line.chars().take(300).collect::<String>());
    }
    Vec::from(last).join(" | ")
}

/// Resident memory of a process in bytes.
fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::{last_words, resident};

    #[tokio::test]
    async fn of_what_a_dying_process_wrote_the_end_is_kept() {
        let text = (0..100).map(|n| format!("line {n}\n")).collect::<String>();
        let last = last_words(text.as_bytes()).await;
        assert!(last.starts_with("line 94 |") && last.ends_with("line 99"), "{last}");
    }

    #[test]
    fn the_memory_of_a_process_is_known() {
        let own = resident(std::process::id()).expect("this process has memory");
        assert!(own > 1024 * 1024, "{own}");
    }
}
