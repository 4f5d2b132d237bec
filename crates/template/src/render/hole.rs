//! Plain references: written without making values of them.

use domain::Value;

use super::Context;
use super::run::{Data, Renderer};
use super::stop::Stop;
use crate::fault::Fault;
use crate::names::Style;
use crate::output::{Output, Room};
use crate::program::{Hole, Op, Place, Reference, Template};
use crate::value;

impl Renderer<'_, '_> {
    #[inline]
    pub(super) fn hole(&mut self, hole: &Hole, repeated: bool, out: &mut Output<'_>) -> Result<(), Stop> {
        let Data::Row(context) = self.data else { return Ok(()) };
        if repeated {
            let bytes = match hole.reference {
                Reference::RowColumn(index) => size(context.row, index),
                Reference::PreviousColumn(index) => context.previous.map_or(0, |previous| size(previous, index)),
                Reference::Row => context.row.iter().flatten().map(value::size).sum(),
                Reference::Previous => context.previous.unwrap_or_default().iter().flatten().map(value::size).sum(),
                _ => 0,
            };
            self.budget.scan(bytes)?;
        }
        self.program.fill(hole, context, out)
    }
}

impl Template {
    /// Writes the constant text and the plain references that these ops begin with, and tells how many ops they are: all
    /// of them where nothing has to be computed.
    pub(super) fn leading(&self, ops: &[Op], context: &Context<'_>, out: &mut Output<'_>) -> Result<usize, Stop> {
        const FIRST: usize = 512;
        const MOST: usize = 16 << 10;
        let (mut at, mut most) = (0, FIRST);
        while let Some(Op::Text(_) | Op::Hole(_)) = ops.get(at) {
            at += out.in_room(most, |bytes| self.straight(ops.get(at..).unwrap_or_default(), context, bytes));
            // This one does not fit, or is written in another way.
            match ops.get(at) {
                Some(Op::Text(part)) => out.push_part(self.text.as_bytes(), part)?,
                Some(Op::Hole(hole)) => self.fill(hole, context, out)?,
                _ => return Ok(at),
            }
            at += 1;
            most = (most * 2).min(MOST);
        }
        Ok(at)
    }

    /// The same for what is written often and fits; how many ops, and how many bytes.
    fn straight(&self, ops: &[Op], context: &Context<'_>, bytes: &mut [u8]) -> (usize, usize) {
        let text = self.text.as_bytes();
        let mut room = Room::new(bytes);
        for (at, op) in ops.iter().enumerate() {
            let before = room.written();
            let done = match op {
                Op::Text(part) => room.part(text, part),
                Op::Hole(hole) => quick(hole, context, &mut room),
                _ => return (at, before),
            };
            if done.is_none() {
                return (at, before);
            }
        }
        (ops.len(), room.written())
    }

    #[inline]
    fn fill(&self, hole: &Hole, context: &Context<'_>, out: &mut Output<'_>) -> Result<(), Stop> {
        let place = hole.place;
        match hole.reference {
            Reference::RowColumn(index) => match context.row.get(index) {
                Some(Some(value)) => value::write_column(out, value, hole.style, place),
                _ => return Err(Stop::NotKept(hole.reference)),
            },
            Reference::PreviousColumn(index) => {
                let value = context.previous.and_then(|previous| previous.get(index)).and_then(Option::as_ref);
                value::write_column(out, value.unwrap_or(&Value::Null), hole.style, place)
            }
            Reference::Row if context.row.iter().all(Option::is_none) && !self.columns.is_empty() => {
                return Err(Stop::NotKept(hole.reference));
            }
            Reference::Row => self.whole(out, context.row, place),
            Reference::Previous => match context.previous {
                Some(previous) if previous.iter().any(Option::is_some) => self.whole(out, previous, place),
                _ => value::write_column(out, &Value::Null, hole.style, place),
            },
            Reference::ChangedColumns => changed(out, context.changed_columns, place),
            Reference::EventSequence => out.push(itoa::Buffer::new().format(context.event_sequence).as_bytes()),
            Reference::Op => word(out, context.op.as_str(), place),
            Reference::EventId => word(out, context.event_id, place),
            Reference::RunId => word(out, context.run_id, place),
            Reference::RunStartedAt => word(out, context.run_started_at, place),
            Reference::SyncId => word(out, context.sync_id, place),
            Reference::SyncName => word(out, context.sync_name, place),
            Reference::Element(_) => {
                value::write_column(out, context.element.unwrap_or(&Value::Null), hole.style, place)
            }
        }
        .map_err(|fault| Stop::In(hole.reference, fault).of_field(self, hole.field))
    }

    /// All columns as an object. One whose value was not kept is left out.
    fn whole(&self, out: &mut Output<'_>, values: &[Option<Value>], place: Place) -> Result<(), Fault> {
        if place != Place::Value {
            let text = out.aside(|out| self.whole(out, values, Place::Value))?;
            return value::characters(out, &text, place == Place::String);
        }
        let mut before: &[u8] = b"{";
        for listed in &self.columns {
            let Some(Some(value)) = values.get(listed.index) else { continue };
            out.push(before)?;
            before = b",";
            out.string(&listed.name)?;
            out.push(b":")?;
            value::json(out, value, listed.style)?;
        }
        out.push(if before == b"{" { b"{}" } else { b"}" })
    }
}

/// None for what does not fit or is written in another way.
#[inline]
fn quick(hole: &Hole, context: &Context<'_>, room: &mut Room<'_>) -> Option<()> {
    let value = match hole.reference {
        Reference::RowColumn(index) => context.row.get(index)?.as_ref()?,
        Reference::PreviousColumn(index) => context.previous?.get(index)?.as_ref()?,
        Reference::Element(_) => context.element?,
        Reference::Op => return quick_word(room, context.op.as_str(), hole.place),
        Reference::EventId => return quick_word(room, context.event_id, hole.place),
        _ => return None,
    };
    value::write_quick(room, value, hole.style, hole.place)
}

fn quick_word(room: &mut Room<'_>, text: &str, place: Place) -> Option<()> {
    match place {
        Place::Value => room.string(text),
        Place::String => room.escaped(text),
        Place::Text => room.push(text.as_bytes()),
    }
}

fn size(values: &[Option<Value>], index: usize) -> usize {
    values.get(index).and_then(Option::as_ref).map_or(0, value::size)
}

pub(super) fn word(out: &mut Output<'_>, text: &str, place: Place) -> Result<(), Fault> {
    match place {
        Place::Value => out.string(text),
        Place::String => out.escaped(text),
        Place::Text => out.push(text.as_bytes()),
    }
}

fn changed(out: &mut Output<'_>, names: Option<&[&str]>, place: Place) -> Result<(), Fault> {
    let Some(names) = names else { return value::write_column(out, &Value::Null, Style::default(), place) };
    if place == Place::Value {
        out.push(b"[")?;
    }
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            out.push(b",")?;
        }
        word(out, name, place)?;
    }
    if place == Place::Value { out.push(b"]") } else { Ok(()) }
}
