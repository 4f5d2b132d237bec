//! A bounded output, and text escaped as the content of a JSON string.

mod escape;
mod room;

use std::ops::Range;

use crate::fault::Fault;
use escape::{BLOCK, escapes, has_escape};
pub(crate) use escape::{escapes_of_eight, until_escape};
pub(crate) use room::Room;

#[derive(Debug)]
pub(crate) struct Output<'a> {
    bytes: &'a mut Vec<u8>,
    /// How long `bytes` may become.
    end: usize,
    /// Only count: `bytes` is emptied whenever it is full.
    counting: Option<Counting>,
    /// How many bytes may still be read without being written: white space in JSON, for one.
    work: usize,
    /// Leave out the white space of JSON that a row brings along.
    compact: bool,
}

#[derive(Debug)]
struct Counting {
    gone: usize,
    cap: usize,
}

impl<'a> Output<'a> {
    /// Appends at most `limit` bytes.
    pub(crate) fn bounded(bytes: &'a mut Vec<u8>, limit: usize) -> Self {
        let end = bytes.len().saturating_add(limit);
        Self { bytes, end, counting: None, work: work(limit), compact: false }
    }

    /// Counts up to `cap` bytes in a buffer of `chunk` bytes.
    pub(crate) fn counting(buffer: &'a mut Vec<u8>, chunk: usize, cap: usize) -> Self {
        buffer.clear();
        Self { bytes: buffer, end: chunk, counting: Some(Counting { gone: 0, cap }), work: work(cap), compact: false }
    }

    /// What `write` writes, as compact JSON text; it shares the limits.
    pub(crate) fn aside(&mut self, write: impl FnOnce(&mut Output<'_>) -> Result<(), Fault>) -> Result<String, Fault> {
        let mut buffer = Vec::new();
        let mut output = Output { work: self.work, compact: true, ..Output::bounded(&mut buffer, self.left()) };
        write(&mut output)?;
        self.work = output.work;
        Ok(String::from_utf8_lossy(&buffer).into_owned())
    }

    pub(crate) const fn is_compact(&self) -> bool {
        self.compact
    }

    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        let Some(left) = self.work.checked_sub(bytes) else { return Err(Fault::TooMuchWork) };
        self.work = left;
        Ok(())
    }

