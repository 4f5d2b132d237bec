//! A row to the record that Kinesis gets: message, partition key, hash key.

mod compile;
mod mapping;

use domain::{Column, Value};
use serde_json::value::RawValue;
use template::{RenderError, Template};

pub use compile::ConfigProblem;
/// The values of one row, and what the message may say of its event and run.
pub use template::Context as RowContext;

use crate::limits::{self, PARTITION_KEY_CHARS};
use crate::record::{Code, Part, Place, Record, Rejection};

/// How far the size of an oversized message is counted.
const MEASURED: usize = 16 << 20;

/// What a sync says about its messages, checked and ready to render rows.
#[derive(Debug, Clone)]
pub struct CompiledMessage {
    body: Body,
    partition_key: Template,
    hash_key: Option<Template>,
    limits: domain::Limits,
    /// The columns that message and keys use, and the place of each in a row.
    used: Vec<(Column, usize)>,
}

#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one for each sync")]
enum Body {
    Template(Template),
    /// A column that holds the whole message.
    Column {
        name: String,
        place: usize,
    },
}

impl CompiledMessage {
    /// Checks message, partition key, hash key, and every column that the sync names. `columns` are those of the model.
    pub fn compile(sync: &domain::Sync, columns: &[Column]) -> Result<Self, Vec<ConfigProblem>> {
        compile::compile(sync, columns, false)
    }

    /// What is wrong whatever the types of the columns are.
    pub fn check(sync: &domain::Sync, columns: &[Column]) -> Vec<ConfigProblem> {
        compile::compile(sync, columns, true).err().unwrap_or_default()
    }

    /// The columns that message and keys use, in the model's order: those of a row to render, unless it is `aligned`.
    pub fn used_columns(&self) -> Vec<Column> {
        self.used.iter().map(|(column, _)| column.clone()).collect()
    }

    /// The same message for rows of these columns, which contain the used ones.
    pub fn aligned(self, columns: &[Column]) -> Self {
        let place = |name: &str| columns.iter().position(|column| column.name == name).unwrap_or(usize::MAX);
        Self {
            body: match self.body {
                Body::Template(template) => Body::Template(template.aligned(columns)),
                Body::Column { name, .. } => Body::Column { place: place(&name), name },
            },
            partition_key: self.partition_key.aligned(columns),
            hash_key: self.hash_key.map(|template| template.aligned(columns)),
            limits: self.limits,
            used: self.used.into_iter().map(|(column, _)| (place(&column.name), column)).map(|(p, c)| (c, p)).collect(),
        }
    }

    /// What its records are checked against.
    pub const fn limits(&self) -> &domain::Limits {
        &self.limits
    }

    /// The same for a stream that takes no larger records.
    pub fn at_most(mut self, record_bytes: usize) -> Self {
        self.limits.record_bytes = self.limits.record_bytes.min(record_bytes.max(1));
        self
    }

    /// Whether values acknowledged earlier must be at hand: `previous` or `changed_columns` is used.
    pub fn uses_previous(&self) -> bool {
        self.templates().any(|template| template.uses().changed_columns || !template.uses().previous.is_empty())
    }

    /// The record of a row. It is within all limits of Kinesis and of the sync.
    pub fn render(&self, row: &RowContext<'_>) -> Result<Record, Rejection> {
        self.render_by(row, &mut Vec::new())
    }

    /// The same for one of many rows: texts grow in a buffer that all of them share, and take no more than they need.
    pub fn render_by(&self, row: &RowContext<'_>, buffer: &mut Vec<u8>) -> Result<Record, Rejection> {
        let partition_key = self.partition_key(row, buffer)?;
        let explicit_hash_key = self.hash_key.as_ref().map(|template| hash_key(template, row, buffer)).transpose()?;
        let data = self.data(row, partition_key.len(), buffer)?;
        let record = Record { data, partition_key, explicit_hash_key };
        match limits::check(&record, &self.limits) {
            Ok(()) => Ok(record),
            Err(limits::Invalid::TooLarge { .. }) => {
                Err(self.too_large(row, Ok(record.data.len()), record.partition_key.len()))
            }
            Err(invalid) => Err(invalid.into()),
        }
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let body = match &self.body {
            Body::Template(template) => Some(template),
            Body::Column { .. } => None,
        };
        body.into_iter().chain([&self.partition_key]).chain(&self.hash_key)
    }

    fn partition_key(&self, row: &RowContext<'_>, buffer: &mut Vec<u8>) -> Result<String, Rejection> {
        // No character takes more than three bytes for each of its UTF-16 units.
        let key = key(&self.partition_key, (row, buffer), 3 * PARTITION_KEY_CHARS, Part::PartitionKey, || {
            Rejection::new(
                Code::PartitionKeyTooLong,
                format!("the partition key has more than {PARTITION_KEY_CHARS} characters"),
            )
        })?;
        if key.is_empty() { Err(limits::Invalid::EmptyPartitionKey.into()) } else { Ok(key) }
    }

