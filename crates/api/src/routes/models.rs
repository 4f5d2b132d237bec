//! Queries and their primary keys.

use axum::extract::State;
use axum::response::Response;
use domain::{ModelId, SourceId, Work, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::NewModel;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::jobs::{self, Job, Wait};
use crate::extract::{
    Created, Cursor, IfMatch, Json, Limit, Listed, Name, NoContent, Path, Query, Timestamp, Versioned, page,
};
use crate::{App, Caller, Code, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_models, create_model))
        .routes(routes!(get_model, update_model, delete_model))
        .routes(routes!(validate_model))
        .routes(routes!(preview_model))
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Model {
    #[schema(examples("mdl_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    id: String,
    name: String,
    /// The id of the source.
    source: String,
    query: String,
    key: Vec<String>,
    connections: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ModelBody {
    name: Name,
    /// The id of a source of this workspace.
    source: String,
    /// One statement that returns rows.
    #[schema(min_length = 1, max_length = 100_000, examples("select id, email, name from customers"))]
    query: String,
    /// The columns that tell rows apart.
    #[schema(min_items = 1, max_items = 32)]
    key: Vec<String>,
    /// Through how many connections a run reads the model at once. Each runs the whole query on one state of the database and
    /// takes the rows whose keys fall to it, so the query must have the same rows with the same keys each time: no `random()`, no
    /// `now()` or `row_number()` without a whole order in the key, no `limit` that leaves open which rows it takes, no tables of
    /// other servers. A row that none of the connections has counts as removed.
    #[schema(minimum = 1, maximum = 16, default = 1)]
    connections: Option<u32>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ModelList {
    /// Only those of this source.
    #[param(value_type = Option<String>)]
    source: Option<SourceId>,
    limit: Option<Limit>,
    cursor: Option<Cursor>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PreviewRowsBody {
    #[schema(minimum = 0, maximum = 100, default = 20)]
    rows: Option<u32>,
    /// Also gives the rows as runs keep them: the id of the job is then the sample of `render_sync`.
    #[serde(default)]
    sample: bool,
}

/// The models of a workspace
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/models", tag = "models",
    params(("workspace_id" = String, Path), ModelList),
    responses((status = 200, description = "The newest first", body = Listed<Model>)))]
async fn list_models(caller: Caller, Query(query): Query<ModelList>) -> Result<Json<Listed<Model>>, Problem> {
    let page = page("models", query.limit, query.cursor.as_ref())?;
    let found = caller.scope.models(query.source, page).await?;
    Ok(Json(Listed::new("models", page, found, |model| model.id.uuid(), Model::from)))
}

/// Make a model
///
/// The query is not run. `validate` runs it and checks the key.
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/models", tag = "models", request_body = ModelBody,
    params(("workspace_id" = String, Path)),
    responses((status = 201, description = "It was made", body = Model, headers(("ETag" = String), ("Location" = String))),
              (status = 409, description = "The name is taken")))]
async fn create_model(caller: Caller, Json(body): Json<ModelBody>) -> Result<Created<Model>, Problem> {
    let new = body.checked(&caller).await?;
    let model = caller.scope.create_model(&caller.audit(), &new).await?;
    let location = format!("/v1/workspaces/{}/models/{}", caller.workspace, model.id);
    Ok(Created { location, revision: Some(model.revision), body: model.into() })
}

/// A model
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/models/{model_id}", tag = "models",
    params(("workspace_id" = String, Path), ("model_id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Model, headers(("ETag" = String)))))]
async fn get_model(caller: Caller, Path((_, id)): Path<(WorkspaceId, ModelId)>) -> Result<Versioned<Model>, Problem> {
    let model = caller.scope.model(id).await?;
    Ok(Versioned(model.revision, model.into()))
}

/// Change a model
///
/// Syncs of it take up the change with their next run, which asks first if query, key or source differ.
#[utoipa::path(put, path = "/v1/workspaces/{workspace_id}/models/{model_id}", tag = "models", request_body = ModelBody,
    params(("workspace_id" = String, Path), ("model_id" = String, Path),
           ("If-Match" = String, Header, description = "Its ETag, or `*`")),
    responses((status = 200, description = "It was changed", body = Model, headers(("ETag" = String))),
              (status = 409, description = "The name is taken")))]
async fn update_model(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, ModelId)>,
    condition: IfMatch,
    Json(body): Json<ModelBody>,
) -> Result<Versioned<Model>, Problem> {
    caller.scope.model(id).await?;
    let new = body.checked(&caller).await?;
    let model = caller.scope.update_model(&caller.audit(), id, condition.expected(), &new).await?;
    Ok(Versioned(model.revision, model.into()))
}

/// Delete a model that no sync uses
#[utoipa::path(delete, path = "/v1/workspaces/{workspace_id}/models/{model_id}", tag = "models",
    params(("workspace_id" = String, Path), ("model_id" = String, Path),
           ("If-Match" = Option<String>, Header, description = "Its ETag, or `*`")),
    responses((status = 204, description = "It is gone"), (status = 409, description = "A sync uses it")))]
