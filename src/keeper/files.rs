//! The store's files as the writer holds them: opened as far as they can be, opened again when they could not, kept where
//! they belong, and given room.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use crate::alarm::MemoryOf;
use crate::clock::wall_now;
use crate::plant::{Plant, TextTable};
use crate::settings::Store;
use crate::store::{
    Damaged, Journal, JournalReader, Ledger, LedgerReader, Loss, Mended, Recorded, Reserve, StoreError,
    StoreLock, Trouble, Uptime,
};

/// How often a file that cannot be opened is tried again.
pub(super) const AGAIN: Duration = Duration::from_secs(2);
/// How often the reserve is tried to be filled again.
const REFILL: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Files {
    pub(super) dir: PathBuf,
    pub(super) ledger: Option<Ledger>,
    pub(super) journal: Option<Journal>,
    pub(super) reserve: Reserve,
    /// Under which the journal knows its series.
    pub(super) plant: Arc<Plant>,
    pub(crate) texts: TextTable,
    /// What a person must hear.
    pub(super) told: Vec<String>,
    /// What could not be taken over from a damaged journal: for each outlet that had not had it.
    pub(super) lost: Vec<(Loss, String)>,
    pub(super) outlets: Vec<String>,
    /// The ledger could not be read at the start.
    pub(super) unknown: bool,
    /// The ledger was looked at whole.
    checked: bool,
    lock: Option<StoreLock>,
    trouble: [Option<(Trouble, String)>; 2],
    tried: Option<Instant>,
    /// Something may wait in the journal for the ledger.
    overflowing: bool,
    refilled: Instant,
    /// There is no room for the reserve.
    pub(super) short: bool,
    /// Two writings in a row have met damage in the journal, or a whole look at it has found some.
    pub(super) distrusted: bool,
    met_damage: bool,
    /// Since when nothing could be taken over from a damaged journal, and when that was tried last.
    pub(super) stuck: Option<(Instant, Instant)>,
    /// Alarms of a ledger that could not be read at the start: what it says of them is not written over.
    pub(super) before: KnownBefore,
}

/// What a ledger knew that could not be read at the start.
#[derive(Debug, Default)]
pub(super) struct KnownBefore {
    /// Rule keys.
    pub(super) alarms: HashSet<String>,
    pub(super) memories: HashSet<(MemoryOf, String)>,
}

/// Which of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Ledger,
    Journal,
}

impl Files {
    /// Opens what can be opened.
    ///
    /// # Errors
    /// What no time mends: another gateway has the store, the ledger is damaged, a file is from a newer version.
    pub(crate) fn open(store: &Store, plant: Arc<Plant>, outlets: Vec<String>) -> Result<Self, StoreError> {
        let mut files = Self {
            dir: store.dir.clone(),
            ledger: None,
            journal: None,
            reserve: Reserve::new(&store.dir, store.reserve_bytes),
            plant,
            texts: TextTable::default(),
            told: Vec::new(),
            lost: Vec::new(),
            outlets,
            unknown: false,
            checked: false,
            lock: None,
            trouble: [None, None],
            tried: None,
            overflowing: true,
            refilled: Instant::now(),
            short: false,
            distrusted: false,
            met_damage: false,
            stuck: None,
            before: KnownBefore::default(),
        };
        for (which, went) in [(Which::Ledger, files.open_ledger()), (Which::Journal, files.open_journal())] {
            files.note(which, went.as_ref().copied());
            match went {
                Err(
                    e @ (StoreError::InUse { .. } | StoreError::TooNew { .. } | StoreError::Damaged { .. }),
                ) => {
                    return Err(e);
                }
                Err(e) => error!(
                    "the store cannot be opened; judging goes on without it, and it is tried again: {e}"
                ),
                Ok(()) => {}
            }
        }
        files.compare();
        if files.journal.is_none() {
            // What it holds can be read perhaps.
            let path = files.dir.join("journal.db");
            if path.exists() {
                let read = JournalReader::lazy(&path).texts(&files.texts);
                if let Err(e) = read {
                    warn!("the texts in journal.db cannot be read: {e}");
                }
            }
        }
        Ok(files)
    }

