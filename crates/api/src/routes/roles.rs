use utoipa::ToSchema;

/// Each may do what those before it may.
#[derive(ToSchema)]
#[schema(as = Role, rename_all = "kebab-case")]
#[expect(dead_code, reason = "the shape of `domain::Role`, which knows nothing of OpenAPI")]
pub(crate) enum RoleName {
    /// Sees everything but secrets.
    Viewer,
    /// Configures syncs and runs them.
    Editor,
    /// Manages members below owner, API keys and the workspace.
    Admin,
    /// Manages owners, and may delete the workspace.
    Owner,
}
