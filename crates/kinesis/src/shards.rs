//! What a stream says of itself, to those who may ask. Nothing of it is needed for putting.

use aws_sdk_kinesis::operation::list_shards::ListShardsOutput;
use aws_sdk_kinesis::types::{ShardFilter, ShardFilterType, StreamDescriptionSummary};
use serde::{Deserialize, Serialize};

use crate::call_log::{Entry, Try};
use crate::client::Client;
use crate::error::Error;
use crate::failure::Failure;
use crate::streams::{Stream, StreamMode, stream_mode};

/// A shard that takes records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Shard {
    pub id: String,
    /// First and last hash key, both included, as decimal numbers.
    pub first_hash_key: String,
    pub last_hash_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct StreamDetails {
    pub open_shards: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<StreamMode>,
    pub retention_hours: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_record_kib: Option<u32>,
    /// The KMS key that records are encrypted with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// The service distributes the records, whatever their keys: keys are in no order then.
    pub distributes_by_itself: bool,
}

const LIST: &str = "kinesis:ListShards";
const DESCRIBE: &str = "kinesis:DescribeStreamSummary";
/// More than any stream has.
const MAX_SHARDS: usize = 100_000;

impl Client {
    /// The shards that take records.
    pub async fn list_shards(&self, stream: &Stream) -> Result<Vec<Shard>, Error> {
        let mut shards = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let page = self.patiently(|this| self.shards_page(stream, next.as_deref(), this)).await;
            let page = page.map_err(|failure| self.error(LIST, &stream.arn, failure))?;
            let found = page.shards.unwrap_or_default();
            let any = !found.is_empty();
            // The filter of the first page holds for all of them; an endpoint may ignore it.
            shards.extend(found.into_iter().filter_map(open_shard));
            next = page.next_token.filter(|_| any && shards.len() < MAX_SHARDS);
            if next.is_none() {
                return Ok(shards);
            }
        }
    }

    pub async fn describe(&self, stream: &Stream) -> Result<StreamDetails, Error> {
        let summary = self.patiently(|this| self.summary(stream, this)).await;
        summary.map(details).map_err(|failure| self.error(DESCRIBE, &stream.arn, failure))
    }

    async fn shards_page(&self, stream: &Stream, token: Option<&str>, this: Try) -> Result<ListShardsOutput, Failure> {
        let request = match token {
            Some(token) => self.sdk.list_shards().next_token(token),
            None => {
                let open = ShardFilter::builder().r#type(ShardFilterType::AtLatest).build();
                let open = open.map_err(|error| Failure::not_built(&error))?;
                self.sdk.list_shards().stream_arn(&stream.arn).shard_filter(open)
            }
        };
        let entry = Entry::new("ListShards", this);
        self.call(entry, |bodies| request.customize().interceptor(bodies).send()).await
    }

    async fn summary(&self, stream: &Stream, this: Try) -> Result<StreamDescriptionSummary, Failure> {
        let request = self.sdk.describe_stream_summary().stream_arn(&stream.arn);
        let entry = Entry::new("DescribeStreamSummary", this);
        let output = self.call(entry, |bodies| request.customize().interceptor(bodies).send()).await?;
        let missing =
            || Failure::unreadable("DescribeStreamSummary was answered without a description".to_owned(), None);
        output.stream_description_summary.ok_or_else(missing)
    }
}

fn open_shard(shard: aws_sdk_kinesis::types::Shard) -> Option<Shard> {
    let open = shard.sequence_number_range.is_none_or(|range| range.ending_sequence_number.is_none());
    let range = shard.hash_key_range.filter(|_| open)?;
    Some(Shard { id: shard.shard_id, first_hash_key: range.starting_hash_key, last_hash_key: range.ending_hash_key })
}

fn details(summary: StreamDescriptionSummary) -> StreamDetails {
    use aws_sdk_kinesis::types::RecordDistributionStrategy as Strategy;
    let count = |count: i32| u32::try_from(count).unwrap_or_default();
    StreamDetails {
        open_shards: count(summary.open_shard_count),
        mode: summary.stream_mode_details.map(|details| stream_mode(details.stream_mode)),
        retention_hours: count(summary.retention_period_hours),
        max_record_kib: summary.max_record_size_in_kib.map(count),
        kms_key: summary.key_id,
        distributes_by_itself: summary.record_distribution_strategy == Some(Strategy::Auto),
    }
}
