//! Elements of a list chosen by a property of theirs.

use std::rc::Rc;

use super::input::{array, items, nil, property, room, truthy};
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::Value;

type Given<'r> = Result<Value<'r>, Fault>;

/// The elements, and for each whether it fits; none where an element cannot have properties.
type Choice<'r> = Option<(Rc<[Value<'r>]>, Vec<bool>)>;

fn choice<'r>(
    input: &Value<'r>,
    arguments: &Arguments<'_, 'r>,
    filter: &str,
    first_only: bool,
    env: &mut Env<'_>,
) -> Result<Choice<'r>, Fault> {
    let values = items(input, env)?;
    env.budget.allocate(values.len())?;
    let mut fits = Vec::with_capacity(values.len());
    for value in values.iter() {
        let Some(found) = property(value, arguments.at(0), filter, env)? else { return Ok(None) };
        let wanted = arguments.at(1);
        let fit = if nil(wanted) { truthy(&found) } else { found.equals(wanted, env.budget)? };
        fits.push(fit);
        if fit && first_only {
            break;
        }
    }
    Ok(Some((values, fits)))
}

fn chosen<'r>(choice: Choice<'r>, keep: bool, env: &mut Env<'_>) -> Given<'r> {
    let Some((values, fits)) = choice else { return Ok(Value::Nil) };
    let mut kept = room(values.len(), env)?;
    kept.extend(values.iter().zip(fits).filter(|(_, fit)| *fit == keep).map(|(value, _)| value.clone()));
    Ok(array(kept))
}

pub(super) fn select<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let choice = choice(&input, arguments, "where", false, env)?;
    chosen(choice, true, env)
}

pub(super) fn reject<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let choice = choice(&input, arguments, "reject", false, env)?;
    chosen(choice, false, env)
}

pub(super) fn has<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let choice = choice(&input, arguments, "has", true, env)?;
    Ok(choice.map_or(Value::Nil, |(_, fits)| Value::Bool(fits.contains(&true))))
}

pub(super) fn find<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let Some((values, fits)) = choice(&input, arguments, "find", true, env)? else { return Ok(Value::Nil) };
    let at = fits.iter().position(|fit| *fit);
    Ok(at.and_then(|at| values.get(at)).cloned().unwrap_or(Value::Nil))
}

pub(super) fn find_index<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let Some((_, fits)) = choice(&input, arguments, "find_index", true, env)? else { return Ok(Value::Nil) };
    let at = fits.iter().position(|fit| *fit);
    Ok(at.and_then(|at| i64::try_from(at).ok()).map_or(Value::Nil, Value::Int))
}
