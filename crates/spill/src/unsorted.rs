//! Rows in the order in which they were read, until it is known which of them have to be looked at: mostly few, or none. So they
//! are written as cheaply as can be, as they are, and only those that are wanted are read back.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::PathBuf;

use crate::block::{Input, Output};
use crate::{Error, Scratch};

/// Wanted rows mostly lie far from each other.
const BUFFER: usize = 8 << 10;
const NOTE: usize = 12;

#[derive(Debug)]
pub struct Unsorted {
    notes: Output,
    rows: Output,
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

impl Unsorted {
    pub fn create(scratch: &Scratch) -> Result<Self, Error> {
        let (notes, rows) = (Output::create(scratch, "unsorted.notes")?, Output::create(scratch, "unsorted.rows")?);
        Ok(Self { notes, rows, bytes: 0, buffer: Vec::new() })
    }

    /// Rows, one behind the other, and a note for each.
    pub fn push(&mut self, rows: &[u8], notes: &[Note]) -> Result<(), Error> {
        debug_assert_eq!(notes.iter().map(|note| note.length as usize).sum::<usize>(), rows.len());
        self.buffer.clear();
        notes.iter().for_each(|note| note.write(&mut self.buffer));
        self.notes.write_as_it_is(&self.buffer)?;
        self.bytes += rows.len() as u64;
        self.rows.write(rows)
    }

    /// Calls `visit` for each row that is wanted, in the order in which they were pushed, and frees the space of all. `visit` returns
    /// the row's check, as it is now.
    pub fn take<E: From<Error>>(
        self,
        wanted: impl Fn(u32) -> bool,
        mut visit: impl FnMut(&[u8]) -> Result<u32, E>,
    ) -> Result<(), E> {
        let mut notes = Input::open(self.notes.path())?;
        let mut rows = Rows::open(self.rows.path())?;
        let (mut raw, mut row, mut block) = (self.buffer, Vec::new(), 0);
        while notes.block(block, &mut raw)? {
            block += 1;
            for note in raw.chunks_exact(NOTE).map(Note::read) {
                if !wanted(note.bin) {
                    rows.pass(note.length);
                    continue;
                }
                rows.read(note.length, &mut row)?;
                if visit(&row)? != note.check {
                    return Err(rows.damaged("a row is not what it was").into());
                }
            }
        }
        // Without the last notes, their rows would be taken for removed.
        if rows.offset != self.bytes {
            return Err(rows.damaged("its notes end early").into());
        }
        self.notes.remove()?;
        Ok(self.rows.remove()?)
    }

    /// No row is wanted.
    pub fn remove(self) -> Result<(), Error> {
        self.notes.remove()?;
        self.rows.remove()
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

/// Reads rows front to back; passing over many costs no more than over one.
struct Rows {
    file: BufReader<File>,
    path: PathBuf,
    offset: u64,
    /// Bytes to pass over before the next row is read.
    passed: i64,
}

impl Rows {
    fn open(path: PathBuf) -> Result<Self, Error> {
        let file = File::open(&path).map_err(|source| Error::Io { step: "open", path: path.clone(), source })?;
        Ok(Self { file: BufReader::with_capacity(BUFFER, file), path, offset: 0, passed: 0 })
    }

    fn pass(&mut self, length: u32) {
        self.passed += i64::from(length);
        self.offset += u64::from(length);
    }

    fn read(&mut self, length: u32, row: &mut Vec<u8>) -> Result<(), Error> {
        row.resize(length as usize, 0);
        let passed = self.file.seek_relative(std::mem::take(&mut self.passed));
        match passed.and_then(|()| self.file.read_exact(row)) {
            Ok(()) => self.offset += u64::from(length),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(self.damaged("it ends early")),
            Err(source) => return Err(Error::Io { step: "read", path: self.path.clone(), source }),
        }
        Ok(())
    }

    /// `offset`: where what was read ends.
    fn damaged(&self, what: &'static str) -> Error {
        Error::Damaged { path: self.path.clone(), offset: self.offset, what }
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

    fn files(root: &tempfile::TempDir) -> usize {
        fs::read_dir(root.path().join("run")).unwrap().count()
    }

    #[test]
    fn wanted_rows_come_in_order_and_nothing_is_left() {
        let all: Vec<u32> = (0..5_000).collect();
        let chunks: Vec<_> = all.chunks(700).collect();
        for wanted in [|_| true, |_| false, |bin| bin == 13, |bin| bin % 2 == 0, |bin| bin > 95] as [fn(u32) -> bool; 5]
        {
            let (root, scratch, unsorted) = pushed(&chunks);
            let mut came = Vec::new();
            let visit = |bytes: &[u8]| {
                assert_eq!(bytes, row(number(bytes)));
                came.push(number(bytes));
                Ok::<_, Error>(number(bytes))
            };
            unsorted.take(wanted, visit).unwrap();
            assert_eq!(came, all.iter().copied().filter(|number| wanted(number % 100)).collect::<Vec<_>>());
            assert_eq!(files(&root), 0);
            assert!(scratch.written() > 5_000 * 4, "what is written counts, though it is gone");
        }
        let (root, _scratch, unsorted) = pushed(&chunks);
        unsorted.remove().unwrap();
        assert_eq!(files(&root), 0);
    }

    #[test]
    fn a_damaged_file_gives_no_row() {
        let damaged = |file: &str, damage: fn(&mut Vec<u8>)| {
            let (root, _scratch, unsorted) = pushed(&[&[1, 2], &[3, 4]]);
            let path = root.path().join("run").join(file);
            let mut bytes = fs::read(&path).unwrap();
            damage(&mut bytes);
            fs::write(&path, bytes).unwrap();
            unsorted.take(|_| true, |bytes| Ok::<_, Error>(number(bytes))).unwrap_err().to_string()
        };
        assert!(damaged("unsorted.rows", |bytes| bytes[0] ^= 1).contains("at byte 5: a row is not what it was"));
        assert!(damaged("unsorted.rows", |bytes| bytes.truncate(20)).contains("it ends early"));
        assert!(damaged("unsorted.notes", |bytes| bytes[30] ^= 1).contains("a checksum does not match"));
        assert!(damaged("unsorted.notes", |bytes| bytes.truncate(60)).contains("it ends early"));
        // Between two blocks: of 24 bytes and two notes each.
        assert!(damaged("unsorted.notes", |bytes| bytes.truncate(48)).contains("its notes end early"));
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
