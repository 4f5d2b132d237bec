//! A JSON text put together from paths, constants and templates: the field mapper.

use std::ops::Range;

use crate::names::Names;
use crate::program::{Builder, Field, Hole, Mode, Op, Ops, Place, Template};

/// A part of a composed message.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are few, while a message is compiled")]
pub enum Node {
    /// Members in their order. Their names differ, and they nest at most `MAX_DEPTH` deep: the caller sees to both.
    Object(Vec<Member>),
    Constant(serde_json::Value),
    /// A JSON template as a value, a text template as a JSON string. Compiled with the same names.
    Template(Template),
}

#[derive(Debug, Clone)]
pub struct Member {
    pub name: String,
    pub value: Node,
    /// The member is left out if its value is null.
    pub omit_null: bool,
}

impl Template {
    pub fn compose(node: &Node, names: &Names<'_>) -> Self {
        let mut builder = Builder::new(Mode::Json, names);
        append(&mut builder, node, &mut Vec::new());
        builder.finish()
    }
}

/// `path` has the names of the members around it, as in `append`, `always` and `list`.
fn append<'n>(builder: &mut Builder, node: &'n Node, path: &mut Vec<&'n str>) {
    match node {
        Node::Object(members) if members.is_empty() => builder.text("{}"),
        Node::Object(members) => {
            builder.text("{");
            if members.iter().any(|member| member.omit_null) {
                let list = apart(builder, |builder| list(builder, members, path));
                builder.push(Op::List(list));
            } else {
                always(builder, members, path);
            }
            builder.text("}");
        }
        Node::Constant(value) => builder.text(&value.to_string()),
        Node::Template(template) => {
            let field = field(builder, path);
            splice(builder, template, field);
        }
    }
}

fn value<'n>(builder: &mut Builder, member: &'n Member, path: &mut Vec<&'n str>) {
    path.push(&member.name);
    append(builder, &member.value, path);
    path.pop();
}

fn always<'n>(builder: &mut Builder, members: &'n [Member], path: &mut Vec<&'n str>) {
    for (at, member) in members.iter().enumerate() {
        builder.text(if at == 0 { "" } else { "," });
        builder.text(&json_string(&member.name));
        builder.text(":");
        value(builder, member, path);
    }
}

/// Neighbors that are always there become one item.
fn list<'n>(builder: &mut Builder, members: &'n [Member], path: &mut Vec<&'n str>) {
    for run in members.chunk_by(|left, right| !left.omit_null && !right.omit_null) {
        match run {
            [member] if member.omit_null => {
                let before = constant(builder, &format!("{}:", json_string(&member.name)));
                let value = apart(builder, |builder| value(builder, member, path));
                path.push(&member.name);
                let field = field(builder, path);
                path.pop();
                builder.push(Op::Optional { before, value, field });
            }
            run => {
                let item = apart(builder, |builder| always(builder, run, path));
                builder.push(Op::Item(item));
            }
        }
    }
}

/// A number for a field; its path is written as the mapper has it.
fn field(builder: &mut Builder, path: &[&str]) -> Field {
    let names: Vec<_> = path.iter().map(|name| name.replace('\\', r"\\").replace('.', r"\.")).collect();
    let (path, fields) = (names.join("."), &mut builder.template.fields);
    if path.is_empty() {
        return None;
    }
    if fields.last() != Some(&path) {
        fields.push(path);
    }
    fields.len().checked_sub(1)
}

/// The ops that `inner` makes, apart from those before.
fn apart(builder: &mut Builder, inner: impl FnOnce(&mut Builder)) -> Ops {
    let before = std::mem::take(&mut builder.template.ops);
    inner(builder);
    std::mem::replace(&mut builder.template.ops, before)
}

/// Constant text that no op writes by itself.
fn constant(builder: &mut Builder, text: &str) -> Range<usize> {
    let start = builder.template.text.len();
    builder.template.text.push_str(text);
    start..builder.template.text.len()
}

fn splice(builder: &mut Builder, template: &Template, field: Field) {
    let mut template = template.clone();
    if template.mode != Mode::Json {
        quote(&mut template);
    }
    let uses = template.uses.clone();
    if template.ops.iter().all(|op| matches!(op, Op::Text(_) | Op::Hole(_))) {
        inline(builder, template, field);
    } else {
        builder.push(Op::Embedded(Box::new(template), field));
    }
    builder.uses(&uses);
}

/// A template that only places columns becomes a part of the message itself.
fn inline(builder: &mut Builder, template: Template, field: Field) {
    for op in template.ops {
        match op {
            Op::Text(range) => builder.text(template.text.get(range).unwrap_or_default()),
            Op::Hole(hole) => builder.push(Op::Hole(Hole { field, ..hole })),
            other => builder.push(other),
        }
    }
}

/// A text template as the JSON string that has its text.
fn quote(template: &mut Template) {
    let plain = std::mem::take(&mut template.text);
    let mut text = String::from("\"");
    escape(&mut template.ops, &plain, &mut text);
    template.ops.insert(0, Op::Text(0..1));
    template.ops.push(Op::Text(0..1));
    (template.text, template.mode) = (text, Mode::Json);
}

/// What is written to the output is escaped; what only becomes the value of a variable stays text.
fn escape(ops: &mut Ops, plain: &str, text: &mut String) {
    let string = |place: &mut Place| *place = Place::String;
    for op in ops {
        match op {
            Op::Text(range) => {
                let start = text.len();
                text.push_str(string_content(&json_string(plain.get(range.clone()).unwrap_or_default())));
                *range = start..text.len();
            }
            Op::Hole(Hole { place, .. }) | Op::Output { place, .. } | Op::Count { place, .. } => string(place),
            Op::Cycle(cycle) => string(&mut cycle.place),
            Op::If { branches, otherwise, .. } => {
                branches.iter_mut().for_each(|(_, body)| escape(body, plain, text));
                escape(otherwise, plain, text);
            }
            Op::Case(case) => case.arms.iter_mut().for_each(|(_, body)| escape(body, plain, text)),
            Op::For(node) => {
                escape(&mut node.body, plain, text);
                escape(&mut node.otherwise, plain, text);
            }
            Op::TableRow(node) => {
                string(&mut node.place);
                escape(&mut node.body, plain, text);
            }
            Op::IfChanged { body, place } => {
                string(place);
                escape(body, plain, text);
            }
            Op::Capture { body, .. } => keep(body, plain, text),
            Op::List(body) | Op::Item(body) | Op::Object(body) | Op::Optional { value: body, .. } => {
                escape(body, plain, text);
            }
            Op::Assign { .. } | Op::Break | Op::Continue | Op::KeyStart | Op::KeyEnd(_) | Op::Literal(..) => {}
            Op::Embedded(..) => {}
        }
    }
}

/// Moves the constant text of a body as it is.
fn keep(ops: &mut Ops, plain: &str, text: &mut String) {
    for op in ops {
        match op {
            Op::Text(range) => {
                let start = text.len();
                text.push_str(plain.get(range.clone()).unwrap_or_default());
                *range = start..text.len();
            }
            other => other.bodies().for_each(|body| keep(body, plain, text)),
        }
    }
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Without the two quotes.
fn string_content(string: &str) -> &str {
    string.strip_prefix('"').and_then(|content| content.strip_suffix('"')).unwrap_or(string)
}