    /// What stands in the way, if anything does.
    pub(super) fn trouble(&self) -> Option<(Trouble, &str)> {
        self.trouble.iter().flatten().next().map(|(trouble, what)| (*trouble, what.as_str()))
    }

    /// Notes how an attempt on a file went; a file whose handle may be of no more use is opened again.
    pub(super) fn note(&mut self, which: Which, went: Result<(), &StoreError>) {
        let slot = which as usize;
        let Err(e) = went else {
            self.trouble[slot] = None;
            if which == Which::Journal && self.journal.is_some() {
                self.met_damage = false;
            }
            return;
        };
        let mut trouble = e.trouble();
        if trouble == Trouble::Failing && crate::store::is_read_only(&self.dir) {
            // SQLite says only that it cannot open what it wants beside the file.
            trouble = Trouble::ReadOnly;
        }
        self.trouble[slot] = Some((trouble, e.to_string()));
        let useless = match trouble {
            Trouble::ReadOnly | Trouble::Damaged => true,
            Trouble::Failing => !e.is_busy(),
            Trouble::Full | Trouble::Moved => false,
        };
        if useless && which == Which::Journal {
            if trouble == Trouble::Damaged && self.journal.is_some() {
                // Once may be a log that went; a second time it is the file.
                self.distrusted |= std::mem::replace(&mut self.met_damage, true);
                Journal::suspect(&self.dir);
            }
            self.journal = None;
        }
        if useless && which == Which::Ledger {
            self.ledger = None;
        }
    }

    /// That a file can be opened does not tell yet that it can be written.
    fn opened(&mut self, which: Which, went: Result<(), StoreError>) {
        match went {
            Ok(()) => self.trouble[which as usize] = None,
            Err(e) => self.note(which, Err(&e)),
        }
    }

    /// The file was in trouble when it was last tried.
    pub(super) fn is_in_trouble(&self, which: Which) -> bool {
        self.trouble[which as usize].is_some()
    }

    /// The trouble of the last attempt, as an error.
    pub(super) fn again(&self, which: Which) -> Option<StoreError> {
        let (trouble, what) = self.trouble[which as usize].as_ref()?;
        Some(StoreError::Again { trouble: *trouble, what: what.clone() })
    }

    /// The next [`Self::tend`] tries at once.
    pub(super) fn try_at_once(&mut self) {
        self.tried = None;
    }

    /// Opens what is not open, and sees to it that files are where they belong.
    pub(super) fn tend(&mut self) {
        let due = self.tried.is_none_or(|at| at.elapsed() >= AGAIN);
        if (self.ledger.is_none() || self.journal.is_none()) && due {
            self.tried = Some(Instant::now());
            if self.ledger.is_none() {
                let went = self.open_ledger();
                self.opened(Which::Ledger, went);
            }
            if self.journal.is_none() {
                let went = self.open_journal();
                self.opened(Which::Journal, went);
            }
            self.compare();
        }
        if self.unknown && self.ledger.is_some() {
            self.opened_late();
        }
        if self.lock.as_ref().is_some_and(|lock| !lock.is_in_place()) {
            // The folder is gone, and its lock with it.
            self.lock = StoreLock::take(&self.dir).ok();
        }
        if let Some(went) = self.ledger.as_mut().map(Ledger::stay) {
            self.stayed(Which::Ledger, went);
        }
        if let Some(went) = self.journal.as_mut().map(Journal::stay) {
            self.stayed(Which::Journal, went);
        }
    }

    /// The ledger is there now and could not be read at the start.
    fn opened_late(&mut self) {
        let ledger = self.ledger_reader();
        if let (Ok(alarms), Ok(memories)) = (ledger.alarms(), ledger.memories()) {
            self.before = KnownBefore {
                alarms: alarms.into_iter().map(|alarm| alarm.key).collect(),
                memories: memories.into_iter().map(|one| (one.of, one.name)).collect(),
            };
            self.unknown = false;
            self.told.push(
                "ledger.db can be read now, and could not at the start: open hazards and alarm states of before are not known \
                 to this run, and what this run knows of the same limits is not written over them; start the gateway again to \
                 take them up"
                    .to_owned(),
            );
        }
    }

