-- A worker leaves places to others: it names the workspaces whose runs have all the places that they get in it, and the kinds
-- of jobs that have all theirs. The functions with one argument are for processes of the version before, and go one release
-- later.
grant select (kind) on job to rowcast_cross;

-- As before, and besides: runs that forget keys are looked at in a workspace that is paused, too.
create function claimable_sync(default_cap integer, not_of uuid[]) returns table (workspace_id uuid, sync_id uuid)
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
              and (not w.paused
                   or exists (select from run r
                              where r.workspace_id = d.workspace_id and r.state = 'queued' and r.kind = 'erase')
                   or exists (select from run r
                              where r.workspace_id = d.workspace_id and r.state = 'running' and r.kind = 'erase'))
              and d.workspace_id <> all (not_of)
              and coalesce(working.runs, 0) < coalesce((w.quotas ->> 'running_runs')::integer, default_cap)
            -- Those behind the virtual time start at it, all alike: of them, whoever was served longest ago.
            order by d.finish_tag, d.workspace_id
        loop
            -- Two branches, so that each has an index of open runs alone: a sync has ended runs without number.
            continue when not exists (
                select from run r
                where r.workspace_id = place.workspace_id and r.state = 'running' and r.lease_until <= now()
                  and is_startable(
                      r.workspace_id, r.sync_id, r.kind = 'erase' or erase_waits(r.workspace_id, r.sync_id))
                union all
                select from run r
                where r.workspace_id = place.workspace_id and r.state = 'queued' and r.due_at <= now()
                  and is_startable(r.workspace_id, r.sync_id, r.kind = 'erase')
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
                select r.sync_id, r.lost, r.kind from (
                    select o.sync_id, true as lost, o.kind, o.due_at, o.id from run o
                    where o.workspace_id = place.workspace_id and o.state = 'running' and o.lease_until <= now()
                    union all
                    select o.sync_id, false, o.kind, o.due_at, o.id from run o
                    where o.workspace_id = place.workspace_id and o.state = 'queued' and o.due_at <= now()
                ) r
                order by r.lost desc, r.due_at, r.id
            loop
                select s.id, s.last_run_seconds into picked, seconds from sync s
                where s.workspace_id = place.workspace_id and s.id = waiting.sync_id
                  and is_startable(
                      place.workspace_id, s.id,
                      waiting.kind = 'erase' or waiting.lost and erase_waits(place.workspace_id, s.id))
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

-- The job to be claimed next: oldest first, at most so many at work per workspace. Its row stays locked, and so does the right
-- to claim in its workspace, until the transaction ends: nobody counts those at work while somebody else takes one. As with
-- runs, one right is taken at a time, and waited for only by whoever has none.
create function claimable_job(cap integer, no_kinds text[]) returns table (workspace_id uuid, job_id uuid)
    language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
    place uuid;
    picked uuid;
    passed uuid[];
    being_taken uuid;
    holds_a_lock boolean := false;
begin
    loop
        being_taken := null;
        passed := '{}';
        loop
            select j.workspace_id into place from job j
            where (j.state = 'queued' or j.state = 'running' and j.lease_until <= now())
              and j.workspace_id <> all (passed)
              and j.kind <> all (no_kinds)
              and (
                  select count(*) from job b
                  where b.workspace_id = j.workspace_id and b.state = 'running' and b.lease_until > now()
              ) < cap
            order by j.created_at limit 1;
            exit when not found;
            passed := passed || place;
            if not pg_try_advisory_xact_lock(hashtextextended('claim a job of ' || place::text, 0)) then
                being_taken := coalesce(being_taken, place);
                continue;
            end if;
            holds_a_lock := true;
            -- What was committed before the lock is seen by this statement.
            select j.id into picked from job j
            where j.workspace_id = place
              and j.kind <> all (no_kinds)
              and (j.state = 'queued' or j.state = 'running' and j.lease_until <= now())
              and (
                  select count(*) from job b
                  where b.workspace_id = place and b.state = 'running' and b.lease_until > now()
              ) < cap
            order by j.created_at limit 1
            for no key update of j skip locked;
            if found then
                workspace_id := place;
                job_id := picked;
                return next;
                return;
            end if;
        end loop;
        exit when being_taken is null or holds_a_lock;
        perform pg_advisory_xact_lock(hashtextextended('claim a job of ' || being_taken::text, 0));
        holds_a_lock := true;
    end loop;
end
$$;

create or replace function claimable_sync(default_cap integer) returns table (workspace_id uuid, sync_id uuid)
    language sql volatile security definer set search_path = pg_catalog, public, pg_temp
as $$
    select workspace_id, sync_id from claimable_sync(default_cap, array[]::uuid[])
$$;

create or replace function claimable_job(cap integer) returns table (workspace_id uuid, job_id uuid)
    language sql volatile security definer set search_path = pg_catalog, public, pg_temp
as $$
    select workspace_id, job_id from claimable_job(cap, array[]::text[])
$$;

-- Only the function that was replaced above asked without a word on erasing.
drop function is_startable(uuid, uuid);

-- PostgreSQL lets only those own a function here who may create in the schema.
grant create on schema public to rowcast_cross;
alter function claimable_sync(integer, uuid[]) owner to rowcast_cross;
alter function claimable_job(integer, text[]) owner to rowcast_cross;
revoke create on schema public from rowcast_cross;
revoke execute on function claimable_sync(integer, uuid[]), claimable_job(integer, text[]) from public;
grant execute on function claimable_sync(integer, uuid[]), claimable_job(integer, text[]) to rowcast_worker;
