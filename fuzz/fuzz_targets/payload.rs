//! An MQTT payload, by a mapping of everything a mapping can hold: one reading a point in order, a good one is a
//! finite number, and a refused payload leaves nothing behind.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steamward::field::mqtt::payload::map;
use steamward::plant::{DeviceIx, Micros, PointIx, Quality};
use steamward::settings::{MqttMapping, MqttPoint, TimeFormat};

const ARRIVAL: Micros = Micros(1_790_000_000_000_000);
const TIMES: [TimeFormat; 5] =
    [TimeFormat::Seconds, TimeFormat::Millis, TimeFormat::Micros, TimeFormat::Rfc3339, TimeFormat::Local];

/// One mapping for each way to write a time, one without, and one for plain scalars.
static MAPPINGS: LazyLock<Vec<MqttMapping>> = LazyLock::new(|| {
    let nested = [("/data/p/v", Some("/data/p/q")), ("/data/l", None), ("/0/value", Some("/0/quality"))];
    let timed = TIMES.map(|format| mapping(&nested, Some(("/ts".to_owned(), format))));
    timed.into_iter().chain([mapping(&nested, None), mapping(&[("", None)], None)]).collect()
});

fn mapping(points: &[(&str, Option<&str>)], time: Option<(String, TimeFormat)>) -> MqttMapping {
    let points = points.iter().zip(0u32..).map(|((pointer, quality), n)| MqttPoint {
        point: PointIx(n),
        pointer: (*pointer).to_owned(),
        quality: quality.map(str::to_owned),
        // Shrinks, so that no finite number overflows: that one is the engine's to refuse.
        scale: 0.1,
        offset: -40.0,
        invert: n == 1,
    });
    MqttMapping { device: DeviceIx(0), topic: "plant/+/data".to_owned(), time, points: points.collect() }
}

fuzz_target!(|payload: &[u8]| {
    for mapping in MAPPINGS.iter() {
        let mut readings = Vec::new();
        match map(mapping, payload, ARRIVAL, "Asia/Shanghai", &mut readings) {
            Ok(taken) => {
                assert!(taken.by_device || taken.at == ARRIVAL, "arrival is the time of what has none");
                assert!(readings.iter().map(|r| r.point).eq(mapping.points.iter().map(|p| p.point)));
                for reading in &readings {
                    assert!(reading.quality != Quality::Good || reading.value.is_finite(), "{reading:?}");
                }
            }
            Err(refused) => {
                assert!(readings.is_empty(), "refused, yet readings are there");
                assert!(!refused.to_string().is_empty());
            }
        }
    }
});
