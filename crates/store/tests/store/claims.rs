use std::collections::HashSet;

use domain::{Counts, RunKind, RunState};
use serde_json::Value;
use store::{AttemptOutcome, Checkpoint, Claimed, Error, Layer, WindowState};

use crate::fixture::{Fixture, LEASE, SETTLING, added, close, open, succeeded};

#[tokio::test]
async fn one_of_twenty_claims_gets_the_run_and_the_others_see_that_it_is_held() {
    let fixture = Fixture::new().await;
    fixture.scope.request_run(fixture.sync, RunKind::Normal, Value::Null).await.unwrap();
    let claims: Vec<_> = (0..20)
        .map(|number| {
            let (scope, sync) = (fixture.scope.clone(), fixture.sync);
            tokio::spawn(async move { scope.claim(sync, &format!("worker-{number}"), LEASE, SETTLING).await.unwrap() })
        })
        .collect();
    let mut won = Vec::new();
    for claim in claims {
        match claim.await.unwrap() {
            Claimed::Claimed(claim) => won.push(claim),
            Claimed::Busy { lease_until } => assert!(lease_until > 0),
            Claimed::Nothing => panic!("the run is neither held nor free"),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!((won[0].epoch, won[0].first_epoch), (1, 1));
}

#[tokio::test]
async fn a_dead_run_is_taken_by_one_of_twenty_and_each_claim_raises_the_epoch_once() {
    let fixture = Fixture::new().await;
    let mut held = fixture.claim().await;
    let mut epochs = HashSet::from([held.epoch]);
    for _ in 0..5 {
        fixture.scope.heartbeat(&held, -1).await.unwrap();
        let claims: Vec<_> = (0..20)
            .map(|_| {
                let (scope, sync) = (fixture.scope.clone(), fixture.sync);
                tokio::spawn(async move { scope.claim(sync, "another", LEASE, SETTLING).await.unwrap() })
            })
            .collect();
        let mut won = Vec::new();
        for claim in claims {
            if let Claimed::Claimed(claim) = claim.await.unwrap() {
                won.push(*claim);
            }
        }
        assert_eq!(won.len(), 1);
        let taken = won.remove(0);
        assert!(taken.previous_attempt_died && taken.run == held.run && taken.first_epoch == 1);
        assert!(epochs.insert(taken.epoch), "an epoch was given twice");
        assert!(matches!(fixture.scope.heartbeat(&held, LEASE).await, Err(Error::Fenced { .. })));
        held = taken;
    }
    assert_eq!(held.epoch, 6);
}

#[tokio::test]
async fn a_run_that_is_not_due_is_not_claimed() {
    let fixture = Fixture::new().await;
    assert!(matches!(fixture.scope.claim(fixture.sync, "worker", LEASE, SETTLING).await.unwrap(), Claimed::Nothing));
    let claim = fixture.claim().await;
    let mut finish = succeeded(&claim);
    finish.follow_up = Some(claim.now + 3_600_000);
    let follow_up = fixture.scope.finish(&claim, claim.manifest_version, &finish).await.unwrap().follow_up.unwrap();
    assert!(matches!(fixture.scope.claim(fixture.sync, "worker", LEASE, SETTLING).await.unwrap(), Claimed::Nothing));
    let run = fixture.scope.run(follow_up).await.unwrap();
    assert_eq!((run.state, run.due_at), (RunState::Queued, claim.now + 3_600_000));
    let requested = fixture.scope.request_run(fixture.sync, RunKind::Normal, Value::Null).await.unwrap();
    assert!(requested.already_waiting && requested.run == follow_up, "a request makes the waiting run due");
    assert_eq!(fixture.take(LEASE).await.run, follow_up);
}

#[tokio::test]
async fn a_heartbeat_renews_the_lease_and_tells_of_a_cancellation() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let beat = fixture.scope.heartbeat(&claim, 10 * LEASE).await.unwrap();
    assert!(beat.lease_until > claim.lease_until && !beat.cancel_requested);
    assert_eq!(fixture.scope.cancel(claim.run).await.unwrap(), RunState::Running);
    assert!(fixture.scope.heartbeat(&claim, LEASE).await.unwrap().cancel_requested);
    assert!(fixture.take_over(&claim).await.cancel_requested, "who takes over knows it too");
}

#[tokio::test]
async fn an_attempt_that_died_counts_its_open_window_as_unanswered_and_the_rest_as_deferred() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    let first = Checkpoint { open: open(1, 3), counts: added(10, 0), ..Checkpoint::default() };
    fixture.scope.checkpoint(&claim, &mut version, &first).await.unwrap();
    let counts = Counts { delivered: 2, rejected: 1, deferred: 7, ..added(10, 0).unwrap() };
    let second =
        Checkpoint { close: close(1, &[3, 3, 1]), open: open(2, 4), counts: Some(counts), ..Checkpoint::default() };
    fixture.scope.checkpoint(&claim, &mut version, &second).await.unwrap();

    let taken = fixture.take_over(&claim).await;
    assert!(taken.previous_attempt_died);
    assert_eq!((taken.epoch, taken.first_epoch, taken.manifest_version), (2, 1, version));
    let attempts = fixture.scope.attempts(claim.run).await.unwrap();
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Died));
    assert_eq!(attempts[0].counts, Counts { unanswered: 4, deferred: 3, ..counts });
    attempts[0].counts.check().unwrap();
    assert_eq!((attempts[1].outcome, attempts[1].counts), (None, Counts::default()));

    let manifest = fixture.scope.manifest(fixture.sync).await.unwrap().unwrap();
    let [Layer::Window(one), Layer::Window(two)] = &manifest.layers[..] else { panic!("{manifest:?}") };
    assert!(matches!(&one.state, WindowState::Checkpointed { outcomes, .. } if outcomes == &[3, 3, 1]));
    let WindowState::Dead { settles_at } = two.state else { panic!("{two:?}") };
    assert!((0..=1).contains(&(settles_at - taken.now - SETTLING)), "it settles from the claim on");
}

