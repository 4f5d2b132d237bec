//! A row in every table that holds a workspace's data.

use domain::WorkspaceId;
use uuid::Uuid;

use super::People;

impl People {
    /// Past the store, so that no table is forgotten: [`Self::tenant_tables`] tells which there are.
    pub(crate) async fn seed(&self, workspace: WorkspaceId) {
        let id = workspace.uuid();
        self.sql(&SEED.replace(":ws", &format!("'{id}'::uuid")).replace(":now", "now()")).await;
        self.seed_is_there(id).await;
    }

    pub(crate) async fn seed_is_there(&self, id: Uuid) {
        for (table, column) in self.tenant_tables().await {
            let rows = self.count(&format!("{table} where {column} = '{id}'")).await;
            assert!(
                rows > 0,
                "the table {table} is new: give it a row here, and see that the workspace's end is its end"
            );
        }
    }

    /// Each table with rows of workspaces, and the column that tells whose they are.
    pub(crate) async fn tenant_tables(&self) -> Vec<(String, &'static str)> {
        let query = "select c.relname::text from pg_class c
             join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
             order by 1";
        let found = self.connect().await.query(query, &[]).await.unwrap();
        let mut tables: Vec<_> = found.into_iter().map(|row| (row.get(0), "workspace_id")).collect();
        tables.push(("workspace".to_owned(), "id"));
        tables
    }
}

const SEED: &str = r#"
insert into source (workspace_id, id, name, config) values (:ws, :ws, 's', '{}');
insert into model (workspace_id, id, source_id, name, config) values (:ws, :ws, :ws, 'm', '{}');
insert into destination (workspace_id, id, name, config) values (:ws, :ws, 'd', '{}');
insert into sync (workspace_id, id, name, model_id, destination_id, config) values (:ws, :ws, 'y', :ws, :ws, '{}');
insert into sync_version (workspace_id, sync_id, version, definition) values (:ws, :ws, 1, '{}');
insert into form (workspace_id, sync_id, number, definition) values (:ws, :ws, 1, '{}');
insert into data_key (workspace_id, version, master_key_id, nonce, wrapped) values (:ws, 1, 'k', '', '');
insert into secret (workspace_id, id, owner_kind, owner_id, field, key_version, nonce, sealed)
    values (:ws, :ws, 'source', :ws, 'password', 1, '', '');
insert into run (workspace_id, id, sync_id, sync_version, kind) values (:ws, :ws, :ws, 1, 'normal');
insert into run_progress (workspace_id, run_id, progress) values (:ws, :ws, '{}');
insert into run_event (workspace_id, run_id, id, kind) values (:ws, :ws, :ws, 'claimed');
insert into attempt (workspace_id, sync_id, epoch, run_id, worker, counts) values (:ws, :ws, 1, :ws, 'w', '{}');
insert into manifest (workspace_id, sync_id, version, epoch, run_id, body) values (:ws, :ws, 1, 1, :ws, '{}');
insert into snapshot_window (workspace_id, sync_id, epoch, number, segment, entries) values (:ws, :ws, 1, 1, '{}', 1);
insert into rejection (workspace_id, sync_id, epoch, ordinal, unit_key, unit_child, key, op, code, message,
                       first_seen_run_id, first_seen_at, tries)
    values (:ws, :ws, 1, 1, decode(repeat('00', 16), 'hex'), 0, '{}', 'added', 'c', 'm', :ws, :now, 1);
insert into invalid_row (workspace_id, sync_id, epoch, ordinal, key, code, message)
    values (:ws, :ws, 1, 1, '{}', 'c', 'm');
insert into tally (workspace_id, sync_id, epoch, kind, code, count) values (:ws, :ws, 1, 'rejection', 'c', 1);
insert into approval (workspace_id, id, sync_id, run_id, kind, covered, shown)
    values (:ws, :ws, :ws, :ws, 'removals', '{}', '{}');
insert into log_object (workspace_id, sync_id, epoch, number, kind, run_id, name, bytes, footer_bytes, footer_digest,
                        summary, entries)
    values (:ws, :ws, 1, 1, 'rows', :ws, 'n', 1, 1, decode(repeat('00', 32), 'hex'), '{}', 1);
insert into log_shard (workspace_id, sync_id, epoch, number, shard, lowest, highest)
    values (:ws, :ws, 1, 1, 's', '', '');
insert into job (workspace_id, id, kind, params) values (:ws, :ws, 'test', '{}');
insert into erasure (workspace_id, id, sync_id) values (:ws, :ws, :ws);
insert into idempotency (workspace_id, actor, key, request_hash, attempt) values (:ws, :ws, 'k', '', :ws);
insert into api_key (workspace_id, id, name, secret_hash, hint, role)
    values (:ws, :ws, 'n', decode(repeat('07', 32), 'hex'), 'h', 'viewer');
insert into invitation (workspace_id, id, token_hash, role, expires_at)
    values (:ws, :ws, decode(repeat(replace(:ws::text, '-', ''), 2), 'hex'), 'viewer', :now + interval '1 day');
"#;
