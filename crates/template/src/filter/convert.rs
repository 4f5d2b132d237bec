//! From one type to another, and a value for a missing one.

use super::input::{fault, nil, truthy};
use super::{Arguments, Env, json};
use crate::fault::Fault;
use crate::value::number::Number;
use crate::value::{Decimal, Value};

type Given<'r> = Result<Value<'r>, Fault>;

/// For nil, false and what is empty; with `allow_false: true` false stays.
pub(super) fn default<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, _: &mut Env<'_>) -> Given<'r> {
    let allow_false = arguments.named("allow_false").is_some_and(Value::is_true);
    let missing = if allow_false { nil(&input) } else { !truthy(&input) };
    if !missing && !input.is_empty() {
        return Ok(input);
    }
    Ok(if arguments.has(0) { arguments.at(0).clone() } else { Value::text("") })
}

/// Exactly the number that a text is; nil stays nil.
pub(super) fn to_number<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    match &input {
        Value::Nil | Value::Int(_) | Value::Float(_) | Value::Decimal(_) => Ok(input),
        Value::Bool(bool) => Ok(Value::Int(i64::from(*bool))),
        Value::Text(text) | Value::Json(text) => {
            // Read twice.
            env.budget.inspect(text.len().saturating_mul(2))?;
            env.budget.allocate(text.len().min(4_000))?;
            let text = text.trim();
            let wrong = || fault(format!("`to_number` needs a number, and got the text `{}`", short(text)));
            if Number::parse(text).is_err() { Err(wrong()) } else { json::digits(text, env.plain) }
        }
        other => Err(fault(format!("`to_number` needs a number or text, and got {}", other.kind()))),
    }
}

/// The integer part of a number.
pub(super) fn to_integer<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let number = match to_number(input, arguments, env)? {
        Value::Float(float) => Decimal::from_float(float)
            .map(Number::Decimal)
            .map_err(|error| fault(format!("`to_integer`: the input {error}")))?,
        Value::Decimal(decimal) => Number::Decimal((*decimal).clone()),
        other => return Ok(other),
    };
    env.budget.allocate(number.size())?;
    env.budget.inspect(number.size())?;
    Ok(number.truncate().into())
}

/// The words for true and false that SQL knows; nil stays nil.
pub(super) fn to_boolean<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, _: &mut Env<'_>) -> Given<'r> {
    match &input {
        Value::Nil | Value::Bool(_) => Ok(input),
        Value::Int(0) => Ok(Value::Bool(false)),
        Value::Int(1) => Ok(Value::Bool(true)),
        Value::Text(text) if text.len() <= 16 => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(Value::Bool(true)),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(Value::Bool(false)),
            other => Err(fault(format!("`to_boolean` needs true or false, and got the text `{}`", short(other)))),
        },
        other => Err(fault(format!("`to_boolean` needs true or false, and got {}", other.kind()))),
    }
}

/// The first characters of a text, to name it in a message.
pub(super) fn short(text: &str) -> String {
    text.chars().take(40).filter(|character| !character.is_control()).collect()
}
