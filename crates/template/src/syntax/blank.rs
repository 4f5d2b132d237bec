//! Bodies without anything to say. As Shopify has it, a tag all of whose bodies hold only white space and tags that write
//! nothing renders nothing, so that conditions can be written on lines of their own.

use super::ast::{Block, Node, Span};

/// Takes the white space out of such bodies.
pub(crate) fn remove(source: &str, block: &mut Block) {
    for node in block {
        quiet(source, node);
    }
}

/// Whether a node writes nothing but white space. What is inside it is looked at once, from the inside out.
fn quiet(source: &str, node: &mut Node) -> bool {
    match node {
        Node::Text(span) => is_space(source, span),
        Node::Assign { .. } => true,
        Node::Capture { body, .. } => {
            remove(source, body);
            true
        }
        Node::If { branches, otherwise, .. } => {
            cleared(source, branches.iter_mut().map(|branch| &mut branch.body).chain(otherwise.as_mut()).collect())
        }
        Node::Case { arms, .. } => cleared(source, arms.iter_mut().map(|arm| &mut arm.body).collect()),
        Node::For(node) => cleared(source, std::iter::once(&mut node.body).chain(node.otherwise.as_mut()).collect()),
        Node::IfChanged { body, .. } => all_quiet(source, body),
        Node::TableRow(node) => {
            remove(source, &mut node.body);
            false
        }
        Node::Output { .. } | Node::Cycle { .. } | Node::Increment { .. } | Node::Decrement { .. } => false,
        Node::Break { .. } | Node::Continue { .. } => false,
    }
}

fn cleared(source: &str, mut bodies: Vec<&mut Block>) -> bool {
    let mut quiet = true;
    for body in &mut bodies {
        quiet &= all_quiet(source, body);
    }
    if quiet {
        bodies.into_iter().for_each(|body| body.retain(|node| !matches!(node, Node::Text(_))));
    }
    quiet
}

/// Every node is looked at, whatever the others are.
fn all_quiet(source: &str, block: &mut Block) -> bool {
    let mut all = true;
    for node in block {
        all &= quiet(source, node);
    }
    all
}

/// White space that a `raw` tag protects is meant.
fn is_space(source: &str, span: &Span) -> bool {
    let text = source.get(span.clone()).unwrap_or_default();
    let after = source.get(span.end..).unwrap_or_default();
    let tag = after.strip_prefix("{%").map(|rest| rest.trim_start_matches('-').trim_start());
    text.trim().is_empty() && !tag.is_some_and(|tag| tag.starts_with("endraw"))
}
