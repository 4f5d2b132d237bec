use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;

use crate::problem::{Code, Problem};

/// The condition of a change. As a parameter of a handler it is required; `Option<IfMatch>` lets it be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IfMatch(Option<i64>);

impl IfMatch {
    /// The revision that has to be the current one; `None` for `*`, any.
    pub(crate) const fn expected(self) -> Option<i64> {
        self.0
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        if text.trim() == "*" {
            return Ok(Self(None));
        }
        let tag = text.trim();
        let quoted = tag.trim_start_matches("W/").strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let Some(inner) = quoted.filter(|inner| !inner.contains('"')) else {
            return Err(Problem::invalid_header("if-match", "Expected one ETag in double quotes, or `*`."));
        };
        // A weak tag or one that is no revision of ours is a tag all right; it is just never the current one.
        let revision = inner.parse().ok().filter(|_| tag.starts_with('"'));
        revision.map(|revision| Self(Some(revision))).ok_or_else(|| {
            Problem::new(Code::Stale, "The `If-Match` header is not the current ETag. Read it again, then repeat.")
        })
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        found.ok_or_else(|| Problem::new(Code::PreconditionRequired, Code::PreconditionRequired.explanation()))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let mut values = parts.headers.get_all(IF_MATCH).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Self::parse(value.to_str().unwrap_or_default()).map(Some),
            (Some(_), Some(_)) => Err(Problem::invalid_header("if-match", "Expected one `If-Match` header.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tag_or_a_star_is_a_condition() {
        assert_eq!(IfMatch::parse("\"12\"").unwrap(), IfMatch(Some(12)));
        assert_eq!(IfMatch::parse(" * ").unwrap(), IfMatch(None));
        for (text, code) in [("12", Code::Invalid), ("\"1\", \"2\"", Code::Invalid), ("", Code::Invalid)] {
            assert_eq!(IfMatch::parse(text).unwrap_err().code, code, "{text}");
        }
        for text in ["\"abc\"", "W/\"12\"", "\"99999999999999999999\""] {
            assert_eq!(IfMatch::parse(text).unwrap_err().code, Code::Stale, "{text}");
        }
    }
}
