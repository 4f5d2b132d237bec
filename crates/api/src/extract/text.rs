//! Texts that are checked when they are read; after that the type says so.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// 1 to 100 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(String);

/// At most 254 characters: 1 to 64, an `@`, at least one more; neither spaces nor control characters. Whether mail
/// arrives there can only be known by sending some, and no finer rule of the many that exist is worth a customer lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

/// What a link of ours carries: 43 characters of base64url. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TokenText(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn fits(text: &str) -> bool {
        (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    }
}

impl Email {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn fits(text: &str) -> bool {
        let Some((local, host)) = text.split_once('@') else { return false };
        let odd = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '\u{feff}';
        let lengths = (local.chars().count(), host.chars().count());
        matches!(lengths, (1..=64, 1..=189)) && !text.chars().any(odd) && !host.contains('@')
    }
}

impl TokenText {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    fn fits(text: &str) -> bool {
        text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    }
}

impl std::fmt::Debug for TokenText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenText(..)")
    }
}

macro_rules! text {
    ($name:ident, $expected:literal, $schema:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                if Self::fits(&text) { Ok(Self(text)) } else { Err(serde::de::Error::custom($expected)) }
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let schema: ObjectBuilder = $schema;
                schema.schema_type(Type::String).description(Some($expected)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

pub(super) use text;

text!(
    Name,
    "1 to 100 characters are expected, without control characters",
    ObjectBuilder::new()
        .min_length(Some(1))
        .max_length(Some(100))
        .pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]+$"))
);
text!(
    Email,
    "an e-mail address is expected: `name@host`, without spaces, at most 254 characters",
    ObjectBuilder::new()
        .min_length(Some(3))
        .max_length(Some(254))
        .pattern(Some("^[^\\s@\\u0000-\\u001f\\u007f-\\u009f]{1,64}@[^\\s@\\u0000-\\u001f\\u007f-\\u009f]{1,189}$"))
        .examples(["someone@example.com"])
);
text!(
    TokenText,
    "the 43 characters at the end of the link are expected",
    ObjectBuilder::new().min_length(Some(43)).max_length(Some(43)).pattern(Some("^[A-Za-z0-9_-]{43}$"))
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_checked_when_they_are_read() {
        for fine in ["a", "Ünïcode 名前", &"x".repeat(100)] {
            assert!(Name::fits(fine), "{fine}");
        }
        for odd in ["", "a\nb", "\u{85}", &"x".repeat(101)] {
            assert!(!Name::fits(odd), "{odd}");
        }
        for fine in ["a@b", "first.last+tag@mail.example.com", "用户@例子.example"] {
            assert!(Email::fits(fine), "{fine}");
        }
        for odd in ["", "@", "a@", "@b", "a b@c", "a@b@c", "a@b\u{0}", &format!("{}@b", "x".repeat(65))] {
            assert!(!Email::fits(odd), "{odd}");
        }
    }
}
