//! The compiled form of a template: constant text and holes, in the order of the output.

use std::collections::HashMap;
use std::ops::Range;

use domain::Column;

use crate::hole::Reference;
use crate::names::{Names, Style};

/// A template, ready to render. Made by `Template::json`, `text`, `key`, `column` or `compose`.
#[derive(Debug, Clone)]
pub struct Template {
    pub(crate) mode: Mode,
    /// All constant text; segments are ranges of it.
    pub(crate) text: String,
    pub(crate) segments: Vec<Segment>,
    /// The literal names of the members of each object that also has names with holes.
    pub(crate) objects: Vec<Vec<String>>,
    /// The columns of the model, in its order.
    pub(crate) columns: Vec<Listed>,
    pub(crate) uses: Uses,
}

/// What a template uses. Columns are indexes, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// Columns of the row; `row` alone counts as all.
    pub row: Vec<usize>,
    /// Columns of the values acknowledged last; `previous` alone counts as all.
    pub previous: Vec<usize>,
    pub changed_columns: bool,
    /// `event.id` or `event.sequence`.
    pub event: bool,
    /// `run.id` or `run.started_at`.
    pub run: bool,
}

impl Template {
    pub const fn uses(&self) -> &Uses {
        &self.uses
    }

    /// The same template for rows of these columns, in their order. A column that is used but not among them renders as
    /// one whose value was not kept.
    pub fn aligned(mut self, columns: &[Column]) -> Self {
        let places: HashMap<&str, usize> =
            columns.iter().enumerate().map(|(place, column)| (column.name.as_str(), place)).collect();
        let moved: HashMap<usize, usize> =
            self.columns.iter().filter_map(|listed| Some((listed.index, *places.get(listed.name.as_str())?))).collect();
        let place = |index: usize| moved.get(&index).copied().unwrap_or(usize::MAX);
        for segment in &mut self.segments {
            if let Segment::Hole(Hole { reference, .. }) = segment
                && let Reference::RowColumn(index) | Reference::PreviousColumn(index) = reference
            {
                *index = place(*index);
            }
        }
        self.columns.iter_mut().for_each(|listed| listed.index = place(listed.index));
        for used in [&mut self.uses.row, &mut self.uses.previous] {
            used.iter_mut().for_each(|index| *index = place(*index));
            used.sort_unstable();
        }
        self
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Json,
    Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    Text(Range<usize>),
    Hole(Hole),
    /// Around the content of an object key that has holes; the number is that of the object.
    KeyStart,
    KeyEnd(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) reference: Reference,
    pub(crate) place: Place,
    pub(crate) style: Style,
}

/// Where a hole stands, which decides how its value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where JSON expects a value.
    Value,
    /// In a JSON string.
    String,
    /// In plain text.
    Text,
}

/// A column of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its place in a row.
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) style: Style,
}

/// Collects segments; neighboring constant text becomes one.
#[derive(Debug)]
pub(crate) struct Builder {
    template: Template,
}

impl Builder {
    pub(crate) fn new(mode: Mode, names: &Names<'_>) -> Self {
        let listed =
            |(index, column): (usize, &Column)| Listed { index, name: column.name.clone(), style: names.style(index) };
        let columns = names.columns.iter().enumerate().map(listed).collect();
        let (text, segments, objects) = (String::new(), Vec::new(), Vec::new());
        Self { template: Template { mode, text, segments, objects, columns, uses: Uses::default() } }
    }

    pub(crate) fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let start = self.template.text.len();
        self.template.text.push_str(text);
        let end = self.template.text.len();
        match self.template.segments.last_mut() {
            Some(Segment::Text(last)) => last.end = end,
            _ => self.template.segments.push(Segment::Text(start..end)),
        }
    }

    pub(crate) fn hole(&mut self, reference: Reference, place: Place) {
        let style = match reference {
            Reference::RowColumn(index) | Reference::PreviousColumn(index) => {
                self.template.columns.get(index).map(|listed| listed.style).unwrap_or_default()
            }
            _ => Style::default(),
        };
        self.note(reference);
        self.template.segments.push(Segment::Hole(Hole { reference, place, style }));
    }

    pub(crate) fn key_start(&mut self) {
        self.template.segments.push(Segment::KeyStart);
    }

    pub(crate) fn key_end(&mut self, object: usize) {
        self.template.segments.push(Segment::KeyEnd(object));
    }

    /// A number for an object with holes in its names; its literal names follow with `close_object`.
    pub(crate) fn open_object(&mut self) -> usize {
        self.template.objects.push(Vec::new());
        self.template.objects.len() - 1
    }

    pub(crate) fn close_object(&mut self, object: usize, names: Vec<String>) {
        if let Some(slot) = self.template.objects.get_mut(object) {
            *slot = names;
        }
    }

    pub(crate) fn finish(mut self) -> Template {
        for used in [&mut self.template.uses.row, &mut self.template.uses.previous] {
            used.sort_unstable();
            used.dedup();
        }
        self.template
    }

    fn note(&mut self, reference: Reference) {
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
            Reference::Op | Reference::SyncId | Reference::SyncName => {}
        }
    }
}
