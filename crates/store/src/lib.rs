#![doc = include_str!("../README.md")]

mod approval;
mod checkpoint;
mod claim;
mod codec;
mod definition;
mod error;
mod finish;
mod form;
mod manifest;
mod pool;
mod rejection;
mod run;
mod scope;
mod sync;

pub use approval::{Approval, ApprovalChange, ApprovalId, ApprovalState, Decision, NewApproval};
pub use checkpoint::{Checkpoint, ClosedWindow, LayerChange, NewWindow};
pub use claim::{Beat, Claim, Claimed};
pub use definition::{Definition, Part};
pub use error::Error;
pub use finish::{Finish, Finished, Update};
pub use manifest::{Layer, LayerRef, Manifest, Window, WindowState};
pub use pool::Store;
pub use rejection::{InvalidRow, NewInvalidRow, NewRejection, Rejection, Tallies};
pub use run::{Attempt, AttemptOutcome, Reason, Requested, Run};
pub use scope::{Scope, Workspace};
pub use sync::{PutSync, SyncState};
