use store::{Access, LogKind, LogUsage, NewLogObject, Store, WorkspaceChange};

use super::{calls, places, rows, shard};
use crate::fixture::Fixture;
use crate::people::{People, by};

#[tokio::test]
async fn what_is_older_than_the_workspace_keeps_it_expires_oldest_first_and_goes_when_it_is_forgotten() {
    let fixture = Fixture::new().await;
    let workers = Store::connect(fixture.database.url(), Access::Worker, 2).await.unwrap();
    let scope = workers.scope(fixture.scope.workspace());
    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    for number in 1..=3 {
        let landed = NewLogObject { shards: vec![shard("a", "1", "9")], ..rows(&claim, number) };
        fixture.log(&claim, &mut version, vec![landed, calls(&claim, number)]).await.unwrap();
    }
    assert_eq!(workers.workspaces_with_expired_logs().await.unwrap(), []);
    let ages = "update log_object set created_at = now() - make_interval(days => 40 - 5 * number, mins => 1)";
    fixture.sql(ages).await.unwrap();
    assert_eq!(workers.workspaces_with_expired_logs().await.unwrap(), [fixture.scope.workspace()]);
    let usage = scope.log_usage().await.unwrap();
    assert_eq!((usage.objects, usage.bytes), (6, 6_000));
    let expired = scope.expired_log_objects(9).await.unwrap();
    assert_eq!(places(&expired), [(1, 1), (1, 1), (1, 2), (1, 2)]);
    assert_eq!(usage.oldest, Some(expired[0].created_at));
    assert_eq!(places(&scope.expired_log_objects(1).await.unwrap()), [(1, 1)]);

    let oldest: Vec<_> = expired[..2].iter().map(store::LogObject::key).collect();
    for _ in 0..2 {
        scope.forget_log_objects(&oldest).await.unwrap();
        assert_eq!(places(&scope.expired_log_objects(9).await.unwrap()), [(1, 2), (1, 2)]);
    }
    let calls = expired.iter().find(|object| object.number == 2 && object.kind == LogKind::Calls).unwrap();
    scope.forget_log_objects(&[calls.key()]).await.unwrap();
    let found = scope.log_objects_at("a", "5").await.unwrap();
    assert_eq!(places(&found), [(1, 2), (1, 3)], "rows are not forgotten with the calls of their number");
    scope.forget_log_objects(&found.iter().map(store::LogObject::key).collect::<Vec<_>>()).await.unwrap();
    assert_eq!((fixture.count("log_shard").await, fixture.count("log_object").await), (0, 1));
    assert_eq!(workers.workspaces_with_expired_logs().await.unwrap(), []);
    assert_eq!(scope.expired_log_objects(9).await.unwrap(), []);
    scope.forget_log_objects(&[]).await.unwrap();
}

#[tokio::test]
async fn each_workspace_says_how_long_it_keeps_its_log() {
    let people = People::new().await;
    let workers = Store::connect(people.database.url(), Access::Worker, 2).await.unwrap();
    let (_, short) = people.owner("ada@example.com").await;
    let (_, long) = people.owner("bob@example.com").await;
    for scope in [&short, &long] {
        people.seed(scope.workspace()).await;
    }
    people.sql("update log_object set created_at = now() - interval '25 hours'").await;
    assert_eq!(long.workspace_info().await.unwrap().log_retention_days, 30);
    assert_eq!(workers.workspaces_with_expired_logs().await.unwrap(), []);
    let change = |days| WorkspaceChange { log_retention_days: Some(days), ..WorkspaceChange::default() };
    let info = short.update_workspace(&by("update_workspace"), &change(1), None).await.unwrap();
    assert_eq!((info.log_retention_days, info.paused), (1, false));
    assert_eq!(workers.workspaces_with_expired_logs().await.unwrap(), [short.workspace()]);
    assert_eq!(workers.scope(short.workspace()).expired_log_objects(9).await.unwrap().len(), 1);
    assert_eq!(workers.scope(long.workspace()).expired_log_objects(9).await.unwrap(), []);
    for days in [0, 3_651, u32::MAX] {
        assert!(short.update_workspace(&by("update_workspace"), &change(days), None).await.is_err(), "{days}");
    }
    let renamed = WorkspaceChange { name: Some("renamed".to_owned()), ..WorkspaceChange::default() };
    let info = short.update_workspace(&by("update_workspace"), &renamed, None).await.unwrap();
    assert_eq!(info.log_retention_days, 1);
    assert_ne!(short.log_usage().await.unwrap(), LogUsage::default(), "the role of the API may ask");
}
