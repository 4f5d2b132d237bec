//! The product side: what the runner and the store do around the engine's pure rules, kept in memory. Everything that
//! decides is the engine's; a `Mistake` bends its answers.

use domain::{Change, Counts, Guards, RunKind, Triggers};
use engine::form::FormId;
use engine::guard::{self, Planned};
use engine::hash::Hash128;
use engine::rules::{self, Action, Attempt, Count, Ending, Epoch, Outcome, Read, RowHashes, Version, WindowEntry};
use engine::unit::{Entry, EntryChange, Unit, UnitId};

use crate::bend;
use crate::layers::{Flaw, Item, Layer, Open, fold};
use crate::mistake::Mistake;
use crate::source::{Source, Value, content_hash, row_hash};

/// How long an unanswered put may still be applied.
pub(crate) const SETTLING: i64 = 10;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub kind: RunKind,
    pub triggers: Triggers,
    pub version: u32,
    pub form: FormId,
    /// The epoch of its first claim; 0 before.
    pub first: Epoch,
    /// Of a re-send.
    pub chosen: Option<(usize, Value)>,
}

/// A record as a consumer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub unit: usize,
    pub op: Change,
    pub value: Option<Value>,
    pub version: u32,
    pub sequence: Epoch,
    pub previous: Option<Value>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Todo {
    pub record: Record,
    pub entry: WindowEntry,
}

/// What people answered to the question of a run, as sets of units.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Consent {
    pub approved: u32,
    pub held: u32,
    pub forgotten: u32,
    pub invalid: u64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub todo: Vec<Todo>,
    /// To acknowledge without sending, and to write again, when the run ends.
    pub silent: Vec<(usize, Option<Value>)>,
    pub rewrites: Vec<(usize, Value)>,
    pub items: Vec<(UnitId, Item)>,
    /// Versions that wait for older ones to settle.
    pub waiting: Vec<(usize, Epoch)>,
    pub counts: Counts,
    pub guarded: Planned,
    /// The removals that a question would show.
    pub shown: u32,
    pub asks: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub mistake: Mistake,
    pub units: usize,
    pub children: usize,
    pub guards: Guards,
    pub epoch: Epoch,
    pub resync: Option<Epoch>,
    /// Entries of older forms than this cannot be compared any more.
    pub oldest_form: FormId,
    pub layers: Vec<Layer>,
    pub next_layer: u32,
}

impl Product {
    pub(crate) fn id(&self, unit: usize) -> UnitId {
        let shared = self.mistake == Mistake::ChildrenShareAUnit;
        let child = if shared { 0 } else { unit % self.children };
        UnitId { key: Hash128([(unit / self.children) as u8; 16]), child: child as u64 }
    }

    pub(crate) fn unit(&self, unit: usize) -> (Unit, Option<Value>) {
        fold(&self.layers, self.id(unit))
    }

    /// The epoch rises; windows that are open are of dead attempts, whose puts end with their lease.
    pub(crate) fn claim(&mut self, now: i64) -> Epoch {
        self.epoch += 1;
        let mistake = self.mistake;
        for layer in &mut self.layers {
            if let Some(open) = layer.open.take() {
                let from = if mistake == Mistake::SettlingCountsFromRegistration { open.registered_at } else { now };
                layer.items = open
                    .entries
                    .iter()
                    .map(|(id, entry, value)| {
                        (*id, bend::item(mistake, entry, *value, Outcome::Unanswered, from + SETTLING, 0))
                    })
                    .collect();
            }
        }
        self.epoch
    }

    pub(crate) fn push(&mut self, items: Vec<(UnitId, Item)>, open: Option<Open>) -> u32 {
        self.next_layer += 1;
        self.layers.push(Layer { id: self.next_layer, items, open });
        self.next_layer
    }

    /// Registers a window: from here on its units are uncertain if nothing else is heard of it.
    pub(crate) fn register(&mut self, todo: impl Iterator<Item = Todo>, now: i64) -> u32 {
        let entries = todo.map(|todo| (self.id(todo.record.unit), todo.entry, todo.record.value)).collect();
        self.push(Vec::new(), Some(Open { entries, registered_at: now }))
    }

