//! Takes the settings out of what is written, one by one, and remembers each: what was taken is what there is.

use std::ops::RangeInclusive;
use std::path::Path;

use super::file::{self, Given, Origin, Written};
use super::hidden::{self, Hidden};
use super::problem::{Problem, Problems};
use super::value::Value;

pub(super) struct Reader {
    given: Given,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

/// A setting, as `rowcast config check` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: &'static str,
    /// Redacted where it is a secret.
    pub(crate) value: String,
    pub(crate) origin: Origin,
    pub(crate) default: String,
}

const UNSET: &str = "(unset)";

impl Reader {
    pub(super) const fn new(given: Given) -> Self {
        Self { given, entries: Vec::new(), problems: Vec::new() }
    }

    /// The value, or the default where there is none or a wrong one (which is a problem).
    pub(super) fn get<T: Value>(&mut self, key: &'static str, default: T) -> T {
        let shown_default = default.show();
        let (found, origin) = self.parsed(key);
        let value = found.unwrap_or(default);
        self.enter(key, value.show(), origin, shown_default);
        value
    }

    pub(super) fn within<T: Value + PartialOrd>(
        &mut self,
        key: &'static str,
        default: T,
        range: RangeInclusive<T>,
    ) -> T {
        let value = self.get(key, default);
        if !range.contains(&value) {
            let (least, most) = (range.start().show(), range.end().show());
            self.problem(key, format!("expected {least} to {most}, found {}", value.show()));
        }
        value
    }

    pub(super) fn optional<T: Value>(&mut self, key: &'static str) -> Option<T> {
        let (found, origin) = self.parsed::<T>(key);
        self.enter(key, found.as_ref().map_or_else(|| UNSET.to_owned(), T::show), origin, UNSET.to_owned());
        found
    }

    /// A list in the file, separated by commas in the environment.
    pub(super) fn list<T: Value>(&mut self, key: &'static str) -> Vec<T> {
        let written = self.given.get(key).cloned();
        let origin = written.as_ref().map_or(Origin::Default, |written| written.origin.clone());
        let texts = match written.map(|written| written.value) {
            None | Some(file::Value::Nothing) => Vec::new(),
            Some(file::Value::List(texts)) => texts,
            Some(file::Value::Text(text)) => {
                text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
            }
            Some(file::Value::Nested) => {
                self.problem(key, format!("expected a list, each item {}", T::EXPECTED));
                Vec::new()
            }
        };
        let mut values = Vec::new();
        for text in texts {
            match T::parse(&text) {
                Some(value) => values.push(value),
                None => self.problem(key, format!("expected {}, found `{text}`", T::EXPECTED)),
            }
        }
        let shown = format!("[{}]", values.iter().map(T::show).collect::<Vec<_>>().join(", "));
        self.enter(key, shown, origin, "[]".to_owned());
        values
    }

    /// A secret: from its environment variable, or from the file that `file_key` names. Never from the settings themselves.
    pub(super) fn secret(&mut self, key: &'static str, file_key: &'static str) -> Option<Hidden> {
        let written = self.text(key);
        if let Some((_, Origin::File { .. })) = &written {
            let what = format!(
                "secrets do not belong into this file: set {} in the environment, or name a file that holds it in {file_key}",
                file::variable_of(key)
            );
            self.problem(key, what);
        }
        self.hidden(key, file_key, written, |_| "(hidden)".to_owned())
    }

    /// The address of a database: in the settings only without a password.
    pub(super) fn database_url(&mut self, key: &'static str, file_key: &'static str) -> Option<Hidden> {
        let written = self.text(key);
        if let Some((text, Origin::File { .. })) = &written
            && hidden::has_password(text)
        {
            let what = format!(
                "passwords do not belong into this file: set {} in the environment, or name a file that holds the \
                 address in {file_key}",
                file::variable_of(key)
            );
            self.problem(key, what);
        }
        let url = self.hidden(key, file_key, written, hidden::redacted_url)?;
        if !url.expose().starts_with("postgres://") && !url.expose().starts_with("postgresql://") {
            self.problem(key, "expected the address of a PostgreSQL, postgres://user@host/database".to_owned());
        }
        Some(url)
    }

