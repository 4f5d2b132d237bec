//! The tags of the language.

use super::ast::{Arm, Block, Branch, Expr, For, Name, Node, Offset, Span, TableRow};
use super::expression::Markup;
use super::lexer::Token;
use super::parser::{Opener, Parser, Stop};
use crate::problem::{Problem, quoted};

pub(crate) const NAMES: [&str; 19] = [
    "assign",
    "break",
    "capture",
    "case",
    "comment",
    "continue",
    "cycle",
    "decrement",
    "doc",
    "echo",
    "for",
    "if",
    "ifchanged",
    "increment",
    "liquid",
    "raw",
    "tablerow",
    "unless",
    "#",
];

const NAME: &str = "A name begins with a letter, as in `assign total = 1`.";

impl<'a> Parser<'a> {
    /// Reads a tag and, if it has one, its block.
    pub(super) fn tag(
        &mut self,
        block: &mut Block,
        name: &Span,
        markup: Span,
        span: Span,
        opener: Option<&Opener>,
    ) -> Result<(), Problem> {
        let at = span.start;
        let node = match self.text(name.clone()) {
            "#" => return self.inline_comment(markup, at),
            "assign" => self.assign(markup)?,
            "break" => self.bare(markup, Node::Break { span })?,
            "continue" => self.bare(markup, Node::Continue { span })?,
            "capture" => self.capture(markup, at)?,
            "case" => self.nested(at, |parser| parser.case(markup, span))?,
            "comment" if self.scanner.in_lines() => return self.scanner.comment_lines(at),
            "comment" => return self.scanner.comment(at, "comment"),
            "doc" if !self.scanner.in_lines() => return self.scanner.comment(at, "doc"),
            "raw" if !self.scanner.in_lines() => {
                let raw = self.raw(markup, at)?;
                if raw.is_empty() {
                    return Ok(());
                }
                Node::Text(raw)
            }
            "cycle" => self.cycle(markup, span)?,
            "increment" => Node::Increment { name: self.only_name(markup)? },
            "decrement" => Node::Decrement { name: self.only_name(markup)? },
            "echo" => Node::Output { value: self.value(markup)?, span },
            "for" => self.nested(at, |parser| parser.repeat(markup, span))?,
            "if" => self.nested(at, |parser| parser.condition("if", markup, span))?,
            "unless" => self.nested(at, |parser| parser.condition("unless", markup, span))?,
            "ifchanged" => self.nested(at, |parser| {
                parser.empty(&markup)?;
                let opener = Opener { name: "ifchanged", at, stops: &["endifchanged"] };
                let (body, _) = parser.block(Some(&opener))?;
                Ok(Node::IfChanged { body, span })
            })?,
            "liquid" => return self.nested(at, |parser| parser.lines(block, markup)),
            "tablerow" => self.nested(at, |parser| parser.table_row(markup, span))?,
            other => return Err(self.misplaced(other, name.start, opener)),
        };
        self.push(block, at, node)
    }

    fn inline_comment(&self, markup: Span, at: usize) -> Result<(), Problem> {
        let lines = self.text(markup);
        if lines.split('\n').skip(1).map(str::trim_start).any(|line| !line.is_empty() && !line.starts_with('#')) {
            let advice = "Write `#` before each of its lines.";
            return Err(self.problem(at, "a line of this comment does not begin with `#`", advice));
        }
        Ok(())
    }

    fn empty(&self, markup: &Span) -> Result<(), Problem> {
        let text = self.text(markup.clone());
        if text.trim().is_empty() {
            return Ok(());
        }
        let at = markup.start + text.len() - text.trim_start().len();
        Err(self.problem(at, format!("{} cannot stand here", quoted(text.trim())), "Remove it."))
    }

    fn bare(&self, markup: Span, node: Node) -> Result<Node, Problem> {
        self.empty(&markup).map(|()| node)
    }

    fn raw(&mut self, markup: Span, at: usize) -> Result<Span, Problem> {
        self.empty(&markup)?;
        self.scanner.raw(at)
    }

    fn lines(&mut self, block: &mut Block, markup: Span) -> Result<(), Problem> {
        let before = self.scanner.enter_lines(markup);
        let (mut inside, _) = self.block(None)?;
        self.scanner.leave_lines(before);
        block.append(&mut inside);
        Ok(())
    }