    /// Checkpoints a window in one fenced transaction; false when the fence refuses it.
    pub(crate) fn checkpoint(
        &mut self,
        run: &Run,
        epoch: Epoch,
        window: u32,
        what: &[(Todo, Outcome)],
        now: i64,
    ) -> bool {
        let fenced = self.epoch != epoch;
        if fenced && self.mistake != Mistake::NoFence {
            return false;
        }
        let at = self.layers.iter().position(|layer| layer.id == window);
        let open = at.and_then(|at| self.layers[at].open.take());
        let early = self.mistake == Mistake::SettlingCountsFromRegistration;
        let from = open.as_ref().filter(|_| early).map_or(now, |open| open.registered_at);
        let items = what
            .iter()
            .map(|(todo, outcome)| {
                let value = todo.record.value;
                let item = bend::item(self.mistake, &todo.entry, value, *outcome, from + SETTLING, run.first);
                (self.id(todo.record.unit), item)
            })
            .collect();
        match at {
            Some(at) if !fenced => self.layers[at].items = items,
            _ => {
                self.push(items, None);
            }
        }
        true
    }

    /// The end of a run that planned its model, or tried to.
    pub(crate) fn finish(&mut self, run: &Run, ending: Ending, items: Vec<(UnitId, Item)>) {
        if !items.is_empty() {
            self.push(items, None);
        }
        self.resync = bend::resync_after(self.mistake, run.kind, self.resync, ending);
    }

    /// A new stream to which everything is sent: what another stream acknowledged says nothing of it.
    pub(crate) fn drop_snapshot(&mut self) {
        if self.mistake != Mistake::NewStreamKeepsSnapshot {
            self.layers.clear();
        }
    }

    pub(crate) fn plan(&self, run: &Run, source: &Source, consent: &Consent, now: i64) -> Plan {
        let attempt = Attempt {
            kind: run.kind,
            triggers: run.triggers,
            version: run.version,
            epoch: self.epoch,
            resync: self.resync,
            form: run.form,
            now,
        };
        let mut plan = Plan::default();
        if run.kind == RunKind::Resend {
            self.plan_resend(run, &attempt, source, &mut plan);
            return plan;
        }
        let (present, held) = source.keys();
        plan.counts.queried = present + 2 * held;
        plan.counts.invalid = 2 * held;
        plan.counts.rows = present;
        plan.guarded = Planned {
            queried: plan.counts.queried,
            invalid_keys: held,
            valid_keys: present,
            covered_invalid: consent.invalid,
            ..Planned::default()
        };
        for unit in 0..self.units {
            self.plan_unit(run, &attempt, source, consent, unit, &mut plan);
        }
        plan.asks = self.mistake != Mistake::GuardIgnored && !guard::questions(&self.guards, &plan.guarded).is_empty();
        plan
    }

    fn plan_resend(&self, run: &Run, attempt: &Attempt, source: &Source, plan: &mut Plan) {
        let Some((index, value)) = run.chosen else { return };
        if source.held(index) {
            return;
        }
        let (unit, previous) = self.unit(index);
        let unit = unit.settled(attempt.now);
        let decision = rules::decide_resend(attempt, &unit, content_hash(value));
        let decision = bend::decision(self.mistake, attempt, &unit, Some((value, run.form)), decision);
        plan.counts.units = 1;
        plan.counts.repeated = 1;
        plan.counts.planned = 1;
        self.take(run, plan, index, Some(value), previous, decision.action);
    }

    fn plan_unit(
        &self,
        run: &Run,
        attempt: &Attempt,
        source: &Source,
        consent: &Consent,
        index: usize,
        plan: &mut Plan,
    ) {
        let (unit, previous) = self.unit(index);
        let unit = unit.settled(attempt.now);
        plan.guarded.snapshot += u64::from(unit.entry.is_some());
        let value = source.value(index);
        let mut forms: [(FormId, Hash128); 8] = [(0, Hash128::default()); 8];
        let known = (self.oldest_form..=run.form).rev().take(8);
        let many = known.clone().count();
        for (slot, form) in forms.iter_mut().zip(known) {
            let hashed = if self.mistake == Mistake::FormsCompared { run.form } else { form };
            let hash = value.map_or(Hash128::default(), |value| self.hash(hashed, value));
            *slot = (form, hash);
        }
        let read = match value {
            _ if self.holds(source, index) => Read::Held,
            None => Read::Absent,
            Some(value) => Read::Row(RowHashes { forms: &forms[..many], content: self.content(value) }),
        };
        let rewrite = unit.entry.is_some_and(|entry| entry.form != run.form);
        let decision = rules::decide(attempt, &unit, read, rewrite);
        let row = value.map(|value| (value, run.form));
        let decision = bend::decision(self.mistake, attempt, &unit, row, decision);
        self.count(plan, decision.count);
        if decision.count != Count::Removed {
            return self.act(run, plan, index, &unit, value, previous, decision);
        }
        let bit = 1 << index;
        plan.shown |= bit;
        plan.guarded.removals += 1;
        let covering = consent.approved | consent.held | consent.forgotten;
        let all = self.mistake == Mistake::ApprovalCoversAll && covering != 0;
        plan.guarded.covered_removals += u64::from(covering & bit != 0 || all);
        let sent = matches!(decision.action, Action::Send(_) | Action::Wait(_));
        if sent && consent.held & bit != 0 && self.mistake != Mistake::HoldSends {
            plan.counts.planned += 1;
            plan.counts.deferred += 1;
        } else if sent && consent.forgotten & bit != 0 {
            let clears = self.mistake == Mistake::ForgetClearsMarks;
            let action = if unit.uncertain() && !clears { Action::Aside } else { Action::Silent };
            self.act(run, plan, index, &unit, value, previous, rules::Decision { action, ..decision });
        } else {
            self.act(run, plan, index, &unit, value, previous, decision);
        }
    }

