//! P6: what looks like an accident asks first, and asking sends nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod rows;

use domain::{RunKind, RunState};
use runner::{GuardAnswer, Report, RunOptions};
use serde_json::{Value as Json, json};
use simulator::{Effect, Operation, Rule};
use store::{Approval, ApprovalState, Decision};
use testkit::oracle::{differences, sums};
use testkit::rig::Rig;
use tokio_util::sync::CancellationToken;

/// A message that the oracle can read, with the columns `id` and `v`.
pub(super) const MESSAGE: &str = r#"{"op": {{ op }}, "key": [{{ row.id }}],
    "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}},
    "row": {"id": {{ row.id }}, "v": {{ row.v }}},
    "previous": {"v": {{ previous.v }}}, "changed": {{ changed_columns }}}"#;

/// More than 3 removals that are more than a fifth ask.
pub(super) fn definition() -> Json {
    json!({
        "model": {"query": "select id, v from items", "key": ["id"]},
        "sync": {
            "message": {"json": MESSAGE},
            "partition_key": {"template": "{{ row.id }}"},
            "guards": {"removed_percent": 20.0, "removed_more_than": 3},
        },
    })
}

/// `rows` rows, all of them acknowledged.
pub(super) async fn sent(rows: u32) -> Rig {
    let setup = format!(
        "create table items (id bigint, v text);
         insert into items select g, 'v' || g from generate_series(1, {rows}) g"
    );
    let rig = Rig::start(&setup, definition()).await;
    let report = ended(&rig, rig.run().await, RunState::Succeeded).await;
    assert_eq!(report.counts.delivered, u64::from(rows));
    rig
}

/// The run ended so, and its counts add up: in the report, and in what the store keeps of its attempts.
pub(super) async fn ended(rig: &Rig, report: Report, state: RunState) -> Report {
    assert_eq!(report.state, state, "{report:?}");
    report.counts.check().unwrap();
    let attempts = rig.worker.scope.attempts(report.run).await.unwrap();
    assert_eq!(attempts.last().unwrap().counts, report.counts);
    for attempt in attempts {
        assert_eq!(sums(&serde_json::to_value(attempt.counts).unwrap()), Vec::<String>::new());
    }
    report
}

pub(super) async fn succeeds(rig: &Rig) -> Report {
    ended(rig, rig.run().await, RunState::Succeeded).await
}

pub(super) fn code(report: &Report) -> &str {
    &report.reason.as_ref().unwrap().code
}

pub(super) fn text(report: &Report) -> &str {
    &report.reason.as_ref().unwrap().text
}

/// A run that asks, puts nothing, and leaves the snapshot as it is.
pub(super) async fn asks(rig: &Rig, options: RunOptions) -> Report {
    let before = (rig.records().len(), manifest_version(rig).await);
    let report = rig.run_of(RunKind::Normal, options).await;
    let report = ended(rig, report, RunState::NeedsApproval).await;
    assert_eq!((rig.records().len(), manifest_version(rig).await), before);
    assert_eq!(report.counts.deferred, report.counts.planned);
    report
}

async fn asks_for(rig: &Rig, expected: &str) -> Report {
    let report = asks(rig, RunOptions::default()).await;
    assert_eq!(code(&report), expected);
    report
}

async fn manifest_version(rig: &Rig) -> u64 {
    rig.worker.scope.sync_state(rig.sync).await.unwrap().manifest_version
}

/// The one request that is open.
async fn request(rig: &Rig) -> Approval {
    let mut open = rig.worker.scope.approvals(rig.sync, true).await.unwrap();
    assert_eq!(open.len(), 1, "{open:?}");
    open.remove(0)
}

async fn state(rig: &Rig, approval: &Approval) -> ApprovalState {
    rig.worker.scope.approval(approval.id).await.unwrap().state
}

async fn answer(rig: &Rig, decision: Decision) -> Approval {
    let approval = request(rig).await;
    rig.worker.scope.decide_approval(approval.id, decision, "a person").await.unwrap();
    approval
}

/// The last messages say what the model says, and each is a fair one.
pub(super) async fn tells_the_model(rig: &Rig) {
    let (stream, model) = (rig.stream().await, rig.model().await);
    assert_eq!(stream.faults(true), Vec::<String>::new());
    assert_eq!(differences(&stream.by_sequence(), &model), Default::default());
    assert_eq!(differences(&stream.by_arrival(), &model), Default::default());
}

/// Nothing is left to do.
pub(super) async fn is_done(rig: &Rig) {
    let before = rig.records().len();
    let report = succeeds(rig).await;
    assert_eq!((report.counts.planned, report.counts.not_wanted), (0, 0), "{report:?}");
    assert_eq!(rig.records().len(), before);
    assert!(rig.worker.scope.approvals(rig.sync, true).await.unwrap().is_empty(), "no request is left open");
}

