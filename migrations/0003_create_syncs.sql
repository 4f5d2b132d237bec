-- The row of a sync is its fence: whoever writes for a run updates it first, with the epoch of its claim and the
-- manifest version it has seen in the condition.
create table sync (
    workspace_id uuid not null,
    id uuid not null,
    name text not null,
    model_id uuid not null,
    destination_id uuid not null,
    -- The newest version of the definition; 0 only inside the transaction that creates the sync.
    version integer not null default 0,
    -- The version whose changes a finished run has taken up. Null before the first.
    accepted_version integer,
    -- Rises with every claim of a run, never falls.
    epoch bigint not null default 0,
    -- Rises with every checkpoint that changes the snapshot.
    manifest_version bigint not null default 0,
    -- The starting epoch of an unfinished full resync.
    resync_epoch bigint,
    first_run_done boolean not null default false,
    -- The stream that the snapshot belongs to: account, region, name, creation time.
    stream jsonb,
    -- What the user has to answer before the next run sends.
    question jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint sync_pkey primary key (workspace_id, id),
    constraint sync_model_id_fkey foreign key (workspace_id, model_id) references model (workspace_id, id),
    constraint sync_destination_id_fkey
        foreign key (workspace_id, destination_id) references destination (workspace_id, id),
    constraint sync_name_key unique (workspace_id, name)
);

create index sync_model_id_idx on sync (workspace_id, model_id);
create index sync_destination_id_idx on sync (workspace_id, destination_id);

-- A run keeps the version it started with: source, model, destination and sync in one self-contained definition.
create table sync_version (
    workspace_id uuid not null,
    sync_id uuid not null,
    version integer not null,
    definition json not null,
    created_at timestamptz not null default now(),
    constraint sync_version_pkey primary key (workspace_id, sync_id, version),
    constraint sync_version_sync_id_fkey foreign key (workspace_id, sync_id) references sync (workspace_id, id)
);

-- The forms of the hashes in the snapshot of a sync. Segments name them by number.
create table form (
    workspace_id uuid not null,
    sync_id uuid not null,
    number integer not null,
    definition jsonb not null,
    created_at timestamptz not null default now(),
    constraint form_pkey primary key (workspace_id, sync_id, number),
    constraint form_sync_id_fkey foreign key (workspace_id, sync_id) references sync (workspace_id, id)
);
