//! A JSON text with holes. The text around the holes is checked as JSON here, so that only values are left to render.

use std::collections::HashSet;

use crate::MAX_DEPTH;
use crate::cursor::Cursor;
use crate::hole;
use crate::names::Names;
use crate::problem::{Problem, quoted};
use crate::program::{Builder, Mode, Place, Template};
use crate::string::{self, Stop};

impl Template {
    /// Compiles a JSON text with holes. What it renders is always valid JSON.
    pub fn json(source: &str, names: &Names<'_>) -> Result<Self, Problem> {
        let cursor = Cursor::new(source)?;
        let mut parser = Parser { cursor, copied: 0, names, builder: Builder::new(Mode::Json, names), depth: 0 };
        parser.value()?;
        parser.cursor.skip_space();
        if parser.cursor.peek().is_some() {
            return Err(parser.after_value("the message ends here, but more follows"));
        }
        parser.copy();
        Ok(parser.builder.finish())
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    /// How much of the source has become segments.
    copied: usize,
    names: &'a Names<'a>,
    builder: Builder,
    depth: usize,
}

impl Parser<'_> {
    fn value(&mut self) -> Result<(), Problem> {
        self.cursor.skip_space();
        match self.cursor.peek() {
            Some('{') if self.cursor.starts_with("{{") => self.hole(Place::Value),
            Some('{') if self.cursor.starts_with("{%") => Err(self.cursor.tag_problem()),
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::array),
            Some('"') => self.string().map(|_| ()),
            Some('-' | '0'..='9') => self.number(),
            _ => self.word(),
        }
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Result<(), Problem>) -> Result<(), Problem> {
        if self.depth == MAX_DEPTH {
            return Err(self.cursor.problem(
                format!("objects and arrays are nested more than {MAX_DEPTH} deep"),
                "Make the message flatter, or put the deep part together in the query, as a json column.",
            ));
        }
        self.depth += 1;
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self) -> Result<(), Problem> {
        let start = self.cursor.offset();
        let mut literal = HashSet::new();
        let mut object = None;
        self.cursor.bump();
        self.cursor.skip_space();
        if self.cursor.eat("}") {
            return Ok(());
        }
        loop {
            self.key(&mut literal, &mut object)?;
            self.cursor.skip_space();
            if !self.cursor.eat(":") {
                return Err(self
                    .cursor
                    .problem("a `:` is missing after the name of the member", "Write `\"name\": value`."));
            }
            self.value()?;
            self.cursor.skip_space();
            if self.cursor.eat("}") {
                break;
            }
            self.comma(start, "object", '}')?;
        }
        if let Some(object) = object {
            self.builder.close_object(object, literal.into_iter().collect());
        }
        Ok(())
    }

    /// The name of a member: a string, with or without holes, or a hole.
    fn key(&mut self, literal: &mut HashSet<String>, object: &mut Option<usize>) -> Result<(), Problem> {
        self.cursor.skip_space();
        let start = self.cursor.offset();
        match self.cursor.peek() {
            Some('"') => {}
            Some('{') if self.cursor.starts_with("{{") => {
                let object = *object.get_or_insert_with(|| self.builder.open_object());
                self.copy();
                self.builder.text("\"");
                self.builder.key_start();
                self.hole(Place::String)?;
                self.builder.key_end(object);
                self.builder.text("\"");
                return Ok(());
            }
            Some('{') if self.cursor.starts_with("{%") => return Err(self.cursor.tag_problem()),
            _ => return Err(self.no_key()),
        }
        let plain = self.key_string(object)?;
        match plain {
            Some(name) if literal.contains(&name) => Err(self.cursor.problem_at(
                start,
                format!("the object has a second member {}", quoted(&name)),
                "Give each member a name of its own.",
            )),
            Some(name) => {
                literal.insert(name);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The name, if it has no holes; else it is checked for each row.
    fn key_string(&mut self, object: &mut Option<usize>) -> Result<Option<String>, Problem> {
        let start = self.cursor.offset();
        let mut name = String::new();
        self.cursor.bump();
        let content = self.cursor.offset();
        if string::literal(&mut self.cursor, start, &mut name)? == Stop::Quote {
            self.cursor.bump();
            return Ok(Some(name));
        }
        let object = *object.get_or_insert_with(|| self.builder.open_object());
        let beginning = self.cursor.since(content);
        self.copy_until(content);
        self.builder.key_start();
        self.builder.text(beginning);
        self.copied = self.cursor.offset();
        self.rest_of_string(start)?;
        self.copy();
        self.builder.key_end(object);
        self.cursor.bump();
        Ok(None)
    }

    fn array(&mut self) -> Result<(), Problem> {
        let start = self.cursor.offset();
        self.cursor.bump();
        self.cursor.skip_space();
        if self.cursor.eat("]") {
            return Ok(());
        }
        loop {
            self.value()?;
            self.cursor.skip_space();
            if self.cursor.eat("]") {
                return Ok(());
            }
            self.comma(start, "array", ']')?;
        }
    }

    fn comma(&mut self, start: usize, what: &str, close: char) -> Result<(), Problem> {
        let at = self.cursor.offset();
        if !self.cursor.eat(",") {
            return Err(match self.cursor.peek() {
                None => {
                    self.cursor.problem_at(start, format!("this {what} is never closed"), format!("Write `{close}`."))
                }
                Some(_) => self.after_value(&format!("expected `,` or `{close}` in this {what}")),
            });
        }
        self.cursor.skip_space();
        if self.cursor.peek() == Some(close) {
            let message = format!("the {what} ends after a comma");
            return Err(self.cursor.problem_at(at, message, "Remove this comma."));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Problem> {
        let start = self.cursor.offset();
        self.cursor.bump();
        self.rest_of_string(start)?;
        self.cursor.bump();
        Ok(())
    }

    /// Up to the closing quote, which is left.
    fn rest_of_string(&mut self, start: usize) -> Result<(), Problem> {
        let mut decoded = String::new();
        while string::literal(&mut self.cursor, start, &mut decoded)? == Stop::Hole {
            self.hole(Place::String)?;
        }
        Ok(())
    }

    fn hole(&mut self, place: Place) -> Result<(), Problem> {
        self.copy();
        let reference = hole::parse(&mut self.cursor, self.names)?;
        self.builder.hole(reference, place);
        self.copied = self.cursor.offset();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Problem> {
        let start = self.cursor.offset();
        let number = self.cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        if crate::value::is_number(number) {
            return Ok(());
        }
        Err(self.cursor.problem_at(
            start,
            format!("{} is not a number in JSON", quoted(number)),
            "JSON writes `-12`, `0.5`, `1e6`; put anything else in double quotes.",
        ))
    }

    fn word(&mut self) -> Result<(), Problem> {
        let start = self.cursor.offset();
        let word = self.cursor.take_while(|c| c.is_alphanumeric() || c == '_');
        let advice = match word {
            "true" | "false" | "null" => return Ok(()),
            "" => return Err(self.no_value()),
            "True" | "TRUE" => "Write `true`.",
            "False" | "FALSE" => "Write `false`.",
            "None" | "nil" | "NULL" | "Null" | "undefined" => "Write `null`.",
            "NaN" | "Infinity" => "JSON has no such number; put it in double quotes.",
            _ => "Put text in double quotes; put a column between `{{ ` and ` }}`, as in `{{ row.column }}`.",
        };
        Err(self.cursor.problem_at(start, format!("{} is not a JSON value", quoted(word)), advice))
    }

    fn no_value(&self) -> Problem {
        let (message, advice) = match self.cursor.peek() {
            None => ("a value is missing", "Write a JSON value or a hole, as in `{{ row.column }}`."),
            Some('\'') => ("JSON has no single quotes", "Put text in double quotes."),
            Some('/' | '#') => ("JSON has no comments", "Remove it."),
            Some(',' | '}' | ']' | ':') => {
                ("a value is missing here", "Write a JSON value or a hole, as in `{{ row.column }}`.")
            }
            Some('\u{feff}') => ("a byte-order mark stands here", "Save the text without it, as plain UTF-8."),
            Some(_) => ("this is not a JSON value", "Put text in double quotes."),
        };
        self.cursor.problem(message, advice)
    }

    fn no_key(&self) -> Problem {
        match self.cursor.peek() {
            None => self.cursor.problem("the object is never closed", "Write `}`."),
            Some('\'') => self.cursor.problem("JSON has no single quotes", "Put the name in double quotes."),
            Some('/' | '#') => self.cursor.problem("JSON has no comments", "Remove it."),
            Some(_) => self.cursor.problem("the name of a member is missing", "Write `\"name\": value`."),
        }
    }

    fn after_value(&self, message: &str) -> Problem {
        let advice = match self.cursor.peek() {
            Some('/' | '#') => "JSON has no comments; remove it.",
            Some('"' | '{' | '[') => {
                "Write a comma between two values; put a text with holes in one pair of double quotes."
            }
            Some('}' | ']') => "There is a closing bracket too many, or of the wrong kind.",
            _ => "To mix text and holes, put all of it in one pair of double quotes.",
        };
        self.cursor.problem(message, advice)
    }

    /// What was read since the last hole becomes constant text.
    fn copy(&mut self) {
        self.copy_until(self.cursor.offset());
    }

    fn copy_until(&mut self, end: usize) {
        let text = self.cursor.since(self.copied);
        let text = text.get(..end.saturating_sub(self.copied)).unwrap_or(text);
        self.builder.text(text);
        self.copied = end;
    }
}
