//! Each change of a model becomes one record that says exactly what it should, in the shard that it belongs to.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::HashSet;

use domain::RunState;
use md5::{Digest, Md5};
use runner::Report;
use serde_json::{Value as Json, json};
use simulator::{Effect, Operation, Rule};
use testkit::oracle::differences;
use testkit::rig::Rig;

/// A message that tells the oracle who it is, with every column of the model, and what it knows of before.
pub(crate) fn telling(key: &[&str]) -> Json {
    let key = key.iter().map(|column| format!("{{{{ row[\"{column}\"] }}}}")).collect::<Vec<_>>().join(", ");
    let event = r#"{"id": {{ event.id }}, "sequence": {{ event.sequence }}}"#;
    let rest = r#""row": {{ row }}, "previous": {{ previous }}, "changed": {{ changed_columns }}"#;
    json!({"json": format!(r#"{{"op": {{{{ op }}}}, "key": [{key}], "event": {event}, {rest}}}"#)})
}

/// A sync of `items(id, v)`, or of what the query says, by one column.
pub(crate) fn sync_of(query: &str) -> Json {
    json!({
        "model": {"query": query, "key": ["id"]},
        "sync": {"message": telling(&["id"]), "partition_key": {"column": "id"}},
    })
}

/// A rig with `items(id, v)`: so many rows whose `v` is 1.
pub(crate) async fn items(rows: u32) -> Rig {
    let setup = format!(
        "create table items (id bigint primary key, v int, w text);
         insert into items select g, 1, 'w' from generate_series(1, {rows}) g"
    );
    Rig::start(&setup, sync_of("select id, v, w from items")).await
}

/// Nothing is left over from this run.
pub(crate) fn is_whole(report: &Report) {
    assert_eq!((report.state, &report.reason), (RunState::Succeeded, &None), "{report:?}");
    report.counts.check().unwrap();
    let counts = report.counts;
    assert_eq!((counts.rejected, counts.unanswered, counts.deferred), (0, 0, 0), "{counts:?}");
    assert_eq!(counts.delivered, counts.planned);
}

/// The stream says what the model says, by sequence and by arrival.
pub(crate) async fn stream_is_right(rig: &Rig) {
    let (stream, model) = (rig.stream().await, rig.model().await);
    let (by_sequence, by_arrival) = (stream.by_sequence(), stream.by_arrival());
    assert!(differences(&by_sequence, &model).is_empty(), "{:?}", differences(&by_sequence, &model));
    assert!(differences(&by_arrival, &model).is_empty(), "{:?}", differences(&by_arrival, &model));
}

/// The same, of a sync that sent everything from its beginning.
pub(crate) async fn stream_is_right_from_empty(rig: &Rig) {
    stream_is_right(rig).await;
    assert_eq!(rig.stream().await.faults(true), Vec::<String>::new());
}

/// What the stream was told of one key, in the order of arrival.
pub(crate) fn told(rig: &Rig, key: u64) -> Vec<Json> {
    rig.messages().into_iter().filter(|message| message["key"] == json!([key])).collect()
}

fn texts(rig: &Rig) -> Vec<String> {
    rig.records().into_iter().map(|record| String::from_utf8(record.data.to_vec()).unwrap()).collect()
}

fn text_of(message: &Json, pointer: &str) -> String {
    message.pointer(pointer).and_then(Json::as_str).unwrap_or_else(|| panic!("{pointer} in {message}")).to_owned()
}

#[tokio::test]
async fn p1_every_change_of_a_composite_key_with_any_characters_reaches_the_stream() {
    let rig = Rig::start(
        r#"create table items (a bigint, b text, v int, primary key (a, b));
           insert into items values (1, 'x', 1), (1, 'ü|"', 1), (1, '😀', 1), (9007199254740993, 'x', 1), (-1, '', 1),
               (12, '3', 1), (1, '23', 1), (2, E'a\nb\\', 1)"#,
        json!({
            "model": {"query": "select a, b, v from items", "key": ["a", "b"]},
            "sync": {"message": telling(&["a", "b"]), "partition_key": {"template": "{{ row.a }}|{{ row.b }}"}},
        }),
    )
    .await;
    let first = rig.run().await;
    is_whole(&first);
    assert_eq!((first.counts.added, first.counts.delivered), (8, 8));
    stream_is_right_from_empty(&rig).await;
    rig.sql(
        r#"update items set v = 2 where b in ('😀', 'ü|"'); delete from items where a = 9007199254740993 or b = '23';
           insert into items values (9007199254740992, 'x', 1), (3, 'ü', 1)"#,
    )
    .await;
    let second = rig.run().await;
    is_whole(&second);
    let counts = second.counts;
    assert_eq!((counts.added, counts.changed, counts.removed, counts.unchanged), (2, 2, 2, 4));
    stream_is_right_from_empty(&rig).await;
    assert_eq!((rig.records().len(), rig.stream().await.duplicates()), (14, 0));
    is_whole(&rig.run().await);
    assert_eq!(rig.records().len(), 14);
}

const TYPES: &str = r#"
    select 9223372036854775807 as big, (-32768)::int2 as small, 12345678901234567890.1230::numeric as money,
        12345678901234567890.1230::numeric as amount, 'NaN'::numeric as nan, 0.1::float8 as float,
        '-Infinity'::float8 as infinite, '{"b": 1e2, "a": [1.50, null, "ü"]}'::jsonb as binary,
        ' {"z":1,  "a":2, "z2":1.0}'::json as verbatim, '{{1,2},{3,NULL}}'::bigint[] as matrix,
        array['a"b', null, 'ü{}'] as words, '2024-02-29 23:59:59.123456+02'::timestamptz as instant,
        '0044-03-15 12:00:00 BC'::timestamp as past, 'infinity'::date as forever, '2024-02-29'::date as day,
        '\x00ff10'::bytea as bytes, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid as uuid, 'so so'::mood as mood,
        null::text as nothing, true as yes, E'he said "hi"\n\\\t😀\u0001é' as words2, 1 as id"#;

#[tokio::test]
async fn p1_every_type_arrives_exact() {
    let columns = [
        ("big", "9223372036854775807"),
        ("small", "-32768"),
        ("money", r#""12345678901234567890.1230""#),
        ("amount", "12345678901234567890.1230"),
        ("nan", r#""NaN""#),
        ("float", "0.1"),
        ("infinite", r#""-Infinity""#),
        ("binary", r#"{"a": [1.50, null, "ü"], "b": 100}"#),
        ("verbatim", r#"{"z":1,  "a":2, "z2":1.0}"#),
        ("matrix", "[[1,2],[3,null]]"),
        ("words", r#"["a\"b",null,"ü{}"]"#),
        ("instant", r#""2024-02-29T21:59:59.123456Z""#),
        ("past", r#""0044-03-15T12:00:00 BC""#),
        ("forever", r#""infinity""#),
        ("day", r#""2024-02-29""#),
        ("bytes", r#""AP8Q""#),
        ("uuid", r#""a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11""#),
        ("mood", r#""so so""#),
        ("nothing", "null"),
        ("yes", "true"),
        ("words2", r#""he said \"hi\"\n\\\t😀\u0001é""#),
    ];
    let message = columns.map(|(name, _)| format!(r#""{name}":{{{{ row.{name} }}}}"#)).join(",");
    let expected = columns.map(|(name, value)| format!(r#""{name}":{value}"#)).join(",");
    let rig = Rig::start(
        "create type mood as enum ('happy', 'so so')",
        json!({
            "model": {"query": TYPES, "key": ["id"]},
            "sync": {
                "message": {"json": format!("{{{message}}}")},
                "partition_key": {"column": "id"},
                "numbers": {"amount": "number"},
            },
        }),
    )
    .await;
    is_whole(&rig.run().await);
    assert_eq!(texts(&rig), [format!("{{{expected}}}")]);
    // What was kept reads back as what was sent: nothing has changed.
    let again = rig.run().await;
    assert_eq!((again.counts.unchanged, again.counts.planned), (1, 0));
}

#[tokio::test]
async fn p1_a_json_column_is_sent_as_it_stands() {
    let rig = Rig::start(
        r#"create table items (id int primary key, doc json); insert into items values (1, ' {"a": 1,  "a ": [2]}'), (2, '7')"#,
        json!({
            "model": {"query": "select id, doc from items", "key": ["id"]},
            "sync": {"message": {"column": "doc"}, "partition_key": {"column": "id"}},
        }),
    )
    .await;
    is_whole(&rig.run().await);
    let mut sent = texts(&rig);
    sent.sort();
    assert_eq!(sent, [r#" {"a": 1,  "a ": [2]}"#, "7"]);
    // Other text of the same value is a change: it is the text that is sent. A removal sends what was sent last.
    rig.sql(r#"update items set doc = '7.0' where id = 2; delete from items where id = 1"#).await;
    is_whole(&rig.run().await);
    let mut sent = texts(&rig).split_off(2);
    sent.sort();
    assert_eq!(sent, [r#" {"a": 1,  "a ": [2]}"#, "7.0"]);
}

#[tokio::test]
async fn p1_mapped_fields_nest_and_take_columns_constants_and_templates() {
    let mut rig = Rig::start(
        r#"create table items (id int primary key, name text, "Price in €" numeric);
           insert into items values (1, E'Ann "A"\n', 2.50)"#,
        json!({
            "model": {"query": "select * from items", "key": ["id"]},
            "sync": {
                "message": {"fields": [
                    {"to": "person.name", "column": "name"},
                    {"to": "kind", "constant": {"a": [1, null]}},
                    {"to": "person.greeting", "template": "Hi {{ row.name }}!"},
                    {"to": r"v1\.0.price", "column": "Price in €"},
                    {"to": "op", "template": "{{ op }}"},
                ]},
                "partition_key": {"column": "id"},
            },
        }),
    )
    .await;
    is_whole(&rig.run().await);
    let expected = json!({
        "person": {"name": "Ann \"A\"\n", "greeting": "Hi Ann \"A\"\n!"},
        "kind": {"a": [1, null]}, "v1.0": {"price": "2.50"}, "op": "added",
    });
    assert_eq!(rig.messages(), [expected]);
    // The word `all`: another message alone sends nothing, the next change takes it.
    rig.set("/sync/message", json!({"fields": "all"})).await;
    let changed = rig.run().await;
    assert_eq!((changed.counts.planned, changed.counts.unchanged), (0, 1), "{changed:?}");
    rig.sql("update items set name = 'Bo'").await;
    is_whole(&rig.run().await);
    assert_eq!(rig.messages()[1..], [json!({"id": 1, "name": "Bo", "Price in €": "2.50"})]);
}

#[tokio::test]
async fn p1_the_hash_of_the_partition_key_decides_the_shard() {
    let rig = items(60).await;
    is_whole(&rig.run().await);
    let records = rig.records();
    assert_eq!(records.len(), 60);
    let mut shards = HashSet::new();
    for record in records {
        let message: Json = serde_json::from_slice(&record.data).unwrap();
        assert_eq!(json!([record.partition_key.parse::<u64>().unwrap()]), message["key"]);
        let upper_half = Md5::digest(record.partition_key.as_bytes())[0] >= 0x80;
        assert_eq!(record.shard_id, format!("shardId-{:012}", u32::from(upper_half)));
        assert_eq!(record.explicit_hash_key, None);
        shards.insert(record.shard_id);
    }
    assert_eq!(shards.len(), 2);
}

#[tokio::test]
async fn p1_an_explicit_hash_key_decides_the_shard_in_place_of_the_partition_key() {
    let rig = Rig::start(
        "create table items (id int primary key, place numeric);
         insert into items values (1, 0), (2, 170141183460469231731687303715884105727),
             (3, 170141183460469231731687303715884105728), (4, 340282366920938463463374607431768211455)",
        json!({
            "model": {"query": "select id, place::numeric(39, 0)::text as place from items", "key": ["id"]},
            "sync": {
                "message": telling(&["id"]),
                "partition_key": {"template": "all the same"},
                "hash_key": {"template": "{{ row.place }}"},
            },
        }),
    )
    .await;
    is_whole(&rig.run().await);
    let mut found = rig
        .records()
        .iter()
        .map(|record| (record.explicit_hash_key.unwrap(), record.partition_key.clone(), record.shard_id.clone()))
        .collect::<Vec<_>>();
    found.sort();
    let expected = [(0, 0), (u128::MAX / 2, 0), (u128::MAX / 2 + 1, 1), (u128::MAX, 1)];
    assert_eq!(found, expected.map(|(key, shard)| (key, "all the same".to_owned(), format!("shardId-{shard:012}"))));
}

#[tokio::test]
async fn p1_a_version_that_is_put_twice_keeps_its_event_id_and_the_next_one_has_its_own() {
    let rig = items(1).await;
    // The first run never hears of its puts, though all three arrive.
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::ResetAfter).times(3)]);
    let first = rig.run().await;
    assert_eq!((first.counts.unanswered, rig.records().len()), (1, 3), "{first:?}");
    first.counts.check().unwrap();
    let second = rig.run().await;
    assert_eq!((second.counts.delivered, second.counts.deferred), (1, 0), "{second:?}");
    let sent = texts(&rig);
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|text| *text == sent[0]), "one version, byte for byte: {sent:?}");
    assert_eq!(rig.stream().await.duplicates(), 3);
    // What is left of the time to settle is waited for; then each version has an id and a later sequence of its own.
    rig.settled().await;
    rig.sql("update items set v = 2").await;
    is_whole(&rig.run().await);
    rig.sql("update items set v = 1").await;
    is_whole(&rig.run().await);
    let ids: HashSet<_> = rig.messages().iter().map(|message| text_of(message, "/event/id")).collect();
    assert_eq!(ids.len(), 3);
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p1_previous_values_and_changed_columns_are_those_acknowledged_last() {
    let rig = items(3).await;
    is_whole(&rig.run().await);
    for message in rig.messages() {
        assert_eq!((&message["previous"], &message["changed"]), (&Json::Null, &Json::Null));
    }
    rig.sql("update items set v = 2, w = 'x' where id = 1").await;
    is_whole(&rig.run().await);
    let message = told(&rig, 1).pop().unwrap();
    assert_eq!(message["op"], "changed");
    assert_eq!(message["previous"], json!({"id": 1, "v": 1, "w": "w"}));
    assert_eq!(message["changed"], json!(["v", "w"]));
    // A change that is refused was never acknowledged: the next one is told from what was.
    rig.sql("update items set v = 3 where id = 1").await;
    rig.simulator.faults([Rule::on(Operation::PutRecords, Effect::Throttle(simulator::Selection::All)).times(3)]);
    let refused = rig.run().await;
    assert_eq!(refused.counts.rejected, 1, "{refused:?}");
    rig.simulator.clear_faults();
    rig.sql("update items set v = 4 where id = 1").await;
    is_whole(&rig.run().await);
    let message = told(&rig, 1).pop().unwrap();
    assert_eq!(message["previous"], json!({"id": 1, "v": 2, "w": "x"}));
    assert_eq!((&message["row"]["v"], &message["changed"]), (&json!(4), &json!(["v"])));
    // So is a removal.
    rig.sql("delete from items where id = 1").await;
    is_whole(&rig.run().await);
    let message = told(&rig, 1).pop().unwrap();
    assert_eq!((&message["op"], &message["row"]), (&json!("removed"), &json!({"id": 1, "v": 4, "w": "x"})));
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p1_with_hashes_only_nothing_is_known_of_before_and_a_removal_carries_the_key_alone() {
    let mut rig = items(5).await;
    rig.set("/sync/values", json!("hashes-only")).await;
    is_whole(&rig.run().await);
    rig.sql("update items set v = 2 where id = 1; delete from items where id = 2").await;
    is_whole(&rig.run().await);
    let changed = told(&rig, 1).pop().unwrap();
    assert_eq!((&changed["op"], &changed["row"]["v"]), (&json!("changed"), &json!(2)));
    assert_eq!((&changed["previous"], &changed["changed"]), (&Json::Null, &Json::Null));
    let removed = told(&rig, 2).pop().unwrap();
    assert_eq!((&removed["op"], &removed["row"]), (&json!("removed"), &json!({"id": 2})));
    stream_is_right_from_empty(&rig).await;

    // A message that needs more of a removed row than was kept is refused, and stays due.
    let message = r#"{"op": {{ op }}, "key": [{{ row.id }}], "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}, "row": {"id": {{ row.id }}, "v": {{ row.v }}, "w": {{ row.w }}}}"#;
    rig.set("/sync/message", json!({"json": message})).await;
    rig.sql("delete from items where id = 3").await;
    for tries in 1..=2 {
        let report = rig.run().await;
        report.counts.check().unwrap();
        assert_eq!((report.counts.rejected, report.counts.planned), (1, 1), "{report:?}");
        let rejections = rig.worker.scope.rejections(report.run).await.unwrap();
        assert_eq!((rejections[0].code.as_str(), rejections[0].tries), ("values-not-kept", tries));
        assert_eq!(rejections[0].key, json!({"id": 3}));
        assert!(rejections[0].message.contains("`v`"), "{}", rejections[0].message);
    }
    assert_eq!(told(&rig, 3).len(), 1);
}

#[tokio::test]
async fn p1_values_that_are_kept_from_now_on_are_filled_in_without_sending() {
    let mut rig = items(40).await;
    rig.set("/sync/values", json!("hashes-only")).await;
    is_whole(&rig.run().await);
    rig.set("/sync/values", json!("used")).await;
    let filled = rig.run().await;
    is_whole(&filled);
    assert_eq!((filled.counts.planned, filled.counts.unchanged, filled.calls), (0, 40, 0), "{filled:?}");
    assert_eq!(rig.records().len(), 40);
    rig.sql("update items set v = 2 where id = 1; delete from items where id = 2").await;
    is_whole(&rig.run().await);
    let changed = told(&rig, 1).pop().unwrap();
    assert_eq!(changed["previous"], json!({"id": 1, "v": 1, "w": "w"}));
    assert_eq!(changed["changed"], json!(["v"]));
    let removed = told(&rig, 2).pop().unwrap();
    assert_eq!(removed["row"], json!({"id": 2, "v": 1, "w": "w"}));
    stream_is_right_from_empty(&rig).await;
}
