use domain::{Counts, RunState};
use serde_json::json;
use store::{Checkpoint, Error, Layer, LayerChange, LayerRef, Reason, Update, WindowState};

use crate::fixture::{Fixture, added, append, close, open, segment, succeeded};

#[tokio::test]
async fn the_fence_refuses_an_old_epoch_an_old_manifest_version_and_an_ended_run() {
    let fixture = Fixture::new().await;
    let old = fixture.claim().await;
    let mut version = old.manifest_version;
    fixture.scope.checkpoint(&old, &mut version, &append("one")).await.unwrap();
    let mut stale = old.manifest_version;
    let refused = fixture.scope.checkpoint(&old, &mut stale, &append("two")).await;
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    assert_eq!(stale, old.manifest_version);

    let new = fixture.take_over(&old).await;
    let refused = fixture.scope.checkpoint(&old, &mut version, &append("three")).await;
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    let refused = fixture.scope.finish(&old, version, &succeeded(&old)).await;
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");

    let mut version = new.manifest_version;
    fixture.scope.finish(&new, version, &succeeded(&new)).await.unwrap();
    let refused = fixture.scope.checkpoint(&new, &mut version, &append("four")).await;
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    let layers = fixture.scope.manifest(fixture.sync).await.unwrap().unwrap().layers;
    assert_eq!(layers.iter().map(Layer::to_ref).collect::<Vec<_>>(), [segment("one")]);
}

#[tokio::test]
async fn layers_are_kept_in_order_and_a_window_turns_from_open_to_checkpointed_in_its_place() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    let first = Checkpoint { open: open(1, 2), counts: added(2, 0), ..append("silent") };
    fixture.scope.checkpoint(&claim, &mut version, &first).await.unwrap();
    let manifest = fixture.scope.manifest(fixture.sync).await.unwrap().unwrap();
    assert_eq!((manifest.version, manifest.last_of_run), (version, false));
    let [Layer::Segment(_), Layer::Window(window)] = &manifest.layers[..] else { panic!("{manifest:?}") };
    assert_eq!((window.epoch, window.number, window.entries, &window.state), (1, 1, 2, &WindowState::Open));
    assert_eq!(window.segment, json!({"name": "window-1"}));

    let mut finish = succeeded(&claim);
    finish.last = Checkpoint { close: close(1, &[3, 4]), counts: added(2, 2), ..append("rewritten") };
    let finished = fixture.scope.finish(&claim, version, &finish).await.unwrap();
    let manifests = fixture.scope.manifests(fixture.sync).await.unwrap();
    assert_eq!(manifests.len(), 1, "only the last one of a run is kept");
    assert_eq!((manifests[0].version, manifests[0].last_of_run), (finished.manifest_version, true));
    let refs: Vec<_> = manifests[0].layers.iter().map(Layer::to_ref).collect();
    assert_eq!(refs, [segment("silent"), LayerRef::Window { epoch: 1, number: 1 }, segment("rewritten")]);
    let Layer::Window(window) = &manifests[0].layers[1] else { panic!("{manifests:?}") };
    assert!(matches!(&window.state, WindowState::Checkpointed { outcomes, .. } if outcomes == &[3, 4]));
}

#[tokio::test]
async fn a_window_is_closed_once_and_with_an_outcome_for_each_entry() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    let first = Checkpoint { open: open(1, 2), ..Checkpoint::default() };
    fixture.scope.checkpoint(&claim, &mut version, &first).await.unwrap();
    for close in [close(1, &[3]), close(2, &[3, 3])] {
        let wrong = Checkpoint { close, ..Checkpoint::default() };
        let refused = fixture.scope.checkpoint(&claim, &mut version, &wrong).await;
        assert!(matches!(refused, Err(Error::NotThatWindow { .. })), "{refused:?}");
    }
    let right = Checkpoint { close: close(1, &[3, 3]), ..Checkpoint::default() };
    fixture.scope.checkpoint(&claim, &mut version, &right).await.unwrap();
    let again = fixture.scope.checkpoint(&claim, &mut version, &right).await;
    assert!(matches!(again, Err(Error::NotThatWindow { .. })), "{again:?}");
}

