//! What is wrong with a template, where, and what to write instead.

use std::fmt::Write;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}. {advice}")]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong; without a full stop.
    pub message: String,
    /// What to write instead; a sentence.
    pub advice: String,
}

impl Problem {
    pub(crate) fn at(source: &str, offset: usize, message: impl Into<String>, advice: impl Into<String>) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before.get(start..).unwrap_or_default().chars().count() + 1,
            message: message.into(),
            advice: advice.into(),
        }
    }
}

/// A piece of what the user wrote, fit to stand in a message: short, on one line, between backticks.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut out = String::from("`");
    for (at, character) in text.chars().enumerate() {
        if at == LONGEST {
            out.push_str("...");
            break;
        }
        if character.is_control() {
            // Writing to a String does not fail.
            write!(out, "\\u{{{:x}}}", u32::from(character)).unwrap_or_default();
        } else {
            out.push(character);
        }
    }
    out.push('`');
    out
}
