use domain::{RunKind, SyncId};
use store::{Claimed, Fired, NewSync, Tick, Ticks};

use super::{Service, by, hourly, sync};

const HOUR: i64 = 3_600_000;

fn tick(number: i64) -> Tick {
    Tick { expected: number * HOUR, scheduled_for: number * HOUR, skipped: 0, next: Some((number + 1) * HOUR) }
}

async fn scheduled(service: &Service) -> SyncId {
    let made = service.configure().await;
    let new = NewSync { ticks: hourly(0, HOUR), ..sync("customers", &made.model, &made.destination) };
    service.api.update_sync(&by("t"), made.sync.id, None, &new).await.unwrap().id
}

#[tokio::test]
async fn a_due_tick_queues_one_run_however_many_sweepers_see_it() {
    let service = Service::new().await;
    let id = scheduled(&service).await;
    let workspace = service.api.workspace();
    assert_eq!(service.workers.due_syncs(9).await.unwrap(), [(workspace, id)]);
    let state = service.worker.schedule_state(id).await.unwrap();
    assert_eq!(state, hourly(0, HOUR));
    let first = Tick { skipped: 4, ..tick(1) };
    let fires = tokio::join!(
        service.worker.fire(id, &first),
        service.worker.fire(id, &first),
        service.worker.fire(id, &first),
    );
    let fires = [fires.0.unwrap(), fires.1.unwrap(), fires.2.unwrap()];
    let queued: Vec<_> = fires.iter().filter(|fired| matches!(fired, Fired::Queued(_))).collect();
    let gone = fires.iter().filter(|fired| **fired == Fired::Gone).count();
    assert_eq!((queued.len(), gone), (1, 2), "{fires:?}");
    assert_eq!(service.worker.fire(id, &first).await.unwrap(), Fired::Gone);
    let runs = service.worker.runs(id, 9).await.unwrap();
    assert_eq!((runs.len(), runs[0].kind, runs[0].scheduled_for), (1, RunKind::Normal, Some(HOUR)));
    let by: String = service.sql("select requested_by::text from run").await[0].get(0);
    assert_eq!(by, r#"{"schedule": true}"#);
    let details = service.api.sync_details(id).await.unwrap();
    assert_eq!((details.skipped_ticks, details.ticks.next_fire_at), (4, Some(2 * HOUR)));
    assert_eq!(details.newest_run.unwrap().id, runs[0].id);
}

#[tokio::test]
async fn a_tick_is_skipped_while_a_run_waits_and_queues_the_follow_up_of_one_that_works() {
    let service = Service::new().await;
    let id = scheduled(&service).await;
    assert!(matches!(service.worker.fire(id, &tick(1)).await.unwrap(), Fired::Queued(_)));
    assert_eq!(service.worker.fire(id, &tick(2)).await.unwrap(), Fired::Skipped);
    assert_eq!(service.api.sync_details(id).await.unwrap().skipped_ticks, 1);
    assert!(matches!(service.worker.claim(id, "worker", 60_000, 60_000).await.unwrap(), Claimed::Claimed(_)));
    assert!(matches!(service.worker.fire(id, &tick(3)).await.unwrap(), Fired::Queued(_)));
    assert_eq!(service.worker.fire(id, &Tick { next: None, ..tick(4) }).await.unwrap(), Fired::Skipped);
    let details = service.api.sync_details(id).await.unwrap();
    assert_eq!((details.skipped_ticks, details.ticks.next_fire_at), (2, None));
    assert_eq!(service.worker.runs(id, 9).await.unwrap().len(), 2);
    assert_eq!(service.workers.due_syncs(9).await.unwrap(), [], "no tick follows");
}

#[tokio::test]
async fn a_paused_sync_does_not_tick_and_its_waiting_run_stays() {
    let service = Service::new().await;
    let id = scheduled(&service).await;
    assert!(matches!(service.worker.fire(id, &tick(1)).await.unwrap(), Fired::Queued(_)));
    let paused = service.api.pause_sync(&by("pause_sync"), id, None).await.unwrap();
    assert!(paused.paused);
    assert_eq!(service.workers.due_syncs(9).await.unwrap(), []);
    assert_eq!(service.worker.fire(id, &tick(2)).await.unwrap(), Fired::Gone);
    assert_eq!(service.number("select count(*) from run where state = 'queued'").await, 1);
    let resumed = service.api.resume_sync(&by("resume_sync"), id, None, Some(9 * HOUR)).await.unwrap();
    assert_eq!((resumed.paused, resumed.ticks), (false, hourly(0, 9 * HOUR)));
    let again = service.api.resume_sync(&by("resume_sync"), id, None, Some(10 * HOUR)).await.unwrap();
    assert_eq!((again.ticks, again.revision), (hourly(0, 9 * HOUR), resumed.revision), "it was not paused");
}

#[tokio::test]
async fn a_tick_of_a_schedule_that_was_changed_is_gone() {
    let service = Service::new().await;
    let id = scheduled(&service).await;
    let details = service.api.sync_details(id).await.unwrap();
    let ticks = Ticks::default();
    let new = NewSync {
        name: details.name,
        model: details.model,
        destination: details.destination,
        config: details.config,
        ticks,
    };
    service.api.update_sync(&by("t"), id, None, &new).await.unwrap();
    assert_eq!(service.worker.fire(id, &tick(1)).await.unwrap(), Fired::Gone);
    assert_eq!(service.number("select count(*) from run").await, 0);
}
