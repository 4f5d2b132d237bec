-- The list of layers that makes the acknowledged snapshot of a sync. Each run has at most one row: its newest. A
-- checkpoint that leaves the list as it is writes none, so versions have gaps.
create table manifest (
    workspace_id uuid not null,
    sync_id uuid not null,
    version bigint not null,
    epoch bigint not null,
    run_id uuid not null,
    -- {"layers": [{"segment": ..} | {"window": {"epoch": .., "number": ..}}, ..]}, oldest first.
    body jsonb not null,
    -- The run that wrote it has ended.
    final boolean not null default false,
    created_at timestamptz not null default now(),
    constraint manifest_pkey primary key (workspace_id, sync_id, version),
    constraint manifest_sync_id_fkey foreign key (workspace_id, sync_id) references sync (workspace_id, id)
);

-- A window of records: a layer whose meaning depends on what became of its puts. It is part of the manifest from its
-- registration on, before the first put.
create table snapshot_window (
    workspace_id uuid not null,
    sync_id uuid not null,
    epoch bigint not null,
    number integer not null,
    segment jsonb not null,
    entries bigint not null,
    state text not null default 'open',
    -- One byte an entry, once checkpointed. A dead window has none: every entry counts as unanswered.
    outcomes bytea,
    opened_at timestamptz not null default now(),
    closed_at timestamptz,
    -- A put of it may still be applied until then.
    settles_at timestamptz,
    constraint snapshot_window_pkey primary key (workspace_id, sync_id, epoch, number),
    -- Of the sync, not of the attempt: a snapshot outlives the runs that made it.
    constraint snapshot_window_sync_id_fkey foreign key (workspace_id, sync_id) references sync (workspace_id, id),
    constraint snapshot_window_state_known check (state in ('open', 'checkpointed', 'dead')),
    constraint snapshot_window_closed check (
        (state = 'open') = (closed_at is null) and (state = 'open') = (settles_at is null)
    ),
    constraint snapshot_window_outcomes check (
        (state = 'checkpointed') = (outcomes is not null) and (outcomes is null or octet_length(outcomes) = entries)
    )
);

create index snapshot_window_open_idx on snapshot_window (workspace_id, sync_id) where state = 'open';
