//! JSON in one canonical text: equal values have equal bytes.

use serde_json::Value;

/// What cannot be read as JSON (nested too deep, half a surrogate pair) is itself, as it is written.
pub(super) fn canonical(text: &str, out: &mut Vec<u8>) {
    match serde_json::from_str(text) {
        Ok(value) => write(&value, out),
        Err(_) => {
            // No JSON begins with it.
            out.push(0);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Not deeper than the parser goes.
fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Number(number) => number_text(&number.to_string(), out),
        Value::String(text) => string(text, out),
        Value::Array(elements) => {
            out.push(b'[');
            for element in elements {
                write(element, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_bytes());
            out.push(b'{');
            for (name, value) in members {
                string(name, out);
                out.push(b':');
                write(value, out);
                out.push(b',');
            }
            out.push(b'}');
        }
    }
}

/// Quoted by its length, so that nothing has to be escaped.
fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(&text.len().to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Digits without zeros at either end, and the power of ten of the last one.
fn number_text(text: &str, out: &mut Vec<u8>) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let Ok(exponent) = exponent.parse::<i128>() else {
        out.push(1);
        out.extend_from_slice(text.as_bytes());
        return;
    };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_end_matches('0');
    let dropped = digits.len() - significant.len();
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        out.push(b'0');
        return;
    }
    let power = exponent.saturating_sub(fraction.len() as i128).saturating_add(dropped as i128);
    out.extend_from_slice(format!("{sign}{significant}e{power}").as_bytes());
}
