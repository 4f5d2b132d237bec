//! What is wrong with a configuration: all of it at once, each with its place, its key and what to do.

use std::fmt;

use super::file::Origin;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Empty where the whole file is meant.
    pub(super) key: String,
    pub(super) origin: Origin,
    pub(super) what: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration cannot be used:\n{}", .0.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n"))]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin != Origin::Default {
            write!(f, "{}: ", self.origin)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}