    /// A held key holds every unit of it.
    fn holds(&self, source: &Source, unit: usize) -> bool {
        source.held(unit)
            && self.mistake != Mistake::HeldKeysRemoved
            && (self.mistake != Mistake::HeldKeyHoldsFirstChildOnly || unit.is_multiple_of(self.children))
    }

    fn hash(&self, form: FormId, value: Value) -> Hash128 {
        if self.mistake == Mistake::UnwatchedColumnsCount { content_hash(value) } else { row_hash(form, value) }
    }

    fn content(&self, value: Value) -> Hash128 {
        let watched = self.mistake == Mistake::IdentityFromWatchedColumns;
        content_hash(if watched { Value { extra: 0, ..value } } else { value })
    }

    fn count(&self, plan: &mut Plan, count: Count) {
        let counts = &mut plan.counts;
        let present = match count {
            Count::Nothing | Count::Held => return,
            Count::Removed => {
                counts.removed += 1;
                return;
            }
            Count::Unchanged => &mut counts.unchanged,
            Count::Added => &mut counts.added,
            Count::Changed => &mut counts.changed,
            Count::Repeated => &mut counts.repeated,
        };
        *present += 1;
        counts.units += 1;
    }

    #[expect(clippy::too_many_arguments, reason = "one arm per action, each with other needs")]
    fn act(
        &self,
        run: &Run,
        plan: &mut Plan,
        index: usize,
        unit: &Unit,
        value: Option<Value>,
        previous: Option<Value>,
        decision: rules::Decision,
    ) {
        let row = value.map(|value| (run.form, self.hash(run.form, value)));
        match decision.action {
            Action::Nothing => {}
            Action::Send(_) | Action::Wait(_) => {
                plan.counts.planned += 1;
                self.take(run, plan, index, value, previous, decision.action);
            }
            Action::Silent => {
                plan.counts.not_wanted += u64::from(decision.count != Count::Unchanged);
                plan.silent.push((index, value));
                let delta = rules::acknowledge_silently(row, self.epoch);
                let flaw = bend::silently(self.mistake, run.kind, unit);
                plan.items.push((self.id(index), Item { delta, value, flaw }));
            }
            Action::Aside => plan.counts.not_wanted += u64::from(decision.count != Count::Unchanged),
            Action::Rewrite => {
                let (Some(entry), Some((form, hash)), Some(value)) = (unit.entry, row, value) else { return };
                plan.rewrites.push((index, value));
                let delta = rules::rewrite(entry, form, hash);
                plan.items.push((self.id(index), Item { delta, value: Some(value), flaw: Flaw::None }));
            }
        }
    }

    /// A version to send now, or to leave to a later run.
    fn take(
        &self,
        run: &Run,
        plan: &mut Plan,
        unit: usize,
        value: Option<Value>,
        previous: Option<Value>,
        action: Action,
    ) {
        let Action::Send(Version { op, sequence }) = action else {
            plan.counts.deferred += 1;
            if let Action::Wait(version) = action {
                plan.waiting.push((unit, version.sequence));
            }
            return;
        };
        let previous = if op == Change::Added { None } else { previous };
        let entry = WindowEntry {
            op,
            content: value.map_or(Hash128::default(), |value| self.content(value)),
            version: run.version,
            sequence,
            row: value.map_or(Hash128::default(), |value| self.hash(run.form, value)),
            form: run.form,
            resend: run.kind == RunKind::Resend,
        };
        plan.todo.push(Todo { record: Record { unit, op, value, version: run.version, sequence, previous }, entry });
    }

    /// A unit that was acknowledged before the walk began.
    pub(crate) fn begin_acknowledged(&mut self, unit: usize, value: Value) {
        let entry = Entry { row: self.hash(1, value), form: 1, sequence: 1, resent: false };
        let mut item = Item { value: Some(value), ..Item::default() };
        item.delta.entry = EntryChange::Set(entry);
        let id = self.id(unit);
        self.push(vec![(id, item)], None);
    }
}
