use domain::RunState;
use store::{Checkpoint, Claim, Error, Finish, NewLogObject};

use super::rows;
use crate::fixture::{Fixture, SETTLING, added, close, open};

impl Fixture {
    async fn unlogged(&self, claim: &Claim) -> Vec<(u64, u32, u64)> {
        let windows = self.scope.unlogged_windows(claim).await.unwrap();
        windows.into_iter().map(|window| (window.epoch, window.number, window.entries)).collect()
    }
}

fn accounts(claim: &Claim, number: u32, window: (u64, u32)) -> NewLogObject {
    NewLogObject { window: Some(window), ..rows(claim, number) }
}

#[tokio::test]
async fn a_window_that_its_attempt_never_closed_is_to_be_accounted_for_once() {
    let fixture = Fixture::new().await;
    let died = fixture.claim().await;
    let mut version = died.manifest_version;
    let first = Checkpoint { open: open(1, 3), counts: added(3, 0), ..Checkpoint::default() };
    fixture.scope.checkpoint(&died, &mut version, &first).await.unwrap();
    let second = Checkpoint { close: close(1, &[3, 3, 3]), open: open(2, 4), ..Checkpoint::default() };
    fixture.scope.checkpoint(&died, &mut version, &second).await.unwrap();
    assert_eq!(fixture.unlogged(&died).await, [], "it may still close its own");

    // The one that takes over leaves a window open, too, and ends the run.
    let ended = fixture.take_over(&died).await;
    let windows = fixture.scope.unlogged_windows(&ended).await.unwrap();
    assert_eq!(fixture.unlogged(&ended).await, [(1, 2, 4)]);
    assert_eq!((windows[0].run, &windows[0].segment["name"]), (died.run, &serde_json::json!("window-2")));
    assert!((died.started_at..=ended.now).contains(&windows[0].opened_at));
    let mut version = ended.manifest_version;
    let third = Checkpoint { open: open(1, 5), ..Checkpoint::default() };
    fixture.scope.checkpoint(&ended, &mut version, &third).await.unwrap();
    fixture.scope.finish(&ended, version, &Finish::new(&ended, RunState::Failed, SETTLING)).await.unwrap();

    // Even if nothing is known any more of the run that they are of.
    fixture.sql("delete from attempt").await.unwrap();
    let next = fixture.claim().await;
    let mut version = next.manifest_version;
    assert_eq!(fixture.unlogged(&next).await, [(1, 2, 4), (2, 1, 5)]);
    fixture.log(&next, &mut version, vec![accounts(&next, 1, (1, 2))]).await.unwrap();
    assert_eq!(fixture.unlogged(&next).await, [(2, 1, 5)]);
    let mut finish = Finish::new(&next, RunState::Succeeded, SETTLING);
    finish.last.log = vec![accounts(&next, 2, (2, 1))];
    fixture.scope.finish(&next, version, &finish).await.unwrap();

    // The log may be forgotten, while the windows are still part of the snapshot.
    let log = fixture.scope.log_objects(next.run, store::LogKind::Rows).await.unwrap();
    assert_eq!(log.iter().map(|object| object.window).collect::<Vec<_>>(), [Some((1, 2)), Some((2, 1))]);
    let keys: Vec<_> = log.iter().map(store::LogObject::key).collect();
    fixture.scope.forget_log_objects(&keys).await.unwrap();
    assert_eq!(fixture.count("snapshot_window").await, 3);
    let claim = fixture.claim().await;
    assert_eq!(fixture.unlogged(&claim).await, []);
}

#[tokio::test]
async fn what_is_in_the_log_already_or_was_closed_cannot_be_accounted_for_again() {
    let fixture = Fixture::new().await;
    let died = fixture.claim().await;
    let mut version = died.manifest_version;
    let first = Checkpoint { open: open(1, 1), counts: added(1, 0), ..Checkpoint::default() };
    fixture.scope.checkpoint(&died, &mut version, &first).await.unwrap();
    let second = Checkpoint { close: close(1, &[3]), open: open(2, 1), ..Checkpoint::default() };
    fixture.scope.checkpoint(&died, &mut version, &second).await.unwrap();
    let claim = fixture.take_over(&died).await;
    let mut version = claim.manifest_version;
    fixture.log(&claim, &mut version, vec![accounts(&claim, 1, (1, 2))]).await.unwrap();
    for window in [(1, 2), (1, 1), (1, 3)] {
        let again = fixture.log(&claim, &mut version, vec![accounts(&claim, 2, window)]).await;
        let refused = matches!(again, Err(Error::NotUnlogged { epoch, number }) if (epoch, number) == window);
        assert!(refused, "{window:?}: {again:?}");
    }
    assert_eq!(fixture.count("log_object").await, 1);
}

#[tokio::test]
async fn a_window_of_a_version_that_did_not_say_whose_it_is_belongs_to_the_run_of_its_attempt() {
    let fixture = Fixture::new().await;
    let died = fixture.claim().await;
    let mut version = died.manifest_version;
    let first = Checkpoint { open: open(1, 1), counts: added(1, 0), ..Checkpoint::default() };
    fixture.scope.checkpoint(&died, &mut version, &first).await.unwrap();
    fixture.sql("update snapshot_window set run_id = null").await.unwrap();
    let claim = fixture.take_over(&died).await;
    let windows = fixture.scope.unlogged_windows(&claim).await.unwrap();
    assert_eq!(windows.iter().map(|window| window.run).collect::<Vec<_>>(), [died.run]);
}
