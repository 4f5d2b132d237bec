use std::fmt;

use zeroize::Zeroize;

/// Values shorter than this show nothing of themselves.
const HINTED: usize = 16;
const SHOWN: usize = 4;

/// The value of a secret. It is never printed nor serialized, and its memory is cleared when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Plaintext(String);

impl Plaintext {
    pub const fn new(value: String) -> Self {
        Self(value)
    }

    /// The value itself: for whoever it was meant for.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The end of a value that is long enough to show it, as in `…4f2a`.
    pub fn hint(&self) -> Option<String> {
        let length = self.0.chars().count();
        let end: String = self.0.chars().skip(length.saturating_sub(SHOWN)).collect();
        (length >= HINTED && !end.chars().any(char::is_control)).then(|| format!("…{end}"))
    }
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<String> for Plaintext {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(value: &str) -> Option<String> {
        Plaintext::new(value.to_owned()).hint()
    }

    #[test]
    fn only_a_long_value_shows_its_last_four_characters() {
        assert_eq!(hint("123456789012345"), None);
        assert_eq!(hint("1234567890124f2a"), Some("…4f2a".to_owned()));
        assert_eq!(hint("ää345678901234äö"), Some("…34äö".to_owned()), "characters, not bytes");
        assert_eq!(hint("12345678901234\n5"), None);
        assert_eq!(hint("123456789012345\0"), None);
    }

    #[test]
    fn a_value_is_not_printed() {
        assert_eq!(format!("{:?}", Some(Plaintext::new("planted".to_owned()))), "Some((secret))");
    }
}
