//! The only way to a handler: the table says what the operation needs, the caller has to have it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::{Role, WorkspaceId};

use crate::access::{self, Needs};
use crate::auth::{self, Caller, Credential, SignedIn};
use crate::problem::{Code, Problem};

use crate::App;
use crate::request::limiter::{self, Spent};
use crate::request::{Client, MissingLayer, cross_site, envelope, idempotency};

/// The operations by method and route, as the OpenAPI document has them.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) app: App,
    pub(crate) operations: Arc<HashMap<(Method, String), String>>,
}

/// Which operation a request was for. Also an extension of its answer, for whoever counts answers by route.
#[derive(Debug, Clone)]
pub struct MatchedOperation {
    pub id: &'static str,
    /// The path with its parameters in braces.
    pub route: String,
    pub needs: Needs,
}

pub(crate) async fn gate(
    State(gate): State<Gate>,
    path: MatchedPath,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let operation = match gate.operation(request.method(), path.as_str()) {
        Ok(operation) => operation,
        Err(problem) => return problem.into_response(),
    };
    // Bytes that are no text lead to nothing, as every other malformed id.
    let Ok(params) = params else { return Problem::not_found().into_response() };
    let workspace = params.iter().find(|(name, _)| *name == "workspace_id").map(|(_, id)| id.to_owned());
    envelope::tell_span(&operation, workspace.as_deref());
    let mut visit = Visit { app: gate.app, operation, spent: Vec::new() };
    let answered = match visit.admit(request, workspace.as_deref()).await {
        Ok(request) => idempotency::answer(&visit.app, request, next).await,
        Err(problem) => Err(problem),
    };
    let mut response = answered.unwrap_or_else(Problem::into_response);
    for spent in &visit.spent {
        spent.tell(response.headers_mut());
    }
    response.extensions_mut().insert(visit.operation);
    response
}

impl Gate {
    fn operation(&self, method: &Method, route: &str) -> Result<MatchedOperation, Problem> {
        let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
        let key = (method, route.to_owned());
        let id = self.operations.get(&key).ok_or_else(|| self.method_not_allowed(route))?;
        let (id, needs) = access::find(id).ok_or_else(|| Problem::internal(MissingLayer("table of operations")))?;
        Ok(MatchedOperation { id, route: route.to_owned(), needs })
    }

    /// Also for a handler that was mounted without being documented: nobody gets to what the table does not know.
    fn method_not_allowed(&self, route: &str) -> Problem {
        let known = self.operations.keys().filter(|(_, path)| path == route).map(|(method, _)| method.as_str());
        let mut methods: Vec<_> = known.collect();
        methods.sort_unstable();
        let mut problem = Problem::new(Code::MethodNotAllowed, METHOD_NOT_ALLOWED);
        problem.headers.extend(HeaderValue::try_from(methods.join(", ")).map(|methods| (ALLOW, methods)));
        problem
    }
}

pub(crate) const METHOD_NOT_ALLOWED: &str = "The resource is here, but not for this method. See the `Allow` header.";

/// One request on its way through the gate.
struct Visit {
    app: App,
    operation: MatchedOperation,
    spent: Vec<Spent>,
}

impl Visit {
    /// The request with what its handler may know of the caller.
    async fn admit(&mut self, request: Request, workspace: Option<&str>) -> Result<Request, Problem> {
        let (mut parts, body) = request.into_parts();
        let client: Client =
            parts.extensions.get().cloned().ok_or_else(|| Problem::internal(MissingLayer("envelope")))?;
        if access::ATTEMPTS.contains(&self.operation.id) {
            self.spend(|app| app.limits().attempts.spend(limiter::of_address(client.address)))?;
        }
        cross_site::check(&parts.method, &parts.headers, &self.app.settings().public_url)?;
        match self.operation.needs {
            Needs::Public => {}
            Needs::Session => {
                let person = self.signed_in(&parts.headers, client).await?;
                parts.extensions.insert(person);
            }
            Needs::Role(role) => {
                let caller = self.caller(&parts.headers, client, role, workspace).await?;
                parts.extensions.insert(caller);
            }
        }
        parts.extensions.insert(self.operation.clone());
        Ok(Request::from_parts(parts, body))
    }

    async fn signed_in(&mut self, headers: &HeaderMap, client: Client) -> Result<SignedIn, Problem> {
        let credential = self.credential(headers).await?;
        match credential {
            Credential::Session(session) => Ok(SignedIn { session, client, operation: self.operation.id }),
            Credential::Key(_) => Err(Problem::new(Code::Forbidden, "This is for a signed-in person, not an API key.")),
        }
    }

    async fn caller(
        &mut self,
        headers: &HeaderMap,
        client: Client,
        needed: Role,
        workspace: Option<&str>,
    ) -> Result<Caller, Problem> {
        let credential = self.credential(headers).await?;
        let workspace: WorkspaceId = workspace.and_then(|id| id.parse().ok()).ok_or_else(Problem::not_found)?;
        let scope = self.app.store().scope(workspace);
        let role = auth::role_in(&credential, &scope).await?.ok_or_else(Problem::not_found)?;
        // Only members get here: nobody can use up the limit of a workspace that is not theirs.
        self.spend(|app| app.limits().workspace.spend(workspace.uuid().as_u128()))?;
        if role < needed {
            return Err(Problem::needs_role(needed));
        }
        Ok(Caller { workspace, scope, role, credential, client, operation: self.operation.id })
    }

    async fn credential(&mut self, headers: &HeaderMap) -> Result<Credential, Problem> {
        let credential = auth::authenticate(&self.app, headers).await?;
        self.spend(|app| app.limits().credential.spend(credential.rate_key()))?;
        Ok(credential)
    }

    fn spend(&mut self, take: impl FnOnce(&App) -> Spent) -> Result<(), Problem> {
        let spent = take(&self.app);
        self.spent.push(spent);
        spent.check()
    }
}
