//! Typed values back to canonical bytes: what `decode` made of them is the same again.

use domain::{ColumnType, Value};

use super::{calendar, numeric, push_field};

/// The canonical bytes of a value that is not null, or `None` if it is none of this type. They are those that the server
/// sends, but for arrays: their integers take eight bytes, and whether they had other lower bounds is not known.
pub fn encode(kind: &ColumnType, value: &Value) -> Option<Vec<u8>> {
    Some(match (kind, value) {
        (ColumnType::Bool, Value::Bool(value)) => vec![u8::from(*value)],
        (ColumnType::Int, Value::Int(value)) => value.to_be_bytes().to_vec(),
        #[expect(clippy::cast_possible_truncation, reason = "it was made of an f32, and prints as that one does")]
        (ColumnType::Float4, Value::Float(value)) => (*value as f32).to_be_bytes().to_vec(),
        (ColumnType::Float8, Value::Float(value)) => value.to_be_bytes().to_vec(),
        (ColumnType::Numeric, Value::Numeric(text)) => numeric::from_text(text)?,
        (ColumnType::Text, Value::Text(text)) | (ColumnType::Json, Value::Json(text)) => text.as_bytes().to_vec(),
        (ColumnType::Bytea, Value::Bytes(bytes)) => bytes.clone(),
        (ColumnType::Jsonb, Value::Json(text)) => [&[1], text.as_bytes()].concat(),
        (ColumnType::Date, Value::Text(text)) => calendar::parse_date(text)?.to_be_bytes().to_vec(),
        (ColumnType::Time, Value::Text(text)) => calendar::parse_time(text)?.to_be_bytes().to_vec(),
        (ColumnType::TimeTz, Value::Text(text)) => {
            let (micros, west) = calendar::parse_time_with_zone(text)?;
            [&micros.to_be_bytes()[..], &west.to_be_bytes()].concat()
        }
        (ColumnType::Timestamp, Value::Text(text)) => calendar::parse_timestamp(text, "")?.to_be_bytes().to_vec(),
        (ColumnType::TimestampTz, Value::Text(text)) => calendar::parse_timestamp(text, "Z")?.to_be_bytes().to_vec(),
        (ColumnType::Interval, Value::Text(text)) => {
            let (months, days, micros) = calendar::parse_interval(text)?;
            [&micros.to_be_bytes()[..], &days.to_be_bytes(), &months.to_be_bytes()].concat()
        }
        (ColumnType::Uuid, Value::Text(text)) => uuid(text)?,
        (ColumnType::Array(element), Value::Array(values)) => array(element, values)?,
        _ => return None,
    })
}

fn uuid(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|digit| *digit != '-').collect();
    let number = (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok())??;
    Some(number.to_be_bytes().to_vec())
}

/// Arrays nest by dimension; all of one dimension are equally long.
fn array(element: &ColumnType, values: &[Value]) -> Option<Vec<u8>> {
    let nested = |value: &Value| matches!(value, Value::Array(_));
    let (mut lengths, mut inner) = (Vec::new(), values);
    while !inner.is_empty() {
        lengths.push(inner.len());
        inner = match inner.first() {
            Some(Value::Array(values)) => values,
            _ => break,
        };
    }
    let mut out = Vec::new();
    let words = [u32::try_from(lengths.len()).ok()?, 0, oid(element)];
    words.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
    for length in &lengths {
        out.extend_from_slice(&i32::try_from(*length).ok()?.to_be_bytes());
        out.extend_from_slice(&1_i32.to_be_bytes());
    }
    if lengths.len() > 1 || values.iter().any(nested) {
        dimension(element, values, &lengths, &mut out)?;
    } else {
        values.iter().try_for_each(|value| leaf(element, value, &mut out))?;
    }
    Some(out)
}

fn dimension(element: &ColumnType, values: &[Value], lengths: &[usize], out: &mut Vec<u8>) -> Option<()> {
    let (length, lengths) = lengths.split_first()?;
    if values.len() != *length {
        return None;
    }
    values.iter().try_for_each(|value| match (value, lengths) {
        (Value::Array(values), [_, ..]) => dimension(element, values, lengths, out),
        (Value::Array(_), []) | (_, [_, ..]) => None,
        (value, []) => leaf(element, value, out),
    })
}

fn leaf(element: &ColumnType, value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Null => push_field(out, None),
        value => push_field(out, Some(&encode(element, value)?)),
    }
    Some(())
}

