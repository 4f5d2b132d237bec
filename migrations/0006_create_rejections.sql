-- At most 10,000 rejections and 10,000 invalid rows an attempt are listed here; the tally is exact.
create table rejection (
    workspace_id uuid not null,
    sync_id uuid not null,
    epoch bigint not null,
    ordinal integer not null,
    unit_key bytea not null,
    unit_child bigint not null,
    key jsonb not null,
    op text not null,
    code text not null,
    message text not null,
    -- Carried over from the unit's newest rejection since the last run that succeeded.
    first_seen_run_id uuid not null,
    first_seen_at timestamptz not null,
    tries integer not null,
    constraint rejection_pkey primary key (workspace_id, sync_id, epoch, ordinal),
    constraint rejection_epoch_fkey
        foreign key (workspace_id, sync_id, epoch) references attempt (workspace_id, sync_id, epoch) on delete cascade,
    constraint rejection_op_known check (op in ('added', 'changed', 'removed')),
    constraint rejection_unit_key_length check (octet_length(unit_key) = 16)
);

create index rejection_unit_idx on rejection (workspace_id, sync_id, unit_key, unit_child, epoch);

create table invalid_row (
    workspace_id uuid not null,
    sync_id uuid not null,
    epoch bigint not null,
    ordinal integer not null,
    key jsonb not null,
    code text not null,
    message text not null,
    constraint invalid_row_pkey primary key (workspace_id, sync_id, epoch, ordinal),
    constraint invalid_row_epoch_fkey
        foreign key (workspace_id, sync_id, epoch) references attempt (workspace_id, sync_id, epoch) on delete cascade
);

create table tally (
    workspace_id uuid not null,
    sync_id uuid not null,
    epoch bigint not null,
    kind text not null,
    code text not null,
    count bigint not null,
    constraint tally_pkey primary key (workspace_id, sync_id, epoch, kind, code),
    constraint tally_epoch_fkey
        foreign key (workspace_id, sync_id, epoch) references attempt (workspace_id, sync_id, epoch) on delete cascade,
    constraint tally_kind_known check (kind in ('rejection', 'invalid-row'))
);
