//! What the people of a workspace configure: two workspaces, seen by the role of the API and by that of workers.

mod definitions;
mod deletion;
mod entities;
mod schedules;

use std::collections::BTreeMap;

use domain::{Millis, Schedule};
use serde_json::{Value, json};
use store::{
    Access, Actor, Audit, Destination, MasterKeys, Model, NewDestination, NewModel, NewSource, NewSync, Plaintext,
    Scope, Secrets, Source, Store, SyncDetails, Ticks,
};
use testkit::database::TestDatabase;

pub(crate) struct Service {
    pub(crate) api: Scope,
    pub(crate) worker: Scope,
    pub(crate) other: Scope,
    pub(crate) workers: Store,
    pub(crate) database: TestDatabase,
}

/// A source, a model of it and a destination, and a sync of them.
pub(crate) struct Configured {
    pub(crate) source: Source,
    pub(crate) model: Model,
    pub(crate) destination: Destination,
    pub(crate) sync: SyncDetails,
}

impl Service {
    pub(crate) async fn new() -> Self {
        let database = crate::fixture::migrated().await;
        let single = Store::connect(database.url(), Access::Single, 2).await.unwrap();
        let workspace = single.ensure_workspace("one", [1; 32]).await.unwrap().id;
        let other = single.ensure_workspace("two", [2; 32]).await.unwrap().id;
        let apis = Store::connect(database.url(), Access::App, 12).await.unwrap().with_keys(keys("a"));
        let workers = Store::connect(database.url(), Access::Worker, 8).await.unwrap().with_keys(keys("a"));
        let (api, other, worker) = (apis.scope(workspace), apis.scope(other), workers.scope(workspace));
        Self { api, worker, other, workers, database }
    }

    /// The same workspace, with other master keys.
    pub(crate) async fn with_keys(&self, keys: Option<MasterKeys>) -> Scope {
        let store = Store::connect(self.database.url(), Access::App, 2).await.unwrap();
        match keys {
            Some(keys) => store.with_keys(keys).scope(self.api.workspace()),
            None => store.scope(self.api.workspace()),
        }
    }

    pub(crate) async fn store_with_keys(&self, keys: MasterKeys) -> Store {
        Store::connect(self.database.url(), Access::Worker, 2).await.unwrap().with_keys(keys)
    }

    pub(crate) async fn configure(&self) -> Configured {
        let source = self.api.create_source(&by("create_source"), &source("shop")).await.unwrap();
        let model = self.api.create_model(&by("create_model"), &model("customers", &source)).await.unwrap();
        let new = destination("streams");
        let destination = self.api.create_destination(&by("create_destination"), &new).await.unwrap();
        let new = sync("customers", &model, &destination);
        let sync = self.api.create_sync(&by("create_sync"), &new, None).await.unwrap();
        Configured { source, model, destination, sync }
    }

    /// Past the store and its scopes.
    pub(crate) async fn sql(&self, statement: &str) -> Vec<tokio_postgres::Row> {
        let (client, connection) = tokio_postgres::connect(self.database.url(), tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let answer = client.query(statement, &[]).await.unwrap();
        connection.abort();
        answer
    }

    pub(crate) async fn number(&self, statement: &str) -> i64 {
        self.sql(statement).await[0].get(0)
    }
}

/// The key of an id repeats its first letter.
pub(crate) fn keys(ids: &str) -> MasterKeys {
    // 32 bytes of the same value in base64.
    let key = |id: char| match id {
        'a' => "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        _ => "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
    };
    let pairs: Vec<String> = ids.chars().map(|id| format!("{id}:{}", key(id))).collect();
    MasterKeys::parse(&pairs.join("\n")).unwrap()
}

pub(crate) fn by(action: &'static str) -> Audit {
    Audit::new(Actor::Operator { operator: "test".to_owned() }, action)
}

pub(crate) fn secrets(values: &[(&str, &str)]) -> Secrets {
    let values = values.iter().map(|(field, value)| ((*field).to_owned(), Plaintext::new((*value).to_owned())));
    values.collect::<BTreeMap<_, _>>()
}

pub(crate) fn source_config(host: &str) -> domain::Source {
    let config = json!({"postgres": {
        "host": host, "database": "shop", "user": "reader", "password": {"stored": stored_beside()},
    }});
    serde_json::from_value(config).unwrap()
}

fn stored_beside() -> Value {
    serde_json::to_value(store::SET_BESIDE).unwrap()["stored"].clone()
}

pub(crate) fn source(name: &str) -> NewSource {
    let secrets = secrets(&[("password", "planted-password-4f2a")]);
    NewSource { name: name.to_owned(), config: source_config("db.example"), secrets }
}

pub(crate) fn model(name: &str, source: &Source) -> NewModel {
    let config = domain::Model { query: format!("select * from {name}"), key: vec!["id".to_owned()], connections: 1 };
    NewModel { name: name.to_owned(), source: source.id, config }
}

pub(crate) fn destination(name: &str) -> NewDestination {
    let beside = json!({"stored": stored_beside()});
    let config = json!({"region": "eu-central-1", "credentials": {"access_key": {
        "access_key_id": beside, "secret_access_key": beside,
    }}});
    NewDestination {
        name: name.to_owned(),
        config: serde_json::from_value(config).unwrap(),
        secrets: secrets(&[
            ("access_key_id", "PLANTEDKEYIDOFTESTS1"),
            ("secret_access_key", "planted-secret-of-tests"),
        ]),
    }
}

pub(crate) fn sync_config(stream: &str) -> domain::Sync {
    let config = json!({
        "stream": stream,
        "message": {"fields": [{"to": "rate", "constant": 1.50}, {"to": "id", "column": "id"}]},
        "partition_key": {"column": "id"},
    });
    serde_json::from_value(config).unwrap()
}

pub(crate) fn sync(name: &str, model: &Model, destination: &Destination) -> NewSync {
    NewSync {
        name: name.to_owned(),
        model: model.id,
        destination: destination.id,
        config: sync_config("customers"),
        ticks: Ticks::default(),
    }
}

pub(crate) fn hourly(anchor: Millis, next_fire_at: Millis) -> Ticks {
    let schedule = Schedule::Interval { every: 1, unit: domain::Unit::Hours };
    Ticks { schedule, anchor, next_fire_at: Some(next_fire_at) }
}
