//! Values out of payloads of every shape.

use serde_json::{Value, json};

use super::{Beside, Found, is_ignored, open, records};
use crate::field::ingest::payload::PayloadError;
use crate::plant::Quality;
use crate::settings::{Body, JsonPath, Shape, Step};

/// What a preset finds: (device, name, value, good), and the times.
#[allow(clippy::type_complexity, reason = "a table of expectations")]
fn find(shape: &Shape, mut root: Value) -> Result<Vec<(String, String, Value, bool, Value)>, PayloadError> {
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
    let through =
        json!({"devices":[{"device_id":"a","services":[service]},{"device_id":"b","services":[service]}]});
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

#[test]
fn what_stands_beside_a_value_under_other_names_counts() {
    let root = json!({"data":{
        "a":{"v":1,"Quality":"bad"}, "b":{"v":2,"valid":false,"q":192}, "c":{"v":3,"status":1},
        "d":{"v":4,"status":1,"q":192}, "e":{"v":5,"Unit":"kPa","t":"2026-11-30 08:00:00"}, "f":{"v":6,"name":"x"},
    }});
    let (shape, mut root) = (preset("nested"), root);
    open(&shape, &mut root).expect("nothing to open");
    let Body::Records(layouts) = &shape.body else { panic!("no records") };
    let mut out: Vec<Found<'_>> = Vec::new();
    records(&shape, layouts, &root, &mut out).expect("values");
    let said: Vec<_> = out.iter().map(|f| (&*f.name, f.good, f.doubt)).collect();
    let wanted = [
        ("a", false, true),
        ("b", false, true),
        ("c", true, true),
        ("d", true, false),
        ("e", true, false),
        ("f", true, false),
    ];
    assert_eq!(said, wanted);
    assert_eq!((out[4].unit, out[4].aside.map(|a| a.0)), (Some("kPa"), Some("t")));
}

#[test]
fn beside_a_pointer_only_what_belongs_to_its_value_counts() {
    let root = json!({"p":{"v":850,"unit":"kPa","q":0},"T":20,"unit":"MPa","quality":"bad"});
    let at = |path: &str, explicit| Beside::at(&root, &JsonPath::parse(path, false).unwrap(), explicit);
    assert_eq!((at("/p/v", false).unit, at("/p/v", false).quality.is_usable()), (Some("kPa"), false));
    assert!(at("/p/v", true).quality.is_usable(), "the settings name its quality");
    assert_eq!((at("/T", false).unit, at("/T", false).quality), (None, Quality::Good));
}
