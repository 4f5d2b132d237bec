//! P6: a changed configuration asks before it sends, and each answer does what it says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod in_the_middle;

use std::sync::Arc;

use domain::{RunKind, RunState};
use runner::{Answer, Report, RunOptions};
use serde_json::{Value as Json, json};
use store::Decision;
use testkit::oracle::Stream;
use testkit::rig::{Rig, STREAM};

use super::guards::{
    MESSAGE, asks, code, definition, ended, is_done, said_after, says, sent, succeeds, tells_the_model, text,
};

/// With the column `w` besides.
const WIDE_MESSAGE: &str = r#"{"op": {{ op }}, "key": [{{ row.id }}],
    "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}},
    "row": {"id": {{ row.id }}, "v": {{ row.v }}, "w": {{ row.w }}},
    "previous": {"v": {{ previous.v }}, "w": {{ previous.w }}}, "changed": {{ changed_columns }}}"#;

const OTHER_STREAM: &str = "others";

fn answered(answer: Answer) -> RunOptions {
    RunOptions { on_change: Some(answer), ..RunOptions::default() }
}

async fn answers(rig: &Rig, answer: Answer) -> Report {
    ended(rig, rig.run_of(RunKind::Normal, answered(answer)).await, RunState::Succeeded).await
}

/// The next run asks about the configuration, in these words among others.
async fn asks_about(rig: &Rig, words: &str) {
    let report = asks(rig, RunOptions::default()).await;
    assert_eq!(code(&report), "configuration-changed");
    assert!(text(&report).contains(words), "{words}: {report:?}");
    let state = rig.worker.scope.sync_state(rig.sync).await.unwrap();
    assert_eq!(state.question.unwrap()["text"], text(&report));
}

/// A table with the columns `id`, `code`, `v`, `w`; the model has all of them, the message only `v`.
async fn wide(rows: u32) -> Rig {
    let setup = format!(
        "create table items (id bigint, code text, v text, w int);
         insert into items select g, 'c' || g, 'v' || g, g from generate_series(1, {rows}) g"
    );
    let mut definition = definition();
    definition["model"]["query"] = json!("select * from items");
    let rig = Rig::start(&setup, definition).await;
    succeeds(&rig).await;
    rig
}

/// So many messages of `op` for the keys 1 to n.
fn each(op: &str, rows: i64) -> Vec<(String, i64)> {
    let mut all: Vec<_> = (1..=rows).map(|key| (op.to_owned(), key)).collect();
    all.sort();
    all
}

fn other(rig: &Rig) -> Vec<Json> {
    let records = rig.simulator.records(OTHER_STREAM);
    records.iter().map(|record| serde_json::from_slice(&record.data).unwrap()).collect()
}

