//! One step of a walk, drawn from one choice.

use domain::{RunKind, Triggers};

use crate::layers::merge;
use crate::product::{Consent, Run, SETTLING};
use crate::random::Random;
use crate::say;
use crate::source::{MOST_CHILDREN, Presence, Row, Value};
use crate::worker::Put;
use crate::world::{Cell, Held, World, brief, broken, words};

pub(crate) const ALL: Triggers = Triggers { added: true, changed: true, removed: true };

impl World {
    pub(crate) fn step(&mut self, random: &mut Random) -> Held {
        if random.chance(15) && self.aside(random)? {
            return Ok(());
        }
        if self.worker.is_some() { self.work(random) } else { self.begin_run(random) }
    }

    /// What happens beside the worker. False when there was nothing to happen.
    fn aside(&mut self, random: &mut Random) -> Result<bool, crate::world::Violation> {
        match random.below(6) {
            0 if self.config.compaction => return self.compact(random),
            1 if self.config.slips && self.zombie.as_ref().is_some_and(|zombie| !zombie.window.is_empty()) => {
                self.zombie_puts(random.below(8))?;
            }
            1 | 2 if self.zombie.as_ref().is_some_and(|zombie| !zombie.window.is_empty()) => {
                self.zombie_checkpoints()?;
            }
            3 | 4 if self.cells.iter().any(|cell| !cell.late.is_empty()) => self.land(random)?,
            _ => {
                let ticks = random.pick(&[1, 4, SETTLING, SETTLING]);
                say!(self, "{ticks} ticks pass");
                self.settle(ticks);
            }
        }
        Ok(true)
    }

    fn land(&mut self, random: &mut Random) -> Held {
        let waiting: Vec<usize> = (0..self.cells.len()).filter(|unit| !self.cells[*unit].late.is_empty()).collect();
        let cell = &mut self.cells[random.pick(&waiting)];
        let late = cell.late.remove(random.below(cell.late.len()));
        say!(self, "late {} is applied", brief(&late.record));
        self.apply(late.record)
    }

    /// Merging layers must change no unit.
    fn compact(&mut self, random: &mut Random) -> Result<bool, crate::world::Violation> {
        if self.product.layers.len() < 2 {
            return Ok(false);
        }
        let state = |world: &Self, unit| {
            let (state, value) = world.product.unit(unit);
            let value = value.filter(|_| state.entry.is_some());
            (state.settled(world.now), value)
        };
        let before: Vec<_> = (0..self.cells.len()).map(|unit| state(self, unit)).collect();
        let at = random.below(self.product.layers.len() - 1);
        if !merge(&mut self.product.layers, at, self.now, self.product.mistake) {
            return Ok(false);
        }
        say!(self, "layers {at} and {} are merged", at + 1);
        for (unit, before) in before.iter().enumerate() {
            let after = state(self, unit);
            if after != *before {
                broken("L1", || format!("merging layers made u{unit} {after:?} of {before:?}"))?;
            }
        }
        Ok(true)
    }

    fn work(&mut self, random: &mut Random) -> Held {
        let Some(worker) = &mut self.worker else { return Ok(()) };
        let open: Vec<usize> = (0..worker.window.len()).filter(|at| !worker.window[*at].done).collect();
        let roll = random.below(100);
        if roll < if self.config.faults { 6 } else { 10 } {
            let keep = random.chance(50) && !worker.window.is_empty();
            return self.crash(keep);
        }
        if roll < 10 && self.config.faults {
            let Some(worker) = self.worker.take() else { return Ok(()) };
            self.pure = false;
            return self.end(worker, true);
        }
        if open.is_empty() || (roll < 20 && self.config.carry && open.len() < worker.window.len() + 1) {
            if !open.is_empty() {
                say!(self, "  the window's time is over");
            }
            return self.advance();
        }
        let at = random.pick(&open);
        if roll < 55 || !self.config.faults {
            return self.put(at, Put::Acknowledged, false);
        }
        let again = worker.window[at].puts < 2 && random.chance(50);
        self.put(at, random.pick(&[Put::Refused, Put::Applied, Put::Lost, Put::Late]), again)
    }

    fn begin_run(&mut self, random: &mut Random) -> Held {
        if random.chance(70) {
            self.edit(random);
        }
        if self.request.is_some() {
            self.answer(random);
        }
        let fails = self.config.specials && random.chance(6);
        self.pure &= !fails;
        if let Some(run) = self.lost
            && random.chance(60)
        {
            say!(self, "take-over");
            return self.claim(run, fails);
        }
        let run = self.choose_run(random);
        self.claim(run, fails)
    }

