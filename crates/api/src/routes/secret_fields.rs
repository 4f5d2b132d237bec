//! Secrets in configurations: they come in, and never go out.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use store::{Plaintext, SecretInfo};
use utoipa::ToSchema;

/// A value that is kept sealed. Absent means that the one that is kept stays.
#[derive(Clone, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 8192)]
pub(super) struct SecretText(String);

/// What is shown of a secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SecretState {
    set: bool,
    /// Its last characters, where it is long enough to show them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("…4f2a"))]
    hint: Option<String>,
}

impl SecretText {
    pub(super) fn into_plaintext(self) -> Plaintext {
        Plaintext::new(self.0)
    }
}

/// By hand: what stands in the place of a secret is never part of a message, whatever it is.
impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

const EXPECTED: &str = "a text of 1 to 8192 characters is expected; leave it out to keep what is stored";

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = SecretText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretText, E> {
        let fits = (1..=8192).contains(&text.chars().count());
        if fits { Ok(SecretText(text.to_owned())) } else { Err(E::custom(EXPECTED)) }
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<SecretText, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretText, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<SecretText, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretText, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<SecretText, A::Error> {
        Err(de::Error::custom(EXPECTED))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

pub(super) fn state(secrets: &BTreeMap<String, SecretInfo>, field: &str) -> SecretState {
    let info = secrets.get(field);
    SecretState { set: info.is_some(), hint: info.and_then(|info| info.hint.clone()) }
}