    fn data(&self, row: &RowContext<'_>, key: usize, buffer: &mut Vec<u8>) -> Result<Vec<u8>, Rejection> {
        match &self.body {
            Body::Column { name, place } => self.column(row, name, *place, key),
            Body::Template(template) => {
                buffer.clear();
                match template.render(row, buffer, self.limit()) {
                    Ok(()) => Ok(buffer.to_vec()),
                    Err(RenderError::TooLarge { .. }) => Err(self.too_large(row, self.counted(template, row), key)),
                    Err(error) => Err(rejection(&error, Part::Message)),
                }
            }
        }
    }

    /// The text of the column as it stands, if it is JSON.
    fn column(&self, row: &RowContext<'_>, name: &str, place: usize, key: usize) -> Result<Vec<u8>, Rejection> {
        let invalid = |what: &str| Rejection::new(Code::InvalidJson, format!("the column `{name}` {what}"));
        match row.row.get(place) {
            Some(Some(Value::Json(text) | Value::Text(text))) => {
                if text.len() > self.limit() {
                    return Err(self.too_large(row, Ok(text.len()), key));
                }
                serde_json::from_str::<&RawValue>(text).map_err(|error| invalid(&format!("is not JSON: {error}")))?;
                Ok(text.as_bytes().to_vec())
            }
            Some(Some(Value::Null)) => Err(invalid("is null, so there is no message")),
            Some(Some(_)) => Err(invalid("is no text")),
            _ => Err(not_kept(name)),
        }
    }

    fn limit(&self) -> usize {
        self.limits.record_bytes.min(self.limits.call_bytes)
    }

    /// How long the message is, or how long it is at least.
    fn counted(&self, template: &Template, row: &RowContext<'_>) -> Result<usize, usize> {
        template.count(row, MEASURED).map_err(|error| match error {
            RenderError::TooLarge { .. } => MEASURED,
            // The rest of it is too much work.
            _ => self.limit(),
        })
    }

    fn too_large(&self, row: &RowContext<'_>, data: Result<usize, usize>, key: usize) -> Rejection {
        let size = match data {
            Ok(bytes) => format!("{}", bytes.saturating_add(key)),
            Err(bytes) => format!("more than {bytes}"),
        };
        let value = |place: usize| row.row.get(place).and_then(Option::as_ref).map_or(0, template::value_size);
        let largest =
            self.used.iter().map(|(column, place)| (value(*place), &column.name)).max_by_key(|(size, _)| *size);
        let largest = largest.map_or_else(String::new, |(size, name)| {
            format!("; its largest column is `{name}` with about {size} bytes")
        });
        let limit = self.limit();
        Rejection::new(
            Code::RecordTooLarge,
            format!("the record has {size} bytes with its partition key, and the limit is {limit}{largest}"),
        )
    }
}

fn hash_key(template: &Template, row: &RowContext<'_>, buffer: &mut Vec<u8>) -> Result<String, Rejection> {
    const DIGITS: usize = 39;
    let invalid = || limits::Invalid::ExplicitHashKey.into();
    let key = key(template, (row, buffer), DIGITS, Part::HashKey, invalid)?;
    if crate::shard::parse_explicit(&key).is_none() { Err(invalid()) } else { Ok(key) }
}

fn key(
    template: &Template,
    (row, buffer): (&RowContext<'_>, &mut Vec<u8>),
    limit: usize,
    part: Part,
    too_long: impl FnOnce() -> Rejection,
) -> Result<String, Rejection> {
    buffer.clear();
    match template.render(row, buffer, limit) {
        Ok(()) => {}
        Err(RenderError::TooLarge { .. }) => return Err(too_long()),
        Err(error) => return Err(rejection(&error, part)),
    }
    let text =
        std::str::from_utf8(buffer).map_err(|_| Rejection::new(Code::RenderFailed, format!("{part} is not text")));
    text.map(str::to_owned)
}

fn rejection(error: &RenderError, part: Part) -> Rejection {
    let (code, why) = match error {
        RenderError::NotKept { column } => return not_kept(column),
        RenderError::InvalidJson { source, .. } => (Code::InvalidJson, format!(": {source}")),
        RenderError::TooLarge { .. } => (Code::RecordTooLarge, String::new()),
        RenderError::TooDeep { .. }
        | RenderError::TooMuchWork { .. }
        | RenderError::DuplicateName { .. }
        | RenderError::Failed { .. } => (Code::RenderFailed, String::new()),
    };
    let (field, position) = match error {
        RenderError::Failed { line, column, field, .. } => (field, Some((*line, *column))),
        RenderError::InvalidJson { field, .. }
        | RenderError::TooDeep { field, .. }
        | RenderError::TooMuchWork { field, .. }
        | RenderError::DuplicateName { field, .. } => (field, None),
        RenderError::TooLarge { .. } | RenderError::NotKept { .. } => (&None, None),
    };
    let place = Some(Place { part, field: field.clone(), position });
    Rejection { place, ..Rejection::new(code, format!("{part} cannot be made: {error}{why}")) }
}

fn not_kept(column: &str) -> Rejection {
    Rejection::new(
        Code::ValuesNotKept,
        format!("the removal needs the value of `{column}` that was acknowledged last, and it was not kept"),
    )
}
