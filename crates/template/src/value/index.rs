//! What a path finds in a value.

use std::rc::Rc;

use super::{Object, Text, Value};
use crate::fault::Fault;
use crate::render::Budget;

impl<'r> Value<'r> {
    /// `.name`: a member; else `size`, `first` or `last` of what has them.
    pub(crate) fn member(&self, name: &str, budget: &mut Budget) -> Result<Self, Fault> {
        budget.work(1)?;
        Ok(match self {
            Self::Column(value, _) if value.null() => Self::Nil,
            Self::Column(..) => return self.clone().resolve(budget)?.member(name, budget),
            Self::Object(object) => match (object.get(name), name) {
                (Some(value), _) => value.clone(),
                (None, "size") => count(object.len()),
                (None, "first") => object.iter().next().map_or(Self::Nil, pair),
                _ => Self::Nil,
            },
            Self::Array(elements) => match name {
                "size" => count(elements.len()),
                "first" => elements.first().cloned().unwrap_or(Self::Nil),
                "last" => elements.last().cloned().unwrap_or(Self::Nil),
                _ => Self::Nil,
            },
            Self::Text(text) | Self::Json(text) => match name {
                "size" => {
                    budget.scan(text.len())?;
                    count(text.chars().count())
                }
                _ => Self::Nil,
            },
            Self::Range(from, to) => match name {
                "size" => Self::Int(to.saturating_sub(*from).saturating_add(1).max(0)),
                "first" => Self::Int(*from),
                "last" => Self::Int(*to),
                _ => Self::Nil,
            },
            _ => Self::Nil,
        })
    }

    /// `[key]`: an element of an array counted from 0, or from its end if negative; a member of an object.
    pub(crate) fn index(&self, key: &Self, budget: &mut Budget) -> Result<Self, Fault> {
        budget.work(1)?;
        Ok(match self {
            Self::Column(value, _) if value.null() => Self::Nil,
            Self::Column(..) => return self.clone().resolve(budget)?.index(key, budget),
            Self::Array(elements) => match key.clone().resolve(budget)? {
                Self::Int(int) => {
                    let place = usize::try_from(int).ok().or_else(|| {
                        elements.len().checked_sub(usize::try_from(int.unsigned_abs()).unwrap_or(usize::MAX))
                    });
                    place.and_then(|place| elements.get(place)).cloned().unwrap_or(Self::Nil)
                }
                _ => Self::Nil,
            },
            Self::Object(object) => match key.clone().resolve(budget)? {
                Self::Text(name) | Self::Json(name) => {
                    budget.scan(name.len())?;
                    object.get(&name).cloned().unwrap_or(Self::Nil)
                }
                _ => Self::Nil,
            },
            _ => Self::Nil,
        })
    }

    /// What a loop goes through: the elements, the numbers of a range, the pairs of an object, a text as a whole.
    /// Those from `from` on, and before `to` if there is one; nothing else is made.
    pub(crate) fn elements(&self, from: i64, to: Option<i64>, budget: &mut Budget) -> Result<Rc<[Self]>, Fault> {
        let part = |length: usize| {
            let start = usize::try_from(from.max(0)).unwrap_or(usize::MAX).min(length);
            let end = to.map_or(length, |to| usize::try_from(to.max(0)).unwrap_or(usize::MAX).min(length));
            start..end.max(start)
        };
        const EACH: usize = size_of::<Value<'_>>();
        Ok(match self {
            Self::Column(value, _) if value.null() => Rc::new([]),
            Self::Column(..) => return self.clone().resolve(budget)?.elements(from, to, budget),
            Self::Array(elements) => {
                let part = part(elements.len());
                if part.len() == elements.len() {
                    return Ok(elements.clone());
                }
                budget.allocate(part.len().saturating_mul(EACH))?;
                elements.get(part).unwrap_or_default().into()
            }
            Self::Range(first, last) => {
                let length = last.checked_sub(*first).and_then(|length| length.checked_add(1));
                let part = part(usize::try_from(length.unwrap_or(i64::MAX).max(0)).unwrap_or(usize::MAX));
                budget.allocate(part.len().saturating_mul(EACH))?;
                let start = i64::try_from(part.start).unwrap_or(i64::MAX);
                (0..i64::try_from(part.len()).unwrap_or(0))
                    .map(|at| Self::Int(first.saturating_add(start).saturating_add(at)))
                    .collect()
            }
            Self::Object(object) => {
                let part = part(object.len());
                budget.allocate(part.len().saturating_mul(4 * EACH))?;
                object.iter().skip(part.start).take(part.len()).map(pair).collect()
            }
            Self::Text(text) | Self::Json(text) if !text.is_empty() => Rc::new([self.clone()]),
            _ => Rc::new([]),
        })
    }
}

fn count(count: usize) -> Value<'static> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn pair<'r>((name, value): &(Text<'r>, Value<'r>)) -> Value<'r> {
    Value::array(vec![Value::Text(name.clone()), value.clone()])
}

impl<'r> From<Object<'r>> for Value<'r> {
    fn from(object: Object<'r>) -> Self {
        Self::Object(Rc::new(object))
    }
}
