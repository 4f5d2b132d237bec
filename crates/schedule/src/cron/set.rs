use std::ops::RangeInclusive;

/// Numbers from 0 to 63.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) fn of(numbers: impl IntoIterator<Item = u32>) -> Self {
        let mut set = Self::default();
        set.add(numbers);
        set
    }

    pub(super) fn add(&mut self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.0 |= 1 << number;
        }
    }

    pub(super) fn contains(self, number: i64) -> bool {
        (0..64).contains(&number) && self.0 & (1 << number) != 0
    }

    pub(super) fn has_one_of(self, mut numbers: RangeInclusive<i64>) -> bool {
        numbers.any(|number| self.contains(number))
    }

    pub(super) fn first_from(self, number: i64) -> Option<i64> {
        let left = u32::try_from(number).ok().and_then(|number| u64::MAX.checked_shl(number)).unwrap_or(0) & self.0;
        (left != 0).then(|| i64::from(left.trailing_zeros()))
    }
}