#[tokio::test]
async fn counts_that_do_not_add_up_are_refused() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let counts = Some(Counts { planned: 1, ..Counts::default() });
    let wrong = Checkpoint { counts, ..Checkpoint::default() };
    let refused = fixture.scope.checkpoint(&claim, &mut claim.manifest_version.clone(), &wrong).await;
    assert!(matches!(refused, Err(Error::Counts(_))), "{refused:?}");
}

#[tokio::test]
async fn a_run_without_changes_writes_no_manifest() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let finished = fixture.scope.finish(&claim, claim.manifest_version, &succeeded(&claim)).await.unwrap();
    assert_eq!(finished.manifest_version, claim.manifest_version);
    assert_eq!(fixture.count("manifest").await, 0);
}

#[tokio::test]
async fn the_end_of_a_run_is_seen_on_run_attempt_and_sync() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    let first = Checkpoint { open: open(1, 2), counts: added(2, 0), ..Checkpoint::default() };
    fixture.scope.checkpoint(&claim, &mut version, &first).await.unwrap();
    let mut finish = succeeded(&claim);
    finish.state = RunState::Failed;
    finish.reason = Some(Reason { code: "no-access".to_owned(), text: "denied\0".to_owned() });
    finish.resync_epoch = Some(1);
    finish.stream = Update::Set(json!({"account": "000000000000"}));
    finish.question = Update::Set(json!("which?"));
    let counts = Counts { unanswered: 2, deferred: 0, ..added(2, 0).unwrap() };
    finish.last.counts = Some(counts);
    fixture.scope.finish(&claim, version, &finish).await.unwrap();

    let run = fixture.scope.run(claim.run).await.unwrap();
    assert_eq!((run.state, run.counts), (RunState::Failed, Some(counts)));
    assert_eq!(run.reason.unwrap().text, "denied\u{fffd}");
    assert!(run.ended_at.is_some());
    let sync = fixture.scope.sync_state(fixture.sync).await.unwrap();
    assert_eq!((sync.resync_epoch, sync.first_run_done, sync.accepted_version), (Some(1), true, Some(1)));
    assert_eq!(sync.stream, Some(json!({"account": "000000000000"})));
    assert_eq!(sync.question, Some(json!("which?")));
    let manifest = fixture.scope.manifest(fixture.sync).await.unwrap().unwrap();
    let Layer::Window(window) = &manifest.layers[0] else { panic!("{manifest:?}") };
    assert!(matches!(window.state, WindowState::Dead { .. }), "no window outlives its run open");
}

#[tokio::test]
async fn each_run_keeps_its_last_manifest_until_it_is_pruned_and_an_older_one_can_be_restored() {
    let fixture = Fixture::new().await;
    for name in ["one", "two", "three"] {
        let claim = fixture.claim().await;
        let mut version = claim.manifest_version;
        let first = Checkpoint { open: open(1, 1), ..Checkpoint::default() };
        fixture.scope.checkpoint(&claim, &mut version, &first).await.unwrap();
        let mut finish = succeeded(&claim);
        finish.last.close = close(1, &[3]);
        finish.last.layers = LayerChange::Replace(vec![segment(name)]);
        fixture.scope.finish(&claim, version, &finish).await.unwrap();
    }
    let manifests = fixture.scope.manifests(fixture.sync).await.unwrap();
    assert_eq!(manifests.len(), 3);

    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    let layers = LayerChange::Replace(manifests[2].layers.iter().map(Layer::to_ref).collect());
    fixture.scope.checkpoint(&claim, &mut version, &Checkpoint { layers, ..Checkpoint::default() }).await.unwrap();
    let newest = fixture.scope.manifest(fixture.sync).await.unwrap().unwrap();
    assert_eq!((newest.version, newest.run, &newest.layers), (version, claim.run, &manifests[2].layers));

    assert_eq!(fixture.count("snapshot_window").await, 3);
    fixture.scope.prune_manifests(&claim, version, 2).await.unwrap();
    let kept = fixture.scope.manifests(fixture.sync).await.unwrap();
    assert_eq!(kept.iter().map(|manifest| manifest.version).collect::<Vec<_>>(), [version, manifests[0].version]);
    assert_eq!(fixture.count("snapshot_window").await, 0, "windows that no manifest names go too");
}
