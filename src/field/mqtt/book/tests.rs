//! From the integrator's TOML and a sender's bytes to samples.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Book, Message, Outcome};
use crate::field::ingest::payload::hex;
use crate::field::mqtt::MqttStatus;
use crate::plant::{Cause, Micros, Plant, Quality};
use crate::settings::load_texts;

/// 2026-09-21 22:13:20 in Shanghai.
const NOW: Micros = Micros(1_790_000_000_000_000);
const NOW_MS: i64 = NOW.0 / 1000;

struct Bench {
    book: Book,
    plant: Plant,
    now: Instant,
}

/// (equipment/point, value or cause, microseconds, live)
type Row = (String, Result<f64, Cause>, i64, bool);

impl Bench {
    fn new(profile: &str, equipment: &str) -> Self {
        let settings = format!(
            "[site]\nid = \"n\"\n[[source.mqtt]]\nid = \"b\"\naddress = \"mqtt://192.0.2.1\"\nexpect_every = \"5s\"\n{equipment}"
        );
        let loaded = load_texts(&[("t.toml", &settings)], &[("p.toml", profile)], &[]);
        let settings = loaded.unwrap_or_else(|e| panic!("{e}")).settings;
        let stale: Vec<Duration> = settings.plant.devices.iter().map(|d| d.stale_after).collect();
        let book = Book::new(&settings.mqtt[0], &settings.plant.site.timezone, &stale);
        Self { book, plant: settings.plant, now: Instant::now() }
    }

    /// One equipment `e` with points a and b.
    fn one(profile: &str, keys: &str) -> Self {
        let profile = format!("kind = \"k\"\n{profile}\n[[point]]\nid = \"a\"\n[[point]]\nid = \"b\"\n");
        Self::new(&profile, &equipment("e", keys))
    }

    fn read(&mut self, topic: &str, payload: impl AsRef<[u8]>) -> (Outcome, Vec<Row>) {
        self.take(&Message {
            topic,
            payload: payload.as_ref(),
            retained: false,
            expired: false,
            queued: None,
        })
    }

    fn take(&mut self, message: &Message<'_>) -> (Outcome, Vec<Row>) {
        let outcome = self.book.read(message, NOW, self.now);
        let mut rows = Vec::new();
        for sample in self.book.samples() {
            for reading in self.book.readings(sample) {
                let point = self.plant.point(reading.point);
                assert_eq!(point.device, sample.device, "a reading under another device");
                let name = format!("{}/{}", self.plant.equipment_at(point.equipment).id, point.id);
                let value = match reading.quality {
                    Quality::Bad(cause) => Err(cause),
                    _ => Ok(reading.value),
                };
                rows.push((name, value, sample.at.0, sample.live));
            }
        }
        (outcome, rows)
    }

    fn rows(&mut self, topic: &str, payload: &Value) -> Vec<Row> {
        let (outcome, rows) = self.read(topic, payload.to_string());
        assert_eq!(outcome.fault, None);
        rows
    }

    /// What nobody configured: (device, point).
    fn unknown(&mut self) -> Vec<(Option<String>, Option<String>)> {
        let mut status = None;
        MqttStatus::note_unmapped(&mut status, &mut self.book.seen);
        status
            .map(|s| s.unknown.iter().map(|u| (u.device.clone(), u.point.clone())).collect())
            .unwrap_or_default()
    }
}

fn equipment(id: &str, keys: &str) -> String {
    format!("[[equipment]]\nid = \"{id}\"\nprofile = \"p\"\nsource = \"b\"\n{keys}\n")
}

fn message<'a>(topic: &'a str, payload: &'a [u8]) -> Message<'a> {
    Message { topic, payload, retained: false, expired: false, queued: None }
}

fn row(name: &str, value: f64, at: i64) -> Row {
    (name.to_owned(), Ok(value), at, true)
}

fn bad(name: &str, cause: Cause, at: i64) -> Row {
    (name.to_owned(), Err(cause), at, true)
}

#[test]
fn pointers_with_quality_time_and_a_missing_point_read_as_ever() {
    let profile = "kind = \"k\"\ntime = { pointer = \"/ts\" }\n\
        [[point]]\nid = \"a\"\npointer = \"/d/a/v\"\nquality = \"/d/a/q\"\n\
        [[point]]\nid = \"b\"\npointer = \"/d/b/v\"\nquality = \"/d/b/q\"\n\
        [[point]]\nid = \"c\"\npointer = \"/d/c\"\n";
    let mut bench = Bench::new(profile, &equipment("e", "topic = \"t\""));
    let payload = json!({"ts":NOW_MS - 1,"d":{"a":{"v":1.02,"q":192},"b":{"v":-8,"q":0}}});
    let at = NOW.0 - 1000;
    assert_eq!(
        bench.rows("t", &payload),
        [row("e/a", 1.02, at), bad("e/b", Cause::DeviceSaysBad, at), bad("e/c", Cause::Missing, at)]
    );
    let (outcome, rows) = bench.read("t", "no json");
    assert!(outcome.fault.is_some_and(|f| f.starts_with("t: not JSON")) && rows.is_empty());
}

