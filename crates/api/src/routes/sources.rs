//! Where models are read.

use axum::extract::State;
use axum::response::Response;
use domain::{PostgresSource, SourceId, TlsMode, Work, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::{NewSource, SET_BESIDE, Secrets};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::jobs::{self, Job, Wait};
use super::secret_fields::{SecretState, SecretText, state};
use crate::extract::{
    Created, Cursor, IfMatch, Json, Limit, Listed, Name, NoContent, Path, Query, Timestamp, Versioned, page,
};
use crate::{App, Caller, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_sources, create_source))
        .routes(routes!(get_source, update_source, delete_source))
        .routes(routes!(test_source))
        .routes(routes!(list_tables))
        .routes(routes!(try_query))
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Source {
    #[schema(examples("src_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    id: String,
    name: String,
    postgres: Postgres,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
struct Postgres {
    host: String,
    port: u16,
    database: String,
    user: String,
    password: SecretState,
    tls: Tls,
    /// Certificates to trust instead of the public ones, as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SourceBody {
    name: Name,
    postgres: PostgresBody,
}

/// These parameters and no others: none of them names a file, a program or a second host.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PostgresBody {
    /// A name, or an IP address.
    #[schema(min_length = 1, max_length = 253, examples("db.example.com"))]
    host: String,
    #[schema(minimum = 1, default = 5432)]
    port: Option<u16>,
    #[schema(min_length = 1, max_length = 63)]
    database: String,
    #[schema(min_length = 1, max_length = 63)]
    user: String,
    /// Absent: the one that is kept stays.
    password: Option<SecretText>,
    /// Default: `verify-full`.
    tls: Option<Tls>,
    /// Certificates to trust instead of the public ones, as PEM.
    #[schema(max_length = 65536)]
    ca: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Tls {
    /// Not encrypted.
    Disable,
    /// Encrypted, but whoever answers is trusted.
    Require,
    /// Encrypted, and the certificate must be valid for the host.
    VerifyFull,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SourceList {
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QueryBody {
    /// One statement that returns rows.
    #[schema(min_length = 1, max_length = 100_000)]
    query: String,
    /// Columns that tell rows apart; they are checked for nulls and duplicates among the first rows.
    #[schema(max_items = 32)]
    #[serde(default)]
    key: Vec<String>,
    /// How many rows to show.
    #[schema(minimum = 0, maximum = 100, default = 20)]
    rows: Option<u32>,
}

/// The sources of a workspace
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/sources", tag = "sources",
    params(("workspace_id" = String, Path), SourceList),
    responses((status = 200, description = "The newest first", body = Listed<Source>)))]
async fn list_sources(caller: Caller, Query(query): Query<SourceList>) -> Result<Json<Listed<Source>>, Problem> {
    let page = page("sources", query.limit, query.cursor.as_ref())?;
    let found = caller.scope.sources(page).await?;
    Ok(Json(Listed::new("sources", page, found, |source| source.id.uuid(), Source::from)))
}

/// Make a source
///
/// Nothing connects to it before it is tested or used.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/sources", tag = "sources", request_body = SourceBody,
    params(("workspace_id" = String, Path)),
    responses((status = 201, description = "It was made", body = Source, headers(("ETag" = String), ("Location" = String))),
              (status = 409, description = "The name is taken")))]
async fn create_source(caller: Caller, Json(body): Json<SourceBody>) -> Result<Created<Source>, Problem> {
    let source = caller.scope.create_source(&caller.audit(), &body.checked(false)?).await?;
    let location = format!("/v1/workspaces/{}/sources/{}", caller.workspace, source.id);
    Ok(Created { location, revision: Some(source.revision), body: source.into() })
}

