//! Lines of a plan that wait for a later window, in a queue for each shard. What is short stays in memory.

use std::collections::BTreeMap;

use engine::pace::Lane;

use crate::block::{Input, Output, Packer, Unpacker};
use crate::plan::{decode, encode};
use crate::{Error, PlanEntry, Scratch};

const BUFFER: usize = 16 << 10;
/// Each takes memory; entries of more shards do not wait.
const QUEUES: usize = 256;

#[derive(Debug)]
pub struct Postponed {
    scratch: Scratch,
    queues: BTreeMap<Lane, Queue>,
    left: u64,
    packer: Packer,
    unpacker: Unpacker,
    /// Files that were made so far.
    files: u32,
}

/// First in, first out: a part that is being read, then what the file has beyond it, then what was not written yet.
#[derive(Debug, Default)]
struct Queue {
    reading: Vec<u8>,
    at: usize,
    file: Option<(Output, Input)>,
    /// Of the blocks of the file.
    written: u32,
    read: u32,
    writing: Vec<u8>,
}

impl Postponed {
    pub fn new(scratch: &Scratch) -> Self {
        Self {
            scratch: scratch.clone(),
            queues: BTreeMap::new(),
            left: 0,
            packer: Packer::default(),
            unpacker: Unpacker::default(),
            files: 0,
        }
    }

    /// Entries that wait.
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// The shards that entries wait for.
    pub fn lanes(&self) -> Vec<Lane> {
        self.queues.keys().copied().collect()
    }

    /// False where there is no room for it: scratch is full, or too many shards have a queue.
    pub fn push(&mut self, lane: Lane, entry: &PlanEntry) -> Result<bool, Error> {
        if self.queues.len() >= QUEUES && !self.queues.contains_key(&lane) {
            return Ok(false);
        }
        let queue = self.queues.entry(lane).or_default();
        if queue.writing.len() >= BUFFER {
            if !Output::has_room(&self.scratch, queue.writing.len()) {
                return Ok(false);
            }
            queue.write(&self.scratch, &mut self.files, &mut self.packer)?;
        }
        encode(entry, &mut queue.writing);
        self.left += 1;
        Ok(true)
    }

    /// The entry of a shard that waits longest.
    pub fn pop(&mut self, lane: Lane) -> Result<Option<PlanEntry>, Error> {
        let Some(queue) = self.queues.get_mut(&lane) else { return Ok(None) };
        let entry = queue.pop(&mut self.unpacker)?;
        self.left -= 1;
        if queue.is_empty()
            && let Some(Queue { file: Some((output, _)), .. }) = self.queues.remove(&lane)
        {
            output.remove()?;
        }
        Ok(Some(entry))
    }

    /// An entry of any shard.
    pub fn pop_any(&mut self) -> Result<Option<PlanEntry>, Error> {
        match self.queues.keys().next().copied() {
            Some(lane) => self.pop(lane),
            None => Ok(None),
        }
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.at == self.reading.len() && self.read == self.written && self.writing.is_empty()
    }

    fn write(&mut self, scratch: &Scratch, files: &mut u32, packer: &mut Packer) -> Result<(), Error> {
        let (output, _) = match &mut self.file {
            Some(file) => file,
            none => {
                *files += 1;
                let output = Output::create(scratch, &format!("postponed-{files:06}"))?;
                let input = Input::open_with(output.path(), BUFFER / 2)?;
                none.insert((output, input))
            }
        };
        output.write_block(&self.writing, packer)?;
        self.written += 1;
        self.writing.clear();
        Ok(())
    }

    fn pop(&mut self, unpacker: &mut Unpacker) -> Result<PlanEntry, Error> {
        if self.at == self.reading.len() {
            self.at = 0;
            match &mut self.file {
                Some((output, input)) if self.read < self.written => {
                    if !input.block_with(self.read, &mut self.reading, unpacker)? {
                        return Err(damaged(output.path(), self.read));
                    }
                    self.read += 1;
                }
                _ => {
                    self.reading.clear();
                    std::mem::swap(&mut self.reading, &mut self.writing);
                }
            }
        }
        let mut bytes = self.reading.get(self.at..).unwrap_or_default();
        let Some(entry) = decode(&mut bytes) else {
            let path = self.file.as_ref().map_or_else(|| "postponed".into(), |(output, _)| output.path());
            return Err(damaged(path, self.read));
        };
        self.at = self.reading.len() - bytes.len();
        Ok(entry)
    }
}

