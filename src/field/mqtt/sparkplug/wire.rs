//! The Sparkplug B payload on the wire: protobuf `org.eclipse.tahu.protobuf.Payload`, and its guards.
//!
//! Only what the reading side looks at is declared; prost skips the rest unread (metadata, property
//! sets within property sets). Data sets and templates are kept as unopened bytes: `structure` opens one
//! level at a time, so that nothing nests here. [`parse`] is the one way in.

use std::io::Read;

use prost::Message;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::SparkplugError;

/// Larger payloads are refused unread; a compressed one may open to four times as much.
pub const LARGEST: usize = 256 * 1024;
const LARGEST_OPENED: usize = 4 * LARGEST;
/// More metrics in one message are refused.
pub const MOST_METRICS: usize = 5000;
/// More properties of all metrics in one message are refused; those of members of structures count by themselves.
pub const MOST_PROPERTIES: usize = 50_000;
/// Convention of Tahu and its clients: the true payload is in `body`, as zlib or gzip.
const COMPRESSED: &str = "SPBV1.0_COMPRESSED";

/// Payload of every message but STATE (Sparkplug 3.0, chapter 6, Payload).
#[derive(Clone, PartialEq, Message)]
pub struct Payload {
    /// Milliseconds since 1970, UTC: when it was sent.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// What it tells.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// 0 to 255, one more than in the message before.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
    /// Names the meaning of `body`.
    #[prost(string, optional, tag = "4")]
    pub uuid: Option<String>,
    /// Anything else.
    #[prost(bytes = "vec", optional, tag = "5")]
    pub body: Option<Vec<u8>>,
}

/// One value of one metric (Sparkplug 3.0, chapter 6, Metric).
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// In every BIRTH; in DATA unless there is an alias.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Stands for the name until the next BIRTH.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// Milliseconds since 1970, UTC: when it was taken.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// See [`Datatype`](super::Datatype); may be left out in DATA.
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// Buffered: not the present value.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// Not for keeping.
    #[prost(bool, optional, tag = "6")]
    pub is_transient: Option<bool>,
    /// There is no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// `Quality`, units and whatever else.
    #[prost(message, optional, tag = "9")]
    pub properties: Option<PropertySet>,
    /// The value.
    #[prost(oneof = "Value", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18, 19")]
    pub value: Option<Value>,
}

/// The value of a metric. Signed integers come as two's complement in the unsigned fields.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Value {
    /// Up to 32 bits.
    #[prost(uint32, tag = "10")]
    Int(u32),
    /// 64 bits.
    #[prost(uint64, tag = "11")]
    Long(u64),
    /// IEEE 754 single.
    #[prost(float, tag = "12")]
    Float(f32),
    /// IEEE 754 double.
    #[prost(double, tag = "13")]
    Double(f64),
    /// Truth.
    #[prost(bool, tag = "14")]
    Boolean(bool),
    /// Text.
    #[prost(string, tag = "15")]
    String(String),
    /// Bytes, files and arrays.
    #[prost(bytes, tag = "16")]
    Bytes(Vec<u8>),
    /// A table, unopened.
    #[prost(bytes, tag = "17")]
    DataSet(Vec<u8>),
    /// A structure, unopened.
    #[prost(bytes, tag = "18")]
    Template(Vec<u8>),
    /// A third party's own, unopened.
    #[prost(bytes, tag = "19")]
    Extension(Vec<u8>),
}

/// Two lists of one length: names and values.
#[derive(Clone, PartialEq, Message)]
pub struct PropertySet {
    /// Names.
    #[prost(string, repeated, tag = "1")]
    pub keys: Vec<String>,
    /// Values.
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<PropertyValue>,
}

/// A property; property sets in it are not looked at.
#[derive(Clone, PartialEq, Message)]
pub struct PropertyValue {
    /// Datatype.
    #[prost(uint32, optional, tag = "1")]
    pub r#type: Option<u32>,
    /// There is no value.
    #[prost(bool, optional, tag = "2")]
    pub is_null: Option<bool>,
    /// The value.
    #[prost(oneof = "Property", tags = "3, 4, 5, 6, 7, 8")]
    pub value: Option<Property>,
}

/// The value of a property.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Property {
    /// Up to 32 bits.
    #[prost(uint32, tag = "3")]
    Int(u32),
    /// 64 bits.
    #[prost(uint64, tag = "4")]
    Long(u64),
    /// IEEE 754 single.
    #[prost(float, tag = "5")]
    Float(f32),
    /// IEEE 754 double.
    #[prost(double, tag = "6")]
    Double(f64),
    /// Truth.
    #[prost(bool, tag = "7")]
    Boolean(bool),
    /// Text.
    #[prost(string, tag = "8")]
    String(String),
}

