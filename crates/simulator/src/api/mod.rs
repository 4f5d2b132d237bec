//! The Kinesis API: reads a request, validates it as Kinesis does, and answers from the state.

mod constraints;
mod error;
mod get;
mod operation;
mod put;
mod shards;
mod streams;
mod sts;
mod target;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;
use crate::iam::Caller;
use crate::state::{Simulator, now_ms};

pub(crate) use constraints::Violations;
pub(crate) use error::ApiError;
pub use operation::Operation;
pub(crate) use put::{PutEntry, RecordFault, RecordFaults};
pub(crate) use sts::xml;
pub(crate) use target::{Target, arn_of};

/// A request whose body could be read; nothing else about it is checked yet.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) caller: Caller,
    /// The region that the request was signed for.
    pub(crate) region: String,
    pub(crate) target: Target,
    request: Request,
}

#[derive(Debug)]
enum Request {
    PutRecords(put::PutRecords),
    PutRecord(put::PutRecord),
    Sts(sts::Form),
    Other(Value),
}

impl Call {
    pub(crate) fn parse(operation: Operation, caller: Caller, region: String, body: &[u8]) -> Result<Self, ApiError> {
        let (target, request) = match operation {
            Operation::AssumeRole | Operation::GetCallerIdentity => {
                (Target::default(), Request::Sts(sts::Form::read(body)))
            }
            Operation::PutRecords => {
                let mut put: put::PutRecords = read(body)?;
                (put.target(), Request::PutRecords(put))
            }
            Operation::PutRecord => {
                let mut put: put::PutRecord = read(body)?;
                (put.target(), Request::PutRecord(put))
            }
            Operation::GetRecords => {
                let request: Value = read(body)?;
                (get::target_of_iterator(&request), Request::Other(request))
            }
            _ => {
                let request: Value = read(body)?;
                (Target::of(&request)?, Request::Other(request))
            }
        };
        Ok(Self { operation, caller, region, target, request })
    }

    /// The records that the call wants to put.
    pub(crate) fn records(&self) -> &[PutEntry] {
        match &self.request {
            Request::PutRecords(put) => put.entries(),
            Request::PutRecord(put) => put.entries(),
            Request::Sts(_) | Request::Other(_) => &[],
        }
    }

    /// Does what the call asks, if its caller may, and returns the body of the answer.
    pub(crate) fn execute(self, simulator: &Simulator, faults: &RecordFaults) -> Result<Vec<u8>, ApiError> {
        if !self.operation.is_sts() {
            simulator.iam().authorize(&self.caller, self.operation, &self.resource(), now_ms())?;
        }
        let context = Context { region: self.region, target: self.target, now_ms: now_ms() };
        match self.request {
            Request::PutRecords(request) => put::put_records(simulator, &context, request, faults),
            Request::PutRecord(request) => put::put_record(simulator, &context, request, faults),
            Request::Sts(form) => sts::execute(simulator, &self.caller, self.operation, &form),
            Request::Other(request) => execute_other(simulator, &context, self.operation, request),
        }
    }

    /// What the call is about, as policies name it.
    fn resource(&self) -> String {
        match &self.request {
            Request::Other(request) if self.operation == Operation::ListShards && !self.target.is_given() => {
                shards::stream_of_token(request).map_or_else(|| "*".to_owned(), |name| arn_of(&name, &self.region))
            }
            _ if self.operation == Operation::ListStreams => "*".to_owned(),
            _ => self.target.resource(&self.region),
        }
    }
}

/// Creates a stream for the owner of the simulator, under the rules of the API.
pub(crate) fn create_stream(simulator: &Simulator, name: &str, shards: u32) -> Result<(), Error> {
    let request = serde_json::json!({"StreamName": name, "ShardCount": shards});
    let created = Target::of(&request).and_then(|target| {
        let region = String::new();
        let context = Context { region, target, now_ms: now_ms() };
        streams::create(simulator, &context, input(request)?)
    });
    created.map(drop).map_err(|error| Error::Refused {
        operation: Operation::CreateStream,
        stream: name.to_owned(),
        code: error.code.into_owned(),
        message: error.message,
    })
}

/// What every operation needs to know besides its own input.
#[derive(Debug)]
struct Context {
    region: String,
    target: Target,
    now_ms: u64,
}

fn execute_other(
    simulator: &Simulator,
    context: &Context,
    operation: Operation,
    request: Value,
) -> Result<Vec<u8>, ApiError> {
    let answer = match operation {
        Operation::CreateStream => streams::create(simulator, context, input(request)?)?,
        Operation::DeleteStream => streams::delete(simulator, context)?,
        Operation::ListStreams => streams::list(simulator, context, &input(request)?)?,
        Operation::DescribeStream => streams::describe(simulator, context, &input(request)?)?,
        Operation::DescribeStreamSummary => streams::describe_summary(simulator, context)?,
        Operation::UpdateMaxRecordSize => streams::update_max_record_size(simulator, context, &input(request)?)?,
        Operation::ListShards => shards::list(simulator, context, input(request)?)?,
        Operation::SplitShard => shards::split(simulator, context, &input(request)?)?,
        Operation::MergeShards => shards::merge(simulator, context, &input(request)?)?,
        Operation::GetShardIterator => get::shard_iterator(simulator, context, &input(request)?)?,
        Operation::GetRecords => get::records(simulator, context, &input(request)?)?,
        Operation::PutRecord | Operation::PutRecords | Operation::AssumeRole | Operation::GetCallerIdentity => {
            return Err(ApiError::internal_failure());
        }
    };
    match answer {
        Value::Null => Ok(Vec::new()),
        answer => Ok(answer.to_string().into_bytes()),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // An empty body is an empty request, as for ListStreams.
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| ApiError::serialization(&error))
}

fn input<T: DeserializeOwned>(request: Value) -> Result<T, ApiError> {
    serde_json::from_value(request).map_err(|error| ApiError::serialization(&error))
}

/// Milliseconds as the seconds with a fraction that the protocol uses for timestamps.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay far below 2^53")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1_000.0
}
