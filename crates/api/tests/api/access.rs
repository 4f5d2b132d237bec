//! The table of operations against the routes, the document, and real callers of each role.

use std::collections::{BTreeMap, BTreeSet};

use api::access::{Needs, OPERATIONS};
use domain::Role;
use serde_json::{Value, json};

use crate::fixture::{Client, Fixture};

/// What can be asked for: operation, method, path with its parameters in braces.
fn operations() -> Vec<(String, String, String)> {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            found.push((id, method.to_uppercase(), path.clone()));
        }
    }
    found
}

/// A path of this workspace in which every other id leads to nothing.
fn path_in(template: &str, workspace: &str) -> String {
    let mut path = template.replace("{workspace_id}", workspace);
    while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
        path.replace_range(start..=end, "none_00000000000000000000000000000000");
    }
    path
}

#[test]
fn document_and_table_are_the_same_set() {
    let documented: Vec<_> = operations().into_iter().map(|(id, _, _)| id).collect();
    let unique: BTreeSet<&str> = documented.iter().map(String::as_str).collect();
    assert_eq!(unique.len(), documented.len(), "an operation id stands twice");
    let table: BTreeSet<_> = OPERATIONS.iter().map(|(id, _)| *id).collect();
    assert_eq!(unique, table);
    for id in api::access::SHOWN_ONCE.iter().chain(api::access::ATTEMPTS) {
        assert!(table.contains(id), "{id} is no operation");
    }
}

#[tokio::test]
async fn every_documented_operation_is_routed_and_no_other_method_is() {
    let api = Fixture::new().await;
    let anyone = api.anyone();
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, method, path) in operations() {
        methods.entry(path).or_default().insert(method);
    }
    for (template, known) in methods {
        let path = path_in(&template, "ws_00000000000000000000000000000001");
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"] {
            let answer = anyone.raw(method, &path, "", &[]).await;
            let routed = answer.status.as_u16() != 405;
            assert_eq!(routed, known.contains(method), "{method} {template}: {}", answer.text);
            if !routed {
                answer.refused(405, "method-not-allowed");
            }
        }
    }
}

#[tokio::test]
async fn a_caller_gets_past_the_gate_exactly_where_the_table_says_so() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let stranger = api.sign_up("stranger@example.com").await;
    let mut callers: Vec<(String, Option<Role>, Client)> = vec![("stranger".to_owned(), None, stranger.clone())];
    for role in Role::ALL {
        callers.push((format!("key {role:?}"), Some(role), owner.key(role.as_str()).await));
        callers.push((format!("member {role:?}"), Some(role), api.member(&owner, role.as_str()).await));
    }
    callers.push(("foreign key".to_owned(), None, stranger.key("owner").await));
    for (id, method, template) in operations() {
        let needs = OPERATIONS.iter().find(|(name, _)| *name == id).unwrap().1;
        // What ends the caller's own session or the workspace would spoil the rest; their own tests cover them.
        if ["sign_out", "sign_out_everywhere", "leave_workspace"].contains(&id.as_str()) {
            continue;
        }
        let path = path_in(&template, &owner.workspace);
        let without = api.anyone().send(&method, &path, Some(json!({})), &[]).await;
        assert_eq!(without.body["code"] == "unauthenticated", needs != Needs::Public, "{id}: {}", without.text);
        for (name, role, caller) in &callers {
            let answer = caller.send(&method, &path, Some(json!({})), &[]).await;
            let code = answer.body["code"].as_str().unwrap_or("").to_owned();
            let expected = match needs {
                Needs::Public => "",
                Needs::Session if name.contains("key") => "forbidden",
                Needs::Session => "",
                Needs::Role(_) if role.is_none() => "not-found",
                Needs::Role(needed) if role.unwrap() < needed => "forbidden",
                Needs::Role(_) => "",
            };
            match expected {
                "" => {
                    assert!(!["unauthenticated", "forbidden"].contains(&code.as_str()), "{name} {id}: {}", answer.text)
                }
                other => assert_eq!(code, other, "{name} {id}: {}", answer.text),
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_for_the_role_names_the_role_that_it_takes() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let viewer = owner.key("viewer").await;
    let refused = viewer.get(&owner.at("/audit-entries")).await.refused(403, "forbidden");
    assert!(refused.body["detail"].as_str().unwrap().contains("admin"));
}

#[tokio::test]
async fn foreign_missing_and_malformed_ids_get_the_same_answer_byte_for_byte() {
    let api = Fixture::new().await;
    let owner = api.sign_up("owner@example.com").await;
    let stranger = api.sign_up("stranger@example.com").await;
    let foreign_key = stranger.post(&stranger.at("/api-keys"), json!({"name": "k", "role": "viewer"})).await;
    let foreign_key = foreign_key.body["api_key"]["id"].as_str().unwrap().to_owned();
    let mut paths: Vec<String> = [
        stranger.workspace.as_str(),
        "ws_00000000000000000000000000000001",
        "ws_1",
        "key_00000000000000000000000000000001",
        "%00",
        "%ff",
        "..",
    ]
    .iter()
    .map(|id| format!("/v1/workspaces/{id}"))
    .collect();
    for id in [foreign_key.as_str(), "key_00000000000000000000000000000001", "key_1", "%20"] {
        paths.push(owner.at(&format!("/api-keys/{id}")));
    }
    paths.push("/v1/nothing-like-that".to_owned());
    let mut bodies = BTreeSet::new();
    for caller in [owner.clone(), owner.key("owner").await] {
        for path in &paths {
            bodies.insert(caller.get(path).await.refused(404, "not-found").without_request_id());
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
}

#[test]
fn every_operation_of_the_document_tells_its_refusals_and_what_it_needs() {
    let document: Value = serde_json::to_value(api::openapi()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{id} has no summary");
            assert!(operation["security"].is_array(), "{id}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{id}");
            for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{id} {status}");
            }
            let has = |status: &str| responses.contains_key(status);
            assert!(has("429") && has("500") && has("503"), "{id}");
            assert_eq!(has("415"), operation["requestBody"].is_object(), "{id}");
            assert!(has("404") || !path.contains('{'), "{id}");
            let parameters = operation["parameters"].to_string();
            assert_eq!(has("428"), method == "put" && parameters.contains("If-Match"), "{id}");
        }
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document: Value = serde_json::to_value(api::openapi()).unwrap();
    let (mut open, mut seen) = (vec![&document], 0);
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let target = document.pointer(reference.strip_prefix('#').unwrap());
                    assert!(target.is_some(), "{reference} is not in the document");
                    seen += 1;
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(seen > 100);
}
