//! Whose run is next: between workspaces by what their runs take, within a workspace what was lost first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use domain::{RunKind, RunState, SyncId, Work, WorkspaceId};
use serde_json::{Value, json};
use store::{Access, Claim, Claimed, Error, Finish, Store};
use tokio::sync::Barrier;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::fixture::{Fixture, LEASE, SETTLING, succeeded};

/// Places for runs, in all workers together.
const PLACES: usize = 8;
const CAP: u32 = 8;

/// Many workspaces, each with copies of one sync, and workers that may do what a worker may.
struct Crowd {
    workers: Store,
    client: Client,
    fixture: Fixture,
}

impl Crowd {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let (client, connection) = tokio_postgres::connect(fixture.database.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        // What the fixture made is the pattern, and has no part in the order.
        client.execute("update workspace set paused = true", &[]).await.unwrap();
        let workers = Store::connect(fixture.database.url(), Access::Worker, 16).await.unwrap();
        Self { workers, client, fixture }
    }

    /// A workspace with so many syncs, the runs of which are expected to take so long. Each has a run that waits, the first
    /// one the longest.
    async fn workspace(&self, syncs: u32, seconds: f32) -> WorkspaceId {
        let (pattern, sync) = (self.fixture.scope.workspace().uuid(), self.fixture.sync.uuid());
        let new = Uuid::now_v7();
        let statements = format!(
            "insert into workspace (id, name, hash_key) select '{new}', name, hash_key from workspace where id = '{pattern}';
             insert into dispatch (workspace_id) values ('{new}');
             insert into source (workspace_id, id, name, config)
                select '{new}', id, name, config from source where workspace_id = '{pattern}';
             insert into model (workspace_id, id, source_id, name, config)
                select '{new}', id, source_id, name, config from model where workspace_id = '{pattern}';
             insert into destination (workspace_id, id, name, config)
                select '{new}', id, name, config from destination where workspace_id = '{pattern}';
             insert into sync (workspace_id, id, name, model_id, destination_id, version, config, last_run_seconds)
                select '{new}', gen_random_uuid(), name || n, model_id, destination_id, version, config, {seconds}
                from sync, generate_series(1, {syncs}) n where workspace_id = '{pattern}' and id = '{sync}';
             insert into sync_version (workspace_id, sync_id, version, definition)
                select s.workspace_id, s.id, v.version, v.definition from sync s, sync_version v
                where s.workspace_id = '{new}' and v.workspace_id = '{pattern}' and v.sync_id = '{sync}';
             insert into run (workspace_id, id, sync_id, kind, due_at)
                select workspace_id, gen_random_uuid(), id, 'normal', now() - interval '1 minute' + n * interval '1 ms'
                from (select *, row_number() over (order by length(name), name) n from sync
                      where workspace_id = '{new}') numbered;"
        );
        self.client.batch_execute(&statements).await.unwrap();
        WorkspaceId::from_uuid(new)
    }

    async fn sql(&self, statements: &str) {
        self.client.batch_execute(statements).await.unwrap();
    }

    async fn claim(&self) -> Option<(WorkspaceId, Claim)> {
        self.workers.claim_next("worker", LEASE, SETTLING, CAP, &[]).await.unwrap()
    }

    async fn end(&self, (workspace, claim): &(WorkspaceId, Claim)) {
        let scope = self.workers.scope(*workspace);
        scope.finish(claim, claim.manifest_version, &succeeded(claim)).await.unwrap();
    }

    /// Ends it as if it had taken as long as the runs of its sync are expected to.
    async fn end_as_expected(&self, claimed: &(WorkspaceId, Claim)) {
        let (run, sync) = (claimed.1.run.uuid(), claimed.1.sync.uuid());
        self.sql(&format!(
            "update run set started_at = now() - (select last_run_seconds from sync where id = '{sync}') * interval '1 s'
             where id = '{run}'"
        ))
        .await;
        self.end(claimed).await;
    }

    /// Keeps all places busy for so many starts; whose they were. The run that started first ends first.
    async fn starts(&self, many: usize) -> Vec<WorkspaceId> {
        let (mut working, mut started) = (VecDeque::new(), Vec::new());
        while started.len() < many {
            if working.len() == PLACES {
                self.end_as_expected(&working.pop_front().unwrap()).await;
            }
            match self.claim().await {
                Some(claimed) => {
                    started.push(claimed.0);
                    working.push_back(claimed);
                }
                // Those who have work are at their caps.
                None => self.end_as_expected(&working.pop_front().unwrap()).await,
            }
        }
        for claimed in &working {
            self.end_as_expected(claimed).await;
        }
        started
    }
}

