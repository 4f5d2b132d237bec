//! People, what they are members of, and how they and their programs prove who they are. Tokens and secrets come as hashes,
//! passwords as PHC strings: nothing here could sign in anywhere.

mod api_key;
mod erase;
mod invitation;
mod member;
mod person;
mod reset;
mod session;
mod sign_up;
mod workspace;

pub use api_key::{ApiKey, KeyState, NewApiKey};
pub use invitation::{Invitation, Invited, NewInvitation};
pub use member::{Member, Membership};
pub use person::{PasswordHash, Person};
pub use session::{NewSession, Session};
pub use sign_up::{Joins, NewPerson, SignedUp};
pub use workspace::{NewWorkspace, WorkspaceChange, WorkspaceInfo};

/// SHA-256 of a token of at least 128 random bits.
pub type TokenHash = [u8; 32];
