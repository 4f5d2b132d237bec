//! Rows partitioned by key hash: items of fixed size (unit, hashes, where the row is) in one file, the rows themselves
//! compressed beside it. Comparing reads items only; a partition without differences is never read back.

use std::collections::HashMap;
use std::path::PathBuf;

use engine::hash::Hash128;
use engine::unit::UnitId;

use crate::block::{Input, Output, Packer};
use crate::{Error, Scratch};

const PARTITIONS: usize = 128;
const BITS: u32 = 7;
/// After this many levels all bits that could tell keys apart in practice are used up.
const DEEPEST: u32 = 6;
const ROW_BUFFER: usize = 32 << 10;
const ITEM_BUFFER: usize = 8 << 10;
const ITEM: usize = 36;

/// Writes rows into partitions.
#[derive(Debug)]
pub struct RowSpill {
    files: Vec<Files>,
    packer: Packer,
    level: u32,
    label: String,
    hashes: usize,
}

/// Two open files and their buffers; made when the first row comes.
#[derive(Debug, Default)]
struct Files {
    outputs: Option<(Output, Output)>,
    items: Vec<u8>,
    rows: Vec<u8>,
    block: u32,
    count: u64,
}

/// A row as the comparison sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    pub unit: UnitId,
    /// Where its hashes are among those of its partition, and where its row is.
    hashes: u32,
    block: u32,
    offset: u32,
    length: u32,
}

impl Item {
    pub const fn row_len(&self) -> usize {
        self.length as usize
    }
}

/// A finished partition. Partitions come in hash order and do not overlap.
#[derive(Debug)]
pub struct Partition {
    pub first: UnitId,
    /// The first unit of the next partition, if there is one.
    pub end: Option<UnitId>,
    files: Option<(PathBuf, PathBuf)>,
    count: u64,
    level: u32,
    label: String,
    hashes: usize,
}

/// The items of a partition, sorted by unit. Of a unit that occurs more often than twice, two items are kept.
#[derive(Debug, Default)]
pub struct PartitionItems {
    pub items: Vec<Item>,
    hashes: Vec<Hash128>,
    width: usize,
    /// Rows beyond the second of their unit, which `items` leaves out. Elements of a fan-out are no rows.
    left_out: HashMap<UnitId, u64>,
}

impl PartitionItems {
    pub fn hashes(&self, item: &Item) -> &[Hash128] {
        let start = item.hashes as usize * self.width;
        &self.hashes[start..start + self.width]
    }

    /// How many rows of the unit came beyond the two that are kept.
    pub fn left_out(&self, unit: UnitId) -> u64 {
        self.left_out.get(&unit).copied().unwrap_or_default()
    }
}

impl RowSpill {
    /// `hashes`: how many hashes each row brings along.
    pub fn create(hashes: usize) -> Self {
        Self::at_level(hashes, 0, "rows".to_owned())
    }

    fn at_level(hashes: usize, level: u32, label: String) -> Self {
        let files = (0..PARTITIONS).map(|_| Files::default()).collect();
        Self { files, packer: Packer::default(), level, label, hashes }
    }

    pub fn push(&mut self, scratch: &Scratch, unit: UnitId, hashes: &[Hash128], row: &[u8]) -> Result<(), Error> {
        debug_assert_eq!(hashes.len(), self.hashes, "each row brings the same hashes");
        let index = slot(unit, self.level);
        let files = &mut self.files[index];
        if files.outputs.is_none() {
            let name = format!("{}-{index:03}", self.label);
            let items = Output::create(scratch, &format!("{name}.items"))?;
            files.outputs = Some((items, Output::create(scratch, &format!("{name}.rows"))?));
        }
        files.push(unit, hashes, row, &mut self.packer)
    }

    /// Writes what is buffered and returns the partitions in hash order.
    pub fn finish(mut self, first: UnitId, end: Option<UnitId>) -> Result<Vec<Partition>, Error> {
        let mut out = Vec::with_capacity(PARTITIONS);
        for (index, files) in self.files.iter_mut().enumerate() {
            files.flush_rows(&mut self.packer)?;
            files.flush_items()?;
            out.push(Partition {
                first: if index == 0 { first } else { start(first, self.level, index) },
                end: if index + 1 == PARTITIONS { end } else { Some(start(first, self.level, index + 1)) },
                files: files.outputs.take().map(|(items, rows)| (items.path(), rows.path())),
                count: files.count,
                level: self.level,
                label: format!("{}-{index:03}", self.label),
                hashes: self.hashes,
            });
        }
        Ok(out)
    }
}

