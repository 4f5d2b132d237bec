#![doc = include_str!("../README.md")]

mod check;
mod config;
mod ids;
mod run;
mod value;

pub use config::{
    AllColumns, Credentials, Destination, Expression, FirstRun, Guards, KeepValues, Limits, MappedField, MappedValue,
    Mapping, Message, Model, NumberForm, PostgresSource, Secret, Source, Sync, TlsMode, Triggers, Watch,
};
pub use ids::{DestinationId, IdError, ModelId, RunId, SourceId, SyncId, WorkspaceId};
pub use run::{Change, Counts, Millis, RunKind, RunState};
pub use value::{Column, ColumnType, Value};
