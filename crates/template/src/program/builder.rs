//! A template while it is compiled.

use std::sync::Arc;

use domain::Column;

use super::{Frame, Hole, Listed, Mode, Op, Place, Reference, Template, Uses};
use crate::limits::Limits;
use crate::names::{Names, Style};

/// Collects ops; neighboring constant text becomes one.
#[derive(Debug)]
pub(crate) struct Builder {
    pub(crate) template: Template,
}

impl Builder {
    pub(crate) fn new(mode: Mode, names: &Names<'_>) -> Self {
        let listed =
            |(index, column): (usize, &Column)| Listed { index, name: column.name.clone(), style: names.style(index) };
        let columns = names.columns.iter().enumerate().map(listed).collect();
        let (text, ops, objects, fields) = (String::new(), Vec::new(), Vec::new(), Vec::new());
        let (source, frame, limits, uses) = (Arc::from(""), Frame::default(), Limits::DEFAULT, Uses::default());
        let timeless = false;
        let template = Template { mode, source, text, ops, frame, limits, objects, fields, columns, uses, timeless };
        Self { template }
    }

    pub(crate) fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let start = self.template.text.len();
        self.template.text.push_str(text);
        let end = self.template.text.len();
        match self.template.ops.last_mut() {
            Some(Op::Text(last)) if last.end == start => last.end = end,
            _ => self.template.ops.push(Op::Text(start..end)),
        }
    }

    pub(crate) fn push(&mut self, op: Op) {
        self.template.ops.push(op);
    }

    pub(crate) fn hole(&mut self, reference: Reference, place: Place) {
        let style = self.style(reference);
        self.note(reference);
        self.push(Op::Hole(Hole { reference, place, style, field: None }));
    }

    fn style(&self, reference: Reference) -> Style {
        match reference {
            Reference::RowColumn(index) | Reference::PreviousColumn(index) => {
                self.template.columns.get(index).map(|listed| listed.style).unwrap_or_default()
            }
            Reference::Element(style) => style,
            _ => Style::default(),
        }
    }

    pub(crate) fn finish(mut self) -> Template {
        for used in [&mut self.template.uses.row, &mut self.template.uses.previous] {
            used.sort_unstable();
            used.dedup();
        }
        self.template
    }

    /// What a part of the template uses, the template uses.
    pub(crate) fn uses(&mut self, part: &Uses) {
        let uses = &mut self.template.uses;
        uses.row.extend(&part.row);
        uses.previous.extend(&part.previous);
        uses.changed_columns |= part.changed_columns;
        uses.event |= part.event;
        uses.run |= part.run;
    }

    /// A reference is used.
    pub(crate) fn note(&mut self, reference: Reference) {
        let all = 0..self.template.columns.len();
        let uses = &mut self.template.uses;
        match reference {
            Reference::Row => uses.row = all.collect(),
            Reference::RowColumn(index) => uses.row.push(index),
            Reference::Previous => uses.previous = all.collect(),
            Reference::PreviousColumn(index) => uses.previous.push(index),
            Reference::ChangedColumns => uses.changed_columns = true,
            Reference::EventId | Reference::EventSequence => uses.event = true,
            Reference::RunId | Reference::RunStartedAt => uses.run = true,
            Reference::Op | Reference::SyncId | Reference::SyncName | Reference::Element(_) => {}
        }
    }
}
