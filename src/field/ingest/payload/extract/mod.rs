//! Sets of named values in a JSON tree, found as a shape's layouts say. Pure; borrows from the tree.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::beside::{Word, verdict, word_of, worse};
use super::guard;
use super::value::is_good;
use super::{MOST_POINTS, PayloadError};
use crate::plant::Quality;
use crate::settings::{JsonPath, Layout, Shape, Step};

/// One named value of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<'v> {
    /// What the payload calls the device, if it does.
    pub device: Option<Cow<'v, str>>,
    /// Its time as written, or that of its set.
    pub time: Option<&'v Value>,
    /// The shape says where a time should stand.
    pub time_expected: bool,
    /// What the payload calls the point.
    pub name: Cow<'v, str>,
    /// The value; `None` where only an error is told.
    pub value: Option<&'v Value>,
    /// The unit that stands beside it.
    pub unit: Option<&'v str>,
    /// What the payload says about it.
    pub good: bool,
    /// Something beside it that may speak against it.
    pub doubt: bool,
    /// A time beside it that the shape does not know, with its key.
    pub aside: Option<(&'v str, &'v Value)>,
}

/// What stands beside a value under keys that the shape does not name.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'v> {
    /// Its unit.
    pub unit: Option<&'v str>,
    /// What speaks against it: good, uncertain or bad.
    pub quality: Quality,
    /// A key that means a time, and what stands there.
    pub time: Option<(&'v str, &'v Value)>,
}

impl<'v> Beside<'v> {
    /// Nothing stands there.
    pub const NOTHING: Self = Self { unit: None, quality: Quality::Good, time: None };

    /// In `entry`, but for the keys that `is_known`; `explicit`: what is known says how good the value is.
    fn of(entry: &'v Map<String, Value>, is_known: impl Fn(&str) -> bool, explicit: bool) -> Self {
        entry.iter().filter(|(key, _)| !is_known(key.as_str())).fold(
            Self::NOTHING,
            |found, (key, content)| {
                let word = word_of(key);
                match word {
                    Some(Word::Unit) => Self { unit: found.unit.or(content.as_str()), ..found },
                    Some(Word::Time) => Self { time: found.time.or(Some((key.as_str(), content))), ..found },
                    _ => Self { quality: worse(found.quality, verdict(word, content, explicit)), ..found },
                }
            },
        )
    }

    /// Beside the value at `pointer`, if the last key of that says that it is one (`/p/v`, `/p/value`): anywhere else
    /// the neighbours are other values. With `explicit` the settings name the quality, and nothing else counts.
    #[must_use]
    pub fn at(root: &'v Value, pointer: &JsonPath, explicit: bool) -> Self {
        let Some((Step::Key(last), above)) = pointer.0.split_last() else { return Self::NOTHING };
        if !["v", "value", "val"].iter().any(|key| last.eq_ignore_ascii_case(key)) {
            return Self::NOTHING;
        }
        let parent = above.iter().try_fold(root, |at, step| match step {
            Step::Key(key) => child(at, key),
            Step::Each | Step::Device => None,
        });
        let Some(Value::Object(entry)) = parent else { return Self::NOTHING };
        let found = Self::of(entry, |key| key == last, explicit);
        if explicit { Self { quality: Quality::Good, ..found } } else { found }
    }
}

/// Which members the wildcard steps took.
type Taken<'v> = Vec<Cow<'v, str>>;

/// Replaces texts that are JSON themselves by what they say.
///
/// # Errors
/// A text there is not JSON, or too deep.
pub fn open(shape: &Shape, root: &mut Value) -> Result<(), PayloadError> {
    for path in &shape.parse {
        let place = path.0.iter().try_fold(&mut *root, |at, step| match (at, step) {
            (Value::Object(map), Step::Key(key)) => map.get_mut(key),
            (Value::Array(list), Step::Key(key)) => list.get_mut(key.parse::<usize>().ok()?),
            _ => None,
        });
        if let Some(place) = place
            && let Some(text) = place.as_str()
        {
            *place = guard::tree(text)?;
        }
    }
    Ok(())
}

/// What stands at `path`, which has no wildcards.
#[must_use]
pub fn at<'v>(root: &'v Value, path: &JsonPath) -> Option<&'v Value> {
    resolve(root, path, &[])
}

/// True if the shape passes this message over.
#[must_use]
pub fn is_ignored(shape: &Shape, root: &Value) -> bool {
    shape.ignore.iter().any(|ignore| match (at(root, &ignore.pointer), &ignore.is) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(Value::String(text)), Some(is)) => is_like(text, is),
        (Some(Value::Bool(set)), Some(is)) => is.parse() == Ok(*set),
        (Some(other), Some(is)) => is.parse().ok().is_some_and(|wanted: f64| other.as_f64() == Some(wanted)),
    })
}

/// `is` may begin or end with `*`.
fn is_like(text: &str, is: &str) -> bool {
    let (text, is) = (text.to_ascii_lowercase(), is.to_ascii_lowercase());
    match (is.strip_prefix('*'), is.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (_, Some(start)) => text.starts_with(start),
        (None, None) => text == is,
    }
}

/// All named values of the first layout that fits.
///
/// # Errors
/// No layout fits, or there are too many values.
pub fn records<'v>(
    shape: &Shape,
    layouts: &[Layout],
    root: &'v Value,
    out: &mut Vec<Found<'v>>,
) -> Result<(), PayloadError> {
    for layout in layouts {
        let mut walk = Walk { shape, layout, root, out: &mut *out, taken: Taken::new(), sets: 0 };
        walk.sets(root, &layout.values.0)?;
        if walk.sets > 0 {
            return Ok(());
        }
    }
    Err(PayloadError::NoValues(shape.preset))
}