/// `op` and key of all messages after the first so many, sorted.
pub(super) fn said_after(rig: &Rig, records: usize) -> Vec<(String, i64)> {
    let said = |message: &Json| {
        let key = message["key"][0].as_i64().unwrap_or_default();
        (message["op"].as_str().unwrap_or_default().to_owned(), key)
    };
    let mut all: Vec<_> = rig.messages()[records..].iter().map(said).collect();
    all.sort();
    all
}

pub(super) fn says(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(op, key)| ((*op).to_owned(), *key)).collect()
}

fn holding() -> RunOptions {
    RunOptions { hold_removals: true, ..RunOptions::default() }
}

#[tokio::test]
async fn p6_an_empty_result_asks_and_sends_nothing() {
    // Below the count of the other guard.
    let rig = sent(3).await;
    rig.sql("create table aside as table items; truncate items").await;
    let report = asks_for(&rig, "empty-result").await;
    assert_eq!((report.counts.removed, report.counts.planned), (3, 3));
    let shown = request(&rig).await.shown;
    assert_eq!((&shown["removals"], &shown["snapshot"]), (&json!(3), &json!(3)), "{shown}");
    rig.sql("insert into items table aside").await;
    is_done(&rig).await;
    tells_the_model(&rig).await;
}

#[tokio::test]
async fn p6_an_empty_result_that_was_approved_is_sent() {
    let rig = sent(3).await;
    rig.sql("truncate items").await;
    asks_for(&rig, "empty-result").await;
    answer(&rig, Decision::Approved).await;
    assert_eq!(succeeds(&rig).await.counts.delivered, 3);
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_an_empty_first_result_asks_nothing() {
    let rig = Rig::start("create table items (id bigint, v text)", definition()).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_rows_whose_keys_are_all_null_ask_like_an_empty_result() {
    let rig = sent(3).await;
    rig.sql("update items set id = null").await;
    let report = asks_for(&rig, "empty-result").await;
    assert_eq!((report.counts.queried, report.counts.invalid, report.counts.removed), (3, 3, 3));
}

#[tokio::test]
async fn p6_removals_above_the_cap_ask_and_keep_everything_pending() {
    let rig = sent(10).await;
    rig.sql(
        "delete from items where id <= 4; update items set v = 'x' where id = 5; insert into items values (11, 'n')",
    )
    .await;
    let report = asks_for(&rig, "removals").await;
    assert!(text(&report).contains("4 of 10"), "{report:?}");
    assert_eq!((report.counts.removed, report.counts.changed, report.counts.added), (4, 1, 1));
    let mut keys = request(&rig).await.shown["first_keys"].as_array().unwrap().clone();
    keys.sort_by_key(Json::to_string);
    assert_eq!(keys.len(), 4, "{keys:?}");
    // Asking again replaces the request, and changes nothing else.
    let first = request(&rig).await;
    assert_eq!(asks_for(&rig, "removals").await.counts, report.counts);
    assert_eq!(state(&rig, &first).await, ApprovalState::Replaced);
    answer(&rig, Decision::Approved).await;
    assert_eq!(succeeds(&rig).await.counts.delivered, 6);
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_removals_up_to_the_cap_are_sent_without_asking() {
    for (rows, removed) in [(10, 3), (25, 5)] {
        let rig = sent(rows).await;
        rig.sql(&format!("delete from items where id <= {removed}")).await;
        assert_eq!(succeeds(&rig).await.counts.delivered, removed);
        tells_the_model(&rig).await;
    }
}

#[tokio::test]
async fn p6_the_default_cap_is_a_fifth_and_more_than_a_hundred() {
    let mut rig = sent(300).await;
    let mut whole = rig.definition();
    whole["sync"].as_object_mut().unwrap().remove("guards");
    rig.put(whole).await;
    rig.sql("delete from items where id <= 100").await;
    assert_eq!(succeeds(&rig).await.counts.delivered, 100);
    rig.sql("delete from items where id <= 201").await;
    asks_for(&rig, "removals").await;
}

#[tokio::test]
async fn p6_an_approval_covers_the_keys_that_were_shown_and_no_others() {
    let rig = sent(10).await;
    rig.sql("delete from items where id <= 4").await;
    asks_for(&rig, "removals").await;
    let first = answer(&rig, Decision::Approved).await;
    rig.sql("delete from items where id = 5").await;
    let report = asks_for(&rig, "removals").await;
    assert!(text(&report).contains("5 of 10") && text(&report).contains("4 of them were approved"), "{report:?}");
    assert_eq!(state(&rig, &first).await, ApprovalState::Closed, "the answer is used up");
    answer(&rig, Decision::Approved).await;
    assert_eq!(succeeds(&rig).await.counts.delivered, 5);
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_as_many_removals_of_other_keys_are_not_covered() {
    let rig = sent(10).await;
    rig.sql("create table aside as table items; delete from items where id <= 4").await;
    asks_for(&rig, "removals").await;
    answer(&rig, Decision::Approved).await;
    rig.sql("insert into items select * from aside where id = 1; delete from items where id = 10").await;
    asks_for(&rig, "removals").await;
}

#[tokio::test]
async fn p6_rows_that_came_back_after_the_approval_are_not_removed() {
    let rig = sent(10).await;
    rig.sql("create table aside as table items; delete from items where id <= 5").await;
    asks_for(&rig, "removals").await;
    let approval = answer(&rig, Decision::Approved).await;
    rig.sql("insert into items select * from aside where id = 1; insert into items values (2, 'other')").await;
    succeeds(&rig).await;
    let expected = [("changed", 2), ("removed", 3), ("removed", 4), ("removed", 5)];
    assert_eq!(said_after(&rig, 10), says(&expected));
    assert_eq!(state(&rig, &approval).await, ApprovalState::Closed);
    tells_the_model(&rig).await;
    // It was good for one run only.
    rig.sql("delete from items where id in (1, 2, 6, 7)").await;
    asks_for(&rig, "removals").await;
}

#[tokio::test]
async fn p6_holding_sends_the_rest_and_keeps_the_request_open() {
    let rig = sent(10).await;
    rig.sql(
        "delete from items where id <= 4; update items set v = 'x' where id = 5; insert into items values (11, 'n')",
    )
    .await;
    asks_for(&rig, "removals").await;
    let approval = request(&rig).await;
    let report = ended(&rig, rig.run_of(RunKind::Normal, holding()).await, RunState::Succeeded).await;
    assert_eq!((report.counts.delivered, report.counts.deferred), (2, 4));
    assert_eq!(said_after(&rig, 10), says(&[("added", 11), ("changed", 5)]));
    assert_eq!(request(&rig).await.id, approval.id);
    answer(&rig, Decision::Approved).await;
    assert_eq!(succeeds(&rig).await.counts.delivered, 4);
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_holding_passes_every_guard_and_removes_nothing() {
    let rig = sent(5).await;
    rig.sql("truncate items; insert into items select null, 'n' from generate_series(1, 5)").await;
    let report = asks_for(&rig, "empty-result").await;
    assert_eq!((report.counts.invalid, report.counts.removed), (5, 5));
    let report = ended(&rig, rig.run_of(RunKind::Normal, holding()).await, RunState::Succeeded).await;
    assert_eq!((report.counts.deferred, rig.records().len()), (5, 5));
    // They are known still.
    assert_eq!(asks_for(&rig, "empty-result").await.counts.removed, 5);
}

#[tokio::test]
async fn p6_an_answer_may_come_with_the_run() {
    let rig = sent(10).await;
    rig.sql("delete from items where id <= 4").await;
    asks_for(&rig, "removals").await;
    let guard = GuardAnswer { approval: request(&rig).await.id, decision: Decision::Approved };
    let options = RunOptions { guard: Some(guard), ..RunOptions::default() };
    let report = ended(&rig, rig.run_of(RunKind::Normal, options.clone()).await, RunState::Succeeded).await;
    assert_eq!(report.counts.delivered, 4);
    // The same answer to the next question is no answer.
    rig.sql("delete from items where id <= 8").await;
    asks(&rig, options).await;
}

#[tokio::test]
async fn p6_a_take_over_in_the_middle_of_approved_removals_goes_on_with_the_approval() {
    let mut rig = sent(20).await;
    rig.worker.settings.window.records = 2;
    rig.sql("delete from items where id <= 15").await;
    asks_for(&rig, "removals").await;
    let approval = answer(&rig, Decision::Approved).await;
    rig.request(RunKind::Normal, RunOptions::default()).await;
    let before = rig.simulator.calls_of(Operation::PutRecords);
    let crash = rig.simulator.wait_for_calls(Operation::PutRecords, before + 3);
    assert!(rig.work_until(crash).await.is_none(), "the run ended before the crash");
    assert_eq!(state(&rig, &approval).await, ApprovalState::Approved);
    rig.end_lease().await;
    let second = rig.second_worker().await;
    let report = rig.try_work(&second, &CancellationToken::new()).await.unwrap();
    ended(&rig, report, RunState::Succeeded).await;
    assert_eq!(state(&rig, &approval).await, ApprovalState::Closed);
    rig.settled().await;
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_holding_forgets_nothing_while_the_trigger_of_removals_is_off() {
    let mut rig = sent(10).await;
    rig.set("/sync/triggers", json!({"removed": false})).await;
    rig.sql("delete from items where id <= 4; insert into items values (11, 'n')").await;
    asks_for(&rig, "removals").await;
    ended(&rig, rig.run_of(RunKind::Normal, holding()).await, RunState::Succeeded).await;
    assert_eq!(said_after(&rig, 10), says(&[("added", 11)]));
    request(&rig).await;
    // The removals were only held: with the trigger on they are found again.
    rig.set("/sync/triggers", json!({})).await;
    assert_eq!(asks_for(&rig, "removals").await.counts.removed, 4);
}

#[tokio::test]
async fn p6_forgetting_acknowledges_without_sending_now_or_later() {
    let rig = sent(10).await;
    rig.sql("delete from items where id <= 4; update items set v = 'x' where id = 5").await;
    asks_for(&rig, "removals").await;
    answer(&rig, Decision::Forgotten).await;
    let report = succeeds(&rig).await;
    assert_eq!((report.counts.removed, report.counts.not_wanted, report.counts.delivered), (4, 4, 1));
    is_done(&rig).await;
    assert_eq!(said_after(&rig, 10), says(&[("changed", 5)]));
    // The snapshot has forgotten them: a row that comes back is new.
    rig.sql("insert into items values (1, 'again')").await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 11), says(&[("added", 1)]));
}

#[tokio::test]
async fn p6_forgetting_leaves_an_uncertain_row_as_it_is() {
    let rig = sent(10).await;
    rig.sql("update items set v = 'x' where id = 1").await;
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::ResetAfter)]);
    assert_eq!(succeeds(&rig).await.counts.unanswered, 1);
    rig.simulator.clear_faults();
    rig.settled().await;
    rig.sql("delete from items where id <= 5").await;
    asks_for(&rig, "removals").await;
    answer(&rig, Decision::Forgotten).await;
    let before = rig.records().len();
    let report = succeeds(&rig).await;
    assert_eq!((report.counts.removed, report.counts.not_wanted), (5, 5));
    assert_eq!(rig.records().len(), before);
    // It may be in the stream with a value that no snapshot says, so its removal is still due.
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, before), says(&[("removed", 1)]));
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_dismissing_leaves_removals_pending_and_the_next_run_asks_again() {
    let rig = sent(10).await;
    rig.sql("create table aside as table items; delete from items where id <= 4").await;
    asks_for(&rig, "removals").await;
    let first = answer(&rig, Decision::Dismissed).await;
    asks_for(&rig, "removals").await;
    assert_ne!(request(&rig).await.id, first.id);
    assert_eq!(state(&rig, &first).await, ApprovalState::Dismissed);
    rig.sql("truncate items; insert into items table aside").await;
    is_done(&rig).await;
    tells_the_model(&rig).await;
}

