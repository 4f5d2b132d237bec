use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::extract::serde_text;
use crate::problem::Problem;

/// The query parameters. `T` has `#[serde(deny_unknown_fields)]`: a misspelt filter is refused, not ignored.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(text.as_bytes());
        if let Some((name, _)) = pairs.into_iter().find(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(Problem::invalid_parameter(name.replace('\0', ""), "U+0000 cannot be used in a text."));
        }
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            let parameter = error.path().to_string();
            let detail = serde_text::without_values(&error.into_inner().to_string());
            Problem::invalid_parameter(named_in(&detail).unwrap_or(parameter), detail)
        })
    }
}

/// An unknown or missing parameter is named in the message only: "unknown field `x`, ...".
fn named_in(message: &str) -> Option<String> {
    let about_one = ["unknown field `", "missing field `", "duplicate field `"];
    let rest = about_one.iter().find_map(|begin| message.strip_prefix(begin))?;
    rest.split('`').next().map(str::to_owned)
}
