use axum::http::StatusCode;
use domain::Work;
use serde_json::{Value, json};
use store::JobProblem;

use crate::configured::{Configured, PASSWORD, all, make, model, source};
use crate::fixture::{Fixture, settings};
use crate::worker::Worker;

#[tokio::test]
async fn a_source_is_made_read_changed_listed_and_deleted_and_never_shows_its_password() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = owner.post(&owner.at("/sources"), source("shop")).await.expect(StatusCode::CREATED);
    let path = made.header("location").to_owned();
    let shown = &made.body["postgres"];
    assert_eq!(
        (&shown["port"], &shown["tls"], &shown["password"]["set"]),
        (&json!(5432), &json!("verify-full"), &json!(true))
    );
    assert_eq!(shown["password"]["hint"], "…7c1d");
    let mut changed = source("renamed");
    changed["postgres"]["password"].take();
    changed["postgres"]["database"] = json!("other");
    let changed = owner.put(&path, made.header("etag"), changed).await.expect(StatusCode::OK);
    assert_eq!(
        (&changed.body["name"], &changed.body["postgres"]["password"]["set"]),
        (&json!("renamed"), &json!(true))
    );
    owner.put(&path, made.header("etag"), source("other")).await.refused(412, "stale");
    make(&owner, "/sources", source("second")).await;
    owner.post(&owner.at("/sources"), source("second")).await.refused(409, "taken");
    assert_eq!(all(&owner, &owner.at("/sources"), 1).await.len(), 2);
    let everything = [made.text, changed.text, owner.get(&owner.at("/sources")).await.text];
    assert!(everything.iter().all(|text| !text.contains(PASSWORD)), "{everything:?}");
    owner.delete(&path).await.expect(StatusCode::NO_CONTENT);
    owner.get(&path).await.refused(404, "not-found");
}

#[tokio::test]
async fn a_kept_password_goes_only_where_it_was_meant_for() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = owner.post(&owner.at("/sources"), source("shop")).await.expect(StatusCode::CREATED);
    let path = made.header("location").to_owned();
    for (field, value) in [("host", json!("elsewhere.example.com")), ("port", json!(6432)), ("tls", json!("disable"))] {
        let mut moved = source("shop");
        moved["postgres"][field] = value;
        owner.put(&path, "*", moved.clone()).await.expect(StatusCode::OK);
        moved["postgres"]["password"].take();
        owner.put(&path, "*", moved.clone()).await.expect(StatusCode::OK);
        owner.put(&path, "*", source("shop")).await.expect(StatusCode::OK);
        let refused = owner.put(&path, "*", moved).await;
        assert_eq!(refused.body["errors"][0]["pointer"], "/postgres/password", "{field}");
        refused.refused(422, "invalid");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_source_is_named() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    for (field, value) in [
        ("host", json!("a b")),
        ("host", json!("127.1")),
        ("host", json!("/run/postgresql")),
        ("host", json!("")),
        ("port", json!(0)),
        ("port", json!(70_000)),
        ("database", json!("")),
        ("user", json!("x".repeat(64))),
        ("tls", json!("perhaps")),
        ("ca", json!("garbage")),
        ("password", json!("")),
    ] {
        let mut body = source("shop");
        body["postgres"][field] = value.clone();
        let refused = owner.post(&owner.at("/sources"), body).await.refused(422, "invalid");
        assert_eq!(refused.body["errors"][0]["pointer"], format!("/postgres/{field}"), "{value}: {}", refused.text);
    }
    for field in ["url", "ca_file", "sslrootcert", "options"] {
        let mut body = source("shop");
        body["postgres"][field] = json!("/etc/passwd");
        owner.post(&owner.at("/sources"), body).await.refused(422, "invalid");
    }
}

#[tokio::test]
async fn what_stands_in_the_place_of_a_secret_is_not_repeated() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    for odd in [json!(987_654_321), json!({"env": "canary-987654321"}), json!(["canary-987654321"]), json!(98765.4321)]
    {
        let mut body = source("shop");
        body["postgres"]["password"] = odd;
        let refused = owner.post(&owner.at("/sources"), body).await.refused(422, "invalid");
        assert!(!refused.text.contains("98765"), "{}", refused.text);
        assert_eq!(refused.body["errors"][0]["pointer"], "/postgres/password");
    }
}

#[tokio::test]
async fn a_source_that_a_model_reads_stays() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let made = Configured::new(&owner).await;
    let refused = owner.delete(&owner.at(&format!("/sources/{}", made.source))).await.refused(409, "in-use");
    assert!(refused.body["detail"].as_str().unwrap().contains("customers"), "{}", refused.text);
}

#[tokio::test]
async fn a_job_is_answered_when_its_worker_is_done_or_looked_up_later() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let id = make(&owner, "/sources", source("shop")).await;
    let worker = Worker::new(&api).await;
    let path = owner.at(&format!("/sources/{id}/test"));
    let (answer, work) = tokio::join!(owner.post(&path, Value::Null), worker.answer(Ok(json!({"version": "18.1"}))));
    let answer = answer.expect(StatusCode::OK);
    assert_eq!((&answer.body["state"], &answer.body["result"]["version"]), (&json!("succeeded"), &json!("18.1")));
    assert!(matches!(work, Work::TestSource { source } if source.to_string() == id));
    let later = owner.post(&owner.at(&format!("/sources/{id}/query?wait=0")), json!({"query": "select 1"})).await;
    let later = later.expect(StatusCode::ACCEPTED);
    let place = later.header("location").to_owned();
    assert_eq!(owner.get(&place).await.expect(StatusCode::OK).body["state"], "queued");
    let problem = JobProblem { code: "took-too-long".to_owned(), detail: "there was no answer".to_owned() };
    worker.answer(Err(problem)).await;
    let job = owner.get(&place).await.expect(StatusCode::OK);
    assert_eq!((&job.body["state"], &job.body["problem"]["code"]), (&json!("failed"), &json!("took-too-long")));
    owner.post(&owner.at(&format!("/sources/{id}/tables?wait=21")), Value::Null).await.refused(422, "invalid");
}

#[tokio::test]
async fn a_workspace_has_so_many_open_jobs_and_no_more() {
    let api = Fixture::with(api::Settings { open_jobs: 2, ..settings() }).await;
    let owner = api.sign_up("owner@example.com").await;
    let id = make(&owner, "/sources", source("shop")).await;
    let path = owner.at(&format!("/sources/{id}/test?wait=0"));
    for _ in 0..2 {
        owner.post(&path, Value::Null).await.expect(StatusCode::ACCEPTED);
    }
    owner.post(&path, Value::Null).await.refused(409, "quota-exceeded");
}

#[tokio::test]
async fn what_belongs_to_another_workspace_is_not_there() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let stranger = api.sign_up("stranger@example.com").await;
    let foreign = make(&stranger, "/sources", source("shop")).await;
    let missing = "src_00000000000000000000000000000001";
    let mut answers = Vec::new();
    for id in [foreign.as_str(), missing, "nonsense"] {
        owner.get(&owner.at(&format!("/sources/{id}"))).await.refused(404, "not-found");
        owner.post(&owner.at(&format!("/sources/{id}/test")), Value::Null).await.refused(404, "not-found");
        let refused = owner.post(&owner.at("/models"), model("m", id)).await.refused(422, "unknown-reference");
        assert_eq!(refused.body["errors"][0]["pointer"], "/source");
        answers.push(refused.without_request_id());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}
