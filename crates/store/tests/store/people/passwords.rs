use domain::Role;
use store::{AuditFilter, Error, Page};

use super::{HOUR, People, by, invitation, password, token, winners};

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_every_open_link() {
    let people = People::new().await;
    let (ada, _) = people.owner("ada@example.com").await;
    let (bob, _) = people.owner("bob@example.com").await;
    for number in 1..4 {
        people.sign_in(&ada, number).await;
    }
    people.sign_in(&bob, 4).await;
    people.store.create_reset(ada.id, &token(9), HOUR).await.unwrap();
    people.store.set_password(ada.id, &password("new"), Some(&token(2))).await.unwrap();
    let kept = people.store.sessions(ada.id).await.unwrap();
    assert_eq!(kept.iter().map(|session| session.token_hash).collect::<Vec<_>>(), [token(2)]);
    assert!(people.store.session(&token(4)).await.unwrap().is_some());
    assert_eq!(people.person(ada.id).await.password_hash, password("new"));
    assert_eq!(people.person(bob.id).await.password_hash, bob.password_hash);
    let used = people.store.use_reset(&token(9), &password("other")).await;
    assert!(matches!(used, Err(Error::LinkEnded { .. })));
    let nobody = domain::UserId::from_uuid(uuid::Uuid::nil());
    assert!(matches!(people.store.set_password(nobody, &password("x"), None).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_signs_out_everywhere() {
    let people = People::new().await;
    let (ada, _) = people.owner("ada@example.com").await;
    people.sign_in(&ada, 1).await;
    people.store.create_reset(ada.id, &token(8), HOUR).await.unwrap();
    people.store.create_reset(ada.id, &token(9), HOUR).await.unwrap();
    let (one, other) = (password("one"), password("other"));
    let (first, second) = people
        .race("password_reset", people.store.use_reset(&token(9), &one), people.store.use_reset(&token(9), &other))
        .await;
    assert_eq!(winners([&first, &second]), 1);
    let won = if first.is_ok() { one } else { other };
    assert!(matches!(first.and(second), Err(Error::LinkEnded { .. })));
    assert_eq!(people.person(ada.id).await.password_hash, won);
    assert!(people.store.sessions(ada.id).await.unwrap().is_empty());
    for ended in [token(8), token(9), token(7)] {
        let used = people.store.use_reset(&ended, &password("late")).await;
        assert!(matches!(used, Err(Error::LinkEnded { .. })));
    }
    people.store.create_reset(ada.id, &token(6), -1).await.unwrap();
    assert!(matches!(people.store.use_reset(&token(6), &password("late")).await, Err(Error::LinkEnded { .. })));
}

#[tokio::test]
async fn an_owner_makes_links_only_for_members_of_no_other_workspace() {
    let people = People::new().await;
    let (_, here) = people.owner("owner@example.com").await;
    let (ada, theirs) = people.owner("ada@example.com").await;
    let make = async |number| here.create_reset(&by("create_reset"), ada.id, &token(number), HOUR).await;
    assert!(matches!(make(1).await, Err(Error::NotFound { .. })), "not a member at all");
    people.join(&here, ada.id, Role::Viewer).await;
    assert!(matches!(make(1).await, Err(Error::MemberElsewhere(id)) if id == ada.id));
    assert_eq!(people.count("password_reset").await, 0);
    people.store.create_reset(ada.id, &token(2), HOUR).await.unwrap();

    theirs.delete_workspace().await.unwrap();
    make(1).await.unwrap();
    let filter = AuditFilter { action: Some("create_reset".to_owned()), ..AuditFilter::default() };
    let entries = here.audit_entries(Page::first(9), &filter).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.target.clone()).collect::<Vec<_>>(), [Some(ada.id.to_string())]);
    assert_eq!(people.store.use_reset(&token(1), &password("new")).await.unwrap(), ada.id);
}

#[tokio::test]
async fn a_link_made_before_somebody_joins_another_workspace_does_not_open_it() {
    let people = People::new().await;
    let (ada, here) = people.owner("ada@example.com").await;
    let (_, other) = people.owner("other@example.com").await;
    here.create_reset(&by("create_reset"), ada.id, &token(1), HOUR).await.unwrap();
    people.join(&other, ada.id, Role::Owner).await;
    assert!(matches!(people.store.use_reset(&token(1), &password("theirs")).await, Err(Error::LinkEnded { .. })));
    assert_eq!(people.person(ada.id).await.password_hash, ada.password_hash);
}

#[tokio::test]
async fn no_link_is_made_at_the_moment_in_which_somebody_joins_another_workspace() {
    let people = People::new().await;
    let (_, other) = people.owner("other@example.com").await;
    let (make, accept) = (by("create_reset"), by("accept_invitation"));
    for round in 0..5 {
        let (ada, here) = people.owner(&format!("ada{round}@example.com")).await;
        other.create_invitation(&by("invite"), &invitation(token(10 + round), None, Role::Owner)).await.unwrap();
        let (_, joined) = people
            .race(
                "password_reset",
                here.create_reset(&make, ada.id, &token(20 + round), HOUR),
                people.store.accept_invitation(&accept, &token(10 + round), ada.id),
            )
            .await;
        joined.unwrap();
        assert_eq!(people.count("password_reset where used_at is null").await, 0);
    }
}
