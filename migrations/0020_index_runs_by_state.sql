-- For lists of runs in a rare state. Not built concurrently: processes that migrate at once wait for each other by a lock
-- that such a build would wait for, and no release has a big table yet.
create index run_state_idx on run (workspace_id, state, id desc);
