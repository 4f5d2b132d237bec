//! Numbers and words.

use super::cursor::{Cursor, Next};
use super::{Pieces, push};
use crate::problem::{Problem, quoted};

pub(super) fn number<'a>(cursor: &mut Cursor<'a>, out: &mut Pieces<'a>) -> Result<(), Problem> {
    let start = cursor.offset();
    let number = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if crate::value::is_number(number) {
        push(out, start..start + number.len());
        return Ok(());
    }
    Err(cursor.problem_at(
        start,
        format!("{} is not a number in JSON", quoted(number)),
        "JSON writes `-12`, `0.5`, `1e6`; put anything else in double quotes.",
    ))
}

pub(super) fn word<'a>(cursor: &mut Cursor<'a>, out: &mut Pieces<'a>) -> Result<(), Problem> {
    let start = cursor.offset();
    let word = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
    let advice = match word {
        "true" | "false" | "null" => {
            push(out, start..start + word.len());
            return Ok(());
        }
        "" => return Err(no_value(cursor)),
        "True" | "TRUE" => "Write `true`.",
        "False" | "FALSE" => "Write `false`.",
        "None" | "nil" | "NULL" | "Null" | "undefined" => "Write `null`.",
        "NaN" | "Infinity" => "JSON has no such number; put it in double quotes.",
        _ => "Put text in double quotes; put a column between `{{ ` and ` }}`, as in `{{ row.column }}`.",
    };
    Err(cursor.problem_at(start, format!("{} is not a JSON value", quoted(word)), advice))
}

pub(super) fn no_value(cursor: &mut Cursor<'_>) -> Problem {
    const ADVICE: &str = "Write a JSON value or a hole, as in `{{ row.column }}`.";
    let (message, advice) = match cursor.next() {
        Next::End if cursor.tag.is_some() => {
            ("a value is missing before the tag goes on or ends", "Write the name and the value in each branch.")
        }
        Next::End => ("a value is missing", ADVICE),
        Next::Char('$') => ("this is not a JSON value", "A column is written `{{ row.column }}`."),
        Next::Char('\'') => ("JSON has no single quotes", "Put text in double quotes."),
        Next::Char('/' | '#') => ("JSON has no comments", "Remove it, or write it as `{% # ... %}`."),
        Next::Char(',' | '}' | ']' | ':') => ("a value is missing here", ADVICE),
        Next::Char('\u{feff}') => ("a byte-order mark stands here", "Save the text without it, as plain UTF-8."),
        _ => ("this is not a JSON value", "Put text in double quotes."),
    };
    cursor.problem(message, advice)
}

pub(super) fn no_name(cursor: &mut Cursor<'_>) -> Problem {
    match cursor.next() {
        Next::End => cursor.problem("the object is never closed", "Write `}`."),
        Next::Char('\'') => cursor.problem("JSON has no single quotes", "Put the name in double quotes."),
        Next::Char('/' | '#') => cursor.problem("JSON has no comments", "Remove it, or write it as `{% # ... %}`."),
        Next::Char(',') => cursor.problem(
            "the name of a member is missing before this comma",
            "Write `\"name\": value`, or remove the comma.",
        ),
        _ => cursor.problem("the name of a member is missing", "Write `\"name\": value`."),
    }
}
