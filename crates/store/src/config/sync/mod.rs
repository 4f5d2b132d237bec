mod change;
mod delete;
mod read;

pub use change::NewSync;
pub use read::{NewestRun, SyncDetails, SyncFilter};
