//! Expressions.

use std::rc::Rc;

use super::run::{Data, Loop, Renderer};
use super::simple::of_order;
use super::stop::Stop;
use super::tags::cell;
use crate::fault::Fault;
use crate::filter::{Arguments, Env};
use crate::program::{Call, Expr, Filtered, Reference, Step};
use crate::syntax::ast::Comparison;
use crate::value::number::Number;
use crate::value::{Object, Text, Value, from_json};

type Found<'r> = Result<Value<'r>, Stop>;

impl<'r> Renderer<'r, '_> {
    /// The value of an output.
    pub(super) fn output(&mut self, value: &'r Filtered) -> Found<'r> {
        match value.head {
            Expr::Loop(depth) if value.filters.is_empty() && self.is_plain() => {
                let table = self.loops.get(depth).is_some_and(|state| state.columns.is_some());
                Ok(Value::text(if table { "Liquid::TablerowloopDrop" } else { "Liquid::ForloopDrop" }))
            }
            _ => self.filtered(value),
        }
    }

    pub(super) fn filtered(&mut self, value: &'r Filtered) -> Found<'r> {
        if value.filters.is_empty() {
            return self.raw(&value.head);
        }
        let mut current = self.value(&value.head)?;
        for call in &value.filters {
            current = match self.call(call, current) {
                Ok(made) => made,
                Err(stop) => return Err(stop.or_at(call.at)),
            };
        }
        Ok(current)
    }

    /// The arguments of most calls need no vector.
    fn call(&mut self, call: &'r Call, input: Value<'r>) -> Found<'r> {
        match (call.positional.as_slice(), call.named.as_slice()) {
            ([], []) => self.apply(call, input, &[], &[]),
            ([one], []) => {
                let one = self.value(one)?;
                self.apply(call, input, std::slice::from_ref(&one), &[])
            }
            ([first, second], []) => {
                let both = [self.value(first)?, self.value(second)?];
                self.apply(call, input, &both, &[])
            }
            (positional, named) => {
                let positional =
                    positional.iter().map(|argument| self.value(argument)).collect::<Result<Vec<_>, _>>()?;
                let argument = |(name, argument): &'r (&'static str, Expr)| Ok((*name, self.value(argument)?));
                let named = named.iter().map(argument).collect::<Result<Vec<_>, Stop>>()?;
                self.apply(call, input, &positional, &named)
            }
        }
    }

    fn apply(
        &mut self,
        call: &'r Call,
        input: Value<'r>,
        positional: &[Value<'r>],
        named: &[(&str, Value<'r>)],
    ) -> Found<'r> {
        let now = if call.filter.reads_clock { self.now() } else { 0 };
        let (arguments, plain) = (Arguments { positional, named }, self.is_plain());
        Ok(call.filter.apply(input, &arguments, &mut Env { budget: self.budget, now, plain })?)
    }

    /// When the run started, in microseconds since 1970.
    fn now(&mut self) -> i64 {
        let (data, timeless) = (self.data, self.program.timeless);
        *self.now.get_or_insert_with(|| match data {
            Data::Json(_, now) => now,
            Data::Row(_) if timeless => 0,
            Data::Row(context) => {
                context.run_started_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_microsecond)
            }
        })
    }

    /// A value to compute with: columns are looked into, and JSON is parsed only once.
    #[inline]
    pub(super) fn value(&mut self, expr: &'r Expr) -> Found<'r> {
        match self.simple(expr) {
            Some(value) => {
                self.budget.work(1)?;
                Ok(value)
            }
            None => self.looked_into(expr),
        }
    }

    fn looked_into(&mut self, expr: &'r Expr) -> Found<'r> {
        let raw = self.raw(expr)?;
        if !matches!(raw, Value::Column(..)) {
            return Ok(raw);
        }
        self.seen(raw).map_err(|stop| match (stop, expr) {
            (Stop::Fault(fault), Expr::Reference(reference)) => Stop::In(*reference, fault),
            (stop, _) => stop,
        })
    }

    fn seen(&mut self, value: Value<'r>) -> Found<'r> {
        match value {
            Value::Column(domain::Value::Text(text), _) => Ok(Value::text(text)),
            Value::Column(domain::Value::Int(int), _) => Ok(Value::Int(*int)),
            Value::Column(column @ domain::Value::Json(_), _) => {
                if let Some(parsed) = self.parsed.get(&std::ptr::from_ref(column)) {
                    return Ok(parsed.clone());
                }
                self.budget.allocate(2 * size_of::<Value<'_>>())?;
                let parsed = value.resolve(self.budget)?;
                self.parsed.insert(std::ptr::from_ref(column), parsed.clone());
                Ok(parsed)
            }
            other => Ok(other.resolve(self.budget)?),
        }
    }

    /// The value as it stands: a column is not looked into.
    fn raw(&mut self, expr: &'r Expr) -> Found<'r> {
        self.budget.work(1)?;
        Ok(match expr {
            Expr::Nil => Value::Nil,
            Expr::Bool(bool) => Value::Bool(*bool),
            Expr::Int(int) => Value::Int(*int),
            Expr::Float(float) => Value::Float(*float),
            Expr::Decimal(decimal) => {
                self.budget.allocate(decimal.size())?;
                Value::Decimal(Rc::new(decimal.clone()))
            }
            Expr::Text(text) => Value::text(text),
            Expr::Empty => Value::Empty,
            Expr::Blank => Value::Blank,
            Expr::Reference(reference) => self.reference(*reference)?,
            Expr::Global(index) => self.global(*index)?,
            Expr::Variable(slot, otherwise) => match self.variables.get(*slot) {
                Some(Some(value)) => value.clone(),
                _ => self.raw(otherwise)?,
            },
            Expr::Counter(counter, otherwise) => match self.counters.get(*counter) {
                Some(Some(count)) => Value::Int(*count),
                _ => self.raw(otherwise)?,
            },
            Expr::Element(depth) => self.loops.get(*depth).map_or(Value::Nil, |state| state.element.clone()),
            Expr::Loop(depth) => self.whole_loop(*depth)?,
            Expr::Path(root, steps) => self.path(root, steps)?,
            Expr::Named(name) => self.named(name)?,
            Expr::Range(ends, at) => self.range(ends).map_err(|stop| stop.or_at(*at))?,
            Expr::Compare(sides, at) => {
                let (left, by, right) = &**sides;
                let (left, right) = (self.value(left)?, self.value(right)?);
                Value::Bool(self.compare(&left, *by, &right).map_err(|stop| stop.or_at(*at))?)
            }
            Expr::Logic(first, rest) => self.logic(first, rest)?,
            Expr::Not(inner) => Value::Bool(!self.holds(inner)?),
        })
    }

    fn path(&mut self, root: &'r Expr, steps: &'r [Step]) -> Found<'r> {
        let (mut value, mut steps) = match (root, steps) {
            (Expr::Loop(depth), [Step::Name(name), rest @ ..]) => (self.of_loop(*depth, name)?, rest),
            (_, steps) => (self.value(root)?, steps),
        };
        while let Some((step, rest)) = steps.split_first() {
            let found = match step {
                Step::Name(name) => value.member(name, self.budget)?,
                Step::Index(key) => {
                    let key = self.value(key)?;
                    value.index(&key, self.budget)?
                }
            };
            value = self.seen(found)?;
            steps = rest;
        }
        Ok(value)
    }

    fn logic(&mut self, first: &'r Expr, rest: &'r [(bool, Expr)]) -> Found<'r> {
        let mut value = self.holds(first)?;
        for (and, term) in rest {
            if value != *and {
                break;
            }
            value = self.holds(term)?;
        }
        Ok(Value::Bool(value))
    }

    fn compare(&mut self, left: &Value<'r>, by: Comparison, right: &Value<'r>) -> Result<bool, Stop> {
        let order = match by {
            Comparison::Equal => return Ok(left.equals(right, self.budget)?),
            Comparison::NotEqual => return Ok(!left.equals(right, self.budget)?),
            Comparison::Contains => return Ok(left.contains(right, self.budget)?),
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
                left.order(right, self.budget)?
            }
        };
        let is_text = |value: &Value<'_>| matches!(value, Value::Text(_) | Value::Json(_));
        if is_text(left) && right.is_number() || left.is_number() && is_text(right) {
            let advice = "`to_number` makes a number of a text";
            let reason = format!("{} cannot be compared with {}; {advice}", left.kind(), right.kind());
            return Err(Stop::Fault(Fault::failed(reason)));
        }
        Ok(order.and_then(|order| of_order(by, order)).unwrap_or(false))
    }

    fn reference(&mut self, reference: Reference) -> Found<'r> {
        let Data::Row(context) = self.data else { return Ok(Value::Nil) };
        let column = |value: &'r domain::Value, index: usize| {
            let listed = self.program.columns.get(index).filter(|listed| listed.index == index);
            let listed = listed.or_else(|| self.program.columns.iter().find(|listed| listed.index == index));
            Value::Column(value, listed.map(|listed| listed.style).unwrap_or_default())
        };
        Ok(match reference {
            Reference::RowColumn(index) => match context.row.get(index) {
                Some(Some(value)) => column(value, index),
                _ => return Err(Stop::NotKept(reference)),
            },
            Reference::PreviousColumn(index) => {
                match context.previous.and_then(|previous| previous.get(index)).and_then(Option::as_ref) {
                    Some(value) => column(value, index),
                    None => Value::Nil,
                }
            }
            Reference::Row => {
                if context.row.iter().all(Option::is_none) && !self.program.columns.is_empty() {
                    return Err(Stop::NotKept(reference));
                }
                if self.row.is_none() {
                    self.row = Some(self.columns(context.row)?);
                }
                self.row.clone().unwrap_or(Value::Nil)
            }
            Reference::Previous => {
                if let (None, Some(previous)) = (&self.previous, context.previous)
                    && previous.iter().any(Option::is_some)
                {
                    self.previous = Some(self.columns(previous)?);
                }
                self.previous.clone().unwrap_or(Value::Nil)
            }
            Reference::ChangedColumns => match context.changed_columns {
                Some(names) => {
                    self.budget.allocate(names.len().saturating_mul(size_of::<Value<'_>>()))?;
                    Value::Array(names.iter().map(|name| Value::text(name)).collect())
                }
                None => Value::Nil,
            },
            Reference::Op => Value::text(context.op.as_str()),
            Reference::EventId => Value::text(context.event_id),
            Reference::EventSequence => match i64::try_from(context.event_sequence) {
                Ok(sequence) => Value::Int(sequence),
                Err(_) => Number::parse(&context.event_sequence.to_string()).map_or(Value::Nil, Value::from),
            },
            Reference::RunId => Value::text(context.run_id),
            Reference::RunStartedAt => Value::text(context.run_started_at),
            Reference::SyncId => Value::text(context.sync_id),
            Reference::SyncName => Value::text(context.sync_name),
            Reference::Element(style) => context.element.map_or(Value::Nil, |value| Value::Column(value, style)),
        })
    }

    /// All columns whose values were kept, as an object.
    fn columns(&mut self, values: &'r [Option<domain::Value>]) -> Found<'r> {
        let listed = &self.program.columns;
        self.budget.allocate(listed.len().saturating_mul(4 * size_of::<Value<'_>>()))?;
        let members = listed.iter().filter_map(|listed| {
            let value = values.get(listed.index)?.as_ref()?;
            Some((Text::Borrowed(listed.name.as_str()), Value::Column(value, listed.style)))
        });
        Ok(Value::from(Object::from_members(members.collect())))
    }

    fn global(&mut self, index: usize) -> Found<'r> {
        if let Some(Some(value)) = self.globals.get(index) {
            return Ok(value.clone());
        }
        let name = self.program.frame.globals.get(index).map_or("", String::as_str);
        let value = self.of_context(name)?;
        if let Some(slot) = self.globals.get_mut(index) {
            *slot = Some(value.clone());
        }
        Ok(value)
    }

    fn of_context(&mut self, name: &str) -> Found<'r> {
        let Data::Json(context, _) = self.data else { return Ok(Value::Nil) };
        match context.get(name) {
            Some(value) => Ok(from_json(value, self.budget)?),
            None => Ok(Value::Nil),
        }
    }

    /// `[name]`
    fn named(&mut self, name: &'r Expr) -> Found<'r> {
        let Value::Text(name) = self.value(name)? else { return Ok(Value::Nil) };
        self.budget.work(1 + self.loops.len() + self.variables.len() / 8)?;
        if let Some(state) = self.loops.iter().rev().find(|state| *state.variable == *name) {
            return Ok(state.element.clone());
        }
        let frame = &self.program.frame;
        let slot = frame.variables.iter().position(|variable| **variable == *name);
        if let Some(Some(Some(value))) = slot.map(|slot| self.variables.get(slot)) {
            return Ok(value.clone());
        }
        let counter = frame.counters.iter().position(|counter| **counter == *name);
        if let Some(Some(Some(count))) = counter.map(|counter| self.counters.get(counter)) {
            return Ok(Value::Int(*count));
        }
        self.of_context(&name)
    }

    /// What is known of a loop.
    fn of_loop(&mut self, depth: usize, name: &str) -> Found<'r> {
        if name == "parentloop" {
            return match self.outer(depth) {
                Some(outer) => self.whole_loop(outer),
                None => Ok(Value::Nil),
            };
        }
        Ok(self.loops.get(depth).map_or(Value::Nil, |state| field(state, name)))
    }

    /// The `for` around a loop.
    fn outer(&self, depth: usize) -> Option<usize> {
        self.loops.get(..depth)?.iter().rposition(|state| state.columns.is_none())
    }

    /// A loop as an object; the loop around it is a member.
    fn whole_loop(&mut self, depth: usize) -> Found<'r> {
        const FOR: [&str; 8] = ["name", "length", "index", "index0", "rindex", "rindex0", "first", "last"];
        const TABLE: [&str; 5] = ["col", "col0", "row", "col_first", "col_last"];
        let mut chain = vec![depth];
        while let Some(outer) = chain.last().and_then(|depth| self.outer(*depth)) {
            chain.push(outer);
        }
        let mut around = Value::Nil;
        for depth in chain.into_iter().rev() {
            self.budget.allocate(20 * size_of::<Value<'_>>())?;
            let Some(state) = self.loops.get(depth) else { continue };
            let table = state.columns.is_some();
            let names = FOR.iter().skip(usize::from(table)).chain(TABLE.iter().filter(|_| table));
            let mut members: Vec<_> = names.map(|name| (Text::Borrowed(name), field(state, name))).collect();
            if !table {
                members.push((Text::Borrowed("parentloop"), around));
            }
            around = Value::from(Object::from_members(members));
        }
        Ok(around)
    }
}

fn field<'r>(state: &Loop<'r>, name: &str) -> Value<'r> {
    let number = |number: usize| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let (row, column) = cell(state.index, state.columns.unwrap_or(0));
    let table = state.columns.is_some();
    match name {
        "name" if !table => Value::text(state.name),
        "length" => number(state.length),
        "index" => number(state.index + 1),
        "index0" => number(state.index),
        "rindex" => number(state.length.saturating_sub(state.index)),
        "rindex0" => number(state.length.saturating_sub(state.index + 1)),
        "first" => Value::Bool(state.index == 0),
        "last" => Value::Bool(state.index + 1 == state.length),
        "col" if table => number(column),
        "col0" if table => number(column - 1),
        "row" if table => number(row),
        "col_first" if table => Value::Bool(column == 1),
        "col_last" if table => Value::Bool(Some(column) == state.columns),
        _ => Value::Nil,
    }
}
