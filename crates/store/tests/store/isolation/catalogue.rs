//! What the catalogue says: rights, owners, references. A new table or function without a place here fails.

use crate::people::People;

/// Tables that are nobody's: people exist once, whatever workspaces they are members of.
const OF_NO_WORKSPACE: &[&str] = &["_sqlx_migrations", "password_reset", "person", "session"];

/// Each function that runs with other rights than its caller's, what it returns, and who may call it.
const ACROSS: &[(&str, &str, &str)] = &[
    ("backlog()", "TABLE(due_runs bigint, oldest_due timestamp with time zone, queued_jobs bigint)", "worker"),
    ("claimable_job(integer)", "TABLE(workspace_id uuid, job_id uuid)", "worker"),
    ("claimable_job(integer,text[])", "TABLE(workspace_id uuid, job_id uuid)", "worker"),
    ("claimable_sync(integer)", "TABLE(workspace_id uuid, sync_id uuid)", "worker"),
    ("claimable_sync(integer,uuid[])", "TABLE(workspace_id uuid, sync_id uuid)", "worker"),
    ("due_syncs(integer)", "TABLE(workspace_id uuid, sync_id uuid)", "worker"),
    ("invitation_by_token(bytea)", "TABLE(workspace_id uuid, invitation_id uuid)", "app"),
    ("local_workspace(text)", "uuid", "app worker"),
    ("master_keys_in_use()", "SETOF text", "app worker"),
    ("open_erasures(integer)", "TABLE(workspace_id uuid, erasure_id uuid)", "worker"),
    ("schema_version()", "bigint", "app worker"),
    ("workspace_of_api_key(uuid)", "uuid", "app"),
    ("workspaces_after(uuid,integer)", "SETOF uuid", "app worker"),
    ("workspaces_of_person(uuid)", "SETOF uuid", "app"),
    ("workspaces_with_expired_logs()", "SETOF uuid", "worker"),
];

async fn texts(people: &People, query: &str) -> Vec<String> {
    people.connect().await.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_table_belongs_to_a_workspace_or_stands_in_the_list_of_those_that_do_not() {
    let people = People::new().await;
    let tenants: Vec<_> = people.tenant_tables().await.into_iter().map(|(table, _)| table).collect();
    let all = "select relname::text from pg_class
               where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'f') order by 1";
    let others: Vec<_> = texts(&people, all).await.into_iter().filter(|table| !tenants.contains(table)).collect();
    assert_eq!(others, OF_NO_WORKSPACE);
}

#[tokio::test]
async fn a_reference_between_tables_of_workspaces_stays_within_one() {
    let people = People::new().await;
    let astray = "with tenant as (
            select c.oid, a.attnum from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
            where c.relnamespace = 'public'::regnamespace
              and a.attname = case c.relname when 'workspace' then 'id' else 'workspace_id' end
        )
        select format('%s of %s', k.conname, k.conrelid::regclass) from pg_constraint k
        join tenant one on one.oid = k.conrelid join tenant other on other.oid = k.confrelid
        where k.contype = 'f'
          and other.attnum is distinct from k.confkey[array_position(k.conkey, one.attnum)]";
    assert_eq!(texts(&people, astray).await, Vec::<String>::new());
    let references = "select conname::text from pg_constraint where contype = 'f'";
    assert!(texts(&people, references).await.len() > 20);
}

#[tokio::test]
async fn functions_with_the_rights_of_another_role_are_these_and_return_ids() {
    let people = People::new().await;
    let found = people
        .connect()
        .await
        .query(
            "select p.oid::regprocedure::text, pg_get_function_result(p.oid), concat_ws(' ',
                    case when has_function_privilege('rowcast_app', p.oid, 'execute') then 'app' end,
                    case when has_function_privilege('rowcast_worker', p.oid, 'execute') then 'worker' end),
                    p.proowner::regrole::text, coalesce(array_to_string(p.proconfig, ';'), ''),
                    has_function_privilege('pg_monitor', p.oid, 'execute')
             from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef order by 1",
            &[],
        )
        .await
        .unwrap();
    let mut listed = Vec::new();
    for row in &found {
        let name: String = row.get(0);
        assert_eq!(row.get::<_, String>(3), "rowcast_cross", "{name}");
        assert_eq!(row.get::<_, String>(4), "search_path=pg_catalog, public, pg_temp", "{name}");
        assert!(!row.get::<_, bool>(5), "everybody may call {name}");
        listed.push((name, row.get::<_, String>(1), row.get::<_, String>(2)));
    }
    let listed: Vec<_> = listed.iter().map(|(name, returns, who)| (&**name, &**returns, &**who)).collect();
    assert_eq!(listed, ACROSS);
}

#[tokio::test]
async fn whoever_looks_across_workspaces_reads_no_column_with_data() {
    let people = People::new().await;
    let readable = "select distinct format('%s.%s', table_name, column_name) from information_schema.column_privileges
         where grantee = 'rowcast_cross' and privilege_type = 'SELECT' and table_schema = 'public'
           and column_name not in ('id', 'workspace_id', 'person_id', 'sync_id', 'destination_id')
           and table_name not in ('_sqlx_migrations', 'dispatch')
         order by 1";
    let known = [
        // The name of a master key, never what it wraps.
        "data_key.master_key_id",
        "destination.paused",
        "erasure.done_at",
        "erasure.requested_at",
        // It is looked for; it is a hash.
        "invitation.token_hash",
        "job.created_at",
        "job.kind",
        "job.lease_until",
        "job.state",
        "log_object.created_at",
        "run.due_at",
        "run.kind",
        "run.lease_until",
        "run.state",
        "secret.key_version",
        "sync.held",
        "sync.last_run_seconds",
        "sync.next_fire_at",
        "sync.paused",
        "workspace.is_local",
        "workspace.log_retention_days",
        "workspace.name",
        "workspace.paused",
        "workspace.quotas",
    ];
    assert_eq!(texts(&people, readable).await, known);
}

#[tokio::test]
async fn no_role_that_serves_owns_anything_or_gets_around_policies() {
    let people = People::new().await;
    let wrong = "select format('%s: %s', r.rolname, w.what) from pg_roles r
         cross join lateral (
             select 'is above policies, or logs in, or makes roles' as what
             where r.rolsuper or r.rolbypassrls or r.rolcanlogin or r.rolcreaterole or r.rolcreatedb or r.rolreplication
             union all
             select 'owns ' || c.relname from pg_class c where c.relowner = r.oid
             union all
             select 'may empty or watch ' || c.relname from pg_class c
             where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
               and has_table_privilege(r.oid, c.oid, 'truncate, references, trigger')
             union all
             select 'may create in the schema' where has_schema_privilege(r.oid, 'public', 'create')
             union all
             select 'is a member of ' || m.roleid::regrole::text from pg_auth_members m
             where m.member = r.oid and not (r.rolname = 'rowcast_single'
                   and m.roleid::regrole::text in ('rowcast_app', 'rowcast_worker'))
         ) w
         where r.rolname like 'rowcast\\_%'
         order by 1";
    assert_eq!(texts(&people, wrong).await, Vec::<String>::new());
    let roles = "select rolname::text from pg_roles where rolname like 'rowcast\\_%' order by 1";
    assert_eq!(texts(&people, roles).await, ["rowcast_app", "rowcast_cross", "rowcast_single", "rowcast_worker"]);
}
