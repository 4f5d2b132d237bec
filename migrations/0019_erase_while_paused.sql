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
