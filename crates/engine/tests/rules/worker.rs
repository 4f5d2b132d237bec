//! A run at work: claim, plan, windows, end; and what can happen to it between any two steps.

use domain::{Counts, RunKind};
use engine::rules::{Ending, Epoch, Outcome};
use engine::unit::UnitId;

use crate::layers::Item;
use crate::mistake::Mistake;
use crate::product::{Consent, Plan, Run, SETTLING, Todo};
use crate::say;
use crate::source::{Presence, Value};
use crate::world::{Acked, Held, World, brief, broken};

/// A record in a window; what the checker knows of its puts beside what the product makes of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flight {
    pub todo: Todo,
    /// Of this window.
    pub outcome: Outcome,
    /// Of the windows before, from which it was carried over.
    pub before: Outcome,
    pub puts: u8,
    pub acknowledged: bool,
    pub unanswered: bool,
    pub done: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub run: Run,
    pub epoch: Epoch,
    /// In no window yet.
    pub todo: Vec<Todo>,
    pub silent: Vec<(usize, Option<Value>)>,
    pub rewrites: Vec<(usize, Value)>,
    pub items: Vec<(UnitId, Item)>,
    pub window: Vec<Flight>,
    /// The product's name of the window; 0 before the first.
    pub registered: u32,
    pub counts: Counts,
    /// Guards, by the checker's count: too many removals, too many invalid keys.
    pub capped: bool,
    pub capped_invalid: bool,
    pub consent: Consent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Acknowledged,
    Refused,
    Applied,
    Lost,
    Late,
}

impl World {
    /// Claim (the epoch rises), read the source, plan, ask. `fails`: the query does.
    pub(crate) fn claim(&mut self, mut run: Run, fails: bool) -> Held {
        let epoch = self.product.claim(self.now);
        self.lost = None;
        for (unit, sequence) in std::mem::take(&mut self.dead) {
            self.cells[unit].doubt = true;
            self.cells[unit].unsettled.push((sequence, self.now + SETTLING));
        }
        if run.first == 0 {
            run.first = epoch;
            if run.kind == RunKind::FullResync {
                self.product.resync = Some(epoch);
                self.started = epoch;
                for unit in 0..self.cells.len() {
                    self.cells[unit].due = self.source.value(unit).is_some();
                    self.cells[unit].versions += 1;
                }
            }
        }
        if fails {
            say!(self, "  its query fails");
            self.product.finish(&run, Ending::default(), Vec::new());
            return Ok(());
        }
        if self.config.guards.is_none() {
            self.consent = Consent { approved: u32::MAX, invalid: u64::MAX, ..Consent::default() };
        }
        let plan = self.product.plan(&run, &self.source, &self.consent, self.now);
        self.judge_plan(&run, &plan)?;
        for unit in 0..self.cells.len() {
            let row = self.source.rows[unit / self.source.children];
            let gone = row.presence != Presence::Held && self.source.value(unit).is_none();
            self.cells[unit].due &= !gone;
        }
        if plan.asks {
            say!(self, "  it needs approval");
            self.request = Some((plan.shown, plan.guarded.invalid_keys));
            self.consent = Consent::default();
            return Ok(());
        }
        self.request = None;
        let counts = &plan.counts;
        say!(self, "  {} to send, {} deferred, {} silent", plan.todo.len(), counts.deferred, plan.silent.len());
        for (unit, value) in &plan.rewrites {
            say!(self, "  u{unit} is rewritten as {value}");
        }
        self.begin_work(run, epoch, plan);
        Ok(())
    }

    fn begin_work(&mut self, run: Run, epoch: Epoch, plan: Plan) {
        let (capped, capped_invalid) = if run.kind == RunKind::Resend { (false, false) } else { self.capped() };
        let (_, invalid) = self.source.keys();
        self.worker = Some(Worker {
            run,
            epoch,
            todo: plan.todo,
            silent: plan.silent,
            rewrites: plan.rewrites,
            items: plan.items,
            window: Vec::new(),
            registered: 0,
            counts: plan.counts,
            capped,
            capped_invalid: capped_invalid && invalid > self.consent.invalid,
            consent: self.consent,
        });
    }

    /// One put of a record of the window; `again`: it will be tried once more.
    pub(crate) fn put(&mut self, at: usize, put: Put, again: bool) -> Held {
        let Some(mut worker) = self.worker.take() else { return Ok(()) };
        let flight = &mut worker.window[at];
        let record = flight.todo.record;
        say!(self, "  put {}: {put:?}{}", brief(&record), if again { ", will retry" } else { "" });
        flight.puts += 1;
        flight.done = !again;
        flight.acknowledged |= put == Put::Acknowledged;
        flight.unanswered |= matches!(put, Put::Applied | Put::Lost | Put::Late);
        flight.outcome = match (put, flight.outcome) {
            (Put::Acknowledged, Outcome::Unanswered) => Outcome::AcknowledgedAfterDoubt,
            (Put::Acknowledged, _) => Outcome::Acknowledged,
            (Put::Refused, Outcome::NotPut) => Outcome::Refused,
            (Put::Refused, outcome) => outcome,
            (Put::Applied | Put::Lost | Put::Late, _) => Outcome::Unanswered,
        };
        self.pure &= put == Put::Acknowledged;
        self.may_put(&worker, &record)?;
        match put {
            Put::Acknowledged | Put::Applied => self.apply(record)?,
            Put::Late => self.late(record),
            Put::Refused | Put::Lost => {}
        }
        self.worker = Some(worker);
        Ok(())
    }