#[tokio::test]
async fn one_run_of_each_of_99_workspaces_starts_long_before_the_thousand_of_another_are_through() {
    let crowd = Crowd::new().await;
    let big = crowd.workspace(1000, 1.0).await;
    let alone = crowd.starts(40).await;
    assert!(alone.iter().all(|workspace| *workspace == big), "nobody else has work");
    let mut small = HashSet::new();
    for _ in 0..99 {
        small.insert(crowd.workspace(1, 1.0).await);
    }
    // Small ones come in at the virtual time, and the big one has its turn at most once before each of its steps.
    let started = crowd.starts(120).await;
    let served: HashSet<_> = started.iter().copied().filter(|workspace| small.contains(workspace)).collect();
    assert_eq!(served.len(), 99, "a small workspace waits behind the big one");
    assert!(started.contains(&big), "the big one is served too, as soon as it is its turn again");
}

#[tokio::test]
async fn a_workspace_whose_runs_take_ten_times_as_long_gets_a_tenth_of_the_starts() {
    let crowd = Crowd::new().await;
    let slow = crowd.workspace(60, 10.0).await;
    let quick = crowd.workspace(200, 1.0).await;
    let started = crowd.starts(110).await;
    let of = |workspace| started.iter().filter(|started| **started == workspace).count();
    assert!((9..=11).contains(&of(slow)), "{} of {}", of(slow), started.len());
    assert_eq!(of(slow) + of(quick), 110);
}

#[tokio::test]
async fn who_had_no_work_for_long_has_saved_up_no_turns() {
    let crowd = Crowd::new().await;
    let steady = crowd.workspace(100, 1.0).await;
    crowd.starts(30).await;
    let late = crowd.workspace(100, 1.0).await;
    let started = crowd.starts(20).await;
    let of = |workspace| started.iter().filter(|started| **started == workspace).count();
    assert!(of(steady).abs_diff(of(late)) <= 1, "{} and {}", of(steady), of(late));
}

#[tokio::test]
async fn eight_claims_at_once_get_as_many_runs_as_the_cap_allows_and_never_the_same_one() {
    let crowd = Crowd::new().await;
    let workspace = crowd.workspace(60, 1.0).await;
    let mut seen = HashSet::new();
    for cap in [1, 3, 2, 1, 5, 4, 3, 1, 6, 2] {
        crowd.sql(&format!("update workspace set quotas = '{{\"running_runs\": {cap}}}'")).await;
        let barrier = Arc::new(Barrier::new(PLACES));
        let claims: Vec<_> = (0..PLACES)
            .map(|number| {
                let (workers, barrier) = (crowd.workers.clone(), Arc::clone(&barrier));
                tokio::spawn(async move {
                    barrier.wait().await;
                    workers.claim_next(&format!("worker-{number}"), LEASE, SETTLING, CAP, &[]).await.unwrap()
                })
            })
            .collect();
        let mut won = Vec::new();
        for claim in claims {
            won.extend(claim.await.unwrap());
        }
        // Not fewer either: whoever came while another one was taking its run waits for its turn.
        assert_eq!(won.len(), cap, "with a cap of {cap}");
        for claimed in &won {
            assert!(claimed.0 == workspace && seen.insert(claimed.1.run), "a run was given twice");
            crowd.end(claimed).await;
        }
    }
}

