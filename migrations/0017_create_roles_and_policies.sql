-- Three roles log in (or are taken on by a connection of the owner): `rowcast_app` serves the API, `rowcast_worker` executes
-- runs, and the owner of the tables migrates. `rowcast_single` is both of the first, for a single process of the command line.
-- `rowcast_cross` owns the few functions that look across workspaces; nobody logs in as it.
-- Roles belong to the whole cluster, so another database may have made them already, or be making them now.
do $$
declare
    name text;
begin
    foreach name in array array['rowcast_app', 'rowcast_worker', 'rowcast_single', 'rowcast_cross'] loop
        if not exists (select from pg_roles where rolname = name) then
            begin
                execute format('create role %I nologin nobypassrls', name);
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;
    end loop;
    -- Concurrent grants of a role collide on one row of the catalogue: one database at a time.
    perform pg_advisory_xact_lock(7263981264981);
    if not pg_has_role('rowcast_single', 'rowcast_app', 'usage') then
        grant rowcast_app to rowcast_single;
    end if;
    if not pg_has_role('rowcast_single', 'rowcast_worker', 'usage') then
        grant rowcast_worker to rowcast_single;
    end if;
    foreach name in array array['rowcast_app', 'rowcast_worker', 'rowcast_single', 'rowcast_cross'] loop
        if not pg_has_role(current_user, name, 'member') then
            execute format('grant %I to %I', name, current_user);
        end if;
    end loop;
end
$$;

-- The workspace of this transaction; null, and so no row at all, where none was named.
create function current_workspace() returns uuid language sql stable parallel safe
    return nullif(current_setting('rowcast.workspace', true), '')::uuid;

do $$
declare
    t text;
begin
    for t in
        select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    loop
        execute format('alter table %I enable row level security, force row level security', t);
        execute format(
            'create policy workspace on %I to rowcast_app, rowcast_worker
             using (workspace_id = current_workspace()) with check (workspace_id = current_workspace())', t);
    end loop;
end
$$;
alter table workspace enable row level security, force row level security;
create policy workspace on workspace to rowcast_app, rowcast_worker
    using (id = current_workspace()) with check (id = current_workspace());

grant usage on schema public to rowcast_app, rowcast_worker, rowcast_cross;
-- What a process compares with the schema that it was built for.
do $$
begin
    if to_regclass('public._sqlx_migrations') is not null then
        grant select on _sqlx_migrations to rowcast_cross;
    end if;
end
$$;

-- The API configures, asks and answers. It writes neither snapshots nor what runs tell.
grant select, insert, update, delete on
    person, session, password_reset, member, invitation, api_key, idempotency, workspace, dispatch,
    source, model, destination, sync, sync_version, secret, data_key, job, run, run_event, erasure
    to rowcast_app;
grant select, insert on audit_entry to rowcast_app;
grant select, update, delete on approval to rowcast_app;
-- Deleted with their sync.
grant select, delete on
    form, attempt, manifest, snapshot_window, rejection, invalid_row, tally, run_progress
    to rowcast_app;

-- A worker executes. It knows no people, no keys of the API and no sessions.
grant select on workspace, source, model, destination, sync, sync_version, secret, data_key, dispatch to rowcast_worker;
grant select, insert, update, delete on
    run, run_event, run_progress, attempt, manifest, snapshot_window, form, rejection, invalid_row, tally, approval, job,
    erasure
    to rowcast_worker;
grant update on sync to rowcast_worker;
grant update (verification, verified_at) on destination to rowcast_worker;
grant insert on audit_entry to rowcast_worker;
-- Retention.
grant select, delete on idempotency, audit_entry, sync_version to rowcast_worker;
grant select (token_hash, expires_at), delete on session to rowcast_worker;
grant select (token_hash, expires_at), delete on password_reset to rowcast_worker;
