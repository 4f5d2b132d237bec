//! Access to Kinesis in an account and a region.

use axum::extract::State;
use axum::response::Response;
use domain::{DestinationId, Work, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{NewDestination, SET_BESIDE, Secrets};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::jobs::{self, Job, Wait};
use super::secret_fields::{SecretState, SecretText, state};
use crate::extract::{
    AwsRoleArn, Created, Cursor, IfMatch, Json, Limit, Listed, Live, Name, NoContent, Path, Query, Region, StreamName,
    Timestamp, Versioned, page,
};
use crate::{App, Caller, Code, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_destinations, create_destination))
        .routes(routes!(get_destination, update_destination, delete_destination))
        .routes(routes!(pause_destination))
        .routes(routes!(resume_destination))
        .routes(routes!(verify_destination))
        .routes(routes!(list_streams))
        .routes(routes!(describe_shards))
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Destination {
    #[schema(examples("dst_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    id: String,
    name: String,
    region: String,
    /// Another address than that of AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    credentials: Credentials,
    /// While it is paused, no run of a sync to it starts.
    paused: bool,
    /// What the newest verification of this configuration found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    verification: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Credentials {
    AccessKey { access_key_id: SecretState, secret_access_key: SecretState, session_token: SecretState },
    Role { role_arn: String },
    ServiceIdentity {},
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DestinationBody {
    name: Name,
    region: Region,
    /// Another address than that of AWS, where the operator allows it: `https://host` or `https://host:port`.
    #[schema(min_length = 9, max_length = 300, examples("https://kinesis.example.com"))]
    endpoint: Option<String>,
    credentials: CredentialsBody,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum CredentialsBody {
    /// Absent parts keep what is stored, unless region or endpoint change: then all are needed again. A session token belongs to its key: with a new key, the one that is stored goes.
    AccessKey {
        access_key_id: Option<SecretText>,
        secret_access_key: Option<SecretText>,
        session_token: Option<SecretText>,
    },
    /// A role that trusts the service, on condition of the external id of the workspace; see `get_aws_setup`.
    Role { role_arn: AwsRoleArn },
    /// The service's own identity, where the operator allows it to this workspace.
    ServiceIdentity {},
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DestinationList {
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    /// Whether this stream accepts records is found out without putting one.
    stream: Option<StreamName>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ShardsBody {
    stream: StreamName,
}

/// The destinations of a workspace
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/destinations", tag = "destinations",
    params(("workspace_id" = String, Path), DestinationList),
    responses((status = 200, description = "The newest first", body = Listed<Destination>)))]
async fn list_destinations(
    caller: Caller,
    Query(query): Query<DestinationList>,
) -> Result<Json<Listed<Destination>>, Problem> {
    let page = page("destinations", query.limit, query.cursor.as_ref())?;
    let found = caller.scope.destinations(page).await?;
    Ok(Json(Listed::new("destinations", page, found, |found| found.id.uuid(), Destination::from)))
}

/// Make a destination
///
/// Nothing connects to it before it is verified or used.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/destinations", tag = "destinations",
    request_body = DestinationBody, params(("workspace_id" = String, Path)),
    responses((status = 201, description = "It was made", body = Destination,
               headers(("ETag" = String), ("Location" = String))),
              (status = 409, description = "The name is taken")))]
async fn create_destination(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<DestinationBody>,
) -> Result<Created<Destination>, Problem> {
    let new = body.checked(&app, &caller, None)?;
    let made = caller.scope.create_destination(&caller.audit(), &new).await?;
    let location = format!("/v1/workspaces/{}/destinations/{}", caller.workspace, made.id);
    Ok(Created { location, revision: Some(made.revision), body: made.into() })
}

/// A destination
///
/// With what its newest verification found, which does not change its ETag.
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/destinations/{destination_id}", tag = "destinations",
    params(("workspace_id" = String, Path), ("destination_id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Destination, headers(("ETag" = String)))))]
async fn get_destination(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, DestinationId)>,
) -> Result<Live<Destination>, Problem> {
    let found = caller.scope.destination(id).await?;
    Ok(Live(found.revision, found.into()))
}

/// Change a destination
///
/// Syncs to it take up the change with their next run, which asks first. What a verification of another configuration
/// found is forgotten.
#[utoipa::path(put, path = "/v1/workspaces/{workspace_id}/destinations/{destination_id}", tag = "destinations",
    request_body = DestinationBody,
    params(("workspace_id" = String, Path), ("destination_id" = String, Path),
           ("If-Match" = String, Header, description = "Its ETag, or `*`")),
    responses((status = 200, description = "It was changed", body = Destination, headers(("ETag" = String))),
              (status = 409, description = "The name is taken")))]
