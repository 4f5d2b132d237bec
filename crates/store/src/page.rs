use uuid::Uuid;

/// A part of a list that is ordered by id, the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The last id of the page before.
    pub after: Option<Uuid>,
    pub limit: u32,
}

impl Page {
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    /// Ids of this page are smaller: a plain comparison, which an index answers. No id of ours is the greatest of all.
    pub(crate) fn before(self) -> Uuid {
        self.after.unwrap_or(Uuid::max())
    }

    pub(crate) fn limit(self) -> i64 {
        i64::from(self.limit)
    }
}
