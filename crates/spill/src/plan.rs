//! The ordered plan of a run: what is sent, in the order of the units, with everything a message needs.

use domain::Change;
use engine::hash::Hash128;
use engine::unit::UnitId;

use crate::block::{Input, Output, Packer};
use crate::{Error, Scratch};

const BUFFER: usize = 64 << 10;

/// Values of a row as they were stored: canonical bytes, and which columns they are (an index into the run's shapes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub shape: u16,
    pub row: Vec<u8>,
}

/// One record to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanEntry {
    pub unit: UnitId,
    pub op: Change,
    pub sequence: u64,
    /// Hash of the watched columns in the form of the run; zero for a removal.
    pub hash: Hash128,
    /// Hash of every column a message may use; zero for a removal.
    pub content: Hash128,
    /// Canonical bytes of the key columns.
    pub key: Vec<u8>,
    /// The row as read; for a removal the values last acknowledged, if they were kept.
    pub row: Option<Stored>,
    /// The values last acknowledged, where there are any.
    pub previous: Option<Stored>,
}

#[derive(Debug)]
pub struct PlanWriter {
    output: Output,
    packer: Packer,
    buffer: Vec<u8>,
    count: u64,
}

impl PlanWriter {
    pub fn create(scratch: &Scratch, name: &str) -> Result<Self, Error> {
        Ok(Self { output: Output::create(scratch, name)?, packer: Packer::default(), buffer: Vec::new(), count: 0 })
    }

    pub fn push(&mut self, entry: &PlanEntry) -> Result<(), Error> {
        encode(entry, &mut self.buffer);
        self.count += 1;
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    pub fn finish(mut self) -> Result<PlanReader, Error> {
        self.flush()?;
        let path = self.output.path();
        Ok(PlanReader { input: Input::open(path)?, raw: Vec::new(), at: 0, block: 0, left: self.count })
    }

    fn flush(&mut self) -> Result<(), Error> {
        if !self.buffer.is_empty() {
            self.output.write_block(&self.buffer, &mut self.packer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

#[derive(Debug)]
pub struct PlanReader {
    input: Input,
    raw: Vec<u8>,
    at: usize,
    block: u32,
    left: u64,
}

impl PlanReader {
    /// Entries that were not read yet.
    pub const fn left(&self) -> u64 {
        self.left
    }

    pub fn read(&mut self) -> Result<Option<PlanEntry>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        if self.at == self.raw.len() {
            if !self.input.block(self.block, &mut self.raw)? {
                return Err(self.damaged());
            }
            self.block += 1;
            self.at = 0;
        }
        let mut bytes = &self.raw[self.at..];
        let Some(entry) = decode(&mut bytes) else { return Err(self.damaged()) };
        self.at = self.raw.len() - bytes.len();
        self.left -= 1;
        Ok(Some(entry))
    }

    fn damaged(&self) -> Error {
        Error::Damaged { path: "plan".into(), offset: u64::from(self.block), what: "it ends early" }
    }
}

pub(crate) fn encode(entry: &PlanEntry, out: &mut Vec<u8>) {
    out.extend_from_slice(&entry.unit.key.0);
    out.extend_from_slice(&entry.unit.child.to_le_bytes());
    out.push(Change::ALL.iter().position(|op| *op == entry.op).unwrap_or_default() as u8);
    out.extend_from_slice(&entry.sequence.to_le_bytes());
    out.extend_from_slice(&entry.hash.0);
    out.extend_from_slice(&entry.content.0);
    encode_bytes(&entry.key, out);
    for stored in [&entry.row, &entry.previous] {
        match stored {
            None => out.push(0),
            Some(stored) => {
                out.push(1);
                out.extend_from_slice(&stored.shape.to_le_bytes());
                encode_bytes(&stored.row, out);
            }
        }
    }
}

fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

pub(crate) fn decode(bytes: &mut &[u8]) -> Option<PlanEntry> {
    let unit = UnitId { key: Hash128(take(bytes)?), child: u64::from_le_bytes(take(bytes)?) };
    let [op] = take(bytes)?;
    Some(PlanEntry {
        unit,
        op: *Change::ALL.get(usize::from(op))?,
        sequence: u64::from_le_bytes(take(bytes)?),
        hash: Hash128(take(bytes)?),
        content: Hash128(take(bytes)?),
        key: decode_bytes(bytes)?,
        row: decode_stored(bytes)?,
        previous: decode_stored(bytes)?,
    })
}

fn decode_stored(bytes: &mut &[u8]) -> Option<Option<Stored>> {
    match take(bytes)? {
        [0] => Some(None),
        _ => Some(Some(Stored { shape: u16::from_le_bytes(take(bytes)?), row: decode_bytes(bytes)? })),
    }
}

fn decode_bytes(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = u32::from_le_bytes(take(bytes)?) as usize;
    let (head, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(head.to_vec())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_back_as_it_was_written() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), "run", u64::MAX).unwrap();
        let mut writer = PlanWriter::create(&scratch, "plan").unwrap();
        let entries: Vec<_> = (0..5_000_u64)
            .map(|n| PlanEntry {
                unit: UnitId { key: Hash128([n as u8; 16]), child: n },
                op: Change::ALL[n as usize % 3],
                sequence: n,
                hash: Hash128([1; 16]),
                content: Hash128([2; 16]),
                key: vec![n as u8; 12],
                row: (n % 3 != 2).then(|| Stored { shape: 1, row: vec![3; n as usize % 200] }),
                previous: (n % 2 == 0).then(|| Stored { shape: 2, row: Vec::new() }),
            })
            .collect();
        entries.iter().for_each(|entry| writer.push(entry).unwrap());
        let mut reader = writer.finish().unwrap();
        let mut back = Vec::new();
        while let Some(entry) = reader.read().unwrap() {
            back.push(entry);
        }
        assert_eq!(back, entries);
    }
}
