//! After a backup of the database was restored: whoever worked since is not heard, and nothing runs before its owner decides.

use domain::{RunKind, RunState};
use serde_json::{Value, json};
use store::{AfterRestore, Checkpoint, Claimed, Error};

use crate::config::by;
use crate::fixture::{Fixture, LEASE, SETTLING, added, append, close, open, succeeded};

/// A run that was at work when the backup was made, with an open window.
async fn at_work(fixture: &Fixture) -> (store::Claim, u64) {
    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    let window = Checkpoint { open: open(1, 2), counts: added(2, 0), ..Checkpoint::default() };
    fixture.scope.checkpoint(&claim, &mut version, &window).await.unwrap();
    (claim, version)
}

fn fenced<T: std::fmt::Debug>(answer: Result<T, Error>) {
    assert!(matches!(answer, Err(Error::Fenced { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_worker_of_before_the_restore_can_write_nothing_any_more() {
    let fixture = Fixture::new().await;
    let (claim, version) = at_work(&fixture).await;
    assert_eq!(fixture.scope.hold_after_restore().await.unwrap(), 1);
    fenced(fixture.scope.heartbeat(&claim, LEASE).await);
    // Whatever versions it has counted up to meanwhile.
    for seen in [version, version + 1, version + 7] {
        let mut seen = seen;
        let done = Checkpoint { close: close(1, &[0, 0]), ..append("late") };
        fenced(fixture.scope.checkpoint(&claim, &mut seen, &done).await);
        fenced(fixture.scope.finish(&claim, seen, &succeeded(&claim)).await);
        fenced(fixture.scope.release(&claim, seen).await);
    }
    // After the decision neither, before anybody has claimed the run.
    fixture.scope.decide_after_restore(&by("decide"), fixture.sync, AfterRestore::Accept).await.unwrap();
    fenced(fixture.scope.heartbeat(&claim, LEASE).await);
    fenced(fixture.scope.finish(&claim, version, &succeeded(&claim)).await);
    assert_eq!(fixture.count("run where state = 'running'").await, 1);
}

#[tokio::test]
async fn what_was_at_work_goes_on_above_every_epoch_once_its_owner_accepts() {
    let fixture = Fixture::new().await;
    let (claim, version) = at_work(&fixture).await;
    fixture.scope.hold_after_restore().await.unwrap();
    let held = fixture.scope.claim(fixture.sync, "worker", LEASE, SETTLING).await;
    assert!(matches!(&held, Err(Error::Held { reason, .. }) if reason == "restored"), "{held:?}");
    assert!(fixture.store.claim_next("worker", LEASE, SETTLING, 9, &[]).await.unwrap().is_none());
    let asked = fixture.scope.request_run_by(&by("create_run"), fixture.sync, RunKind::Normal, Value::Null).await;
    assert!(matches!(asked, Err(Error::Held { .. })), "{asked:?}");

    fixture.scope.decide_after_restore(&by("decide"), fixture.sync, AfterRestore::Accept).await.unwrap();
    let next = fixture.take(LEASE).await;
    assert_eq!((next.run, next.previous_attempt_died), (claim.run, true));
    assert!(next.epoch > claim.epoch + 100_000 && next.manifest_version > version + 100_000, "{next:?}");
    // The window of the backup is dead; the run goes to its end.
    assert_eq!(fixture.count("snapshot_window where state = 'dead'").await, 1);
    fixture.scope.finish(&next, next.manifest_version, &succeeded(&next)).await.unwrap();
    assert_eq!(fixture.scope.run(claim.run).await.unwrap().state, RunState::Succeeded);
}

#[tokio::test]
async fn a_full_resync_is_queued_by_its_decision_and_a_decision_is_made_once() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    fixture.scope.finish(&claim, claim.manifest_version, &succeeded(&claim)).await.unwrap();
    let decide = async |how| fixture.scope.decide_after_restore(&by("decide"), fixture.sync, how).await;
    assert!(matches!(decide(AfterRestore::Accept).await, Err(Error::NotHeld(_))), "nothing was restored");
    fixture.scope.hold_after_restore().await.unwrap();
    decide(AfterRestore::FullResync).await.unwrap();
    assert!(matches!(decide(AfterRestore::Accept).await, Err(Error::NotHeld(_))));
    let next = fixture.take(LEASE).await;
    assert_eq!((next.kind, next.resync_epoch), (RunKind::FullResync, Some(next.epoch)));
    assert!(next.epoch > claim.epoch + 100_000);
    let log = fixture.sql("select detail::text from audit_entry where action = 'decide'").await.unwrap();
    let told: Vec<Value> = log.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect();
    assert_eq!(told, [json!({"full_resync": true})]);
}

#[tokio::test]
async fn a_sync_without_a_snapshot_is_not_held_and_restoring_again_holds_again() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.scope.hold_after_restore().await.unwrap(), 0);
    let first = fixture.claim().await;
    assert!(first.epoch > 100_000, "it may have run since the backup: {}", first.epoch);
    fixture.scope.finish(&first, first.manifest_version, &succeeded(&first)).await.unwrap();
    assert_eq!(fixture.scope.hold_after_restore().await.unwrap(), 1);
    fixture.scope.request_run(fixture.sync, RunKind::Normal, Value::Null).await.unwrap();
    let claimed = fixture.scope.claim(fixture.sync, "worker", LEASE, SETTLING).await;
    assert!(!matches!(claimed, Ok(Claimed::Claimed(_))), "{claimed:?}");
}

#[tokio::test]
async fn one_workspace_decides_nothing_for_another() {
    let fixture = Fixture::new().await;
    fixture.claim().await;
    let other = fixture.store.ensure_workspace("other", [8; 32]).await.unwrap();
    let other = fixture.store.scope(other.id);
    assert_eq!(other.hold_after_restore().await.unwrap(), 0);
    assert_eq!(fixture.count("sync where held is not null").await, 0);
    fixture.scope.hold_after_restore().await.unwrap();
    let decided = other.decide_after_restore(&by("decide"), fixture.sync, AfterRestore::Accept).await;
    assert!(matches!(decided, Err(Error::NotFound { .. })), "{decided:?}");
    assert_eq!(fixture.count("sync where held = 'restored'").await, 1);
}