struct Walk<'s, 'v, 'o> {
    shape: &'s Shape,
    layout: &'s Layout,
    root: &'v Value,
    out: &'o mut Vec<Found<'v>>,
    taken: Taken<'v>,
    sets: usize,
}

impl<'v> Walk<'_, 'v, '_> {
    fn sets(&mut self, at: &'v Value, steps: &[Step]) -> Result<(), PayloadError> {
        let Some((step, rest)) = steps.split_first() else { return self.set(at) };
        match (step, at) {
            (Step::Key(key), _) => match child(at, key) {
                Some(below) => self.sets(below, rest),
                None => Ok(()),
            },
            (_, Value::Object(map)) => {
                for (key, below) in map {
                    self.taken.push(Cow::Borrowed(key));
                    self.sets(below, rest)?;
                    self.taken.pop();
                }
                Ok(())
            }
            (_, Value::Array(list)) => {
                for (n, below) in list.iter().enumerate() {
                    self.taken.push(Cow::Owned(n.to_string()));
                    self.sets(below, rest)?;
                    self.taken.pop();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn set(&mut self, set: &'v Value) -> Result<(), PayloadError> {
        let (layout, shape) = (self.layout, self.shape);
        let time = layout.set_time.as_ref().and_then(|path| resolve(self.root, path, &self.taken));
        let device = self.device();
        let errors = layout
            .errors
            .as_ref()
            .and_then(|path| resolve(self.root, path, &self.taken))
            .and_then(Value::as_object);
        // A message may have several sets of one device; errors are about their own.
        let own = self.out.len();
        match (set, &layout.name) {
            (Value::Object(map), _) => {
                self.sets += 1;
                for (name, entry) in map {
                    self.entry(name.into(), entry, time, &device)?;
                }
            }
            (Value::Array(list), Some(key)) => {
                self.sets += 1;
                for entry in list {
                    match entry.get(key) {
                        Some(Value::String(name)) => self.entry(name.into(), entry, time, &device)?,
                        Some(Value::Number(number)) => {
                            self.entry(number.to_string().into(), entry, time, &device)?;
                        }
                        _ => {}
                    }
                }
            }
            _ => return Ok(()),
        }
        for (name, code) in errors.into_iter().flatten() {
            if is_good(Some(code), shape.good) {
                continue;
            }
            let mut there = false;
            for found in self.out[own..].iter_mut().filter(|f| f.name == *name) {
                (found.good, there) = (false, true);
            }
            if !there {
                self.push(Found {
                    device: device.clone(),
                    time,
                    time_expected: layout.set_time.is_some(),
                    name: name.into(),
                    value: None,
                    unit: None,
                    good: false,
                    doubt: false,
                    aside: None,
                })?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        name: Cow<'v, str>,
        entry: &'v Value,
        set_time: Option<&'v Value>,
        device: &Option<Cow<'v, str>>,
    ) -> Result<(), PayloadError> {
        let layout = self.layout;
        // Several values of one point under its name, as buffering senders have it.
        if let (Value::Array(several), Some(_), None) = (entry, &layout.value, &layout.name) {
            for one in several {
                self.entry(name.clone(), one, set_time, device)?;
            }
            return Ok(());
        }
        let field = |key: &Option<String>| key.as_ref().and_then(|key| entry.get(key));
        let (value, said, own_time) = if entry.is_object() {
            match &layout.value {
                Some(_) => (field(&layout.value), field(&layout.quality), field(&layout.time)),
                None => (Some(entry), None, None),
            }
        } else {
            (Some(entry), None, None)
        };
        let named = [&layout.value, &layout.name, &layout.quality, &layout.time];
        let is_known = |key: &str| named.iter().any(|known| known.as_deref() == Some(key));
        let beside = match entry {
            Value::Object(map) if layout.value.is_some() => Beside::of(map, is_known, said.is_some()),
            _ => Beside::NOTHING,
        };
        self.push(Found {
            device: device.clone(),
            time: own_time.or(set_time),
            time_expected: layout.time.is_some() || layout.set_time.is_some(),
            name,
            value,
            unit: beside.unit,
            good: is_good(said, self.shape.good) && beside.quality.is_usable(),
            doubt: beside.quality != Quality::Good,
            aside: beside.time,
        })
    }

    fn push(&mut self, found: Found<'v>) -> Result<(), PayloadError> {
        if self.out.len() >= MOST_POINTS {
            return Err(PayloadError::TooMany);
        }
        self.out.push(found);
        Ok(())
    }

    fn device(&self) -> Option<Cow<'v, str>> {
        let by_key = self
            .layout
            .values
            .0
            .iter()
            .filter(|s| !matches!(s, Step::Key(_)))
            .position(|s| *s == Step::Device)
            .and_then(|n| self.taken.get(n).cloned());
        by_key.or_else(|| name_of(resolve(self.root, self.shape.device.as_ref()?, &self.taken)?))
    }
}

/// A device's name as a text; numbers are names too.
#[must_use]
pub fn name_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// What stands at `path`, its wildcard steps taking the members `taken`.
fn resolve<'v>(root: &'v Value, path: &JsonPath, taken: &[Cow<'v, str>]) -> Option<&'v Value> {
    let mut taken = taken.iter();
    path.0.iter().try_fold(root, |at, step| match step {
        Step::Key(key) => child(at, key),
        Step::Each | Step::Device => child(at, taken.next()?),
    })
}

fn child<'v>(at: &'v Value, key: &str) -> Option<&'v Value> {
    match at {
        Value::Object(map) => map.get(key),
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
