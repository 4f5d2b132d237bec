-- 1,000 workspaces with 150,000 runs. The first one is the biggest: a sync that has run 50,000 times, long logs.
set session_replication_role = replica;
create function id(kind integer, n bigint) returns uuid language sql immutable
    return (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid;
create function hash(n bigint) returns bytea language sql immutable return sha256(n::text::bytea);

insert into workspace (id, name, hash_key) select id(1, n), 'w' || n, hash(n) from generate_series(1, 1000) n;
insert into dispatch (workspace_id, start_tag, finish_tag) select id(1, n), n % 7, 7 + n % 5 from generate_series(1, 1000) n;
insert into person (id, email, password_hash) select id(2, n), n || '@example.com', '' from generate_series(1, 5000) n;
insert into session (token_hash, person_id, expires_at)
    select hash(n), id(2, n % 5000 + 1), now() + interval '1 day' from generate_series(1, 20000) n;
insert into member (workspace_id, person_id, role)
    select id(1, n % 1000 + 1), id(2, n), 'owner' from generate_series(1, 5000) n;
insert into api_key (workspace_id, id, name, secret_hash, hint, role)
    select id(1, n % 1000 + 1), id(3, n), 'k', hash(n), '', 'owner' from generate_series(1, 10000) n;
insert into idempotency (workspace_id, actor, key, request_hash, attempt)
    select id(1, n % 1000 + 1), id(3, n % 10000), n::text, hash(n), id(4, n) from generate_series(1, 20000) n;
insert into audit_entry (workspace_id, id, at, actor, action)
    select id(1, case when n < 30000 then 1 else n % 1000 + 1 end), id(5, n), now() - (60000 - n) * interval '1 minute',
           '{"operator": "x"}', 'create_source'
    from generate_series(1, 60000) n;
insert into destination (workspace_id, id, name, config) select id(1, n), id(6, n), 'd', '{}' from generate_series(1, 1000) n;
insert into model (workspace_id, id, source_id, name, config)
    select id(1, n), id(7, n), id(8, n), 'm', '{}' from generate_series(1, 1000) n;
-- Sync n % 1000 + 1 is of that workspace; those above 5,000 are of the first.
insert into sync (workspace_id, id, name, model_id, destination_id, config, version, epoch, next_fire_at)
    select id(1, w), id(9, n), 's' || n, id(7, w), id(6, w), '{}', 1, 1, now() + (n - 100) * interval '1 minute'
    from generate_series(0, 5999) n, lateral (select case when n < 5000 then n % 1000 + 1 else 1 end as w) as of;
insert into sync_version (workspace_id, sync_id, version, definition) select workspace_id, id, 1, '{}' from sync;
-- 20 runs of each of the first 5,000 syncs, and 50,000 more of the very first.
insert into run (workspace_id, id, sync_id, kind, state, created_at, due_at, started_at, ended_at, sync_version, first_epoch,
                 epoch, counts, scheduled_for)
    select id(1, sync % 1000 + 1), id(10, n), id(9, sync), 'normal', 'succeeded', at, at, at, at, 1, n, n, '{}', at
    from generate_series(0, 149999) n,
         lateral (select case when n < 100000 then n % 5000 else 0 end as sync,
                         now() - interval '200 days' + n * interval '1 minute' as at) as of;
-- A rare state, long ago.
update run set state = 'stopped' where id in (id(10, 5000), id(10, 10000), id(10, 15000));
insert into attempt (workspace_id, sync_id, epoch, run_id, worker, ended_at, outcome, counts)
    select workspace_id, sync_id, epoch, id, 'w', ended_at, 'finished', '{}' from run;
insert into run_event (workspace_id, run_id, id, kind)
    select workspace_id, id, gen_random_uuid(), 'claimed' from run where epoch >= 100000;
insert into rejection (workspace_id, sync_id, epoch, ordinal, unit_key, unit_child, key, op, code, message,
                       first_seen_run_id, first_seen_at, tries)
    select id(1, 1), id(9, 0), 149990 + n / 3000, n % 3000, substr(hash(n), 1, 16), 0, to_jsonb(n), 'added', 'too-large', '',
           id(10, 1), now(), 1
    from generate_series(0, 29999) n;
-- What waits: a run in each of 50 workspaces; three are at work, one of which is lost.
insert into run (workspace_id, id, sync_id, kind) select id(1, n + 1), id(11, n), id(9, n), 'normal' from generate_series(0, 49) n;
insert into run (workspace_id, id, sync_id, kind, state, started_at, lease_until, sync_version, epoch)
    select id(1, 1), id(12, n), id(9, 5000 + n), 'normal', 'running', now(), now() + (n - 1.5) * interval '1 hour', 1, 1
    from generate_series(1, 3) n;
insert into job (workspace_id, id, kind, params, state, created_at, ended_at)
    select id(1, case when n < 20000 then 1 else n % 1000 + 1 end), id(13, n), 'x', '{}', 'succeeded', now(), now()
    from generate_series(1, 40000) n;
insert into job (workspace_id, id, kind, params) select id(1, n), id(14, n), 'x', '{}' from generate_series(1, 30) n;
-- The log of the last 5,000 runs of the very first sync: 20,000 objects of rows, each with a part of the keys of its run. Only the
-- oldest has the highest keys.
create function place(n bigint) returns bytea language sql immutable return '\x38'::bytea || int8send(n) || substr(hash(0), 1, 20);
insert into log_object (workspace_id, sync_id, epoch, number, kind, run_id, name, bytes, footer_bytes, footer_digest, summary,
                        entries, key_min, key_max, first_call, last_call, created_at)
    select id(1, 1), id(9, 0), 100000 + n, part, kind, id(10, 100000 + n), 'n', 1, 1, hash(0), '{"rows": 1}', 1,
           decode(lpad(to_hex((part - 1) * 40), 2, '0') || repeat('00', 15), 'hex'),
           decode(lpad(to_hex(part * 40 - 1), 2, '0') || repeat('ff', 15), 'hex'), part * 10, part * 10 + 9,
           now() - (50000 - n) * interval '1 minute'
    from generate_series(0, 49999, 10) n, generate_series(1, 4) part, unnest(array['rows', 'calls']) kind;
update log_object set key_max = decode(repeat('ff', 16), 'hex') where epoch = 100000 and number = 4;
insert into log_shard (workspace_id, sync_id, epoch, number, shard, lowest, highest)
    select workspace_id, sync_id, epoch, number, 'shardId-00000000000' || shard, place(epoch * 10 + number * 2),
           place(epoch * 10 + number * 2 + 1)
    from log_object, generate_series(0, 1) shard where kind = 'rows';
insert into log_object (workspace_id, sync_id, epoch, number, kind, run_id, name, bytes, footer_bytes, footer_digest, summary,
                        entries)
    select id(1, n % 1000 + 1), id(9, n % 5000), n, 1, 'rows', id(10, n), 'n', 1, 1, hash(0), '{}', 1
    from generate_series(0, 9999) n;
insert into snapshot_window (workspace_id, sync_id, epoch, number, segment, entries, state, closed_at, settles_at, logged)
    select id(1, 1), id(9, 0), n, 1, '{}', 1, 'dead', now(), now(), n <> 149000 from generate_series(100000, 149999) n;
analyze;
