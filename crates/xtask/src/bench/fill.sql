-- 1,000 workspaces with 10 syncs each, and 1,000,000 ended runs: 100 of each sync. Each workspace has an API key of the
-- role owner, whose secret is its number.
set session_replication_role = replica;
create function bench_id(kind integer, n bigint) returns uuid language sql immutable
    return (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid;

insert into workspace (id, name, hash_key)
    select bench_id(1, n), 'workspace ' || n, sha256(n::text::bytea) from generate_series(0, 999) n;
insert into dispatch (workspace_id) select id from workspace;
insert into api_key (workspace_id, id, name, secret_hash, hint, role)
    select bench_id(1, n), bench_id(2, n), 'bench', sha256(lpad(n::text, 43, '0')::bytea), '', 'owner'
    from generate_series(0, 999) n;
insert into source (workspace_id, id, name, config) select bench_id(1, n), bench_id(3, n), 'source', '{}' from generate_series(0, 999) n;
insert into model (workspace_id, id, source_id, name, config)
    select bench_id(1, n), bench_id(4, n), bench_id(3, n), 'model', '{}' from generate_series(0, 999) n;
insert into destination (workspace_id, id, name, config)
    select bench_id(1, n), bench_id(5, n), 'destination', '{}' from generate_series(0, 999) n;
-- Sync n belongs to workspace n / 10.
insert into sync (workspace_id, id, name, model_id, destination_id, version, config)
    select bench_id(1, n / 10), bench_id(6, n), 'sync ' || n, bench_id(4, n / 10), bench_id(5, n / 10), 1, '{}'
    from generate_series(0, 9999) n;
insert into sync_version (workspace_id, sync_id, version, definition) select workspace_id, id, 1, '{}' from sync;
insert into run (workspace_id, id, sync_id, kind, state, sync_version, due_at, created_at, started_at, ended_at, first_epoch,
                 epoch, worker, counts, requested_by)
    select bench_id(1, n / 10), bench_id(7, round * 10000 + n), bench_id(6, n), 'normal', 'succeeded', 1, at, at, at,
           at + interval '20 seconds', round + 1, round + 1, 'worker',
           '{"queried": 100000, "units": 100000, "unchanged": 99990, "changed": 10, "planned": 10, "delivered": 10}',
           '{"schedule": true}'
    from generate_series(0, 99) round, generate_series(0, 9999) n,
         lateral (select now() - (100 - round) * interval '1 hour' as at) as moment;
insert into attempt (workspace_id, sync_id, epoch, run_id, worker, started_at, ended_at, outcome, counts)
    select workspace_id, sync_id, epoch, id, worker, started_at, ended_at, 'finished', counts from run;
