use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_kinesis::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{
    AppName, Credentials, IdentityCache, Region, SharedCredentialsProvider, SharedHttpClient,
    StalledStreamProtectionConfig,
};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::error::{Asked, Error};
use crate::failure::Failure;
use crate::settings::{Access, Settings};

/// Kinesis in one region, as one identity. It shares nothing with other clients, so that no tenant's throttling or
/// credentials touch another's. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) sdk: aws_sdk_kinesis::Client,
    place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    region: String,
    /// For messages.
    endpoint: String,
    custom: bool,
}

/// Tries of a call that reads only.
const TRIES: u32 = 4;
/// Kinesis closes a connection that idles for long; one that is closed while a put is written leaves doubt.
const POOL_IDLE: Duration = Duration::from_secs(20);

impl Client {
    pub async fn new(settings: Settings) -> Result<Self, Error> {
        check_region(&settings.region)?;
        let plain = match &settings.endpoint {
            None => false,
            Some(endpoint) => is_plain_http(endpoint)?,
        };
        let region = Region::new(settings.region.clone());
        let mut config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region.clone())
            .http_client(http_client(plain)?)
            .credentials_provider(credentials(&settings.access, region).await?)
            .identity_cache(IdentityCache::lazy().build())
            .retry_partition(RetryPartition::custom(partition_name()).build())
            // The writer tries again itself: it must know of every put.
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(settings.timeouts.connect)
                    .operation_timeout(settings.timeouts.call)
                    .operation_attempt_timeout(settings.timeouts.call)
                    .build(),
            )
            // Calls are short and have a time-out as a whole.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_app_name(AppName::new("rowcast").ok());
        config.set_endpoint_url(settings.endpoint.clone());
        let default = format!("https://kinesis.{}.amazonaws.com", settings.region);
        let place = Place {
            custom: settings.endpoint.is_some(),
            endpoint: settings.endpoint.unwrap_or(default),
            region: settings.region,
        };
        Ok(Self { sdk: aws_sdk_kinesis::Client::from_conf(config.build()), place: Arc::new(place) })
    }

    pub fn region(&self) -> &str {
        &self.place.region
    }

    /// Whether calls go elsewhere than to AWS.
    pub(crate) fn custom_endpoint(&self) -> bool {
        self.place.custom
    }

    pub(crate) fn error(&self, action: &'static str, resource: &str, failure: Failure) -> Error {
        Asked { action, resource, region: &self.place.region, endpoint: &self.place.endpoint }.error(failure)
    }

    /// A call that changes nothing is simply tried again when it was throttled or got no answer.
    pub(crate) async fn patiently<T, F>(&self, call: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let policy = engine::outcome::RetryPolicy {
            max_attempts: TRIES,
            base_backoff: Duration::from_millis(400),
            ..engine::outcome::RetryPolicy::default()
        };
        let mut failed = 0;
        loop {
            let failure = match call().await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            failed += 1;
            let retryable = matches!(failure.verdict(1), engine::outcome::Verdict::Retryable { .. });
            match policy.wait(failed, Duration::ZERO, rand::random()).filter(|_| retryable) {
                None => return Err(failure),
                Some(wait) => tokio::time::sleep(wait).await,
            }
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

fn is_plain_http(endpoint: &str) -> Result<bool, Error> {
    let rest = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://")).unwrap_or_default();
    if rest.is_empty() || rest.contains(char::is_whitespace) {
        let what = format!("the endpoint `{endpoint}` is not an address: write it as https://HOST or http://HOST:PORT");
        return Err(Error::Settings { what });
    }
    Ok(endpoint.starts_with("http://"))
}

fn http_client(plain: bool) -> Result<SharedHttpClient, Error> {
    let builder = Builder::new().pool_idle_timeout(POOL_IDLE);
    if plain {
        return Ok(builder.build_http());
    }
    // Without roots the TLS layer would panic or refuse everyone.
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        return Err(Error::NoCertificates);
    }
    Ok(builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https())
}

async fn credentials(access: &Access, region: Region) -> Result<SharedCredentialsProvider, Error> {
    let keys = match access {
        Access::Keys(keys) => keys,
        Access::DefaultChain => {
            let config = aws_config::defaults(BehaviorVersion::latest())
                .http_client(http_client(false)?)
                .region(region)
                .load()
                .await;
            let none = || Error::Settings { what: "the AWS SDK offers no default chain of credentials".to_owned() };
            return config.credentials_provider().ok_or_else(none);
        }
    };
    if keys.access_key_id.is_empty() || keys.secret_access_key.is_empty() {
        let what = "the access key id or its secret is empty: check where they are read from".to_owned();
        return Err(Error::Settings { what });
    }
    let (id, secret) = (keys.access_key_id.clone(), keys.secret_access_key.clone());
    Ok(SharedCredentialsProvider::new(Credentials::from_keys(id, secret, keys.session_token.clone())))
}

/// Clients of one partition share a budget of retries, whatever their retry setting.
fn partition_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("rowcast-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
