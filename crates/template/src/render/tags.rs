//! Loops, cases, cycles and counters.

use std::rc::Rc;

use super::hole::word;
use super::run::{Done, Flow, Loop, Renderer};
use super::stop::Stop;
use crate::fault::Fault;
use crate::output::Output;
use crate::program::{Case, Cycle, Expr, For, Group, Offset, Op, Place, TableRow};
use crate::value::Value;
use crate::value::number::Number;

impl<'r> Renderer<'r, '_> {
    /// Each value that fits renders the body once more, as in Ruby, unless one is wanted exactly.
    pub(super) fn case(&mut self, case: &'r Case, out: &mut Output<'_>) -> Done {
        let subject = self.value(&case.subject).map_err(|stop| stop.or_at(case.at))?;
        let mut fitted = false;
        for (values, body) in &case.arms {
            let times = match values {
                None => usize::from(!fitted),
                Some(values) => {
                    let mut times = 0;
                    for value in values {
                        let value = self.value(value).map_err(|stop| stop.or_at(case.at))?;
                        times += usize::from(subject.equals(&value, self.budget)?);
                    }
                    fitted |= times > 0;
                    times
                }
            };
            for _ in 0..if case.exclusive { times.min(1) } else { times } {
                match self.ops(body, out)? {
                    Flow::On => {}
                    flow => return Ok(flow),
                }
            }
            if case.exclusive && times > 0 {
                break;
            }
        }
        Ok(Flow::On)
    }

    pub(super) fn repeat(&mut self, node: &'r For, out: &mut Output<'_>) -> Done {
        let elements = self.elements(node).map_err(|stop| stop.or_at(node.at))?;
        if elements.is_empty() {
            return self.ops(&node.otherwise, out);
        }
        let (variable, name, length) = (node.variable.as_str(), node.name.as_str(), elements.len());
        self.loops.push(Loop { variable, name, element: Value::Nil, index: 0, length, columns: None });
        for (index, element) in elements.iter().enumerate() {
            self.budget.work(1).map_err(|fault| Stop::At(node.at, fault))?;
            if let Some(state) = self.loops.last_mut() {
                (state.element, state.index) = (element.clone(), index);
            }
            if self.ops(&node.body, out)? == Flow::Break {
                break;
            }
        }
        self.loops.pop();
        Ok(Flow::On)
    }

    fn elements(&mut self, node: &'r For) -> Result<Rc<[Value<'r>]>, Stop> {
        let values = self.value(&node.values)?;
        let from = match &node.offset {
            None => 0,
            Some(Offset::Continue) => self.progress.get(node.progress).copied().unwrap_or(0),
            Some(Offset::At(offset)) => self.whole_number(offset, "offset")?.unwrap_or(0),
        };
        let limit = match &node.limit {
            None => None,
            Some(limit) => self.whole_number(limit, "limit")?,
        };
        let elements = values.elements(from, limit.map(|limit| from.saturating_add(limit)), self.budget)?;
        if let Some(progress) = self.progress.get_mut(node.progress) {
            *progress = from.saturating_add(i64::try_from(elements.len()).unwrap_or(i64::MAX));
        }
        if node.reversed {
            self.budget.allocate(elements.len().saturating_mul(size_of::<Value<'_>>()))?;
            return Ok(elements.iter().rev().cloned().collect());
        }
        Ok(elements)
    }

    /// None for nil.
    fn whole_number(&mut self, expr: &'r Expr, what: &str) -> Result<Option<i64>, Stop> {
        let value = self.value(expr)?;
        let wrong = |value: &Value<'_>| {
            Stop::Fault(Fault::failed(format!("`{what}` needs a whole number, and got {}", value.kind())))
        };
        match &value {
            Value::Nil => Ok(None),
            Value::Int(int) => Ok(Some(*int)),
            Value::Text(text) => text.trim().parse().map(Some).map_err(|_| wrong(&value)),
            Value::Decimal(decimal) if decimal.is_integer() => {
                Ok(Some(if decimal.to_float() < 0.0 { i64::MIN } else { i64::MAX }))
            }
            // As Shopify has it, of these only the columns of a table may have a fraction.
            Value::Float(float) if what == "cols" => Ok(Some(*float as i64)),
            other => Err(wrong(other)),
        }
    }

    pub(super) fn table_row(&mut self, node: &'r TableRow, out: &mut Output<'_>) -> Done {
        let at = |stop: Stop| stop.or_at(node.at);
        let values = self.value(&node.values).map_err(at)?;
        let mut option = |expr: &'r Option<Expr>, what| match expr {
            Some(expr) => self.whole_number(expr, what).map_err(at),
            None => Ok(None),
        };
        let (offset, limit) = (option(&node.offset, "offset")?.unwrap_or(0), option(&node.limit, "limit")?);
        let columns = option(&node.columns, "cols")?;
        if !values.is_true() {
            return Ok(Flow::On);
        }
        let to = limit.map(|limit| offset.saturating_add(limit));
        let elements = values.elements(offset, to, self.budget).map_err(|fault| Stop::At(node.at, fault))?;
        let length = elements.len();
        let columns = columns.map_or(length, |columns| usize::try_from(columns).unwrap_or(0));
        word(out, "<tr class=\"row1\">\n", content(node.place))?;
        let (variable, name) = (node.variable.as_str(), "");
        self.loops.push(Loop { variable, name, element: Value::Nil, index: 0, length, columns: Some(columns) });
        for (index, element) in elements.iter().enumerate() {
            self.budget.work(2).map_err(|fault| Stop::At(node.at, fault))?;
            if let Some(state) = self.loops.last_mut() {
                (state.element, state.index) = (element.clone(), index);
            }
            let (row, column) = cell(index, columns);
            word(out, &format!("<td class=\"col{column}\">"), content(node.place))?;
            let flow = self.ops(&node.body, out)?;
            out.push(b"</td>")?;
            if flow == Flow::Break {
                break;
            }
            if column == columns && index + 1 < length {
                word(out, &format!("</tr>\n<tr class=\"row{}\">", row + 1), content(node.place))?;
            }
        }
        self.loops.pop();
        word(out, "</tr>\n", content(node.place))?;
        Ok(Flow::On)
    }

    pub(super) fn cycle(&mut self, cycle: &'r Cycle, out: &mut Output<'_>) -> Result<(), Stop> {
        let count = cycle.values.len();
        let at = match &cycle.group {
            Group::Unnamed(number) => {
                let Some(at) = self.cycles.get_mut(*number) else { return Ok(()) };
                let now = *at;
                *at = if now + 1 >= count { 0 } else { now + 1 };
                now
            }
            Group::Named(name) => {
                let name = self.value(name)?;
                let text = name.to_text(self.is_plain(), self.budget)?;
                let key = format!("{}:{}", name.kind(), &*text);
                self.budget.allocate(key.len() + 64)?;
                let at = self.groups.entry(key).or_insert(0);
                let now = *at;
                *at = if now + 1 >= count { 0 } else { now + 1 };
                now
            }
        };
        let value = match cycle.values.get(at) {
            Some(value) => self.value(value)?,
            None => Value::Nil,
        };
        self.write(&value, cycle.place, out)
    }

    pub(super) fn count(
        &mut self,
        counter: usize,
        down: bool,
        otherwise: Option<&'r Expr>,
        place: Place,
        out: &mut Output<'_>,
    ) -> Result<(), Stop> {
        let now = match (self.counters.get(counter).copied().flatten(), otherwise) {
            (Some(now), _) => now,
            (None, Some(otherwise)) => match self.value(otherwise)? {
                Value::Int(int) => int,
                _ => 0,
            },
            (None, None) => 0,
        };
        let next = if down { now.saturating_sub(1) } else { now.saturating_add(1) };
        if let Some(slot) = self.counters.get_mut(counter) {
            *slot = Some(next);
        }
        self.write(&Value::Int(if down { next } else { now }), place, out)
    }

    pub(super) fn if_changed(&mut self, body: &'r [Op], out: &mut Output<'_>) -> Done {
        let (bytes, flow) = self.aside(body, out)?;
        if bytes != self.changed {
            out.push(&bytes)?;
            self.changed = bytes;
        }
        Ok(flow)
    }

    /// `(from..to)` of whole numbers. What is no number counts as 0, as in Ruby.
    pub(super) fn range(&mut self, ends: &'r (Expr, Expr)) -> Result<Value<'r>, Stop> {
        let constant = !matches!(ends, (Expr::Path(..) | Expr::Global(_) | Expr::Variable(..), _))
            && !matches!(ends, (_, Expr::Path(..) | Expr::Global(_) | Expr::Variable(..)));
        let mut end = |expr| match self.value(expr)? {
            Value::Int(int) => Ok(int),
            Value::Nil | Value::Empty | Value::Blank => Ok(0),
            Value::Text(text) => match Number::loosely(&text).map(|number| number.truncate()) {
                Ok(Number::Int(int)) => Ok(int),
                _ => Err(Stop::Fault(Fault::failed("the end of a range is too large"))),
            },
            #[expect(clippy::cast_possible_truncation, reason = "the cast goes to the nearest whole number there is")]
            Value::Float(float) if constant => Ok(float as i64),
            other => {
                let reason = format!("a range needs whole numbers, and got {}", other.kind());
                Err(Stop::Fault(Fault::failed(reason)))
            }
        };
        Ok(Value::Range(end(&ends.0)?, end(&ends.1)?))
    }
}

/// HTML is text wherever it is written.
const fn content(place: Place) -> Place {
    match place {
        Place::Text => Place::Text,
        Place::String | Place::Value => Place::String,
    }
}

/// Row and column of a cell, both counted from 1.
pub(super) const fn cell(index: usize, columns: usize) -> (usize, usize) {
    match (index.checked_div(columns), index.checked_rem(columns)) {
        (Some(row), Some(column)) => (row + 1, column + 1),
        _ => (1, index + 1),
    }
}
