//! What stands after a `|`: the table of filters, and the check of their arguments.

mod array;
mod choose;
mod convert;
mod date;
mod draft;
mod hash;
mod html;
mod input;
mod json;
mod math;
mod naming;
mod object;
mod sort;
mod string;
mod table;
#[cfg(test)]
mod tests;
mod url;
mod words;

pub(crate) use table::all;

use crate::fault::Fault;
use crate::render::Budget;
use crate::value::Value;

#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    /// The fewest and the most positional arguments.
    pub(crate) positional: (u8, u8),
    pub(crate) named: &'static [&'static str],
    pub(crate) gives: Kind,
    /// Whether it needs to know what time it is: those that read dates, of which one may be "now".
    pub(crate) reads_clock: bool,
    pub(crate) run: Run,
}

/// What is known of a filter's value before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Any,
    Text,
    Number,
    Bool,
    Array,
    Object,
    Json,
}

pub(crate) type Run = for<'r> fn(Value<'r>, &Arguments<'_, 'r>, &mut Env<'_>) -> Result<Value<'r>, Fault>;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'a, 'r> {
    pub(crate) positional: &'a [Value<'r>],
    pub(crate) named: &'a [(&'a str, Value<'r>)],
}

#[derive(Debug)]
pub(crate) struct Env<'a> {
    pub(crate) budget: &'a mut Budget,
    /// Microseconds since 1970, UTC.
    pub(crate) now: i64,
    /// As other engines do it: no decimals, arrays as the texts of their elements, lax about types.
    pub(crate) plain: bool,
}

impl Filter {
    /// `input` and arguments may be columns that were not looked at yet.
    pub(crate) fn apply<'r>(
        &self,
        input: Value<'r>,
        arguments: &Arguments<'_, 'r>,
        env: &mut Env<'_>,
    ) -> Result<Value<'r>, Fault> {
        env.budget.work(1)?;
        let input = if input::is_column(&input) { input::seen(input, env)? } else { input };
        if !arguments.positional.iter().any(input::is_column) {
            return (self.run)(input, arguments, env);
        }
        let mut positional = Vec::with_capacity(arguments.positional.len());
        for argument in arguments.positional {
            positional.push(input::seen(argument.clone(), env)?);
        }
        (self.run)(input, &Arguments { positional: &positional, named: arguments.named }, env)
    }

    /// What is wrong with the arguments of a call, and what to write instead.
    pub(crate) fn check<'n>(
        &self,
        positional: usize,
        named: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), (String, String)> {
        let (least, most) = (usize::from(self.positional.0), usize::from(self.positional.1));
        let name = self.name;
        if positional < least || positional > most {
            let takes = match (least, most) {
                (0, 0) => "no arguments".to_owned(),
                (1, 1) => "1 argument".to_owned(),
                _ if least == most => format!("{least} arguments"),
                _ => format!("{least} to {most} arguments"),
            };
            let advice = if positional < least {
                format!("Write what it needs after a colon: `{name}: ...`.")
            } else {
                format!("Remove what it does not take from `{name}`.")
            };
            return Err((format!("`{name}` takes {takes}, and got {positional}"), advice));
        }
        for given in named {
            if !self.named.contains(&given) {
                let advice = match self.named {
                    [] => format!("`{name}` takes no named arguments."),
                    known => format!("`{name}` takes the named argument `{}:`.", known.join(":`, `")),
                };
                return Err((format!("`{name}` does not know the argument `{given}:`"), advice));
            }
        }
        Ok(())
    }
}

impl<'r> Arguments<'_, 'r> {
    /// Nil if it was not written.
    fn at(&self, position: usize) -> &Value<'r> {
        self.positional.get(position).unwrap_or(&Value::Nil)
    }

    fn has(&self, position: usize) -> bool {
        position < self.positional.len()
    }

    fn named(&self, name: &str) -> Option<&Value<'r>> {
        self.named.iter().find(|(given, _)| *given == name).map(|(_, value)| value)
    }
}

pub(crate) fn find(name: &str) -> Option<&'static Filter> {
    let at = all().binary_search_by(|filter| filter.name.cmp(name)).ok()?;
    all().get(at)
}
