-- Objects that have to go: what was deleted from the database lies in the object storage until a worker has removed it.
create table erasure (
    workspace_id uuid not null,
    id uuid not null,
    -- Null: everything of the workspace.
    sync_id uuid,
    requested_at timestamptz not null default now(),
    done_at timestamptz,
    -- No reference to the workspace: it may be gone.
    constraint erasure_pkey primary key (workspace_id, id)
);
create index erasure_open_idx on erasure (requested_at) where done_at is null;
