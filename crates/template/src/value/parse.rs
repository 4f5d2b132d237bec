//! JSON text and JSON values as values to compute with.

use std::rc::Rc;

use serde_json::value::RawValue;

use super::number::Number;
use super::{Object, Text, Value};
use crate::MAX_DEPTH;
use crate::fault::Fault;
use crate::render::Budget;

/// About what a member or an element takes beside its text.
const ENTRY: usize = size_of::<(Text<'_>, Value<'_>)>();

impl From<Number> for Value<'_> {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(int) => Self::Int(int),
            Number::Decimal(decimal) => Self::Decimal(Rc::new(decimal)),
        }
    }
}

/// The value of a JSON number. `floats`: a fraction makes a float of it, as in other engines, and no exact decimal.
fn number<'r>(digits: &str, floats: bool) -> Result<Value<'r>, Fault> {
    if let Ok(int) = digits.parse() {
        return Ok(Value::Int(int));
    }
    if floats && digits.contains(['.', 'e', 'E']) {
        return match digits.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Value::Float(float)),
            _ => Err(Fault::failed("a number is too large")),
        };
    }
    Number::parse(digits).map(Value::from).map_err(|error| Fault::failed(format!("a number in JSON {error}")))
}

/// A JSON text; it is checked, and paid for before anything is allocated.
pub(crate) fn json_text<'r>(json: &'r str, floats: bool, budget: &mut Budget) -> Result<Value<'r>, Fault> {
    // Checked, read, and its text copied at most.
    budget.work(json.len() / 16 + 1)?;
    let checked = serde_json::from_str::<&RawValue>(json).map_err(Fault::InvalidJson)?;
    let mut parser = Parser { rest: checked.get(), floats, budget };
    parser.value(0)
}

/// Reads JSON that is known to be valid.
struct Parser<'r, 'b> {
    rest: &'r str,
    floats: bool,
    budget: &'b mut Budget,
}

impl<'r> Parser<'r, '_> {
    fn value(&mut self, depth: usize) -> Result<Value<'r>, Fault> {
        self.space();
        match self.rest.as_bytes().first() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(Fault::TooDeep),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b't') => self.word(4, Value::Bool(true)),
            Some(b'f') => self.word(5, Value::Bool(false)),
            Some(b'n') => self.word(4, Value::Nil),
            _ => {
                let end = self.rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
                let digits = self.take(end.unwrap_or(self.rest.len()));
                self.budget.allocate(digits.len())?;
                number(digits, self.floats)
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'r>, Fault> {
        let mut members = Vec::new();
        self.take(1);
        loop {
            self.space();
            match self.rest.as_bytes().first() {
                Some(b'"') => {}
                Some(b',') => {
                    self.take(1);
                    continue;
                }
                _ => break,
            }
            // Twice, as collecting them allocates again.
            self.budget.allocate(2 * ENTRY)?;
            let name = self.string()?;
            self.space();
            self.take(1);
            members.push((name, self.value(depth + 1)?));
        }
        self.take(1);
        Ok(Value::Object(Rc::new(Object::from_members(members))))
    }

    fn array(&mut self, depth: usize) -> Result<Value<'r>, Fault> {
        let mut elements = Vec::new();
        self.take(1);
        loop {
            self.space();
            match self.rest.as_bytes().first() {
                Some(b',') => {
                    self.take(1);
                }
                Some(b']') | None => break,
                Some(_) => {
                    self.budget.allocate(2 * size_of::<Value<'_>>())?;
                    elements.push(self.value(depth + 1)?);
                }
            }
        }
        self.take(1);
        Ok(Value::array(elements))
    }

    fn string(&mut self) -> Result<Text<'r>, Fault> {
        let bytes = self.rest.as_bytes();
        let (mut end, mut escaped) = (1, false);
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    end += 1;
                }
                _ => {}
            }
            end += 1;
        }
        let quoted = self.take(end + 1);
        if escaped {
            self.budget.allocate(quoted.len())?;
            return serde_json::from_str::<String>(quoted).map(Text::from).map_err(Fault::InvalidJson);
        }
        Ok(Text::Borrowed(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()))
    }

    fn word(&mut self, length: usize, value: Value<'r>) -> Result<Value<'r>, Fault> {
        self.take(length);
        Ok(value)
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn take(&mut self, length: usize) -> &'r str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}

/// A JSON value that is there already.
pub(crate) fn from_json<'r>(json: &'r serde_json::Value, budget: &mut Budget) -> Result<Value<'r>, Fault> {
    nested(json, budget, 0)
}

fn nested<'r>(json: &'r serde_json::Value, budget: &mut Budget, depth: usize) -> Result<Value<'r>, Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::TooDeep);
    }
    budget.work(1)?;
    Ok(match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(bool) => Value::Bool(*bool),
        serde_json::Value::Number(digits) => number(&digits.to_string(), true)?,
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(elements) => {
            budget.allocate(elements.len().saturating_mul(size_of::<Value<'_>>()))?;
            let elements: Result<Vec<_>, _> =
                elements.iter().map(|element| nested(element, budget, depth + 1)).collect();
            Value::array(elements?)
        }
        serde_json::Value::Object(members) => {
            budget.allocate(members.len().saturating_mul(2 * ENTRY))?;
            let members: Result<Vec<_>, Fault> = members
                .iter()
                .map(|(name, value)| Ok((Text::Borrowed(name), nested(value, budget, depth + 1)?)))
                .collect();
            Value::Object(Rc::new(Object::from_members(members?)))
        }
    })
}
