-- Names of workspaces are their members' affair. Only the command line, which has no members, finds its own by name.
alter table workspace drop constraint workspace_name_key;
alter table workspace add column is_local boolean not null default false;
update workspace set is_local = true;
create unique index workspace_local_key on workspace (name) where is_local;

alter table workspace
    -- What a role in the user's account demands of us. Made by us, never by the user, and never changed.
    add column external_id text not null default 'rowcast-' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),
    add column paused boolean not null default false,
    -- What the operator granted beyond the defaults of the configuration; members of it that are absent are the defaults.
    add column quotas jsonb not null default '{}',
    add column updated_at timestamptz not null default now(),
    -- Rises with every change that a user makes; the ETag of the API.
    add column revision bigint not null default 1,
    add constraint workspace_name_length check (char_length(name) between 1 and 100);
create unique index workspace_external_id_key on workspace (external_id);

-- Start-time fair order between workspaces: whose next run would have the lowest start tag is served next.
create table dispatch (
    workspace_id uuid not null,
    -- Of the newest run that was claimed in this workspace; the greatest of all workspaces is the virtual time.
    start_tag double precision not null default 0,
    -- Its start tag and the seconds that it was expected to take.
    finish_tag double precision not null default 0,
    constraint dispatch_pkey primary key (workspace_id),
    constraint dispatch_workspace_id_fkey foreign key (workspace_id) references workspace (id) on delete cascade
);
create index dispatch_start_tag_idx on dispatch (start_tag desc);
insert into dispatch (workspace_id) select id from workspace;
