//! The roll of a snapshot: what it has acknowledged, in about five bytes a unit. A row that is on it as it was acknowledged
//! is ticked off while the model is read, and needs no further look. So it is neither spilled nor compared.
//!
//! A few bytes cannot tell all rows apart: of a billion rows that changed, some would be ticked off in place of the unit
//! that they changed from, or of a neighbor. So nothing is believed: each section of the roll has a sum of the hashes of all
//! units on it, and one of the rows that were ticked off, 128 bits each. Where the rows are those of the roll, the sums agree;
//! where they do not, a row was ticked off wrongly, and whoever reads has to read again without a roll.
//!
//! Keys and rows are told by keyed hashes: who controls rows but not the key cannot provoke any of it.

use crate::hash::Hash128;
use crate::unit::UnitId;

/// Sections of the roll: one for each value of the first bits of the key hash.
pub const SECTIONS: usize = 1 << BITS;
const BITS: u32 = 7;

/// In a slot whose unit was ticked off.
const TICKED: u32 = 1 << 31;

/// A sum over units: equal for the same units in any order, and for no others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub units: u64,
    sum: u128,
}

impl Tally {
    pub fn add(&mut self, unit: UnitId, row: Hash128) {
        let (key, row) = (u128::from_be_bytes(unit.key.0), u128::from_be_bytes(row.0));
        self.units += 1;
        // Of two rows that swapped what they hold, the sums of keys and of rows alone would be the same.
        self.sum = self.sum.wrapping_add(key ^ row.rotate_left(64));
    }

    pub const fn and(self, other: Self) -> Self {
        Self { units: self.units + other.units, sum: self.sum.wrapping_add(other.sum) }
    }
}

/// The units of a snapshot whose key hashes begin alike.
#[derive(Debug, Default)]
pub struct Section {
    /// In the order of the units, each at its home, or behind the one before where that is taken; 0 where there is none.
    slots: Box<[u32]>,
    homes: u64,
    listed: Tally,
    /// Units of the snapshot that are not on the roll: whatever the model says of them has to be looked at.
    others: u64,
    ticked: Tally,
}

/// A section while the snapshot is gone through.
#[derive(Debug, Default)]
pub struct Listing {
    /// The first bits of the keys, and what the slots will hold.
    units: Vec<(u64, u32)>,
    listed: Tally,
    others: u64,
}

impl Listing {
    /// The next unit in order. `row`: what leaves it as it is, if a row can.
    pub fn push(&mut self, unit: UnitId, row: Option<Hash128>) {
        match row.filter(|_| unit.child == 0) {
            Some(row) => {
                self.units.push((head(unit), print(unit, row)));
                self.listed.add(unit, row);
            }
            None => self.others += 1,
        }
    }

    /// What `close` will take in memory.
    pub fn bytes(&self) -> usize {
        size_of::<u32>() * Self::homes(self.units.len())
    }

    /// A fifth of the slots stays empty, so that searches end soon.
    const fn homes(units: usize) -> usize {
        units + units / 4
    }

    /// Makes the section, and is empty again.
    pub fn close(&mut self) -> Section {
        let homes = Self::homes(self.units.len());
        let mut slots: Vec<u32> = Vec::with_capacity(homes + 8);
        for (head, print) in self.units.drain(..) {
            let at = home(head, homes as u64).max(slots.len());
            slots.resize(at, 0);
            slots.push(print);
        }
        let (listed, others) = (std::mem::take(&mut self.listed), std::mem::take(&mut self.others));
        Section { slots: slots.into(), homes: homes as u64, listed, others, ticked: Tally::default() }
    }
}

impl Section {
    /// Ticks a row off, if it is on the roll as it is, and was not ticked off before.
    fn tick(&mut self, unit: UnitId, row: Hash128) -> bool {
        let print = print(unit, row);
        let found = self.near_home(unit).find(|(_, slot)| *slot == print);
        let Some((at, _)) = found else { return false };
        self.slots[at] |= TICKED;
        self.ticked.add(unit, row);
        true
    }

    /// Whether a unit of the roll was ticked off.
    fn is_ticked(&self, unit: UnitId, row: Hash128) -> bool {
        let print = print(unit, row);
        let found = self.near_home(unit).find(|(_, slot)| *slot & !TICKED == print);
        found.is_some_and(|(_, slot)| slot & TICKED != 0)
    }

