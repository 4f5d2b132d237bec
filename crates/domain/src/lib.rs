#![doc = include_str!("../README.md")]

pub mod aws_setup;
mod check;
mod config;
pub mod egress;
mod host;
mod ids;
mod job;
mod network;
mod role;
mod run;
mod schedule;
mod value;

pub use config::{
    AllColumns, Credentials, Destination, Expression, FanOut, FirstRun, Guards, KeepValues, Limits, Log, LoggedBodies,
    LoggedRows, MappedField, MappedValue, Mapping, Message, Missing, Model, NullForm, NumberForm, PostgresSource,
    Secret, Source, Sync, TlsMode, Triggers, Watch,
};
pub use ids::{
    ApprovalId, DestinationId, IdError, InvitationId, JobId, KeyId, ModelId, RunId, SecretId, SourceId, SyncId, UserId,
    WorkspaceId,
};
pub use job::Work;
pub use role::Role;
pub use run::{Change, Counts, Millis, RunKind, RunState};
pub use schedule::{Schedule, Unit};
pub use value::{Column, ColumnType, Value};
