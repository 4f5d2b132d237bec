create table run (
    workspace_id uuid not null,
    id uuid not null,
    sync_id uuid not null,
    kind text not null,
    state text not null default 'queued',
    -- The version of the sync that the run works with; set by its first claim.
    sync_version integer,
    options jsonb not null default '{}',
    -- The tick of the schedule that the run was made for, if one made it.
    scheduled_for timestamptz,
    -- The run is not claimed before.
    due_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    started_at timestamptz,
    ended_at timestamptz,
    -- Of its first and of its newest claim.
    first_epoch bigint,
    epoch bigint,
    worker text,
    lease_until timestamptz,
    cancel_requested_at timestamptz,
    -- Of the newest attempt, written when the run ends.
    counts jsonb,
    reason_code text,
    reason_text text,
    constraint run_pkey primary key (workspace_id, id),
    constraint run_sync_id_fkey foreign key (workspace_id, sync_id) references sync (workspace_id, id),
    constraint run_sync_version_fkey
        foreign key (workspace_id, sync_id, sync_version) references sync_version (workspace_id, sync_id, version),
    -- A tick makes one run, however many schedulers see it.
    constraint run_scheduled_for_key unique (workspace_id, sync_id, scheduled_for),
    constraint run_kind_known check (kind in ('normal', 'full-resync', 'baseline', 'resend')),
    constraint run_state_known check (
        state in ('queued', 'running', 'succeeded', 'needs-approval', 'stopped', 'failed', 'cancelled')
    ),
    constraint run_started_has_claim check (
        state <> 'running'
        or (started_at is not null and epoch is not null and lease_until is not null and sync_version is not null)
    ),
    constraint run_ended_has_time check ((state in ('queued', 'running')) = (ended_at is null))
);

-- One run that has started and not ended (one whose worker died stays here, claimable), and one that waits.
create unique index run_started_key on run (workspace_id, sync_id) where state = 'running';
create unique index run_waiting_key on run (workspace_id, sync_id) where state = 'queued';
create index run_sync_id_idx on run (workspace_id, sync_id, created_at desc);

-- One claim of a run. The epoch names it within the sync.
create table attempt (
    workspace_id uuid not null,
    sync_id uuid not null,
    epoch bigint not null,
    run_id uuid not null,
    worker text not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    -- Null while it works.
    outcome text,
    counts jsonb not null,
    -- How many of its rejections and invalid rows are listed in full; beyond the cap only the tally grows.
    rejections_listed integer not null default 0,
    invalid_rows_listed integer not null default 0,
    constraint attempt_pkey primary key (workspace_id, sync_id, epoch),
    constraint attempt_run_id_fkey foreign key (workspace_id, run_id) references run (workspace_id, id) on delete cascade,
    constraint attempt_sync_id_fkey foreign key (workspace_id, sync_id) references sync (workspace_id, id),
    constraint attempt_outcome_known check (outcome in ('finished', 'died')),
    constraint attempt_ended_has_outcome check ((ended_at is null) = (outcome is null))
);

create index attempt_run_id_idx on attempt (workspace_id, run_id);
