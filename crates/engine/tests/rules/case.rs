//! A case: a small world and a list of choices, both made from a seed. Each choice is a seed of its own for one step,
//! so that any part of the list is a case as well; that is how a failing one is made short.

use domain::Guards;

use crate::random::Random;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    pub keys: usize,
    pub children: usize,
    /// Keys that are there from the start, and how many of these are acknowledged.
    pub present: usize,
    pub acknowledged: usize,
    /// The most records of a window.
    pub window: usize,
    /// How many values the first column takes; the second takes two if `unwatched`.
    pub mains: usize,
    pub unwatched: bool,
    pub held: bool,
    /// Puts may fail. Without it there are crashes alone.
    pub faults: bool,
    pub triggers: bool,
    pub specials: bool,
    pub versions: bool,
    pub slips: bool,
    pub forms: bool,
    pub streams: bool,
    pub compaction: bool,
    /// A window may be cut by time; its unfinished records go into the next one.
    pub carry: bool,
    /// ... with what became of them so far.
    pub carries_outcome: bool,
    pub guards: Option<Guards>,
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub config: Config,
    pub choices: Vec<u64>,
}

impl Case {
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut config = Config::random(&mut random);
        if random.chance(12) {
            config = config.crashes_alone(&mut random);
        }
        let steps = random.pick(&[12, 25, 50, 100]);
        Self { config, choices: (0..steps).map(|_| random.next()).collect() }
    }
}

impl Config {
    fn random(random: &mut Random) -> Self {
        // A few kinds of trouble at a time find most; all at once finds what only their meeting shows.
        let share = random.pick(&[15, 30, 30, 60]);
        let keys = random.pick(&[1, 1, 1, 2, 3]);
        let present = random.below(keys + 1);
        let strict = Guards { removed_percent: random.pick(&[20.0, 50.0]), removed_more_than: random.pick(&[0, 1]) };
        Self {
            keys,
            children: if random.chance(25) { 2 } else { 1 },
            present,
            acknowledged: random.below(present + 1),
            window: 1 + random.below(3),
            mains: random.pick(&[2, 2, 3]),
            unwatched: random.chance(share),
            held: random.chance(share),
            faults: random.chance(85),
            triggers: random.chance(share),
            specials: random.chance(share + 10),
            versions: random.chance(share),
            slips: random.chance(share / 2),
            forms: random.chance(share),
            streams: random.chance(share / 2),
            compaction: random.chance(50),
            carry: random.chance(50),
            carries_outcome: random.chance(50),
            guards: random.chance(share).then_some(strict),
        }
    }

    /// Nothing but crashes, so that the bound on duplicates counts to the end of the walk.
    fn crashes_alone(self, random: &mut Random) -> Self {
        Self {
            keys: 3,
            present: 3,
            window: 1 + random.below(2),
            faults: false,
            triggers: false,
            specials: false,
            slips: false,
            forms: false,
            streams: false,
            ..self
        }
    }

    /// The same world with one thing less, each in turn.
    pub(crate) fn simpler(&self) -> Vec<Self> {
        let changes: [fn(&mut Self); 19] = [
            |it| it.keys = 1,
            |it| it.keys = it.keys.saturating_sub(1).max(1),
            |it| it.children = 1,
            |it| it.present = 0,
            |it| it.acknowledged = 0,
            |it| it.window = 1,
            |it| it.mains = 2,
            |it| it.unwatched = false,
            |it| it.held = false,
            |it| it.triggers = false,
            |it| it.specials = false,
            |it| it.versions = false,
            |it| it.slips = false,
            |it| it.forms = false,
            |it| it.streams = false,
            |it| it.compaction = false,
            |it| it.carry = false,
            |it| it.carries_outcome = false,
            |it| it.guards = None,
        ];
        let simplify = |change: fn(&mut Self)| {
            let mut simpler = self.clone();
            change(&mut simpler);
            simpler.present = simpler.present.min(simpler.keys);
            simpler.acknowledged = simpler.acknowledged.min(simpler.present);
            simpler
        };
        changes.into_iter().map(simplify).filter(|simpler| simpler != self).collect()
    }
}