#[tokio::test]
async fn an_attempt_that_died_before_its_first_window_has_no_counts() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let taken = fixture.take_over(&claim).await;
    assert!(taken.previous_attempt_died);
    assert_eq!(fixture.scope.attempts(claim.run).await.unwrap()[0].counts, Counts::default());
    assert_eq!(taken.manifest_version, 0);
    assert!(fixture.scope.manifest(fixture.sync).await.unwrap().is_none(), "nothing was sent, nothing is written");
}

#[tokio::test]
async fn a_full_resync_keeps_the_epoch_it_started_with_until_it_is_told_to_end() {
    let fixture = Fixture::new().await;
    let first = fixture.claim().await;
    assert_eq!(first.resync_epoch, Some(1), "a first run that sends all is a full resync");
    let taken = fixture.take_over(&first).await;
    assert_eq!(taken.resync_epoch, Some(1));
    let mut finish = succeeded(&taken);
    finish.resync_epoch = None;
    fixture.scope.finish(&taken, taken.manifest_version, &finish).await.unwrap();
    let normal = fixture.claim().await;
    assert_eq!((normal.resync_epoch, normal.first_run_done), (None, true));
    fixture.scope.request_run(fixture.sync, RunKind::FullResync, Value::Null).await.unwrap();
    fixture.scope.finish(&normal, normal.manifest_version, &succeeded(&normal)).await.unwrap();
    let full = fixture.take(LEASE).await;
    assert_eq!((full.kind, full.resync_epoch), (RunKind::FullResync, Some(full.epoch)));
    fixture.scope.finish(&full, full.manifest_version, &succeeded(&full)).await.unwrap();
    assert_eq!(fixture.claim().await.resync_epoch, Some(full.epoch), "it is still unfinished");
}
