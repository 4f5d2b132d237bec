//! Expressions and filters.

use super::Compiler;
use crate::filter;
use crate::names::nearest;
use crate::problem::{Problem, quoted};
use crate::program::{Call, Expr, Filtered, Mode};
use crate::syntax::ast::{self, FilterCall, Literal};
use crate::value::number::Number;

/// The filters that read `"now"`.
const CLOCKS: [&str; 4] = ["date", "epoch_milliseconds", "epoch_seconds", "to_epoch"];

/// What filters are called in other languages.
const ELSEWHERE: [(&str, &str); 24] = [
    ("concatenate", "append"),
    ("count", "size"),
    ("filter", "where"),
    ("fromjson", "parse_json"),
    ("float", "to_number"),
    ("int", "to_integer"),
    ("jsonify", "json"),
    ("kebabcase", "handleize"),
    ("len", "size"),
    ("length", "size"),
    ("lower", "downcase"),
    ("lowercase", "downcase"),
    ("string", "to_string"),
    ("strftime", "date"),
    ("substring", "slice"),
    ("title", "titlecase"),
    ("toFixed", "round"),
    ("to_json", "json"),
    ("tojson", "json"),
    ("trim", "strip"),
    ("unique", "uniq"),
    ("upper", "upcase"),
    ("uppercase", "upcase"),
    ("urlencode", "url_encode"),
];

impl Compiler<'_> {
    pub(super) fn filtered(&mut self, value: &ast::Filtered) -> Result<Filtered, Problem> {
        // What stands before a `default` may be missing.
        let lenient = value.filters.iter().any(|call| call.name.text == "default");
        let head = self.expr(&value.head, lenient)?;
        if let Some(written) = now(&value.head)
            && value.filters.iter().any(|call| CLOCKS.contains(&call.name.text.as_str()))
        {
            if self.options.key {
                return Err(self.unfit_for_key(&format!("\"{written}\"")));
            }
            self.builder.template.uses.run = true;
        }
        let filters = value.filters.iter().map(|call| self.call(call)).collect::<Result<Vec<_>, _>>()?;
        if let Some(first) = filters.first() {
            self.check_input(&value.head, &head, first)?;
        }
        Ok(Filtered { head, filters })
    }

    fn call(&mut self, call: &FilterCall) -> Result<Call, Problem> {
        let name = &call.name;
        let Some(found) = filter::find(&name.text) else {
            let elsewhere =
                ELSEWHERE.iter().find(|(other, _)| name.text.eq_ignore_ascii_case(other)).map(|(_, ours)| *ours);
            let near = || nearest(&name.text, filter::all().iter().map(|filter| filter.name));
            let advice = match elsewhere.or_else(near) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => "The documentation of the language lists the filters; anything else can be done in the query."
                    .to_owned(),
            };
            return Err(self.problem(name.span.start, format!("there is no filter {}", quoted(&name.text)), advice));
        };
        found
            .check(call.positional.len(), call.named.iter().map(|(name, _)| name.text.as_str()))
            .map_err(|(message, advice)| self.problem(call.name.span.start, message, advice))?;
        let positional = self.exprs(&call.positional)?;
        let mut named = Vec::with_capacity(call.named.len());
        for (name, value) in &call.named {
            let value = self.expr(value, false)?;
            let known = found.named.iter().find(|known| **known == name.text);
            named.extend(known.map(|known| (*known, value)));
        }
        Ok(Call { filter: found, positional, named, at: name.span.start })
    }

    pub(super) fn exprs(&mut self, exprs: &[ast::Expr]) -> Result<Vec<Expr>, Problem> {
        exprs.iter().map(|expr| self.expr(expr, false)).collect()
    }

    /// `lenient`: a name that does not exist is nil.
    pub(super) fn expr(&mut self, expr: &ast::Expr, lenient: bool) -> Result<Expr, Problem> {
        Ok(match expr {
            ast::Expr::Literal(literal, span) => self.literal(literal, span.start)?,
            ast::Expr::Path(path) => self.path(path, lenient)?,
            ast::Expr::Range { from, to, span } => {
                Expr::Range(Box::new((self.expr(from, lenient)?, self.expr(to, lenient)?)), span.start)
            }
            ast::Expr::Compare { left, by, right, span } => {
                let sides = (self.expr(left, lenient)?, *by, self.expr(right, lenient)?);
                Expr::Compare(Box::new(sides), span.start)
            }
            ast::Expr::And(..) | ast::Expr::Or(..) => self.logic(expr, lenient)?,
            ast::Expr::Not(inner) => Expr::Not(Box::new(self.expr(inner, lenient)?)),
        })
    }

    fn logic(&mut self, expr: &ast::Expr, lenient: bool) -> Result<Expr, Problem> {
        let (mut first, mut rest, mut by, mut next) = (None, Vec::new(), false, expr);
        loop {
            let (term, after) = match next {
                ast::Expr::And(left, right) => (&**left, Some((true, &**right))),
                ast::Expr::Or(left, right) => (&**left, Some((false, &**right))),
                last => (last, None),
            };
            let term = self.expr(term, lenient)?;
            match &first {
                None => first = Some(term),
                Some(_) => rest.push((by, term)),
            }
            let Some(after) = after else { break };
            (by, next) = after;
        }
        Ok(Expr::Logic(Box::new(first.unwrap_or(Expr::Nil)), rest))
    }

    fn literal(&self, literal: &Literal, at: usize) -> Result<Expr, Problem> {
        Ok(match literal {
            Literal::Nil => Expr::Nil,
            Literal::Bool(bool) => Expr::Bool(*bool),
            Literal::Int(int) => Expr::Int(*int),
            Literal::Number(digits) if self.mode == Mode::Plain && digits.contains('.') => {
                Expr::Float(digits.parse().unwrap_or(f64::NAN))
            }
            Literal::Number(digits) => match Number::parse(digits) {
                Ok(Number::Int(int)) => Expr::Int(int),
                Ok(Number::Decimal(decimal)) => Expr::Decimal(decimal),
                Err(error) => {
                    let advice = "Write it as a text, in quotes.";
                    return Err(self.problem(at, format!("the number {} {error}", quoted(digits)), advice));
                }
            },
            Literal::Text(text) => Expr::Text(text.as_str().into()),
            Literal::Empty => Expr::Empty,
            Literal::Blank => Expr::Blank,
        })
    }
}

/// The word for the time itself, if an expression is that.
fn now(expr: &ast::Expr) -> Option<&str> {
    let ast::Expr::Literal(Literal::Text(text), _) = expr else { return None };
    matches!(text.to_lowercase().trim(), "now" | "today").then_some(text)
}
