//! What must be escaped in a JSON string, and how.

/// How many bytes are looked at, and copied, together.
pub(super) const BLOCK: usize = 16;

/// How many bytes there are before the first one that must be escaped. Sixteen (a block) are looked at together, which compilers
/// turn into a few instructions; those at the end may be looked at twice.
#[inline]
pub(crate) fn until_escape(bytes: &[u8]) -> usize {
    let Some(last) = bytes.last_chunk::<BLOCK>() else {
        return match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(first), Some(last)) if escapes_of_eight(*first) | escapes_of_eight(*last) == 0 => bytes.len(),
            _ => first_escape(bytes, 0),
        };
    };
    let mut at = 0;
    for block in bytes.as_chunks::<BLOCK>().0 {
        if has_escape(block) {
            return first_escape(bytes, at);
        }
        at += BLOCK;
    }
    if at < bytes.len() && has_escape(last) { first_escape(bytes, at) } else { bytes.len() }
}

/// Sixteen are two words, not what compilers might make of so many bytes.
#[inline]
pub(super) const fn has_escape(block: &[u8; BLOCK]) -> bool {
    let both = u128::from_le_bytes(*block);
    #[expect(clippy::cast_possible_truncation, reason = "one half and the other")]
    let (low, high) = (both as u64, (both >> u64::BITS) as u64);
    escapes_of_word(low) | escapes_of_word(high) != 0
}

/// The same for eight bytes. Nothing is found in zero; else its lowest bit is in the byte that was found first. (Above
/// that one, bits may be set for others.)
#[inline]
pub(crate) const fn escapes_of_eight(bytes: [u8; 8]) -> u64 {
    escapes_of_word(u64::from_le_bytes(bytes))
}

/// With 2 turned around, quotes are the next after the control characters: both are below 0x21.
#[inline]
const fn escapes_of_word(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let controls = (word ^ (ONES * 2)).wrapping_sub(ONES * 0x21);
    let slashes = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (controls | slashes) & !word & HIGH
}

fn first_escape(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| ESCAPES[usize::from(*byte)] != 0).unwrap_or(rest.len())
}

/// The text as the content of a JSON string, in pieces.
#[inline]
pub(super) fn escapes<E>(text: &[u8], mut push: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let mut rest = text;
    loop {
        let (clean, unclean) = rest.split_at(until_escape(rest));
        push(clean)?;
        let Some((byte, after)) = unclean.split_first() else { return Ok(()) };
        let escape = ESCAPES[usize::from(*byte)];
        if escape == b'u' {
            let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
            push(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(*byte)])?;
        } else {
            push(&[b'\\', escape])?;
        }
        rest = after;
    }
}

/// 0: as it is; `u`: `\u00XX`; else the letter after the backslash.
static ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};
