//! Credentials of the AWS chain for `object_store`, asked for again before they end.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

/// So long before their end credentials are asked for again; requests are tried again for less than this.
const EARLY: Duration = Duration::from_secs(5 * 60);

pub(super) struct Cached {
    provider: SharedCredentialsProvider,
    /// With the time of their end, if they have one.
    last: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

impl Cached {
    pub(super) fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, last: Mutex::new(None) }
    }
}

#[async_trait]
impl CredentialProvider for Cached {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut last = self.last.lock().await;
        if let Some((credential, end)) = &*last
            && end.is_none_or(lasts)
        {
            return Ok(Arc::clone(credential));
        }
        let found = self.provider.provide_credentials().await;
        let found = found.map_err(|source| object_store::Error::Unauthenticated {
            path: "credentials".to_owned(),
            source: Box::new(source),
        })?;
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        });
        *last = Some((Arc::clone(&credential), found.expiry()));
        Ok(credential)
    }
}

#[expect(clippy::disallowed_methods, reason = "credentials end by the clock of this machine")]
fn lasts(end: SystemTime) -> bool {
    SystemTime::now() + EARLY < end
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").finish_non_exhaustive()
    }
}
