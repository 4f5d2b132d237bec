//! Secrets, sealed in two layers: a master key, which is not in the database, wraps a data key of each workspace, and
//! that seals the values. Each sealed text is bound to its address: moved to another row, workspace or version, it
//! does not open.

mod cipher;
mod keys;
mod plaintext;
mod rotate;
mod sealed;

pub use keys::MasterKeys;
pub use plaintext::Plaintext;
pub use rotate::Rotated;
pub use sealed::{Owner, SecretInfo};