/// A source
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/sources/{source_id}", tag = "sources",
    params(("workspace_id" = String, Path), ("source_id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Source, headers(("ETag" = String)))))]
async fn get_source(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SourceId)>,
) -> Result<Versioned<Source>, Problem> {
    let source = caller.scope.source(id).await?;
    Ok(Versioned(source.revision, source.into()))
}

/// Change a source
///
/// Syncs that read it take up the change with their next run. Where it may lead to other data, that run asks first.
#[utoipa::path(put, path = "/v1/workspaces/{workspace_id}/sources/{source_id}", tag = "sources", request_body = SourceBody,
    params(("workspace_id" = String, Path), ("source_id" = String, Path),
           ("If-Match" = String, Header, description = "Its ETag, or `*`")),
    responses((status = 200, description = "It was changed", body = Source, headers(("ETag" = String))),
              (status = 409, description = "The name is taken")))]
async fn update_source(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SourceId)>,
    condition: IfMatch,
    Json(body): Json<SourceBody>,
) -> Result<Versioned<Source>, Problem> {
    let before = caller.scope.source(id).await?;
    let keeps = before.secrets.contains_key("password");
    // Whoever may change a source must not be able to have its password sent to a server of their own.
    if keeps && body.postgres.password.is_none() && body.postgres.leads_elsewhere(&before.config) {
        let detail = "Host, port, tls or certificates change: give the password again. One that is kept is sent only where \
                      it was meant for.";
        return Err(Problem::invalid("/postgres/password", detail));
    }
    let source = caller.scope.update_source(&caller.audit(), id, condition.expected(), &body.checked(keeps)?).await?;
    Ok(Versioned(source.revision, source.into()))
}

/// Delete a source that no model reads
#[utoipa::path(delete, path = "/v1/workspaces/{workspace_id}/sources/{source_id}", tag = "sources",
    params(("workspace_id" = String, Path), ("source_id" = String, Path),
           ("If-Match" = Option<String>, Header, description = "Its ETag, or `*`")),
    responses((status = 204, description = "It is gone"), (status = 409, description = "A model reads it")))]
async fn delete_source(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, SourceId)>,
    condition: Option<IfMatch>,
) -> Result<NoContent, Problem> {
    let expected = condition.and_then(|condition| condition.expected());
    caller.scope.delete_source(&caller.audit(), id, expected).await?;
    Ok(NoContent)
}

/// Connect to a source, and tell what it finds
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/sources/{source_id}/test", tag = "sources",
    params(("workspace_id" = String, Path), ("source_id" = String, Path), Wait),
    responses((status = 200, description = "The answer", body = Job),
              (status = 202, description = "There is no answer yet", body = Job, headers(("Location" = String))),
              (status = 409, description = "Too many jobs are open")))]
async fn test_source(
    State(app): State<App>,
    caller: Caller,
    Path((_, source)): Path<(WorkspaceId, SourceId)>,
    Query(wait): Query<Wait>,
) -> Result<Response, Problem> {
    caller.scope.source(source).await?;
    jobs::answer(&app, &caller, &wait, Work::TestSource { source }).await
}

/// What the user of a source may select from
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/sources/{source_id}/tables", tag = "sources",
    params(("workspace_id" = String, Path), ("source_id" = String, Path), Wait),
    responses((status = 200, description = "Schemas, tables and columns", body = Job),
              (status = 202, description = "There is no answer yet", body = Job, headers(("Location" = String))),
              (status = 409, description = "Too many jobs are open")))]
async fn list_tables(
    State(app): State<App>,
    caller: Caller,
    Path((_, source)): Path<(WorkspaceId, SourceId)>,
    Query(wait): Query<Wait>,
) -> Result<Response, Problem> {
    caller.scope.source(source).await?;
    jobs::answer(&app, &caller, &wait, Work::ListTables { source }).await
}

/// Try a query: its columns, its key, its first rows
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/sources/{source_id}/query", tag = "sources",
    params(("workspace_id" = String, Path), ("source_id" = String, Path), Wait), request_body = QueryBody,
    responses((status = 200, description = "Columns, rows, and what is wrong with the key", body = Job),
              (status = 202, description = "There is no answer yet", body = Job, headers(("Location" = String))),
              (status = 409, description = "Too many jobs are open")))]