/// A client of the stream, for what the rig does not do.
fn kinesis(rig: &Rig) -> aws_sdk_kinesis::Client {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(aws_sdk_kinesis::config::BehaviorVersion::latest())
        .region(aws_sdk_kinesis::config::Region::new("eu-central-1"))
        .credentials_provider(aws_sdk_kinesis::config::Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(rig.simulator.endpoint())
        .build();
    aws_sdk_kinesis::Client::from_conf(config)
}

async fn create_anew(rig: &Rig) {
    kinesis(rig).delete_stream().stream_name(STREAM).send().await.unwrap();
    rig.simulator.create_stream(STREAM, 2).unwrap();
}

#[tokio::test]
async fn p6_a_changed_query_asks_and_send_all_sends_every_row() {
    let mut rig = sent(5).await;
    rig.sql("update items set v = 'x' where id = 1; delete from items where id = 2; insert into items values (6, 'n')")
        .await;
    rig.set("/model/query", json!("select id, v from items where true")).await;
    asks_about(&rig, "the query of the model").await;
    let report = answers(&rig, Answer::SendAll).await;
    assert_eq!((report.counts.repeated, report.counts.changed, report.counts.added), (3, 1, 1));
    let expected = [("added", 6), ("changed", 1), ("changed", 3), ("changed", 4), ("changed", 5), ("removed", 2)];
    assert_eq!(said_after(&rig, 5), says(&expected));
    tells_the_model(&rig).await;
    is_done(&rig).await;
    let state = rig.worker.scope.sync_state(rig.sync).await.unwrap();
    assert_eq!((state.question, state.resync_epoch), (None, None));
}

#[tokio::test]
async fn p6_a_changed_query_with_only_future_sends_what_differs() {
    let mut rig = sent(5).await;
    rig.sql("update items set v = 'x' where id = 1; delete from items where id = 2; insert into items values (6, 'n')")
        .await;
    rig.set("/model/query", json!("select id, v from items where true")).await;
    asks_about(&rig, "the query of the model").await;
    answers(&rig, Answer::OnlyFuture).await;
    assert_eq!(said_after(&rig, 5), says(&[("added", 6), ("changed", 1), ("removed", 2)]));
    tells_the_model(&rig).await;
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_a_changed_source_asks() {
    let mut rig = sent(3).await;
    let url = rig.source_database.url().to_owned();
    let known = rig.worker.settings.secrets.clone().unwrap();
    rig.worker.settings.secrets = Some(Arc::new(move |secret| match secret {
        domain::Secret::Env(name) if name == "OTHER_URL" => Ok(url.clone()),
        secret => known(secret),
    }));
    rig.set("/source/postgres/url", json!({"env": "OTHER_URL"})).await;
    asks_about(&rig, "the source").await;
    answers(&rig, Answer::OnlyFuture).await;
    assert_eq!(rig.records().len(), 3);
    is_done(&rig).await;
    rig.set("/source/postgres/url", json!({"env": "SOURCE_URL"})).await;
    asks_about(&rig, "the source").await;
    answers(&rig, Answer::SendAll).await;
    assert_eq!(said_after(&rig, 3), each("changed", 3));
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_a_changed_key_asks_and_names_the_removals_that_would_not_be_known() {
    let mut rig = wide(4).await;
    rig.sql("delete from items where id = 4").await;
    rig.set("/model/key", json!(["code"])).await;
    asks_about(&rig, "the primary key was (id) and is (code)").await;
    asks_about(&rig, "Removals among the 4 rows").await;
    answers(&rig, Answer::SendAll).await;
    // New keys, and no mass of removals of the old ones.
    assert_eq!(said_after(&rig, 4), each("added", 3));
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_a_changed_key_with_only_future_takes_the_rows_as_they_are() {
    let mut rig = wide(4).await;
    rig.sql("update items set v = 'x' where id = 1").await;
    rig.set("/model/key", json!(["code"])).await;
    asks_about(&rig, "the primary key").await;
    let report = answers(&rig, Answer::OnlyFuture).await;
    assert_eq!((report.counts.planned, report.counts.added), (0, 4));
    is_done(&rig).await;
    rig.sql("update items set v = 'y' where id = 1; delete from items where id = 2").await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 4), says(&[("changed", 1), ("removed", 2)]));
}

#[tokio::test]
async fn p6_another_stream_asks_and_send_all_begins_anew_there() {
    let mut rig = sent(3).await;
    rig.simulator.create_stream(OTHER_STREAM, 1).unwrap();
    rig.sql("delete from items where id = 3").await;
    rig.set("/sync/stream", json!(OTHER_STREAM)).await;
    asks_about(&rig, "the name of the stream").await;
    assert_eq!(other(&rig).len(), 0);
    answers(&rig, Answer::SendAll).await;
    assert_eq!(rig.records().len(), 3);
    let ops: Vec<_> = other(&rig).iter().map(|message| message["op"].clone()).collect();
    assert_eq!(ops, ["added", "added"]);
    is_done(&rig).await;
    let stream = Stream::read(rig.simulator.endpoint(), OTHER_STREAM).await.unwrap();
    assert_eq!(stream.faults(true), Vec::<String>::new());
}

#[tokio::test]
async fn p6_another_stream_with_only_future_takes_the_snapshot_over() {
    let mut rig = sent(3).await;
    rig.simulator.create_stream(OTHER_STREAM, 1).unwrap();
    rig.set("/sync/stream", json!(OTHER_STREAM)).await;
    answers(&rig, Answer::OnlyFuture).await;
    assert_eq!((rig.records().len(), other(&rig).len()), (3, 0));
    rig.sql("update items set v = 'x' where id = 1; delete from items where id = 2").await;
    succeeds(&rig).await;
    let mut ops: Vec<_> = other(&rig).iter().map(|message| message["op"].to_string()).collect();
    ops.sort();
    assert_eq!(ops, ["\"changed\"", "\"removed\""]);
    // Back to the first one: that is a change as well.
    rig.set("/sync/stream", json!(STREAM)).await;
    asks_about(&rig, "the name of the stream").await;
}

#[tokio::test]
async fn p6_a_stream_that_was_deleted_and_created_anew_is_noticed() {
    let rig = sent(3).await;
    create_anew(&rig).await;
    asks_about(&rig, "which was deleted and created anew").await;
    assert_eq!(rig.records().len(), 0);
    answers(&rig, Answer::SendAll).await;
    assert_eq!(said_after(&rig, 0), each("added", 3));
    tells_the_model(&rig).await;
    is_done(&rig).await;
    create_anew(&rig).await;
    answers(&rig, Answer::OnlyFuture).await;
    is_done(&rig).await;
    rig.sql("update items set v = 'x' where id = 1").await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 0), says(&[("changed", 1)]));
}

