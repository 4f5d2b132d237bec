//! What an answer of Kinesis says of each record of a call, and what is tried again. In doubt a put may have been
//! applied: only an answer that says so makes it refused.

use std::time::Duration;

use crate::rules::Outcome;

/// What one put of one record came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// In the stream, with a shard and a sequence number.
    Acknowledged,
    /// Surely not applied.
    Refused,
    /// It may be in the stream, or come later.
    Unanswered,
}

impl Put {
    /// What all puts of a record came to, when this one follows `earlier` ones.
    pub const fn after(self, earlier: Outcome) -> Outcome {
        match (earlier, self) {
            (Outcome::Acknowledged | Outcome::AcknowledgedAfterDoubt, _) => earlier,
            (Outcome::NotPut | Outcome::Refused, Self::Acknowledged) => Outcome::Acknowledged,
            (Outcome::Unanswered, Self::Acknowledged) => Outcome::AcknowledgedAfterDoubt,
            (Outcome::NotPut | Outcome::Refused, Self::Refused) => Outcome::Refused,
            (Outcome::Unanswered, Self::Refused) | (_, Self::Unanswered) => Outcome::Unanswered,
        }
    }
}

/// The result of one record in an answer with status 200, which alone says nothing.
pub fn judge_result(code: Option<&str>, shard: Option<&str>, sequence_number: Option<&str>) -> Put {
    let given = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    match code.filter(|code| !code.is_empty()) {
        None if given(shard) && given(sequence_number) => Put::Acknowledged,
        None => Put::Unanswered,
        // Both an error and a place in the stream: believe neither.
        Some(_) if given(sequence_number) => Put::Unanswered,
        // A record is encrypted before it is stored, so every refusal by KMS comes before the write.
        Some(code) if throttled(code) || code.starts_with("KMS") => Put::Refused,
        Some(_) => Put::Unanswered,
    }
}

/// How a call failed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFailure<'a> {
    /// The request never left: no connection, no signature.
    NotSent,
    /// It may have left, and no answer that can be read came back: time-out, reset, half an answer, one with another
    /// number of results than records.
    NoAnswer,
    /// An error answer; without a code it is not from Kinesis.
    Error { status: u16, code: Option<&'a str>, message: &'a str },
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No put of this run can succeed. The call was refused.
    Fatal(Fatal),
    Retryable {
        /// Else the call may have been applied.
        refused: bool,
    },
    /// The records at these positions of the call, from 0, are the cause. The call was refused.
    OneRecord(Vec<usize>),
    /// Some record is the cause, the answer does not say which. The call was refused.
    OneRecordUnknown,
}

impl Verdict {
    /// What the call was to each of its records.
    pub const fn put(&self) -> Put {
        match self {
            Self::Retryable { refused: false } => Put::Unanswered,
            _ => Put::Refused,
        }
    }
}

/// Why no put of a run can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fatal {
    AccessDenied,
    NoSuchStream,
    /// The stream's name or ARN is not valid.
    InvalidStream,
    ExpiredCredentials,
    InvalidCredentials,
    /// Signatures are refused because the clock is wrong.
    ClockSkew,
    /// The account has no subscription to Kinesis.
    OptIn,
    /// The key that encrypts the stream may not be used, is disabled, or is gone.
    Kms,
    /// Whatever answers, it is not Kinesis.
    NotKinesis,
}

pub fn judge_call(failure: &CallFailure<'_>, records: usize) -> Verdict {
    let (status, code, message) = match *failure {
        CallFailure::NotSent => return Verdict::Retryable { refused: true },
        CallFailure::NoAnswer => return Verdict::Retryable { refused: false },
        CallFailure::Error { status, code, message } => (status, code.unwrap_or_default(), message),
    };
    let code = code.rsplit('#').next().unwrap_or_default();
    if !(400..500).contains(&status) || code.is_empty() || internal(code) {
        Verdict::Retryable { refused: false }
    } else if throttled(code) {
        Verdict::Retryable { refused: true }
    } else if let Some(fatal) = fatal(code, message) {
        Verdict::Fatal(fatal)
    } else if by_a_record(code) {
        match named_records(message, records) {
            named if !named.is_empty() => Verdict::OneRecord(named),
            _ if names_the_stream(message) => Verdict::Fatal(Fatal::InvalidStream),
            _ => Verdict::OneRecordUnknown,
        }
    } else {
        Verdict::Retryable { refused: true }
    }
}