#[tokio::test]
async fn at_no_moment_more_runs_of_a_workspace_are_at_work_than_its_cap() {
    let crowd = Arc::new(Crowd::new().await);
    let mut caps = HashMap::new();
    for cap in [1_i64, 2, 4] {
        let workspace = crowd.workspace(40, 1.0).await;
        let id = workspace.uuid();
        crowd.sql(&format!("update workspace set quotas = '{{\"running_runs\": {cap}}}' where id = '{id}'")).await;
        caps.insert(id.to_string(), cap);
    }
    let working: Vec<_> = (0..PLACES)
        .map(|_| {
            let crowd = Arc::clone(&crowd);
            tokio::spawn(async move {
                let (mut taken, mut at_once, mut held) = (Vec::new(), HashMap::new(), None);
                while crowd.fixture.count("run where state = 'queued'").await > 0 {
                    // One run is held until the next is there or none is to be had, so that the caps are reached.
                    let claimed = crowd.claim().await;
                    // One snapshot of the database: the cap holds in each.
                    let open =
                        "select workspace_id::text, count(*) from run where state = 'running' group by workspace_id";
                    for row in crowd.client.query(open, &[]).await.unwrap() {
                        let most: &mut i64 = at_once.entry(row.get::<_, String>(0)).or_default();
                        *most = row.get::<_, i64>(1).max(*most);
                    }
                    taken.extend(claimed.iter().map(|(_, claim)| claim.run));
                    if let Some(before) = std::mem::replace(&mut held, claimed) {
                        crowd.end(&before).await;
                    }
                }
                (taken, at_once)
            })
        })
        .collect();
    let (mut taken, mut most) = (Vec::new(), HashMap::new());
    for worker in working {
        let (runs, at_once) = worker.await.unwrap();
        taken.extend(runs);
        for (workspace, runs) in at_once {
            let before: &mut i64 = most.entry(workspace).or_default();
            *before = runs.max(*before);
        }
    }
    assert_eq!(taken.len(), 120);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 120, "a run was given twice");
    assert_eq!(most, caps, "each workspace filled its cap, and no more");
}

#[tokio::test]
async fn what_is_paused_held_at_work_or_not_due_is_not_picked_until_that_changes() {
    let crowd = Crowd::new().await;
    let hindrances = [
        ("workspace", "id", "paused = true", "paused = false"),
        ("destination", "workspace_id", "paused = true", "paused = false"),
        ("sync", "workspace_id", "paused = true", "paused = false"),
        ("sync", "workspace_id", "held = 'restored'", "held = null"),
        ("run", "workspace_id", "due_at = now() + interval '1 hour'", "due_at = now()"),
    ];
    let mut hindered = Vec::new();
    for (table, column, set, reset) in hindrances {
        let workspace = crowd.workspace(1, 1.0).await;
        let id = workspace.uuid();
        crowd.sql(&format!("update {table} set {set} where {column} = '{id}'")).await;
        hindered.push((workspace, format!("update {table} set {reset} where {column} = '{id}'")));
    }
    let free = crowd.workspace(1, 1.0).await;
    let claimed = crowd.claim().await.unwrap();
    assert_eq!(claimed.0, free);
    // Its sync is at work, so that the next one waits however due it is.
    let (workspace, sync) = (free.uuid(), claimed.1.sync.uuid());
    let columns = "run (workspace_id, id, sync_id, kind)";
    crowd.sql(&format!("insert into {columns} values ('{workspace}', gen_random_uuid(), '{sync}', 'normal')")).await;
    assert!(crowd.claim().await.is_none());
    crowd.end(&claimed).await;
    assert_eq!(crowd.claim().await.unwrap().0, free);
    for (workspace, reset) in hindered {
        assert!(crowd.claim().await.is_none(), "before {reset}");
        crowd.sql(&reset).await;
        assert_eq!(crowd.claim().await.unwrap().0, workspace, "after {reset}");
    }
}

#[tokio::test]
async fn a_run_whose_worker_is_lost_comes_before_those_that_wait_and_counts_as_none_at_work() {
    let crowd = Crowd::new().await;
    let workspace = crowd.workspace(5, 1.0).await;
    crowd.sql("update workspace set quotas = '{\"running_runs\": 2}'").await;
    let (_, first) = crowd.claim().await.unwrap();
    let (_, second) = crowd.claim().await.unwrap();
    assert!(crowd.claim().await.is_none(), "two is the cap");
    // Its worker is lost, and it became due later than those that wait.
    crowd.sql(&format!("update run set due_at = now() where id = '{}'", second.run.uuid())).await;
    crowd.workers.scope(workspace).heartbeat(&second, -1).await.unwrap();
    let (_, again) = crowd.claim().await.unwrap();
    assert_eq!((again.run, again.epoch), (second.run, second.epoch + 1), "not one of the three that wait longer");
    assert!(crowd.claim().await.is_none(), "two is the cap");
    crowd.workers.scope(workspace).heartbeat(&first, -1).await.unwrap();
    assert_eq!(crowd.claim().await.unwrap().1.run, first.run);
}

