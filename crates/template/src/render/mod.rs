//! A row to bytes.

pub(crate) mod budget;
mod evaluate;
mod hole;
mod json;
mod run;
mod simple;
mod stop;
mod tags;

pub(crate) use budget::Budget;
use domain::{Change, Value};
use run::{Data, Renderer};
pub use stop::RenderError;
use stop::Stop;

use crate::limits::Limits;
use crate::output::Output;
use crate::program::{Mode, Template};

/// What a row and its event offer to a template.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub op: Change,
    /// The values of the template's columns; those acknowledged last for a removal. None where a value was not kept.
    pub row: &'a [Option<Value>],
    /// The values acknowledged last, of the same columns. A value that was not kept is null.
    pub previous: Option<&'a [Option<Value>]>,
    /// The names of the columns that changed; none where that is not known.
    pub changed_columns: Option<&'a [&'a str]>,
    pub event_id: &'a str,
    pub event_sequence: u64,
    pub run_id: &'a str,
    /// RFC 3339.
    pub run_started_at: &'a str,
    pub sync_id: &'a str,
    pub sync_name: &'a str,
    /// Where rows fan out: the element that this message is for.
    pub element: Option<&'a Value>,
}

impl Template {
    /// Appends the row's output to `out`, at most `limit` bytes. After an error `out` is as it was.
    pub fn render(&self, context: &Context<'_>, out: &mut Vec<u8>, limit: usize) -> Result<(), RenderError> {
        let start = out.len();
        let result = self.run(Data::Row(context), &mut Output::bounded(out, limit), limit);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// The length of the row's output, counted without keeping it; none above `cap`.
    pub fn measure(&self, context: &Context<'_>, cap: usize) -> Option<usize> {
        self.count(context, cap).ok()
    }

    /// The same, and why there is none: the output is longer, or a budget ended before the output did.
    pub fn count(&self, context: &Context<'_>, cap: usize) -> Result<usize, RenderError> {
        const CHUNK: usize = 64 << 10;
        let mut buffer = Vec::new();
        let mut out = Output::counting(&mut buffer, CHUNK, cap);
        self.run(Data::Row(context), &mut out, cap)?;
        if out.counted() > cap { Err(RenderError::TooLarge { limit: cap }) } else { Ok(out.counted()) }
    }

    fn run(&self, data: Data<'_>, out: &mut Output<'_>, limit: usize) -> Result<(), RenderError> {
        self.ops_of(data, out).map_err(|stop| stop.error(self, limit))
    }

    fn ops_of(&self, data: Data<'_>, out: &mut Output<'_>) -> Result<(), Stop> {
        let begun = match data {
            Data::Row(context) => self.leading(&self.ops, context, out)?,
            Data::Json(..) => 0,
        };
        match self.ops.get(begun..) {
            None | Some([]) => Ok(()),
            Some(rest) => {
                let mut budget = Budget::new(&self.limits);
                Renderer::new(self, data, &mut budget).ops(rest, out).map(drop)
            }
        }
    }
}

/// A template of plain text as other engines have it: any JSON object is its context, and unknown names are nil.
#[derive(Debug, Clone)]
pub struct PlainTemplate {
    template: Template,
}

impl PlainTemplate {
    pub fn compile(source: &str, limits: Limits) -> Result<Self, crate::Problem> {
        let numbers = std::collections::BTreeMap::new();
        let names = crate::Names { columns: &[], numbers: &numbers };
        let template = crate::compile::plain(source, &names, limits)?;
        Ok(Self { template })
    }

    /// `now` is microseconds since 1970, in UTC.
    pub fn render(&self, context: &serde_json::Value, now: i64, limits: Limits) -> Result<String, RenderError> {
        debug_assert!(self.template.mode == Mode::Plain);
        let mut bytes = Vec::new();
        let mut budget = Budget::new(&limits);
        let mut out = Output::bounded(&mut bytes, limits.output);
        Renderer::new(&self.template, Data::Json(context, now), &mut budget)
            .all(&mut out)
            .map_err(|stop| stop.error(&self.template, limits.output))?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}
