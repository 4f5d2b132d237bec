use std::fmt;
use std::time::Duration;

use domain::Limits;
use domain::egress::EgressPolicy;
use engine::outcome::RetryPolicy;

use crate::call_log::CallLog;
use crate::pace::Pace;
use crate::role::RoleAccess;

/// Where Kinesis is, and as whom it is called.
#[derive(Debug, Clone)]
pub struct Settings {
    pub region: String,
    /// Another address than that of AWS, with `http://` or `https://`.
    pub endpoint: Option<String>,
    /// The same for STS, which only roles need.
    pub sts_endpoint: Option<String>,
    pub access: Access,
    pub timeouts: Timeouts,
    /// Which addresses may be connected to, whatever the names of hosts resolve to.
    pub egress: EgressPolicy,
    /// What takes the calls of the client that are no puts, and says which bodies are kept.
    pub log: Option<CallLog>,
}

#[derive(Debug, Clone)]
pub enum Access {
    Keys(Keys),
    /// A role of the customer, assumed by the service.
    Role(RoleAccess),
    /// Environment, profile, web identity, container, instance: as the AWS SDK finds them. Only where the operator
    /// allows it, since these are the rights of the service itself.
    DefaultChain,
}

/// An access key. Its secrets are never printed.
#[derive(Clone)]
pub struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the first step of a call to the last byte of its answer. A put that takes longer is unanswered.
    pub call: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), call: Duration::from_secs(5) }
    }
}

#[derive(Debug, Clone)]
pub struct WriterSettings {
    pub limits: Limits,
    /// Calls in flight, or waiting to be tried again for reasons that concern all shards.
    pub concurrency: usize,
    /// How fast the stream is given records; without it, as fast as calls can be made.
    pub pace: Option<Pace>,
    pub retry: RetryPolicy,
    /// How often in a window a call that one record spoiled is put again without it, or in halves where the answer
    /// does not say which one it was. What is left after that is refused.
    pub max_splits: u32,
}

impl Default for WriterSettings {
    fn default() -> Self {
        Self { limits: Limits::default(), concurrency: 4, pace: None, retry: RetryPolicy::default(), max_splits: 500 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let keys = Keys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "hush".to_owned(),
            session_token: Some("hush-too".to_owned()),
        };
        let settings = Settings {
            region: "eu-west-1".to_owned(),
            endpoint: None,
            sts_endpoint: None,
            access: Access::Keys(keys),
            timeouts: Timeouts::default(),
            egress: EgressPolicy::default(),
            log: None,
        };
        let printed = format!("{settings:?}");
        assert!(printed.contains("AKIDEXAMPLE") && !printed.contains("hush"), "{printed}");
    }
}
