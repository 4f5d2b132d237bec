use engine::unit::UnitId;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the object `{object}` of the snapshot is missing; read the manifest again, and if it still names it, repair"
    )]
    Missing { object: String },
    #[error(
        "the object `{object}` of the snapshot is damaged: {what}; nothing was compared with it: repair the snapshot"
    )]
    Corrupt { object: String, what: String },
    #[error(
        "the window `{object}` has no outcomes yet, so it cannot be read as part of the snapshot; close it first \
         (unanswered, where its worker is gone)"
    )]
    Open { object: String },
    #[error("the segment `{object}` needs its units in ascending order, but {next:?} came after {last:?}")]
    Order { object: String, last: UnitId, next: UnitId },
    #[error("what is to be written of {unit:?} to `{object}` does not fit together: {what}")]
    Unfit { object: String, unit: UnitId, what: &'static str },
    #[error("`{object}` cannot hold {what}")]
    TooLarge { object: String, what: &'static str },
    #[error("the layers {from}..{to} cannot be compacted: {what}")]
    Compact { from: usize, to: usize, what: &'static str },
    #[error("a block of `{object}` could not be compressed")]
    Compress { object: String, source: std::io::Error },
    #[error("the table of shapes of `{object}` could not be written")]
    Shapes { object: String, source: serde_json::Error },
    #[error("an earlier step of this scan failed or was given up; begin a new scan")]
    Interrupted,
    #[error("the storage of the snapshot failed")]
    Objects(#[source] objects::Error),
}

impl Error {
    pub(crate) fn corrupt(object: &str, what: impl Into<String>) -> Self {
        Self::Corrupt { object: object.to_owned(), what: what.into() }
    }

    /// A failure to read: an object that is gone or shorter says something of the snapshot, the rest of the storage.
    pub(crate) fn reading(object: &str, source: objects::Error) -> Self {
        match source {
            objects::Error::Missing { .. } => Self::Missing { object: object.to_owned() },
            objects::Error::Short { wanted, found, .. } => {
                Self::corrupt(object, format!("it ends after {found} bytes where {wanted} were expected"))
            }
            source => Self::Objects(source),
        }
    }
}

impl From<objects::Error> for Error {
    fn from(source: objects::Error) -> Self {
        Self::Objects(source)
    }
}