#[test]
fn a_bare_word_is_a_value_and_the_topic_may_name_the_point() {
    let profile = "kind = \"k\"\ntopic = \"plant/{device}/{point}\"\n[[point]]\nid = \"a\"\nunit = \"MPa\"\n\
                   [[point]]\nid = \"on\"\nunit = \"bool\"\n\
                   [[point]]\nid = \"valve\"\nunit = \"%\"\nmap = { open = 100, closed = 0 }\n\
                   [[point]]\nid = \"mode\"\nlabels = { 0 = \"stop\", 1 = { zh = \"运行\", en = \"run\" } }\n";
    let mut bench = Bench::new(profile, &equipment("e", ""));
    for (point, payload, value) in [
        ("a", "1.02", 1.02),
        ("a", "\"1.25MPa\"", 1.25),
        ("a", "850 kPa", 0.85),
        ("a", " 7 \n", 7.0),
        ("on", "ON", 1.0),
        ("on", "255", 1.0),
        ("valve", "Open", 100.0),
        ("mode", "运行", 1.0),
    ] {
        let name = format!("e/{point}");
        let (topic, wanted) = (format!("plant/{name}"), [row(&name, value, NOW.0)]);
        assert_eq!(bench.read(&topic, payload).1, wanted, "{payload}");
    }
    for (payload, cause) in [
        ("off", Cause::Boolean),
        ("false", Cause::Boolean),
        ("1.25 bad", Cause::Unreadable),
        ("68 ℃", Cause::OtherUnit),
    ] {
        assert_eq!(bench.read("plant/e/a", payload).1, [bad("e/a", cause, NOW.0)], "{payload}");
    }
    assert!(bench.read("plant/e/x", "5").1.is_empty());
    assert!(bench.read("plant/f/a", "5").1.is_empty());
    assert_eq!(bench.unknown(), [(Some("e".to_owned()), Some("x".to_owned())), (Some("f".to_owned()), None)]);
}

#[test]
fn one_odd_number_costs_its_own_point_and_is_counted() {
    let mut bench = Bench::one("shape = \"flat\"\ntopic = \"t\"", "");
    for (odd, wanted) in [
        ("-nan", Err(Cause::NotANumber)),
        ("1.#QNAN", Err(Cause::NotANumber)),
        ("1e400", Err(Cause::NotANumber)),
        ("12.", Ok(12.0)),
        (".5", Ok(0.5)),
        ("", Err(Cause::NotANumber)),
        ("1,25", Err(Cause::NotANumber)),
        ("\"12\t5\"", Err(Cause::Unreadable)),
        ("bad", Err(Cause::Unreadable)),
    ] {
        let (outcome, rows) = bench.read("t", format!("{{\"a\":{odd},\"b\":7}}"));
        assert_eq!((outcome.fault, outcome.repaired), (None, 1), "{odd}");
        assert_eq!(rows, [("e/a".to_owned(), wanted, NOW.0, true), row("e/b", 7.0, NOW.0)], "{odd}");
    }
}

#[test]
fn several_documents_in_one_message_and_compressed_ones_are_read() {
    let mut bench = Bench::one("shape = \"flat\"\ntime = { pointer = \"/ts\" }\ntopic = \"t\"", "");
    let (first, second) = (NOW_MS - 2000, NOW_MS - 1000);
    let lines = format!("{{\"ts\":{first},\"a\":1}}\n{{\"ts\":{second},\"a\":2,\"b\":-nan}}\n{{\"ts\":1");
    let (outcome, rows) = bench.read("t", &lines);
    let at = |ms: i64| ms * 1000;
    let wanted =
        [row("e/a", 1.0, at(first)), row("e/a", 2.0, at(second)), bad("e/b", Cause::NotANumber, at(second))];
    assert_eq!(rows, wanted);
    assert!(outcome.fault.is_some_and(|f| f.starts_with("t: not JSON")), "the one that was cut off is told");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, br#"{"a":3,"b":4}"#).expect("memory");
    let (outcome, rows) = bench.read("t", gzip.finish().expect("memory"));
    assert_eq!((outcome.fault, rows.len()), (None, 2));
    let (outcome, _) = bench.read("t", [0x1F, 0x8B, 8, 0, 1, 2, 3]);
    assert!(outcome.fault.is_some_and(|f| f.contains("cannot be opened")));
}

