//! Lists: joined, turned, reduced.

use std::collections::HashSet;

use super::draft::Draft;
use super::input::{array, counted, fault, items, nil, number, property, room, text};
use super::{Arguments, Env, json};
use crate::fault::Fault;
use crate::value::Value;
use crate::value::number::Number;

type Given<'r> = Result<Value<'r>, Fault>;

pub(super) fn join<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let glue = if arguments.has(0) { text(arguments.at(0), env)? } else { crate::value::Text::Borrowed(" ") };
    let mut draft = Draft::default();
    for (at, item) in items(&input, env)?.iter().enumerate() {
        if at > 0 {
            draft.push(&glue, env)?;
        }
        let item = text(item, env)?;
        draft.push(&item, env)?;
    }
    Ok(draft.finish())
}

pub(super) fn concat<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let Value::Array(more) = arguments.at(0) else {
        return Err(fault(format!("`concat` needs an array as argument, and got {}", arguments.at(0).kind())));
    };
    let values = items(&input, env)?;
    let mut both = room(values.len().saturating_add(more.len()), env)?;
    both.extend_from_slice(&values);
    both.extend_from_slice(more);
    Ok(array(both))
}

pub(super) fn reverse<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let values = items(&input, env)?;
    let mut turned = room(values.len(), env)?;
    turned.extend(values.iter().rev().cloned());
    Ok(array(turned))
}

pub(super) fn map<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let values = items(&input, env)?;
    let mut mapped = room(values.len(), env)?;
    for value in values.iter() {
        mapped.push(property(value, arguments.at(0), "map", env)?.unwrap_or(Value::Nil));
    }
    Ok(array(mapped))
}

/// Without nil; with a property, without the elements in which it is nil.
pub(super) fn compact<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let values = items(&input, env)?;
    let mut kept = room(values.len(), env)?;
    for value in values.iter() {
        let Some(key) = key(value, arguments, "compact", env)? else { return Ok(Value::Nil) };
        if !nil(&key) {
            kept.push(value.clone());
        }
    }
    Ok(array(kept))
}

/// Of equal elements the first. As in Ruby, `1` and `1.0` are not equal here.
pub(super) fn uniq<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let values = items(&input, env)?;
    if values.len() == 1 {
        return Ok(Value::Array(values));
    }
    let mut kept = room(values.len(), env)?;
    let mut known = HashSet::new();
    for value in values.iter() {
        let Some(key) = key(value, arguments, "uniq", env)? else { return Ok(Value::Nil) };
        let identity = json::compact(&key, env)?;
        env.budget.allocate(64)?;
        if known.insert(identity) {
            kept.push(value.clone());
        }
    }
    Ok(array(kept))
}

/// The element, or its property if one is named; none where it cannot have one.
fn key<'r>(
    value: &Value<'r>,
    arguments: &Arguments<'_, 'r>,
    filter: &str,
    env: &mut Env<'_>,
) -> Result<Option<Value<'r>>, Fault> {
    if nil(arguments.at(0)) { Ok(Some(value.clone())) } else { property(value, arguments.at(0), filter, env) }
}

pub(super) fn sum<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (mut total, mut exact) = (Number::Int(0), false);
    for value in items(&input, env)?.iter() {
        let Some(value) = key(value, arguments, "sum", env)? else { continue };
        // What a property holds may be an array again.
        for value in items(&value, env)?.iter() {
            let operand = number(value, "sum", env)?;
            exact |= operand.exact;
            env.budget.work(1)?;
            total = total.plus(&operand.number).map_err(|error| fault(format!("the result of `sum` {error}")))?;
        }
    }
    counted(Ok(total), exact, "sum", env)
}
