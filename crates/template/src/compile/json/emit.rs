//! The structure of a JSON text to ops.

use super::{Piece, Structure, structure};
use crate::compile::{Compiler, Options, bodies};
use crate::limits::Limits;
use crate::names::Names;
use crate::problem::Problem;
use crate::program::{Mode, Op, Ops, Place, Template};
use crate::syntax::ast::Node;

/// Compiles a JSON text with outputs and tags. What it renders is always valid JSON.
pub(crate) fn json(source: &str, names: &Names<'_>, options: Options) -> Result<Template, Problem> {
    let block = crate::syntax::parse(source, &Limits::DEFAULT)?;
    let Structure { pieces, objects } = structure(source, &block)?;
    let mut compiler = Compiler::new(source, &block, names, Mode::Json, options);
    let compared: Vec<bool> = objects.iter().map(|members| members.compared).collect();
    compiler.builder().template.objects = objects.into_iter().map(|members| members.always).collect();
    Emitter { source, compared: &compared }.pieces(&mut compiler, &pieces)?;
    Ok(compiler.finish())
}

struct Emitter<'e> {
    source: &'e str,
    /// By the number of the object.
    compared: &'e [bool],
}

impl Emitter<'_> {
    fn pieces(&self, compiler: &mut Compiler<'_>, pieces: &[Piece<'_>]) -> Result<(), Problem> {
        pieces.iter().try_for_each(|piece| self.piece(compiler, piece))
    }

    fn piece(&self, compiler: &mut Compiler<'_>, piece: &Piece<'_>) -> Result<(), Problem> {
        let op = match piece {
            Piece::Source(range) => {
                compiler.builder().text(self.source.get(range.clone()).unwrap_or_default());
                return Ok(());
            }
            Piece::Text(text) => {
                compiler.builder().text(text);
                return Ok(());
            }
            Piece::Value(node) => return compiler.node(node, Place::Value, &mut |_, _| Ok(())),
            Piece::Content(node) => return compiler.node(node, Place::String, &mut |_, _| Ok(())),
            Piece::Silent(node) => {
                return compiler.node(node, Place::Text, &mut |compiler, body| match bodies(node).get(body) {
                    Some(block) => compiler.block(block),
                    None => Ok(()),
                });
            }
            Piece::Block { node, bodies, exclusive } => return self.block(compiler, node, bodies, *exclusive),
            Piece::Literal { object, .. } if !self.compared.get(*object).is_some_and(|compared| *compared) => {
                return Ok(());
            }
            Piece::Literal { object, name } => Op::Literal(*object, name.as_str().into()),
            Piece::List(inner) => Op::List(self.apart(compiler, inner)?),
            Piece::Item(inner) => Op::Item(self.apart(compiler, inner)?),
            Piece::Object(body) => Op::Object(self.apart(compiler, body)?),
            Piece::Name { object, content } => {
                compiler.builder().push(Op::KeyStart);
                self.pieces(compiler, content)?;
                Op::KeyEnd(*object)
            }
        };
        compiler.builder().push(op);
        Ok(())
    }

    fn apart(&self, compiler: &mut Compiler<'_>, pieces: &[Piece<'_>]) -> Result<Ops, Problem> {
        compiler.apart(|compiler| self.pieces(compiler, pieces))
    }

    fn block(
        &self,
        compiler: &mut Compiler<'_>,
        node: &Node,
        bodies: &[Vec<Piece<'_>>],
        exclusive: bool,
    ) -> Result<(), Problem> {
        compiler.node(node, Place::String, &mut |compiler, body| match bodies.get(body) {
            Some(pieces) => self.pieces(compiler, pieces),
            None => Ok(()),
        })?;
        let ops = &mut compiler.builder().template.ops;
        match ops.last_mut() {
            Some(Op::Case(case)) if exclusive => case.exclusive = true,
            // A comma alone, as in `{% unless forloop.last %},{% endunless %}`: the list has its own.
            Some(Op::If { .. } | Op::Case(_)) if bodies.iter().all(Vec::is_empty) => drop(ops.pop()),
            _ => {}
        }
        Ok(())
    }
}
