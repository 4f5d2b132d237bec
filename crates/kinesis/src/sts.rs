//! AssumeRole, as the service's own identity.

use aws_config::BehaviorVersion;
use aws_sdk_kinesis::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_kinesis::config::{
    Credentials, IdentityCache, Region, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use engine::outcome::{Fatal, Verdict};

use crate::bodies::{Bodies, Responses};
use crate::call_log::{CallLog, Entry, Try, logged};
use crate::client::{call_times, partition_name};
use crate::error::Error;
use crate::failure::{Failure, Kind, RoleTrouble};
use crate::http::{Address, unrestricted};
use crate::role::{Base, RoleAccess};
use crate::settings::{Keys, Settings};

#[derive(Debug, Clone)]
pub(crate) struct Sts {
    sdk: aws_sdk_sts::Client,
    guarded: bool,
    log: Option<CallLog>,
}

/// One AssumeRole call.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) role_arn: &'a str,
    pub(crate) session_name: &'a str,
    pub(crate) external_id: Option<&'a str>,
    pub(crate) policy: &'a str,
    pub(crate) seconds: u64,
}

impl Sts {
    /// STS in the region of the streams, unless the settings name another address.
    pub(crate) async fn new(settings: &Settings, role: &RoleAccess) -> Result<Self, Error> {
        let address = settings.sts_endpoint.as_deref().map_or_else(|| Ok(Address::of_aws()), Address::parse)?;
        let region = Region::new(settings.region.clone());
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region.clone())
            .http_client(address.client(&settings.egress)?)
            .credentials_provider(base(&role.base, region).await?)
            .identity_cache(IdentityCache::lazy().build())
            .retry_partition(RetryPartition::custom(partition_name()).build())
            .retry_config(RetryConfig::disabled())
            .timeout_config(call_times(settings.timeouts))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(settings.sts_endpoint.clone());
        Ok(Self {
            sdk: aws_sdk_sts::Client::from_conf(config.build()),
            guarded: !settings.egress.is_open(),
            log: settings.log.clone(),
        })
    }

    pub(crate) async fn assume(&self, ask: &Ask<'_>) -> Result<Credentials, Failure> {
        let request = self
            .sdk
            .assume_role()
            .role_arn(ask.role_arn)
            .role_session_name(ask.session_name)
            .set_external_id(ask.external_id.map(str::to_owned))
            .policy(ask.policy)
            .duration_seconds(i32::try_from(ask.seconds).unwrap_or(i32::MAX));
        // The answer is a session.
        let bodies = Bodies::new(Responses::None);
        let call = async {
            let answer = request.customize().interceptor(bodies.clone()).send().await;
            answer.map_err(|error| Failure::from_sdk(error).guarded(self.guarded))
        };
        let answer = logged(self.log.as_ref(), Entry::new("AssumeRole", Try::first()), &bodies, call).await;
        let failed = |failure: Failure| told(failure, ask.role_arn);
        let Some(issued) = answer.map_err(failed)?.credentials else {
            return Err(failed(Failure::unreadable("AssumeRole was answered without credentials".to_owned(), None)));
        };
        let token = Some(issued.session_token);
        Ok(Credentials::new(issued.access_key_id, issued.secret_access_key, token, None, "assumed-role"))
    }
}

/// The credentials of the service itself, for whatever else of AWS it uses.
pub async fn service_credentials(base: &Base, region: &str) -> Result<SharedCredentialsProvider, Error> {
    self::base(base, Region::new(region.to_owned())).await
}

/// Access keys as they are, or the service's own credentials, which are refreshed by the SDK.
pub(crate) async fn base(base: &Base, region: Region) -> Result<SharedCredentialsProvider, Error> {
    match base {
        Base::Keys(keys) => static_keys(keys),
        Base::DefaultChain => {
            let config = aws_config::defaults(BehaviorVersion::latest())
                .http_client(unrestricted()?)
                .region(region)
                .load()
                .await;
            let none = || Error::Settings { what: "the AWS SDK offers no default chain of credentials".to_owned() };
            config.credentials_provider().ok_or_else(none)
        }
    }
}

fn static_keys(keys: &Keys) -> Result<SharedCredentialsProvider, Error> {
    if keys.access_key_id.is_empty() || keys.secret_access_key.is_empty() {
        let what = "the access key id or its secret is empty: check where they are read from".to_owned();
        return Err(Error::Settings { what });
    }
    let (id, secret) = (keys.access_key_id.clone(), keys.secret_access_key.clone());
    Ok(SharedCredentialsProvider::new(Credentials::from_keys(id, secret, keys.session_token.clone())))
}

/// Says of a failure that it was AssumeRole's, and what it means.
fn told(mut failure: Failure, role_arn: &str) -> Failure {
    let refused = matches!(failure.kind, Kind::Answer { coded: true }) && failure.status.is_some_and(|it| it < 500);
    let trouble = match (failure.kind, failure.verdict(1)) {
        (Kind::NoCredentials, _) => RoleTrouble::ServiceIdentity,
        _ if !refused => RoleTrouble::Unavailable,
        (_, Verdict::Fatal(Fatal::AccessDenied)) => RoleTrouble::Refused,
        (_, Verdict::Fatal(_)) => RoleTrouble::ServiceIdentity,
        _ if passes(&failure.code) => RoleTrouble::Unavailable,
        _ => RoleTrouble::NotAccepted,
    };
    failure.kind = Kind::Role(trouble);
    failure.message = format!("sts:AssumeRole on {role_arn}: {}", failure.message);
    failure
}

/// Whether the same call may be answered otherwise a little later.
fn passes(code: &str) -> bool {
    let internal = ["InternalFailure", "InternalError", "ServiceUnavailable", "RequestTimeout", "IDPCommunication"];
    engine::outcome::throttled(code) || internal.iter().any(|start| code.starts_with(start))
}
