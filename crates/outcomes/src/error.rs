use parquet::errors::ParquetError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the object `{object}` of the debug log is missing; if the retention of the log has not ended, restore it from \
         a copy of the object storage"
    )]
    Missing { object: String },
    #[error(
        "the object `{object}` of the debug log is damaged: {what}; nothing of it was shown: restore it from a copy of \
         the object storage"
    )]
    Corrupt { object: String, what: String },
    #[error("{what} does not fit into the debug log: {why}")]
    Unfit { what: &'static str, why: String },
    #[error("the debug log could not be encoded as Parquet")]
    Encode(#[from] ParquetError),
    #[error("the storage of the debug log failed")]
    Objects(#[source] objects::Error),
}

impl Error {
    pub(crate) fn corrupt(object: &str, what: impl Into<String>) -> Self {
        Self::Corrupt { object: object.to_owned(), what: what.into() }
    }

    /// A failure to read: an object that is gone or shorter says something of the log, the rest of the storage.
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
