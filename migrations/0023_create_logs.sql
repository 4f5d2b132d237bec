-- The debug log: which objects of the object storage it is made of, and what they can tell. The objects are made by whoever
-- works on a run, and are named here in the transaction of the checkpoint that they tell of.
create table log_object (
    workspace_id uuid not null,
    sync_id uuid not null,
    -- Of the attempt that made the object, and its count within it.
    epoch bigint not null,
    number integer not null,
    kind text not null,
    -- The run that it tells of: for a window of a dead attempt, the run of that. No reference: a log may be kept for longer.
    run_id uuid not null,
    name text not null,
    bytes bigint not null,
    footer_bytes integer not null,
    footer_digest bytea not null,
    summary jsonb not null,
    entries bigint not null,
    -- Ranges include both ends.
    key_min bytea,
    key_max bytea,
    first_call bigint,
    last_call bigint,
    first_at timestamptz,
    last_at timestamptz,
    -- The window of a dead attempt that it accounts for.
    window_epoch bigint,
    window_number integer,
    created_at timestamptz not null default now(),
    constraint log_object_pkey primary key (workspace_id, sync_id, epoch, number, kind),
    constraint log_object_sync_id_fkey foreign key (workspace_id, sync_id) references sync (workspace_id, id),
    constraint log_object_kind_known check (kind in ('rows', 'calls')),
    constraint log_object_footer_digest_length check (octet_length(footer_digest) = 32),
    constraint log_object_key_length check (octet_length(key_min) = 16 and octet_length(key_max) = 16),
    constraint log_object_ranges_have_both_ends check (
        (key_min is null) = (key_max is null) and (first_call is null) = (last_call is null)
        and (first_at is null) = (last_at is null) and (window_epoch is null) = (window_number is null)
    )
);

-- The objects of a run; the one that holds a call, and the highest call.
create index log_object_run_id_idx on log_object (workspace_id, run_id, kind, last_call, first_call);
-- The objects that may hold a key, newest first: the ends of their ranges are compared within the index.
create index log_object_key_idx on log_object (workspace_id, sync_id, epoch, number, key_min, key_max) where kind = 'rows';
-- Retention, and how much there is.
create index log_object_created_at_idx on log_object (workspace_id, created_at) include (bytes);

-- Where the rows of an object landed. Sequence numbers are decimal numbers of about 56 digits: one byte tells how many digits
-- there are, then come the digits, two in a byte. Such bytes compare as the numbers do, and within an index, which a `numeric`
-- does not under row-level security: its comparison is not leakproof. No reference to the object, whose rows are written and
-- deleted together with these: a stream may have thousands of shards, and each row would be checked.
create table log_shard (
    workspace_id uuid not null,
    sync_id uuid not null,
    epoch bigint not null,
    number integer not null,
    shard text not null,
    lowest bytea not null,
    highest bytea not null,
    -- In the order of a look-up, which reads nothing else.
    constraint log_shard_pkey primary key (workspace_id, shard, highest, sync_id, epoch, number) include (lowest)
);
create index log_shard_object_idx on log_shard (workspace_id, sync_id, epoch, number);

-- Whose window it is, even when the attempt is forgotten, and whether the log accounts for it. A checkpointed window is in the
-- log by its checkpoint; a dead one is when a later attempt has said what can be said. The log may be forgotten first.
alter table snapshot_window
    add column run_id uuid,
    add column logged boolean not null default false;
create index snapshot_window_unlogged_idx on snapshot_window (workspace_id, sync_id, epoch)
    where state = 'dead' and not logged;

-- What a run came to, for people: phases, throughput, throttles, costs.
alter table run add column report jsonb;

alter table workspace
    add column log_retention_days integer not null default 30,
    add constraint workspace_log_retention_days_range check (log_retention_days between 1 and 3650);

alter table log_object enable row level security, force row level security;
create policy workspace on log_object to rowcast_app, rowcast_worker
    using (workspace_id = current_workspace()) with check (workspace_id = current_workspace());
alter table log_shard enable row level security, force row level security;
create policy workspace on log_shard to rowcast_app, rowcast_worker
    using (workspace_id = current_workspace()) with check (workspace_id = current_workspace());

-- Deleted with their sync.
grant select, delete on log_object, log_shard to rowcast_app;
grant select, insert, delete on log_object, log_shard to rowcast_worker;
-- An object that is written anew without a key that is forgotten is as old as the one before.
grant update (created_at) on log_object to rowcast_worker;

create policy across on log_object to rowcast_cross using (true);
grant select (workspace_id, created_at) on log_object to rowcast_cross;
grant select (log_retention_days) on workspace to rowcast_cross;

-- Workspaces whose log goes back further than they keep it. A look by key for each: the limit keeps it from being a join.
create function workspaces_with_expired_logs() returns setof uuid language sql stable security definer
    set search_path = pg_catalog, public, pg_temp
    begin atomic
        select w.id from workspace w
        cross join lateral (
            select o.created_at from log_object o where o.workspace_id = w.id order by o.created_at limit 1
        ) oldest
        where oldest.created_at < now() - make_interval(days => w.log_retention_days)
        order by w.id;
    end;

-- PostgreSQL lets only those own a function here who may create in the schema.
grant create on schema public to rowcast_cross;
alter function workspaces_with_expired_logs() owner to rowcast_cross;
revoke create on schema public from rowcast_cross;
revoke execute on function workspaces_with_expired_logs() from public;
grant execute on function workspaces_with_expired_logs() to rowcast_worker;
