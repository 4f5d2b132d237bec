//! P6 and P1: a snapshot that is not as it was written is never compared with; a person chooses how to repair it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use domain::{RunKind, RunState};
use runner::{Repair, Report, RunOptions};
use serde_json::json;
use store::Decision;
use testkit::oracle::differences;
use testkit::rig::{Deadline, Rig};
use tokio_util::sync::CancellationToken;

use super::guards::{code, ended, is_done, said_after, says, sent, succeeds, tells_the_model, text};

/// Ways in which an object comes to harm.
#[derive(Debug, Clone, Copy)]
enum Harm {
    /// A byte in the middle: of a block in a segment as small as these.
    Flip,
    FlipFirst,
    FlipLast,
    Truncate,
    Empty,
    Append,
    Delete,
    /// Changes places with the object of another segment.
    Swap,
}

const HARMS: [Harm; 8] =
    [Harm::Flip, Harm::FlipFirst, Harm::FlipLast, Harm::Truncate, Harm::Empty, Harm::Append, Harm::Delete, Harm::Swap];

/// The paths of the snapshot's objects with this ending, oldest first.
fn segments(rig: &Rig, ending: &str) -> Vec<PathBuf> {
    let names = rig.objects().into_iter().filter(|name| name.contains("snapshots/") && name.ends_with(ending));
    names.map(|name| rig.worker.settings.objects.join(name)).collect()
}

/// Harms the newest object with this ending; returns what mends it again.
fn harm(rig: &Rig, ending: &str, how: Harm) -> Vec<(PathBuf, Vec<u8>)> {
    let segments = segments(rig, ending);
    let (newest, older) = (segments.last().unwrap(), segments.first().unwrap());
    let whole: Vec<_> = [newest, older].iter().map(|path| ((*path).clone(), fs::read(path).unwrap())).collect();
    let bytes = &whole[0].1;
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damaged = match how {
        Harm::Flip => flipped(block(bytes)),
        Harm::FlipFirst => flipped(0),
        Harm::FlipLast => flipped(bytes.len() - 1),
        Harm::Truncate => bytes[..bytes.len() - 1].to_vec(),
        Harm::Empty => Vec::new(),
        Harm::Append => [bytes.as_slice(), b"x"].concat(),
        Harm::Delete | Harm::Swap => whole[1].1.clone(),
    };
    // Objects may be read-only, and linked to elsewhere: they are written anew.
    fs::remove_file(newest).unwrap();
    if !matches!(how, Harm::Delete) {
        fs::write(newest, damaged).unwrap();
    }
    if matches!(how, Harm::Swap) {
        fs::remove_file(older).unwrap();
        fs::write(older, bytes).unwrap();
    }
    whole
}

fn mend(whole: Vec<(PathBuf, Vec<u8>)>) {
    for (path, bytes) in whole {
        drop(fs::remove_file(&path));
        fs::write(path, bytes).unwrap();
    }
}

/// A place in the first block: behind the header, 44 bytes and the table whose length ends it.
fn block(bytes: &[u8]) -> usize {
    let table = u32::from_be_bytes([bytes[40], bytes[41], bytes[42], bytes[43]]);
    44 + table as usize + 10
}

/// The run fails for damage, plans nothing and puts nothing.
async fn fails(rig: &Rig) -> Report {
    let before = rig.records().len();
    let report = ended(rig, rig.run().await, RunState::Failed).await;
    assert_eq!(code(&report), "snapshot-damaged", "{report:?}");
    assert!(text(&report).contains("`older`") && text(&report).contains("`send-all`"), "{report:?}");
    assert_eq!((rig.records().len(), report.counts.planned), (before, 0));
    report
}

fn repairing(repair: Repair) -> RunOptions {
    RunOptions { repair: Some(repair), ..RunOptions::default() }
}

async fn repairs(rig: &Rig, repair: Repair) -> Report {
    ended(rig, rig.run_of(RunKind::Normal, repairing(repair)).await, RunState::Succeeded).await
}

/// Three layers: rows 1 to 10; then 1 changed, 2 removed, 11 added; then 12 added. The objects of each, oldest first.
async fn three_layers() -> Rig {
    let rig = sent(10).await;
    rig.sql(
        "update items set v = 'x' where id = 1; delete from items where id = 2; insert into items values (11, 'n')",
    )
    .await;
    succeeds(&rig).await;
    rig.sql("insert into items values (12, 'n')").await;
    succeeds(&rig).await;
    assert_eq!((segments(&rig, ".hashes").len(), segments(&rig, ".values").len()), (3, 3));
    rig
}

