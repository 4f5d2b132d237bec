//! What a run leaves behind, and what it takes while it works.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::RunState;
use serde_json::{Value as Json, json};
use simulator::Operation;
use testkit::rig::{Rig, files_below};

use crate::messages::{is_whole, items, stream_is_right_from_empty, sync_of, told};

/// Everything below a folder, folders too.
fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in folder.read_dir().into_iter().flatten().filter_map(Result::ok) {
        if entry.path().is_dir() {
            all.extend(all_below(&entry.path()));
        }
        all.push(entry.path());
    }
    all
}

/// Epoch and number of every segment that a manifest of the sync names.
async fn named_segments(rig: &Rig) -> BTreeSet<(u64, u64)> {
    let mut named = BTreeSet::new();
    for row in rig.store_query("select body::text from manifest").await {
        let body: Json = serde_json::from_str(row.get(0)).unwrap();
        for layer in body["layers"].as_array().unwrap() {
            let layer = layer.get("window").or_else(|| layer.get("segment")).unwrap();
            named.insert((layer["epoch"].as_u64().unwrap(), layer["number"].as_u64().unwrap()));
        }
    }
    named
}

/// The same of the objects that are there.
fn stored_segments(rig: &Rig) -> BTreeSet<(u64, u64)> {
    let segment = |name: String| {
        let name = name.rsplit('/').next().unwrap().to_owned();
        let mut parts = name.split('-');
        let mut number = |letter| parts.next().unwrap().strip_prefix(letter).unwrap().parse().unwrap();
        (number('e'), number('n'))
    };
    rig.snapshot_objects().into_iter().map(segment).collect()
}

async fn manifest_version(rig: &Rig) -> u64 {
    rig.worker.scope.sync_state(rig.sync).await.unwrap().manifest_version
}

#[tokio::test]
async fn p7_a_run_without_changes_writes_nothing() {
    let rig = items(500).await;
    is_whole(&rig.run().await);
    rig.sql("update items set v = 2 where id <= 100").await;
    is_whole(&rig.run().await);
    let windows = "select t::text from snapshot_window t order by 1";
    let texts = |rows: Vec<tokio_postgres::Row>| rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>();
    let manifests = "select t::text from manifest t order by 1";
    let before =
        (rig.snapshot_objects(), texts(rig.store_query(windows).await), texts(rig.store_query(manifests).await));
    let version = manifest_version(&rig).await;
    for _ in 0..3 {
        let report = rig.run().await;
        is_whole(&report);
        assert_eq!((report.counts.unchanged, report.counts.planned, report.calls), (500, 0, 0));
        let after =
            (rig.snapshot_objects(), texts(rig.store_query(windows).await), texts(rig.store_query(manifests).await));
        assert_eq!(after, before);
        assert_eq!((manifest_version(&rig).await, rig.records().len()), (version, 600));
        assert_eq!(all_below(&rig.worker.settings.scratch), Vec::<PathBuf>::new());
    }
}

