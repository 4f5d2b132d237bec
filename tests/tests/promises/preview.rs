//! A preview shows what the next run sends, byte for byte, and changes nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use domain::{RunKind, RunState};
use runner::{Preview, Reporter, RunOptions};
use serde_json::{Value as Json, json};
use simulator::{Effect, Operation, Rule, Selection, StoredRecord};
use store::Definition;
use testkit::rig::{Rig, STREAM, SYNC, files_below};
use tokio_util::sync::CancellationToken;

use crate::messages::{is_whole, items, stream_is_right, told};

const ALL: usize = 1_000;

/// What only a run knows stands in front, so that it can be cut off.
const MESSAGE: &str = r#"{"event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}, "run": {"id": {{ run.id }}, "at": {{ run.started_at }}}, "sync": {{ sync.name }}, "op": {{ op }}, "key": [{{ row.id }}], "row": {{ row }}, "previous": {{ previous }}, "changed": {{ changed_columns }}}"#;

/// All that decides about a record and must be equal; the head of the message apart.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    rest: String,
    partition_key: String,
    explicit_hash_key: Option<u128>,
    hash_key: u128,
    bytes: usize,
}

fn rest(data: &[u8]) -> String {
    let text = std::str::from_utf8(data).unwrap();
    let at = text.find(r#""sync": "#).unwrap();
    text[at..].to_owned()
}

fn previewed(preview: &Preview) -> Vec<Shown> {
    let shown = preview.records.iter().map(|record| Shown {
        rest: rest(&record.data),
        partition_key: record.partition_key.clone(),
        explicit_hash_key: record.explicit_hash_key.as_ref().map(|key| key.parse().unwrap()),
        hash_key: record.hash_key.unwrap(),
        bytes: record.bytes,
    });
    sorted(shown)
}

fn sent(records: Vec<StoredRecord>) -> Vec<Shown> {
    let sent = records.into_iter().map(|record| Shown {
        rest: rest(&record.data),
        hash_key: record.explicit_hash_key.unwrap_or_else(|| simulator::hash_key(&record.partition_key)),
        bytes: record.data.len() + record.partition_key.len(),
        explicit_hash_key: record.explicit_hash_key,
        partition_key: record.partition_key,
    });
    sorted(sent)
}

fn sorted(shown: impl Iterator<Item = Shown>) -> Vec<Shown> {
    let mut all: Vec<_> = shown.collect();
    all.sort();
    all
}

async fn preview_of(rig: &Rig, name: &str, definition: Definition, kind: RunKind) -> Preview {
    let (options, reporter) = (RunOptions::default(), Reporter::default());
    Box::pin(rig.worker.preview(name, definition, kind, options, ALL, &reporter)).await.unwrap()
}

async fn preview(rig: &Rig) -> Preview {
    preview_of(rig, SYNC, rig.parsed(), RunKind::Normal).await
}

/// Previews, runs, and compares the two; returns how many records there were.
async fn shows_what_is_sent(rig: &Rig, kind: RunKind) -> usize {
    let before = rig.records().len();
    let shown = preview_of(rig, SYNC, rig.parsed(), kind).await;
    assert_eq!((rig.records().len(), shown.questions.len()), (before, 0));
    let report = rig.run_of(kind, RunOptions::default()).await;
    assert_eq!(report.state, RunState::Succeeded, "{report:?}");
    report.counts.check().unwrap();
    let records = rig.records().split_off(before);
    assert_eq!(shown.records_total as usize, records.len());
    assert_eq!(shown.billed.bytes as usize, previewed(&shown).iter().map(|shown| shown.bytes).sum::<usize>());
    assert_eq!(previewed(&shown), sent(records));
    let rejected: Vec<_> =
        shown.rejections.iter().map(|r| (r.key.clone(), r.code.to_owned(), r.message.clone())).collect();
    let listed = rig.worker.scope.rejections(report.run).await.unwrap();
    assert_eq!(rejected, listed.into_iter().map(|r| (r.key, r.code, r.message)).collect::<Vec<_>>());
    assert_eq!(shown.counts.rejected, report.counts.rejected);
    let planned =
        |counts: domain::Counts| (counts.queried, counts.invalid, counts.units, counts.unchanged, counts.planned);
    assert_eq!(planned(shown.counts), planned(report.counts));
    shown.records.len()
}

async fn told_in_full(rows: u32) -> Rig {
    let mut rig = items(rows).await;
    rig.set("/sync/message", json!({"json": MESSAGE})).await;
    rig.set("/sync/partition_key", json!({"template": "{{ row.w }}"})).await;
    rig.sql("update items set w = 'w' || id || case id % 3 when 0 then 'é😀' else '' end").await;
    rig
}

#[tokio::test]
async fn p8_the_preview_shows_byte_for_byte_what_is_sent() {
    let rig = told_in_full(30).await;
    assert_eq!(shows_what_is_sent(&rig, RunKind::Normal).await, 30);
    // Nothing to send.
    assert_eq!(shows_what_is_sent(&rig, RunKind::Normal).await, 0);
    // All kinds of changes at once, duplicates and a null in between.
    rig.sql(
        "update items set v = 2 where id < 5; delete from items where id between 5 and 8;
         insert into items values (100, 1, 'new'), (101, 1, 'new')",
    )
    .await;
    assert_eq!(shows_what_is_sent(&rig, RunKind::Normal).await, 10);
    assert_eq!(shows_what_is_sent(&rig, RunKind::FullResync).await, 28);
    stream_is_right(&rig).await;
}

#[tokio::test]
async fn p8_rejections_are_shown_as_they_will_be_and_after_them_what_is_then_sent() {
    let rig = told_in_full(10).await;
    rig.sql("update items set w = '' where id <= 2; update items set w = repeat('x', 257) where id = 3").await;
    let shown = preview(&rig).await;
    assert_eq!(shown.rejected_by_code.get("partition-key-empty"), Some(&2), "{:?}", shown.rejected_by_code);
    assert_eq!(shown.rejected_by_code.get("partition-key-too-long"), Some(&1));
    assert_eq!(shows_what_is_sent(&rig, RunKind::Normal).await, 7);
    // Throttled until the retries are used up: what the next run makes of it is shown, with the values of then.
    rig.sql("update items set v = 2, w = 'k' || id where id <= 5; delete from items where id = 6").await;
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::Throttle(Selection::All)).times(3)]);
    let throttled = rig.run().await;
    assert_eq!(throttled.counts.rejected, 6, "{throttled:?}");
    rig.simulator.clear_faults();
    rig.sql("update items set v = 3 where id = 5; delete from items where id = 3").await;
    assert_eq!(shows_what_is_sent(&rig, RunKind::Normal).await, 5);
    stream_is_right(&rig).await;
}

