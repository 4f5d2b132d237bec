//! STS: a form comes in, XML goes out.

pub(crate) mod xml;

use std::collections::BTreeMap;

use super::{ApiError, Operation, Violations};
use crate::iam::{Caller, Request};
use crate::state::{Simulator, now_ms};

const ROLE_ARN_LENGTH: (usize, usize) = (20, 2048);
const SESSION_NAME_LENGTH: (usize, usize) = (2, 64);
const EXTERNAL_ID_LENGTH: (usize, usize) = (2, 1224);
const POLICY_LENGTH: (usize, usize) = (1, 2048);
const DURATION_SECONDS: (i64, i64) = (900, 43_200);
const DEFAULT_DURATION_SECONDS: i64 = 3_600;

/// The fields of a request.
#[derive(Debug)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    pub(crate) fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

pub(super) fn execute(
    simulator: &Simulator,
    caller: &Caller,
    operation: Operation,
    form: &Form,
) -> Result<Vec<u8>, ApiError> {
    let mut iam = simulator.iam();
    if operation == Operation::GetCallerIdentity {
        return Ok(xml::caller_identity(&iam.identify(caller, operation, now_ms())?));
    }
    let request = request(form)?;
    let issued = iam.assume(caller, request, now_ms())?;
    drop(iam);
    simulator.notify();
    xml::assumed(&issued)
}

fn request(form: &Form) -> Result<Request, ApiError> {
    let mut violations = Violations::default();
    let role_arn = form.get("RoleArn");
    violations.required("roleArn", role_arn);
    violations.text("roleArn", role_arn, ROLE_ARN_LENGTH, "", r"[\u0009\u000A\u000D\u0020-\u007E\u0085]+");
    let session_name = form.get("RoleSessionName");
    violations.required("roleSessionName", session_name);
    violations.text("roleSessionName", session_name, SESSION_NAME_LENGTH, "_+=,.@-", r"[\w+=,.@-]*");
    let external_id = form.get("ExternalId");
    violations.text("externalId", external_id, EXTERNAL_ID_LENGTH, "_+=,.@:/-", r"[\w+=,.@:\/-]*");
    let policy = form.get("Policy");
    violations.text("policy", policy, POLICY_LENGTH, "", r"[\u0009\u000A\u000D\u0020-\u00FF]+");
    let seconds = form.get("DurationSeconds").map(|text| text.parse::<i64>().unwrap_or_default());
    violations.range("durationSeconds", seconds, DURATION_SECONDS);
    violations.finish().map_err(|error| ApiError::new("ValidationError", error.message))?;
    Ok(Request {
        role_arn: role_arn.unwrap_or_default().to_owned(),
        session_name: session_name.unwrap_or_default().to_owned(),
        external_id: external_id.map(str::to_owned),
        policy: policy.map(str::to_owned),
        seconds: seconds.unwrap_or(DEFAULT_DURATION_SECONDS),
    })
}
