-- What a guard asked a person, and the answer.
create table approval (
    workspace_id uuid not null,
    id uuid not null,
    sync_id uuid not null,
    -- The run that asked.
    run_id uuid not null,
    kind text not null,
    -- Names the exact set of keys that was shown (its object, digest and count); an approval covers no other.
    covered jsonb not null,
    -- What the person sees.
    shown jsonb not null,
    state text not null default 'open',
    choice text,
    created_at timestamptz not null default now(),
    decided_at timestamptz,
    constraint approval_pkey primary key (workspace_id, id),
    constraint approval_sync_id_fkey foreign key (workspace_id, sync_id) references sync (workspace_id, id),
    constraint approval_run_id_fkey foreign key (workspace_id, run_id) references run (workspace_id, id),
    constraint approval_state_known check (
        state in ('open', 'approved', 'dismissed', 'forgotten', 'replaced', 'closed')
    )
);

-- A sync asks one question of a kind at a time.
create unique index approval_open_key on approval (workspace_id, sync_id, kind) where state = 'open';
create index approval_sync_id_idx on approval (workspace_id, sync_id, created_at desc);
create index approval_run_id_idx on approval (workspace_id, run_id);
