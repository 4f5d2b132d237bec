//! Being asked to end, which is not a crash.

use std::time::Duration;

use rustix::process::Signal;

use crate::child::{Child, Options};
use crate::place::{Place, Setting};
use crate::replay::Consumer;
use crate::waiting::until;

fn setting() -> Setting {
    Setting {
        rows: 1_000,
        window: 100,
        latency: Duration::from_millis(120),
        settling: Duration::from_millis(500),
        embedded: false,
    }
}

async fn ends_as_cancelled_when_told_by(signal: Signal) {
    let place = Place::new(setting()).await;
    let mut child = Child::start(&place, &Options::default());
    child.until_arrived(&place, 250).await;
    child.signal(signal);
    let ended = child.ended().await;
    assert_eq!(ended.code(), Some(130), "{ended:?}");
    assert_eq!(ended.report()["state"], "cancelled");
    let (delivered, deferred) = (ended.count("delivered"), ended.count("deferred"));
    assert_eq!(delivered, place.arrived() as u64, "what arrived is acknowledged");
    assert!(deferred > 0, "it was told in the middle");

    let next = place.run().await;
    assert_eq!(next.count("planned"), deferred, "what was acknowledged is not sent again");
    let mut consumer = Consumer::default();
    place.check_stream(&mut consumer, &[]).await;
    assert_eq!(consumer.duplicates, 0);
    place.check_store().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_a_run_as_cancelled_and_keeps_what_was_acknowledged() {
    ends_as_cancelled_when_told_by(Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_run_as_cancelled_and_keeps_what_was_acknowledged() {
    ends_as_cancelled_when_told_by(Signal::INT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_process_at_once_like_a_crash() {
    let place = Place::new(Setting { latency: Duration::from_millis(1_500), ..setting() }).await;
    let child = Child::start(&place, &Options::default());
    until("a put", || place.simulator.calls_of(simulator::Operation::PutRecords) > 0).await;
    child.signal(Signal::TERM);
    until("an answer to the first signal", || child.errors().contains("once more to end at once")).await;
    child.signal(Signal::TERM);
    assert_eq!(child.ended().await.code(), Some(130));

    place.simulator.clear_faults();
    place.expire_leases().await;
    place.run().await;
    let mut consumer = Consumer::default();
    place.check_stream(&mut consumer, &[]).await;
    assert!(consumer.duplicates <= place.window() as usize);
    place.check_store().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_wait_for_the_lease_of_a_dead_process() {
    let place = Place::new(setting()).await;
    let mut dead = Child::start(&place, &Options::default());
    dead.until_arrived(&place, 1).await;
    assert!(dead.kill().await);
    let waits = Child::start(&place, &Options::default());
    until("the wait for the lease", || waits.errors().contains("waiting")).await;
    waits.signal(Signal::TERM);
    let ended = waits.ended().await;
    assert_eq!(ended.code(), Some(130), "{ended:?}");

    place.expire_leases().await;
    place.run().await;
    place.check_stream(&mut Consumer::default(), &[]).await;
    place.check_store().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_acknowledges_nothing_without_sending() {
    let place = Place::new(setting()).await;
    place.run().await;
    place.shop.batch_execute("delete from items where id <= 10; update items set body = 'new'").await.unwrap();
    place.write_sync_file(false);
    let mut child = Child::start(&place, &Options::default());
    child.until_arrived(&place, 1_250).await;
    child.signal(Signal::TERM);
    let ended = child.ended().await;
    assert_eq!((ended.code(), ended.count("not_wanted")), (Some(130), 10), "{ended:?}");

    // The removals that the cancelled run would have acknowledged silently are still due.
    place.write_sync_file(true);
    assert_eq!(place.run().await.count("removed"), 10);
    place.check_stream(&mut Consumer::default(), &[]).await;
}
