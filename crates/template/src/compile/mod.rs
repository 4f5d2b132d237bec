//! The tree of a template to its compiled form.

mod checks;
mod collect;
mod expression;
pub(crate) mod json;
mod resolve;

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits::Limits;
use crate::names::{Names, Style};
use crate::problem::Problem;
use crate::program::{self, Builder, Group, Mode, Op, Ops, Place, Reference, Template};
use crate::syntax::ast::{self, Block, Node, Span};

/// What holds for one template beside its names.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// A name that does not exist is nil, and no problem.
    pub(crate) missing_is_nil: bool,
    /// Of a partition key or hash key, which may not differ between two tries.
    pub(crate) key: bool,
    /// Nothing is known of the types of the columns.
    pub(crate) any_types: bool,
    /// How the element of a row that fans out is written, if rows do.
    pub(crate) element: Option<Style>,
}

/// Compiles text: nothing is escaped. `mode` is not JSON.
pub(crate) fn text(source: &str, names: &Names<'_>, mode: Mode, options: Options) -> Result<Template, Problem> {
    let limits = Limits::DEFAULT;
    let mut block = crate::syntax::parse(source, &limits)?;
    crate::syntax::blank::remove(source, &mut block);
    let mut compiler = Compiler::new(source, &block, names, mode, options);
    compiler.block(&block)?;
    Ok(compiler.finish())
}

/// Compiles text as other engines have it.
pub(crate) fn plain(source: &str, names: &Names<'_>, limits: Limits) -> Result<Template, Problem> {
    let mut block = crate::syntax::parse_plain(source, &limits)?;
    crate::syntax::blank::remove(source, &mut block);
    let mut compiler = Compiler::new(source, &block, names, Mode::Plain, Options::default());
    compiler.block(&block)?;
    Ok(compiler.finish())
}

pub(crate) struct Compiler<'a> {
    source: &'a str,
    names: &'a Names<'a>,
    mode: Mode,
    options: Options,
    /// The loops around the place that is compiled.
    scopes: Vec<Scope>,
    /// The variables of the loops that have ended.
    ended: Vec<String>,
    variables: HashMap<String, usize>,
    counters: HashMap<String, usize>,
    globals: HashMap<String, usize>,
    loops: HashMap<String, usize>,
    cycles: HashMap<String, usize>,
    /// Where the output or tag begins that is compiled.
    at: usize,
    builder: Builder,
}

#[derive(Debug)]
struct Scope {
    variable: String,
    table: bool,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(source: &'a str, block: &Block, names: &'a Names<'a>, mode: Mode, options: Options) -> Self {
        let (variables, counters) = collect::assigned(block);
        let mut builder = Builder::new(mode, names);
        builder.template.source = Arc::from(source);
        Self {
            source,
            names,
            mode,
            options,
            scopes: Vec::new(),
            ended: Vec::new(),
            variables,
            counters,
            globals: HashMap::new(),
            loops: HashMap::new(),
            cycles: HashMap::new(),
            at: 0,
            builder,
        }
    }

    pub(crate) fn finish(mut self) -> Template {
        self.builder.template.timeless = self.options.key;
        let frame = &mut self.builder.template.frame;
        frame.variables = listed(self.variables);
        frame.counters = listed(self.counters);
        frame.globals = listed(self.globals);
        (frame.loops, frame.cycles) = (self.loops.len(), self.cycles.len());
        self.builder.finish()
    }

    pub(crate) const fn builder(&mut self) -> &mut Builder {
        &mut self.builder
    }

    fn problem(&self, at: usize, message: impl Into<String>, advice: impl Into<String>) -> Problem {
        Problem::at(self.source, at, message, advice)
    }

    /// The ops that `inner` makes, apart from those before.
    pub(crate) fn apart(&mut self, inner: impl FnOnce(&mut Self) -> Result<(), Problem>) -> Result<Ops, Problem> {
        let before = std::mem::take(&mut self.builder.template.ops);
        inner(self)?;
        Ok(std::mem::replace(&mut self.builder.template.ops, before))
    }

    /// A block whose text is plain text.
    pub(crate) fn block(&mut self, block: &Block) -> Result<(), Problem> {
        for node in block {
            self.node(node, Place::Text, &mut |compiler, body| match bodies(node).get(body) {
                Some(block) => compiler.block(block),
                None => Ok(()),
            })?;
        }
        Ok(())
    }

