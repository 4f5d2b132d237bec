use std::collections::BTreeMap;

use axum::http::StatusCode;
use domain::{Change, Counts, RunState};
use engine::hash::Hash128;
use engine::unit::UnitId;
use objects::{Durability, Objects};
use serde_json::{Value, json};
use store::{Checkpoint, NewInvalidRow, NewRejection};

use crate::configured::{Configured, all};
use crate::fixture::{Client, Fixture, settings};
use crate::worker::Worker;

/// A run with rejections of two codes and one invalid row: its id, its epoch, its sync.
async fn rejecting(api: &Fixture, owner: &Client) -> (String, u64, String) {
    let made = Configured::new(owner).await;
    let path = owner.at(&format!("/syncs/{}/runs", made.sync));
    owner.post(&path, json!({"kind": "normal"})).await.expect(StatusCode::ACCEPTED);
    let worker = Worker::new(api).await;
    let claim = worker.claim(owner, &made.sync).await;
    let rejections = (0..5_u8).map(|n| NewRejection {
        unit: UnitId { key: Hash128([n; 16]), child: 0 },
        key: json!({"id": n, "email": format!("person-{n}@example.com")}),
        op: Change::Added,
        code: if n < 3 { "record-too-large" } else { "throttled" }.to_owned(),
        message: format!("it is number {n}"),
    });
    let invalid = NewInvalidRow { key: json!({"id": null}), code: "null-key".to_owned(), message: "null".to_owned() };
    let counts =
        Counts { queried: 6, invalid: 1, rows: 5, units: 5, added: 5, planned: 5, rejected: 5, ..Counts::default() };
    let last = Checkpoint {
        counts: Some(counts),
        rejections: rejections.collect(),
        invalid_rows: vec![invalid],
        invalid_by_code: BTreeMap::from([("null-key".to_owned(), 1)]),
        ..Checkpoint::default()
    };
    worker.end(owner, &claim, RunState::Succeeded, last).await;
    (claim.run.to_string(), claim.epoch, made.sync)
}

