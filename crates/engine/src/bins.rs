//! Which units of a snapshot a model leaves as they are, told by sums. The units lie in bins, by the first bits of their key
//! hashes, as many bins as memory allows. A bin begins with what its units take off its sum, and each row that is read adds
//! to one. When all rows are read, a bin whose sum is nothing has the rows that the snapshot has, and rests; in any other,
//! some row was added, changed, removed or doubled, and all of its rows have to be looked at.
//!
//! A sum has 64 bits of keyed hashes: that a bin with changes balances by chance happens once in 10^19 of them, and who
//! controls rows but not the key cannot bring it about.

use crate::hash::Hash128;
use crate::unit::UnitId;

/// Sections of the key hashes: one for each value of their first bits.
pub const SECTIONS: usize = 1 << BITS;
const BITS: u32 = 7;

/// The bins of the units whose key hashes begin alike.
#[derive(Debug)]
pub struct Section {
    sums: Box<[u64]>,
    /// Bins with a unit that no row leaves as it is.
    uneven: Bits,
    units: u64,
}

impl Section {
    pub fn new(bins: usize) -> Self {
        Self { sums: vec![0; bins].into(), uneven: Bits::new(bins), units: 0 }
    }

    /// A unit of the snapshot. `row`: what leaves it as it is, if a row can.
    pub fn list(&mut self, unit: UnitId, row: Option<Hash128>) {
        let bin = place(unit, self.sums.len());
        self.units += 1;
        match row.filter(|_| unit.child == 0) {
            Some(row) => self.sums[bin] = self.sums[bin].wrapping_sub(product(unit, row)),
            None => self.uneven.set(bin),
        }
    }
}

/// What a row of the model adds to the sum of its bin.
#[derive(Debug, Clone, Copy)]
pub struct Term {
    pub bin: u32,
    product: u64,
}

/// The bins of a snapshot while the model is read.
#[derive(Debug)]
pub struct Bins {
    sections: Vec<Section>,
    each: usize,
}

impl Bins {
    /// What a bin takes in memory, until all is read.
    pub const SIZE: usize = size_of::<u64>();

    /// How many bins a section gets. With two for each unit, few units lie beside one that changed; more bring little.
    pub fn each(units: u64, memory: usize) -> usize {
        let units = usize::try_from(units).unwrap_or(usize::MAX);
        let bins = units.saturating_mul(2).min(memory / Self::SIZE).min(u32::MAX as usize);
        (bins / SECTIONS).max(1)
    }

    /// All sections, in their order, with as many bins each.
    pub fn new(sections: Vec<Section>) -> Self {
        let each = sections.first().map_or(1, |section| section.sums.len());
        debug_assert_eq!(sections.len(), SECTIONS);
        debug_assert!(sections.iter().all(|section| section.sums.len() == each));
        Self { sections, each }
    }

    /// The first unit of a section.
    pub fn first(section: usize) -> UnitId {
        UnitId { key: Hash128(((section as u128) << (128 - BITS)).to_be_bytes()), child: 0 }
    }

    /// The first unit behind a section, if there can be one.
    pub fn end(section: usize) -> Option<UnitId> {
        (section + 1 < SECTIONS).then(|| Self::first(section + 1))
    }

    /// The section that a unit is in.
    pub fn section(unit: UnitId) -> usize {
        usize::from(unit.key.0[0] >> (8 - BITS))
    }

    pub fn term(&self, unit: UnitId, row: Hash128) -> Term {
        let bin = Self::section(unit) * self.each + place(unit, self.each);
        Term { bin: bin as u32, product: product(unit, row) }
    }

    /// Rows of the model. Each waits for memory, as bins lie far from each other; many at once wait together.
    pub fn add(&mut self, terms: &[Term]) {
        let each = self.each as u32;
        for Term { bin, product } in terms {
            let sum = &mut self.sections[(bin / each) as usize].sums[(bin % each) as usize];
            *sum = sum.wrapping_add(*product);
        }
    }

    /// After the last row.
    pub fn balance(self) -> Balance {
        let settle = |Section { sums, mut uneven, units }: Section| {
            sums.iter().enumerate().filter(|(_, sum)| **sum != 0).for_each(|(bin, _)| uneven.set(bin));
            Settled { rests: uneven.is_empty().then_some(units), uneven }
        };
        Balance { sections: self.sections.into_iter().map(settle).collect(), each: self.each }
    }
}

/// Which bins rest.
#[derive(Debug)]
pub struct Balance {
    sections: Vec<Settled>,
    each: usize,
}

#[derive(Debug)]
struct Settled {
    uneven: Bits,
    /// If no bin is uneven: how many units there are.
    rests: Option<u64>,
}

impl Balance {
    /// Whether the model has the unit as the snapshot has it.
    pub fn rests(&self, unit: UnitId) -> bool {
        !self.sections[Bins::section(unit)].uneven.get(place(unit, self.each))
    }

    /// The same, of all units of a bin.
    pub fn bin_rests(&self, bin: u32) -> bool {
        let bin = bin as usize;
        !self.sections[bin / self.each].uneven.get(bin % self.each)
    }

    /// How many units a section has, if all of them rest.
    pub fn section_rests(&self, section: usize) -> Option<u64> {
        self.sections[section].rests
    }

    pub fn all_rest(&self) -> bool {
        self.sections.iter().all(|section| section.rests.is_some())
    }
}

/// As far into the bins as the unit is into its section.
fn place(unit: UnitId, bins: usize) -> usize {
    let head = ((u128::from_be_bytes(unit.key.0) << BITS) >> 64) as u64;
    ((u128::from(head) * bins as u128) >> 64) as usize
}

