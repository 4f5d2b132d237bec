//! Texts for and from URLs, and base64.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

use super::draft::Draft;
use super::input::{fault, made, nil, text};
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::Value;

type Given<'r> = Result<Value<'r>, Fault>;

/// As forms are sent: a space becomes `+`.
pub(super) fn url_encode<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&input) {
        return Ok(input);
    }
    let input = text(&input, env)?;
    env.budget.inspect(input.len().saturating_mul(3) / 2)?;
    let mut draft = Draft::default();
    for byte in input.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                draft.push_char(char::from(byte), env)?;
            }
            b' ' => draft.push("+", env)?,
            _ => {
                let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble & 15)]);
                draft.push_char('%', env)?;
                draft.push_char(digit(byte >> 4), env)?;
                draft.push_char(digit(byte), env)?;
            }
        }
    }
    Ok(draft.finish())
}

pub(super) fn url_decode<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&input) {
        return Ok(input);
    }
    let input = text(&input, env)?;
    env.budget.allocate(input.len())?;
    let bytes = input.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|byte| char::from(*byte).to_digit(16));
        if *byte == b'%'
            && let (Some(high), Some(low)) = (hex(1), hex(2))
        {
            decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
            at += 3;
        } else {
            decoded.push(if *byte == b'+' { b' ' } else { *byte });
            at += 1;
        }
    }
    utf8(decoded, "url_decode")
}

fn utf8<'r>(bytes: Vec<u8>, filter: &str) -> Given<'r> {
    String::from_utf8(bytes).map(made).map_err(|_| fault(format!("what `{filter}` gives is not text in UTF-8")))
}

fn encode<'r>(input: &Value<'r>, engine: &impl Engine, env: &mut Env<'_>) -> Given<'r> {
    let input = text(input, env)?;
    env.budget.allocate(input.len().div_ceil(3).saturating_mul(4))?;
    Ok(made(engine.encode(input.as_bytes())))
}

fn decode<'r>(text: &str, engine: &impl Engine, filter: &str, env: &mut Env<'_>) -> Given<'r> {
    env.budget.allocate(text.len())?;
    match engine.decode(text) {
        Ok(bytes) => utf8(bytes, filter),
        Err(_) => Err(fault(format!("`{filter}` needs base64, and got something else"))),
    }
}

pub(super) fn base64_encode<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    encode(&input, &STANDARD, env)
}

pub(super) fn base64_decode<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    decode(&input, &STANDARD, "base64_decode", env)
}

pub(super) fn base64_url_safe_encode<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    encode(&input, &URL_SAFE, env)
}

/// With and without padding.
pub(super) fn base64_url_safe_decode<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    if input.contains('=') {
        return decode(&input, &URL_SAFE, "base64_url_safe_decode", env);
    }
    decode(&input, &URL_SAFE_NO_PAD, "base64_url_safe_decode", env)
}
