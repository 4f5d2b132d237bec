//! A text in the making: every piece is charged before it is kept.

use super::Env;
use super::input::made;
use crate::fault::Fault;
use crate::value::Value;

#[derive(Debug, Default)]
pub(super) struct Draft {
    text: String,
    /// How long it may become before more is charged: short pieces are charged many at once.
    paid: usize,
}

impl Draft {
    pub(super) fn push(&mut self, piece: &str, env: &mut Env<'_>) -> Result<(), Fault> {
        let length = self.text.len().saturating_add(piece.len());
        if length > self.paid {
            let more = piece.len().max(self.paid / 4).max(16);
            env.budget.allocate(more)?;
            self.paid = self.text.len().saturating_add(more);
        }
        self.text.push_str(piece);
        Ok(())
    }

    pub(super) fn push_char(&mut self, character: char, env: &mut Env<'_>) -> Result<(), Fault> {
        self.push(character.encode_utf8(&mut [0; 4]), env)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn finish<'r>(self) -> Value<'r> {
        made(self.text)
    }
}
