-- A run that forgets keys asks neither source nor stream, so no pause holds it back. A sync that is held after a restore is
-- another matter: its owner has to decide about its snapshot first.
grant select (kind) on run to rowcast_cross;

-- Whether a run of a sync may start: nobody has paused it or decides about it, and it is not at work. `erases`: pauses are
-- no matter. Each part is a look by key. Runs as whoever calls it: `claimable_sync` alone.
create function is_startable(workspace uuid, sync uuid, erases boolean) returns boolean language sql stable
    begin atomic
        select exists (
            select from sync s where s.workspace_id = workspace and s.id = sync and s.held is null
              and (erases or not s.paused and exists (
                  select from destination d join workspace w on w.id = d.workspace_id
                  where d.workspace_id = workspace and d.id = s.destination_id and not d.paused and not w.paused
              ))
        ) and not exists (
            select from run r
            where r.workspace_id = workspace and r.sync_id = sync and r.state = 'running' and r.lease_until > now()
        );
    end;
-- Whether a run that forgets keys of a sync waits. What its worker lost before a pause goes on then, so as to end.
create function erase_waits(workspace uuid, sync uuid) returns boolean language sql stable
    begin atomic
        select exists (
            select from run r
            where r.workspace_id = workspace and r.sync_id = sync and r.state = 'queued' and r.kind = 'erase'
        );
    end;
revoke execute on function is_startable(uuid, uuid, boolean), erase_waits(uuid, uuid) from public;
grant execute on function is_startable(uuid, uuid, boolean), erase_waits(uuid, uuid) to rowcast_cross;

-- As before, but for runs that forget keys: of a workspace that is paused, these are looked at.
create or replace function claimable_sync(default_cap integer) returns table (workspace_id uuid, sync_id uuid)
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

drop function is_startable(uuid, uuid);
