use std::cmp::Ordering;

/// Sequence numbers are decimal numbers of up to 56 digits, and are compared as numbers: the shorter one is the smaller.
pub fn compare_sequence_numbers(left: &str, right: &str) -> Ordering {
    let number = |text: &str| text.len() - text.trim_start_matches('0').len();
    let (left, right) = (&left[number(left)..], &right[number(right)..]);
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_longer_number_is_greater_whatever_it_begins_with() {
        assert_eq!(compare_sequence_numbers("9", "10"), Ordering::Less);
        assert_eq!(compare_sequence_numbers("10", "10"), Ordering::Equal);
        assert_eq!(compare_sequence_numbers("007", "7"), Ordering::Equal);
        assert_eq!(compare_sequence_numbers("", "0"), Ordering::Equal);
        let long = "49590338271490256608559692538361571095921575989136588898";
        let longer = "149590338271490256608559692538361571095921575989136588898";
        assert_eq!(compare_sequence_numbers(long, longer), Ordering::Less);
    }

    proptest! {
        #[test]
        fn sequence_numbers_are_ordered_as_numbers_are(left: u128, right: u128, zeros in 0usize..4) {
            let (left, right) = (left >> (zeros * 20), right);
            let text = format!("{}{left}", "0".repeat(zeros));
            prop_assert_eq!(compare_sequence_numbers(&text, &right.to_string()), left.cmp(&right));
        }
    }
}
