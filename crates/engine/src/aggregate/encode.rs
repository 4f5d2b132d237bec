use std::collections::HashMap;

use md5::{Digest, Md5};

use super::{DIGEST_BYTES, MAGIC, tag};
use crate::record::Record;

/// Messages that are to share a record, and how long it is going to be.
#[derive(Debug, Default)]
pub(super) struct Blob<'a> {
    children: Vec<Child<'a>>,
    partition_keys: Table<'a>,
    hash_keys: Table<'a>,
    /// Of the protobuf message.
    bytes: usize,
}

#[derive(Debug)]
struct Child<'a> {
    partition_key: usize,
    hash_key: Option<usize>,
    data: &'a [u8],
}

/// Texts that are written once, whoever refers to them.
#[derive(Debug, Default)]
struct Table<'a> {
    texts: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Blob<'a> {
    /// Of the data of the record, once one more message is in it.
    pub(super) fn bytes_with(&self, record: &Record) -> usize {
        MAGIC.len() + DIGEST_BYTES + self.bytes + self.more(record).1
    }

    pub(super) fn push(&mut self, record: &'a Record) {
        let (mut child, bytes) = self.more(record);
        self.bytes += bytes;
        child.partition_key = self.partition_keys.add(&record.partition_key);
        child.hash_key = record.explicit_hash_key.as_deref().map(|key| self.hash_keys.add(key));
        self.children.push(child);
    }

    /// The data of the record.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAGIC.len() + self.bytes + DIGEST_BYTES);
        out.extend_from_slice(&MAGIC);
        for (tag, table) in
            [(tag::PARTITION_KEY_TABLE, &self.partition_keys), (tag::EXPLICIT_HASH_KEY_TABLE, &self.hash_keys)]
        {
            for text in &table.texts {
                push_bytes(&mut out, tag, text.as_bytes());
            }
        }
        for child in &self.children {
            out.push(tag::RECORDS);
            push_varint(&mut out, child.bytes());
            out.push(tag::PARTITION_KEY_INDEX);
            push_varint(&mut out, child.partition_key);
            if let Some(place) = child.hash_key {
                out.push(tag::EXPLICIT_HASH_KEY_INDEX);
                push_varint(&mut out, place);
            }
            push_bytes(&mut out, tag::DATA, child.data);
        }
        let digest = Md5::digest(&out[MAGIC.len()..]);
        out.extend_from_slice(&digest);
        out
    }

    /// A message as it would be written here, and the bytes that it adds.
    fn more<'b>(&self, record: &'b Record) -> (Child<'b>, usize) {
        let (partition_key, key_bytes) = self.partition_keys.place(&record.partition_key);
        let hash_key = record.explicit_hash_key.as_deref().map(|key| self.hash_keys.place(key));
        let (hash_key, hash_key_bytes) = hash_key.unzip();
        let child = Child { partition_key, hash_key, data: &record.data };
        let bytes = key_bytes + hash_key_bytes.unwrap_or(0) + 1 + with_length(child.bytes());
        (child, bytes)
    }
}

impl Child<'_> {
    fn bytes(&self) -> usize {
        let hash_key = self.hash_key.map_or(0, |place| 1 + varint_bytes(place));
        1 + varint_bytes(self.partition_key) + hash_key + 1 + with_length(self.data.len())
    }
}

impl<'a> Table<'a> {
    /// Where a text is or will be, and the bytes that it adds.
    fn place(&self, text: &str) -> (usize, usize) {
        match self.places.get(text) {
            Some(place) => (*place, 0),
            None => (self.texts.len(), 1 + with_length(text.len())),
        }
    }

    fn add(&mut self, text: &'a str) -> usize {
        *self.places.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        })
    }
}

const fn with_length(bytes: usize) -> usize {
    varint_bytes(bytes) + bytes
}

const fn varint_bytes(value: usize) -> usize {
    let bits = (usize::BITS - value.leading_zeros()) as usize;
    if bits == 0 { 1 } else { bits.div_ceil(7) }
}

fn push_varint(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn push_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    push_varint(out, bytes.len());
    out.extend_from_slice(bytes);
}
