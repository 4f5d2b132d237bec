//! Rows in the order in which they were read, until it is known which of them have to be looked at: mostly few, or none. So they
//! are written as cheaply as can be, as they are, and only those that are wanted are read back.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::block::{Input, Output};
use crate::{Error, Scratch};

/// Bytes that are read at once where wanted rows lie near each other, and how near that is. Mostly they do not, and each is read alone.
const AT_ONCE: usize = 16 << 10;
const NEAR: u64 = 1 << 10;
const NOTE: usize = 12;

#[derive(Debug)]
pub struct Unsorted {
    notes: Output,
    rows: Output,
    /// Where the rows begin that each block of notes is of.
    blocks: Vec<u64>,
    /// Of all rows.
    bytes: u64,
    buffer: Vec<u8>,
}

/// What is known of a row without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// By which it may be wanted.
    pub bin: u32,
    /// Some bits of its hashes: rows have no checksum beside them.
    pub check: u32,
    /// In bytes.
    pub length: u32,
}

/// Some of the rows, one behind the other.
#[derive(Debug)]
pub struct Stretch {
    notes: Input,
    rows: Rows,
    blocks: Range<u32>,
}

/// Files that nobody finds any more. Their space is free once this is dropped, which takes a while where they are large: somewhere
/// else than where somebody waits.
#[derive(Debug)]
pub struct Spent {
    _files: [File; 2],
}

impl Unsorted {
    pub fn create(scratch: &Scratch) -> Result<Self, Error> {
        let (notes, rows) = (Output::create(scratch, "unsorted.notes")?, Output::create(scratch, "unsorted.rows")?);
        Ok(Self { notes, rows, blocks: Vec::new(), bytes: 0, buffer: Vec::new() })
    }

    /// Rows, one behind the other, and a note for each.
    pub fn push(&mut self, rows: &[u8], notes: &[Note]) -> Result<(), Error> {
        debug_assert_eq!(notes.iter().map(|note| note.length as usize).sum::<usize>(), rows.len());
        self.buffer.clear();
        notes.iter().for_each(|note| note.write(&mut self.buffer));
        self.notes.write_as_it_is(&self.buffer)?;
        self.blocks.push(self.bytes);
        self.bytes += rows.len() as u64;
        self.rows.write(rows)
    }

    /// All rows, in the order in which they were pushed, in up to so many stretches, which may be gone through side by side.
    pub fn stretches(&self, count: usize) -> Result<Vec<Stretch>, Error> {
        let each = self.blocks.len().div_ceil(count).max(1);
        let stretch = |first: usize| {
            let behind = self.blocks.len().min(first + each);
            let end = self.blocks.get(behind).copied().unwrap_or(self.bytes);
            let rows = Rows::open(self.rows.path(), self.blocks[first]..end)?;
            Ok(Stretch { notes: Input::open(self.notes.path())?, rows, blocks: first as u32..behind as u32 })
        };
        (0..self.blocks.len()).step_by(each).map(stretch).collect()
    }

    /// No row is wanted any more.
    pub fn remove(self) -> Result<Spent, Error> {
        Ok(Spent { _files: [self.notes.remove()?, self.rows.remove()?] })
    }
}

impl Stretch {
    /// Calls `visit` for each row that is wanted, in order. It returns the row's check, as it is now.
    pub fn take<E: From<Error>>(
        self,
        wanted: impl Fn(u32) -> bool,
        mut visit: impl FnMut(&[u8]) -> Result<u32, E>,
    ) -> Result<(), E> {
        let Self { mut notes, mut rows, blocks } = self;
        let mut raw = Vec::new();
        for block in blocks {
            // Without these notes, their rows would be taken for removed.
            if !notes.block(block, &mut raw)? {
                return Err(rows.damaged("its notes end early").into());
            }
            for note in raw.chunks_exact(NOTE).map(Note::read) {
                if !wanted(note.bin) {
                    rows.next += u64::from(note.length);
                } else if visit(rows.read(note.length)?)? != note.check {
                    return Err(rows.damaged("a row is not what it was").into());
                }
            }
        }
        if rows.next != rows.end {
            return Err(rows.damaged("its notes are those of other rows").into());
        }
        Ok(())
    }
}

impl Note {
    fn write(&self, out: &mut Vec<u8>) {
        [self.bin, self.check, self.length].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    }

    fn read(bytes: &[u8]) -> Self {
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self { bin: number(0), check: number(4), length: number(8) }
    }
}

/// Reads rows front to back.
#[derive(Debug)]
struct Rows {
    file: File,
    path: PathBuf,
    /// Where the next row begins, and where the last ends.
    next: u64,
    end: u64,
    buffer: Vec<u8>,
    /// Where what is in the buffer begins.
    begin: u64,
}

impl Rows {
    fn open(path: PathBuf, range: Range<u64>) -> Result<Self, Error> {
        let file = File::open(&path).map_err(|source| Error::Io { step: "open", path: path.clone(), source })?;
        Ok(Self { file, path, next: range.start, end: range.end, buffer: Vec::new(), begin: range.start })
    }

