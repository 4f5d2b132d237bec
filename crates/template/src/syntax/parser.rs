//! Blocks: text, outputs and tags, up to the tag that ends them.

use super::ast::{Block, Expr, Filtered, Literal, Node, Span};
use super::expression::Markup;
use super::scanner::{Item, Scanner};
use crate::limits::Limits;
use crate::problem::{Problem, quoted};

/// Reads the source of a template.
pub(crate) fn parse(source: &str, limits: &Limits) -> Result<Block, Problem> {
    read(source, limits, false)
}

/// The same, as forgiving as Shopify's Liquid is even in its strict mode.
pub(crate) fn parse_plain(source: &str, limits: &Limits) -> Result<Block, Problem> {
    read(source, limits, true)
}

fn read(source: &str, limits: &Limits, lax: bool) -> Result<Block, Problem> {
    if source.len() > limits.source {
        return Err(Problem::at(
            source,
            0,
            format!("the template is {} bytes long, and {} are allowed", source.len(), limits.source),
            "Make it shorter, or put the JSON together in the query and send that column.",
        ));
    }
    let mut parser = Parser { source, scanner: Scanner::new(source), limits, lax, depth: 0, nodes: 0 };
    parser.block(None).map(|(block, _)| block)
}

pub(super) struct Parser<'a> {
    pub(super) source: &'a str,
    pub(super) scanner: Scanner<'a>,
    pub(super) limits: &'a Limits,
    /// Plain text takes what other engines take.
    pub(super) lax: bool,
    depth: usize,
    nodes: usize,
}

/// The tag whose block is read, and the tags that end a part of it.
#[derive(Debug, Clone)]
pub(super) struct Opener {
    pub(super) name: &'static str,
    pub(super) at: usize,
    pub(super) stops: &'static [&'static str],
}

/// A tag that ended a block.
#[derive(Debug, Clone)]
pub(super) struct Stop<'a> {
    pub(super) name: &'a str,
    pub(super) markup: Span,
    pub(super) span: Span,
}

impl<'a> Parser<'a> {
    /// Up to one of the stops of `opener`; to the end without one.
    pub(super) fn block(&mut self, opener: Option<&Opener>) -> Result<(Block, Option<Stop<'a>>), Problem> {
        let mut block = Block::new();
        loop {
            match self.scanner.next()? {
                Item::Text(span) => self.push(&mut block, span.start, Node::Text(span.clone()))?,
                Item::Output { markup, span } => {
                    let value = self.value(markup)?;
                    self.push(&mut block, span.start, Node::Output { value, span })?;
                }
                Item::Tag { name, markup, span } => {
                    let text = self.text(name.clone());
                    if opener.is_some_and(|opener| opener.stops.contains(&text)) {
                        self.check_else(text, &markup)?;
                        return Ok((block, Some(Stop { name: text, markup, span })));
                    }
                    self.tag(&mut block, &name, markup, span, opener)?;
                }
                Item::End => {
                    return match opener {
                        None => Ok((block, None)),
                        Some(Opener { name, at, .. }) => Err(self.problem(
                            *at,
                            format!("this `{name}` is never closed"),
                            if self.scanner.in_lines() {
                                format!("Write `end{name}` on a line of its own, in the same `liquid`.")
                            } else {
                                format!("Write `{{% end{name} %}}` where it ends.")
                            },
                        )),
                    };
                }
            }
        }
    }

    /// In other engines what follows an `else` is left out silently.
    fn check_else(&self, name: &str, markup: &Span) -> Result<(), Problem> {
        let text = self.text(markup.clone());
        if self.lax || name != "else" || text.trim().is_empty() {
            return Ok(());
        }
        let at = markup.start + text.len() - text.trim_start().len();
        let message = format!("{} cannot follow `else`", quoted(text.trim()));
        Err(self.problem(
            at,
            message,
            "Write `{% elsif ... %}` for another condition, and `{% else %}` for all the rest.",
        ))
    }

    pub(super) fn push(&mut self, block: &mut Block, at: usize, node: Node) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            let message = format!("the template has more than {} outputs and tags", self.limits.nodes);
            return Err(self.problem(at, message, "Make it shorter, or put parts of it together in the query."));
        }
        block.push(node);
        Ok(())
    }

    /// The tags of a tag that has a block are read one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        at: usize,
        inner: impl FnOnce(&mut Self) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if self.depth == self.limits.nesting {
            let message = format!("tags are nested more than {} deep", self.limits.nesting);
            return Err(self.problem(at, message, "Make it flatter, with `and`, `elsif` or `case`."));
        }
        self.depth += 1;
        let result = inner(self)?;
        self.depth -= 1;
        Ok(result)
    }

    /// What an output holds; nothing at all is nil, as in other engines.
    pub(super) fn value(&mut self, markup: Span) -> Result<Filtered, Problem> {
        if self.text(markup.clone()).trim().is_empty() {
            return Ok(Filtered {
                head: Expr::Literal(Literal::Nil, markup.clone()),
                filters: Vec::new(),
                span: markup,
            });
        }
        self.markup(markup)?.filtered()
    }

    pub(super) fn markup(&self, markup: Span) -> Result<Markup<'a>, Problem> {
        Markup::new(self.source, markup, self.limits)
    }

    pub(super) fn text(&self, span: Span) -> &'a str {
        self.source.get(span).unwrap_or_default()
    }

    pub(super) fn problem(&self, at: usize, message: impl Into<String>, advice: impl Into<String>) -> Problem {
        Problem::at(self.source, at, message, advice)
    }

    /// A tag that cannot stand here, if it is one at all.
    pub(super) fn misplaced(&self, name: &str, at: usize, opener: Option<&Opener>) -> Problem {
        let (message, advice) = match (name, opener) {
            ("else" | "elsif" | "when", _) | (_, Some(_)) if is_part(name) => (
                format!("{} cannot stand here", quoted(name)),
                match opener {
                    Some(Opener { name, .. }) => format!("`{name}` is still open: write `{{% end{name} %}}` first."),
                    None => "It belongs into an `if`, `case` or `for`.".to_owned(),
                },
            ),
            (_, None) if is_part(name) => (
                format!("{} closes nothing", quoted(name)),
                "Remove it, or write the tag that it is to close.".to_owned(),
            ),
            ("include" | "render" | "layout" | "extends" | "block" | "section" | "import" | "from" | "macro" | "call", _) => (
                format!("{} is not supported: a template stands for itself", quoted(name)),
                "Write its text here.".to_owned(),
            ),
            ("elseif" | "elif" | "elseIf", _) => {
                (format!("there is no tag {}", quoted(name)), "Write `elsif`.".to_owned())
            }
            ("set" | "let" | "var" | "with", _) => (
                format!("there is no tag {}", quoted(name)),
                "Write `{% assign name = value %}` to give a value a name.".to_owned(),
            ),
            _ => (
                format!("there is no tag {}", quoted(name)),
                match crate::names::nearest(name, super::tags::NAMES.into_iter()) {
                    Some(near) => format!("Did you mean `{near}`?"),
                    None => "The tags are `if`, `unless`, `case`, `for`, `assign`, `capture`, `cycle`, `comment`, `raw` and others."
                        .to_owned(),
                },
            ),
        };
        self.problem(at, message, advice)
    }
}

fn is_part(name: &str) -> bool {
    matches!(name, "else" | "elsif" | "when")
        || name.strip_prefix("end").is_some_and(|opener| super::tags::NAMES.contains(&opener))
}
