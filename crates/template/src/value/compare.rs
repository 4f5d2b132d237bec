//! Equality, order and `contains`, as Liquid in Ruby has them.

use std::cmp::Ordering;

use super::number::{self, Number};
use super::{Text, Value};
use crate::fault::Fault;
use crate::render::Budget;

impl<'r> Value<'r> {
    /// Numbers are equal by what they stand for: 1 and 1.0. `empty` and `blank` are asked of the other side.
    pub(crate) fn equals(&self, other: &Self, budget: &mut Budget) -> Result<bool, Fault> {
        budget.work(1)?;
        Ok(match (self, other) {
            (Self::Column(value, style), _) if !value.null() => {
                Self::Column(value, *style).resolve(budget)?.equals(other, budget)?
            }
            (_, Self::Column(value, style)) if !value.null() => {
                self.equals(&Self::Column(value, *style).resolve(budget)?, budget)?
            }
            (Self::Empty, other) | (other, Self::Empty) => other.is_empty(),
            (Self::Blank, other) | (other, Self::Blank) => other.is_blank(),
            (left, right) if left.is_nil() || right.is_nil() => left.is_nil() && right.is_nil(),
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Text(left) | Self::Json(left), Self::Text(right) | Self::Json(right)) => {
                budget.scan(left.len().min(right.len()))?;
                left == right
            }
            (Self::Array(left), Self::Array(right)) => {
                left.len() == right.len() && all(left.iter().zip(right.iter()), budget)?
            }
            (Self::Object(left), Self::Object(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (name, value) in left.iter() {
                    match right.get(name) {
                        Some(other) if value.equals(other, budget)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (Self::Range(from, to), Self::Range(other_from, other_to)) => from == other_from && to == other_to,
            _ => self.compare_numbers(other) == Some(Ordering::Equal),
        })
    }

    /// Numbers and texts have an order among their like; none for everything else, and for a number with a text.
    pub(crate) fn order(&self, other: &Self, budget: &mut Budget) -> Result<Option<Ordering>, Fault> {
        budget.work(1)?;
        match (self, other) {
            (Self::Column(value, style), _) if !value.null() => {
                Self::Column(value, *style).resolve(budget)?.order(other, budget)
            }
            (_, Self::Column(value, style)) if !value.null() => {
                self.order(&Self::Column(value, *style).resolve(budget)?, budget)
            }
            (Self::Text(left) | Self::Json(left), Self::Text(right) | Self::Json(right)) => {
                budget.scan(left.len().min(right.len()))?;
                Ok(Some(left.cmp(right)))
            }
            _ => Ok(self.compare_numbers(other)),
        }
    }

    /// None if one of the two is no number, or not a number.
    pub(crate) fn compare_numbers(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(right)),
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(right),
            (Self::Int(left), Self::Float(right)) => number::compare_with_float(*left, *right),
            (Self::Float(left), Self::Int(right)) => number::compare_with_float(*right, *left).map(Ordering::reverse),
            (Self::Decimal(left), right) => Some(Number::Decimal((**left).clone()).compare(&right.number()?)),
            (left, Self::Decimal(right)) => Some(left.number()?.compare(&Number::Decimal((**right).clone()))),
            _ => None,
        }
    }

    /// The number it is; none for everything else, and for floats that are not finite.
    pub(crate) fn number(&self) -> Option<Number> {
        match self {
            Self::Int(int) => Some(Number::Int(*int)),
            Self::Decimal(decimal) => Some(Number::Decimal((**decimal).clone())),
            Self::Float(float) => number::Decimal::from_float(*float).ok().map(Number::Decimal),
            _ => None,
        }
    }

    pub(crate) const fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Float(_) | Self::Decimal(_))
    }

    /// Whether it equals `empty`.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) | Self::Json(text) => text.is_empty(),
            Self::Array(elements) => elements.is_empty(),
            Self::Object(object) => object.len() == 0,
            _ => false,
        }
    }

    /// Whether it equals `blank`.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) | Self::Json(text) => text.trim().is_empty(),
            Self::Bool(false) | Self::Blank => true,
            other => other.is_nil() || other.is_empty(),
        }
    }

    pub(crate) fn contains(&self, wanted: &Self, budget: &mut Budget) -> Result<bool, Fault> {
        if !self.is_true() || !wanted.is_true() {
            return Ok(false);
        }
        match self {
            Self::Column(..) => self.clone().resolve(budget)?.contains(wanted, budget),
            Self::Text(text) | Self::Json(text) => {
                let wanted = wanted.to_text(true, budget)?;
                budget.scan(text.len() + wanted.len())?;
                Ok(text.contains(&*wanted))
            }
            Self::Array(elements) => {
                for element in elements.iter() {
                    if element.equals(wanted, budget)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Object(object) => match wanted.clone().resolve(budget)? {
                Self::Text(name) => {
                    budget.scan(name.len())?;
                    Ok(object.get(&name).is_some())
                }
                _ => Ok(false),
            },
            Self::Range(from, to) => Ok(match wanted.clone().resolve(budget)? {
                Self::Int(int) => (*from..=*to).contains(&int),
                Self::Float(float) => {
                    number::compare_with_float(*from, float).is_some_and(Ordering::is_le)
                        && number::compare_with_float(*to, float).is_some_and(Ordering::is_ge)
                }
                _ => false,
            }),
            _ => Ok(false),
        }
    }
}

fn all<'a, 'r: 'a>(
    mut pairs: impl Iterator<Item = (&'a Value<'r>, &'a Value<'r>)>,
    budget: &mut Budget,
) -> Result<bool, Fault> {
    pairs.try_fold(true, |equal, (left, right)| Ok(equal && left.equals(right, budget)?))
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}
