//! A sheet's points over the profile there is: what the sheet says wins, what it does not mention
//! stays, what means the same is not written. Points the sheet no longer has are dropped, unless some
//! of its rows could not be read.
//!
//! Who is who: an id that the sheet names itself; else the same id at the same register; else the same
//! register under the same name, which is a point renamed by hand; else the same id. A register alone
//! never hands limits on: it may carry another signal now.

mod stale;

use std::collections::{HashMap, HashSet};

use super::document::{Point, Profile};
use super::import::{Imported, whole};
use super::keys::{default, excluded};
use super::value::{Keys, Val};
use super::{Trouble, messages};

/// The profile that comes out, and what was kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Taken {
    /// Existing points in their order, then the new ones.
    pub profile: Profile,
    /// What the sheet does not mention and the profile has: `id.key`, or the id of a whole point.
    pub kept: Vec<String>,
    /// Points that were found by their register under another id: (id kept, id the sheet would give).
    pub renamed: Vec<(String, String)>,
    /// What the profile had and no longer holds, as the sheet gives another type, or a bit: `id.key`.
    pub dropped: Vec<String>,
    /// Points whose new unit and whose own keys cannot both be right; they stay as they were.
    pub faults: Vec<Trouble>,
}

/// Lays `imported` over `existing`. With `replace`, points become what the sheet says and nothing else.
#[must_use]
pub fn merge(existing: &Profile, imported: &Imported, replace: bool) -> Taken {
    let mut taken = Taken::default();
    let head = &mut taken.profile.head;
    head.clone_from(&existing.head);
    head.extend(imported.head.iter().map(|(k, v)| (k.clone(), v.clone())));
    // A default need not be said, unless the file says it already or the sheet is an export.
    let exported = imported.points.iter().all(|p| p.explicit);
    if !exported
        && !existing.head.contains_key("order")
        && head.get("order").and_then(Val::as_text) == Some("abcd")
    {
        head.remove("order");
    }
    let matched = matched(&existing.points, &imported.points);
    let ids = final_ids(existing, imported, &matched);
    let mut placed: Vec<Option<Point>> = vec![None; existing.points.len()];
    let mut new = Vec::new();
    for (n, point) in imported.points.iter().enumerate() {
        let point = &referring(point, &ids);
        match matched[n] {
            None => new.push(Point { id: ids[&point.id].clone(), ..fresh(point, &taken.profile.head) }),
            Some(m) => {
                let was = &existing.points[m];
                if was.id != point.id {
                    taken.renamed.push((was.id.clone(), point.id.clone()));
                }
                let head = taken.profile.head.clone();
                placed[m] = Some(over(was, point, &head, replace, &mut taken));
            }
        }
    }
    // A row that could not be read may be any of the points that are missing: none of them goes. Nor does one of a sheet
    // that was not asked for.
    if !imported.faults.is_empty() || imported.partial {
        for (place, was) in placed.iter_mut().zip(&existing.points).filter(|(p, _)| p.is_none()) {
            taken.kept.push(was.id.clone());
            *place = Some(was.clone());
        }
    }
    taken.profile.points = placed.into_iter().flatten().chain(new).collect();
    taken
}

/// Whether a point of the profile (first) is one of the sheet.
type Rule<'a> = &'a dyn Fn(&Point, &Point) -> bool;

/// For each point of the sheet, which of the profile's it is.
fn matched(existing: &[Point], points: &[Point]) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = vec![None; points.len()];
    let mut used = vec![false; existing.len()];
    let (mut by_id, mut by_place) = (HashMap::<&str, Vec<usize>>::new(), HashMap::<_, Vec<usize>>::new());
    for (m, was) in existing.iter().enumerate() {
        by_id.entry(was.id.as_str()).or_default().push(m);
        if let Some(place) = was.place {
            by_place.entry(place).or_default().push(m);
        }
    }
    fn name(p: &Point) -> Option<&Val> {
        p.keys.get("name").or_else(|| p.keys.get("name_en"))
    }
    let place = |a: &Point, b: &Point| a.place.is_some() && a.place == b.place;
    // Each with whether its points are found by their register instead of their id.
    let rules: [(bool, Rule<'_>); 4] = [
        (false, &|_, point| point.explicit),
        (false, &place),
        (true, &|was, point| !point.explicit && (name(was).is_none() || name(was) == name(point))),
        (false, &|_, _| true),
    ];
    for (by_register, rule) in rules {
        for (n, point) in points.iter().enumerate() {
            let alike = match by_register {
                true => point.place.and_then(|place| by_place.get(&place)),
                false => by_id.get(point.id.as_str()),
            };
            if found[n].is_none()
                && let Some(m) = alike
                    .and_then(|all| all.iter().copied().find(|m| !used[*m] && rule(&existing[*m], point)))
            {
                found[n] = Some(m);
                used[m] = true;
            }
        }
    }
    found
}

