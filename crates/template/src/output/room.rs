//! Room that is there: what is written into it needs no look at a capacity, and no call where it is short.

use std::ops::Range;

use super::escape::{BLOCK, escapes, escapes_of_eight, has_escape, until_escape};

/// A place at the end of an output. Every write gives none where it does not fit; what it wrote then is taken back with
/// `back`.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    bytes: &'a mut [u8],
    /// A number that stays in a register, unlike the length of a vector.
    at: usize,
}

impl<'a> Room<'a> {
    pub(crate) const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) const fn written(&self) -> usize {
        self.at
    }

    pub(crate) const fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Option<&mut [u8]> {
        let taken = self.bytes.get_mut(self.at..)?.get_mut(..length)?;
        self.at += length;
        Some(taken)
    }

    #[inline]
    pub(crate) fn push(&mut self, piece: &[u8]) -> Option<()> {
        copy(piece, self.take(piece.len())?);
        Some(())
    }

    /// A piece of constant text. A short one is copied together with what follows it, which is then forgotten: its length
    /// does not matter to the processor.
    #[inline]
    pub(crate) fn part(&mut self, text: &[u8], part: &Range<usize>) -> Option<()> {
        let length = part.len();
        if length <= BLOCK
            && let Some(block) = text.get(part.start..).and_then(<[u8]>::first_chunk::<BLOCK>)
            && let Some(to) = self.bytes.get_mut(self.at..).and_then(<[u8]>::first_chunk_mut::<BLOCK>)
        {
            *to = *block;
            self.at += length;
            return Some(());
        }
        self.push(text.get(part.clone())?)
    }

    /// A JSON string.
    #[inline]
    pub(crate) fn string(&mut self, text: &str) -> Option<()> {
        self.at += string(text.as_bytes(), self.bytes.get_mut(self.at..)?)?;
        Some(())
    }

    /// Text as the content of a JSON string.
    #[inline]
    pub(crate) fn escaped(&mut self, text: &str) -> Option<()> {
        self.at += escaped(text.as_bytes(), self.bytes.get_mut(self.at..)?)?;
        Some(())
    }
}

/// Writes to the beginning of `to`, and tells how much. A call of its own, so that the room stays in registers around it.
#[inline(never)]
fn string(text: &[u8], to: &mut [u8]) -> Option<usize> {
    let length = text.len().checked_add(2)?;
    if let [open, content @ .., close] = to.get_mut(..length)? {
        (*open, *close) = (b'"', b'"');
        if clean_copy(text, content) {
            return Some(length);
        }
    }
    let length = escaped(text, to.get_mut(1..)?)?;
    *to.get_mut(1 + length)? = b'"';
    Some(length + 2)
}

#[inline(never)]
fn escaped(text: &[u8], to: &mut [u8]) -> Option<usize> {
    let mut room = Room::new(to);
    escapes(text, |piece| room.push(piece).ok_or(())).ok()?;
    Some(room.at)
}

/// Both are as long. Short pieces are copied in two parts that overlap, for which compilers need no call.
#[inline]
fn copy(from: &[u8], to: &mut [u8]) {
    fn ends<const N: usize>(from: &[u8], to: &mut [u8]) {
        if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
            if let Some(to) = to.first_chunk_mut() {
                *to = *first;
            }
            if let Some(to) = to.last_chunk_mut() {
                *to = *last;
            }
        }
    }
    match from.len() {
        0 => {}
        1 => ends::<1>(from, to),
        2..4 => ends::<2>(from, to),
        4..8 => ends::<4>(from, to),
        8..16 => ends::<8>(from, to),
        16..=32 => ends::<16>(from, to),
        _ => to.copy_from_slice(from),
    }
}

/// The same, and whether there was nothing to escape.
#[inline]
fn clean_copy(from: &[u8], to: &mut [u8]) -> bool {
    match (from.len(), from.last_chunk::<BLOCK>(), to.last_chunk_mut::<BLOCK>()) {
        (..=128, Some(last), Some(to_last)) => {
            let mut found = has_escape(last);
            *to_last = *last;
            for (block, to) in from.as_chunks::<BLOCK>().0.iter().zip(to.as_chunks_mut::<BLOCK>().0) {
                found |= has_escape(block);
                *to = *block;
            }
            !found
        }
        (8..BLOCK, ..) => {
            copy(from, to);
            match (from.first_chunk(), from.last_chunk()) {
                (Some(first), Some(last)) => escapes_of_eight(*first) | escapes_of_eight(*last) == 0,
                _ => false,
            }
        }
        _ => {
            copy(from, to);
            until_escape(from) == from.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Output;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_fits_is_written_as_without_room(
            texts in proptest::collection::vec("[ -~é\u{0}-\u{1f}\"\\\\]{0,200}|[a-z]{0,40}", 0..6), most in 0_usize..600,
        ) {
            let (mut expected, mut written) = (Vec::new(), Vec::new());
            let mut plain = Output::bounded(&mut expected, usize::MAX);
            let mut out = Output::bounded(&mut written, usize::MAX);
            let fitted = out.in_room(most, |bytes| {
                let mut room = Room::new(bytes);
                for (at, text) in texts.iter().enumerate() {
                    let start = room.written();
                    let part = text.len() / 3..text.len() / 2;
                    let result = match at % 4 {
                        0 => room.string(text),
                        1 => room.escaped(text),
                        2 => room.push(text.as_bytes()),
                        _ => room.part(text.as_bytes(), &part),
                    };
                    if result.is_none() {
                        return (false, start);
                    }
                    match at % 4 {
                        0 => plain.string(text).unwrap(),
                        1 => plain.escaped(text).unwrap(),
                        2 => plain.push(text.as_bytes()).unwrap(),
                        _ => plain.push(&text.as_bytes()[part]).unwrap(),
                    }
                }
                (true, room.written())
            });
            prop_assert!(written.len() <= most);
            prop_assert!(fitted || most < texts.iter().map(|text| 6 * text.len() + 2).sum());
            prop_assert_eq!(written, expected);
        }
    }
}
