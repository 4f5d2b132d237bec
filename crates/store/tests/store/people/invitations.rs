use domain::Role;
use store::{Error, Page};

use super::{HOUR, People, by, invitation, names, token, winners};

#[tokio::test]
async fn an_invitation_makes_one_person_a_member() {
    let people = People::new().await;
    let (_, scope) = people.owner("owner@example.com").await;
    let (ada, _) = people.owner("ada@example.com").await;
    let (bob, _) = people.owner("bob@example.com").await;
    let made = scope.create_invitation(&by("invite"), &invitation(token(1), None, Role::Admin)).await.unwrap();
    let invited = people.store.inspect_invitation(&token(1)).await.unwrap();
    assert_eq!((invited.workspace, invited.workspace_name.as_str()), (scope.workspace(), "owner@example.com"));
    assert_eq!(invited.invitation, made);
    assert_eq!((made.role, made.expires_at - made.created_at), (Role::Admin, HOUR));
    let accept = by("accept_invitation");
    let (first, second) = people
        .race(
            "invitation",
            people.store.accept_invitation(&accept, &token(1), ada.id),
            people.store.accept_invitation(&accept, &token(1), bob.id),
        )
        .await;
    assert_eq!(winners([&first, &second]), 1);
    let (in_it, not_in_it) = if first.is_ok() { (ada, bob) } else { (bob, ada) };
    assert!(matches!(first.and(second), Err(Error::LinkEnded { .. })));
    assert_eq!(scope.membership(in_it.id).await.unwrap(), Some(Role::Admin));
    assert_eq!(names(&people.store, not_in_it.id).await.len(), 1);
    assert!(matches!(people.store.inspect_invitation(&token(1)).await, Err(Error::LinkEnded { .. })));
    assert!(scope.invitations(Page::first(9)).await.unwrap().is_empty());
    assert!(matches!(scope.revoke_invitation(&accept, made.id).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn one_that_expired_was_revoked_or_is_for_somebody_else_is_refused() {
    let people = People::new().await;
    let (_, scope) = people.owner("owner@example.com").await;
    let (ada, _) = people.owner("ada@example.com").await;
    let invite = by("invite");
    let accept = async |number| people.store.accept_invitation(&invite, &token(number), ada.id).await;

    let expired = store::NewInvitation { ttl_ms: -1, ..invitation(token(1), None, Role::Viewer) };
    scope.create_invitation(&invite, &expired).await.unwrap();
    assert!(matches!(accept(1).await, Err(Error::LinkEnded { .. })));
    assert!(matches!(people.store.inspect_invitation(&token(1)).await, Err(Error::LinkEnded { .. })));

    let revoked = scope.create_invitation(&invite, &invitation(token(2), None, Role::Viewer)).await.unwrap();
    scope.revoke_invitation(&invite, revoked.id).await.unwrap();
    assert!(matches!(accept(2).await, Err(Error::LinkEnded { .. })));
    assert!(matches!(accept(3).await, Err(Error::LinkEnded { .. })), "there never was one");

    let bound = invitation(token(4), Some("bob@example.com"), Role::Viewer);
    scope.create_invitation(&invite, &bound).await.unwrap();
    assert!(matches!(accept(4).await, Err(Error::OtherEmail)));
    let open = scope.invitations(Page::first(9)).await.unwrap();
    assert_eq!(open.len(), 1, "a refusal uses nothing up");
    assert_eq!(open[0].email.as_deref(), Some("bob@example.com"));
    assert_eq!(scope.membership(ada.id).await.unwrap(), None);

    scope.create_invitation(&invite, &invitation(token(5), Some("ADA@example.com"), Role::Viewer)).await.unwrap();
    accept(5).await.unwrap();
    scope.create_invitation(&invite, &invitation(token(6), None, Role::Owner)).await.unwrap();
    assert!(matches!(accept(6).await, Err(Error::Taken { .. })), "a member already");
    assert_eq!(scope.membership(ada.id).await.unwrap(), Some(Role::Viewer));
    people.store.inspect_invitation(&token(6)).await.unwrap();
}
