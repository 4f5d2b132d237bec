//! Faults on demand: a queue of rules, each a description of calls and what happens to them.

mod queue;
mod random;
mod rule;

pub use queue::FaultReport;
pub(crate) use queue::{Ending, FaultQueue, Verdict};
pub use rule::{Effect, LateAnswer, Rule, Selection};
