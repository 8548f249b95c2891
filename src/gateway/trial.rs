//! Whether new settings read what the old ones did: the devices that must be read again, and by when.
//! Pure; `reload` hands in what is read and the clock.
//!
//! A device that was changed and read before must be read again; where its points are now another
//! device's (another unit, another source), that one must. What was removed on purpose is not missed.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::plant::{DeviceIx, Plant};
use crate::settings::{Keys, MqttSource, PushSource, Settings};

/// Shortest and longest time in which a polled device must be read again.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);
/// A device that speaks by itself has as long as it may be silent anyway; one that may be silent for
/// longer than this is not waited for.
const MOST_PATIENT: Duration = Duration::from_secs(600);

/// The settings that come back if the present ones do not prove themselves.
pub(super) struct Trial {
    pub(super) settings: Settings,
    pub(super) keys: Keys,
    /// Each with the end of its time.
    waiting: Vec<(DeviceIx, Instant)>,
}

impl Trial {
    /// Of `next` after `old`, of which `read` were read; `None` if there is nothing to prove.
    pub(super) fn new(
        old: Settings,
        keys: Keys,
        next: &Settings,
        read: &[DeviceIx],
        now: Instant,
    ) -> Option<Self> {
        let changed = changed_devices(&old, next);
        let mut wanted = Vec::new();
        for device in read {
            if is_present(&next.plant, *device) {
                wanted.extend(changed.contains(device).then_some(*device));
                continue;
            }
            let points = old.plant.devices.get(device.0 as usize).into_iter().flat_map(|d| &d.points);
            let owners = points.filter_map(|p| Some(next.plant.points.get(p.0 as usize)?.device));
            wanted.extend(owners.filter(|owner| is_present(&next.plant, *owner)));
        }
        wanted.sort();
        wanted.dedup();
        let waiting = wanted.into_iter().filter_map(|d| Some((d, now + patience(next, d)?))).collect();
        let trial = Self { settings: old, keys, waiting };
        (!trial.waiting.is_empty()).then_some(trial)
    }

    /// New settings came while this trial was under way: what it still waits for is waited for on, and
    /// what comes back are the settings that were proven. `read` were read since the ones on trial came.
    pub(super) fn go_on(
        mut self,
        with: Option<Self>,
        next: &Settings,
        read: &HashSet<DeviceIx>,
        now: Instant,
    ) -> Option<Self> {
        self.waiting.retain(|(device, _)| is_present(&next.plant, *device) && !read.contains(device));
        if self.waiting.is_empty() {
            return with;
        }
        for (device, end) in &mut self.waiting {
            *end = patience(next, *device).map_or(*end, |long| now + long);
        }
        let known: HashSet<DeviceIx> = self.waiting.iter().map(|w| w.0).collect();
        self.waiting.extend(with.into_iter().flat_map(|w| w.waiting).filter(|w| !known.contains(&w.0)));
        Some(self)
    }

    /// The end of it, when there is one: those that are not read. `read` were read since the settings
    /// are in force.
    pub(super) fn verdict(&mut self, read: &HashSet<DeviceIx>, now: Instant) -> Option<Vec<DeviceIx>> {
        self.waiting.retain(|(device, _)| !read.contains(device));
        if self.waiting.iter().all(|(_, end)| now < *end) && !self.waiting.is_empty() {
            return None;
        }
        Some(self.waiting.iter().map(|w| w.0).collect())
    }

    /// It lasts no longer than so many seconds more.
    pub(super) fn seconds(&self, now: Instant) -> u64 {
        let last = self.waiting.iter().map(|w| w.1).max();
        last.map_or(0, |end| end.saturating_duration_since(now).as_secs())
    }
}

/// How long a device may take to be read again.
fn patience(settings: &Settings, device: DeviceIx) -> Option<Duration> {
    let groups = || settings.modbus.iter().flat_map(|s| &s.devices).flat_map(|d| &d.groups);
    if groups().any(|g| g.device == device) {
        let slowest = groups().map(|g| g.period).max().unwrap_or_default();
        return Some(slowest.saturating_mul(3).clamp(SHORTEST, LONGEST));
    }
    let silent = settings.plant.devices.get(device.0 as usize)?.stale_after;
    (silent <= MOST_PATIENT).then(|| silent.max(SHORTEST))
}