    #[inline]
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), Fault> {
        if piece.len() <= self.end.saturating_sub(self.bytes.len()) {
            self.bytes.extend_from_slice(piece);
            return Ok(());
        }
        self.push_over(piece)
    }

    #[cold]
    fn push_over(&mut self, piece: &[u8]) -> Result<(), Fault> {
        if self.room(piece.len())? {
            self.bytes.extend_from_slice(piece);
        }
        Ok(())
    }

    /// Whether `length` more bytes are to be written; a long piece is only counted when counting.
    fn room(&mut self, length: usize) -> Result<bool, Fault> {
        if length <= self.end.saturating_sub(self.bytes.len()) {
            return Ok(true);
        }
        let Some(counting) = &mut self.counting else { return Err(Fault::Full) };
        counting.gone = counting.gone.saturating_add(self.bytes.len());
        self.bytes.clear();
        let fits = length <= self.end;
        if !fits {
            counting.gone = counting.gone.saturating_add(length);
        }
        if counting.gone > counting.cap { Err(Fault::Full) } else { Ok(fits) }
    }

    /// Text as the content of a JSON string. What JSON does not require to be escaped stays as it is.
    pub(crate) fn escaped(&mut self, text: &str) -> Result<(), Fault> {
        escapes(text.as_bytes(), |piece| self.push(piece))
    }

    /// What `write` writes into bytes that are there, at most so many; it tells how many it used.
    pub(crate) fn in_room<T>(&mut self, most: usize, write: impl FnOnce(&mut [u8]) -> (T, usize)) -> T {
        let start = self.bytes.len();
        self.bytes.resize(self.end.min(start.saturating_add(most)).max(start), 0);
        let (result, length) = write(self.bytes.get_mut(start..).unwrap_or_default());
        self.bytes.truncate(start.saturating_add(length));
        result
    }

    /// A JSON string.
    #[inline]
    pub(crate) fn string(&mut self, text: &str) -> Result<(), Fault> {
        let bytes = text.as_bytes();
        // Most texts need no escapes, and fit.
        let room = self.end.saturating_sub(self.bytes.len());
        if bytes.len().saturating_add(2) <= room {
            let start = self.bytes.len();
            self.bytes.reserve(bytes.len() + 2 + BLOCK);
            self.bytes.push(b'"');
            if self.copied(bytes) {
                self.bytes.push(b'"');
                return Ok(());
            }
            self.bytes.truncate(start);
        }
        self.push(b"\"")?;
        self.escaped(text)?;
        self.push(b"\"")
    }

    /// Copies bytes of which none must be escaped, else tells that there is one and leaves something behind. Short texts
    /// are looked at and copied block by block, for which compilers need no call; the last block overlaps the one before.
    #[inline]
    fn copied(&mut self, bytes: &[u8]) -> bool {
        let start = self.bytes.len();
        match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>(), bytes.last_chunk::<BLOCK>()) {
            (_, _, Some(last)) if bytes.len() <= 8 * BLOCK => {
                for block in bytes.as_chunks::<BLOCK>().0 {
                    if has_escape(block) {
                        return false;
                    }
                    self.bytes.extend_from_slice(block);
                }
                self.bytes.truncate(start + bytes.len() - BLOCK);
                self.bytes.extend_from_slice(last);
                !has_escape(last)
            }
            (Some(first), Some(last), None) => {
                self.bytes.extend_from_slice(first);
                self.bytes.truncate(start + bytes.len() - 8);
                self.bytes.extend_from_slice(last);
                escapes_of_eight(*first) | escapes_of_eight(*last) == 0
            }
            _ => {
                self.bytes.extend_from_slice(bytes);
                until_escape(bytes) == bytes.len()
            }
        }
    }

    /// A piece of constant text. A short one is copied together with what follows it, which is then forgotten: that needs
    /// no call.
    #[inline]
    pub(crate) fn push_part(&mut self, text: &[u8], part: &Range<usize>) -> Result<(), Fault> {
        let length = part.len();
        if length <= BLOCK
            && length <= self.end.saturating_sub(self.bytes.len())
            && let Some(block) = text.get(part.start..).and_then(<[u8]>::first_chunk::<BLOCK>)
        {
            let end = self.bytes.len() + length;
            self.bytes.extend_from_slice(block);
            self.bytes.truncate(end);
            return Ok(());
        }
        self.push(text.get(part.clone()).unwrap_or_default())
    }

    /// Base64 with padding; it needs no escapes.
    pub(crate) fn base64(&mut self, data: &[u8]) -> Result<(), Fault> {
        // Whole groups of three bytes, so that only the last piece is padded.
        const PIECE: usize = 3 * 256;
        for piece in data.chunks(PIECE) {
            let mut encoded = [0; PIECE / 3 * 4];
            let length = base64::Engine::encode_slice(&base64::engine::general_purpose::STANDARD, piece, &mut encoded)
                .map_err(|_| Fault::Full)?;
            self.push(encoded.get(..length).unwrap_or_default())?;
        }
        Ok(())
    }

    /// How many bytes were written so far, and how many may follow.
    pub(crate) fn written(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn left(&self) -> usize {
        match &self.counting {
            None => self.end.saturating_sub(self.bytes.len()),
            Some(counting) => counting.cap.saturating_sub(counting.gone),
        }
    }

    /// What was written from an earlier `written()` on; nothing when counting.
    pub(crate) fn since(&self, start: usize) -> Option<&[u8]> {
        if self.counting.is_some() { None } else { self.bytes.get(start..) }
    }

    pub(crate) fn counted(&self) -> usize {
        self.bytes.len() + self.counting.as_ref().map_or(0, |counting| counting.gone)
    }
}

/// Plenty for any row whose output is within the limit, and an end for one that is made to waste time.
const fn work(limit: usize) -> usize {
    limit.saturating_mul(16).saturating_add(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn escaped_text_is_what_serde_json_reads_back(text in any::<String>()) {
            let mut out = Vec::new();
            Output::bounded(&mut out, usize::MAX).string(&text).unwrap();
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn the_first_escape_is_found_wherever_it_stands(text in "[ -~é\u{0}-\u{1f}\"\\\\]{0,40}") {
            let found = text.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\').unwrap_or(text.len());
            prop_assert_eq!(until_escape(text.as_bytes()), found);
        }

        #[test]
        fn counting_gives_the_length_that_writing_has(
            pieces in proptest::collection::vec((0_usize..40, any::<bool>()), 0..20),
        ) {
            let write = |out: &mut Output<'_>| {
                for (length, base64) in &pieces {
                    let piece = vec![b'"'; *length];
                    if *base64 { out.base64(&piece)? } else { out.escaped(&"\"".repeat(*length))? }
                }
                Ok::<_, Fault>(())
            };
            let (mut written, mut buffer) = (Vec::new(), Vec::new());
            write(&mut Output::bounded(&mut written, usize::MAX)).unwrap();
            let mut counting = Output::counting(&mut buffer, 16, usize::MAX);
            write(&mut counting).unwrap();
            prop_assert_eq!(counting.counted(), written.len());
        }
    }
}
