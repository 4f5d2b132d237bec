//! Two API processes, two workers, one database, one folder of objects: all of it is killed, stopped and taken away in turn
//! while customers change their tables and write through the API. What was answered stays; every run comes to an end; the
//! streams say what the tables say. `ROWCAST_LONG=1` makes it thorough, `ROWCAST_SEED` repeats one order of things.

mod checks;
mod nemeses;
mod tenants;
mod witness;
mod writes;

#[path = "../../crash/random.rs"]
mod random;

use std::cell::Cell;
use std::time::Duration;

use crate::world::{Settings, World};
use nemeses::{Fleet, Nemesis};
use random::Random;
use tenants::{Edits, Tenant};
use writes::{Apis, Writer};

/// Promise P2's W: what a kill may cost, in records.
const WINDOW: u32 = 60;
/// Of one put.
const CALL_RECORDS: usize = 20;
const TENANTS: u32 = 3;
const ROWS: u32 = 600;
const LEASE: Duration = Duration::from_secs(2);

/// How much of everything there is.
struct Size {
    acknowledged: usize,
    rounds: u32,
    without_database: Duration,
    without_objects: Duration,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_is_lost_and_every_stream_is_right_whatever_is_killed_stopped_or_taken_away() {
    let size = if long() {
        let without_database = Duration::from_secs(30);
        Size { acknowledged: 10_000, rounds: 5, without_database, without_objects: Duration::from_secs(10) }
    } else {
        let without_database = Duration::from_secs(6);
        Size { acknowledged: 1_000, rounds: 1, without_database, without_objects: Duration::from_secs(2) }
    };
    let settings = Settings::default()
        .own_cluster()
        .set("worker.lease", format!("{}s", LEASE.as_secs()))
        .set("worker.window_records", WINDOW)
        .set("worker.window_time", "300ms")
        .set("worker.drain", "30s")
        .set("log.level", "info");
    let world = World::start(settings).await;
    witness::watch(&world).await;
    let mut random = Random::new("chaos");
    let mut fleet = Fleet::start(&world).await;
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        tenants.push(Tenant::new(&world, &fleet.apis, number).await);
    }
    let (over, quiet) = (Cell::new(false), Cell::new(false));
    let edits = Edits { tenants: &tenants, over: &over, random: Random::child(&mut random) };
    let mut writers: Vec<_> = (0..4)
        .map(|number| Writer::new(&tenants[number % tenants.len()], &fleet.apis.clone(), number, Random::child(&mut random)))
        .collect();
    let chaos = async {
        let mut fleet = &mut fleet;
        let mut struck = nemeses::Struck::default();
        for round in 0..size.rounds {
            for nemesis in Nemesis::order(&mut random) {
                eprintln!("round {round}: {nemesis:?}");
                nemeses::strike(&world, &mut fleet, &tenants, &size, nemesis, &mut struck).await;
            }
        }
        over.set(true);
        struck
    };
    let writes = futures(&mut writers, &quiet, size.acknowledged, &over);
    let (struck, (), ()) = tokio::join!(chaos, edits.go_on(), writes);
    drop(quiet);
    let _ = struck;
}
