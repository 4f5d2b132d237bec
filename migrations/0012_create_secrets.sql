-- Envelope encryption: a master key, which is not here, wraps a data key per workspace; the data key seals the values.
create table data_key (
    workspace_id uuid not null,
    version integer not null,
    -- Which master key wrapped it.
    master_key_id text not null,
    nonce bytea not null,
    wrapped bytea not null,
    created_at timestamptz not null default now(),
    constraint data_key_pkey primary key (workspace_id, version),
    constraint data_key_workspace_id_fkey foreign key (workspace_id) references workspace (id) on delete cascade
);

create table secret (
    workspace_id uuid not null,
    id uuid not null,
    -- `source` or `destination`, its id, and the field that holds it.
    owner_kind text not null,
    owner_id uuid not null,
    field text not null,
    key_version integer not null,
    nonce bytea not null,
    -- Bound to table, column, workspace, id and key version: moved elsewhere it does not open.
    sealed bytea not null,
    -- The last characters, where the value is long enough to show them.
    hint text,
    updated_at timestamptz not null default now(),
    constraint secret_pkey primary key (workspace_id, id),
    constraint secret_owner_key unique (workspace_id, owner_kind, owner_id, field),
    constraint secret_key_version_fkey
        foreign key (workspace_id, key_version) references data_key (workspace_id, version),
    constraint secret_owner_kind_known check (owner_kind in ('source', 'destination'))
);
create index secret_key_version_idx on secret (workspace_id, key_version);