#[tokio::test]
async fn p8_explicit_hash_keys_and_numbers_are_shown_as_they_are_sent() {
    let mut rig = told_in_full(6).await;
    rig.set(
        "/model/query",
        json!("select id, v * 1.50 as v, w, (id * 1e37)::numeric(39, 0)::text as place from items"),
    )
    .await;
    rig.set("/sync/hash_key", json!({"column": "place"})).await;
    rig.set("/sync/numbers", json!({"v": "number"})).await;
    assert_eq!(shows_what_is_sent(&rig, RunKind::Normal).await, 6);
    assert!(rig.records().iter().all(|record| record.explicit_hash_key.is_some()));
    assert!(rig.messages().iter().all(|message| message["row"]["v"].is_number()));
}

#[tokio::test]
async fn p8_after_an_unanswered_put_the_preview_shows_the_repetition() {
    let rig = told_in_full(4).await;
    is_whole(&rig.run().await);
    rig.sql("update items set v = 2 where id = 1; delete from items where id = 2").await;
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::ResetAfter).times(3)]);
    let unanswered = rig.run().await;
    assert_eq!(unanswered.counts.unanswered, 2, "{unanswered:?}");
    rig.settled().await;
    // Back to what was acknowledged: the stream may say something else, so both are sent.
    rig.sql("update items set v = 1 where id = 1; insert into items values (2, 1, 'w2')").await;
    assert_eq!(shows_what_is_sent(&rig, RunKind::Normal).await, 2);
    stream_is_right(&rig).await;
}

