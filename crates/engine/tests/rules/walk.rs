//! Plays a case, and makes a failing one short.

use std::cell::RefCell;
use std::rc::Rc;

use crate::case::Case;
use crate::mistake::Mistake;
use crate::random::Random;
use crate::world::{Held, Violation, World};

pub(crate) fn play(case: &Case, mistake: Mistake) -> Held {
    play_traced(case, mistake, None)
}

fn play_traced(case: &Case, mistake: Mistake, trace: Option<Rc<RefCell<Vec<String>>>>) -> Held {
    let mut world = World::new(&case.config, mistake, trace);
    for choice in &case.choices {
        let mut random = Random::new(*choice);
        world.step(&mut random)?;
        if world.worker.is_none() && random.chance(15) {
            world.close(&mut random)?;
        }
    }
    if world.worker.is_some() {
        world.crash(false)?;
    }
    world.close(&mut Random::new(case.choices.len() as u64))
}

/// The trace in words of a case that fails.
pub(crate) fn trace(case: &Case, mistake: Mistake) -> Vec<String> {
    let lines = Rc::new(RefCell::new(Vec::new()));
    if let Err(violation) = play_traced(case, mistake, Some(Rc::clone(&lines))) {
        lines.borrow_mut().push(format!("{}: {}", violation.rule, violation.text));
    }
    lines.borrow().clone()
}

/// A shorter case that breaks the same rule: fewer steps, then a simpler world, until nothing helps.
pub(crate) fn shrink(case: &Case, mistake: Mistake, violation: &Violation) -> Case {
    let fails = |case: &Case| play(case, mistake).is_err_and(|found| found.rule == violation.rule);
    let mut best = case.clone();
    loop {
        let steps = best.choices.len();
        let config = best.config.clone();
        drop_steps(&mut best, &fails);
        for simpler in best.config.simpler() {
            let tried = Case { config: simpler, choices: best.choices.clone() };
            if fails(&tried) {
                best = tried;
                break;
            }
        }
        if best.choices.len() == steps && best.config == config {
            return best;
        }
    }
}

fn drop_steps(best: &mut Case, fails: &dyn Fn(&Case) -> bool) {
    let mut size = best.choices.len();
    while size > 0 {
        let mut at = 0;
        while at < best.choices.len() {
            let mut tried = best.clone();
            tried.choices.drain(at..(at + size).min(best.choices.len()));
            if fails(&tried) {
                *best = tried;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
}