/// What tells a unit with this row from any other in a sum. A product, for of two rows that swapped what they hold, sums of
/// keys and of rows would stay the same.
fn product(unit: UnitId, row: Hash128) -> u64 {
    let low = |hash: Hash128| u128::from_be_bytes(hash.0) as u64;
    let product = u128::from(low(unit.key) | 1) * u128::from(low(row));
    (product >> 64) as u64 ^ product as u64
}

#[derive(Debug)]
struct Bits(Box<[u64]>);

impl Bits {
    fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)].into())
    }

    fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn get(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 != 0
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// As hashes are: all bits depend on all of the number.
    fn mixed(n: u64) -> Hash128 {
        let spread = |n: u64| {
            let n = (n ^ (n >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let n = (n ^ (n >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            n ^ (n >> 32)
        };
        let (high, low) = (spread(n.wrapping_add(1)), spread(n.wrapping_add(0x5851_F42D_4C95_7F2D)));
        Hash128(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }

    fn unit(n: u64) -> UnitId {
        UnitId { key: mixed(n), child: 0 }
    }

    fn row(n: u64) -> Hash128 {
        mixed(n + 1_000_000)
    }

    type Units = BTreeMap<UnitId, Option<Hash128>>;

    fn snapshot(units: u64) -> Units {
        (0..units).map(|n| (unit(n), Some(row(n)))).collect()
    }

    fn bins(units: &Units, each: usize) -> Bins {
        let section = |number| {
            let mut section = Section::new(each);
            let here = units.iter().filter(|(unit, _)| Bins::section(**unit) == number);
            here.for_each(|(unit, row)| section.list(*unit, *row));
            section
        };
        Bins::new((0..SECTIONS).map(section).collect())
    }

    #[test]
    fn a_model_as_it_was_rests_in_any_order() {
        for each in [1, 7, 300] {
            let mut bins = bins(&snapshot(20_000), each);
            (0..20_000).rev().for_each(|n| bins.add(&[bins.term(unit(n), row(n))]));
            let balance = bins.balance();
            assert!(balance.all_rest());
            assert_eq!((0..SECTIONS).filter_map(|section| balance.section_rests(section)).sum::<u64>(), 20_000);
        }
    }

    #[test]
    fn what_differs_is_uneven_and_few_units_beside_it() {
        let mut known = snapshot(20_000);
        let (marked, child) = (unit(30_001), UnitId { child: 5, ..unit(30_002) });
        known.extend([(marked, None), (child, Some(row(30_002)))]);
        let mut bins = bins(&known, 2 * 20_000 / SECTIONS);
        let mut numbers = BTreeMap::new();
        // One is gone, one changed, one came twice, one is new, and two swapped what they hold.
        let other = |n| match n {
            20 => row(7_777_777),
            40 => row(41),
            41 => row(40),
            n => row(n),
        };
        for n in (0..20_000).filter(|n| *n != 10).chain([30, 50_000]) {
            let term = bins.term(unit(n), other(n));
            bins.add(&[term]);
            numbers.insert(unit(n), term.bin);
        }
        let balance = bins.balance();
        for n in [10, 20, 30, 40, 41, 50_000] {
            assert!(!balance.rests(unit(n)), "{n}");
            assert_eq!(balance.section_rests(Bins::section(unit(n))), None, "{n}");
        }
        assert!(!balance.rests(marked) && !balance.rests(child) && !balance.all_rest());
        assert!(numbers.iter().all(|(unit, bin)| balance.rests(*unit) == balance.bin_rests(*bin)));
        let uneven = (0..20_000).filter(|n| !balance.rests(unit(*n))).count();
        assert!((5..25).contains(&uneven), "{uneven}");
    }

    #[test]
    fn two_rows_that_swapped_what_they_hold_have_another_sum() {
        for n in 0..2_000 {
            let sum = |a, b| product(unit(2 * n), row(a)).wrapping_add(product(unit(2 * n + 1), row(b)));
            assert_ne!(sum(2 * n, 2 * n + 1), sum(2 * n + 1, 2 * n), "{n}");
        }
    }

    #[test]
    fn there_are_no_more_bins_than_memory_or_units_ask_for() {
        assert_eq!(Bins::each(0, 1 << 20), 1);
        assert_eq!(Bins::each(64_000, usize::MAX), 1_000);
        assert_eq!(Bins::each(u64::MAX, 1 << 20), (1 << 20) / 8 / SECTIONS);
        assert_eq!(Bins::each(u64::MAX, 0), 1);
        assert!(Bins::each(u64::MAX, usize::MAX) * SECTIONS <= u32::MAX as usize);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Keys that are no hashes lie in heaps: then less rests, and nothing rests wrongly.
        #[test]
        fn a_unit_rests_only_as_it_was(
            keys in proptest::collection::btree_set(any::<u128>(), 1..200), heap in 1_u128..300, shift in 0_u32..100,
            each in 1_usize..50, changed in proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let keys: std::collections::BTreeSet<_> = keys.into_iter().chain((1..=heap).map(|key| key << shift)).collect();
            let units: Vec<_> = keys.into_iter().map(|key| UnitId { key: Hash128(key.to_be_bytes()), child: 0 }).collect();
            let known: Units = units.iter().enumerate().map(|(n, unit)| (*unit, Some(row(n as u64)))).collect();
            let changed: std::collections::BTreeSet<_> = changed.iter().map(|index| *index.get(&units)).collect();
            let mut bins = bins(&known, each);
            for (unit, row) in &known {
                let row = row.filter(|_| !changed.contains(unit)).unwrap_or(mixed(9));
                bins.add(&[bins.term(*unit, row)]);
            }
            let balance = bins.balance();
            prop_assert_eq!(balance.all_rest(), changed.is_empty());
            prop_assert!(changed.iter().all(|unit| !balance.rests(*unit)));
        }
    }
}
