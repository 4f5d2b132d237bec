//! Who may do what: the one table. A test compares it with the routes and with the OpenAPI document.

use domain::Role;

/// What a caller needs for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: signing up and in, and what a link opens.
    Public,
    /// A signed-in person; an API key will not do.
    Session,
    /// At least this role in the workspace of the path, as a member or as an API key.
    Role(Role),
}

use Needs::{Public, Session};
use Role::{Admin, Editor, Owner, Viewer};

/// By the ids of the operations, in alphabetical order.
pub const OPERATIONS: &[(&str, Needs)] = &[
    ("accept_invitation", Session),
    ("answer_question", Needs::Role(Editor)),
    ("cancel_run", Needs::Role(Editor)),
    ("change_password", Session),
    ("create_api_key", Needs::Role(Admin)),
    ("create_destination", Needs::Role(Editor)),
    ("create_invitation", Needs::Role(Admin)),
    ("create_model", Needs::Role(Editor)),
    ("create_password_reset", Needs::Role(Owner)),
    ("create_run", Needs::Role(Editor)),
    ("create_source", Needs::Role(Editor)),
    ("create_sync", Needs::Role(Editor)),
    ("create_workspace", Session),
    ("decide_after_restore", Needs::Role(Editor)),
    ("decide_approval", Needs::Role(Editor)),
    ("delete_destination", Needs::Role(Editor)),
    ("delete_model", Needs::Role(Editor)),
    ("delete_source", Needs::Role(Editor)),
    ("delete_sync", Needs::Role(Editor)),
    ("delete_workspace", Needs::Role(Owner)),
    ("describe_shards", Needs::Role(Editor)),
    ("dismiss_rejections", Needs::Role(Editor)),
    ("duplicate_sync", Needs::Role(Editor)),
    ("erase_key", Needs::Role(Admin)),
    ("export_invalid_rows", Needs::Role(Viewer)),
    ("export_rejections", Needs::Role(Viewer)),
    ("export_run_log", Needs::Role(Viewer)),
    ("find_position", Needs::Role(Viewer)),
    ("get_api_key", Needs::Role(Admin)),
    ("get_approval", Needs::Role(Viewer)),
    ("get_aws_setup", Needs::Role(Viewer)),
    ("get_destination", Needs::Role(Viewer)),
    ("get_job", Needs::Role(Viewer)),
    ("get_me", Session),
    ("get_model", Needs::Role(Viewer)),
    ("get_run", Needs::Role(Viewer)),
    ("get_run_call", Needs::Role(Viewer)),
    ("get_run_report", Needs::Role(Viewer)),
    ("get_source", Needs::Role(Viewer)),
    ("get_sync", Needs::Role(Viewer)),
    ("get_timeline", Needs::Role(Viewer)),
    ("get_usage", Needs::Role(Viewer)),
    ("get_workspace", Needs::Role(Viewer)),
    ("leave_workspace", Needs::Role(Viewer)),
    ("list_api_keys", Needs::Role(Admin)),
    ("list_approvals", Needs::Role(Viewer)),
    ("list_audit_entries", Needs::Role(Admin)),
    ("list_destinations", Needs::Role(Viewer)),
    ("list_error_codes", Public),
    ("list_invalid_rows", Needs::Role(Viewer)),
    ("list_invitations", Needs::Role(Admin)),
    ("list_members", Needs::Role(Viewer)),
    ("list_models", Needs::Role(Viewer)),
    ("list_presets", Public),
    ("list_problems", Public),
    ("list_rejections", Needs::Role(Viewer)),
    ("list_run_calls", Needs::Role(Viewer)),
    ("list_run_events", Needs::Role(Viewer)),
    ("list_run_outcomes", Needs::Role(Viewer)),
    ("list_runs", Needs::Role(Viewer)),
    ("list_sessions", Session),
    ("list_sources", Needs::Role(Viewer)),
    ("list_streams", Needs::Role(Editor)),
    ("list_sync_runs", Needs::Role(Viewer)),
    ("list_syncs", Needs::Role(Viewer)),
    ("list_tables", Needs::Role(Editor)),
    ("list_workspaces", Session),
    ("look_up_invitation", Public),
    ("next_times", Public),
    ("pause_destination", Needs::Role(Editor)),
    ("pause_sync", Needs::Role(Editor)),
    ("preview_model", Needs::Role(Editor)),
    ("preview_sync", Needs::Role(Editor)),
    ("remove_member", Needs::Role(Admin)),
    ("render_sync", Needs::Role(Editor)),
    ("reset_password", Public),
    ("resume_destination", Needs::Role(Editor)),
    ("resume_sync", Needs::Role(Editor)),
    ("revoke_api_key", Needs::Role(Admin)),
    ("revoke_invitation", Needs::Role(Admin)),
    ("send_rows", Needs::Role(Editor)),
    ("sign_in", Public),
    ("sign_out", Session),
    ("sign_out_everywhere", Session),
    ("sign_up", Public),
    ("stream_run", Needs::Role(Viewer)),
    ("test_source", Needs::Role(Editor)),
    ("try_query", Needs::Role(Editor)),
    ("update_destination", Needs::Role(Editor)),
    ("update_member", Needs::Role(Admin)),
    ("update_model", Needs::Role(Editor)),
    ("update_source", Needs::Role(Editor)),
    ("update_sync", Needs::Role(Editor)),
    ("update_workspace", Needs::Role(Admin)),
    ("validate_model", Needs::Role(Editor)),
    ("verify_destination", Needs::Role(Editor)),
];

/// These show a secret once, which is not kept, so that they cannot be answered again: they take no Idempotency-Key.
pub const SHOWN_ONCE: &[&str] = &["create_api_key", "create_invitation", "create_password_reset"];

/// These try passwords, tokens and e-mail addresses, and so are limited more strictly by client address.
pub const ATTEMPTS: &[&str] =
    &["accept_invitation", "change_password", "look_up_invitation", "reset_password", "sign_in", "sign_up"];

/// The operation's own name from the table, and what it needs.
pub(crate) fn find(operation: &str) -> Option<(&'static str, Needs)> {
    OPERATIONS.binary_search_by_key(&operation, |(id, _)| *id).ok().map(|at| OPERATIONS[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_alphabetical_order_so_that_it_can_be_searched() {
        assert!(OPERATIONS.is_sorted_by(|one, next| one.0 < next.0));
    }
}