impl Files {
    fn push(&mut self, unit: UnitId, hashes: &[Hash128], row: &[u8], packer: &mut Packer) -> Result<(), Error> {
        if !self.rows.is_empty() && self.rows.len() + row.len() > ROW_BUFFER {
            self.flush_rows(packer)?;
        }
        self.items.extend_from_slice(&unit.key.0);
        self.items.extend_from_slice(&unit.child.to_le_bytes());
        for number in [self.block, self.rows.len() as u32, row.len() as u32] {
            self.items.extend_from_slice(&number.to_le_bytes());
        }
        hashes.iter().for_each(|hash| self.items.extend_from_slice(&hash.0));
        self.rows.extend_from_slice(row);
        self.count += 1;
        if self.items.len() >= ITEM_BUFFER { self.flush_items() } else { Ok(()) }
    }

    fn flush_rows(&mut self, packer: &mut Packer) -> Result<(), Error> {
        if let Some((_, rows)) = &mut self.outputs
            && !self.rows.is_empty()
        {
            rows.write_block(&self.rows, packer)?;
            self.block += 1;
            self.rows.clear();
            // One huge row must not keep its memory in each partition.
            self.rows.shrink_to(ROW_BUFFER);
        }
        Ok(())
    }

    fn flush_items(&mut self) -> Result<(), Error> {
        if let Some((items, _)) = &mut self.outputs
            && !self.items.is_empty()
        {
            items.write_as_it_is(&self.items)?;
            self.items.clear();
        }
        Ok(())
    }
}

impl Partition {
    /// Rows in it, duplicates included.
    pub const fn rows(&self) -> u64 {
        self.count
    }

    /// Whether its items certainly fit into `budget` bytes beside those of so many other rows.
    pub fn fits(&self, beside: u64, budget: usize) -> bool {
        beside.saturating_add(self.count) <= self.most(budget) as u64
    }

    /// The items, sorted, if they fit into `budget` bytes.
    pub fn read(self, budget: usize) -> Result<Read, Error> {
        let mut items = PartitionItems { width: self.hashes, ..PartitionItems::default() };
        let fits = self.most(budget);
        if let Some((path, _)) = &self.files {
            let expected = usize::try_from(self.count).map_or(fits, |count| count.min(fits));
            items.items.reserve_exact(expected);
            items.hashes.reserve_exact(expected * self.hashes);
            let (mut input, mut raw, mut block) = (Input::open(path.clone())?, Vec::new(), 0);
            while input.block(block, &mut raw)? {
                raw.chunks_exact(self.item_len()).for_each(|bytes| items.push(bytes));
                block += 1;
                if items.held() > fits {
                    items.settle();
                    if items.held() > fits / 2 && self.level < DEEPEST {
                        return Ok(Read::TooLarge(self));
                    }
                }
            }
        }
        items.settle();
        Ok(Read::Whole(self, items))
    }

    /// How many items fit into so many bytes.
    fn most(&self, budget: usize) -> usize {
        budget / (size_of::<Item>() + self.hashes * 16)
    }

