//! Lists in order. Nil comes last; values that have no order among each other are refused before anything is sorted.

use std::cmp::Ordering;

use super::input::{array, fault, has_properties, items, nil, number, property, room, text};
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::number::Number;
use crate::value::{Text, Value};

type Given<'r> = Result<Value<'r>, Fault>;

/// What an element is sorted by. The variants stand in order, so that nil comes last.
#[derive(Debug)]
enum Key<'r> {
    Number(Number),
    Text(Text<'r>),
    Folded(String),
    /// Equal to all others of its kind.
    Same(&'static str),
    Nil,
}

impl Key<'_> {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Text(_) | Self::Folded(_) => "text",
            Self::Same(kind) => kind,
            Self::Nil => "nothing",
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => left.compare(right),
            (Self::Text(left), Self::Text(right)) => (**left).cmp(&**right),
            (Self::Folded(left), Self::Folded(right)) => left.cmp(right),
            _ => matches!(self, Self::Nil).cmp(&matches!(other, Self::Nil)),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Number(number) => number.size(),
            Self::Text(text) => text.len(),
            Self::Folded(text) => text.len(),
            Self::Same(_) | Self::Nil => 0,
        }
    }
}

pub(super) fn sort<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    sorted(&input, arguments, "sort", env, |value, env| match value {
        Value::Nil => Ok(Key::Nil),
        Value::Text(text) | Value::Json(text) => Ok(Key::Text(text.clone())),
        Value::Int(_) | Value::Float(_) | Value::Decimal(_) => Ok(Key::Number(number(value, "sort", env)?.number)),
        Value::Bool(true) => Ok(Key::Same("true")),
        Value::Bool(false) => Ok(Key::Same("false")),
        other => Ok(Key::Same(other.kind())),
    })
}

/// As texts, small and large letters alike.
pub(super) fn sort_natural<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    sorted(&input, arguments, "sort_natural", env, |value, env| {
        if nil(value) {
            return Ok(Key::Nil);
        }
        let text = text(value, env)?;
        env.budget.allocate(text.len())?;
        Ok(Key::Folded(text.to_ascii_lowercase()))
    })
}

fn sorted<'r>(
    input: &Value<'r>,
    arguments: &Arguments<'_, 'r>,
    filter: &str,
    env: &mut Env<'_>,
    key: impl Fn(&Value<'r>, &mut Env<'_>) -> Result<Key<'r>, Fault>,
) -> Given<'r> {
    let values = items(input, env)?;
    let by_property = !nil(arguments.at(0));
    if by_property && values.iter().any(|value| !has_properties(value)) {
        return Ok(Value::Nil);
    }
    // With nothing to compare no property is looked at.
    if by_property && values.len() == 1 {
        return Ok(Value::Array(values));
    }
    env.budget.allocate(values.len().saturating_mul(2 * (size_of::<Key<'_>>() + size_of::<Value<'_>>())))?;
    let mut keyed = Vec::with_capacity(values.len());
    for value in values.iter() {
        let by = match arguments.at(0) {
            Value::Nil => value.clone(),
            name => match property(value, name, filter, env)? {
                Some(found) => found,
                None => return Ok(Value::Nil),
            },
        };
        keyed.push((key(&by, env)?, value.clone()));
    }
    comparable(&keyed, filter)?;
    let steps = usize::try_from(keyed.len().checked_ilog2().unwrap_or(0)).unwrap_or(0) + 1;
    let bytes: usize = keyed.iter().map(|(key, _)| key.size() / 32 + 1).sum();
    env.budget.work(bytes.saturating_mul(steps) / 4 + 1)?;
    keyed.sort_by(|(left, _), (right, _)| left.compare(right));
    let mut values = room(keyed.len(), env)?;
    values.extend(keyed.into_iter().map(|(_, value)| value));
    Ok(array(values))
}

fn comparable(keyed: &[(Key<'_>, Value<'_>)], filter: &str) -> Result<(), Fault> {
    let mut known = keyed.iter().map(|(key, _)| key).filter(|key| !matches!(key, Key::Nil));
    let Some(first) = known.next() else { return Ok(()) };
    for key in known {
        let ordered =
            matches!(key, Key::Number(_) | Key::Text(_) | Key::Folded(_)) || matches!(key.kind(), "true" | "false");
        if key.kind() != first.kind() || !ordered {
            let (first, second) = (first.kind(), key.kind());
            return Err(fault(format!("`{filter}` cannot compare {first} with {second}")));
        }
    }
    Ok(())
}
