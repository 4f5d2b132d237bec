//! Values as text and as JSON.

use std::fmt::Write as _;

use super::{Text, Value, column, number};
use crate::fault::Fault;
use crate::output::Output;
use crate::program::Place;
use crate::render::Budget;

impl<'r> Value<'r> {
    /// Its text. `plain`: arrays and objects as Liquid in Ruby prints them, else as compact JSON.
    pub(crate) fn to_text(&self, plain: bool, budget: &mut Budget) -> Result<Text<'r>, Fault> {
        match self {
            Self::Text(text) | Self::Json(text) => Ok(text.clone()),
            Self::Nil | Self::Empty | Self::Blank => Ok(Text::Borrowed("")),
            Self::Bool(true) => Ok(Text::Borrowed("true")),
            Self::Bool(false) => Ok(Text::Borrowed("false")),
            _ => {
                let mut bytes = Vec::new();
                let mut out = Output::bounded(&mut bytes, budget.memory_left());
                self.write(&mut out, Place::Text, plain, budget).map_err(|fault| match fault {
                    Fault::Full => Fault::TooMuchMemory,
                    other => other,
                })?;
                budget.allocate(bytes.len())?;
                Ok(Text::from(String::from_utf8(bytes).unwrap_or_default()))
            }
        }
    }

    /// Writes it where it stands.
    pub(crate) fn write(
        &self,
        out: &mut Output<'_>,
        place: Place,
        plain: bool,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        let escape = match place {
            Place::Value => return self.write_json(out, budget),
            Place::String => true,
            Place::Text => false,
        };
        budget.work(1)?;
        match self {
            Self::Nil | Self::Empty | Self::Blank => Ok(()),
            Self::Bool(true) => out.push(b"true"),
            Self::Bool(false) => out.push(b"false"),
            Self::Int(int) => out.push(itoa::Buffer::new().format(*int).as_bytes()),
            Self::Float(float) => {
                budget.work(6)?;
                out.push(float_text(*float, plain).as_bytes())
            }
            Self::Decimal(decimal) => {
                // Its digits are made by dividing, again and again.
                budget.inspect(decimal.size().saturating_mul(4))?;
                out.push(decimal.to_string().as_bytes())
            }
            Self::Text(text) | Self::Json(text) => {
                budget.scan(text.len())?;
                column::characters(out, text, escape)
            }
            Self::Column(value, style) => column::text(out, value, *style, escape),
            Self::Range(from, to) => out.push(format!("{from}..{to}").as_bytes()),
            Self::Array(elements) if plain => {
                for element in elements.iter() {
                    element.write(out, place, plain, budget)?;
                }
                Ok(())
            }
            Self::Object(_) if plain => {
                let mut text = String::new();
                self.inspect(&mut text, budget)?;
                column::characters(out, &text, escape)
            }
            Self::Array(_) | Self::Object(_) => {
                let text = out.aside(|out| self.write_json(out, budget))?;
                column::characters(out, &text, escape)
            }
        }
    }

    /// As JSON: a text is a string, what is missing is null.
    pub(crate) fn write_json(&self, out: &mut Output<'_>, budget: &mut Budget) -> Result<(), Fault> {
        budget.work(1)?;
        match self {
            Self::Nil => out.push(b"null"),
            Self::Bool(_) | Self::Int(_) => self.write(out, Place::Text, false, budget),
            Self::Float(float) if float.is_finite() => {
                budget.work(2)?;
                out.push(zmij::Buffer::new().format(*float).as_bytes())
            }
            Self::Float(_) | Self::Range(..) => {
                out.push(b"\"")?;
                self.write(out, Place::Text, false, budget)?;
                out.push(b"\"")
            }
            Self::Decimal(_) => self.write(out, Place::Text, false, budget),
            Self::Text(text) => {
                // All of it may have to be escaped.
                budget.inspect(text.len().saturating_mul(2))?;
                out.string(text)
            }
            Self::Json(text) => {
                budget.scan(text.len())?;
                out.push(text.as_bytes())
            }
            Self::Empty | Self::Blank => out.push(b"\"\""),
            Self::Column(value, style) => column::json(out, value, *style),
            Self::Array(elements) => {
                out.push(b"[")?;
                for (at, element) in elements.iter().enumerate() {
                    if at > 0 {
                        out.push(b",")?;
                    }
                    element.write_json(out, budget)?;
                }
                out.push(b"]")
            }
            Self::Object(object) => {
                out.push(b"{")?;
                for (at, (name, value)) in object.iter().enumerate() {
                    if at > 0 {
                        out.push(b",")?;
                    }
                    budget.scan(name.len())?;
                    out.string(name)?;
                    out.push(b":")?;
                    value.write_json(out, budget)?;
                }
                out.push(b"}")
            }
        }
    }

    /// As Ruby shows a value in an object: `{"a"=>1, "b"=>[nil, "x"]}`.
    pub(crate) fn inspect(&self, out: &mut String, budget: &mut Budget) -> Result<(), Fault> {
        budget.work(1)?;
        match self {
            Self::Nil | Self::Column(domain::Value::Null, _) => out.push_str("nil"),
            Self::Text(text) | Self::Json(text) => {
                budget.allocate(text.len() + 2)?;
                inspect_text(out, text);
            }
            Self::Array(elements) => {
                budget.allocate(2 * elements.len() + 2)?;
                out.push('[');
                for (at, element) in elements.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    element.inspect(out, budget)?;
                }
                out.push(']');
            }
            Self::Object(object) => {
                budget.allocate(4 * object.len() + 2)?;
                out.push('{');
                for (at, (name, value)) in object.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    budget.allocate(name.len() + 2)?;
                    inspect_text(out, name);
                    out.push_str("=>");
                    value.inspect(out, budget)?;
                }
                out.push('}');
            }
            Self::Column(..) => self.clone().resolve(budget)?.inspect(out, budget)?,
            other => out.push_str(&other.to_text(true, budget)?),
        }
        Ok(())
    }
}

fn inspect_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{1b}' => out.push_str("\\e"),
            control if control.is_control() => {
                // Writing to a String does not fail.
                write!(out, "\\u{:04X}", u32::from(control)).unwrap_or_default();
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// `plain`: as Ruby prints it.
fn float_text(float: f64, plain: bool) -> String {
    if plain || !float.is_finite() { number::ruby_float(float) } else { zmij::Buffer::new().format(float).to_owned() }
}
