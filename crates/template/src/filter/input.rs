//! How filters look at values: as texts, numbers, lists and members, in the way Ruby does.

use std::rc::Rc;

use super::Env;
use crate::MAX_DEPTH;
use crate::fault::Fault;
use crate::value::number::{Decimal, Number, NumberError};
use crate::value::{Text, Value};

/// A reason that is fit for the user.
pub(crate) fn fault(reason: impl Into<String>) -> Fault {
    Fault::failed(reason.into())
}

pub(super) const fn is_column(value: &Value<'_>) -> bool {
    matches!(value, Value::Column(..))
}

/// A column as the value that it holds.
pub(super) fn seen<'r>(value: Value<'r>, env: &mut Env<'_>) -> Result<Value<'r>, Fault> {
    if is_column(&value) { value.resolve(env.budget) } else { Ok(value) }
}

/// Work that is proportional to a length.
pub(super) fn scan(length: usize, env: &mut Env<'_>) -> Result<(), Fault> {
    env.budget.scan(length)
}

/// Room for `count` values, charged.
pub(super) fn room<'r>(count: usize, env: &mut Env<'_>) -> Result<Vec<Value<'r>>, Fault> {
    env.budget.allocate(count.saturating_mul(size_of::<Value<'_>>()))?;
    env.budget.work(count / 16)?;
    Ok(Vec::with_capacity(count))
}

pub(super) fn array(values: Vec<Value<'_>>) -> Value<'_> {
    Value::Array(Rc::from(values))
}

/// A value as text, and one look at all of it.
pub(super) fn text<'r>(value: &Value<'r>, env: &mut Env<'_>) -> Result<Text<'r>, Fault> {
    let text = match value {
        Value::Text(text) => text.clone(),
        _ => value.to_text(env.plain, env.budget)?,
    };
    scan(text.len(), env)?;
    Ok(text)
}

/// A text that a filter made; its bytes were charged already.
pub(super) fn made<'r>(text: String) -> Value<'r> {
    Value::Text(Text::Shared(Rc::from(text)))
}

pub(super) fn nil(value: &Value<'_>) -> bool {
    matches!(value, Value::Nil)
}

pub(super) const fn truthy(value: &Value<'_>) -> bool {
    !matches!(value, Value::Nil | Value::Bool(false))
}

/// A number as an operand. `exact`: what is made of it stays a decimal, it is not printed as a float.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) number: Number,
    pub(super) exact: bool,
}

pub(super) fn number(value: &Value<'_>, filter: &str, env: &mut Env<'_>) -> Result<Operand, Fault> {
    let trouble = |error: NumberError| fault(format!("`{filter}` needs a number it can count with: its input {error}"));
    let operand = match value {
        Value::Int(int) => Operand { number: Number::Int(*int), exact: false },
        Value::Float(float) => {
            env.budget.allocate(64)?;
            env.budget.work(4)?;
            Operand { number: Number::Decimal(Decimal::from_float(*float).map_err(trouble)?), exact: false }
        }
        Value::Decimal(decimal) => {
            env.budget.allocate(decimal.size())?;
            Operand { number: Number::Decimal((**decimal).clone()), exact: !env.plain && !decimal.is_integer() }
        }
        Value::Text(text) => {
            env.budget.inspect(text.len())?;
            env.budget.allocate(text.len().min(4_000))?;
            let number = Number::loosely(text).map_err(trouble)?;
            let exact = !env.plain && !number.is_integer();
            Operand { number, exact }
        }
        Value::Array(_) | Value::Object(_) | Value::Range(..) if !env.plain => {
            return Err(fault(format!("`{filter}` needs a number, and got {}", value.kind())));
        }
        Value::Column(..) => {
            let seen = value.clone().resolve(env.budget)?;
            return if is_column(&seen) { Err(fault("a column cannot be read")) } else { number(&seen, filter, env) };
        }
        _ => Operand { number: Number::Int(0), exact: false },
    };
    env.budget.work(operand.number.size() / 8)?;
    Ok(operand)
}

/// What a calculation gives: an integer, a decimal where one went in, else a float.
pub(super) fn counted<'r>(
    result: Result<Number, NumberError>,
    exact: bool,
    filter: &str,
    env: &mut Env<'_>,
) -> Result<Value<'r>, Fault> {
    let number = result.map_err(|error| match error {
        NumberError::DividedByZero => fault(format!("`{filter}` by zero")),
        error => fault(format!("the result of `{filter}` {error}")),
    })?;
    env.budget.allocate(number.size())?;
    match number {
        Number::Int(int) => Ok(Value::Int(int)),
        Number::Decimal(decimal) if exact || decimal.is_integer() => Ok(Value::Decimal(Rc::new(decimal))),
        Number::Decimal(decimal) => {
            let float = decimal.to_float();
            if float.is_finite() {
                Ok(Value::Float(float))
            } else {
                Err(fault(format!("the result of `{filter}` {}", NumberError::TooLarge)))
            }
        }
    }
}

