//! The form of a hash: everything that decides which bytes go into it. Entries of another form are never compared by
//! hash; after a change of form a run hashes each row in the old form too.

use domain::Column;
use serde::{Deserialize, Serialize};

/// The number of a form within its sync. Segments and entries name it.
pub type FormId = u32;

/// The version of the canonical form, see `canonical.rs`. A change of it is a change of form.
pub const CANONICAL_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    pub canonical_version: u32,
    /// Which hash key of the workspace.
    pub hash_key_id: u32,
    pub key: Vec<Column>,
    pub watched: Vec<Column>,
}

/// What has to happen with entries of an older form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carry {
    /// Rows are hashed both ways in one pass: the older form's columns, by their names.
    HashBothWays,
    /// The older form cannot be computed any more; the entries' removals and doubts would be dropped.
    Impossible(String),
}

impl Form {
    /// Whether rows that have these columns can still be hashed in the older form.
    pub fn carry(&self, older: &Form, columns: &[Column]) -> Carry {
        if older.canonical_version != self.canonical_version || older.hash_key_id != self.hash_key_id {
            return Carry::Impossible("it was hashed with another canonical version or hash key".to_owned());
        }
        if !same_columns(&older.key, &self.key) {
            return Carry::Impossible(format!("the primary key was {} and is {}", names(&older.key), names(&self.key)));
        }
        match older.watched.iter().find(|old| !columns.iter().any(|new| new.name == old.name && new.kind == old.kind)) {
            Some(gone) => Carry::Impossible(format!(
                "the column {} of type {} is gone or changed its type",
                gone.name, gone.source_type
            )),
            None => Carry::HashBothWays,
        }
    }

    /// Whether both make the same hashes. The name of the source's type does not matter, its canonical bytes do.
    pub fn same(&self, other: &Form) -> bool {
        self.canonical_version == other.canonical_version
            && self.hash_key_id == other.hash_key_id
            && same_columns(&self.key, &other.key)
            && same_columns(&self.watched, &other.watched)
    }
}

fn same_columns(left: &[Column], right: &[Column]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(l, r)| l.name == r.name && l.kind == r.kind)
}

fn names(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    format!("({})", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ColumnType;

    fn column(name: &str, kind: ColumnType) -> Column {
        Column { name: name.to_owned(), kind, source_type: "t".to_owned() }
    }

    fn form(watched: &[(&str, ColumnType)]) -> Form {
        Form {
            canonical_version: 1,
            hash_key_id: 1,
            key: vec![column("id", ColumnType::Int)],
            watched: watched.iter().map(|(name, kind)| column(name, kind.clone())).collect(),
        }
    }

    #[test]
    fn an_older_form_is_carried_while_its_columns_keep_their_types() {
        let old = form(&[("id", ColumnType::Int), ("a", ColumnType::Text)]);
        let new = form(&[("id", ColumnType::Int), ("b", ColumnType::Text)]);
        let all = [column("id", ColumnType::Int), column("a", ColumnType::Text), column("b", ColumnType::Text)];
        assert_eq!(new.carry(&old, &all), Carry::HashBothWays);
        assert!(matches!(new.carry(&old, &all[2..]), Carry::Impossible(_)));
        let retyped = [column("id", ColumnType::Int), column("a", ColumnType::Bytea)];
        assert!(matches!(new.carry(&old, &retyped), Carry::Impossible(_)));
        assert!(old.same(&old.clone()) && !old.same(&new));
    }
}
