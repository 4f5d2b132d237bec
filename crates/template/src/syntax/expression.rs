//! Expressions, filters and conditions.

use super::ast::{Expr, FilterCall, Filtered, Literal, Name, Path, Span, Step};
use super::lexer::{Token, Tokens};
use crate::limits::Limits;
use crate::problem::{Problem, quoted};

/// The most terms that `and` and `or` connect in one condition.
const MAX_TERMS: usize = 100;

/// The most digits of a number.
const MAX_DIGITS: usize = 1_000;

/// Reads what stands in one tag or output.
#[derive(Debug)]
pub(super) struct Markup<'a> {
    source: &'a str,
    pub(super) tokens: Tokens,
    depth: usize,
    nesting: usize,
}

impl<'a> Markup<'a> {
    pub(super) fn new(source: &'a str, markup: Span, limits: &Limits) -> Result<Self, Problem> {
        Ok(Self { source, tokens: Tokens::read(source, markup)?, depth: 0, nesting: limits.nesting })
    }

    pub(super) fn text(&self, span: Span) -> &'a str {
        self.source.get(span).unwrap_or_default()
    }

    pub(super) fn problem(&self, at: usize, message: impl Into<String>, advice: impl Into<String>) -> Problem {
        Problem::at(self.source, at, message, advice)
    }

    /// What stands here, for people.
    pub(super) fn found(&self) -> String {
        match self.tokens.peek() {
            Token::End => "the end".to_owned(),
            _ => quoted(self.text(self.tokens.span())),
        }
    }

    /// The next name, if it is this word.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.tokens.take();
        }
        found
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.tokens.peek() == Token::Name && self.text(self.tokens.span()) == word
    }

    pub(super) fn name(&mut self, what: &str, advice: &str) -> Result<Name, Problem> {
        if self.tokens.peek() != Token::Name {
            let message = format!("{what} is missing here, found {}", self.found());
            return Err(self.problem(self.tokens.span().start, message, advice));
        }
        let (_, span) = self.tokens.take();
        Ok(Name { text: self.text(span.clone()).to_owned(), span })
    }

    /// Nothing may follow.
    pub(super) fn end(&self, advice: &str) -> Result<(), Problem> {
        if self.tokens.peek() == Token::End {
            return Ok(());
        }
        Err(self.problem(self.tokens.span().start, format!("{} cannot follow here", self.found()), advice))
    }

    /// An expression with its filters, up to the end.
    pub(super) fn filtered(&mut self) -> Result<Filtered, Problem> {
        let start = self.tokens.span().start;
        let head = self.expression()?;
        let mut filters = Vec::new();
        while self.tokens.eat(Token::Pipe) {
            filters.push(self.filter()?);
        }
        let advice = match self.tokens.peek() {
            Token::Colon if filters.is_empty() => {
                "`{{` opens a hole. An object in an object needs a name: `{\"name\": {...}}`; \
                 where two braces are meant, put a space between them."
            }
            Token::Comparison(_) => "Conditions stand in `{% if ... %}` only.",
            Token::Name if ["if", "and", "or", "not", "in", "is"].iter().any(|word| self.is_word(word)) => {
                "Conditions stand in `{% if ... %}` only."
            }
            Token::Name if filters.is_empty() => {
                "A name with a space in it stands in brackets and quotes, as in `{{ row[\"Any name\"] }}`; filters stand after `|`."
            }
            Token::OpenParen if filters.is_empty() => "Functions are filters here, as in `{{ row.column | upcase }}`.",
            Token::Name | Token::OpenParen | Token::Text | Token::Number if !filters.is_empty() => {
                "Write a colon after the name of a filter and commas between its arguments, as in `| replace: \"a\", \"b\"`."
            }
            _ => "A hole holds one path or value, and filters after `|`: `{{ row.column | upcase }}`.",
        };
        self.end(advice)?;
        Ok(Filtered { head, filters, span: start..self.tokens.before() })
    }

    fn filter(&mut self) -> Result<FilterCall, Problem> {
        let advice = match self.tokens.peek() {
            Token::Pipe => "Write one `|` before each filter; `| default: value` gives a value where there is none.",
            _ => "Write a filter after `|`, as in `{{ row.column | upcase }}`.",
        };
        let name = self.name("the name of a filter", advice)?;
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        let start = name.span.start;
        if self.tokens.eat(Token::Colon) {
            loop {
                if self.tokens.peek() == Token::Name && self.tokens.look(1) == Token::Colon {
                    let key = self.name("", "")?;
                    self.tokens.take();
                    named.push((key, self.expression()?));
                } else {
                    positional.push(self.expression()?);
                }
                if !self.tokens.eat(Token::Comma) {
                    break;
                }
            }
        }
        Ok(FilterCall { name, positional, named, span: start..self.tokens.before() })
    }

    /// Comparisons, with `and` and `or` between them, which bind to the right.
    pub(super) fn condition(&mut self) -> Result<Expr, Problem> {
        let mut terms = vec![(false, self.comparison()?)];
        loop {
            let and = if self.eat_word("and") {
                true
            } else if self.eat_word("or") {
                false
            } else {
                break;
            };
            if terms.len() == MAX_TERMS {
                let message = format!("a condition has more than {MAX_TERMS} parts");
                return Err(self.problem(
                    self.tokens.span().start,
                    message,
                    "Use `case`, or `contains` with an array, or put the condition into the query.",
                ));
            }
            terms.push((and, self.comparison()?));
        }
        self.end(
            "A condition is `a`, `a == b` (`!=`, `<`, `<=`, `>`, `>=`, `contains`), or these with `and` and `or`.",
        )?;
        let (mut by, mut right) = terms.pop().unwrap_or((false, Expr::Literal(Literal::Nil, 0..0)));
        while let Some((before, left)) = terms.pop() {
            let sides = (Box::new(left), Box::new(right));
            right = if by { Expr::And(sides.0, sides.1) } else { Expr::Or(sides.0, sides.1) };
            by = before;
        }
        Ok(right)
    }

    fn comparison(&mut self) -> Result<Expr, Problem> {
        let start = self.tokens.span().start;
        if self.is_word("not") && self.tokens.look(1) == Token::Name {
            let advice = "Write `unless` instead of `if`, or compare: `row.column == false`, `row.column == nil`.";
            return Err(self.problem(start, "conditions have no `not`", advice));
        }
        let left = self.expression()?;
        match self.tokens.peek() {
            Token::Comparison(by) => {
                self.tokens.take();
                let right = self.expression()?;
                let span = start..self.tokens.before();
                Ok(Expr::Compare { left: Box::new(left), by, right: Box::new(right), span })
            }
            Token::Assign => Err(self.problem(
                self.tokens.span().start,
                "`=` compares nothing",
                "Write `==` to compare; `{% assign name = value %}` gives a value a name.",
            )),
            _ => Ok(left),
        }
    }

    pub(super) fn expression(&mut self) -> Result<Expr, Problem> {
        let span = self.tokens.span();
        match self.tokens.peek() {
            Token::Name => self.named(),
            Token::OpenBracket => self.path(None, span.start),
            Token::Text => {
                self.tokens.take();
                let content = self.text(span.start + 1..span.end.saturating_sub(1));
                Ok(Expr::Literal(Literal::Text(content.to_owned()), span))
            }
            Token::Number => {
                self.tokens.take();
                self.number(span)
            }
            Token::OpenParen => self.range(),
            token => {
                let found = self.found();
                let advice = match token {
                    Token::Dot => "Write what it is a part of before the dot, as in `row.column`.",
                    _ => "Write a path, as in `row.column`, a number, or a text in quotes.",
                };
                Err(self.problem(span.start, format!("a value is missing here, found {found}"), advice))
            }
        }
    }

    fn number(&self, span: Span) -> Result<Expr, Problem> {
        let digits = self.text(span.clone());
        if digits.len() > MAX_DIGITS {
            let message = format!("this number has more than {MAX_DIGITS} digits");
            return Err(self.problem(span.start, message, "Write it as a text, in quotes."));
        }
        let literal = match digits.parse() {
            Ok(int) => Literal::Int(int),
            Err(_) => Literal::Number(digits.to_owned()),
        };
        Ok(Expr::Literal(literal, span))
    }

    /// A word that stands for a value, or a path.
    fn named(&mut self) -> Result<Expr, Problem> {
        let (_, span) = self.tokens.take();
        let text = self.text(span.clone());
        if !matches!(self.tokens.peek(), Token::Dot | Token::OpenBracket | Token::Question) {
            let literal = match text {
                "nil" | "null" => Some(Literal::Nil),
                "true" => Some(Literal::Bool(true)),
                "false" => Some(Literal::Bool(false)),
                "empty" => Some(Literal::Empty),
                "blank" => Some(Literal::Blank),
                _ => None,
            };
            if let Some(literal) = literal {
                return Ok(Expr::Literal(literal, span));
            }
        }
        let start = span.start;
        self.path(Some(Name { text: text.to_owned(), span }), start)
    }

    fn path(&mut self, root: Option<Name>, start: usize) -> Result<Expr, Problem> {
        let mut steps = Vec::new();
        loop {
            if self.tokens.eat(Token::Dot) {
                let name = self.name(
                    "a name after the dot",
                    "Write `row.column`, `row[\"Any name\"]`, or `values[0]` for an element.",
                )?;
                if name.text.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(self.problem(
                        name.span.start,
                        "a number cannot follow a dot",
                        format!("Write `[{0}]` for an element, or `[\"{0}\"]` for a name.", name.text),
                    ));
                }
                steps.push(Step::Name(name));
            } else if self.tokens.peek() == Token::OpenBracket {
                let (_, open) = self.tokens.take();
                self.enter(open.start)?;
                let key = self.expression()?;
                self.depth -= 1;
                if !self.tokens.eat(Token::CloseBracket) {
                    let found = self.found();
                    return Err(self.problem(
                        self.tokens.span().start,
                        format!("expected `]`, found {found}"),
                        "Write `row[\"Any name\"]`, or `values[0]`.",
                    ));
                }
                steps.push(Step::Index(key, open.start..self.tokens.before()));
            } else {
                break;
            }
        }
        let optional = self.tokens.eat(Token::Question);
        Ok(Expr::Path(Path { root, steps, optional, span: start..self.tokens.before() }))
    }

    /// `(from..to)`
    fn range(&mut self) -> Result<Expr, Problem> {
        let (_, open) = self.tokens.take();
        self.enter(open.start)?;
        let from = self.expression()?;
        let dots = self.tokens.eat(Token::DotDot);
        if !dots {
            let found = self.found();
            return Err(self.problem(
                self.tokens.span().start,
                format!("expected `..`, found {found}"),
                "Brackets like these are for ranges, `(1..5)`. Conditions have none, and are read from the right: write an `if` in another one instead.",
            ));
        }
        let to = self.expression()?;
        self.depth -= 1;
        if !self.tokens.eat(Token::CloseParen) {
            let found = self.found();
            let message = format!("expected `)`, found {found}");
            return Err(self.problem(self.tokens.span().start, message, "Write a range as `(1..5)`."));
        }
        Ok(Expr::Range { from: Box::new(from), to: Box::new(to), span: open.start..self.tokens.before() })
    }

    fn enter(&mut self, at: usize) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > self.nesting {
            let message = format!("brackets are nested more than {} deep", self.nesting);
            return Err(self.problem(at, message, "Give parts of it a name with `assign` first."));
        }
        Ok(())
    }
}
