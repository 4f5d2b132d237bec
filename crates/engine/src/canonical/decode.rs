//! Canonical bytes to typed values. Exact: no digit, no character is lost, and what cannot be read is an error.

use domain::{ColumnType, Value};

use super::numeric::{self, Parsed};
use super::{calendar, split_field};
use crate::hash::push_hex;

/// Bytes that are no value of the column's type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{length} bytes cannot be read as a value of the type {kind:?}: {reason}")]
pub struct DecodeError {
    kind: ColumnType,
    length: usize,
    reason: &'static str,
}

/// The value of a column that is not null.
///
/// Dates and times are described in `calendar.rs`: RFC 3339, a timestamp without time zone has no offset, one with is
/// in UTC and ends with `Z`. A float4 becomes the float8 that prints the same shortest decimal. Arrays nest by
/// dimension; their lower bounds are dropped, and an array without elements is empty whatever its dimensions.
pub fn decode(kind: &ColumnType, bytes: &[u8]) -> Result<Value, DecodeError> {
    scalar_or_array(kind, bytes).map_err(|reason| DecodeError { kind: kind.clone(), length: bytes.len(), reason })
}

type Decoded<T> = Result<T, &'static str>;

const LENGTH: &str = "the length is wrong";

fn scalar_or_array(kind: &ColumnType, bytes: &[u8]) -> Decoded<Value> {
    Ok(match kind {
        ColumnType::Bool => match bytes {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            _ => return Err("a boolean is one byte, 0 or 1"),
        },
        ColumnType::Int => Value::Int(i64::from_be_bytes(exact(bytes)?)),
        ColumnType::Float4 => Value::Float(float4(f32::from_be_bytes(exact(bytes)?))),
        ColumnType::Float8 => Value::Float(f64::from_be_bytes(exact(bytes)?)),
        ColumnType::Numeric => Value::Numeric(decimal(bytes)?),
        ColumnType::Text => Value::Text(utf8(bytes)?),
        ColumnType::Bytea => Value::Bytes(bytes.to_vec()),
        ColumnType::Date => Value::Text(calendar::date(i32::from_be_bytes(exact(bytes)?))),
        ColumnType::Time => Value::Text(calendar::time(i64::from_be_bytes(exact(bytes)?)).ok_or(NOT_IN_A_DAY)?),
        ColumnType::TimeTz => {
            let (micros, west) = bytes.split_first_chunk().ok_or(LENGTH)?;
            let (micros, west) = (i64::from_be_bytes(*micros), i32::from_be_bytes(exact(west)?));
            Value::Text(calendar::time_with_zone(micros, west).ok_or(NOT_IN_A_DAY)?)
        }
        ColumnType::Timestamp => Value::Text(calendar::timestamp(i64::from_be_bytes(exact(bytes)?), "")),
        ColumnType::TimestampTz => Value::Text(calendar::timestamp(i64::from_be_bytes(exact(bytes)?), "Z")),
        ColumnType::Interval => {
            let (micros, rest) = bytes.split_first_chunk().ok_or(LENGTH)?;
            let (days, months) = rest.split_first_chunk().ok_or(LENGTH)?;
            let (days, months) = (i32::from_be_bytes(*days), i32::from_be_bytes(exact(months)?));
            Value::Text(calendar::interval(months, days, i64::from_be_bytes(*micros)))
        }
        ColumnType::Uuid => Value::Text(uuid(exact(bytes)?)),
        ColumnType::Json => Value::Json(utf8(bytes)?),
        ColumnType::Jsonb => match bytes {
            [1, text @ ..] => Value::Json(utf8(text)?),
            _ => return Err("only version 1 of jsonb is known"),
        },
        ColumnType::Array(element) => array(element, bytes)?,
    })
}

const NOT_IN_A_DAY: &str = "the time is not within a day";

fn exact<const N: usize>(bytes: &[u8]) -> Decoded<[u8; N]> {
    bytes.try_into().map_err(|_error| LENGTH)
}

