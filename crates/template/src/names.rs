//! The columns a template may name.

use std::collections::BTreeMap;

use domain::{Column, ColumnType, NumberForm};

use crate::problem::quoted;

/// What is known of the model when a template is compiled.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    pub columns: &'a [Column],
    /// The columns whose numbers are not written in the default way.
    pub numbers: &'a BTreeMap<String, NumberForm>,
}

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) number: Option<NumberForm>,
    /// Floats are of single precision: the shortest digits for that.
    pub(crate) single: bool,
}

impl Names<'_> {
    /// The index of a column; if there is none, what is wrong and what to write instead. `root` is what stands before
    /// the name where it is written: `row`, `previous`, or nothing.
    pub(crate) fn find(&self, root: &str, name: &str) -> Result<usize, (String, String)> {
        let mut found = self.columns.iter().enumerate().filter(|(_, column)| column.name == name);
        match (found.next(), found.next()) {
            (Some((index, _)), None) => Ok(index),
            (Some(_), Some(_)) => Err((
                format!("the model has more than one column {}", quoted(name)),
                "Give each column of the query a name of its own with `AS`.".to_owned(),
            )),
            (None, _) => Err((format!("the model has no column {}", quoted(name)), self.suggestion(root, name))),
        }
    }

    pub(crate) fn style(&self, index: usize) -> Style {
        let Some(column) = self.columns.get(index) else { return Style::default() };
        let number = self.numbers.get(&column.name).copied();
        let mut kind = &column.kind;
        while let ColumnType::Array(element) = kind {
            kind = element;
        }
        Style { number, single: *kind == ColumnType::Float4 }
    }

    fn suggestion(&self, root: &str, name: &str) -> String {
        match nearest(name, self.columns.iter().map(|column| column.name.as_str())) {
            Some(near) => format!("Did you mean `{}`?", path_of(root, near)),
            None if self.columns.is_empty() => "The model has no columns.".to_owned(),
            None => {
                let names: Vec<_> = self.columns.iter().take(8).map(|column| quoted(&column.name)).collect();
                let more = if self.columns.len() > names.len() { " and others" } else { "" };
                format!("Its columns are {}{more}.", names.join(", "))
            }
        }
    }
}

/// How a template names a column.
fn path_of(root: &str, name: &str) -> String {
    if root.is_empty() {
        name.to_owned()
    } else if name.chars().all(is_name) {
        format!("{root}.{name}")
    } else {
        let quote = if name.contains('"') { '\'' } else { '"' };
        format!("{root}[{quote}{name}{quote}]")
    }
}

/// The characters of a name that needs no quotes.
pub(crate) fn is_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

/// The candidate that is most like `name`, if one is like it at all.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    let wanted: Vec<char> = name.chars().flat_map(char::to_lowercase).take(LONGEST + 1).collect();
    if wanted.len() > LONGEST {
        return None;
    }
    candidates
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| {
            let letters: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
            (distance(&wanted, &letters), candidate)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= (wanted.len().max(candidate.len()) / 3).max(1))
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, in which two letters that changed places count as one change.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let mut cost = (last[j + 1] + 1).min(row[j] + 1).min(last[j] + usize::from(l != r));
            if i > 0 && j > 0 && *l == right[j - 1] && left[i - 1] == *r {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_a_typing_error_explains() {
        let names = ["id", "email", "First Name", "created_at"];
        let near = |name| nearest(name, names.into_iter());
        assert_eq!(near("emial"), Some("email"));
        assert_eq!(near("Email"), Some("email"));
        assert_eq!(near("first_name"), Some("First Name"));
        assert_eq!(near("createdat"), Some("created_at"));
        assert_eq!(near("balance"), None);
        assert_eq!(near(&"x".repeat(100_000)), None);
        assert_eq!(nearest("a", std::iter::empty()), None);
    }
}
