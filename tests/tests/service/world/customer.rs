//! A person with a workspace of her own, who does everything through the API.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use simulator::Role;

use super::{Answer, Client, REGION, STREAM, Shop, World, until};

pub(crate) const PASSWORD: &str = "a long enough pass phrase";

#[derive(Debug, Clone)]
pub(crate) struct Customer {
    /// With an API key of the role owner.
    pub(crate) client: Client,
    /// With the cookie of her session.
    pub(crate) session: Client,
    pub(crate) workspace: String,
    pub(crate) email: String,
}

impl Customer {
    /// A new person, owner of a new workspace. `api`: `process.url()`.
    pub(crate) async fn sign_up(api: &str) -> Self {
        let email = format!("person-{}@example.com", next());
        let new = json!({"email": email, "password": PASSWORD, "workspace_name": format!("of {email}")});
        let signed_up = Client::new(api).post("/v1/sign-up", new).await.expect(201);
        let session = Client::new(api).cookie(&signed_up.cookie());
        let workspace = signed_up.body["workspace_id"].as_str().unwrap().to_owned();
        let mut customer = Self { client: session.clone(), session, workspace, email };
        customer.client = customer.key("owner").await;
        customer
    }

    /// A client with a new API key of this role.
    pub(crate) async fn key(&self, role: &str) -> Client {
        let new = json!({"name": format!("{role} {}", next()), "role": role});
        let made = self.session.post(&self.at("/api-keys"), new).await.expect(201);
        self.session.bearer(made.body["key"].as_str().unwrap())
    }

    /// The same customer at another API process.
    pub(crate) fn moved_to(&self, api: &str) -> Self {
        Self { client: self.client.at(api), session: self.session.at(api), ..self.clone() }
    }

    /// The path of her workspace, with this behind it.
    pub(crate) fn at(&self, rest: &str) -> String {
        format!("/v1/workspaces/{}{rest}", self.workspace)
    }

    pub(crate) async fn get(&self, rest: &str) -> Answer {
        self.client.get(&self.at(rest)).await
    }

    pub(crate) async fn post(&self, rest: &str, body: Value) -> Answer {
        self.client.post(&self.at(rest), body).await
    }

    pub(crate) async fn source(&self, shop: &Shop) -> String {
        let new = json!({"name": format!("source {}", next()), "postgres": shop.connection()});
        self.post("/sources", new).await.expect(201).id()
    }

    pub(crate) async fn model(&self, source: &str, query: &str, key: &[&str]) -> String {
        let new = json!({"name": format!("model {}", next()), "source": source, "query": query, "key": key});
        self.post("/models", new).await.expect(201).id()
    }

    /// With an access key, to which the simulator allows everything.
    pub(crate) async fn destination(&self, world: &World) -> String {
        let credentials = json!({
            "type": "access-key", "access_key_id": "AKIATHECUSTOMERSOWN1", "secret_access_key": "secret-of-the-customer",
        });
        self.destination_with(world, credentials).await
    }

    /// With a new role of the simulator that trusts the service on condition of her external id.
    pub(crate) async fn role_destination(&self, world: &World) -> String {
        let role_name = format!("rowcast-{}", next());
        let setup = self.get(&format!("/aws-setup?region={REGION}&role_name={role_name}")).await.expect(200).body;
        let role = Role::trusting(&role_name, super::PRINCIPAL, None)
            .trust_policy(setup["trust_policy"].clone())
            .permission_policy(setup["permission_policy"].clone());
        let credentials = json!({"type": "role", "role_arn": role.arn});
        world.simulator.put_role(role).unwrap();
        self.destination_with(world, credentials).await
    }

    async fn destination_with(&self, world: &World, credentials: Value) -> String {
        let new = json!({
            "name": format!("destination {}", next()), "region": REGION, "endpoint": world.simulator.endpoint(),
            "credentials": credentials,
        });
        self.post("/destinations", new).await.expect(201).id()
    }

    /// A sync of a query with the key column `id`, and all that it needs. `more`: members that replace the usual ones.
    pub(crate) async fn sync(&self, world: &World, shop: &Shop, query: &str, more: Value) -> String {
        let source = self.source(shop).await;
        let (model, destination) = (self.model(&source, query, &["id"]).await, self.destination(world).await);
        self.sync_of(&model, &destination, more).await
    }

    pub(crate) async fn sync_of(&self, model: &str, destination: &str, more: Value) -> String {
        let message =
            r#"{"op": {{ op }}, "row": {{ row }}, "event": {"id": {{ event.id }}, "sequence": {{ event.sequence }}}}"#;
        let mut new = json!({
            "name": format!("sync {}", next()), "model": model, "destination": destination, "stream": STREAM,
            "message": {"json": message}, "partition_key": {"column": "id"},
        });
        for (name, value) in more.as_object().unwrap() {
            new[name] = value.clone();
        }
        self.post("/syncs", new).await.expect(201).id()
    }

    /// Asks for a run, such as `{"kind": "normal"}`, and gives its id.
    pub(crate) async fn trigger(&self, sync: &str, run: Value) -> String {
        let answer = self.post(&format!("/syncs/{sync}/runs"), run).await.expect(202);
        let id = answer.body.pointer("/run/id").or(answer.body.get("id"));
        id.and_then(Value::as_str).unwrap_or_else(|| panic!("no run: {}", answer.text)).to_owned()
    }

    pub(crate) async fn run(&self, run: &str) -> Value {
        self.get(&format!("/runs/{run}")).await.expect(200).body
    }

    /// Waits for the end of a run, whatever that is.
    pub(crate) async fn ended(&self, run: &str) -> Value {
        until("the run to end", async || {
            let found = self.run(run).await;
            let state = found["state"].as_str().unwrap();
            (!["queued", "running"].contains(&state)).then_some(found)
        })
        .await
    }

    /// Triggers and waits: everything has to be delivered.
    pub(crate) async fn run_now(&self, sync: &str) -> Value {
        let run = self.trigger(sync, json!({"kind": "normal"})).await;
        let ended = self.ended(&run).await;
        assert_eq!(ended["state"], "succeeded", "{ended:#}");
        ended
    }
}

/// Names need to differ within a workspace only; these differ everywhere.
fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