fn utf8(bytes: &[u8]) -> Decoded<String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_error| "it is not UTF-8")
}

/// The float8 that prints the decimal that PostgreSQL prints for a float4: 0.1 stays 0.1 and does not become
/// 0.10000000149011612. It is the nearest of the shortest decimals that lie truly between the float's midpoints to its
/// neighbors; of two that are equally near, the even one.
fn float4(number: f32) -> f64 {
    let wide = f64::from(number);
    if !number.is_finite() {
        return wide;
    }
    // Midpoints of two float4 are exact in a float8.
    let midpoints = [number.next_down(), number.next_up()].map(|neighbor| f64::midpoint(wide, f64::from(neighbor)));
    let shortest = (0..=8).find_map(|decimals| {
        let text = format!("{wide:.decimals$e}");
        let near = text.parse::<f32>().is_ok_and(|near| near.to_bits() == number.to_bits());
        text.parse().ok().filter(|decimal| near && !midpoints.contains(decimal))
    });
    shortest.unwrap_or(wide)
}

fn decimal(bytes: &[u8]) -> Decoded<String> {
    match numeric::parse(bytes).ok_or("the digits are out of form")? {
        Parsed::Finite(number) => Ok(number.text()),
        Parsed::NaN => Ok("NaN".to_owned()),
        Parsed::Infinity => Ok("Infinity".to_owned()),
        Parsed::NegativeInfinity => Ok("-Infinity".to_owned()),
    }
}

fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (part, follows) in [(0..4, "-"), (4..6, "-"), (6..8, "-"), (8..10, "-"), (10..16, "")] {
        push_hex(&bytes[part], |digit| text.push(digit));
        text.push_str(follows);
    }
    text
}

/// PostgreSQL allows no more.
const DIMENSIONS: usize = 6;
const OID: u32 = 26;
const ARRAY: &str = "the array's header and its elements do not agree";

fn array(element: &ColumnType, bytes: &[u8]) -> Decoded<Value> {
    let (header, rest) = bytes.split_first_chunk::<12>().ok_or(ARRAY)?;
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let count = usize::try_from(word(0)).ok().filter(|count| *count <= DIMENSIONS).ok_or(ARRAY)?;
    let (dimensions, mut elements) = rest.split_at_checked(count * 8).ok_or(ARRAY)?;
    let (dimensions, _) = dimensions.as_chunks::<8>();
    let lengths: Vec<usize> = dimensions
        .iter()
        .map(|[a, b, c, d, ..]| usize::try_from(i32::from_be_bytes([*a, *b, *c, *d])).map_err(|_error| ARRAY))
        .collect::<Decoded<_>>()?;
    let total = lengths.iter().try_fold(1, |total: usize, length| total.checked_mul(*length)).ok_or(ARRAY)?;
    if lengths.is_empty() || total == 0 {
        return if elements.is_empty() { Ok(Value::Array(Vec::new())) } else { Err(ARRAY) };
    }
    // An element takes four bytes at least, so this bounds all that is built below.
    if total > elements.len() / 4 {
        return Err(ARRAY);
    }
    let value = dimension(element, word(8) == OID, &lengths, &mut elements)?;
    if elements.is_empty() { Ok(value) } else { Err(ARRAY) }
}

fn dimension(kind: &ColumnType, unsigned: bool, lengths: &[usize], rest: &mut &[u8]) -> Decoded<Value> {
    let Some((length, inner)) = lengths.split_first() else {
        let (field, after) = split_field(rest).ok_or(ARRAY)?;
        *rest = after;
        return match (field, kind) {
            (None, _) => Ok(Value::Null),
            (Some(bytes), ColumnType::Int) => integer(bytes, unsigned).map(Value::Int),
            (Some(bytes), kind) => scalar_or_array(kind, bytes),
        };
    };
    (0..*length).map(|_| dimension(kind, unsigned, inner, rest)).collect::<Decoded<_>>().map(Value::Array)
}

