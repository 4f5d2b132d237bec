#![doc = include_str!("../README.md")]

pub mod database;
#[cfg(feature = "rig")]
pub mod deaggregate;
#[cfg(feature = "rig")]
pub mod logged;
#[cfg(feature = "rig")]
pub mod oracle;
#[cfg(feature = "rig")]
pub mod reconcile;
#[cfg(feature = "rig")]
pub mod rig;
#[cfg(feature = "s3")]
pub mod s3;
