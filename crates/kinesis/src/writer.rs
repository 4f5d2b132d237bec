use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use engine::aggregate::Ranges;
use engine::pace::{Extent, Quotas};
use engine::record::Record;
use tokio_util::sync::CancellationToken;

use crate::aggregate::Aggregation;
use crate::batch::deliver;
use crate::client::Client;
use crate::error::Error;
use crate::settings::WriterSettings;
use crate::stop::Stop;
use crate::streams::Stream;
use crate::window::{CallNumbers, Clock, WindowResult};

/// Puts the windows of one run into one stream.
#[derive(Debug, Clone)]
pub struct Writer {
    pub(crate) client: Client,
    pub(crate) stream: Stream,
    pub(crate) settings: WriterSettings,
    pub(crate) calls: CallNumbers,
    pub(crate) clock: Clock,
    aggregation: Option<Aggregation>,
}

impl Writer {
    pub fn new(
        client: Client,
        stream: Stream,
        settings: WriterSettings,
        calls: CallNumbers,
        clock: Clock,
    ) -> Result<Self, Error> {
        check_arn(&client, &stream.arn)?;
        Ok(Self { client, stream, settings, calls, clock, aggregation: None })
    }

    /// Messages share records where it is known for certain that they belong to one shard.
    pub fn aggregating(self, ranges: Ranges) -> Self {
        Self { aggregation: Some(Aggregation::new(ranges)), ..self }
    }

    /// Puts each record until it is decided: it is acknowledged, refused for good, or out of attempts or time. After
    /// `stop` no put begins. A record is never in two calls at once, as long as its calls are answered or time out.
    ///
    /// Dropping the future leaves calls in flight whose outcome nobody knows: stop it instead.
    pub async fn put(&self, records: &[Record], stop: &Stop) -> WindowResult {
        match &self.aggregation {
            Some(aggregation) => aggregation.put(self, records, stop).await,
            None => self.put_each(records, stop).await,
        }
    }

    /// How much of each shard a window may hold that this writer is to put; none where it does not matter. `time` and the
    /// rest are those of the window.
    pub fn quotas(&self, time: Duration, records: usize, bytes: usize) -> Option<Quotas> {
        let pace = self.settings.pace.as_ref()?;
        let extent =
            Extent { time, records, bytes, windows: pace.others() + 1, aggregated: self.aggregation.is_some() };
        pace.pacer().quotas(&extent, pace.now())
    }

    pub(crate) async fn put_each(&self, records: &[Record], stop: &Stop) -> WindowResult {
        let window = Window {
            writer: self,
            records,
            stop,
            halt: CancellationToken::new(),
            splits: AtomicU32::new(self.settings.max_splits),
        };
        deliver(&window).await
    }
}

/// What the calls of one window share.
pub(crate) struct Window<'a> {
    pub(crate) writer: &'a Writer,
    pub(crate) records: &'a [Record],
    pub(crate) stop: &'a Stop,
    /// Something is fatal to the run.
    pub(crate) halt: CancellationToken,
    splits: AtomicU32,
}

impl Window<'_> {
    pub(crate) fn is_over(&self) -> bool {
        self.halt.is_cancelled() || self.stop.is_reached()
    }

    pub(crate) async fn over(&self) {
        tokio::select! {
            () = self.halt.cancelled() => {}
            () = self.stop.reached() => {}
        }
    }

    /// The records at these positions.
    pub(crate) fn records_of(&self, positions: &[u32]) -> impl Iterator<Item = &Record> {
        positions.iter().filter_map(|position| self.records.get(*position as usize))
    }

    /// Takes one of the splits that are left.
    pub(crate) fn may_split(&self) -> bool {
        self.splits.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// The SDK sends a call to its own region, whatever region the ARN names.
fn check_arn(client: &Client, arn: &str) -> Result<(), Error> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let ["arn", _partition, "kinesis", stream_region, _account, resource] = parts.as_slice() else {
        return Err(Error::Settings { what: format!("`{arn}` is not the ARN of a Kinesis stream") });
    };
    if !resource.starts_with("stream/") {
        return Err(Error::Settings { what: format!("`{arn}` is not the ARN of a Kinesis stream") });
    }
    if !client.custom_endpoint() && *stream_region != client.region() {
        let (stream_region, region) = ((*stream_region).to_owned(), client.region().to_owned());
        return Err(Error::RegionMismatch { arn: arn.to_owned(), stream_region, region });
    }
    Ok(())
}