#[tokio::test]
async fn p8_a_preview_writes_nothing() {
    let mut rig = told_in_full(30).await;
    // Invalid rows, more than the store lists, and a change of each kind.
    rig.set(
        "/model/query",
        json!("select * from items union all select null, g, 'n' from generate_series(1, 10100) g"),
    )
    .await;
    rig.set("/sync/guards", json!({"removed_percent": 100.0, "removed_more_than": 20000})).await;
    for edits in [
        "",
        "update items set v = 2 where id < 5; delete from items where id between 5 and 8; update items set w = '' where id = 9",
    ] {
        rig.sql(edits).await;
        for kind in [RunKind::Normal, RunKind::FullResync, RunKind::Baseline] {
            let before = (rig.store_dump().await, rig.objects(), rig.simulator.calls_of(Operation::PutRecords));
            let shown = preview_of(&rig, SYNC, rig.parsed(), kind).await;
            assert_eq!((shown.counts.invalid, shown.questions.len()), (10_100, 0));
            assert_eq!(shown.counts.planned > 0, kind != RunKind::Baseline, "{shown:?}");
            let after = (rig.store_dump().await, rig.objects(), rig.simulator.calls_of(Operation::PutRecords));
            assert!(before == after, "{kind:?} wrote\n{before:?}\n{after:?}");
            assert_eq!(files_below(&rig.worker.settings.scratch), Vec::<String>::new());
        }
        let report = rig.run().await;
        assert_eq!(report.state, RunState::Succeeded, "{report:?}");
    }
}

#[tokio::test]
async fn p8_a_sync_that_does_not_exist_yet_can_be_previewed() {
    let rig = told_in_full(12).await;
    let before = (rig.store_dump().await, rig.objects());
    let shown = preview_of(&rig, "not yet", rig.parsed(), RunKind::Normal).await;
    assert_eq!((rig.store_dump().await, rig.objects()), before);
    assert_eq!((shown.records.len(), shown.counts.added), (12, 12));
    // Made as it was shown, it sends that.
    let sync = rig.worker.scope.put_sync("not yet", &rig.parsed()).await.unwrap().id;
    rig.worker.scope.request_run(sync, RunKind::Normal, Json::Null).await.unwrap();
    Box::pin(rig.worker.execute(sync, &Reporter::default(), CancellationToken::new())).await.unwrap();
    assert_eq!(previewed(&shown), sent(rig.simulator.records(STREAM)));
    assert!(rig.messages().iter().all(|message| message["sync"] == "not yet"));
}

#[tokio::test]
async fn p8_a_preview_says_what_the_run_would_ask() {
    let mut rig = told_in_full(300).await;
    is_whole(&rig.run().await);
    // A guard: the records are shown, and the run asks in the same words.
    rig.sql("delete from items where id <= 150").await;
    let shown = preview(&rig).await;
    assert_eq!((shown.questions.len(), shown.records.len()), (1, 150));
    let asked = rig.run().await;
    assert_eq!(asked.state, RunState::NeedsApproval);
    assert_eq!(asked.reason.unwrap().text, shown.questions[0]);
    assert_eq!(rig.records().len(), 300);
    // A changed query: what would be sent depends on the answer, so nothing is shown.
    rig.set("/model/query", json!("select id, v + 1 as v, w from items")).await;
    let shown = preview(&rig).await;
    assert_eq!((shown.questions.len(), shown.records.len(), shown.counts.planned), (1, 0, 0));
    let asked = rig.run().await;
    assert_eq!((asked.state, asked.reason.unwrap().text), (RunState::NeedsApproval, shown.questions[0].clone()));
    assert_eq!(rig.records().len(), 300);
}

#[tokio::test]
async fn p8_previews_disturb_neither_each_other_nor_a_run() {
    let rig = told_in_full(40).await;
    let (one, other) = tokio::join!(preview(&rig), preview(&rig));
    assert_eq!((previewed(&one).len(), previewed(&one)), (40, previewed(&other)));
    // A run that is claimed while others look: it has the same number that the previews count on.
    let (report, one, other) = tokio::join!(rig.run(), preview(&rig), preview(&rig));
    is_whole(&report);
    assert_eq!(told(&rig, 1).len(), 1);
    // They saw the run somewhere between its beginning and its end.
    assert!([one, other].iter().all(|shown| shown.counts.queried == 40 && shown.records.len() <= 40));
    stream_is_right(&rig).await;
}

#[tokio::test]
async fn p8_more_records_than_asked_for_are_counted_and_not_shown() {
    let rig = told_in_full(30).await;
    let (options, reporter) = (RunOptions::default(), Reporter::default());
    let few = rig.worker.preview(SYNC, rig.parsed(), RunKind::Normal, options, 7, &reporter);
    let few = Box::pin(few).await.unwrap();
    let all = preview(&rig).await;
    assert_eq!((few.records.len(), few.records_total, few.billed.bytes), (7, 30, all.billed.bytes));
    let keys = |preview: &Preview| preview.records.iter().take(7).map(|record| record.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&few), keys(&all));
}
