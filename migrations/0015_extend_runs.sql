alter table attempt drop constraint attempt_outcome_known;
alter table attempt add constraint attempt_outcome_known check (outcome in ('finished', 'died', 'released'));

-- A run that forgets keys and their values.
alter table run drop constraint run_kind_known;
alter table run add constraint run_kind_known
    check (kind in ('normal', 'full-resync', 'baseline', 'resend', 'erase'));

-- One run of the whole model waits, and beside it one of chosen rows or keys, which does not do the other's work.
drop index run_waiting_key;
create unique index run_waiting_key on run (workspace_id, sync_id, (kind in ('resend', 'erase'))) where state = 'queued';

-- Who asked for the run: {"person": ..}, {"key": ..}, {"schedule": true}, {"follow_up": true}.
alter table run add column requested_by jsonb not null default '{}';

-- Ids are in the order of creation.
drop index run_sync_id_idx;
create index run_sync_id_idx on run (workspace_id, sync_id, id desc);
create index run_claimable_idx on run (workspace_id, due_at) where state = 'queued';
create index run_lease_until_idx on run (lease_until) where state = 'running';
create index run_ended_at_idx on run (workspace_id, ended_at) where ended_at is not null;
create index attempt_open_idx on attempt (workspace_id, sync_id) where outcome is null;

-- What a run is doing right now, for those who watch. Its counts are not durable facts.
create table run_progress (
    workspace_id uuid not null,
    run_id uuid not null,
    progress jsonb not null,
    updated_at timestamptz not null default now(),
    constraint run_progress_pkey primary key (workspace_id, run_id),
    constraint run_progress_run_id_fkey foreign key (workspace_id, run_id) references run (workspace_id, id) on delete cascade
) with (fillfactor = 50);

-- The story of a run, in order.
create table run_event (
    workspace_id uuid not null,
    run_id uuid not null,
    id uuid not null,
    at timestamptz not null default now(),
    kind text not null,
    detail jsonb not null default '{}',
    constraint run_event_pkey primary key (workspace_id, run_id, id),
    constraint run_event_run_id_fkey foreign key (workspace_id, run_id) references run (workspace_id, id) on delete cascade
);
alter table approval add column decided_by jsonb;
-- A run that is pruned takes what it asked along.
alter table approval drop constraint approval_run_id_fkey;
alter table approval add constraint approval_run_id_fkey
    foreign key (workspace_id, run_id) references run (workspace_id, id) on delete cascade;
