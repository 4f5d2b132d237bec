-- rc_live_<id>_<secret>: shown once, kept as a hash. The secret has 256 random bits, so a plain hash is enough.
create table api_key (
    workspace_id uuid not null,
    id uuid not null,
    name text not null,
    secret_hash bytea not null,
    -- The end of the secret, to tell keys apart.
    hint text not null,
    role text not null,
    created_by uuid,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    -- To the minute.
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint api_key_pkey primary key (workspace_id, id),
    constraint api_key_workspace_id_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint api_key_role_known check (role in ('viewer', 'editor', 'admin', 'owner')),
    constraint api_key_secret_hash_length check (octet_length(secret_hash) = 32)
);
create unique index api_key_id_key on api_key (id);

-- The first answer to a request that carried an Idempotency-Key; repeated ones get the same.
create table idempotency (
    workspace_id uuid not null,
    -- Who asked: a person or an API key.
    actor uuid not null,
    key text not null,
    -- Of method, path and body: the same key with another request is refused.
    request_hash bytea not null,
    -- Which request is at work: only that one may write the answer, should another have taken over from it.
    attempt uuid not null,
    -- Null while the first request is at work.
    status smallint,
    body bytea,
    headers jsonb,
    created_at timestamptz not null default now(),
    constraint idempotency_pkey primary key (workspace_id, actor, key),
    constraint idempotency_workspace_id_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint idempotency_key_length check (char_length(key) between 1 and 255)
);
create index idempotency_created_at_idx on idempotency (workspace_id, created_at);