    /// Calls `visit` for each of `wanted`, with its index in `wanted` and its row, in the order of the rows in the file.
    pub fn visit(
        &self,
        wanted: &[Item],
        mut visit: impl FnMut(usize, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some((_, path)) = &self.files else { return Ok(()) };
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_unstable_by_key(|&index| (wanted[index].block, wanted[index].offset));
        let mut input = Input::open(path.clone())?;
        let (mut block, mut raw) = (None, Vec::new());
        for index in order {
            let item = &wanted[index];
            let damaged = |what| Error::Damaged { path: path.clone(), offset: 0, what };
            if block != Some(item.block) {
                if !input.block(item.block, &mut raw)? {
                    return Err(damaged("a block is missing"));
                }
                block = Some(item.block);
            }
            let range = item.offset as usize..item.offset as usize + item.length as usize;
            visit(index, raw.get(range).ok_or_else(|| damaged("a row is missing"))?)?;
        }
        Ok(())
    }

    fn item_len(&self) -> usize {
        ITEM + self.hashes * 16
    }

    /// The same rows, by the next bits of their hashes.
    pub fn split(self, scratch: &Scratch) -> Result<Vec<Self>, Error> {
        let mut spill = RowSpill::at_level(self.hashes, self.level + 1, self.label.clone());
        if let Some((items_path, rows_path)) = &self.files {
            let (mut items, mut rows) = (Input::open(items_path.clone())?, Input::open(rows_path.clone())?);
            let (mut raw_items, mut raw_rows, mut row_block) = (Vec::new(), Vec::new(), None);
            let mut block = 0;
            while items.block(block, &mut raw_items)? {
                block += 1;
                let mut some = PartitionItems { width: self.hashes, ..PartitionItems::default() };
                raw_items.chunks_exact(self.item_len()).for_each(|bytes| some.push(bytes));
                for item in &some.items {
                    if row_block != Some(item.block) {
                        rows.block(item.block, &mut raw_rows)?;
                        row_block = Some(item.block);
                    }
                    let range = item.offset as usize..(item.offset + item.length) as usize;
                    let row = raw_rows.get(range).ok_or_else(|| Error::Damaged {
                        path: rows_path.clone(),
                        offset: 0,
                        what: "a row is missing",
                    })?;
                    spill.push(scratch, item.unit, some.hashes(item), row)?;
                }
            }
        }
        spill.finish(self.first, self.end)
    }
}

/// What `Partition::read` found.
#[derive(Debug)]
pub enum Read {
    Whole(Partition, PartitionItems),
    /// It is to be split.
    TooLarge(Partition),
}

impl PartitionItems {
    fn push(&mut self, raw: &[u8]) {
        let mut key = [0; 16];
        key.copy_from_slice(&raw[..16]);
        let mut child = [0; 8];
        child.copy_from_slice(&raw[16..24]);
        let number = |at: usize| u32::from_le_bytes([raw[at], raw[at + 1], raw[at + 2], raw[at + 3]]);
        self.items.push(Item {
            unit: UnitId { key: Hash128(key), child: u64::from_le_bytes(child) },
            hashes: (self.hashes.len() / self.width.max(1)) as u32,
            block: number(24),
            offset: number(28),
            length: number(32),
        });
        for hash in raw[ITEM..].chunks_exact(16) {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(hash);
            self.hashes.push(Hash128(bytes));
        }
    }

    /// Those that were left out count too: what is kept of them takes as much as an item.
    fn held(&self) -> usize {
        self.items.len() + self.left_out.len()
    }

    /// Sorts by unit, then by place, and keeps two items of each unit.
    fn settle(&mut self) {
        self.items.sort_unstable_by_key(|item| (item.unit, item.block, item.offset));
        let before = self.items.len();
        let (mut unit, mut times) = (None, 0);
        self.items.retain(|item| {
            times = if unit == Some(item.unit) { times + 1 } else { 1 };
            unit = Some(item.unit);
            if times > 2 && item.unit.child == 0 {
                *self.left_out.entry(item.unit).or_default() += 1;
            }
            times <= 2
        });
        if self.items.len() < before {
            let mut kept = Vec::with_capacity(self.items.len() * self.width);
            for item in &mut self.items {
                let start = item.hashes as usize * self.width;
                item.hashes = (kept.len() / self.width.max(1)) as u32;
                kept.extend_from_slice(&self.hashes[start..start + self.width]);
            }
            self.hashes = kept;
        }
    }
}

/// Which of the partitions of a level a unit belongs to: the next seven bits of its key hash.
fn slot(unit: UnitId, level: u32) -> usize {
    let bits = u128::from_be_bytes(unit.key.0) << (BITS * level);
    (bits >> (128 - BITS)) as usize
}

/// The first unit of a slot of the partition that begins with `first`.
fn start(first: UnitId, level: u32, slot: usize) -> UnitId {
    let shift = 128 - BITS * (level + 1);
    let key = u128::from_be_bytes(first.key.0) + ((slot as u128) << shift);
    UnitId { key: Hash128(key.to_be_bytes()), child: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scratch() -> (tempfile::TempDir, Scratch) {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), "run", u64::MAX).unwrap();
        (root, scratch)
    }

    fn unit(key: u128) -> UnitId {
        UnitId { key: Hash128(key.to_be_bytes()), child: 0 }
    }

    type Rows = Vec<(UnitId, Vec<u8>)>;

