//! A workspace that has one of everything, and people with every kind of credential.

use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{Counts, Role};
use engine::hash::Hash128;
use engine::unit::UnitId;
use outcomes::{Call, Outcome, PutIn, RowOutcome};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::ask::Ids;
use crate::configured::Configured;
use crate::fixture::{Client, Fixture};
use crate::logged;

/// As `cases.rs` asks for it.
const SHARD: &str = "shardId-000000000000";

pub(crate) struct Place {
    /// Its first owner, signed in.
    pub(crate) owner: Client,
    pub(crate) email: String,
    pub(crate) name: String,
    /// One for each parameter of a path.
    pub(crate) ids: Ids,
    pub(crate) invitation_token: String,
}

/// A credential of a place.
pub(crate) struct Caller {
    pub(crate) name: String,
    pub(crate) client: Client,
    pub(crate) role: Role,
    pub(crate) is_key: bool,
}

impl Place {
    /// `mark`: stands in whatever of it a user could have written.
    pub(crate) async fn new(api: &Fixture, mark: &str) -> Self {
        let email = format!("{mark}@example.com");
        let owner = api.sign_up(&email).await;
        let made = Configured::new(&owner).await;
        let key = owner.post(&owner.at("/api-keys"), json!({"name": mark, "role": "viewer"})).await;
        let key = key.expect(StatusCode::CREATED).body["api_key"]["id"].as_str().unwrap().to_owned();
        let invitation = owner.post(&owner.at("/invitations"), json!({"role": "viewer"})).await;
        let invitation = invitation.expect(StatusCode::CREATED);
        let job = owner.post(&owner.at(&format!("/sources/{}/test?wait=0", made.source)), json!({})).await;
        let job = job.expect(StatusCode::ACCEPTED).body["id"].as_str().unwrap().to_owned();
        let mut place = Self {
            name: format!("of {email}"),
            ids: Ids::from([
                ("workspace_id", owner.workspace.clone()),
                ("source_id", made.source),
                ("model_id", made.model),
                ("destination_id", made.destination),
                ("sync_id", made.sync),
                ("job_id", job),
                ("key_id", key),
                ("invitation_id", invitation.body["invitation"]["id"].as_str().unwrap().to_owned()),
                ("run_id", format!("run_{}", Uuid::now_v7().simple())),
                ("approval_id", format!("apr_{}", Uuid::now_v7().simple())),
            ]),
            invitation_token: invitation.body["token"].as_str().unwrap().to_owned(),
            owner,
            email,
        };
        place.seed(api, mark).await;
        place.seed_log(api, mark).await;
        let person = place.person(api, Role::Viewer).await;
        place.ids.insert("person_id", person.person);
        place
    }

    pub(crate) fn uuid(&self, parameter: &str) -> Uuid {
        self.ids[parameter].split_once('_').unwrap().1.parse().unwrap()
    }

    /// What runs leave.
    async fn seed(&self, api: &Fixture, mark: &str) {
        let counts = serde_json::to_string(&Counts::default()).unwrap();
        let filled = SEED.replace(":counts", &format!("'{counts}'")).replace(":mark", mark);
        let filled = filled.replace(":new", "gen_random_uuid()");
        let ids = [(":ws", "workspace_id"), (":sync", "sync_id"), (":run", "run_id"), (":approval", "approval_id")];
        let filled = ids.iter().fold(filled, |sql, (placeholder, parameter)| {
            sql.replace(placeholder, &format!("'{}'::uuid", self.uuid(parameter)))
        });
        for statement in filled.split(';').filter(|statement| !statement.trim().is_empty()) {
            api.sql(statement).await;
        }
    }