async fn update_destination(
    State(app): State<App>,
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, DestinationId)>,
    condition: IfMatch,
    Json(body): Json<DestinationBody>,
) -> Result<Versioned<Destination>, Problem> {
    let before = caller.scope.destination(id).await?;
    let new = body.checked(&app, &caller, Some(&before))?;
    let changed = caller.scope.update_destination(&caller.audit(), id, condition.expected(), &new).await?;
    Ok(Versioned(changed.revision, changed.into()))
}

/// Delete a destination that no sync sends to
#[utoipa::path(delete, path = "/v1/workspaces/{workspace_id}/destinations/{destination_id}", tag = "destinations",
    params(("workspace_id" = String, Path), ("destination_id" = String, Path),
           ("If-Match" = Option<String>, Header, description = "Its ETag, or `*`")),
    responses((status = 204, description = "It is gone"), (status = 409, description = "A sync sends to it")))]
async fn delete_destination(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, DestinationId)>,
    condition: Option<IfMatch>,
) -> Result<NoContent, Problem> {
    let expected = condition.and_then(IfMatch::expected);
    caller.scope.delete_destination(&caller.audit(), id, expected).await?;
    Ok(NoContent)
}

/// Pause a destination
///
/// No run of a sync to it starts until it is resumed; those that work go on.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/destinations/{destination_id}/pause", tag = "destinations",
    params(("workspace_id" = String, Path), ("destination_id" = String, Path)),
    responses((status = 200, description = "It is paused", body = Destination, headers(("ETag" = String)))))]
async fn pause_destination(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, DestinationId)>,
) -> Result<Versioned<Destination>, Problem> {
    let changed = caller.scope.set_destination_paused(&caller.audit(), id, None, true).await?;
    Ok(Versioned(changed.revision, changed.into()))
}

/// Let a paused destination go on
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/destinations/{destination_id}/resume", tag = "destinations",
    params(("workspace_id" = String, Path), ("destination_id" = String, Path)),
    responses((status = 200, description = "It is not paused", body = Destination, headers(("ETag" = String)))))]
async fn resume_destination(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, DestinationId)>,
) -> Result<Versioned<Destination>, Problem> {
    let changed = caller.scope.set_destination_paused(&caller.audit(), id, None, false).await?;
    Ok(Versioned(changed.revision, changed.into()))
}

/// Find out whether a destination works, and is not open to others
///
/// Assumes the role with the right external id, without one and with a wrong one, lists streams, and asks the stream
/// whether it would take a record.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/destinations/{destination_id}/verify", tag = "destinations",
    params(("workspace_id" = String, Path), ("destination_id" = String, Path), Wait), request_body = VerifyBody,
    responses((status = 200, description = "What was found; it is kept with the destination", body = Job),
              (status = 202, description = "There is no answer yet", body = Job, headers(("Location" = String))),
              (status = 409, description = "Too many jobs are open")))]
async fn verify_destination(
    State(app): State<App>,
    caller: Caller,
    Path((_, destination)): Path<(WorkspaceId, DestinationId)>,
    Query(wait): Query<Wait>,
    Json(body): Json<VerifyBody>,
) -> Result<Response, Problem> {
    caller.scope.destination(destination).await?;
    let stream = body.stream.map(|stream| stream.as_str().to_owned());
    jobs::answer(&app, &caller, &wait, Work::VerifyDestination { destination, stream }).await
}

/// The streams that a destination can see
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/destinations/{destination_id}/streams", tag = "destinations",
    params(("workspace_id" = String, Path), ("destination_id" = String, Path), Wait),
    responses((status = 200, description = "Names and ARNs", body = Job),
              (status = 202, description = "There is no answer yet", body = Job, headers(("Location" = String))),
              (status = 409, description = "Too many jobs are open")))]
async fn list_streams(
    State(app): State<App>,
    caller: Caller,
    Path((_, destination)): Path<(WorkspaceId, DestinationId)>,
    Query(wait): Query<Wait>,
) -> Result<Response, Problem> {
    caller.scope.destination(destination).await?;
    jobs::answer(&app, &caller, &wait, Work::ListStreams { destination }).await
}

/// The shards of a stream, where the destination may see them
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/destinations/{destination_id}/shards", tag = "destinations",
    params(("workspace_id" = String, Path), ("destination_id" = String, Path), Wait), request_body = ShardsBody,
    responses((status = 200, description = "What it may see, and why not the rest", body = Job),
              (status = 202, description = "There is no answer yet", body = Job, headers(("Location" = String))),
              (status = 409, description = "Too many jobs are open")))]
async fn describe_shards(
    State(app): State<App>,
    caller: Caller,
    Path((_, destination)): Path<(WorkspaceId, DestinationId)>,
    Query(wait): Query<Wait>,
    Json(body): Json<ShardsBody>,
) -> Result<Response, Problem> {
    caller.scope.destination(destination).await?;
    let stream = body.stream.as_str().to_owned();
    jobs::answer(&app, &caller, &wait, Work::DescribeStream { destination, stream }).await
}

