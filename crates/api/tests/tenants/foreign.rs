//! At somebody else's workspace: as if it were not there.

use std::collections::BTreeMap;

use api::access::Needs;
use axum::http::StatusCode;
use domain::Role;
use serde_json::Value;

use crate::ask::{Ask, Operation, face, operations};
use crate::fixture::{Answer, Client, Fixture};
use crate::own::{fixture, needs};
use crate::place::Place;

const MARK: &str = "victim-4c1f9a";

/// Two workspaces, and whoever is at home in the one and wants something of the other.
struct Two {
    api: Fixture,
    victim: Place,
    stranger: Place,
    /// Credentials of the stranger's workspace, with all rights there, and of one who was put out of the victim's.
    strangers: Vec<(&'static str, Client)>,
    count: std::cell::Cell<u32>,
}

impl Two {
    async fn new() -> Self {
        let api = fixture().await;
        let (victim, stranger) = (Place::new(&api, MARK).await, Place::new(&api, "stranger").await);
        let former = victim.person(&api, Role::Owner).await;
        let path = victim.owner.at(&format!("/members/{}", former.person));
        victim.owner.delete(&path).await.expect(StatusCode::NO_CONTENT);
        let strangers = vec![
            ("the session of an owner elsewhere", stranger.owner.clone()),
            ("an owner's key of elsewhere", stranger.owner.key("owner").await),
            ("the session of a former owner", former),
        ];
        Self { api, victim, stranger, strangers, count: std::cell::Cell::new(0) }
    }

    async fn send(&self, ask: &Ask, client: &Client) -> Answer {
        self.count.set(self.count.get() + 1);
        let answer = ask.by(client).await;
        self.tells_nothing(&answer, ask);
        answer
    }

    /// Nothing of the victim's that the request did not name itself.
    fn tells_nothing(&self, answer: &Answer, ask: &Ask) {
        let asked = format!("{ask:?}");
        let headers = format!("{:?}", answer.headers);
        for (name, id) in &self.victim.ids {
            let bare = id.split_once('_').unwrap().1;
            let known = asked.contains(bare);
            assert!(known || !(answer.text.contains(bare) || headers.contains(bare)), "{name}: {ask:?}: {answer:?}");
        }
        let marked = answer.text.contains(MARK) || headers.contains(MARK);
        assert!(asked.contains(MARK) || !marked, "{ask:?}: {answer:?}");
    }