#[tokio::test]
async fn p6_damaged_hashes_fail_every_run_and_send_nothing() {
    let rig = three_layers().await;
    rig.sql("delete from items where id = 12; insert into items values (13, 'n')").await;
    for how in HARMS {
        let whole = harm(&rig, ".hashes", how);
        let report = fails(&rig).await;
        assert!(text(&report).contains(".hashes"), "{how:?} {report:?}");
        mend(whole);
    }
    // As they were, they are good again.
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 14), says(&[("added", 13), ("removed", 12)]));
    tells_the_model(&rig).await;
}

#[tokio::test]
async fn p6_damaged_values_fail_a_run_that_needs_them() {
    let rig = three_layers().await;
    rig.sql("update items set v = 'y' where id = 12").await;
    for how in HARMS {
        let whole = harm(&rig, ".values", how);
        let report = fails(&rig).await;
        assert!(text(&report).contains(".values"), "{how:?} {report:?}");
        mend(whole);
    }
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 14), says(&[("changed", 12)]));
}

#[tokio::test]
async fn p7_a_damaged_block_of_values_is_noticed_when_its_values_are_needed() {
    let rig = three_layers().await;
    harm(&rig, ".values", Harm::Flip);
    // Comparing reads hashes only, and this change needs the values of another layer.
    is_done(&rig).await;
    rig.sql("update items set v = 'y' where id = 1").await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 14), says(&[("changed", 1)]));
}

#[tokio::test]
async fn p1_repairing_with_an_older_snapshot_sends_every_row_and_knows_the_removals_of_whole_layers() {
    for ending in [".hashes", ".values"] {
        let rig = three_layers().await;
        let middle = segments(&rig, ending).remove(1);
        fs::remove_file(middle).unwrap();
        rig.sql("delete from items where id in (3, 11, 12)").await;
        fails(&rig).await;
        let report = repairs(&rig, Repair::Older).await;
        // 2 was removed in the layer that is gone, so it is removed again; 3 and 12 are in whole layers.
        let removed: Vec<_> = said_after(&rig, 14).into_iter().filter(|(op, _)| op == "removed").collect();
        assert_eq!(removed, says(&[("removed", 2), ("removed", 3), ("removed", 12)]));
        assert_eq!(report.counts.delivered, 8 + 3);
        // That 11 was ever sent is known to nobody.
        let (stream, model) = (rig.stream().await, rig.model().await);
        let wrong = differences(&stream.by_sequence(), &model);
        assert_eq!(wrong.into_keys().collect::<Vec<_>>(), ["[11]"]);
        is_done(&rig).await;
    }
}

#[tokio::test]
async fn p1_repairing_with_send_all_sends_every_row_and_knows_no_removal() {
    let rig = three_layers().await;
    harm(&rig, ".hashes", Harm::Flip);
    rig.sql("delete from items where id in (3, 11)").await;
    fails(&rig).await;
    let report = repairs(&rig, Repair::SendAll).await;
    assert_eq!((report.counts.added, report.counts.delivered, report.counts.removed), (9, 9, 0));
    let (stream, model) = (rig.stream().await, rig.model().await);
    let wrong = differences(&stream.by_sequence(), &model);
    assert_eq!(wrong.into_keys().collect::<Vec<_>>(), ["[11]", "[3]"]);
    is_done(&rig).await;
    rig.sql("update items set v = 'z' where id = 4; delete from items where id = 5").await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 23), says(&[("changed", 4), ("removed", 5)]));
}

