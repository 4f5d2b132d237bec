//! One file a resource: its shapes, its handlers, its routes.

mod api_keys;
mod approvals;
mod audit;
mod aws_setup;
mod destinations;
mod erasures;
mod error_codes;
mod invitations;
mod jobs;
mod log;
mod me;
mod members;
mod models;
mod passwords;
mod presets;
mod problems;
mod rejections;
mod roles;
mod runs;
mod secret_fields;
mod sessions;
mod sign_up;
mod sources;
mod syncs;
mod usage;
mod workspaces;

pub(crate) use passwords::reset_link;
use utoipa_axum::router::OpenApiRouter;

use crate::App;

/// Every operation there is. New resources are merged here.
pub(crate) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(problems::routes())
        .merge(presets::routes())
        .merge(error_codes::routes())
        .merge(sign_up::routes())
        .merge(sessions::routes())
        .merge(me::routes())
        .merge(passwords::routes())
        .merge(workspaces::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(api_keys::routes())
        .merge(audit::routes())
        .merge(sources::routes())
        .merge(models::routes())
        .merge(destinations::routes())
        .merge(aws_setup::routes())
        .merge(syncs::routes())
        .merge(erasures::routes())
        .merge(runs::routes())
        .merge(rejections::routes())
        .merge(log::routes())
        .merge(approvals::routes())
        .merge(jobs::routes())
        .merge(usage::routes())
}
