//! The part of a sync that says what is sent, checked against the columns of the model.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use domain::{Column, ColumnType, Expression, Mapping, Message, Sync, Watch};
use template::{Names, Options, Problem, Template, nearest};

use super::{Body, CompiledMessage, mapping};
use crate::fan_out::element_type;
use crate::limits;

/// What is wrong with a configuration, where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// As in `message.json` or `message.fields[2].to`.
    pub field: String,
    /// Where in the field's text, both counted from 1; none where the field as a whole is meant.
    pub position: Option<(usize, usize)>,
    /// What is wrong; without a full stop.
    pub message: String,
    /// What to write instead; a sentence.
    pub advice: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some((line, column)) = self.position {
            write!(f, ", line {line}, column {column}")?;
        }
        write!(f, ": {}. {}", self.message, self.advice)
    }
}

impl std::error::Error for ConfigProblem {}

impl ConfigProblem {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { field: field.into(), position: None, message: message.into(), advice: advice.into() }
    }

    /// A wrong name: it stands in the field as a whole.
    pub(super) fn of_name(field: impl Into<String>, problem: Problem) -> Self {
        Self::new(field, problem.message, problem.advice)
    }

    pub(super) fn of_template(field: impl Into<String>, problem: Problem) -> Self {
        let Problem { line, column, message, advice } = problem;
        Self { field: field.into(), position: Some((line, column)), message, advice }
    }
}

pub(super) fn compile(sync: &Sync, columns: &[Column], any_types: bool) -> Result<CompiledMessage, Vec<ConfigProblem>> {
    let mut seen = HashSet::new();
    if let Some(twice) = columns.iter().find(|column| !seen.insert(column.name.as_str())) {
        return Err(vec![ConfigProblem::new(
            "model.query",
            format!("the query has more than one column `{}`", twice.name),
            "Give each column a name of its own with `AS`.",
        )]);
    }
    let names = Names { columns, numbers: &sync.numbers };
    let mut problems = Vec::new();
    let element = sync.fan_out.as_ref().and_then(|fan_out| columns.iter().position(|c| c.name == fan_out.column));
    let options = Options { missing: sync.missing, any_types, element };
    let body = body(&sync.message, &names, options).map_err(|mut found| problems.append(&mut found)).ok();
    let mut key = |field: &str, expression: &Expression| {
        expression_template(field, expression, &names, options).map_err(|problem| problems.push(problem)).ok()
    };
    let partition_key = key("partition_key", &sync.partition_key);
    let hash_key = sync.hash_key.as_ref().map(|expression| key("hash_key", expression));
    problems.extend(named_columns(sync, columns));
    match (body, partition_key) {
        (Some(body), Some(partition_key)) if problems.is_empty() => {
            Ok(finish(sync, columns, body, partition_key, hash_key.flatten()))
        }
        _ => Err(problems),
    }
}

fn finish(
    sync: &Sync,
    columns: &[Column],
    body: Body,
    partition_key: Template,
    hash_key: Option<Template>,
) -> CompiledMessage {
    let limits = limits::possible(&sync.limits);
    let compiled = CompiledMessage { body, partition_key, hash_key, limits, used: Vec::new() };
    let mut used: BTreeSet<usize> = compiled
        .templates()
        .flat_map(|template| template.uses().row.iter().chain(&template.uses().previous))
        .copied()
        .collect();
    if let Body::Column { place, .. } = compiled.body {
        used.insert(place);
    }
    let used: Vec<Column> = used.into_iter().filter_map(|index| columns.get(index).cloned()).collect();
    let listed = used.iter().cloned().map(|column| (column, 0)).collect();
    CompiledMessage { used: listed, ..compiled }.aligned(&used)
}

fn body(message: &Message, names: &Names<'_>, options: Options) -> Result<Body, Vec<ConfigProblem>> {
    let whole = |problem: ConfigProblem| vec![problem];
    match message {
        Message::Json(source) => Template::json_with(source, names, options)
            .map(Body::Template)
            .map_err(|problem| whole(ConfigProblem::of_template("message.json", problem))),
        Message::Column(name) => json_column(name, names).map_err(whole),
        Message::Fields(Mapping::All(_)) => Template::row(names)
            .map(Body::Template)
            .map_err(|problem| whole(ConfigProblem::of_name("message.fields", problem))),
        Message::Fields(Mapping::Fields(fields)) => mapping::compile(fields, names, options).map(Body::Template),
    }
}

