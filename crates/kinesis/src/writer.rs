use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use engine::pack::{Packed, pack};
use engine::record::{Record, Rejection};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::batch::{Delivered, deliver};
use crate::client::Client;
use crate::error::Error;
use crate::settings::WriterSettings;
use crate::stop::Stop;
use crate::streams::Stream;
use crate::window::{CallNumbers, Clock, PutOutcome, WindowResult};

/// Puts the windows of one run into one stream.
#[derive(Debug, Clone)]
pub struct Writer {
    pub(crate) client: Client,
    pub(crate) stream: Stream,
    pub(crate) settings: WriterSettings,
    pub(crate) calls: CallNumbers,
    pub(crate) clock: Clock,
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
        Ok(Self { client, stream, settings, calls, clock })
    }

    /// Puts each record until it is decided: it is acknowledged, refused for good, or out of attempts or time. After
    /// `stop` no put begins. A record is never in two calls at once, as long as its calls are answered or time out.
    ///
    /// Dropping the future leaves calls in flight whose outcome nobody knows: stop it instead.
    pub async fn put(&self, records: &[Record], stop: &Stop) -> WindowResult {
        let Packed { batches, invalid } = pack(records, &self.settings.limits);
        let window = Window {
            writer: self,
            records,
            stop,
            halt: CancellationToken::new(),
            splits: AtomicU32::new(self.settings.max_splits),
        };
        let mut result =
            WindowResult { outcomes: vec![PutOutcome::NotPut; records.len()], calls: Vec::new(), fatal: None };
        for (position, invalid) in invalid {
            let Rejection { code, message, .. } = invalid.into();
            let (code, message) = (Arc::from(code.as_str()), Arc::from(message));
            let refused =
                PutOutcome::Refused { code, message, call: None, attempts: 0, cut_short: false, puts: Vec::new() };
            set(&mut result.outcomes, position, refused);
        }
        let running: Vec<_> = batches.into_iter().map(|batch| deliver(&window, batch)).collect();
        let mut running = futures::stream::iter(running).buffer_unordered(self.settings.concurrency.max(1));
        while let Some(Delivered { outcomes, calls, fatal }) = running.next().await {
            for (position, outcome) in outcomes {
                set(&mut result.outcomes, position, outcome);
            }
            result.calls.extend(calls);
            result.fatal = result.fatal.or(fatal);
        }
        result.calls.sort_unstable_by_key(|call| call.id);
        result
    }
}

/// What the batches of one window share.
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

    /// Takes one of the splits that are left.
    pub(crate) fn may_split(&self) -> bool {
        self.splits.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

fn set(outcomes: &mut [PutOutcome], position: u32, outcome: PutOutcome) {
    if let Some(slot) = outcomes.get_mut(position as usize) {
        *slot = outcome;
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
