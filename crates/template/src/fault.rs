//! Why rendering cannot go on.

#[derive(Debug)]
pub(crate) enum Fault {
    /// The output is full.
    Full,
    TooDeep,
    TooMuchWork,
    TooMuchMemory,
    InvalidJson(serde_json::Error),
    /// A short reason for the user, as in "`divided_by` by zero"; whoever calls adds where.
    Filter(String),
}

impl Fault {
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Filter(reason.into())
    }
}