#[tokio::test]
async fn no_pause_keeps_keys_from_being_forgotten_and_nothing_else_starts_by_it() {
    let crowd = Crowd::new().await;
    for (table, column) in [("workspace", "id"), ("destination", "workspace_id"), ("sync", "workspace_id")] {
        // Its normal run waits longer than what is asked for now.
        let workspace = crowd.workspace(1, 1.0).await;
        let (id, scope) = (workspace.uuid(), crowd.fixture.store.scope(workspace));
        crowd.sql(&format!("update {table} set paused = true where {column} = '{id}'")).await;
        let sync = format!("select id::text from sync where workspace_id = '{id}'");
        let sync: String = crowd.client.query_one(&sync, &[]).await.unwrap().get(0);
        let sync = SyncId::from_uuid(sync.parse().unwrap());
        let by = crate::config::by("erase_key");
        let refused = scope.request_run_by(&by, sync, RunKind::FullResync, Value::Null).await;
        assert!(matches!(refused, Err(Error::Paused { what }) if what == table), "{refused:?}");
        assert!(crowd.claim().await.is_none(), "{table} is paused");
        let options = json!({"erase": {"keys": [[1]]}});
        let asked = scope.request_run_by(&by, sync, RunKind::Erase, options).await.unwrap();
        let (_, claim) = crowd.claim().await.unwrap_or_else(|| panic!("what is to be forgotten waits for the {table}"));
        assert_eq!((claim.run, claim.kind), (asked.run, RunKind::Erase));
        // It is taken over when its worker is lost.
        crowd.workers.scope(workspace).heartbeat(&claim, -1).await.unwrap();
        let again = crowd.claim().await.unwrap();
        assert_eq!((again.1.run, again.1.epoch), (claim.run, claim.epoch + 1));
        crowd.end(&again).await;
        assert!(crowd.claim().await.is_none(), "the normal run of a paused {table} was started");
        let direct = crowd.workers.scope(workspace).claim(sync, "worker", LEASE, SETTLING).await.unwrap();
        assert!(matches!(direct, Claimed::Nothing), "{direct:?}");
    }
}

#[tokio::test]
async fn what_a_worker_lost_before_a_pause_goes_on_if_keys_wait_to_be_forgotten_behind_it() {
    let crowd = Crowd::new().await;
    let workspace = crowd.workspace(1, 1.0).await;
    let lost = crowd.claim().await.unwrap();
    crowd.workers.scope(workspace).heartbeat(&lost.1, -1).await.unwrap();
    crowd.sql(&format!("update sync set paused = true where workspace_id = '{}'", workspace.uuid())).await;
    assert!(crowd.claim().await.is_none());
    let (by, options) = (crate::config::by("erase_key"), json!({"erase": {"keys": [[1]]}}));
    let scope = crowd.fixture.store.scope(workspace);
    let asked = scope.request_run_by(&by, lost.1.sync, RunKind::Erase, options).await.unwrap();
    let again = crowd.claim().await.unwrap();
    assert_eq!(again.1.run, lost.1.run);
    assert!(crowd.claim().await.is_none(), "one at a time");
    crowd.end(&again).await;
    assert_eq!(crowd.claim().await.unwrap().1.run, asked.run);
    // Who has to decide about a snapshot decides before anything is written to it.
    crowd.sql(&format!("update sync set held = 'restored' where workspace_id = '{}'", workspace.uuid())).await;
    let refused = scope.request_run_by(&by, lost.1.sync, RunKind::Erase, json!({"erase": {"keys": [[1]]}})).await;
    assert!(matches!(refused, Err(Error::Held { .. })), "{refused:?}");
}