    fn stayed(&mut self, which: Which, went: Result<Option<Mended>, StoreError>) {
        match went {
            Ok(None) => {}
            Ok(Some(mended)) => {
                let file = if which == Which::Ledger { "ledger.db" } else { "journal.db" };
                self.told.push(match mended {
                    Mended::File => format!(
                        "{file} was removed while the gateway runs, and written anew from what was still open"
                    ),
                    Mended::Log => format!(
                        "{file}-wal was removed while the gateway runs; what stood in it was moved into {file} from what was \
                         still open"
                    ),
                });
                self.trouble[which as usize] = None;
                if self.short
                    && let Some(journal) = &self.journal
                {
                    let _ = journal.may_grow(false);
                }
            }
            Err(e) => self.trouble[which as usize] = Some((e.trouble(), e.to_string())),
        }
    }

    fn locked(&mut self) -> Result<(), StoreError> {
        if self.lock.is_none() {
            self.lock = Some(StoreLock::take(&self.dir)?);
        }
        Ok(())
    }

    fn open_ledger(&mut self) -> Result<(), StoreError> {
        self.locked()?;
        let open = if self.checked { Ledger::open_again } else { Ledger::open };
        let mut opened = open(&self.dir);
        let no_room = |e: &StoreError| !matches!(e.trouble(), Trouble::Damaged | Trouble::ReadOnly);
        if opened.as_ref().is_err_and(no_room) && self.reserve.release() {
            warn!("the ledger's reserve was given up so that it can be opened");
            self.short = true;
            opened = open(&self.dir);
        }
        let mut ledger = opened?;
        if !std::mem::replace(&mut self.checked, true) {
            self.sort_out(&mut ledger);
        }
        self.ledger = Some(ledger);
        Ok(())
    }

    /// Rows that are not what was written stand in the way of right ones.
    fn sort_out(&mut self, ledger: &mut Ledger) {
        let found = ledger.reader().and_then(|reader| reader.damaged(false));
        match found {
            Ok(rows) if rows.is_empty() => {}
            Ok(rows) => self.put_aside(ledger, &rows),
            Err(e) => error!("the rows of ledger.db cannot be looked at: {e}"),
        }
    }

    fn put_aside(&mut self, ledger: &mut Ledger, rows: &[Damaged]) {
        let names = rows.iter().take(20).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match ledger.set_aside(rows, wall_now()) {
            Ok(()) => self.told.push(format!(
                "{} rows of ledger.db are not what was written and were put aside (table set_aside): {names}",
                rows.len()
            )),
            Err(e) => error!("damaged rows of ledger.db cannot be put aside: {names}: {e}"),
        }
    }

    /// Puts these rows of the ledger aside.
    pub(super) fn set_aside(&mut self, rows: &[Damaged]) {
        if let Some(mut ledger) = self.ledger.take() {
            self.put_aside(&mut ledger, rows);
            self.ledger = Some(ledger);
        }
    }

    /// Points that stand in the journal in another unit begin a new series: told before they do.
    fn tell_new_series(&self) {
        let path = self.dir.join("journal.db");
        if !path.exists() {
            return;
        }
        // A file that cannot be read is met when it is opened.
        let Ok(series) = JournalReader::open(&path).and_then(|journal| journal.series()) else { return };
        let before =
            series.iter().map(|s| (s.equipment.as_str(), s.point.as_str(), s.unit.as_deref(), s.value_type));
        for line in crate::settings::new_series(&self.plant, before) {
            warn!("{line}");
        }
    }

    fn open_journal(&mut self) -> Result<(), StoreError> {
        self.locked()?;
        if self.distrusted {
            Journal::put_aside(&self.dir, wall_now())?;
            (self.distrusted, self.met_damage) = (false, false);
        }
        self.tell_new_series();
        let uptime = uptime();
        let opened = Journal::open_with(&self.dir, &self.plant, (wall_now(), &uptime), self.texts.clone())?;
        let mut journal = opened.journal;
        if let Some(aside) = opened.set_aside {
            self.told.push(format!(
                "journal.db was damaged: it was set aside as {}, a new one begun, and what can be read is taken over",
                aside.display()
            ));
        }
        if self.short {
            journal.may_grow(false)?;
        }
        self.told.extend(journal.take_told());
        self.journal = Some(journal);
        self.tell_lost();
        Ok(())
    }

