//! The typed values of a row as JSON, as text, and as values to compute with.

use std::rc::Rc;

use domain::{NumberForm, Value};
use serde_json::value::RawValue;

use super::number::Number;
use super::{Text, parse, plain_json};
use crate::MAX_DEPTH;
use crate::fault::Fault;
use crate::names::Style;
use crate::output::{Output, Room};
use crate::program::Place;
use crate::render::Budget;

/// About how many bytes of a message a value takes; to find the largest of a row.
pub fn size(value: &Value) -> usize {
    sized(value, 0)
}

fn sized(value: &Value, depth: usize) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Int(_) | Value::Float(_) => 8,
        Value::Numeric(text) | Value::Text(text) | Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len().div_ceil(3).saturating_mul(4),
        Value::Array(_) if depth >= MAX_DEPTH => 0,
        Value::Array(elements) => elements.iter().map(|element| sized(element, depth + 1) + 1).sum(),
    }
}

/// A value where it stands.
pub(crate) fn write_column(out: &mut Output<'_>, value: &Value, style: Style, place: Place) -> Result<(), Fault> {
    match place {
        Place::Value => json(out, value, style),
        Place::String => text(out, value, style, true),
        Place::Text => text(out, value, style, false),
    }
}

/// The same for the values that most holes have, if there is room.
#[inline]
pub(crate) fn write_quick(room: &mut Room<'_>, value: &Value, style: Style, place: Place) -> Option<()> {
    match (value, place) {
        (Value::Text(text), Place::Value) => room.string(text),
        (Value::Text(text), Place::String) => room.escaped(text),
        (Value::Text(text), Place::Text) => room.push(text.as_bytes()),
        (Value::Int(int), _) if place != Place::Value || style.number != Some(NumberForm::String) => {
            room.push(itoa::Buffer::new().format(*int).as_bytes())
        }
        (Value::Bool(true), _) => room.push(b"true"),
        (Value::Bool(false), _) => room.push(b"false"),
        (Value::Null, Place::Value) => room.push(b"null"),
        (Value::Null, Place::String | Place::Text) => Some(()),
        (Value::Numeric(digits), Place::Value) if style.number == Some(NumberForm::Number) => {
            let known = plain_json::number(digits.as_bytes()) == Some(digits.len());
            if known { room.push(digits.as_bytes()) } else { None }
        }
        (Value::Numeric(digits), Place::Value) => room.string(digits),
        (Value::Json(json), Place::Value) => {
            let json = json.as_bytes();
            let trimmed = json.first()? > &b' ' && json.last()? > &b' ';
            if trimmed && json.len() <= room.left() && plain_json::is_valid(json) { room.push(json) } else { None }
        }
        _ => None,
    }
}

/// The value to compute with. The elements of an array stay columns.
pub(super) fn resolve<'r>(value: &'r Value, style: Style, budget: &mut Budget) -> Result<super::Value<'r>, Fault> {
    use super::Value as Resolved;
    Ok(match value {
        Value::Null => Resolved::Nil,
        Value::Bool(bool) => Resolved::Bool(*bool),
        Value::Int(int) => Resolved::Int(*int),
        Value::Float(float) if !float.is_finite() => {
            Resolved::string(digits(*float, style, &mut zmij::Buffer::new()).to_owned())
        }
        // The digits that are printed are the number that is meant.
        Value::Float(float) if style.single => {
            let mut buffer = zmij::Buffer::new();
            Resolved::Float(digits(*float, style, &mut buffer).parse().unwrap_or(*float))
        }
        Value::Float(float) => Resolved::Float(*float),
        Value::Numeric(digits) => {
            budget.allocate(digits.len())?;
            match Number::parse(digits) {
                Ok(number) => number.into(),
                Err(_) => Resolved::text(digits),
            }
        }
        Value::Text(text) => Resolved::text(text),
        Value::Bytes(bytes) => {
            budget.allocate(bytes.len().div_ceil(3).saturating_mul(4))?;
            let engine = &base64::engine::general_purpose::STANDARD;
            Resolved::Text(Text::from(base64::Engine::encode(engine, bytes)))
        }
        Value::Json(json) => parse::json_text(json, false, budget)?,
        Value::Array(elements) => {
            budget.allocate(elements.len().saturating_mul(size_of::<Resolved<'_>>()))?;
            Resolved::Array(elements.iter().map(|element| Resolved::Column(element, style)).collect::<Rc<[_]>>())
        }
    })
}

/// A value where JSON expects one.
pub(crate) fn json(out: &mut Output<'_>, value: &Value, style: Style) -> Result<(), Fault> {
    nested_json(out, value, style, 0)
}

fn nested_json(out: &mut Output<'_>, value: &Value, style: Style, depth: usize) -> Result<(), Fault> {
    match value {
        Value::Null => out.push(b"null"),
        Value::Bool(true) => out.push(b"true"),
        Value::Bool(false) => out.push(b"false"),
        Value::Int(_) => number(out, value, style, true),
        Value::Float(float) => number(out, value, style, float.is_finite()),
        Value::Numeric(digits) if style.number == Some(NumberForm::Number) && is_number(digits) => {
            out.push(digits.as_bytes())
        }
        Value::Numeric(text) | Value::Text(text) => out.string(text),
        Value::Bytes(bytes) => {
            out.push(b"\"")?;
            out.base64(bytes)?;
            out.push(b"\"")
        }
        Value::Json(json) => {
            let json = valid(out, json)?;
            if out.is_compact() { compact(out, json, false) } else { out.push(json.as_bytes()) }
        }
        Value::Array(_) if depth == MAX_DEPTH => Err(Fault::TooDeep),
        Value::Array(elements) => {
            out.push(b"[")?;
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.push(b",")?;
                }
                nested_json(out, element, style, depth + 1)?;
            }
            out.push(b"]")
        }
    }
}

