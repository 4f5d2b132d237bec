#![doc = include_str!("../README.md")]

mod error;
pub mod postgres;

pub use error::{Error, Place, ServerError};
