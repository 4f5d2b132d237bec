use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use serde_path_to_error::Segment;

use crate::App;
use crate::extract::objects_only::ObjectsOnly;
use crate::extract::serde_text;
use crate::problem::{Code, Problem};

/// A JSON body, in and out. `T` has `#[serde(deny_unknown_fields)]` where it comes in.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "Send the body as JSON, with `Content-Type: application/json`.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let body = to_bytes(request.into_body(), app.settings().body_limit).await;
        parse(&body.map_err(|error| body_problem(error, app))?).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// Why the body could not be read to its end.
pub(crate) fn body_problem(error: axum::Error, app: &App) -> Problem {
    let too_large = std::iter::successors(std::error::Error::source(&error), |cause| (*cause).source())
        .any(|cause| cause.to_string().contains("length limit"));
    if too_large {
        let limit = app.settings().body_limit;
        return Problem::new(Code::TooLarge, format!("A body may have {limit} bytes. Send less."));
    }
    Problem::new(Code::BadRequest, "The body ended early or could not be read. Send it again.").caused_by(error)
}

/// `application/json`, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    // First the whole of it: what is not JSON is told as that, wherever a wrong member stands.
    serde_json::from_slice::<IgnoredAny>(body).map_err(|error| explain(error, String::new()))?;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(ObjectsOnly(&mut deserializer)).map_err(|error| {
        let pointer = pointer(error.path());
        let error = error.into_inner();
        match serde_text::unknown_member(&error.to_string()) {
            // Where the path ends with what was sent, it is told as little as in the message.
            Some(name) if !serde_text::is_word(name) => {
                let end = escape(name);
                let before = pointer.strip_suffix(&end).unwrap_or(&pointer).to_owned();
                explain(error, before)
            }
            _ => explain(error, pointer),
        }
    })?;
    if has_nul(body) {
        return Err(Problem::invalid("", "U+0000 (`\\u0000`) cannot be used in a text. Leave it out."));
    }
    Ok(value)
}

fn explain(error: serde_json::Error, pointer: String) -> Problem {
    match error.classify() {
        Category::Data => Problem::invalid(pointer, without_place(&error)),
        Category::Syntax | Category::Eof | Category::Io => Problem::new(
            Code::MalformedJson,
            format!("Line {}, column {}: {}.", error.line(), error.column(), without_place(&error)),
        ),
    }
}

/// The message ends with " at line 1 column 2"; a pointer says it better.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    serde_text::without_values(text.strip_suffix(&place).unwrap_or(&text))
}

fn escape(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => escape(key),
            Segment::Enum { variant } => escape(variant),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// PostgreSQL holds no U+0000 in texts. In valid JSON it can only stand as an escape, whose backslash is not escaped.
fn has_nul(body: &[u8]) -> bool {
    const ESCAPE: &[u8] = b"\\u0000";
    let is_escape = |at: usize| body[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0;
    body.windows(ESCAPE.len()).enumerate().any(|(at, text)| text == ESCAPE && is_escape(at))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(rename = "a/b~c")]
        _inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        _count: u8,
    }

    fn problem(body: &str) -> Problem {
        parse::<Outer>(&Bytes::from(body.to_owned())).unwrap_err()
    }

    #[test]
    fn what_is_wrong_is_named_by_a_pointer() {
        let problem = problem(r#"{"a/b~c": [{"_count": 1}, {"_count": 256}]}"#);
        assert_eq!(problem.errors[0].pointer.as_deref(), Some("/a~1b~0c/1/_count"));
        assert!(!problem.detail.contains("line"), "{}", problem.detail);
    }

    #[test]
    fn an_unknown_member_is_refused_where_it_stands() {
        let problem = problem(r#"{"a/b~c": [{"_count": 1, "other": 2}]}"#);
        assert_eq!(problem.code, Code::Invalid);
        assert!(problem.errors[0].pointer.as_deref().unwrap().starts_with("/a~1b~0c/0"), "{problem:?}");
    }

    #[test]
    fn what_is_not_json_is_told_with_line_and_column() {
        for body in ["", "{", "{\"a\": 1,}", "{} {}", "\u{feff}{}", &"[".repeat(1000), "{\"a/b~c\": [\"\\ud800\"]}"] {
            let problem = problem(body);
            assert_eq!(problem.code, Code::MalformedJson, "{body}: {problem:?}");
        }
        assert!(problem("{\n 1}").detail.contains("Line 2, column 2"));
    }

    #[test]
    fn a_nul_is_found_whatever_stands_before_it() {
        assert!(has_nul(br#""\u0000""#) && has_nul(br#""\\\u0000""#));
        assert!(!has_nul(br#""\\u0000""#) && !has_nul(br#""u0000""#));
    }
}
