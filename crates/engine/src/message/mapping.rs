//! The field mapper: a list of target paths and where their values come from.

use domain::{MappedField, MappedValue, NullForm};
use template::{MAX_DEPTH, Member, Names, Node, Options, Template};

use super::ConfigProblem;

/// More fields than any query of PostgreSQL can have columns.
const MAX_FIELDS: usize = 2_000;

pub(super) fn compile(
    fields: &[MappedField],
    names: &Names<'_>,
    options: Options,
) -> Result<Template, Vec<ConfigProblem>> {
    let whole = |message: String, advice: &str| vec![ConfigProblem::new("message.fields", message, advice)];
    if fields.is_empty() {
        return Err(whole("no field is mapped".to_owned(), "Map at least one field, or write `fields: all`."));
    }
    if fields.len() > MAX_FIELDS {
        return Err(whole(
            format!("{} fields are mapped, and {MAX_FIELDS} can be", fields.len()),
            "Put parts of the message together in the query, as json columns.",
        ));
    }
    let mut problems = Vec::new();
    let mut members = Vec::new();
    let mut paths: Vec<(&str, Vec<String>)> = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        let place = format!("message.fields[{at}]");
        let value = value(&place, field, names, options).map_err(|problem| problems.push(problem)).ok();
        match path(&field.to).and_then(|path| free(&paths, &field.to, &path).map(|()| path)) {
            Ok(path) => {
                let value = value.unwrap_or(Node::Constant(serde_json::Value::Null));
                insert(&mut members, &path, value, field.null == NullForm::Omit);
                paths.push((&field.to, path));
            }
            Err((message, advice)) => problems.push(ConfigProblem::new(format!("{place}.to"), message, advice)),
        }
    }
    if problems.is_empty() { Ok(Template::compose(&Node::Object(members), names)) } else { Err(problems) }
}

fn value(place: &str, field: &MappedField, names: &Names<'_>, options: Options) -> Result<Node, ConfigProblem> {
    match &field.from {
        MappedValue::Constant(_) | MappedValue::Template(_) if field.null == NullForm::Omit => Err(ConfigProblem::new(
            format!("{place}.null"),
            "a constant and the text of a template are never left out",
            "Remove `null`, or write the value as `json`, with a branch that gives `null`.",
        )),
        MappedValue::Constant(constant) => Ok(Node::Constant(constant.clone())),
        MappedValue::Column(name) => Template::column(name, names)
            .map(Node::Template)
            .map_err(|problem| ConfigProblem::of_name(format!("{place}.column"), problem)),
        MappedValue::Template(source) => Template::text_with(source, names, options)
            .map(Node::Template)
            .map_err(|problem| ConfigProblem::of_template(format!("{place}.template"), problem)),
        MappedValue::Json(source) => Template::json_with(source, names, options)
            .map(Node::Template)
            .map_err(|problem| ConfigProblem::of_template(format!("{place}.json"), problem)),
    }
}

/// What is wrong with a path, and what to write instead.
type Wrong = (String, String);

/// The names of a path. `\.` is a dot and `\\` a backslash.
fn path(to: &str) -> Result<Vec<String>, Wrong> {
    let mut names = vec![String::new()];
    let mut characters = to.chars();
    while let Some(character) = characters.next() {
        let next = match character {
            '.' => {
                names.push(String::new());
                continue;
            }
            '\\' => match characters.next() {
                Some(escaped @ ('.' | '\\')) => escaped,
                _ => {
                    return Err((
                        format!("the path `{to}` has a backslash that escapes nothing"),
                        "Write `\\.` for a dot in a name, and `\\\\` for a backslash.".to_owned(),
                    ));
                }
            },
            other => other,
        };
        if let Some(name) = names.last_mut() {
            name.push(next);
        }
    }
    if names.iter().any(String::is_empty) {
        return Err((
            format!("the path `{to}` has an empty name"),
            "Write names with one dot between them, as in `person.name`.".to_owned(),
        ));
    }
    if names.len() > MAX_DEPTH {
        return Err((
            format!("the path nests {} deep, and {MAX_DEPTH} is allowed", names.len()),
            "Make the message flatter.".to_owned(),
        ));
    }
    Ok(names)
}

/// No two fields may go to the same path, and none into another's value.
fn free(taken: &[(&str, Vec<String>)], to: &str, path: &[String]) -> Result<(), Wrong> {
    let clash = taken.iter().find(|(_, other)| other.starts_with(path) || path.starts_with(other));
    match clash {
        None => Ok(()),
        Some((_, other)) if other == path => {
            Err((format!("an earlier field goes to `{to}` too"), "Give each field a path of its own.".to_owned()))
        }
        Some((other, _)) => Err((
            format!("`{to}` and the earlier `{other}` cannot both be: one would be inside the value of the other"),
            "Give both a path of their own.".to_owned(),
        )),
    }
}

fn insert(members: &mut Vec<Member>, path: &[String], value: Node, omit_null: bool) {
    let [name, rest @ ..] = path else { return };
    if rest.is_empty() {
        members.push(Member { name: name.clone(), value, omit_null });
        return;
    }
    let at = members.iter().position(|member| member.name == *name).unwrap_or_else(|| {
        members.push(Member { name: name.clone(), value: Node::Object(Vec::new()), omit_null: false });
        members.len() - 1
    });
    if let Some(Member { value: Node::Object(inner), .. }) = members.get_mut(at) {
        insert(inner, rest, value, omit_null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_at_its_dots_and_escapes_keep_them() {
        assert_eq!(path("a").unwrap(), ["a"]);
        assert_eq!(path("a.b c.é").unwrap(), ["a", "b c", "é"]);
        assert_eq!(path(r"a\.b.c\\").unwrap(), ["a.b", r"c\"]);
        for wrong in ["", ".", "a.", ".a", "a..b", r"a\b", "a\\"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
        assert!(path(&vec!["a"; 64].join(".")).is_ok());
        assert!(path(&vec!["a"; 65].join(".")).is_err());
    }
}
