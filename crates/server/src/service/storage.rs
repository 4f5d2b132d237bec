//! The bucket of the configuration.

use std::time::Duration;

use kinesis::{Base, Keys};
use objects::{Objects, S3};

use crate::Result;
use crate::config::Bucket;

/// Who starts a process does not wait for a bucket as long as a run does.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tries the bucket: what it cannot do is told now, and not by the first run. Besides, what the operator may not want.
pub(super) async fn open(bucket: &Bucket) -> Result<(Objects, Option<String>)> {
    let settings = settings(bucket).await?;
    let impatient = Objects::s3(&S3 { patience: PATIENCE, ..settings.clone() })?;
    let verified = impatient.verify().await.map_err(|error| format!("objects.s3: {}", runner::chain(&error)))?;
    let warning = verified.versioned.then(|| {
        format!(
            "the bucket {} keeps versions: what is erased stays there until a rule of the bucket removes versions that are \
             not current",
            bucket.name
        )
    });
    Ok((Objects::s3(&settings)?, warning))
}

async fn settings(bucket: &Bucket) -> Result<S3> {
    let base = match &bucket.access_key {
        Some((id, secret)) => Base::Keys(Keys {
            access_key_id: id.clone(),
            secret_access_key: secret.expose().to_owned(),
            session_token: None,
        }),
        None => Base::DefaultChain,
    };
    let credentials = kinesis::service_credentials(&base, &bucket.region).await?;
    Ok(S3 {
        prefix: bucket.prefix.clone(),
        endpoint: bucket.endpoint.as_ref().map(|endpoint| endpoint.0.clone()),
        ..S3::new(&bucket.name, &bucket.region, credentials)
    })
}
