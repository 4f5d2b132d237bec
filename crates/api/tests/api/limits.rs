use api::{Rate, Rates, Settings};
use axum::http::StatusCode;
use serde_json::json;

use crate::fixture::{Fixture, settings};

fn with(change: impl FnOnce(&mut Rates)) -> Settings {
    let mut settings = settings();
    change(&mut settings.rates);
    settings
}

const FEW: Rate = Rate { requests: 3, seconds: 3600 };

#[tokio::test]
async fn every_answer_tells_the_limits_and_one_too_many_is_told_when_to_come_back() {
    let api = Fixture::with(with(|rates| rates.credential = FEW)).await;
    let owner = api.sign_up("owner@example.com").await;
    for left in [2, 1, 0] {
        let answer = owner.get("/v1/me").await.expect(StatusCode::OK);
        let all = |name: &str| {
            answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(", ")
        };
        assert!(all("ratelimit-policy").contains("\"credential\";q=3;w=3600"), "{}", all("ratelimit-policy"));
        assert!(all("ratelimit").contains(&format!("\"credential\";r={left};")), "{}", all("ratelimit"));
        assert!(all("ratelimit-policy").contains("\"address\""));
    }
    let refused = owner.get("/v1/me").await.refused(429, "rate-limited");
    assert!((1..=1200).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    api.anyone().get("/problems").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn attempts_of_one_address_are_limited_more_strictly() {
    let api = Fixture::with(with(|rates| rates.attempts = FEW)).await;
    let credentials = json!({"email": "someone@example.com", "password": "some pass phrase"});
    for _ in 0..3 {
        api.anyone().post("/v1/sign-in", credentials.clone()).await.refused(401, "sign-in-failed");
    }
    api.anyone().post("/v1/sign-in", credentials).await.refused(429, "rate-limited");
    api.anyone().get("/problems").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn attempts_on_one_account_are_limited_from_wherever_they_come() {
    let api = Fixture::with(Settings { trusted_proxy: true, ..with(|rates| rates.account = FEW) }).await;
    let attempt = async |email: &str, number: u8| {
        let credentials = json!({"email": email, "password": "some pass phrase"});
        let from = format!("192.0.2.{number}");
        api.anyone().send("POST", "/v1/sign-in", Some(credentials), &[("x-forwarded-for", &from)]).await
    };
    for number in 0..3 {
        attempt("someone@example.com", number).await.refused(401, "sign-in-failed");
    }
    attempt("Someone@Example.com", 3).await.refused(429, "rate-limited");
    attempt("other@example.com", 4).await.refused(401, "sign-in-failed");
}

#[tokio::test]
async fn the_limit_of_a_workspace_holds_for_all_its_callers_and_no_stranger_can_use_it_up() {
    let api = Fixture::with(with(|rates| rates.workspace = FEW)).await;
    let owner = api.sign_up("owner@example.com").await;
    let stranger = api.sign_up("stranger@example.com").await;
    for _ in 0..5 {
        stranger.get(&owner.at("")).await.refused(404, "not-found");
    }
    let key = owner.key("viewer").await;
    owner.get(&owner.at("")).await.expect(StatusCode::OK);
    key.get(&owner.at("")).await.expect(StatusCode::OK);
    key.get(&owner.at("")).await.refused(429, "rate-limited");
    owner.get(&owner.at("")).await.refused(429, "rate-limited");
}