async fn delete_model(
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, ModelId)>,
    condition: Option<IfMatch>,
) -> Result<NoContent, Problem> {
    let expected = condition.and_then(|condition| condition.expected());
    caller.scope.delete_model(&caller.audit(), id, expected).await?;
    Ok(NoContent)
}

/// Run a model's query for its columns, and check its key
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/models/{model_id}/validate", tag = "models",
    params(("workspace_id" = String, Path), ("model_id" = String, Path), Wait),
    responses((status = 200, description = "Columns, and what is wrong with the key", body = Job),
              (status = 202, description = "There is no answer yet", body = Job, headers(("Location" = String))),
              (status = 409, description = "Too many jobs are open")))]
async fn validate_model(
    State(app): State<App>,
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, ModelId)>,
    Query(wait): Query<Wait>,
) -> Result<Response, Problem> {
    let model = caller.scope.model(id).await?;
    let work = Work::TryQuery {
        source: model.source,
        query: model.config.query,
        key: model.config.key,
        rows: 0,
        sample: false,
    };
    jobs::answer(&app, &caller, &wait, work).await
}

/// The first rows of a model
#[utoipa::path(post, path = "/v1/workspaces/{workspace_id}/models/{model_id}/preview", tag = "models",
    params(("workspace_id" = String, Path), ("model_id" = String, Path), Wait), request_body = PreviewRowsBody,
    responses((status = 200, description = "Columns and rows", body = Job),
              (status = 202, description = "There is no answer yet", body = Job, headers(("Location" = String))),
              (status = 409, description = "Too many jobs are open")))]
async fn preview_model(
    State(app): State<App>,
    caller: Caller,
    Path((_, id)): Path<(WorkspaceId, ModelId)>,
    Query(wait): Query<Wait>,
    Json(body): Json<PreviewRowsBody>,
) -> Result<Response, Problem> {
    let model = caller.scope.model(id).await?;
    let rows = body.rows.unwrap_or(20);
    if rows > 100 {
        return Err(Problem::invalid("/rows", "0 to 100 rows are shown."));
    }
    let query = model.config.query;
    let work = Work::TryQuery { source: model.source, query, key: Vec::new(), rows, sample: body.sample };
    jobs::answer(&app, &caller, &wait, work).await
}

impl ModelBody {
    async fn checked(self, caller: &Caller) -> Result<NewModel, Problem> {
        check_query(&self.query, &self.key, true)?;
        let connections = self.connections.unwrap_or(1);
        if !(1..=domain::Model::MOST_CONNECTIONS).contains(&connections) {
            let most = domain::Model::MOST_CONNECTIONS;
            return Err(Problem::invalid("/connections", format!("A model is read through 1 to {most} connections.")));
        }
        let source = reference::<SourceId>(&self.source, "/source", "source")?;
        match caller.scope.source(source).await {
            Ok(_) => {}
            Err(store::Error::NotFound { .. }) => return Err(unknown_reference("/source", "source")),
            Err(error) => return Err(error.into()),
        }
        let config = domain::Model { query: self.query, key: self.key, connections };
        Ok(NewModel { name: self.name.as_str().to_owned(), source, config })
    }
}

/// An id in a body. One of another workspace, one that does not exist and one that is no id are the same.
pub(super) fn reference<T: std::str::FromStr>(text: &str, pointer: &str, what: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| unknown_reference(pointer, what))
}

pub(super) fn unknown_reference(pointer: &str, what: &str) -> Problem {
    let problem = Problem::invalid(pointer, format!("There is no {what} with this id in this workspace."));
    Problem { code: Code::UnknownReference, ..problem }
}

/// What can be said of a query without running it. `needs_key`: it is to be kept, so rows must be told apart.
pub(super) fn check_query(query: &str, key: &[String], needs_key: bool) -> Result<(), Problem> {
    if query.trim().is_empty() || query.chars().count() > 100_000 {
        return Err(Problem::invalid(
            "/query",
            "1 to 100000 characters are expected: one statement that returns rows.",
        ));
    }
    if key.len() > 32 {
        return Err(Problem::invalid("/key", "A key has at most 32 columns."));
    }
    if let Some(at) = key.iter().position(|name| !(1..=255).contains(&name.chars().count())) {
        return Err(Problem::invalid(format!("/key/{at}"), "The name of a column has 1 to 255 characters."));
    }
    let model = domain::Model { query: query.to_owned(), key: key.to_vec(), connections: 1 };
    match model.problems().into_iter().next() {
        Some(problem) if needs_key || !key.is_empty() => {
            Err(Problem::invalid(if problem.starts_with("model.key") { "/key" } else { "/query" }, problem))
        }
        _ => Ok(()),
    }
}

impl From<store::Model> for Model {
    fn from(model: store::Model) -> Self {
        Self {
            id: model.id.to_string(),
            name: model.name,
            source: model.source.to_string(),
            query: model.config.query,
            key: model.config.key,
            connections: model.config.connections,
            created_at: model.created_at.into(),
            updated_at: model.updated_at.into(),
        }
    }
}
