//! The checker's side: source, stream, late puts, time, and what must hold. Nothing here asks the engine what is right.

use std::cell::RefCell;
use std::rc::Rc;

use domain::{Change, Counts, Guards};
use engine::form::FormId;
use engine::rules::Epoch;

use crate::case::Config;
use crate::mistake::Mistake;
use crate::product::{Consent, Plan, Product, Record, Run, SETTLING};
use crate::source::{MOST_CHILDREN, Presence, Row, Source, Value, same};
use crate::worker::Worker;

/// A promise that does not hold.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub rule: &'static str,
    pub text: String,
}

pub(crate) type Held = Result<(), Violation>;

pub(crate) fn broken(rule: &'static str, text: impl FnOnce() -> String) -> Held {
    Err(Violation { rule, text: text() })
}

/// A put without an answer that may still be applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Late {
    pub record: Record,
    pub until: i64,
}

/// The entry as the checker knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acked {
    pub value: Value,
    pub form: FormId,
    pub sequence: Epoch,
}

/// One unit: its part of the stream, then what only the checker knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    /// Applied records by arrival.
    pub stream: Vec<Record>,
    pub late: Vec<Late>,
    pub acked: Option<Acked>,
    /// A put was not answered, or its worker died, since the last acknowledgement.
    pub doubt: bool,
    /// Versions that such a put may still bring, and until when.
    pub unsettled: Vec<(Epoch, i64)>,
    /// The entry was last put by a re-send.
    pub resent: bool,
    /// Acknowledged without sending: what the stream said then, and what the source said.
    pub muted: Option<(Option<Value>, Option<Value>)>,
    /// Owed by the unfinished full resync.
    pub due: bool,
    /// Most event ids this unit can need.
    pub versions: usize,
    /// Something was acknowledged without sending: I10 does not hold.
    pub silenced: bool,
}

#[derive(Clone)]
pub(crate) struct World {
    pub config: Config,
    pub source: Source,
    pub cells: Vec<Cell>,
    pub product: Product,
    pub now: i64,
    /// The configuration that the next new run takes.
    pub version: u32,
    pub form: FormId,
    /// The checker's copy of the full resync's start.
    pub started: Epoch,
    pub worker: Option<Worker>,
    /// The run whose worker died.
    pub lost: Option<Run>,
    /// Units and versions of the window it left open.
    pub dead: Vec<(usize, Epoch)>,
    pub zombie: Option<Worker>,
    /// The removals and the number of invalid keys that an open question showed, and what was answered.
    pub request: Option<(u32, u64)>,
    pub consent: Consent,
    /// Arrival order is not promised any more.
    pub slipped: bool,
    /// Only crashes so far, so that I3 counts.
    pub pure: bool,
    pub crashes: usize,
    pub repeats: usize,
    pub trace: Option<Rc<RefCell<Vec<String>>>>,
}

/// Writes a line of the trace, if one is kept.
#[macro_export]
macro_rules! say {
    ($world:expr, $($words:tt)+) => {
        if let Some(trace) = &$world.trace {
            trace.borrow_mut().push(format!($($words)+));
        }
    };
}

fn state_of(record: &Record) -> Option<Value> {
    if record.op == Change::Removed { None } else { record.value }
}

pub(crate) fn words(value: Option<Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| value.to_string())
}

pub(crate) fn brief(record: &Record) -> String {
    format!("u{} {} {} seq {}", record.unit, record.op.as_str(), words(record.value), record.sequence)
}

impl Cell {
    pub(crate) fn said_by_sequence(&self) -> Option<Value> {
        let mut newest: Option<&Record> = None;
        for record in &self.stream {
            if newest.is_none_or(|newest| record.sequence > newest.sequence) {
                newest = Some(record);
            }
        }
        newest.and_then(state_of)
    }

    fn said_by_arrival(&self) -> Option<Value> {
        self.stream.last().and_then(state_of)
    }
}

