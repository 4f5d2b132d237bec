//! The compiled form of a template: constant text, plain holes, and everything that must be computed.

mod builder;
mod walk;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use domain::Column;

use crate::filter::Filter;
use crate::limits::Limits;
use crate::names::Style;
use crate::syntax::ast::Comparison;
use crate::value::Decimal;

pub(crate) use builder::Builder;
use walk::{embedded, references};

/// A template, ready to render. Made by `Template::json`, `text`, `key`, `column` or `compose`.
#[derive(Debug, Clone)]
pub struct Template {
    pub(crate) mode: Mode,
    /// As it was written, to say where something went wrong.
    pub(crate) source: Arc<str>,
    /// All constant text; ops name ranges of it.
    pub(crate) text: String,
    pub(crate) ops: Ops,
    pub(crate) frame: Frame,
    pub(crate) limits: Limits,
    /// The literal names of the members of each object that also has names with holes.
    pub(crate) objects: Vec<Vec<String>>,
    /// The paths of the fields that it is composed of.
    pub(crate) fields: Vec<String>,
    /// The columns of the model, in its order.
    pub(crate) columns: Vec<Listed>,
    pub(crate) uses: Uses,
    /// Of a key, which is the same at any time: to it, it is always 1970.
    pub(crate) timeless: bool,
}

/// What a template uses. Columns are indexes, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// Columns of the row; `row` alone counts as all.
    pub row: Vec<usize>,
    /// Columns of the values acknowledged last; `previous` alone counts as all.
    pub previous: Vec<usize>,
    pub changed_columns: bool,
    /// `event.id` or `event.sequence`.
    pub event: bool,
    /// `run.id` or `run.started_at`.
    pub run: bool,
}

impl Template {
    pub const fn uses(&self) -> &Uses {
        &self.uses
    }

    /// The same template for rows of these columns, in their order. A column that is used but not among them renders as
    /// one whose value was not kept.
    pub fn aligned(mut self, columns: &[Column]) -> Self {
        let places: HashMap<&str, usize> =
            columns.iter().enumerate().map(|(place, column)| (column.name.as_str(), place)).collect();
        let moved: HashMap<usize, usize> =
            self.columns.iter().filter_map(|listed| Some((listed.index, *places.get(listed.name.as_str())?))).collect();
        let place = |index: usize| moved.get(&index).copied().unwrap_or(usize::MAX);
        references(&mut self.ops, &mut |reference| {
            if let Reference::RowColumn(index) | Reference::PreviousColumn(index) = reference {
                *index = place(*index);
            }
        });
        let mut lists = vec![&mut self.columns];
        embedded(&mut self.ops, &mut lists);
        lists.into_iter().flatten().for_each(|listed| listed.index = place(listed.index));
        for used in [&mut self.uses.row, &mut self.uses.previous] {
            used.iter_mut().for_each(|index| *index = place(*index));
            used.sort_unstable();
        }
        self
    }
}

/// What a template is a template of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// JSON: values are typed, strings escaped, names strict.
    Json,
    /// Text, with strict names.
    Text,
    /// Text as other engines make it: any context, and unknown names are nil.
    Plain,
}

/// A place in the source, in bytes.
pub(crate) type At = usize;

pub(crate) type Ops = Vec<Op>;

/// How much of everything a rendering must remember.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// The names that `assign` and `capture` set, by slot.
    pub(crate) variables: Vec<String>,
    /// The names of `increment` and `decrement`.
    pub(crate) counters: Vec<String>,
    /// The names of the context, in plain mode.
    pub(crate) globals: Vec<String>,
    /// Loops that `offset: continue` tells apart.
    pub(crate) loops: usize,
    /// Cycles without a name.
    pub(crate) cycles: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Text(Range<usize>),
    /// A plain reference: written without making a value of it.
    Hole(Hole),
    Output {
        value: Filtered,
        place: Place,
        at: At,
    },
    Assign {
        slot: usize,
        value: Filtered,
        at: At,
    },
    /// The body is text, wherever the tag stands.
    Capture {
        slot: usize,
        body: Ops,
    },
    If {
        branches: Vec<(Expr, Ops)>,
        otherwise: Ops,
        at: At,
    },
    Case(Box<Case>),
    For(Box<For>),
    TableRow(Box<TableRow>),
    Cycle(Box<Cycle>),
    /// Writes and counts up; or counts down and writes.
    Count {
        counter: usize,
        down: bool,
        otherwise: Option<Expr>,
        place: Place,
    },
    IfChanged {
        body: Ops,
        place: Place,
    },
    Break,
    Continue,
    /// Around the content of an object key that has holes; the number is that of the object.
    KeyStart,
    KeyEnd(usize),
    /// Members or elements whose number is not known; the `Item`s in it get commas between them.
    List(Ops),
    Item(Ops),
    /// An object whose names are compared while rendering, apart from those of the objects around it.
    Object(Ops),
    /// The name of a member that is not always there.
    Literal(usize, Box<str>),
    /// Constant text and a value after it, both left out if the value is null.
    Optional {
        before: Range<usize>,
        value: Ops,
        field: Field,
    },
    /// A field of the mapper, with variables of its own.
    Embedded(Box<Template>, Field),
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) subject: Expr,
    /// None for `else`.
    pub(crate) arms: Vec<(Option<Vec<Expr>>, Ops)>,
    /// Only the first that fits is rendered, once.
    pub(crate) exclusive: bool,
    pub(crate) at: At,
}

