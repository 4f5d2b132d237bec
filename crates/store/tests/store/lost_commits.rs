use std::time::Duration;

use domain::RunState;
use store::{Checkpoint, Store};

use crate::fixture::{Fixture, added, open, succeeded};
use crate::proxy::{Fault, Proxy};

const FAULTS: [Fault; 3] = [Fault::CommitIsLost, Fault::AnswerIsLost, Fault::CommitIsLate];

#[tokio::test]
async fn a_checkpoint_whose_commit_is_not_answered_is_applied_exactly_once() {
    for fault in FAULTS {
        let fixture = Fixture::new().await;
        let proxy = proxy(&fixture).await;
        let scope =
            Store::connect(proxy.url(), store::Access::Single, 5).await.unwrap().scope(fixture.scope.workspace());
        let claim = fixture.claim().await;
        let mut version = claim.manifest_version;
        proxy.arm(fault);
        let first = Checkpoint { open: open(1, 2), counts: added(2, 0), ..Checkpoint::default() };
        scope.checkpoint(&claim, &mut version, &first).await.unwrap();
        assert!(proxy.fired());
        assert_eq!(version, claim.manifest_version + 1, "{fault:?}");
        let state = fixture.scope.sync_state(fixture.sync).await.unwrap();
        assert_eq!(state.manifest_version, version, "{fault:?}");
        assert_eq!(fixture.count("snapshot_window").await, 1, "{fault:?}");
        assert_eq!(fixture.scope.manifest(fixture.sync).await.unwrap().unwrap().layers.len(), 1, "{fault:?}");
        scope.finish(&claim, version, &succeeded(&claim)).await.unwrap();
    }
}

#[tokio::test]
async fn the_end_of_a_run_whose_commit_is_not_answered_is_applied_exactly_once() {
    for fault in FAULTS {
        let fixture = Fixture::new().await;
        let proxy = proxy(&fixture).await;
        let scope =
            Store::connect(proxy.url(), store::Access::Single, 5).await.unwrap().scope(fixture.scope.workspace());
        let claim = fixture.claim().await;
        proxy.arm(fault);
        let mut finish = succeeded(&claim);
        finish.follow_up = Some(claim.now);
        let finished = scope.finish(&claim, claim.manifest_version, &finish).await.unwrap();
        assert!(proxy.fired());
        assert_eq!(fixture.scope.run(claim.run).await.unwrap().state, RunState::Succeeded, "{fault:?}");
        let follow_up = fixture.scope.run(finished.follow_up.unwrap()).await.unwrap();
        assert_eq!(follow_up.state, RunState::Queued, "{fault:?}");
        assert_eq!(fixture.count("run").await, 2, "{fault:?}");
    }
}

async fn proxy(fixture: &Fixture) -> Proxy {
    let url = testkit::database::cluster().tcp_url(fixture.database.name()).unwrap();
    Proxy::start(&url, Duration::ZERO).await
}