    fn assign(&self, markup: Span) -> Result<Node, Problem> {
        let mut markup = self.markup(markup)?;
        let name = self.variable(&mut markup, "a name", NAME)?;
        if !markup.tokens.eat(Token::Assign) {
            let message = format!("expected `=`, found {}", markup.found());
            return Err(markup.problem(markup.tokens.span().start, message, "Write `assign name = value`."));
        }
        Ok(Node::Assign { name, value: markup.filtered()? })
    }

    fn capture(&mut self, markup: Span, at: usize) -> Result<Node, Problem> {
        let name = self.only_name(markup)?;
        self.nested(at, |parser| {
            let opener = Opener { name: "capture", at, stops: &["endcapture"] };
            let (body, _) = parser.block(Some(&opener))?;
            Ok(Node::Capture { name, body })
        })
    }

    /// A name, which may stand in quotes.
    fn only_name(&self, markup: Span) -> Result<Name, Problem> {
        let mut markup = self.markup(markup)?;
        let name = match markup.tokens.peek() {
            Token::Text => {
                let (_, span) = markup.tokens.take();
                let span = span.start + 1..span.end - 1;
                Name { text: self.text(span.clone()).to_owned(), span }
            }
            _ => self.variable(&mut markup, "a name", "A name begins with a letter, as in `capture greeting`.")?,
        };
        markup.end("Only a name can stand here.")?;
        Ok(name)
    }

    /// A name that the template gives. Plain text may give digits for one.
    fn variable(&self, markup: &mut Markup<'a>, what: &str, advice: &str) -> Result<Name, Problem> {
        if self.lax && markup.tokens.peek() == Token::Number {
            let (_, span) = markup.tokens.take();
            return Ok(Name { text: self.text(span.clone()).to_owned(), span });
        }
        markup.name(what, advice)
    }

    fn condition(&mut self, tag: &'static str, markup: Span, span: Span) -> Result<Node, Problem> {
        const STOPS: [&[&str]; 2] = [&["elsif", "else", "endif"], &["elsif", "else", "endunless"]];
        let stops = if tag == "if" { STOPS[0] } else { STOPS[1] };
        let opener = Opener { name: tag, at: span.start, stops };
        let first = self.markup(markup)?.condition()?;
        let mut condition = Some(if tag == "if" { first } else { Expr::Not(Box::new(first)) });
        let (mut branches, mut otherwise, mut of) = (Vec::new(), None, span.clone());
        let mut ended = false;
        loop {
            let (body, stop) = self.block(Some(&opener))?;
            let Some(Stop { name, markup, span: next }) = stop else { break };
            // What follows an `else` is never rendered.
            match condition.take() {
                Some(condition) if !ended => branches.push(Branch { condition, body, span: of }),
                None if !ended => {
                    otherwise = Some(body);
                    ended = true;
                }
                _ => {}
            }
            match name {
                "elsif" => condition = Some(self.markup(markup)?.condition()?),
                "else" => condition = None,
                _ => break,
            }
            of = next;
        }
        Ok(Node::If { branches, otherwise, span })
    }

    fn case(&mut self, markup: Span, span: Span) -> Result<Node, Problem> {
        let mut subject = self.markup(markup)?;
        let expr = subject.expression()?;
        subject.end("`case` compares one value, and `when` says with what.")?;
        let opener = Opener { name: "case", at: span.start, stops: &["when", "else", "endcase"] };
        // What stands before the first `when` is never rendered.
        let (_, mut stop) = self.block(Some(&opener))?;
        let mut arms = Vec::new();
        while let Some(Stop { name, markup, span }) = stop.take() {
            let values = match name {
                "when" => Some(self.when(markup)?),
                "else" => None,
                _ => break,
            };
            let (body, next) = self.block(Some(&opener))?;
            arms.push(Arm { values, body, span });
            stop = next;
        }
        Ok(Node::Case { subject: expr, arms, span })
    }

    fn when(&self, markup: Span) -> Result<Vec<Expr>, Problem> {
        let mut markup = self.markup(markup)?;
        let mut values = vec![markup.expression()?];
        while markup.tokens.eat(Token::Comma) || markup.eat_word("or") {
            values.push(markup.expression()?);
        }
        // In other engines what follows is left out silently.
        if !self.lax {
            markup.end("Write `when` with one value, or values with `,` or `or` between them.")?;
        }
        Ok(values)
    }

