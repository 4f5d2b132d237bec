//! PostgreSQL 12 and later. Read from top to bottom of this list to follow a row.

mod catalog;
mod check;
mod copy;
mod describe;
mod diverted;
mod failure;
mod gathered;
mod json;
mod key;
mod moment;
mod preview;
mod read;
mod session;
mod settings;
mod socket;
mod tls;
mod types;
mod url;
mod wire;

pub use catalog::{Catalog, Schema, Table, TableColumn, TableKind, catalog};
pub use check::{TestReport, test};
pub use copy::Chunk;
pub use describe::describe;
pub use key::{KeyCheck, key_check};
pub use preview::{Cut, Preview, preview_rows};
pub use read::{ReadOptions, Reader, read, read_in_parts};
pub use settings::Settings;