#[cfg(test)]
thread_local! {
    /// Properties whose names were compared, by this thread.
    pub(super) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl PropertySet {
    /// The first property whose name `is`, unless it says that there is no value.
    pub(super) fn find(&self, is: impl Fn(&str) -> bool) -> Option<&Property> {
        let looked_at = |key: &str| {
            #[cfg(test)]
            LOOKED_AT.with(|count| count.set(count.get() + 1));
            is(key)
        };
        let named = self.keys.iter().zip(&self.values).find(|(key, _)| looked_at(key.as_str()))?;
        named.1.value.as_ref().filter(|_| named.1.is_null != Some(true))
    }
}

/// Reads a payload, compressed or not.
///
/// # Errors
/// [`SparkplugError`]: too large, too many metrics or properties, no protobuf, or damaged in its compression.
pub fn parse(bytes: &[u8]) -> Result<Payload, SparkplugError> {
    if bytes.len() > LARGEST {
        return Err(SparkplugError::TooLarge(bytes.len()));
    }
    let outer = plain(bytes)?;
    match &outer.body {
        Some(body) if outer.uuid.as_deref() == Some(COMPRESSED) => {
            let mut inner = plain(&opened(body)?)?;
            inner.seq = inner.seq.or(outer.seq);
            inner.timestamp = inner.timestamp.or(outer.timestamp);
            Ok(inner)
        }
        _ => Ok(outer),
    }
}

fn plain(bytes: &[u8]) -> Result<Payload, SparkplugError> {
    let damaged = |e: prost::DecodeError| SparkplugError::NotProtobuf(e.to_string());
    let metrics = count_of(bytes, 2).map_err(damaged)?;
    if metrics > MOST_METRICS {
        return Err(SparkplugError::TooManyMetrics(metrics));
    }
    let properties = properties_in(bytes).map_err(damaged)?;
    if properties > MOST_PROPERTIES {
        return Err(SparkplugError::TooManyProperties(properties));
    }
    Payload::decode(bytes).map_err(damaged)
}

/// How often the field `wanted` stands there. Counted before any is made: a few bytes on the wire are a hundred in
/// memory.
pub(super) fn count_of(mut bytes: &[u8], wanted: u32) -> Result<usize, prost::DecodeError> {
    let mut count = 0;
    while bytes.has_remaining() {
        let (tag, wire_type) = decode_key(&mut bytes)?;
        count += usize::from(tag == wanted && wire_type == WireType::LengthDelimited);
        skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
    }
    Ok(count)
}

/// Hands over the bytes of each field `wanted`, in order.
pub(super) fn each<'b>(
    mut bytes: &'b [u8],
    wanted: u32,
    mut take: impl FnMut(&'b [u8]) -> Result<(), prost::DecodeError>,
) -> Result<(), prost::DecodeError> {
    while bytes.has_remaining() {
        let (tag, wire_type) = decode_key(&mut bytes)?;
        if (tag, wire_type) == (wanted, WireType::LengthDelimited) {
            let length = usize::try_from(decode_varint(&mut bytes)?).unwrap_or(usize::MAX);
            // What is cut off is told when it is read.
            let (field, rest) = bytes.split_at(length.min(bytes.len()));
            take(field)?;
            bytes = rest;
        } else {
            skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
        }
    }
    Ok(())
}

/// How many properties the metrics of a payload or of a template have, which both have them in field 2.
pub(super) fn properties_in(bytes: &[u8]) -> Result<usize, prost::DecodeError> {
    let mut count = 0;
    each(bytes, 2, |metric| {
        each(metric, 9, |set| {
            count += count_of(set, 1)?.max(count_of(set, 2)?);
            Ok(())
        })
    })?;
    Ok(count)
}

/// Told apart by the first bytes: the `algorithm` metric beside the body is often missing.
fn opened(body: &[u8]) -> Result<Vec<u8>, SparkplugError> {
    let mut opened = Vec::new();
    let most = LARGEST_OPENED as u64 + 1;
    let read = if body.starts_with(&[0x1F, 0x8B]) {
        flate2::read::GzDecoder::new(body).take(most).read_to_end(&mut opened)
    } else {
        flate2::read::ZlibDecoder::new(body).take(most).read_to_end(&mut opened)
    };
    match read {
        Ok(length) if length > LARGEST_OPENED => Err(SparkplugError::TooLarge(length)),
        Ok(_) => Ok(opened),
        Err(e) => Err(SparkplugError::NotOpened(e.to_string())),
    }
}

/// The NCMD payload that asks an edge node for a rebirth
/// (`tck-id-operational-behavior-data-commands-ncmd-rebirth-name`, `…-value`); `at` in milliseconds.
#[must_use]
pub fn rebirth(at: u64) -> Vec<u8> {
    let metric = Metric {
        name: Some("Node Control/Rebirth".to_owned()),
        timestamp: Some(at),
        datatype: Some(super::Datatype::Boolean as u32),
        value: Some(Value::Boolean(true)),
        ..Metric::default()
    };
    Payload { timestamp: Some(at), metrics: vec![metric], ..Payload::default() }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;
    use prost::Message;

    use super::{LARGEST, MOST_METRICS, Metric, Payload, Value, parse, rebirth};
    use crate::field::mqtt::sparkplug::SparkplugError;

    fn example() -> Payload {
        let metric = Metric {
            alias: Some(7),
            timestamp: Some(1_790_000_000_000),
            value: Some(Value::Float(1.5)),
            ..Metric::default()
        };
        Payload { timestamp: Some(5), metrics: vec![metric], seq: Some(9), ..Payload::default() }
    }

    fn wrapped(body: Vec<u8>) -> Vec<u8> {
        let uuid = Some("SPBV1.0_COMPRESSED".to_owned());
        Payload { uuid, body: Some(body), ..Payload::default() }.encode_to_vec()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn the_bytes_are_those_of_the_published_schema() {
        // Field by field, by hand: timestamp 5; metric {alias 7, timestamp 1, float 1.5}; seq 9.
        let bytes = [0x08, 5, 0x12, 9, 0x10, 7, 0x18, 1, 0x65, 0, 0, 0xC0, 0x3F, 0x18, 9];
        let payload = parse(&bytes).unwrap();
        assert_eq!((payload.timestamp, payload.seq), (Some(5), Some(9)));
        assert_eq!((payload.metrics[0].alias, payload.metrics[0].timestamp), (Some(7), Some(1)));
        assert_eq!(payload.metrics[0].value, Some(Value::Float(1.5)));
    }

    #[test]
    fn a_compressed_payload_is_opened_whichever_way_it_was_compressed() {
        let plain = example().encode_to_vec();
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(&plain).unwrap();
        for body in [zlib(&plain), writer.finish().unwrap()] {
            assert_eq!(parse(&wrapped(body)), Ok(example()));
        }
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_takes_memory() {
        assert_eq!(parse(&vec![0; LARGEST + 1]), Err(SparkplugError::TooLarge(LARGEST + 1)));
        let bomb = wrapped(zlib(&vec![0; 64 * LARGEST]));
        assert!(bomb.len() < LARGEST);
        assert!(matches!(parse(&bomb), Err(SparkplugError::TooLarge(_))));
        let many = Payload { metrics: vec![Metric::default(); MOST_METRICS + 1], ..Payload::default() };
        assert_eq!(parse(&many.encode_to_vec()), Err(SparkplugError::TooManyMetrics(MOST_METRICS + 1)));
    }

    #[test]
    fn a_payload_that_is_cut_off_says_so() {
        let bytes = example().encode_to_vec();
        assert!(matches!(parse(&bytes[..bytes.len() - 3]), Err(SparkplugError::NotProtobuf(_))));
        assert!(matches!(parse(&wrapped(vec![1, 2, 3])), Err(SparkplugError::NotOpened(_))));
    }

    #[test]
    fn structures_of_any_depth_stay_unopened() {
        let mut template = Vec::new();
        for _ in 0..2000 {
            let metric = Metric { value: Some(Value::Template(template)), ..Metric::default() };
            let mut around = Vec::new();
            prost::encoding::message::encode(2, &metric, &mut around);
            template = around;
        }
        let metric = Metric { value: Some(Value::Template(template.clone())), ..Metric::default() };
        let payload = Payload { metrics: vec![metric], ..Payload::default() };
        let read = parse(&payload.encode_to_vec()).unwrap();
        assert_eq!(read.metrics[0].value, Some(Value::Template(template)));
    }

    #[test]
    fn a_rebirth_request_is_one_true_boolean_by_name() {
        let payload = parse(&rebirth(12)).unwrap();
        let [metric] = &payload.metrics[..] else { panic!("{payload:?}") };
        assert_eq!(metric.name.as_deref(), Some("Node Control/Rebirth"));
        assert_eq!((metric.datatype, &metric.value), (Some(11), &Some(Value::Boolean(true))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            let _ = parse(&wrapped(bytes.clone()));
            let _ = parse(&wrapped(zlib(&bytes)));
        }
    }
}
