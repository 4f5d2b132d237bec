use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use serde::{Deserialize, Serialize};

use crate::call_log::{Entry, Try};
use crate::client::Client;
use crate::error::Error;
use crate::failure::Failure;
use crate::put::ACTION;
use crate::streams::Stream;

/// What a put that should not write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DryRun {
    /// The stream exists and may be written to. The right to use its KMS key is not checked.
    Allowed,
    /// The endpoint does not know dry runs: it may be written to, and now holds one small record that says so.
    Written,
}

const KEY: &str = "rowcast-connection-test";
const DATA: &str = r#"{"rowcast":"connection test, please ignore"}"#;
const ANSWER: &str = "DryRunOperationException";

impl Client {
    /// Asks Kinesis whether a put to the stream would be accepted, without writing one.
    pub async fn dry_run(&self, stream: &Stream) -> Result<DryRun, Error> {
        self.patiently(|this| self.dry_put(stream, this))
            .await
            .map_err(|failure| self.error(ACTION, &stream.arn, failure))
    }

    async fn dry_put(&self, stream: &Stream, this: Try) -> Result<DryRun, Failure> {
        let entry = PutRecordsRequestEntry::builder().data(Blob::new(DATA)).partition_key(KEY).build();
        let entry = entry.map_err(|error| Failure::not_built(&error))?;
        let request = self.sdk.put_records().stream_arn(&stream.arn).dry_run(true).records(entry);
        let entry = Entry::new("DryRun", this).fulfilled_by(ANSWER);
        match self.call(entry, |bodies| request.customize().interceptor(bodies).send()).await {
            Err(failure) if failure.code == ANSWER => Ok(DryRun::Allowed),
            Err(failure) => Err(failure),
            Ok(answer) => match answer.records() {
                [entry] if entry.sequence_number().is_some() => Ok(DryRun::Written),
                _ => Err(Failure::unreadable("a dry run was answered without a result".to_owned(), None)),
            },
        }
    }
}