impl World {
    pub(crate) fn new(config: &Config, mistake: Mistake, trace: Option<Rc<RefCell<Vec<String>>>>) -> Self {
        let units = config.keys * config.children;
        let absent = Row { presence: Presence::Absent, children: [None; MOST_CHILDREN] };
        let mut world = Self {
            config: config.clone(),
            source: Source { rows: vec![absent; config.keys], children: config.children },
            cells: vec![Cell { versions: 1, ..Cell::default() }; units],
            product: Product {
                mistake,
                units,
                children: config.children,
                guards: config.guards.unwrap_or(Guards { removed_percent: 100.0, removed_more_than: 1_000 }),
                epoch: 1,
                resync: None,
                oldest_form: 1,
                layers: Vec::new(),
                next_layer: 0,
            },
            now: 0,
            version: 1,
            form: 1,
            started: 0,
            worker: None,
            lost: None,
            dead: Vec::new(),
            zombie: None,
            request: None,
            consent: Consent::default(),
            slipped: false,
            pure: true,
            crashes: 0,
            repeats: 0,
            trace,
        };
        (0..config.keys).for_each(|key| world.begin(key));
        world
    }

    /// The first keys are there from the start, and the very first ones acknowledged.
    fn begin(&mut self, key: usize) {
        if key >= self.config.present {
            return;
        }
        let value = Value { main: 0, extra: 0 };
        let row = &mut self.source.rows[key];
        row.presence = Presence::Present;
        row.children[..self.config.children].fill(Some(value));
        if key >= self.config.acknowledged {
            return;
        }
        for unit in key * self.config.children..(key + 1) * self.config.children {
            self.product.begin_acknowledged(unit, value);
            let op = Change::Added;
            let record = Record { unit, op, value: Some(value), version: 1, sequence: 1, previous: None };
            self.cells[unit].stream.push(record);
            self.cells[unit].acked = Some(Acked { value, form: 1, sequence: 1 });
        }
        say!(self, "key {key} is acknowledged as {value}");
    }

    /// The stream takes a record.
    pub(crate) fn apply(&mut self, record: Record) -> Held {
        let cell = &mut self.cells[record.unit];
        let known = cell.stream.contains(&record);
        for other in &cell.stream {
            if other.sequence == record.sequence && *other != record {
                return broken("I4", || format!("one event.sequence names two contents: {other:?} and {record:?}"));
            }
            if other.sequence > record.sequence && !self.slipped && !known {
                return broken("I8", || format!("{} arrives for the first time after a newer one", brief(&record)));
            }
        }
        let mut ids: Vec<Epoch> = cell.stream.iter().map(|other| other.sequence).chain([record.sequence]).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > cell.versions {
            return broken("I4", || format!("u{} has more event ids than versions: {ids:?}", record.unit));
        }
        self.repeats += usize::from(!cell.stream.is_empty() && state_of(&record) == cell.said_by_arrival());
        cell.stream.push(record);
        cell.due &= record.sequence < self.started;
        Ok(())
    }

    /// A worker puts a record: it must be allowed to.
    pub(crate) fn may_put(&self, worker: &Worker, record: &Record) -> Held {
        let bit = 1 << record.unit;
        if record.op == Change::Removed {
            if worker.capped && worker.consent.approved & bit == 0 {
                return broken("P6", || format!("{} was never approved", brief(record)));
            }
            if (worker.consent.held | worker.consent.forgotten) & bit != 0 {
                return broken("P6", || format!("{} was put on hold or forgotten", brief(record)));
            }
        }
        if worker.capped_invalid {
            return broken("P6", || format!("{} is put though too many keys are invalid", brief(record)));
        }
        Ok(())
    }