/// An argument that counts characters or elements: an integer, or text that is exactly one.
pub(super) fn integer(value: &Value<'_>, filter: &str, env: &mut Env<'_>) -> Result<i64, Fault> {
    let wrong = || fault(format!("`{filter}` needs an integer as argument, and got {}", value.kind()));
    match value {
        Value::Int(int) => Ok(*int),
        Value::Decimal(decimal) if decimal.is_integer() => {
            Ok(if decimal.to_float() < 0.0 { i64::MIN } else { i64::MAX })
        }
        Value::Text(text) => {
            env.budget.inspect(text.len())?;
            let text = text.trim_matches(|character: char| character.is_ascii_whitespace());
            let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
            match text.parse() {
                Ok(int) => Ok(int),
                Err(_) if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) => Err(wrong()),
                Err(_) => Ok(if text.starts_with('-') { i64::MIN } else { i64::MAX }),
            }
        }
        _ => Err(wrong()),
    }
}

/// A value as a list: arrays in it are dissolved, one value is a list of itself, nil is an empty one.
pub(super) fn items<'r>(value: &Value<'r>, env: &mut Env<'_>) -> Result<Rc<[Value<'r>]>, Fault> {
    match value {
        Value::Nil | Value::Empty | Value::Blank => Ok(Rc::from([])),
        Value::Array(values) => {
            env.budget.work(values.len() / 16 + 1)?;
            if !values.iter().any(|value| matches!(value, Value::Array(_) | Value::Column(..))) {
                return Ok(Rc::clone(values));
            }
            let mut flat = Vec::new();
            flatten(values, &mut flat, 0, env)?;
            Ok(Rc::from(flat))
        }
        Value::Range(first, last) => {
            let length = last.checked_sub(*first).map_or(usize::MAX, |length| {
                if length < 0 {
                    0
                } else {
                    usize::try_from(length).map_or(usize::MAX, |length| length.saturating_add(1))
                }
            });
            let mut values = room(length, env)?;
            values.extend((*first..=*last).map(Value::Int));
            Ok(Rc::from(values))
        }
        other => {
            env.budget.allocate(size_of::<Value<'_>>())?;
            Ok(Rc::from([other.clone()]))
        }
    }
}

fn flatten<'r>(values: &[Value<'r>], flat: &mut Vec<Value<'r>>, depth: usize, env: &mut Env<'_>) -> Result<(), Fault> {
    if depth == MAX_DEPTH {
        return Err(fault(format!("an array is nested deeper than {MAX_DEPTH} levels")));
    }
    env.budget.allocate(values.len().saturating_mul(size_of::<Value<'_>>()))?;
    env.budget.work(values.len() / 4 + 1)?;
    for value in values {
        match seen(value.clone(), env)? {
            Value::Array(inner) => flatten(&inner, flat, depth + 1, env)?,
            other => flat.push(other),
        }
    }
    Ok(())
}

/// Whether `property` finds something or fails; where not, it gives none.
pub(super) const fn has_properties(value: &Value<'_>) -> bool {
    !matches!(value, Value::Nil | Value::Bool(_) | Value::Float(_) | Value::Range(..) | Value::Empty | Value::Blank)
}

/// `item[name]` as in Ruby; none where the item has nothing to ask for: nil, booleans, floats.
pub(super) fn property<'r>(
    item: &Value<'r>,
    name: &Value<'r>,
    filter: &str,
    env: &mut Env<'_>,
) -> Result<Option<Value<'r>>, Fault> {
    env.budget.work(1)?;
    match item {
        Value::Object(object) => {
            let Value::Text(name) = name else { return Ok(Some(Value::Nil)) };
            let found = object.get(name).cloned().unwrap_or(Value::Nil);
            seen(found, env).map(Some)
        }
        Value::Text(text) => match name {
            Value::Text(part) => {
                env.budget.inspect(text.len())?;
                env.budget.inspect(part.len().saturating_mul(2))?;
                Ok(Some(if text.contains(&**part) { name.clone() } else { Value::Nil }))
            }
            _ => Err(cannot_select(name, filter, env)),
        },
        other if !has_properties(other) => Ok(None),
        _ => Err(cannot_select(name, filter, env)),
    }
}

fn cannot_select(name: &Value<'_>, filter: &str, env: &mut Env<'_>) -> Fault {
    match text(name, env) {
        Ok(name) => {
            let short: String = name.chars().take(40).collect();
            fault(format!("`{filter}` cannot select the property `{short}` of an element that is no object"))
        }
        Err(fault) => fault,
    }
}
