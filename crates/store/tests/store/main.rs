#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a test stops it")]

mod checkpoints;
mod claims;
mod config;
mod configuration;
mod fairness;
mod fence;
mod fixture;
mod isolation;
mod logs;
mod lost_commits;
mod people;
mod plans;
mod proxy;
mod rejections;
mod restore;
mod runs;
mod secrets;
