//! A template as it was written: text, outputs and tags, each with where it stands.

use std::ops::Range;

/// Bytes of the source.
pub(crate) type Span = Range<usize>;

pub(crate) type Block = Vec<Node>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// Constant text: what is left of this part of the source when whitespace control has taken its share.
    Text(Span),
    /// `{{ ... }}` and `{% echo ... %}`.
    Output {
        value: Filtered,
        span: Span,
    },
    Assign {
        name: Name,
        value: Filtered,
    },
    Capture {
        name: Name,
        body: Block,
    },
    /// `if`, `elsif`, `else`; an `unless` has its first condition negated.
    If {
        branches: Vec<Branch>,
        otherwise: Option<Block>,
        span: Span,
    },
    /// Arms in the order in which they were written; each `when` that fits is rendered, an `else` if none before it did.
    Case {
        subject: Expr,
        arms: Vec<Arm>,
        span: Span,
    },
    For(Box<For>),
    TableRow(Box<TableRow>),
    Cycle {
        group: Option<Expr>,
        values: Vec<Expr>,
        span: Span,
    },
    Increment {
        name: Name,
    },
    Decrement {
        name: Name,
    },
    IfChanged {
        body: Block,
        span: Span,
    },
    Break {
        span: Span,
    },
    Continue {
        span: Span,
    },
}

impl Node {
    /// Where it begins.
    pub(crate) fn start(&self) -> usize {
        match self {
            Self::Text(span)
            | Self::Output { span, .. }
            | Self::If { span, .. }
            | Self::Case { span, .. }
            | Self::Cycle { span, .. }
            | Self::IfChanged { span, .. }
            | Self::Break { span }
            | Self::Continue { span } => span.start,
            Self::Assign { name, .. }
            | Self::Capture { name, .. }
            | Self::Increment { name }
            | Self::Decrement { name } => name.span.start,
            Self::For(node) => node.span.start,
            Self::TableRow(node) => node.span.start,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Branch {
    pub(crate) condition: Expr,
    pub(crate) body: Block,
    /// Of its tag.
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arm {
    /// None for `else`.
    pub(crate) values: Option<Vec<Expr>>,
    pub(crate) body: Block,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct For {
    pub(crate) variable: Name,
    pub(crate) values: Expr,
    /// As written after the variable, for `forloop.name` and `offset: continue`.
    pub(crate) name: String,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Offset>,
    pub(crate) reversed: bool,
    pub(crate) body: Block,
    pub(crate) otherwise: Option<Block>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Offset {
    At(Expr),
    /// Where the last loop over the same values ended.
    Continue,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableRow {
    pub(crate) variable: Name,
    pub(crate) values: Expr,
    pub(crate) columns: Option<Expr>,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Expr>,
    pub(crate) body: Block,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// An expression and what is done to its value, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filtered {
    pub(crate) head: Expr,
    pub(crate) filters: Vec<FilterCall>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FilterCall {
    pub(crate) name: Name,
    pub(crate) positional: Vec<Expr>,
    pub(crate) named: Vec<(Name, Expr)>,
    /// From its name to its last argument.
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Literal(Literal, Span),
    Path(Path),
    /// `(from..to)`, both included.
    Range {
        from: Box<Expr>,
        to: Box<Expr>,
        span: Span,
    },
    Compare {
        left: Box<Expr>,
        by: Comparison,
        right: Box<Expr>,
        span: Span,
    },
    /// `and` and `or` bind equally and to the right.
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    /// Only made from `unless`.
    Not(Box<Expr>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Nil,
    Bool(bool),
    Int(i64),
    /// Digits of an integer beyond 64 bits, or of a number with a fraction, as they were written.
    Number(String),
    Text(String),
    Empty,
    Blank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

/// `row.a[0]["b"]`. A root in brackets, as in `[name]`, is a step of a path without a root.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    pub(crate) root: Option<Name>,
    pub(crate) steps: Vec<Step>,
    /// Ends with a `?`: it may be missing.
    pub(crate) optional: bool,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// `.name`
    Name(Name),
    /// `[0]`, `[-1]`, `["name"]`, `[path]`. Only of a name without brackets Liquid says `size`, `first` and `last`.
    Index(Expr, Span),
}