    /// A row and a call in objects of the log.
    async fn seed_log(&self, api: &Fixture, mark: &str) {
        let objects = api.objects.within(&self.owner.workspace).unwrap();
        let (sync, run) = (self.ids["sync_id"].parse().unwrap(), self.ids["run_id"].parse().unwrap());
        let origin = logged::origin(sync, run, 1, 1);
        let row = RowOutcome {
            unit: Some(UnitId { key: Hash128([7; 16]), child: 0 }),
            key: json!({"id": 7, "name": mark}).to_string().into(),
            outcome: Outcome::Delivered,
            partition_key: Some(mark.to_owned().into()),
            shard: Some(SHARD.into()),
            sequence_number: Some("49".into()),
            put: Some(PutIn { call: 1, position: 0 }),
            row: Some(json!({"name": mark}).to_string().into()),
            record: Some(mark.to_owned().into()),
            ..RowOutcome::default()
        };
        let call = Call {
            number: 1,
            kind: "PutRecords".into(),
            records: 1,
            request: Some(outcomes::Body::whole(mark.to_owned())),
            ..Call::default()
        };
        let rows = logged::rows(&objects, origin, vec![row]).await;
        let calls = logged::calls(&objects, origin, vec![call]).await;
        for made in [rows, calls] {
            let digest: String = made.object.footer_digest.iter().map(|byte| format!("{byte:02x}")).collect();
            api.sql(&format!(
                "insert into log_object (workspace_id, sync_id, epoch, number, kind, run_id, name, bytes, footer_bytes,
                    footer_digest, summary, entries, key_min, key_max, first_call, last_call)
                 values ('{}', '{}', 1, 1, '{}', '{}', '{}', {}, {}, '\\x{digest}', '{}', 1, {key}, {key}, 1, 1)",
                self.uuid("workspace_id"),
                self.uuid("sync_id"),
                made.kind.as_str(),
                self.uuid("run_id"),
                made.object.name,
                made.object.bytes,
                made.object.footer_bytes,
                made.summary,
                key = "decode(repeat('07', 16), 'hex')",
            ))
            .await;
        }
    }

    /// A new member, signed in, past password hashing.
    pub(crate) async fn person(&self, api: &Fixture, role: Role) -> Client {
        let id = Uuid::now_v7();
        let workspace = self.uuid("workspace_id");
        let owner = self.owner.person.split_once('_').unwrap().1;
        api.sql(&format!(
            "insert into person (id, email, password_hash)
             select '{id}', '{id}@example.com', password_hash from person where id = '{owner}'"
        ))
        .await;
        api.sql(&format!(
            "insert into member (workspace_id, person_id, role) values ('{workspace}', '{id}', '{}')",
            role.as_str()
        ))
        .await;
        let person = api.sql(&format!("select replace('{id}', '-', '')")).await[0].get::<_, String>(0);
        let prefix = self.owner.person.split_once('_').unwrap().0;
        let mut client = self.owner.clone();
        client.person = format!("{prefix}_{person}");
        session(api, &client, "1 hour").await
    }

    /// A key and a session of each role.
    pub(crate) async fn callers(&self, api: &Fixture) -> Vec<Caller> {
        let mut callers = Vec::new();
        for role in Role::ALL {
            let name = format!("a key of the role {}", role.as_str());
            callers.push(Caller { name, client: self.owner.key(role.as_str()).await, role, is_key: true });
            let name = format!("a member of the role {}", role.as_str());
            callers.push(Caller { name, client: self.person(api, role).await, role, is_key: false });
        }
        callers
    }

    /// Once were worth something, or look as if.
    pub(crate) async fn worthless(&self, api: &Fixture) -> Vec<(&'static str, Client)> {
        let (expired, revoked) = (self.owner.key("owner").await, self.owner.key("owner").await);
        for (client, change) in
            [(&expired, "expires_at = now() - interval '1 second'"), (&revoked, "revoked_at = now()")]
        {
            let id = client.headers[0].1.strip_prefix("Bearer rc_live_").unwrap()[..32].to_owned();
            api.sql(&format!("update api_key set {change} where id = '{id}'")).await;
        }
        let person = self.person(api, Role::Owner).await;
        let text = expired.headers[0].1.clone();
        let mut forged = expired.clone();
        forged.headers[0].1 = format!("{}{}", &text[..text.len() - 43], "A".repeat(43));
        vec![
            ("nobody", api.anyone()),
            ("an expired key", expired),
            ("a revoked key", revoked),
            ("the id of a key with another secret", forged),
            ("an expired session", session(api, &person, "-1 second").await),
            ("a session that never was", with_cookie(&person, &BASE64_URL_SAFE_NO_PAD.encode([7; 32]))),
        ]
    }

    /// Every row that is this workspace's or its people's, as text.
    pub(crate) async fn rows(&self, api: &Fixture) -> Vec<(String, Vec<String>)> {
        let mut all = Vec::new();
        let workspace = self.uuid("workspace_id");
        let tables = api.sql(TENANT_TABLES).await;
        let tables = tables.iter().map(|row| (row.get::<_, String>(0), row.get::<_, String>(1)));
        let members = format!("in (select person_id from member where workspace_id = '{workspace}')");
        let tables = tables.map(|(table, column)| (table, column, format!("= '{workspace}'")));
        let people = [("person", "id"), ("session", "person_id"), ("password_reset", "person_id")];
        let people = people.map(|(table, column)| (table.to_owned(), column.to_owned(), members.clone()));
        for (table, column, which) in tables.chain(people) {
            let found = api.sql(&format!("select t::text from {table} t where t.{column} {which} order by 1")).await;
            let rows: Vec<String> = found.iter().map(|row| row.get(0)).collect();
            let may_be_empty = table == "password_reset";
            assert!(may_be_empty || !rows.is_empty(), "the table {table} is new: give it a row in SEED");
            all.push((table, rows));
        }
        all
    }
}