    /// One node. What it writes is written for `place`; `body` compiles the bodies of a tag by their number, in the order
    /// in which they were written. The body of `capture` is plain text, and compiled here.
    pub(crate) fn node(
        &mut self,
        node: &Node,
        place: Place,
        body: &mut dyn FnMut(&mut Self, usize) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        self.at = node.start();
        let op = match node {
            Node::Text(span) => {
                self.builder.text(self.source.get(span.clone()).unwrap_or_default());
                return Ok(());
            }
            Node::Output { value, span } => return self.output(value, span, place),
            Node::Assign { name, value } => {
                let slot = self.variables.get(&name.text).copied().unwrap_or(usize::MAX);
                Op::Assign { slot, value: self.filtered(value)?, at: name.span.start }
            }
            Node::Capture { name, body } => {
                let slot = self.variables.get(&name.text).copied().unwrap_or(usize::MAX);
                Op::Capture { slot, body: self.apart(|compiler| compiler.block(body))? }
            }
            Node::If { branches, otherwise, span } => {
                let mut compiled = Vec::with_capacity(branches.len());
                for (at, branch) in branches.iter().enumerate() {
                    self.at = branch.span.start;
                    compiled.push((self.expr(&branch.condition, false)?, self.apart(|compiler| body(compiler, at))?));
                }
                let otherwise = match otherwise {
                    Some(_) => self.apart(|compiler| body(compiler, branches.len()))?,
                    None => Ops::new(),
                };
                Op::If { branches: compiled, otherwise, at: span.start }
            }
            Node::Case { subject, arms, span } => {
                let subject = self.expr(subject, false)?;
                let mut compiled = Vec::with_capacity(arms.len());
                for (at, arm) in arms.iter().enumerate() {
                    self.at = arm.span.start;
                    let values = arm.values.as_ref().map(|values| self.exprs(values)).transpose()?;
                    compiled.push((values, self.apart(|compiler| body(compiler, at))?));
                }
                Op::Case(Box::new(program::Case { subject, arms: compiled, exclusive: false, at: span.start }))
            }
            Node::For(node) => self.repeat(node, body)?,
            Node::TableRow(node) => self.table_row(node, place, body)?,
            Node::Cycle { group, values, span } => self.cycle(group.as_ref(), values, span, place)?,
            Node::Increment { name } => self.count(&name.text, false, place),
            Node::Decrement { name } => self.count(&name.text, true, place),
            Node::IfChanged { .. } => Op::IfChanged { body: self.apart(|compiler| body(compiler, 0))?, place },
            Node::Break { .. } => Op::Break,
            Node::Continue { .. } => Op::Continue,
        };
        self.builder.push(op);
        Ok(())
    }

