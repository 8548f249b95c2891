//! One metric → a value or the reason why there is none.
//!
//! The datatype decides how integer fields are to be understood (Sparkplug 3.0, chapter 6, Data Types):
//! signed ones come as two's complement, cut to their own width by some senders and sign-extended to
//! the field's by others. A wire type that tells the number by itself (float, double, boolean, text)
//! is taken for what it is, whatever the datatype says; what cannot be told apart is unreadable.

use super::wire::{Metric, Property, Value};
use crate::field::ingest::payload::beside::{self, Word};
use crate::plant::meaning::{Width, is_implausible, is_no_unit};
use crate::plant::{Cause, Meaning, Quality, decimal};

/// Integers beyond lose digits in a double.
const EXACT: i128 = 1 << 53;

/// Metric datatypes that matter for reading numbers; the others are [`Datatype::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
#[repr(u32)]
pub enum Datatype {
    Unknown = 0,
    Int8 = 1,
    Int16 = 2,
    Int32 = 3,
    Int64 = 4,
    UInt8 = 5,
    UInt16 = 6,
    UInt32 = 7,
    UInt64 = 8,
    Float = 9,
    Double = 10,
    Boolean = 11,
    String = 12,
    DateTime = 13,
    Text = 14,
    Uuid = 15,
    DataSet = 16,
    Bytes = 17,
    File = 18,
    Template = 19,
    /// Property sets, arrays and what is to come.
    Other = 255,
}

impl Datatype {
    /// By its number on the wire.
    #[must_use]
    pub fn from_code(code: u32) -> Self {
        const KNOWN: [Datatype; 20] = [
            Datatype::Unknown,
            Datatype::Int8,
            Datatype::Int16,
            Datatype::Int32,
            Datatype::Int64,
            Datatype::UInt8,
            Datatype::UInt16,
            Datatype::UInt32,
            Datatype::UInt64,
            Datatype::Float,
            Datatype::Double,
            Datatype::Boolean,
            Datatype::String,
            Datatype::DateTime,
            Datatype::Text,
            Datatype::Uuid,
            Datatype::DataSet,
            Datatype::Bytes,
            Datatype::File,
            Datatype::Template,
        ];
        KNOWN.get(code as usize).copied().unwrap_or(Self::Other)
    }

    /// As the specification writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Int8 => "Int8",
            Self::Int16 => "Int16",
            Self::Int32 => "Int32",
            Self::Int64 => "Int64",
            Self::UInt8 => "UInt8",
            Self::UInt16 => "UInt16",
            Self::UInt32 => "UInt32",
            Self::UInt64 => "UInt64",
            Self::Float => "Float",
            Self::Double => "Double",
            Self::Boolean => "Boolean",
            Self::String => "String",
            Self::DateTime => "DateTime",
            Self::Text => "Text",
            Self::Uuid => "UUID",
            Self::DataSet => "DataSet",
            Self::Bytes => "Bytes",
            Self::File => "File",
            Self::Template => "Template",
            Self::Other => "other",
        }
    }

    /// Width in bits and whether it is signed, for integers.
    fn integer(self) -> Option<(u32, bool)> {
        Some(match self {
            Self::Int8 => (8, true),
            Self::Int16 => (16, true),
            Self::Int32 => (32, true),
            Self::Int64 => (64, true),
            Self::UInt8 => (8, false),
            Self::UInt16 => (16, false),
            Self::UInt32 => (32, false),
            Self::UInt64 | Self::DateTime => (64, false),
            _ => return None,
        })
    }
}

/// What a metric says before anything is known of the point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw<'m> {
    /// A number, believed or doubted.
    Number(f64, Quality),
    /// A boolean.
    Flag(bool),
    /// A text, which may be a number, a truth word or a number with its unit.
    Text(&'m str),
    /// Nothing to go by.
    Bad(Cause),
}

impl Raw<'_> {
    /// The value at a point; `unit` is what the metric's properties name, empty if they name none.
    pub(super) fn at(self, meaning: &Meaning, unit: &str) -> (f64, Quality) {
        match self {
            Self::Number(number, quality) => match meaning.measured(number, unit) {
                (value, Quality::Good) => (value, quality),
                found => found,
            },
            Self::Flag(set) => meaning.flag(set),
            Self::Text(text) => meaning.text_in(text, unit),
            Self::Bad(cause) => (f64::NAN, Quality::Bad(cause)),
        }
    }
}

