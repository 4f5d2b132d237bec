//! What the types of the columns rule out.

use domain::{Column, ColumnType};

use super::Compiler;
use crate::filter::Kind;
use crate::problem::{Problem, quoted};
use crate::program::{Call, Expr, Reference};
use crate::syntax::ast::{self, Step};

impl Compiler<'_> {
    /// Only json columns and arrays have parts; a text has `size`, `first` and `last`.
    pub(super) fn check_parts(&self, index: usize, steps: &[Step]) -> Result<(), Problem> {
        let (Some(column), Some(step)) = (self.known(index), steps.first()) else { return Ok(()) };
        let (part, at) = match step {
            Step::Name(name) => (name.text.as_str(), name.span.start),
            Step::Index(_, span) => ("", span.start),
        };
        let good = match column.kind {
            ColumnType::Json | ColumnType::Jsonb => true,
            ColumnType::Array(_) => matches!(part, "" | "size" | "first" | "last"),
            ColumnType::Bool | ColumnType::Int | ColumnType::Float4 | ColumnType::Float8 | ColumnType::Numeric => false,
            _ => matches!(part, "size" | "first" | "last"),
        };
        if good {
            return Ok(());
        }
        let advice = match column.kind {
            ColumnType::Array(_) => "Write `[0]` for an element, `.first`, `.last` or `.size`.",
            _ => {
                "Paths go into columns of the types json, jsonb and arrays; text that is JSON needs `parse_json` first."
            }
        };
        Err(self.problem(at, format!("{} has no such part", described(column)), advice))
    }

    /// The values of a loop.
    pub(super) fn looped(&mut self, values: &ast::Expr) -> Result<Expr, Problem> {
        let compiled = self.expr(values, false)?;
        if let (Some(column), ast::Expr::Path(path)) = (self.column(&compiled), values)
            && !matches!(column.kind, ColumnType::Json | ColumnType::Jsonb | ColumnType::Array(_))
        {
            return Err(self.problem(
                path.span.start,
                format!("{} has no elements to loop over", described(column)),
                "Loop over an array, a json column or a range; `split` makes an array of a text, with `assign`.",
            ));
        }
        Ok(compiled)
    }

    /// What can never be a number is no input for a filter that counts.
    pub(super) fn check_input(&self, written: &ast::Expr, head: &Expr, call: &Call) -> Result<(), Problem> {
        let (Some(column), ast::Expr::Path(path)) = (self.column(head), written) else { return Ok(()) };
        let counts = call.filter.gives == Kind::Number
            && !matches!(call.filter.name, "size" | "sum" | "to_number" | "to_integer" | "find_index");
        let never = matches!(
            column.kind,
            ColumnType::Json | ColumnType::Jsonb | ColumnType::Array(_) | ColumnType::Bytea | ColumnType::Bool
        );
        // A json column may hold a number.
        if !counts || !never || matches!(column.kind, ColumnType::Json | ColumnType::Jsonb) {
            return Ok(());
        }
        Err(self.problem(
            path.span.start,
            format!("{} is no number, as `{}` needs", described(column), call.filter.name),
            "Choose a column with numbers, or take the number out of it in the query.",
        ))
    }

    /// The column that an expression is the whole of.
    fn column(&self, expr: &Expr) -> Option<&Column> {
        match expr {
            Expr::Reference(Reference::RowColumn(index) | Reference::PreviousColumn(index)) => self.known(*index),
            _ => None,
        }
    }

    fn known(&self, index: usize) -> Option<&Column> {
        self.names.columns.get(index).filter(|_| !self.options.any_types)
    }
}

fn described(column: &Column) -> String {
    format!("the column {} of the type {}", quoted(&column.name), quoted(&column.source_type))
}
