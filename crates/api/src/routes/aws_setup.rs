//! What a person needs to give the service a role in an AWS account.

use axum::extract::State;
use domain::aws_setup::RoleSetup;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::{AwsAccount, AwsRoleName, Json, Query, Region, StreamName};
use crate::{App, Caller, Code, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_aws_setup))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Of the streams.
    region: Region,
    /// The one stream that may be put into; all of the region if it is left out.
    stream: Option<StreamName>,
    /// The account of the streams; the one that the role is in, if it is left out.
    #[param(inline)]
    account: Option<AwsAccount>,
    /// `rowcast` if it is left out.
    #[param(inline)]
    role_name: Option<AwsRoleName>,
}

/// Everything for a role that this workspace's destinations can use.
#[derive(Debug, Serialize, ToSchema)]
struct AwsSetup {
    /// As whom the service assumes roles.
    principal_arn: String,
    /// That of the workspace. A role must demand it, or anybody could have the service use it.
    external_id: String,
    role_name: String,
    #[schema(value_type = Object)]
    trust_policy: Value,
    #[schema(value_type = Object)]
    permission_policy: Value,
    terraform: String,
    /// A template, as JSON.
    cloudformation: String,
}

/// How to make a role for the service in an AWS account
#[utoipa::path(get, path = "/v1/workspaces/{workspace_id}/aws-setup", tag = "destinations",
    params(("workspace_id" = String, Path), Wanted),
    responses((status = 200, description = "Policies, and snippets that make the role", body = AwsSetup),
              (status = 409, description = "The operator has not said as whom the service assumes roles")))]
async fn get_aws_setup(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<AwsSetup>, Problem> {
    let Some(principal_arn) = app.settings().aws_principal_arn.clone() else {
        let detail = "This service has no identity of its own in AWS yet, so it can use no role. Ask its operator to set \
                      `aws.principal_arn`, or use an access key.";
        return Err(Problem::new(Code::Conflict, detail));
    };
    let setup = RoleSetup {
        principal_arn,
        external_id: caller.scope.workspace_state().await?.external_id,
        role_name: wanted.role_name.map_or_else(|| "rowcast".to_owned(), |name| name.as_str().to_owned()),
        region: wanted.region.as_str().to_owned(),
        account: wanted.account.map(|account| account.as_str().to_owned()),
        stream: wanted.stream.map(|stream| stream.as_str().to_owned()),
    };
    Ok(Json(AwsSetup {
        trust_policy: setup.trust_policy(),
        permission_policy: setup.permission_policy(),
        terraform: setup.terraform(),
        cloudformation: setup.cloudformation(),
        principal_arn: setup.principal_arn,
        external_id: setup.external_id,
        role_name: setup.role_name,
    }))
}
