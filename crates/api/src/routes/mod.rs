//! One file a resource: its shapes, its handlers, its routes.

mod api_keys;
mod audit;
mod invitations;
mod me;
mod members;
mod passwords;
mod problems;
mod roles;
mod sessions;
mod sign_up;
mod usage;
mod workspaces;

pub(crate) use passwords::reset_link;
use utoipa_axum::router::OpenApiRouter;

use crate::App;

/// Every operation there is. New resources are merged here.
pub(crate) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(problems::routes())
        .merge(sign_up::routes())
        .merge(sessions::routes())
        .merge(me::routes())
        .merge(passwords::routes())
        .merge(workspaces::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(api_keys::routes())
        .merge(audit::routes())
        .merge(usage::routes())
}
