//! How each point is read, in words that can be kept and compared: what was read otherwise before goes on in the same
//! series, and nothing in the series itself tells the values of before from those of now.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::types::Settings;
use super::wiring::readings;

/// The file in the store's folder that holds what is in force.
const FILE: &str = "readings.json";

/// How a point is read that no wire has.
const CALCULATED: &str = "calculated";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reading {
    unit: String,
    value_type: String,
    how: String,
    /// Of one that is not in the settings any more: the greater, the later it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone: Option<u64>,
}

/// Points that are not in the settings any more and are known for when they come back; the oldest go.
const MOST_GONE: usize = 10_000;

/// How each point is read, by `equipment/point`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Readings(BTreeMap<String, Reading>);

/// What changed with one point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Otherwise {
    /// `equipment/point`.
    pub point: String,
    /// As it was: register, type, order and scale, or the place in a payload; or the unit.
    pub was: String,
    /// As it is.
    pub now: String,
}

/// What changed in how points are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadChanges {
    /// Points that are read otherwise than before, in the same unit: their series go on.
    #[serde(default, rename = "read_otherwise")]
    pub otherwise: Vec<Otherwise>,
    /// Points that are in another unit than before: a new series begins.
    #[serde(default, rename = "other_units")]
    pub units: Vec<Otherwise>,
}

impl ReadChanges {
    /// Nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.otherwise.is_empty() && self.units.is_empty()
    }

    /// One line for each point that is read otherwise in the same unit, which nothing else tells.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let line = |Otherwise { point, was, now }: &Otherwise| {
            format!(
                "{point}: was read as `{was}` and is read as `{now}`, in the same unit: the series goes on, and values \
                 before and after compare only if the device changed with it; else give the point another id"
            )
        };
        self.otherwise.iter().map(line).collect()
    }
}