#[tokio::test]
async fn p6_invalid_keys_above_the_cap_ask_and_an_approval_covers_so_many() {
    let rig = sent(10).await;
    rig.sql("insert into items values (null, 'a'), (null, 'b'), (11, 'c'), (11, 'd'), (12, 'e'), (12, 'f'), (13, 'n')")
        .await;
    // Two nulls and two keys that occur twice.
    let report = asks_for(&rig, "invalid-keys").await;
    assert_eq!((report.counts.queried, report.counts.invalid, report.counts.planned), (17, 6, 1));
    assert!(text(&report).contains("4 of 15 keys"), "{report:?}");
    answer(&rig, Decision::Approved).await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 10), says(&[("added", 13)]));
    rig.sql("insert into items values (null, 'g'), (14, 'n')").await;
    asks_for(&rig, "invalid-keys").await;
}

#[tokio::test]
async fn p6_removals_count_although_their_trigger_is_off() {
    let mut rig = sent(10).await;
    rig.set("/sync/triggers", json!({"removed": false})).await;
    rig.sql("delete from items where id <= 4").await;
    let report = asks(&rig, RunOptions::default()).await;
    assert_eq!((code(&report), report.counts.not_wanted), ("removals", 4));
    // Nothing was forgotten: with the trigger on they are removals still.
    rig.set("/sync/triggers", json!({})).await;
    assert_eq!(asks_for(&rig, "removals").await.counts.planned, 4);
    rig.set("/sync/triggers", json!({"removed": false})).await;
    answer(&rig, Decision::Approved).await;
    assert_eq!(succeeds(&rig).await.counts.not_wanted, 4);
    is_done(&rig).await;
    assert_eq!(rig.records().len(), 10);
}
