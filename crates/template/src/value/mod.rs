//! Values while rendering.

mod column;
mod compare;
mod convert;
mod index;
pub(crate) mod number;
mod parse;
mod plain_json;
mod text;

use std::collections::HashMap;
use std::rc::Rc;

pub use column::size;
pub(crate) use column::{characters, is_number, json, write_column, write_quick};
pub(crate) use number::Decimal;
pub(crate) use parse::{from_json, json_text};
pub(crate) use text::Text;

use crate::fault::Fault;
use crate::names::Style;
use crate::render::Budget;

/// `'r` is the life of the row and the template.
#[derive(Debug, Clone)]
pub(crate) enum Value<'r> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Exact: an integer beyond 64 bits, or a number whose fraction must stay as it is.
    Decimal(Rc<Decimal>),
    Text(Text<'r>),
    /// Valid JSON text, made by the filter `json`: JSON in value position, its text elsewhere.
    Json(Text<'r>),
    Array(Rc<[Self]>),
    Object(Rc<Object<'r>>),
    /// Both ends included. Its elements are made one by one.
    Range(i64, i64),
    /// A value of the row, untouched; `resolve` makes one of the others of it.
    Column(&'r domain::Value, Style),
    Empty,
    Blank,
}

/// Members in their order, no two of the same name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object<'r> {
    members: Vec<(Text<'r>, Value<'r>)>,
    /// The places of the members in the order of their names, if there are many.
    sorted: Vec<u32>,
}

/// Fewer members than this are searched one by one.
const MANY: usize = 12;

impl<'r> Object<'r> {
    /// Of two members of the same name the first keeps its place and gets the value of the last. The caller has charged
    /// for the members; sorting them is within a small factor of that.
    pub(crate) fn from_members(members: Vec<(Text<'r>, Value<'r>)>) -> Self {
        let mut kept: Vec<(Text<'r>, Value<'r>)> = Vec::with_capacity(members.len());
        if members.len() < MANY {
            for (name, value) in members {
                match kept.iter_mut().find(|(other, _)| **other == *name) {
                    Some((_, slot)) => *slot = value,
                    None => kept.push((name, value)),
                }
            }
            return Self { members: kept, sorted: Vec::new() };
        }
        let mut places: HashMap<Text<'r>, usize> = HashMap::with_capacity(members.len());
        for (name, value) in members {
            match places.get(&name).and_then(|place| kept.get_mut(*place)) {
                Some((_, slot)) => *slot = value,
                None => {
                    places.insert(name.clone(), kept.len());
                    kept.push((name, value));
                }
            }
        }
        let mut sorted: Vec<u32> = (0..u32::try_from(kept.len()).unwrap_or(u32::MAX)).collect();
        sorted.sort_by(|left, right| kept[*left as usize].0.cmp(&kept[*right as usize].0));
        Self { members: kept, sorted }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value<'r>> {
        if self.sorted.is_empty() {
            return self.members.iter().find(|(member, _)| **member == *name).map(|(_, value)| value);
        }
        let place = self.sorted.binary_search_by(|place| (*self.members[*place as usize].0).cmp(name)).ok()?;
        let member = self.members.get(*self.sorted.get(place)? as usize)?;
        Some(&member.1)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &(Text<'r>, Value<'r>)> {
        self.members.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }
}

impl<'r> Value<'r> {
    pub(crate) fn text(text: &'r str) -> Self {
        Self::Text(Text::Borrowed(text))
    }

    pub(crate) fn string(text: String) -> Self {
        Self::Text(Text::from(text))
    }

    pub(crate) fn array(elements: Vec<Self>) -> Self {
        Self::Array(elements.into())
    }

    /// Only nil and false are false.
    pub(crate) fn is_true(&self) -> bool {
        !matches!(
            self,
            Self::Nil | Self::Bool(false) | Self::Column(domain::Value::Null | domain::Value::Bool(false), _)
        )
    }

    pub(crate) fn is_nil(&self) -> bool {
        matches!(self, Self::Nil | Self::Column(domain::Value::Null, _))
    }

    /// The value of a column as one of the other values; everything else as it is. JSON is parsed, and paid for.
    pub(crate) fn resolve(self, budget: &mut Budget) -> Result<Self, Fault> {
        match self {
            Self::Column(value, style) => column::resolve(value, style, budget),
            other => Ok(other),
        }
    }

    /// What it is, for people.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) | Self::Decimal(_) => "a number",
            Self::Text(_) => "text",
            Self::Json(_) => "JSON text",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
            Self::Range(..) => "a range",
            Self::Column(..) => "the value of a column",
            Self::Empty => "`empty`",
            Self::Blank => "`blank`",
        }
    }
}
