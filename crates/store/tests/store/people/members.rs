use domain::Role;
use store::{Error, Page, WorkspaceChange};

use super::{People, by, names, winners, workspace};

#[tokio::test]
async fn the_last_owner_can_neither_leave_nor_step_down() {
    let people = People::new().await;
    let (ada, scope) = people.owner("ada@example.com").await;
    let (bob, _) = people.owner("bob@example.com").await;
    let change = by("change_member");
    for refused in [
        scope.remove_member(&change, Role::Owner, ada.id).await,
        scope.set_role(&change, Role::Owner, ada.id, Role::Admin).await,
    ] {
        assert!(matches!(refused, Err(Error::LastOwner(id)) if id == ada.id));
    }
    scope.set_role(&change, Role::Owner, ada.id, Role::Owner).await.unwrap();
    people.join(&scope, bob.id, Role::Editor).await;
    scope.set_role(&change, Role::Owner, bob.id, Role::Owner).await.unwrap();
    scope.set_role(&change, Role::Owner, ada.id, Role::Viewer).await.unwrap();
    assert_eq!(scope.membership(ada.id).await.unwrap(), Some(Role::Viewer));
    assert!(matches!(scope.remove_member(&change, Role::Owner, bob.id).await, Err(Error::LastOwner(_))));
}

#[tokio::test]
async fn two_owners_who_leave_at_once_leave_one_behind() {
    let people = People::new().await;
    let (ada, scope) = people.owner("ada@example.com").await;
    let (bob, _) = people.owner("bob@example.com").await;
    people.join(&scope, bob.id, Role::Owner).await;
    let change = by("change_member");
    let (first, second) = people
        .race(
            "member",
            scope.remove_member(&change, Role::Owner, ada.id),
            scope.set_role(&change, Role::Owner, bob.id, Role::Viewer),
        )
        .await;
    assert_eq!(winners([&first, &second]), 1);
    assert!(matches!(first.and(second), Err(Error::LastOwner(_))));
    let owners = format!("member where role = 'owner' and workspace_id = '{}'", scope.workspace().uuid());
    assert_eq!(people.count(&owners).await, 1);
}

#[tokio::test]
async fn nobody_touches_or_makes_a_member_above_themselves() {
    let people = People::new().await;
    let (ada, scope) = people.owner("ada@example.com").await;
    let (bob, _) = people.owner("bob@example.com").await;
    people.join(&scope, bob.id, Role::Viewer).await;
    people.join(&scope, people.owner("eve@example.com").await.0.id, Role::Owner).await;
    let change = by("change_member");
    for refused in [
        scope.remove_member(&change, Role::Admin, ada.id).await,
        scope.set_role(&change, Role::Admin, ada.id, Role::Viewer).await,
        scope.set_role(&change, Role::Admin, bob.id, Role::Owner).await,
    ] {
        assert!(matches!(refused, Err(Error::NeedsRole(Role::Owner))), "{refused:?}");
    }
    scope.set_role(&change, Role::Admin, bob.id, Role::Admin).await.unwrap();
}

#[tokio::test]
async fn who_is_removed_keeps_their_sessions_and_other_workspaces() {
    let people = People::new().await;
    let (ada, scope) = people.owner("ada@example.com").await;
    let (bob, theirs) = people.owner("bob@example.com").await;
    people.join(&scope, bob.id, Role::Admin).await;
    people.sign_in(&bob, 1).await;
    let second = people.store.create_workspace(&by("create_workspace"), bob.id, &workspace("second")).await.unwrap();
    let mut own = vec![(theirs.workspace(), Role::Owner), (scope.workspace(), Role::Admin), (second, Role::Owner)];
    own.sort_by_key(|(workspace, _)| *workspace);
    assert_eq!(names(&people.store, bob.id).await, own);

    let members = scope.members(Page::first(9)).await.unwrap();
    assert_eq!(members.iter().map(|member| member.person).collect::<Vec<_>>(), [bob.id, ada.id]);
    let page = scope.members(Page { after: Some(bob.id.uuid()), limit: 9 }).await.unwrap();
    assert_eq!(page[..], members[1..]);

    scope.remove_member(&by("remove_member"), Role::Admin, bob.id).await.unwrap();
    let again = scope.remove_member(&by("remove_member"), Role::Admin, bob.id).await;
    assert!(matches!(again, Err(Error::NotFound { .. })));
    own.retain(|(workspace, _)| *workspace != scope.workspace());
    assert_eq!(names(&people.store, bob.id).await, own);
    assert_eq!(people.store.sessions(bob.id).await.unwrap().len(), 1);
    assert_eq!(people.person(bob.id).await, bob);
}

#[tokio::test]
async fn of_two_changes_from_the_same_revision_one_is_stale() {
    let people = People::new().await;
    let (_, scope) = people.owner("ada@example.com").await;
    let change = by("update_workspace");
    let (rename, pause) = (
        WorkspaceChange { name: Some("renamed".to_owned()), ..WorkspaceChange::default() },
        WorkspaceChange { paused: Some(true), ..WorkspaceChange::default() },
    );
    let (first, second) = people
        .race(
            "workspace",
            scope.update_workspace(&change, &rename, Some(1)),
            scope.update_workspace(&change, &pause, Some(1)),
        )
        .await;
    assert_eq!(winners([&first, &second]), 1);
    assert!(matches!(first.and(second), Err(Error::Stale { .. })));
    let info = scope.workspace_info().await.unwrap();
    assert_eq!((info.revision, info.paused), (2, info.name != "renamed"));
    scope.update_workspace(&change, &rename, None).await.unwrap();
    let info = scope.update_workspace(&change, &pause, Some(3)).await.unwrap();
    assert_eq!((info.revision, info.paused, info.name.as_str()), (4, true, "renamed"));
    let none = people.store.scope(domain::WorkspaceId::from_uuid(uuid::Uuid::nil()));
    assert!(matches!(none.update_workspace(&change, &pause, None).await, Err(Error::NotFound { .. })));
    assert!(matches!(none.workspace_info().await, Err(Error::NotFound { .. })));
    assert!(matches!(none.delete_workspace().await, Err(Error::NotFound { .. })));
}
