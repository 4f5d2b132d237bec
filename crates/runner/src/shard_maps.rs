//! The shards of streams, to say where a record should land. Nothing depends on it: an access that may not list them goes
//! without, and is not asked again for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::WorkspaceId;
use engine::shard::ShardMap;
use kinesis::{Client, Stream};
use tokio::time::Instant;

const FRESH: Duration = Duration::from_secs(600);
const DENIED: Duration = Duration::from_secs(3600);
/// Streams that are remembered. With more, all are forgotten, which costs a call for each.
const STREAMS: usize = 10_000;

/// Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct ShardMaps(Arc<Mutex<HashMap<(WorkspaceId, String), Known>>>);

#[derive(Debug)]
struct Known {
    until: Instant,
    shards: ShardMap,
}

impl ShardMaps {
    /// Empty where they are not known.
    pub(crate) async fn of(&self, workspace: WorkspaceId, client: &Client, stream: &Stream) -> ShardMap {
        let name = (workspace, stream.arn.clone());
        if let Some(known) = self.known().get(&name).filter(|known| known.until > Instant::now()) {
            return known.shards.clone();
        }
        let (shards, fresh) = match client.list_shards(stream).await {
            Ok(shards) => (map(shards), FRESH),
            Err(error) => {
                tracing::debug!(stream = stream.arn, %error, "the shards of a stream are not known");
                (ShardMap::default(), DENIED)
            }
        };
        let mut known = self.known();
        if known.len() >= STREAMS {
            known.clear();
        }
        known.insert(name, Known { until: Instant::now() + fresh, shards: shards.clone() });
        shards
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(WorkspaceId, String), Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn map(shards: Vec<kinesis::Shard>) -> ShardMap {
    let ranges = shards.into_iter().filter_map(|shard| {
        let (first, last) = (shard.first_hash_key.parse().ok()?, shard.last_hash_key.parse().ok()?);
        Some((shard.id, first..=last))
    });
    // Shards that overlap are none that take records.
    ShardMap::new(ranges).unwrap_or_default()
}