    /// One transaction: the outcomes of the window so far. Records that are not done stay in `window` if `carry`.
    pub(crate) fn checkpoint(&mut self, worker: &mut Worker, carry: bool) -> Held {
        let cut = self.product.mistake == Mistake::CutWindowForgetsDoubt;
        let what: Vec<(Todo, Outcome)> = worker
            .window
            .iter()
            .map(|flight| (flight.todo, if cut && carry && !flight.done { Outcome::NotPut } else { flight.outcome }))
            .collect();
        if what.is_empty() || !self.product.checkpoint(&worker.run, worker.epoch, worker.registered, &what, self.now) {
            return Ok(());
        }
        for flight in &worker.window {
            let (cell, sequence) = (&mut self.cells[flight.todo.record.unit], flight.todo.record.sequence);
            cell.doubt |= flight.outcome == Outcome::Unanswered;
            if matches!(flight.outcome, Outcome::Unanswered | Outcome::AcknowledgedAfterDoubt) {
                cell.unsettled.push((sequence, self.now + SETTLING));
            }
            if carry && !flight.done && self.product.mistake != Mistake::CarriedCountsTwice {
                continue;
            }
            self.account(worker.run, flight, &mut worker.counts)?;
        }
        worker.window.retain(|flight| carry && !flight.done);
        let carries = self.config.carries_outcome;
        for flight in &mut worker.window {
            if !carries {
                flight.before = flight.before.max_doubt(flight.outcome);
                flight.outcome = Outcome::NotPut;
            }
        }
        Ok(())
    }

    /// P3's word for a record that is done, and what an acknowledgement means to the checker.
    fn account(&mut self, run: Run, flight: &Flight, counts: &mut Counts) -> Held {
        let record = flight.todo.record;
        let cell = &mut self.cells[record.unit];
        let mistake = self.product.mistake;
        let outcome = flight.before.max_doubt(flight.outcome);
        let taken = match outcome {
            Outcome::Refused => mistake == Mistake::RefusedCountsAsAcknowledged,
            Outcome::Unanswered => mistake == Mistake::UnansweredCountsAsAcknowledged,
            Outcome::NotPut => false,
            Outcome::Acknowledged | Outcome::AcknowledgedAfterDoubt => true,
        };
        if taken {
            if !cell.stream.contains(&record) {
                return broken("I2", || format!("{} counts as acknowledged but is not in the stream", brief(&record)));
            }
            let value = if record.op == domain::Change::Removed { None } else { record.value };
            cell.acked = value.map(|value| Acked { value, form: run.form, sequence: record.sequence });
            cell.doubt = false;
            cell.resent = run.kind == RunKind::Resend;
            cell.muted = None;
            counts.delivered += 1;
        } else if outcome == Outcome::Unanswered {
            counts.unanswered += 1;
        } else if outcome == Outcome::Refused {
            counts.rejected += 1;
        } else {
            counts.deferred += 1;
        }
        let right = match (flight.acknowledged, flight.unanswered, flight.puts) {
            (true, ..) => taken,
            (false, true, _) => outcome == Outcome::Unanswered,
            (false, false, 0) => outcome == Outcome::NotPut,
            (false, false, _) => outcome == Outcome::Refused,
        };
        if right { Ok(()) } else { broken("I5", || format!("{} ended as {outcome:?}: {flight:?}", brief(&record))) }
    }

    /// Checkpoint the window and register the next one, carried records first; or end the run.
    pub(crate) fn advance(&mut self) -> Held {
        let Some(mut worker) = self.worker.take() else { return Ok(()) };
        self.checkpoint(&mut worker, true)?;
        if worker.todo.is_empty() && worker.window.is_empty() {
            return self.end(worker, false);
        }
        let bounded = self.product.mistake != Mistake::WindowWithoutBound;
        let room = if bounded { self.config.window - worker.window.len() } else { worker.todo.len() };
        for todo in worker.todo.drain(..room.min(worker.todo.len())) {
            worker.window.push(Flight {
                todo,
                outcome: Outcome::NotPut,
                before: Outcome::NotPut,
                puts: 0,
                acknowledged: false,
                unanswered: false,
                done: false,
            });
        }
        worker.registered = self.product.register(worker.window.iter().map(|flight| flight.todo), self.now);
        say!(self, "  window of {} registered, {} to go", worker.window.len(), worker.todo.len());
        self.worker = Some(worker);
        Ok(())
    }