    /// The journal knows which ledger was beside it.
    fn compare(&mut self) {
        let (Some(ledger), Some(journal)) = (&self.ledger, &self.journal) else { return };
        match journal.ledger() {
            Ok(Some((name, entries))) if name != ledger.name() => self.told.push(format!(
                "ledger.db is not the one that was here before, which had {entries} audit entries: open hazards and alarm \
                 states of that one are not known; stop the gateway and put it back if you have it"
            )),
            Ok(Some((_, entries))) if ledger.entries() < entries => self.told.push(format!(
                "ledger.db ends before what was written last: {} of {entries} audit entries are gone",
                entries - ledger.entries()
            )),
            Ok(_) => {}
            Err(e) => warn!("whether ledger.db is the one of before cannot be told: {e}"),
        }
        self.note_ledger();
    }

    /// Notes in the journal which ledger stands beside it, and how far it goes.
    pub(super) fn note_ledger(&self) {
        if let (Some(ledger), Some(journal)) = (&self.ledger, &self.journal)
            && let Err(e) = journal.note_ledger(ledger.name(), ledger.entries())
        {
            warn!("the journal cannot note the ledger: {e}");
        }
    }

    /// Goes on with the series of these settings.
    pub(super) fn reconfigure(&mut self, plant: &Arc<Plant>) -> Result<(), StoreError> {
        if Arc::ptr_eq(plant, &self.plant) {
            return Ok(());
        }
        if let Some(journal) = &mut self.journal {
            journal.extend(plant)?;
        }
        self.plant = Arc::clone(plant);
        Ok(())
    }

    /// Which outlets there are.
    pub(super) fn serve(&mut self, outlets: &[String]) {
        if self.outlets != outlets {
            self.outlets = outlets.to_vec();
        }
    }

    /// Gives up delivered history, so that what is written next finds room; true if there was any.
    pub(super) fn give_up_history(&mut self, shrink: bool) -> bool {
        if Journal::remove_set_aside(&self.dir) {
            warn!("the disk is full: damaged journals that were set aside were removed");
            return true;
        }
        let outlets = self.outlets.clone();
        let Some(journal) = &mut self.journal else { return false };
        match journal.give_up_delivered(&outlets) {
            Ok(0) => false,
            Ok(chunks) => {
                warn!(chunks, "the disk is full: delivered history was given up");
                !shrink || journal.shrink().is_ok()
            }
            Err(_) => false,
        }
    }

    /// Gives the reserve up to the ledger; the journal does not grow while it is missing.
    pub(super) fn give_up_reserve(&mut self) -> bool {
        if !self.reserve.release() {
            return false;
        }
        warn!("the disk is full: the ledger lives on its reserve");
        self.short = true;
        if let Some(journal) = &self.journal {
            // If it fails the journal may grow, and at worst takes the room.
            let _ = journal.may_grow(false);
        }
        true
    }

    /// The ledger has its reserve, or there was no need of it yet.
    pub(super) fn has_reserve(&self) -> bool {
        !self.short
    }

    /// Fills the reserve when there is room for it. Where there is not, but as much as it takes, the journal may grow again
    /// meanwhile: it is full only because it may not.
    pub(super) fn refill(&mut self) {
        let full = |(trouble, _): &(Trouble, String)| *trouble == Trouble::Full;
        let [ledger, journal] = &self.trouble;
        let in_the_way = ledger.is_some() || journal.as_ref().is_some_and(|t| !full(t));
        if self.reserve.is_whole() || self.ledger.is_none() || in_the_way {
            return;
        }
        if self.refilled.elapsed() < REFILL {
            return;
        }
        self.refilled = Instant::now();
        if self.short && self.reserve.has_room(2) == Some(false) {
            let room = self.reserve.has_room(1) == Some(true);
            if let Some(journal) = &self.journal {
                let _ = journal.may_grow(room);
            }
            return;
        }
        match self.reserve.fill() {
            Ok(()) => {
                info!("the ledger's reserve is whole");
                self.short = false;
                if let Some(journal) = &self.journal {
                    let _ = journal.may_grow(true);
                }
            }
            Err(e) => {
                if !self.short {
                    warn!("there is no room for the ledger's reserve: {e}");
                }
                self.short = true;
            }
        }
    }