    fn cycle(&self, markup: Span, span: Span) -> Result<Node, Problem> {
        let mut markup = self.markup(markup)?;
        let mut first = markup.expression()?;
        let mut group = None;
        if markup.tokens.eat(Token::Colon) {
            group = Some(std::mem::replace(&mut first, markup.expression()?));
        }
        let mut values = vec![first];
        while markup.tokens.eat(Token::Comma) {
            if markup.tokens.peek() == Token::End {
                break;
            }
            values.push(markup.expression()?);
        }
        markup.end("Write `cycle \"a\", \"b\"`, or `cycle group: \"a\", \"b\"`.")?;
        Ok(Node::Cycle { group, values, span })
    }

    /// `variable in values`; also what was written, without its white space.
    fn head(&self, markup: &mut Markup<'a>) -> Result<(Name, Expr, String), Problem> {
        const ADVICE: &str =
            "Write `for element in values`, with `reversed`, `limit: 2`, `offset: 1` after it if needed.";
        let variable = self.variable(markup, "the name of the element", ADVICE)?;
        if self.lax {
            markup.tokens.eat(Token::Question);
        }
        if !markup.eat_word("in") {
            let message = format!("expected `in`, found {}", markup.found());
            return Err(markup.problem(markup.tokens.span().start, message, ADVICE));
        }
        let start = markup.tokens.span().start;
        let values = markup.expression()?;
        let written = self.text(start..markup.tokens.before());
        let name = if written.contains(['"', '\'']) {
            written.to_owned()
        } else {
            written.chars().filter(|c| !c.is_whitespace()).collect()
        };
        let name = format!("{}-{name}", variable.text);
        Ok((variable, values, name))
    }

    fn repeat(&mut self, markup: Span, span: Span) -> Result<Node, Problem> {
        let mut markup = self.markup(markup)?;
        let (variable, values, name) = self.head(&mut markup)?;
        let reversed = markup.eat_word("reversed");
        let (mut limit, mut offset) = (None, None);
        while let Some(option) = option(&mut markup, &["limit", "offset"], "for")? {
            match option {
                "limit" => limit = Some(markup.expression()?),
                _ if markup.eat_word("continue") => offset = Some(Offset::Continue),
                _ => offset = Some(Offset::At(markup.expression()?)),
            }
        }
        let opener = Opener { name: "for", at: span.start, stops: &["else", "endfor"] };
        let (body, stop) = self.block(Some(&opener))?;
        let otherwise = match stop {
            Some(Stop { name: "else", .. }) => {
                let opener = Opener { stops: &["endfor"], ..opener };
                Some(self.block(Some(&opener))?.0)
            }
            _ => None,
        };
        Ok(Node::For(Box::new(For { variable, values, name, limit, offset, reversed, body, otherwise, span })))
    }

    fn table_row(&mut self, markup: Span, span: Span) -> Result<Node, Problem> {
        let mut markup = self.markup(markup)?;
        let (variable, values, _) = self.head(&mut markup)?;
        let (mut columns, mut limit, mut offset) = (None, None, None);
        while let Some(option) = option(&mut markup, &["cols", "limit", "offset"], "tablerow")? {
            let value = Some(markup.expression()?);
            match option {
                "cols" => columns = value,
                "limit" => limit = value,
                _ => offset = value,
            }
        }
        let opener = Opener { name: "tablerow", at: span.start, stops: &["endtablerow"] };
        let (body, _) = self.block(Some(&opener))?;
        Ok(Node::TableRow(Box::new(TableRow { variable, values, columns, limit, offset, body, span })))
    }
}

/// The name of the next option, with its colon; none at the end.
fn option(markup: &mut Markup<'_>, names: &'static [&'static str], tag: &str) -> Result<Option<&'static str>, Problem> {
    markup.tokens.eat(Token::Comma);
    if markup.tokens.peek() == Token::End {
        return Ok(None);
    }
    let at = markup.tokens.span().start;
    let advice = || format!("`{tag}` takes `{}:`, each with a value.", names.join(":`, `"));
    let Some(name) = names.iter().find(|name| markup.is_word(name)) else {
        let advice = if markup.is_word("reversed") {
            "Write `reversed` directly after the values.".to_owned()
        } else {
            advice()
        };
        return Err(markup.problem(at, format!("{} cannot follow here", markup.found()), advice));
    };
    markup.tokens.take();
    if !markup.tokens.eat(Token::Colon) {
        let message = format!("a colon is missing after `{name}`, found {}", markup.found());
        return Err(markup.problem(markup.tokens.span().start, message, advice()));
    }
    Ok(Some(name))
}
