//! Pages over the objects of a run's log, and what becomes of objects that cannot be read.

use domain::{Millis, RunId};
use outcomes::{Digest, ObjectRef, Reader};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{LogKind, LogObject, Run};
use utoipa::ToSchema;

use crate::extract::{Cursor, Limit};
use crate::{App, Caller, Code, Problem, clock};

const DAY: Millis = 24 * 60 * 60 * 1_000;
/// After so many rows or calls were looked at for one page, the page ends, however few it found.
const LOOKED_AT: u64 = 2_000_000;

/// One page of a log. It may be short, or empty, and still not be the last one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogPage<T: ToSchema> {
    pub(super) items: Vec<T>,
    /// For the parameter `cursor` of the next request; null at the end of the list.
    #[schema(required)]
    pub(super) next_cursor: Option<String>,
    /// At the end of the list of a run that still works: the `cursor` for what comes later.
    #[schema(required)]
    pub(super) later_cursor: Option<String>,
    /// The run, or its beginning, is older than the workspace keeps its log, so some or all of it is deleted.
    pub(super) expired: bool,
    /// Objects of this page that could not be read: nothing of them is shown.
    pub(super) damaged: Vec<DamagedObject>,
}

/// An object of the log that is missing or not as it was written.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct DamagedObject {
    object: String,
    /// What is wrong with it.
    problem: String,
}

/// A place in the log of a run: an object, and a position within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) epoch: u64,
    pub(super) number: u32,
    pub(super) position: u64,
}

/// The log of a workspace.
pub(super) struct Log {
    reader: Option<(Reader, objects::Objects)>,
    /// What is older may be deleted at any time.
    kept_since: Millis,
}

/// Why nothing of an object is shown.
pub(super) enum Unread {
    /// It was deleted in time.
    Expired,
    Damaged(DamagedObject),
    Failed(Problem),
}

/// A page that grows.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    limit: usize,
    looked_at: u64,
    next: Option<Place>,
    damaged: Vec<DamagedObject>,
    expired: bool,
}

impl Log {
    pub(super) async fn of(app: &App, caller: &Caller) -> Result<Self, Problem> {
        let within = |all: &objects::Objects| all.within(&caller.workspace.to_string()).map_err(Problem::internal);
        let objects = app.settings().objects.as_ref().map(within).transpose()?;
        let days = caller.scope.workspace_info().await?.log_retention_days;
        let reader = objects.map(|objects| (Reader::new(objects.clone()), objects));
        Ok(Self { reader, kept_since: clock::now() - Millis::from(days) * DAY })
    }

    pub(super) fn reader(&self) -> Result<&Reader, Problem> {
        self.storage().map(|(reader, _)| reader)
    }

    pub(super) fn objects(&self) -> Result<&objects::Objects, Problem> {
        self.storage().map(|(_, objects)| objects)
    }

    fn storage(&self) -> Result<&(Reader, objects::Objects), Problem> {
        let missing =
            || Problem::new(Code::Internal, "This process of the service has no object storage, where the log is.");
        self.reader.as_ref().ok_or_else(missing)
    }

    /// Whether some of the run's log may be gone.
    pub(super) fn expired(&self, run: &Run) -> bool {
        run.started_at.unwrap_or(run.created_at) < self.kept_since
    }

    /// Whether what happened at that time may be gone.
    pub(super) const fn goes_back_to(&self, time: Millis) -> bool {
        time < self.kept_since
    }

    pub(super) fn unread(&self, object: &LogObject, error: outcomes::Error) -> Unread {
        let damaged = |problem: String| {
            tracing::error!(object = object.object.name, problem, "a part of the debug log cannot be read");
            Unread::Damaged(DamagedObject { object: object.object.name.clone(), problem })
        };
        match error {
            outcomes::Error::Missing { .. } if object.created_at < self.kept_since => Unread::Expired,
            outcomes::Error::Missing { .. } => damaged("it is missing".to_owned()),
            outcomes::Error::Corrupt { what, .. } => damaged(what),
            outcomes::Error::Objects(source) => Unread::Failed(
                Problem::busy("The object storage of the service does not answer. Try again.").caused_by(source),
            ),
            other => Unread::Failed(Problem::internal(other)),
        }
    }

    /// Where one object is asked for and there is nothing to show in its place.
    pub(super) fn problem(&self, object: &LogObject, error: outcomes::Error) -> Problem {
        self.unread(object, error).into()
    }
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Expired => expired(),
            Unread::Damaged(found) => damaged(&found),
            Unread::Failed(problem) => problem,
        }
    }
}

pub(super) fn expired() -> Problem {
    Problem::new(Code::LogExpired, Code::LogExpired.explanation())
}

fn damaged(found: &DamagedObject) -> Problem {
    let detail =
        format!("Nothing is shown of the object `{}`: {}. All others can be read.", found.object, found.problem);
    Problem::new(Code::LogDamaged, detail)
}