    /// What waited in the journal goes into the ledger.
    pub(super) fn drain_overflow(&mut self) -> Result<(), StoreError> {
        let (Some(ledger), Some(journal)) = (&mut self.ledger, &mut self.journal) else { return Ok(()) };
        if !self.overflowing {
            return Ok(());
        }
        let waiting = journal.overflow(0)?;
        let Some(last) = waiting.last().map(|w| w.0) else {
            self.overflowing = false;
            return Ok(());
        };
        let taken = ledger.taken_over(journal.name())?;
        let mut rows = Vec::new();
        for (n, text) in waiting.into_iter().filter(|w| w.0 > taken) {
            match Recorded::from_text(&text) {
                Ok(row) => rows.push((n, row)),
                Err(e) => error!("{e}"),
            }
        }
        let name = journal.name().to_owned();
        ledger.take_over(&name, &rows, wall_now())?;
        if !rows.is_empty() {
            info!(rows = rows.len(), "the ledger has taken what waited in the journal");
        }
        journal.drop_overflow(last)?;
        self.overflowing = false;
        Ok(())
    }

    /// Something was put into the journal for the ledger.
    pub(super) fn spilled(&mut self) {
        self.overflowing = true;
    }

    /// Readers of both files.
    pub(super) fn ledger_reader(&self) -> LedgerReader {
        LedgerReader::lazy(&self.dir.join("ledger.db"))
    }
}

