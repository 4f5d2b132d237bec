//! The names that a template gives to values, wherever it does.

use std::collections::HashMap;

use super::bodies;
use crate::syntax::ast::{Block, Expr, Literal, Node};

type Numbered = HashMap<String, usize>;

/// What `assign` and `capture` set, and what `increment` and `decrement` count; numbered.
pub(super) fn assigned(block: &Block) -> (Numbered, Numbered) {
    let (mut variables, mut counters) = (Numbered::new(), Numbered::new());
    collect(block, &mut variables, &mut counters);
    (variables, counters)
}

fn collect(block: &Block, variables: &mut Numbered, counters: &mut Numbered) {
    for node in block {
        let (names, name) = match node {
            Node::Assign { name, .. } => (&mut *variables, name),
            Node::Capture { name, body } => {
                collect(body, variables, counters);
                (&mut *variables, name)
            }
            Node::Increment { name } | Node::Decrement { name } => (&mut *counters, name),
            other => {
                bodies(other).into_iter().for_each(|body| collect(body, variables, counters));
                continue;
            }
        };
        let next = names.len();
        names.entry(name.text.clone()).or_insert(next);
    }
}

/// A constant as a key.
pub(super) fn constant(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(Literal::Text(text), _) => Some(format!("{text:?}")),
        Expr::Literal(literal, _) => Some(format!("{literal:?}")),
        _ => None,
    }
}
