//! The way back, as consumers go it: for tests, and for whoever wants to look into a record.

use md5::{Digest, Md5};

use super::{DIGEST_BYTES, MAGIC};

/// A message of an aggregated record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    pub partition_key: String,
    pub explicit_hash_key: Option<String>,
    pub data: Vec<u8>,
}

/// The messages of a record, in their order. `None`: it is a plain one.
pub fn decode(data: &[u8]) -> Option<Vec<Child>> {
    let (message, digest) = data.strip_prefix(&MAGIC)?.split_last_chunk::<DIGEST_BYTES>()?;
    if Md5::digest(message).as_slice() != digest {
        return None;
    }
    let (mut keys, mut hash_keys, mut children) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = message;
    while !rest.is_empty() {
        match field(&mut rest)? {
            (1, Value::Bytes(text)) => keys.push(std::str::from_utf8(text).ok()?),
            (2, Value::Bytes(text)) => hash_keys.push(std::str::from_utf8(text).ok()?),
            (3, Value::Bytes(child)) => children.push(child),
            _ => {}
        }
    }
    children.into_iter().map(|child| decode_child(child, &keys, &hash_keys)).collect()
}

fn decode_child(mut rest: &[u8], keys: &[&str], hash_keys: &[&str]) -> Option<Child> {
    let at = |table: &[&str], place: u64| table.get(usize::try_from(place).ok()?).map(|text| (*text).to_owned());
    let (mut partition_key, mut explicit_hash_key, mut data) = (None, None, None);
    while !rest.is_empty() {
        match field(&mut rest)? {
            (1, Value::Number(place)) => partition_key = Some(at(keys, place)?),
            (2, Value::Number(place)) => explicit_hash_key = Some(at(hash_keys, place)?),
            (3, Value::Bytes(bytes)) => data = Some(bytes.to_vec()),
            _ => {}
        }
    }
    Some(Child { partition_key: partition_key?, explicit_hash_key, data: data? })
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Takes a field off the front: its number and its value.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Number(varint(rest)?),
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            let (bytes, after) = rest.split_at_checked(length)?;
            *rest = after;
            Value::Bytes(bytes)
        }
        _ => return None,
    };
    Some((tag >> 3, value))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