    /// The slots in which a unit may be.
    fn near_home(&self, unit: UnitId) -> impl Iterator<Item = (usize, u32)> {
        let home = home(head(unit), self.homes);
        (home..).zip(self.slots.get(home..).unwrap_or_default().iter().copied()).take_while(|(_, slot)| *slot != 0)
    }

    /// Whether the rows that were ticked off are all that the snapshot has here.
    fn is_whole(&self) -> bool {
        self.others == 0 && self.ticked == self.listed
    }
}

/// The roll, section by section. A section may be missing, where memory is short: no row of it is ticked off.
#[derive(Debug)]
pub struct Roll(Vec<Option<Section>>);

impl Roll {
    /// The first sections, in their order.
    pub fn new(sections: Vec<Option<Section>>) -> Self {
        Self(sections)
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

    /// Ticks a row off, if it is on the roll as it is, and was not ticked off before.
    pub fn tick(&mut self, unit: UnitId, row: Hash128) -> bool {
        let section = self.0.get_mut(Self::section(unit)).and_then(Option::as_mut);
        section.is_some_and(|section| section.tick(unit, row))
    }

    /// Whether a unit of the snapshot that this row leaves as it is was ticked off.
    pub fn is_ticked(&self, unit: UnitId, row: Hash128) -> bool {
        self.get(Self::section(unit)).is_some_and(|section| unit.child == 0 && section.is_ticked(unit, row))
    }

    /// What was ticked off in a section.
    pub fn ticked(&self, section: usize) -> Tally {
        self.get(section).map(|section| section.ticked).unwrap_or_default()
    }

    /// Whether the rows that were ticked off are all that the snapshot has in a section.
    pub fn is_whole(&self, section: usize) -> bool {
        self.get(section).is_some_and(Section::is_whole)
    }

    fn get(&self, section: usize) -> Option<&Section> {
        self.0.get(section)?.as_ref()
    }
}

/// The bits of a key that tell it from others of its section.
fn head(unit: UnitId) -> u64 {
    ((u128::from_be_bytes(unit.key.0) << BITS) >> 64) as u64
}

/// Where a unit is looked for first: as far into the slots as it is into the section.
fn home(head: u64, homes: u64) -> usize {
    ((u128::from(head) * u128::from(homes)) >> 64) as usize
}

/// What is kept of a unit: 31 bits, never 0.
fn print(unit: UnitId, row: Hash128) -> u32 {
    let [_, _, _, key] = words(unit.key);
    let [_, _, _, row] = words(row);
    ((key ^ row) & !TICKED).max(1)
}

fn words(hash: Hash128) -> [u32; 4] {
    let all = u128::from_be_bytes(hash.0);
    [96, 64, 32, 0].map(|shift| (all >> shift) as u32)
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

    /// The roll of units; those without a row are among the others.
    fn roll(units: &BTreeMap<UnitId, Option<Hash128>>) -> Roll {
        let mut listing = Listing::default();
        let section = |section| {
            let range = units.range(Roll::first(section)..).take_while(|(unit, _)| Roll::section(**unit) == section);
            range.for_each(|(unit, row)| listing.push(*unit, *row));
            Some(listing.close())
        };
        Roll::new((0..SECTIONS).map(section).collect())
    }

    fn snapshot(units: u64) -> BTreeMap<UnitId, Option<Hash128>> {
        (0..units).map(|n| (unit(n), Some(mixed(n + 1_000_000)))).collect()
    }

    #[test]
    fn rows_as_they_were_are_ticked_off_once_and_others_never() {
        let known = snapshot(20_000);
        let mut roll = roll(&known);
        for n in (0..20_000).rev() {
            assert!(roll.tick(unit(n), mixed(n + 1_000_000)), "{n}");
            assert!(!roll.tick(unit(n), mixed(n + 1_000_000)), "{n} twice");
            assert!(!roll.tick(unit(n), mixed(n + 2_000_000)), "{n} changed");
            assert!(!roll.tick(unit(n + 3_000_000), mixed(n)), "{n} is new");
        }
        assert!((0..SECTIONS).all(|section| roll.is_whole(section)));
        let listed: u64 = (0..SECTIONS).map(|section| roll.ticked(section).units).sum();
        assert_eq!(listed, 20_000);
    }

    #[test]
    fn a_section_is_whole_only_with_all_rows_and_no_other_units() {
        let mut known = snapshot(500);
        let (gone, marked) = (unit(7), unit(1_000));
        known.insert(marked, None);
        let mut roll = roll(&known);
        (0..500).filter(|n| *n != 7).for_each(|n| assert!(roll.tick(unit(n), mixed(n + 1_000_000))));
        assert!(!roll.tick(marked, mixed(0)));
        for section in 0..SECTIONS {
            let lacks = [gone, marked].iter().any(|unit| Roll::section(*unit) == section);
            assert_eq!(roll.is_whole(section), !lacks, "{section}");
        }
        assert!(!roll.is_ticked(gone, mixed(7 + 1_000_000)));
        assert!(roll.is_ticked(unit(8), mixed(8 + 1_000_000)));
    }

    #[test]
    fn a_row_that_is_ticked_off_for_another_is_found_by_the_sums() {
        let known = snapshot(1_000);
        let mut roll = roll(&known);
        // All bits but those that a slot keeps are other ones.
        let mut lookalike = mixed(3 + 1_000_000);
        lookalike.0[..12].fill(0x5A);
        assert!(roll.tick(unit(3), lookalike));
        (0..1_000).filter(|n| *n != 3).for_each(|n| assert!(roll.tick(unit(n), mixed(n + 1_000_000))));
        let section = Roll::section(unit(3));
        assert!(!roll.is_whole(section));
        let mut came = Tally::default();
        let here = known.iter().filter(|(unit, _)| Roll::section(**unit) == section);
        here.filter_map(|(unit, row)| Some((*unit, (*row)?)))
            .filter(|(unit, row)| roll.is_ticked(*unit, *row))
            .for_each(|(unit, row)| came.add(unit, row));
        assert_eq!(came.units, roll.ticked(section).units);
        assert_ne!(came, roll.ticked(section));
    }

    #[test]
    fn two_rows_that_swapped_what_they_hold_have_another_sum() {
        let (mut before, mut after) = (Tally::default(), Tally::default());
        [(1, 11), (2, 12)].iter().for_each(|(key, row)| before.add(unit(*key), mixed(*row)));
        [(1, 12), (2, 11)].iter().for_each(|(key, row)| after.add(unit(*key), mixed(*row)));
        assert_ne!(before, after);
    }

    #[test]
    fn a_section_that_is_left_out_and_a_child_tick_nothing_off() {
        let mut roll = Roll::new(vec![None]);
        assert!((0..1_000).all(|n| !roll.tick(unit(n), mixed(n)) && !roll.is_ticked(unit(n), mixed(n))));
        assert!((0..SECTIONS).all(|section| !roll.is_whole(section) && roll.ticked(section) == Tally::default()));
        let mut listing = Listing::default();
        listing.push(UnitId { child: 5, ..unit(1) }, Some(mixed(1)));
        assert_eq!((listing.close().others, listing.bytes()), (1, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Keys that are no hashes lie in heaps: then it is slow, and still right.
        #[test]
        fn whatever_the_keys_every_row_is_found(
            keys in proptest::collection::btree_set(any::<u128>(), 0..200), heap in 0_u128..300, shift in 0_u32..100,
        ) {
            let keys = keys.into_iter().chain((0..heap).map(|key| key << shift));
            let known: BTreeMap<_, _> = keys.enumerate()
                .map(|(n, key)| (UnitId { key: Hash128(key.to_be_bytes()), child: 0 }, Some(mixed(n as u64))))
                .collect();
            let mut roll = roll(&known);
            for (unit, row) in known.iter().filter_map(|(unit, row)| Some((*unit, (*row)?))) {
                prop_assert!(!roll.is_ticked(unit, row));
                prop_assert!(roll.tick(unit, row));
                prop_assert!(roll.is_ticked(unit, row));
            }
            prop_assert!((0..SECTIONS).all(|section| roll.is_whole(section)));
        }
    }
}