    fn output(&mut self, value: &ast::Filtered, span: &Span, place: Place) -> Result<(), Problem> {
        let written = self.source.get(span.clone()).unwrap_or_default();
        if self.mode != Mode::Plain && written.chars().all(|c| c.is_whitespace() || matches!(c, '{' | '}' | '-')) {
            let advice = "Write a path into it, as in `{{ row.column }}`.";
            return Err(self.problem(span.start, "the hole is empty", advice));
        }
        let value = self.filtered(value)?;
        match value {
            program::Filtered { head: program::Expr::Reference(reference), filters } if filters.is_empty() => {
                self.builder.hole(reference, place);
            }
            // An output of text alone is constant, but for what must be escaped.
            program::Filtered { head: program::Expr::Text(text), filters }
                if filters.is_empty() && place == Place::Text =>
            {
                self.builder.text(&text);
            }
            value => self.builder.push(Op::Output { value, place, at: span.start }),
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        node: &ast::For,
        body: &mut dyn FnMut(&mut Self, usize) -> Result<(), Problem>,
    ) -> Result<Op, Problem> {
        let values = self.looped(&node.values)?;
        let limit = node.limit.as_ref().map(|limit| self.expr(limit, false)).transpose()?;
        let offset = match &node.offset {
            Some(ast::Offset::At(offset)) => Some(program::Offset::At(self.expr(offset, false)?)),
            Some(ast::Offset::Continue) => Some(program::Offset::Continue),
            None => None,
        };
        let next = self.loops.len();
        let progress = *self.loops.entry(node.name.clone()).or_insert(next);
        self.scopes.push(Scope { variable: node.variable.text.clone(), table: false });
        let inside = self.apart(|compiler| body(compiler, 0))?;
        self.ended.extend(self.scopes.pop().map(|scope| scope.variable));
        let otherwise = match node.otherwise {
            Some(_) => self.apart(|compiler| body(compiler, 1))?,
            None => Ops::new(),
        };
        Ok(Op::For(Box::new(program::For {
            variable: node.variable.text.clone(),
            values,
            name: node.name.clone(),
            progress,
            limit,
            offset,
            reversed: node.reversed,
            body: inside,
            otherwise,
            at: node.span.start,
        })))
    }

    fn table_row(
        &mut self,
        node: &ast::TableRow,
        place: Place,
        body: &mut dyn FnMut(&mut Self, usize) -> Result<(), Problem>,
    ) -> Result<Op, Problem> {
        let values = self.looped(&node.values)?;
        let mut option = |expr: &Option<ast::Expr>| expr.as_ref().map(|expr| self.expr(expr, false)).transpose();
        let (columns, limit, offset) = (option(&node.columns)?, option(&node.limit)?, option(&node.offset)?);
        self.scopes.push(Scope { variable: node.variable.text.clone(), table: true });
        let inside = self.apart(|compiler| body(compiler, 0))?;
        self.ended.extend(self.scopes.pop().map(|scope| scope.variable));
        let variable = node.variable.text.clone();
        let (body, at) = (inside, node.span.start);
        Ok(Op::TableRow(Box::new(program::TableRow { variable, values, columns, limit, offset, body, at, place })))
    }

    fn cycle(
        &mut self,
        group: Option<&ast::Expr>,
        values: &[ast::Expr],
        span: &Span,
        place: Place,
    ) -> Result<Op, Problem> {
        let group = match group {
            Some(name) => Group::Named(self.expr(name, false)?),
            None => {
                // Cycles of the same constants are one; what has paths in it stands for itself.
                let constants: Option<Vec<_>> = values.iter().map(collect::constant).collect();
                let key = match constants {
                    Some(constants) => constants.join(","),
                    None => format!("@{}", span.start),
                };
                let next = self.cycles.len();
                Group::Unnamed(*self.cycles.entry(key).or_insert(next))
            }
        };
        let values = self.exprs(values)?;
        Ok(Op::Cycle(Box::new(program::Cycle { group, values, place, at: span.start })))
    }

    fn count(&mut self, name: &str, down: bool, place: Place) -> Op {
        let counter = self.counters.get(name).copied().unwrap_or(usize::MAX);
        let otherwise = (self.mode == Mode::Plain).then(|| program::Expr::Global(self.global(name)));
        Op::Count { counter, down, otherwise, place }
    }

    fn global(&mut self, name: &str) -> usize {
        let next = self.globals.len();
        *self.globals.entry(name.to_owned()).or_insert(next)
    }

    /// A key may not use what differs between two tries.
    fn allowed(&self, reference: Reference) -> Result<(), Problem> {
        let path = match reference {
            _ if !self.options.key => return Ok(()),
            Reference::EventId => "event.id",
            Reference::EventSequence => "event.sequence",
            Reference::RunId => "run.id",
            Reference::RunStartedAt => "run.started_at",
            Reference::Op => "op",
            Reference::Previous | Reference::PreviousColumn(_) => "previous",
            Reference::ChangedColumns => "changed_columns",
            Reference::Row | Reference::RowColumn(_) | Reference::Element(_) => return Ok(()),
            Reference::SyncId | Reference::SyncName => return Ok(()),
        };
        Err(self.unfit_for_key(path))
    }

    fn unfit_for_key(&self, what: &str) -> Problem {
        self.problem(
            self.at,
            format!("a key cannot use `{what}`: messages of one row would land on different shards, out of order"),
            "Use columns of the primary key, as in `{{ row.id }}`.",
        )
    }
}

/// The bodies of a tag, in the order in which they were written; that of `capture` is not among them.
fn bodies(node: &Node) -> Vec<&Block> {
    match node {
        Node::If { branches, otherwise, .. } => {
            branches.iter().map(|branch| &branch.body).chain(otherwise.as_ref()).collect()
        }
        Node::Case { arms, .. } => arms.iter().map(|arm| &arm.body).collect(),
        Node::For(node) => std::iter::once(&node.body).chain(node.otherwise.as_ref()).collect(),
        Node::TableRow(node) => vec![&node.body],
        Node::IfChanged { body, .. } => vec![body],
        _ => Vec::new(),
    }
}

/// The names in the order of their numbers.
fn listed(names: HashMap<String, usize>) -> Vec<String> {
    let mut sorted: Vec<_> = names.into_iter().collect();
    sorted.sort_unstable_by_key(|(_, number)| *number);
    sorted.into_iter().map(|(name, _)| name).collect()
}
