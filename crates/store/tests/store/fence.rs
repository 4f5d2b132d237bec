//! The fence is an update of the row that a claim updates too: whoever comes second waits, and then sees the first.

use std::time::{Duration, Instant};

use store::{Checkpoint, Error};
use tokio_postgres::{Client, NoTls};

use crate::fixture::{Fixture, LEASE, added, append, open};

async fn connect(fixture: &Fixture) -> Client {
    let (client, connection) = tokio_postgres::connect(fixture.database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Waits until so many sessions of this database wait for a lock.
async fn until_waiting(client: &Client, sessions: i64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while client.query_one(query, &[]).await.unwrap().get::<_, i64>(0) < sessions {
        assert!(Instant::now() < deadline, "nobody waits for a lock");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_checkpoint_that_waited_for_a_claim_is_refused() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let (other, watcher) = (connect(&fixture).await, connect(&fixture).await);
    // As a claim does, but it takes its time.
    other.batch_execute("begin; update sync set epoch = epoch + 1; update run set epoch = epoch + 1").await.unwrap();
    let (mut version, late) = (claim.manifest_version, append("late"));
    let (refused, ()) = tokio::join!(fixture.scope.checkpoint(&claim, &mut version, &late), async {
        until_waiting(&watcher, 1).await;
        other.batch_execute("commit").await.unwrap();
    });
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    assert_eq!(fixture.count("manifest").await, 0);
}

#[tokio::test]
async fn a_claim_waits_for_a_checkpoint_that_has_passed_the_fence_and_sees_its_window() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    fixture.scope.heartbeat(&claim, -1).await.unwrap();
    let (other, watcher) = (connect(&fixture).await, connect(&fixture).await);
    // The checkpoint passes the fence, then has to wait with what it writes.
    other.batch_execute("begin; lock table manifest in share mode").await.unwrap();
    let window = Checkpoint { open: open(1, 2), counts: added(2, 0), ..Checkpoint::default() };
    let mut version = claim.manifest_version;
    let claims = async {
        until_waiting(&watcher, 1).await;
        fixture.take(LEASE).await
    };
    let (checkpoint, next, ()) = tokio::join!(fixture.scope.checkpoint(&claim, &mut version, &window), claims, async {
        until_waiting(&watcher, 2).await;
        other.batch_execute("commit").await.unwrap();
    });
    checkpoint.unwrap();
    assert_eq!(next.epoch, claim.epoch + 1);
    assert_eq!(fixture.count("snapshot_window where state = 'dead'").await, 1, "the claim closed the window");
    assert_eq!(fixture.count("snapshot_window").await, 1);
}