#[tokio::test]
async fn of_a_run_that_forgets_keys_nothing_remembers_them_however_it_ended() {
    let crowd = Crowd::new().await;
    let workspace = crowd.workspace(1, 1.0).await;
    let scope = crowd.workers.scope(workspace);
    let by = crate::config::by("erase_key");
    let first = crowd.claim().await.unwrap();
    crowd.end(&first).await;
    let ask = async || {
        let options = json!({"erase": {"keys": [["key-to-forget"]]}});
        crowd
            .fixture
            .store
            .scope(workspace)
            .request_run_by(&by, first.1.sync, RunKind::Erase, options)
            .await
            .unwrap()
            .run
    };
    let told = async || crowd.fixture.count("run where options::text like '%key-to-forget%'").await;
    let waits = ask().await;
    assert_eq!(told().await, 1);
    crowd.fixture.store.scope(workspace).cancel(waits).await.unwrap();
    assert_eq!(told().await, 0, "cancelled before it began");
    for state in [RunState::Failed, RunState::Cancelled] {
        let run = ask().await;
        let (_, claim) = crowd.claim().await.unwrap();
        assert_eq!(claim.options, json!({"erase": {"keys": [["key-to-forget"]]}}));
        crowd.fixture.store.scope(workspace).cancel(run).await.unwrap();
        assert_eq!(told().await, 1, "it is at work");
        scope.finish(&claim, claim.manifest_version, &Finish::new(&claim, state, SETTLING)).await.unwrap();
        assert_eq!(told().await, 0, "{state:?}");
        assert_eq!(scope.run(run).await.unwrap().options, json!({"erase": {"keys": []}}));
    }
}

#[tokio::test]
async fn the_cap_of_jobs_at_work_is_exact_however_many_claim_at_once() {
    let crowd = Crowd::new().await;
    let (one, other) = (crowd.workspace(1, 1.0).await, crowd.workspace(1, 1.0).await);
    for workspace in [one, other] {
        let scope = crowd.fixture.store.scope(workspace);
        let work = Work::PreviewSync { sync: crowd.fixture.sync, records: 1, full_resync: false };
        for _ in 0..8 {
            scope.create_job(&work, &json!({}), 8).await.unwrap();
        }
    }
    let mut most: HashMap<WorkspaceId, usize> = HashMap::new();
    let together = Arc::new(Barrier::new(16));
    let claims = (0..16).map(|number| {
        let (store, together) = (crowd.workers.clone(), Arc::clone(&together));
        tokio::spawn(async move {
            together.wait().await;
            let worker = format!("worker-{number}");
            store.claim_job(&worker, LEASE, 3, &[]).await.unwrap().map(|(workspace, _)| workspace)
        })
    });
    for claim in claims.collect::<Vec<_>>() {
        if let Some(workspace) = claim.await.unwrap() {
            *most.entry(workspace).or_default() += 1;
        }
    }
    assert_eq!(most, HashMap::from([(one, 3), (other, 3)]));
}

#[tokio::test]
async fn whoever_has_all_the_places_that_a_worker_gives_it_is_passed_over_by_that_worker() {
    let crowd = Crowd::new().await;
    let (greedy, other) = (crowd.workspace(3, 1.0).await, crowd.workspace(1, 100.0).await);
    let claim = async |not_of: &[WorkspaceId]| {
        let claimed = crowd.workers.claim_next("worker", LEASE, SETTLING, CAP, not_of).await.unwrap();
        claimed.map(|(workspace, _)| workspace)
    };
    assert_eq!(claim(&[greedy]).await, Some(other));
    assert_eq!(claim(&[greedy]).await, None, "the runs of the greedy one wait");
    assert_eq!(claim(&[]).await, Some(greedy), "for another worker");
}

#[tokio::test]
async fn a_test_is_claimed_while_a_worker_takes_no_more_queries() {
    let crowd = Crowd::new().await;
    let workspace = crowd.workspace(1, 1.0).await;
    let scope = crowd.fixture.store.scope(workspace);
    let source = domain::SourceId::from_uuid(Uuid::now_v7());
    let query = Work::TryQuery { source, query: "select 1".to_owned(), key: Vec::new(), rows: 1, sample: false };
    let preview = Work::PreviewSync { sync: crowd.fixture.sync, records: 1, full_resync: false };
    for work in [&query, &preview, &Work::TestSource { source }] {
        scope.create_job(work, &json!({}), 8).await.unwrap();
    }
    let claim = async |no_kinds: &[&str]| {
        let claimed = crowd.workers.claim_job("worker", LEASE, 9, no_kinds).await.unwrap();
        claimed.map(|(_, job)| job.work.kind())
    };
    assert_eq!(claim(&Work::LONG).await, Some("test-source"));
    assert_eq!(claim(&Work::LONG).await, None);
    assert_eq!(claim(&[]).await, Some("try-query"));
}
