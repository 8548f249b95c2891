//! Bodies → readings, through the door's reader.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use super::door::read;
use super::{Desk, Format, PushError, Reason, Report};
use crate::clock::wall_now;
use crate::field::Status;
use crate::field::ingest::payload::tests::point;
use crate::plant::meaning::Kind;
use crate::plant::{Batch, Cause, DeviceIx, Id, Meaning, Micros, PointIx, Quality};
use crate::settings::{Late, PushDevice, PushSource, TimeFormat, TimeRule};

pub(super) fn desk(id: &str, devices: &[&str]) -> Arc<Desk> {
    let device = |(n, name): (usize, &&str)| {
        let points = ["pressure", "level", "on"].iter().enumerate().map(|(k, key)| {
            let mut point = point((3 * n + k) as u32, key);
            point.meaning = match *key {
                "on" => Meaning::plain(Kind::Truth { invert: true }),
                "level" => Meaning { scale: 0.1, ..Meaning::default() },
                _ => Meaning::default(),
            };
            point
        });
        PushDevice { device: DeviceIx(n as u32), name: (*name).to_owned(), points: points.collect() }
    };
    let source = PushSource {
        id: Id::new(id).expect("an id"),
        token: None,
        rule: TimeRule::default(),
        devices: devices.iter().enumerate().map(device).collect(),
    };
    let stale = vec![Duration::from_secs(30); devices.len()];
    Arc::new(Desk::new(&source, TimeZone::UTC, &stale, Status::new(id, "push")))
}

type Flat = (u32, i64, bool, Vec<(u32, f64, Quality)>);

fn flat(batch: &Batch) -> Vec<Flat> {
    let readings = |r: &[crate::plant::Reading]| r.iter().map(|r| (r.point.0, r.value, r.quality)).collect();
    batch.samples().map(|(head, r)| (head.device.0, head.at.0, head.live, readings(r))).collect()
}

fn push(desks: &[Arc<Desk>], format: Format, body: &str) -> (Result<(), PushError>, Report, Vec<Flat>) {
    let (mut report, mut all) = (Report::default(), Batch::default());
    let outcome = read(desks, format, body.as_bytes(), &mut report, |batch| all.append(batch));
    (outcome.map(|_| ()), report, flat(&all))
}

fn reasons(report: &Report) -> Vec<(usize, &Reason)> {
    report.rejections.iter().map(|r| (r.place, &r.reason)).collect()
}

const NANOS: Format = Format::Lines(TimeFormat::Nanos);

#[test]
fn plain_and_nested_values_are_taken_with_scale_inversion_and_quality() {
    let desks = [desk("p", &["boiler-1"])];
    let body = json!({"device":"boiler-1","values":{"pressure":"1.02","level":{"v":-80,"q":192},"on":true}});
    let (outcome, report, samples) = push(&desks, Format::Json, &body.to_string());
    assert_eq!((outcome, report.accepted, report.rejected), (Ok(()), 3, 0));
    let mut values: Vec<_> = samples[0].3.clone();
    values.sort_by_key(|v| v.0);
    assert_eq!(values, [(0, 1.02, Quality::Good), (1, -8.0, Quality::Good), (2, 0.0, Quality::Good)]);

    let body = r#"{"device":"boiler-1","values":{"pressure":NaN,"level":{"v":-80,"q":0}}}"#;
    let (_, report, samples) = push(&desks, Format::Json, body);
    assert_eq!((report.accepted, report.rejected), (2, 0), "no number is a bad reading, no error");
    let causes: Vec<_> = samples[0].3.iter().map(|r| (r.0, r.2)).collect();
    assert!(causes.contains(&(0, Quality::Bad(Cause::NotANumber))), "{causes:?}");
    assert!(causes.contains(&(1, Quality::Bad(Cause::DeviceSaysBad))), "{causes:?}");
}

#[test]
fn a_batch_of_several_times_is_taken_in_the_order_of_its_times() {
    let desks = [desk("p", &["a", "b"])];
    let now = wall_now().0 / 1000;
    let set =
        |device: &str, ago: i64, v: f64| json!({"device":device,"time":now - ago,"values":{"pressure":v}});
    let body = json!([set("a", 0, 3.0), set("a", 2000, 1.0), set("b", 1000, 9.0), set("a", 1000, 2.0)]);
    let (_, report, samples) = push(&desks, Format::Json, &body.to_string());
    assert_eq!(report.accepted, 4);
    let order: Vec<_> = samples.iter().map(|s| (s.0, s.3[0].1, s.2)).collect();
    assert_eq!(order, [(0, 1.0, true), (1, 9.0, true), (0, 2.0, true), (0, 3.0, true)]);
    assert_eq!(samples[3].1, now * 1000);
}

