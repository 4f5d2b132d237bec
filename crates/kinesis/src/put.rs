use aws_sdk_kinesis::operation::RequestId;
use aws_sdk_kinesis::types::PutRecordsResultEntry;
use engine::record::Record;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::bodies::Bodies;
use crate::client::Client;
use crate::failure::Failure;
use crate::identity::Ticket;
use crate::put_body::PutBody;

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
        let body = PutBody::new(arn, records);
        let (client, arn, bodies) = (self.clone(), arn.to_owned(), bodies.cloned());
        // Hashing and sending the body, and reading the answer, are work for whatever thread is free.
        let put = async move {
            let request =
                client.sdk.put_records().stream_arn(arn).set_records(Some(Vec::new())).customize().interceptor(body);
            match bodies {
                Some(bodies) => client.call_with(ticket, request.interceptor(bodies).send()).await,
                None => client.call_with(ticket, request.send()).await,
            }
        };
        let output = match AbortOnDropHandle::new(tokio::spawn(put.in_current_span())).await {
            Ok(answer) => answer?,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(ended) => return Err(Failure::given_up(&ended)),
            },
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