#[tokio::test]
async fn p6_a_stream_that_changes_before_the_first_run_is_over_still_gets_every_row() {
    let mut definition = definition();
    definition["sync"]["limits"] = json!({"record_bytes": 400});
    let setup = "create table items (id bigint, v text); insert into items values (1, 'a'), (2, repeat('x', 500))";
    let mut rig = Rig::start(setup, definition).await;
    assert_eq!(succeeds(&rig).await.counts.rejected, 1);
    rig.simulator.create_stream(OTHER_STREAM, 1).unwrap();
    rig.set("/sync/stream", json!(OTHER_STREAM)).await;
    rig.sql("update items set v = 'short' where id = 2").await;
    asks_about(&rig, "the name of the stream").await;
    answers(&rig, Answer::SendAll).await;
    assert_eq!((rig.records().len(), other(&rig).len()), (1, 2));
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_a_key_that_changes_before_the_first_run_is_over_removes_nothing() {
    let mut definition = definition();
    definition["model"]["query"] = json!("select * from items");
    definition["sync"]["limits"] = json!({"record_bytes": 400});
    let setup = "create table items (id bigint, code text, v text);
        insert into items values (1, 'c1', 'a'), (2, 'c2', repeat('x', 500))";
    let mut rig = Rig::start(setup, definition).await;
    // A rejected row keeps the first run unfinished.
    assert_eq!(succeeds(&rig).await.counts.rejected, 1);
    rig.set("/model/key", json!(["code"])).await;
    asks_about(&rig, "the primary key").await;
    rig.sql("update items set v = 'short' where id = 2").await;
    answers(&rig, Answer::SendAll).await;
    assert_eq!(said_after(&rig, 1), each("added", 2));
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_a_changed_message_of_the_same_columns_asks_and_sends_nothing() {
    let mut rig = sent(3).await;
    rig.set("/sync/message/json", json!(MESSAGE.replacen('{', "{\"edition\": 2, ", 1))).await;
    is_done(&rig).await;
    rig.sql("update items set v = 'x' where id = 1").await;
    succeeds(&rig).await;
    let messages = rig.messages();
    assert_eq!((messages.len(), &messages[3]["edition"]), (4, &json!(2)));
    assert_eq!(messages[3]["previous"], json!({"v": "v1"}));
}

#[tokio::test]
async fn p6_a_new_column_with_only_future_counts_equal_rows_as_sent_and_keeps_its_values() {
    let mut rig = wide(4).await;
    rig.sql("update items set v = 'x' where id = 1").await;
    rig.set("/sync/message/json", json!(WIDE_MESSAGE)).await;
    asks_about(&rig, "the watched columns or their types").await;
    let report = answers(&rig, Answer::OnlyFuture).await;
    assert_eq!((report.counts.unchanged, report.counts.changed), (3, 1));
    assert_eq!(said_after(&rig, 4), says(&[("changed", 1)]));
    is_done(&rig).await;
    // What the column was before is known, of rows that were sent and of rows that were not.
    rig.sql("update items set w = w + 100 where id <= 2; delete from items where id = 3").await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 5), says(&[("changed", 1), ("changed", 2), ("removed", 3)]));
    for message in &rig.messages()[5..] {
        let id = message["key"][0].as_i64().unwrap();
        if message["op"] == "changed" {
            assert_eq!(message["previous"]["w"], json!(id), "{message}");
            assert_eq!(message["changed"], json!(["w"]), "{message}");
        } else {
            assert_eq!(message["previous"], json!({"v": "v3", "w": 3}), "{message}");
        }
    }
    is_done(&rig).await;
}