fn is_present(plant: &Plant, device: DeviceIx) -> bool {
    plant.devices.get(device.0 as usize).is_some_and(|d| !d.points.is_empty())
}

/// Devices whose way of being read is not what it was; those of a changed source are all of them.
fn changed_devices(old: &Settings, new: &Settings) -> HashSet<DeviceIx> {
    let mut same = HashSet::new();
    for source in &new.modbus {
        let Some(before) = old.modbus.iter().find(|s| s.id == source.id) else { continue };
        let alike = before.transport == source.transport && before.timeout == source.timeout;
        for device in source.devices.iter().filter(|d| alike && before.devices.contains(d)) {
            same.extend(device.groups.iter().map(|g| g.device));
        }
    }
    for source in &new.mqtt {
        let Some(before) = old.mqtt.iter().find(|s| session(s) == session(source)) else { continue };
        let (mappings, metrics) = (&source.mappings, &source.metrics);
        let changed: HashSet<DeviceIx> = mappings
            .iter()
            .filter(|m| !before.mappings.contains(m))
            .map(|m| m.device)
            .chain(metrics.iter().filter(|m| !before.metrics.contains(m)).map(|m| m.device))
            .collect();
        let all = mappings.iter().map(|m| m.device).chain(metrics.iter().map(|m| m.device));
        same.extend(all.filter(|d| !changed.contains(d)));
    }
    for source in &new.push {
        let with = |s: &PushSource| PushSource { devices: Vec::new(), ..s.clone() };
        let Some(before) = old.push.iter().find(|s| with(s) == with(source)) else { continue };
        same.extend(source.devices.iter().filter(|d| before.devices.contains(d)).map(|d| d.device));
    }
    (0..new.plant.devices.len() as u32).map(DeviceIx).filter(|d| !same.contains(d)).collect()
}

