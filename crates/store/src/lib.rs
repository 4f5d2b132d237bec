#![doc = include_str!("../README.md")]

mod across;
mod approval;
mod audit;
mod checkpoint;
mod claim;
mod codec;
mod config;
mod definition;
mod erased_key;
mod erasure;
mod error;
mod event;
mod finish;
mod form;
mod idempotency;
mod isolation;
mod job;
mod listen;
mod log;
mod manifest;
mod page;
mod people;
mod pool;
mod rejection;
mod release;
mod request;
mod restore;
mod retention;
mod run;
mod schedule;
mod scope;
mod secret;
mod sync;

pub use across::Backlog;
pub use approval::{Approval, ApprovalChange, ApprovalState, Decision, NewApproval};
pub use audit::{Actor, Audit, AuditEntry, AuditFilter};
pub use checkpoint::{Checkpoint, ClosedWindow, LayerChange, NewWindow};
pub use claim::{Beat, Claim, Claimed};
pub use config::{
    Destination, Model, NewDestination, NewModel, NewSource, NewSync, NewestRun, Quotas, SET_BESIDE, Secrets, Source,
    SyncDetails, SyncFilter,
};
pub use definition::{Definition, Part};
pub use erased_key::{Forgotten, ListedAt, ToldApproval, ToldRun};
pub use erasure::Erasure;
pub use error::Error;
pub use event::RunEvent;
pub use finish::{Finish, Finished, Update};
pub use idempotency::{Answer, Idempotent, Ticket};
pub use job::{ClaimedJob, Job, JobProblem, JobState};
pub use log::{LogKind, LogObject, LogObjectKey, LogObjectRef, LogShard, LogUsage, NewLogObject, UnloggedWindow};
pub use manifest::{Layer, LayerRef, Manifest, Window, WindowState};
pub use page::Page;
pub use people::{
    ApiKey, Invitation, Invited, Joins, KeyState, Member, Membership, NewApiKey, NewInvitation, NewPerson, NewSession,
    NewWorkspace, PasswordHash, Person, Session, SignedUp, TokenHash, WorkspaceChange, WorkspaceInfo,
};
pub use pool::{Access, Store, migrate};
pub use rejection::{
    InvalidRow, NewInvalidRow, NewRejection, Placed, RejectedUnit, RejectingAttempt, Rejection, Search, Tallies,
};
pub use request::Requested;
pub use restore::AfterRestore;
pub use retention::ForgottenRun;
pub use run::{Attempt, AttemptOutcome, Reason, Run};
pub use schedule::{Fired, Tick, Ticks};
pub use scope::{Scope, Workspace};
pub use secret::{MasterKeys, Owner, Plaintext, Rotated, SecretInfo};
pub use sync::{PutSync, SyncState};
