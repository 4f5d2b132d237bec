//! Names in the spellings that systems want.

use super::draft::Draft;
use super::input::text;
use super::string::charge_cased;
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::Value;

type Given<'r> = Result<Value<'r>, Fault>;

/// Steps for a word, which is a text of its own while it changes case.
const WORD: usize = 2;

/// `first name`, `FirstName` and `first_name` become `FirstName`.
pub(super) fn camelize<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    charge_cased(&input, env)?;
    env.budget.inspect(input.len())?;
    let mut draft = Draft::default();
    for word in words(&input) {
        push_capitalized(word, &mut draft, env)?;
    }
    Ok(draft.finish())
}

pub(super) fn snakecase<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    charge_cased(&input, env)?;
    env.budget.inspect(input.len())?;
    let mut draft = Draft::default();
    for (at, word) in words(&input).enumerate() {
        if at > 0 {
            draft.push("_", env)?;
        }
        env.budget.work(WORD)?;
        draft.push(&word.to_lowercase(), env)?;
    }
    Ok(draft.finish())
}

/// Each word with a large first letter; what separates words stays.
pub(super) fn titlecase<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    charge_cased(&input, env)?;
    env.budget.inspect(input.len())?;
    let mut draft = Draft::default();
    for word in input.split_inclusive(char::is_whitespace) {
        push_capitalized(word, &mut draft, env)?;
    }
    Ok(draft.finish())
}

/// Small letters and digits, with one hyphen between the words: what stands in the address of a page.
pub(super) fn handleize<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    charge_cased(&input, env)?;
    env.budget.inspect(input.len())?;
    let mut draft = Draft::default();
    let pieces = input.split(|character: char| !character.is_alphanumeric()).filter(|piece| !piece.is_empty());
    for (at, piece) in pieces.enumerate() {
        if at > 0 {
            draft.push("-", env)?;
        }
        env.budget.work(WORD)?;
        draft.push(&piece.to_lowercase(), env)?;
    }
    Ok(draft.finish())
}

fn push_capitalized(word: &str, draft: &mut Draft, env: &mut Env<'_>) -> Result<(), Fault> {
    env.budget.work(WORD)?;
    let mut characters = word.chars();
    if let Some(first) = characters.next() {
        for character in first.to_uppercase() {
            draft.push_char(character, env)?;
        }
    }
    draft.push(&characters.as_str().to_lowercase(), env)
}

/// Words end where something that is neither letter nor digit stands, and before a large letter that follows a small
/// one: `userID` is `user` and `ID`, `HTTPServer` is `HTTP` and `Server`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric())
        .flat_map(|piece| Humps { rest: piece })
        .filter(|word| !word.is_empty())
}

struct Humps<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Humps<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let mut before: Option<char> = None;
        let mut characters = self.rest.char_indices().peekable();
        let mut end = self.rest.len();
        while let Some((at, character)) = characters.next() {
            let small_next = characters.peek().is_some_and(|(_, next)| next.is_lowercase());
            let starts =
                before.is_some_and(|before| character.is_uppercase() && (!before.is_uppercase() || small_next));
            if starts {
                end = at;
                break;
            }
            before = Some(character);
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(word)
    }
}
