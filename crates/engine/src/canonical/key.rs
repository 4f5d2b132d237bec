//! Key columns in normalized form: equal keys have equal bytes.

use domain::ColumnType;

use super::numeric::{self, Parsed};
use super::push_field;

/// Appends one key column, with its length: numbers that are equal have the same bytes, however they are written
/// (1.0 and 1.00, 0.0 and -0.0, every NaN). All other types are compared by their canonical bytes: what PostgreSQL
/// writes differently is another key (`1 day` and `24 hours`, a text in two Unicode forms).
pub fn key_field(kind: &ColumnType, bytes: &[u8], out: &mut Vec<u8>) {
    match kind {
        ColumnType::Numeric => push_field(out, Some(&numeric_key(bytes))),
        ColumnType::Float4 => match bytes.as_array().map(|bytes| f32::from_be_bytes(*bytes)) {
            Some(number) if number.is_nan() => push_field(out, Some(&f32::NAN.to_be_bytes())),
            Some(0.0) => push_field(out, Some(&[0; 4])),
            _ => push_field(out, Some(bytes)),
        },
        ColumnType::Float8 => match bytes.as_array().map(|bytes| f64::from_be_bytes(*bytes)) {
            Some(number) if number.is_nan() => push_field(out, Some(&f64::NAN.to_be_bytes())),
            Some(0.0) => push_field(out, Some(&[0; 8])),
            _ => push_field(out, Some(bytes)),
        },
        _ => push_field(out, Some(bytes)),
    }
}

/// The first byte tells the cases apart; 0 to 2 are finite numbers.
fn numeric_key(bytes: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(bytes.len());
    match numeric::parse(bytes) {
        Some(Parsed::Finite(number)) => number.push_normalized(&mut key),
        Some(Parsed::NaN) => key.push(3),
        Some(Parsed::Infinity) => key.push(4),
        Some(Parsed::NegativeInfinity) => key.push(5),
        // No server sends this. Whatever it is, it is itself.
        None => {
            key.push(6);
            key.extend_from_slice(bytes);
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &ColumnType, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        key_field(kind, bytes, &mut out);
        out
    }

    fn numeric(words: &[u16]) -> Vec<u8> {
        key(&ColumnType::Numeric, &words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>())
    }

    #[test]
    fn equal_numbers_are_one_key() {
        let one = numeric(&[1, 0, 0, 0, 1]);
        assert_eq!(one, numeric(&[1, 0, 0, 2, 1]));
        assert_eq!(one, numeric(&[3, 1, 0, 4, 0, 1, 0]));
        assert_ne!(one, numeric(&[1, 0, 0x4000, 0, 1]));
        assert_ne!(one, numeric(&[1, 1, 0, 0, 1]));
        assert_eq!(numeric(&[0, 0, 0, 0]), numeric(&[1, 5, 0x4000, 3, 0]));
        let float = |number: f64| key(&ColumnType::Float8, &number.to_be_bytes());
        assert_eq!(float(0.0), float(-0.0));
        assert_eq!(float(f64::NAN), float(-f64::NAN));
        assert_ne!(float(1.0), float(-1.0));
        assert_eq!(key(&ColumnType::Float4, &(-0.0_f32).to_be_bytes()), key(&ColumnType::Float4, &[0; 4]));
    }
}
