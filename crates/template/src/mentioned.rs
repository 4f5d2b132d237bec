//! The columns that a template names, told without the model.

use std::collections::BTreeSet;

use crate::limits::Limits;
use crate::syntax::ast::{Block, Expr, Filtered, Literal, Node, Offset, Path, Step};

/// The names after `row` and `previous`. None of a template that cannot be read: compiling it says why.
pub fn mentioned(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Ok(block) = crate::syntax::parse(source, &Limits::DEFAULT) {
        in_block(&block, &mut names);
    }
    names
}

fn in_block(block: &Block, names: &mut BTreeSet<String>) {
    block.iter().for_each(|node| in_node(node, names));
}

fn in_node(node: &Node, names: &mut BTreeSet<String>) {
    match node {
        Node::Text(_) | Node::Increment { .. } | Node::Decrement { .. } | Node::Break { .. } => {}
        Node::Continue { .. } => {}
        Node::Output { value, .. } | Node::Assign { value, .. } => in_filtered(value, names),
        Node::Capture { body, .. } | Node::IfChanged { body, .. } => in_block(body, names),
        Node::If { branches, otherwise, .. } => {
            for branch in branches {
                in_expr(&branch.condition, names);
                in_block(&branch.body, names);
            }
            otherwise.iter().for_each(|body| in_block(body, names));
        }
        Node::Case { subject, arms, .. } => {
            in_expr(subject, names);
            for arm in arms {
                arm.values.iter().flatten().for_each(|value| in_expr(value, names));
                in_block(&arm.body, names);
            }
        }
        Node::For(node) => {
            in_expr(&node.values, names);
            node.limit.iter().for_each(|limit| in_expr(limit, names));
            if let Some(Offset::At(offset)) = &node.offset {
                in_expr(offset, names);
            }
            in_block(&node.body, names);
            node.otherwise.iter().for_each(|body| in_block(body, names));
        }
        Node::TableRow(node) => {
            in_expr(&node.values, names);
            let options = node.columns.iter().chain(&node.limit).chain(&node.offset);
            options.for_each(|option| in_expr(option, names));
            in_block(&node.body, names);
        }
        Node::Cycle { group, values, .. } => group.iter().chain(values).for_each(|value| in_expr(value, names)),
    }
}

fn in_filtered(filtered: &Filtered, names: &mut BTreeSet<String>) {
    in_expr(&filtered.head, names);
    for call in &filtered.filters {
        call.positional.iter().chain(call.named.iter().map(|(_, value)| value)).for_each(|value| in_expr(value, names));
    }
}

fn in_expr(expr: &Expr, names: &mut BTreeSet<String>) {
    match expr {
        Expr::Literal(..) => {}
        Expr::Path(path) => in_path(path, names),
        Expr::Range { from: left, to: right, .. }
        | Expr::Compare { left, right, .. }
        | Expr::And(left, right)
        | Expr::Or(left, right) => {
            in_expr(left, names);
            in_expr(right, names);
        }
        Expr::Not(inner) => in_expr(inner, names),
    }
}

fn in_path(path: &Path, names: &mut BTreeSet<String>) {
    let root = path.root.as_ref().map(|root| root.text.as_str());
    if let Some("row" | "previous") = root {
        match path.steps.first() {
            Some(Step::Name(name)) => drop(names.insert(name.text.clone())),
            Some(Step::Index(Expr::Literal(Literal::Text(name), _), _)) => drop(names.insert(name.clone())),
            _ => {}
        }
    }
    for step in &path.steps {
        if let Step::Index(index, _) = step {
            in_expr(index, names);
        }
    }
}