    fn edit(&mut self, random: &mut Random) {
        let before: Vec<_> =
            (0..self.cells.len()).map(|unit| (self.source.held(unit), self.source.value(unit))).collect();
        for _ in 0..1 + random.below(2) {
            let key = random.below(self.config.keys);
            let mut children = [None; MOST_CHILDREN];
            for child in children.iter_mut().take(self.config.children) {
                let main = random.below(self.config.mains) as u8;
                let extra = if self.config.unwatched { random.below(2) as u8 } else { 0 };
                *child = (self.config.children == 1 || random.chance(70)).then_some(Value { main, extra });
            }
            let presence = match random.below(10) {
                0 | 1 => Presence::Absent,
                2 | 3 if self.config.held => Presence::Held,
                _ => Presence::Present,
            };
            self.source.rows[key] = Row { presence, children };
        }
        for (unit, before) in before.into_iter().enumerate() {
            let after = (self.source.held(unit), self.source.value(unit));
            if after != before {
                self.cells[unit].versions += 1;
                say!(self, "source u{unit} = {}", if after.0 { "held".to_owned() } else { words(after.1) });
            }
        }
    }

    /// A person answers the open question, or does not.
    fn answer(&mut self, random: &mut Random) {
        let Some((shown, invalid)) = self.request else { return };
        let answers = [
            Consent { approved: shown, invalid, ..Consent::default() },
            Consent { approved: shown, invalid, ..Consent::default() },
            Consent { held: shown, invalid, ..Consent::default() },
            Consent { forgotten: shown, invalid, ..Consent::default() },
            Consent::default(),
        ];
        self.consent = random.pick(&answers);
        self.request = None;
        say!(self, "the answer is {:?}", self.consent);
    }

    fn choose_run(&mut self, random: &mut Random) -> Run {
        let bump = self.config.versions && random.chance(15);
        let mut kind = RunKind::Normal;
        let mut triggers = ALL;
        let mut chosen = None;
        if self.config.forms && self.form < 8 && random.chance(20) {
            kind = self.change_form(random);
        } else if self.config.streams && random.chance(15) {
            kind = self.change_stream(random);
        } else if bump {
            self.bump();
        }
        let plain = kind == RunKind::Normal;
        if plain && self.config.triggers && random.chance(35) {
            match random.below(3) {
                0 => triggers.added = false,
                1 => triggers.changed = false,
                _ => triggers.removed = false,
            }
        }
        if plain && self.config.specials && random.chance(35) {
            kind = random.pick(&[RunKind::FullResync, RunKind::FullResync, RunKind::Baseline, RunKind::Resend]);
            if kind == RunKind::FullResync && random.chance(40) {
                triggers = Triggers { added: false, changed: false, removed: true };
            }
        }
        if kind == RunKind::Resend {
            let unit = random.below(self.cells.len());
            let extra = if self.config.unwatched { random.below(2) as u8 } else { 0 };
            let value = Value { main: random.below(self.config.mains) as u8, extra };
            self.cells[unit].versions += 2; // It, and going back.
            say!(self, "re-send u{unit} = {value}");
            chosen = Some((unit, value));
        } else {
            say!(self, "{kind:?} run, {triggers:?}, version {}, form {}", self.version, self.form);
        }
        self.pure &= kind == RunKind::Normal && triggers == ALL;
        Run { kind, triggers, version: self.version, form: self.form, first: 0, chosen }
    }

    fn bump(&mut self) {
        self.version += 1;
        self.cells.iter_mut().for_each(|cell| cell.versions += 1);
    }

    /// Other columns are watched from now on: send all again, or only future changes.
    fn change_form(&mut self, random: &mut Random) -> RunKind {
        self.bump();
        self.form += 1;
        let all = random.chance(30);
        let forgets = all && random.chance(30);
        if forgets {
            self.product.oldest_form = self.form;
        }
        let how = if all { "send all" } else { "only future changes" };
        say!(self, "the form changes: {how}{}", if forgets { ", older forms cannot be computed" } else { "" });
        if all { RunKind::FullResync } else { RunKind::Normal }
    }

    /// Another stream from now on; late puts and old workers still put into the old one.
    fn change_stream(&mut self, random: &mut Random) -> RunKind {
        self.bump();
        self.pure = false;
        self.zombie = None;
        let all = random.chance(50);
        say!(self, "the stream changes: {}", if all { "send all" } else { "only future changes" });
        for unit in 0..self.cells.len() {
            let cell = &mut self.cells[unit];
            cell.stream.clear();
            cell.late.clear();
            if all {
                *cell = Cell { versions: cell.versions, ..Cell::default() };
            } else {
                // The entry says what the old stream acknowledged; the new one has heard nothing.
                cell.muted = Some((None, cell.acked.map(|acked| acked.value)));
                cell.silenced = true;
            }
        }
        if all {
            self.dead.clear();
            self.product.drop_snapshot();
        }
        if all { RunKind::FullResync } else { RunKind::Normal }
    }
}
