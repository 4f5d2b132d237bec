//! Texts for and from HTML.

use super::draft::Draft;
use super::input::{nil, text};
use super::{Arguments, Env};
use crate::fault::Fault;
use crate::value::Value;

type Given<'r> = Result<Value<'r>, Fault>;

const fn escaped(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        _ => None,
    }
}

pub(super) fn escape<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    if nil(&input) {
        return Ok(input);
    }
    let input = text(&input, env)?;
    escape_where(&input, |_| true, env)
}

/// What is escaped already stays as it is.
pub(super) fn escape_once<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    escape_where(&input, |rest| !rest.starts_with('&') || entity(rest).is_none(), env)
}

fn escape_where<'r>(input: &str, wanted: impl Fn(&str) -> bool, env: &mut Env<'_>) -> Given<'r> {
    let mut draft = Draft::default();
    let mut start = 0;
    for (at, byte) in input.bytes().enumerate() {
        let Some(instead) = escaped(byte) else { continue };
        if wanted(input.get(at..).unwrap_or_default()) {
            draft.push(input.get(start..at).unwrap_or_default(), env)?;
            draft.push(instead, env)?;
            start = at + 1;
        }
    }
    draft.push(input.get(start..).unwrap_or_default(), env)?;
    Ok(draft.finish())
}

/// `&name;` or `&#digits;` at the start: what stands between `&` and `;`. No entity is longer than 32 bytes.
fn entity(text: &str) -> Option<&str> {
    let body = text.strip_prefix('&')?;
    let end = body.bytes().take(32).position(|byte| byte == b';')?;
    let name = body.get(..end)?;
    let fits = match name.strip_prefix('#') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()),
    };
    fits.then_some(name)
}

pub(super) fn newline_to_br<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    lines_joined(&input, "<br />\n", env)
}

pub(super) fn strip_newlines<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    lines_joined(&input, "", env)
}

fn lines_joined<'r>(input: &Value<'r>, by: &str, env: &mut Env<'_>) -> Given<'r> {
    let input = text(input, env)?;
    env.budget.inspect(input.len())?;
    let mut draft = Draft::default();
    let mut lines = input.split('\n').peekable();
    while let Some(line) = lines.next() {
        if lines.peek().is_none() {
            draft.push(line, env)?;
        } else {
            draft.push(line.strip_suffix('\r').unwrap_or(line), env)?;
            draft.push(by, env)?;
        }
    }
    Ok(draft.finish())
}

/// Scripts, styles and comments go with their content, then every tag.
pub(super) fn strip_html<'r>(input: Value<'r>, _: &Arguments<'_, 'r>, env: &mut Env<'_>) -> Given<'r> {
    let input = text(&input, env)?;
    let blocks = [("<script", "</script>"), ("<!--", "-->"), ("<style", "</style>")];
    let without_blocks = without(&input, &blocks, env)?;
    without(without_blocks.as_str(), &[("<", ">")], env).map(Draft::finish)
}

/// Without what begins and ends with one of the pairs. One that does not end stays.
fn without(input: &str, pairs: &[(&str, &str)], env: &mut Env<'_>) -> Result<Draft, Fault> {
    let mut draft = Draft::default();
    let mut start = 0;
    let mut at = 0;
    // A pair whose end was not found once is not searched again: the work stays proportional to the length.
    let mut unended = [false; 3];
    while let Some(found) = input.get(at..).and_then(|rest| rest.find('<')) {
        let open = at + found;
        let rest = input.get(open..).unwrap_or_default();
        at = open + 1;
        for ((begin, end), unended) in pairs.iter().zip(&mut unended) {
            if *unended || !rest.starts_with(begin) {
                continue;
            }
            match rest.get(begin.len()..).and_then(|body| body.find(end)) {
                None => *unended = true,
                Some(length) => {
                    draft.push(input.get(start..open).unwrap_or_default(), env)?;
                    at = open + begin.len() + length + end.len();
                    start = at;
                    break;
                }
            }
        }
    }
    env.budget.inspect(input.len())?;
    draft.push(input.get(start..).unwrap_or_default(), env)?;
    Ok(draft)
}
