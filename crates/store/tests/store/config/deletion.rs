use domain::{RunKind, RunState};
use serde_json::{Value, json};
use store::{Claimed, Error, Finish, LayerChange, LayerRef, NewRejection, Page, SyncFilter};

use super::{Service, by, model, sync};
use crate::fixture::{LEASE, SETTLING, added, open};

#[tokio::test]
async fn what_is_used_is_not_deleted_and_the_error_tells_by_what() {
    let service = Service::new().await;
    let api = &service.api;
    let made = service.configure().await;
    for name in ["b", "c", "d", "e"] {
        api.create_model(&by("t"), &model(name, &made.source)).await.unwrap();
    }
    let told = |answer: Result<(), Error>| match answer {
        Err(Error::InUse { by, .. }) => by,
        other => panic!("{other:?}"),
    };
    let used = told(api.delete_source(&by("t"), made.source.id, None).await);
    assert_eq!(used, "the models `b`, `c`, `customers` and 2 more");
    assert_eq!(told(api.delete_model(&by("t"), made.model.id, None).await), "the sync `customers`");
    api.create_sync(&by("t"), &sync("more", &made.model, &made.destination), None).await.unwrap();
    let used = told(api.delete_destination(&by("t"), made.destination.id, None).await);
    assert_eq!(used, "the syncs `customers`, `more`");
    assert!(
        api.source(made.source.id).await.is_ok() && api.open_secret(made.source.secrets["password"].id).await.is_ok()
    );

    for sync in api.syncs(SyncFilter::default(), Page::first(9)).await.unwrap() {
        api.delete_sync(&by("delete_sync"), sync.id, None).await.unwrap();
    }
    for model in api.models(None, Page::first(9)).await.unwrap() {
        api.delete_model(&by("t"), model.id, None).await.unwrap();
    }
    api.delete_source(&by("t"), made.source.id, None).await.unwrap();
    api.delete_destination(&by("t"), made.destination.id, None).await.unwrap();
    assert_eq!(service.number("select count(*) from secret").await, 0, "their secrets go with them");
}

fn segment(bytes: u64) -> Value {
    json!({"name": "s", "hashes": {"bytes": bytes}, "values": {"bytes": 10 * bytes}})
}

#[tokio::test]
async fn a_deleted_sync_leaves_nothing_but_an_erasure_and_its_worker_is_fenced() {
    let service = Service::new().await;
    let (api, worker) = (&service.api, &service.worker);
    let id = service.configure().await.sync.id;
    worker.request_run(id, RunKind::Normal, Value::Null).await.unwrap();
    let Claimed::Claimed(claim) = worker.claim(id, "worker", LEASE, SETTLING).await.unwrap() else { panic!() };
    let mut window = open(1, 2);
    window.as_mut().unwrap().segment = segment(7);
    let mut first = store::Checkpoint {
        layers: LayerChange::Append(vec![LayerRef::Segment(segment(100))]),
        open: window,
        counts: added(2, 0),
        ..store::Checkpoint::default()
    };
    first.rejections = vec![NewRejection {
        unit: crate::fixture::unit(1),
        key: json!({"id": 1}),
        op: domain::Change::Added,
        code: "too-large".to_owned(),
        message: "planted".to_owned(),
    }];
    first.counts = first.counts.map(|counts| domain::Counts { rejected: 1, deferred: 1, ..counts });
    let mut log = crate::logs::object(claim.run, claim.epoch, 1, store::LogKind::Rows);
    log.shards = vec![crate::logs::shard("shardId-000000000000", "1", "2")];
    first.log = vec![log];
    let mut version = claim.manifest_version;
    worker.checkpoint(&claim, &mut version, &first).await.unwrap();
    worker.request_run(id, RunKind::Normal, Value::Null).await.unwrap();
    assert_eq!(api.snapshot_bytes(id).await.unwrap(), 1_177);
    assert_eq!((api.stored_bytes().await.unwrap(), service.other.stored_bytes().await.unwrap()), (1_177, 0));
    let copy = api.duplicate_sync(&by("t"), id, "copy", None).await.unwrap();
    assert_eq!(api.snapshot_bytes(copy.id).await.unwrap(), 0);

    api.delete_sync(&by("delete_sync"), id, Some(1)).await.unwrap();
    let fenced = |answer: Result<(), Error>| matches!(answer, Err(Error::Fenced { .. }));
    assert!(fenced(worker.heartbeat(&claim, LEASE).await.map(drop)));
    assert!(fenced(worker.checkpoint(&claim, &mut version, &store::Checkpoint::default()).await));
    let finish = Finish::new(&claim, RunState::Succeeded, SETTLING);
    assert!(fenced(worker.finish(&claim, version, &finish).await.map(drop)));
    assert!(matches!(worker.claim(id, "worker", LEASE, SETTLING).await, Err(Error::NotFound { .. })));
    let asked = worker.request_run(id, RunKind::Normal, Value::Null).await;
    assert!(matches!(asked, Err(Error::NotFound { .. })), "{asked:?}");

    let columns = service
        .sql(
            "select table_name::text, column_name::text from information_schema.columns
                              where table_schema = 'public' and column_name in ('sync_id', 'run_id')",
        )
        .await;
    assert!(columns.len() > 10);
    for row in columns {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let kept = if table == "erasure" { 1 } else { 0 };
        let named = if column == "sync_id" { id.uuid() } else { claim.run.uuid() };
        let left = service.number(&format!("select count(*) from {table} where {column} = '{named}'")).await;
        assert_eq!(left, kept, "{table}.{column}");
    }
    assert!(api.sync_details(copy.id).await.is_ok());

    let open = service.workers.open_erasures(9).await.unwrap();
    assert_eq!(open.len(), 1);
    let (workspace, erasure) = open[0];
    assert_eq!(workspace, api.workspace());
    let found = worker.erasure(erasure).await.unwrap();
    assert_eq!((found.sync, found.done_at), (Some(id), None));
    assert!(service.workers.scope(service.other.workspace()).finish_erasure(erasure).await.is_err());
    worker.finish_erasure(erasure).await.unwrap();
    let done = worker.erasure(erasure).await.unwrap().done_at;
    worker.finish_erasure(erasure).await.unwrap();
    assert!(done.is_some() && worker.erasure(erasure).await.unwrap().done_at == done);
    assert_eq!(service.workers.open_erasures(9).await.unwrap(), []);
}
