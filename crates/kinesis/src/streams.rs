use std::collections::HashSet;

use aws_sdk_kinesis::operation::list_streams::ListStreamsOutput;
use domain::Millis;
use serde::{Deserialize, Serialize};

use crate::call_log::{Entry, Try};
use crate::client::Client;
use crate::error::Error;
use crate::failure::Failure;

/// A stream to write to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stream {
    pub name: String,
    pub arn: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSummary {
    pub name: String,
    pub arn: String,
    pub status: StreamStatus,
    /// `None`: the endpoint does not say.
    pub mode: Option<StreamMode>,
    /// Tells a stream from a later one of the same name.
    pub created_at: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamStatus {
    Creating,
    Active,
    Updating,
    Deleting,
    #[serde(untagged)]
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamMode {
    OnDemand,
    Provisioned,
    #[serde(untagged)]
    Other(String),
}

impl StreamSummary {
    pub fn stream(&self) -> Stream {
        Stream { name: self.name.clone(), arn: self.arn.clone() }
    }
}

const ACTION: &str = "kinesis:ListStreams";
const PAGE: i32 = 100;

impl Client {
    /// All streams of the account in the region. Needs kinesis:ListStreams on `*`, and nothing else.
    pub async fn list_streams(&self) -> Result<Vec<StreamSummary>, Error> {
        let mut streams = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Next::First;
        loop {
            let page = self
                .patiently(|this| self.page(&next, this))
                .await
                .map_err(|failure| self.error(ACTION, "*", failure))?;
            let before = seen.len();
            let found = page.stream_summaries.unwrap_or_default().into_iter().map(summary);
            streams.extend(found.filter(|stream: &StreamSummary| seen.insert(stream.name.clone())));
            // A page without news would be followed by itself for ever.
            if !page.has_more_streams || seen.len() == before {
                return Ok(streams);
            }
            next = match (page.next_token, streams.last()) {
                (Some(token), _) => Next::Token(token),
                (None, Some(last)) => Next::After(last.name.clone()),
                (None, None) => return Ok(streams),
            };
        }
    }

    /// The stream of this name, by ListStreams.
    pub async fn stream(&self, name: &str) -> Result<StreamSummary, Error> {
        let mut streams = self.list_streams().await?;
        match streams.iter().position(|stream| stream.name == name) {
            Some(position) => Ok(streams.swap_remove(position)),
            None => Err(Error::NoSuchStream {
                name: name.to_owned(),
                region: self.region().to_owned(),
                close: close_names(name, &streams),
            }),
        }
    }

    async fn page(&self, next: &Next, this: Try) -> Result<ListStreamsOutput, Failure> {
        let request = self.sdk.list_streams().limit(PAGE);
        let request = match next {
            Next::First => request,
            Next::Token(token) => request.next_token(token),
            Next::After(name) => request.exclusive_start_stream_name(name),
        };
        let entry = Entry::new("ListStreams", this);
        self.call(entry, |bodies| request.customize().interceptor(bodies).send()).await
    }
}

enum Next {
    First,
    Token(String),
    After(String),
}

fn summary(stream: aws_sdk_kinesis::types::StreamSummary) -> StreamSummary {
    use aws_sdk_kinesis::types::StreamStatus as Status;
    let status = match stream.stream_status {
        Status::Creating => StreamStatus::Creating,
        Status::Active => StreamStatus::Active,
        Status::Updating => StreamStatus::Updating,
        Status::Deleting => StreamStatus::Deleting,
        other => StreamStatus::Other(other.as_str().to_owned()),
    };
    let mode = stream.stream_mode_details.map(|details| stream_mode(details.stream_mode));
    let created_at = stream.stream_creation_timestamp.and_then(|time| time.to_millis().ok());
    StreamSummary { name: stream.stream_name, arn: stream.stream_arn, status, mode, created_at }
}

pub(crate) fn stream_mode(mode: aws_sdk_kinesis::types::StreamMode) -> StreamMode {
    use aws_sdk_kinesis::types::StreamMode as Mode;
    match mode {
        Mode::OnDemand => StreamMode::OnDemand,
        Mode::Provisioned => StreamMode::Provisioned,
        other => StreamMode::Other(other.as_str().to_owned()),
    }
}

/// Up to three names that the user may have meant, as a sentence.
fn close_names(name: &str, streams: &[StreamSummary]) -> String {
    let wanted = name.to_lowercase();
    let mut close: Vec<(usize, &str)> = streams
        .iter()
        .filter_map(|stream| {
            let other = stream.name.to_lowercase();
            let contained = other.contains(&wanted) || wanted.contains(&other);
            let distance = if contained { 1 } else { edits(&wanted, &other) };
            (distance <= 1 + wanted.len() / 4).then_some((distance, stream.name.as_str()))
        })
        .collect();
    close.sort_unstable();
    let names: Vec<_> = close.iter().take(3).map(|(_, name)| format!("`{name}`")).collect();
    match (names.is_empty(), streams.len()) {
        (false, _) => format!(" Similar names: {}.", names.join(", ")),
        (true, 0) => " The account has no stream there.".to_owned(),
        (true, count) => format!(" None of the {count} streams there has a similar name."),
    }
}

/// Letters to insert, delete or replace. Names of streams have at most 128 letters.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut last = line + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *cell;
            last = replaced.min(diagonal + 1).min(last + 1);
            *cell = last;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let cases =
            [("", "", 0), ("orders", "orders", 0), ("orders", "order", 1), ("", "abc", 3), ("kitten", "sitting", 3)];
        for (left, right, distance) in cases {
            assert_eq!(edits(left, right), distance, "{left} {right}");
            assert_eq!(edits(right, left), distance, "{right} {left}");
        }
    }
}