#[test]
fn a_value_that_names_its_unit_beside_it_is_converted() {
    let profile = "kind = \"k\"\nshape = \"nested\"\ntopic = \"t\"\n[[point]]\nid = \"a\"\nunit = \"MPa\"\n";
    let mut bench = Bench::new(profile, &equipment("e", ""));
    let rows = bench.rows("t", &json!({"ts":NOW_MS,"data":{"a":{"v":850,"q":192,"unit":"kPa"}}}));
    assert_eq!(rows, [row("e/a", 0.85, NOW.0)]);
}

#[test]
fn a_time_that_cannot_be_read_is_named_and_its_readings_are_in_doubt() {
    let mut bench =
        Bench::one("shape = \"flat\"\ntime = { pointer = \"/ts\", format = \"local\" }\ntopic = \"t\"", "");
    for (ts, at) in [
        ("2026-09-21T14:13:17Z", NOW.0 - 3_000_000),
        ("2026年9月21日 22时13分18秒", NOW.0 - 2_000_000),
        ("2026/09/21 22:13:19", NOW.0 - 1_000_000),
        ("2026-09-21 22:13:19:500", NOW.0 - 500_000),
    ] {
        let rows = bench.rows("t", &json!({"ts":ts,"a":1}));
        assert_eq!(rows, [row("e/a", 1.0, at)], "{ts}");
    }
    for ts in [json!("gestern"), json!("21/09/2026 22:13:20"), json!(0)] {
        let payload = json!({"ts":ts,"a":1}).to_string();
        let outcome = bench.book.read(&message("t", payload.as_bytes()), NOW, bench.now);
        assert_eq!((outcome.fault, outcome.bad_times), (None, 1), "{ts}");
        let told = outcome.bad_time.expect("named");
        assert!(told.starts_with(&format!("t: {ts} is not a time")), "{told}");
        let reading = bench.book.readings(&bench.book.samples()[0])[0];
        assert_eq!(reading.quality, Quality::Uncertain(Cause::DeviceClock), "{ts}");
    }
}

