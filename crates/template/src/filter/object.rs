//! Members of objects.

use std::rc::Rc;

use super::input::{array, fault, items, room, seen, text};
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::{Object, Text, Value};

type Given<'r> = Result<Value<'r>, Fault>;

/// Nil is an object without members.
fn object<'r>(input: &Value<'r>, filter: &str) -> Result<Rc<Object<'r>>, Fault> {
    match input {
        Value::Object(object) => Ok(Rc::clone(object)),
        Value::Nil => Ok(Rc::new(Object::default())),
        other => Err(fault(format!("`{filter}` needs an object, and got {}", other.kind()))),
    }
}

pub(super) fn keys<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let object = object(&input, "keys")?;
    let mut names = room(object.len(), env)?;
    names.extend(object.iter().map(|(name, _)| Value::Text(name.clone())));
    Ok(array(names))
}

pub(super) fn values<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let object = object(&input, "values")?;
    let mut values = room(object.len(), env)?;
    for (_, value) in object.iter() {
        values.push(seen(value.clone(), env)?);
    }
    Ok(array(values))
}

pub(super) fn only<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    chosen(&input, arguments, "only", true, env)
}

pub(super) fn except<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    chosen(&input, arguments, "except", false, env)
}

/// The names are arguments of their own, or arrays of names.
fn chosen<'r>(
    input: &Value<'r>,
    arguments: &Arguments<'_, 'r>,
    filter: &str,
    keep: bool,
    env: &mut Env<'_>,
) -> Given<'r> {
    let object = object(input, filter)?;
    let mut names: Vec<Text<'r>> = Vec::new();
    for argument in arguments.positional {
        for name in items(argument, env)?.iter() {
            env.budget.allocate(2 * size_of::<Text<'_>>())?;
            names.push(text(name, env)?);
        }
    }
    names.sort();
    env.budget.allocate(object.len().saturating_mul(3 * size_of::<(Text<'_>, Value<'_>)>()))?;
    env.budget.work(object.len())?;
    let fits = |name: &str| names.binary_search_by(|known| (**known).cmp(name)).is_ok();
    let members = object.iter().filter(|(name, _)| fits(name) == keep).cloned().collect();
    Ok(Value::from(Object::from_members(members)))
}
