use domain::{KeyId, Role};
use serde_json::json;
use store::{Actor, Audit, AuditFilter, Error, KeyState, NewApiKey, Page};
use uuid::Uuid;

use super::{People, by, token};

fn key(name: &str) -> NewApiKey {
    NewApiKey {
        id: KeyId::from_uuid(Uuid::now_v7()),
        name: name.to_owned(),
        secret_hash: token(7),
        hint: "…4f2a".to_owned(),
        role: Role::Editor,
        created_by: None,
        expires_at: None,
    }
}

#[tokio::test]
async fn a_key_is_found_by_its_id_whatever_its_state_and_tells_it() {
    let people = People::new().await;
    let (ada, scope) = people.owner("ada@example.com").await;
    let create = by("create_api_key");
    let new = NewApiKey { created_by: Some(ada.id), expires_at: Some(4_000_000_000_123), ..key("ci") };
    scope.create_api_key(&create, &new).await.unwrap();
    let found = people.store.api_key(new.id).await.unwrap().unwrap();
    assert_eq!((found.workspace, found.id, found.state), (scope.workspace(), new.id, KeyState::Active));
    assert_eq!((found.name.as_str(), found.hint.as_str(), found.role), ("ci", "…4f2a", Role::Editor));
    assert_eq!((found.secret_hash, found.created_by, found.expires_at), (token(7), Some(ada.id), new.expires_at));

    let expired = NewApiKey { expires_at: Some(1), ..key("old") };
    scope.create_api_key(&create, &expired).await.unwrap();
    assert_eq!(people.store.api_key(expired.id).await.unwrap().unwrap().state, KeyState::Expired);

    scope.revoke_api_key(&by("revoke_api_key"), Role::Owner, new.id).await.unwrap();
    let revoked = people.store.api_key(new.id).await.unwrap().unwrap();
    assert_eq!(revoked.state, KeyState::Revoked);
    scope.revoke_api_key(&by("revoke_api_key"), Role::Owner, new.id).await.unwrap();
    assert_eq!(people.store.api_key(new.id).await.unwrap().unwrap().revoked_at, revoked.revoked_at);
    let listed = scope.api_keys(Page::first(9)).await.unwrap();
    assert_eq!(listed.iter().map(|key| key.id).collect::<Vec<_>>(), [expired.id, new.id]);
    let page = scope.api_keys(Page { after: Some(expired.id.uuid()), limit: 9 }).await.unwrap();
    assert_eq!(page[..], listed[1..]);
    let none = KeyId::from_uuid(Uuid::now_v7());
    assert!(people.store.api_key(none).await.unwrap().is_none());
    assert!(matches!(scope.revoke_api_key(&create, Role::Owner, none).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_at_most_once_a_minute() {
    let people = People::new().await;
    let (_, scope) = people.owner("ada@example.com").await;
    let new = key("ci");
    scope.create_api_key(&by("create_api_key"), &new).await.unwrap();
    let last_used = async || people.store.api_key(new.id).await.unwrap().unwrap().last_used_at;
    let use_it = async || {
        people.store.api_key_used(&people.store.api_key(new.id).await.unwrap().unwrap()).await.unwrap();
        last_used().await
    };
    assert_eq!(last_used().await, None, "looking for it is no use of it");
    let first = use_it().await;
    assert!(first.is_some());
    assert_eq!(use_it().await, first);
    people.sql("update api_key set last_used_at = last_used_at - interval '61 seconds'").await;
    assert!(use_it().await >= first);
}

#[tokio::test]
async fn audit_entries_are_listed_newest_first_and_by_what_they_tell() {
    let people = People::new().await;
    let (ada, scope) = people.owner("ada@example.com").await;
    let person = Audit {
        request_id: Some("req\0uest".to_owned()),
        address: Some("203.0.113.7".to_owned()),
        ..Audit::new(Actor::Person { person: ada.id, email: ada.email.clone() }, "create_api_key")
    };
    let keys = [key("one"), key("two"), key("three")];
    for new in &keys {
        scope.create_api_key(&person, new).await.unwrap();
    }
    let program = Audit::new(Actor::Key { key: keys[0].id, name: "one".to_owned() }, "revoke_api_key");
    scope.revoke_api_key(&program, Role::Owner, keys[1].id).await.unwrap();

    let list = async |page, filter: AuditFilter| scope.audit_entries(page, &filter).await.unwrap();
    let all = list(Page::first(9), AuditFilter::default()).await;
    assert!(all.is_sorted_by(|a, b| a.id > b.id));
    let actions: Vec<_> = all.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["revoke_api_key", "create_api_key", "create_api_key", "create_api_key", "sign_up"]);
    assert_eq!(all[0].detail, json!({"name": "two"}));
    assert_eq!(all[1].actor, json!({"person": ada.id, "email": "ada@example.com"}));
    assert_eq!(all[1].request_id.as_deref(), Some("req\u{fffd}uest"));
    assert_eq!(all[1].address.as_deref(), Some("203.0.113.7"));
    assert_eq!(list(Page { after: Some(all[1].id), limit: 2 }, AuditFilter::default()).await, all[2..4]);

    let target = Some(keys[1].id.to_string());
    assert_eq!(list(Page::first(9), AuditFilter { target: target.clone(), ..AuditFilter::default() }).await.len(), 2);
    let action = Some("create_api_key".to_owned());
    assert_eq!(list(Page::first(9), AuditFilter { target, action, actor: None }).await, all[2..3]);
    for (actor, entries) in [(ada.id.to_string(), &all[1..4]), (keys[0].id.to_string(), &all[..1])] {
        assert_eq!(list(Page::first(9), AuditFilter { actor: Some(actor), ..AuditFilter::default() }).await, entries);
    }
}