/// Of which objects to ask: those of the run from the cursor's place on, and where to begin in the first.
pub(super) async fn from_place(
    caller: &Caller,
    run: RunId,
    kind: LogKind,
    from: Option<Place>,
) -> Result<Vec<(LogObject, u64)>, Problem> {
    let from = from.unwrap_or(Place { epoch: 0, number: 0, position: 0 });
    let found = caller.scope.log_objects(run, kind).await?.into_iter();
    let left = found.filter(|object| (object.epoch, object.number) >= (from.epoch, from.number));
    let here = |object: &LogObject| (object.epoch, object.number) == (from.epoch, from.number);
    Ok(left
        .map(|object| {
            let at = if here(&object) { from.position } else { 0 };
            (object, at)
        })
        .collect())
}

impl<T: ToSchema> Page<T> {
    pub(super) fn new(limit: Option<Limit>) -> Self {
        let limit = limit.unwrap_or_default().get();
        Self { items: Vec::new(), limit, looked_at: 0, next: None, damaged: Vec::new(), expired: false }
    }

    /// How many more items it takes; none if it is full. What is not read of `object` from `from` on comes next then.
    pub(super) fn room(&mut self, object: &LogObject, from: u64) -> Option<usize> {
        let room = self.limit - self.items.len().min(self.limit);
        if self.next.is_none() && (room == 0 || self.looked_at >= LOOKED_AT) {
            self.next = Some(Place { position: from, ..Place::of(object) });
        }
        if self.next.is_some() { None } else { Some(room) }
    }

    /// The page ends before this position of the object.
    pub(super) fn ends_at(&mut self, object: &LogObject, position: u64) {
        self.next.get_or_insert(Place { position, ..Place::of(object) });
    }

    pub(super) fn looked_at(&mut self, entries: u64) {
        self.looked_at += entries;
    }

    /// The object is left out, and the page says so.
    pub(super) fn left_out(&mut self, unread: Unread) -> Result<(), Problem> {
        match unread {
            Unread::Expired => self.expired = true,
            Unread::Damaged(object) => self.damaged.push(object),
            Unread::Failed(problem) => return Err(problem),
        }
        Ok(())
    }

    /// `list`: the name that its cursors carry. `last`: the newest object of the list.
    pub(super) fn finish(self, list: &str, log: &Log, run: &Run, last: Option<Place>) -> LogPage<T> {
        let later = Place { number: last.map_or(0, |last| last.number + 1), ..last.unwrap_or(Place::START) };
        let goes_on = self.next.is_none() && !run.state.ended();
        LogPage {
            items: self.items,
            next_cursor: self.next.map(|place| place.cursor(list)),
            later_cursor: goes_on.then(|| later.cursor(list)),
            expired: self.expired || log.expired(run),
            damaged: self.damaged,
        }
    }

    /// Of a list that is of no single run.
    pub(super) fn finish_across(self, list: &str) -> LogPage<T> {
        let next_cursor = self.next.map(|place| place.cursor(list));
        LogPage { items: self.items, next_cursor, later_cursor: None, expired: self.expired, damaged: self.damaged }
    }
}

impl Place {
    const START: Self = Self { epoch: 0, number: 0, position: 0 };

    pub(super) const fn of(object: &LogObject) -> Self {
        Self { epoch: object.epoch, number: object.number, position: 0 }
    }

    pub(super) fn from_cursor(list: &str, cursor: Option<&Cursor>) -> Result<Option<Self>, Problem> {
        cursor.map(|cursor| cursor.place(list, Self::parse)).transpose()
    }

    fn cursor(self, list: &str) -> String {
        Cursor::at(list, &format!("{}.{}.{}", self.epoch, self.number, self.position)).into_text()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let place = Self {
            epoch: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            position: parts.next()?.parse().ok()?,
        };
        // The store takes no greater ones.
        let possible = i64::try_from(place.epoch).is_ok() && i32::try_from(place.number).is_ok_and(|n| n < i32::MAX);
        (parts.next().is_none() && possible).then_some(place)
    }
}

/// In the words of the reader.
pub(super) fn reference(object: &LogObject) -> ObjectRef {
    let store::LogObjectRef { name, bytes, footer_bytes, footer_digest } = &object.object;
    ObjectRef { name: name.clone(), bytes: *bytes, footer_bytes: *footer_bytes, footer_digest: Digest(*footer_digest) }
}

/// None of an object that a newer version of the service made: it has to be asked then.
pub(super) fn summary<S: DeserializeOwned>(object: &LogObject) -> Option<S> {
    S::deserialize(&object.summary).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_place_of_its_list_and_nothing_else_is() {
        let place = Place { epoch: 7, number: 3, position: 9 };
        let cursor: Cursor = serde_json::from_value(serde_json::json!(place.cursor("calls"))).unwrap();
        assert_eq!(Place::from_cursor("calls", Some(&cursor)).unwrap(), Some(place));
        assert!(Place::from_cursor("outcomes", Some(&cursor)).is_err());
        for odd in ["", "1.2", "1.2.3.4", "1.2.x", "-1.2.3", "9223372036854775808.1.1", "1.2147483647.1"] {
            assert_eq!(Place::parse(odd), None, "{odd}");
        }
    }
}
