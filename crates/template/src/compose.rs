//! A JSON text put together from paths, constants and templates: the field mapper.

use crate::names::Names;
use crate::program::{Builder, Hole, Mode, Place, Segment, Template};

/// A part of a composed message.
#[derive(Debug, Clone)]
pub enum Node {
    /// Members in their order. Their names differ, and they nest at most `MAX_DEPTH` deep: the caller sees to both.
    Object(Vec<(String, Node)>),
    Constant(serde_json::Value),
    /// A JSON template as a value, a text template as a JSON string. Compiled with the same names.
    Template(Template),
}

impl Template {
    pub fn compose(node: &Node, names: &Names<'_>) -> Self {
        let mut builder = Builder::new(Mode::Json, names);
        append(&mut builder, node);
        builder.finish()
    }
}

fn append(builder: &mut Builder, node: &Node) {
    match node {
        Node::Object(members) => {
            for (at, (name, member)) in members.iter().enumerate() {
                builder.text(if at == 0 { "{" } else { "," });
                builder.text(&json_string(name));
                builder.text(":");
                append(builder, member);
            }
            builder.text(if members.is_empty() { "{}" } else { "}" });
        }
        Node::Constant(value) => builder.text(&value.to_string()),
        Node::Template(template) => splice(builder, template),
    }
}

fn splice(builder: &mut Builder, template: &Template) {
    let objects: Vec<_> = template
        .objects
        .iter()
        .map(|names| {
            let object = builder.open_object();
            builder.close_object(object, names.clone());
            object
        })
        .collect();
    let quote = if template.mode == Mode::Text { "\"" } else { "" };
    builder.text(quote);
    for segment in &template.segments {
        match segment {
            Segment::Text(range) => {
                let text = template.text.get(range.clone()).unwrap_or_default();
                match template.mode {
                    Mode::Json => builder.text(text),
                    Mode::Text => builder.text(string_content(&json_string(text))),
                }
            }
            Segment::Hole(Hole { reference, place: Place::Text, .. }) => builder.hole(*reference, Place::String),
            Segment::Hole(Hole { reference, place, .. }) => builder.hole(*reference, *place),
            Segment::KeyStart => builder.key_start(),
            Segment::KeyEnd(object) => {
                if let Some(object) = objects.get(*object) {
                    builder.key_end(*object);
                }
            }
        }
    }
    builder.text(quote);
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Without the two quotes.
fn string_content(string: &str) -> &str {
    string.strip_prefix('"').and_then(|content| content.strip_suffix('"')).unwrap_or(string)
}