/// Digits; in quotes if JSON has no such number, or the column is to be written so.
fn number(out: &mut Output<'_>, value: &Value, style: Style, finite: bool) -> Result<(), Fault> {
    if finite && style.number != Some(NumberForm::String) {
        return text(out, value, style, false);
    }
    out.push(b"\"")?;
    text(out, value, style, false)?;
    out.push(b"\"")
}

/// A value as text: in a JSON string (escaped), or plain.
pub(crate) fn text(out: &mut Output<'_>, value: &Value, style: Style, escape: bool) -> Result<(), Fault> {
    match value {
        Value::Null => Ok(()),
        Value::Bool(true) => out.push(b"true"),
        Value::Bool(false) => out.push(b"false"),
        Value::Int(int) => out.push(itoa::Buffer::new().format(*int).as_bytes()),
        Value::Float(float) => out.push(digits(*float, style, &mut zmij::Buffer::new()).as_bytes()),
        Value::Numeric(text) | Value::Text(text) => characters(out, text, escape),
        Value::Bytes(bytes) => out.base64(bytes),
        Value::Json(json) => {
            let json = valid(out, json)?;
            json_text(out, json, escape)
        }
        Value::Array(_) => {
            let text = out.aside(|out| json(out, value, style))?;
            characters(out, &text, escape)
        }
    }
}

pub(crate) fn characters(out: &mut Output<'_>, text: &str, escape: bool) -> Result<(), Fault> {
    if escape { out.escaped(text) } else { out.push(text.as_bytes()) }
}

/// JSON text without the white space between its tokens.
fn compact(out: &mut Output<'_>, json: &str, escape: bool) -> Result<(), Fault> {
    let mut piece = |start: usize, end: usize| characters(out, json.get(start..end).unwrap_or_default(), escape);
    let (mut start, mut in_string, mut escaped) = (0, false, false);
    for (at, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b' ' | b'\t' | b'\r' | b'\n' if !in_string => {
                if start < at {
                    piece(start, at)?;
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    piece(start, json.len())
}

/// The grammar of a JSON number.
pub(crate) fn is_number(text: &str) -> bool {
    if plain_json::number(text.as_bytes()) == Some(text.len()) {
        return true;
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

fn digits(float: f64, style: Style, buffer: &mut zmij::Buffer) -> &str {
    if float.is_nan() {
        "NaN"
    } else if float.is_infinite() {
        if float > 0.0 { "Infinity" } else { "-Infinity" }
    } else if style.single {
        #[expect(clippy::cast_possible_truncation, reason = "the value came from a column of single precision")]
        let single = float as f32;
        buffer.format(single)
    } else {
        buffer.format(float)
    }
}

/// A JSON text, checked, without the white space around it.
fn valid<'a>(out: &mut Output<'_>, json: &'a str) -> Result<&'a str, Fault> {
    let space = |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii_whitespace());
    let bytes = json.as_bytes();
    let text = if space(bytes.first()) || space(bytes.last()) { json.trim_matches(SPACE) } else { json };
    out.spend(json.len()).map_err(|fault| if text.len() / 16 > out.left() { Fault::Full } else { fault })?;
    if plain_json::is_valid(text.as_bytes()) {
        return Ok(text);
    }
    serde_json::from_str::<&RawValue>(text).map(RawValue::get).map_err(Fault::InvalidJson)
}

/// The white space of JSON.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

fn json_text(out: &mut Output<'_>, json: &str, escape: bool) -> Result<(), Fault> {
    match json.as_bytes().first() {
        Some(b'"') => {
            let content = serde_json::from_str::<String>(json).map_err(Fault::InvalidJson)?;
            characters(out, &content, escape)
        }
        Some(b'n') => Ok(()),
        _ => compact(out, json, escape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_number_is_told_from_what_only_looks_like_one() {
        let good = ["0", "-0", "7", "10", "0.5", "-1.50", "1e5", "1E+5", "1.5e-10", "9007199254740993"];
        let bad =
            ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "NaN", "-Infinity", "1 ", "0x1", "1.2.3", "--1", "1e5.5"];
        for text in good {
            assert!(is_number(text), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
        for text in bad {
            assert!(!is_number(text), "{text}");
        }
    }
}