#[tokio::test]
async fn p1_a_value_that_went_back_to_what_the_older_snapshot_says_is_sent_again() {
    let rig = sent(3).await;
    rig.sql("update items set v = 'new' where id = 1").await;
    succeeds(&rig).await;
    harm(&rig, ".hashes", Harm::Delete);
    rig.sql("update items set v = 'v1' where id = 1").await;
    fails(&rig).await;
    repairs(&rig, Repair::Older).await;
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_damage_that_every_older_snapshot_shares_is_repaired_with_send_all_only() {
    let rig = three_layers().await;
    fs::remove_file(segments(&rig, ".hashes").remove(0)).unwrap();
    fails(&rig).await;
    let before = rig.records().len();
    let report = ended(&rig, rig.run_of(RunKind::Normal, repairing(Repair::Older)).await, RunState::Failed).await;
    assert_eq!(code(&report), "snapshot-damaged");
    assert!(text(&report).contains("repair it with `send-all`"), "{report:?}");
    assert_eq!(rig.records().len(), before);
    repairs(&rig, Repair::SendAll).await;
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_a_snapshot_that_is_whole_needs_no_repair() {
    let rig = three_layers().await;
    rig.sql("delete from items where id = 3").await;
    let report = repairs(&rig, Repair::Older).await;
    assert_eq!((report.counts.repeated, report.counts.removed, report.counts.delivered), (0, 1, 1));
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

/// The value went back to what the older snapshot says, so only the full resync of the repair finds it.
async fn older_is_wrong() -> Rig {
    let rig = sent(10).await;
    rig.sql("update items set v = 'new' where id = 1").await;
    succeeds(&rig).await;
    harm(&rig, ".hashes", Harm::Delete);
    rig.sql("update items set v = 'v1' where id = 1").await;
    fails(&rig).await;
    rig
}

#[tokio::test]
async fn p1_a_repair_that_met_a_guard_still_sends_every_row_once_it_is_approved() {
    let rig = older_is_wrong().await;
    rig.sql("delete from items where id > 5").await;
    let report = rig.run_of(RunKind::Normal, repairing(Repair::Older)).await;
    let report = ended(&rig, report, RunState::NeedsApproval).await;
    assert_eq!(code(&report), "removals");
    let request = rig.worker.scope.approvals(rig.sync, true).await.unwrap().remove(0);
    rig.worker.scope.decide_approval(request.id, Decision::Approved, "yes").await.unwrap();
    assert_eq!(succeeds(&rig).await.counts.delivered, 10);
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p1_a_repair_that_was_cancelled_still_sends_every_row_in_the_next_run() {
    let rig = older_is_wrong().await;
    // Reading takes long enough to be cancelled once the snapshot is repaired.
    rig.sql("alter table items rename to hidden; create view items as select id, v from hidden where pg_sleep(1) is not null")
        .await;
    rig.request(RunKind::Normal, repairing(Repair::Older)).await;
    let version = async || rig.worker.scope.sync_state(rig.sync).await.unwrap().manifest_version;
    let (before, cancelled) = (version().await, CancellationToken::new());
    let cancels = async {
        let deadline = Deadline::new("the snapshot to be repaired");
        while version().await == before {
            deadline.pause().await;
        }
        cancelled.cancel();
    };
    let (report, ()) = tokio::join!(rig.try_work(&rig.worker, &cancelled), cancels);
    ended(&rig, report.unwrap(), RunState::Cancelled).await;
    rig.sql("drop view items; alter table hidden rename to items").await;
    assert_eq!(succeeds(&rig).await.counts.delivered, 10);
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p1_a_repair_that_failed_before_the_end_still_sends_every_row_in_the_next_run() {
    let rig = older_is_wrong().await;
    rig.sql("create table aside as table items; alter table items rename v to w; alter table items add v text").await;
    // The query can be described, and fails when it is read.
    rig.sql(
        "alter table items rename to hidden;
         create view items as select id, case when id < 5 then w else (1 / (id - id))::text end as v from hidden",
    )
    .await;
    let report = rig.run_of(RunKind::Normal, repairing(Repair::Older)).await;
    assert_eq!(code(&ended(&rig, report, RunState::Failed).await), "source");
    rig.sql("drop view items; alter table aside rename to items").await;
    assert_eq!(succeeds(&rig).await.counts.delivered, 10);
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_a_repair_with_a_changed_key_removes_nothing() {
    let mut rig = older_is_wrong().await;
    rig.set("/model", json!({"query": "select id, v, 'c' || id as code from items", "key": ["code"]})).await;
    rig.set("/sync/guards", json!({"removed_percent": 100.0, "removed_more_than": 1000})).await;
    let report = repairs(&rig, Repair::Older).await;
    assert_eq!((report.counts.delivered, report.counts.removed), (10, 0));
    is_done(&rig).await;
}

#[tokio::test]
async fn p1_a_take_over_in_the_middle_of_a_repair_goes_on_with_it() {
    let mut rig = older_is_wrong().await;
    rig.worker.settings.window.records = 2;
    rig.request(RunKind::Normal, repairing(Repair::Older)).await;
    let before = rig.simulator.calls_of(simulator::Operation::PutRecords);
    let crash = rig.simulator.wait_for_calls(simulator::Operation::PutRecords, before + 2);
    assert!(rig.work_until(crash).await.is_none(), "the run ended before the crash");
    rig.end_lease().await;
    let second = rig.second_worker().await;
    let report = rig.try_work(&second, &CancellationToken::new()).await.unwrap();
    ended(&rig, report, RunState::Succeeded).await;
    rig.settled().await;
    tells_the_model(&rig).await;
    assert!(said_after(&rig, 11).len() >= 10);
    is_done(&rig).await;
}

#[tokio::test]
async fn p1_a_lost_window_of_a_dead_worker_is_repaired_like_all_else() {
    let mut rig = sent(3).await;
    rig.worker.settings.window.records = 2;
    rig.sql("insert into items select n, 'n' from generate_series(4, 12) n").await;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let before = rig.simulator.calls_of(simulator::Operation::PutRecords);
    let crash = rig.simulator.wait_for_calls(simulator::Operation::PutRecords, before + 2);
    assert!(rig.work_until(crash).await.is_none(), "the run ended before the crash");
    rig.end_lease().await;
    // The newest objects are those of the window that would have followed, which nothing names.
    let open = "select segment::text from snapshot_window order by epoch desc, number desc limit 1";
    let open: String = rig.store_query(open).await[0].get(0);
    let lost = segments(&rig, "").into_iter().filter(|path| open.contains(path.file_name().unwrap().to_str().unwrap()));
    assert_eq!(lost.map(|path| fs::remove_file(path).unwrap()).count(), 2, "{open}");
    let report = rig.work().await;
    assert_eq!((report.state, code(&report)), (RunState::Failed, "snapshot-damaged"), "{report:?}");
    repairs(&rig, Repair::SendAll).await;
    rig.settled().await;
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p1_a_repair_whose_take_over_could_not_even_begin_still_sends_every_row() {
    let mut rig = older_is_wrong().await;
    rig.worker.settings.window.records = 2;
    rig.request(RunKind::Normal, repairing(Repair::Older)).await;
    let before = rig.simulator.calls_of(simulator::Operation::PutRecords);
    let crash = rig.simulator.wait_for_calls(simulator::Operation::PutRecords, before + 2);
    assert!(rig.work_until(crash).await.is_none(), "the run ended before the crash");
    rig.end_lease().await;
    let mut second = rig.second_worker().await;
    second.settings.secrets = Some(Arc::new(|_| Err("no secret".to_owned())));
    let report = rig.try_work(&second, &CancellationToken::new()).await.unwrap();
    assert_eq!((report.state, code(&report)), (RunState::Failed, "credentials"));
    rig.settled().await;
    succeeds(&rig).await;
    let keys: BTreeSet<_> = said_after(&rig, 11).into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys, (1..=10).collect());
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_an_approval_whose_list_of_keys_is_damaged_asks_again() {
    let rig = sent(10).await;
    rig.sql("delete from items where id <= 5").await;
    for how in [Harm::Flip, Harm::Delete] {
        let report = ended(&rig, rig.run().await, RunState::NeedsApproval).await;
        assert_eq!(code(&report), "removals");
        let request = rig.worker.scope.approvals(rig.sync, true).await.unwrap().remove(0);
        rig.worker.scope.decide_approval(request.id, Decision::Approved, "yes").await.unwrap();
        // The newest segment is that of the request.
        harm(&rig, ".hashes", how);
    }
    let report = ended(&rig, rig.run().await, RunState::NeedsApproval).await;
    assert_eq!(code(&report), "removals");
    let request = rig.worker.scope.approvals(rig.sync, true).await.unwrap().remove(0);
    rig.worker.scope.decide_approval(request.id, Decision::Approved, "yes").await.unwrap();
    assert_eq!(succeeds(&rig).await.counts.delivered, 5);
    tells_the_model(&rig).await;
}
