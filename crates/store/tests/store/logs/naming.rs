use domain::RunState;
use serde_json::json;
use store::{Error, Finish, LogKind, LogObject, NewLogObject};

use super::{calls, key, logs, places, rows, shard};
use crate::fixture::{Fixture, SETTLING, added, close, open, succeeded};

const LONG: &str = "49590338271490256608559692538361571095921575989136588898";

fn same(found: &LogObject, new: &NewLogObject) {
    let back = NewLogObject {
        kind: found.kind,
        run: found.run,
        epoch: found.epoch,
        number: found.number,
        object: found.object.clone(),
        summary: found.summary.clone(),
        entries: found.entries,
        keys: found.keys,
        calls: found.calls,
        times: found.times,
        shards: found.shards.clone(),
        window: found.window,
    };
    assert_eq!(&back, new);
}

#[tokio::test]
async fn what_a_checkpoint_names_is_found_again_as_it_was() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    let full = NewLogObject {
        entries: 7,
        keys: Some((key(1), key(200))),
        calls: Some((3, 9)),
        times: Some((1_700_000_000_001, 1_700_000_000_999)),
        shards: vec![shard("shardId-000000000000", "5", LONG), shard("shardId-000000000001", "0", "101")],
        summary: json!({ "rows": 7, "codes": { "a": 1.50 } }),
        ..rows(&claim, 2)
    };
    let bare = calls(&claim, 2);
    fixture.log(&claim, &mut version, vec![full.clone(), bare.clone()]).await.unwrap();
    fixture.log(&claim, &mut version, vec![rows(&claim, 3)]).await.unwrap();
    let mut finish = succeeded(&claim);
    finish.last.log = vec![rows(&claim, 4), calls(&claim, 4)];
    fixture.scope.finish(&claim, version, &finish).await.unwrap();

    let found = fixture.scope.log_objects(claim.run, LogKind::Rows).await.unwrap();
    assert_eq!(places(&found), [(1, 2), (1, 3), (1, 4)]);
    same(&found[0], &full);
    assert_eq!(found[0].sync, fixture.sync);
    assert!(found[0].created_at > claim.started_at && found[0].created_at <= found[1].created_at);
    let found = fixture.scope.log_objects(claim.run, LogKind::Calls).await.unwrap();
    assert_eq!(places(&found), [(1, 2), (1, 4)]);
    same(&found[0], &bare);

    let other = fixture.store.ensure_workspace("other", [8; 32]).await.unwrap().id;
    let other = fixture.store.scope(other);
    assert!(other.log_objects(claim.run, LogKind::Rows).await.unwrap().is_empty());
    assert!(other.log_objects_of_key(fixture.sync, key(2), None, 9).await.unwrap().is_empty());
    assert!(other.log_objects_at("shardId-000000000001", "50").await.unwrap().is_empty());
    assert_eq!(other.log_usage().await.unwrap(), store::LogUsage::default());
}

#[tokio::test]
async fn a_checkpoint_that_is_not_applied_names_nothing_and_one_that_cannot_name_is_not_applied() {
    let fixture = Fixture::new().await;
    let dead = fixture.claim().await;
    let claim = fixture.take_over(&dead).await;
    let mut version = dead.manifest_version;
    let late = fixture.log(&dead, &mut version, vec![rows(&dead, 1)]).await;
    assert!(matches!(late, Err(Error::Fenced { .. })), "{late:?}");

    let mut version = claim.manifest_version;
    let first = store::Checkpoint { open: open(1, 2), counts: added(2, 0), ..logs(vec![rows(&claim, 1)]) };
    fixture.scope.checkpoint(&claim, &mut version, &first).await.unwrap();
    let unreadable = NewLogObject { shards: vec![shard("shardId-000000000000", "1", "x")], ..rows(&claim, 2) };
    for (log, what) in [(rows(&claim, 1), "a number again"), (unreadable, "no sequence number")] {
        let wrong = store::Checkpoint { close: close(1, &[3, 3]), ..logs(vec![log]) };
        assert!(fixture.scope.checkpoint(&claim, &mut version, &wrong).await.is_err(), "{what}");
    }
    assert_eq!(fixture.count("snapshot_window where state = 'open'").await, 1, "the window was not closed either");
    let right = store::Checkpoint { close: close(1, &[3, 3]), ..logs(vec![rows(&claim, 2)]) };
    fixture.scope.checkpoint(&claim, &mut version, &right).await.unwrap();
    let found = fixture.scope.log_objects(claim.run, LogKind::Rows).await.unwrap();
    assert_eq!(places(&found), [(2, 1), (2, 2)]);
}

#[tokio::test]
async fn the_end_of_a_run_leaves_its_report() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    assert_eq!(fixture.scope.run_report(claim.run).await.unwrap(), None);
    let finish = Finish { report: Some(json!({ "hot": ["a\0b"] })), ..succeeded(&claim) };
    fixture.scope.finish(&claim, claim.manifest_version, &finish).await.unwrap();
    let report = fixture.scope.run_report(claim.run).await.unwrap();
    assert_eq!(report, Some(json!({ "hot": ["a\u{fffd}b"] })));

    let claim = fixture.claim().await;
    let silent = Finish::new(&claim, RunState::Failed, SETTLING);
    fixture.scope.finish(&claim, claim.manifest_version, &silent).await.unwrap();
    assert_eq!(fixture.scope.run_report(claim.run).await.unwrap(), None);
    let nobody = domain::RunId::from_uuid(uuid::Uuid::nil());
    assert!(matches!(fixture.scope.run_report(nobody).await, Err(Error::NotFound { .. })));
}
