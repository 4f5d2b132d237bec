//! A planned change to its record.

use domain::{Change, Column, Value};
use engine::columns::changed;
use engine::layout::values;
use engine::message::{CompiledMessage, RowContext};
use engine::record::{Record, Rejection};
use snapshots::Shape;
use spill::{PlanEntry, Stored};

use crate::Error;
use crate::key_json::{element_of, unit_json};
use crate::log::object;

/// What is the same for every record of a run.
pub(crate) struct Renderer {
    pub(crate) message: CompiledMessage,
    pub(crate) used: Vec<Column>,
    /// The columns of the row's key.
    pub(crate) key: Vec<Column>,
    /// The same, and behind them the element.
    pub(crate) unit_key: Vec<Column>,
    /// The element of a fan-out, which is kept behind them.
    pub(crate) element: Option<Column>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) run_id: String,
    /// RFC 3339.
    pub(crate) run_started_at: String,
    pub(crate) sync_id: String,
    pub(crate) sync_name: String,
}

/// The values of a change as the log keeps them, as far as they are known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    /// As read; a removal has none.
    pub(crate) row: Option<String>,
    /// As acknowledged before.
    pub(crate) previous: Option<String>,
}

impl Logged {
    pub(crate) fn bytes(&self) -> usize {
        let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        len(&self.row) + len(&self.previous)
    }
}

impl Renderer {
    /// The record, or why this row cannot be one. `event_id` belongs to the entry's version. `logged` takes the values. One
    /// `buffer` serves many rows.
    pub(crate) fn render(
        &self,
        entry: &PlanEntry,
        event_id: &str,
        logged: Option<&mut Logged>,
        buffer: &mut Vec<u8>,
    ) -> Result<Result<Record, Rejection>, Error> {
        let row = match &entry.row {
            Some(stored) => self.slots(stored)?,
            None => self.key_only(entry)?,
        };
        let previous = entry.previous.as_ref().map(|stored| self.slots(stored)).transpose()?;
        if let Some(logged) = logged {
            let text = |slots: &[Option<Value>]| object(&self.used, slots.iter().map(Option::as_ref));
            let known = entry.row.is_some().then(|| text(&row));
            *logged = match entry.op {
                Change::Removed => Logged { row: None, previous: known },
                Change::Added | Change::Changed => Logged { row: known, previous: previous.as_deref().map(text) },
            };
        }
        let changed = self.changed_columns(entry)?;
        let element = match &self.element {
            Some(element) => element_of(element, &self.key, &entry.key)?,
            None => None,
        };
        let context = RowContext {
            op: entry.op,
            row: &row,
            previous: previous.as_deref(),
            changed_columns: changed.as_deref(),
            event_id,
            event_sequence: entry.sequence,
            run_id: &self.run_id,
            run_started_at: &self.run_started_at,
            sync_id: &self.sync_id,
            sync_name: &self.sync_name,
            element: element.as_ref(),
        };
        Ok(self.message.render_by(&context, buffer))
    }

    pub(crate) fn key(&self, entry: &PlanEntry) -> Result<serde_json::Value, Error> {
        if entry.key.is_empty() {
            return Ok(serde_json::Value::Null);
        }
        unit_json(&self.unit_key, &entry.key)
    }

    /// The values of the used columns, as far as they are among those stored.
    fn slots(&self, stored: &Stored) -> Result<Vec<Option<Value>>, Error> {
        if stored.shape == 0 {
            return Ok(values(&self.used, &stored.row)?.into_iter().map(Some).collect());
        }
        let shape = self.shape(stored)?;
        let mut found = values(&shape.columns, &stored.row)?;
        let mut take = |column: &Column| {
            let at = shape.columns.iter().position(|known| known.name == column.name)?;
            Some(std::mem::replace(&mut found[at], Value::Null))
        };
        Ok(self.used.iter().map(&mut take).collect())
    }

    fn key_only(&self, entry: &PlanEntry) -> Result<Vec<Option<Value>>, Error> {
        let mut found = values(&self.key, &entry.key)?;
        let mut take = |column: &Column| {
            let at = self.key.iter().position(|known| known.name == column.name)?;
            Some(std::mem::replace(&mut found[at], Value::Null))
        };
        Ok(self.used.iter().map(&mut take).collect())
    }

    fn changed_columns(&self, entry: &PlanEntry) -> Result<Option<Vec<&str>>, Error> {
        let (Some(row), Some(previous), Change::Changed) = (&entry.row, &entry.previous, entry.op) else {
            return Ok(None);
        };
        let before = self.shape(previous)?;
        Ok(Some(changed(&self.used, &row.row, &before.columns, &previous.row)?))
    }

    fn shape(&self, stored: &Stored) -> Result<&Shape, Error> {
        self.shapes.get(usize::from(stored.shape)).ok_or_else(|| engine::canonical::Corrupt.into())
    }
}
