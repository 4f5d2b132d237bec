-- People exist once, whatever workspaces they are members of. Only the API reads these three tables.
create table person (
    id uuid not null,
    -- As it was written; compared without case.
    email text not null,
    -- argon2id in the PHC format.
    password_hash text not null,
    created_at timestamptz not null default now(),
    password_changed_at timestamptz not null default now(),
    constraint person_pkey primary key (id),
    constraint person_email_length check (char_length(email) between 3 and 254)
);
create unique index person_email_key on person (lower(email));

create table session (
    -- SHA-256 of the token in the cookie.
    token_hash bytea not null,
    person_id uuid not null,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    user_agent text,
    constraint session_pkey primary key (token_hash),
    constraint session_person_id_fkey foreign key (person_id) references person (id) on delete cascade,
    constraint session_token_hash_length check (octet_length(token_hash) = 32)
);
create index session_person_id_idx on session (person_id);
create index session_expires_at_idx on session (expires_at);

-- A link that lets a person choose a new password, made by an owner of one of their workspaces or by the operator.
create table password_reset (
    token_hash bytea not null,
    person_id uuid not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint password_reset_pkey primary key (token_hash),
    constraint password_reset_person_id_fkey foreign key (person_id) references person (id) on delete cascade,
    constraint password_reset_token_hash_length check (octet_length(token_hash) = 32)
);
create index password_reset_person_id_idx on password_reset (person_id);

create table member (
    workspace_id uuid not null,
    person_id uuid not null,
    role text not null,
    created_at timestamptz not null default now(),
    constraint member_pkey primary key (workspace_id, person_id),
    constraint member_workspace_id_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint member_person_id_fkey foreign key (person_id) references person (id) on delete cascade,
    constraint member_role_known check (role in ('viewer', 'editor', 'admin', 'owner'))
);
create index member_person_id_idx on member (person_id);

-- A link that makes whoever opens it a member, once.
create table invitation (
    workspace_id uuid not null,
    id uuid not null,
    token_hash bytea not null,
    -- For whom it is meant; null lets anyone who has the link in.
    email text,
    role text not null,
    created_by uuid,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    accepted_at timestamptz,
    accepted_by uuid,
    constraint invitation_pkey primary key (workspace_id, id),
    constraint invitation_workspace_id_fkey foreign key (workspace_id) references workspace (id) on delete cascade,
    constraint invitation_role_known check (role in ('viewer', 'editor', 'admin', 'owner')),
    constraint invitation_token_hash_length check (octet_length(token_hash) = 32)
);
create unique index invitation_token_hash_key on invitation (token_hash);
