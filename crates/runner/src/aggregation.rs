//! Whether the messages of a run may share records, and what is known of the shards of its stream.

use engine::aggregate::Ranges;
use engine::shard::ShardMap;
use kinesis::{StreamMode, Writer};

use crate::Error;
use crate::job::Job;
use crate::shard_maps::map;

/// Messages share records.
const ON: &str = "on";
/// The access may not ask whether hash keys decide where records land, so each message has a record of its own.
const NOT_ALLOWED_TO_ASK: &str = "not-allowed-to-describe-the-stream";

/// The writer of a run. Its stream is asked for its shards only if messages are to share records.
pub(crate) async fn writer(job: &Job) -> Result<Writer, Error> {
    let writer = job.writer()?;
    if !job.definition().sync.aggregate {
        return Ok(writer);
    }
    if !keys_decide(job).await? {
        job.state().account.aggregation = Some(NOT_ALLOWED_TO_ASK);
        return Ok(writer);
    }
    job.state().account.aggregation = Some(ON);
    Ok(writer.aggregating(Ranges::of(&shards(job).await)))
}

/// The shards as they are now. What is remembered of a stream may be of one that was deleted meanwhile and created anew, with
/// other ranges under the same names; a shard of one and the same stream never changes its range.
async fn shards(job: &Job) -> ShardMap {
    let stream = job.stream.stream();
    let remembered = job.settings.shard_maps.of(job.workspace.id, &job.client, &stream).await;
    if remembered.is_empty() {
        // They may not be listed.
        return remembered;
    }
    job.client.list_shards(&stream).await.map(map).unwrap_or_default()
}

/// Whether records land by their hash keys. Only on-demand streams can be told to distribute records by themselves, and the
/// list of streams tells them apart; the rest takes a permission more.
async fn keys_decide(job: &Job) -> Result<bool, Error> {
    if job.stream.mode == Some(StreamMode::Provisioned) {
        return Ok(true);
    }
    match job.client.describe(&job.stream.stream()).await {
        Ok(details) if details.distributes_by_itself => Err(Error::Configuration(format!(
            "  sync.aggregate: the stream {} distributes records by itself (AUTO), and the client library of Kinesis drops \
             aggregated records of such a stream; leave sync.aggregate out, or give the stream the strategy USER_PARTITION_KEY",
            job.stream.name
        ))),
        Ok(_) => Ok(true),
        Err(error) => {
            tracing::warn!(
                stream = job.stream.arn, %error,
                "whether the stream distributes records by itself is not known, so they are not aggregated; allow \
                 kinesis:DescribeStreamSummary"
            );
            Ok(false)
        }
    }
}