#[tokio::test]
async fn rejections_are_listed_searched_and_counted() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let (run, _, _) = rejecting(&api, &owner).await;
    let path = owner.at(&format!("/runs/{run}/rejections"));
    let found = all(&owner, &path, 2).await;
    let ids: Vec<_> = found.iter().map(|rejection| rejection["key"]["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4]);
    assert_eq!(
        (&found[0]["op"], &found[0]["tries"], &found[0]["first_seen_run"]),
        (&json!("added"), &json!(1), &json!(run))
    );
    assert_eq!(all(&owner, &format!("{path}?code=throttled"), 1).await.len(), 2);
    assert_eq!(all(&owner, &format!("{path}?q=PERSON-3"), 10).await.len(), 1);
    assert_eq!(all(&owner, &format!("{path}?q=number%202"), 10).await.len(), 1);
    owner.get(&format!("{path}?cod=x")).await.refused(422, "invalid");
    let invalid = all(&owner, &owner.at(&format!("/runs/{run}/invalid-rows")), 10).await;
    let told = (&invalid[0]["key"], &invalid[0]["code"], &invalid[0]["message"]);
    assert_eq!(told, (&json!({"id": null}), &json!("null-key"), &json!("null")));
    assert!(invalid[0]["meaning"].as_str().unwrap().contains("primary key is null"));
    assert!(found[0]["advice"].as_str().unwrap().contains("`limits.record_bytes`"));
    assert_eq!(found[4]["meaning"], Value::Null, "`throttled` is no code of the catalogue");
    let details = owner.get(&owner.at(&format!("/runs/{run}"))).await;
    assert_eq!(details.body["tallies"]["rejections"], json!({"record-too-large": 3, "throttled": 2}));
    assert_eq!(details.body["tallies"]["invalid_rows"], json!({"null-key": 1}));
}

#[tokio::test]
async fn an_export_is_what_the_database_lists_or_the_full_list_if_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::local(folder.path()).unwrap().durability(Durability::Unsynced);
    let api = Fixture::with(api::Settings { objects: Some(objects.clone()), ..settings() }).await;
    let owner = api.sign_up("owner@example.com").await;
    let (run, epoch, sync) = rejecting(&api, &owner).await;
    let path = owner.at(&format!("/runs/{run}/rejections/export"));
    let listed = owner.get(&path).await.expect(StatusCode::OK);
    assert_eq!(listed.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = listed.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!((&lines[4]["key"]["id"], &lines[4]["code"]), (&json!(4), &json!("throttled")));
    let invalid = owner.get(&owner.at(&format!("/runs/{run}/invalid-rows/export"))).await.expect(StatusCode::OK);
    assert_eq!(invalid.text, "{\"key\":{\"id\":null},\"code\":\"null-key\"}\n");
    // As `runner`'s `FullList` names it; longer than what is read at once.
    let full = "{\"key\":{\"id\":1}}\n".repeat(100_000);
    let name = format!("lists/{sync}/{run}-e{epoch:010}-rejections.ndjson");
    objects.within(&owner.workspace).unwrap().put(&name, full.as_bytes()).await.unwrap();
    assert!(owner.get(&path).await.expect(StatusCode::OK).text == full);
    let stranger = api.sign_up("stranger@example.com").await;
    stranger.get(&stranger.at(&format!("/runs/{run}/rejections/export"))).await.refused(404, "not-found");
    stranger.get(&stranger.at(&format!("/runs/{run}/rejections"))).await.refused(404, "not-found");
}

#[tokio::test]
async fn what_is_rejected_can_be_sent_again_or_dismissed() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let (run, _, sync) = rejecting(&api, &owner).await;
    let at = |rest: &str| owner.at(&format!("/syncs/{sync}/{rest}"));
    let (send, dismiss) = (at("send-rows"), at("rejections/dismiss"));
    let unknown = "run_0190b3f0c4d27c3e9a51f2b8d6e07a14";
    for (path, odd, pointer) in [
        (&send, json!({}), ""),
        (&send, json!({"rows": [[1]], "rejections": {}}), ""),
        (&send, json!({"run": run, "rejections": {}}), ""),
        (&send, json!({"rejections": {"code": "null-key"}}), "/rejections/code"),
        (&send, json!({"rejections": {}, "values": "original"}), "/values"),
        (&send, json!({"rows": [[1]], "outcome": "delivered"}), "/outcome"),
        (&send, json!({"run": unknown}), "/run"),
        (&send, json!({"run": run}), "/run"),
        (&send, json!({"run": run, "rows": [[1, 2]]}), "/rows/0"),
        (&dismiss, json!({}), ""),
        (&dismiss, json!({"rows": [[1]], "code": "throttled"}), ""),
        (&dismiss, json!({"rows": []}), "/rows"),
        (&dismiss, json!({"code": "null-key"}), "/code"),
    ] {
        let refused = owner.post(path, odd.clone()).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{odd}: {}", refused.body);
    }
    let asked = owner.post(&dismiss, json!({"code": "throttled"})).await.expect(StatusCode::ACCEPTED);
    assert_eq!(asked.body["run"]["kind"], "dismiss");
    // The shape that `runner::RunOptions` reads.
    assert_eq!(asked.body["run"]["options"], json!({"rows": {"rejections": {"code": "throttled"}, "send": "nothing"}}));
    let audit = owner.get(&owner.at("/audit-entries?action=dismiss_rejections")).await.expect(StatusCode::OK);
    assert_eq!(audit.body["items"][0]["detail"]["standing_rejections"], 2, "{}", audit.body);
    owner.post(&send, json!({"rejections": {}})).await.refused(409, "conflict");
    let cancel = owner.at(&format!("/runs/{}/cancel", asked.body["run"]["id"].as_str().unwrap()));
    owner.post(&cancel, json!({})).await.expect(StatusCode::OK);
    let asked = owner.post(&send, json!({"rejections": {}})).await.expect(StatusCode::ACCEPTED);
    assert_eq!(asked.body["run"]["options"], json!({"rows": {"rejections": {}, "send": "current"}}));
}