#[tokio::test]
async fn p1_a_removal_that_lacks_the_new_column_is_rejected_and_stays_due() {
    let mut rig = wide(3).await;
    rig.sql("delete from items where id = 3").await;
    rig.set("/sync/message/json", json!(WIDE_MESSAGE)).await;
    for _ in 0..2 {
        let report = answers(&rig, Answer::OnlyFuture).await;
        assert_eq!((report.counts.removed, report.counts.rejected), (1, 1));
        let listed = rig.store_query("select code from rejection order by epoch desc limit 1").await;
        assert_eq!(listed[0].get::<_, String>(0), "values-not-kept");
    }
    rig.set("/sync/message/json", json!(MESSAGE)).await;
    answers(&rig, Answer::OnlyFuture).await;
    assert_eq!(said_after(&rig, 3), says(&[("removed", 3)]));
}

#[tokio::test]
async fn p6_a_new_column_with_send_all_sends_all() {
    let mut rig = wide(3).await;
    rig.set("/sync/message/json", json!(WIDE_MESSAGE)).await;
    asks_about(&rig, "the watched columns").await;
    answers(&rig, Answer::SendAll).await;
    assert_eq!(said_after(&rig, 3), each("changed", 3));
    assert!(rig.messages()[3..].iter().all(|message| message["row"]["w"] == message["key"][0]));
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_a_message_that_changes_there_and_back_asks_twice_and_loses_no_change() {
    let mut rig = wide(4).await;
    rig.set("/sync/message/json", json!(WIDE_MESSAGE)).await;
    answers(&rig, Answer::OnlyFuture).await;
    rig.sql("update items set w = 100 where id = 1").await;
    succeeds(&rig).await;
    rig.set("/sync/message/json", json!(MESSAGE)).await;
    rig.sql("update items set v = 'x' where id = 2; update items set w = 100 where id = 3").await;
    asks_about(&rig, "the watched columns").await;
    // In the form that is compared 3 has changed too, so it is due.
    answers(&rig, Answer::OnlyFuture).await;
    assert_eq!(said_after(&rig, 5), says(&[("changed", 2), ("changed", 3)]));
    is_done(&rig).await;
    rig.sql("update items set v = 'y' where id = 4").await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 7), says(&[("changed", 4)]));
}

#[tokio::test]
async fn p6_other_watched_columns_ask_and_what_does_not_decide_what_is_sent_does_not() {
    let mut rig = wide(3).await;
    for (pointer, value) in [
        ("/sync/triggers", json!({"added": false})),
        ("/sync/guards", json!({"removed_percent": 50.0})),
        ("/sync/limits", json!({"call_records": 100})),
        ("/sync/partition_key", json!({"column": "id"})),
        ("/sync/first_run", json!("only-future")),
    ] {
        rig.set(pointer, value).await;
        is_done(&rig).await;
    }
    rig.set("/sync/watch", json!("all")).await;
    asks_about(&rig, "the watched columns").await;
    answers(&rig, Answer::OnlyFuture).await;
    assert_eq!(rig.records().len(), 3);
    rig.sql("update items set w = 100 where id = 1").await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 3), says(&[("changed", 1)]));
}

