//! The constraints of the API's shapes. Kinesis reports all that a request breaks in one ValidationException.

use std::fmt::{Debug, Display};

use super::ApiError;

/// What a request broke so far. Paths are those of Kinesis: `records.1.member.partitionKey`, counted from 1.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<String>);

impl Violations {
    /// The most violations that are told apart; Kinesis stops at ten.
    const REPORTED: usize = 10;

    pub(crate) fn add(&mut self, path: impl Display, value: impl Display, constraint: impl Display) {
        if self.0.len() < Self::REPORTED {
            self.0.push(format!("Value {value} at '{path}' failed to satisfy constraint: Member must {constraint}"));
        }
    }

    pub(crate) fn required<T: ?Sized>(&mut self, path: impl Display, value: Option<&T>) {
        if value.is_none() {
            self.add(path, "null", "not be null");
        }
    }

    pub(crate) fn length(
        &mut self,
        path: impl Display,
        value: impl Display,
        length: usize,
        (min, max): (usize, usize),
    ) {
        if length < min {
            self.add(path, value, format_args!("have length greater than or equal to {min}"));
        } else if length > max {
            self.add(path, value, format_args!("have length less than or equal to {max}"));
        }
    }

    pub(crate) fn range(&mut self, path: impl Display, value: Option<i64>, (min, max): (i64, i64)) {
        match value {
            Some(value) if value < min => {
                self.add(path, quoted(value), format_args!("have value greater than or equal to {min}"));
            }
            Some(value) if value > max => {
                self.add(path, quoted(value), format_args!("have value less than or equal to {max}"));
            }
            _ => {}
        }
    }

    /// Length and characters of a stream name or shard id.
    pub(crate) fn name(&mut self, path: impl Display + Copy, value: Option<&str>) {
        let Some(value) = value else { return };
        self.length(path, quoted(value), value.chars().count(), (1, 128));
        if value.bytes().any(|byte| !(byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))) {
            self.pattern(path, value, "[a-zA-Z0-9_.-]+");
        }
    }

    /// Length and characters of a text of STS: letters, digits and `others`; all printable ones if `others` is empty.
    pub(crate) fn text(
        &mut self,
        path: impl Display + Copy,
        value: Option<&str>,
        length: (usize, usize),
        others: &str,
        pattern: &str,
    ) {
        let Some(value) = value else { return };
        self.length(path, quoted(value), value.chars().count(), length);
        let fits = |c: char| match others {
            "" => matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}'),
            _ => c.is_ascii_alphanumeric() || others.contains(c),
        };
        if !value.chars().all(fits) {
            self.pattern(path, value, pattern);
        }
    }

    pub(crate) fn hash_key(&mut self, path: impl Display, value: Option<&str>) {
        if let Some(value) = value
            && !is_number(value, 39)
        {
            self.pattern(path, value, r"0|([1-9]\d{0,38})");
        }
    }

    pub(crate) fn sequence_number(&mut self, path: impl Display, value: Option<&str>) {
        if let Some(value) = value
            && !is_number(value, 129)
        {
            self.pattern(path, value, r"0|([1-9]\d{0,128})");
        }
    }

    pub(crate) fn one_of<T>(
        &mut self,
        path: impl Display,
        value: &str,
        known: Option<T>,
        set: impl Debug,
    ) -> Option<T> {
        if known.is_none() {
            self.add(path, quoted(value), format_args!("satisfy enum value set: {set:?}"));
        }
        known
    }

    pub(crate) fn pattern(&mut self, path: impl Display, value: &str, pattern: &str) {
        self.add(path, quoted(value), format_args!("satisfy regular expression pattern: {pattern}"));
    }

    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let errors = if self.0.len() == 1 { "error" } else { "errors" };
        match self.0.len() {
            0 => Ok(()),
            count => Err(ApiError::validation(format!("{count} validation {errors} detected: {}", self.0.join("; ")))),
        }
    }
}

fn quoted(value: impl Display) -> String {
    format!("'{value}'")
}

/// `0`, or digits without a leading zero, at most `longest` of them.
fn is_number(text: &str, longest: usize) -> bool {
    text == "0"
        || ((1..=longest).contains(&text.len())
            && !text.starts_with('0')
            && text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_key_is_a_decimal_number_without_leading_zeros() {
        for (text, valid) in
            [("0", true), ("1", true), ("", false), ("01", false), ("-1", false), ("a", false), ("٣", false)]
        {
            let mut violations = Violations::default();
            violations.hash_key("explicitHashKey", Some(text));
            assert_eq!(violations.finish().is_ok(), valid, "{text:?}");
        }
        assert!(is_number(&"9".repeat(39), 39) && !is_number(&"9".repeat(40), 39));
    }

    #[test]
    fn all_violations_of_a_request_are_reported_together() {
        let mut violations = Violations::default();
        violations.length("records.1.member.partitionKey", "''", 0, (1, 256));
        violations.required::<()>("records.2.member.data", None);
        let message = violations.finish().expect_err("two violations").message;
        assert_eq!(
            message,
            "2 validation errors detected: Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: \
             Member must have length greater than or equal to 1; Value null at 'records.2.member.data' failed to \
             satisfy constraint: Member must not be null"
        );
    }
}
