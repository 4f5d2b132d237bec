use domain::Role;
use store::{Actor, Audit, AuditFilter, Error, Joins, Page};

use super::{People, by, invitation, names, password, person, token, winners, workspace};

fn joins(only_first: bool) -> Joins {
    Joins::New { workspace: workspace("shop"), only_first }
}

#[tokio::test]
async fn who_signs_up_owns_a_workspace_whose_audit_log_begins_with_it() {
    let people = People::new().await;
    let new = person("Ada@example.com");
    let actor = Actor::Person { person: new.id, email: new.email.clone() };
    let audit = Audit { request_id: Some("r1".to_owned()), ..Audit::new(actor, "sign_up") };
    let signed_up = people.store.sign_up(&audit, &new, &joins(true)).await.unwrap();
    assert_eq!(signed_up.person, new.id);
    assert_eq!(names(&people.store, new.id).await, [(signed_up.workspace, Role::Owner)]);
    let scope = people.store.scope(signed_up.workspace);
    assert_eq!(scope.membership(new.id).await.unwrap(), Some(Role::Owner));
    let info = scope.workspace_info().await.unwrap();
    assert_eq!((info.name.as_str(), info.paused, info.revision), ("shop", false, 1));
    assert!(info.external_id.starts_with("rowcast-"));
    let entries = scope.audit_entries(Page::first(9), &AuditFilter::default()).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].action.as_str(), entries[0].request_id.as_deref()), ("sign_up", Some("r1")));
    assert_eq!(entries[0].actor["person"], new.id.to_string());
    assert_eq!(people.count("dispatch").await, 1, "its runs have a place in the order");

    let found = people.store.person_by_email("aDA@EXAMPLE.com").await.unwrap().unwrap();
    assert_eq!((found.id, found.email.as_str()), (new.id, "Ada@example.com"));
    assert_eq!(found.password_hash, password("Ada@example.com"));
    assert!(!format!("{found:?} {new:?} {:?}", joins(true)).contains("phc of"));
    assert!(people.store.person_by_email("nobody@example.com").await.unwrap().is_none());
}

#[tokio::test]
async fn an_e_mail_address_signs_up_once_and_a_refused_sign_up_leaves_nothing() {
    let people = People::new().await;
    let (one, other) = (person("ada@example.com"), person("ADA@example.com"));
    let (sign_up, open) = (by("sign_up"), joins(false));
    let store = &people.store;
    let (first, second) =
        people.race("person", store.sign_up(&sign_up, &one, &open), store.sign_up(&sign_up, &other, &open)).await;
    assert_eq!(winners([&first, &second]), 1);
    let refused = first.and(second).unwrap_err();
    assert!(matches!(refused, Error::Taken { .. }), "{refused}");
    assert_eq!(people.count("workspace").await, 1);
    assert_eq!(people.count("audit_entry").await, 1);
    assert_eq!(people.store.people_count().await.unwrap(), 1);
    let taken = people.store.create_person("Ada@Example.com", &password("x")).await;
    assert!(matches!(taken, Err(Error::Taken { .. })));
}

#[tokio::test]
async fn only_one_can_be_the_first() {
    let people = People::new().await;
    let (one, other) = (person("one@example.com"), person("other@example.com"));
    let (sign_up, first_only) = (by("sign_up"), joins(true));
    let store = &people.store;
    let (first, second) = people
        .race("person", store.sign_up(&sign_up, &one, &first_only), store.sign_up(&sign_up, &other, &first_only))
        .await;
    assert_eq!(winners([&first, &second]), 1);
    assert!(matches!(first.and(second), Err(Error::NotFirst)));
    assert_eq!(people.store.people_count().await.unwrap(), 1);
}

#[tokio::test]
async fn whom_the_operator_makes_at_this_moment_comes_before_the_first_or_after() {
    let people = People::new().await;
    let new = person("one@example.com");
    let (sign_up, first_only, phc) = (by("sign_up"), joins(true), password("x"));
    let store = &people.store;
    // The operator's person is written but not committed when the other counts.
    let (made, first) = people
        .race("person", store.create_person("other@example.com", &phc), store.sign_up(&sign_up, &new, &first_only))
        .await;
    made.unwrap();
    let expected = if first.is_ok() { 2 } else { 1 };
    assert_eq!(people.store.people_count().await.unwrap(), expected);
    let again = people.store.sign_up(&sign_up, &person("third@example.com"), &first_only).await;
    assert!(matches!(again, Err(Error::NotFirst)));
}

#[tokio::test]
async fn an_invitation_lets_a_new_person_in_without_a_workspace_of_their_own() {
    let people = People::new().await;
    let (_, scope) = people.owner("owner@example.com").await;
    let meant = invitation(token(1), Some("New@example.com"), Role::Editor);
    scope.create_invitation(&by("create_invitation"), &meant).await.unwrap();
    let joins = Joins::Invitation(token(1));
    let wrong = people.store.sign_up(&by("sign_up"), &person("other@example.com"), &joins).await;
    assert!(matches!(wrong, Err(Error::OtherEmail)));
    assert!(people.store.person_by_email("other@example.com").await.unwrap().is_none());
    let new = person("new@example.com");
    let signed_up = people.store.sign_up(&by("sign_up"), &new, &joins).await.unwrap();
    assert_eq!(names(&people.store, new.id).await, [(scope.workspace(), Role::Editor)]);
    assert_eq!(signed_up.workspace, scope.workspace());
    let again = people.store.sign_up(&by("sign_up"), &person("late@example.com"), &joins).await;
    assert!(matches!(again, Err(Error::LinkEnded { .. })));
}
