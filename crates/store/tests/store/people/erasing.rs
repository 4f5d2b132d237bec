use domain::{RunKind, SyncId};
use serde_json::{Value, json};
use store::{Access, Checkpoint, Claimed, Error, LayerChange, LayerRef, Store};

use super::{People, until_waiting};

fn append() -> Checkpoint {
    Checkpoint { layers: LayerChange::Append(vec![LayerRef::Segment(json!({}))]), ..Checkpoint::default() }
}

#[tokio::test]
async fn nothing_is_left_of_a_deleted_workspace_but_the_order_to_remove_its_objects() {
    let people = People::new().await;
    let (ada, gone) = people.owner("ada@example.com").await;
    let (_, kept) = people.owner("bob@example.com").await;
    people.sign_in(&ada, 1).await;
    people.seed(gone.workspace()).await;
    people.seed(kept.workspace()).await;
    let counts = async |workspace: domain::WorkspaceId| {
        let mut counts = Vec::new();
        for (table, column) in people.tenant_tables().await {
            let rows = people.count(&format!("{table} where {column} = '{}'", workspace.uuid())).await;
            counts.push((table, rows));
        }
        counts
    };
    let before = counts(kept.workspace()).await;
    gone.delete_workspace().await.unwrap();
    for (table, rows) in counts(gone.workspace()).await {
        assert_eq!(rows, i64::from(table == "erasure"), "{table}");
    }
    assert_eq!(people.count("erasure where sync_id is null and done_at is null").await, 1);
    assert_eq!(counts(kept.workspace()).await, before);
    assert_eq!(people.person(ada.id).await, ada);
    assert_eq!(people.store.sessions(ada.id).await.unwrap().len(), 1);
    assert!(people.store.workspaces_of(ada.id).await.unwrap().is_empty());
    assert!(matches!(gone.delete_workspace().await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_worker_whose_workspace_is_deleted_is_fenced_and_nothing_it_writes_stays() {
    let people = People::new().await;
    let worker = Store::connect(people.database.url(), Access::Single, 5).await.unwrap();
    let (_, owned) = people.owner("ada@example.com").await;
    let scope = worker.scope(owned.workspace());
    let sync: SyncId = scope.put_sync("customers", &crate::fixture::definition()).await.unwrap().id;
    scope.request_run(sync, RunKind::Normal, Value::Null).await.unwrap();
    let Claimed::Claimed(claim) = scope.claim(sync, "worker", 60_000, 60_000).await.unwrap() else {
        panic!("no claim")
    };
    let mut version = claim.manifest_version;

    // What a checkpoint does, slowly: it has passed the fence when the deletion begins, and writes after.
    let (slow, watcher) = (people.connect().await, people.connect().await);
    slow.batch_execute("begin; update sync set updated_at = now()").await.unwrap();
    let (deleted, ()) = tokio::join!(owned.delete_workspace(), async {
        until_waiting(&watcher, 1).await;
        let manifest = "insert into manifest (workspace_id, sync_id, version, epoch, run_id, body)
                        select workspace_id, sync_id, 1, 1, id, '{}' from run; commit";
        slow.batch_execute(manifest).await.unwrap();
    });
    deleted.unwrap();
    assert_eq!(people.count("manifest").await, 0);

    assert!(matches!(scope.heartbeat(&claim, 60_000).await, Err(Error::Fenced { .. })));
    assert!(matches!(scope.checkpoint(&claim, &mut version, &append()).await, Err(Error::Fenced { .. })));
    assert!(matches!(scope.claim(sync, "worker", 60_000, 60_000).await, Err(Error::NotFound { .. })));
    let request = scope.request_run(sync, RunKind::Normal, Value::Null).await;
    assert!(matches!(request, Err(Error::NotFound { .. })));
}
