#![doc = include_str!("../README.md")]

mod cron;
mod due;
mod plan;
mod problem;
mod walk;
mod zone;

pub use due::{COUNTED, Due, due};
pub use plan::{Plan, Ticks};
pub use problem::Problem;
