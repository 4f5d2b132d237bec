//! What codes mean and what to do about them: the catalogue, and what the text beside a code adds to it.

mod codes;
mod context;

use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use codes::CODES;
pub(crate) use context::shard_in;

/// A code that a rejection, an invalid row, a failed call or the reason of a run can carry.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct ErrorCode {
    /// `*` stands for any digits.
    #[schema(examples("record-too-large"))]
    pub(crate) code: &'static str,
    /// Where it is found.
    pub(crate) occurs: &'static [Occurs],
    pub(crate) meaning: &'static str,
    pub(crate) advice: &'static str,
    pub(crate) retried: Retried,
    /// Where AWS describes it; null for codes of Rowcast's own.
    #[schema(required, format = "uri")]
    pub(crate) source: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Occurs {
    /// A change that was not delivered.
    Rejection,
    /// A row that was never planned.
    InvalidRow,
    /// A call of the AWS API, or one of its records.
    Call,
    /// Why a run ended as it did.
    Run,
}

/// Whether Rowcast tries again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Retried {
    /// Within the run, and what is left in the next one.
    InRun,
    /// In the next run, with the values of then.
    NextRun,
    /// Not before a person does something.
    No,
}

/// What a person reads beside a code. None of both of a code that is not in the catalogue: the text beside it is AWS's.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Explained {
    pub(crate) meaning: Option<String>,
    pub(crate) advice: Option<String>,
}

/// `message`: the text that came with the code, which may name a shard, an action, a size or a key.
pub(crate) fn explain(code: &str, message: &str) -> Explained {
    let Some(known) = find(code) else { return Explained::default() };
    let more = context::of(known.code, message);
    Explained {
        meaning: Some(more.meaning.unwrap_or_else(|| known.meaning.to_owned())),
        advice: Some(more.advice.unwrap_or_else(|| known.advice.to_owned())),
    }
}

/// As `explain`, where there may be no code.
pub(crate) fn explain_some(code: Option<&str>, message: Option<&str>) -> Explained {
    code.map(|code| explain(code, message.unwrap_or_default())).unwrap_or_default()
}

pub(crate) fn find(code: &str) -> Option<&'static ErrorCode> {
    // AWS may put the name of the service before it.
    let code = code.rsplit('#').next().unwrap_or_default();
    let same = |known: &&ErrorCode| match known.code.strip_suffix('*') {
        Some(start) => code.strip_prefix(start).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())),
        None => known.code == code,
    };
    CODES.iter().find(same)
}

#[cfg(test)]
mod tests;
