//! The content of a JSON string with outputs and tags.

use super::cursor::Cursor;
use crate::problem::Problem;

/// What ends a stretch of literal string content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Quote,
    /// An output, a tag, or the end of the block.
    Text,
}

/// Reads literal content up to the closing quote or the end of this text, neither included. `decoded` gets what it
/// stands for.
pub(super) fn literal(cursor: &mut Cursor<'_>, decoded: &mut String) -> Result<Stop, Problem> {
    loop {
        decoded.push_str(cursor.take_while(|c| !matches!(c, '"' | '\\') && c >= ' '));
        match cursor.peek() {
            None => return Ok(Stop::Text),
            Some('"') => return Ok(Stop::Quote),
            Some('\\') => decoded.push(escape(cursor)?),
            Some(control) => {
                return Err(cursor.problem(
                    format!("a line break or control character (U+{:04X}) stands in a JSON string", u32::from(control)),
                    "Write it as an escape, `\\n` for a line break; or close the string with a quote.",
                ));
            }
        }
    }
}

fn escape(cursor: &mut Cursor<'_>) -> Result<char, Problem> {
    let start = cursor.offset();
    cursor.bump();
    match cursor.bump() {
        Some(same @ ('"' | '\\' | '/')) => Ok(same),
        Some('b') => Ok('\u{8}'),
        Some('f') => Ok('\u{c}'),
        Some('n') => Ok('\n'),
        Some('r') => Ok('\r'),
        Some('t') => Ok('\t'),
        Some('u') => unicode(cursor, start),
        _ => Err(cursor.problem_at(
            start,
            "JSON has no such escape",
            "After a backslash one of `\" \\ / b f n r t u` must follow; a backslash itself is written `\\\\`.",
        )),
    }
}

/// `\uXXXX`, or two of them for a character above U+FFFF.
fn unicode(cursor: &mut Cursor<'_>, start: usize) -> Result<char, Problem> {
    let first = hex(cursor, start)?;
    if let Some(character) = char::from_u32(first) {
        return Ok(character);
    }
    if first < 0xDC00 && cursor.eat("\\u") {
        let second = hex(cursor, start)?;
        if (0xDC00..0xE000).contains(&second)
            && let Some(character) = char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        {
            return Ok(character);
        }
    }
    Err(cursor.problem_at(
        start,
        "this escape is one half of a character",
        "Characters above U+FFFF need two escapes, as in `\\ud83d\\ude00`; or write the character itself.",
    ))
}

fn hex(cursor: &mut Cursor<'_>, start: usize) -> Result<u32, Problem> {
    let mut value = 0;
    for _ in 0..4 {
        let digit = cursor.peek().and_then(|character| character.to_digit(16)).ok_or_else(|| {
            cursor.problem_at(start, "four hexadecimal digits must follow `\\u`", "Write all four, as in `\\u00e9`.")
        })?;
        cursor.bump();
        value = value << 4 | digit;
    }
    Ok(value)
}
