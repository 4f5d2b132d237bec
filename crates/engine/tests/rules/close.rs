//! Faults stop: the lost run goes on, late puts land or not, settling passes, one more run ends. Then everything must
//! be as promised, and a further run finds nothing to do.

use domain::RunKind;

use crate::product::{Consent, Run, SETTLING};
use crate::random::Random;
use crate::say;
use crate::source::watched;
use crate::steps::ALL;
use crate::worker::Put;
use crate::world::{Held, World, broken};

impl World {
    pub(crate) fn close(&self, random: &mut Random) -> Held {
        let kept = self.trace.as_ref().map_or(0, |trace| trace.borrow().len());
        if self.pure && !self.slipped && self.repeats > self.crashes * self.config.window {
            let (repeats, crashes, window) = (self.repeats, self.crashes, self.config.window);
            return broken("I3", || format!("{repeats} repeats after {crashes} crashes with a window of {window}"));
        }
        let mut world = self.clone();
        say!(world, "faults stop");
        world.zombie = None;
        world.pure = false;
        if let Some(run) = world.lost {
            say!(world, "take-over");
            world.consent = world.everything();
            world.claim(run, false)?;
            world.drive()?;
        }
        world.land_some(random)?;
        world.settle(SETTLING);
        world.last_run()?;
        world.nothing_is_left()?;
        if let Some(trace) = &self.trace {
            trace.borrow_mut().truncate(kept);
        }
        Ok(())
    }

    fn everything(&self) -> Consent {
        Consent { approved: u32::MAX, invalid: u64::MAX, ..Consent::default() }
    }

    fn land_some(&mut self, random: &mut Random) -> Held {
        for unit in 0..self.cells.len() {
            for late in std::mem::take(&mut self.cells[unit].late) {
                if random.chance(60) {
                    say!(self, "late {} is applied", crate::world::brief(&late.record));
                    self.apply(late.record)?;
                }
            }
        }
        Ok(())
    }

    fn normal(&self) -> Run {
        let (version, form) = (self.version, self.form);
        Run { kind: RunKind::Normal, triggers: ALL, version, form, first: 0, chosen: None }
    }

    fn last_run(&mut self) -> Held {
        say!(self, "settling passes; one more run, everything is approved");
        self.consent = self.everything();
        self.claim(self.normal(), false)?;
        if let Some(worker) = &self.worker
            && worker.counts.deferred > 0
        {
            return broken("I9", || format!("a run after settling still defers: {:?}", worker.counts));
        }
        self.drive()?;
        (0..self.cells.len()).try_for_each(|unit| self.judge_unit(unit))
    }

    /// Columns that are not watched may change meanwhile.
    fn nothing_is_left(&mut self) -> Held {
        say!(self, "and another run");
        let (main, extra) = watched(self.form);
        for row in self.source.rows.iter_mut().filter(|_| self.config.unwatched) {
            for value in row.children.iter_mut().flatten() {
                value.extra = if extra { value.extra } else { 1 - value.extra };
                value.main = if main { value.main } else { 1 - value.main.min(1) };
            }
        }
        self.consent = self.everything();
        self.claim(self.normal(), false)?;
        match &self.worker {
            Some(worker)
                if worker.todo.is_empty()
                    && worker.counts.planned == 0
                    && worker.items.is_empty()
                    && self.product.resync.is_none() =>
            {
                Ok(())
            }
            Some(worker) => broken("I9", || {
                let resync = self.product.resync;
                format!("the run after the last still plans {:?}, {:?}, resync {resync:?}", worker.todo, worker.silent)
            }),
            None => broken("I9", || "the run after the last asks though everything is approved".to_owned()),
        }
    }

    /// The worker goes on without faults.
    fn drive(&mut self) -> Held {
        while let Some(worker) = &self.worker {
            let open: Vec<usize> = (0..worker.window.len()).filter(|at| !worker.window[*at].done).collect();
            for at in open {
                self.put(at, Put::Acknowledged, false)?;
            }
            self.advance()?;
        }
        Ok(())
    }
}