/// Reads `metric`, whose BIRTH gave it `datatype`.
pub(super) fn read(metric: &Metric, datatype: Datatype) -> Raw<'_> {
    if metric.is_null == Some(true) {
        return Raw::Bad(Cause::NotANumber);
    }
    if let Some(cause) = complaint(metric) {
        return Raw::Bad(cause);
    }
    match &metric.value {
        None => Raw::Bad(Cause::Missing),
        Some(Value::Int(bits)) => integer(u64::from(*bits), 32, datatype),
        Some(Value::Long(bits)) => integer(*bits, 64, datatype),
        Some(Value::Boolean(set)) => Raw::Flag(*set),
        Some(Value::Float(number)) => {
            let number = decimal::of_single(*number);
            let odd = is_implausible(number, Width::Single);
            Raw::Number(number, if odd { Quality::Uncertain(Cause::Implausible) } else { Quality::Good })
        }
        Some(Value::Double(number)) => Raw::Number(*number, Quality::Good),
        Some(Value::String(text)) => Raw::Text(text),
        Some(Value::Bytes(_) | Value::DataSet(_) | Value::Template(_) | Value::Extension(_)) => {
            Raw::Bad(Cause::Unreadable)
        }
    }
}

/// `bits` came in a field of `field` bits.
fn integer(bits: u64, field: u32, datatype: Datatype) -> Raw<'static> {
    let number = match datatype.integer() {
        Some((width, signed)) => whole(bits, field, width, signed),
        None if datatype == Datatype::Boolean => {
            // Some senders have no booleans on the wire; every number but zero is true, as everywhere.
            return Raw::Flag(bits != 0);
        }
        // Of no integer type: whether the top bit is a sign cannot be told.
        None if bits >> (field - 1) == 0 => Some(i128::from(bits)),
        None => None,
    };
    let Some(number) = number else { return Raw::Bad(Cause::Unreadable) };
    let rounded = number.abs() > EXACT;
    Raw::Number(number as f64, if rounded { Quality::Uncertain(Cause::Rounded) } else { Quality::Good })
}

fn whole(bits: u64, field: u32, width: u32, signed: bool) -> Option<i128> {
    let bits = i128::from(bits);
    if !signed {
        return (bits < 1 << width).then_some(bits);
    }
    let half = 1_i128 << (width - 1);
    if width > field {
        // A narrow field for a wide type: a set top bit might be a sign or not.
        return (bits < 1 << (field - 1)).then_some(bits);
    }
    if bits < half {
        Some(bits)
    } else if bits < half * 2 {
        Some(bits - half * 2)
    } else if bits >= (1 << field) - half {
        Some(bits - (1 << field))
    } else {
        None
    }
}

/// What the property `Quality` has against the value (`tck-id-payloads-propertyset-quality-value-value`:
/// 0 bad, 192 good, 500 stale). Senders with OPC codes use all of 192 to 255 for good; some write a word or a truth
/// value. One stale metric is that metric's trouble, not a lost device, which is what `Cause::Stale` would say.
pub(super) fn complaint(metric: &Metric) -> Option<Cause> {
    let is = |key: &str| matches!(beside::word_of(key), Some(Word::Quality | Word::Validity));
    let good = match metric.properties.as_ref()?.find(is)? {
        Property::Int(code) => (192..256).contains(code),
        Property::Long(code) => (192..256).contains(code),
        Property::Float(code) => (192.0..256.0).contains(code),
        Property::Double(code) => (192.0..256.0).contains(code),
        Property::Boolean(set) => *set,
        Property::String(text) => beside::is_good_text(text),
    };
    (!good).then_some(Cause::DeviceSaysBad)
}