#[test]
fn what_is_wrong_is_named_and_what_is_good_beside_it_is_taken() {
    let desks = [desk("p", &["a", "b"])];
    let body = json!([
        {"device":"a","values":{"pressure":1.0,"presure":2.0,"level":"abc"}},
        {"device":"b","values":{"pressure":"1.2 bar","level":false}},
        {"device":"x","values":{"pressure":1.0}},
        {"values":{"pressure":1.0}},
        {"device":"b"},
        7
    ]);
    let (_, report, samples) = push(&desks, Format::Json, &body.to_string());
    let mut said = reasons(&report);
    said.sort_by_key(|s| (s.0, format!("{:?}", s.1)));
    let wanted = [
        (0, &Reason::UnknownPoint),
        (0, &Reason::Unreadable),
        (1, &Reason::Boolean),
        (1, &Reason::OtherUnit),
        (2, &Reason::UnknownDevice),
        (3, &Reason::NoDevice),
        (4, &Reason::NoValues),
        (5, &Reason::NoValues),
    ];
    assert_eq!(said, wanted);
    assert_eq!((report.accepted, report.rejected), (1, 8));
    // P4: what cannot be read makes its point bad; the old value must not stand.
    assert!(samples[0].3.iter().any(|r| r.0 == 1 && r.2 == Quality::Bad(Cause::Unreadable)), "{samples:?}");
}