/// Whether a code says "later": the same put may succeed when there is room.
pub fn throttled(code: &str) -> bool {
    let named =
        ["ProvisionedThroughputExceededException", "LimitExceededException", "RequestLimitExceeded", "SlowDown"];
    named.contains(&code) || code.contains("Throttl") || code == "TooManyRequestsException"
}

/// A failure inside the service, whatever its status.
fn internal(code: &str) -> bool {
    ["InternalFailure", "InternalError", "InternalServer", "ServiceUnavailable", "RequestTimeout"]
        .iter()
        .any(|start| code.starts_with(start))
}

fn by_a_record(code: &str) -> bool {
    ["ValidationException", "ValidationError", "InvalidArgumentException", "SerializationException"].contains(&code)
}

fn fatal(code: &str, message: &str) -> Option<Fatal> {
    Some(match code {
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "UnauthorizedOperation" => Fatal::AccessDenied,
        "ResourceNotFoundException" => Fatal::NoSuchStream,
        "ExpiredTokenException" | "ExpiredToken" => Fatal::ExpiredCredentials,
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => Fatal::ClockSkew,
        "InvalidSignatureException" if message.contains("expired") || message.contains("not yet current") => {
            Fatal::ClockSkew
        }
        "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "AuthFailure" => Fatal::InvalidCredentials,
        "KMSAccessDeniedException"
        | "KMSDisabledException"
        | "KMSInvalidStateException"
        | "KMSNotFoundException"
        | "KMSOptInRequired" => Fatal::Kms,
        "OptInRequired" | "SubscriptionRequiredException" => Fatal::OptIn,
        "UnknownOperationException" => Fatal::NotKinesis,
        _ => return None,
    })
}

fn names_the_stream(message: &str) -> bool {
    ["at 'streamName'", "at 'streamARN'", "at 'streamId'"].iter().any(|place| message.contains(place))
}

