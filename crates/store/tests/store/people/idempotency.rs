use serde_json::json;
use store::{Answer, Idempotent, Scope};
use uuid::Uuid;

use super::People;

const ACTOR: Uuid = Uuid::from_u128(7);

async fn begin(scope: &Scope) -> Idempotent {
    scope.begin_idempotent(ACTOR, "k", &[1]).await.unwrap()
}

fn answer(body: &str) -> Answer {
    Answer { status: 201, headers: json!({"location": "/v1/sources"}), body: body.as_bytes().to_vec() }
}

macro_rules! first {
    ($begun:expr) => {
        match $begun {
            Idempotent::First(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    };
}

#[tokio::test]
async fn of_two_requests_with_one_key_one_is_served_and_its_answer_repeated() {
    let people = People::new().await;
    let (_, scope) = people.owner("ada@example.com").await;
    let request = || scope.begin_idempotent(ACTOR, "k", &[1]);
    let (one, other) = people.race("idempotency", request(), request()).await;
    let (first, second) = match (one.unwrap(), other.unwrap()) {
        (Idempotent::First(ticket), other) | (other, Idempotent::First(ticket)) => (ticket, other),
        both => panic!("{both:?}"),
    };
    assert_eq!(second, Idempotent::InProgress);
    scope.finish_idempotent(&first, &answer("made")).await.unwrap();
    assert_eq!(begin(&scope).await, Idempotent::Replay(answer("made")));
    scope.finish_idempotent(&first, &answer("again")).await.unwrap();
    scope.abandon_idempotent(&first).await.unwrap();
    assert_eq!(begin(&scope).await, Idempotent::Replay(answer("made")), "an answer stands");
    assert_eq!(scope.begin_idempotent(ACTOR, "k", &[2]).await.unwrap(), Idempotent::OtherRequest);
    first!(scope.begin_idempotent(ACTOR, "other", &[1]).await.unwrap());
    first!(scope.begin_idempotent(Uuid::from_u128(8), "k", &[1]).await.unwrap());
}

#[tokio::test]
async fn an_abandoned_request_may_be_tried_again() {
    let people = People::new().await;
    let (_, scope) = people.owner("ada@example.com").await;
    let ticket = first!(begin(&scope).await);
    scope.abandon_idempotent(&ticket).await.unwrap();
    first!(scope.begin_idempotent(ACTOR, "k", &[2]).await.unwrap());
}

#[tokio::test]
async fn old_answers_and_requests_whose_server_died_do_not_count() {
    let people = People::new().await;
    let (_, scope) = people.owner("ada@example.com").await;
    let age =
        async |age: &str| people.sql(&format!("update idempotency set created_at = now() - interval '{age}'")).await;
    let dead = first!(begin(&scope).await);
    age("119 seconds").await;
    assert_eq!(begin(&scope).await, Idempotent::InProgress);
    age("121 seconds").await;
    let next = first!(begin(&scope).await);
    scope.abandon_idempotent(&dead).await.unwrap();
    scope.finish_idempotent(&dead, &answer("late")).await.unwrap();
    assert_eq!(begin(&scope).await, Idempotent::InProgress, "who comes late changes nothing");
    scope.finish_idempotent(&next, &answer("made")).await.unwrap();
    age("23 hours 59 minutes").await;
    assert_eq!(begin(&scope).await, Idempotent::Replay(answer("made")));
    age("24 hours 1 minute").await;
    first!(scope.begin_idempotent(ACTOR, "k", &[2]).await.unwrap());
    assert_eq!(begin(&scope).await, Idempotent::OtherRequest, "nothing of the old answer is left");
}
