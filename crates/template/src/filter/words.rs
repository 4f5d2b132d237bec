//! Parts of texts and arrays, counted in characters, words and elements.

use super::draft::Draft;
use super::input::{array, integer, items, nil, room, scan, text, truthy};
use super::string::{joined, part};
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::{Text, Value};

type Given<'r> = Result<Value<'r>, Fault>;

/// Elements of an array, characters of a text, members of an object.
pub(super) fn size<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let count = match &input {
        Value::Text(text) | Value::Json(text) => {
            scan(text.len(), env)?;
            text.chars().count()
        }
        Value::Array(values) => values.len(),
        Value::Object(object) => object.len(),
        Value::Range(first, last) => {
            let length = last.saturating_sub(*first).saturating_add(1);
            return Ok(Value::Int(length.max(0)));
        }
        _ => 0,
    };
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// From `offset`, counted from the end if negative, `length` or one.
pub(super) fn slice<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let offset = integer(arguments.at(0), "slice", env)?;
    let length = if truthy(arguments.at(1)) { integer(arguments.at(1), "slice", env)? } else { 1 };
    if let Value::Array(values) = &input {
        let (start, end) = span(offset, length, values.len());
        let mut kept = room(end - start, env)?;
        kept.extend_from_slice(values.get(start..end).unwrap_or_default());
        return Ok(array(kept));
    }
    let input = text(&input, env)?;
    let (start, end) = span(offset, length, input.chars().count());
    cut(&input, start, end, env)
}

/// A range of positions within `count`; empty where there is none.
fn span(offset: i64, length: i64, count: usize) -> (usize, usize) {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let start = if offset < 0 { offset.saturating_add(count) } else { offset };
    if start < 0 || start > count || length <= 0 {
        return (0, 0);
    }
    let end = start.saturating_add(length).min(count);
    (usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0))
}

/// The characters from `start` up to `end`.
fn cut<'r>(text: &Text<'r>, start: usize, end: usize, env: &mut Env<'_>) -> Given<'r> {
    let from = byte_at(text, start);
    let rest = text.get(from..).unwrap_or_default();
    let kept = rest.get(..byte_at(rest, end - start)).unwrap_or_default();
    part(text, kept, env)
}

fn byte_at(text: &str, character: usize) -> usize {
    if text.len() <= character {
        return text.len();
    }
    // Every character before it is one byte.
    if text.get(..character).is_some_and(str::is_ascii) {
        return character;
    }
    text.char_indices().nth(character).map_or(text.len(), |(at, _)| at)
}

/// The mark for what is left out counts.
pub(super) fn truncate<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&input) {
        return Ok(input);
    }
    let input = text(&input, env)?;
    let length = if arguments.has(0) { integer(arguments.at(0), "truncate", env)? } else { 50 };
    let mark = mark(arguments, env)?;
    let count = |text: &str| i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    // A text has no more characters than bytes.
    if i64::try_from(input.len()).is_ok_and(|bytes| bytes <= length) || count(&input) <= length {
        return Ok(Value::Text(input));
    }
    let kept = usize::try_from(length.saturating_sub(count(&mark))).unwrap_or(0);
    joined(&[input.get(..byte_at(&input, kept)).unwrap_or_default(), &mark], env)
}

fn mark<'r>(arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Result<Text<'r>, Fault> {
    if arguments.has(1) { text(arguments.at(1), env) } else { Ok(Text::Borrowed("...")) }
}

pub(super) fn truncatewords<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&input) {
        return Ok(input);
    }
    let input = text(&input, env)?;
    // All of it may be white space.
    env.budget.inspect(input.len() / 2)?;
    let words = if arguments.has(0) { integer(arguments.at(0), "truncatewords", env)? } else { 15 };
    let words = usize::try_from(words.max(1)).unwrap_or(usize::MAX);
    let mark = mark(arguments, env)?;
    let is_space = |character: char| character.is_ascii_whitespace() || character == '\x0b';
    let mut rest = input.trim_start_matches(is_space);
    let mut draft = Draft::default();
    for at in 0..words {
        // White space after the last word counts as a word that is left out, as in Ruby.
        let Some((word, after)) = rest.split_once(is_space) else { return Ok(Value::Text(input)) };
        if at > 0 {
            draft.push(" ", env)?;
        }
        draft.push(word, env)?;
        rest = after.trim_start_matches(is_space);
    }
    draft.push(&mark, env)?;
    Ok(draft.finish())
}

/// Of an array, a range, or an object (its first pair). A text has none, as in Ruby: `slice: 0` and `index: 0` do that.
pub(super) fn first<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, _: &mut Env<'_>) -> Given<'r> {
    match &input {
        Value::Array(values) => Ok(values.first().cloned().unwrap_or(Value::Nil)),
        Value::Range(first, last) => Ok(if first <= last { Value::Int(*first) } else { Value::Nil }),
        Value::Object(object) => match object.iter().next() {
            Some((name, value)) => Ok(array(vec![Value::Text(name.clone()), value.clone()])),
            None => Ok(Value::Nil),
        },
        _ => Ok(Value::Nil),
    }
}

pub(super) fn last<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, _: &mut Env<'_>) -> Given<'r> {
    match &input {
        Value::Array(values) => Ok(values.last().cloned().unwrap_or(Value::Nil)),
        Value::Range(first, last) => Ok(if first <= last { Value::Int(*last) } else { Value::Nil }),
        _ => Ok(Value::Nil),
    }
}

/// The element or character at a position, from the end if negative.
pub(super) fn index<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let at = integer(arguments.at(0), "index", env)?;
    if let Value::Text(text) = &input {
        scan(text.len(), env)?;
        let (start, end) = span(at, 1, text.chars().count());
        return if start == end { Ok(Value::Nil) } else { cut(text, start, end, env) };
    }
    let values = match &input {
        Value::Array(values) => values.clone(),
        _ => items(&input, env)?,
    };
    let (start, end) = span(at, 1, values.len());
    Ok(values.get(start..end).and_then(<[_]>::first).cloned().unwrap_or(Value::Nil))
}