/// Another session of somebody.
pub(crate) async fn session(api: &Fixture, client: &Client, lifetime: &str) -> Client {
    let token = BASE64_URL_SAFE_NO_PAD.encode([Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat());
    let person = client.person.split_once('_').unwrap().1;
    let hash: String = Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    api.sql(&format!(
        "insert into session (token_hash, person_id, expires_at)
         values ('\\x{hash}', '{person}', now() + interval '{lifetime}')"
    ))
    .await;
    with_cookie(client, &token)
}

fn with_cookie(client: &Client, token: &str) -> Client {
    let mut client = client.clone();
    client.headers = vec![("cookie".to_owned(), format!("__Host-rowcast_session={token}"))];
    client
}

const TENANT_TABLES: &str = "
    select c.relname::text, a.attname::text from pg_class c
    join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
        and a.attname = case c.relname when 'workspace' then 'id' else 'workspace_id' end
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1";

const SEED: &str = r#"
insert into form (workspace_id, sync_id, number, definition) values (:ws, :sync, 1,
    '{"canonical_version": 1, "hash_key_id": 1, "key": [{"name": "id", "type": "int", "source_type": "int8"}], "watched": []}');
insert into run (workspace_id, id, sync_id, sync_version, kind, state, started_at, ended_at, first_epoch, epoch, worker,
                 lease_until, counts, reason_code, reason_text)
    values (:ws, :run, :sync, 1, 'normal', 'needs-approval', now(), now(), 1, 1, 'w', now(), :counts, 'asks', 'about :mark');
insert into attempt (workspace_id, sync_id, epoch, run_id, worker, ended_at, outcome, counts)
    values (:ws, :sync, 1, :run, 'w', now(), 'finished', :counts);
insert into run_progress (workspace_id, run_id, progress) values (:ws, :run, '{"note": ":mark"}');
insert into run_event (workspace_id, run_id, id, kind, detail) values (:ws, :run, :new, 'claimed', '{"note": ":mark"}');
insert into manifest (workspace_id, sync_id, version, epoch, run_id, body) values (:ws, :sync, 1, 1, :run, '{"layers": []}');
insert into snapshot_window (workspace_id, sync_id, epoch, number, segment, entries) values (:ws, :sync, 1, 1, '{}', 1);
insert into rejection (workspace_id, sync_id, epoch, ordinal, unit_key, unit_child, key, op, code, message,
                       first_seen_run_id, first_seen_at, tries)
    values (:ws, :sync, 1, 1, decode(repeat('00', 16), 'hex'), 0, '{"id": ":mark"}', 'added', 'c', ':mark', :run, now(), 1);
insert into invalid_row (workspace_id, sync_id, epoch, ordinal, key, code, message)
    values (:ws, :sync, 1, 1, '{"id": ":mark"}', 'c', ':mark');
insert into tally (workspace_id, sync_id, epoch, kind, code, count) values (:ws, :sync, 1, 'rejection', 'c', 1);
insert into approval (workspace_id, id, sync_id, run_id, kind, covered, shown)
    values (:ws, :approval, :sync, :run, 'removals', '{}', '{"note": ":mark"}');
insert into log_shard (workspace_id, sync_id, epoch, number, shard, lowest, highest)
    values (:ws, :sync, 1, 1, 'shardId-000000000000', '\x0249', '\x0249');
insert into erasure (workspace_id, id, sync_id) values (:ws, :new, :sync);
insert into idempotency (workspace_id, actor, key, request_hash, attempt) values (:ws, :new, 'k', '', :new);
update sync set epoch = 1, manifest_version = 1 where workspace_id = :ws
"#;