    /// The last transaction of a run that was not killed.
    pub(crate) fn end(&mut self, mut worker: Worker, cancelled: bool) -> Held {
        if cancelled {
            self.checkpoint(&mut worker, false)?;
            worker.counts.deferred += worker.todo.len() as u64;
        }
        self.judge_counts(&worker.counts)?;
        say!(self, "  the run {}", if cancelled { "is cancelled" } else { "ends" });
        let counts = worker.counts;
        let ending = Ending { planned: true, cancelled, rejected: counts.rejected, deferred: counts.deferred };
        let items = if cancelled { Vec::new() } else { worker.items };
        self.product.finish(&worker.run, ending, items);
        if !cancelled {
            worker.silent.iter().for_each(|(unit, read)| self.silence(&worker.run, *unit, *read));
            for (unit, value) in &worker.rewrites {
                self.rewritten(&worker.run, *unit, *value)?;
            }
        }
        let reset = worker.run.kind == RunKind::Baseline && !cancelled;
        if reset && self.product.resync.is_some() {
            return broken("I7", || "a finished reset leaves the full resync unfinished".to_owned());
        }
        for unit in 0..self.cells.len() {
            // A key that is held while the full resync ends is not owed any more.
            let released = reset || (self.product.resync.is_none() && self.source.held(unit));
            self.cells[unit].due &= !released;
        }
        self.consent = Consent::default();
        Ok(())
    }

    /// A unit was acknowledged without sending. A trigger may mute what the source did, never what a re-send did.
    fn silence(&mut self, run: &Run, unit: usize, read: Option<Value>) {
        let cell = &mut self.cells[unit];
        let protected = cell.resent && read.is_some() && run.kind != RunKind::Baseline;
        cell.muted = if protected { None } else { Some((cell.said_by_sequence(), read)) };
        cell.resent = protected;
        let sequence = self.product.epoch;
        cell.acked = read.map(|value| Acked { value, form: run.form, sequence });
        cell.silenced = true;
        self.pure = false;
    }

    /// An entry took another form: only if the source says what was acknowledged, as far as the old form looks.
    fn rewritten(&mut self, run: &Run, unit: usize, value: Value) -> Held {
        let oldest = self.product.oldest_form;
        let cell = &mut self.cells[unit];
        let fits = |acked: &Acked| {
            acked.form >= oldest && crate::source::same(acked.form, acked.value, value) && acked.form != run.form
        };
        let Some(acked) = cell.acked.filter(fits) else {
            return broken("F1", || {
                format!("u{unit} is rewritten as {value} though {:?} was acknowledged", cell.acked)
            });
        };
        cell.muted = Some((cell.said_by_sequence(), Some(value)));
        cell.acked = Some(Acked { value, form: run.form, ..acked });
        self.pure = false;
        Ok(())
    }

    /// The worker dies. Its attempt is closed from durable facts: what no checkpoint names is unanswered.
    pub(crate) fn crash(&mut self, keep: bool) -> Held {
        let Some(worker) = self.worker.take() else { return Ok(()) };
        say!(self, "  {}", if keep { "the worker is paused and loses its lease" } else { "crash" });
        let unknown = (worker.window.len() + worker.todo.len()) as u64;
        self.judge_counts(&Counts { unanswered: worker.counts.unanswered + unknown, ..worker.counts })?;
        self.crashes += 1;
        self.lost = Some(worker.run);
        self.dead = worker.window.iter().map(|flight| (flight.todo.record.unit, flight.todo.record.sequence)).collect();
        self.zombie = keep.then_some(worker);
        Ok(())
    }

    /// The old worker goes on and checkpoints its window: the fence lets it only if nobody claimed since.
    pub(crate) fn zombie_checkpoints(&mut self) -> Held {
        let Some(mut zombie) = self.zombie.take() else { return Ok(()) };
        say!(self, "the old worker checkpoints");
        if zombie.epoch == self.product.epoch {
            self.dead.clear();
        }
        self.checkpoint(&mut zombie, false)
    }

    /// A worker that lost its lease puts once more, against the lease rule.
    pub(crate) fn zombie_puts(&mut self, at: usize) -> Held {
        let Some(zombie) = self.zombie.take() else { return Ok(()) };
        let flight = zombie.window[at % zombie.window.len()];
        if flight.done || self.product.epoch == zombie.epoch {
            self.zombie = Some(zombie);
            return Ok(());
        }
        say!(self, "the old worker puts {}", brief(&flight.todo.record));
        self.slipped = true;
        self.pure = false;
        self.apply(flight.todo.record)
    }
}

trait Doubt {
    fn max_doubt(self, later: Self) -> Self;
}

impl Doubt for Outcome {
    /// The outcome over two windows of one attempt.
    fn max_doubt(self, later: Self) -> Self {
        match (self, later) {
            (before, Self::NotPut) => before,
            (Self::Unanswered, Self::Acknowledged) => Self::AcknowledgedAfterDoubt,
            (Self::Unanswered, Self::Refused) => Self::Unanswered,
            (_, later) => later,
        }
    }
}
