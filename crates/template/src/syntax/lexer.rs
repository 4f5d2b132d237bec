//! The tokens between the delimiters of an output or a tag.

use super::ast::{Comparison, Span};
use crate::names::is_name;
use crate::problem::{Problem, quoted};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Name,
    /// With its quotes.
    Text,
    Number,
    Comparison(Comparison),
    Assign,
    Dot,
    DotDot,
    Comma,
    Colon,
    Pipe,
    Question,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    End,
}

#[derive(Debug)]
pub(super) struct Tokens {
    tokens: Vec<(Token, Span)>,
    at: usize,
}

impl Tokens {
    pub(super) fn read(source: &str, markup: Span) -> Result<Self, Problem> {
        let mut lexer = Lexer { source, at: markup.start, end: markup.end };
        let mut tokens = Vec::new();
        while let Some(found) = lexer.token(tokens.last())? {
            tokens.push(found);
        }
        tokens.push((Token::End, markup.end..markup.end));
        Ok(Self { tokens, at: 0 })
    }

    pub(super) fn peek(&self) -> Token {
        self.look(0)
    }

    pub(super) fn look(&self, ahead: usize) -> Token {
        self.tokens.get(self.at + ahead).map_or(Token::End, |(token, _)| *token)
    }

    pub(super) fn span(&self) -> Span {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens.get(self.at.min(last)).map_or(0..0, |(_, span)| span.clone())
    }

    /// Where the token before ended.
    pub(super) fn before(&self) -> usize {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.map_or_else(|| self.span().start, |(_, span)| span.end)
    }

    pub(super) fn take(&mut self) -> (Token, Span) {
        let taken = (self.peek(), self.span());
        self.at += 1;
        taken
    }

    pub(super) fn eat(&mut self, token: Token) -> bool {
        let found = self.peek() == token;
        self.at += usize::from(found);
        found
    }
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    end: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.at..self.end).unwrap_or_default()
    }

    fn token(&mut self, last: Option<&(Token, Span)>) -> Result<Option<(Token, Span)>, Problem> {
        let space = self.rest().len() - self.rest().trim_start().len();
        self.at += space;
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let after_dot = matches!(last, Some((Token::Dot, _)));
        let (token, length) = match first {
            '"' | '\'' => match rest.get(1..).and_then(|content| content.find(first)) {
                Some(length) => (Token::Text, length + 2),
                None => {
                    let advice = format!("Write a second `{first}` at its end; quotes in quotes are not escaped.");
                    return Err(Problem::at(self.source, start, "this text is never closed", advice));
                }
            },
            c if c.is_alphabetic() || c == '_' => name(rest),
            '0'..='9' if after_dot => name(rest),
            '0'..='9' => (Token::Number, number(rest)),
            '-' if rest.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) => {
                (Token::Number, 1 + number(rest.get(1..).unwrap_or_default()))
            }
            _ => self.punctuation(rest, first)?,
        };
        self.at += length;
        Ok(Some((token, start..self.at)))
    }

    fn punctuation(&self, rest: &str, first: char) -> Result<(Token, usize), Problem> {
        const TWO: [(&str, Token); 6] = [
            ("==", Token::Comparison(Comparison::Equal)),
            ("!=", Token::Comparison(Comparison::NotEqual)),
            ("<>", Token::Comparison(Comparison::NotEqual)),
            ("<=", Token::Comparison(Comparison::LessOrEqual)),
            (">=", Token::Comparison(Comparison::GreaterOrEqual)),
            ("..", Token::DotDot),
        ];
        if let Some((_, token)) = TWO.iter().find(|(text, _)| rest.starts_with(text)) {
            return Ok((*token, 2));
        }
        let token = match first {
            '<' => Token::Comparison(Comparison::Less),
            '>' => Token::Comparison(Comparison::Greater),
            '=' => Token::Assign,
            '.' => Token::Dot,
            ',' => Token::Comma,
            ':' => Token::Colon,
            '|' => Token::Pipe,
            '?' => Token::Question,
            '[' => Token::OpenBracket,
            ']' => Token::CloseBracket,
            '(' => Token::OpenParen,
            ')' => Token::CloseParen,
            other => {
                let advice = match other {
                    '&' | '!' => "Write `and`, `or`, `!=`; `unless` asks for the opposite.",
                    '+' | '*' | '/' | '-' => "Count with filters: `{{ a | plus: b }}`.",
                    '#' => {
                        "Write `{% if ... %}` and `{% endif %}` for a condition, `{% for element in values %}` for a loop."
                    }
                    '~' => "Put texts together with `append`, or write the holes side by side between two quotes.",
                    '\\' => "Quotes are not escaped here, in a JSON string neither: write `\"` or `'` as they are.",
                    '{' | '}' => {
                        "Write `{{ row.column }}`, and a space between it and a brace that belongs to the JSON."
                    }
                    _ => "Write a path, as in `row.column`, a number, or a text in quotes.",
                };
                let message = format!("{} cannot stand here", quoted(&other.to_string()));
                return Err(Problem::at(self.source, self.at, message, advice));
            }
        };
        Ok((token, 1))
    }
}

/// A name, or the operator that looks like one.
fn name(rest: &str) -> (Token, usize) {
    let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
    let (name, after) = rest.split_at(length);
    if name == "contains" && after.starts_with(char::is_whitespace) {
        return (Token::Comparison(Comparison::Contains), length);
    }
    (Token::Name, length)
}

/// Digits, and a fraction if digits follow the dot: in `1..5` there is none.
fn number(rest: &str) -> usize {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(rest);
    match rest.get(whole..).and_then(|rest| rest.strip_prefix('.')).map(digits) {
        Some(fraction) if fraction > 0 => whole + 1 + fraction,
        _ => whole,
    }
}