#[test]
fn a_source_of_one_device_needs_no_name_and_two_sources_with_the_same_one_need_more() {
    let one = [desk("p", &["a"])];
    assert_eq!(push(&one, Format::Json, r#"{"values":{"pressure":1}}"#).1.accepted, 1);
    let two = [desk("p", &["a"]), desk("q", &["a", "b"])];
    let (_, report, _) = push(&two, Format::Json, r#"{"device":"a","values":{"pressure":1}}"#);
    assert_eq!(reasons(&report), [(0, &Reason::TwoSources)]);
    let (_, report, samples) = push(&two, Format::Json, r#"{"device":"b","values":{"pressure":1}}"#);
    assert_eq!((report.accepted, samples[0].0), (1, 1));
}

#[test]
fn the_same_reading_comes_once_and_without_a_time_it_is_another() {
    let desks = [desk("p", &["a"])];
    let timed = json!({"time": wall_now().0 / 1000, "values":{"pressure":1.0,"level":2}}).to_string();
    assert_eq!(push(&desks, Format::Json, &timed).1.accepted, 2);
    let (outcome, report, samples) = push(&desks, Format::Json, &timed);
    assert_eq!((outcome, report.accepted, report.duplicates), (Ok(()), 0, 2));
    assert!(samples.is_empty());
    for _ in 0..2 {
        assert_eq!(push(&desks, Format::Json, r#"{"values":{"pressure":1.0}}"#).1.accepted, 1);
    }
}

#[test]
fn a_repeat_waits_for_the_commit_of_what_it_repeats() {
    let desks = [desk("p", &["a"])];
    let timed = json!({"time": wall_now().0 / 1000, "values":{"pressure":1.0}}).to_string();
    for _ in 0..2 {
        let (mut report, mut handed) = (Report::default(), 0);
        read(&desks, Format::Json, timed.as_bytes(), &mut report, |_| handed += 1).expect("good");
        assert_eq!(handed, 1, "answered before the keeper was asked");
    }
}

#[test]
fn times_far_off_are_history_or_not_believed_as_on_mqtt() {
    let desks = [desk("p", &["a"])];
    let now = wall_now();
    let at = |micros: i64| json!({"time": micros / 1000, "values":{"pressure":1.0}}).to_string();
    let (_, _, samples) = push(&desks, Format::Json, &at(now.0 - 3_600_000_000));
    assert!(!samples[0].2, "an hour old, yet judged");
    let (_, _, samples) = push(&desks, Format::Json, &at(now.0 + 3_600_000_000));
    assert_eq!(samples[0].3[0].2, Quality::Uncertain(Cause::DeviceClock));
    assert!(samples[0].2 && samples[0].1 >= now.0, "a future time was believed");
    let (_, _, samples) = push(&desks, Format::Json, r#"{"time":"yesterday","values":{"pressure":1.0}}"#);
    assert_eq!(samples[0].3[0].2, Quality::Uncertain(Cause::DeviceClock));

    let mut source = desks[0].source.clone();
    source.rule.late = Late::Arrival;
    let other = Desk::new(&source, TimeZone::UTC, &[Duration::from_secs(30)], Status::new("p", "push"));
    let (_, _, samples) = push(&[Arc::new(other)], Format::Json, &at(now.0 - 3_600_000_000));
    assert_eq!((samples[0].2, samples[0].3[0].2), (true, Quality::Uncertain(Cause::DeviceClock)));
}

#[test]
fn a_time_that_cannot_be_read_and_a_key_that_nobody_knows_are_named_and_leave_a_doubt() {
    let desks = [desk("p", &["a"])];
    for (body, reason) in [
        (r#"{"time":"gestern","values":{"pressure":1.0}}"#, Reason::BadTime("\"gestern\"".to_owned())),
        (r#"{"ts":1790000000000,"values":{"pressure":1.0}}"#, Reason::UnknownKey("ts".to_owned())),
        (
            r#"{"Time":"2026-11-30T08:00:00Z","values":{"pressure":1.0}}"#,
            Reason::UnknownKey("Time".to_owned()),
        ),
    ] {
        let (outcome, report, samples) = push(&desks, Format::Json, body);
        assert_eq!((outcome, report.accepted, report.rejected), (Ok(()), 1, 1), "{body}");
        assert_eq!(reasons(&report), [(0, &reason)]);
        assert_eq!(samples[0].3[0].2, Quality::Uncertain(Cause::DeviceClock), "{body}");
    }
    let body = r#"{"site":"n","values":{"pressure":{"v":1.0,"qualty":0}}}"#;
    let (_, report, samples) = push(&desks, Format::Json, body);
    let said: Vec<String> = report.rejections.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "item 0: unknown key `site`; the keys are `device`, `time` and `values`",
            "item 0: unknown key `qualty`; did you mean `quality`?",
        ]
    );
    assert_eq!(samples[0].3[0].2, Quality::Good, "neither reads like a quality or a time");
    let (_, report, samples) = push(&desks, Format::Lines(TimeFormat::Nanos), "m pressure=2 1790000000");
    assert_eq!(reasons(&report), [(1, &Reason::BadTime("1790000000 (precision ns)".to_owned()))]);
    assert_eq!(samples[0].3[0].2, Quality::Uncertain(Cause::DeviceClock));
}

/// The first reading of a body about `pressure`.
fn first(body: &str) -> (f64, Quality) {
    let (outcome, _, samples) = push(&[desk("p", &["a"])], Format::Json, body);
    assert_eq!(outcome, Ok(()), "{body}");
    (samples[0].3[0].1, samples[0].3[0].2)
}

#[test]
fn a_quality_under_another_name_counts() {
    for (beside, wanted) in [
        ("\"Q\":0", Quality::Bad(Cause::DeviceSaysBad)),
        ("\"Quality\":\"bad\"", Quality::Bad(Cause::DeviceSaysBad)),
        ("\"valid\":false", Quality::Bad(Cause::DeviceSaysBad)),
        ("\"status\":\"error\"", Quality::Bad(Cause::DeviceSaysBad)),
        ("\"status\":3", Quality::Uncertain(Cause::DeviceSaysBad)),
        ("\"valid\":true", Quality::Good),
        ("\"status\":\"ok\"", Quality::Good),
        ("\"name\":\"drum\"", Quality::Good),
    ] {
        let found = first(&format!("{{\"values\":{{\"pressure\":{{\"v\":1.02,{beside}}}}}}}"));
        assert_eq!(found.1, wanted, "{beside}");
        assert!(!wanted.is_usable() || found.0 == 1.02);
    }
    for (beside, wanted) in [
        ("\"quality\":\"bad\"", Quality::Bad(Cause::DeviceSaysBad)),
        ("\"status\":1", Quality::Good),
        ("\"site\":\"n\"", Quality::Good),
    ] {
        let found = first(&format!("{{{beside},\"values\":{{\"pressure\":1.02}}}}"));
        assert_eq!(found.1, wanted, "{beside}");
    }
}

#[test]
fn a_time_under_another_name_or_in_another_place_is_a_time_that_nobody_knows() {
    let doubt = Quality::Uncertain(Cause::DeviceClock);
    for body in [
        r#"{"sampleTime":1790000000000,"values":{"pressure":1.0}}"#,
        r#"{"collectTime":"2026-11-30 08:00:00","values":{"pressure":1.0}}"#,
        r#"{"采集时间":"2026-11-30 08:00:00","values":{"pressure":1.0}}"#,
        r#"{"when":"2026-11-30 08:00:00","values":{"pressure":1.0}}"#,
        r#"{"values":{"pressure":1.0,"ts":1790000000000}}"#,
        r#"{"values":{"pressure":{"v":1.0,"t":1790000000000}}}"#,
        r#"{"values":{"pressure":{"v":1.0,"at":"2026-11-30T08:00:00Z"}}}"#,
    ] {
        assert_eq!(first(body), (1.0, doubt), "{body}");
    }
    for body in [
        r#"{"serial":1790000000,"values":{"pressure":1.0,"t":85.2}}"#,
        r#"{"version":"1.2-3","values":{"pressure":{"v":1.0,"channel":4}}}"#,
    ] {
        assert_eq!(first(body), (1.0, Quality::Good), "{body}");
    }
}

#[test]
fn three_readings_of_one_second_end_at_the_last_of_them() {
    let desks = [desk("p", &["a"])];
    let now = wall_now().0 / 1_000_000;
    let one = |on: bool| json!({"time": now, "values": {"on": on}}).to_string();
    let told: Vec<_> = [true, false, true, true]
        .map(|on| push(&desks, Format::Json, &one(on)))
        .map(|(_, report, samples)| (report.duplicates, samples.last().map(|s| s.3[0].1)))
        .into();
    assert_eq!(told, [(0, Some(0.0)), (0, Some(1.0)), (0, Some(0.0)), (1, None)]);
}

#[test]
fn tags_of_a_line_that_read_like_a_unit_or_a_quality_count() {
    let read = |line: &str| {
        let mut one = desk("p", &["a"]);
        let own = Arc::get_mut(&mut one).expect("just made");
        own.source.devices[0].points[0].meaning = Meaning::default().with_units("MPa", None, false);
        let (_, _, samples) = push(&[one], NANOS, line);
        (samples[0].3[0].1, samples[0].3[0].2)
    };
    assert_eq!(read("m,unit=kPa pressure=850"), (0.85, Quality::Good));
    assert_eq!(read("m,unit=kPa pressure=0.85,level=3"), (0.85, Quality::Good), "of which field?");
    assert_eq!(read("m,quality=bad pressure=0.85").1, Quality::Bad(Cause::DeviceSaysBad));
    assert_eq!(read("m,host=bad pressure=0.85"), (0.85, Quality::Good));
}

#[test]
fn an_odd_token_costs_its_own_value_and_a_unit_beside_a_number_counts() {
    let desks = [desk("p", &["a"])];
    let body = r#"{"values":{"pressure":{"v":850,"unit":"kPa"},"level":12.,"on":1.#QNAN}}"#;
    let (outcome, report, samples) = push(&desks, Format::Json, body);
    assert_eq!((outcome, report.accepted, report.rejected), (Ok(()), 3, 0));
    let values: Vec<_> = samples[0].3.iter().map(|r| (r.0, r.2)).collect();
    assert!(values.contains(&(2, Quality::Bad(Cause::NotANumber))) && values.contains(&(1, Quality::Good)));
}

#[test]
fn line_protocol_names_device_points_and_time() {
    let desks = [desk("p", &["boiler-1", "boiler 2"])];
    let now = wall_now().0;
    let body = format!(
        "# from a logger\nm,host=h,device=boiler-1 pressure=1.02,level=-80i {now}000\nm,equipment=boiler\\ 2 on=f {now}000\nm,device=boiler-1 pressure=\nm,device=boiler-1 what=1 {now}000"
    );
    let (outcome, report, samples) = push(&desks, NANOS, &body);
    assert_eq!((outcome, report.accepted, report.rejected), (Ok(()), 3, 2));
    assert_eq!(samples[0].1, now);
    assert_eq!(samples[0].3, [(0, 1.02, Quality::Good), (1, -8.0, Quality::Good)]);
    assert_eq!(samples[1].3, [(5, 1.0, Quality::Good)]);
    let said = reasons(&report);
    assert!(matches!(said[0], (4, Reason::BadLine(_))), "{said:?}");
    assert_eq!(said[1], (5, &Reason::UnknownPoint));
    let seconds = Format::Lines(TimeFormat::Seconds);
    let stamp = now / 1_000_000;
    let (_, _, samples) = push(&desks, seconds, &format!("m,device=boiler-1 pressure=2 {stamp}"));
    assert_eq!(samples[0].1, stamp * 1_000_000);
}

#[test]
fn what_is_no_body_is_refused_whole() {
    let desks = [desk("p", &["a"])];
    let refused = |format, body: &str| push(&desks, format, body).0.expect_err(body);
    assert!(matches!(refused(Format::Json, "{\"values\":"), PushError::NotJson(_)));
    assert_eq!(refused(Format::Json, "7"), PushError::NoObject);
    assert_eq!(refused(Format::Json, "[]"), PushError::Empty);
    assert_eq!(refused(NANOS, "# nothing\n"), PushError::Empty);
    assert_eq!(refused(Format::Json, &"[".repeat(99)), PushError::TooDeep);
    let many = "m pressure=1\n".repeat(5001);
    assert_eq!(refused(NANOS, &many), PushError::TooMany);
    assert_eq!(push(&desks, NANOS, &many[..many.len() - 13]).1.accepted, 5000);
    assert_eq!(refused(NANOS, &"#".repeat((1 << 20) + 1)), PushError::TooLarge);
    let mut report = Report::default();
    let latin = read(&desks, Format::Json, b"{\"values\":{\"\xe9\":1}}", &mut report, |_| ());
    assert_eq!(latin, Err(PushError::NotText));
}

#[test]
fn a_point_left_out_by_a_device_that_goes_on_talking_is_told_stale_by_the_shared_rule() {
    use crate::field::ingest::staleness::Fresh;
    let mut fresh = Fresh::new(2, Duration::from_secs(30));
    let start = std::time::Instant::now();
    fresh.spoke(start);
    let points = || [PointIx(0), PointIx(1)].into_iter();
    assert!(fresh.takes(0, None, start) && fresh.takes(1, Some(Micros(5)), start));
    assert!(!fresh.takes(1, Some(Micros(4)), start), "an older reading took a newer one's place");
    let later = start + Duration::from_secs(31);
    assert!(fresh.takes(0, None, later));
    let mut out = Vec::new();
    fresh.look_for_missing(later, points(), &mut out);
    assert_eq!((out.len(), out[0].point, out[0].quality), (1, PointIx(1), Quality::Bad(Cause::Stale)));
}

proptest! {
    #[test]
    fn every_item_is_accepted_known_or_rejected_and_a_good_reading_is_finite(
        sets in prop::collection::vec(
            ("[abx]", prop::collection::btree_map("(pressure|level|on|zz)", "(1|-2\\.5|true|null|\"7\"|\"q\"|\\{\"v\":3,\"q\":1\\}|\\[\\])", 1..4)),
            1..6,
        ),
    ) {
        let desks = [desk("p", &["a", "b"])];
        let list: Vec<String> = sets
            .iter()
            .map(|(device, values)| {
                let values: Vec<_> = values.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
                format!("{{\"device\":\"{device}\",\"values\":{{{}}}}}", values.join(","))
            })
            .collect();
        let total: usize = sets.iter().map(|s| s.1.len()).sum();
        let (outcome, report, samples) = push(&desks, Format::Json, &format!("[{}]", list.join(",")));
        prop_assert_eq!(outcome, Ok(()));
        prop_assert_eq!(report.accepted + report.duplicates + report.rejected, total);
        for reading in samples.iter().flat_map(|s| &s.3) {
            prop_assert_eq!(reading.1.is_finite(), reading.2.is_usable());
        }
    }

    #[test]
    fn no_body_makes_it_panic(body in "(?s).{0,120}") {
        let desks = [desk("p", &["a"])];
        let _ = push(&desks, Format::Json, &body);
        let _ = push(&desks, NANOS, &body);
    }
}