impl DestinationBody {
    fn checked(
        self,
        app: &App,
        caller: &Caller,
        before: Option<&store::Destination>,
    ) -> Result<NewDestination, Problem> {
        if let Some(endpoint) = &self.endpoint {
            check_endpoint(app, endpoint)?;
        }
        let region = self.region.as_str().to_owned();
        let stays =
            |before: &&store::Destination| before.config.region == region && before.config.endpoint == self.endpoint;
        // Whoever may change a destination must not be able to have its secrets sent to a server of their own.
        let (credentials, secrets) = self.credentials.checked(app, caller, before.filter(stays))?;
        let config = domain::Destination { region, endpoint: self.endpoint, credentials };
        Ok(NewDestination { name: self.name.as_str().to_owned(), config, secrets })
    }
}

fn check_endpoint(app: &App, endpoint: &str) -> Result<(), Problem> {
    const POINTER: &str = "/endpoint";
    if !app.settings().endpoint_override {
        let problem = Problem::invalid(POINTER, Code::EndpointNotAllowed.explanation());
        return Err(Problem { code: Code::EndpointNotAllowed, ..problem });
    }
    let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    let authority = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let split = authority.map(|authority| match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().is_ok_and(|port| port > 0)),
        _ => (authority, true),
    });
    let fits = |host: &str| (host.starts_with('[') || !host.contains(':')) && domain::egress::parse_host(host).is_ok();
    match split {
        Some((host, true)) if endpoint.len() <= 300 && fits(host) => Ok(()),
        _ => Err(Problem::invalid(POINTER, "`https://host` or `https://host:port` is expected, and nothing else.")),
    }
}

impl CredentialsBody {
    /// In the configuration, and beside it. `before`: whose stored secrets stay.
    fn checked(
        self,
        app: &App,
        caller: &Caller,
        before: Option<&store::Destination>,
    ) -> Result<(domain::Credentials, Secrets), Problem> {
        let mut secrets = Secrets::new();
        match self {
            Self::Role { role_arn } => {
                Ok((domain::Credentials::Role { role_arn: role_arn.as_str().to_owned() }, secrets))
            }
            Self::ServiceIdentity {} if app.settings().default_chain.contains(&caller.workspace) => {
                Ok((domain::Credentials::DefaultChain {}, secrets))
            }
            Self::ServiceIdentity {} => {
                let code = Code::ServiceIdentityNotAllowed;
                Err(Problem::new(code, code.explanation()))
            }
            Self::AccessKey { access_key_id, secret_access_key, session_token } => {
                let same_key = access_key_id.is_none() && secret_access_key.is_none();
                let kept = |field: &str| before.is_some_and(|before| before.secrets.contains_key(field));
                let token = session_token.is_some() || (same_key && kept("session_token"));
                let given = [("access_key_id", access_key_id), ("secret_access_key", secret_access_key)];
                for (field, value) in given {
                    match value {
                        Some(value) => drop(secrets.insert(field.to_owned(), value.into_plaintext())),
                        None if kept(field) => {}
                        None => {
                            let detail = "It is needed: none is stored for this region and endpoint.";
                            return Err(Problem::invalid(format!("/credentials/{field}"), detail));
                        }
                    }
                }
                if let Some(value) = session_token {
                    secrets.insert("session_token".to_owned(), value.into_plaintext());
                }
                let credentials = domain::Credentials::AccessKey {
                    access_key_id: SET_BESIDE,
                    secret_access_key: SET_BESIDE,
                    session_token: token.then_some(SET_BESIDE),
                };
                Ok((credentials, secrets))
            }
        }
    }
}

impl From<store::Destination> for Destination {
    fn from(found: store::Destination) -> Self {
        let credentials = match found.config.credentials {
            domain::Credentials::AccessKey { .. } => Credentials::AccessKey {
                access_key_id: state(&found.secrets, "access_key_id"),
                secret_access_key: state(&found.secrets, "secret_access_key"),
                session_token: state(&found.secrets, "session_token"),
            },
            domain::Credentials::Role { role_arn } => Credentials::Role { role_arn },
            domain::Credentials::DefaultChain {} => Credentials::ServiceIdentity {},
        };
        Self {
            id: found.id.to_string(),
            name: found.name,
            region: found.config.region,
            endpoint: found.config.endpoint,
            credentials,
            paused: found.paused,
            verification: found.verification,
            verified_at: found.verified_at.map(Timestamp),
            created_at: found.created_at.into(),
            updated_at: found.updated_at.into(),
        }
    }
}
