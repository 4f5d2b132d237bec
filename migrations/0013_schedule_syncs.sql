alter table source add column revision bigint not null default 1;
alter table model add column revision bigint not null default 1;
alter table destination
    add column revision bigint not null default 1,
    add column paused boolean not null default false,
    -- What the newest verification found, and when.
    add column verification jsonb,
    add column verified_at timestamptz;

alter table sync
    add column revision bigint not null default 1,
    -- As the user wrote it last; the definition of the newest version says the same.
    add column config json,
    -- A paused sync neither ticks nor runs.
    add column paused boolean not null default false,
    add column schedule jsonb not null default '{"type": "manual"}',
    -- When the schedule was set: intervals count from here.
    add column schedule_anchor timestamptz not null default now(),
    add column next_fire_at timestamptz,
    -- Ticks that passed while no worker or no free slot was there, or the sync was at work.
    add column skipped_ticks bigint not null default 0,
    -- Why no run of it may start before its owner has decided: after a restore from a backup.
    add column held text,
    -- How long its newest ended run took: what the next one is expected to cost.
    add column last_run_seconds real not null default 1,
    add constraint sync_held_known check (held in ('restored'));
update sync s set config = v.definition -> 'sync' from sync_version v
where v.workspace_id = s.workspace_id and v.sync_id = s.id and v.version = s.version;
alter table sync alter column config set not null;

create index sync_next_fire_at_idx on sync (next_fire_at) where next_fire_at is not null and not paused;