    /// I5, I6: what a plan says of each unit, against the source that it read.
    pub(crate) fn judge_plan(&self, run: &Run, plan: &Plan) -> Held {
        for todo in &plan.todo {
            if self.source.held(todo.record.unit) {
                return broken("I6", || format!("a held unit is planned: {}", brief(&todo.record)));
            }
        }
        let counts = &plan.counts;
        let open = counts.planned.checked_sub(counts.deferred);
        if open != Some(plan.todo.len() as u64) {
            return broken("I5", || format!("{} records do not fit {counts:?}", plan.todo.len()));
        }
        self.judge_counts(&Counts { deferred: counts.planned, ..*counts })?;
        if self.product.mistake == Mistake::Nothing { self.judge_words(run, plan) } else { Ok(()) }
    }

    /// P3 by the checker's own sums, and by the product's.
    pub(crate) fn judge_counts(&self, counts: &Counts) -> Held {
        let changes = counts.added + counts.changed + counts.removed + counts.repeated;
        let ended = counts.delivered + counts.rejected + counts.unanswered + counts.deferred;
        let holds = counts.units == changes - counts.removed + counts.unchanged
            && changes == counts.planned + counts.not_wanted
            && counts.planned == ended;
        if !holds || counts.check().is_err() {
            return broken("I5", || format!("counts do not add up: {counts:?}"));
        }
        Ok(())
    }

    /// P6 by the checker's own count: the removals, the invalid keys of this plan are too many.
    pub(crate) fn capped(&self) -> (bool, bool) {
        let guards = &self.product.guards;
        let exceeds = |part: u64, whole: u64| {
            part > guards.removed_more_than && part as f64 / whole as f64 > guards.removed_percent / 100.0
        };
        let gone = |unit: usize| !self.source.held(unit) && self.source.value(unit).is_none();
        let known = self.cells.iter().filter(|cell| cell.acked.is_some()).count() as u64;
        let removals = (0..self.cells.len()).filter(|unit| self.cells[*unit].acked.is_some() && gone(*unit)).count();
        let (present, held) = self.source.keys();
        let capped = exceeds(removals as u64, known) || present + held == 0;
        (capped, exceeds(held, present + held))
    }

    pub(crate) fn settle(&mut self, ticks: i64) {
        self.now += ticks;
        for cell in &mut self.cells {
            cell.late.retain(|late| late.until > self.now);
        }
    }

    pub(crate) fn late(&mut self, record: Record) {
        let until = self.now + SETTLING;
        self.cells[record.unit].late.push(Late { record, until });
    }

    fn agree(&self, left: Option<Value>, right: Option<Value>) -> bool {
        match (left, right) {
            (Some(left), Some(right)) => same(self.form, left, right),
            (left, right) => left == right,
        }
    }

    /// I1, I7, I10 for a unit, when faults have stopped and one more run has ended.
    pub(crate) fn judge_unit(&self, unit: usize) -> Held {
        if self.source.held(unit) {
            return Ok(());
        }
        let (cell, wanted) = (&self.cells[unit], self.source.value(unit));
        for (by, said) in [("event.sequence", cell.said_by_sequence()), ("arrival", cell.said_by_arrival())] {
            let muted = cell.muted.is_some_and(|(base, value)| said == base && self.agree(value, wanted));
            let exempt = muted || (self.slipped && by == "arrival");
            if !exempt && !self.agree(said, wanted) {
                let (said, wanted) = (words(said), words(wanted));
                return broken("I1", || format!("by {by} the last record of u{unit} says {said}, the source {wanted}"));
            }
        }
        if cell.due {
            return broken("I7", || format!("the full resync ended without sending u{unit} again"));
        }
        if cell.silenced {
            return Ok(());
        }
        let mut ops: Vec<(Epoch, Change)> = cell.stream.iter().map(|record| (record.sequence, record.op)).collect();
        ops.sort_unstable();
        let mut before = Change::Removed;
        for (_, op) in &ops {
            if *op == Change::Changed && before == Change::Removed {
                return broken("I10", || format!("u{unit} is changed before it was added: {ops:?}"));
            }
            before = *op;
        }
        Ok(())
    }
}
