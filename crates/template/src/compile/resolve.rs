//! Names to references: loop variables first, then what was assigned, then what the row and its event offer.

use super::Compiler;
use crate::names::nearest;
use crate::problem::{Problem, quoted};
use crate::program::{Expr, Mode, Reference, Step};
use crate::syntax::ast::{self, Literal, Name, Path};

const ROOTS: [&str; 7] = ["row", "previous", "changed_columns", "op", "event", "run", "sync"];

impl Compiler<'_> {
    pub(super) fn path(&mut self, path: &Path, lenient: bool) -> Result<Expr, Problem> {
        let lenient = lenient || path.optional || self.options.missing_is_nil;
        let Some(root) = &path.root else { return self.computed(path, lenient) };
        if let Some(found) = self.of_loop(&root.text) {
            return self.steps(found, &path.steps, path.optional);
        }
        if let Some(slot) = self.variables.get(&root.text).copied() {
            let otherwise = Box::new(self.data_root(&root.text)?);
            return self.steps(Expr::Variable(slot, otherwise), &path.steps, path.optional);
        }
        if self.mode == Mode::Plain {
            let name =
                if path.optional && path.steps.is_empty() { format!("{}?", root.text) } else { root.text.clone() };
            let found = self.data_root(&name)?;
            return self.steps(found, &path.steps, path.optional);
        }
        if self.counters.contains_key(&root.text) && !ROOTS.contains(&root.text.as_str()) {
            let found = self.data_root(&root.text)?;
            return self.steps(found, &path.steps, path.optional);
        }
        match root.text.as_str() {
            "row" => self.of_row(path, Reference::Row, Reference::RowColumn, lenient),
            "previous" => self.of_row(path, Reference::Previous, Reference::PreviousColumn, lenient),
            "changed_columns" => self.whole(Reference::ChangedColumns, &path.steps),
            "op" => self.whole(Reference::Op, &path.steps),
            "event" => self.field(path, &[("id", Reference::EventId), ("sequence", Reference::EventSequence)], lenient),
            "run" => self.field(path, &[("id", Reference::RunId), ("started_at", Reference::RunStartedAt)], lenient),
            "sync" => self.field(path, &[("id", Reference::SyncId), ("name", Reference::SyncName)], lenient),
            other => match self.options.element {
                Some(style) if other == "element" => self.whole(Reference::Element(style), &path.steps),
                _ if lenient => Ok(Expr::Nil),
                _ => Err(self.unknown_root(root)),
            },
        }
    }

    /// A loop variable, or what is known of the loop.
    fn of_loop(&self, name: &str) -> Option<Expr> {
        self.scopes.iter().enumerate().rev().find_map(|(depth, scope)| {
            if scope.variable == name {
                return Some(Expr::Element(depth));
            }
            let looped = if scope.table { "tablerowloop" } else { "forloop" };
            (name == looped).then_some(Expr::Loop(depth))
        })
    }

    /// The value of a root where nothing of that name was assigned yet.
    fn data_root(&mut self, name: &str) -> Result<Expr, Problem> {
        let data = match (self.mode, name) {
            (Mode::Plain, _) => Expr::Global(self.global(name)),
            (_, "row") => self.whole(Reference::Row, &[])?,
            (_, "previous") => self.whole(Reference::Previous, &[])?,
            (_, "changed_columns") => self.whole(Reference::ChangedColumns, &[])?,
            (_, "op") => self.whole(Reference::Op, &[])?,
            (_, "element") => match self.options.element {
                Some(style) => self.whole(Reference::Element(style), &[])?,
                None => Expr::Nil,
            },
            _ => Expr::Nil,
        };
        Ok(match self.counters.get(name) {
            Some(counter) => Expr::Counter(*counter, Box::new(data)),
            None => data,
        })
    }

    /// `[name]`
    fn computed(&mut self, path: &Path, lenient: bool) -> Result<Expr, Problem> {
        let Some((ast::Step::Index(name, _), steps)) = path.steps.split_first() else { return Ok(Expr::Nil) };
        if self.mode != Mode::Plain {
            if let ast::Expr::Literal(Literal::Text(text), span) = name {
                let span = span.start + 1..span.end.saturating_sub(1);
                let root = Some(Name { text: text.clone(), span });
                return self.path(&Path { root, steps: steps.to_vec(), ..path.clone() }, lenient);
            }
            return Err(self.problem(
                path.span.start,
                "a name cannot be computed here",
                "Write what it is a part of before the bracket, as in `row[name]`.",
            ));
        }
        let name = self.expr(name, lenient)?;
        self.steps(Expr::Named(Box::new(name)), steps, path.optional)
    }

    fn of_row(
        &mut self,
        path: &Path,
        whole: Reference,
        column: fn(usize) -> Reference,
        lenient: bool,
    ) -> Result<Expr, Problem> {
        let root = path.root.as_ref().map_or("", |root| root.text.as_str());
        let Some((name, at, rest)) = first_name(&path.steps) else {
            if let Some(name) = duplicate(self.names) {
                return Err(self.problem(
                    path.span.end,
                    format!("the model has more than one column {}", quoted(name)),
                    "Give each column of the query a name of its own with `AS`.",
                ));
            }
            return self.whole(whole, &path.steps);
        };
        let exists = self.names.columns.iter().any(|column| column.name == name);
        if lenient && !exists {
            return Ok(Expr::Nil);
        }
        let index = self.names.find(root, name).map_err(|(message, advice)| self.problem(at, message, advice))?;
        self.check_parts(index, rest)?;
        self.whole(column(index), rest)
    }

    fn whole(&mut self, reference: Reference, steps: &[ast::Step]) -> Result<Expr, Problem> {
        self.allowed(reference)?;
        self.builder.note(reference);
        self.steps(Expr::Reference(reference), steps, false)
    }

    fn field(&mut self, path: &Path, fields: &[(&str, Reference)], lenient: bool) -> Result<Expr, Problem> {
        let root = path.root.as_ref().map_or("", |root| root.text.as_str());
        let list = || fields.iter().map(|(name, _)| format!("`{root}.{name}`")).collect::<Vec<_>>().join(" or ");
        let Some((name, at, rest)) = first_name(&path.steps) else {
            return Err(self.problem(
                path.span.end,
                format!("`{root}` alone has no value"),
                format!("Write {}.", list()),
            ));
        };
        match fields.iter().find(|(field, _)| *field == name) {
            Some((_, reference)) => self.whole(*reference, rest),
            None if lenient => Ok(Expr::Nil),
            None => Err(self.problem(at, format!("`{root}` has no {}", quoted(name)), format!("Write {}.", list()))),
        }
    }

    fn steps(&mut self, root: Expr, steps: &[ast::Step], optional: bool) -> Result<Expr, Problem> {
        if steps.is_empty() {
            return Ok(root);
        }
        let mut compiled = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            compiled.push(match step {
                // To other engines the question mark is a part of the name.
                ast::Step::Name(name) if optional && self.mode == Mode::Plain && at + 1 == steps.len() => {
                    Step::Name(format!("{}?", name.text).into())
                }
                ast::Step::Name(name) => Step::Name(name.text.as_str().into()),
                ast::Step::Index(key, _) => Step::Index(self.expr(key, false)?),
            });
        }
        Ok(Expr::Path(Box::new(root), compiled))
    }

    fn unknown_root(&self, root: &Name) -> Problem {
        let name = root.text.as_str();
        let known = self.variables.keys().map(String::as_str).chain(self.scopes.iter().map(|s| s.variable.as_str()));
        let advice = if self.names.columns.iter().any(|column| column.name == name) {
            format!("The column is written `row.{name}`.")
        } else if name == "forloop" || name == "tablerowloop" {
            "It is known only in the body of its loop.".to_owned()
        } else if self.ended.iter().any(|variable| variable == name) {
            "It is known only in the body of its loop; what `assign` sets there is known after it, too.".to_owned()
        } else if name == "loop" {
            "What is known of a loop is in `forloop`, as in `forloop.index`.".to_owned()
        } else if name == "element" {
            "Only a sync that sends one message for each element of an array has it: name that column in `fan_out`."
                .to_owned()
        } else if let Some(near) = nearest(name, ROOTS.into_iter().chain(known)) {
            format!("Did you mean `{near}`?")
        } else {
            "A path begins with `row`, `previous`, `changed_columns`, `op`, `event`, `run` or `sync`.".to_owned()
        };
        self.problem(root.span.start, format!("there is no {}", quoted(name)), advice)
    }
}

/// A first step that is known by its name, where that stands, and the steps after it.
fn first_name(steps: &[ast::Step]) -> Option<(&str, usize, &[ast::Step])> {
    let (first, rest) = steps.split_first()?;
    match first {
        ast::Step::Name(name) => Some((&name.text, name.span.start, rest)),
        ast::Step::Index(ast::Expr::Literal(Literal::Text(text), span), _) => Some((text, span.start + 1, rest)),
        ast::Step::Index(..) => None,
    }
}

fn duplicate<'a>(names: &crate::names::Names<'a>) -> Option<&'a str> {
    let mut seen = std::collections::HashSet::new();
    names.columns.iter().map(|column| column.name.as_str()).find(|name| !seen.insert(*name))
}