#[derive(Debug, Clone)]
pub(crate) struct For {
    pub(crate) variable: String,
    pub(crate) values: Expr,
    /// `variable-values`.
    pub(crate) name: String,
    /// Where its progress is kept, for `offset: continue`.
    pub(crate) progress: usize,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Offset>,
    pub(crate) reversed: bool,
    pub(crate) body: Ops,
    pub(crate) otherwise: Ops,
    pub(crate) at: At,
}

#[derive(Debug, Clone)]
pub(crate) enum Offset {
    At(Expr),
    Continue,
}

#[derive(Debug, Clone)]
pub(crate) struct TableRow {
    pub(crate) variable: String,
    pub(crate) values: Expr,
    pub(crate) columns: Option<Expr>,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Expr>,
    pub(crate) body: Ops,
    pub(crate) at: At,
    /// Of the output around it: its HTML is escaped in a JSON string.
    pub(crate) place: Place,
}

#[derive(Debug, Clone)]
pub(crate) struct Cycle {
    pub(crate) group: Group,
    pub(crate) values: Vec<Expr>,
    pub(crate) place: Place,
    pub(crate) at: At,
}

#[derive(Debug, Clone)]
pub(crate) enum Group {
    Unnamed(usize),
    Named(Expr),
}

/// An expression and what is done to its value, in order.
#[derive(Debug, Clone)]
pub(crate) struct Filtered {
    pub(crate) head: Expr,
    pub(crate) filters: Vec<Call>,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) filter: &'static Filter,
    pub(crate) positional: Vec<Expr>,
    pub(crate) named: Vec<(&'static str, Expr)>,
    pub(crate) at: At,
}

#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Decimal(Decimal),
    Text(Box<str>),
    Empty,
    Blank,
    Reference(Reference),
    /// A name of the context, in plain mode.
    Global(usize),
    /// What was assigned; before that, the other.
    Variable(usize, Box<Self>),
    Counter(usize, Box<Self>),
    /// The variable of a loop, by how many loops are around it.
    Element(usize),
    /// `forloop` or `tablerowloop`, by how many loops are around it.
    Loop(usize),
    Path(Box<Self>, Vec<Step>),
    /// `[name]`: the value of a name that is computed, in plain mode.
    Named(Box<Self>),
    Range(Box<(Self, Self)>, At),
    Compare(Box<(Self, Comparison, Self)>, At),
    /// Terms with `and` (true) or `or` before each but the first; they bind to the right.
    Logic(Box<Self>, Vec<(bool, Self)>),
    Not(Box<Self>),
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// `.name`
    Name(Box<str>),
    /// `[key]`
    Index(Expr),
}

/// What a hole is filled with. Columns are indexes into the columns of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    Row,
    RowColumn(usize),
    Previous,
    PreviousColumn(usize),
    ChangedColumns,
    Op,
    EventId,
    EventSequence,
    RunId,
    RunStartedAt,
    SyncId,
    SyncName,
    /// The element of a row that fans out.
    Element(Style),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) reference: Reference,
    pub(crate) place: Place,
    pub(crate) style: Style,
    pub(crate) field: Field,
}

/// The field of the mapper that something belongs to, if any, as an index into `fields`.
pub(crate) type Field = Option<usize>;

/// Where a hole stands, which decides how its value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where JSON expects a value.
    Value,
    /// In a JSON string.
    String,
    /// In plain text.
    Text,
}

/// A column of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its place in a row.
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) style: Style,
}
