//! Takes a record of the Kinesis Producer Library apart, as consumers do. Written from the description of the format and from
//! what the client library of Kinesis does; nothing of the product is used.

use std::ops::RangeInclusive;

use md5::{Digest, Md5};

/// A message that shared a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    pub partition_key: String,
    pub explicit_hash_key: Option<String>,
    pub data: Vec<u8>,
}

/// What a record is to a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consumed {
    Plain,
    /// In their order.
    Messages(Vec<UserRecord>),
    /// One of its messages does not belong to the shard: all of them are dropped, and nobody is told.
    Dropped,
}

/// `range`: the hash keys of the shard that has the record.
pub fn consume(data: &[u8], range: &RangeInclusive<u128>) -> Consumed {
    let Some(messages) = user_records(data) else { return Consumed::Plain };
    let belongs = |message: &UserRecord| match &message.explicit_hash_key {
        Some(key) => key.parse().is_ok_and(|key| range.contains(&key)),
        None => range.contains(&u128::from_be_bytes(Md5::digest(&message.partition_key).into())),
    };
    if messages.iter().all(belongs) { Consumed::Messages(messages) } else { Consumed::Dropped }
}

fn user_records(data: &[u8]) -> Option<Vec<UserRecord>> {
    let body = data.strip_prefix(b"\xF3\x89\x9A\xC2")?;
    let (body, digest) = body.split_at_checked(body.len().checked_sub(16)?)?;
    if Md5::digest(body)[..] != *digest {
        return None;
    }
    let mut fields = Fields(body);
    let (mut keys, mut hash_keys, mut inner) = (Vec::new(), Vec::new(), Vec::new());
    while let Some((number, _, bytes)) = fields.next()? {
        match number {
            1 => keys.push(String::from_utf8(bytes.to_vec()).ok()?),
            2 => hash_keys.push(String::from_utf8(bytes.to_vec()).ok()?),
            3 => inner.push(bytes),
            _ => {}
        }
    }
    let mut messages = Vec::new();
    for bytes in inner {
        let mut message = UserRecord { partition_key: String::new(), explicit_hash_key: None, data: Vec::new() };
        let mut fields = Fields(bytes);
        while let Some((number, index, bytes)) = fields.next()? {
            match number {
                1 => message.partition_key.clone_from(keys.get(index as usize)?),
                2 => message.explicit_hash_key = Some(hash_keys.get(index as usize)?.clone()),
                3 => message.data = bytes.to_vec(),
                _ => {}
            }
        }
        messages.push(message);
    }
    Some(messages)
}

struct Fields<'a>(&'a [u8]);

/// The number of a field, and its value: a number, or bytes.
type Field<'a> = (u64, u64, &'a [u8]);

impl<'a> Fields<'a> {
    /// `None`: this is no protobuf. `Some(None)`: there are no more.
    fn next(&mut self) -> Option<Option<Field<'a>>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let tag = self.number()?;
        let value = self.number()?;
        let bytes = match tag % 8 {
            0 => &[],
            2 => {
                let (bytes, rest) = self.0.split_at_checked(value as usize)?;
                self.0 = rest;
                bytes
            }
            _ => return None,
        };
        Some(Some((tag / 8, value, bytes)))
    }

    fn number(&mut self) -> Option<u64> {
        let (mut number, mut bits) = (0, 0);
        loop {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(first % 128).checked_shl(bits)?;
            if *first < 128 {
                return Some(number);
            }
            bits += 7;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(protobuf: &[u8]) -> Vec<u8> {
        [&b"\xF3\x89\x9A\xC2"[..], protobuf, &Md5::digest(protobuf)[..]].concat()
    }

    #[test]
    fn messages_are_read_and_those_of_another_shard_take_all_others_with_them() {
        // Two keys and a hash key; `one` of the first key, `two` of the second and the hash key.
        let protobuf = b"\x0a\x01k\x0a\x01l\x12\x017\x1a\x07\x08\x00\x1a\x03one\x1a\x09\x08\x01\x10\x00\x1a\x03two";
        let message = |key: &str, hash: Option<&str>, data: &[u8]| UserRecord {
            partition_key: key.to_owned(),
            explicit_hash_key: hash.map(str::to_owned),
            data: data.to_vec(),
        };
        let both = vec![message("k", None, b"one"), message("l", Some("7"), b"two")];
        let data = record(protobuf);
        assert_eq!(consume(&data, &(0..=u128::MAX)), Consumed::Messages(both));
        assert_eq!(consume(&data, &(8..=u128::MAX)), Consumed::Dropped);
        assert_eq!(consume(&data, &(0..=7)), Consumed::Dropped);
        assert_eq!(consume(&data[..data.len() - 1], &(0..=u128::MAX)), Consumed::Plain);
        assert_eq!(consume(b"{}", &(0..=u128::MAX)), Consumed::Plain);
    }
}