fn json_column(name: &str, names: &Names<'_>) -> Result<Body, ConfigProblem> {
    const FIELD: &str = "message.column";
    let column = Template::column(name, names).map_err(|problem| ConfigProblem::of_name(FIELD, problem))?;
    let place = column.uses().row.first().copied().unwrap_or(usize::MAX);
    match names.columns.get(place) {
        Some(Column { kind: ColumnType::Json | ColumnType::Jsonb | ColumnType::Text, .. }) => {
            Ok(Body::Column { name: name.to_owned(), place })
        }
        found => Err(ConfigProblem::new(
            FIELD,
            format!(
                "the column `{name}` is of the type `{}` and cannot hold a message",
                found.map_or("unknown", |column| column.source_type.as_str())
            ),
            "Choose a column of the type json, jsonb or text, or let the query make one with `to_jsonb(...)`.",
        )),
    }
}

fn expression_template(
    field: &str,
    expression: &Expression,
    names: &Names<'_>,
    options: Options,
) -> Result<Template, ConfigProblem> {
    match expression {
        Expression::Column(name) => Template::column_text(name, names)
            .map_err(|problem| ConfigProblem::of_name(format!("{field}.column"), problem)),
        Expression::Template(source) if source.is_empty() => Err(ConfigProblem::new(
            format!("{field}.template"),
            "the template is empty",
            "Name a column of the primary key, as in `{{ row.id }}`.",
        )),
        Expression::Template(source) => Template::key_with(source, names, options)
            .map_err(|problem| ConfigProblem::of_template(format!("{field}.template"), problem)),
    }
}

/// The columns that `numbers` and `watch` name.
fn named_columns(sync: &Sync, columns: &[Column]) -> Vec<ConfigProblem> {
    let find = |name: &str| columns.iter().find(|column| column.name == name);
    let mut problems = Vec::new();
    for name in sync.numbers.keys() {
        match find(name) {
            None => problems.push(unknown(format!("numbers.{name}"), name, columns)),
            Some(column) if !is_numeric(&column.kind) => problems.push(ConfigProblem::new(
                format!("numbers.{name}"),
                format!("the column `{name}` is of the type `{}` and holds no numbers", column.source_type),
                "Remove it.",
            )),
            Some(_) => {}
        }
    }
    problems.extend(sync.fan_out.as_ref().and_then(|fan_out| match find(&fan_out.column) {
        None => Some(unknown("fan_out.column".to_owned(), &fan_out.column, columns)),
        Some(column) if element_type(&column.kind).is_none() => Some(ConfigProblem::new(
            "fan_out.column",
            format!("the column `{}` is of the type `{}` and has no elements", column.name, column.source_type),
            "Choose an array, or a column of the type json or jsonb that holds one.",
        )),
        Some(_) => None,
    }));
    if let Watch::Columns(watched) = &sync.watch {
        let missing = watched.iter().enumerate().filter(|(_, name)| find(name).is_none());
        problems.extend(missing.map(|(at, name)| unknown(format!("watch.columns[{at}]"), name, columns)));
        if watched.is_empty() {
            problems.push(ConfigProblem::new(
                "watch.columns",
                "no column is watched, so no row would ever be changed",
                "Name at least one column, or write `watch: used`.",
            ));
        }
    }
    problems
}

fn unknown(field: String, name: &str, columns: &[Column]) -> ConfigProblem {
    let advice = match nearest(name, columns.iter().map(|column| column.name.as_str())) {
        Some(near) => format!("Did you mean `{near}`?"),
        None => "Name a column of the model.".to_owned(),
    };
    ConfigProblem::new(field, format!("the model has no column `{name}`"), advice)
}

fn is_numeric(kind: &ColumnType) -> bool {
    match kind {
        ColumnType::Int | ColumnType::Float4 | ColumnType::Float8 | ColumnType::Numeric => true,
        ColumnType::Array(element) => is_numeric(element),
        _ => false,
    }
}
