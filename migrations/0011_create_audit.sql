-- Who did what. Entries are only ever added; what they tell outlives what they are about.
create table audit_entry (
    workspace_id uuid not null,
    id uuid not null,
    at timestamptz not null default now(),
    -- {"person": "usr_..", "email": ".."}, {"key": "key_..", "name": ".."} or {"operator": ".."}
    actor jsonb not null,
    -- The operation of the API, such as `create_source`.
    action text not null,
    -- The id of what it was done to.
    target text,
    -- Never a secret.
    detail jsonb not null default '{}',
    request_id text,
    address text,
    constraint audit_entry_pkey primary key (workspace_id, id),
    constraint audit_entry_workspace_id_fkey foreign key (workspace_id) references workspace (id) on delete cascade
);
create index audit_entry_target_idx on audit_entry (workspace_id, target, id desc);
create index audit_entry_at_idx on audit_entry (workspace_id, at);
