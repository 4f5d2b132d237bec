//! Rows that cannot be taken apart: all their units are held.

use serde_json::json;

use super::{arrived, rig, run};
use crate::rows::assert_delivered;

#[tokio::test(flavor = "multi_thread")]
async fn a_row_with_unclear_elements_is_listed_and_holds_all_its_units() {
    let many = "(select jsonb_agg(n) from generate_series(0, 10000) n)";
    let rig = rig(
        "jsonb",
        &format!("(1, 1, '[\"a\", \"b\"]'), (2, 2, '[1]'), (3, 3, '[2]'), (4, 4, '[3]'), (5, 5, {many} - 0)"),
    )
    .await;
    assert_eq!(run(&rig).await.counts.delivered, 10_005);
    for (id, tags, code) in [
        (1, "'[\"a\", \"c\", \"a\"]'", "duplicate-element"),
        (2, "'[1, null]'", "null-element"),
        (3, "'{\"a\": 1}'", "not-an-array"),
        (4, "'3'", "not-an-array"),
        (5, many, "too-many-elements"),
    ] {
        let before = rig.records().len();
        rig.sql(&format!("update items set v = v + 100, tags = {tags} where id = {id}")).await;
        let report = run(&rig).await;
        let counts = report.counts;
        assert_eq!((counts.rows, counts.invalid, counts.planned), (5 - id, id, 0), "{code}");
        assert_eq!(arrived(&rig, before), Vec::<String>::new());
        let listed = rig.worker.scope.invalid_rows(report.run).await.unwrap();
        assert!(listed.iter().any(|row| row.key == json!({"id": id}) && row.code == code), "{listed:?}");
        let tallies = rig.worker.scope.tallies(report.run).await.unwrap().invalid_rows;
        assert_eq!(tallies.values().sum::<u64>(), id);
        assert!(tallies.contains_key(code), "{tallies:?}");
    }
    assert_delivered(&rig).await;
    let before = rig.records().len();
    rig.sql("update items set tags = '[\"a\", \"c\"]' where id = 1; update items set tags = '[]' where id = 2").await;
    rig.sql("delete from items where id in (3, 4); delete from items where id = 5").await;
    rig.sql("insert into items select 5, 105, jsonb_agg(n) from generate_series(1, 10000) n").await;
    run(&rig).await;
    let told = arrived(&rig, before);
    assert_eq!(
        told.iter().filter(|told| !told.contains("[5,")).collect::<Vec<_>>(),
        [
            r#"added [1,"c"]"#,
            r#"changed [1,"a"]"#,
            r#"removed [1,"b"]"#,
            "removed [2,1]",
            "removed [3,2]",
            "removed [4,3]",
        ]
    );
    assert_eq!(told.len(), 10_006);
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_key_hold_it_although_their_elements_differ() {
    let rig = rig("text[]", "(1, 1, '{a,b}'), (2, 2, '{a}')").await;
    run(&rig).await;
    rig.sql("insert into items values (1, 1, '{c}'), (1, 1, '{}'), (1, 1, '{c}'), (1, 1, '{c}'), (null, 1, '{x}')")
        .await;
    let report = run(&rig).await;
    let counts = report.counts;
    assert_eq!((counts.queried, counts.rows, counts.invalid, counts.units, counts.planned), (7, 1, 6, 1, 0));
    let tallies = rig.worker.scope.tallies(report.run).await.unwrap().invalid_rows;
    assert_eq!(tallies.into_iter().collect::<Vec<_>>(), [("duplicate-key".to_owned(), 5), ("null-key".to_owned(), 1)]);
    assert_delivered(&rig).await;
    rig.sql("delete from items where id = 1 or id is null; insert into items values (1, 1, '{c}')").await;
    let counts = run(&rig).await.counts;
    assert_eq!((counts.added, counts.removed, counts.unchanged), (1, 2, 1));
    assert_delivered(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_without_elements_is_refused_with_what_to_do() {
    let mut rig = rig("text[]", "(1, 1, '{a}')").await;
    for (column, reason) in [
        ("v", "the column `v` is of the type `integer` and has no elements. Choose an array"),
        ("tag", "the model has no column `tag`. Did you mean `tags`?"),
    ] {
        rig.set("/sync/fan_out/column", json!(column)).await;
        let report = rig.run().await;
        let reason_told = report.reason.unwrap();
        assert_eq!(reason_told.code, "configuration");
        assert!(reason_told.text.contains(reason), "{}", reason_told.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_is_known_only_where_rows_fan_out_and_is_a_value_like_any_other_there() {
    let mut rig = rig("jsonb", r#"(1, 1, '[{"name": "red", "n": 1.50}, "blue"]')"#).await;
    let message = r#"{"op": {{ op }}, "key": [{{ row.id }}, "{{ element.name | default: element | upcase }}"],
        "n": {% if element.n %}{{ element.n }}{% else %}null{% endif %}}"#;
    rig.set("/sync/message", json!({"json": message})).await;
    rig.set("/sync/partition_key", json!({"template": "{{ row.id }}-{{ element | json | md5 }}"})).await;
    assert_eq!(run(&rig).await.counts.delivered, 2);
    assert_eq!(arrived(&rig, 0), [r#"added [1,"BLUE"]"#, r#"added [1,"RED"]"#]);
    rig.set("/sync/fan_out", json!(null)).await;
    let reason = rig.run().await.reason.unwrap();
    assert!(
        reason.text.contains("there is no `element`. Only a sync that sends one message for each"),
        "{}",
        reason.text
    );
}
