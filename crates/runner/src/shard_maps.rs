//! What this process knows of streams: their shards, to say where a record should land, and the pace at which each of them is
//! given records. An access that may not list shards goes without, and is not asked again for a while; the pace learns them
//! from answers then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::WorkspaceId;
use engine::shard::ShardMap;
use kinesis::{Client, Pace, Stream};
use tokio::time::Instant;

const FRESH: Duration = Duration::from_secs(600);
const DENIED: Duration = Duration::from_secs(3600);
/// Streams that are remembered. With more, all are forgotten, which costs a call for each.
const STREAMS: usize = 10_000;

/// Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct ShardMaps {
    known: Arc<Mutex<HashMap<Name, Known>>>,
    paces: Arc<Mutex<HashMap<Name, Pace>>>,
}

/// A stream, by its ARN, as one customer sees it: what one does with a stream says nothing to another.
type Name = (WorkspaceId, String);

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
            Ok(shards) => {
                self.pace(workspace, client, stream).know(&shards);
                (map(shards), FRESH)
            }
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

    /// The pace that all runs into a stream share.
    pub(crate) fn pace(&self, workspace: WorkspaceId, client: &Client, stream: &Stream) -> Pace {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() >= STREAMS {
            paces.clear();
        }
        paces.entry((workspace, stream.arn.clone())).or_insert_with(|| Pace::new(client)).clone()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Name, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn map(shards: Vec<kinesis::Shard>) -> ShardMap {
    let ranges = shards.into_iter().filter_map(|shard| {
        let (first, last) = (shard.first_hash_key.parse().ok()?, shard.last_hash_key.parse().ok()?);
        Some((shard.id, first..=last))
    });
    // Shards that overlap are none that take records.
    ShardMap::new(ranges).unwrap_or_default()
}
