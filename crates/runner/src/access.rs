//! How source and stream of a workspace are reached: with its secrets, and where the operator allows it.

use domain::{Credentials, Destination, Secret, Source};
use kinesis::{Access, CallLog, Client, Keys, RoleAccess, Timeouts, session_name};
use store::Claim;

use crate::secrets::SecretReader;
use crate::worker::Worker;
use crate::{Error, role};

pub(crate) async fn source(worker: &Worker, source: &Source) -> Result<sources::postgres::Settings, Error> {
    let secrets = SecretReader::new(&worker.settings, &worker.scope);
    let Source::Postgres(postgres) = source;
    let url = secrets.read_optional(postgres.url.as_ref()).await?;
    let password = secrets.read_optional(postgres.password.as_ref()).await?;
    let source = sources::postgres::Settings::new(postgres, url, password)?.egress(worker.settings.egress.clone());
    match &postgres.ca_file {
        Some(path) => Ok(source.trust(secrets.read(&Secret::File(path.clone())).await?.as_bytes())?),
        None => Ok(source),
    }
}

/// For looking around: a role is checked anew each time. `stream`: the only one that a role's session may put into.
/// `purpose`: what the session is for, for the logs of the role's owner.
pub(crate) async fn client(
    worker: &Worker,
    destination: &Destination,
    stream: Option<&str>,
    purpose: &str,
) -> Result<Client, Error> {
    let settings = settings(worker, destination, stream, purpose).await?;
    role::check(&settings).await?;
    Ok(Client::new(settings).await?)
}

/// For the run, or the preview, that has this claim: what is known of its role is not asked again.
/// `calls`: where its calls are added that are no puts.
pub(crate) async fn client_of(
    worker: &Worker,
    claim: &Claim,
    purpose: &str,
    calls: Option<CallLog>,
) -> Result<Client, Error> {
    let destination = &claim.definition.destination;
    let settings = settings(worker, destination, Some(&claim.definition.sync.stream), purpose).await?;
    let settings = kinesis::Settings { log: calls, ..settings };
    role::accept(worker, claim, &settings).await?;
    Ok(Client::new(settings).await?)
}

/// Before anybody is asked.
pub(crate) async fn settings(
    worker: &Worker,
    destination: &Destination,
    stream: Option<&str>,
    purpose: &str,
) -> Result<kinesis::Settings, Error> {
    let settings = &worker.settings;
    if destination.endpoint.is_some() && !settings.endpoint_override {
        return Err(Error::EndpointOverride);
    }
    let secrets = SecretReader::new(settings, &worker.scope);
    let access = match &destination.credentials {
        Credentials::AccessKey { access_key_id, secret_access_key, session_token } => Access::Keys(Keys {
            access_key_id: secrets.read(access_key_id).await?,
            secret_access_key: secrets.read(secret_access_key).await?,
            session_token: secrets.read_optional(session_token.as_ref()).await?,
        }),
        Credentials::Role { role_arn } => Access::Role(role_access(worker, role_arn, stream, purpose)?),
        Credentials::DefaultChain {} if settings.default_chain.allows(worker.scope.workspace()) => Access::DefaultChain,
        Credentials::DefaultChain {} => return Err(Error::DefaultChain),
    };
    Ok(kinesis::Settings {
        region: destination.region.clone(),
        endpoint: destination.endpoint.clone(),
        sts_endpoint: settings.sts_endpoint.clone(),
        access,
        timeouts: Timeouts { call: settings.call_timeout, ..Timeouts::default() },
        egress: settings.egress.clone(),
        log: None,
    })
}

/// The external id is the workspace's own, whatever a tenant says.
fn role_access(worker: &Worker, role_arn: &str, stream: Option<&str>, purpose: &str) -> Result<RoleAccess, Error> {
    let base = worker.settings.identity.clone().ok_or(Error::NoIdentity)?;
    let session = session_name(worker.scope.workspace(), purpose);
    let role = RoleAccess::new(role_arn, worker.workspace.external_id.as_str(), session, base);
    Ok(match stream {
        Some(stream) => role.for_stream(stream),
        None => role,
    })
}
