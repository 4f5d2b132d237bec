//! Checksummed blocks, compressed where that pays, one after another in a file.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::compress_bound;

use crate::Error;
use crate::scratch::{Scratch, Space};

const HEAD: usize = 24;
/// No block is larger than one row or plan entry and a buffer; anything above is damage.
const MOST: usize = 1 << 30;
/// Scratch is written and read once: half the time of level 1 for a third more bytes.
const LEVEL: i32 = -5;
/// In the raw length of a block that is stored as it is.
const AS_IT_IS: u32 = 1 << 31;

/// What compresses blocks, and its memory: shared by all outputs that it is lent to, made when the first block comes.
#[derive(Default)]
pub(crate) struct Packer {
    zstd: Option<Compressor<'static>>,
    packed: Vec<u8>,
}

impl Packer {
    fn pack(&mut self, raw: &[u8]) -> io::Result<&[u8]> {
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(Compressor::new(LEVEL)?),
        };
        self.packed.clear();
        self.packed.reserve(compress_bound(raw.len()));
        zstd.compress_to_buffer(raw, &mut self.packed)?;
        Ok(&self.packed)
    }
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packer(..)")
    }
}

/// What unpacks blocks, made when the first one comes that is compressed; inputs may share it.
#[derive(Default)]
pub(crate) struct Unpacker(Option<Decompressor<'static>>);

impl Unpacker {
    fn zstd(&mut self) -> io::Result<&mut Decompressor<'static>> {
        Ok(match &mut self.0 {
            Some(zstd) => zstd,
            none => none.insert(Decompressor::new()?),
        })
    }
}

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unpacker(..)")
    }
}

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

    /// Bytes without a checksum.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.space.take(bytes.len() as u64)?;
        self.file.write_all(bytes).map_err(|source| Error::Io { step: "write", path: self.path.clone(), source })
    }

    pub(crate) fn write_block(&mut self, raw: &[u8], packer: &mut Packer) -> Result<(), Error> {
        let path = &self.path;
        let failed = |source| Error::Io { step: "compress a block of", path: path.clone(), source };
        let stored = packer.pack(raw).map_err(failed)?;
        self.write_stored(stored, raw.len() as u32)
    }

    /// For bytes that compressing would not make fewer, as those of hashes.
    pub(crate) fn write_as_it_is(&mut self, raw: &[u8]) -> Result<(), Error> {
        self.write_stored(raw, raw.len() as u32 | AS_IT_IS)
    }

    fn write_stored(&mut self, stored: &[u8], raw_len: u32) -> Result<(), Error> {
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&(stored.len() as u32).to_le_bytes());
        head[4..8].copy_from_slice(&raw_len.to_le_bytes());
        head[8..].copy_from_slice(&blake3::hash(stored).as_bytes()[..16]);
        self.write(&head)?;
        self.write(stored)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Whether a block of so many raw bytes may be written, however little it compresses.
    pub(crate) fn has_room(scratch: &Scratch, raw: usize) -> bool {
        scratch.space().left() >= (HEAD + compress_bound(raw)) as u64
    }

    /// Nothing in it is needed any more. Its space is free once the file is closed.
    pub(crate) fn remove(self) -> Result<File, Error> {
        let Self { file, path, .. } = self;
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(file),
            Err(source) => Err(Error::Io { step: "remove", path, source }),
        }
    }
}

/// What stands before a block.
struct Head {
    stored: usize,
    raw: usize,
    as_it_is: bool,
    sum: [u8; 16],
}

/// Reads blocks front to back; passing over one does not decompress it.
pub(crate) struct Input {
    file: std::io::BufReader<File>,
    path: PathBuf,
    offset: u64,
    /// The ordinal of the block that comes next.
    next: u32,
    unpacker: Unpacker,
    stored: Vec<u8>,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("path", &self.path).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Input {
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        Self::open_with(path, 64 << 10)
    }

    /// `buffer`: bytes that are read at once, where blocks are smaller.
    pub(crate) fn open_with(path: PathBuf, buffer: usize) -> Result<Self, Error> {
        let file = File::open(&path).map_err(|source| Error::Io { step: "open", path: path.clone(), source })?;
        Ok(Self {
            file: std::io::BufReader::with_capacity(buffer, file),
            path,
            offset: 0,
            next: 0,
            unpacker: Unpacker::default(),
            stored: Vec::new(),
        })
    }

    /// The block with this ordinal, which is not before the last one read; `None` past the end.
    pub(crate) fn block(&mut self, ordinal: u32, raw: &mut Vec<u8>) -> Result<bool, Error> {
        let mut unpacker = std::mem::take(&mut self.unpacker);
        let found = self.block_with(ordinal, raw, &mut unpacker);
        self.unpacker = unpacker;
        found
    }

    /// The same, by an unpacker that others use too.
    pub(crate) fn block_with(
        &mut self,
        ordinal: u32,
        raw: &mut Vec<u8>,
        unpacker: &mut Unpacker,
    ) -> Result<bool, Error> {
        debug_assert!(ordinal >= self.next, "blocks are read in order");
        loop {
            let Some(Head { stored, raw: raw_len, as_it_is, sum }) = self.head()? else { return Ok(false) };
            if self.next < ordinal {
                let passed = self.file.seek_relative(stored as i64);
                passed.map_err(|source| Error::Io { step: "seek in", path: self.path.clone(), source })?;
                self.advance(stored);
                continue;
            }
            let mut bytes = std::mem::take(&mut self.stored);
            bytes.resize(stored, 0);
            self.fill(&mut bytes)?;
            if blake3::hash(&bytes).as_bytes()[..16] != sum {
                return Err(self.damaged("a checksum does not match"));
            }
            if as_it_is {
                std::mem::swap(raw, &mut bytes);
            } else {
                self.unpack(&bytes, raw_len, raw, unpacker)?;
            }
            self.stored = bytes;
            if raw.len() != raw_len {
                return Err(self.damaged("it unpacks to another length"));
            }
            self.advance(stored);
            return Ok(true);
        }
    }

    fn unpack(&self, stored: &[u8], raw_len: usize, raw: &mut Vec<u8>, unpacker: &mut Unpacker) -> Result<(), Error> {
        let zstd = unpacker.zstd();
        let zstd = zstd.map_err(|source| Error::Io { step: "decompress", path: self.path.clone(), source })?;
        raw.clear();
        raw.reserve(raw_len);
        match zstd.decompress_to_buffer(stored, raw) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.damaged("it does not unpack")),
        }
    }

    fn advance(&mut self, stored: usize) {
        self.offset += (HEAD + stored) as u64;
        self.next += 1;
    }

    fn head(&mut self) -> Result<Option<Head>, Error> {
        let mut first = [0; 1];
        let read = self.file.read(&mut first);
        if read.map_err(|source| Error::Io { step: "read", path: self.path.clone(), source })? == 0 {
            return Ok(None);
        }
        let mut head = [0; HEAD];
        head[0] = first[0];
        self.fill(&mut head[1..])?;
        let length = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (stored, raw) = (length(0) as usize, (length(4) & !AS_IT_IS) as usize);
        if stored > MOST || raw > MOST {
            return Err(self.damaged("a length is out of range"));
        }
        let mut sum = [0; 16];
        sum.copy_from_slice(&head[8..]);
        Ok(Some(Head { stored, raw, as_it_is: length(4) & AS_IT_IS != 0, sum }))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.file.read_exact(bytes).map_err(|_| self.damaged("it ends early"))
    }

    fn damaged(&self, what: &'static str) -> Error {
        Error::Damaged { path: self.path.clone(), offset: self.offset, what }
    }
}
