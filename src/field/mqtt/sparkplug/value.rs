//! One metric → a value or the reason why there is none.
//!
//! The datatype decides how integer fields are to be understood (Sparkplug 3.0, chapter 6, Data Types):
//! signed ones come as two's complement, cut to their own width by some senders and sign-extended to
//! the field's by others. A wire type that tells the number by itself (float, double, boolean, text)
//! is taken for what it is, whatever the datatype says; what cannot be told apart is unreadable.

use super::wire::{Metric, PropertyInteger, Value};
use crate::field::mqtt::payload::value::{is_sentinel, number};
use crate::plant::{Cause, Quality};

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

/// What a metric says before scaling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw {
    /// A number, believed or doubted.
    Number(f64, Quality),
    /// A truth value.
    Flag(bool),
    /// Nothing to go by.
    Bad(Cause),
}

impl Raw {
    /// A number that stands for "no measurement" is none.
    pub(super) fn without(self, sentinels: &[f64]) -> Self {
        match self {
            Self::Number(number, _) if is_sentinel(number, sentinels) => Self::Bad(Cause::Sentinel),
            raw => raw,
        }
    }

    /// The engineering value: `number × scale + offset`, or 0 and 1.
    pub(super) fn scaled(self, scale: f64, offset: f64, invert: bool) -> (f64, Quality) {
        match self {
            Self::Number(number, quality) if invert && (number == 0.0 || number == 1.0) => {
                (1.0 - number, quality)
            }
            Self::Number(number, quality) => match number * scale + offset {
                value if value.is_finite() => (value, quality),
                _ => (f64::NAN, Quality::Bad(Cause::NotANumber)),
            },
            Self::Flag(set) => (f64::from(u8::from(set != invert)), Quality::Good),
            Self::Bad(cause) => (f64::NAN, Quality::Bad(cause)),
        }
    }
}

/// Reads `metric`, whose BIRTH gave it `datatype`.
pub(super) fn read(metric: &Metric, datatype: Datatype) -> Raw {
    if metric.is_null == Some(true) {
        return Raw::Bad(Cause::NotANumber);
    }
    if let Some(cause) = complaint(metric) {
        return Raw::Bad(cause);
    }
    let raw = match &metric.value {
        None => return Raw::Bad(Cause::Missing),
        Some(Value::Int(bits)) => return integer(u64::from(*bits), 32, datatype),
        Some(Value::Long(bits)) => return integer(*bits, 64, datatype),
        Some(Value::Boolean(set)) => return Raw::Flag(*set),
        Some(Value::Float(number)) => Some(f64::from(*number)),
        Some(Value::Double(number)) => Some(*number),
        Some(Value::String(text)) => return word(text),
        Some(Value::Bytes(_) | Value::DataSet(_) | Value::Template(_) | Value::Extension(_)) => None,
    };
    finite(raw)
}

fn finite(raw: Option<f64>) -> Raw {
    match raw {
        Some(raw) if raw.is_finite() => Raw::Number(raw, Quality::Good),
        Some(_) => Raw::Bad(Cause::NotANumber),
        None => Raw::Bad(Cause::Unreadable),
    }
}

fn word(text: &str) -> Raw {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "on" => Raw::Flag(true),
        "false" | "off" => Raw::Flag(false),
        "" | "null" | "nan" | "inf" | "-inf" | "--" | "-" => Raw::Bad(Cause::NotANumber),
        word => finite(number(word)),
    }
}

