//! A source, a model, a destination and a sync of them, made by the API.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::fixture::Client;

pub(crate) const PASSWORD: &str = "canary-of-a-source-7c1d";

/// Their ids.
pub(crate) struct Configured {
    pub(crate) source: String,
    pub(crate) model: String,
    pub(crate) destination: String,
    pub(crate) sync: String,
}

impl Configured {
    pub(crate) async fn new(client: &Client) -> Self {
        let source = make(client, "/sources", source("shop")).await;
        let model = make(client, "/models", model("customers", &source)).await;
        let destination = make(client, "/destinations", role("streams")).await;
        let sync = make(client, "/syncs", sync("customers", &model, &destination)).await;
        Self { source, model, destination, sync }
    }

    pub(crate) fn sync_body(&self, name: &str) -> Value {
        sync(name, &self.model, &self.destination)
    }
}

/// The id of what was made.
pub(crate) async fn make(client: &Client, list: &str, body: Value) -> String {
    let made = client.post(&client.at(list), body).await.expect(StatusCode::CREATED);
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), client.at(&format!("{list}/{id}")));
    id
}

pub(crate) fn source(name: &str) -> Value {
    let postgres = json!({"host": "db.example.com", "database": "shop", "user": "reader", "password": PASSWORD});
    json!({ "name": name, "postgres": postgres })
}

pub(crate) fn model(name: &str, source: &str) -> Value {
    json!({"name": name, "source": source, "query": "select id, email from customers", "key": ["id"]})
}

pub(crate) fn role(name: &str) -> Value {
    let credentials = json!({"type": "role", "role_arn": "arn:aws:iam::111122223333:role/rowcast"});
    json!({ "name": name, "region": "eu-west-1", "credentials": credentials })
}

pub(crate) fn sync(name: &str, model: &str, destination: &str) -> Value {
    json!({
        "name": name, "model": model, "destination": destination, "stream": "customers",
        "message": {"json": "{\"id\": {{ row.id }}, \"email\": {{ row.email }}}"}, "partition_key": {"column": "id"},
    })
}

/// Every member of a list, page by page.
pub(crate) async fn all(client: &Client, path: &str, limit: u32) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let mark = if path.contains('?') { '&' } else { '?' };
        let page = client.get(&format!("{path}{mark}limit={limit}{cursor}")).await.expect(StatusCode::OK);
        let items = page.body["items"].as_array().unwrap();
        assert!(items.len() <= limit as usize);
        found.extend(items.iter().cloned());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}