#[test]
fn what_waited_at_the_broker_without_a_time_is_in_doubt_and_judged_only_if_it_can_still_be_true() {
    let mut bench = Bench::one("shape = \"flat\"\ntime = { pointer = \"/ts\" }\ntopic = \"t\"", "");
    // Values are good for 15 s: three times the 5 s in which a message is expected.
    for (away, live) in [(14, true), (16, false), (u64::MAX, false)] {
        let queued = Some(Duration::from_secs(away));
        let outcome = bench.book.read(&Message { queued, ..message("t", br#"{"a":1}"#) }, NOW, bench.now);
        let sample = bench.book.samples()[0];
        assert_eq!((outcome.queued, sample.live), (true, live), "{away}");
        let reading = bench.book.readings(&sample)[0];
        assert_eq!((reading.value, reading.quality), (1.0, Quality::Uncertain(Cause::Queued)));
    }
    // Its own time tells what it is.
    let timed = json!({"ts":NOW_MS - 60_000,"a":1}).to_string();
    let queued = Some(Duration::MAX);
    let outcome = bench.book.read(&Message { queued, ..message("t", timed.as_bytes()) }, NOW, bench.now);
    let sample = bench.book.samples()[0];
    assert!(!outcome.queued && sample.live);
    assert_eq!(bench.book.readings(&sample)[0].quality, Quality::Good);
}

#[test]
fn what_a_cloud_sets_at_a_device_is_not_a_reading_of_it() {
    let mut bench = Bench::one("shape = \"alink\"\ntopic = \"t\"", "");
    let with = |method: &str| json!({"id":"1","method":method,"params":{"a":99}}).to_string();
    for method in
        ["thing.service.property.set", "thing.service.property.get", "thing.event.property.post_reply"]
    {
        let (outcome, rows) = bench.read("t", with(method));
        assert!(outcome.ignored && rows.is_empty(), "{method}");
    }
    assert_eq!(bench.read("t", with("thing.event.property.post")).1, [row("e/a", 99.0, NOW.0)]);
}

#[test]
fn two_replies_in_one_payload_are_both_read_and_damage_costs_one() {
    let profile = "kind = \"k\"\ntopic = \"t\"\n\
        shape = { preset = \"hex\", request = [{ function = 3, start = 0, count = 1 }, { function = 4, start = 0, count = 2 }] }\n\
        [[point]]\nid = \"a\"\naddress = 0\ntable = \"holding\"\n[[point]]\nid = \"b\"\naddress = 0\ntable = \"input\"\n";
    let mut bench = Bench::new(profile, &equipment("e", "unit = 1"));
    let frame = |function: u8, data: &[u8]| {
        let mut frame = vec![1, function, data.len() as u8];
        frame.extend_from_slice(data);
        let sum = hex::crc(&frame);
        frame.extend_from_slice(&sum.to_le_bytes());
        frame
    };
    let (first, mut second) = (frame(3, &[0, 7]), frame(4, &[0, 9, 0, 0]));
    let wanted = [row("e/a", 7.0, NOW.0), row("e/b", 9.0, NOW.0)];
    let text: String = first.iter().chain(&second).map(|b| format!("{b:02X}")).collect();
    for payload in [text.into_bytes(), [&first[..], &second].concat()] {
        let (outcome, rows) = bench.read("t", payload);
        assert_eq!((outcome.fault, rows), (None, wanted.to_vec()));
    }
    second[4] ^= 1;
    let (outcome, rows) = bench.read("t", [&first[..], &second].concat());
    assert_eq!(rows, wanted[..1]);
    assert!(outcome.fault.is_some_and(|f| f.contains("CRC")), "the damaged one is told");
}

#[test]
fn a_device_is_found_among_a_thousand_by_what_stands_in_its_topic() {
    let mut all = String::new();
    for n in 0..1000 {
        let _ = write!(all, "{}", equipment(&format!("boiler-{n}"), &format!("device = \"8675{n:04}\"")));
    }
    let profile = "kind = \"k\"\nshape = \"flat\"\ntopic = \"plant/{device}/data\"\n[[point]]\nid = \"p\"\nkey = \"P1\"\n";
    let mut bench = Bench::new(profile, &all);
    assert_eq!(bench.rows("plant/86750777/data", &json!({"P1":1.5})), [row("boiler-777/p", 1.5, NOW.0)]);
    assert!(bench.rows("plant/99/data", &json!({"P1":1.5})).is_empty());
    assert_eq!(bench.unknown(), [(Some("99".to_owned()), None)]);
}

#[test]
fn a_payload_parts_its_values_among_its_devices() {
    let profile = "kind = \"k\"\nshape = \"thingsboard\"\ntopic = \"v1/gateway/telemetry\"\n[[point]]\nid = \"p\"\nkey = \"P\"\n";
    let all = [equipment("a", "device = \"Boiler 1\""), equipment("b", "device = \"Boiler 2\"")].concat();
    let mut bench = Bench::new(profile, &all);
    let payload = json!({
        "Boiler 2":[{"ts":NOW_MS,"values":{"P":2}}, {"ts":NOW_MS - 1000,"values":{"P":1}}],
        "Boiler 1":[{"ts":NOW_MS,"values":{"P":1.02,"extra":5}}],
        "Boiler 3":[{"ts":NOW_MS,"values":{"P":9}}],
    });
    assert_eq!(
        bench.rows("v1/gateway/telemetry", &payload),
        [row("b/p", 1.0, NOW.0 - 1_000_000), row("a/p", 1.02, NOW.0), row("b/p", 2.0, NOW.0)]
    );
    let unknown = bench.unknown();
    assert!(unknown.contains(&(Some("Boiler 3".to_owned()), None)), "{unknown:?}");
    assert!(unknown.contains(&(Some("Boiler 1".to_owned()), Some("extra".to_owned()))), "{unknown:?}");
}

#[test]
fn json_in_json_keyed_by_its_meters() {
    let profile = "kind = \"k\"\ntopic = \"gw/up\"\nshape = { preset = \"flat\", parse = [\"/d\"], values = \"/d/{device}\" }\n[[point]]\nid = \"p\"\nkey = \"P\"\n";
    let mut bench = Bench::new(profile, &equipment("e", "device = \"111111111112\""));
    let payload = json!({"d":"{\"111111111112\":{\"P\":\"1.02\"}}","o":5});
    assert_eq!(bench.rows("gw/up", &payload), [row("e/p", 1.02, NOW.0)]);
}

#[test]
fn buffered_values_keep_their_order_and_old_ones_raise_nothing() {
    let mut bench = Bench::one("shape = \"points\"\ntopic = \"t\"", "");
    let one = |seconds: i64, value: &str| json!({"time":NOW_MS / 1000 - seconds,"points":[{"name":"a","value":value,"err":"0"}]});
    let rows = bench.rows("t", &json!([one(3, "3"), one(7200, "7200"), one(2, "2")]));
    let at = |seconds: i64| NOW.0 - seconds * 1_000_000;
    assert_eq!(
        rows,
        [("e/a".to_owned(), Ok(7200.0), at(7200), false), row("e/a", 3.0, at(3)), row("e/a", 2.0, at(2)),]
    );
    // What is older than the last is history, whatever its time.
    assert_eq!(bench.rows("t", &one(60, "60")), [("e/a".to_owned(), Ok(60.0), at(60), false)]);
    // However long nothing came.
    bench.now += Duration::from_secs(61);
    assert_eq!(bench.rows("t", &one(59, "59")), [("e/a".to_owned(), Ok(59.0), at(59), false)]);
    // Unless the device's clock was set back, which goes on at the pace of time.
    bench.now += Duration::from_secs(31);
    assert_eq!(bench.rows("t", &one(28, "28"))[0], row("e/a", 28.0, at(28)));
}

#[test]
fn a_gateway_clock_that_jumps_takes_no_device_out_of_judgement() {
    let mut bench =
        Bench::one("shape = \"flat\"\ntime = { pointer = \"/ts\", format = \"ms\" }\ntopic = \"t\"", "");
    // The device goes on second by second; the gateway's clock is what jumps, a day ahead and back.
    let mut send = |second: i64, jump: i64| {
        let payload = json!({"ts": NOW_MS + second * 1000, "a": second}).to_string();
        let message = Message {
            topic: "t",
            payload: payload.as_bytes(),
            retained: false,
            expired: false,
            queued: None,
        };
        bench.now += Duration::from_secs(1);
        let wall = Micros(NOW.0 + (second + jump) * 1_000_000);
        let _ = bench.book.read(&message, wall, bench.now);
        let sample = bench.book.samples()[0];
        let quality = bench.book.readings(&sample)[0].quality;
        (sample.live, sample.at.0 - wall.0, quality)
    };
    assert_eq!(send(0, 0), (true, 0, Quality::Good));
    for second in 1..20 {
        let doubted = Quality::Uncertain(Cause::DeviceClock);
        assert_eq!(send(second, 86400), (true, 0, doubted), "{second} s after the jump");
    }
    assert_eq!(send(20, 0), (true, 0, Quality::Good));
}

#[test]
fn a_list_of_messages_has_a_time_in_each() {
    let mut bench =
        Bench::one("shape = \"flat\"\ntime = { pointer = \"/ts\", format = \"ms\" }\ntopic = \"t\"", "");
    let rows = bench.rows("t", &json!([{"ts":NOW_MS - 2000,"a":1},{"ts":NOW_MS - 1000,"a":2}]));
    assert_eq!(rows, [row("e/a", 1.0, NOW.0 - 2_000_000), row("e/a", 2.0, NOW.0 - 1_000_000)]);
}

#[test]
fn points_of_one_device_with_times_of_their_own_do_not_push_each_other_into_history() {
    let mut bench = Bench::one("shape = \"alink\"\ntopic = \"t\"", "");
    let payload = |ms: i64| json!({"params":{"a":{"value":1,"time":NOW_MS - ms},"b":{"value":2,"time":NOW_MS - ms - 5000}}});
    for ms in [2000, 1000] {
        assert!(bench.rows("t", &payload(ms)).iter().all(|r| r.3), "{ms}");
    }
}

#[test]
fn a_repeated_reading_is_dropped_and_counted() {
    let mut bench = Bench::one("shape = \"nested\"\ntopic = \"t\"", "");
    let payload = json!({"ts":NOW_MS,"data":{"a":{"v":1,"q":192},"b":{"v":2,"q":192}}}).to_string();
    assert_eq!(bench.read("t", &payload).1.len(), 2);
    let (outcome, rows) = bench.read("t", &payload);
    assert_eq!((outcome.repeated, rows.len(), outcome.wanted), (2, 0, true));
    // Without a device time two equal messages are two readings.
    let mut bench = Bench::one("shape = \"flat\"\ntopic = \"t\"", "");
    for _ in 0..2 {
        assert_eq!(bench.rows("t", &json!({"a":1})), [row("e/a", 1.0, NOW.0)]);
    }
}

#[test]
fn retained_and_expired_messages_are_not_taken_for_fresh_ones() {
    let mut bench = Bench::one("shape = \"nested\"\ntopic = \"t\"", "");
    let at = |ms: i64| json!({"ts":NOW_MS - ms,"data":{"a":{"v":1,"q":192}}}).to_string();
    let mut take = |payload: &str, retained, expired| {
        bench.take(&Message { topic: "t", payload: payload.as_bytes(), retained, expired, queued: None }).1
    };
    // expect_every is 5 s: a retained value may be 15 s old.
    assert!(take(&at(14_000), true, false)[0].3);
    assert!(!take(&at(16_000), true, false)[0].3);
    assert!(!take(&at(0), false, true)[0].3);
    let timeless = take(r#"{"data":{"a":{"v":1,"q":192}}}"#, true, false);
    assert_eq!(timeless, [("e/a".to_owned(), Err(Cause::Stale), NOW.0, false)]);
}

#[test]
fn a_wrong_clock_is_flagged_and_a_dtus_arrival_counts() {
    let mut bench = Bench::one("shape = \"dtu\"\ntopic = \"t\"", "device = \"8675\"");
    let sent = |time: &str| json!({"devid":"8675","time":time,"params":{"a":1.02},"csq":23}).to_string();
    assert_eq!(bench.read("t", sent("20260921221320")).1, [row("e/a", 1.02, NOW.0)]);
    for wrong in ["20200101000000", "20360101000000", ""] {
        assert_eq!(bench.read("t", sent(wrong)).1, [row("e/a", 1.02, NOW.0)], "{wrong}");
        let sample = bench.book.samples()[0];
        let reading = bench.book.readings(&sample)[0];
        assert_eq!(reading.quality, Quality::Uncertain(Cause::DeviceClock), "{wrong}");
    }
    let other = json!({"devid":"9","params":{"a":1.02}}).to_string();
    assert!(bench.read("t", other).1.is_empty(), "another device's message");
    assert!(bench.unknown().contains(&(Some("9".to_owned()), None)));
}

#[test]
fn a_point_that_its_device_leaves_out_does_not_keep_its_old_value() {
    let mut bench = Bench::one("shape = \"flat\"\ntopic = \"t\"", "");
    bench.rows("t", &json!({"a":1,"b":2}));
    bench.now += Duration::from_secs(14);
    assert_eq!(bench.rows("t", &json!({"a":1})), [row("e/a", 1.0, NOW.0)]);
    bench.now += Duration::from_secs(2);
    let rows = bench.rows("t", &json!({"a":1}));
    assert_eq!(rows, [row("e/a", 1.0, NOW.0), bad("e/b", Cause::Stale, NOW.0)]);
    bench.now += Duration::from_secs(2);
    assert_eq!(bench.rows("t", &json!({"a":1})), [row("e/a", 1.0, NOW.0)], "it is said once");
}

#[test]
fn a_complete_shape_says_at_once_what_is_missing() {
    let mut bench = Bench::one("shape = { preset = \"flat\", complete = true }\ntopic = \"t\"", "");
    assert_eq!(bench.rows("t", &json!({"a":1})), [row("e/a", 1.0, NOW.0), bad("e/b", Cause::Missing, NOW.0)]);
}

#[test]
fn a_last_will_makes_all_points_of_its_device_bad() {
    let profile = "shape = \"flat\"\ntopic = \"plant/{device}/data\"\noffline = { topic = \"plant/{device}/status\", payload = \"offline\" }";
    let mut bench = Bench::one(profile, "device = \"d1\"");
    assert!(bench.read("plant/d1/status", "online").1.is_empty());
    assert!(bench.read("plant/d2/status", "offline").1.is_empty());
    assert!(bench.read("plant/d1/status", "").1.is_empty(), "a cleared retained message says nothing");
    let (outcome, rows) = bench.read("plant/d1/status", "Offline");
    assert!(outcome.offline && outcome.wanted);
    let gone = |name| bad(name, Cause::Disconnected, NOW.0);
    assert_eq!(rows, [gone("e/a"), gone("e/b")]);
    let json =
        "shape = \"flat\"\ntopic = \"t\"\noffline = { topic = \"s\", pointer = \"/state\", payload = \"0\" }";
    let mut bench = Bench::one(json, "");
    assert_eq!(bench.read("s", r#"{"state":1}"#).1.len(), 0);
    assert_eq!(bench.read("s", r#"{"state":0}"#).1.len(), 2);
}

const HEX: &str = "kind = \"k\"\ntopic = \"dtu/1\"\n\
    shape = { preset = \"hex\", pointer = \"/d\", request = [{ function = 3, start = 0, count = 4 }, { function = 1, start = 0, count = 8 }] }\n\
    [[point]]\nid = \"p\"\naddress = 40001\ntype = \"f32\"\n\
    [[point]]\nid = \"n\"\naddress = 40004\nscale = 0.1\n\
    [[point]]\nid = \"run\"\ntable = \"coil\"\naddress = 3\n";

fn frame(unit: u8, function: u8, data: &[u8]) -> String {
    let mut frame = vec![unit, function, data.len() as u8];
    frame.extend_from_slice(data);
    let sum = hex::crc(&frame).to_le_bytes();
    frame.extend_from_slice(&sum);
    frame.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn transparent_replies_of_two_units_on_one_line_are_told_apart() {
    let all = [equipment("e", "unit = 1"), equipment("f", "unit = 2")].concat();
    let mut bench = Bench::new(HEX, &all);
    let words = [0x3F, 0xA0, 0, 0, 0, 0, 0x03, 0xE8];
    let sent = |unit| json!({"d":frame(unit, 3, &words),"o":2});
    assert_eq!(bench.rows("dtu/1", &sent(2)), [row("f/p", 1.25, NOW.0), row("f/n", 100.0, NOW.0)]);
    assert_eq!(bench.rows("dtu/1", &sent(1)), [row("e/p", 1.25, NOW.0), row("e/n", 100.0, NOW.0)]);
    assert_eq!(bench.rows("dtu/1", &json!({"d":frame(1, 1, &[8])})), [row("e/run", 1.0, NOW.0)]);
    let mut refused = vec![1u8, 0x83, 2];
    let sum = hex::crc(&refused).to_le_bytes();
    refused.extend_from_slice(&sum);
    let text: String = refused.iter().map(|b| format!("{b:02X} ")).collect();
    let (outcome, rows) = bench.read("dtu/1", json!({"d":text}).to_string());
    assert!(outcome.fault.is_some_and(|f| f.contains("exception 2")));
    let cause = Cause::ExceptionAddress;
    assert_eq!(rows, [bad("e/p", cause, NOW.0), bad("e/n", cause, NOW.0)]);
    let meter = "fe fe fe fe 68 12 34 56 78 90 12 68 91 08 33 33 34 33 a5 a5 33 33 0a 16";
    let (outcome, rows) = bench.read("dtu/1", json!({"d":meter}).to_string());
    assert!(rows.is_empty() && outcome.fault.is_some_and(|f| f.contains("DL/T 645")));
}

#[test]
fn a_transparent_reply_may_come_as_text_or_as_it_is() {
    let profile = HEX.replace("pointer = \"/d\", ", "");
    let mut bench = Bench::new(&profile, &equipment("e", "unit = 1"));
    let text = frame(1, 3, &[0x3F, 0xA0, 0, 0, 0, 0, 0, 10]);
    let wanted = [row("e/p", 1.25, NOW.0), row("e/n", 1.0, NOW.0)];
    assert_eq!(bench.read("dtu/1", &text).1, wanted);
    assert_eq!(bench.read("dtu/1", hex::bytes(&text).expect("hex")).1, wanted);
}

#[test]
fn two_mappings_of_one_topic_are_both_read_and_gbk_keys_fit() {
    let profile =
        "kind = \"k\"\nshape = \"flat\"\ntopic = \"t\"\n[[point]]\nid = \"p\"\nkey = \"锅筒压力\"\n";
    let mut bench = Bench::new(profile, &[equipment("e", ""), equipment("f", "")].concat());
    let (gbk, _, _) = encoding_rs::GBK.encode("{\"锅筒压力\":1.02}");
    assert_eq!(bench.read("t", gbk).1, [row("e/p", 1.02, NOW.0), row("f/p", 1.02, NOW.0)]);
}

/// How senders write the values of a and b, independent of the reader: (profile, encoder).
#[allow(clippy::type_complexity, reason = "a table")]
fn encoders() -> Vec<(&'static str, fn(f64, f64) -> Value)> {
    fn seconds() -> i64 {
        NOW_MS / 1000
    }
    vec![
        ("shape = \"flat\"", |a, b| json!({"a":a,"b":b})),
        (
            "shape = \"flat\"\ntime = { pointer = \"/ts\", format = \"us\" }",
            |a, b| json!({"ts":NOW.0,"a":a,"b":b.to_string()}),
        ),
        ("shape = \"nested\"", |a, b| json!({"ts":NOW_MS,"data":{"a":{"v":a,"q":192},"b":{"v":b,"q":216}}})),
        (
            "shape = { preset = \"nested\", values = \"/pts\", value = \"val\", quality = \"ok\", good = \"true\" }",
            |a, b| json!({"ts":NOW_MS,"pts":{"a":{"val":a,"ok":true},"b":{"val":b,"ok":1}}}),
        ),
        (
            "shape = \"points\"",
            |a, b| json!({"time":"2026-09-21 22:13:20","points":[{"name":"a","value":a.to_string(),"err":"0"},{"name":"b","value":b,"err":0}]}),
        ),
        (
            "shape = \"neuron\"",
            |a, b| json!({"timestamp":NOW_MS,"node":"modbus","group":"g","values":{"a":a,"b":b},"errors":{},"metas":{}}),
        ),
        (
            "shape = \"neuron\"",
            |a, b| json!({"timestamp":NOW_MS,"node":"n","group":"g","tags":[{"name":"a","value":a},{"name":"b","value":b}]}),
        ),
        (
            "shape = \"usr\"",
            |a, b| json!({"rw_prot":{"Ver":"1.0.1","dir":"up","id":"12345","r_data":[{"name":"a","value":a.to_string(),"err":"0"},{"name":"b","value":b.to_string(),"err":"0"}]}}),
        ),
        (
            "shape = \"dtu\"",
            |a, b| json!({"devid":"867","time":"20260921221320","params":{"a":a,"b":b},"csq":23}),
        ),
        (
            "shape = \"alink\"",
            |a, b| json!({"id":"1","version":"1.0","params":{"a":{"value":a,"time":NOW_MS},"b":{"value":b,"time":NOW_MS}},"method":"thing.event.property.post"}),
        ),
        (
            "shape = \"huawei\"",
            |a, b| json!({"services":[{"service_id":"s","properties":{"a":a,"b":b},"event_time":"20260921T141320Z"}]}),
        ),
        ("shape = \"thingsboard\"", |a, b| json!({"e":[{"ts":NOW_MS,"values":{"a":a,"b":b}}]})),
        (
            "shape = { preset = \"flat\", parse = [\"/d\"], values = \"/d/{device}\" }",
            |a, b| json!({"d":json!({"e":{"a":a,"b":b}}).to_string(),"o":5}),
        ),
        (
            "shape = { preset = \"points\", values = \"/msg/list\", name = \"n\", value = \"x\" }\ntime = { pointer = \"/msg/t\", format = \"s\" }",
            |a, b| json!({"msg":{"t":seconds(),"list":[{"n":"a","x":a},{"n":"b","x":b}]}}),
        ),
    ]
}

#[test]
fn a_return_to_an_earlier_value_within_one_second_is_no_repeat() {
    let mut bench = Bench::one("shape = \"nested\"", "topic = \"t\"");
    let one = |value: u8| json!({"ts": NOW_MS, "data": {"a": {"v": value}}}).to_string();
    let told: Vec<_> = [1, 0, 1, 1].map(|v| bench.read("t", one(v)).1.first().map(|r| r.1)).into();
    assert_eq!(told, [Some(Ok(1.0)), Some(Ok(0.0)), Some(Ok(1.0)), None]);
}

#[test]
fn the_bound_of_values_is_that_of_a_message_however_many_documents_it_has() {
    let mut bench = Bench::one("shape = \"flat\"", "topic = \"t\"");
    for (documents, taken) in [(2500, 5000), (2501, 0), (130_000, 0)] {
        let (outcome, rows) = bench.read("t", "{\"a\":1,\"b\":2}".repeat(documents.min(10_000)));
        assert_eq!(rows.len(), taken, "{documents}");
        assert_eq!(outcome.fault.is_some(), taken == 0, "{documents}");
        assert!(outcome.fault.is_none_or(|f| f.contains("more than 5000 values in one message")));
    }
}

#[test]
fn a_time_of_another_day_that_no_setting_names_leaves_a_doubt() {
    let quality = |shape: &str, payload: Value| {
        let profile = "kind = \"k\"\n[[point]]\nid = \"a\"\npointer = \"/a\"\n";
        let profile =
            if shape.is_empty() { profile.to_owned() } else { format!("shape = \"{shape}\"\n{profile}") };
        let mut bench = Bench::new(
            &profile.replace("pointer", if shape.is_empty() { "pointer" } else { "name" }),
            &equipment("e", "topic = \"t\""),
        );
        bench.read("t", payload.to_string());
        let sample = bench.book.samples()[0];
        bench.book.readings(&sample)[0].quality
    };
    let (day, doubt) = (86_400_000, Quality::Uncertain(Cause::DeviceClock));
    for shape in ["flat", ""] {
        assert_eq!(quality(shape, json!({"ts": NOW_MS - day, "a": 1})), doubt, "{shape}");
        assert_eq!(quality(shape, json!({"ts": NOW_MS - 5000, "a": 1})), Quality::Good, "{shape}");
        assert_eq!(quality(shape, json!({"t": 85.2, "a": 1})), Quality::Good, "{shape}");
    }
}

proptest! {
    #[test]
    fn every_sender_is_understood_alike(a in -1e9..1e9f64, b in -1e3..1e3f64) {
        for (shape, encode) in encoders() {
            let mut bench = Bench::one(&format!("{shape}\ntopic = \"t\""), "");
            let rows = bench.rows("t", &encode(a, b));
            prop_assert_eq!(rows, [row("e/a", a, NOW.0), row("e/b", b, NOW.0)], "{}", shape);
        }
    }

    #[test]
    fn no_payload_makes_any_shape_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for (shape, _) in encoders() {
            let mut bench = Bench::one(&format!("{shape}\ntopic = \"t\""), "");
            let _ = bench.read("t", &bytes);
        }
        let _ = Bench::new(HEX, &equipment("e", "unit = 1")).read("dtu/1", &bytes);
    }

    #[test]
    fn no_json_makes_any_shape_panic(tree in json_tree()) {
        for (shape, encode) in encoders() {
            let mut bench = Bench::one(&format!("{shape}\ntopic = \"t\""), "");
            // Nonsense, and a good message with nonsense in one place.
            let _ = bench.read("t", tree.to_string());
            let mut good = encode(1.0, 2.0);
            if let Value::Object(map) = &mut good
                && let Some(value) = map.values_mut().next()
            {
                *value = tree.clone();
            }
            let _ = bench.read("t", good.to_string());
        }
    }
}

fn json_tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-e]{0,2}".prop_map(Value::from),
    ];
    let key = prop_oneof!["[ab]", Just("values".to_owned()), Just("ts".to_owned()), Just("value".to_owned())];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}
