use domain::{ApprovalId, RunKind, RunState};
use serde_json::{Value, json};
use store::{Approval, ApprovalChange, ApprovalState, Decision, Error, Finish, NewApproval};

use crate::fixture::{Fixture, LEASE, SETTLING, append, definition, succeeded};

#[tokio::test]
async fn one_run_waits_and_takes_requests_along_but_no_other_special_one() {
    let fixture = Fixture::new().await;
    let request = |kind, options| fixture.scope.request_run(fixture.sync, kind, options);
    let first = request(RunKind::Normal, Value::Null).await.unwrap();
    assert!(!first.already_waiting);
    let full = request(RunKind::FullResync, json!({"by": "cli"})).await.unwrap();
    assert!(full.already_waiting && full.run == first.run);
    assert!(request(RunKind::Normal, Value::Null).await.unwrap().already_waiting);
    for (kind, options) in [(RunKind::Baseline, json!({})), (RunKind::FullResync, json!({"by": "api"}))] {
        assert!(matches!(request(kind, options).await, Err(Error::OtherRunWaits { .. })));
    }
    let claim = fixture.take(LEASE).await;
    assert_eq!((claim.kind, &claim.options), (RunKind::FullResync, &json!({"by": "cli"})));
    let next = request(RunKind::Normal, Value::Null).await.unwrap();
    assert!(!next.already_waiting, "a trigger during a run queues one follow-up");
    assert_eq!(fixture.scope.runs(fixture.sync, 1).await.unwrap()[0].id, next.run);
    assert_eq!(fixture.scope.runs(fixture.sync, 9).await.unwrap().len(), 2);
    assert_eq!(fixture.scope.cancel(next.run).await.unwrap(), RunState::Cancelled);
    assert_eq!(fixture.scope.cancel(next.run).await.unwrap(), RunState::Cancelled);
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_waiting_or_started_run_and_a_tick_that_had_its_run() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let insert =
        "insert into run (workspace_id, id, sync_id, kind, state, epoch, started_at, lease_until, sync_version,
                                   ended_at, scheduled_for)
                  select workspace_id, gen_random_uuid(), id, 'normal'";
    let refused = async |values: &str| {
        let error = fixture.sql(&format!("{insert}, {values} from sync")).await.unwrap_err();
        error.as_db_error().unwrap().constraint().unwrap().to_owned()
    };
    assert_eq!(refused("'running', 1, now(), now(), 1, null, null").await, "run_started_key");
    fixture.scope.request_run(fixture.sync, RunKind::Normal, Value::Null).await.unwrap();
    assert_eq!(refused("'queued', null, null, null, null, null, null").await, "run_waiting_key");
    fixture.sql("update run set scheduled_for = '2026-01-01' where state = 'queued'").await.unwrap();
    assert_eq!(refused("'cancelled', null, null, null, null, now(), '2026-01-01'").await, "run_scheduled_for_key");
    assert_eq!(refused("'failed', null, null, null, null, null, null").await, "run_ended_has_time");
    fixture.scope.finish(&claim, claim.manifest_version, &succeeded(&claim)).await.unwrap();
}

#[tokio::test]
async fn what_belongs_to_another_workspace_is_as_good_as_missing() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    fixture.scope.checkpoint(&claim, &mut version, &append("one")).await.unwrap();
    let other = fixture.store.ensure_workspace("other", [8; 32]).await.unwrap();
    assert_ne!(other.id, fixture.scope.workspace());
    let foreign = fixture.store.scope(other.id);
    let missing = |error: Error| matches!(error, Error::NotFound { .. });
    let (sync, run) = (fixture.sync, claim.run);

    assert!(foreign.sync("customers").await.unwrap().is_none());
    assert!(missing(foreign.sync_state(sync).await.unwrap_err()));
    assert!(missing(foreign.definition(sync, 1).await.unwrap_err()));
    assert!(missing(foreign.request_run(sync, RunKind::Normal, Value::Null).await.unwrap_err()));
    assert!(missing(foreign.claim(sync, "worker", LEASE, SETTLING).await.unwrap_err()));
    assert!(missing(foreign.run(run).await.unwrap_err()));
    assert!(missing(foreign.cancel(run).await.unwrap_err()));
    assert!(foreign.runs(sync, 9).await.unwrap().is_empty());
    assert!(foreign.attempts(run).await.unwrap().is_empty());
    assert!(foreign.manifest(sync).await.unwrap().is_none());
    assert!(foreign.forms(sync).await.unwrap().is_empty());
    assert!(foreign.approvals(sync, false).await.unwrap().is_empty());
    assert!(foreign.rejections(run).await.unwrap().is_empty());
    let fenced = |error: Error| matches!(error, Error::Fenced { .. });
    assert!(fenced(foreign.heartbeat(&claim, LEASE).await.unwrap_err()));
    assert!(fenced(foreign.checkpoint(&claim, &mut version, &append("two")).await.unwrap_err()));
    assert!(fenced(foreign.finish(&claim, version, &succeeded(&claim)).await.unwrap_err()));
    let same_name = foreign.put_sync("customers", &definition()).await.unwrap();
    assert!(same_name.created && same_name.id != sync);
    fixture.scope.finish(&claim, version, &succeeded(&claim)).await.unwrap();
}

