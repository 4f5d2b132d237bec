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
    /// The array column whose elements are the units of a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan_out: Option<Column>,
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
        if !same_columns(older.fan_out.as_slice(), self.fan_out.as_slice()) {
            return Carry::Impossible(format!(
                "{}, and now {}",
                told(&older.fan_out, "was"),
                told(&self.fan_out, "is")
            ));
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
            && same_columns(self.fan_out.as_slice(), other.fan_out.as_slice())
    }
}

fn same_columns(left: &[Column], right: &[Column]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(l, r)| l.name == r.name && l.kind == r.kind)
}

/// What one message was made for.
fn told(fan_out: &Option<Column>, verb: &str) -> String {
    match fan_out {
        None => format!("each row {verb} one message"),
        Some(Column { name, source_type, .. }) => {
            format!("each element of the column {name} of type {source_type} {verb} one message")
        }
    }
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
            fan_out: None,
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

    #[test]
    fn units_of_another_fan_out_are_other_units() {
        let kind = |element| ColumnType::Array(Box::new(element));
        let fanned = |name: &str, kind: ColumnType| Form { fan_out: Some(column(name, kind)), ..form(&[]) };
        let tags = fanned("tags", kind(ColumnType::Text));
        let others = [form(&[]), fanned("labels", kind(ColumnType::Text)), fanned("tags", kind(ColumnType::Int))];
        for other in &others {
            for (new, old) in [(&tags, other), (other, &tags)] {
                assert!(matches!(new.carry(old, &[]), Carry::Impossible(_)) && !new.same(old));
            }
        }
        assert!(tags.same(&tags.clone()));
        let Carry::Impossible(reason) = others[0].carry(&tags, &[]) else { panic!() };
        assert_eq!(
            reason,
            "each element of the column tags of type t was one message, and now each row is one message"
        );
    }
}
