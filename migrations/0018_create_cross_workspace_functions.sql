-- Whatever has to look across workspaces, all of it. Each function returns ids only; what they stand for is read within the
-- scope of the workspace. They run as `rowcast_cross`, whose policies let it see these tables and no others.
do $$
declare
    t text;
begin
    foreach t in array array['workspace', 'member', 'invitation', 'api_key', 'sync', 'destination', 'run', 'job',
                             'dispatch', 'erasure', 'secret']
    loop
        execute format('create policy across on %I to rowcast_cross using (true)', t);
    end loop;
end
$$;
grant select (id, name, is_local, paused, quotas) on workspace to rowcast_cross;
grant select (workspace_id, person_id) on member to rowcast_cross;
grant select (workspace_id, id, token_hash) on invitation to rowcast_cross;
grant select (workspace_id, id) on api_key to rowcast_cross;
grant select (workspace_id, id, destination_id, paused, held, next_fire_at, last_run_seconds), update (epoch)
    on sync to rowcast_cross;
grant select (workspace_id, id, paused) on destination to rowcast_cross;
grant select (workspace_id, id, sync_id, state, due_at, lease_until) on run to rowcast_cross;
grant select (workspace_id, id, state, created_at, lease_until), update (worker) on job to rowcast_cross;
grant select, update on dispatch to rowcast_cross;
grant select (workspace_id, id, requested_at, done_at) on erasure to rowcast_cross;
grant select (workspace_id, id, key_version) on secret to rowcast_cross;

create function workspaces_of_person(person uuid) returns setof uuid language sql stable security definer
    set search_path = pg_catalog, public, pg_temp
    begin atomic
        select workspace_id from member where person_id = person order by workspace_id;
    end;

create function invitation_by_token(hash bytea) returns table (workspace_id uuid, invitation_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    begin atomic
        select i.workspace_id, i.id from invitation i where i.token_hash = hash;
    end;

create function workspace_of_api_key(key uuid) returns uuid language sql stable security definer
    set search_path = pg_catalog, public, pg_temp
    begin atomic
        select k.workspace_id from api_key k where k.id = key;
    end;

create function local_workspace(wanted text) returns uuid language sql stable security definer
    set search_path = pg_catalog, public, pg_temp
    begin atomic
        select w.id from workspace w where w.name = wanted and w.is_local;
    end;

-- A page of all workspaces in the order of their ids: for collecting, retention, rotation and restores.
create function workspaces_after(last uuid, at_most integer) returns setof uuid language sql stable security definer
    set search_path = pg_catalog, public, pg_temp
    begin atomic
        select w.id from workspace w where last is null or w.id > last order by w.id limit at_most;
    end;

-- Syncs whose tick is due, the oldest first.
create function due_syncs(at_most integer) returns table (workspace_id uuid, sync_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    begin atomic
        select s.workspace_id, s.id from sync s
        where s.next_fire_at is not null and s.next_fire_at <= now() and not s.paused
        order by s.next_fire_at limit at_most;
    end;

create function open_erasures(at_most integer) returns table (workspace_id uuid, erasure_id uuid)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    begin atomic
        select e.workspace_id, e.id from erasure e where e.done_at is null order by e.requested_at limit at_most;
    end;

-- The sync whose run is to be claimed next, if any. Its row, and its workspace's place in the order, stay locked until the
-- transaction ends, so that no other worker picks them and the cap on running runs is exact. Takes the place in the order.
create function claimable_sync(default_cap integer) returns table (workspace_id uuid, sync_id uuid)
    language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
    place record;
    picked record;
begin
    for place in
        select d.workspace_id, greatest(d.finish_tag, (select max(start_tag) from dispatch)) as start_tag
        from dispatch d
        join workspace w on w.id = d.workspace_id
        where not w.paused
          and d.workspace_id in (
              select r.workspace_id from run r where r.state = 'queued' and r.due_at <= now()
              union all
              select r.workspace_id from run r where r.state = 'running' and r.lease_until <= now()
          )
          and (
              select count(*) from run r
              where r.workspace_id = d.workspace_id and r.state = 'running' and r.lease_until > now()
          ) < coalesce((w.quotas ->> 'running_runs')::integer, default_cap)
        order by 2, d.workspace_id
        for update of d skip locked
    loop
        -- Under the lock: another worker may have taken the last free place meanwhile.
        continue when (
            select count(*) from run r
            where r.workspace_id = place.workspace_id and r.state = 'running' and r.lease_until > now()
        ) >= (
            select coalesce((w.quotas ->> 'running_runs')::integer, default_cap) from workspace w
            where w.id = place.workspace_id
        );
        select s.id, s.last_run_seconds into picked
        from run r
        join sync s on s.workspace_id = r.workspace_id and s.id = r.sync_id
        join destination t on t.workspace_id = s.workspace_id and t.id = s.destination_id
        where r.workspace_id = place.workspace_id
          and (r.state = 'running' and r.lease_until <= now() or r.state = 'queued' and r.due_at <= now())
          and not s.paused and s.held is null and not t.paused
          and not exists (
              select from run held
              where held.workspace_id = r.workspace_id and held.sync_id = r.sync_id
                and held.state = 'running' and held.lease_until > now()
          )
        order by r.state desc, r.due_at, r.id
        limit 1
        for no key update of s skip locked;
        continue when not found;
        update dispatch d
        set start_tag = place.start_tag, finish_tag = place.start_tag + greatest(picked.last_run_seconds, 0.1)
        where d.workspace_id = place.workspace_id;
        workspace_id := place.workspace_id;
        sync_id := picked.id;
        return next;
        return;
    end loop;
end
$$;

-- The job to be claimed next: oldest first, at most so many at work per workspace. Its row stays locked.
create function claimable_job(cap integer) returns table (workspace_id uuid, job_id uuid)
    language sql volatile security definer set search_path = pg_catalog, public, pg_temp
as $$
    select j.workspace_id, j.id from job j
    where (j.state = 'queued' or j.state = 'running' and j.lease_until <= now())
      and (
          select count(*) from job b
          where b.workspace_id = j.workspace_id and b.state = 'running' and b.lease_until > now()
      ) < cap
    order by j.created_at
    limit 1
    for no key update of j skip locked
$$;

-- Zero before sqlx has its table.
create function schema_version() returns bigint language plpgsql stable security definer
    set search_path = pg_catalog, public, pg_temp
as $$
begin
    return (select max(version) from _sqlx_migrations where success);
exception when undefined_table then
    return 0;
end
$$;

-- PostgreSQL lets only those own a function here who may create in the schema.
grant create on schema public to rowcast_cross;
do $$
declare
    f regprocedure;
begin
    for f in
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace = 'public'::regnamespace and p.prosecdef
    loop
        execute format('alter function %s owner to rowcast_cross', f);
        execute format('revoke execute on function %s from public', f);
    end loop;
end
$$;
revoke create on schema public from rowcast_cross;

grant execute on function
    workspaces_of_person(uuid), invitation_by_token(bytea), workspace_of_api_key(uuid), local_workspace(text),
    workspaces_after(uuid, integer), schema_version()
    to rowcast_app;
grant execute on function
    local_workspace(text), workspaces_after(uuid, integer), due_syncs(integer), open_erasures(integer),
    claimable_sync(integer), claimable_job(integer), schema_version()
    to rowcast_worker;