/// An MQTT source without what is on it: a device that was added beside another one leaves that as it was.
fn session(source: &MqttSource) -> MqttSource {
    MqttSource { mappings: Vec::new(), metrics: Vec::new(), offline: Vec::new(), ..source.clone() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::{Duration, Instant};

    use super::Trial;
    use crate::plant::DeviceIx;
    use crate::settings::{Keys, Settings, load_texts, renumber};

    /// One boiler at this unit, and one sender that pushes.
    fn load(unit: u8, more: &str) -> Settings {
        let text = format!(
            "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
             [[source.push]]\nid = \"app\"\n{more}\n\
             [[equipment]]\nid = \"a\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"plc\"\nunit = {unit}\n\
             [[equipment]]\nid = \"b\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"app\"\n"
        );
        let profile = "[[point]]\nid = \"x\"\naddress = 40001\n";
        load_texts(&[("t.toml", &text)], &[("p.toml", profile)], &[]).expect("good").settings
    }

    fn after(old: &Settings, next: Settings) -> Settings {
        renumber(next, &old.plant)
    }

    fn trial(old: &Settings, next: &Settings, now: Instant) -> Option<Trial> {
        let read: Vec<DeviceIx> = (0..old.plant.devices.len() as u32).map(DeviceIx).collect();
        Trial::new(old.clone(), Keys::new(), next, &read, now)
    }

    fn waits(trial: &Trial, of: &Settings) -> Vec<(String, u64)> {
        let now = trial.waiting.iter().map(|w| w.1).min().expect("one");
        let label = |d: DeviceIx| of.plant.device(d).label.clone();
        trial.waiting.iter().map(|(d, end)| (label(*d), (*end - now).as_secs())).collect()
    }

    const NONE: fn() -> HashSet<DeviceIx> = HashSet::new;

    #[test]
    fn a_device_whose_points_are_asked_of_another_unit_must_be_read_there() {
        let (old, now) = (load(1, ""), Instant::now());
        assert!(trial(&old, &after(&old, load(1, "")), now).is_none(), "nothing changed");
        let next = after(&old, load(11, ""));
        let mut trial = trial(&old, &next, now).expect("there is something to prove");
        assert_eq!(waits(&trial, &next), [("plc/11".to_owned(), 0)]);
        assert_eq!(trial.verdict(&NONE(), now + Duration::from_secs(9)), None);
        let silent = trial.verdict(&NONE(), now + Duration::from_secs(10)).expect("it is over");
        assert_eq!(silent.len(), 1);
        assert_eq!(trial.verdict(&silent.into_iter().collect(), now), Some(Vec::new()), "it is read");
    }

    #[test]
    fn a_device_that_is_added_to_a_broker_leaves_its_neighbours_out_of_the_trial() {
        let load = |more: &str, address: &str| {
            let text = format!(
                "[site]\nid = \"n\"\n[[source.mqtt]]\nid = \"m\"\naddress = \"mqtt://{address}\"\n\
                 [[equipment]]\nid = \"a\"\nprofile = \"p\"\nsource = \"m\"\n{more}"
            );
            let profile =
                "kind = \"k\"\nshape = \"flat\"\ntopic = \"plant/{device}/data\"\n[[point]]\nid = \"x\"\n";
            load_texts(&[("t.toml", &text)], &[("p.toml", profile)], &[]).expect("good").settings
        };
        let (old, now) = (load("", "192.0.2.1"), Instant::now());
        let added = "[[equipment]]\nid = \"b\"\nprofile = \"p\"\nsource = \"m\"\n";
        assert!(trial(&old, &after(&old, load(added, "192.0.2.1")), now).is_none(), "an unchanged neighbour");
        assert!(trial(&old, &after(&old, load(added, "192.0.2.2")), now).is_some(), "another broker");
        let moved = load("topic = \"other/data\"\n", "192.0.2.1");
        assert!(trial(&old, &after(&old, moved), now).is_some(), "another topic");
    }

    #[test]
    fn a_sender_has_as_long_as_it_may_be_silent_and_a_very_quiet_one_is_not_waited_for() {
        let (old, now) = (load(1, ""), Instant::now());
        let slow = after(&old, load(1, "expect_every = \"1m\"\ntolerance = \"5m\""));
        let mut one = trial(&old, &slow, now).expect("the source changed");
        assert_eq!(one.seconds(now), 180);
        assert_eq!(one.verdict(&NONE(), now + Duration::from_secs(179)), None);
        assert_eq!(one.verdict(&NONE(), now + Duration::from_secs(180)).map(|s| s.len()), Some(1));
        let hourly = after(&old, load(1, "expect_every = \"1h\"\ntolerance = \"5m\""));
        assert!(trial(&old, &hourly, now).is_none());
    }

    #[test]
    fn what_is_removed_on_purpose_is_not_missed() {
        let (old, now) = (load(1, ""), Instant::now());
        let mut less = load(1, "");
        less.plant.equipment.truncate(1);
        less.plant.points.truncate(1);
        less.plant.devices.truncate(1);
        less.push[0].devices.clear();
        assert!(trial(&old, &after(&old, less), now).is_none());
    }

    #[test]
    fn a_change_during_a_trial_leaves_the_proven_settings_to_come_back() {
        let (proven, now) = (load(1, ""), Instant::now());
        let wrong = after(&proven, load(11, ""));
        let first = trial(&proven, &wrong, now).expect("there is something to prove");
        // Another change, in which the device that is not read counts no more: it was not read before.
        let later = now + Duration::from_secs(5);
        let next = after(&wrong, load(11, "tolerance = \"5m\""));
        let second = Trial::new(wrong, Keys::new(), &next, &[], later);
        let both = first.go_on(second, &next, &NONE(), later).expect("still to be proven");
        assert_eq!(both.settings.modbus, proven.modbus);
        assert_eq!(waits(&both, &next), [("plc/11".to_owned(), 0)]);
        assert_eq!(both.seconds(later), 10);
        // What was read meanwhile is proven, and what is gone is not waited for.
        let read = both.waiting.iter().map(|w| w.0).collect();
        assert!(both.go_on(None, &next, &read, later).is_none());
    }
}
