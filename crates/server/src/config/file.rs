//! The settings as they are written: a YAML file, and variables of the environment that win over it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::problem::Problem;

/// Variables that set something are `ROWCAST_SECTION__KEY`. Those without two underlines belong to the command line.
const PREFIX: &str = "ROWCAST_";

/// What is written for each key, such as `worker.lease`.
pub(super) type Given = BTreeMap<String, Written>;

#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Written, but as `null`: the default.
    Nothing,
    Text(String),
    List(Vec<String>),
    /// A list or section where a value belongs.
    Nested,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { name: Arc<str>, line: u64 },
    Variable(String),
}

impl Origin {
    /// In the order in which a person goes through them.
    pub(super) fn place(&self) -> (u64, String) {
        match self {
            Self::File { line, .. } => (*line, String::new()),
            Self::Variable(name) => (u64::MAX, name.clone()),
            Self::Default => (0, String::new()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// All keys of a file. A file that is no YAML is one problem; its text is not repeated, for it may hold secrets.
pub(super) fn read_file(name: &str, text: &str) -> Result<Given, Problem> {
    let root: Option<Spanned<Node>> = serde_saphyr::from_str(text).map_err(|error| Problem {
        key: String::new(),
        origin: Origin::File { name: name.into(), line: error.location().map_or(1, |location| location.line()) },
        what: format!("this is not valid YAML: {}", error.without_snippet()),
    })?;
    let mut given = Given::new();
    let name: Arc<str> = name.into();
    if let Some(root) = root {
        flatten("", root.referenced.line(), &root.value, &name, &mut given);
    }
    Ok(given)
}

/// Puts what the environment says over what the file says. An empty variable says nothing.
pub(super) fn add_environment(given: &mut Given, environment: &BTreeMap<String, String>) {
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| rest.contains("__") && !value.is_empty()) else {
            continue;
        };
        let key = rest.replace("__", ".").to_lowercase();
        let origin = Origin::Variable(name.clone());
        given.insert(key, Written { value: Value::Text(value.clone()), origin });
    }
}

fn flatten(key: &str, line: u64, node: &Node, name: &Arc<str>, given: &mut Given) {
    let value = match node {
        Node::Map(entries) => {
            for (part, value) in entries {
                let key = if key.is_empty() { part.value.clone() } else { format!("{key}.{}", part.value) };
                flatten(&key, part.referenced.line(), &value.value, name, given);
            }
            return;
        }
        Node::Null => Value::Nothing,
        Node::Text(text) => Value::Text(text.clone()),
        Node::List(items) => {
            let texts = items.iter().map(|item| match &item.value {
                Node::Text(text) => Some(text.clone()),
                Node::Null | Node::List(_) | Node::Map(_) => None,
            });
            texts.collect::<Option<_>>().map_or(Value::Nested, Value::List)
        }
    };
    if key.is_empty() && value == Value::Nothing {
        return;
    }
    given.insert(key.to_owned(), Written { value, origin: Origin::File { name: Arc::clone(name), line } });
}

/// Any YAML. Numbers and truth values are kept as text: what they mean is the key's affair, as in the environment.
#[derive(Debug)]
enum Node {
    Null,
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a section")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Node::Map(map))
    }
}
