//! The structure of JSON where it depends on the row: commas, names of members, members that are left out.

use std::collections::BTreeSet;

use domain::Value;

use super::run::{Data, Done, Flow, Renderer};
use super::stop::Stop;
use crate::fault::Fault;
use crate::output::Output;
use crate::program::{Op, Reference, Template};

#[derive(Debug, Default)]
pub(super) struct State {
    /// The innermost list has a member or element already.
    begun: bool,
    /// Where the name of a member begins that is being written.
    name_at: usize,
    /// The names that members have so far, by the number of their object.
    names: BTreeSet<(usize, String)>,
}

impl<'r> Renderer<'r, '_> {
    pub(super) fn structure(&mut self, op: &'r Op, out: &mut Output<'_>) -> Done {
        match op {
            Op::List(body) => {
                let before = std::mem::replace(&mut self.json.begun, false);
                let flow = self.ops(body, out)?;
                self.json.begun = before;
                return Ok(flow);
            }
            Op::Item(body) => {
                self.comma(out)?;
                return self.ops(body, out);
            }
            Op::Object(body) => {
                let before = std::mem::take(&mut self.json.names);
                let flow = self.ops(body, out)?;
                self.json.names = before;
                return Ok(flow);
            }
            Op::Literal(object, name) => self.name(*object, name)?,
            Op::KeyStart => self.json.name_at = out.written(),
            Op::KeyEnd(object) => {
                if let Some(written) = out.since(self.json.name_at) {
                    let name = self.decoded(written)?;
                    self.name(*object, &name)?;
                }
            }
            Op::Optional { before, value, field } => {
                let done = self.optional(before.clone(), value, out);
                done.map_err(|stop| stop.of_field(self.program, *field))?;
            }
            Op::Embedded(template, field) => {
                self.embedded(template, out).map_err(|stop| stop.of_field(self.program, *field))?;
            }
            _ => {}
        }
        Ok(Flow::On)
    }

    fn comma(&mut self, out: &mut Output<'_>) -> Result<(), Stop> {
        if std::mem::replace(&mut self.json.begun, true) {
            out.push(b",")?;
        }
        Ok(())
    }

    /// Names are compared as what they stand for: `a` and `\u0061` are the same.
    fn decoded(&mut self, written: &[u8]) -> Result<String, Stop> {
        self.budget.allocate(written.len().saturating_mul(2))?;
        let quoted = [b"\"", written, b"\""].concat();
        Ok(serde_json::from_slice(&quoted).map_err(Fault::InvalidJson)?)
    }

    fn name(&mut self, object: usize, name: &str) -> Result<(), Stop> {
        const NODE: usize = 64;
        self.budget.allocate(name.len() + NODE)?;
        let literal = self.program.objects.get(object).is_some_and(|always| always.iter().any(|other| other == name));
        if literal || !self.json.names.insert((object, name.to_owned())) {
            return Err(Stop::DuplicateName(name.to_owned()));
        }
        Ok(())
    }

    fn optional(&mut self, before: std::ops::Range<usize>, value: &'r [Op], out: &mut Output<'_>) -> Result<(), Stop> {
        let before = self.program.text.as_bytes().get(before).unwrap_or_default();
        // A column tells by itself; anything else is written aside first.
        let made = match self.column_of(value) {
            Some(column) if is_null(column) => return Ok(()),
            Some(_) => None,
            None => Some(self.aside(value, out)?.0),
        };
        if made.as_ref().is_some_and(|json| json.trim_ascii() == b"null") {
            return Ok(());
        }
        self.comma(out)?;
        out.push(before)?;
        match made {
            Some(json) => out.push(&json)?,
            None => drop(self.ops(value, out)?),
        }
        Ok(())
    }

    fn column_of(&self, ops: &[Op]) -> Option<&'r Value> {
        match (ops, self.data) {
            ([Op::Hole(hole)], Data::Row(context)) => match hole.reference {
                Reference::RowColumn(index) => context.row.get(index)?.as_ref(),
                _ => None,
            },
            _ => None,
        }
    }

    fn embedded(&mut self, template: &'r Template, out: &mut Output<'_>) -> Result<(), Stop> {
        Renderer::new(template, self.data, self.budget).all(out).map_err(|stop| match stop {
            Stop::Fault(Fault::Full) | Stop::At(_, Fault::Full) | Stop::In(_, Fault::Full) => Stop::Fault(Fault::Full),
            // Places in its own source.
            other => Stop::Error(Box::new(other.error(template, 0))),
        })
    }
}

fn is_null(column: &Value) -> bool {
    match column {
        Value::Null => true,
        Value::Json(json) => json.trim_matches([' ', '\t', '\r', '\n']) == "null",
        _ => false,
    }
}