#[tokio::test]
async fn p6_what_was_changed_and_changed_back_before_a_run_asks_nothing() {
    let mut rig = sent(3).await;
    let before = rig.definition();
    rig.set("/model/query", json!("select id, v from items where false")).await;
    asks_about(&rig, "the query").await;
    rig.put(before).await;
    is_done(&rig).await;
    let state = rig.worker.scope.sync_state(rig.sync).await.unwrap();
    assert_eq!(state.question, None);
}

#[tokio::test]
async fn p6_a_row_that_was_held_over_a_change_of_form_is_still_compared_in_its_old_form() {
    let mut rig = wide(6).await;
    rig.sql("insert into items select * from items where id <= 2").await;
    rig.set("/sync/message/json", json!(WIDE_MESSAGE)).await;
    let report = answers(&rig, Answer::OnlyFuture).await;
    assert_eq!(report.counts.invalid, 4);
    is_done(&rig).await;
    rig.sql("delete from items where ctid in (select max(ctid) from items where id <= 2 group by id)").await;
    rig.sql("update items set v = 'x' where id = 1").await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 6), says(&[("changed", 1)]));
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_a_column_whose_type_changed_under_the_same_definition_asks() {
    let mut rig = wide(3).await;
    rig.set("/sync/message/json", json!(WIDE_MESSAGE)).await;
    answers(&rig, Answer::SendAll).await;
    // A wider integer is the same value; text is not.
    rig.sql("alter table items alter w type bigint").await;
    is_done(&rig).await;
    rig.sql("alter table items alter w type text").await;
    asks_about(&rig, "the column w of type").await;
    answers(&rig, Answer::SendAll).await;
    assert_eq!(said_after(&rig, 6), each("added", 3));
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_a_column_that_is_gone_fails_by_its_name_and_sends_nothing() {
    for query in ["select id, v from items", "select * from items"] {
        let mut rig = wide(3).await;
        if !query.contains('*') {
            rig.set("/model/query", json!(query)).await;
            answers(&rig, Answer::OnlyFuture).await;
        }
        rig.sql("alter table items rename v to gone").await;
        let report = ended(&rig, rig.run().await, RunState::Failed).await;
        assert!(["configuration", "source"].contains(&code(&report)), "{report:?}");
        assert!(text(&report).contains("`v`") || text(&report).contains("\"v\""), "{report:?}");
        assert_eq!(rig.records().len(), 3);
        rig.sql("alter table items rename gone to v").await;
        is_done(&rig).await;
    }
}

#[tokio::test]
async fn p6_an_old_form_that_no_row_has_any_more_asks_nothing_and_hides_no_change() {
    let mut rig = wide(3).await;
    let only_w = WIDE_MESSAGE.replace(r#""v": {{ row.v }}, "#, "").replace(r#""v": {{ previous.v }}, "#, "");
    rig.set("/sync/message/json", json!(only_w)).await;
    answers(&rig, Answer::SendAll).await;
    // Every row is in the new form now, which does not know this column.
    rig.sql("alter table items drop v; update items set w = 100 where id = 1").await;
    succeeds(&rig).await;
    assert_eq!(said_after(&rig, 6), says(&[("changed", 1)]));
    is_done(&rig).await;
}

#[tokio::test]
async fn p6_an_answer_that_met_a_guard_has_to_be_given_again() {
    let mut rig = sent(10).await;
    rig.set("/model/query", json!("select id, v from items where id > 5")).await;
    let report = asks(&rig, answered(Answer::OnlyFuture)).await;
    assert_eq!(code(&report), "removals");
    assert!(text(&report).contains("give it again"), "{report:?}");
    let request = rig.worker.scope.approvals(rig.sync, true).await.unwrap().remove(0);
    rig.worker.scope.decide_approval(request.id, Decision::Approved, "yes").await.unwrap();
    asks_about(&rig, "the query of the model").await;
    answers(&rig, Answer::OnlyFuture).await;
    assert_eq!(said_after(&rig, 10), each("removed", 5));
    tells_the_model(&rig).await;
    is_done(&rig).await;
}
