//! What PostgreSQL keeps of a password (RFC 5802), with one round of hashing.
//!
//! The rounds protect passwords that somebody could guess. Ours are 192 random bits, and each new connection would pay
//! for the usual 4,096 rounds, which sqlx gives away to other tasks every few rounds: in a busy process they take seconds.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Stands for `password` in `create role .. password` and in what `initdb` reads. `salt`: another for each password.
/// Only for passwords of ASCII letters that are long and random.
pub fn verifier(password: &str, salt: [u8; 16]) -> String {
    let mut first = salt.to_vec();
    first.extend(1_u32.to_be_bytes());
    let salted = hmac(password.as_bytes(), &first);
    let stored = Sha256::digest(hmac(&salted, b"Client Key"));
    let server = hmac(&salted, b"Server Key");
    format!("SCRAM-SHA-256$1:{}${}:{}", STANDARD.encode(salt), STANDARD.encode(stored), STANDARD.encode(server))
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}
