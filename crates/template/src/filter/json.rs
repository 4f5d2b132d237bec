//! JSON: made of values, and read.

use super::input::{fault, nil};
use super::{Arguments, Env};
use crate::MAX_DEPTH;
use crate::fault::Fault;
use crate::output::Output;
use crate::value::number::Number;
use crate::value::{Object, Text, Value, json_text};

type Given<'r> = Result<Value<'r>, Fault>;

/// Compact JSON text of any value.
pub(super) fn json<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    compact(&input, env).map(|text| Value::Json(Text::from(text)))
}

pub(super) fn compact(value: &Value<'_>, env: &mut Env<'_>) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    let mut out = Output::bounded(&mut bytes, env.budget.memory_left());
    value.write_json(&mut out, env.budget).map_err(|fault| match fault {
        Fault::Full => Fault::TooMuchMemory,
        other => other,
    })?;
    env.budget.allocate(bytes.len())?;
    String::from_utf8(bytes).map_err(|_| fault("`json` made something that is not text"))
}

/// The value that a JSON text stands for. What is no text is a value already.
pub(super) fn parse_json<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let invalid = |fault: Fault| match fault {
        Fault::InvalidJson(error) => super::input::fault(format!("`parse_json` needs JSON text: {error}")),
        other => other,
    };
    match &input {
        Value::Text(Text::Borrowed(text)) | Value::Json(Text::Borrowed(text)) => {
            json_text(text, env.plain, env.budget).map_err(invalid)
        }
        Value::Text(Text::Shared(text)) | Value::Json(Text::Shared(text)) => {
            // Read twice, and an element of two bytes becomes a value.
            env.budget.allocate(text.len().saturating_mul(48))?;
            let parsed = serde_json::from_str(text).map_err(|error| invalid(Fault::InvalidJson(error)))?;
            owned(parsed, 0, env)
        }
        _ => Ok(input),
    }
}

fn owned<'r>(json: serde_json::Value, depth: usize, env: &mut Env<'_>) -> Given<'r> {
    env.budget.work(1)?;
    Ok(match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(bool) => Value::Bool(bool),
        serde_json::Value::Number(number) => return digits(&number.to_string(), env.plain),
        serde_json::Value::String(text) => Value::string(text),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) if depth == MAX_DEPTH => return Err(Fault::TooDeep),
        serde_json::Value::Array(elements) => {
            let elements: Result<Vec<_>, _> =
                elements.into_iter().map(|element| owned(element, depth + 1, env)).collect();
            Value::array(elements?)
        }
        serde_json::Value::Object(members) => {
            let members: Result<Vec<_>, Fault> = members
                .into_iter()
                .map(|(name, value)| Ok((Text::from(name), owned(value, depth + 1, env)?)))
                .collect();
            Value::from(Object::from_members(members?))
        }
    })
}

/// The value of a number as JSON writes it; in plain mode a fraction makes it a float.
pub(super) fn digits<'r>(digits: &str, plain: bool) -> Given<'r> {
    if plain && digits.contains(['.', 'e', 'E']) {
        return match digits.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Value::Float(float)),
            _ => Err(fault("a number is too large")),
        };
    }
    Number::parse(digits).map(Value::from).map_err(|error| fault(format!("a number {error}")))
}

/// Nil stays nil, so that a missing text gives a missing value.
pub(super) fn to_string<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&input) { Ok(input) } else { super::input::text(&input, env).map(Value::Text) }
}
