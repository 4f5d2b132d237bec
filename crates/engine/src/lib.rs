#![doc = include_str!("../README.md")]

pub mod canonical;
pub mod columns;
pub mod fan_out;
pub mod form;
pub mod guard;
pub mod hash;
pub mod layout;
pub mod limits;
pub mod message;
pub mod outcome;
pub mod pack;
pub mod preset;
pub mod record;
pub mod rules;
pub mod shard;
pub mod unit;