async fn try_query(
    State(app): State<App>,
    caller: Caller,
    Path((_, source)): Path<(WorkspaceId, SourceId)>,
    Query(wait): Query<Wait>,
    Json(body): Json<QueryBody>,
) -> Result<Response, Problem> {
    caller.scope.source(source).await?;
    let rows = body.rows.unwrap_or(20);
    if rows > 100 {
        return Err(Problem::invalid("/rows", "0 to 100 rows are shown."));
    }
    super::models::check_query(&body.query, &body.key, false)?;
    let work = Work::TryQuery { source, query: body.query, key: body.key, rows, sample: false };
    jobs::answer(&app, &caller, &wait, work).await
}

impl PostgresBody {
    fn leads_elsewhere(&self, before: &domain::Source) -> bool {
        let domain::Source::Postgres(before) = before;
        let tls = TlsMode::from(self.tls.unwrap_or(Tls::VerifyFull));
        before.host.as_deref() != Some(&self.host)
            || before.port != Some(self.port.unwrap_or(5432))
            || before.tls != Some(tls)
            || before.ca != self.ca
    }
}

impl SourceBody {
    /// `keeps`: a password is kept already, and stays if none comes.
    fn checked(self, keeps: bool) -> Result<NewSource, Problem> {
        let body = self.postgres;
        let lengths = [("host", &body.host, 253), ("database", &body.database, 63), ("user", &body.user, 63)];
        for (field, text, at_most) in lengths {
            if !(1..=at_most).contains(&text.chars().count()) || text.chars().any(char::is_control) {
                let detail = format!("1 to {at_most} characters are expected, without control characters.");
                return Err(Problem::invalid(format!("/postgres/{field}"), detail));
            }
        }
        if let Err(problem) = domain::egress::parse_host(&body.host) {
            return Err(Problem::invalid("/postgres/host", problem.to_string()));
        }
        if body.port == Some(0) {
            return Err(Problem::invalid("/postgres/port", "Ports are 1 to 65535."));
        }
        if body.ca.as_ref().is_some_and(|ca| ca.chars().count() > 65_536 || !ca.contains("-----BEGIN CERTIFICATE-----"))
        {
            let detail = "Certificates as PEM are expected, of at most 65536 characters.";
            return Err(Problem::invalid("/postgres/ca", detail));
        }
        let mut secrets = Secrets::new();
        let password = (keeps || body.password.is_some()).then_some(SET_BESIDE);
        if let Some(text) = body.password {
            secrets.insert("password".to_owned(), text.into_plaintext());
        }
        let config = PostgresSource {
            host: Some(body.host),
            port: Some(body.port.unwrap_or(5432)),
            database: Some(body.database),
            user: Some(body.user),
            password,
            tls: Some(body.tls.unwrap_or(Tls::VerifyFull).into()),
            ca: body.ca,
            ..PostgresSource::default()
        };
        Ok(NewSource { name: self.name.as_str().to_owned(), config: domain::Source::Postgres(config), secrets })
    }
}

impl From<store::Source> for Source {
    fn from(source: store::Source) -> Self {
        let password = state(&source.secrets, "password");
        let domain::Source::Postgres(postgres) = source.config;
        Self {
            id: source.id.to_string(),
            name: source.name,
            postgres: Postgres {
                host: postgres.host.unwrap_or_default(),
                port: postgres.port.unwrap_or(5432),
                database: postgres.database.unwrap_or_default(),
                user: postgres.user.unwrap_or_default(),
                password,
                tls: postgres.tls.unwrap_or(TlsMode::VerifyFull).into(),
                ca: postgres.ca,
            },
            created_at: source.created_at.into(),
            updated_at: source.updated_at.into(),
        }
    }
}

impl From<Tls> for TlsMode {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::Disable => Self::Disable,
            Tls::Require => Self::Require,
            Tls::VerifyFull => Self::VerifyFull,
        }
    }
}

impl From<TlsMode> for Tls {
    fn from(tls: TlsMode) -> Self {
        match tls {
            TlsMode::Disable => Self::Disable,
            TlsMode::Require => Self::Require,
            TlsMode::VerifyFull => Self::VerifyFull,
        }
    }
}
