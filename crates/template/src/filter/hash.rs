//! Digests, and identifiers made of them. What is missing has none: nil stays nil.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;
use uuid::Uuid;

use super::convert::short;
use super::input::{fault, made, nil, text};
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::{Text, Value};

type Given<'r> = Result<Value<'r>, Fault>;

/// Hashing takes about as long as copying sixteen times as much.
fn input<'r>(value: &Value<'r>, env: &mut Env<'_>) -> Result<Text<'r>, Fault> {
    let text = text(value, env)?;
    env.budget.work(text.len() / 4 + 8)?;
    env.budget.allocate(128)?;
    Ok(text)
}

fn hex<'r>(digest: &[u8]) -> Value<'r> {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
    made(digest.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect())
}

fn digest<'r, D: Digest>(value: Value<'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&value) {
        return Ok(value);
    }
    let text = input(&value, env)?;
    Ok(hex(&D::digest(text.as_bytes())))
}

pub(super) fn md5<'r>(value: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    digest::<Md5>(value, env)
}

pub(super) fn sha1<'r>(value: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    digest::<Sha1>(value, env)
}

pub(super) fn sha256<'r>(value: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    digest::<Sha256>(value, env)
}

fn signed<'r, M: Mac + KeyInit>(
    value: Value<'r>,
    arguments: &Arguments<'_, 'r>,
    filter: &str,
    env: &mut Env<'_>,
) -> Given<'r> {
    if nil(&value) {
        return Ok(value);
    }
    if nil(arguments.at(0)) {
        return Err(fault(format!("`{filter}` needs a key, and got nothing")));
    }
    let (text, key) = (input(&value, env)?, input(arguments.at(0), env)?);
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes())
        .map_err(|_| fault(format!("`{filter}` cannot use a key of this length")))?;
    mac.update(text.as_bytes());
    Ok(hex(&mac.finalize().into_bytes()))
}

pub(super) fn hmac_sha1<'r>(value: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    signed::<Hmac<Sha1>>(value, arguments, "hmac_sha1", env)
}

pub(super) fn hmac_sha256<'r>(value: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    signed::<Hmac<Sha256>>(value, arguments, "hmac_sha256", env)
}

/// RFC 9562: the same namespace and name always give the same UUID.
pub(super) fn uuid_v5<'r>(value: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&value) {
        return Ok(value);
    }
    let name = input(&value, env)?;
    let namespace = text(arguments.at(0), env)?;
    let space = match &*namespace {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => Uuid::try_parse(other).map_err(|_| {
            let other = short(other);
            fault(format!("`uuid_v5` needs a UUID, dns, url, oid or x500 as namespace, and got `{other}`"))
        })?,
    };
    let digest = Sha1::new().chain_update(space.as_bytes()).chain_update(name.as_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
    let uuid = uuid::Builder::from_sha1_bytes(bytes).into_uuid();
    Ok(made(uuid.hyphenated().to_string()))
}

/// Where a partition key falls in a stream: its MD5 as a 128-bit integer, in decimal.
pub(super) fn hash_key<'r>(value: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&value) {
        return Ok(value);
    }
    let text = input(&value, env)?;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Md5::digest(text.as_bytes()));
    Ok(made(u128::from_be_bytes(bytes).to_string()))
}
