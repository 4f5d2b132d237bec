//! What makes a unit, what changes it, and what removes it.

use domain::{RunKind, RunState};
use runner::{Answer, ChosenRows, EraseKeys, RunOptions};
use serde_json::json;
use simulator::{Effect, Selection};

use super::{added_up, arrived, rig, run};
use crate::rows::{assert_delivered, puts, tries};

#[tokio::test(flavor = "multi_thread")]
async fn elements_are_added_kept_changed_and_removed_one_by_one() {
    let rig = rig("text[]", "(1, 10, '{a,b}'), (2, 20, '{}'), (3, 30, null), (4, 40, '{a}')").await;
    let counts = run(&rig).await.counts;
    assert_eq!((counts.queried, counts.rows, counts.units, counts.delivered), (4, 4, 3, 3));
    assert_eq!(arrived(&rig, 0), [r#"added [1,"a"]"#, r#"added [1,"b"]"#, r#"added [4,"a"]"#]);
    assert_delivered(&rig).await;

    rig.sql("update items set tags = '{c,b}' where id = 1; update items set tags = '{z}' where id = 3").await;
    let counts = run(&rig).await.counts;
    assert_eq!((counts.added, counts.changed, counts.removed, counts.unchanged), (2, 0, 1, 2));
    assert_eq!(arrived(&rig, 3), [r#"added [1,"c"]"#, r#"added [3,"z"]"#, r#"removed [1,"a"]"#]);
    let removal = rig.messages().into_iter().find(|message| message["op"] == "removed").unwrap();
    assert_eq!(removal["row"], json!({"id": 1, "v": 10, "element": "a"}), "as it was acknowledged last");
    assert_delivered(&rig).await;

    rig.sql("update items set v = 11 where id = 1; update items set tags = '{}' where id = 4").await;
    let counts = run(&rig).await.counts;
    assert_eq!((counts.added, counts.changed, counts.removed, counts.unchanged), (0, 2, 1, 1));
    assert_eq!(arrived(&rig, 6), [r#"changed [1,"b"]"#, r#"changed [1,"c"]"#, r#"removed [4,"a"]"#]);
    assert!(rig.messages()[6..].iter().all(|message| message["op"] == "removed" || message["previous"] == json!(10)));

    rig.sql("delete from items where id = 1").await;
    assert_eq!(run(&rig).await.counts.removed, 2);
    assert_delivered(&rig).await;
    assert_eq!(run(&rig).await.counts.planned, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_elements_are_typed_and_told_apart_by_what_they_say() {
    for kind in ["json", "jsonb"] {
        let rig = rig(kind, r#"(1, 10, '[1, "1", true, {"a": 1, "b": [2]}, 1.50, "r\"ed"]'), (2, 20, 'null')"#).await;
        let counts = run(&rig).await.counts;
        assert_eq!((counts.rows, counts.units, counts.delivered), (2, 6, 6), "{kind}");
        let mut said: Vec<String> =
            rig.messages().iter().map(|message| message["row"]["element"].to_string()).collect();
        said.sort();
        assert_eq!(said, [r#""1""#, r#""r\"ed""#, "1", "1.50", "true", r#"{"a":1,"b":[2]}"#], "{kind}");
        assert_delivered(&rig).await;
        rig.sql(r#"update items set tags = '["r\"ed", 1.5, {"b": [2.0], "a": 1e0}, true, "1", 1.0]' where id = 1"#)
            .await;
        let counts = run(&rig).await.counts;
        assert_eq!((counts.unchanged, counts.planned), (6, 0), "{kind}: other order, other writing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn elements_of_every_type_are_told_apart_by_their_values() {
    for (kind, first, second) in [
        ("int[]", "{1,-2,3}", "{3,4}"),
        ("bigint[]", "{9007199254740993}", "{9007199254740993,1}"),
        ("numeric[]", "{1.0,2.5}", "{1.00,7}"),
        ("boolean[]", "{t,f}", "{f}"),
        ("uuid[]", "{00000000-0000-0000-0000-000000000001}", "{00000000-0000-0000-0000-000000000002}"),
        ("int[][]", "{{1,2},{3,4}}", "{{4,3},{2,9}}"),
        ("jsonb[]", r#"{"1","{\"a\": 1}"}"#, r#"{"{\"a\": 1.0}","2"}"#),
    ] {
        let rig = rig(kind, &format!("(1, 10, '{first}')")).await;
        run(&rig).await;
        rig.sql(&format!("update items set tags = '{second}'")).await;
        let counts = run(&rig).await.counts;
        assert_eq!(counts.changed, 0, "{kind}");
        assert_eq!(counts.unchanged, if kind == "uuid[]" { 0 } else { 1 + 2 * u64::from(kind == "int[][]") }, "{kind}");
        assert_eq!(run(&rig).await.counts.planned, 0, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_messages_show_is_watched_and_one_that_they_do_not_show_is_not() {
    let mut rig = rig("text[]", "(1, 10, '{a,b}')").await;
    for watch in [json!("used"), json!("all")] {
        rig.set("/sync/watch", watch).await;
        rig.sql("update items set tags = '{a,b}'").await;
        let all = RunOptions { on_change: Some(Answer::SendAll), ..RunOptions::default() };
        rig.run_of(RunKind::Normal, all).await;
        rig.sql("update items set tags = '{a,b,c}'").await;
        let counts = run(&rig).await.counts;
        assert_eq!((counts.added, counts.changed, counts.unchanged), (1, 0, 2));
    }
    rig.set("/sync/watch", json!("used")).await;
    rig.set(
        "/sync/message",
        json!({"json": super::MESSAGE.replace("\"previous\"", r#""tags": {{ row.tags }}, "previous""#)}),
    )
    .await;
    let all = RunOptions { on_change: Some(Answer::SendAll), ..RunOptions::default() };
    assert_eq!(added_up(rig.run_of(RunKind::Normal, all).await).counts.delivered, 3);
    rig.sql("update items set tags = '{a,b,d}'").await;
    let counts = run(&rig).await.counts;
    assert_eq!((counts.added, counts.changed, counts.removed), (1, 2, 1), "the others show the array as it is now");
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn turning_it_on_or_off_asks_and_units_of_the_other_kind_are_not_compared() {
    let mut rig = rig("text[]", "(1, 10, '{a,b}'), (2, 20, '{c}')").await;
    run(&rig).await;
    let fanned = rig.definition();
    let plain = r#"{"op": {{ op }}, "key": [{{ row.id }}], "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}},
        "row": {"id": {{ row.id }}, "v": {{ row.v }}, "tags": {{ row.tags }}}}"#;
    let mut whole = fanned.clone();
    whole["sync"].as_object_mut().unwrap().shift_remove("fan_out");
    whole["sync"]["message"]["json"] = json!(plain);
    for (definition, units) in [(whole, 2), (fanned, 3)] {
        rig.put(definition).await;
        let asked = rig.run().await;
        assert_eq!(asked.state, RunState::NeedsApproval);
        let text = asked.reason.unwrap().text;
        assert!(text.contains("the column whose elements are messages of their own"), "{text}");
        assert!(text.contains("one message, and now each"), "{text}");
        let all = RunOptions { on_change: Some(Answer::SendAll), ..RunOptions::default() };
        let report = added_up(rig.run_of(RunKind::Normal, all).await);
        assert_eq!((report.counts.added, report.counts.delivered), (units, units));
        assert_eq!(run(&rig).await.counts.planned, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_is_known_after_it_is_gone_although_values_are_not_kept() {
    let mut rig = rig("text[]", "(1, 10, '{a,b}')").await;
    rig.set("/sync/values", json!("hashes-only")).await;
    rig.set("/sync/message", json!({"json": r#"{"op": {{ op }}, "key": [{{ row.id }}, {{ element }}]}"#})).await;
    run(&rig).await;
    rig.sql("update items set tags = '{b}'").await;
    assert_eq!(run(&rig).await.counts.delivered, 1);
    assert_eq!(arrived(&rig, 2), [r#"removed [1,"a"]"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_element_is_listed_with_its_key_and_sent_again_alone() {
    let rig = rig("text[]", "(1, 10, '{a,b}'), (2, 20, '{c}')").await;
    run(&rig).await;
    rig.sql("update items set tags = '{a,x}' where id = 1").await;
    puts(&rig, tries(&rig), Effect::Throttle(Selection::All));
    let report = run(&rig).await;
    assert_eq!(report.counts.rejected, 2);
    let listed = rig.worker.scope.rejections(report.run).await.unwrap();
    let mut keys: Vec<String> = listed.iter().map(|rejection| rejection.key.to_string()).collect();
    keys.sort();
    assert_eq!(keys, [r#"{"id":1,"element":"b"}"#, r#"{"id":1,"element":"x"}"#]);
    let reporter = runner::Reporter::default();
    let preview = rig.worker.preview("rig", rig.parsed(), RunKind::Normal, RunOptions::default(), 9, &reporter);
    let preview = Box::pin(preview).await.unwrap();
    let mut shown: Vec<_> = preview.records.iter().map(|record| (record.op, record.key["element"].clone())).collect();
    shown.sort_by_key(|(op, _)| *op);
    assert_eq!(shown, [(domain::Change::Added, json!("x")), (domain::Change::Removed, json!("b"))]);
    assert_eq!(run(&rig).await.counts.delivered, 2);
    assert_delivered(&rig).await;
}

fn chosen(keys: serde_json::Value) -> RunOptions {
    let rows = ChosenRows { keys: serde_json::from_value(keys).unwrap(), ..ChosenRows::default() };
    RunOptions { rows: Some(rows), ..RunOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_row_is_sent_with_all_its_elements() {
    let rig = rig("text[]", "(1, 10, '{a,b}'), (2, 20, '{c}'), (3, 30, '{}'), (4, 40, '{x}')").await;
    run(&rig).await;
    rig.sql("update items set tags = '{a,d}' where id = 1; update items set tags = '{x,x}' where id = 4").await;
    let keys = json!([[1], {"id": 2, "element": "as a list shows it"}, [3], [4], [9]]);
    let report = added_up(rig.run_of(RunKind::Resend, chosen(keys)).await);
    assert_eq!(arrived(&rig, 4), [r#"added [1,"d"]"#, r#"changed [1,"a"]"#, r#"changed [2,"c"]"#]);
    let codes: Vec<_> = report.not_sent.iter().map(|row| (row.key.to_string(), row.code)).collect();
    let wanted = [("[3]", "no-elements"), ("[4]", "duplicate-element"), ("[9]", "not-in-model")];
    assert_eq!(codes, wanted.map(|(key, code)| (key.to_owned(), code)));
    assert_eq!(run(&rig).await.counts.delivered, 1, "the removal of [1, \"b\"] is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_a_row_forgets_all_its_elements() {
    let rig = rig("text[]", "(1, 10, '{hush,b}'), (2, 20, '{c}')").await;
    run(&rig).await;
    rig.sql("update items set tags = '{hush,d}' where id = 1; update items set tags = '{e}' where id = 2").await;
    puts(&rig, tries(&rig), Effect::Throttle(Selection::All));
    let rejected = run(&rig).await;
    assert_eq!(rejected.counts.rejected, 4);
    rig.sql("delete from items where id = 1").await;
    let erase = EraseKeys { keys: vec![json!({"id": 1, "element": "b"})], erased: None };
    let report = rig.run_of(RunKind::Erase, RunOptions { erase: Some(erase), ..RunOptions::default() }).await;
    assert_eq!((report.state, report.reason), (RunState::Succeeded, None));
    let left = rig.worker.scope.rejections(rejected.run).await.unwrap();
    assert!(left.len() == 2 && left.iter().all(|rejection| rejection.key["id"] == 2), "{left:?}");
    let counts = run(&rig).await.counts;
    assert_eq!((counts.removed, counts.added), (1, 1), "nothing is known of the erased row: {counts:?}");
    assert!(!rig.store_dump().await.contains("hush"));
}