    pub(super) fn problem(&mut self, key: &str, what: String) {
        let origin = self.given.get(key).map_or(Origin::Default, |written| written.origin.clone());
        self.problems.push(Problem { key: key.to_owned(), origin, what });
    }

    /// All settings that there are, unless something is wrong with them; keys that nobody took are.
    pub(super) fn finish(mut self) -> Result<Vec<Entry>, Problems> {
        for (key, Written { origin, value }) in &self.given {
            let known = self.entries.iter().any(|entry| entry.key == key);
            let section = format!("{key}.");
            // A section that is named and left empty.
            let empty =
                *value == file::Value::Nothing && self.entries.iter().any(|entry| entry.key.starts_with(&section));
            if !known && !empty {
                self.problems.push(Problem { key: key.clone(), origin: origin.clone(), what: self.unknown(key) });
            }
        }
        self.problems.sort_by_key(|problem| problem.origin.place());
        if self.problems.is_empty() { Ok(self.entries) } else { Err(Problems(self.problems)) }
    }

    fn unknown(&self, key: &str) -> String {
        let distance = |entry: &&Entry| strsim::damerau_levenshtein(entry.key, key);
        let nearest = self.entries.iter().min_by_key(distance).filter(|entry| distance(entry) <= 4);
        match nearest {
            Some(entry) => format!("there is no such setting; did you mean {}?", entry.key),
            None => "there is no such setting; rowcast.example.yaml lists all that there are".to_owned(),
        }
    }

    fn hidden(
        &mut self,
        key: &'static str,
        file_key: &'static str,
        written: Option<(String, Origin)>,
        show: fn(&str) -> String,
    ) -> Option<Hidden> {
        let path: Option<std::path::PathBuf> = self.optional(file_key);
        if let (Some(_), Some(_)) = (&written, &path) {
            self.problem(file_key, format!("{key} is set too; set one of them"));
        }
        let (text, origin) = match (written, path) {
            (Some((text, origin)), _) => (Some(text), origin),
            (None, Some(path)) => {
                let origin = self.given.get(file_key).map_or(Origin::Default, |written| written.origin.clone());
                (self.read(file_key, &path), origin)
            }
            (None, None) => (None, Origin::Default),
        };
        let shown = text.as_deref().map_or_else(|| UNSET.to_owned(), show);
        self.enter(key, shown, origin, UNSET.to_owned());
        text.map(Hidden::new)
    }

    fn read(&mut self, key: &'static str, path: &Path) -> Option<String> {
        match std::fs::read_to_string(path) {
            Ok(text) if text.trim().is_empty() => {
                self.problem(key, format!("the file {} is empty", path.display()));
                None
            }
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                self.problem(key, format!("the file {} cannot be read: {error}", path.display()));
                None
            }
        }
    }

    fn parsed<T: Value>(&mut self, key: &'static str) -> (Option<T>, Origin) {
        let Some((text, origin)) = self.text(key) else { return (None, Origin::Default) };
        let parsed = T::parse(text.trim());
        if parsed.is_none() {
            self.problem(key, format!("expected {}, found `{text}`", T::EXPECTED));
        }
        (parsed, origin)
    }

    fn text(&mut self, key: &'static str) -> Option<(String, Origin)> {
        let Written { value, origin } = self.given.get(key)?.clone();
        match value {
            file::Value::Nothing => None,
            file::Value::Text(text) => Some((text, origin)),
            file::Value::List(_) | file::Value::Nested => {
                self.problem(key, "expected one value, found a list".to_owned());
                None
            }
        }
    }

    fn enter(&mut self, key: &'static str, value: String, origin: Origin, default: String) {
        self.entries.push(Entry { key, value, origin, default });
    }
}
