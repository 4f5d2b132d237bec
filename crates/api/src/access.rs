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
use Role::{Admin, Owner, Viewer};

/// By the ids of the operations, in alphabetical order.
pub const OPERATIONS: &[(&str, Needs)] = &[
    ("accept_invitation", Session),
    ("change_password", Session),
    ("create_api_key", Needs::Role(Admin)),
    ("create_invitation", Needs::Role(Admin)),
    ("create_password_reset", Needs::Role(Owner)),
    ("create_workspace", Session),
    ("delete_workspace", Needs::Role(Owner)),
    ("get_api_key", Needs::Role(Admin)),
    ("get_me", Session),
    ("get_usage", Needs::Role(Viewer)),
    ("get_workspace", Needs::Role(Viewer)),
    ("leave_workspace", Needs::Role(Viewer)),
    ("list_api_keys", Needs::Role(Admin)),
    ("list_audit_entries", Needs::Role(Admin)),
    ("list_invitations", Needs::Role(Admin)),
    ("list_members", Needs::Role(Viewer)),
    ("list_problems", Public),
    ("list_sessions", Session),
    ("list_workspaces", Session),
    ("look_up_invitation", Public),
    ("remove_member", Needs::Role(Admin)),
    ("reset_password", Public),
    ("revoke_api_key", Needs::Role(Admin)),
    ("revoke_invitation", Needs::Role(Admin)),
    ("sign_in", Public),
    ("sign_out", Session),
    ("sign_out_everywhere", Session),
    ("sign_up", Public),
    ("update_member", Needs::Role(Admin)),
    ("update_workspace", Needs::Role(Admin)),
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