/// Integers within arrays keep their width.
fn integer(bytes: &[u8], unsigned: bool) -> Decoded<i64> {
    match bytes.len() {
        2 => exact(bytes).map(|bytes| i64::from(i16::from_be_bytes(bytes))),
        4 if unsigned => exact(bytes).map(|bytes| i64::from(u32::from_be_bytes(bytes))),
        4 => exact(bytes).map(|bytes| i64::from(i32::from_be_bytes(bytes))),
        _ => exact(bytes).map(i64::from_be_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scalars() -> [ColumnType; 16] {
        use ColumnType::*;
        [
            Bool,
            Int,
            Float4,
            Float8,
            Numeric,
            Text,
            Bytea,
            Date,
            Time,
            TimeTz,
            Timestamp,
            TimestampTz,
            Interval,
            Uuid,
            Json,
            Jsonb,
        ]
    }

    fn kinds() -> impl Strategy<Value = ColumnType> {
        let scalar = proptest::sample::select(scalars().to_vec());
        scalar.prop_recursive(3, 3, 1, |inner| inner.prop_map(|kind| ColumnType::Array(Box::new(kind))))
    }

    /// Headers that almost hold: few dimensions, small or enormous lengths, then anything.
    fn arrays() -> impl Strategy<Value = Vec<u8>> {
        let length = prop_oneof![0_i32..4, Just(i32::MAX), Just(-1)];
        let element = (prop_oneof![Just(-1_i32), 0_i32..20], any::<[u8; 16]>());
        let dimensions = proptest::collection::vec(length, 0..8);
        (dimensions, proptest::collection::vec(element, 0..9)).prop_map(|(dimensions, elements)| {
            let mut bytes = i32::try_from(dimensions.len()).unwrap().to_be_bytes().to_vec();
            bytes.extend([0; 8]);
            dimensions.iter().for_each(|length| bytes.extend([length.to_be_bytes(), [0; 4]].concat()));
            for (length, content) in elements {
                bytes.extend(length.to_be_bytes());
                bytes.extend(content.iter().take(usize::try_from(length).unwrap_or(0)));
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(kind in kinds(), bytes in prop_oneof![any::<Vec<u8>>(), arrays()]) {
            let _read = decode(&kind, &bytes).is_ok();
            let mut out = Vec::new();
            crate::canonical::key_field(&kind, &bytes, &mut out);
            prop_assert_eq!(crate::canonical::fields(&out).count(), 1);
        }

        #[test]
        fn bytes_of_the_right_length_are_read_whatever_they_say(bytes in any::<[u8; 16]>()) {
            for (kind, length) in [
                (ColumnType::Int, 8), (ColumnType::Float4, 4), (ColumnType::Float8, 8), (ColumnType::Date, 4),
                (ColumnType::Timestamp, 8), (ColumnType::TimestampTz, 8), (ColumnType::Interval, 16),
                (ColumnType::Uuid, 16), (ColumnType::Bytea, 16),
            ] {
                prop_assert!(decode(&kind, &bytes[..length]).is_ok(), "{:?}", kind);
                prop_assert!(length == 16 || decode(&kind, &bytes[..length + 1]).is_err(), "{:?}", kind);
            }
        }

        #[test]
        fn float4_stays_the_same_number(number in any::<f32>()) {
            let Ok(Value::Float(wide)) = decode(&ColumnType::Float4, &number.to_be_bytes()) else { panic!() };
            prop_assert!(number.is_nan() && wide.is_nan() || wide.to_string().parse() == Ok(number));
        }
    }

    #[test]
    fn an_array_of_enormous_empty_dimensions_is_just_empty() {
        let words = [2_i32, 0, 23, i32::MAX, 1, 0, 1];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        assert_eq!(decode(&ColumnType::Array(Box::new(ColumnType::Int)), &bytes), Ok(Value::Array(Vec::new())));
    }
}
