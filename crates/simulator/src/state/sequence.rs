//! Sequence numbers: 56 decimal digits, like those of Kinesis, strictly increasing within a shard and from a shard to
//! its children.

use std::fmt;

/// A sequence number in parts. Printed it is `49`, the creation time of the shard (ms, 13 digits), a counter (20
/// digits), the arrival time (ms, 13 digits) and the shard's number (8 digits), so that texts sort like numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sequence {
    pub(crate) shard_created_ms: u64,
    pub(crate) counter: u64,
    pub(crate) arrival_ms: u64,
    pub(crate) shard: u32,
}

impl Sequence {
    /// Reads a number that this simulator gave out.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() != 56 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let rest = text.strip_prefix("49")?;
        Some(Self {
            shard_created_ms: rest[..13].parse().ok()?,
            counter: rest[13..33].parse().ok()?,
            arrival_ms: rest[33..46].parse().ok()?,
            shard: rest[46..].parse().ok()?,
        })
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "49{:013}{:020}{:013}{:08}", self.shard_created_ms, self.counter, self.arrival_ms, self.shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_number_has_56_digits_sorts_like_its_counter_and_reads_back() {
        let number = |counter| Sequence {
            shard_created_ms: 1_790_000_000_123,
            counter,
            arrival_ms: 1_790_000_000_999,
            shard: 7,
        };
        let texts: Vec<String> = [0, 9, 10, u64::MAX].map(|counter| number(counter).to_string()).into();
        assert!(texts.iter().all(|text| text.len() == 56));
        assert!(texts.is_sorted());
        assert_eq!(Sequence::parse(&texts[3]), Some(number(u64::MAX)));
        assert_eq!(Sequence::parse("12"), None);
        assert_eq!(Sequence::parse(&"9".repeat(56)), None);
    }
}
