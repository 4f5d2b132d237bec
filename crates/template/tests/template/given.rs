//! A model, and rows of it.

use std::collections::BTreeMap;

use domain::{Change, Column, ColumnType, NumberForm, Value};
use template::{Context, Names, Problem, RenderError, Template};

pub(crate) const LIMIT: usize = 1 << 20;

pub(crate) struct Model {
    pub(crate) columns: Vec<Column>,
    pub(crate) numbers: BTreeMap<String, NumberForm>,
}

impl Model {
    pub(crate) fn new(columns: &[(&str, ColumnType)]) -> Self {
        let column = |(name, kind): &(&str, ColumnType)| Column {
            name: (*name).to_owned(),
            kind: kind.clone(),
            source_type: format!("{kind:?}"),
        };
        Self { columns: columns.iter().map(column).collect(), numbers: BTreeMap::new() }
    }

    pub(crate) fn numbers(mut self, name: &str, form: NumberForm) -> Self {
        self.numbers.insert(name.to_owned(), form);
        self
    }

    pub(crate) fn names(&self) -> Names<'_> {
        Names { columns: &self.columns, numbers: &self.numbers }
    }

    pub(crate) fn json(&self, source: &str) -> Result<Template, Problem> {
        Template::json(source, &self.names())
    }

    pub(crate) fn text(&self, source: &str) -> Result<Template, Problem> {
        Template::text(source, &self.names())
    }
}

/// One column `x` of a type.
pub(crate) fn x(kind: ColumnType) -> Model {
    Model::new(&[("x", kind)])
}

pub(crate) fn context(row: &[Option<Value>]) -> Context<'_> {
    Context {
        op: Change::Changed,
        row,
        previous: None,
        changed_columns: None,
        event_id: "e-1",
        event_sequence: 18_446_744_073_709_551_615,
        run_id: "run_7",
        run_started_at: "2026-01-02T03:04:05Z",
        sync_id: "syn_9",
        sync_name: "the \"best\" sync",
        element: None,
    }
}

pub(crate) fn render(template: &Template, context: &Context<'_>) -> Result<String, RenderError> {
    let mut out = Vec::new();
    template.render(context, &mut out, LIMIT)?;
    assert_eq!(template.measure(context, LIMIT), Some(out.len()), "counting differs from writing");
    Ok(String::from_utf8(out).unwrap())
}

/// The output for a row of one value.
pub(crate) fn rendered(template: &Template, value: Value) -> String {
    render(template, &context(&[Some(value)])).unwrap()
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub(crate) fn json(text: &str) -> Value {
    Value::Json(text.to_owned())
}

pub(crate) fn numeric(text: &str) -> Value {
    Value::Numeric(text.to_owned())
}

pub(crate) fn array<const N: usize>(elements: [Value; N]) -> Value {
    Value::Array(elements.into())
}