fn damaged(path: std::path::PathBuf, block: u32) -> Error {
    Error::Damaged { path, offset: u64::from(block), what: "it ends early" }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::path::Path;

    use domain::Change;
    use engine::hash::Hash128;
    use engine::pace::Pacer;
    use engine::shard::even_spread;
    use engine::unit::UnitId;
    use proptest::prelude::*;

    use super::*;
    use crate::Stored;

    fn entry(number: u64, bytes: usize) -> PlanEntry {
        // Nothing that compresses.
        let mut random = number + 1;
        let row = (0..bytes).map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 56) as u8
        });
        PlanEntry {
            unit: UnitId { key: Hash128([7; 16]), child: number },
            op: Change::Added,
            sequence: number,
            hash: Hash128::default(),
            content: Hash128::default(),
            key: Vec::new(),
            row: Some(Stored { shape: 0, row: row.collect() }),
            previous: None,
        }
    }

    /// Of that many shards.
    fn lanes(count: u32) -> Vec<Lane> {
        let mut pacer = Pacer::new(true);
        let names = (0..).zip(even_spread(count)).map(|(number, range)| (format!("{number}"), range));
        pacer.know(names, std::time::Duration::ZERO);
        even_spread(count).into_iter().map(|range| pacer.lane(*range.start())).collect()
    }

    fn scratch(limit: u64) -> (tempfile::TempDir, Scratch) {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), "run", limit).unwrap();
        (root, scratch)
    }

    fn files(root: &Path) -> usize {
        std::fs::read_dir(root.join("run")).unwrap().count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn entries_of_a_shard_come_back_in_their_order_while_others_are_added(
            steps in prop::collection::vec((0_usize..3, any::<bool>(), 1_usize..60, 0_usize..3_000), 1..60),
        ) {
            let (root, scratch) = scratch(u64::MAX);
            let (lanes, mut postponed, mut number) = (lanes(3), Postponed::new(&scratch), 0);
            let mut wanted = [VecDeque::new(), VecDeque::new(), VecDeque::new()];
            for (lane, adds, times, bytes) in steps {
                for _ in 0..times {
                    if adds {
                        number += 1;
                        prop_assert!(postponed.push(lanes[lane], &entry(number, bytes)).unwrap());
                        wanted[lane].push_back(entry(number, bytes));
                    } else {
                        prop_assert_eq!(postponed.pop(lanes[lane]).unwrap(), wanted[lane].pop_front());
                    }
                }
                prop_assert_eq!(postponed.left(), wanted.iter().map(|wanted| wanted.len() as u64).sum::<u64>());
                let waiting: Vec<_> = lanes.iter().zip(&wanted).filter(|(_, wanted)| !wanted.is_empty()).collect();
                prop_assert_eq!(postponed.lanes(), waiting.iter().map(|(lane, _)| **lane).collect::<Vec<_>>());
            }
            let mut rest: Vec<_> = wanted.into_iter().flatten().map(|entry| entry.unit).collect();
            while let Some(entry) = postponed.pop_any().unwrap() {
                let at = rest.iter().position(|unit| *unit == entry.unit);
                prop_assert!(at.is_some());
                rest.remove(at.unwrap());
            }
            prop_assert!(rest.is_empty());
            prop_assert_eq!((files(root.path()), postponed.left()), (0, 0));
        }
    }

    #[test]
    fn few_entries_need_no_file_and_a_full_scratch_takes_no_more_of_them() {
        let (root, scratch) = scratch(100_000);
        let (lane, mut postponed) = (lanes(2)[1], Postponed::new(&scratch));
        assert!(postponed.push(lane, &entry(0, 1_000)).unwrap());
        assert_eq!(files(root.path()), 0);
        let taken =
            (1..1_000).take_while(|number| postponed.push(lane, &entry(*number, 1_000)).unwrap()).count() as u64;
        assert!((80..120).contains(&taken), "{taken}");
        assert!(scratch.written() <= 100_000 && files(root.path()) == 1);
        let back = (0..=taken).map(|_| postponed.pop(lane).unwrap().unwrap().unit.child);
        assert!(back.eq(0..=taken) && postponed.left() == 0);
    }

    #[test]
    fn too_many_shards_have_no_queue_and_a_flipped_byte_is_an_error() {
        let (root, scratch) = scratch(u64::MAX);
        let (lanes, mut postponed) = (lanes(300), Postponed::new(&scratch));
        let taken = lanes.iter().filter(|lane| postponed.push(**lane, &entry(1, 10)).unwrap()).count();
        assert_eq!((taken, postponed.left()), (QUEUES, QUEUES as u64));
        assert!(postponed.push(lanes[0], &entry(1, 10)).unwrap());

        (0..40).for_each(|number| assert!(postponed.push(lanes[1], &entry(number, 1_000)).unwrap()));
        let path = root.path().join("run/postponed-000001");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[100] ^= 4;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(postponed.pop(lanes[1]), Err(Error::Damaged { .. })));
    }
}
