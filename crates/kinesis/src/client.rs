use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_kinesis::config::http::HttpResponse;
use aws_sdk_kinesis::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{
    AppName, IdentityCache, Region, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::RequestId;

use crate::bodies::{Bodies, Responses};
use crate::call_log::{CallLog, Entry, Try, logged};
use crate::error::{Asked, Error};
use crate::failure::Failure;
use crate::http::Address;
use crate::identity::{AssumedRole, Identity, Sessions, Ticket};
use crate::role::Base;
use crate::settings::{Access, Settings, Timeouts};
use crate::sts::base;

/// Kinesis in one region, as one identity. It shares nothing with other clients, so that no tenant's throttling or
/// credentials touch another's. Clones share its connections and its sessions.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) sdk: aws_sdk_kinesis::Client,
    pub(crate) log: Option<CallLog>,
    identity: Identity,
    place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    region: String,
    /// For messages.
    endpoint: String,
    custom: bool,
    /// Whether AWS answers there: also at an endpoint in a VPC.
    aws: bool,
    role_arn: Option<String>,
    /// Whether the egress policy leaves anything out.
    guarded: bool,
}

type Answer<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// Tries of a call that reads only.
const TRIES: u32 = 4;

impl Client {
    pub async fn new(settings: Settings) -> Result<Self, Error> {
        check_region(&settings.region)?;
        let address = settings.endpoint.as_deref().map_or_else(|| Ok(Address::of_aws()), Address::parse)?;
        let http_client = address.client(&settings.egress)?;
        let region = Region::new(settings.region.clone());
        let (identity, credentials) = identity(&settings, region.clone()).await?;
        let cache = match &identity {
            Identity::Fixed => IdentityCache::lazy().build(),
            // Sessions are kept by the identity itself, which also knows when one ended early.
            Identity::Role(_) => IdentityCache::no_cache(),
        };
        let mut config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region)
            .http_client(http_client)
            .credentials_provider(credentials)
            .identity_cache(cache)
            .retry_partition(RetryPartition::custom(partition_name()).build())
            // The writer tries again itself: it must know of every put.
            .retry_config(RetryConfig::disabled())
            .timeout_config(call_times(settings.timeouts))
            // Calls are short and have a time-out as a whole.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_app_name(AppName::new("rowcast").ok());
        config.set_endpoint_url(settings.endpoint.clone());
        let default = format!("https://kinesis.{}.amazonaws.com", settings.region);
        let place = Place {
            custom: settings.endpoint.is_some(),
            aws: settings.endpoint.is_none() || address.is_kinesis(),
            endpoint: settings.endpoint.unwrap_or(default),
            region: settings.region,
            role_arn: match settings.access {
                Access::Role(role) => Some(role.role_arn),
                Access::Keys(_) | Access::DefaultChain => None,
            },
            guarded: !settings.egress.is_open(),
        };
        let sdk = aws_sdk_kinesis::Client::from_conf(config.build());
        Ok(Self { sdk, log: settings.log, identity, place: Arc::new(place) })
    }

    pub fn region(&self) -> &str {
        &self.place.region
    }

    /// Whether calls go elsewhere than to the address that follows from the region.
    pub(crate) fn custom_endpoint(&self) -> bool {
        self.place.custom
    }

    /// Whether calls go to AWS, at whatever address, so that its limits hold.
    pub(crate) fn is_aws(&self) -> bool {
        self.place.aws
    }

    /// What a call is given to refer to its bodies.
    fn bodies(&self) -> Bodies {
        let anything = self.place.custom && self.place.guarded;
        Bodies::new(if anything { Responses::Identified } else { Responses::All })
    }

    /// The same for a put; nothing if no body is kept in any case.
    pub(crate) fn bodies_of_put(&self) -> Option<Bodies> {
        self.log.as_ref().filter(|log| log.keeps_bodies()).map(|_| self.bodies())
    }

    pub(crate) fn error(&self, action: &'static str, resource: &str, failure: Failure) -> Error {
        let Place { region, endpoint, role_arn, .. } = &*self.place;
        Asked { action, resource, region, endpoint, role_arn: role_arn.as_deref() }.error(failure)
    }

    /// Makes sure that there are credentials. Where a role is assumed this may take as long as a call.
    pub(crate) async fn ready(&self) -> Result<Ticket, Failure> {
        self.identity.ready().await
    }

    /// Makes a call that is no put, with credentials that are there.
    pub(crate) async fn call<T, E, F>(&self, entry: Entry, send: impl FnOnce(Bodies) -> F) -> Result<T, Failure>
    where
        T: RequestId,
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        F: Future<Output = Answer<T, E>>,
    {
        let ticket = self.ready().await?;
        let bodies = self.bodies();
        let call = self.call_with(ticket, send(bodies.clone()));
        logged(self.log.as_ref(), entry, &bodies, call).await
    }

    pub(crate) async fn call_with<T, E>(
        &self,
        ticket: Ticket,
        call: impl Future<Output = Answer<T, E>>,
    ) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        match call.await {
            Ok(answer) => {
                self.identity.answered();
                Ok(answer)
            }
            Err(error) => Err(self.identity.judged(ticket, Failure::from_sdk(error)).guarded(self.place.guarded)),
        }
    }

    /// A call that changes nothing is simply tried again when it was throttled or got no answer.
    pub(crate) async fn patiently<T, F>(&self, call: impl Fn(Try) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let policy = engine::outcome::RetryPolicy {
            max_attempts: TRIES,
            base_backoff: Duration::from_millis(400),
            ..engine::outcome::RetryPolicy::default()
        };
        let mut this = Try::first();
        loop {
            let attempt = this.attempt;
            let failure = match call(this).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let retryable = matches!(failure.verdict(1), engine::outcome::Verdict::Retryable { .. });
            let Some(wait) = policy.wait(attempt, Duration::ZERO, rand::random()).filter(|_| retryable) else {
                return Err(failure);
            };
            this = Try::after(attempt, &failure.code);
            tokio::time::sleep(wait).await;
        }
    }
}

/// The region becomes part of a host name.
fn check_region(region: &str) -> Result<(), Error> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&region.len()) && region.bytes().all(known) {
        return Ok(());
    }
    Err(Error::Settings { what: format!("`{region}` is not an AWS region: give its code, such as eu-west-1") })
}

async fn identity(settings: &Settings, region: Region) -> Result<(Identity, SharedCredentialsProvider), Error> {
    Ok(match &settings.access {
        Access::Keys(keys) => (Identity::Fixed, base(&Base::Keys(keys.clone()), region).await?),
        Access::DefaultChain => (Identity::Fixed, base(&Base::DefaultChain, region).await?),
        Access::Role(access) => {
            let role = Arc::new(AssumedRole::new(settings, access).await?);
            (Identity::Role(role.clone()), SharedCredentialsProvider::new(Sessions(role)))
        }
    })
}

pub(crate) fn call_times(timeouts: Timeouts) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(timeouts.connect)
        .operation_timeout(timeouts.call)
        .operation_attempt_timeout(timeouts.call)
        .build()
}

/// Clients of one partition share a budget of retries, whatever their retry setting.
pub(crate) fn partition_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("rowcast-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