/// What the server calls the type of the elements.
const fn oid(element: &ColumnType) -> u32 {
    match element {
        ColumnType::Bool => 16,
        ColumnType::Bytea => 17,
        ColumnType::Int => 20,
        ColumnType::Text => 25,
        ColumnType::Json => 114,
        ColumnType::Float4 => 700,
        ColumnType::Float8 => 701,
        ColumnType::Date => 1082,
        ColumnType::Time => 1083,
        ColumnType::Timestamp => 1114,
        ColumnType::TimestampTz => 1184,
        ColumnType::Interval => 1186,
        ColumnType::TimeTz => 1266,
        ColumnType::Numeric => 1700,
        ColumnType::Uuid => 2950,
        ColumnType::Jsonb => 3802,
        ColumnType::Array(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::decode;
    use proptest::prelude::*;

    fn wire(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn assert_same(kind: &ColumnType, bytes: &[u8]) {
        let value = decode(kind, bytes).unwrap();
        assert_eq!(encode(kind, &value).as_deref(), Some(bytes), "{kind:?} {value:?}");
    }

    proptest! {
        #[test]
        fn numbers_and_times_have_the_bytes_of_the_server(
            long in any::<i64>(), short in any::<i32>(), days in -2_400_000_i32..100_000_000, micros in 0_i64..=86_400_000_000,
            offset in -57_599_i32..=57_599, months in any::<i16>(), id in any::<u128>(), float in any::<f32>(),
        ) {
            let day = i64::from(days) * 86_400_000_000;
            for (kind, bytes) in [
                (ColumnType::Int, long.to_be_bytes().to_vec()),
                (ColumnType::Date, days.to_be_bytes().to_vec()),
                (ColumnType::Date, short.to_be_bytes().to_vec()),
                (ColumnType::Timestamp, day.saturating_add(micros).to_be_bytes().to_vec()),
                (ColumnType::TimestampTz, long.to_be_bytes().to_vec()),
                (ColumnType::Time, micros.to_be_bytes().to_vec()),
                (ColumnType::TimeTz, [&micros.to_be_bytes()[..], &offset.to_be_bytes()].concat()),
                (ColumnType::Uuid, id.to_be_bytes().to_vec()),
                (ColumnType::Interval,
                 [&long.to_be_bytes()[..], &short.to_be_bytes(), &i32::from(months).to_be_bytes()].concat()),
            ] {
                assert_same(&kind, &bytes);
            }
            if !float.is_nan() {
                assert_same(&ColumnType::Float4, &float.to_be_bytes());
                assert_same(&ColumnType::Float8, &f64::from(float).to_be_bytes());
            }
        }

        #[test]
        fn decimals_have_the_bytes_of_the_server(
            digits in proptest::collection::vec(0_u16..10_000, 0..6), weight in -4_i16..6, negative in any::<bool>(),
        ) {
            let mut digits = digits;
            let mut weight = weight;
            while digits.first() == Some(&0) {
                digits.remove(0);
                weight -= 1;
            }
            while digits.last() == Some(&0) {
                digits.pop();
            }
            let last = i32::from(weight) + 1 - i32::try_from(digits.len()).unwrap();
            let scale = u16::try_from((-4 * last).max(0)).unwrap();
            let (weight, sign) =
                if digits.is_empty() { (0, 0) } else { (weight, if negative { 0x4000 } else { 0 }) };
            let count = u16::try_from(digits.len()).unwrap();
            let bytes = wire(&[&[count, weight.cast_unsigned(), sign, scale][..], &digits].concat());
            assert_same(&ColumnType::Numeric, &bytes);
        }
    }

    #[test]
    fn every_other_type_comes_back_too() {
        assert_same(&ColumnType::Bool, &[1]);
        assert_same(&ColumnType::Text, "é\0".as_bytes());
        assert_same(&ColumnType::Bytea, &[0, 255]);
        assert_same(&ColumnType::Json, br#"{ "a": 1.0 }"#);
        assert_same(&ColumnType::Jsonb, b"\x01{\"a\": 1.0}");
        for special in [0xC000, 0xD000, 0xF000] {
            assert_same(&ColumnType::Numeric, &wire(&[0, 0, special, 0]));
        }
        for infinite in [i64::MAX, i64::MIN] {
            assert_same(&ColumnType::Timestamp, &infinite.to_be_bytes());
        }
        let words = |words: &[i32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
        let texts = ColumnType::Array(Box::new(ColumnType::Text));
        assert_same(&texts, &[words(&[1, 0, 25, 3, 1, 1]), b"a".to_vec(), words(&[-1, 0])].concat());
        assert_same(&texts, &words(&[0, 0, 25]));
        let numbers = ColumnType::Array(Box::new(ColumnType::Date));
        assert_same(&numbers, &words(&[2, 0, 1082, 2, 1, 2, 1, 4, 1, 4, 2, -1, 4, 4]));
    }

    #[test]
    fn what_is_no_value_of_the_type_has_no_bytes() {
        for (kind, value) in [
            (ColumnType::Int, Value::Text("1".to_owned())),
            (ColumnType::Date, Value::Text("2024-13-01".to_owned())),
            (ColumnType::Date, Value::Text("yesterday".to_owned())),
            (ColumnType::Timestamp, Value::Text("2024-01-01".to_owned())),
            (ColumnType::TimestampTz, Value::Text("2024-01-01T00:00:00".to_owned())),
            (ColumnType::Time, Value::Text("25:00:00".to_owned())),
            (ColumnType::Interval, Value::Text("P1X".to_owned())),
            (ColumnType::Uuid, Value::Text("12".to_owned())),
            (ColumnType::Numeric, Value::Numeric("1e5".to_owned())),
            (
                ColumnType::Array(Box::new(ColumnType::Int)),
                Value::Array(vec![Value::Array(vec![Value::Int(1)]), Value::Array(Vec::new())]),
            ),
        ] {
            assert_eq!(encode(&kind, &value), None, "{kind:?} {value:?}");
        }
    }
}