#[tokio::test]
async fn an_approval_is_answered_once_and_a_new_request_replaces_an_open_one() {
    let fixture = Fixture::new().await;
    let ask = async |changes: Vec<ApprovalChange>| {
        let claim = fixture.claim().await;
        let finish = Finish { approvals: changes, ..Finish::new(&claim, RunState::NeedsApproval, SETTLING) };
        fixture.scope.finish(&claim, claim.manifest_version, &finish).await.unwrap();
        claim.run
    };
    let new = |id, count: u64| {
        let covered = json!({"count": count});
        ApprovalChange::Open(NewApproval { id, kind: "removals".to_owned(), covered, shown: json!([]) })
    };
    let (first, second) = (ApprovalId::from_uuid(uuid::Uuid::now_v7()), ApprovalId::from_uuid(uuid::Uuid::now_v7()));
    ask(vec![new(first, 1)]).await;
    let run = ask(vec![new(second, 2)]).await;
    let open = fixture.scope.approvals(fixture.sync, true).await.unwrap();
    assert_eq!(open.iter().map(|approval: &Approval| (approval.id, approval.run)).collect::<Vec<_>>(), [(second, run)]);
    assert_eq!(fixture.scope.approval(first).await.unwrap().state, ApprovalState::Replaced);
    assert!(matches!(
        fixture.scope.decide_approval(first, Decision::Approved, "send").await,
        Err(Error::NotOpen(id)) if id == first
    ));
    fixture.scope.decide_approval(second, Decision::Approved, "send").await.unwrap();
    let approved = fixture.scope.approval(second).await.unwrap();
    assert_eq!((approved.state, approved.choice.as_deref()), (ApprovalState::Approved, Some("send")));
    assert!(approved.decided_at.is_some() && approved.covered == json!({"count": 2}));
    ask(vec![ApprovalChange::Close(second)]).await;
    assert_eq!(fixture.scope.approval(second).await.unwrap().state, ApprovalState::Closed);
    assert_eq!(second.to_string().parse::<ApprovalId>().unwrap(), second);
}

#[tokio::test]
async fn any_number_of_processes_may_migrate_at_once() {
    let database = testkit::database::fresh();
    let migrations: Vec<_> = (0..5)
        .map(|_| {
            let url = database.url().to_owned();
            tokio::spawn(async move { store::migrate(&url).await })
        })
        .collect();
    for migration in migrations {
        migration.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn every_key_of_a_tenant_table_leads_with_the_workspace() {
    let fixture = Fixture::new().await;
    let wrong = fixture
        .sql(
            "select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indrelid
             join pg_namespace n on n.oid = c.relnamespace
             join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
             where n.nspname = 'public' and i.indisunique and a.attname <> 'workspace_id'
               and c.relname not in ('workspace', '_sqlx_migrations', 'person', 'session', 'password_reset')
               -- Random ones, by which a request without a workspace finds its own.
               and i.indexrelid::regclass::text not in ('api_key_id_key', 'invitation_token_hash_key')
             union all
             select f.conname from pg_constraint f
             join pg_attribute a on a.attrelid = f.conrelid and a.attnum = f.conkey[1]
             where f.contype = 'f' and a.attname <> 'workspace_id'
               and f.conrelid::regclass::text not in ('session', 'password_reset')
               and f.confrelid <> 'person'::regclass",
        )
        .await
        .unwrap();
    assert!(wrong.is_empty(), "{:?}", wrong.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>());
}
