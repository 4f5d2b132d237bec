//! Counting, exactly.

use std::cmp::Ordering;

use super::input::{Operand, counted, number};
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::Value;
use crate::value::number::{Number, NumberError};

type Given<'r> = Result<Value<'r>, Fault>;

fn operands(
    input: &Value<'_>,
    arguments: &Arguments<'_, '_>,
    filter: &str,
    env: &mut Env<'_>,
) -> Result<(Operand, Operand), Fault> {
    Ok((number(input, filter, env)?, number(arguments.at(0), filter, env)?))
}

fn binary<'r>(
    input: &Value<'r>,
    arguments: &Arguments<'_, 'r>,
    env: &mut Env<'_>,
    filter: &str,
    calculate: fn(&Number, &Number) -> Result<Number, NumberError>,
) -> Given<'r> {
    let (left, right) = operands(input, arguments, filter, env)?;
    calculated(&left, &right, env, filter, calculate)
}

fn calculated<'r>(
    left: &Operand,
    right: &Operand,
    env: &mut Env<'_>,
    filter: &str,
    calculate: fn(&Number, &Number) -> Result<Number, NumberError>,
) -> Given<'r> {
    env.budget.work((left.number.size() / 8).saturating_mul(right.number.size() / 8) / 64)?;
    counted(calculate(&left.number, &right.number), left.exact || right.exact, filter, env)
}

pub(super) fn plus<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    binary(&input, arguments, env, "plus", Number::plus)
}

pub(super) fn minus<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    binary(&input, arguments, env, "minus", Number::minus)
}

pub(super) fn times<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    binary(&input, arguments, env, "times", Number::times)
}

pub(super) fn divided_by<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (left, right) = operands(&input, arguments, "divided_by", env)?;
    let with_fraction = !left.number.is_integer() || !right.number.is_integer();
    if env.plain && with_fraction && right.number.compare(&Number::Int(0)).is_eq() {
        // As Ruby's decimals do it; only integers refuse.
        return Ok(Value::Float(match left.number.compare(&Number::Int(0)) {
            Ordering::Less => f64::NEG_INFINITY,
            Ordering::Equal => f64::NAN,
            Ordering::Greater => f64::INFINITY,
        }));
    }
    if with_fraction {
        env.budget.work(20 + (left.number.size() + right.number.size()) / 8)?;
    }
    calculated(&left, &right, env, "divided_by", Number::divided_by)
}

pub(super) fn modulo<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    binary(&input, arguments, env, "modulo", Number::modulo)
}

pub(super) fn at_least<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (left, right) = operands(&input, arguments, "at_least", env)?;
    let chosen = if right.number.compare(&left.number).is_gt() { right } else { left };
    counted(Ok(chosen.number), chosen.exact, "at_least", env)
}

pub(super) fn at_most<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (left, right) = operands(&input, arguments, "at_most", env)?;
    let chosen = if right.number.compare(&left.number).is_lt() { right } else { left };
    counted(Ok(chosen.number), chosen.exact, "at_most", env)
}

pub(super) fn abs<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let operand = number(&input, "abs", env)?;
    counted(Ok(operand.number.absolute()), operand.exact, "abs", env)
}

pub(super) fn ceil<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let operand = number(&input, "ceil", env)?;
    counted(Ok(operand.number.ceil()), false, "ceil", env)
}

pub(super) fn floor<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let operand = number(&input, "floor", env)?;
    counted(Ok(operand.number.floor()), false, "floor", env)
}

/// Without places after the point the result is an integer.
pub(super) fn round<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (operand, places) = operands(&input, arguments, "round", env)?;
    let places = match places.number.truncate() {
        Number::Int(places) => places,
        Number::Decimal(_) => i64::MAX,
    };
    let rounded = operand.number.round(places);
    if places <= 0 {
        return counted(rounded.map(|number| number.truncate()), false, "round", env);
    }
    counted(rounded, operand.exact, "round", env)
}
