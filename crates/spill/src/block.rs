//! Compressed, checksummed blocks, one after another in a file.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::Error;
use crate::scratch::{Scratch, Space};

const HEAD: usize = 24;
/// No block is larger than one row or plan entry and a buffer; anything above is damage.
const MOST: usize = 1 << 30;
const LEVEL: i32 = 1;

/// A scratch file that is written once, front to back.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    path: PathBuf,
    space: Arc<Space>,
}

impl Output {
    pub(crate) fn create(scratch: &Scratch, name: &str) -> Result<Self, Error> {
        let path = scratch.path(name);
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        let file = file.map_err(|source| Error::Io { step: "create", path: path.clone(), source })?;
        Ok(Self { file, path, space: scratch.space() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.space.take(bytes.len() as u64)?;
        self.file.write_all(bytes).map_err(|source| Error::Io { step: "write", path: self.path.clone(), source })
    }

    pub(crate) fn write_block(&mut self, raw: &[u8]) -> Result<(), Error> {
        let failed = |source| Error::Io { step: "compress a block of", path: self.path.clone(), source };
        let stored = zstd::bulk::compress(raw, LEVEL).map_err(failed)?;
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&(stored.len() as u32).to_le_bytes());
        head[4..8].copy_from_slice(&(raw.len() as u32).to_le_bytes());
        head[8..].copy_from_slice(&blake3::hash(&stored).as_bytes()[..16]);
        self.write(&head)?;
        self.write(&stored)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }
}

/// Reads blocks front to back; passing over one does not decompress it.
#[derive(Debug)]
pub(crate) struct Input {
    file: std::io::BufReader<File>,
    path: PathBuf,
    offset: u64,
    /// The ordinal of the block that comes next.
    next: u32,
}

impl Input {
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let file = File::open(&path).map_err(|source| Error::Io { step: "open", path: path.clone(), source })?;
        Ok(Self { file: std::io::BufReader::with_capacity(64 << 10, file), path, offset: 0, next: 0 })
    }

    /// The block with this ordinal, which is not before the last one read; `None` past the end.
    pub(crate) fn block(&mut self, ordinal: u32, raw: &mut Vec<u8>) -> Result<bool, Error> {
        debug_assert!(ordinal >= self.next, "blocks are read in order");
        loop {
            let Some((stored, raw_len, sum)) = self.head()? else { return Ok(false) };
            if self.next < ordinal {
                let passed = self.file.seek_relative(stored as i64);
                passed.map_err(|source| Error::Io { step: "seek in", path: self.path.clone(), source })?;
                self.advance(stored);
                continue;
            }
            let mut bytes = vec![0; stored];
            self.fill(&mut bytes)?;
            if blake3::hash(&bytes).as_bytes()[..16] != sum {
                return Err(self.damaged("a checksum does not match"));
            }
            *raw = zstd::bulk::decompress(&bytes, raw_len).map_err(|_| self.damaged("it does not unpack"))?;
            if raw.len() != raw_len {
                return Err(self.damaged("it unpacks to another length"));
            }
            self.advance(stored);
            return Ok(true);
        }
    }

    fn advance(&mut self, stored: usize) {
        self.offset += (HEAD + stored) as u64;
        self.next += 1;
    }

    fn head(&mut self) -> Result<Option<(usize, usize, [u8; 16])>, Error> {
        let mut first = [0; 1];
        let read = self.file.read(&mut first);
        if read.map_err(|source| Error::Io { step: "read", path: self.path.clone(), source })? == 0 {
            return Ok(None);
        }
        let mut head = [0; HEAD];
        head[0] = first[0];
        self.fill(&mut head[1..])?;
        let length = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let (stored, raw) = (length(0), length(4));
        if stored > MOST || raw > MOST {
            return Err(self.damaged("a length is out of range"));
        }
        let mut sum = [0; 16];
        sum.copy_from_slice(&head[8..]);
        Ok(Some((stored, raw, sum)))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.file.read_exact(bytes).map_err(|_| self.damaged("it ends early"))
    }

    fn damaged(&self, what: &'static str) -> Error {
        Error::Damaged { path: self.path.clone(), offset: self.offset, what }
    }
}
