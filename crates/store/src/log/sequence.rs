//! Sequence numbers as bytes that compare as the numbers do: how many digits, then the digits, two in a byte.

use crate::Error;

pub(super) fn to_bytes(number: &str) -> Result<Vec<u8>, Error> {
    let refused = || Error::NotASequenceNumber(number.chars().take(300).collect());
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    let digits = number.trim_start_matches('0').as_bytes();
    let mut bytes = vec![u8::try_from(digits.len()).map_err(|_| refused())?];
    let (first, pairs) = digits.split_at(digits.len() % 2);
    bytes.extend(first.iter().map(|digit| digit - b'0'));
    bytes.extend(pairs.chunks_exact(2).map(|pair| ((pair[0] - b'0') << 4) | (pair[1] - b'0')));
    Ok(bytes)
}

/// From the hexadecimal digits of what [`to_bytes`] made, which are those of the number.
pub(super) fn from_hex(hex: &str) -> String {
    let (length, digits) = hex.split_at_checked(2).unwrap_or_default();
    let length = usize::from_str_radix(length, 16).unwrap_or_default();
    match digits.get(digits.len().saturating_sub(length)..) {
        None | Some("") => "0".to_owned(),
        Some(digits) => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were_without_leading_zeros() {
        let long = "49590338271490256608559692538361571095921575989136588898";
        for (text, back) in [("0", "0"), ("000", "0"), ("7", "7"), ("0010", "10"), ("101", "101"), (long, long)] {
            let hex: String = to_bytes(text).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(from_hex(&hex), back);
        }
        assert_eq!(to_bytes(long).unwrap().len(), 29);
    }

    #[test]
    fn bytes_compare_as_the_numbers_do() {
        let numbers = ["0", "1", "9", "10", "19", "90", "99", "100", "101", "999", "1000", "98765432109876543210"];
        let bytes: Vec<_> = numbers.iter().map(|number| to_bytes(number).unwrap()).collect();
        assert!(bytes.is_sorted_by(|left, right| left < right), "{bytes:?}");
    }

    #[test]
    fn what_is_no_decimal_number_is_refused() {
        for text in ["", "-1", "1.5", "1e3", " 1", "LATEST", "١", &"9".repeat(256)] {
            assert!(matches!(to_bytes(text), Err(Error::NotASequenceNumber(_))), "{text}");
        }
        assert!(to_bytes(&"9".repeat(255)).is_ok());
    }
}
