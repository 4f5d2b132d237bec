use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use serde::{Deserialize, Serialize};
use store::{Actor, Joins, NewPerson};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{audit, hash};
use crate::extract::{Email, Json, Name, TokenText};
use crate::problem::{Code, Problem};
use crate::routes::me::Me;
use crate::routes::passwords::check_new;
use crate::routes::sessions::begin_session;
use crate::{App, Client, Password, SignUp};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(sign_up))
}

/// With the name of a workspace of one's own, or with an invitation to one that exists.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignUpRequest {
    email: Email,
    #[schema(value_type = String, format = "password", min_length = 10, max_length = 128)]
    password: Password,
    workspace_name: Option<Name>,
    /// The token of an invitation.
    invitation: Option<TokenText>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SignedUp {
    person: Me,
    workspace_id: String,
}

type WithCookie<T> = (StatusCode, [(axum::http::HeaderName, HeaderValue); 1], Json<T>);

/// Sign up
///
/// Makes a person and signs them in: as the owner of a new workspace, or as what an invitation makes them. Who may sign up
/// without an invitation is the operator's choice.
#[utoipa::path(post, path = "/v1/sign-up", tag = "people", request_body = SignUpRequest, responses(
    (status = 201, description = "Signed up and in", body = SignedUp, headers(("Set-Cookie" = String))),
    (status = 404, description = "The invitation is not valid any more"),
    (status = 409, description = "The e-mail address is taken")))]
async fn sign_up(
    State(app): State<App>,
    client: Client,
    headers: axum::http::HeaderMap,
    Json(request): Json<SignUpRequest>,
) -> Result<WithCookie<SignedUp>, Problem> {
    let joins = joins(&app, &request).await?;
    check_new(&request.password, "/password", request.email.as_str())?;
    let password = app.passwords().hash(&request.password).await?;
    let new = NewPerson::new(request.email.as_str(), password);
    let actor = Actor::Person { person: new.id, email: new.email.clone() };
    // An e-mail address that is taken is told: without mail there is no other way to tell its owner. Strict limits by
    // client address keep this from being a list of customers.
    let signed_up = app.store().sign_up(&audit(actor, "sign_up", &client), &new, &joins).await?;
    let person = app.store().person(signed_up.person).await?.ok_or_else(Problem::not_found)?;
    let cookie = begin_session(&app, &client, &headers, &person).await?;
    let body = SignedUp { person: person.into(), workspace_id: signed_up.workspace.to_string() };
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], Json(body)))
}

/// What the new person becomes a member of, if the operator lets them.
async fn joins(app: &App, request: &SignUpRequest) -> Result<Joins, Problem> {
    match (&request.workspace_name, &request.invitation) {
        (None, Some(token)) => Ok(Joins::Invitation(hash(token.expose()))),
        (Some(name), None) => {
            let only_first = match app.settings().sign_up {
                SignUp::Open => false,
                SignUp::FirstUserOnly if app.store().people_count().await? == 0 => true,
                SignUp::FirstUserOnly | SignUp::Invitation => return Err(closed()),
            };
            let workspace = store::NewWorkspace { name: name.as_str().to_owned(), hash_key: rand::random() };
            Ok(Joins::New { workspace, only_first })
        }
        _ => Err(Problem::invalid("", "Give either `workspace_name` or `invitation`.")),
    }
}

fn closed() -> Problem {
    Problem::new(Code::SignUpClosed, "Ask an owner or admin of a workspace for an invitation.")
}
