//! Keyed 128-bit hashes. BLAKE3 in keyed mode, cut to 128 bits: two of 10 billion rows collide by chance with
//! p = 1.5e-19, and who controls rows but not the key can neither find nor provoke a collision.

use std::cmp::Ordering;
use std::fmt;

use arrayvec::ArrayString;
use domain::{Change, SyncId};

use crate::rules::Epoch;
use crate::unit::UnitId;

/// The secret under which a workspace's keys and rows are hashed. It never leaves the service.
#[derive(Clone)]
pub struct HashKey([u8; 32]);

impl HashKey {
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// The hash of a row's watched columns, or of its primary key.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Hash128(pub [u8; 16]);

/// In the order of the bytes, compared as one number.
impl Ord for Hash128 {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
    }
}

impl PartialOrd for Hash128 {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Hash128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// What a hash stands for. Keys and rows are hashed apart, so that one can never pass for the other.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub enum Purpose {
    Key = 1,
    Row = 2,
    Child = 3,
    Event = 4,
}

pub fn hash(key: &HashKey, purpose: Purpose, parts: &[&[u8]]) -> Hash128 {
    let mut hasher = blake3::Hasher::new_keyed(&key.0);
    hasher.update(&[purpose as u8]);
    for part in parts {
        hasher.update(part);
    }
    let mut out = [0; 16];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Hash128(out)
}

/// Begins what `hash_laid_out` hashes: the purpose, and behind it whatever is pushed.
pub(crate) fn lay_out(purpose: Purpose, out: &mut Vec<u8>) {
    out.clear();
    out.push(purpose as u8);
}

/// The same hash as that of the parts, of bytes that lie behind one another: in one piece they are hashed a fifth faster.
pub(crate) fn hash_laid_out(key: &HashKey, bytes: &[u8]) -> Hash128 {
    let mut out = [0; 16];
    out.copy_from_slice(&blake3::keyed_hash(&key.0, bytes).as_bytes()[..16]);
    Hash128(out)
}

/// An `event.id`: 32 digits.
pub type EventId = ArrayString<32>;

/// `event.id`: the same for every put of one version of a unit, different for any other.
pub fn event_id(key: &HashKey, sync: SyncId, unit: UnitId, op: Change, sequence: Epoch) -> EventId {
    let sync = sync.uuid();
    let parts: [&[u8]; 6] = [
        &[Purpose::Event as u8],
        sync.as_bytes(),
        &unit.key.0,
        &unit.child.to_be_bytes(),
        op.as_str().as_bytes(),
        &sequence.to_be_bytes(),
    ];
    // All of it is one block of the hash.
    let (mut bytes, mut length) = ([0; 64], 0);
    for part in parts {
        bytes[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    let Hash128(id) = hash_laid_out(key, &bytes[..length]);
    let mut text = EventId::new();
    push_hex(&id, |digit| text.push(digit));
    text
}

/// Two digits for each byte.
pub(crate) fn push_hex(bytes: &[u8], mut push: impl FnMut(char)) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    for byte in bytes {
        push(char::from(DIGITS[usize::from(byte >> 4)]));
        push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_depend_on_key_purpose_and_every_byte() {
        let key = HashKey::new([1; 32]);
        let base = hash(&key, Purpose::Row, &[b"ab"]);
        assert_eq!(base, hash(&key, Purpose::Row, &[b"a", b"b"]));
        assert_ne!(base, hash(&key, Purpose::Key, &[b"ab"]));
        assert_ne!(base, hash(&key, Purpose::Row, &[b"ac"]));
        assert_ne!(base, hash(&HashKey::new([2; 32]), Purpose::Row, &[b"ab"]));
    }

    #[test]
    fn what_is_laid_out_has_the_hash_of_its_parts() {
        let (key, mut bytes) = (HashKey::new([1; 32]), Vec::new());
        for length in [0, 1, 62, 63, 64, 220, 1023, 1024, 5000] {
            let row: Vec<u8> = (0..length).map(|at| at as u8).collect();
            lay_out(Purpose::Row, &mut bytes);
            bytes.extend_from_slice(&row);
            assert_eq!(hash_laid_out(&key, &bytes), hash(&key, Purpose::Row, &[&row]), "{length} bytes");
        }
    }

    #[test]
    fn an_event_id_names_one_version_of_one_unit() {
        let key = HashKey::new([1; 32]);
        let sync = SyncId::from_uuid(uuid::Uuid::from_u128(1));
        let unit = UnitId { key: Hash128([7; 16]), child: 0 };
        let id = event_id(&key, sync, unit, Change::Added, 5);
        assert_eq!(id, event_id(&key, sync, unit, Change::Added, 5));
        let tenant = sync.uuid();
        let parts: [&[u8]; 5] = [tenant.as_bytes(), &unit.key.0, &[0; 8], b"added", &5_u64.to_be_bytes()];
        assert_eq!(id.as_str(), format!("{:?}", hash(&key, Purpose::Event, &parts)));
        assert_ne!(id, event_id(&key, sync, unit, Change::Added, 6));
        assert_ne!(id, event_id(&key, sync, unit, Change::Changed, 5));
        assert_ne!(id, event_id(&key, sync, UnitId { child: 1, ..unit }, Change::Added, 5));
    }
}