/// The id each point of the sheet ends with: the profile's, its own, or a free one.
fn final_ids(existing: &Profile, imported: &Imported, matched: &[Option<usize>]) -> HashMap<String, String> {
    let again: HashSet<usize> = matched.iter().flatten().copied().collect();
    let stay = |m: &usize| !imported.faults.is_empty() || imported.partial || again.contains(m);
    let mut taken: HashSet<String> =
        (0..existing.points.len()).filter(stay).map(|m| existing.points[m].id.clone()).collect();
    let mut ids = HashMap::new();
    for (point, found) in imported.points.iter().zip(matched) {
        let id = match found {
            Some(m) => existing.points[*m].id.clone(),
            None => {
                let free = |id: &String| !taken.contains(id);
                let numbered = || (2..).map(|n| format!("{}_{n}", point.id)).find(free);
                let id = Some(point.id.clone()).filter(free).or_else(numbered).unwrap_or_default();
                taken.insert(id.clone());
                id
            }
        };
        ids.insert(point.id.clone(), id);
    }
    ids
}

/// References by the ids that the points end with.
fn referring(point: &Point, ids: &HashMap<String, String>) -> Point {
    fn renamed(value: &Val, ids: &HashMap<String, String>) -> Val {
        match value {
            Val::Text(id) => Val::Text(ids.get(id).unwrap_or(id).clone()),
            Val::List(all) => Val::List(all.iter().map(|v| renamed(v, ids)).collect()),
            other => other.clone(),
        }
    }
    let mut point = point.clone();
    for key in ["times", "decimals_from"] {
        if let Some(value) = point.keys.get_mut(key) {
            *value = renamed(value, ids);
        }
    }
    point
}

fn fresh(point: &Point, head: &Keys) -> Point {
    let mut point = point.clone();
    if !point.explicit {
        point.keys.retain(|k, v| default(k, head).as_ref() != Some(v));
    }
    point
}

fn over(was: &Point, point: &Point, head: &Keys, replace: bool, taken: &mut Taken) -> Point {
    let mut keys = if replace { Keys::new() } else { was.keys.clone() };
    for said in point.keys.keys() {
        for other in excluded(said).iter().filter(|k| !point.keys.contains_key(**k)) {
            keys.remove(*other);
        }
    }
    let mut joined = keys.clone();
    joined.extend(point.keys.iter().map(|(k, v)| (k.clone(), v.clone())));
    match stale::settle(was, point, &mut joined) {
        Ok(gone) => {
            taken.dropped.extend(gone.iter().map(|key| format!("{}.{key}", was.id)));
            keys.retain(|k, _| joined.contains_key(k));
            for (key, value) in &mut keys {
                if let Some(new) = joined.get(key).filter(|_| !point.keys.contains_key(key)) {
                    value.clone_from(new);
                }
            }
        }
        Err((key, problem)) => {
            let place = format!("{}.{key}", was.id);
            taken.faults.push(whole(&place, &problem, messages::UNIT_CHANGED_REMEDY));
            return was.clone();
        }
    }
    for key in keys.keys().filter(|k| !point.keys.contains_key(*k)) {
        taken.kept.push(format!("{}.{key}", was.id));
    }
    for (key, value) in &point.keys {
        let silent =
            !was.keys.contains_key(key) && !point.explicit && default(key, head).as_ref() == Some(value);
        if !silent {
            keys.insert(key.clone(), value.clone());
        }
    }
    let comment = was.comment.clone().or_else(|| point.comment.clone());
    Point { id: was.id.clone(), keys, comment, ..point.clone() }
}
