#![doc = include_str!("../README.md")]

mod binaries;
mod cluster;
mod database;
mod error;
mod home;
mod identity;
mod leftover;
mod settings;
mod supervisor;
mod verifier;

pub use binaries::{Binaries, find_binaries};
pub use cluster::{Cluster, remove, start};
pub use error::Error;
pub use settings::Settings;
pub use verifier::verifier;
