//! The short way for what most templates compute with: constants and plain columns. It gives what the long way gives, and
//! charges as much, but makes no value that has to be looked into again.

use std::cmp::Ordering;

use super::run::{Data, Renderer};
use super::stop::Stop;
use crate::program::{Expr, Reference};
use crate::syntax::ast::Comparison;
use crate::value::Value;

impl<'r> Renderer<'r, '_> {
    /// None for what takes the long way. Its caller charges one step.
    #[inline]
    pub(super) fn simple(&self, expr: &'r Expr) -> Option<Value<'r>> {
        match expr {
            Expr::Int(int) => Some(Value::Int(*int)),
            Expr::Text(text) => Some(Value::text(text)),
            Expr::Reference(Reference::RowColumn(index)) => {
                let Data::Row(context) = self.data else { return None };
                match context.row.get(*index)?.as_ref()? {
                    domain::Value::Text(text) => Some(Value::text(text)),
                    domain::Value::Int(int) => Some(Value::Int(*int)),
                    domain::Value::Bool(bool) => Some(Value::Bool(*bool)),
                    domain::Value::Null => Some(Value::Nil),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    #[inline]
    pub(super) fn holds(&mut self, condition: &'r Expr) -> Result<bool, Stop> {
        if let Expr::Compare(sides, at) = condition
            && let (Some(Value::Int(left)), Some(Value::Int(right))) = (self.simple(&sides.0), self.simple(&sides.2))
            && let Some(holds) = of_order(sides.1, left.cmp(&right))
        {
            // The comparison, both of its sides, and their order.
            self.budget.work(4).map_err(|fault| Stop::At(*at, fault))?;
            return Ok(holds);
        }
        Ok(self.value(condition)?.is_true())
    }
}

/// None for what does not ask for an order.
#[inline]
pub(super) const fn of_order(by: Comparison, order: Ordering) -> Option<bool> {
    match by {
        Comparison::Equal => Some(order.is_eq()),
        Comparison::NotEqual => Some(order.is_ne()),
        Comparison::Less => Some(order.is_lt()),
        Comparison::LessOrEqual => Some(order.is_le()),
        Comparison::Greater => Some(order.is_gt()),
        Comparison::GreaterOrEqual => Some(order.is_ge()),
        Comparison::Contains => None,
    }
}
