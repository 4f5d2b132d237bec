use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize};
use store::Page;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::problem::Problem;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed<T: ToSchema> {
    pub(crate) items: Vec<T>,
    /// For the parameter `cursor` of the next request; null at the end of the list.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

/// How many items a page has at most: 1 to 200, 50 unless given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(u32);

/// The `next_cursor` of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor(String);

/// What to ask the store for: one more than the page has, to see whether the list goes on. `list`: the list's own name,
/// so that a cursor of one is refused by another.
pub(crate) fn page(list: &'static str, limit: Option<Limit>, cursor: Option<&Cursor>) -> Result<Page, Problem> {
    let Limit(limit) = limit.unwrap_or_default();
    let after = cursor.map(|cursor| cursor.id(list)).transpose()?;
    Ok(Page { after, limit: limit + 1 })
}

impl<T: ToSchema> Listed<T> {
    /// `found`: what the store gave for `page`. `id`: by which the list is ordered.
    pub(crate) fn new<F>(
        list: &'static str,
        page: Page,
        mut found: Vec<F>,
        id: impl Fn(&F) -> Uuid,
        show: impl FnMut(F) -> T,
    ) -> Self {
        let shown = usize::try_from(page.limit).unwrap_or(usize::MAX) - 1;
        let more = found.len() > shown;
        found.truncate(shown);
        let next_cursor = found.last().filter(|_| more).map(|last| Cursor::new(list, id(last)).0);
        Self { items: found.into_iter().map(show).collect(), next_cursor }
    }

    /// A list that is always whole.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

impl Cursor {
    fn new(list: &str, last: Uuid) -> Self {
        Self::at(list, &last.simple().to_string())
    }

    /// A place that is no id, for lists that the store does not page.
    pub(crate) fn at(list: &str, place: &str) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(format!("{list}:{place}")))
    }

    /// The place of a cursor that `at` made.
    pub(crate) fn place<T>(&self, list: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Problem> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&self.0).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let place = bytes.as_deref().and_then(|text| text.strip_prefix(list)?.strip_prefix(':'));
        place.and_then(parse).ok_or_else(|| {
            Problem::invalid_parameter("cursor", "This is not the `next_cursor` of a page of this list.")
        })
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn id(&self, list: &str) -> Result<Uuid, Problem> {
        self.place(list, |id| Uuid::try_parse(id).ok())
    }
}

impl Limit {
    pub(crate) const MOST: Self = Self(200);

    pub(crate) const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            limit @ 1..=200 => Ok(Self(limit)),
            _ => Err(serde::de::Error::custom("a number from 1 to 200 is expected")),
        }
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(200));
        number.default(Some(50.into())).into()
    }
}

impl ToSchema for Limit {
    fn name() -> Cow<'static, str> {
        "Limit".into()
    }
}

impl PartialSchema for Cursor {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(200)).into()
    }
}

impl ToSchema for Cursor {
    fn name() -> Cow<'static, str> {
        "Cursor".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let last = Uuid::now_v7();
        let cursor = Cursor::new("runs", last);
        assert_eq!(cursor.id("runs").unwrap(), last);
        assert!(cursor.id("run").is_err() && cursor.id("syncs").is_err());
        assert!(Cursor("%%%".to_owned()).id("runs").is_err() && Cursor(String::new()).id("runs").is_err());
    }

    #[test]
    fn a_page_goes_on_exactly_if_there_is_one_more() {
        let ids: Vec<_> = (0..3).map(|_| Uuid::now_v7()).collect();
        let listed = |limit: u32| {
            let page = page("things", Some(Limit(limit)), None).unwrap();
            let found = ids.iter().copied().take(page.limit as usize).collect();
            Listed::<String>::new("things", page, found, |id| *id, |id| id.to_string())
        };
        assert_eq!(listed(3).items.len(), 3);
        assert!(listed(3).next_cursor.is_none());
        assert_eq!(listed(2).next_cursor, Some(Cursor::new("things", ids[1]).0));
    }
}