#[tokio::test]
async fn p7_many_rows_are_compared_right_in_little_memory() {
    let mut sync = sync_of("select id, v from items");
    sync["sync"]["first_run"] = json!("only-future");
    sync["sync"]["message"] = json!({"json": r#"{"op": {{ op }}, "id": {{ row.id }}, "v": {{ row.v }}}"#});
    let mut rig = Rig::start(
        "create table items (id bigint primary key, v text);
         insert into items select g, md5(g::text) from generate_series(1, 200000) g",
        sync,
    )
    .await;
    rig.worker.settings.plan_memory = 8 << 20;
    let first = rig.run().await;
    is_whole(&first);
    assert_eq!((first.counts.queried, first.counts.not_wanted, rig.records().len()), (200_000, 200_000, 0));
    rig.sql(
        "update items set v = md5(v) where id % 50 = 0; delete from items where id % 1000 = 7;
         insert into items select g, md5(g::text) from generate_series(200001, 200300) g",
    )
    .await;
    let second = rig.run().await;
    is_whole(&second);
    let counts = second.counts;
    assert_eq!((counts.changed, counts.removed, counts.added, counts.unchanged), (4_000, 200, 300, 195_800));
    let mut sent = BTreeMap::new();
    for message in rig.messages() {
        let (op, v) = (message["op"].as_str().unwrap().to_owned(), message["v"].as_str().unwrap().to_owned());
        assert_eq!(sent.insert(message["id"].as_i64().unwrap(), (op, v)), None);
    }
    let expected = "select id, 'changed', v from items where id % 50 = 0 and id <= 200000
        union all select id, 'added', v from items where id > 200000
        union all select g, 'removed', md5(g::text) from generate_series(7, 200000, 1000) g";
    let expected: BTreeMap<i64, (String, String)> =
        rig.query(expected).await.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
    assert!(sent == expected, "{} sent, {} expected", sent.len(), expected.len());
    let third = rig.run().await;
    assert_eq!((third.counts.unchanged, third.counts.planned), (200_100, 0));
}

#[tokio::test]
async fn p7_rows_as_they_were_are_written_once_whatever_the_memory_and_all_are_told_right() {
    let mut rig = Rig::start(
        "create table items (id bigint, v bigint); insert into items select g, 0 from generate_series(1, 5000) g",
        sync_of("select id, v from items"),
    )
    .await;
    is_whole(&rig.run().await);
    // With the least of them, partitions are taken apart.
    let memories = [64 << 20, 40_000, 12_000, 3_000];
    for memory in memories {
        rig.worker.settings.plan_memory = memory;
        let report = rig.run().await;
        is_whole(&report);
        assert_eq!((report.counts.unchanged, report.counts.units, report.counts.planned), (5_000, 5_000, 0));
        // Two numbers of 12 bytes each, and 12 bytes beside them.
        assert!((180_000..181_000).contains(&report.scratch_bytes), "{memory}: {} bytes", report.scratch_bytes);
    }
    let mut spilled = Vec::new();
    for (round, memory) in (1..).zip(memories) {
        rig.worker.settings.plan_memory = memory;
        // Of one key in 50 the values change, of others a row comes twice: the same, or another.
        let edit = format!(
            "update items set v = {round} where id % 50 = 0; delete from items where id % 1000 = {round};
             insert into items select id, v from items where id % 1000 = 500 + {round};
             insert into items select id, v + 1 from items where id % 1000 = 700 + {round};
             insert into items values ({}, 0), (null, 0)",
            10_000 + round
        );
        rig.sql(&edit).await;
        let report = rig.run().await;
        is_whole(&report);
        let counts = report.counts;
        assert_eq!((counts.changed, counts.added, counts.removed), (100, 1, 5), "round {round}");
        assert_eq!((counts.invalid, counts.planned), (21 * round, 106), "round {round}");
        assert_eq!(counts.unchanged, 5_000 - 100 - 15 * round + round - 1, "round {round}");
        let tallies = rig.worker.scope.tallies(report.run).await.unwrap().invalid_rows;
        let tallies: Vec<_> = tallies.into_iter().collect();
        assert_eq!(tallies, [("duplicate-key".to_owned(), 20 * round), ("null-key".to_owned(), round)]);
        stream_is_right_from_empty(&rig).await;
        spilled.push(report.scratch_bytes);
    }
    assert!(
        spilled.is_sorted_by(|before, after| before < after),
        "the less memory, the more is looked at: {spilled:?}"
    );
}

#[tokio::test]
async fn p7_scratch_is_private_while_a_run_works_and_gone_when_it_has_ended() {
    let mut rig = items(60).await;
    rig.worker.settings.window.records = 5;
    let scratch = rig.worker.settings.scratch.clone();
    let look = async {
        rig.simulator.wait_for_calls(Operation::PutRecords, 3).await;
        let mode = |path: PathBuf| (path.is_dir(), path.metadata().unwrap().permissions().mode() & 0o777);
        let mut modes: Vec<_> = all_below(&scratch).into_iter().map(mode).collect();
        modes.push(mode(scratch.clone()));
        modes
    };
    let (report, modes) = tokio::join!(rig.run(), look);
    is_whole(&report);
    assert!(modes.iter().filter(|(folder, _)| *folder).count() >= 2 && modes.len() > 2, "{modes:?}");
    for (folder, mode) in modes {
        assert_eq!(mode, if folder { 0o700 } else { 0o600 });
    }
    assert!(report.scratch_bytes > 0);
    assert_eq!(all_below(&scratch), Vec::<PathBuf>::new());
    // A run that is dropped where it stands leaves nothing either.
    rig.sql("update items set v = 2").await;
    rig.request(domain::RunKind::Normal, runner::RunOptions::default()).await;
    let calls = rig.simulator.calls_of(Operation::PutRecords) + 2;
    assert!(rig.work_until(rig.simulator.wait_for_calls(Operation::PutRecords, calls)).await.is_none());
    // As soon as the thread that made the next window is done with it.
    for _ in 0..100 {
        if !all_below(&scratch).is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    assert_eq!(all_below(&scratch), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn p7_a_run_that_needs_more_scratch_than_it_may_have_says_so_and_sends_nothing() {
    let mut sync = sync_of("select g as id, md5(g::text) as v from generate_series(1, 5000) g");
    sync["sync"]["message"] = json!({"json": r#"{"id": {{ row.id }}, "v": {{ row.v }}}"#});
    let mut rig = Rig::start("", sync).await;
    rig.worker.settings.scratch_bytes = 50_000;
    let failed = rig.run().await;
    failed.counts.check().unwrap();
    let reason = failed.reason.unwrap();
    assert_eq!((failed.state, reason.code.as_str()), (RunState::Failed, "scratch"));
    assert!(reason.text.contains("50000") && reason.text.contains("scratch"), "{}", reason.text);
    assert_eq!((rig.records().len(), rig.snapshot_objects()), (0, Vec::new()));
    assert_eq!(files_below(&rig.worker.settings.scratch), Vec::<String>::new());
    rig.worker.settings.scratch_bytes = 50_000_000;
    let report = rig.run().await;
    is_whole(&report);
    assert_eq!((report.counts.delivered, rig.records().len()), (5_000, 5_000));
    assert!(report.scratch_bytes > 50_000);
}

#[tokio::test]
async fn p7_a_key_that_comes_a_hundred_thousand_times_is_held_and_troubles_no_other() {
    let rig = Rig::start(
        "create table items (id bigint, v bigint); insert into items select g, 0 from generate_series(1, 20) g",
        sync_of("select id, v from items"),
    )
    .await;
    is_whole(&rig.run().await);
    rig.sql(
        "insert into items select 7, g from generate_series(1, 99999) g; update items set v = 1 where id = 8;
         delete from items where id = 9",
    )
    .await;
    let report = rig.run().await;
    is_whole(&report);
    let counts = report.counts;
    assert_eq!((counts.queried, counts.invalid, counts.units), (100_018, 100_000, 18));
    assert_eq!((counts.changed, counts.removed, counts.delivered), (1, 1, 2));
    assert_eq!((told(&rig, 7).len(), told(&rig, 8).len(), told(&rig, 9).len()), (1, 2, 2));
    let tallies = rig.worker.scope.tallies(report.run).await.unwrap().invalid_rows;
    assert_eq!(tallies.into_iter().collect::<Vec<_>>(), [("duplicate-key".to_owned(), 100_000)]);
    // Each row has its line.
    assert_eq!(rig.worker.scope.invalid_rows(report.run).await.unwrap().len(), 10_000);
    let [name] = report.full_lists.as_slice() else { panic!("{:?}", report.full_lists) };
    let workspace = rig.worker.settings.objects.join(rig.worker.workspace.id.to_string());
    let list = std::fs::read_to_string(workspace.join(name)).unwrap();
    assert_eq!(list.lines().filter(|line| *line == r#"{"key":{"id":7},"code":"duplicate-key"}"#).count(), 100_000);
    // Told apart again it is what it was, so there is nothing to say; and what it became is said.
    rig.sql("delete from items where id = 7 and v > 0").await;
    assert_eq!(rig.run().await.counts.planned, 0);
    rig.sql("update items set v = 5 where id = 7").await;
    is_whole(&rig.run().await);
    assert_eq!((&told(&rig, 7)[1]["op"], &told(&rig, 7)[1]["previous"]["v"]), (&json!("changed"), &json!(0)));
    stream_is_right_from_empty(&rig).await;
}

#[tokio::test]
async fn p7_a_manifest_never_has_more_than_64_layers_however_small_the_windows_are() {
    let mut rig = items(150).await;
    for statement in [
        "create table layers (count int)",
        "grant insert on layers to rowcast_worker",
        "create function note() returns trigger language plpgsql as $$ begin
            insert into layers values (jsonb_array_length(new.body->'layers')); return new; end $$",
        "create trigger note after insert or update on manifest for each row execute function note()",
    ] {
        rig.store_query(statement).await;
    }
    rig.worker.settings.window.records = 1;
    is_whole(&rig.run().await);
    rig.sql("update items set v = 2 where id <= 70").await;
    is_whole(&rig.run().await);
    let most = &rig.store_query("select max(count), count(*) from layers").await[0];
    let (most, writes): (i32, i64) = (most.get(0), most.get(1));
    assert!(most > 10 && most <= 64, "{most} layers at most");
    assert!(writes >= 220, "each window is a layer of its own: {writes}");
    stream_is_right_from_empty(&rig).await;
    assert_eq!(rig.run().await.counts.unchanged, 150);
}

#[tokio::test]
async fn p7_objects_are_collected_only_when_they_are_old_unnamed_and_of_an_earlier_epoch() {
    let mut rig = items(60).await;
    rig.worker.settings.window.records = 1;
    let first = rig.run().await;
    is_whole(&first);
    // Merged away, but young: kept, by the runs after it too.
    rig.sql("update items set v = 2 where id = 1").await;
    let second = rig.run().await;
    assert_eq!((first.collected, second.collected), (0, 0));
    let (stored, named) = (stored_segments(&rig), named_segments(&rig).await);
    assert!(stored.is_superset(&named) && stored.len() > named.len(), "{} stored, {} named", stored.len(), named.len());
    let other = rig.worker.settings.objects.join("of-nobody.txt");
    std::fs::write(&other, "not ours").unwrap();
    let objects = rig.snapshot_objects().len();

    // As if a day had passed. What this run itself leaves behind is of its own epoch, and stays for now.
    rig.worker.settings.garbage_age = Duration::ZERO;
    rig.sql("update items set v = 3").await;
    let third = rig.run().await;
    is_whole(&third);
    assert!(third.collected > 0 && rig.snapshot_objects().iter().any(|name| name == "of-nobody.txt"));
    std::fs::remove_file(other).unwrap();
    let epoch = rig.worker.scope.sync_state(rig.sync).await.unwrap().epoch;
    let (stored, named) = (stored_segments(&rig), named_segments(&rig).await);
    assert!(stored.is_superset(&named));
    assert!(stored.difference(&named).count() > 0, "this run merged layers too");
    assert!(stored.difference(&named).all(|(of, _)| *of == epoch), "{:?}", stored.difference(&named));

    // The next run collects it, and what is named is still whole.
    let fourth = rig.run().await;
    assert_eq!((fourth.counts.unchanged, fourth.counts.planned), (60, 0));
    assert!(fourth.collected > 0 && rig.snapshot_objects().len() < objects);
    assert_eq!(stored_segments(&rig), named_segments(&rig).await);
    rig.sql("delete from items where id = 2").await;
    is_whole(&rig.run().await);
    stream_is_right_from_empty(&rig).await;
}
