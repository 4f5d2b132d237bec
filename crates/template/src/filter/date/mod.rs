//! Dates: read, shown, counted in seconds.

mod civil;
mod format;
mod parse;
mod zone;

use civil::Moment;

use super::convert::short;
use super::input::{fault, nil, text};
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::{Text, Value};

type Given<'r> = Result<Value<'r>, Fault>;

/// What is no date is given back as it is.
pub(super) fn date<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let form = text(arguments.at(0), env)?;
    if form.is_empty() {
        return Ok(input);
    }
    let Some(moment) = moment(&input, env)? else { return Ok(input) };
    let moment = match arguments.named("timezone") {
        None | Some(Value::Nil) => moment,
        Some(name) => {
            let name = text(name, env)?;
            zone::in_zone(&moment, &name, env)?
        }
    };
    format::format(&moment, &form, env).map(super::draft::Draft::finish)
}

pub(super) fn epoch_seconds<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&input) {
        return Ok(input);
    }
    let moment = required(&input, "epoch_seconds", env)?;
    Ok(Value::Int(moment.second))
}

pub(super) fn epoch_milliseconds<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&input) {
        return Ok(input);
    }
    let moment = required(&input, "epoch_milliseconds", env)?;
    Ok(Value::Int(moment.second * 1_000 + i64::from(moment.nanos / 1_000_000)))
}

fn required(input: &Value<'_>, filter: &str, env: &mut Env<'_>) -> Result<Moment, Fault> {
    if let Some(moment) = moment(input, env)? {
        return Ok(moment);
    }
    Err(match input {
        Value::Text(text) => fault(format!("`{filter}` needs a date, and got the text `{}`", short(text))),
        other => fault(format!("`{filter}` needs a date, and got {}", other.kind())),
    })
}

fn moment(input: &Value<'_>, env: &mut Env<'_>) -> Result<Option<Moment>, Fault> {
    env.budget.work(16)?;
    env.budget.allocate(512)?;
    // White space around it is looked at, however long it is.
    env.budget.inspect(if let Value::Text(text) = input { text.len() } else { 0 })?;
    Ok(match input {
        Value::Int(second) => Moment::utc(*second, 0),
        Value::Text(Text::Borrowed(text)) => parse::moment(text, env.now),
        Value::Text(Text::Shared(text)) => parse::moment(text, env.now),
        _ => None,
    })
}
