//! Sets of named values in a JSON tree, found as a shape's layouts say. Pure; borrows from the tree.

use std::borrow::Cow;

use serde_json::Value;

use super::guard;
use super::value::is_good;
use super::{MOST_POINTS, PayloadError};
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
    /// What the payload says about it.
    pub good: bool,
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
        (Some(Value::String(text)), Some(is)) => text.eq_ignore_ascii_case(is),
        (Some(Value::Bool(set)), Some(is)) => is.parse() == Ok(*set),
        (Some(other), Some(is)) => is.parse().ok().is_some_and(|wanted: f64| other.as_f64() == Some(wanted)),
    })
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
                    good: false,
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
        self.push(Found {
            device: device.clone(),
            time: own_time.or(set_time),
            time_expected: layout.time.is_some() || layout.set_time.is_some(),
            name,
            value,
            good: is_good(said, self.shape.good),
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
mod tests {
    use serde_json::{Value, json};

    use super::{Found, is_ignored, open, records};
    use crate::field::mqtt::payload::PayloadError;
    use crate::settings::{Body, JsonPath, Shape, Step};

    /// What a preset finds: (device, name, value, good), and the times.
    #[allow(clippy::type_complexity, reason = "a table of expectations")]
    fn find(
        shape: &Shape,
        mut root: Value,
    ) -> Result<Vec<(String, String, Value, bool, Value)>, PayloadError> {
        open(shape, &mut root)?;
        let Body::Records(layouts) = &shape.body else { panic!("no records") };
        let mut out: Vec<Found<'_>> = Vec::new();
        records(shape, layouts, &root, &mut out)?;
        Ok(out
            .into_iter()
            .map(|f| {
                let value = f.value.cloned().unwrap_or_default();
                let device = f.device.unwrap_or_default().into_owned();
                (device, f.name.into_owned(), value, f.good, f.time.cloned().unwrap_or_default())
            })
            .collect())
    }

    fn preset(name: &str) -> Shape {
        Shape::preset(name).expect("a preset")
    }

    fn row(
        device: &str,
        name: &str,
        value: impl Into<Value>,
        good: bool,
        time: impl Into<Value>,
    ) -> (String, String, Value, bool, Value) {
        (device.into(), name.into(), value.into(), good, time.into())
    }

    #[test]
    fn flat_objects_alone_and_in_a_list() {
        let one = json!({"illuminance":300,"temperature":19.7});
        let wanted =
            [row("", "illuminance", 300, true, Value::Null), row("", "temperature", 19.7, true, Value::Null)];
        assert_eq!(find(&preset("flat"), one.clone()).unwrap(), wanted);
        assert_eq!(find(&preset("flat"), json!([one])).unwrap(), wanted);
        assert_eq!(find(&preset("flat"), json!(5)), Err(PayloadError::NoValues("flat")));
    }

    #[test]
    fn nested_objects_with_their_quality() {
        let root = json!({"ts":17,"device":"B1","data":{"p":{"v":1.02,"q":192},"l":{"v":-8,"q":0},"t":3}});
        assert_eq!(
            find(&preset("nested"), root).unwrap(),
            [row("B1", "l", -8, false, 17), row("B1", "p", 1.02, true, 17), row("B1", "t", 3, true, 17)]
        );
    }

    #[test]
    fn lists_of_points_alone_and_buffered_keep_their_order() {
        let one = |time: &str, value: &str, err: &str| json!({"time":time,"points":[{"name":"P1","value":value,"err":err}]});
        assert_eq!(
            find(&preset("points"), json!([one("a", "1", "0"), one("b", "2", "7")])).unwrap(),
            [row("", "P1", "1", true, "a"), row("", "P1", "2", false, "b")]
        );
        assert_eq!(find(&preset("points"), one("a", "1", "0")).unwrap(), [row("", "P1", "1", true, "a")]);
    }

    #[test]
    fn neuron_in_both_of_its_formats() {
        let values = json!({"timestamp":5,"node":"modbus","group":"g","values":{"tag0":123},"errors":{"tag1":2014},"metas":{}});
        let tags = json!({"timestamp":5,"node":"modbus","group":"g","tags":[{"name":"tag0","value":123},{"name":"tag1","error":2014}]});
        let wanted = [row("modbus", "tag0", 123, true, 5), row("modbus", "tag1", Value::Null, false, 5)];
        assert_eq!(find(&preset("neuron"), values).unwrap(), wanted);
        assert_eq!(find(&preset("neuron"), tags).unwrap(), wanted);
    }

    #[test]
    fn an_error_is_about_its_own_set_and_all_of_its_values_there() {
        let mut shape = preset("neuron");
        if let Body::Records(layouts) = &mut shape.body {
            for layout in layouts {
                for path in [Some(&mut layout.values), layout.errors.as_mut(), layout.set_time.as_mut()]
                    .into_iter()
                    .flatten()
                {
                    path.0.insert(0, Step::Each);
                }
            }
        }
        let set = |time: i64, values: Value, errors: Value| json!({"timestamp":time,"node":"n","values":values,"errors":errors});
        let root = json!([set(1, json!({"p":1.0}), json!({})), set(2, json!({}), json!({"p":2014}))]);
        let found = find(&shape, root).unwrap();
        let said: Vec<_> = found.into_iter().map(|f| (f.1, f.2, f.3, f.4)).collect();
        let wanted = [("p".into(), json!(1.0), true, json!(1)), ("p".into(), Value::Null, false, json!(2))];
        assert_eq!(said, wanted);
    }

    #[test]
    fn usr_reports_are_read_and_its_echoes_passed_over() {
        let body = |dir: &str, key: &str| json!({"Ver":"1.0.1","dir":dir,"id":"12345",key:[{"name":"node0101","value":"48","err":"0"}]});
        let up = json!({"rw_prot": body("up", "r_data")});
        assert!(!is_ignored(&preset("usr"), &up));
        assert_eq!(find(&preset("usr"), up).unwrap(), [row("12345", "node0101", "48", true, Value::Null)]);
        let params = json!({"params": body("up", "r_data")});
        assert_eq!(find(&preset("usr"), params).unwrap(), [row("", "node0101", "48", true, Value::Null)]);
        for passed in [json!({"rw_prot": body("down", "r_data")}), json!({"rw_prot": body("up", "w_data")})] {
            assert!(is_ignored(&preset("usr"), &passed), "{passed}");
        }
    }

    #[test]
    fn a_dtu_names_itself_and_its_time() {
        let root = json!({"devid":"8675","time":"20250101080000","params":{"P":1.02},"csq":23});
        assert_eq!(find(&preset("dtu"), root).unwrap(), [row("8675", "P", 1.02, true, "20250101080000")]);
    }

    #[test]
    fn the_clouds_shapes() {
        let alink = json!({"id":"1","version":"1.0","params":{"P":{"value":1.02,"time":7},"L":[{"value":1,"time":8},{"value":2,"time":9}],"T":3}});
        assert_eq!(
            find(&preset("alink"), alink).unwrap(),
            [
                row("", "L", 1, true, 8),
                row("", "L", 2, true, 9),
                row("", "P", 1.02, true, 7),
                row("", "T", 3, true, Value::Null)
            ]
        );
        let service = json!({"service_id":"boiler","properties":{"P":1.02},"event_time":"20250101T000000Z"});
        assert_eq!(
            find(&preset("huawei"), json!({"services":[service]})).unwrap(),
            [row("", "P", 1.02, true, "20250101T000000Z")]
        );
        let through = json!({"devices":[{"device_id":"a","services":[service]},{"device_id":"b","services":[service]}]});
        assert_eq!(
            find(&preset("huawei"), through).unwrap(),
            [row("a", "P", 1.02, true, "20250101T000000Z"), row("b", "P", 1.02, true, "20250101T000000Z")]
        );
        let gateway = json!({"Boiler 1":[{"ts":1,"values":{"P":1.02}},{"ts":2,"values":{"P":1.03}}]});
        assert_eq!(
            find(&preset("thingsboard"), gateway).unwrap(),
            [row("Boiler 1", "P", 1.02, true, 1), row("Boiler 1", "P", 1.03, true, 2)]
        );
    }

    #[test]
    fn json_in_json_is_opened_and_keyed_by_its_devices() {
        let mut shape = preset("flat");
        shape.parse = vec![JsonPath::parse("/d", false).unwrap()];
        if let Body::Records(layouts) = &mut shape.body {
            layouts[0].values = JsonPath::parse("/d/{device}", true).unwrap();
        }
        let root = json!({"d":"{\"111111111112\":{\"P\":\"1.02\"}}","o":5});
        assert_eq!(find(&shape, root).unwrap(), [row("111111111112", "P", "1.02", true, Value::Null)]);
        assert!(matches!(find(&shape, json!({"d":"{"})), Err(PayloadError::NotJson(_))));
    }

    #[test]
    fn more_values_than_any_device_has_are_refused() {
        let many: serde_json::Map<String, Value> = (0..5001).map(|n| (n.to_string(), json!(n))).collect();
        assert_eq!(find(&preset("flat"), Value::Object(many)), Err(PayloadError::TooMany));
    }
}
