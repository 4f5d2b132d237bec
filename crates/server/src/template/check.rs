//! Whether a template is right, and what it uses.

use std::collections::BTreeMap;

use domain::{Column, ColumnType};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use template::{Names, Options, Problem, Template, Uses};

use super::arguments::CheckArguments;
use super::message::ELEMENT;
use super::text_of;
use crate::Exit;

pub(super) fn run(arguments: &CheckArguments) -> crate::Result<Exit> {
    let source = text_of(&arguments.file)?;
    let options = Options { element: arguments.fan_out.then_some(ELEMENT), ..Options::default() };
    let checked = match &arguments.columns {
        Some(path) => {
            let columns = columns(&text_of(path)?)
                .map_err(|error| format!("{} is no list of columns: {error}", path.display()))?;
            compile(&source, arguments.text, &columns, options).map(|template| (template, columns))
        }
        None => guess(&source, arguments.text, options),
    };
    let file = arguments.file.display();
    match checked {
        Ok((template, columns)) => {
            let uses = Shown::new(template.uses(), &columns);
            if arguments.json {
                println!("{}", json!({ "uses": uses.json() }));
            } else {
                println!("{file}: right\n{}", uses.text());
            }
            Ok(Exit::Done)
        }
        Err(Problem { line, column, message, advice }) => {
            if arguments.json {
                let problem = json!({ "line": line, "column": column, "message": message, "advice": advice });
                println!("{}", json!({ "problem": problem }));
            } else {
                eprintln!("{file}:{line}:{column}: {message}\n    {advice}");
            }
            Ok(Exit::Failed)
        }
    }
}

fn compile(source: &str, text: bool, columns: &[Column], options: Options) -> Result<Template, Problem> {
    let names = Names { columns, numbers: &BTreeMap::new() };
    if text { Template::text_with(source, &names, options) } else { Template::json_with(source, &names, options) }
}

fn columns(text: &str) -> Result<Vec<Column>, String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Listed(Vec<Listed>),
        Named(Map<String, Value>),
    }
    #[derive(Deserialize)]
    struct Listed {
        name: String,
        #[serde(rename = "type")]
        kind: Value,
    }
    let kind = |name: &str, kind: &Value| {
        ColumnType::deserialize(kind).map_err(|error| format!("the type of column `{name}`: {error}"))
    };
    let column = |name: &str, kind| Column { name: name.to_owned(), kind, source_type: String::new() };
    match serde_json::from_str(text).map_err(|error| error.to_string())? {
        Written::Listed(list) => list.iter().map(|one| Ok(column(&one.name, kind(&one.name, &one.kind)?))).collect(),
        Written::Named(map) => map.iter().map(|(name, value)| Ok(column(name, kind(name, value)?))).collect(),
    }
}

/// Without a list of columns every column that is named is there, and any use of it may be right.
fn guess(source: &str, text: bool, options: Options) -> Result<(Template, Vec<Column>), Problem> {
    let column = |name| Column { name, kind: ColumnType::Text, source_type: String::new() };
    let columns: Vec<Column> = template::mentioned(source).into_iter().map(column).collect();
    let options = Options { any_types: true, ..options };
    compile(source, text, &columns, options).map(|template| (template, columns))
}

/// What a template uses, by names.
struct Shown<'a> {
    row: Vec<&'a str>,
    previous: Vec<&'a str>,
    uses: &'a Uses,
}

impl<'a> Shown<'a> {
    fn new(uses: &'a Uses, columns: &'a [Column]) -> Self {
        let names = |indexes: &[usize]| {
            indexes.iter().filter_map(|index| columns.get(*index)).map(|column| column.name.as_str()).collect()
        };
        Self { row: names(&uses.row), previous: names(&uses.previous), uses }
    }

    fn json(&self) -> Value {
        json!({
            "row": self.row,
            "previous": self.previous,
            "changed_columns": self.uses.changed_columns,
            "event": self.uses.event,
            "run": self.uses.run,
        })
    }

    fn text(&self) -> String {
        let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let others =
            [(self.uses.changed_columns, "changed_columns"), (self.uses.event, "event"), (self.uses.run, "run")];
        let others: Vec<&str> = others.into_iter().filter_map(|(used, name)| used.then_some(name)).collect();
        let mut text = format!("    columns of row:      {}\n", list(&self.row));
        text += &format!("    columns of previous: {}", list(&self.previous));
        if !others.is_empty() {
            text += &format!("\n    also:                {}", others.join(", "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_in_both_shapes() {
        let expected = [("id", ColumnType::Int), ("tags", ColumnType::Array(Box::new(ColumnType::Text)))];
        for text in [
            r#"{"id": "int", "tags": {"array": "text"}}"#,
            r#"[{"name": "id", "type": "int"}, {"name": "tags", "type": {"array": "text"}, "source_type": "text[]"}]"#,
        ] {
            let read = columns(text).unwrap();
            let read: Vec<_> = read.iter().map(|column| (column.name.as_str(), column.kind.clone())).collect();
            assert_eq!(read, expected);
        }
        assert!(columns(r#"{"id": "integer"}"#).unwrap_err().contains("`id`"));
    }

    #[test]
    fn without_a_list_the_columns_are_those_that_are_named() {
        let source =
            r#"{ "a": {{ row.id }}, "b": {{ row["First name"] }}, "c": {{ previous [ 'x' ] }}, "arrow.d": 1 }"#;
        let (template, columns) = guess(source, false, Options::default()).unwrap();
        let shown = Shown::new(template.uses(), &columns).json();
        assert_eq!(shown["row"], json!(["First name", "id"]));
        assert_eq!(shown["previous"], json!(["x"]));
        let problem = guess("{ \"a\": {{ row.id }\n}", false, Options::default()).unwrap_err();
        assert_eq!(problem.line, 1);
    }
}
