//! A sheet's points over the profile there is: what the sheet says wins, what it does not mention
//! stays, what means the same is not written. Points the sheet no longer has are dropped.

use super::document::{Point, Profile};
use super::import::Imported;
use super::keys::{default, excluded};
use super::value::Keys;

/// The profile that comes out, and what was kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Taken {
    /// Existing points in their order, then the new ones.
    pub profile: Profile,
    /// Keys of existing points that the sheet does not mention, as `id.key`.
    pub kept: Vec<String>,
    /// Points that were found by their register under another id: (id kept, id the sheet would give).
    pub renamed: Vec<(String, String)>,
}

/// Lays `imported` over `existing`. With `replace`, points become what the sheet says and nothing else.
#[must_use]
pub fn merge(existing: &Profile, imported: &Imported, replace: bool) -> Taken {
    let mut taken = Taken::default();
    let head = &mut taken.profile.head;
    head.clone_from(&existing.head);
    head.extend(imported.head.iter().map(|(k, v)| (k.clone(), v.clone())));
    // A default need not be said, unless the file says it already or the sheet is an export.
    if !existing.head.contains_key("order") && head.get("order").and_then(super::Val::as_text) == Some("abcd")
    {
        let exported = imported.points.iter().all(|p| p.explicit);
        if !exported {
            head.remove("order");
        }
    }
    let wanted: Vec<&str> = imported.points.iter().map(|p| p.id.as_str()).collect();
    let mut placed: Vec<Option<Point>> = existing.points.iter().map(|_| None).collect();
    let mut new = Vec::new();
    for point in &imported.points {
        let by_id = existing
            .points
            .iter()
            .position(|p| p.id == point.id && keeps_place(p, point, existing, imported));
        let by_place = || {
            existing.points.iter().position(|p| {
                !point.explicit
                    && p.place.is_some()
                    && p.place == point.place
                    && !wanted.contains(&p.id.as_str())
            })
        };
        match by_id.or_else(by_place).filter(|n| placed[*n].is_none()) {
            None => new.push(fresh(point, &taken.profile.head)),
            Some(n) => {
                let was = &existing.points[n];
                if was.id != point.id {
                    taken.renamed.push((was.id.clone(), point.id.clone()));
                }
                placed[n] = Some(over(was, point, &taken.profile.head, replace, &mut taken.kept));
            }
        }
    }
    taken.profile.points = placed.into_iter().flatten().chain(new).collect();
    taken
}

/// A made id may fall on another point's after a row was put in; the register then tells who is who.
fn keeps_place(was: &Point, point: &Point, existing: &Profile, imported: &Imported) -> bool {
    if point.explicit || was.place.is_none() || was.place == point.place {
        return true;
    }
    // The old register is now under another made id, and this register was under another id before.
    let moved = imported.points.iter().any(|p| p.place == was.place && !p.explicit);
    let known = existing.points.iter().any(|p| p.place == point.place);
    !(moved && known)
}

fn fresh(point: &Point, head: &Keys) -> Point {
    let mut point = point.clone();
    if !point.explicit {
        point.keys.retain(|k, v| default(k, head).as_ref() != Some(v));
    }
    point
}

fn over(was: &Point, point: &Point, head: &Keys, replace: bool, kept: &mut Vec<String>) -> Point {
    let mut keys = if replace { Keys::new() } else { was.keys.clone() };
    for said in point.keys.keys() {
        for other in excluded(said).iter().filter(|k| !point.keys.contains_key(**k)) {
            keys.remove(*other);
        }
    }
    // An address without a bit is the whole register, unless its type says otherwise.
    for key in keys.keys().filter(|k| !point.keys.contains_key(*k)) {
        kept.push(format!("{}.{key}", was.id));
    }
    for (key, value) in &point.keys {
        let silent =
            !was.keys.contains_key(key) && !point.explicit && default(key, head).as_ref() == Some(value);
        if !silent {
            keys.insert(key.clone(), value.clone());
        }
    }
    Point {
        id: was.id.clone(),
        keys,
        comment: was.comment.clone().or_else(|| point.comment.clone()),
        ..point.clone()
    }
}