/// How long the machine runs.
pub(super) fn uptime() -> Uptime {
    let (boot, up) = crate::clock::uptime();
    Uptime { boot, up }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::{Files, Store, Which};
    use crate::people::Actor;
    use crate::plant::Micros;
    use crate::plant::example::plant;
    use crate::store::{Ledger, Note, StoreError, Trouble};

    fn store(dir: &Path) -> Store {
        let second = std::time::Duration::from_secs(1);
        Store {
            dir: dir.to_owned(),
            commit_every: second,
            journal_max_bytes: 1 << 30,
            keep: second,
            reserve_bytes: 0,
            waiting_max: 10_000,
        }
    }

    fn open(dir: &Path) -> Files {
        Files::open(&store(dir), Arc::new(plant(vec![Vec::new()])), vec!["a".to_owned()]).unwrap()
    }

    fn note(what: &str) -> Note {
        let [what, subject, detail] = [what, "gateway", "{}"].map(str::to_owned);
        Note { at: Micros(1), who: Actor::system(), what, subject, detail }
    }

    #[test]
    fn a_folder_that_cannot_be_made_ends_nothing_and_is_taken_when_it_can_be() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("disk");
        std::fs::write(&blocked, "not a folder").unwrap();
        let mut files = open(&blocked.join("data"));
        assert!(files.ledger.is_none() && files.journal.is_none());
        assert_eq!(files.trouble().map(|t| t.0), Some(Trouble::Failing));
        std::fs::remove_file(&blocked).unwrap();
        files.tend();
        assert!(files.ledger.is_some() && files.journal.is_some() && files.trouble().is_none());
        let second =
            Files::open(&store(&blocked.join("data")), Arc::new(plant(vec![Vec::new()])), Vec::new());
        assert!(matches!(second, Err(StoreError::InUse { .. })), "opened without its lock");
    }

    #[test]
    fn what_waited_in_the_journal_goes_into_the_ledger_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = open(dir.path());
        files.note(Which::Ledger, Err(&StoreError::Moved("away".to_owned())));
        let rows = Ledger::record(|tx| tx.note(&note("meanwhile"))).unwrap();
        let overflow: Vec<String> = rows.iter().map(|r| r.to_text().unwrap()).collect();
        let load = crate::store::Load { overflow: &overflow, ..Default::default() };
        files.journal.as_mut().unwrap().write(&load, Micros(1)).unwrap();
        drop(files);
        for _ in 0..2 {
            let mut files = open(dir.path());
            files.drain_overflow().unwrap();
            let trail = files.ledger_reader().audit().unwrap();
            assert_eq!(trail.iter().filter(|e| e.what == "meanwhile").count(), 1);
        }
    }

    #[test]
    fn a_ledger_that_vanished_or_ends_early_is_told_and_one_that_goes_on_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join("ledger.db");
        let life = |dir: &Path| {
            let mut files = open(dir);
            files.ledger.as_mut().unwrap().write(|tx| tx.note(&note("lived"))).unwrap();
            files.note_ledger();
            files.ledger.as_ref().unwrap().settle().unwrap();
            files.told
        };
        assert!(life(dir.path()).is_empty());
        std::fs::copy(&ledger, dir.path().join("backup")).unwrap();
        assert!(life(dir.path()).is_empty(), "the same ledger");
        std::fs::copy(dir.path().join("backup"), &ledger).unwrap();
        assert!(life(dir.path())[0].contains("1 of 2 audit entries are gone"));
        std::fs::remove_file(&ledger).unwrap();
        assert!(life(dir.path())[0].contains("not the one that was here before"));
    }

    #[test]
    fn a_bad_bit_in_the_ledgers_log_undoes_the_end_of_it_and_that_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = open(dir.path());
        let written = |files: &mut Files, what: &str| {
            files.ledger.as_mut().unwrap().write(|tx| tx.note(&note(what))).unwrap();
            files.note_ledger();
        };
        written(&mut files, "first");
        written(&mut files, "last");
        // As a stop of the machine leaves it, with one bit on the disk gone bad.
        let copy = tempfile::tempdir().unwrap();
        for file in ["ledger.db", "ledger.db-wal", "journal.db", "journal.db-wal"] {
            std::fs::copy(dir.path().join(file), copy.path().join(file)).unwrap();
        }
        let log = copy.path().join("ledger.db-wal");
        let mut bytes = std::fs::read(&log).unwrap();
        let end = bytes.len() - 100;
        bytes[end] ^= 1;
        std::fs::write(&log, bytes).unwrap();
        let again = open(copy.path());
        assert!(again.told[0].contains("1 of 2 audit entries are gone"), "{:?}", again.told);
        let trail = again.ledger_reader().audit().unwrap();
        assert_eq!(trail.iter().map(|e| e.what.as_str()).collect::<Vec<_>>(), ["first"]);
    }

    /// Commits until the journal may not take more.
    fn fill(files: &mut Files) {
        files.short = true;
        files.refilled = std::time::Instant::now().checked_sub(super::REFILL).unwrap();
        let journal = files.journal.as_mut().unwrap();
        journal.may_grow(false).unwrap();
        let full = (0..1000).find_map(|_| put(journal).err()).unwrap();
        assert_eq!(full.trouble(), Trouble::Full);
        files.note(Which::Journal, Err(&full));
    }

    fn put(journal: &mut crate::store::Journal) -> Result<(), StoreError> {
        let overflow = ["x".repeat(50_000)];
        let load = crate::store::Load { overflow: &overflow, ..Default::default() };
        journal.write(&load, Micros(1)).map(drop)
    }

    #[test]
    fn a_journal_that_is_full_because_it_may_not_grow_grows_again_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let open = |reserve_bytes: u64| {
            let store = Store { reserve_bytes, ..store(dir.path()) };
            Files::open(&store, Arc::new(plant(vec![Vec::new()])), Vec::new()).unwrap()
        };
        let mut files = open(1 << 20);
        fill(&mut files);
        files.refill();
        assert!(files.has_reserve(), "the reserve is not filled");
        put(files.journal.as_mut().unwrap()).unwrap();
        drop(files);

        // Room for the reserve, but not for as much again beside it: the journal has it meanwhile.
        std::fs::remove_file(dir.path().join("ledger.reserve")).unwrap();
        let free = rustix::fs::statvfs(dir.path()).map(|d| d.f_bavail * d.f_frsize).unwrap();
        let mut files = open(free / 4 * 3);
        fill(&mut files);
        files.refill();
        assert!(!files.has_reserve() && !dir.path().join("ledger.reserve").exists());
        put(files.journal.as_mut().unwrap()).unwrap();
    }
}
