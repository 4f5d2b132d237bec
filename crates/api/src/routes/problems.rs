use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::extract::{Json, Listed};
use crate::problem::Code;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_problems))
}

/// A kind of problem.
#[derive(Debug, Serialize, ToSchema)]
struct ProblemKind {
    code: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    title: &'static str,
    explanation: &'static str,
}

/// All codes of problems, explained
#[utoipa::path(get, path = "/problems", tag = "about", responses((status = 200, description = "All of them", body = Listed<ProblemKind>)))]
async fn list_problems() -> Json<Listed<ProblemKind>> {
    let show = |code: &Code| ProblemKind {
        code: code.as_str(),
        status: code.status().as_u16(),
        title: code.title(),
        explanation: code.explanation(),
    };
    Json(Listed::whole(Code::ALL.iter().map(show).collect()))
}
