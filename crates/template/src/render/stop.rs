//! Why a rendering ended early, and what the user reads of it.

use crate::fault::Fault;
use crate::problem::{Problem, quoted};
use crate::program::{At, Field, Reference, Template};

/// `field` is the path of the field that failed, where a field mapper made the template.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("the output is longer than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the value of column `{column}` was not kept")]
    NotKept { column: String },
    #[error("{}the value of column `{column}` is not valid JSON", place(.field))]
    InvalidJson { column: String, field: Option<String>, source: serde_json::Error },
    #[error("{}the value of column `{column}` is nested too deep", place(.field))]
    TooDeep { column: String, field: Option<String> },
    #[error("{}making the output of column `{column}` takes too much work", place(.field))]
    TooMuchWork { column: String, field: Option<String> },
    #[error("{}two members of one object get the name {name}", place(.field))]
    DuplicateName { name: String, field: Option<String> },
    /// At a place in the source of the template, both counted from 1.
    #[error("{}line {line}, column {column}: {reason}", place(.field))]
    Failed { line: usize, column: usize, reason: String, field: Option<String> },
}

fn place(field: &Option<String>) -> String {
    field.as_ref().map_or_else(String::new, |field| format!("in the field `{field}`: "))
}

impl RenderError {
    /// Says which field, if that is not known yet.
    fn of_field(mut self, path: &str) -> Self {
        match &mut self {
            Self::InvalidJson { field, .. }
            | Self::TooDeep { field, .. }
            | Self::TooMuchWork { field, .. }
            | Self::DuplicateName { field, .. }
            | Self::Failed { field, .. } => {
                field.get_or_insert_with(|| path.to_owned());
            }
            // These are told of the message and of the column.
            Self::TooLarge { .. } | Self::NotKept { .. } => {}
        }
        self
    }
}

#[derive(Debug)]
pub(super) enum Stop {
    /// In the output or tag that begins here.
    At(At, Fault),
    /// Of the value of a column.
    In(Reference, Fault),
    /// Of no place in particular.
    Fault(Fault),
    NotKept(Reference),
    DuplicateName(String),
    /// Of a template in this one.
    Error(Box<RenderError>),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Stop {
    /// Says where, if that is not known yet.
    pub(super) fn or_at(self, at: At) -> Self {
        match self {
            Self::Fault(fault) => Self::At(at, fault),
            known => known,
        }
    }

    /// Says of which field it is, if of one. A full output is that of the whole message.
    #[cold]
    pub(super) fn of_field(self, template: &Template, field: Field) -> Self {
        let Some(path) = field.and_then(|field| template.fields.get(field)) else { return self };
        match self {
            Self::Fault(Fault::Full) | Self::At(_, Fault::Full) | Self::In(_, Fault::Full) => self,
            other => Self::Error(Box::new(other.error(template, 0).of_field(path))),
        }
    }

    pub(super) fn error(self, template: &Template, limit: usize) -> RenderError {
        let failed = |at: At, reason: String| {
            let Problem { line, column, .. } = Problem::at(&template.source, at, "", "");
            RenderError::Failed { line, column, reason, field: None }
        };
        match self {
            Self::Error(error) => *error,
            Self::DuplicateName(name) => RenderError::DuplicateName { name: quoted(&name), field: None },
            Self::NotKept(reference) => RenderError::NotKept { column: column(template, reference) },
            Self::Fault(Fault::Full) | Self::At(_, Fault::Full) | Self::In(_, Fault::Full) => {
                RenderError::TooLarge { limit }
            }
            Self::Fault(fault) => failed(0, reason(&fault)),
            Self::At(at, fault) => failed(at, reason(&fault)),
            Self::In(reference, fault) => {
                let (column, field) = (column(template, reference), None);
                match fault {
                    Fault::TooDeep => RenderError::TooDeep { column, field },
                    Fault::InvalidJson(source) => RenderError::InvalidJson { column, field, source },
                    Fault::Full => RenderError::TooLarge { limit },
                    Fault::TooMuchWork | Fault::TooMuchMemory => RenderError::TooMuchWork { column, field },
                    Fault::Filter(_) => failed(0, reason(&fault)),
                }
            }
        }
    }
}

fn reason(fault: &Fault) -> String {
    const ADVICE: &str = "; go through fewer elements, or put the value together in the query";
    match fault {
        Fault::Full => "the output is too long".to_owned(),
        Fault::TooDeep => "a value is nested too deep".to_owned(),
        Fault::TooMuchWork => format!("rendering the template takes too much work{ADVICE}"),
        Fault::TooMuchMemory => format!("rendering the template takes too much memory{ADVICE}"),
        Fault::InvalidJson(error) => format!("a value is not valid JSON: {error}"),
        Fault::Filter(reason) => reason.clone(),
    }
}

fn column(template: &Template, reference: Reference) -> String {
    match reference {
        Reference::RowColumn(index) | Reference::PreviousColumn(index) => {
            let listed = template.columns.iter().find(|listed| listed.index == index);
            listed.map_or_else(|| "unknown".to_owned(), |listed| listed.name.clone())
        }
        Reference::Previous => "previous".to_owned(),
        _ => "row".to_owned(),
    }
}
