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

/// Which bin a unit lies in. All sections have as many bins.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    each: usize,
}

/// What a row of the model adds to the sum of its bin.
#[derive(Debug, Clone, Copy)]
pub struct Term {
    pub bin: u32,
    product: u64,
}

/// A unit of the snapshot, and what it takes off the sum of its bin.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    bin: u32,
    /// Whether a row can leave it as it is.
    can_rest: bool,
    product: u64,
}

impl Grid {
    /// What a bin takes in memory, until all is read.
    pub const BIN: usize = size_of::<u64>();

    /// For so many units. With two bins for each of them, few units lie beside one that changed; more bring little.
    pub fn new(units: u64, memory: usize) -> Self {
        let units = usize::try_from(units).unwrap_or(usize::MAX);
        let bins = units.saturating_mul(2).min(memory / Self::BIN).min(u32::MAX as usize);
        Self { each: (bins / SECTIONS).max(1) }
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

    /// A row of the model.
    pub fn row(&self, unit: UnitId, row: Hash128) -> Term {
        Term { bin: self.bin(unit), product: product(unit, row) }
    }

    /// A unit of the snapshot. `row`: what leaves it as it is, if a row can.
    pub fn unit(&self, unit: UnitId, row: Option<Hash128>) -> Listed {
        let row = row.filter(|_| unit.child == 0);
        let product = row.map_or(0, |row| product(unit, row));
        Listed { bin: self.bin(unit), can_rest: row.is_some(), product }
    }

    /// As far into the bins of its section as the unit is into the section.
    fn bin(&self, unit: UnitId) -> u32 {
        let head = ((u128::from_be_bytes(unit.key.0) << BITS) >> 64) as u64;
        let place = ((u128::from(head) * self.each as u128) >> 64) as usize;
        (Self::section(unit) * self.each + place) as u32
    }
}

/// The bins of a snapshot while it is gone through and the model is read, whichever comes first.
#[derive(Debug)]
pub struct Bins {
    grid: Grid,
    sums: Vec<u64>,
    /// Bins with a unit that no row leaves as it is.
    uneven: Bits,
    /// Of each section.
    units: [u64; SECTIONS],
}

impl Bins {
    pub fn new(grid: Grid) -> Self {
        let bins = grid.each * SECTIONS;
        Self { grid, sums: vec![0; bins], uneven: Bits::new(bins), units: [0; SECTIONS] }
    }

    pub const fn grid(&self) -> Grid {
        self.grid
    }

    /// Units of the snapshot.
    pub fn list(&mut self, units: &[Listed]) {
        for Listed { bin, can_rest, product } in units {
            let bin = *bin as usize;
            self.units[bin / self.grid.each] += 1;
            self.sums[bin] = self.sums[bin].wrapping_sub(*product);
            if !can_rest {
                self.uneven.set(bin);
            }
        }
    }

    /// Rows of the model. Each waits for memory, as bins lie far from each other; many at once wait together.
    pub fn add(&mut self, rows: &[Term]) {
        for Term { bin, product } in rows {
            let sum = &mut self.sums[*bin as usize];
            *sum = sum.wrapping_add(*product);
        }
    }

    /// After the last unit and the last row. Nothing is left in the bins.
    pub fn balance(&mut self) -> Balance {
        let (grid, units, mut rests) = (self.grid, self.units, [true; SECTIONS]);
        let Self { sums, mut uneven, .. } = std::mem::replace(self, Self::new(Grid { each: 1 }));
        for (section, sums) in sums.chunks_exact(grid.each).enumerate() {
            for (bin, sum) in (section * grid.each..).zip(sums) {
                if *sum != 0 {
                    uneven.set(bin);
                }
                if uneven.get(bin) {
                    rests[section] = false;
                }
            }
        }
        Balance { grid, uneven, units, rests }
    }
}

/// Which bins rest.
#[derive(Debug)]
pub struct Balance {
    grid: Grid,
    uneven: Bits,
    /// How many each section has, and whether all of its bins rest.
    units: [u64; SECTIONS],
    rests: [bool; SECTIONS],
}

impl Balance {
    /// Whether the model has the unit as the snapshot has it.
    pub fn rests(&self, unit: UnitId) -> bool {
        self.bin_rests(self.grid.bin(unit))
    }

