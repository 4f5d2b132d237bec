//! Objects in a bucket that speaks S3.

mod ahead;
mod connection;
mod credentials;
mod failure;
mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, RetryConfig};

pub use self::failure::Failure;
pub(crate) use self::upload::Upload;
use crate::{Error, Result};

/// How long a request that fails is tried again, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// A bucket, where it is, and as whom it is used.
#[derive(Debug, Clone)]
pub struct S3 {
    pub bucket: String,
    /// Before all names: one or more names with `/` between them, or nothing.
    pub prefix: String,
    pub region: String,
    /// Of a server that is not AWS: `https://host` or `http://host:port`.
    pub endpoint: Option<String>,
    pub credentials: SharedCredentialsProvider,
    /// How long a request that fails is tried again.
    pub patience: Duration,
}

/// What writers and readers of one bucket share.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) s3: Arc<AmazonS3>,
    pub(crate) ahead: ahead::Ahead,
    /// The bucket was seen to keep what is deleted.
    versioned: AtomicBool,
}

pub(crate) fn is_missing_bucket(error: &object_store::Error) -> bool {
    Failure::of(error).is_missing_bucket()
}

impl S3 {
    pub fn new(
        bucket: impl Into<String>,
        region: impl Into<String>,
        credentials: impl ProvideCredentials + 'static,
    ) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: String::new(),
            region: region.into(),
            endpoint: None,
            credentials: SharedCredentialsProvider::new(credentials),
            patience: PATIENCE,
        }
    }
}

impl Bucket {
    pub(crate) fn open(settings: &S3) -> Result<Self> {
        let unfit = |what: String| Error::Unfit { bucket: settings.bucket.clone(), what };
        let plain = settings.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let connection = connection::Connection::new(plain).map_err(unfit)?;
        let backoff = BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: MAX_BACKOFF, base: 2.0 };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_credentials(Arc::new(credentials::Cached::new(settings.credentials.clone())))
            .with_retry(RetryConfig { backoff, max_retries: 12, retry_timeout: settings.patience })
            // One request an object is understood by every server.
            .with_disable_bulk_delete(true)
            .with_allow_http(plain)
            // A dot in the name is no host that the certificate of AWS stands for.
            .with_virtual_hosted_style_request(settings.endpoint.is_none() && !settings.bucket.contains('.'))
            .with_http_connector(connection);
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        let s3 = builder.build().map_err(|error| unfit(error.to_string()))?;
        Ok(Self {
            name: settings.bucket.clone(),
            s3: Arc::new(s3),
            ahead: ahead::Ahead::default(),
            versioned: AtomicBool::new(false),
        })
    }

    pub(crate) fn failed(&self, action: &'static str, name: &str, source: &object_store::Error) -> Error {
        let source = Failure::of(source);
        let said = source.said().unwrap_or_default();
        tracing::warn!(bucket = self.name, name, action, error = %source, said, "a bucket failed");
        let advice = source.advice(action);
        Error::Bucket { action, name: name.to_owned(), bucket: self.name.clone(), advice, source: Box::new(source) }
    }

    pub(crate) fn is_versioned(&self) -> bool {
        self.versioned.load(Ordering::Relaxed)
    }

    fn written(&self, result: &object_store::PutResult) {
        if result.version.as_ref().is_some_and(|version| version != "null") {
            self.versioned.store(true, Ordering::Relaxed);
        }
    }
}

const MAX_BACKOFF: Duration = Duration::from_secs(5);
