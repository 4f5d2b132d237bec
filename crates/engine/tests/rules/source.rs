//! The source as a plan reads it, and which of its columns count. A row fans out into children; a child has two
//! columns. A form watches some of them. The hashes of different forms collide on purpose, so that comparing an entry
//! with a hash of another form is noticed.

use std::fmt;

use engine::form::FormId;
use engine::hash::Hash128;

/// The columns of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value {
    pub main: u8,
    pub extra: u8,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", (b'A' + self.main) as char, (b'x' + self.extra) as char)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Absent,
    /// Two rows have this key.
    Held,
    Present,
}

pub(crate) const MOST_CHILDREN: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub presence: Presence,
    pub children: [Option<Value>; MOST_CHILDREN],
}

/// What the model says, by primary key.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub rows: Vec<Row>,
    pub children: usize,
}

impl Source {
    pub(crate) fn held(&self, unit: usize) -> bool {
        self.rows[unit / self.children].presence == Presence::Held
    }

    /// The value of a unit that is present and valid.
    pub(crate) fn value(&self, unit: usize) -> Option<Value> {
        let row = &self.rows[unit / self.children];
        if row.presence == Presence::Present { row.children[unit % self.children] } else { None }
    }

    /// How many keys are present, and how many of these are held.
    pub(crate) fn keys(&self) -> (u64, u64) {
        let count = |wanted| self.rows.iter().filter(|row| row.presence == wanted).count() as u64;
        (count(Presence::Present), count(Presence::Held))
    }
}

/// The columns that a form watches: main, extra.
pub(crate) const fn watched(form: FormId) -> (bool, bool) {
    match form % 4 {
        1 | 2 => (true, false),
        3 => (true, true),
        _ => (false, true),
    }
}

/// Whether two values are the same as far as a form looks. The checker's own notion; it knows no hashes.
pub(crate) fn same(form: FormId, left: Value, right: Value) -> bool {
    let (main, extra) = watched(form);
    (!main || left.main == right.main) && (!extra || left.extra == right.extra)
}

/// The product's hash of the watched columns.
pub(crate) fn row_hash(form: FormId, value: Value) -> Hash128 {
    let byte = match form % 4 {
        1 => value.main,
        2 => (value.main + 1) % 3,
        3 => value.main * 2 + value.extra,
        _ => 1 - value.extra,
    };
    Hash128([byte; 16])
}

/// The product's hash of all columns.
pub(crate) fn content_hash(value: Value) -> Hash128 {
    let mut bytes = [0xC0; 16];
    bytes[0] = value.main;
    bytes[1] = value.extra;
    Hash128(bytes)
}
