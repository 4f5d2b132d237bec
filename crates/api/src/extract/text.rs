//! Texts that are checked when they are read; after that the type says so.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// 1 to 100 characters, one of them at least visible, none of them one that controls, formats or turns around what stands
/// beside it: two names that look alike would be two things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(String);

/// At most 254 characters of ASCII: 1 to 64, an `@`, at least one more; no spaces. Letters that look alike would make two people
/// of one address; a host in other letters has a form in ASCII (`xn--`). Whether mail
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
        let letters = || text.chars().zip(std::iter::once(' ').chain(text.chars()));
        (1..=100).contains(&text.chars().count())
            && text.chars().any(is_visible)
            && !letters().any(|(letter, before)| is_odd(letter, before))
    }
}

impl Email {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn fits(text: &str) -> bool {
        let Some((local, host)) = text.split_once('@') else { return false };
        let graphic = text.bytes().all(|byte| byte.is_ascii_graphic());
        matches!((local.len(), host.len()), (1..=64, 1..=189)) && graphic && !host.contains('@')
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

/// Spaces are not, nor letters that are drawn as nothing.
fn is_visible(letter: char) -> bool {
    let blank = "\u{115f}\u{1160}\u{17b4}\u{17b5}\u{200c}\u{200d}\u{2800}\u{3164}\u{ffa0}";
    !letter.is_whitespace() && !blank.contains(letter)
}

/// Control characters, ends of lines, and those that format (Unicode's Cf): nothing is seen of them but what they do. The two
/// joiners are how some languages and emoji are written, behind letters that are not ASCII.
fn is_odd(letter: char, before: char) -> bool {
    match letter {
        '\u{200c}' | '\u{200d}' => before.is_ascii(),
        '\u{ad}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'..='\u{891}'
        | '\u{8e2}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => letter.is_control(),
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
    "1 to 100 characters are expected, not only spaces, without control and format characters",
    ObjectBuilder::new().min_length(Some(1)).max_length(Some(100)).pattern(Some(
        "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$"
    ))
);
text!(
    Email,
    "an e-mail address is expected: `name@host` in ASCII (a host in other letters as xn--), without spaces, at most 254 \
     characters",
    ObjectBuilder::new()
        .min_length(Some(3))
        .max_length(Some(254))
        .pattern(Some("^[!-?A-~]{1,64}@[!-?A-~]{1,189}$"))
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
        for fine in ["a", "Ünïcode 名前", "می\u{200c}خواهم", "👩\u{200d}🚀", &"x".repeat(100)] {
            assert!(Name::fits(fine), "{fine}");
        }
        for odd in [" \t ", "\u{3000}\u{3164}", "a\u{202e}b", "a\u{200b}", "\u{feff}a", "a\u{200d}b", "a\u{e0041}"] {
            assert!(!Name::fits(odd), "{odd:?}");
        }
        for odd in ["", "a\nb", "\u{85}", &"x".repeat(101)] {
            assert!(!Name::fits(odd), "{odd}");
        }
        for fine in ["a@b", "first.last+tag@mail.example.com", "a@xn--fsqu00a.example"] {
            assert!(Email::fits(fine), "{fine}");
        }
        for odd in [
            "",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b@c",
            "a@b\u{0}",
            "用户@b",
            "a@例子.example",
            "ａ@b",
            "a\u{200b}@b",
            &format!("{}@b", "x".repeat(65)),
        ] {
            assert!(!Email::fits(odd), "{odd}");
        }
    }
}