/// The positions, from 0, in `... at 'records.3.member.partitionKey' failed to satisfy constraint ...`. The quoted
/// value of a record may hold any text, so nothing shorter than this frame counts.
fn named_records(message: &str, records: usize) -> Vec<usize> {
    let mut named: Vec<usize> = message
        .split(" at 'records.")
        .skip(1)
        .filter_map(|rest| {
            let (path, after) = rest.split_once('\'')?;
            let (number, _) = path.split_once(".member")?;
            let position = number.parse::<usize>().ok()?.checked_sub(1)?;
            (after.starts_with(" failed to satisfy constraint") && position < records).then_some(position)
        })
        .collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// How long failed puts are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Puts of one record, the first one included.
    pub max_attempts: u32,
    /// From the first put on; no put of the record begins later.
    pub retry_for: Duration,
    pub base_backoff: Duration,
    pub max_backoff: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 10,
            retry_for: Duration::from_secs(30),
            base_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// The wait before the next put after `failed` ones, with full jitter: `random`, in [0, 1), is its part of a
    /// ceiling that doubles each time. `None`: give up.
    pub fn wait(&self, failed: u32, elapsed: Duration, random: f64) -> Option<Duration> {
        if failed >= self.max_attempts {
            return None;
        }
        let doublings = failed.saturating_sub(1).min(31);
        let ceiling = self.base_backoff.saturating_mul(1 << doublings).min(self.max_backoff);
        let wait = ceiling.mul_f64(random.clamp(0.0, 1.0));
        (elapsed.saturating_add(wait) <= self.retry_for).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REFUSED: Verdict = Verdict::Retryable { refused: true };
    const UNANSWERED: Verdict = Verdict::Retryable { refused: false };

    fn judge(status: u16, code: &str, message: &str) -> Verdict {
        judge_call(&CallFailure::Error { status, code: Some(code), message }, 500)
    }

    #[test]
    fn only_an_entry_with_shard_and_sequence_number_and_without_error_is_acknowledged() {
        let place = (Some("shardId-000000000001"), Some("49543463076548007577105092703039560359975228518395019266"));
        let cases = [
            (None, place, Put::Acknowledged),
            (Some(""), place, Put::Acknowledged),
            (None, (None, None), Put::Unanswered),
            (None, (place.0, None), Put::Unanswered),
            (None, (place.0, Some("")), Put::Unanswered),
            (Some("ProvisionedThroughputExceededException"), (None, None), Put::Refused),
            (Some("ProvisionedThroughputExceededException"), place, Put::Unanswered),
            (Some("KMSThrottlingException"), (None, None), Put::Refused),
            (Some("KMSDisabledException"), (None, None), Put::Refused),
            (Some("InternalFailure"), (None, None), Put::Unanswered),
            (Some("SomethingNew"), (None, None), Put::Unanswered),
        ];
        for (code, (shard, sequence), put) in cases {
            assert_eq!(judge_result(code, shard, sequence), put, "{code:?} {shard:?} {sequence:?}");
        }
    }

    #[test]
    fn a_call_without_access_stream_or_valid_credentials_is_fatal() {
        let denied = "User: arn:aws:iam::111122223333:user/etl is not authorized to perform: kinesis:PutRecords on \
                      resource: arn:aws:kinesis:us-east-1:111122223333:stream/orders because no identity-based policy \
                      allows the kinesis:PutRecords action";
        let cases = [
            ("AccessDeniedException", denied, Fatal::AccessDenied),
            ("ResourceNotFoundException", "Stream orders under account 111122223333 not found.", Fatal::NoSuchStream),
            (
                "ExpiredTokenException",
                "The security token included in the request is expired",
                Fatal::ExpiredCredentials,
            ),
            (
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
                Fatal::InvalidCredentials,
            ),
            (
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided.",
                Fatal::InvalidCredentials,
            ),
            (
                "InvalidSignatureException",
                "Signature expired: 20261120T101010Z is now earlier than 20261120T103010Z (20261120T103510Z - 5 min.)",
                Fatal::ClockSkew,
            ),
            ("KMSAccessDeniedException", "The ciphertext refers to a customer master key ...", Fatal::Kms),
            ("KMSDisabledException", "", Fatal::Kms),
            ("KMSInvalidStateException", "", Fatal::Kms),
            ("KMSNotFoundException", "", Fatal::Kms),
            ("KMSOptInRequired", "", Fatal::Kms),
            ("SubscriptionRequiredException", "", Fatal::OptIn),
            ("com.amazonaws.kinesis#ResourceNotFoundException", "", Fatal::NoSuchStream),
            (
                "ValidationException",
                "1 validation error detected: Value 'a b' at 'streamName' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
                Fatal::InvalidStream,
            ),
        ];
        for (code, message, fatal) in cases {
            assert_eq!(judge(400, code, message), Verdict::Fatal(fatal), "{code}: {message}");
        }
    }

    #[test]
    fn throttling_is_refused_and_any_failure_of_the_service_is_not() {
        for code in [
            "ProvisionedThroughputExceededException",
            "ThrottlingException",
            "LimitExceededException",
            "KMSThrottlingException",
        ] {
            assert_eq!(judge(400, code, "Rate exceeded"), REFUSED, "{code}");
            assert_eq!(judge(503, code, "Rate exceeded"), UNANSWERED, "{code}");
        }
        for (status, code) in [
            (500, "InternalFailure"),
            (400, "InternalFailureException"),
            (503, "ServiceUnavailable"),
            (400, "RequestTimeoutException"),
            (500, "AccessDeniedException"),
            (400, ""),
            (302, "Found"),
        ] {
            assert_eq!(judge(status, code, ""), UNANSWERED, "{status} {code}");
        }
        assert_eq!(judge(400, "SomethingNewException", ""), REFUSED);
        let plain = CallFailure::Error { status: 413, code: None, message: "Payload Too Large" };
        assert_eq!(judge_call(&plain, 3), UNANSWERED);
        assert_eq!(judge_call(&CallFailure::NoAnswer, 3), UNANSWERED);
        assert_eq!(judge_call(&CallFailure::NotSent, 3), REFUSED);
    }

    #[test]
    fn a_message_names_the_records_that_failed_the_call() {
        let empty_keys = "2 validation errors detected: Value '' at 'records.1.member.partitionKey' failed to satisfy \
                          constraint: Member must have length greater than or equal to 1; Value '' at \
                          'records.500.member.partitionKey' failed to satisfy constraint: Member must have length \
                          greater than or equal to 1";
        let too_large = "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=1048577 cap=1048577]' \
                         at 'records.7.member.data' failed to satisfy constraint: Member must have length less than \
                         or equal to 1048576";
        let all_in_one = "Value at 'records.2.member.partitionKey' failed to satisfy constraint: a. Value 'x at \
                          'records.4.member.partitionKey'' at 'records.2.member.data' failed to satisfy constraint: b";
        let cases = [
            (empty_keys, Verdict::OneRecord(vec![0, 499])),
            (too_large, Verdict::OneRecord(vec![6])),
            (all_in_one, Verdict::OneRecord(vec![1])),
            ("Records size exceeds 5 MB limit", Verdict::OneRecordUnknown),
            (
                "Value at 'records.501.member.data' failed to satisfy constraint: beyond the call",
                Verdict::OneRecordUnknown,
            ),
            ("Value at 'records.0.member.data' failed to satisfy constraint: no such", Verdict::OneRecordUnknown),
        ];
        for (message, verdict) in cases {
            for code in ["ValidationException", "InvalidArgumentException"] {
                assert_eq!(judge(400, code, message), verdict, "{message}");
            }
        }
    }

    #[test]
    fn doubt_ends_only_with_an_acknowledgement() {
        let fold = |puts: &[Put]| puts.iter().fold(Outcome::NotPut, |earlier, put| put.after(earlier));
        use Put::{Acknowledged, Refused, Unanswered};
        assert_eq!(fold(&[]), Outcome::NotPut);
        assert_eq!(fold(&[Refused, Refused]), Outcome::Refused);
        assert_eq!(fold(&[Refused, Acknowledged]), Outcome::Acknowledged);
        assert_eq!(fold(&[Refused, Unanswered, Refused]), Outcome::Unanswered);
        assert_eq!(fold(&[Unanswered, Refused, Acknowledged]), Outcome::AcknowledgedAfterDoubt);
    }

    #[test]
    fn retries_end_by_attempts_and_by_time() {
        let policy = RetryPolicy {
            max_attempts: 3,
            retry_for: Duration::from_secs(10),
            base_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(3),
        };
        let second = Duration::from_secs(1);
        assert_eq!(policy.wait(1, Duration::ZERO, 0.5), Some(second / 2));
        assert_eq!(policy.wait(2, Duration::ZERO, 0.5), Some(second));
        assert_eq!(policy.wait(3, Duration::ZERO, 0.5), None);
        assert_eq!(policy.wait(1, 10 * second, 0.0), Some(Duration::ZERO));
        assert_eq!(policy.wait(1, 10 * second, 0.5), None);
    }

    proptest! {
        #[test]
        fn a_wait_stays_below_its_ceiling(failed in 1u32..1000, random in 0.0f64..1.0) {
            let policy = RetryPolicy { max_attempts: u32::MAX, retry_for: Duration::MAX, ..RetryPolicy::default() };
            let wait = policy.wait(failed, Duration::ZERO, random).unwrap();
            let ceiling = policy.base_backoff.as_secs_f64() * 2f64.powf(f64::from(failed) - 1.0);
            prop_assert!(wait <= policy.max_backoff);
            prop_assert!(wait.as_secs_f64() <= ceiling * 1.000_001 + 1e-6);
        }

        #[test]
        fn any_message_is_read_without_panic_and_names_only_records_of_the_call(message: String, records in 0usize..9) {
            let framed = format!("{message} at 'records.{message}.member' failed to satisfy constraint");
            for text in [&message, &framed] {
                if let Verdict::OneRecord(named) = judge_call(
                    &CallFailure::Error { status: 400, code: Some("ValidationException"), message: text },
                    records,
                ) {
                    prop_assert!(!named.is_empty() && named.iter().all(|position| *position < records));
                }
            }
        }
    }
}
