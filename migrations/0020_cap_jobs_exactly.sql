-- The job to be claimed next: oldest first, at most so many at work per workspace. Its row stays locked, and so does the right
-- to claim in its workspace, until the transaction ends: nobody counts those at work while somebody else takes one. As with
-- runs, one right is taken at a time, and waited for only by whoever has none.
create or replace function claimable_job(cap integer) returns table (workspace_id uuid, job_id uuid)
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
