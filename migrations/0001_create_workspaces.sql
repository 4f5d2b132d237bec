-- A workspace is the tenant. Every other table leads with its id in the primary key, in each foreign key and in each
-- unique index, so that row-level security can be added without rewriting a table.
create table workspace (
    id uuid not null,
    name text not null,
    -- The secret under which keys and rows are hashed. Its rotation is a change of form.
    hash_key bytea not null,
    hash_key_id integer not null default 1,
    created_at timestamptz not null default now(),
    constraint workspace_pkey primary key (id),
    constraint workspace_name_key unique (name),
    constraint workspace_hash_key_length check (octet_length(hash_key) = 32)
);
