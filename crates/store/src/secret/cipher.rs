use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::Error;

pub(crate) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The bytes of a key, cleared when they go.
pub(crate) type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// What is stored of a sealed text.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) nonce: Vec<u8>,
    pub(crate) text: Vec<u8>,
}

/// It did not open: another key, another address, or damage. More cannot be told.
pub(crate) struct Unopened;

pub(crate) fn new_key() -> Result<KeyBytes, Error> {
    let mut key = KeyBytes::default();
    random(&mut key[..])?;
    Ok(key)
}

/// XChaCha20-Poly1305: its nonces are long enough to be drawn at random for as long as a key lives.
pub(crate) fn seal(key: &KeyBytes, address: &[u8], text: &[u8]) -> Result<Sealed, Error> {
    let mut nonce = [0; NONCE_BYTES];
    random(&mut nonce)?;
    let text = cipher(key)
        .encrypt(&XNonce::from(nonce), Payload { msg: text, aad: address })
        .map_err(|error| Error::Seal(Box::new(error)))?;
    Ok(Sealed { nonce: nonce.to_vec(), text })
}

pub(crate) fn open(key: &KeyBytes, address: &[u8], sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let nonce = <[u8; NONCE_BYTES]>::try_from(&sealed.nonce[..]).map_err(|_| Unopened)?;
    let opened = cipher(key).decrypt(&XNonce::from(nonce), Payload { msg: &sealed.text, aad: address });
    opened.map(Zeroizing::new).map_err(|_| Unopened)
}

/// Where a sealed text belongs, told unambiguously: each part behind its length.
pub(crate) fn address(parts: &[&[u8]]) -> Vec<u8> {
    let mut address = Vec::new();
    for part in parts {
        address.extend((part.len() as u64).to_be_bytes());
        address.extend(*part);
    }
    address
}

fn cipher(key: &KeyBytes) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(<&Key>::from(&**key))
}

fn random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| Error::Seal(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_opens_with_its_key_and_address_only_and_no_seal_repeats() {
        let (key, other) = (new_key().unwrap(), new_key().unwrap());
        let sealed = seal(&key, b"here", b"planted").unwrap();
        assert_eq!(open(&key, b"here", &sealed).map(|text| text.to_vec()).ok(), Some(b"planted".to_vec()));
        assert!(open(&key, b"there", &sealed).is_err() && open(&other, b"here", &sealed).is_err());
        for damage in 0..sealed.text.len() {
            let mut damaged = sealed.clone();
            damaged.text[damage] ^= 1;
            assert!(open(&key, b"here", &damaged).is_err(), "byte {damage}");
        }
        let again = seal(&key, b"here", b"planted").unwrap();
        assert!(again.nonce != sealed.nonce && again.text != sealed.text);
        assert!(!sealed.text.windows(7).any(|window| window == b"planted"));
    }

    #[test]
    fn addresses_of_other_parts_differ() {
        assert_ne!(address(&[b"ab", b"c"]), address(&[b"a", b"bc"]));
        assert_ne!(address(&[b"ab"]), address(&[b"ab", b""]));
    }
}
