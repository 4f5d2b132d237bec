use store::Error;

use super::{HOUR, People, password, session, token};

#[tokio::test]
async fn a_session_is_found_by_its_token_until_it_expires() {
    let people = People::new().await;
    let (ada, _) = people.owner("ada@example.com").await;
    let expires_at = people.store.create_session(&ada, &session(1, HOUR), None).await.unwrap();
    let found = people.store.session(&token(1)).await.unwrap().unwrap();
    assert_eq!((found.person, found.email.as_str(), found.expires_at), (ada.id, "ada@example.com", expires_at));
    assert_eq!(found.expires_at - found.created_at, HOUR);
    assert_eq!(found.user_agent.as_deref(), Some("a browser"));
    assert!(people.store.session(&token(2)).await.unwrap().is_none());
    people.store.create_session(&ada, &session(2, -1), None).await.unwrap();
    assert!(people.store.session(&token(2)).await.unwrap().is_none(), "it expired");
    assert_eq!(people.store.sessions(ada.id).await.unwrap(), [found]);
}

#[tokio::test]
async fn seeing_a_session_is_noted_at_most_once_a_minute() {
    let people = People::new().await;
    let (ada, _) = people.owner("ada@example.com").await;
    people.sign_in(&ada, 1).await;
    let seen = async |ago: &str| {
        people.sql(&format!("update session set last_seen_at = now() - interval '{ago}'")).await;
        let before = people.store.sessions(ada.id).await.unwrap()[0].last_seen_at;
        people.store.session(&token(1)).await.unwrap().unwrap();
        people.store.sessions(ada.id).await.unwrap()[0].last_seen_at > before
    };
    assert!(!seen("50 seconds").await);
    assert!(seen("61 seconds").await);
}

#[tokio::test]
async fn a_sign_in_ends_the_session_that_it_replaces_and_signing_out_ends_one_or_all() {
    let people = People::new().await;
    let (ada, _) = people.owner("ada@example.com").await;
    let (bob, _) = people.owner("bob@example.com").await;
    people.sign_in(&ada, 1).await;
    people.store.create_session(&ada, &session(2, HOUR), Some(&token(1))).await.unwrap();
    assert!(people.store.session(&token(1)).await.unwrap().is_none());
    people.sign_in(&ada, 3).await;
    people.sign_in(&ada, 4).await;
    people.sign_in(&bob, 5).await;
    assert!(people.store.delete_session(&token(3)).await.unwrap());
    assert!(!people.store.delete_session(&token(3)).await.unwrap());
    assert_eq!(people.store.delete_sessions(ada.id).await.unwrap(), 2);
    assert!(people.store.sessions(ada.id).await.unwrap().is_empty());
    assert!(people.store.session(&token(5)).await.unwrap().is_some());
}

#[tokio::test]
async fn nobody_signs_in_with_a_password_that_was_changed_after_it_was_checked() {
    let people = People::new().await;
    let (ada, _) = people.owner("ada@example.com").await;
    people.sign_in(&ada, 1).await;
    let (new, sign_in) = (password("new"), session(2, HOUR));
    let (changed, _) = people
        .race(
            "session",
            people.store.set_password(ada.id, &new, None),
            people.store.create_session(&ada, &sign_in, None),
        )
        .await;
    changed.unwrap();
    assert!(people.store.sessions(ada.id).await.unwrap().is_empty(), "whichever came first");
    let late = people.store.create_session(&ada, &session(3, HOUR), Some(&token(1))).await;
    assert!(matches!(late, Err(Error::Stale { .. })));
    people.sign_in(&people.person(ada.id).await, 4).await;
}
