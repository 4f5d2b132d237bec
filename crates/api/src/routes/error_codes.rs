use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::explain::{CODES, ErrorCode};
use crate::extract::{Json, Listed};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_error_codes))
}

/// What can go wrong with rows, calls and runs, explained
///
/// Every code of a rejection, an invalid row, a failed call or the reason of a run, as far as it is Rowcast's own or known of
/// AWS. Refusals of this API have codes of their own: `GET /problems`.
#[utoipa::path(get, path = "/v1/error-codes", tag = "log",
    responses((status = 200, description = "All of them", body = Listed<ErrorCode>)))]
async fn list_error_codes() -> Json<Listed<ErrorCode>> {
    Json(Listed::whole(CODES.to_vec()))
}
