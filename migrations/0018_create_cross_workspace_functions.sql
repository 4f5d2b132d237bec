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

-- Whether the next run of a sync may start: nobody has paused it or decides about it, and it is not at work. Each part is a
-- look by key. Runs as whoever calls it: `claimable_sync` alone.
create function is_startable(workspace uuid, sync uuid) returns boolean language sql stable
    begin atomic
        select exists (
            select from sync s where s.workspace_id = workspace and s.id = sync and not s.paused and s.held is null
              and exists (
                  select from destination d
                  where d.workspace_id = workspace and d.id = s.destination_id and not d.paused
              )
        ) and not exists (
            select from run r
            where r.workspace_id = workspace and r.sync_id = sync and r.state = 'running' and r.lease_until > now()
        );
    end;
revoke execute on function is_startable(uuid, uuid) from public;
grant execute on function is_startable(uuid, uuid) to rowcast_cross;

-- The sync whose run is to be claimed next, if any. Its row, and its workspace's place in the order, stay locked until the
-- transaction ends, so that no other worker picks them and the cap on running runs is exact. Takes the place in the order.
--
-- What it costs grows with the workspaces that have work, not with all of them: it jumps through the index from one
-- workspace with a waiting run to the next. The order is read without locks (a cursor that locks would lock ahead) and one
-- place is locked at a time. Whoever finds nothing but places that other workers are just taking waits for the first of
-- these, because there may be more to take; it holds no other lock then, so that nobody waits in a circle.
create function claimable_sync(default_cap integer) returns table (workspace_id uuid, sync_id uuid)
    language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
    place record;
    waiting record;
    picked uuid;
    seconds real;
    begun double precision;
    being_taken uuid;
    holds_a_lock boolean := false;
begin
    loop
        being_taken := null;
        for place in
            with recursive waiting as (
                (select r.workspace_id, r.due_at from run r where r.state = 'queued'
                 order by r.workspace_id, r.due_at limit 1)
                union all
                select next.workspace_id, next.due_at
                from waiting
                cross join lateral (
                    select r.workspace_id, r.due_at from run r
                    where r.state = 'queued' and r.workspace_id > waiting.workspace_id
                    order by r.workspace_id, r.due_at limit 1
                ) next
            )
            select d.workspace_id, d.finish_tag
            from dispatch d
            join workspace w on w.id = d.workspace_id
            left join (
                select r.workspace_id, count(*) as runs from run r
                where r.state = 'running' and r.lease_until > now() group by r.workspace_id
            ) working on working.workspace_id = d.workspace_id
            where d.workspace_id in (
                  select waiting.workspace_id from waiting where waiting.due_at <= now()
                  union all
                  select r.workspace_id from run r where r.state = 'running' and r.lease_until <= now()
              )
              and not w.paused
              and coalesce(working.runs, 0) < coalesce((w.quotas ->> 'running_runs')::integer, default_cap)
            -- Those behind the virtual time start at it, all alike: of them, whoever was served longest ago.
            order by d.finish_tag, d.workspace_id
        loop
            -- Two branches, so that each has an index of open runs alone: a sync has ended runs without number.
            continue when not exists (
                select from run r
                where r.workspace_id = place.workspace_id and r.state = 'running' and r.lease_until <= now()
                  and is_startable(r.workspace_id, r.sync_id)
                union all
                select from run r
                where r.workspace_id = place.workspace_id and r.state = 'queued' and r.due_at <= now()
                  and is_startable(r.workspace_id, r.sync_id)
            );
            -- Each claim raises the tag. So under the lock and with the tag that was read, no run has been claimed in this
            -- workspace since those at work were counted.
            perform from dispatch d
            where d.workspace_id = place.workspace_id and d.finish_tag = place.finish_tag
            for update skip locked;
            if not found then
                being_taken := coalesce(being_taken, place.workspace_id);
                continue;
            end if;
            holds_a_lock := true;
            picked := null;
            -- One after the other: usually the first one will do.
            for waiting in
                select r.sync_id from (
                    select o.sync_id, true as lost, o.due_at, o.id from run o
                    where o.workspace_id = place.workspace_id and o.state = 'running' and o.lease_until <= now()
                    union all
                    select o.sync_id, false, o.due_at, o.id from run o
                    where o.workspace_id = place.workspace_id and o.state = 'queued' and o.due_at <= now()
                ) r
                order by r.lost desc, r.due_at, r.id
            loop
                select s.id, s.last_run_seconds into picked, seconds from sync s
                where s.workspace_id = place.workspace_id and s.id = waiting.sync_id
                  and is_startable(place.workspace_id, s.id)
                for no key update of s skip locked;
                exit when found;
            end loop;
            continue when picked is null;
            begun := greatest(place.finish_tag, (select max(d.start_tag) from dispatch d));
            update dispatch d set start_tag = begun, finish_tag = begun + greatest(seconds, 0.1)
            where d.workspace_id = place.workspace_id;
            workspace_id := place.workspace_id;
            sync_id := picked;
            return next;
            return;
        end loop;
        exit when being_taken is null or holds_a_lock;
        perform from dispatch d where d.workspace_id = being_taken for update;
        holds_a_lock := true;
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

-- For the operator's metrics: how much waits, and since when. Counts only.
create function backlog() returns table (due_runs bigint, oldest_due timestamptz, queued_jobs bigint)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp
    begin atomic
        select count(*), min(r.due_at), (select count(*) from job j where j.state = 'queued')
        from run r where r.state = 'queued' and r.due_at <= now();
    end;

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
    claimable_sync(integer), claimable_job(integer), backlog(), schema_version()
    to rowcast_worker;