    /// The same, of all units of a bin.
    pub fn bin_rests(&self, bin: u32) -> bool {
        !self.uneven.get(bin as usize)
    }

    /// How many units of the snapshot a section has.
    pub const fn units(&self, section: usize) -> u64 {
        self.units[section]
    }

    /// Whether all of them rest, and no row was added.
    pub const fn section_rests(&self, section: usize) -> bool {
        self.rests[section]
    }

    pub fn all_rest(&self) -> bool {
        self.rests.iter().all(|rests| *rests)
    }
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

    fn listed(units: &Units, grid: Grid) -> Vec<Listed> {
        units.iter().map(|(id, row)| grid.unit(*id, *row)).collect()
    }

    #[test]
    fn a_model_as_it_was_rests_in_any_order_also_before_its_snapshot() {
        for each in [1, 7, 300] {
            let grid = Grid { each };
            let (mut bins, units) = (Bins::new(grid), listed(&snapshot(20_000), grid));
            let (first, last) = units.split_at(5_000);
            bins.list(first);
            (0..20_000).rev().for_each(|n| bins.add(&[grid.row(unit(n), row(n))]));
            bins.list(last);
            let balance = bins.balance();
            assert!(balance.all_rest());
            assert_eq!((0..SECTIONS).map(|section| balance.units(section)).sum::<u64>(), 20_000);
        }
    }

    #[test]
    fn what_differs_is_uneven_and_few_units_beside_it() {
        let mut known = snapshot(20_000);
        let (marked, child) = (unit(30_001), UnitId { child: 5, ..unit(30_002) });
        known.extend([(marked, None), (child, Some(row(30_002)))]);
        let grid = Grid::new(20_000, usize::MAX);
        let mut bins = Bins::new(grid);
        bins.list(&listed(&known, grid));
        let mut numbers = BTreeMap::new();
        // One is gone, one changed, one came twice, one is new, and two swapped what they hold.
        let other = |n| match n {
            20 => row(7_777_777),
            40 => row(41),
            41 => row(40),
            n => row(n),
        };
        for n in (0..20_000).filter(|n| *n != 10).chain([30, 50_000]) {
            let term = grid.row(unit(n), other(n));
            bins.add(&[term]);
            numbers.insert(unit(n), term.bin);
        }
        let balance = bins.balance();
        for n in [10, 20, 30, 40, 41, 50_000] {
            assert!(!balance.rests(unit(n)), "{n}");
            assert!(!balance.section_rests(Grid::section(unit(n))), "{n}");
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
        assert_eq!(Grid::new(0, 1 << 20).each, 1);
        assert_eq!(Grid::new(64_000, usize::MAX).each, 1_000);
        assert_eq!(Grid::new(u64::MAX, 1 << 20).each, (1 << 20) / 8 / SECTIONS);
        assert_eq!(Grid::new(u64::MAX, 0).each, 1);
        assert!(Grid::new(u64::MAX, usize::MAX).each * SECTIONS <= u32::MAX as usize);
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
            let grid = Grid { each };
            let mut bins = Bins::new(grid);
            bins.list(&listed(&known, grid));
            for (unit, row) in &known {
                let row = row.filter(|_| !changed.contains(unit)).unwrap_or(mixed(9));
                bins.add(&[grid.row(*unit, row)]);
            }
            let balance = bins.balance();
            prop_assert_eq!(balance.all_rest(), changed.is_empty());
            prop_assert!(changed.iter().all(|unit| !balance.rests(*unit)));
        }
    }
}
