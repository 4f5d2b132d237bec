-- What a user configured last. A run never reads these: it reads the version of its sync (0003).
-- `json`, not `jsonb`: a message may hold JSON whose member order and digits must stay as the user wrote them.
create table source (
    workspace_id uuid not null,
    id uuid not null,
    name text not null,
    config json not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint source_pkey primary key (workspace_id, id),
    constraint source_workspace_id_fkey foreign key (workspace_id) references workspace (id),
    constraint source_name_key unique (workspace_id, name)
);

create table model (
    workspace_id uuid not null,
    id uuid not null,
    source_id uuid not null,
    name text not null,
    config json not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint model_pkey primary key (workspace_id, id),
    constraint model_source_id_fkey foreign key (workspace_id, source_id) references source (workspace_id, id),
    constraint model_name_key unique (workspace_id, name)
);

create index model_source_id_idx on model (workspace_id, source_id);

create table destination (
    workspace_id uuid not null,
    id uuid not null,
    name text not null,
    config json not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint destination_pkey primary key (workspace_id, id),
    constraint destination_workspace_id_fkey foreign key (workspace_id) references workspace (id),
    constraint destination_name_key unique (workspace_id, name)
);