    /// Both are answered the same, and with a refusal.
    async fn alike(&self, what: &str, ask: &Ask, client: &Client, status: u16) {
        let (theirs, nothing) = (ask, ask.without(&self.victim.ids));
        assert_ne!(format!("{theirs:?}"), format!("{nothing:?}"), "{what}: nothing of the victim's was asked for");
        let (theirs, nothing) = (self.send(theirs, client).await, self.send(&nothing, client).await);
        assert_eq!(theirs.status, status, "{what}: {}", theirs.text);
        assert_eq!(face(&theirs), face(&nothing), "{what}: it tells that something is there");
    }
}

fn of_a_workspace() -> Vec<Operation> {
    let all = operations().into_iter();
    all.filter(|operation| matches!(needs(&operation.id), Needs::Role(_))).collect()
}

#[tokio::test]
async fn another_workspace_and_all_in_it_is_not_found_whatever_is_asked_of_it() {
    let two = Two::new().await;
    let before = two.victim.rows(&two.api).await;
    for operation in of_a_workspace() {
        assert!(operation.has("workspace_id", "path"), "{} is of no workspace", operation.id);
        for (name, client) in &two.strangers {
            let ask = operation.ask(&two.victim.ids, &two.victim, 0);
            two.alike(&format!("{} by {name}", operation.id), &ask, client, 404).await;
        }
    }
    assert_eq!(two.victim.rows(&two.api).await, before, "it was changed");
    println!("{} requests at another workspace, 0 leaks", two.count.get());
}

#[tokio::test]
async fn what_belongs_to_another_workspace_is_not_found_in_ones_own() {
    let two = Two::new().await;
    let before = two.victim.rows(&two.api).await;
    for operation in of_a_workspace() {
        let theirs: Vec<&str> = operation.path_parameters().filter(|name| *name != "workspace_id").collect();
        // Each by itself, and all at once.
        let single = theirs.iter().map(|name| vec![*name]);
        let several = (theirs.len() > 1).then(|| theirs.clone());
        for swapped in single.chain(several) {
            let mut ids = two.stranger.ids.clone();
            for name in &swapped {
                let (name, id) = two.victim.ids.get_key_value(*name).unwrap();
                ids.insert(name, id.clone());
            }
            for (name, client) in &two.strangers[..2] {
                let ask = operation.ask(&ids, &two.stranger, 1);
                two.alike(&format!("{} by {name} on their {swapped:?}", operation.id), &ask, client, 404).await;
            }
        }
    }
    assert_eq!(two.victim.rows(&two.api).await, before, "it was changed");
    println!("{} requests for another workspace's ids, 0 leaks", two.count.get());
}

/// Every place in a body in which one of the stranger's ids stands.
fn places(body: &Value, pointer: &str, ids: &[&str], found: &mut Vec<String>) {
    match body {
        Value::String(text) if ids.contains(&text.as_str()) => found.push(pointer.to_owned()),
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| places(value, &format!("{pointer}/{name}"), ids, found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| places(value, &format!("{pointer}/{at}"), ids, found));
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_body_that_names_what_belongs_to_another_workspace_is_refused_as_if_it_named_nothing() {
    let two = Two::new().await;
    let before = two.victim.rows(&two.api).await;
    let own: BTreeMap<&str, &str> = two.stranger.ids.iter().map(|(name, id)| (id.as_str(), *name)).collect();
    let mut named = Vec::new();
    for operation in of_a_workspace().iter().filter(|operation| operation.takes_body) {
        let ask = operation.ask(&two.stranger.ids, &two.stranger, 2);
        let mut found = Vec::new();
        places(ask.body.as_ref().unwrap(), "", &own.keys().copied().collect::<Vec<_>>(), &mut found);
        for pointer in found {
            let mut ask = ask.clone();
            let value = ask.body.as_mut().unwrap().pointer_mut(&pointer).unwrap();
            *value = two.victim.ids[own[value.as_str().unwrap()]].clone().into();
            for (name, client) in &two.strangers[..2] {
                two.alike(&format!("{} by {name} at {pointer}", operation.id), &ask, client, 422).await;
            }
            named.push(format!("{}{pointer}", operation.id));
        }
    }
    let expected = [
        "create_model/source",
        "create_sync/destination",
        "create_sync/model",
        "render_sync/draft/destination",
        "render_sync/draft/model",
        "render_sync/sample",
        "render_sync/shards",
        "render_sync/sync",
        "update_model/source",
        "update_sync/destination",
        "update_sync/model",
    ];
    named.sort();
    assert_eq!(named, expected, "other bodies name ids now: see that the examples do");
    assert_eq!(two.victim.rows(&two.api).await, before, "it was changed");
    println!("{} requests whose bodies name another workspace's ids, 0 leaks", two.count.get());
}

#[tokio::test]
async fn a_filter_or_a_cursor_of_another_workspace_finds_nothing_of_it() {
    let two = Two::new().await;
    for operation in of_a_workspace() {
        let plain = operation.ask(&two.stranger.ids, &two.stranger, 3);
        let path = plain.path.split('?').next().unwrap().to_owned();
        let filters = operation
            .parameters
            .iter()
            .filter(|(name, place)| place == "query" && !["limit", "cursor", "wait"].contains(&name.as_str()));
        for (name, _) in filters {
            for id in two.victim.ids.values() {
                let ask = Ask { path: format!("{path}?{name}={id}"), ..plain.clone() };
                let (theirs, nothing) = (ask.clone(), ask.without(&two.victim.ids));
                for (_, client) in &two.strangers[..2] {
                    let mut faces = Vec::new();
                    for ask in [&theirs, &nothing] {
                        let (status, text, headers) = face(&two.send(ask, client).await);
                        // An id of another kind is refused by its name, which the asker knows.
                        let asked = ask.path.rsplit('=').next().unwrap();
                        faces.push((status, text.replace(asked, "<asked>"), headers));
                    }
                    assert_eq!(faces[0], faces[1], "{} by {name}", operation.id);
                }
            }
        }
        if operation.has("cursor", "query") {
            // Of a page that ends with something of the victim's.
            let page = operation.ask(&two.victim.ids, &two.victim, 3);
            let mark = if page.path.contains('?') { '&' } else { '?' };
            let page = Ask { path: format!("{}{mark}limit=1", page.path), ..page };
            let page = page.by(&two.victim.owner).await.expect(StatusCode::OK);
            if let Some(cursor) = page.body["next_cursor"].as_str() {
                let ask = Ask { path: format!("{path}?cursor={cursor}"), ..plain.clone() };
                for (_, client) in &two.strangers[..2] {
                    two.send(&ask, client).await;
                }
            }
        }
    }
    println!("{} requests with filters and cursors, 0 leaks", two.count.get());
}

#[tokio::test]
async fn an_idempotency_key_of_another_workspace_brings_nothing_back() {
    let two = Two::new().await;
    for operation in of_a_workspace().iter().filter(|operation| operation.has("idempotency-key", "header")) {
        let first = operation.ask(&two.victim.ids, &two.victim, 4).header("idempotency-key", &operation.id);
        first.by(&two.victim.owner).await;
        let again = first.by(&two.victim.owner).await;
        let replays = again.headers.contains_key("idempotency-replayed");
        assert_eq!(replays, again.status.is_success(), "{}: {}", operation.id, again.text);
        let ask = operation.ask(&two.stranger.ids, &two.stranger, 4).header("idempotency-key", &operation.id);
        for (name, client) in &two.strangers[..2] {
            let answer = two.send(&ask, client).await;
            assert!(!answer.headers.contains_key("idempotency-replayed"), "{} by {name}", operation.id);
        }
    }
    println!("{} requests with another workspace's idempotency keys, 0 leaks", two.count.get());
}

#[tokio::test]
async fn what_is_of_no_workspace_tells_each_person_of_their_own_alone() {
    let two = Two::new().await;
    for operation in operations().iter().filter(|operation| needs(&operation.id) == Needs::Session) {
        if ["sign_out", "sign_out_everywhere"].contains(&operation.id.as_str()) {
            continue;
        }
        let ask = operation.ask(&two.stranger.ids, &two.stranger, 5);
        for (_, client) in two.strangers.iter().filter(|(name, _)| name.starts_with("the session")) {
            two.send(&ask, client).await;
        }
    }
    println!("{} requests of people, 0 leaks", two.count.get());
}
