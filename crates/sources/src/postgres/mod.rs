//! PostgreSQL 12 and later. Read from top to bottom of this list to follow a row.

mod check;
mod copy;
mod describe;
mod failure;
mod read;
mod session;
mod settings;
mod socket;
mod tls;
mod types;
mod url;
mod wire;

pub use check::{Verdict, test};
pub use copy::Chunk;
pub use describe::describe;
pub use read::{ReadOptions, Reader, read};
pub use settings::Settings;
