//! Texts: joined, searched, replaced, cased, trimmed.

use std::rc::Rc;

use super::draft::Draft;
use super::input::{made, nil, scan, text};
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::{Text, Value};

type Given<'r> = Result<Value<'r>, Fault>;

pub(super) fn append<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (input, more) = (text(&input, env)?, text(arguments.at(0), env)?);
    joined(&[&input, &more], env)
}

pub(super) fn prepend<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (input, more) = (text(&input, env)?, text(arguments.at(0), env)?);
    joined(&[&more, &input], env)
}

pub(super) fn joined<'r>(pieces: &[&str], env: &mut Env<'_>) -> Given<'r> {
    match pieces {
        // One copy.
        [piece] => {
            env.budget.allocate(piece.len().max(16))?;
            Ok(Value::Text(Text::Shared(Rc::from(*piece))))
        }
        pieces => {
            pieces.iter().try_for_each(|piece| env.budget.allocate(piece.len().max(16)))?;
            Ok(made(pieces.concat()))
        }
    }
}

pub(super) fn upcase<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    let ascii = charge_cased(&input, env)?;
    Ok(if ascii { cased(&input, str::make_ascii_uppercase) } else { made(input.to_uppercase()) })
}

pub(super) fn downcase<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    let ascii = charge_cased(&input, env)?;
    Ok(if ascii { cased(&input, str::make_ascii_lowercase) } else { made(input.to_lowercase()) })
}

/// The quick way for texts that have only letters of ASCII: one copy, changed where it lies.
#[inline]
fn cased<'r>(text: &str, change: impl FnOnce(&mut str)) -> Value<'r> {
    let mut copy = Rc::<str>::from(text);
    if let Some(copy) = Rc::get_mut(&mut copy) {
        change(copy);
    }
    Value::Text(Text::Shared(copy))
}

/// The first letter large, all others small.
pub(super) fn capitalize<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    charge_cased(&input, env)?;
    let mut characters = input.chars();
    let Some(first) = characters.next() else { return Ok(Value::Text(input)) };
    let mut out = String::with_capacity(input.len());
    // As a title: of the letters that one becomes, only the first is large.
    for (at, character) in first.to_uppercase().enumerate() {
        if at == 0 { out.push(character) } else { out.extend(character.to_lowercase()) }
    }
    out.push_str(&characters.as_str().to_lowercase());
    Ok(made(out))
}

/// Whether the text is ASCII. Outside of that a letter may take up to three times its bytes in the other case.
pub(super) fn charge_cased(input: &str, env: &mut Env<'_>) -> Result<bool, Fault> {
    let ascii = input.is_ascii();
    let factor = if ascii { 1 } else { 3 };
    env.budget.work(input.len() * factor / 64)?;
    env.budget.allocate(input.len().saturating_mul(factor))?;
    Ok(ascii)
}

/// White space as Ruby trims it.
pub(super) const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r' | '\0')
}

pub(super) fn strip<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = walked(&input, env)?;
    part(&input, input.trim_matches(is_space), env)
}

pub(super) fn lstrip<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = walked(&input, env)?;
    part(&input, input.trim_start_matches(is_space), env)
}

pub(super) fn rstrip<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = walked(&input, env)?;
    part(&input, input.trim_end_matches(is_space), env)
}

/// A text whose characters are looked at one by one.
fn walked<'r>(input: &Value<'r>, env: &mut Env<'_>) -> Result<Text<'r>, Fault> {
    let input = text(input, env)?;
    env.budget.inspect(input.len())?;
    Ok(input)
}

/// A part of a text: nothing is copied if it is all of it.
pub(super) fn part<'r>(whole: &Text<'r>, part: &str, env: &mut Env<'_>) -> Given<'r> {
    if whole.len() == part.len() {
        return Ok(Value::Text(whole.clone()));
    }
    joined(&[part], env)
}

