use aws_sdk_kinesis::operation::RequestId;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::builders::PutRecordsRequestEntryBuilder;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, PutRecordsResultEntry};
use engine::record::Record;

use crate::bodies::Bodies;
use crate::client::Client;
use crate::failure::Failure;
use crate::identity::Ticket;

pub(crate) const ACTION: &str = "kinesis:PutRecords";

/// One result for each record of the call, in its order. They may all be failures.
pub(crate) struct Answer {
    pub(crate) results: Vec<PutRecordsResultEntry>,
    pub(crate) request_id: Option<String>,
}

impl Client {
    /// One PutRecords call. The stream goes by its ARN, which also names the account.
    pub(crate) async fn put_records(
        &self,
        ticket: Ticket,
        arn: &str,
        records: &[&Record],
        bodies: Option<&Bodies>,
    ) -> Result<Answer, Failure> {
        let entries = records.iter().map(|record| entry(record)).collect::<Result<Vec<_>, _>>()?;
        let request = self.sdk.put_records().stream_arn(arn).set_records(Some(entries));
        let output = match bodies {
            Some(bodies) => self.call_with(ticket, request.customize().interceptor(bodies.clone()).send()).await?,
            None => self.call_with(ticket, request.send()).await?,
        };
        let request_id = output.request_id().map(str::to_owned);
        let results = output.records;
        if results.len() != records.len() {
            let message = format!("{} results came back for {} records", results.len(), records.len());
            return Err(Failure::unreadable(message, request_id));
        }
        Ok(Answer { results, request_id })
    }
}

fn entry(record: &Record) -> Result<PutRecordsRequestEntry, Failure> {
    let entry = PutRecordsRequestEntry::builder()
        .data(Blob::new(record.data.clone()))
        .partition_key(&record.partition_key)
        .set_explicit_hash_key(record.explicit_hash_key.clone());
    build(entry)
}

pub(crate) fn build(entry: PutRecordsRequestEntryBuilder) -> Result<PutRecordsRequestEntry, Failure> {
    entry.build().map_err(|error| Failure::not_built(&error))
}