    fn read(&mut self, length: u32) -> Result<&[u8], Error> {
        let (from, length) = (self.next, length as usize);
        let buffered = self.begin + self.buffer.len() as u64;
        if from > buffered || from + length as u64 > buffered {
            let ahead = if from.saturating_sub(buffered) < NEAR { AT_ONCE.max(length) } else { length };
            let left = self.end.saturating_sub(from);
            // One huge row must not keep its memory.
            self.buffer.clear();
            self.buffer.shrink_to(ahead.max(AT_ONCE));
            self.buffer.resize(ahead.min(usize::try_from(left).unwrap_or(ahead)), 0);
            self.begin = from;
            match self.file.read_exact_at(&mut self.buffer, from) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(self.damaged("it ends early")),
                Err(source) => return Err(Error::Io { step: "read", path: self.path.clone(), source }),
            }
        }
        self.next += length as u64;
        let at = (from - self.begin) as usize;
        self.buffer.get(at..at + length).ok_or_else(|| self.damaged("its notes are those of other rows"))
    }

    /// Names the byte up to which rows are all right, or where the one ends that is not.
    fn damaged(&self, what: &'static str) -> Error {
        Error::Damaged { path: self.path.clone(), offset: self.next, what }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// `chunks` of rows whose bytes tell their number.
    fn pushed(chunks: &[&[u32]]) -> (tempfile::TempDir, Scratch, Unsorted) {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), "run", u64::MAX).unwrap();
        let mut unsorted = Unsorted::create(&scratch).unwrap();
        for chunk in chunks {
            let rows: Vec<_> = chunk.iter().flat_map(|number| row(*number)).collect();
            let note = |number: &u32| Note { bin: number % 100, check: *number, length: row(*number).len() as u32 };
            unsorted.push(&rows, &chunk.iter().map(note).collect::<Vec<_>>()).unwrap();
        }
        (root, scratch, unsorted)
    }

    /// Of 4 bytes, or of thousands.
    fn row(number: u32) -> Vec<u8> {
        let mut row = number.to_le_bytes().to_vec();
        row.resize(if number % 10 == 3 { 9_000 } else { 4 + number as usize % 50 }, 7);
        row
    }

    fn number(row: &[u8]) -> u32 {
        u32::from_le_bytes(*row.first_chunk().unwrap())
    }

    #[test]
    fn wanted_rows_come_in_order_and_nothing_is_left() {
        let all: Vec<u32> = (0..5_000).collect();
        let chunks: Vec<_> = all.chunks(700).collect();
        for wanted in [|_| true, |_| false, |bin| bin == 13, |bin| bin % 2 == 0, |bin| bin > 95] as [fn(u32) -> bool; 5]
        {
            let (root, scratch, unsorted) = pushed(&chunks);
            for (at_once, stretches) in [(1, 1), (2, 2), (3, 3), (100, chunks.len())] {
                let mut came = Vec::new();
                let mut visit = |bytes: &[u8]| {
                    assert_eq!(bytes, row(number(bytes)));
                    came.push(number(bytes));
                    Ok::<_, Error>(number(bytes))
                };
                let all_stretches = unsorted.stretches(at_once).unwrap();
                assert_eq!(all_stretches.len(), stretches);
                all_stretches.into_iter().for_each(|stretch| stretch.take(wanted, &mut visit).unwrap());
                assert_eq!(came, all.iter().copied().filter(|number| wanted(number % 100)).collect::<Vec<_>>());
            }
            drop(unsorted.remove().unwrap());
            assert_eq!(fs::read_dir(root.path().join("run")).unwrap().count(), 0);
            assert!(scratch.written() > 5_000 * 4, "what is written counts, though it is gone");
        }
        let (_root, _scratch, nothing) = pushed(&[]);
        assert_eq!(nothing.stretches(2).unwrap().len(), 0);
    }

    #[test]
    fn a_damaged_file_gives_no_row() {
        let damaged = |file: &str, damage: fn(&mut Vec<u8>)| {
            let (root, _scratch, unsorted) = pushed(&[&[1, 2], &[3, 4]]);
            let path = root.path().join("run").join(file);
            let mut bytes = fs::read(&path).unwrap();
            damage(&mut bytes);
            fs::write(&path, bytes).unwrap();
            let stretch = unsorted.stretches(1).unwrap().remove(0);
            stretch.take(|_| true, |bytes| Ok::<_, Error>(number(bytes))).unwrap_err().to_string()
        };
        assert!(damaged("unsorted.rows", |bytes| bytes[0] ^= 1).contains("at byte 5: a row is not what it was"));
        assert!(damaged("unsorted.rows", |bytes| bytes.truncate(20)).contains("it ends early"));
        assert!(damaged("unsorted.notes", |bytes| bytes[30] ^= 1).contains("a checksum does not match"));
        assert!(damaged("unsorted.notes", |bytes| bytes.truncate(60)).contains("it ends early"));
        // Between two blocks: of 24 bytes and two notes each.
        assert!(damaged("unsorted.notes", |bytes| bytes.truncate(48)).contains("its notes end early"));
    }

    #[test]
    fn notes_of_other_rows_are_found_out_whether_or_not_one_is_wanted() {
        for wanted in [|_| true, |_| false] as [fn(u32) -> bool; 2] {
            let (root, _scratch, unsorted) = pushed(&[&[1, 2], &[3, 4]]);
            let (other, _other_scratch, _others) = pushed(&[&[1, 2], &[4, 4]]);
            let notes = |root: &tempfile::TempDir| root.path().join("run/unsorted.notes");
            fs::copy(notes(&other), notes(&root)).unwrap();
            let [first, second] = <[Stretch; 2]>::try_from(unsorted.stretches(2).unwrap()).unwrap();
            let visit = |bytes: &[u8]| Ok::<_, Error>(number(bytes));
            first.take(wanted, visit).unwrap();
            let told = second.take(wanted, visit).unwrap_err().to_string();
            assert!(told.contains("not what it was") || told.contains("of other rows"), "{told}");
        }
    }

    #[test]
    fn the_limit_of_the_scratch_space_holds() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), "run", 1_000).unwrap();
        let mut unsorted = Unsorted::create(&scratch).unwrap();
        let note = Note { bin: 0, check: 0, length: 400 };
        unsorted.push(&[0; 400], &[note]).unwrap();
        assert!(matches!(unsorted.push(&[0; 800], &[note, note]), Err(Error::Full { limit: 1_000 })));
    }
}