impl Readings {
    /// By these settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let plant = &settings.plant;
        let mut how = readings(settings);
        let mut all = BTreeMap::new();
        for equipment in plant.present() {
            for point in equipment.points.iter().map(|ix| plant.point(*ix)) {
                let how = how.remove(&(equipment.id.as_str(), point.id.as_str()));
                let how = how.unwrap_or_else(|| CALCULATED.to_owned());
                let (unit, value_type) = (point.unit.clone(), format!("{:?}", point.value_type));
                all.insert(
                    format!("{}/{}", equipment.id, point.id),
                    Reading { unit, value_type, how, gone: None },
                );
            }
        }
        Self(all)
    }

    /// `now`, and points of before that are not among them: one that comes back in another unit has changed.
    #[must_use]
    pub fn followed_by(&self, now: &Self) -> Self {
        let left = self.0.iter().filter(|(point, _)| !now.0.contains_key(*point));
        let mut left: Vec<(&String, &Reading)> = left.collect();
        let newest = left.iter().filter_map(|(_, reading)| reading.gone).max().unwrap_or(0);
        let gone = |reading: &Reading| reading.gone.unwrap_or(newest + 1);
        left.sort_by_key(|(_, reading)| std::cmp::Reverse(gone(reading)));
        left.truncate(MOST_GONE);
        let left =
            left.into_iter().map(|(point, r)| (point.clone(), Reading { gone: Some(gone(r)), ..r.clone() }));
        Self(now.0.clone().into_iter().chain(left).collect())
    }

    /// Each point that is read otherwise `now`, in the same unit and type: another register, type, order or scale; and
    /// each that is in another unit, with which a new series begins.
    #[must_use]
    pub fn changes(&self, now: &Self) -> ReadChanges {
        let mut changes = ReadChanges::default();
        for (point, now) in now.0.iter().filter(|(_, now)| now.gone.is_none()) {
            let Some(was) = self.0.get(point) else { continue };
            let other = |was: &str, now: &str| Otherwise {
                point: point.clone(),
                was: was.to_owned(),
                now: now.to_owned(),
            };
            if was.unit != now.unit {
                changes.units.push(other(&was.unit, &now.unit));
            } else if was.value_type == now.value_type && was.how != now.how {
                changes.otherwise.push(other(&was.how, &now.how));
            }
        }
        changes
    }

    /// What a gateway kept in the store's folder; `None` where it has none that can be read.
    #[must_use]
    pub fn kept(store: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(store.join(FILE)).ok()?).ok()
    }

    /// Keeps them in the store's folder, as a whole or not at all.
    ///
    /// # Errors
    /// As the disk has them.
    pub fn keep(&self, store: &Path) -> std::io::Result<()> {
        let (file, draft) = (store.join(FILE), store.join(format!("{FILE}.new")));
        let mut out = std::fs::File::create(&draft)?;
        out.write_all(&serde_json::to_vec(self)?)?;
        out.sync_all()?;
        std::fs::rename(&draft, &file)?;
        std::fs::File::open(store)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::Readings;
    use crate::settings::{Settings, load_texts};

    #[test]
    fn a_point_that_is_read_otherwise_in_the_same_unit_is_told_with_both_ways() {
        let load = |point: &str| -> Settings {
            let text = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
                        [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n";
            let profile = format!("[[point]]\nid = \"a\"\n{point}\n[[point]]\nid = \"b\"\naddress = 40009\n");
            load_texts(&[("t.toml", text)], &[("p.toml", &profile)], &[]).expect("good").settings
        };
        let told = |before: &str, now: &str| -> Vec<String> {
            Readings::of(&load(before)).changes(&Readings::of(&load(now))).lines()
        };
        let plain = "unit = \"bar\"\naddress = 40001\nscale = 0.1";
        for (now, words) in [
            ("unit = \"bar\"\naddress = 40001\nscale = 0.01", "unit 1 holding 0 u16 × 0.01"),
            ("unit = \"bar\"\naddress = 40002\nscale = 0.1", "unit 1 holding 1 u16 × 0.1"),
            ("unit = \"bar\"\naddress = 40001\nscale = 0.1\noffset = -5", "unit 1 holding 0 u16 × 0.1 − 5"),
            ("unit = \"bar\"\naddress = 40001\ntype = \"i16\"\nscale = 0.1", "unit 1 holding 0 i16 × 0.1"),
            (
                "unit = \"bar\"\naddress = 40001\ntype = \"u16\"\norder = \"ba\"\nscale = 0.1",
                "unit 1 holding 0 u16 ba × 0.1",
            ),
        ] {
            let lines = told(plain, now);
            assert_eq!(lines.len(), 1, "{now}: {lines:?}");
            let begins = format!("e/a: was read as `unit 1 holding 0 u16 × 0.1` and is read as `{words}`");
            assert!(lines[0].starts_with(&begins), "{}", lines[0]);
        }
        assert!(told(plain, plain).is_empty());
        // A new series begins with another unit, and what else changed does not matter to it.
        assert!(told(plain, "unit = \"kPa\"\naddress = 40001\nscale = 10").is_empty());
        assert!(
            told(plain, "unit = \"bar\"\naddress = 40001\nscale = 0.1\nlimits = { h = { at = 5 } }")
                .is_empty()
        );
    }

    #[test]
    fn a_value_of_a_payload_that_is_read_otherwise_is_told_for_every_way_in() {
        let load = |source: &str, equipment: &str, point: &str| -> Settings {
            let text = format!(
                "[site]\nid = \"n\"\n{source}\n[[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\n\
                 source = \"s\"\n{equipment}\n"
            );
            let profile = format!("[[point]]\nid = \"a\"\n{point}\n");
            load_texts(&[("t.toml", &text)], &[("p.toml", &profile)], &[]).expect("good").settings
        };
        let push = ("[[source.push]]\nid = \"s\"", "");
        let broker = "[[source.mqtt]]\nid = \"s\"\naddress = \"mqtt://192.0.2.1\"";
        let mqtt = (broker, "topic = \"t\"");
        let sparkplug = (broker, "sparkplug = { group = \"g\", node = \"n\" }");
        for ((source, equipment), was, now, words) in [
            (push, "key = \"A\"", "key = \"A\"\nscale = 0.1", "A × 0.1"),
            (
                push,
                "key = \"A\"\nunit = \"bool\"",
                "key = \"A\"\nunit = \"bool\"\ninvert = true",
                "A inverted",
            ),
            (push, "key = \"A\"", "key = \"A\"\nmap = { open = 1, shut = 0 }", "A; open = 1, shut = 0"),
            (mqtt, "key = \"A\"\npointer = \"/d/p\"", "key = \"A\"\npointer = \"/d/q\"", "A at /d/q"),
            (
                mqtt,
                "pointer = \"/p\"\nunit = \"bool\"",
                "pointer = \"/p\"\nunit = \"bool\"\ninvert = true",
                "a at /p inverted",
            ),
            (
                sparkplug,
                "metric = \"M\"\nmap = { open = 1, shut = 0 }",
                "metric = \"M\"\nmap = { open = 0, shut = 1 }",
                "M; open = 0, shut = 1",
            ),
        ] {
            let of = |point: &str| Readings::of(&load(source, equipment, point));
            let lines = of(was).changes(&of(now)).lines();
            assert_eq!(lines.len(), 1, "{now}: {lines:?}");
            assert!(lines[0].contains(&format!(" and is read as `{words}`")), "{}", lines[0]);
            assert!(of(now).changes(&of(now)).is_empty());
        }
        let labelled =
            |name: &str| Readings::of(&load(push.0, push.1, &format!("labels = {{ 1 = \"{name}\" }}")));
        assert!(
            labelled("run").changes(&labelled("runs")).is_empty(),
            "another label is not another reading"
        );
    }

    #[test]
    fn a_point_in_another_unit_is_told_with_both_units_also_one_that_is_calculated() {
        let load = |unit: &str| -> Settings {
            let text = "[site]\nid = \"n\"\n[[source.push]]\nid = \"s\"\n[[equipment]]\nid = \"e\"\nkind = \"k\"\n\
                        profile = \"p\"\nsource = \"s\"\n";
            let profile = format!(
                "[[point]]\nid = \"a\"\nunit = \"{unit}\"\n[[derived]]\nid = \"d\"\nunit = \"{unit}\"\nformula = \"a\"\n"
            );
            load_texts(&[("t.toml", text)], &[("p.toml", &profile)], &[]).expect("good").settings
        };
        let changes = Readings::of(&load("kPa")).changes(&Readings::of(&load("MPa")));
        let told: Vec<_> =
            changes.units.iter().map(|u| [u.point.as_str(), u.was.as_str(), u.now.as_str()]).collect();
        assert_eq!(told, [["e/a", "kPa", "MPa"], ["e/d", "kPa", "MPa"]]);
        assert!(changes.otherwise.is_empty() && changes.lines().is_empty());
    }

    fn pushed(points: &[(&str, &str)]) -> Readings {
        let text = "[site]\nid = \"n\"\n[[source.push]]\nid = \"app\"\n[[equipment]]\nid = \"e\"\nkind = \"k\"\n\
                    profile = \"p\"\nsource = \"app\"\n";
        let point = |(id, unit): &(&str, &str)| format!("[[point]]\nid = \"{id}\"\nunit = \"{unit}\"\n");
        let profile: String = points.iter().map(point).collect();
        Readings::of(&load_texts(&[("t.toml", text)], &[("p.toml", &profile)], &[]).expect("good").settings)
    }

    #[test]
    fn a_point_that_went_and_comes_back_in_another_unit_has_changed() {
        let steps = [pushed(&[("a", "MPa"), ("b", "MPa")]), pushed(&[("b", "MPa")]), pushed(&[("b", "MPa")])];
        let mut kept = Readings::default();
        for now in &steps {
            assert!(kept.changes(now).is_empty());
            kept = kept.followed_by(now);
        }
        assert_eq!(kept, kept.followed_by(&steps[2]), "nothing went since");
        let store = tempfile::tempdir().expect("a folder");
        kept.keep(store.path()).expect("kept");
        let kept = Readings::kept(store.path()).expect("kept");
        let now = pushed(&[("a", "bar"), ("b", "MPa")]);
        let units: Vec<_> = kept.changes(&now).units.into_iter().map(|u| [u.point, u.was, u.now]).collect();
        assert_eq!(units, [["e/a", "MPa", "bar"]]);
        assert!(kept.changes(&kept).is_empty(), "what is gone does not change");
        assert!(kept.followed_by(&now).changes(&now).is_empty(), "it is told once");
    }

    #[test]
    fn of_very_many_points_that_went_the_oldest_are_forgotten_first() {
        let mut kept = pushed(&[("oldest", "MPa")]).followed_by(&pushed(&[("last", "MPa")]));
        let one = kept.0["e/last"].clone();
        kept.0.extend((0..super::MOST_GONE - 1).map(|n| (format!("e/{n}"), one.clone())));
        kept = kept.followed_by(&pushed(&[("last", "MPa")]));
        assert_eq!((kept.0.len(), kept.0.contains_key("e/oldest")), (super::MOST_GONE + 1, true));
        kept = kept.followed_by(&pushed(&[]));
        assert_eq!((kept.0.len(), kept.0.contains_key("e/oldest")), (super::MOST_GONE, false));
        assert!(kept.0.contains_key("e/last"));
    }

    #[test]
    fn what_is_kept_is_read_again_and_what_is_torn_is_nothing() {
        let text = "[site]\nid = \"n\"\n[[source.push]]\nid = \"app\"\n[[equipment]]\nid = \"e\"\nkind = \"k\"\n\
                    profile = \"p\"\nsource = \"app\"\n";
        let profile = "[[point]]\nid = \"a\"\nkey = \"A\"\nscale = 0.1\n";
        let settings = load_texts(&[("t.toml", text)], &[("p.toml", profile)], &[]).expect("good").settings;
        let store = tempfile::tempdir().expect("a folder");
        assert!(Readings::kept(store.path()).is_none());
        let readings = Readings::of(&settings);
        readings.keep(store.path()).expect("kept");
        assert_eq!(Readings::kept(store.path()), Some(readings));
        std::fs::write(store.path().join("readings.json"), "{\"e/a\":{\"unit").expect("written");
        assert!(Readings::kept(store.path()).is_none());
    }
}
