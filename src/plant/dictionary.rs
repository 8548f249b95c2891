//! The points that boilers and vessels usually have: one id, one label in each language and one unit for each, and what
//! people call it. Lists are imported by it, presets and first profiles are named by it, and a point of a profile that has
//! no name of its own is labelled by it.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Name;

/// One point of some kinds of equipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Id, as presets and profiles have it.
    pub id: &'static str,
    /// Kinds of equipment; empty: any.
    pub kinds: Vec<&'static str>,
    /// Usual unit; `bool` for a discrete point, empty where there is none.
    pub unit: &'static str,
    /// Chinese label.
    pub zh: &'static str,
    /// English label.
    pub en: &'static str,
    /// What else people call it, in Chinese.
    pub names_zh: Vec<&'static str>,
    /// The same in English.
    pub names_en: Vec<&'static str>,
}

impl Known {
    /// It is a point of this kind of equipment.
    #[must_use]
    pub fn is_of(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Every name in both languages, the labels first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.zh, self.en].into_iter().chain(self.names_zh.iter().chain(&self.names_en).copied())
    }
}

/// The cells of a row; a cell with commas stands in quotes.
fn cells(row: &'static str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut rest = row;
    loop {
        let (cell, after) = match rest.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some((cell, after)) => (cell, after),
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        found.push(cell);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return found,
        }
    }
}

static ALL: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let several = |cell: &'static str| cell.split('|').filter(|n| !n.is_empty()).collect();
    // Ours, and read by a test: a row that cannot be read is not there.
    let rows = include_str!("dictionary.csv").lines().skip(1);
    rows.filter_map(|row| match cells(row)[..] {
        [id, kinds, unit, zh, en, names_zh, names_en] => Some(Known {
            id,
            kinds: several(kinds),
            unit,
            zh,
            en,
            names_zh: several(names_zh),
            names_en: several(names_en),
        }),
        _ => None,
    })
    .collect()
});

static BY_ID: LazyLock<HashMap<&str, Vec<&Known>>> = LazyLock::new(|| {
    let mut found: HashMap<&str, Vec<&Known>> = HashMap::new();
    for known in all() {
        found.entry(known.id).or_default().push(known);
    }
    found
});

/// All of them, by kind of equipment.
#[must_use]
pub fn all() -> &'static [Known] {
    &ALL
}

/// The point of this id on this kind of equipment. Without a kind, or with one that is not here, only where the id means
/// the same everywhere.
#[must_use]
pub fn known(kind: Option<&str>, id: &str) -> Option<&'static Known> {
    let found = BY_ID.get(id)?;
    if let Some(kind) = kind.filter(|kind| all().iter().any(|k| k.kinds.contains(kind))) {
        return found.iter().find(|k| k.is_of(kind)).copied();
    }
    let first = *found.first()?;
    found.iter().all(|k| k.zh == first.zh).then_some(first)
}

/// The name of a point in both languages. What was not written in one language is taken from here where the other was not
/// written either or is a name that is known here; else the written one, or the id, serves for both.
#[must_use]
pub fn label(kind: Option<&str>, id: &str, zh: Option<&str>, en: Option<&str>) -> Name {
    let fits = |known: &&Known| match (zh, en) {
        (Some(written), _) => known.zh == written || known.names_zh.contains(&written),
        (None, Some(written)) => known.en == written || known.names_en.contains(&written),
        (None, None) => true,
    };
    match known(kind, id).filter(fits) {
        Some(known) => Name::new(zh.or(Some(known.zh)), en.or(Some(known.en)), id),
        None => Name::new(zh, en, id),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{all, known, label};
    use crate::plant::Id;

    #[test]
    fn every_row_is_read_and_whole() {
        let rows = include_str!("dictionary.csv").lines().skip(1).count();
        assert_eq!(all().len(), rows);
        for known in all() {
            assert!(Id::new(known.id).is_ok(), "{known:?}");
            assert!(!known.zh.is_ascii() && known.en.is_ascii() && known.en.len() > 2, "{known:?}");
            assert!(known.names_en.iter().all(|n| n.is_ascii()), "{known:?}");
            assert!(known.unit.chars().all(|c| !c.is_whitespace()), "{known:?}");
        }
    }

    #[test]
    fn a_name_means_one_point_of_a_kind() {
        let mut seen: BTreeMap<(&str, String), &str> = BTreeMap::new();
        for known in all() {
            let kinds = if known.kinds.is_empty() { vec![""] } else { known.kinds.clone() };
            for kind in kinds {
                for name in known.names() {
                    let folded = name.to_lowercase().replace(' ', "");
                    let first = seen.entry((kind, folded.clone())).or_insert(known.id);
                    assert_eq!(*first, known.id, "{kind}: {name}");
                    assert!(kind.is_empty() || !seen.contains_key(&("", folded)), "{kind}: {name}");
                }
            }
        }
    }

    #[test]
    fn a_point_without_a_name_has_the_label_of_its_kind() {
        let of = |kind, id, zh, en| {
            let name = label(kind, id, zh, en);
            (name.zh, name.en)
        };
        let both = |zh: &str, en: &str| (zh.to_owned(), en.to_owned());
        assert_eq!(of(Some("steam-boiler"), "drum_level", None, None), both("锅筒水位", "Drum level"));
        assert_eq!(of(Some("autoclave"), "pressure", None, None), both("釜内压力", "Vessel pressure"));
        // `pressure` is another thing on each vessel.
        assert_eq!(of(None, "pressure", None, None), both("pressure", "pressure"));
        assert_eq!(of(None, "stack_temp", None, None), both("排烟温度", "Stack temperature"));
        // A name in one language is told in the other only where it is known.
        assert_eq!(of(None, "drum_level", Some("汽包水位"), None), both("汽包水位", "Drum level"));
        assert_eq!(of(None, "drum_level", Some("左侧水位"), None), both("左侧水位", "左侧水位"));
        assert_eq!(of(None, "drum_level", None, Some("Left gauge")), both("Left gauge", "Left gauge"));
        assert_eq!(known(Some("steam-boiler"), "outlet_temp"), None);
        assert!(known(Some("my-own-kind"), "steam_pressure").is_some());
    }
}
