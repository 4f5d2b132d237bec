//! Through all ops, whatever they are in.

use super::{Expr, Filtered, For, Group, Listed, Offset, Op, Ops, Reference, Step};

impl Op {
    /// The ops in it.
    pub(crate) fn bodies(&mut self) -> impl Iterator<Item = &mut Ops> {
        let mut found: Vec<&mut Ops> = Vec::new();
        match self {
            Self::Capture { body, .. } | Self::IfChanged { body, .. } => found.push(body),
            Self::List(body) | Self::Item(body) | Self::Object(body) | Self::Optional { value: body, .. } => {
                found.push(body);
            }
            Self::If { branches, otherwise, .. } => {
                found.extend(branches.iter_mut().map(|(_, body)| body));
                found.push(otherwise);
            }
            Self::Case(case) => found.extend(case.arms.iter_mut().map(|(_, body)| body)),
            Self::For(node) => {
                let For { body, otherwise, .. } = &mut **node;
                found.extend([body, otherwise]);
            }
            Self::TableRow(node) => found.push(&mut node.body),
            Self::Text(_) | Self::Hole(_) | Self::Output { .. } | Self::Assign { .. } | Self::Cycle(_) => {}
            Self::Count { .. } | Self::Break | Self::Continue | Self::KeyStart | Self::KeyEnd(_) => {}
            Self::Literal(..) | Self::Embedded(..) => {}
        }
        found.into_iter()
    }
}

/// The columns of the templates of fields.
pub(super) fn embedded<'o>(ops: &'o mut Ops, found: &mut Vec<&'o mut Vec<Listed>>) {
    for op in ops {
        match op {
            Op::Embedded(template, _) => found.push(&mut template.columns),
            other => other.bodies().for_each(|body| embedded(body, found)),
        }
    }
}

/// Calls `change` with every reference in `ops`.
pub(super) fn references(ops: &mut Ops, change: &mut impl FnMut(&mut Reference)) {
    for op in ops {
        match op {
            Op::Text(_) | Op::Break | Op::Continue | Op::KeyStart | Op::KeyEnd(_) | Op::Literal(..) => {}
            Op::List(body) | Op::Item(body) | Op::Object(body) | Op::Optional { value: body, .. } => {
                references(body, change);
            }
            Op::Embedded(template, _) => references(&mut template.ops, change),
            Op::Hole(hole) => change(&mut hole.reference),
            Op::Output { value, .. } | Op::Assign { value, .. } => in_filtered(value, change),
            Op::Capture { body, .. } | Op::IfChanged { body, .. } => references(body, change),
            Op::If { branches, otherwise, .. } => {
                for (condition, body) in branches {
                    in_expr(condition, change);
                    references(body, change);
                }
                references(otherwise, change);
            }
            Op::Case(case) => {
                in_expr(&mut case.subject, change);
                for (values, body) in &mut case.arms {
                    values.iter_mut().flatten().for_each(|value| in_expr(value, change));
                    references(body, change);
                }
            }
            Op::For(node) => {
                in_expr(&mut node.values, change);
                node.limit.iter_mut().for_each(|limit| in_expr(limit, change));
                if let Some(Offset::At(offset)) = &mut node.offset {
                    in_expr(offset, change);
                }
                references(&mut node.body, change);
                references(&mut node.otherwise, change);
            }
            Op::TableRow(node) => {
                in_expr(&mut node.values, change);
                let options = node.columns.iter_mut().chain(&mut node.limit).chain(&mut node.offset);
                options.for_each(|option| in_expr(option, change));
                references(&mut node.body, change);
            }
            Op::Cycle(cycle) => {
                if let Group::Named(name) = &mut cycle.group {
                    in_expr(name, change);
                }
                cycle.values.iter_mut().for_each(|value| in_expr(value, change));
            }
            Op::Count { otherwise, .. } => otherwise.iter_mut().for_each(|other| in_expr(other, change)),
        }
    }
}

fn in_filtered(value: &mut Filtered, change: &mut impl FnMut(&mut Reference)) {
    in_expr(&mut value.head, change);
    for call in &mut value.filters {
        let arguments = call.positional.iter_mut().chain(call.named.iter_mut().map(|(_, value)| value));
        arguments.for_each(|argument| in_expr(argument, change));
    }
}

fn in_expr(expr: &mut Expr, change: &mut impl FnMut(&mut Reference)) {
    match expr {
        Expr::Reference(reference) => change(reference),
        Expr::Variable(_, inner) | Expr::Counter(_, inner) | Expr::Named(inner) | Expr::Not(inner) => {
            in_expr(inner, change);
        }
        Expr::Path(root, steps) => {
            in_expr(root, change);
            for step in steps {
                if let Step::Index(key) = step {
                    in_expr(key, change);
                }
            }
        }
        Expr::Range(ends, _) => {
            in_expr(&mut ends.0, change);
            in_expr(&mut ends.1, change);
        }
        Expr::Compare(sides, _) => {
            in_expr(&mut sides.0, change);
            in_expr(&mut sides.2, change);
        }
        Expr::Logic(first, rest) => {
            in_expr(first, change);
            rest.iter_mut().for_each(|(_, term)| in_expr(term, change));
        }
        _ => {}
    }
}