/// `bits` came in a field of `field` bits.
fn integer(bits: u64, field: u32, datatype: Datatype) -> Raw {
    let number = match datatype.integer() {
        Some((width, signed)) => whole(bits, field, width, signed),
        None if datatype == Datatype::Boolean => {
            return match bits {
                0 => Raw::Flag(false),
                1 => Raw::Flag(true),
                _ => Raw::Bad(Cause::Unreadable),
            };
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
/// 0 bad, 192 good, 500 stale). Senders with OPC codes use all of 192 to 255 for good. One stale metric is that
/// metric's trouble, not a lost device, which is what `Cause::Stale` would say.
fn complaint(metric: &Metric) -> Option<Cause> {
    let set = metric.properties.as_ref()?;
    let at = set.keys.iter().position(|k| k == "Quality")?;
    let property = set.values.get(at)?;
    let code = match property.value? {
        _ if property.is_null == Some(true) => return None,
        PropertyInteger::Int(code) => u64::from(code),
        PropertyInteger::Long(code) => code,
    };
    match code {
        192..=255 => None,
        _ => Some(Cause::DeviceSaysBad),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Datatype, Raw, read};
    use crate::field::mqtt::sparkplug::wire::{Metric, PropertyInteger, PropertySet, PropertyValue, Value};
    use crate::plant::{Cause, Quality};

    fn of(value: Value, datatype: Datatype) -> Raw {
        read(&Metric { value: Some(value), ..Metric::default() }, datatype)
    }

    fn good(number: f64) -> Raw {
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
            (Value::Int(2), Datatype::Boolean),
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
    fn numeric_text_is_a_number_and_other_text_is_unreadable() {
        assert_eq!(of(Value::String("1.25MPa".to_owned()), Datatype::String), good(1.25));
        assert_eq!(of(Value::String(" ON".to_owned()), Datatype::Float), Raw::Flag(true));
        assert_eq!(of(Value::String("--".to_owned()), Datatype::String), Raw::Bad(Cause::NotANumber));
        assert_eq!(of(Value::String("fault".to_owned()), Datatype::String), Raw::Bad(Cause::Unreadable));
    }

    #[test]
    fn what_is_no_number_is_unreadable_and_what_is_not_there_is_not_guessed() {
        for value in [Value::Bytes(vec![1]), Value::DataSet(vec![]), Value::Template(vec![])] {
            assert_eq!(of(value, Datatype::Float), Raw::Bad(Cause::Unreadable));
        }
        assert_eq!(of(Value::Float(f32::NAN), Datatype::Float), Raw::Bad(Cause::NotANumber));
        assert_eq!(read(&Metric::default(), Datatype::Float), Raw::Bad(Cause::Missing));
        let null = Metric { is_null: Some(true), value: Some(Value::Float(0.0)), ..Metric::default() };
        assert_eq!(read(&null, Datatype::Float), Raw::Bad(Cause::NotANumber));
    }

    #[test]
    fn a_truth_value_is_never_scaled_and_may_be_inverted() {
        assert_eq!(Raw::Flag(true).scaled(10.0, 3.0, false), (1.0, Quality::Good));
        assert_eq!(Raw::Flag(true).scaled(10.0, 3.0, true), (0.0, Quality::Good));
        assert_eq!(good(2.0).scaled(10.0, 3.0, true), (23.0, Quality::Good));
        // Some senders have no booleans; the same rule as for other payloads.
        assert_eq!(good(1.0).scaled(1.0, 0.0, true), (0.0, Quality::Good));
        assert_eq!(good(0.0).scaled(1.0, 0.0, true), (1.0, Quality::Good));
        assert_eq!(good(1e308).scaled(10.0, 0.0, false).1, Quality::Bad(Cause::NotANumber));
        assert_eq!(of(Value::Int(1), Datatype::Boolean), Raw::Flag(true));
    }

    #[test]
    fn a_number_that_means_no_measurement_is_bad_before_scaling() {
        assert_eq!(good(32767.0).without(&[32767.0, -1.0]), Raw::Bad(Cause::Sentinel));
        assert_eq!(good(32766.0).without(&[32767.0]), good(32766.0));
        assert_eq!(good(f64::from(-999.9f32)).without(&[-999.9]), Raw::Bad(Cause::Sentinel));
        assert_eq!(Raw::Flag(true).without(&[1.0]), Raw::Flag(true));
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
            let value = PropertyInteger::Int(code);
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
