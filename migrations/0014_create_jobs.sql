-- Short work on a tenant's host that the API must not do itself: tests, describes, previews, verifications. The answer is
-- kept for 24 hours.
create table job (
    workspace_id uuid not null,
    id uuid not null,
    kind text not null,
    -- Names what to work on; never a secret.
    params jsonb not null,
    state text not null default 'queued',
    requested_by jsonb not null default '{}',
    created_at timestamptz not null default now(),
    started_at timestamptz,
    ended_at timestamptz,
    worker text,
    lease_until timestamptz,
    attempts integer not null default 0,
    result json,
    -- Why it failed: the members `code` and `detail` of a problem.
    problem jsonb,
    constraint job_pkey primary key (workspace_id, id),
    constraint job_workspace_id_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint job_state_known check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    constraint job_ended_has_time check ((state in ('queued', 'running')) = (ended_at is null))
);
create index job_open_idx on job (created_at) where state in ('queued', 'running');
create index job_workspace_open_idx on job (workspace_id) where state in ('queued', 'running');
create index job_created_at_idx on job (workspace_id, created_at);