/// White space at the ends removed, each other run of it made one space.
pub(super) fn squish<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&input) {
        return Ok(input);
    }
    let input = walked(&input, env)?;
    let mut draft = Draft::default();
    for (at, word) in input.split(is_space).filter(|word| !word.is_empty()).enumerate() {
        if at > 0 {
            draft.push(" ", env)?;
        }
        draft.push(word, env)?;
    }
    Ok(draft.finish())
}

pub(super) fn replace<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (input, wanted, instead) = three(&input, arguments, env)?;
    let mut draft = Draft::default();
    let mut end = 0;
    for (start, found) in input.match_indices(&*wanted) {
        env.budget.work(1)?;
        draft.push(input.get(end..start).unwrap_or_default(), env)?;
        draft.push(&instead, env)?;
        end = start + found.len();
    }
    draft.push(input.get(end..).unwrap_or_default(), env)?;
    Ok(draft.finish())
}

pub(super) fn replace_first<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (input, wanted, instead) = three(&input, arguments, env)?;
    let found = input.find(&*wanted);
    replace_at(&input, found, wanted.len(), &instead, env)
}

pub(super) fn replace_last<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (input, wanted, instead) = three(&input, arguments, env)?;
    let found = input.rfind(&*wanted);
    replace_at(&input, found, wanted.len(), &instead, env)
}

pub(super) fn remove<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    replace(input, &Arguments { positional: arguments.positional.get(..1).unwrap_or_default(), named: &[] }, env)
}

pub(super) fn remove_first<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    replace_first(input, arguments, env)
}

pub(super) fn remove_last<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    replace_last(input, arguments, env)
}

type Three<'r> = (Text<'r>, Text<'r>, Text<'r>);

/// The replacement is nothing where it was not written.
fn three<'r>(input: &Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Result<Three<'r>, Fault> {
    Ok((walked(input, env)?, wanted(arguments.at(0), env)?, text(arguments.at(1), env)?))
}

/// A text that is searched: it is prepared for that first, which takes longer than a look.
fn wanted<'r>(value: &Value<'r>, env: &mut Env<'_>) -> Result<Text<'r>, Fault> {
    let wanted = text(value, env)?;
    env.budget.inspect(wanted.len().saturating_mul(2))?;
    Ok(wanted)
}

fn replace_at<'r>(
    input: &Text<'r>,
    found: Option<usize>,
    length: usize,
    instead: &str,
    env: &mut Env<'_>,
) -> Given<'r> {
    let Some(start) = found else { return Ok(Value::Text(input.clone())) };
    let (before, after) = (input.get(..start), input.get(start + length..));
    joined(&[before.unwrap_or_default(), instead, after.unwrap_or_default()], env)
}

/// At spaces: runs of any white space, none at the ends. At nothing: into characters.
pub(super) fn split<'r>(input: Value<'r>, arguments: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let (input, by) = (text(&input, env)?, wanted(arguments.at(0), env)?);
    if &*by == " " {
        // Each character is looked at.
        env.budget.inspect(input.len() / 2)?;
    }
    let mut values = Vec::new();
    let mut keep = |piece: &str| -> Result<(), Fault> {
        // The value, the reference count and the bytes of a text of its own; vectors grow by doubling.
        env.budget.allocate(2 * size_of::<Value<'_>>() + 16 + piece.len())?;
        env.budget.work(1)?;
        values.push(made(piece.to_owned()));
        Ok(())
    };
    if &*by == " " {
        input
            .split(|character: char| character.is_ascii_whitespace() || character == '\x0b')
            .filter(|piece| !piece.is_empty())
            .try_for_each(&mut keep)?;
    } else if by.is_empty() {
        input.chars().try_for_each(|character| keep(character.encode_utf8(&mut [0; 4])))?;
    } else {
        input.split(&*by).try_for_each(&mut keep)?;
    }
    while values.last().is_some_and(|last| matches!(last, Value::Text(text) if text.is_empty())) {
        values.pop();
    }
    scan(values.len(), env)?;
    Ok(super::input::array(values))
}