/// The unit that the properties of `metric` name (`engUnit` by custom). An empty one, a dash or a word for none names nothing.
pub(super) fn unit(metric: &Metric) -> Option<&str> {
    let is = |key: &str| beside::word_of(key) == Some(Word::Unit);
    match metric.properties.as_ref()?.find(is)? {
        Property::String(text) => Some(text.as_str()).filter(|text| !is_no_unit(text.trim())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Datatype, Raw, read, unit};
    use crate::field::mqtt::sparkplug::wire::{Metric, Property, PropertySet, PropertyValue, Value};
    use crate::plant::meaning::Kind;
    use crate::plant::{Cause, Meaning, Quality};

    fn of(value: Value, datatype: Datatype) -> Raw<'static> {
        match read(&Metric { value: Some(value), ..Metric::default() }, datatype) {
            Raw::Text(text) => panic!("a text: {text}"),
            Raw::Number(number, quality) => Raw::Number(number, quality),
            Raw::Flag(set) => Raw::Flag(set),
            Raw::Bad(cause) => Raw::Bad(cause),
        }
    }

    /// The value of a text at a pressure in MPa.
    fn text(text: &str, meaning: &Meaning) -> (f64, Quality) {
        let metric = Metric { value: Some(Value::String(text.to_owned())), ..Metric::default() };
        read(&metric, Datatype::String).at(meaning, "")
    }

    fn good(number: f64) -> Raw<'static> {
        Raw::Number(number, Quality::Good)
    }

    #[test]
    fn signed_integers_are_understood_cut_short_or_sign_extended() {
        for (bits, datatype, number) in [
            (0xFB, Datatype::Int8, -5.0),
            (0xFFFF_FFFB, Datatype::Int8, -5.0),
            (0x7F, Datatype::Int8, 127.0),
            (0x80, Datatype::Int8, -128.0),
            (0xFFF8, Datatype::Int16, -8.0),
            (0xFFFF_FFF8, Datatype::Int16, -8.0),
            (0xFFFF_FFF8, Datatype::Int32, -8.0),
            (0xFFFF_FFF8, Datatype::UInt32, 4_294_967_288.0),
            (0xFFF8, Datatype::UInt16, 65528.0),
            (200, Datatype::UInt8, 200.0),
        ] {
            assert_eq!(of(Value::Int(bits), datatype), good(number), "{bits:#x} {datatype:?}");
        }
        assert_eq!(of(Value::Long(u64::MAX - 7), Datatype::Int64), good(-8.0));
        assert_eq!(of(Value::Long(u64::MAX - 7), Datatype::Int16), good(-8.0));
    }

    #[test]
    fn an_integer_that_does_not_fit_its_datatype_is_unreadable() {
        for (value, datatype) in [
            (Value::Int(300), Datatype::Int8),
            (Value::Int(256), Datatype::UInt8),
            (Value::Int(0x1_0000), Datatype::UInt16),
            (Value::Long(1 << 32), Datatype::UInt32),
            (Value::Int(0x8000_0000), Datatype::Int64),
            (Value::Int(0x8000_0000), Datatype::Unknown),
        ] {
            assert_eq!(of(value.clone(), datatype), Raw::Bad(Cause::Unreadable), "{value:?} {datatype:?}");
        }
    }

    #[test]
    fn digits_beyond_a_double_are_told() {
        let doubted = Raw::Number(9_007_199_254_740_994.0, Quality::Uncertain(Cause::Rounded));
        assert_eq!(of(Value::Long((1 << 53) + 2), Datatype::UInt64), doubted);
        assert_eq!(of(Value::Long(1 << 53), Datatype::UInt64), good(9_007_199_254_740_992.0));
    }

    #[test]
    fn a_text_is_read_by_the_rule_of_all_payloads() {
        let pressure = Meaning::plain(Kind::Measure).with_units("MPa", None, false);
        assert_eq!(text("1.25MPa", &pressure), (1.25, Quality::Good));
        assert_eq!(text("850 kPa", &pressure), (0.85, Quality::Good));
        for (said, cause) in [
            (" ON", Cause::Boolean),
            ("--", Cause::NotANumber),
            ("fault", Cause::Unreadable),
            ("1.25 bad", Cause::Unreadable),
            ("68 ℃", Cause::OtherUnit),
        ] {
            assert_eq!(text(said, &pressure).1, Quality::Bad(cause), "{said}");
        }
        assert_eq!(text(" ON", &Meaning::plain(Kind::Truth { invert: true })), (0.0, Quality::Good));
    }

    #[test]
    fn what_is_no_number_is_unreadable_and_what_is_not_there_is_not_guessed() {
        for value in [Value::Bytes(vec![1]), Value::DataSet(vec![]), Value::Template(vec![])] {
            assert_eq!(of(value, Datatype::Float), Raw::Bad(Cause::Unreadable));
        }
        let not_a_number = of(Value::Float(f32::NAN), Datatype::Float).at(&Meaning::default(), "");
        assert_eq!(not_a_number.1, Quality::Bad(Cause::NotANumber));
        assert_eq!(read(&Metric::default(), Datatype::Float), Raw::Bad(Cause::Missing));
        let null = Metric { is_null: Some(true), value: Some(Value::Float(0.0)), ..Metric::default() };
        assert_eq!(read(&null, Datatype::Float), Raw::Bad(Cause::NotANumber));
    }

    #[test]
    fn a_truth_value_is_never_scaled_and_every_number_but_zero_is_true() {
        for (invert, set) in [(false, 1.0), (true, 0.0)] {
            let kind = Kind::Truth { invert };
            let point = Meaning { scale: 10.0, offset: 3.0, ..Meaning::plain(kind) };
            for raw in [
                Raw::Flag(true),
                good(1.0),
                good(2.0),
                good(-1.0),
                of(Value::Int(255), Datatype::Boolean),
                of(Value::Int(2), Datatype::UInt8),
            ] {
                assert_eq!(raw.at(&point, ""), (set, Quality::Good), "{raw:?}");
            }
            assert_eq!(good(0.0).at(&point, ""), (1.0 - set, Quality::Good));
        }
        let measured = Meaning { scale: 10.0, offset: 3.0, ..Meaning::default() };
        assert_eq!(good(2.0).at(&measured, ""), (23.0, Quality::Good));
        assert_eq!(Raw::Flag(false).at(&measured, "").1, Quality::Bad(Cause::Boolean));
        assert_eq!(good(1e308).at(&measured, "").1, Quality::Bad(Cause::NotANumber));
    }

    #[test]
    fn a_number_that_means_no_measurement_is_bad_before_scaling() {
        let point = Meaning { sentinels: vec![32767.0, -999.9], ..Meaning::default() };
        assert_eq!(good(32767.0).at(&point, "").1, Quality::Bad(Cause::Sentinel));
        assert_eq!(good(32766.0).at(&point, ""), (32766.0, Quality::Good));
        assert_eq!(good(f64::from(-999.9f32)).at(&point, "").1, Quality::Bad(Cause::Sentinel));
    }

    #[test]
    fn the_quality_property_is_heeded() {
        for (code, expected) in [
            (192, good(1.0)),
            (216, good(1.0)),
            (0, Raw::Bad(Cause::DeviceSaysBad)),
            (64, Raw::Bad(Cause::DeviceSaysBad)),
            (500, Raw::Bad(Cause::DeviceSaysBad)),
        ] {
            let value = Property::Int(code);
            let quality = PropertyValue { r#type: Some(3), is_null: None, value: Some(value) };
            let units = PropertyValue { r#type: Some(12), is_null: None, value: None };
            let metric = Metric {
                properties: Some(PropertySet {
                    keys: vec!["engUnit".to_owned(), "Quality".to_owned()],
                    values: vec![units, quality],
                }),
                value: Some(Value::Float(1.0)),
                ..Metric::default()
            };
            assert_eq!(read(&metric, Datatype::Float), expected, "{code}");
        }
    }

    #[test]
    fn a_quality_that_is_a_word_or_a_truth_value_counts_and_so_does_a_unit() {
        let metric = |key: &str, property: Property| Metric {
            properties: Some(PropertySet {
                keys: vec![key.to_owned()],
                values: vec![PropertyValue { r#type: None, is_null: None, value: Some(property) }],
            }),
            value: Some(Value::Float(850.0)),
            ..Metric::default()
        };
        let text = |text: &str| Property::String(text.to_owned());
        for (property, is_good) in [
            (text("Good"), true),
            (text("192"), true),
            (text("Bad_Stale"), false),
            (text("uncertain"), false),
            (Property::Boolean(true), true),
            (Property::Boolean(false), false),
            (Property::Double(0.0), false),
        ] {
            for key in ["Quality", "quality"] {
                let metric = metric(key, property.clone());
                let found = read(&metric, Datatype::Float);
                let wanted = if is_good { good(850.0) } else { Raw::Bad(Cause::DeviceSaysBad) };
                assert_eq!(found, wanted, "{key} {property:?}");
            }
        }
        let pressure = Meaning::plain(Kind::Measure).with_units("MPa", None, false);
        for (key, word, wanted) in [
            ("engUnit", "kPa", (0.85, Quality::Good)),
            ("Engineering Units", "kPa", (0.85, Quality::Good)),
            ("engUnit", "MPa", (850.0, Quality::Good)),
            ("tooltip", "kPa", (850.0, Quality::Good)),
        ] {
            let metric = metric(key, text(word));
            let found = read(&metric, Datatype::Float).at(&pressure, unit(&metric).unwrap_or_default());
            assert_eq!(found, wanted, "{key} {word}");
        }
        let metric = metric("engUnit", text("℃"));
        let found = read(&metric, Datatype::Float).at(&pressure, unit(&metric).unwrap_or_default());
        assert_eq!(found.1, Quality::Bad(Cause::OtherUnit));
    }

    #[test]
    fn a_single_float_of_a_size_that_nothing_has_is_uncertain() {
        for odd in [2.39e-41_f32, 4.5e-20, 3.4e14] {
            let found = of(Value::Float(odd), Datatype::Float).at(&Meaning::default(), "");
            assert_eq!(found.1, Quality::Uncertain(Cause::Implausible), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn every_integer_comes_back_from_either_encoding(number in any::<i32>(), width in 0usize..3) {
            let datatype = [Datatype::Int8, Datatype::Int16, Datatype::Int32][width];
            let number = [i32::from(number as i8), i32::from(number as i16), number][width];
            let cut = (number as u32) & [0xFF, 0xFFFF, u32::MAX][width];
            prop_assert_eq!(of(Value::Int(number as u32), datatype), good(f64::from(number)));
            prop_assert_eq!(of(Value::Int(cut), datatype), good(f64::from(number)));
            prop_assert_eq!(of(Value::Long(i64::from(number) as u64), datatype), good(f64::from(number)));
        }
    }
}