    /// Reads everything back in the order in which a run does, with the numbers of rows left out.
    fn read_all(scratch: &Scratch, spill: RowSpill, budget: usize) -> (Rows, HashMap<UnitId, u64>) {
        let mut todo = spill.finish(unit(0), None).unwrap();
        todo.reverse();
        let (mut out, mut left_out) = (Vec::new(), HashMap::new());
        while let Some(partition) = todo.pop() {
            match partition.read(budget).unwrap() {
                Read::TooLarge(partition) => todo.extend(partition.split(scratch).unwrap().into_iter().rev()),
                Read::Whole(partition, items) => {
                    left_out.extend(&items.left_out);
                    let mut rows = vec![Vec::new(); items.items.len()];
                    partition
                        .visit(&items.items, |index, row| {
                            rows[index] = row.to_vec();
                            Ok(())
                        })
                        .unwrap();
                    for (item, row) in items.items.iter().zip(rows) {
                        assert!(item.unit >= partition.first && partition.end.is_none_or(|end| item.unit < end));
                        assert_eq!(items.hashes(item)[0].0[..4], row.get(..4).unwrap_or_default()[..]);
                        out.push((item.unit, row));
                    }
                }
            }
        }
        (out, left_out)
    }

    fn spill_rows(scratch: &Scratch, rows: &[(UnitId, Vec<u8>)]) -> RowSpill {
        let mut spill = RowSpill::create(1);
        for (unit, row) in rows {
            let mut hash = Hash128::default();
            hash.0[..4].copy_from_slice(&row[..4]);
            spill.push(scratch, *unit, &[hash], row).unwrap();
        }
        spill
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn rows_come_back_sorted_by_unit_whatever_the_budget(
            keys in proptest::collection::btree_set(any::<u128>(), 0..300), near in 0_u128..200, size in 4_usize..3000,
            budget in 500_usize..40_000,
        ) {
            let (_root, scratch) = scratch();
            let near = (0..near).map(|key| key << 90);
            let rows: std::collections::BTreeMap<_, _> = keys.into_iter().chain(near).enumerate()
                .map(|(n, key)| (unit(key), [&(n as u32).to_le_bytes()[..], &vec![7; n * 31 % size]].concat()))
                .collect();
            let mut shuffled: Vec<_> = rows.clone().into_iter().collect();
            shuffled.sort_by_key(|(_, row)| (row.len(), row.clone()));
            let (back, left_out) = read_all(&scratch, spill_rows(&scratch, &shuffled), budget);
            prop_assert_eq!(back, rows.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(left_out, HashMap::new());
        }
    }

    #[test]
    fn one_key_in_every_row_takes_bounded_memory() {
        let (_root, scratch) = scratch();
        let rows: Vec<_> = (0..50_000_u32).map(|n| (unit(5), n.to_le_bytes().to_vec())).collect();
        let (back, left_out) = read_all(&scratch, spill_rows(&scratch, &rows), 100_000);
        assert_eq!(back.len(), 2);
        assert_eq!(left_out, HashMap::from([(unit(5), 49_998)]));
    }

    #[test]
    fn every_row_of_a_key_is_counted_however_the_partition_is_read() {
        for budget in [500, 1 << 20] {
            let (_root, scratch) = scratch();
            let rows: Vec<_> =
                (0..300_u32).map(|n| (unit(u128::from(n % 60) << 100), n.to_le_bytes().to_vec())).collect();
            let (items, left_out) = read_all(&scratch, spill_rows(&scratch, &rows), budget);
            assert_eq!((items.len(), left_out.len()), (120, 60));
            assert!(left_out.values().all(|rows| *rows == 3));
        }
    }

    #[test]
    fn a_flipped_byte_is_an_error() {
        let (root, scratch) = scratch();
        let mut spill = spill_rows(&scratch, &[(unit(1), vec![1; 5_000])]);
        spill.files[0].flush_rows(&mut Packer::default()).unwrap();
        let path = root.path().join("run/rows-000.rows");
        let good = std::fs::read(&path).unwrap();
        let partition = spill.finish(unit(0), None).unwrap().swap_remove(0);
        let Read::Whole(partition, items) = partition.read(1 << 20).unwrap() else { panic!("too large") };
        for (at, flip) in (0..good.len()).flat_map(|at| [(at, 0x40), (at, 0x80)]) {
            let mut bad = good.clone();
            bad[at] ^= flip;
            std::fs::write(&path, bad).unwrap();
            let read = partition.visit(&items.items, |_, row| {
                assert_eq!(row, vec![1; 5_000], "byte {at} changed the row");
                Ok(())
            });
            assert!(read.is_err(), "byte {at}");
        }
    }
}
