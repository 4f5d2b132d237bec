//! The state of one rendering, and its ops one after the other.

use std::collections::HashMap;

use super::stop::Stop;
use super::{Budget, Context};
use crate::fault::Fault;
use crate::output::Output;
use crate::program::{Mode, Op, Place, Template};
use crate::value::Value;

#[derive(Debug, Clone, Copy)]
pub(super) enum Data<'r> {
    Row(&'r Context<'r>),
    /// And microseconds since 1970.
    Json(&'r serde_json::Value, i64),
}

/// What follows an op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Break,
    Continue,
}

pub(super) type Done = Result<Flow, Stop>;

/// `'r` is the life of row and template, `'b` that of the budget.
pub(super) struct Renderer<'r, 'b> {
    pub(super) program: &'r Template,
    pub(super) data: Data<'r>,
    pub(super) budget: &'b mut Budget,
    pub(super) variables: Vec<Option<Value<'r>>>,
    pub(super) counters: Vec<Option<i64>>,
    /// Names of the context that were asked for, in plain mode.
    pub(super) globals: Vec<Option<Value<'r>>>,
    pub(super) row: Option<Value<'r>>,
    pub(super) previous: Option<Value<'r>>,
    /// JSON that was parsed, by the address of the value that holds it.
    pub(super) parsed: HashMap<*const domain::Value, Value<'r>>,
    pub(super) loops: Vec<Loop<'r>>,
    /// Where the loops of each name ended.
    pub(super) progress: Vec<i64>,
    pub(super) cycles: Vec<usize>,
    pub(super) groups: HashMap<String, usize>,
    /// What the last `ifchanged` rendered.
    pub(super) changed: Vec<u8>,
    /// The buffers that are being written, and how much of each was charged.
    pub(super) asides: Vec<usize>,
    pub(super) now: Option<i64>,
    pub(super) json: super::json::State,
}

/// A loop that is running.
#[derive(Debug)]
pub(super) struct Loop<'r> {
    pub(super) variable: &'r str,
    pub(super) name: &'r str,
    pub(super) element: Value<'r>,
    pub(super) index: usize,
    pub(super) length: usize,
    /// How many columns a `tablerow` has; none for a `for`.
    pub(super) columns: Option<usize>,
}

impl<'r, 'b> Renderer<'r, 'b> {
    pub(super) fn new(program: &'r Template, data: Data<'r>, budget: &'b mut Budget) -> Self {
        let frame = &program.frame;
        Self {
            program,
            data,
            budget,
            variables: vec![None; frame.variables.len()],
            counters: vec![None; frame.counters.len()],
            globals: vec![None; frame.globals.len()],
            row: None,
            previous: None,
            parsed: HashMap::new(),
            loops: Vec::new(),
            progress: vec![0; frame.loops],
            cycles: vec![0; frame.cycles],
            groups: HashMap::new(),
            changed: Vec::new(),
            asides: Vec::new(),
            now: None,
            json: super::json::State::default(),
        }
    }

    /// A `break` or `continue` outside of a loop ends the output.
    pub(super) fn all(&mut self, out: &mut Output<'_>) -> Result<(), Stop> {
        self.ops(&self.program.ops, out).map(|_| ())
    }

    pub(super) fn is_plain(&self) -> bool {
        self.program.mode == Mode::Plain
    }

    /// What is done now may be done many times.
    pub(super) fn is_repeated(&self) -> bool {
        !self.loops.is_empty() || !self.asides.is_empty()
    }

    pub(super) fn ops(&mut self, ops: &'r [Op], out: &mut Output<'_>) -> Done {
        let (text, repeated) = (self.program.text.as_bytes(), self.is_repeated());
        for op in ops {
            match op {
                Op::Text(part) => {
                    if repeated {
                        self.budget.scan(part.len())?;
                    }
                    out.push_part(text, part)?;
                }
                Op::Hole(hole) => self.hole(hole, repeated, out)?,
                other => match self.op(other, out)? {
                    Flow::On => {}
                    flow => return Ok(flow),
                },
            }
        }
        Ok(Flow::On)
    }

    fn op(&mut self, op: &'r Op, out: &mut Output<'_>) -> Done {
        self.budget.work(1)?;
        match op {
            Op::Text(_) | Op::Hole(_) => {}
            Op::Output { value, place, at } => {
                let value = self.output(value).map_err(|stop| stop.or_at(*at))?;
                self.write(&value, *place, out).map_err(|stop| stop.or_at(*at))?;
            }
            Op::Assign { slot, value, at } => {
                let value = self.filtered(value).map_err(|stop| stop.or_at(*at))?;
                self.set(*slot, value);
            }
            Op::Capture { slot, body } => {
                let (bytes, flow) = self.aside(body, out)?;
                let text = String::from_utf8(bytes).unwrap_or_default();
                self.set(*slot, Value::string(text));
                return Ok(flow);
            }
            Op::If { branches, otherwise, at } => {
                for (condition, body) in branches {
                    if self.holds(condition).map_err(|stop| stop.or_at(*at))? {
                        return self.ops(body, out);
                    }
                }
                return self.ops(otherwise, out);
            }
            Op::Case(case) => return self.case(case, out),
            Op::For(node) => return self.repeat(node, out).map_err(|stop| stop.or_at(node.at)),
            Op::TableRow(node) => return self.table_row(node, out).map_err(|stop| stop.or_at(node.at)),
            Op::Cycle(cycle) => self.cycle(cycle, out).map_err(|stop| stop.or_at(cycle.at))?,
            Op::Count { counter, down, otherwise, place } => {
                self.count(*counter, *down, otherwise.as_ref(), *place, out)?;
            }
            Op::IfChanged { body, .. } => return self.if_changed(body, out),
            Op::Break => return Ok(Flow::Break),
            Op::Continue => return Ok(Flow::Continue),
            structure => return self.structure(structure, out),
        }
        Ok(Flow::On)
    }

    pub(super) fn write(&mut self, value: &Value<'r>, place: Place, out: &mut Output<'_>) -> Result<(), Stop> {
        let plain = self.is_plain();
        Ok(value.write(out, place, plain, self.budget)?)
    }

    fn set(&mut self, slot: usize, value: Value<'r>) {
        if let Some(slot) = self.variables.get_mut(slot) {
            *slot = Some(value);
        }
    }

    /// What the ops write, in a buffer of its own. What the buffers around it hold is paid for first, so that together
    /// they stay within the budget.
    pub(super) fn aside(&mut self, ops: &'r [Op], out: &Output<'_>) -> Result<(Vec<u8>, Flow), Stop> {
        if let Some(charged) = self.asides.last_mut() {
            let new = out.written().saturating_sub(*charged);
            *charged += new;
            self.budget.allocate(new)?;
        }
        let mut bytes = Vec::new();
        let mut inner = Output::bounded(&mut bytes, self.budget.memory_left());
        self.asides.push(0);
        let flow = self.ops(ops, &mut inner).map_err(|stop| match stop {
            Stop::Fault(Fault::Full) => Stop::Fault(Fault::TooMuchMemory),
            Stop::At(at, Fault::Full) => Stop::At(at, Fault::TooMuchMemory),
            Stop::In(reference, Fault::Full) => Stop::In(reference, Fault::TooMuchMemory),
            other => other,
        })?;
        let charged = self.asides.pop().unwrap_or(0);
        self.budget.allocate(bytes.len().saturating_sub(charged))?;
        Ok((bytes, flow))
    }
}
