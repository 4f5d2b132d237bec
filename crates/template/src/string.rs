//! The content of a JSON string with holes.

use crate::cursor::Cursor;
use crate::problem::Problem;

/// What ends a stretch of literal string content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Quote,
    Hole,
}

/// Reads literal content up to the closing quote or a hole, neither included. `decoded` gets what it stands for.
pub(crate) fn literal(cursor: &mut Cursor<'_>, start: usize, decoded: &mut String) -> Result<Stop, Problem> {
    loop {
        decoded.push_str(cursor.take_while(|c| !matches!(c, '"' | '\\' | '{') && c >= ' '));
        match cursor.peek() {
            Some('"') => return Ok(Stop::Quote),
            Some('{') if cursor.starts_with("{{") => return Ok(Stop::Hole),
            Some('{') if cursor.starts_with("{%") => return Err(cursor.tag_problem()),
            Some('\\') => decoded.push(escape(cursor)?),
            Some('{') => decoded.extend(cursor.bump()),
            Some(control) => {
                return Err(cursor.problem(
                    format!("a line break or control character (U+{:04X}) stands in a JSON string", u32::from(control)),
                    "Write it as an escape, `\\n` for a line break; or close the string with a quote.",
                ));
            }
            None => return Err(cursor.problem_at(start, "this string is never closed", "Write the closing quote.")),
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
